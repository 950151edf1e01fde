//! Models of several k in one batch, for resamples and reference data, where many quick fits are compared and none is
//! published.

use std::sync::Arc;

use super::lloyd::{self, Run, numbered};
use super::{race, seeding};
use crate::engine::Engine;
use crate::error::Result;
use crate::grid::{Centroids, Matrix};
use crate::job::ClusterSettings;
use crate::observe::Observe;

/// A model and its exact inertia over the rows it was fitted to.
pub(crate) type Fitted = (Centroids, i128);

/// The best of `settings.n_init` runs for each of `ks`; `settings.k` is not looked at. There may be fewer rows than
/// clusters. Nothing is polished, and the engine is left with `matrix` loaded.
pub(crate) fn best_of_each(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    ks: &[usize],
    settings: &ClusterSettings,
    threads: usize,
    observe: &Observe,
) -> Result<Vec<Fitted>> {
    let Some(&largest) = ks.iter().max() else { return Ok(Vec::new()) };
    let observe = observe.silent();
    let seeds = seeding::seeds(&seeding::sample(matrix), largest, settings, threads, &observe)?;
    let runs = ks.iter().flat_map(|&k| lloyd::from_all_seeds(&seeds, k, matrix.n_features())).collect();
    let ended = race::heat(engine, matrix, settings, runs, &observe)?;
    ks.iter().map(|&k| lloyd::best(&ended, k).map(|one| (one.centroids, one.inertia))).collect()
}

/// Each model from where it stands, which may be a fit to fewer rows.
pub(crate) fn continue_each(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    models: Vec<Centroids>,
    settings: &ClusterSettings,
    observe: &Observe,
) -> Result<Vec<Fitted>> {
    engine.load(matrix.clone())?;
    let runs = numbered(models.into_iter().map(Run::from_centroids).collect());
    // Passes of comparisons are no passes of the fit: nobody is told.
    let mut ended = lloyd::advance(engine, matrix, settings, runs, &observe.silent())?;
    ended.sort_by_key(|run| run.centroids.model);
    Ok(ended.into_iter().map(|run| (run.centroids, run.inertia)).collect())
}
