//! The only place that wires stages together: open, load, cluster, describe, name, write, publish.
//!
//! It owns the order of things and what is kept in memory while; it computes nothing itself that a room below could.
//! What differs between machines ends in the run record, everything else in the published files.

mod listen;
mod measure;
mod settings;
mod write;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use serde_json::json;

use self::listen::Heard;
use self::measure::Measured;
use crate::engine::{self, Engine, Shape};
use crate::error::Result;
use crate::features::{self, FeatureModel, Loaded, RowCounts};
use crate::grid::Matrix;
use crate::job::{DeviceChoice, EngineSettings, Job};
use crate::kmeans::{self, Fit};
use crate::observe::{Event, Observe};
use crate::persona::{self, Naming, Playbook};
use crate::profile::{self, Map};
use crate::report::{self, Dropped, Facts, Page, Summary};
use crate::rules::{self, Rules};
use crate::source::Source;
use crate::store::{Disk, Published, RunRecord, Staging, check_id_name, input_hash};

/// A published run.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub summary: Summary,
    pub record: RunRecord,
    /// The run folder.
    pub path: PathBuf,
}

/// Runs a job: reads its source, clusters, names, and publishes the run folder. Leaves nothing behind where it fails or
/// is stopped.
pub fn run(job: &Job, observe: &Observe) -> Result<Outcome> {
    run_on(job, observe, &Disk::default(), &engine::open)
}

/// How a run gets its engine.
pub type Opening<'a> = &'a dyn Fn(&engine::Settings, Shape, &Observe) -> Result<Box<dyn Engine>>;

/// The same on a disk and an engine that a test can make fail.
#[doc(hidden)]
pub fn run_on(job: &Job, observe: &Observe, disk: &Disk, opening: Opening) -> Result<Outcome> {
    let started = (SystemTime::now(), Instant::now());
    let heard = Heard::default();
    let observe = &heard.listen_to(observe);

    // What can be refused is refused before any work.
    let playbook = Playbook::load(&job.persona.playbook)?;
    let mut staging = Staging::begin(&job.output, disk)?;
    let source = Source::open(&job.source, observe)?;
    let settings = settings::of(job, &playbook)?;
    let input_files = settings::plain(&source.fingerprint())?;
    staging.check_existing(&settings, &input_files)?;
    check_columns(&source, job)?;

    let Loaded { features, matrix, rows, reads } = features::load(&source, job, observe)?;
    let roles = roles(&source, &features, job, &playbook)?;
    let matrix = Arc::new(matrix);
    let mut found = cluster(job, &matrix, observe, opening)?;
    let published = Measured::new(&mut found.fit, matrix);

    let labels = published.labels();
    let weights = published.matrix().weights();
    let n_clusters = published.n_clusters();
    let picked = rules::pick(published.matrix().keys(), features.features.len());
    let (profile, kept) =
        profile::describe_and_keep(&source, job, &features, &roles, labels, weights, n_clusters, &picked, observe)?;
    let rules = rules(&features, kept, &picked, &published);
    let mut naming = persona::name(&profile, &playbook, &job.persona.roles)?;
    naming.note_undescribed(&playbook, &numeric_columns(&source));

    let facts = Facts { rules, ..facts(job, &source, &features, &rows, &found.fit, &heard) };
    let summary = report::summarize(facts, &profile, &naming, &playbook);
    let names = names(&naming);
    let grid = features.grid;
    let input = stage(observe, "write", rows.kept, || {
        write::assignments(&mut staging, &source, job, &features, &names, &published, &found.fit, observe)?;
        write::model(&mut staging, job, features, &found.fit, &names)?;
        write::summary(&mut staging, &summary)?;
        let map = Map::of(published.matrix(), grid, published.labels());
        write::reports(&mut staging, &Page { summary: &summary, map: map.as_ref() })?;
        let input = json!({"rows": rows.read, "clustered": rows.kept, "xxh3_128": input_hash(published.matrix())});
        Ok((input, staging.bytes()))
    })?;
    drop(published);

    observe.check_stop()?;
    let record = heard.record(job, input_files, &rows, reads, found.device, found.counters, started);
    let Published { path, leftover } = staging.commit(settings, input, &write::pretty(&record)?)?;
    if let Some(leftover) = leftover {
        observe.warn_machine(format!("the replaced run could not be removed and lies at {}", leftover.display()));
    }
    Ok(Outcome { summary, record, path })
}

/// What clustering found, and on what.
struct Found {
    fit: Fit,
    device: engine::Device,
    counters: engine::Counters,
}

/// Fits on the chosen engine, whose copies of the data are gone when this returns.
fn cluster(job: &Job, matrix: &Arc<Matrix>, observe: &Observe, opening: Opening) -> Result<Found> {
    let shape = Shape {
        n_rows: matrix.n_rows() as u64,
        n_features: matrix.n_features(),
        n_clusters: job.cluster.k,
        n_models: job.cluster.n_init as usize,
    };
    let mut engine = opening(&engine_settings(&job.engine), shape, observe)?;
    let fit = kmeans::fit(engine.as_mut(), matrix, &job.cluster, job.engine.threads, observe)?;
    Ok(Found { fit, device: engine.device().clone(), counters: engine.counters() })
}

/// The engine's own words for what the job says about it.
pub fn engine_settings(settings: &EngineSettings) -> engine::Settings {
    let wanted = match &settings.device {
        DeviceChoice::Auto => engine::Wanted::Auto,
        DeviceChoice::Cpu => engine::Wanted::Cpu,
        DeviceChoice::Gpu => engine::Wanted::Gpu,
        DeviceChoice::Named(name) => engine::Wanted::Named(name.clone()),
    };
    engine::Settings { wanted, memory: settings.memory, threads: settings.threads }
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

fn facts(job: &Job, source: &Source, features: &FeatureModel, rows: &RowCounts, fit: &Fit, heard: &Heard) -> Facts {
    let kind =
        |name: &str| source.columns().iter().find(|column| column.name == name).map(|column| column.kind.clone());
    Facts {
        rows: rows.kept,
        dropped: rows.dropped.iter().map(|(reason, n)| Dropped { reason: reason.clone(), rows: *n }).collect(),
        features: features.features.iter().map(|f| settings::of_feature(f, kind(&f.column))).collect(),
        k: fit.centroids.n_clusters(),
        k_asked: job.cluster.k,
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
