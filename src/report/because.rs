//! Why a segment is called what it is, in short sentences for people: what holds, what a persona usually has and this
//! segment has not, and what would have spoken against the name.

use super::summary::Summary;
use super::units::measured;
use crate::persona::{Asked, Distinction, Evidence, Importance, Word};

/// A sentence per condition, but for those that nothing hangs on: they share the last one.
pub(super) fn because(summary: &Summary, conditions: &[Evidence]) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    let mut not_so: Vec<String> = Vec::new();
    for evidence in conditions {
        let column = evidence.column.as_deref().unwrap_or(&evidence.role);
        let asked = asked(&evidence.asked);
        match (figures(summary, evidence), evidence.importance) {
            (None, Importance::Typical) => {}
            (None, _) => sentences.push(evidence.to_string()),
            (Some(_), Importance::Forbidden) if !evidence.is_so => not_so.push(format!("{column} is not {asked}")),
            (Some(figures), Importance::Forbidden) => sentences.push(format!("{column} is {asked}, which it must not be: {figures}")),
            (Some(figures), _) if evidence.is_so => sentences.push(format!("{column} is {asked}: {figures}")),
            (Some(figures), Importance::Required) => sentences.push(format!("{column} is not {asked}, as it must be: {figures}")),
            (Some(figures), Importance::Typical) => sentences.push(format!("{column} is not {asked}, as it usually is: {figures}")),
        }
    }
    if !not_so.is_empty() {
        sentences.push(format!("nothing speaks against it: {}", not_so.join(", ")));
    }
    sentences
}

/// "monetary is very high: 623.0 USD against 106.1 USD over all"; only what stands out does.
pub(super) fn distinction(summary: &Summary, found: &Distinction) -> Option<String> {
    let figures = against(summary, &found.column, found.mean, found.overall_mean);
    (found.word != Word::Average).then(|| format!("{} is {}: {figures}", found.column, found.word))
}

fn figures(summary: &Summary, evidence: &Evidence) -> Option<String> {
    evidence.margin?;
    Some(against(summary, evidence.column.as_deref()?, evidence.mean?, evidence.overall_mean?))
}

fn against(summary: &Summary, column: &str, mean: f64, overall: f64) -> String {
    let unit = summary.unit(column);
    format!("{} against {} over all", measured(mean, unit), measured(overall, unit))
}

/// A range around the average in words; the playbook gives it in standard deviations.
fn asked(asked: &Asked) -> String {
    match (asked, asked.range()) {
        (Asked::Lift(_), (low, high)) if low < 0.0 && high > 0.0 && low.is_finite() && high.is_finite() => {
            format!("near the average (within {low:+.2} to {high:+.2} standard deviations)")
        }
        (Asked::Lift(_), _) => format!("{asked} standard deviations from the average"),
        _ => asked.to_string(),
    }
}
