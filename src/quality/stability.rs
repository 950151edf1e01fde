//! Stability: would other customers from the same crowd have given the same clusters? The clustering is repeated on
//! resamples, half samples and bootstraps, and each repeat is compared with the clustering that is to be judged: the
//! adjusted Rand index over all, Jaccard per cluster (Hennig 2007).
//!
//! Everything happens on a hashed sample of at most 131,072 rows. A repeat clusters every k together, from fresh seeds, and
//! then labels the whole sample. Whoever reads a Jaccard may take 0.75 for stable and 0.5 for dissolved.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::agreement::{adjusted_rand_index, jaccard};
use super::fixed::{SHARE_BITS, fixed, mean};
use super::resample::{Resample, draw, smallest_keys, some};
use crate::engine::Engine;
use crate::engine::cpu::{CpuEngine, threads_or_all};
use crate::error::{Error, Result};
use crate::grid::Matrix;
use crate::job::ClusterSettings;
use crate::kmeans::{best_of_each, continue_each};
use crate::observe::{Event, Observe};

/// Rows that repeats look at.
const SAMPLE_ROWS_MAX: usize = 131_072;

/// Rows of each cluster that are in the sample at least, as far as there are any: a cluster without rows could not be
/// found again.
const CLUSTER_ROWS_MIN: usize = 32;

/// Starts per repeat; they race on a sample of the resample, and the best one for each k goes on with all of it.
const STARTS: u32 = 4;

/// Rows of that sample.
const RACE_ROWS: usize = 8192;

/// A repeat ends where centroids move by less than this share of the variance: labels of a few rows in a thousand
/// still change then, and a Jaccard of two digits does not.
const TOL: f64 = 1e-4;

const ITERATIONS_MAX: u32 = 100;

/// A clustering of all rows that is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Reference<'a> {
    /// What the repeats are asked for.
    pub k: usize,
    pub labels: &'a [u16],
    pub n_clusters: usize,
}

/// How well a clustering was found again.
#[derive(Debug, Clone, PartialEq)]
pub struct Stability {
    pub k: usize,
    /// Mean over the repeats.
    pub adjusted_rand_index: f64,
    /// Mean over the repeats of the best Jaccard index per cluster, in the order of the labels handed in.
    pub jaccard: Vec<f64>,
    /// Clusterings it was compared with: as many on half samples as on bootstraps.
    pub repeats: u32,
}

/// Judges clusterings of the same rows by `repeats` half samples and as many bootstraps. Of `settings` only the seed
/// matters.
pub fn stability(
    matrix: &Arc<Matrix>,
    fits: &[Reference],
    settings: &ClusterSettings,
    repeats: u32,
    threads: usize,
    observe: &Observe,
) -> Result<Vec<Stability>> {
    let rows = sample(matrix, fits);
    let whole = rows.len() == matrix.n_rows();
    let sample = if whole { matrix.clone() } else { Arc::new(matrix.select(&rows)) };
    let references: Vec<Vec<u16>> = fits.iter().map(|fit| rows.iter().map(|&row| fit.labels[row]).collect()).collect();

    let n_repeats = 2 * repeats as usize;
    let found: Mutex<Vec<Vec<Agreement>>> = Mutex::new(vec![Vec::new(); n_repeats]);
    let failure: Mutex<Option<Error>> = Mutex::new(None);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        let mut engine = CpuEngine::new(1, None);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= n_repeats {
                break;
            }
            match repeat(&mut engine, &sample, fits, &references, settings, number as u64, observe) {
                Ok(agreements) => lock(&found)[number] = agreements,
                Err(error) => {
                    next.store(n_repeats, Ordering::Relaxed);
                    lock(&failure).get_or_insert(error);
                    break;
                }
            }
            let done = done.fetch_add(1, Ordering::Relaxed) as u64 + 1;
            observe.event(Event::Progress { stage: "stability", done, total: n_repeats as u64 });
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads_or_all(threads).min(n_repeats) {
            scope.spawn(work);
        }
        work();
    });
    if let Some(error) = lock(&failure).take() {
        return Err(error);
    }
    let found = lock(&found);
    Ok(fits.iter().enumerate().map(|(index, fit)| summary(fit, found.iter().map(|repeat| &repeat[index]))).collect())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One repeat against one reference, in fixed point.
#[derive(Debug, Clone)]
struct Agreement {
    adjusted_rand_index: i128,
    jaccard: Vec<i128>,
}

/// One resample, clustered for every k; even numbers are half samples, odd ones bootstraps.
fn repeat(
    engine: &mut CpuEngine,
    sample: &Arc<Matrix>,
    fits: &[Reference],
    references: &[Vec<u16>],
    settings: &ClusterSettings,
    number: u64,
    observe: &Observe,
) -> Result<Vec<Agreement>> {
    observe.check_stop()?;
    let kind = if number.is_multiple_of(2) { Resample::Half } else { Resample::Bootstrap };
    let rows = kind.rows(sample, number);
    // A table of a few rows may draw none that counts.
    let counts = rows.iter().any(|&row| sample.weight(row) > 0);
    let resample = if counts { Arc::new(sample.select(&rows)) } else { sample.clone() };
    let ks: Vec<usize> = fits.iter().map(|fit| fit.k).collect();
    let seed = draw(settings.seed, number);
    let settings = ClusterSettings { n_init: STARTS, max_iter: ITERATIONS_MAX, tol: TOL, seed, ..settings.clone() };
    let raced = if resample.n_rows() > 2 * RACE_ROWS {
        Arc::new(resample.select(&some(&resample, RACE_ROWS, seed)))
    } else {
        resample.clone()
    };
    let mut models = best_of_each(engine, &raced, &ks, &settings, 1, observe)?;
    if raced.n_rows() < resample.n_rows() {
        let starts = models.into_iter().map(|(model, _)| model).collect();
        models = continue_each(engine, &resample, starts, &settings, observe)?;
    }
    engine.load(sample.clone())?;
    let mut agreements = Vec::with_capacity(fits.len());
    for ((fit, reference), (model, _)) in fits.iter().zip(references).zip(&models) {
        let labels = engine.labels(model)?;
        let jaccard = jaccard(reference, fit.n_clusters, &labels, model.n_clusters());
        agreements.push(Agreement {
            adjusted_rand_index: fixed(adjusted_rand_index(reference, &labels), SHARE_BITS),
            jaccard: jaccard.into_iter().map(|index| fixed(index, SHARE_BITS)).collect(),
        });
    }
    Ok(agreements)
}

fn summary<'a>(fit: &Reference, repeats: impl Iterator<Item = &'a Agreement> + Clone) -> Stability {
    let n = repeats.clone().count() as u64;
    let over = |figure: &dyn Fn(&Agreement) -> i128| mean(repeats.clone().map(figure).sum(), n.max(1), SHARE_BITS);
    Stability {
        k: fit.k,
        adjusted_rand_index: over(&|repeat| repeat.adjusted_rand_index),
        jaccard: (0..fit.n_clusters).map(|cluster| over(&|repeat| repeat.jaccard[cluster])).collect(),
        repeats: n as u32,
    }
}

/// Rows that the repeats look at, ascending: those with the smallest keys, and some of every cluster.
fn sample(matrix: &Matrix, fits: &[Reference]) -> Vec<usize> {
    let mut rows = smallest_keys(matrix, (0..matrix.n_rows()).collect(), SAMPLE_ROWS_MAX);
    if rows.len() == matrix.n_rows() {
        return rows;
    }
    for fit in fits {
        assert_eq!(fit.labels.len(), matrix.n_rows(), "one label per row");
        let mut missing = vec![CLUSTER_ROWS_MIN; fit.n_clusters];
        for &row in &rows {
            let missing = &mut missing[usize::from(fit.labels[row])];
            *missing = missing.saturating_sub(1);
        }
        for cluster in (0..fit.n_clusters).filter(|&cluster| missing[cluster] > 0) {
            let own = (0..matrix.n_rows()).filter(|&row| usize::from(fit.labels[row]) == cluster).collect();
            rows.extend(smallest_keys(matrix, own, CLUSTER_ROWS_MIN));
        }
    }
    rows.sort_unstable();
    rows.dedup();
    rows
}
