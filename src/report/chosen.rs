//! Why this many segments, in sentences made from the figures: which number was chosen and by what, what was ruled out,
//! and what the runner-up would change. A number of segments that was given needs no words.

use super::figures::{count, figure, share};
use super::sentences::{joined, quoted};
use super::summary::{ChoiceSummary, FlowSummary, Selection, Summary};
use crate::job::Criterion;
use crate::quality::Reason;

/// Which number of segments was chosen and why, and what the runner-up would change, a sentence each; none where the
/// number was given.
pub fn reasons(summary: &Summary) -> Vec<String> {
    let Some(choice) = &summary.choice else { return Vec::new() };
    let all = &summary.selection;
    let Some(own) = all.iter().find(|one| one.k == choice.k) else { return Vec::new() };
    if all.iter().all(|one| one.found < one.k) {
        return vec![format!(
            "The customers are too much alike for {}: {} can be told apart, whatever number is asked for.",
            range(all),
            segments(own.found)
        )];
    }
    let mut sentences = vec![why(all, own, choice)];
    sentences.extend(gates(all, own, choice));
    sentences.extend(runner_up(summary, choice));
    sentences
}

/// Why a k could not be chosen.
pub(super) fn reason(reason: Reason) -> String {
    match reason {
        Reason::FewerClusters { found } => {
            format!("the data has too few distinct customers: {} came out", segments(found))
        }
        Reason::TooSmall { smallest, needed } => {
            format!("its smallest segment has {}, fewer than {}", customers(smallest), count(needed))
        }
        Reason::Unstable { jaccard } => {
            format!(
                "one of its segments does not come back when the clustering is repeated (Jaccard index {jaccard:.2})"
            )
        }
    }
}

/// What became of a k.
pub(super) fn verdict(one: &Selection, choice: &ChoiceSummary) -> String {
    match &one.ruled_out {
        _ if one.k == choice.k => "chosen".to_owned(),
        Some(why) => format!("left out: {why}"),
        None if Some(one.k) == choice.runner_up => "runner-up".to_owned(),
        None => "–".to_owned(),
    }
}

/// What a criterion is called, and what of it is better.
pub(super) fn criterion(criterion: Criterion) -> &'static str {
    match criterion {
        Criterion::Consensus => "mean rank over the scores",
        Criterion::DaviesBouldin => "Davies-Bouldin index (lower is better)",
        Criterion::Silhouette => "silhouette (higher is better)",
        Criterion::CalinskiHarabasz => "Calinski-Harabasz index (higher is better)",
        Criterion::Gap => "gap statistic: the smallest number that the next does not clearly beat",
        Criterion::Elbow => "elbow: where more segments stop lowering the inertia much",
    }
}

fn why(all: &[Selection], own: &Selection, choice: &ChoiceSummary) -> String {
    let (k, range) = (own.k, range(all));
    let value = |of: Option<f64>| of.map_or_else(String::new, |value| format!(": {}", score(value)));
    let compared: Vec<&Selection> = all.iter().filter(|one| (one.ruled_out.is_none()) == choice.passed).collect();
    let among = if choice.passed && compared.len() < all.len() {
        format!("Of {range}, with those left out that cannot be used, {k}")
    } else {
        format!("Of {range}, {k}")
    };
    match choice.criterion {
        Criterion::Consensus => {
            let ranks = ranks(&compared, own);
            if compared.len() < 2 || ranks.is_empty() {
                return format!("Of {range}, {k} were chosen: no other number could be.");
            }
            format!("{among} fit the data best: they rank {}.", ranks.join(", "))
        }
        Criterion::DaviesBouldin => {
            format!("{among} have the lowest Davies-Bouldin index{}.", value(own.metrics.davies_bouldin))
        }
        Criterion::Silhouette => format!("{among} have the highest silhouette{}.", value(own.metrics.silhouette)),
        Criterion::CalinskiHarabasz => {
            format!("{among} have the highest Calinski-Harabasz index{}.", value(own.metrics.calinski_harabasz))
        }
        Criterion::Gap => format!(
            "{among} are the fewest that the next number does not clearly beat by the gap statistic{}.",
            value(own.gap)
        ),
        Criterion::Elbow => {
            let explained = own.metrics.explained_variance;
            let part = explained.map_or_else(String::new, |part| format!(", at {} of the variance", share(part)));
            format!("{among} are where more of them stop explaining much more{part}.")
        }
    }
}

/// "first by the silhouette (0.42) and the Davies-Bouldin index (0.81)", a part per rank.
fn ranks(compared: &[&Selection], own: &Selection) -> Vec<String> {
    type Score = (&'static str, fn(&Selection) -> Option<f64>, f64);
    let all = |of: fn(&Selection) -> Option<f64>| compared.iter().all(|one| of(one).is_some());
    let silhouette: Score = match all(|one| one.metrics.silhouette) {
        true => ("silhouette", |one| one.metrics.silhouette, -1.0),
        false => ("simplified silhouette", |one| one.metrics.simplified_silhouette, -1.0),
    };
    let scores: [Score; 4] = [
        silhouette,
        ("Davies-Bouldin", |one| one.metrics.davies_bouldin, 1.0),
        ("Calinski-Harabasz", |one| one.metrics.calinski_harabasz, -1.0),
        ("stability", |one| Some(one.metrics.stability.as_ref()?.adjusted_rand_index), -1.0),
    ];
    let mut ranked: Vec<(usize, String)> = Vec::new();
    for (name, of, sign) in scores {
        let Some(value) = of(own).filter(|_| all(of)) else { continue };
        let better = compared.iter().filter_map(|one| of(one)).filter(|other| sign * other < sign * value).count();
        ranked.push((better + 1, format!("{name} ({})", score(value))));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    let parts = ranked.chunk_by(|a, b| a.0 == b.0).map(|equal| {
        let names: Vec<String> = equal.iter().map(|(_, name)| name.clone()).collect();
        format!("{} by {}", place(equal.first().map_or(0, |(rank, _)| *rank)), joined(&names, "and"))
    });
    parts.collect()
}

/// What stability says of the chosen number, and what gates ruled out.
fn gates(all: &[Selection], own: &Selection, choice: &ChoiceSummary) -> Option<String> {
    if !choice.passed {
        let why = own.ruled_out.as_deref().unwrap_or("it does not pass");
        let others = if all.len() > 1 { ", and the others do no better" } else { "" };
        return Some(format!("Take them with care: {why}{others}."));
    }
    if let Some(over) = choice.overruled
        && let Some(why) = all.iter().find(|one| one.k == over).and_then(|one| one.ruled_out.as_deref())
    {
        return Some(format!("{over} would score better, but {why}."));
    }
    let stability = own.metrics.stability.as_ref()?;
    let lowest = stability.jaccard.iter().copied().reduce(f64::min)?;
    Some(format!(
        "When the clustering is repeated on {n} half samples and {n} resamples of the customers, every segment comes \
         back; the one that changes most keeps a Jaccard index of {lowest:.2} (1 is all the same).",
        n = stability.repeats / 2
    ))
}

fn runner_up(summary: &Summary, choice: &ChoiceSummary) -> Option<String> {
    let other = choice.runner_up?;
    let lead = match choice.tied {
        true => format!("{other} would do nearly as well; with {other}"),
        false => format!("With {other}, the runner-up"),
    };
    let change = change(summary, choice.to_runner_up.as_ref()?)?;
    Some(format!("{lead}, {change}."))
}

/// What another clustering would do to the published segments.
fn change(summary: &Summary, flow: &FlowSummary) -> Option<String> {
    let name = |cluster: usize| summary.clusters.get(cluster).map(quoted).unwrap_or_default();
    let largest = |counts: &mut dyn Iterator<Item = u64>| {
        let counts: Vec<u64> = counts.collect();
        // The first of equals.
        (0..counts.len()).rev().max_by_key(|&at| counts[at])
    };
    let others = flow.customers.first()?.len();
    if others < flow.customers.len() {
        let home: Vec<usize> =
            flow.customers.iter().map(|row| largest(&mut row.iter().copied())).collect::<Option<_>>()?;
        let together: Vec<String> = (0..others)
            .filter_map(|other| {
                let members: Vec<String> = (0..home.len()).filter(|&own| home[own] == other).map(name).collect();
                (members.len() > 1).then(|| joined(&members, "and"))
            })
            .collect();
        let together: Vec<String> = together.iter().map(|names| format!("{names} would be one segment")).collect();
        return (!together.is_empty()).then(|| together.join(", and "));
    }
    let source = |other: usize| largest(&mut flow.customers.iter().filter_map(|row| row.get(other).copied()));
    let source: Vec<usize> = (0..others).map(source).collect::<Option<_>>()?;
    let split: Vec<String> = (0..flow.customers.len())
        .filter_map(|own| {
            let parts: Vec<u64> = (0..others)
                .filter(|&other| source[other] == own)
                .filter_map(|other| flow.customers[own].get(other).copied())
                .collect();
            let sizes: Vec<String> = parts.iter().map(|&part| count(part)).collect();
            let sizes = joined(&sizes, "and");
            (parts.len() > 1)
                .then(|| format!("{} would fall into {} parts, of {sizes} customers", name(own), parts.len()))
        })
        .collect();
    (!split.is_empty()).then(|| split.join(", and "))
}

/// A score: three digits tell two apart.
fn score(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.3}") } else { figure(value) }
}

fn range(all: &[Selection]) -> String {
    let (first, last) = (all.first().map_or(0, |one| one.k), all.last().map_or(0, |one| one.k));
    format!("{first} to {last} segments")
}

fn segments(k: usize) -> String {
    if k == 1 { "one segment".to_owned() } else { format!("{k} segments") }
}

fn customers(n: u64) -> String {
    if n == 1 { "one customer".to_owned() } else { format!("{} customers", count(n)) }
}

fn place(rank: usize) -> String {
    const WORDS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
    WORDS.get(rank.wrapping_sub(1)).map_or_else(|| format!("{rank}th"), |word| (*word).to_owned())
}
