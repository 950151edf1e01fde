//! `segmint verify`: everything a run claims, computed again from its input and its folder by other code.
//!
//! What this room shares with a run is the reading of files and nothing else: transforms, distances, sums, quartiles,
//! counts and the judging of conditions are written here once more, in plain f64 and i128 arithmetic that anybody can
//! follow. Rows stream by, so that memory does not grow with them. It changes nothing and decides nothing; it says which
//! figure of which file does not hold.

mod assigned;
mod conditions;
mod derived;
mod earned;
mod figures;
mod geometry;
mod judged;
mod metrics;
mod names;
mod places;
mod rows;
mod settings;
mod standing;
mod tally;
mod texts;
mod verdict;
mod weights;

use std::path::Path;

use self::rows::Reading;
use crate::error::{Error, Kind, Result};
use crate::observe::Observe;
use crate::persona::Playbook;
use crate::report::Summary;
use crate::source::{ScanSettings, Source};
use crate::store::{ASSIGNMENTS, MODEL, Model, Run, SUMMARY};

pub use self::verdict::{Check, Finding, Verdict};

/// Rows read together, and bytes a wave of them may take.
const SCAN: ScanSettings = ScanSettings { chunk_rows: 65_536, memory: 64 << 20 };

/// The same for the assignments, which are read beside the input.
const ASSIGNED_SCAN: ScanSettings = ScanSettings { chunk_rows: 65_536, memory: 8 << 20 };

/// What no run can have confirmed here, and why.
const NEVER_CHECKED: [(&str, &str); 6] = [
    ("model.json, scaling, grid and centroids", "taken as they stand; what lies where and how near follows from them"),
    ("summary.json, iterations and converged", "they tell of the search, which is not repeated"),
    (
        "summary.json, rules",
        "`segmint explain` says of them how often they are right on customers they were not made from",
    ),
    (
        "summary.json, advice, sentences, warnings, units, and what is added to a name to tell it apart",
        "words, not figures",
    ),
    ("report.html and report.md", "they are the summary in words and pictures; only their hashes are compared"),
    ("manifest.json, the input's fingerprint", "the rows themselves are compared"),
];

/// Recomputes what the run in `folder` claims. `data` says where its input lies now; without it, where the run found it.
/// `playbook` is the file that the run was judged by, where that is none of ours. What does not hold is in the verdict;
/// an error is what cannot be read.
pub fn verify(folder: &Path, data: Option<&str>, playbook: Option<&str>, observe: &Observe) -> Result<Verdict> {
    let run = Run::find(folder)?;
    let mut verdict = Verdict::default();
    for entry in &run.manifest().files {
        if !run.path(&entry.name).is_file() {
            return Err(Error::new(Kind::InputMissing, format!("{} is missing from the run", entry.name)));
        }
    }
    let damaged = run.manifest().damaged(folder)?;
    verdict.checked("files as published", run.manifest().files.len() as u64);
    for name in damaged {
        verdict.wrong(&name, "SHA-256", "that in manifest.json", "another");
    }
    let (model, summary) = (run.model()?, run.summary()?);
    if !agree(&model, &summary, &mut verdict) {
        return Ok(verdict);
    }
    settings::check(&run, &model, &summary, &mut verdict);
    let playbook = names::playbook(&run, playbook)?;
    names::check(&run, playbook.as_ref(), &summary, &mut verdict);
    let assignments = run.assignments(observe)?;
    let assigned = assigned::read(&assignments, &summary, &mut verdict, observe)?;
    figures::sizes(&summary, &assigned, &mut verdict);

    let input = run.source(data)?;
    match Source::open(&input, observe) {
        Ok(source) => {
            let (summary, assigned) = (&summary, &assigned);
            let assignments = &assignments;
            let reading =
                Reading { source: &source, assignments, settings: &input, model: &model, summary, assigned, observe };
            against_input(&reading, playbook.as_ref(), &mut verdict)?;
        }
        Err(error) if error.kind() == Kind::InputMissing && data.is_none() => {
            verdict.not_checked(format!(
                "rows, distances, inertia, means, shares of value and conditions: {error}; say where the input lies with --data"
            ));
        }
        Err(error) => return Err(error),
    }
    for (what, why) in NEVER_CHECKED {
        verdict.not_checked(format!("{what}: {why}"));
    }
    Ok(verdict)
}

/// Everything that needs the input.
fn against_input(reading: &Reading, playbook: Option<&Playbook>, verdict: &mut Verdict) -> Result<()> {
    let summary = reading.summary;
    let Some(recomputed) = reading.check(verdict)? else { return Ok(()) };
    let step = 2f64.powi(reading.model.features.grid.exponent);
    verdict.checked("inertia", 0);
    let inertia = recomputed.inertia as f64 * step * step;
    verdict.compare(SUMMARY, || "inertia".to_owned(), Some(summary.inertia), Some(inertia), 0.0);
    figures::features(summary, &recomputed, verdict);
    figures::weighted_shares(summary, &recomputed, verdict);
    settings::kinds(reading.source, summary, verdict);
    let mut columns = figures::check(summary, &recomputed, verdict);
    texts::check(summary, &recomputed.texts, verdict);
    derived::check(summary, &columns, verdict);
    derived::mixes(summary, &columns, verdict);
    columns.extend(derived::order_value(summary, &columns));
    conditions::check(summary, &columns, verdict);
    if let Some(playbook) = playbook {
        earned::check(playbook, summary, &columns, verdict);
    }
    metrics::check(reading, recomputed, verdict)
}

/// Whether model and summary speak of the same clusters, by number and name. Where they do not, nothing else is compared.
fn agree(model: &Model, summary: &Summary, verdict: &mut Verdict) -> bool {
    verdict.checked("clusters and names of model and summary", summary.clusters.len() as u64);
    let n_features = model.features.features.len();
    let numbered = summary.clusters.iter().enumerate().all(|(at, cluster)| cluster.cluster == at)
        && model.clusters.iter().enumerate().all(|(at, cluster)| cluster.cluster == at)
        && model.clusters.iter().all(|cluster| cluster.centroid.len() == n_features);
    if !numbered || model.clusters.len() != summary.clusters.len() || summary.k != summary.clusters.len() {
        verdict.wrong(SUMMARY, "clusters", format!("{}", summary.k), format!("{} in {MODEL}", model.clusters.len()));
        return false;
    }
    for (own, other) in summary.clusters.iter().zip(&model.clusters) {
        if own.persona != other.persona || own.second_persona != other.second_persona {
            let what = format!("cluster {}, name", own.cluster);
            verdict.wrong(SUMMARY, what, format!("{:?}", own.persona), format!("{:?} in {MODEL}", other.persona));
        }
    }
    let profile = &summary.profile;
    let whole = profile.clusters.len() == summary.k && profile.columns.iter().all(|c| c.clusters.len() == summary.k);
    if !whole {
        verdict.wrong(SUMMARY, "profile", "figures of other clusters", format!("{} clusters", summary.k));
    }
    verdict.checked("names that are told apart", summary.clusters.len() as u64);
    for (at, cluster) in summary.clusters.iter().enumerate() {
        if summary.clusters.iter().take(at).any(|earlier| earlier.persona == cluster.persona) {
            verdict.wrong(SUMMARY, format!("cluster {at}, name"), format!("{:?}", cluster.persona), "taken already");
        }
    }
    whole
}

/// For messages about rows.
fn row_of(row: u64) -> String {
    format!("{ASSIGNMENTS}, row {row}")
}
