//! The only place that wires stages together: open, load, cluster, describe, name, write, publish.
//!
//! It owns the order of things and what is kept in memory while; it computes nothing itself that a room below could.
//! What differs between machines ends in the run record, everything else in the published files.

mod coming;
mod listen;
mod measure;
mod settings;
mod start;
mod write;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use serde_json::json;

use self::coming::Coming;
pub use self::coming::{Opening, engine_settings};
use self::listen::Heard;
use self::measure::Measured;
use self::start::Start;
use self::write::Told;
use crate::engine;
use crate::error::{Error, Place, Result};
use crate::features::{self, FeatureModel, Loaded, RowCounts};
use crate::grid::{Centroids, Grid, Matrix};
use crate::job::{ClusterSettings, Job, LabelColumns};
use crate::kmeans;
use crate::observe::{Event, Observe};
use crate::persona::{self, Naming, Playbook};
use crate::profile;
use crate::quality::{self, Selected};
use crate::report::{self, Dropped, Facts, Summary};
use crate::rules::{self, Rules};
use crate::source::Source;
use crate::spill;
use crate::store::{Disk, Published, RunRecord, Staging, check_id_name};

/// A published run.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub summary: Summary,
    pub record: RunRecord,
    /// The run folder.
    pub path: PathBuf,
    /// What the job asks for and the published result does not keep.
    pub refuted: Option<String>,
}

/// Runs a job: reads its source, clusters, names, and publishes the run folder. Leaves nothing behind where it fails or
/// is stopped.
pub fn run(job: &Job, observe: &Observe) -> Result<Outcome> {
    run_with(job, observe, &Disk::default(), None)
}

/// The same on a disk and an engine that a test can make fail.
#[doc(hidden)]
pub fn run_on(job: &Job, observe: &Observe, disk: &Disk, opening: Opening) -> Result<Outcome> {
    run_with(job, observe, disk, Some(opening))
}

fn run_with(job: &Job, observe: &Observe, disk: &Disk, opening: Option<Opening>) -> Result<Outcome> {
    let started = (SystemTime::now(), Instant::now());
    let heard = Heard::default();
    let observe = &heard.listen_to(observe);

    // What can be refused is refused before any work.
    let playbook = Playbook::load(&job.persona.playbook)?;
    let mut staging = Staging::begin(&job.output, disk)?;
    spill::check_folder(&job.engine.spill)?;
    let source = Source::open(&job.source, observe)?;
    let start = Start::of(job)?;
    let settings = settings::of(job, &playbook, start.as_ref())?;
    let input_files = settings::plain(&source.fingerprint())?;
    staging.check_existing(&settings, &input_files)?;
    check_columns(&source, job)?;
    let coming = Coming::of(job, &source, opening)?;

    let Loaded { features, matrix, rows, reads } = features::load(&source, job, observe)?;
    let roles = roles(&source, &features, job, &playbook)?;
    let matrix = Arc::new(matrix);
    refuse_labels(job, &source, &features, &matrix, observe)?;
    let start = start.map(|start| start.centroids(&features)).transpose()?;
    let mut found = cluster(job, &matrix, features.grid, start.as_ref(), (observe, &heard), coming)?;
    let spilled = matrix.file().map(|file| file.bytes());
    let published = Measured::new(&mut found.selected.fit, matrix);

    let labels = published.labels();
    let weights = published.matrix().weights();
    let n_clusters = published.n_clusters();
    let picked = rules::pick(published.matrix().keys(), features.features.len());
    let (profile, kept) =
        profile::describe_and_keep(&source, job, &features, &roles, labels, weights, n_clusters, &picked, observe)?;
    let rules = rules(&features, kept, &picked, &published);
    let mut naming = persona::name(&profile, &playbook, &job.persona.roles)?;
    naming.note_undescribed(&playbook, &numeric_columns(&source));

    let facts = Facts { rules, ..facts(job, &source, &features, &rows, &found.selected, &heard) };
    let summary = report::summarize(facts, &profile, &naming, &playbook);
    let names = names(&naming);
    let grid = features.grid;
    let input = stage(observe, "write", rows.kept, || {
        let fit = &found.selected.fit;
        let told = std::thread::scope(|scope| {
            // Made while the disk works.
            let told = scope.spawn(|| Told::of(&summary, &published, grid));
            write::assignments(&mut staging, &source, job, &features, &names, &published, fit, observe)?;
            told.join().map_err(|_| Error::bug("the thread that writes the report ended"))
        })?;
        // The report and the input's hash have read the matrix too.
        published.matrix().check()?;
        write::model(&mut staging, job, features, fit, &names)?;
        write::summary(&mut staging, &summary)?;
        write::reports(&mut staging, &told)?;
        let input = json!({"rows": rows.read, "clustered": rows.kept, "xxh3_128": told.input_hash});
        Ok((input, staging.bytes()))
    })?;
    drop(published);

    observe.check_stop()?;
    let too_small = found.selected.too_small;
    let record = heard.record(job, input_files, &rows, (reads, spilled), found.device, found.counters, started);
    let Published { path, leftover } = staging.commit(settings, input, &write::pretty(&record)?)?;
    if let Some(leftover) = leftover {
        observe.warn_machine(format!("the replaced run could not be removed and lies at {}", leftover.display()));
    }
    let refuted = too_small.map(|(smallest, least)| {
        format!("the smallest segment has {smallest} customers, fewer than the {least} that min_size asks for")
    });
    Ok(Outcome { summary, record, path, refuted })
}

/// What clustering found, and on what.
struct Found {
    selected: Selected,
    device: engine::Device,
    counters: engine::Counters,
}

/// Fits and chooses on the chosen engine, whose copies of the data are gone when this returns.
fn cluster(
    job: &Job,
    matrix: &Arc<Matrix>,
    grid: Grid,
    start: Option<&Centroids>,
    (observe, heard): (&Observe, &Heard),
    coming: Coming,
) -> Result<Found> {
    let mut engine = coming.engine(job, matrix.n_rows() as u64, matrix.n_features(), observe)?;
    let engine = engine.as_mut();
    let threads = job.engine.threads;
    let settings = fitting(&job.cluster, matrix);
    let candidates = kmeans::sweep(engine, matrix, &settings, start, threads, observe)?;
    if let Some(event) = heard.forecast_met() {
        observe.event(event);
    }
    let selected = stage(observe, "score", matrix.n_rows() as u64, || {
        let (cluster, selection, useful) = (&job.cluster, &job.selection, job.profile.smallest_group);
        let selected = quality::select(engine, matrix, grid, candidates, cluster, selection, useful, threads, observe)?;
        Ok((selected, 0))
    })?;
    Ok(Found { selected, device: engine.device().clone(), counters: engine.counters() })
}

/// A range of k that goes beyond the number of customers ends there; one that begins beyond it is refused.
fn fitting(settings: &ClusterSettings, matrix: &Matrix) -> ClusterSettings {
    let (from, to) = settings.k.clone().into_inner();
    ClusterSettings { k: from..=to.min(matrix.n_rows()).max(from), ..settings.clone() }
}

/// Features that are no figures of a customer: ids, and labels of an earlier clustering, which would pull the segments
/// after them and every score up.
fn refuse_labels(
    job: &Job,
    source: &Source,
    features: &FeatureModel,
    matrix: &Matrix,
    observe: &Observe,
) -> Result<()> {
    let column = |feature: usize| features.features.get(feature).map_or("", |feature| feature.column.as_str());
    let ids = features::id_like(source, job, features, matrix, observe)?.into_iter().map(|feature| {
        let text = format!(
            "the feature {:?} looks like an id: its values are whole, even, and all different",
            column(feature)
        );
        (feature, text)
    });
    let labels = quality::label_like(matrix, features.grid, job.engine.threads, observe)?.into_iter().map(|found| {
        let share = found.faithful * 100.0;
        let text = format!(
            "the feature {:?} looks like the labels of a clustering: its {} values follow from the other features for {share:.1} % of the customers",
            column(found.feature),
            found.values
        );
        (found.feature, text)
    });
    for (feature, text) in ids.chain(labels) {
        if job.selection.label_columns == LabelColumns::Refuse {
            let place = Place { column: Some(column(feature).to_owned()), ..Place::default() };
            return Err(Error::bad_data(text)
                .at(place)
                .hint("leave it out with --features, or cluster on it all the same with --label-columns keep"));
        }
        observe.warn_data(text);
    }
    Ok(())
}

/// Columns beside the features are needed only after the clustering; what is wrong with them is better said now than
/// in an hour.
fn check_columns(source: &Source, job: &Job) -> Result<()> {
    if let Some(id) = &job.source.id {
        check_id_name(id)?;
    }
    profile::check_columns(source, job)
}

/// The columns that play the playbook's roles, as far as there are any; what is wrong with them is said now, too.
fn roles(source: &Source, features: &FeatureModel, job: &Job, playbook: &Playbook) -> Result<Vec<(String, String)>> {
    let columns = profile::numeric_columns(source, job, features)?;
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let found = playbook.assign_roles(&columns, &job.persona.roles)?;
    Ok(found.into_iter().filter_map(|found| Some((found.role, found.column?))).collect())
}

/// Names of the columns that could be described.
fn numeric_columns(source: &Source) -> Vec<&str> {
    let numeric = source.columns().iter().filter(|column| column.kind.is_numeric());
    numeric.map(|column| column.name.as_str()).collect()
}

fn facts(
    job: &Job,
    source: &Source,
    features: &FeatureModel,
    rows: &RowCounts,
    selected: &Selected,
    heard: &Heard,
) -> Facts {
    let fit = &selected.fit;
    let kind =
        |name: &str| source.columns().iter().find(|column| column.name == name).map(|column| column.kind.clone());
    Facts {
        rows: rows.kept,
        dropped: rows.dropped.iter().map(|(reason, n)| Dropped { reason: reason.clone(), rows: *n }).collect(),
        features: features.features.iter().map(|f| settings::of_feature(f, kind(&f.column))).collect(),
        kinds: source.columns().iter().map(|column| (column.name.clone(), column.kind.clone())).collect(),
        k: fit.centroids.n_clusters(),
        k_asked: selected.choice.k,
        scores: selected.scores.clone(),
        choice: selected.choice.clone(),
        flows: selected.flows.clone(),
        to_runner_up: selected.to_runner_up.clone(),
        seed: job.cluster.seed,
        n_init: job.cluster.n_init,
        max_iter: job.cluster.max_iter,
        tol: job.cluster.tol,
        inertia: features.grid.squared(fit.inertia),
        iterations: fit.iterations,
        converged: fit.converged,
        warnings: heard.data_warnings(),
        rules: None,
    }
}

/// Rules from the customers that were picked for it.
fn rules(features: &FeatureModel, kept: Vec<Vec<f64>>, picked: &[usize], published: &Measured) -> Option<Rules> {
    let columns: Vec<rules::Column> = features
        .features
        .iter()
        .zip(kept)
        .map(|(feature, values)| rules::Column { name: &feature.column, values, fill: feature.fill })
        .collect();
    let labels: Vec<u16> = picked.iter().map(|&row| published.labels()[row]).collect();
    let keys: Vec<u64> = picked.iter().map(|&row| published.matrix().keys()[row]).collect();
    rules::learn(&columns, &labels, &keys, published.n_clusters())
}

fn names(naming: &Naming) -> Vec<crate::store::ClusterNames> {
    let names = naming.clusters.iter().map(|cluster| crate::store::ClusterNames {
        persona: cluster.name.clone(),
        second_persona: cluster.second_persona.clone(),
    });
    names.collect()
}

/// Runs a stage between its two events. It gives back what it made, and the bytes it dealt with.
fn stage<T>(observe: &Observe, name: &'static str, rows: u64, work: impl FnOnce() -> Result<(T, u64)>) -> Result<T> {
    observe.check_stop()?;
    observe.event(Event::StageStarted { stage: name });
    let started = Instant::now();
    let (made, bytes) = work()?;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    observe.event(Event::StageFinished { stage: name, rows, bytes, milliseconds });
    Ok(made)
}
