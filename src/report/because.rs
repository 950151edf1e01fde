//! Why a segment is called what it is, in short sentences for people: what holds, what a persona usually has and this
//! segment has not, and what would have spoken against the name. Words come first, figures behind them.

use super::summary::{ClusterSummary, Summary};
use super::units::of_column;
use crate::persona::{Asked, Distinction, Evidence, Importance, Word};

/// Why a segment is called so: by its conditions, or by what sets it apart.
pub(super) fn reasons(summary: &Summary, cluster: &ClusterSummary) -> Vec<String> {
    if !cluster.conditions.is_empty() {
        return because(summary, &cluster.conditions);
    }
    let apart: Vec<String> = cluster.distinctions.iter().filter_map(|found| distinction(summary, found)).collect();
    match apart.is_empty() {
        false => apart,
        // Nothing stands out, or the run is of a version that kept the words alone.
        true => cluster.evidence.clone(),
    }
}

/// A sentence per column that is as it must or may be, and per condition that is not met. What would have spoken against
/// the name shares the last one.
pub(super) fn because(summary: &Summary, conditions: &[Evidence]) -> Vec<String> {
    let mut met: Vec<(String, String, Vec<Asked>)> = Vec::new();
    let mut sentences: Vec<String> = Vec::new();
    let mut not_so: Vec<String> = Vec::new();
    for evidence in conditions {
        let column = named(evidence);
        let asked = words(&evidence.asked);
        match (figures(summary, evidence), evidence.importance) {
            (None, Importance::Typical) => {}
            (None, _) => sentences.push(evidence.to_string()),
            (Some(_), Importance::Forbidden) if !evidence.is_so => not_so.push(format!("{column} is not {asked}")),
            (Some(_), Importance::Forbidden) => sentences.push(format!("against it: {}", told(summary, evidence))),
            (Some(_), Importance::Required) if !evidence.is_so => {
                sentences.push(format!("not so: {}", told(summary, evidence)));
            }
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

/// One condition, held or not: "recency is not low: 491.1 days (16.1 months) against 367.2 days (12.1 months) over all".
pub(super) fn told(summary: &Summary, evidence: &Evidence) -> String {
    let Some(figures) = figures(summary, evidence) else { return evidence.to_string() };
    let (column, asked) = (named(evidence), words(&evidence.asked));
    let mixed = evidence.margin.is_some_and(|margin| margin >= 0.0) && !evidence.is_so;
    match (mixed, evidence.spoken_for, evidence.is_so) {
        (true, Some(part), _) => {
            let part = 100.0 * part;
            format!(
                "taken together, {column} is {asked}, but by its spread that is so for about {part:.0} % of these \
                 customers only: {figures}"
            )
        }
        (true, None, _) => {
            format!("{column} is {asked}, but not for three quarters of these customers even nearly: {figures}")
        }
        (false, _, true) => format!("{column} is {asked}: {figures}"),
        (false, _, false) => format!("{column} is not {asked}: {figures}"),
    }
}

/// What a condition is about.
fn named(evidence: &Evidence) -> String {
    let column = evidence.column.as_deref().unwrap_or(&evidence.role);
    match evidence.asked {
        Asked::Quantile(_) => format!("the median of {column}"),
        _ => column.to_owned(),
    }
}

fn figures(summary: &Summary, evidence: &Evidence) -> Option<String> {
    evidence.margin?;
    if let (Asked::Quantile(_), Some(median), Some(limits)) = (evidence.asked, evidence.median, evidence.limits) {
        let of = |value: f64| Some(of_column(summary, evidence.column.as_deref()?, value));
        let asked = match (limits.at_least, limits.at_most) {
            (Some(low), Some(high)) => format!("{} to {}", of(low)?, of(high)?),
            (Some(low), None) => format!("{} or more", of(low)?),
            (None, Some(high)) => format!("{} or less", of(high)?),
            (None, None) => return of(median),
        };
        return Some(format!("{}, asked {asked}", of(median)?));
    }
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
