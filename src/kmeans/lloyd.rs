//! Lloyd's iterations over all living runs at once, to the fixed point, `tol` or `max_iter`.
//!
//! On the grid an update is the exact minimiser, so inertia never rises and a run ends at a true fixed point. A run
//! that has ended leaves the batch.

use std::time::Instant;

use super::Candidate;
use super::repair::{collapse, expand, refill};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::grid::{Centroids, Matrix, Sums};
use crate::job::ClusterSettings;
use crate::observe::{Event, Observe};

/// One restart of one k on its way. `sums` and `inertia` belong to `centroids` once the run has ended.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// What was asked for; clusters that cannot be filled are dropped on the way.
    pub k_asked: usize,
    pub restart: u32,
    pub centroids: Centroids,
    pub sums: Sums,
    pub inertia: i128,
    pub iterations: u32,
    pub converged: bool,
}

impl Run {
    /// From the first k seeds. There may be fewer: the missing ones start on top of the first, so that they are found
    /// empty and take the farthest rows.
    pub fn from_seeds(seeds: &[i64], k: usize, restart: u32, n_features: usize) -> Self {
        let mut values = seeds[..seeds.len().min(k * n_features)].to_vec();
        while values.len() < k * n_features {
            values.extend_from_within(..n_features);
        }
        Self { restart, ..Self::from_centroids(Centroids::new(0, 0, n_features, values)) }
    }

    /// A run of its own.
    pub fn from_centroids(centroids: Centroids) -> Self {
        let (k, d) = (centroids.n_clusters(), centroids.n_features());
        let sums = Sums::zero(k, d);
        Self { k_asked: k, restart: 0, centroids, sums, inertia: i128::MAX, iterations: 0, converged: false }
    }

    /// The same run from where it is, on other rows: clusters that these could not fill have another chance there.
    pub fn again(self) -> Self {
        Self::from_seeds(self.centroids.values(), self.k_asked, self.restart, self.centroids.n_features())
    }
}

/// A run of k clusters from the seeds of each restart.
pub(super) fn from_all_seeds(seeds: &[Vec<i64>], k: usize, n_features: usize) -> impl Iterator<Item = Run> {
    let seeded = seeds.iter().enumerate();
    seeded.map(move |(restart, seeds)| Run::from_seeds(seeds, k, restart as u32, n_features))
}

/// The runs as models with numbers of their own.
pub(super) fn numbered(runs: Vec<Run>) -> Vec<Run> {
    let numbered = |(number, run): (usize, Run)| Run { centroids: run.centroids.numbered(number as u32), ..run };
    runs.into_iter().enumerate().map(numbered).collect()
}

/// Advances all runs to their ends.
pub(super) fn advance(
    engine: &mut dyn Engine,
    matrix: &Matrix,
    settings: &ClusterSettings,
    runs: Vec<Run>,
    observe: &Observe,
) -> Result<Vec<Run>> {
    advance_while(engine, matrix, settings, runs, |_, _| true, observe)
}

/// The same, but a run also ends where nothing is hoped of it any more, given how much lower its inertia is than the one
/// before.
pub(super) fn advance_while(
    engine: &mut dyn Engine,
    matrix: &Matrix,
    settings: &ClusterSettings,
    mut living: Vec<Run>,
    mut hopes: impl FnMut(&Run, i128) -> bool,
    observe: &Observe,
) -> Result<Vec<Run>> {
    let shift_max = shift_max(matrix, settings.tol);
    let all = living.len();
    let mut ended = Vec::with_capacity(living.len());
    // One pass more than `max_iter`: runs that did not reach a fixed point are measured where they stopped.
    for iteration in 1..=settings.max_iter.saturating_add(1) {
        observe.check_stop()?;
        let started = Instant::now();
        let sums = pass(engine, &living)?;
        let ks = living.iter().map(|run| run.k_asked);
        let k = ks.fold((usize::MAX, 0), |(least, most), k| (least.min(k), most.max(k)));
        let mut still = Vec::with_capacity(living.len());
        let (models, mut lowest) = (living.len(), i128::MAX);
        for (mut run, sums) in living.into_iter().zip(sums) {
            let inertia = run.centroids.inertia(matrix.facts().squares, &sums);
            lowest = lowest.min(inertia);
            let gained = run.inertia - inertia;
            (run.inertia, run.sums) = (inertia, sums);
            if run.converged || run.iterations == settings.max_iter || !hopes(&run, gained) {
                ended.push(run);
                continue;
            }
            run.iterations = iteration;
            let next = update(engine, matrix, &run)?;
            let shift = shift(&run.centroids, &next);
            if shift == Some(0) {
                run.converged = true;
                ended.push(run);
                continue;
            }
            run.converged = shift.is_some_and(|s| s <= shift_max);
            run.centroids = next;
            still.push(run);
        }
        living = still;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let best_inertia = lowest as f64;
        let done = ended.len();
        observe.event(Event::PassFinished { iteration, models, k, done, all, best_inertia, milliseconds });
        if living.is_empty() {
            break;
        }
    }
    Ok(ended)
}

/// The best run of a k: lowest exact inertia, then lowest restart.
pub(super) fn best(runs: &[Run], k: usize) -> Result<Candidate> {
    let best = runs.iter().filter(|run| run.k_asked == k).min_by_key(|run| (run.inertia, run.restart));
    let Run { k_asked, restart, centroids, sums, inertia, iterations, converged } =
        best.cloned().ok_or_else(|| Error::bug("no restart came to an end"))?;
    Ok(Candidate { k_asked, centroids, sums, inertia, iterations, converged, restart })
}

/// One pass for all runs. Identical centroids are handed to the engine once: the later ones get no rows.
fn pass(engine: &mut dyn Engine, living: &[Run]) -> Result<Vec<Sums>> {
    let collapsed: Vec<_> = living.iter().map(|run| collapse(&run.centroids)).collect();
    let models: Vec<Centroids> = collapsed.iter().map(|(model, _)| model.clone()).collect();
    let sums = engine.step(&models)?;
    Ok(collapsed
        .iter()
        .zip(sums)
        .zip(living)
        .map(|(((_, kept), sums), run)| expand(&run.centroids, kept, sums))
        .collect())
}

/// The next centroids: means, after empty clusters took the farthest rows. Clusters that cannot be filled are dropped.
fn update(engine: &mut dyn Engine, matrix: &Matrix, run: &Run) -> Result<Centroids> {
    let empty: Vec<usize> = (0..run.centroids.n_clusters()).filter(|&c| run.sums.weights[c] == 0).collect();
    if empty.is_empty() {
        return Ok(run.centroids.update(&run.sums));
    }
    refill(engine, matrix, &run.centroids, &run.sums, &empty)
}

/// Σ |Δc|² between two generations, or None where the number of clusters changed.
fn shift(old: &Centroids, new: &Centroids) -> Option<i128> {
    let squared = |(&a, &b): (&i64, &i64)| (i128::from(a) - i128::from(b)).pow(2);
    (old.n_clusters() == new.n_clusters()).then(|| old.values().iter().zip(new.values()).map(squared).sum())
}

/// `tol` times the mean variance of the features, in whole steps²: what Σ |Δc|² may be at the end.
fn shift_max(matrix: &Matrix, tol: f64) -> i128 {
    let facts = matrix.facts();
    let (weight, d) = (facts.weight.max(1) as f64, matrix.n_features() as f64);
    let means: f64 = facts.columns.iter().map(|&s| (s as f64 / weight) * (s as f64 / weight)).sum();
    (tol * ((facts.squares as f64 / weight - means) / d)).max(0.0) as i128
}
