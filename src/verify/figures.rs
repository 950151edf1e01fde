//! Sizes, shares and the figures of every described column, one column at a time: compensated sums, and quartiles from a
//! full sort.

use crate::error::Result;
use crate::observe::Observe;
use crate::report::Summary;
use crate::source::{Request, Source};
use crate::store::SUMMARY;

use super::SCAN;
use super::assigned::Assigned;
use super::rows::Kept;
use super::verdict::Verdict;

/// One column as it was recomputed, for the conditions.
#[derive(Debug)]
pub(super) struct Column {
    pub name: String,
    pub overall: Figures,
    pub clusters: Vec<Figures>,
}

/// Of the values present.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    pub count: u64,
    pub sum: f64,
    pub mean: Option<f64>,
    pub spread: Option<f64>,
    pub sorted: Vec<f64>,
    /// Σ w |x| / Σ w: what an error of the mean is measured by.
    pub size: f64,
}

pub(super) fn sizes(summary: &Summary, assigned: &Assigned, verdict: &mut Verdict) {
    verdict.checked("sizes and shares", 0);
    let n_rows = assigned.clusters.len();
    verdict.compare(SUMMARY, || "rows".into(), Some(summary.rows as f64), Some(n_rows as f64), 0.0);
    for (at, cluster) in summary.clusters.iter().enumerate() {
        let size = assigned.clusters.iter().filter(|c| usize::from(**c) == at).count() as f64;
        let share = Some(size / n_rows as f64);
        verdict.compare(SUMMARY, || format!("cluster {at}, size"), Some(cluster.size as f64), Some(size), 0.0);
        verdict.compare(SUMMARY, || format!("cluster {at}, share"), Some(cluster.share), share, 0.0);
        if let Some(profile) = summary.profile.clusters.get(at) {
            verdict.compare(
                SUMMARY,
                || format!("profile, cluster {at}, size"),
                Some(profile.size as f64),
                Some(size),
                0.0,
            );
            verdict.compare(SUMMARY, || format!("profile, cluster {at}, share"), Some(profile.share), share, 0.0);
        }
    }
}

pub(super) fn check(
    source: &Source,
    summary: &Summary,
    assigned: &Assigned,
    kept: &Kept,
    verdict: &mut Verdict,
    observe: &Observe,
) -> Result<Vec<Column>> {
    verdict.checked("figures of every column", 0);
    let mut columns = Vec::new();
    for (place, profile) in summary.profile.columns.iter().enumerate() {
        let name = &profile.name;
        let column = read(source, name, summary.k, assigned, kept, observe)?;
        let all = std::iter::once(("all customers".to_owned(), &profile.overall, &column.overall));
        let own = profile.clusters.iter().zip(&column.clusters).enumerate();
        let own = own.map(|(at, (claimed, own))| (format!("cluster {at}"), &claimed.moments, own));
        for (whose, claimed, own) in all.chain(own) {
            let mut same = |what: &str, claimed, value, size| {
                verdict.compare(SUMMARY, || format!("{whose}, {what} of {name}"), claimed, value, size);
            };
            same("count", Some(claimed.count as f64), Some(own.count as f64), 0.0);
            same("mean", claimed.mean, own.mean, own.size);
            same("standard deviation", claimed.standard_deviation, own.spread, own.size);
            same("min", claimed.min, own.sorted.first().copied(), 0.0);
            same("max", claimed.max, own.sorted.last().copied(), 0.0);
            let quartile = |part| quantile(&own.sorted, part);
            same("lower quartile", claimed.quartiles.map(|q| q.lower), quartile(0.25), own.size);
            same("median", claimed.quartiles.map(|q| q.median), quartile(0.5), own.size);
            same("upper quartile", claimed.quartiles.map(|q| q.upper), quartile(0.75), own.size);
        }
        if let Some(short) = summary.columns.get(place) {
            let own = &column.overall;
            verdict.compare(SUMMARY, || format!("columns, mean of {name}"), short.mean, own.mean, own.size);
        }
        let means = summary.clusters.iter().zip(&column.clusters).zip(&profile.clusters);
        for (at, ((cluster, own), figures)) in means.enumerate() {
            let claimed = cluster.means.get(name).copied().flatten();
            verdict.compare(SUMMARY, || format!("cluster {at}, means, {name}"), claimed, own.mean, own.size);
            let lift = lift(&column.overall, own);
            let wide = column.overall.spread.map_or(0.0, |spread| column.overall.size / spread);
            verdict.compare(SUMMARY, || format!("cluster {at}, lift of {name}"), figures.lift, lift, wide);
            let claimed = cluster.lifts.get(name).copied().flatten();
            verdict.compare(SUMMARY, || format!("cluster {at}, lifts, {name}"), claimed, lift, wide);
            let index = index(&column.overall, own);
            verdict.compare(SUMMARY, || format!("cluster {at}, index of {name}"), figures.index, index, 100.0);
        }
        if summary.value.as_ref() == Some(name) {
            let whole: f64 = column.clusters.iter().map(|own| own.sum).sum();
            for (at, (cluster, own)) in summary.clusters.iter().zip(&column.clusters).enumerate() {
                let share = (whole > 0.0).then_some(own.sum / whole);
                verdict.compare(SUMMARY, || format!("cluster {at}, value_share"), cluster.value_share, share, 1.0);
                let profile = summary.profile.clusters.get(at).and_then(|cluster| cluster.value_share);
                verdict.compare(SUMMARY, || format!("profile, cluster {at}, value_share"), profile, share, 1.0);
            }
        }
        columns.push(column);
    }
    Ok(columns)
}

fn read(source: &Source, name: &str, k: usize, assigned: &Assigned, kept: &Kept, observe: &Observe) -> Result<Column> {
    let request = Request { numbers: vec![source.column(name)?], ..Request::default() };
    let mut values: Vec<Vec<(f64, f64)>> = vec![Vec::new(); k];
    let (mut read, mut row) = (0, 0);
    source.scan(&request, &SCAN, observe, &mut |wave| {
        for value in wave.iter().flat_map(|batch| batch.numbers.iter().flatten()) {
            if kept.kept.get(read).copied().unwrap_or(false) {
                let weight = kept.weights.as_ref().map_or(1.0, |weights| weights[row]);
                let cluster = values.get_mut(usize::from(assigned.clusters[row]));
                if let Some(cluster) = cluster.filter(|_| value.is_finite()) {
                    cluster.push((*value, weight));
                }
                row += 1;
            }
            read += 1;
        }
        Ok(())
    })?;
    let clusters = values.iter().map(|values| figures(values)).collect();
    Ok(Column { name: name.to_owned(), overall: figures(&values.concat()), clusters })
}

fn figures(values: &[(f64, f64)]) -> Figures {
    let weight = sum(values.iter().map(|(_, weight)| *weight));
    let total = sum(values.iter().map(|(value, weight)| value * weight));
    let mean = (weight > 0.0).then(|| total / weight);
    let spread = mean.map(|mean| (sum(values.iter().map(|(x, w)| (x - mean) * (x - mean) * w)) / weight).sqrt());
    let size = if weight > 0.0 { sum(values.iter().map(|(value, w)| (value * w).abs())) / weight } else { 0.0 };
    let mut sorted: Vec<f64> = values.iter().map(|(value, _)| *value).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    Figures { count: values.len() as u64, sum: total, mean, spread, sorted, size }
}

/// Neumaier's compensated sum.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0f64);
    for value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    sum + lost
}

/// Between the two values at position (n - 1) · part, by linear interpolation.
fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let place = sorted.len().checked_sub(1)? as f64 * part;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

pub(super) fn lift(overall: &Figures, own: &Figures) -> Option<f64> {
    let spread = overall.spread.filter(|spread| *spread > 0.0)?;
    Some((own.mean? - overall.mean?) / spread)
}

pub(super) fn index(overall: &Figures, own: &Figures) -> Option<f64> {
    let all = overall.mean.filter(|mean| *mean > 0.0 && overall.sorted.first().is_some_and(|min| *min >= 0.0))?;
    Some(100.0 * own.mean? / all)
}
