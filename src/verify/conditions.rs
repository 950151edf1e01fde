//! The conditions of every given name, judged again from the recomputed figures, and the score and the confidence that
//! follow from them.

use crate::persona::{Asked, Basis, Bounds, Evidence, Importance, Measure, Word};
use crate::report::{ClusterSummary, Summary};
use crate::store::SUMMARY;

use super::figures::{Column, index};
use super::standing::{of_index, share_within, standing};
use super::tally::Figures;
use super::verdict::Verdict;

/// Figures this near to the edge of what is asked may fall on either side of it.
const EDGE: f64 = 1e-9;

pub(super) fn check(summary: &Summary, columns: &[Column], verdict: &mut Verdict) {
    verdict.checked("conditions of every given name", 0);
    let mut judged = Vec::new();
    for (at, cluster) in summary.clusters.iter().enumerate() {
        let what =
            |evidence: &Evidence| format!("cluster {at} ({:?}), {} {}", cluster.persona, evidence.role, evidence.asked);
        let degrees: Vec<Degree> = cluster
            .conditions
            .iter()
            .map(|evidence| judge(evidence, at, columns, verdict, &|| what(evidence)))
            .collect();
        judged.push(degrees);
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
    verdict.checked("scores and confidences", 0);
    for ((at, cluster), degrees) in summary.clusters.iter().enumerate().zip(&judged) {
        score(at, cluster, degrees, verdict);
    }
    distinctions(summary, columns, verdict);
}

/// How well a condition fits, 0 to 1; absent where that is at the edge of all or nothing.
#[derive(Debug, Clone, Copy)]
struct Degree(Option<f64>);

fn score(at: usize, cluster: &ClusterSummary, degrees: &[Degree], verdict: &mut Verdict) {
    let (mut fit, mut weight, mut clearly) = (0.0, 0.0, 1.0f64);
    for (evidence, degree) in cluster.conditions.iter().zip(degrees) {
        let Some(degree) = degree.0 else { return };
        match evidence.importance {
            Importance::Required => clearly = clearly.min(degree),
            Importance::Forbidden => clearly = clearly.min(1.0 - degree),
            Importance::Typical => {}
        }
        if evidence.importance != Importance::Forbidden && evidence.column.is_some() {
            fit += evidence.weight * degree;
            weight += evidence.weight;
        }
    }
    let earned = cluster.basis != Basis::Descriptive;
    let own = earned.then(|| if weight > 0.0 { fit / weight } else { 0.0 });
    // A margin errs by its edge, and a degree by one and a half times that.
    verdict.compare(SUMMARY, || format!("cluster {at}, score"), cluster.score, own, 10.0);
    let confidence = own.map(|score| score.min(clearly));
    verdict.compare(SUMMARY, || format!("cluster {at}, confidence"), cluster.confidence, confidence, 10.0);
}

fn judge(
    claimed: &Evidence,
    cluster: usize,
    columns: &[Column],
    verdict: &mut Verdict,
    what: &dyn Fn() -> String,
) -> Degree {
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
    let measure = standing.map(|(_, measure)| measure);
    if claimed.standing.map(|standing| standing.measure) != measure {
        let spoken = |measure: Option<Measure>| format!("{measure:?}");
        verdict.wrong(SUMMARY, what() + ", measure", spoken(claimed.standing.map(|s| s.measure)), spoken(measure));
    }

    let limits = column.and_then(|column| limits(&claimed.asked, column));
    for (end, claimed, own) in [
        ("least", claimed.limits.and_then(|l| l.at_least), limits.and_then(|l| l.at_least)),
        ("largest", claimed.limits.and_then(|l| l.at_most), limits.and_then(|l| l.at_most)),
    ] {
        verdict.compare(SUMMARY, || format!("{}, {end} median", what()), claimed, own, size);
    }
    let median = own.filter(|_| limits.is_some()).and_then(|own| own.quartiles[1]);
    verdict.compare(SUMMARY, || what() + ", median", claimed.median, median, size);

    let (mut low, mut high) = range(&claimed.asked);
    if let Some(limits) = limits {
        (low, high) = (limits.at_least.unwrap_or(f64::NEG_INFINITY), limits.at_most.unwrap_or(f64::INFINITY));
    }
    let (figure, compares) = match claimed.asked {
        Asked::Word(_) | Asked::Lift(_) => (value, true),
        Asked::Index(_) => (column.and_then(|column| index(&column.overall, own?)), false),
        Asked::Quantile(_) => (median, false),
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
    let most = spoken.is_none_or(|share| share >= least)
        && column.is_none_or(|column| is_of_three_quarters(&claimed.asked, column, own));
    let of_most = claimed.importance != Importance::Required || most;
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
    match margin {
        None => Degree(Some(0.0)),
        Some(margin) if compares => Degree(Some((0.5 + margin * 1.5).clamp(0.0, 1.0))),
        Some(margin) if margin.abs() <= EDGE * scale => Degree(None),
        Some(margin) => Degree(Some(f64::from(u8::from(margin >= 0.0)))),
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
        Asked::Quantile(bounds) => (bounds.quantile_at_least, bounds.quantile_at_most),
        Asked::Bounds(bounds) => (bounds.at_least, bounds.at_most),
    };
    (low.unwrap_or(all.0), high.unwrap_or(all.1))
}

/// The quartile of all customers that a quantile is; none beyond the outer ones.
fn quartile(figures: &Figures, quantile: f64) -> Option<f64> {
    let at = [0.25, 0.5, 0.75].iter().position(|known| *known == quantile)?;
    figures.quartiles.get(at).copied().flatten()
}

/// What a median must be where quantiles are asked for, unless every cluster would be that.
fn limits(asked: &Asked, column: &Column) -> Option<Bounds> {
    let Asked::Quantile(bounds) = asked else { return None };
    let all = &column.overall;
    let at_least = bounds.quantile_at_least.map(|quantile| quartile(all, quantile));
    let at_most = bounds.quantile_at_most.map(|quantile| quartile(all, quantile));
    let known = at_least.is_none_or(|q| q.is_some()) && at_most.is_none_or(|q| q.is_some());
    let limits = Bounds { at_least: at_least.flatten(), at_most: at_most.flatten() };
    let every = limits.at_least.is_some_and(|low| all.min.is_some_and(|min| low <= min))
        || limits.at_most.is_some_and(|high| all.max.is_some_and(|max| high >= max));
    (known && !every).then_some(limits)
}

/// Whether a cluster's quartile on the side of the rest lies within the next quarter of all customers.
fn is_of_three_quarters(asked: &Asked, column: &Column, own: Option<&Figures>) -> bool {
    let Asked::Quantile(bounds) = asked else { return true };
    let Some(own) = own else { return false };
    let above = bounds.quantile_at_least.and_then(|quantile| quartile(&column.overall, quantile - 0.25));
    let below = bounds.quantile_at_most.and_then(|quantile| quartile(&column.overall, quantile + 0.25));
    above.is_none_or(|limit| own.quartiles[0].is_some_and(|lower| lower >= limit))
        && below.is_none_or(|limit| own.quartiles[2].is_some_and(|upper| upper <= limit))
}

/// The standings on whose side most customers must be.
fn side(asked: &Asked, (low, high): (f64, f64), around_average: bool, column: &Column) -> Option<(f64, f64)> {
    match asked {
        Asked::Bounds(_) | Asked::Quantile(_) => None,
        Asked::Index(_) if low > 100.0 => Some((of_index(column, low)? / 2.0, f64::INFINITY)),
        Asked::Index(_) if high < 100.0 => Some((f64::NEG_INFINITY, of_index(column, high)? / 2.0)),
        Asked::Index(_) => None,
        _ if around_average => Some((low, high)),
        _ if low > 0.0 => Some((0.0, f64::INFINITY)),
        _ => Some((f64::NEG_INFINITY, 0.0)),
    }
}

/// What sets each cluster apart.
fn distinctions(summary: &Summary, columns: &[Column], verdict: &mut Verdict) {
    verdict.checked("what sets every cluster apart", 0);
    for (at, cluster) in summary.clusters.iter().enumerate() {
        for claimed in &cluster.distinctions {
            let what = || format!("cluster {at}, distinction in {}", claimed.column);
            let column = columns.iter().find(|column| column.name == claimed.column);
            let own = column.and_then(|column| column.clusters.get(at));
            let size = column.map_or(0.0, |column| column.overall.size);
            let overall = column.and_then(|column| column.overall.mean);
            verdict.compare(SUMMARY, || what() + ", mean", Some(claimed.mean), own.and_then(|own| own.mean), size);
            verdict.compare(SUMMARY, || what() + ", overall mean", Some(claimed.overall_mean), overall, size);
            let value = column.and_then(|column| standing(column, at)).map(|(value, _)| value);
            verdict.compare(SUMMARY, || what() + ", standing", Some(claimed.standing.value), value, 1.0);
            let (low, high) = range(&Asked::Word(claimed.word));
            let covered = value.is_some_and(|value| value >= low - EDGE && value <= high + EDGE);
            if !covered {
                verdict.wrong(SUMMARY, what(), claimed.word.to_string(), format!("{value:?}, which is another word"));
            }
        }
    }
}
