//! Why a segment is called what it is, in short sentences for people: what holds, what a persona usually has and this
//! segment has not, and what would have spoken against the name.

use super::summary::Summary;
use super::units::of_column;
use crate::persona::{Asked, Distinction, Evidence, Importance, Word};

/// A sentence per column that is as it must or may be, and per condition that is not met. What would have spoken against
/// the name shares the last one.
pub(super) fn because(summary: &Summary, conditions: &[Evidence]) -> Vec<String> {
    let mut met: Vec<(&str, String, Vec<Asked>)> = Vec::new();
    let mut sentences: Vec<String> = Vec::new();
    let mut not_so: Vec<String> = Vec::new();
    for evidence in conditions {
        let column = evidence.column.as_deref().unwrap_or(&evidence.role);
        let asked = words(&evidence.asked);
        match (figures(summary, evidence), evidence.importance) {
            (None, Importance::Typical) => {}
            (None, _) => sentences.push(evidence.to_string()),
            (Some(_), Importance::Forbidden) if !evidence.is_so => not_so.push(format!("{column} is not {asked}")),
            (Some(_), Importance::Forbidden) => sentences.push(format!("against it: {evidence}")),
            (Some(_), Importance::Required) if !evidence.is_so => sentences.push(format!("not so: {evidence}")),
            (Some(figures), _) if evidence.is_so => match met.iter_mut().find(|(known, ..)| *known == column) {
                Some((.., all)) => add(all, evidence.asked),
                None => met.push((column, figures, vec![evidence.asked])),
            },
            (Some(figures), _) => {
                sentences.push(format!("unlike most of this name, {column} is not {asked}: {figures}"));
            }
        }
    }
    let met = met.into_iter().map(|(column, figures, asked)| {
        let asked: Vec<String> = asked.iter().map(words).collect();
        format!("{column} is {}: {figures}", asked.join(" and "))
    });
    sentences.splice(0..0, met);
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
    format!("{} against {} over all", of_column(summary, column, mean), of_column(summary, column, overall))
}

/// "High" goes without saying where something is very high.
fn add(all: &mut Vec<Asked>, asked: Asked) {
    let implies = |a: &Asked, b: &Asked| {
        let ((low, high), (least, most)) = (a.range(), b.range());
        matches!((a, b), (Asked::Word(_), Asked::Word(_))) && low >= least && high <= most
    };
    if !all.iter().any(|known| implies(known, &asked)) {
        all.retain(|known| !implies(&asked, known));
        all.push(asked);
    }
}

/// A range around the average in words; the playbook gives it in standard deviations.
fn words(asked: &Asked) -> String {
    match (asked, asked.range()) {
        (Asked::Lift(_), (low, high)) if low < 0.0 && high > 0.0 && low.is_finite() && high.is_finite() => {
            format!("near the average (within {low:+.2} to {high:+.2} standard deviations)")
        }
        (Asked::Lift(_), _) => format!("{asked} standard deviations from the average"),
        _ => asked.to_string(),
    }
}
