//! The conditions of every given name, judged again from the recomputed figures.

use crate::persona::{Asked, Basis, Evidence, Importance, Measure, Word};
use crate::report::Summary;
use crate::store::SUMMARY;

use super::figures::{Column, index, lift};
use super::verdict::Verdict;

/// Figures this near to the edge of what is asked may fall on either side of it.
const EDGE: f64 = 1e-9;

pub(super) fn check(summary: &Summary, columns: &[Column], verdict: &mut Verdict) {
    verdict.checked("conditions of every given name", 0);
    for (at, cluster) in summary.clusters.iter().enumerate() {
        for evidence in &cluster.conditions {
            let what = || format!("cluster {at} ({:?}), {} {}", cluster.persona, evidence.role, evidence.asked);
            judge(evidence, at, columns, verdict, &what);
        }
        let carried = summary.personas.iter().any(|fate| {
            let named = cluster.persona == fate.persona || cluster.persona.starts_with(&format!("{} (", fate.persona));
            named && fate.clusters.contains(&at)
        });
        let earned = cluster.basis != Basis::Descriptive;
        if earned != carried || earned == cluster.conditions.is_empty() {
            let right = if carried { "earned" } else { "not among the personas that were found for it" };
            verdict.wrong(SUMMARY, format!("cluster {at}, name"), format!("{:?}", cluster.persona), right);
        }
    }
}

fn judge(claimed: &Evidence, cluster: usize, columns: &[Column], verdict: &mut Verdict, what: &dyn Fn() -> String) {
    let column = claimed.column.as_ref().and_then(|name| columns.iter().find(|column| column.name == *name));
    let own = column.and_then(|column| column.clusters.get(cluster));
    let mean = own.and_then(|own| own.mean);
    let size = column.map_or(0.0, |column| column.overall.size);
    let overall = column.and_then(|column| column.overall.mean);
    verdict.compare(SUMMARY, || what() + ", mean", claimed.mean, mean, size);
    verdict.compare(SUMMARY, || what() + ", overall mean", claimed.overall_mean, overall, size);
    let standing = column.and_then(|column| standing(column, cluster));
    let value = standing.map(|(value, _)| value);
    verdict.compare(SUMMARY, || what() + ", standing", claimed.standing.map(|s| s.value), value, 1.0);

    let (low, high) = range(&claimed.asked);
    let (figure, compares) = match claimed.asked {
        Asked::Word(_) | Asked::Lift(_) => (value, true),
        Asked::Index(_) => (column.and_then(|column| index(&column.overall, own?)), false),
        Asked::Bounds(_) => (mean, false),
    };
    let around_average = compares && low <= 0.0 && high >= 0.0;
    let differs = column.is_some_and(|column| {
        (0..column.clusters.len()).filter_map(|c| self::standing(column, c)).any(|(value, _)| value.abs() >= 1.0 / 3.0)
    });
    let margin = figure.filter(|_| !around_average || differs).map(|figure| (figure - low).min(high - figure));
    let scale = figure.map_or(1.0, f64::abs).max(1.0).max(if compares { 0.0 } else { size });
    verdict.compare(SUMMARY, || what() + ", margin", claimed.margin, margin, scale);

    let side = column.and_then(|column| side(&claimed.asked, (low, high), around_average, column));
    let spoken = column.zip(side).and_then(|(column, side)| share_within(column, cluster, side));
    verdict.compare(SUMMARY, || what() + ", spoken_for", claimed.spoken_for, spoken, 1.0);
    let least = if around_average { 0.6 } else { 0.8 };
    let of_most = claimed.importance != Importance::Required || spoken.is_none_or(|share| share >= least);
    let is_so = of_most && margin.is_some_and(|margin| margin >= 0.0);
    let at_edge = margin.is_some_and(|m| m.abs() <= EDGE * scale) || spoken.is_some_and(|s| (s - least).abs() <= EDGE);
    if claimed.is_so != is_so && !at_edge {
        verdict.wrong(SUMMARY, what() + ", is_so", claimed.is_so.to_string(), is_so.to_string());
    }
    let must = match claimed.importance {
        Importance::Required => Some(true),
        Importance::Forbidden => Some(false),
        Importance::Typical => None,
    };
    if must.is_some_and(|must| must != is_so) && !at_edge {
        verdict.wrong(SUMMARY, what(), "held, for the name is given", "not held");
    }
}

fn range(asked: &Asked) -> (f64, f64) {
    let all = (f64::NEG_INFINITY, f64::INFINITY);
    let (low, high) = match asked {
        Asked::Word(Word::VeryLow) => (None, Some(-1.0)),
        Asked::Word(Word::Low) => (None, Some(-1.0 / 3.0)),
        Asked::Word(Word::Average) => (Some(-1.0 / 3.0), Some(1.0 / 3.0)),
        Asked::Word(Word::High) => (Some(1.0 / 3.0), None),
        Asked::Word(Word::VeryHigh) => (Some(1.0), None),
        Asked::Lift(bounds) => (bounds.lift_at_least, bounds.lift_at_most),
        Asked::Index(bounds) => (bounds.index_at_least, bounds.index_at_most),
        Asked::Bounds(bounds) => (bounds.at_least, bounds.at_most),
    };
    (low.unwrap_or(all.0), high.unwrap_or(all.1))
}

/// The spread of the logarithm of a log-normal column with this standard deviation over its mean.
fn log_spread(variation: f64) -> f64 {
    (1.0 + variation * variation).ln().sqrt()
}

/// Mean and spread of all, where both exist and customers differ.
fn all(column: &Column) -> Option<(f64, f64)> {
    Some((column.overall.mean?, column.overall.spread.filter(|spread| *spread > 0.0)?))
}

/// How far a cluster stands from all: in standard deviations, or on the logarithmic scale of a skewed column.
fn standing(column: &Column, cluster: usize) -> Option<(f64, Measure)> {
    let own = column.clusters.get(cluster)?;
    let (mean, spread) = all(column)?;
    let lift = lift(&column.overall, own)?;
    let skewed = column.overall.sorted.first().is_some_and(|min| *min >= 0.0) && spread > mean;
    let (value, measure) = match skewed {
        true => ((own.mean? / mean).ln() / log_spread(spread / mean), Measure::Multiples),
        false => (lift, Measure::Deviations),
    };
    Some((value.clamp(-10.0, 10.0), measure))
}

/// The standings on whose side most customers must be.
fn side(asked: &Asked, (low, high): (f64, f64), around_average: bool, column: &Column) -> Option<(f64, f64)> {
    let of_index = |index: f64| {
        let (mean, spread) = all(column)?;
        let value = match spread > mean {
            true => (index / 100.0).ln() / log_spread(spread / mean),
            false => (index / 100.0 - 1.0) * mean / spread,
        };
        (value.is_finite() && column.overall.sorted.first().is_some_and(|min| *min >= 0.0)).then_some(value)
    };
    match asked {
        Asked::Bounds(_) => None,
        Asked::Index(_) if low > 100.0 => Some((of_index(low)? / 2.0, f64::INFINITY)),
        Asked::Index(_) if high < 100.0 => Some((f64::NEG_INFINITY, of_index(high)? / 2.0)),
        Asked::Index(_) => None,
        _ if around_average => Some((low, high)),
        _ if low > 0.0 => Some((0.0, f64::INFINITY)),
        _ => Some((f64::NEG_INFINITY, 0.0)),
    }
}

/// The share of a cluster within a range of standings, if it were normal there.
fn share_within(column: &Column, cluster: usize, (low, high): (f64, f64)) -> Option<f64> {
    let (value, measure) = standing(column, cluster)?;
    let (mean, spread) = all(column)?;
    let own = column.clusters.get(cluster)?;
    let (own_mean, own_spread) = (own.mean?, own.spread?);
    let width = match measure {
        Measure::Deviations => own_spread / spread,
        Measure::Multiples if own_mean > 0.0 => log_spread(own_spread / own_mean) / log_spread(spread / mean),
        Measure::Multiples => 0.0,
    };
    let below = |edge: f64| match width > 0.0 {
        true => 0.5 * libm::erfc((value - edge) / (width * std::f64::consts::SQRT_2)),
        false => f64::from(u8::from(edge >= value)),
    };
    Some(below(high) - if low.is_finite() { below(low) } else { 0.0 })
}
