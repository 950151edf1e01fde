//! `report.md`: what a marketing team reads and passes on. Every figure in it is computed from the data, every name
//! shows its evidence, and what was not found is said too.

use std::fmt::Write;

use super::because::reasons;
use super::escape::markdown as safe;
use super::figures::{count, figure, lift, or_dash, share};
use super::guide::what_to_do;
use super::sentences::insights;
use super::summary::{ClusterSummary, Summary};
use super::units::{figure_of, heading, short_of};
use super::{chosen, method, plan, rules as words};
use crate::persona::{Basis, Budget};
use crate::rules::Fidelity;

/// The report as Markdown, of equal bytes wherever it is made.
pub fn markdown(summary: &Summary) -> String {
    let mut out = String::new();
    title(&mut out, summary);
    overview(&mut out, summary);
    for cluster in &summary.clusters {
        segment(&mut out, summary, cluster);
    }
    what_to_do_when(&mut out, summary);
    budget(&mut out, summary);
    what_to_watch(&mut out, summary);
    choice(&mut out, summary);
    rules(&mut out, summary);
    not_found(&mut out, summary);
    features(&mut out, summary);
    left_out(&mut out, summary);
    list(&mut out, "Warnings", &summary.warnings);
    how(&mut out, summary);
    out
}

// Writing to a String cannot fail, so the results of `writeln!` are dropped on purpose.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($text:tt)*) => { { let _ = writeln!($out, $($text)*); } };
}
pub(super) use line;

fn title(out: &mut String, summary: &Summary) {
    let segments = if summary.k == 1 { "segment" } else { "segments" };
    line!(out, "# Customer segments");
    line!(out);
    line!(out, "{} customers in {} {segments}.", count(summary.rows), summary.k);
    line!(out);
    list(out, "Key insights", &insights(summary));
}

/// Why this many segments.
fn choice(out: &mut String, summary: &Summary) {
    let Some(choice) = &summary.choice else { return };
    line!(out, "## Why this many segments");
    line!(out);
    for sentence in &choice.sentences {
        line!(out, "{}", safe(sentence));
        line!(out);
    }
    line!(out, "Chosen by the {}.", chosen::criterion(choice.criterion));
    line!(out);
    let silhouette = match summary.selection.iter().any(|one| one.metrics.silhouette.is_some()) {
        true => "Silhouette",
        false => "Simplified silhouette",
    };
    let head = ["Davies-Bouldin", "Calinski-Harabasz", "Stability", "Inertia", "Smallest", "Verdict"];
    line!(out, "| Segments | {silhouette} | {} |", head.join(" | "));
    line!(out, "|--:|--:|--:|--:|--:|--:|--:|---|");
    for one in &summary.selection {
        let metrics = &one.metrics;
        let stability = metrics.stability.as_ref().map(|stability| stability.adjusted_rand_index);
        let silhouette = metrics.silhouette.or(metrics.simplified_silhouette);
        let scores = [silhouette, metrics.davies_bouldin, metrics.calinski_harabasz, stability, Some(one.inertia)];
        let scores: Vec<String> = scores.into_iter().map(|score| or_dash(score, figure)).collect();
        let smallest = count(metrics.smallest);
        line!(out, "| {} | {} | {smallest} | {} |", one.k, scores.join(" | "), safe(&chosen::verdict(one, choice)));
    }
    line!(out);
}

fn overview(out: &mut String, summary: &Summary) {
    let value = summary.value.as_deref();
    let has_priority = summary.clusters.iter().any(|c| c.guide.as_ref().is_some_and(|g| !g.priority.is_empty()));
    line!(out, "## Overview");
    line!(out);
    let mut head = vec!["Cluster".to_owned(), "Segment".to_owned(), "Customers".to_owned(), "Share".to_owned()];
    if let Some(value) = value {
        head.push(format!("Average {}", safe(value)));
        head.push(format!("Share of {}", safe(value)));
    }
    if has_priority {
        head.push("Priority".to_owned());
    }
    let numbers = if value.is_some() { 4 } else { 2 };
    line!(out, "| {} |", head.join(" | "));
    line!(out, "|--:|---|{}{}", "--:|".repeat(numbers), if has_priority { "---|" } else { "" });
    for cluster in &summary.clusters {
        let mut row =
            vec![cluster.cluster.to_string(), safe(&cluster.persona), count(cluster.size), share(cluster.share)];
        if let Some(value) = value {
            let mean = cluster.means.get(value).copied().flatten();
            row.push(or_dash(mean, |mean| figure_of(summary, value, mean)));
            row.push(or_dash(cluster.value_share, share));
        }
        if has_priority {
            row.push(cluster.guide.as_ref().map_or_else(|| "–".to_owned(), |guide| safe(&guide.priority)));
        }
        line!(out, "| {} |", row.join(" | "));
    }
    let total = summary.total();
    let mut row = vec!["All customers".to_owned(), count(summary.rows), share(total.share)];
    if let Some(value) = value {
        let mean = or_dash(total.mean, |mean| figure_of(summary, value, mean));
        row.extend([mean, or_dash(total.value_share, share)]);
    }
    row.extend(has_priority.then(String::new));
    line!(out, "| | {} |", row.join(" | "));
    line!(out);
}

fn segment(out: &mut String, summary: &Summary, cluster: &ClusterSummary) {
    line!(out, "## {}. {}", cluster.cluster, safe(&cluster.persona));
    line!(out);
    let mut facts = format!("{} customers, {} of all", count(cluster.size), share(cluster.share));
    if let (Some(name), Some(part)) = (&summary.value, cluster.value_share) {
        let _ = write!(facts, "; {} of all {}", share(part), safe(name));
    }
    line!(out, "{facts}.");
    line!(out);
    if let Some(guide) = cluster.guide.as_ref().filter(|guide| !guide.story.is_empty()) {
        line!(out, "{}", safe(&guide.story));
        line!(out);
    }
    line!(out, "| Column | This segment | All customers | Lift |");
    line!(out, "|---|--:|--:|--:|");
    for column in &summary.columns {
        let unit = summary.unit(&column.name);
        line!(
            out,
            "| {} | {} | {} | {} |",
            safe(&heading(&column.name, unit)),
            or_dash(cluster.means.get(&column.name).copied().flatten(), |mean| short_of(summary, &column.name, mean)),
            or_dash(column.mean, |mean| short_of(summary, &column.name, mean)),
            or_dash(cluster.lifts.get(&column.name).copied().flatten(), lift)
        );
    }
    line!(out);
    match cluster.basis {
        Basis::Descriptive => {
            line!(
                out,
                "**Why this name** (no persona of the playbook fits; the name says what sets the segment apart)"
            );
        }
        Basis::Earned | Basis::EarnedWithQualifier => line!(out, "**Why this name**"),
    }
    line!(out);
    bullets(out, &reasons(summary, cluster));
    if let Some(confidence) = cluster.confidence {
        line!(out, "Confidence {confidence:.2}, of at most 1.");
        line!(out);
    }
    if let Some(second) = &cluster.second_persona {
        line!(out, "It fits {} as well.", safe(second));
        line!(out);
    }
    if let Some(guide) = &cluster.guide {
        what_to_do(out, summary, guide);
    }
}

fn what_to_do_when(out: &mut String, summary: &Summary) {
    let horizons = plan::calendar(summary);
    if horizons.is_empty() {
        return;
    }
    line!(out, "## What to do when");
    line!(out);
    for horizon in horizons.iter().filter(|horizon| !horizon.actions.is_empty()) {
        match &horizon.meaning {
            Some(meaning) => line!(out, "**{}**: {}", horizon.name, safe(meaning)),
            None => line!(out, "**{}**", horizon.name),
        }
        line!(out);
        let actions = horizon.actions.iter();
        let actions: Vec<String> =
            actions.map(|action| format!("{} ({})", action.text, plan::segments(&action.clusters))).collect();
        bullets(out, &actions);
    }
}

fn budget(out: &mut String, summary: &Summary) {
    let parts: Vec<(&ClusterSummary, Budget)> =
        summary.clusters.iter().filter_map(|cluster| Some((cluster, cluster.guide.as_ref()?.budget?))).collect();
    if parts.is_empty() {
        return;
    }
    line!(out, "## Budget");
    line!(out);
    line!(out, "| Cluster | Segment | In the playbook | Over the segments found |");
    line!(out, "|--:|---|--:|--:|");
    for (cluster, budget) in &parts {
        let (name, of_playbook, of_found) = (safe(&cluster.persona), budget.of_playbook, budget.of_found);
        line!(out, "| {} | {name} | {of_playbook:.1} % | {of_found:.1} % |", cluster.cluster);
    }
    line!(out, "| | Sum | | {:.1} % |", parts.iter().map(|(_, budget)| budget.of_found).sum::<f64>());
    line!(out);
}

fn what_to_watch(out: &mut String, summary: &Summary) {
    let all = plan::watched(summary);
    if all.is_empty() {
        return;
    }
    line!(out, "## What to watch");
    line!(out);
    line!(out, "| Figure | About | Every | Computed by every run |");
    line!(out, "|---|---|---|---|");
    for watched in &all {
        let every = watched.every.as_deref().unwrap_or("–");
        let needs = watched.needs.as_ref().map_or_else(|| "yes".to_owned(), |needs| format!("no: {needs}"));
        line!(out, "| {} | {} | {} | {} |", safe(&watched.metric), safe(&watched.about), safe(every), safe(&needs));
    }
    line!(out);
}

fn rules(out: &mut String, summary: &Summary) {
    let Some(rules) = &summary.rules else { return };
    line!(out, "## The segments in rules");
    line!(out);
    line!(
        out,
        "A few questions that lead to nearly the same segments. {} {}",
        words::tried_on(rules),
        words::how_good(rules)
    );
    line!(out);
    line!(out, "| Segment | Rule | Finds, of the segment | Right, of those found |");
    line!(out, "|---|---|--:|--:|");
    for cluster in &summary.clusters {
        let leaves = words::leaves_of(&rules.short, cluster.cluster);
        let rule = leaves.first().map_or_else(|| "none".to_owned(), |leaf| words::conditions(summary, leaf));
        let fidelity: Fidelity = rules.short.clusters.get(cluster.cluster).copied().unwrap_or_default();
        let [found, right] = [words::found(&fidelity), words::precise(&fidelity)].map(|part| or_dash(part, share));
        line!(out, "| {}. {} | {} | {found} | {right} |", cluster.cluster, safe(&cluster.persona), safe(&rule));
    }
    line!(out);
}

fn not_found(out: &mut String, summary: &Summary) {
    let lost: Vec<_> = summary.personas.iter().filter(|fate| fate.clusters.is_empty()).collect();
    if lost.is_empty() {
        return;
    }
    line!(out, "## Personas not found");
    line!(out);
    for fate in lost {
        match &fate.reason {
            Some(reason) => line!(out, "- {}: {}", safe(&fate.persona), safe(reason)),
            None => line!(out, "- {}", safe(&fate.persona)),
        }
    }
    line!(out);
}

fn left_out(out: &mut String, summary: &Summary) {
    if summary.dropped.is_empty() {
        return;
    }
    line!(out, "## Rows left out");
    line!(out);
    line!(out, "| Reason | Rows |");
    line!(out, "|---|--:|");
    for dropped in &summary.dropped {
        line!(out, "| {} | {} |", safe(&dropped.reason), count(dropped.rows));
    }
    line!(out);
}

fn how(out: &mut String, summary: &Summary) {
    line!(out, "## How it was made");
    line!(out);
    for (name, value) in method::steps(summary) {
        line!(out, "- {name}: {}", safe(&value));
    }
    for (name, value) in method::metrics(summary) {
        line!(out, "- {name}: {}", figure(value));
    }
    line!(out);
    for note in method::NOTES {
        line!(out, "{note}");
    }
}

/// What was clustered, and how it was treated.
fn features(out: &mut String, summary: &Summary) {
    line!(out, "## Features");
    line!(out);
    line!(out, "| Column | Transform | Scaling | Weight | Missing values |");
    line!(out, "|---|---|---|---|---|");
    for feature in &summary.feature_settings {
        let cells = method::feature(summary, feature).map(|cell| safe(&cell));
        line!(out, "| {} |", cells.join(" | "));
    }
    line!(out);
}

fn list(out: &mut String, heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        line!(out, "## {heading}");
        line!(out);
        bullets(out, lines);
    }
}

pub(super) fn bullets(out: &mut String, lines: &[String]) {
    for text in lines {
        line!(out, "- {}", safe(text));
    }
    line!(out);
}
