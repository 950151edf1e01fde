//! The engine of a run on its way: how much work there is, and what is opened for it while the rows are read.

use crate::engine::gpu::Clock;
use crate::engine::{self, Engine, Shape, Weights};
use crate::error::Result;
use crate::features;
use crate::job::{DeviceChoice, EngineSettings, Job};
use crate::kmeans;
use crate::observe::Observe;
use crate::source::Source;

/// How a test gets its engine.
pub type Opening<'a> = &'a dyn Fn(&engine::Settings, Shape, &Observe) -> Result<Box<dyn Engine>>;

/// The engine before it is needed.
pub(super) enum Coming<'a> {
    /// On a thread of its own, where that is a GPU.
    Ahead(engine::Ahead),
    /// A test's, opened when the rows are there.
    Later(Opening<'a>),
}

impl<'a> Coming<'a> {
    /// Begins to open the engine of a job. How many rows there are is what the files say of themselves; some may be
    /// dropped later.
    pub(super) fn of(job: &Job, source: &Source, opening: Option<Opening<'a>>) -> Result<Self> {
        if let Some(opening) = opening {
            return Ok(Coming::Later(opening));
        }
        let shape = shape(job, source.n_rows(), features::count(source, job)?);
        let weights = if job.source.sample_weight.is_some() { Weights::Given } else { Weights::None };
        Ok(Coming::Ahead(engine::Ahead::open(&engine_settings(&job.engine), shape, weights)?))
    }

    /// The engine for so many rows.
    pub(super) fn engine(
        self,
        job: &Job,
        n_rows: u64,
        n_features: usize,
        observe: &Observe,
    ) -> Result<Box<dyn Engine>> {
        match self {
            Coming::Ahead(ahead) => ahead.engine(observe),
            Coming::Later(opening) => opening(&engine_settings(&job.engine), shape(job, n_rows, n_features), observe),
        }
    }
}

/// The work of a job over so many rows: what walks all of them.
fn shape(job: &Job, n_rows: u64, n_features: usize) -> Shape {
    let restarts = kmeans::restarts_over_all(&job.cluster, n_rows);
    let ks = job.cluster.k.clone();
    Shape { n_rows, n_features, n_clusters: restarts * ks.clone().sum::<usize>(), n_models: restarts * ks.count() }
}

/// The engine's own words for what the job says about it.
pub fn engine_settings(settings: &EngineSettings) -> engine::Settings {
    let wanted = match &settings.device {
        DeviceChoice::Auto => engine::Wanted::Auto,
        DeviceChoice::Cpu => engine::Wanted::Cpu,
        DeviceChoice::Gpu => engine::Wanted::Gpu,
        DeviceChoice::Named(name) => engine::Wanted::Named(name.clone()),
    };
    let EngineSettings { memory, threads, ref cache, tune, .. } = *settings;
    engine::Settings { wanted, memory, threads, cache: cache.clone(), clock: Clock::Off, tune }
}
