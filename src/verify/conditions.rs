//! The conditions of every given name, judged again from the recomputed figures, and the score and the confidence that
//! follow from them.

use crate::persona::{Asked, Basis, Evidence, Importance, Measure};
use crate::report::{ClusterSummary, Summary};
use crate::store::SUMMARY;

use super::figures::Column;
use super::judged::{EDGE, Judged, Weighed, fit, judge, range};
use super::standing::standing;
use super::verdict::Verdict;

pub(super) fn check(summary: &Summary, columns: &[Column], verdict: &mut Verdict) {
    verdict.checked("conditions of every given name", 0);
    let mut judged = Vec::new();
    for (at, cluster) in summary.clusters.iter().enumerate() {
        let what =
            |evidence: &Evidence| format!("cluster {at} ({:?}), {} {}", cluster.persona, evidence.role, evidence.asked);
        let conditions = cluster.conditions.iter();
        let conditions = conditions.map(|evidence| compare(evidence, at, columns, verdict, &|| what(evidence)));
        judged.push(conditions.collect::<Vec<Judged>>());
        let carried = summary.personas.iter().any(|fate| {
            let named = cluster.persona == fate.persona || cluster.persona.starts_with(&format!("{} (", fate.persona));
            named && fate.clusters.contains(&at)
        });
        let earned = cluster.basis != Basis::Descriptive;
        if earned != carried || earned == cluster.conditions.is_empty() {
            let right = if carried { "earned" } else { "not among the personas that were found for it" };
            verdict.wrong(SUMMARY, format!("cluster {at}, name"), format!("{:?}", cluster.persona), right);
        }
    }
    verdict.checked("scores and confidences", 0);
    for ((at, cluster), judged) in summary.clusters.iter().enumerate().zip(&judged) {
        score(at, cluster, judged, verdict);
    }
    distinctions(summary, columns, verdict);
}

fn score(at: usize, cluster: &ClusterSummary, judged: &[Judged], verdict: &mut Verdict) {
    let conditions = cluster.conditions.iter().zip(judged);
    let own = fit(conditions.map(|(evidence, judged)| Weighed {
        importance: evidence.importance,
        weight: evidence.weight,
        has_column: evidence.column.is_some(),
        judged,
    }));
    let Some(own) = own else { return };
    let own = (cluster.basis != Basis::Descriptive).then_some(own);
    // A margin errs by its edge, and a degree by one and a half times that.
    verdict.compare(SUMMARY, || format!("cluster {at}, score"), cluster.score, own.map(|own| own.score), 10.0);
    let confidence = own.map(|own| own.confidence);
    verdict.compare(SUMMARY, || format!("cluster {at}, confidence"), cluster.confidence, confidence, 10.0);
}

/// Compares what is claimed of one condition with what it comes to.
fn compare(
    claimed: &Evidence,
    cluster: usize,
    columns: &[Column],
    verdict: &mut Verdict,
    what: &dyn Fn() -> String,
) -> Judged {
    let column = claimed.column.as_ref().and_then(|name| columns.iter().find(|column| column.name == *name));
    let mean = column.and_then(|column| column.clusters.get(cluster)).and_then(|own| own.mean);
    let size = column.map_or(0.0, |column| column.overall.size);
    let overall = column.and_then(|column| column.overall.mean);
    verdict.compare(SUMMARY, || what() + ", mean", claimed.mean, mean, size);
    verdict.compare(SUMMARY, || what() + ", overall mean", claimed.overall_mean, overall, size);
    let own = judge(&claimed.asked, claimed.importance, column, cluster);
    let value = own.standing.map(|(value, _)| value);
    verdict.compare(SUMMARY, || what() + ", standing", claimed.standing.map(|s| s.value), value, 1.0);
    let measure = own.standing.map(|(_, measure)| measure);
    if claimed.standing.map(|standing| standing.measure) != measure {
        let spoken = |measure: Option<Measure>| format!("{measure:?}");
        verdict.wrong(SUMMARY, what() + ", measure", spoken(claimed.standing.map(|s| s.measure)), spoken(measure));
    }
    for (end, claimed, own) in [
        ("least", claimed.limits.and_then(|l| l.at_least), own.limits.and_then(|l| l.at_least)),
        ("largest", claimed.limits.and_then(|l| l.at_most), own.limits.and_then(|l| l.at_most)),
    ] {
        verdict.compare(SUMMARY, || format!("{}, {end} median", what()), claimed, own, size);
    }
    verdict.compare(SUMMARY, || what() + ", median", claimed.median, own.median, size);
    verdict.compare(SUMMARY, || what() + ", margin", claimed.margin, own.margin, own.scale);
    verdict.compare(SUMMARY, || what() + ", spoken_for", claimed.spoken_for, own.spoken_for, 1.0);
    if claimed.is_so != own.is_so && !own.at_edge {
        verdict.wrong(SUMMARY, what() + ", is_so", claimed.is_so.to_string(), own.is_so.to_string());
    }
    let must = match claimed.importance {
        Importance::Required => Some(true),
        Importance::Forbidden => Some(false),
        Importance::Typical => None,
    };
    if must.is_some_and(|must| must != own.is_so) && !own.at_edge {
        verdict.wrong(SUMMARY, what(), "held, for the name is given", "not held");
    }
    own
}

/// What sets each cluster apart.
fn distinctions(summary: &Summary, columns: &[Column], verdict: &mut Verdict) {
    verdict.checked("what sets every cluster apart", 0);
    for (at, cluster) in summary.clusters.iter().enumerate() {
        for claimed in &cluster.distinctions {
            let what = || format!("cluster {at}, distinction in {}", claimed.column);
            let column = columns.iter().find(|column| column.name == claimed.column);
            let own = column.and_then(|column| column.clusters.get(at));
            let size = column.map_or(0.0, |column| column.overall.size);
            let overall = column.and_then(|column| column.overall.mean);
            verdict.compare(SUMMARY, || what() + ", mean", Some(claimed.mean), own.and_then(|own| own.mean), size);
            verdict.compare(SUMMARY, || what() + ", overall mean", Some(claimed.overall_mean), overall, size);
            let value = column.and_then(|column| standing(column, at)).map(|(value, _)| value);
            verdict.compare(SUMMARY, || what() + ", standing", Some(claimed.standing.value), value, 1.0);
            let (low, high) = range(&Asked::Word(claimed.word));
            let covered = value.is_some_and(|value| value >= low - EDGE && value <= high + EDGE);
            if !covered {
                verdict.wrong(SUMMARY, what(), claimed.word.to_string(), format!("{value:?}, which is another word"));
            }
        }
    }
}
