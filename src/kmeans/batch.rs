//! Models of several k in one batch, for resamples and reference data, where many quick fits are compared and none is
//! published.

use std::sync::Arc;

use super::sweep_any;
use crate::engine::Engine;
use crate::error::Result;
use crate::grid::{Centroids, Matrix};
use crate::job::{ClusterSettings, Restarts};
use crate::observe::Observe;

/// The best of `settings.n_init` runs for each of `ks`, with its exact inertia; `settings.k` is not looked at. Nothing
/// is polished where the settings have a tolerance, there may be fewer rows than clusters, and the engine is left with `matrix` loaded.
pub(crate) fn best_of_each(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    ks: &[usize],
    settings: &ClusterSettings,
    threads: usize,
    observe: &Observe,
) -> Result<Vec<(Centroids, i128)>> {
    let (Some(&first), Some(&last)) = (ks.iter().min(), ks.iter().max()) else { return Ok(Vec::new()) };
    let settings = ClusterSettings { k: first..=last, restarts: Restarts::Full, ..settings.clone() };
    let found = sweep_any(engine, matrix, &settings, None, threads, &observe.silent())?;
    Ok(found.into_iter().filter(|one| ks.contains(&one.k_asked)).map(|one| (one.centroids, one.inertia)).collect())
}
