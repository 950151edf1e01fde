//! Models of several k from one seeding, all advancing in one batch: for resamples and reference data, where many
//! quick fits are compared and none is published.

use std::sync::Arc;

use super::lloyd::{self, Run};
use super::seeding;
use crate::engine::Engine;
use crate::error::Result;
use crate::grid::{Centroids, Matrix};
use crate::job::ClusterSettings;
use crate::observe::Observe;

/// A model and its exact inertia over the rows it was fitted to.
pub(crate) type Fitted = (Centroids, i128);

/// The best of `settings.n_init` runs for each of `ks`. Seeds of the largest k serve the others; `settings.k` is not
/// looked at. Nothing is polished, and the engine is left with `matrix` loaded.
pub(crate) fn best_of_each(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    ks: &[usize],
    settings: &ClusterSettings,
    threads: usize,
    observe: &Observe,
) -> Result<Vec<Fitted>> {
    let largest = ClusterSettings { k: ks.iter().copied().max().unwrap_or(1), ..settings.clone() };
    let seeds = seeding::seeds(matrix, &largest, threads, observe)?;
    let d = matrix.n_features();
    let mut runs = Vec::with_capacity(ks.len() * seeds.len());
    for &k in ks {
        for seeds in &seeds {
            let values = seeds.values()[..k.min(seeds.n_clusters()) * d].to_vec();
            let model = runs.len() as u32;
            runs.push(Run::new(Centroids::new(model, 0, d, values), k, d));
        }
    }
    let ended = advance(engine, matrix, runs, settings, observe)?;
    ended
        .chunks(seeds.len().max(1))
        .map(|runs| lloyd::best(runs.to_vec()).map(|best| (best.centroids, best.inertia)))
        .collect()
}

/// Each model from where it stands, which may be a fit to fewer rows.
pub(crate) fn continue_each(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    models: Vec<Centroids>,
    settings: &ClusterSettings,
    observe: &Observe,
) -> Result<Vec<Fitted>> {
    let runs = models.into_iter().zip(0..).map(|(model, number)| Run::from_centroids(model.numbered(number)));
    let ended = advance(engine, matrix, runs.collect(), settings, observe)?;
    Ok(ended.into_iter().map(|run| (run.centroids, run.inertia)).collect())
}

/// All runs to their ends, in the order of their numbers.
fn advance(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    runs: Vec<Run>,
    settings: &ClusterSettings,
    observe: &Observe,
) -> Result<Vec<Run>> {
    engine.load(matrix.clone())?;
    // Passes of comparisons are no passes of the fit: nobody is told.
    let mut ended = lloyd::advance(engine, matrix, settings, runs, &observe.silent())?;
    ended.sort_by_key(|run| run.centroids.model);
    Ok(ended)
}
