//! Sizes, shares, and the figures of every described column, compared with what all rows came to.

use crate::report::{Moments, Summary};
use crate::store::SUMMARY;

use super::assigned::Assigned;
use super::rows::Recomputed;
use super::tally::Figures;
use super::verdict::Verdict;

/// One column as it was recomputed, for what follows from it.
#[derive(Debug)]
pub(super) struct Column {
    pub name: String,
    pub overall: Figures,
    pub clusters: Vec<Figures>,
}

pub(super) fn sizes(summary: &Summary, assigned: &Assigned, verdict: &mut Verdict) {
    verdict.checked("sizes and shares", 0);
    verdict.compare(SUMMARY, || "rows".into(), Some(summary.rows as f64), Some(assigned.rows as f64), 0.0);
    for (at, (cluster, size)) in summary.clusters.iter().zip(&assigned.sizes).enumerate() {
        let (size, share) = (Some(*size as f64), Some(*size as f64 / assigned.rows as f64));
        verdict.compare(SUMMARY, || format!("cluster {at}, size"), Some(cluster.size as f64), size, 0.0);
        verdict.compare(SUMMARY, || format!("cluster {at}, share"), Some(cluster.share), share, 0.0);
        if let Some(profile) = summary.profile.clusters.get(at) {
            let what = || format!("profile, cluster {at}, size");
            verdict.compare(SUMMARY, what, Some(profile.size as f64), size, 0.0);
            verdict.compare(SUMMARY, || format!("profile, cluster {at}, share"), Some(profile.share), share, 0.0);
        }
    }
}

/// Shares of the sum of all sample weights.
pub(super) fn weighted_shares(summary: &Summary, recomputed: &Recomputed, verdict: &mut Verdict) {
    verdict.checked("shares by sample weight", 0);
    let whole: Option<f64> = recomputed.weights.as_ref().map(|weights| weights.iter().sum());
    for (at, cluster) in summary.clusters.iter().enumerate() {
        let own = recomputed.weights.as_ref().and_then(|weights| weights.get(at));
        // No weight at all has no shares but 0.
        let share = own.zip(whole).map(|(own, whole)| if whole > 0.0 { own / whole } else { 0.0 });
        let profile = summary.profile.clusters.get(at).and_then(|cluster| cluster.weighted_share);
        for (whose, claimed) in [("", cluster.weighted_share), ("profile, ", profile)] {
            verdict.compare(SUMMARY, || format!("{whose}cluster {at}, weighted_share"), claimed, share, 0.0);
        }
    }
}

/// What was done to the features.
pub(super) fn features(summary: &Summary, recomputed: &Recomputed, verdict: &mut Verdict) {
    verdict.checked("missing values that were replaced", 0);
    for (feature, own) in summary.feature_settings.iter().zip(&recomputed.imputed) {
        let what = || format!("values replaced in {}", feature.column);
        verdict.compare(SUMMARY, what, Some(feature.imputed as f64), Some(*own as f64), 0.0);
    }
}

/// Compares every column, and gives back what they are.
pub(super) fn check(summary: &Summary, recomputed: &Recomputed, verdict: &mut Verdict) -> Vec<Column> {
    verdict.checked("figures of every column", 0);
    let mut columns = Vec::new();
    for (profile, (clusters, all)) in summary.profile.columns.iter().zip(&recomputed.columns) {
        let name = &profile.name;
        let column = Column {
            name: name.clone(),
            overall: all.figures(),
            clusters: clusters.iter().map(|tally| tally.figures()).collect(),
        };
        moments(&format!("all customers, {name}"), &profile.overall, &column.overall, recomputed.rows, verdict);
        for (at, (claimed, own)) in profile.clusters.iter().zip(&column.clusters).enumerate() {
            let size = summary.clusters.get(at).map_or(0, |cluster| cluster.size);
            moments(&format!("cluster {at}, {name}"), &claimed.moments, own, size, verdict);
        }
        of_column(summary, &column, verdict);
        columns.push(column);
    }
    columns
}

fn moments(whose: &str, claimed: &Moments, own: &Figures, rows: u64, verdict: &mut Verdict) {
    let mut same = |what: &str, claimed, value, size| {
        verdict.compare(SUMMARY, || format!("{whose}, {what}"), claimed, value, size);
    };
    same("count", Some(claimed.count as f64), Some(own.count as f64), 0.0);
    same("missing", Some(claimed.missing as f64), Some(rows.saturating_sub(own.count) as f64), 0.0);
    same("mean", claimed.mean, own.mean, own.size);
    same("standard deviation", claimed.standard_deviation, own.spread, own.size);
    same("min", claimed.min, own.min, 0.0);
    same("max", claimed.max, own.max, 0.0);
    let quartiles = claimed.quartiles.map(|q| [q.lower, q.median, q.upper]);
    for (at, what) in ["lower quartile", "median", "upper quartile"].into_iter().enumerate() {
        let claimed = quartiles.and_then(|quartiles| quartiles.get(at).copied());
        let found = own.quartiles.get(at).copied().flatten();
        if found.is_none() && own.count > 0 {
            verdict.figure();
            let claimed = claimed.map_or("absent".to_owned(), |claimed| claimed.to_string());
            verdict.wrong(SUMMARY, format!("{whose}, {what}"), claimed, "another, by the number of values below");
        } else {
            verdict.compare(SUMMARY, || format!("{whose}, {what}"), claimed, found, own.size);
        }
    }
}

/// What is said of a column elsewhere in the summary, and the shares of value.
fn of_column(summary: &Summary, column: &Column, verdict: &mut Verdict) {
    let (name, overall) = (&column.name, &column.overall);
    if let Some(listed) = summary.columns.iter().find(|listed| listed.name == *name) {
        for (what, claimed, own, size) in [
            ("count", Some(listed.count as f64), Some(overall.count as f64), 0.0),
            ("mean", listed.mean, overall.mean, overall.size),
            ("standard_deviation", listed.standard_deviation, overall.spread, overall.size),
            ("min", listed.min, overall.min, 0.0),
            ("max", listed.max, overall.max, 0.0),
        ] {
            verdict.compare(SUMMARY, || format!("columns, {name}, {what}"), claimed, own, size);
        }
    }
    let profile = summary.profile.columns.iter().find(|profile| profile.name == *name);
    for (at, (cluster, own)) in summary.clusters.iter().zip(&column.clusters).enumerate() {
        let Some(figures) = profile.and_then(|profile| profile.clusters.get(at)) else { continue };
        let claimed = cluster.means.get(name).copied().flatten();
        verdict.compare(SUMMARY, || format!("cluster {at}, means, {name}"), claimed, own.mean, own.size);
        let lift = lift(overall, own);
        let wide = overall.spread.map_or(0.0, |spread| overall.size / spread);
        verdict.compare(SUMMARY, || format!("cluster {at}, lift of {name}"), figures.lift, lift, wide);
        let claimed = cluster.lifts.get(name).copied().flatten();
        verdict.compare(SUMMARY, || format!("cluster {at}, lifts, {name}"), claimed, lift, wide);
        let index = index(overall, own);
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
}

pub(super) fn lift(overall: &Figures, own: &Figures) -> Option<f64> {
    let spread = overall.spread.filter(|spread| *spread > 0.0)?;
    Some((own.mean? - overall.mean?) / spread)
}

pub(super) fn index(overall: &Figures, own: &Figures) -> Option<f64> {
    let all = overall.mean.filter(|mean| *mean > 0.0 && overall.min.is_some_and(|min| min >= 0.0))?;
    Some(100.0 * own.mean? / all)
}
