//! Why the segments of a run are what they are, for a terminal: how many there are and why, what sets each apart, the
//! rules, and what other playbooks would call them.

use std::fmt::Write;

use super::because::{because, distinction};
use super::build::fate;
use super::chosen;
use super::escape::terminal;
use super::figures::{count, figure, or_dash, share};
use super::markdown::line;
use super::method;
use super::rules::{answers, conditions, found, has_finer, how_good, leaves_of, precise, tried_on};
use super::summary::{ClusterSummary, Summary};
use crate::persona::{Evidence, Outcome, Suggestion};
use crate::rules::{Node, Rules, Tree};

/// Distinguishing features shown of a segment; the report has all of them.
const DISTINCTIONS_MAX: usize = 4;

/// Playbooks that were tried on a finished run.
#[derive(Debug, Clone, Copy)]
pub enum Tried<'a> {
    /// Ours, the best fit first.
    Ours(&'a [Suggestion]),
    /// One that somebody asked for.
    Wanted(&'a Suggestion),
}

/// The short rule of a segment in words, where it has one.
pub fn rule(summary: &Summary, cluster: usize) -> Option<String> {
    let leaves = leaves_of(&summary.rules.as_ref()?.short, cluster);
    Some(conditions(summary, leaves.first()?))
}

/// All of it, in lines.
pub fn explanation(summary: &Summary, tried: Tried) -> String {
    let mut out = String::new();
    let segments = if summary.k == 1 { "segment" } else { "segments" };
    line!(out, "{} in {} {segments}", customers(summary.rows), summary.k);
    line!(out);
    if let Tried::Wanted(suggestion) = tried {
        wanted(&mut out, summary, suggestion);
        return out;
    }
    how_many(&mut out, summary);
    summary.clusters.iter().for_each(|cluster| segment(&mut out, summary, cluster));
    if let Some(rules) = &summary.rules {
        rules_in_full(&mut out, summary, rules);
    }
    if let Tried::Ours(suggestions) = tried {
        playbooks(&mut out, summary, suggestions);
    }
    out
}

/// How the number of segments came about, as far as the run says.
fn how_many(out: &mut String, summary: &Summary) {
    line!(out, "Why {} {}", summary.k, if summary.k == 1 { "segment" } else { "segments" });
    let metrics: Vec<String> =
        method::metrics(summary).into_iter().map(|(name, value)| format!("{name} {}", figure(value))).collect();
    if summary.selection.is_empty() {
        line!(out, "  The job asked for {}; no other number was compared.", summary.k_asked);
    } else {
        for sentence in summary.choice.iter().flat_map(|choice| &choice.sentences) {
            line!(out, "  {}", terminal(sentence));
        }
        line!(out, "  {} numbers were compared:", summary.selection.len());
        for tried in &summary.selection {
            let metrics = &tried.metrics;
            let shown = [
                ("Silhouette", metrics.silhouette),
                ("Davies-Bouldin", metrics.davies_bouldin),
                ("Calinski-Harabasz", metrics.calinski_harabasz),
            ];
            let shown: Vec<String> = shown
                .into_iter()
                .filter_map(|(name, value)| value.map(|value| format!("{name} {}", figure(value))))
                .collect();
            let mark = match &summary.choice {
                Some(choice) if choice.k == tried.k => "  <- this run".to_owned(),
                Some(choice) => match chosen::verdict(tried, choice).as_str() {
                    "–" => String::new(),
                    verdict => format!("  {verdict}"),
                },
                None => String::new(),
            };
            line!(out, "    {:>4}  inertia {}  {}{mark}", tried.k, figure(tried.inertia), shown.join("  "));
        }
    }
    if summary.k < summary.k_asked {
        line!(out, "  There are fewer than that, because so few customers differ.");
    }
    if !metrics.is_empty() {
        line!(out, "  Of this run: {}.", metrics.join(", "));
    }
    line!(out);
}

fn segment(out: &mut String, summary: &Summary, cluster: &ClusterSummary) {
    let value = match (&summary.value, cluster.value_share) {
        (Some(name), Some(part)) => format!(", {} of {}", share(part), terminal(name)),
        _ => String::new(),
    };
    let (size, part) = (customers(cluster.size), share(cluster.share));
    line!(out, "{}. {}: {size}, {part} of all{value}", cluster.cluster, terminal(&cluster.persona));
    reasons(out, summary, &cluster.conditions, cluster.confidence, cluster.second_persona.as_deref());
    let apart = cluster.distinctions.iter().filter_map(|found| distinction(summary, found));
    list(out, "What sets it apart most:", apart.take(DISTINCTIONS_MAX));
    if let Some(rules) = &summary.rules {
        in_short(out, summary, rules, cluster.cluster);
    }
    line!(out);
}

/// The rule of a segment, with how well it does.
fn in_short(out: &mut String, summary: &Summary, rules: &Rules, cluster: usize) {
    let Some(fidelity) = rules.short.clusters.get(cluster) else { return };
    let leaves = leaves_of(&rules.short, cluster);
    let Some(leaf) = leaves.first() else {
        line!(out, "  In short: no simple rule finds it.");
        return;
    };
    line!(out, "  In short: {}", terminal(&conditions(summary, leaf)));
    let [finds, right] = [found(fidelity), precise(fidelity)].map(|part| or_dash(part, share));
    line!(out, "    finds {finds} of the segment; {right} of those it finds are of the segment");
}

fn rules_in_full(out: &mut String, summary: &Summary, rules: &Rules) {
    line!(out, "The segments in rules");
    line!(out, "  {}", tried_on(rules));
    line!(out, "  {}", how_good(rules));
    line!(out);
    line!(out, "  Short");
    nested(out, summary, &rules.short.root, 2);
    line!(out);
    if has_finer(rules) {
        line!(out, "  Finer: whoever meets one of its lines is in a segment");
        finer(out, summary, &rules.fine);
        line!(out);
    }
}

/// Question in question.
fn nested(out: &mut String, summary: &Summary, node: &Node, depth: usize) {
    let Node::Split { column, at_most, then, otherwise } = node else { return };
    for (answer, next) in answers(summary, column, *at_most).iter().zip([then, otherwise]) {
        let indent = "  ".repeat(depth);
        match &**next {
            Node::Leaf { cluster, .. } => line!(out, "{indent}{}: {}", terminal(answer), named(summary, *cluster)),
            Node::Split { .. } => {
                line!(out, "{indent}{}", terminal(answer));
                nested(out, summary, next, depth + 1);
            }
        }
    }
}

/// Segment by segment, each with all its leaves.
fn finer(out: &mut String, summary: &Summary, tree: &Tree) {
    for cluster in &summary.clusters {
        let leaves = leaves_of(tree, cluster.cluster);
        if leaves.is_empty() {
            continue;
        }
        let fidelity = tree.clusters.get(cluster.cluster).copied().unwrap_or_default();
        let [finds, right] = [found(&fidelity), precise(&fidelity)].map(|part| or_dash(part, share));
        line!(out, "    {}: finds {finds}, right in {right}", named(summary, cluster.cluster));
        leaves.iter().for_each(|leaf| line!(out, "      {}", terminal(&conditions(summary, leaf))));
    }
}

fn customers(n: u64) -> String {
    format!("{} {}", count(n), if n == 1 { "customer" } else { "customers" })
}

fn named(summary: &Summary, cluster: usize) -> String {
    let name = summary.clusters.get(cluster).map_or("", |cluster| &cluster.persona);
    format!("{cluster}. {}", terminal(name))
}

/// Our playbooks side by side, with advice where another one fits better.
fn playbooks(out: &mut String, summary: &Summary, suggestions: &[Suggestion]) {
    let Some(best) = suggestions.first() else { return };
    line!(out, "Playbooks, tried on these segments (fit: how well their names fit over all customers, 1 at most)");
    for tried in suggestions {
        let used = if tried.playbook == summary.playbook.name { " (used)" } else { "" };
        let unjudged = match tried.cannot_be_judged {
            0 => String::new(),
            n => format!(", {n} cannot be judged for want of columns"),
        };
        line!(
            out,
            "  {:<12} fit {:.2}: {} of {} personas found, for {} of customers{unjudged}{used}",
            tried.playbook,
            tried.fit,
            tried.found,
            tried.personas,
            share(tried.named_share)
        );
    }
    if best.found == 0 {
        line!(out, "  None of our playbooks fits.");
    } else if best.playbook == summary.playbook.name {
        line!(out, "  The playbook of this run fits best.");
    } else {
        line!(out, "  Best fit: {}. Its names: segmint explain RUN --playbook {}", best.playbook, best.playbook);
    }
}

/// What one playbook would call the segments, with its reasons.
fn wanted(out: &mut String, summary: &Summary, tried: &Suggestion) {
    line!(out, "By the playbook {}: {}", terminal(&tried.playbook), terminal(&tried.title));
    let named = share(tried.named_share);
    line!(
        out,
        "  {} of {} personas found, for {named} of customers (fit {:.2})",
        tried.found,
        tried.personas,
        tried.fit
    );
    line!(out);
    for (cluster, by_this) in summary.clusters.iter().zip(&tried.naming.clusters) {
        let (size, part) = (customers(cluster.size), share(cluster.share));
        line!(out, "{}. {}: {size}, {part} of all", cluster.cluster, terminal(&by_this.name));
        if by_this.name != cluster.persona {
            line!(out, "  In this run: {}", terminal(&cluster.persona));
        }
        reasons(out, summary, &by_this.evidence, by_this.confidence, by_this.second_persona.as_deref());
        line!(out);
    }
    let lost: Vec<_> =
        tried.naming.personas.iter().filter(|verdict| !matches!(verdict.outcome, Outcome::Found { .. })).collect();
    if !lost.is_empty() {
        line!(out, "Personas that no segment carries");
        for verdict in lost {
            let reason = fate(summary, &verdict.persona, &verdict.outcome).reason.unwrap_or_default();
            line!(out, "  {}: {}", terminal(&verdict.persona), terminal(&reason));
        }
    }
}

/// The conditions of a name, and how sure it is.
fn reasons(
    out: &mut String,
    summary: &Summary,
    conditions: &[Evidence],
    confidence: Option<f64>,
    second: Option<&str>,
) {
    if conditions.is_empty() {
        line!(out, "  No persona of the playbook fits; the name says what sets it apart.");
        return;
    }
    list(out, "Why this name:", because(summary, conditions).into_iter());
    if let Some(confidence) = confidence {
        let second = second.map_or_else(String::new, |name| format!(" It fits {} as well.", terminal(name)));
        line!(out, "  Confidence {confidence:.2}, of at most 1.{second}");
    }
}

fn list(out: &mut String, heading: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        line!(out, "  {heading}");
    }
    lines.for_each(|text| line!(out, "    {}", terminal(&text)));
}
