//! k-means: seeding, Lloyd's iterations, empty clusters, restarts, all numbers of clusters at once. Host code on
//! integers; all arithmetic over rows is the engine's. This room knows no device, no file and no feature.
//!
//! All models, of every k and every restart, advance together, one pass over the data per iteration. Per k the best is
//! kept by exact inertia, then by the lowest restart. Small tables are polished by swaps on top; on large ones restarts
//! race on a sample. A k is fitted as if it were alone: what a sweep finds for it is what it would find by itself.

mod batch;
mod draw;
mod lloyd;
mod polish;
mod race;
mod repair;
mod seeding;

use std::sync::Arc;
use std::time::Instant;

pub(crate) use self::batch::{best_of_each, continue_each};
use self::lloyd::Run;
pub use self::race::restarts_over_all;
use crate::engine::{Assignment, Engine};
use crate::error::{Error, Result};
use crate::grid::{CLUSTERS_MAX, Centroids, Matrix, Sums};
use crate::job::ClusterSettings;
use crate::observe::{Event, Observe};

/// The best model of one k. Sums and inertia are those of these centroids.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The number of clusters that was asked for; the model has fewer where the data has too few distinct rows.
    pub k_asked: usize,
    /// In internal order; ties between clusters go to the lowest internal index.
    pub centroids: Centroids,
    pub sums: Sums,
    /// Exact Σ w·D, in steps².
    pub inertia: i128,
    /// Passes over all rows until the fixed point, `tol` or `max_iter`.
    pub iterations: u32,
    /// True where the last iteration moved no centroid (or less than `tol` allows).
    pub converged: bool,
    /// Which restart won, counted from 0.
    pub restart: u32,
}

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
    /// Passes over all rows until the fixed point, `tol` or `max_iter`.
    pub iterations: u32,
    /// True where the last iteration moved no centroid (or less than `tol` allows).
    pub converged: bool,
    /// Which restart won, counted from 0.
    pub restart: u32,
}

/// Fits k-means to a matrix for every k of the settings; the candidates come in the order of k.
///
/// `start` is a model to begin from: it takes the place of all restarts of its k. Empty clusters take the farthest rows.
/// `threads` (0: all cores) serve the seeding and change no bit of the result.
pub fn sweep(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    settings: &ClusterSettings,
    start: Option<&Centroids>,
    threads: usize,
    observe: &Observe,
) -> Result<Vec<Candidate>> {
    check(matrix, settings)?;
    observe.event(Event::StageStarted { stage: "seed" });
    let started = Instant::now();
    let is_given = |k: usize| start.is_some_and(|start| start.n_clusters() == k);
    let sample = Arc::new(seeding::sample(matrix));
    let largest = settings.k.clone().filter(|&k| !is_given(k)).max();
    let seeds = match largest {
        Some(k) => seeding::seeds(&sample, k, settings, threads, observe)?,
        None => Vec::new(),
    };
    finished(observe, "seed", matrix, started);

    let mut runs = Vec::new();
    for k in settings.k.clone().filter(|&k| !is_given(k)) {
        runs.extend(lloyd::from_all_seeds(&seeds, k, matrix.n_features()));
    }
    if race::pays(matrix, &sample, settings) {
        observe.event(Event::StageStarted { stage: "race" });
        let started = Instant::now();
        runs = race::race(engine, &sample, settings, runs, observe)?;
        finished(observe, "race", &sample, started);
    }
    drop(sample);

    observe.event(Event::StageStarted { stage: "cluster" });
    let started = Instant::now();
    runs.extend(start.filter(|start| settings.k.contains(&start.n_clusters())).cloned().map(Run::from_centroids));
    engine.load(matrix.clone())?;
    let ended = lloyd::advance(engine, matrix, settings, lloyd::numbered(runs), observe)?;
    // Who allows for a tolerance has no use for the last part of a part in a thousand.
    let polished = if settings.tol > 0.0 { ended } else { polish::polish(matrix, settings, ended, threads, observe)? };
    let candidates = settings.k.clone().map(|k| lloyd::best(&polished, k)).collect::<Result<_>>()?;
    finished(observe, "cluster", matrix, started);
    Ok(candidates)
}

/// Fits k-means for the largest k of the settings alone, from seeds: see [`sweep`].
pub fn fit(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    settings: &ClusterSettings,
    threads: usize,
    observe: &Observe,
) -> Result<Fit> {
    let k = *settings.k.end();
    let settings = ClusterSettings { k: k..=k, ..settings.clone() };
    let best = sweep(engine, matrix, &settings, None, threads, observe)?.pop();
    publish(engine, best.ok_or_else(|| Error::bug("a sweep without a candidate"))?, observe)
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
    let k = start.n_clusters();
    let ended = lloyd::advance(engine, matrix, settings, vec![Run::from_centroids(start)], observe)?;
    publish(engine, lloyd::best(&ended, k)?, observe)
}

fn check(matrix: &Matrix, settings: &ClusterSettings) -> Result<()> {
    let (smallest, largest) = (*settings.k.start(), *settings.k.end());
    let rows = (0..matrix.n_rows()).filter(|&row| matrix.weight(row) > 0).take(largest).count();
    if smallest == 0 || largest > CLUSTERS_MAX || smallest > largest {
        return Err(Error::job(format!("k is {smallest} to {largest}; it must lie between 1 and {CLUSTERS_MAX}")));
    }
    if rows < largest {
        return Err(Error::bad_data(format!("{rows} rows of positive weight cannot make {largest} clusters"))
            .hint(format!("choose k between 1 and {rows}, or give more rows")));
    }
    Ok(())
}

/// Labels every row of the loaded matrix. The last assignment belongs to the centroids that are published: it is made here, from them. Clusters that no row
/// is nearest to are left out, which changes no label.
pub fn publish(engine: &mut dyn Engine, candidate: Candidate, observe: &Observe) -> Result<Fit> {
    let Candidate { k_asked, centroids, sums, inertia, iterations, converged, restart } = candidate;
    let found = centroids.n_clusters();
    if found < k_asked {
        observe.warn_data(format!(
            "k fell from {k_asked} to {found}: the data has too few distinct rows for more clusters"
        ));
    }
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
