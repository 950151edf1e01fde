//! What the playbook says about a segment, in Markdown: insights, tactics, figures to watch with what they are today,
//! and where its customers may go.

use std::fmt::Write;

use super::escape::markdown as safe;
use super::figures::figure;
use super::markdown::{bullets, line};
use super::summary::Summary;
use super::units::of_average;
use crate::persona::{Guide, Move, Tactic, TrackedKpi};

pub(super) fn what_to_do(out: &mut String, summary: &Summary, guide: &Guide) {
    line!(out, "**Business value:** {}: {}", guide.business_value.rating, safe(&guide.business_value.reason));
    line!(out);
    list(out, "Insights", &guide.insights);
    let tested: Vec<String> =
        guide.hypotheses.iter().map(|open| format!("{} To test: {}", open.says, open.test)).collect();
    list(out, "To be found out", &tested);
    line!(out, "**Objective:** {}", safe(&guide.objective));
    line!(out);
    tactics(out, &guide.tactics);
    list(out, "KPIs to track", &guide.kpis.iter().map(|found| kpi(summary, found)).collect::<Vec<_>>());
    if let Some(budget) = &guide.budget {
        let (found, all) = (budget.of_found, budget.of_playbook);
        line!(out, "**Budget:** {found:.1} % over the segments found ({all} % in the playbook)");
        line!(out);
    }
    list(out, "Where they may go", &guide.moves.iter().map(way).collect::<Vec<_>>());
    list(out, "Notes", &guide.notes);
}

fn tactics(out: &mut String, tactics: &[Tactic]) {
    if tactics.is_empty() {
        return;
    }
    line!(out, "**Tactics**");
    line!(out);
    for (index, tactic) in tactics.iter().enumerate() {
        line!(out, "{}. {}", index + 1, safe(&tactic.title));
        for detail in tactic.actions.iter().cloned().chain(details(tactic)) {
            line!(out, "   - {}", safe(&detail));
        }
    }
    line!(out);
}

/// Offer, channels, time, and who is left out.
pub(super) fn details(tactic: &Tactic) -> Vec<String> {
    let mut details = Vec::new();
    details.extend(tactic.offer.as_ref().map(|offer| format!("Offer: {offer}")));
    if !tactic.channels.is_empty() {
        details.push(format!("By {}", tactic.channels.join(", ")));
    }
    let mut when: Vec<String> = Vec::new();
    when.extend(tactic.trigger.clone());
    when.extend(tactic.after.map(|wait| format!("after {wait}")));
    when.extend(tactic.within.map(|limit| format!("within {limit}")));
    if !when.is_empty() {
        details.push(format!("When: {}", when.join(", ")));
    }
    details.extend(tactic.leave_out.as_ref().map(|left| format!("Not for {}, until {}", left.who, left.until)));
    details
}

fn kpi(summary: &Summary, kpi: &TrackedKpi) -> String {
    let mut known: Vec<String> = Vec::new();
    known.extend(kpi.target.as_ref().map(|target| format!("target: {target}")));
    known.extend(kpi.baseline.as_ref().map(|today| {
        let value = of_average(summary, &today.figure, today.value).unwrap_or_else(|| figure(today.value));
        format!("today: {value}, {}", today.figure)
    }));
    if known.is_empty() { kpi.name.clone() } else { format!("{} ({})", kpi.name, known.join("; ")) }
}

fn way(found: &Move) -> String {
    let wanted = if found.wanted { "wanted" } else { "to be prevented" };
    let within = found.within.map_or_else(String::new, |window| format!(" within {window}"));
    format!("{} ({wanted}), on {}{within}: {}", found.to, found.trigger, found.action)
}

fn list(out: &mut String, heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        line!(out, "**{heading}**");
        line!(out);
        bullets(out, lines);
    }
}
