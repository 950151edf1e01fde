//! What the figures say, in sentences: the key insights that every report opens with. Each sentence is computed from the
//! summary; one that the figures do not support is left out, never softened.

use super::figures::{count, figure, share};
use super::summary::{ClusterSummary, Summary};
use super::units::of_column;
use crate::persona::Basis;

/// A share of value stands out from a share of customers where it is a tenth above or below it.
const STANDS_OUT: f64 = 1.1;

/// The insights, the most telling first.
pub fn insights(summary: &Summary) -> Vec<String> {
    let valued = valued(summary);
    let (rich, poor) = (richest(&valued), poorest(&valued));
    let found = [
        concentration(&valued, rich),
        largest(summary, &valued),
        poor.filter(|poor| poor.of.cluster != 0).map(neglected),
        half(&valued, rich),
        highest_average(summary),
        widest_gap(summary),
        names(summary),
        not_carried(summary),
    ];
    found.into_iter().flatten().collect()
}

/// A cluster with its share of customers and of value.
#[derive(Clone, Copy)]
struct Valued<'a> {
    of: &'a ClusterSummary,
    value: f64,
}

impl Valued<'_> {
    /// Share of value over share of customers.
    fn ratio(&self) -> f64 {
        self.value / self.of.share
    }
}

/// All clusters with their shares of value; none where one of them has no share to speak of, or a negative one.
fn valued(summary: &Summary) -> Vec<Valued<'_>> {
    let found: Option<Vec<Valued>> = summary
        .clusters
        .iter()
        .map(|of| of.value_share.filter(|value| *value >= 0.0 && of.share > 0.0).map(|value| Valued { of, value }))
        .collect();
    found.filter(|all| all.len() > 1).unwrap_or_default()
}

/// The cluster that brings most for its size, where one does.
fn richest<'a>(valued: &[Valued<'a>]) -> Option<Valued<'a>> {
    valued.iter().copied().reduce(|a, b| if b.ratio() > a.ratio() { b } else { a }).filter(|v| v.ratio() >= STANDS_OUT)
}

/// The cluster that brings least for its size.
fn poorest<'a>(valued: &[Valued<'a>]) -> Option<Valued<'a>> {
    let poorest = valued.iter().copied().reduce(|a, b| if b.ratio() < a.ratio() { b } else { a });
    poorest.filter(|v| v.ratio() <= 1.0 / STANDS_OUT)
}

fn concentration(valued: &[Valued], rich: Option<Valued>) -> Option<String> {
    match rich {
        Some(rich) => Some(format!(
            "{} of customers bring {} of value: the segment {}.",
            share(rich.of.share),
            share(rich.value),
            quoted(rich.of)
        )),
        None if valued.is_empty() => None,
        None => Some(
            "Value is spread over the segments as the customers are: no segment brings a tenth more than its size."
                .to_owned(),
        ),
    }
}

fn largest(summary: &Summary, valued: &[Valued]) -> Option<String> {
    let first = summary.clusters.first()?;
    let alike: Vec<&ClusterSummary> = summary.clusters.iter().filter(|cluster| cluster.size == first.size).collect();
    let (size, part) = (count(first.size), share(first.share));
    Some(match alike.len() {
        _ if summary.k == 1 => format!("There is one segment, and it holds all {size} customers."),
        1 => {
            let value = valued.iter().find(|v| v.of.cluster == first.cluster);
            let brings = value.map_or_else(String::new, |v| format!(" and brings {} of value", share(v.value)));
            format!("The largest segment, {}, holds {part} of customers{brings}.", quoted(first))
        }
        n if n == summary.k => format!("All {n} segments hold {size} customers each."),
        n => format!("The {n} largest segments, {}, hold {size} customers each, {part} of all.", listed(&alike)),
    })
}

fn neglected(poor: Valued) -> String {
    let (part, value) = (share(poor.of.share), share(poor.value));
    format!("{} holds {part} of customers and brings {value} of value.", quoted(poor.of))
}

/// The fewest segments that bring at least half of the value.
fn half(valued: &[Valued], rich: Option<Valued>) -> Option<String> {
    if valued.len() < 3 {
        return None;
    }
    let mut by_value = valued.to_vec();
    by_value.sort_by(|a, b| b.value.total_cmp(&a.value));
    let mut sum = 0.0;
    let n = 1 + by_value.iter().position(|valued| {
        sum += valued.value;
        sum >= 0.5
    })?;
    // Which ones they are must be certain, and worth saying.
    let certain = by_value.get(n).is_some_and(|next| next.value < by_value[n - 1].value);
    let few: Vec<&ClusterSummary> = by_value[..n].iter().map(|valued| valued.of).collect();
    let customers: f64 = few.iter().map(|cluster| cluster.share).sum();
    let said = n == 1 && rich.is_some_and(|rich| rich.of.cluster == few[0].cluster);
    if !certain || said || customers * STANDS_OUT > sum {
        return None;
    }
    Some(match n {
        1 => format!("{} alone brings {} of value.", quoted(few[0]), share(sum)),
        _ => {
            format!("{} together bring {} of value, with {} of customers.", listed(&few), share(sum), share(customers))
        }
    })
}

/// Where the average value is highest, and how many times that of all customers.
fn highest_average(summary: &Summary) -> Option<String> {
    let value = summary.value.as_deref()?;
    let all = summary.columns.iter().find(|column| column.name == value)?.mean.filter(|mean| *mean > 0.0)?;
    let means: Vec<(&ClusterSummary, f64)> =
        summary.clusters.iter().filter_map(|c| c.means.get(value).copied().flatten().map(|mean| (c, mean))).collect();
    let most = means.iter().map(|(_, mean)| *mean).fold(f64::NEG_INFINITY, f64::max);
    let holders: Vec<&ClusterSummary> = means.iter().filter(|(_, mean)| *mean == most).map(|(c, _)| *c).collect();
    let [holder] = holders[..] else { return None };
    (most >= STANDS_OUT * all && summary.k > 1).then(|| {
        let (times, own, all) = (figure(most / all), of_column(summary, value, most), of_column(summary, value, all));
        format!(
            "The average {value} is highest in {}: {own}, {times} times the {all} of all customers.",
            quoted(holder)
        )
    })
}

/// The clustered column in which the clusters lie furthest apart, in standard deviations.
fn widest_gap(summary: &Summary) -> Option<String> {
    let mut widest: Option<(f64, &str, &ClusterSummary, &ClusterSummary)> = None;
    for name in &summary.features {
        let lift = |cluster: &ClusterSummary| cluster.lifts.get(name).copied().flatten();
        let found: Vec<(&ClusterSummary, f64)> =
            summary.clusters.iter().filter_map(|cluster| lift(cluster).map(|lift| (cluster, lift))).collect();
        let low = found.iter().copied().reduce(|a, b| if b.1 < a.1 { b } else { a })?;
        let high = found.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
        let gap = high.1 - low.1;
        if gap > 0.0 && widest.is_none_or(|(most, ..)| gap > most) {
            widest = Some((gap, name, low.0, high.0));
        }
    }
    let (_, name, low, high) = widest?;
    let mean = |cluster: &ClusterSummary| {
        cluster.means.get(name).copied().flatten().map(|mean| of_column(summary, name, mean))
    };
    Some(format!(
        "The segments differ most in {name}: {} on average in {}, {} in {}.",
        mean(low)?,
        quoted(low),
        mean(high)?,
        quoted(high)
    ))
}

/// How many names were earned.
fn names(summary: &Summary) -> Option<String> {
    let earned = summary.clusters.iter().filter(|cluster| cluster.basis != Basis::Descriptive).count();
    let title = &summary.playbook.title;
    Some(match (earned, summary.k) {
        (_, 0) => return None,
        (0, 1) => format!("The segment fits no persona of “{title}”; its name says what sets it apart."),
        (0, _) => format!("No segment fits a persona of “{title}”; their names say what sets them apart."),
        (1, 1) => format!("The segment earned its name by the conditions of “{title}”."),
        (n, k) if n == k => format!("All {k} segments earned their names by the conditions of “{title}”."),
        (n, k) => format!(
            "{n} of {k} segments earned the name of a persona of “{title}”; the others are named by what sets them apart."
        ),
    })
}

fn not_carried(summary: &Summary) -> Option<String> {
    let lost: Vec<String> = summary
        .personas
        .iter()
        .filter(|fate| fate.clusters.is_empty())
        .map(|fate| format!("“{}”", fate.persona))
        .collect();
    (!lost.is_empty()).then(|| format!("No segment carries the name {}.", joined(&lost, "or")))
}

/// A segment's name in a sentence.
pub(super) fn quoted(cluster: &ClusterSummary) -> String {
    format!("“{}”", cluster.persona)
}

fn listed(clusters: &[&ClusterSummary]) -> String {
    let names: Vec<String> = clusters.iter().map(|cluster| quoted(cluster)).collect();
    joined(&names, "and")
}

/// "a, b and c"
pub(super) fn joined(parts: &[String], last: &str) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}
