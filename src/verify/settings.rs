//! What a summary says of how the run was made, against the model and the settings that the manifest vouches for.

use serde_json::Value;

use crate::report::Summary;
use crate::source::Source;
use crate::store::{MODEL, Model, Run, SUMMARY};

use super::verdict::Verdict;

/// What the described columns hold, as the input has them.
pub(super) fn kinds(source: &Source, summary: &Summary, verdict: &mut Verdict) {
    verdict.checked("what columns hold", 0);
    for claimed in &summary.columns {
        let own = source.columns().iter().find(|column| column.name == claimed.name).map(|column| &column.kind);
        let Some(kind) = &claimed.kind else { continue };
        verdict.figure();
        if own != Some(kind) {
            let own = own.map_or("no column".to_owned(), |own| format!("{own:?}"));
            verdict.wrong(SUMMARY, format!("columns, {}, kind", claimed.name), format!("{kind:?}"), own);
        }
    }
}

pub(super) fn check(run: &Run, model: &Model, summary: &Summary, verdict: &mut Verdict) {
    verdict.checked("settings", 0);
    let cluster = |name: &str| run.manifest().settings.pointer(&format!("/cluster/{name}")).and_then(Value::as_f64);
    for (name, claimed) in [
        ("seed", summary.seed as f64),
        ("n_init", f64::from(summary.n_init)),
        ("max_iter", f64::from(summary.max_iter)),
        ("tol", summary.tol),
    ] {
        verdict.compare(SUMMARY, || name.to_owned(), Some(claimed), cluster(name), 0.0);
    }
    let range = (cluster("k/0"), cluster("k/1"));
    let asked = summary.k_asked as f64;
    verdict.figure();
    if !range.0.zip(range.1).is_some_and(|(least, most)| (least..=most).contains(&asked)) || summary.k_asked < summary.k
    {
        verdict.wrong(SUMMARY, "k_asked", asked.to_string(), format!("{range:?} in the settings"));
    }
    let features = &model.features.features;
    verdict.figure();
    if summary.features.len() != features.len() || summary.feature_settings.len() != features.len() {
        verdict.wrong(
            SUMMARY,
            "features",
            summary.features.len().to_string(),
            format!("{} in {MODEL}", features.len()),
        );
        return;
    }
    for ((name, claimed), own) in summary.features.iter().zip(&summary.feature_settings).zip(features) {
        verdict.figure();
        let same = *name == own.column
            && claimed.column == own.column
            && claimed.transform == own.transform
            && claimed.scale == own.scale
            && claimed.missing == own.missing
            && claimed.weight == own.weight
            && claimed.constant == own.constant;
        if !same {
            verdict.wrong(SUMMARY, format!("feature {name}, settings"), "as given", format!("others in {MODEL}"));
        }
    }
    if let Some(value) = run.manifest().settings.pointer("/persona/value") {
        verdict.figure();
        if summary.value.as_deref() != value.as_str() {
            verdict.wrong(SUMMARY, "value", format!("{:?}", summary.value), format!("{value} in the settings"));
        }
    }
}
