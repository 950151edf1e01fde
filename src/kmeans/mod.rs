//! k-means: seeding, Lloyd's iterations, empty clusters, restarts. Host code on integers; all arithmetic over rows is
//! the engine's. This room knows no device, no file and no feature.
//!
//! All restarts advance together, one pass over the data per iteration. The best is kept by exact inertia, then by the
//! lowest restart. Small tables are polished by swaps on top.

mod batch;
mod draw;
mod lloyd;
mod polish;
mod repair;
mod seeding;

use std::sync::Arc;
use std::time::Instant;

pub(crate) use self::batch::{best_of_each, continue_each};
use self::lloyd::Run;
use crate::engine::{Assignment, Engine};
use crate::error::{Error, Result};
use crate::grid::{CLUSTERS_MAX, Centroids, Matrix, Sums};
use crate::job::ClusterSettings;
use crate::observe::{Event, Observe};

/// A fitted model with everything that belongs to it: labels, sums and inertia are those of these centroids.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// In internal order; ties between clusters go to the lowest internal index.
    pub centroids: Centroids,
    pub sums: Sums,
    pub assignment: Assignment,
    /// Internal index -> published number: largest cluster first, ties by centroid.
    pub published: Vec<u16>,
    /// Exact Σ w·D, in steps².
    pub inertia: i128,
    /// Passes until the fixed point, `tol` or `max_iter`.
    pub iterations: u32,
    /// True where the last iteration moved no centroid (or less than `tol` allows).
    pub converged: bool,
    /// Which restart won, counted from 0.
    pub restart: u32,
}

/// Fits k-means to a matrix.
///
/// Empty clusters take the farthest rows; where too few distinct rows exist the fit has fewer than `settings.k`
/// clusters, with a warning. `threads` (0: all cores) serve the seeding and change no bit of the result.
pub fn fit(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    settings: &ClusterSettings,
    threads: usize,
    observe: &Observe,
) -> Result<Fit> {
    check(matrix, settings)?;
    engine.load(matrix.clone())?;
    observe.event(Event::StageStarted { stage: "seed" });
    let started = Instant::now();
    let seeds = seeding::seeds(matrix, settings, threads, observe)?;
    finished(observe, "seed", matrix, started);

    observe.event(Event::StageStarted { stage: "cluster" });
    let started = Instant::now();
    let runs = seeds.into_iter().map(|s| Run::new(s, settings.k, matrix.n_features())).collect();
    let ended = lloyd::advance(engine, matrix, settings, runs, observe)?;
    let polished = polish::polish(engine, matrix, settings, ended, observe)?;
    let fit = publish(engine, lloyd::best(polished)?)?;
    let found = fit.centroids.n_clusters();
    if found < settings.k {
        observe.warn_data(format!(
            "k fell from {} to {found}: the data has too few distinct rows for more clusters",
            settings.k
        ));
    }
    finished(observe, "cluster", matrix, started);
    Ok(fit)
}

/// One model from given centroids, without seeding: for comparisons with other programs.
pub fn fit_from(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    start: Centroids,
    settings: &ClusterSettings,
    observe: &Observe,
) -> Result<Fit> {
    engine.load(matrix.clone())?;
    let ended = lloyd::advance(engine, matrix, settings, vec![Run::from_centroids(start)], observe)?;
    publish(engine, lloyd::best(ended)?)
}

fn check(matrix: &Matrix, settings: &ClusterSettings) -> Result<()> {
    let rows = (0..matrix.n_rows()).filter(|&row| matrix.weight(row) > 0).take(settings.k).count();
    if settings.k == 0 || settings.k > CLUSTERS_MAX {
        return Err(Error::job(format!("k is {}; it must lie between 1 and {CLUSTERS_MAX}", settings.k)));
    }
    if rows < settings.k {
        return Err(Error::bad_data(format!("{rows} rows of positive weight cannot make {} clusters", settings.k))
            .hint(format!("choose k between 1 and {rows}, or give more rows")));
    }
    Ok(())
}

/// The last assignment belongs to the centroids that are published: it is made here, from them. Clusters that no row
/// is nearest to are left out, which changes no label.
fn publish(engine: &mut dyn Engine, run: Run) -> Result<Fit> {
    let Run { centroids, sums, inertia, iterations, converged, .. } = run;
    let restart = centroids.model;
    let (centroids, sums) = without_empty(centroids, sums);
    let assignment = engine.assign(&centroids)?;
    let mut order: Vec<usize> = (0..centroids.n_clusters()).collect();
    order.sort_by_key(|&c| (std::cmp::Reverse(sums.rows[c]), centroids.row(c)));
    let mut published = vec![0u16; order.len()];
    order.iter().enumerate().for_each(|(number, &internal)| published[internal] = number as u16);
    Ok(Fit { centroids, sums, assignment, published, inertia, iterations, converged, restart })
}

fn without_empty(centroids: Centroids, sums: Sums) -> (Centroids, Sums) {
    if sums.rows.iter().all(|&n| n > 0) {
        return (centroids, sums);
    }
    let d = centroids.n_features();
    let kept: Vec<usize> = (0..centroids.n_clusters()).filter(|&c| sums.rows[c] > 0).collect();
    let values = kept.iter().flat_map(|&c| centroids.row(c).iter().copied()).collect();
    let sums = Sums {
        rows: kept.iter().map(|&c| sums.rows[c]).collect(),
        weights: kept.iter().map(|&c| sums.weights[c]).collect(),
        sums: kept.iter().flat_map(|&c| sums.sums[c * d..(c + 1) * d].iter().copied()).collect(),
    };
    (Centroids::new(centroids.model, centroids.generation, d, values), sums)
}

fn finished(observe: &Observe, stage: &'static str, matrix: &Matrix, started: Instant) {
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let bytes = (matrix.panels().len() * 4) as u64;
    observe.event(Event::StageFinished { stage, rows: matrix.n_rows() as u64, bytes, milliseconds });
}
