//! The silhouette (Rousseeuw 1987): how much nearer, in the mean, a row is to the rows of its own cluster than to those
//! of the next one. (b - a) / max(a, b) per row, 0 for a row that is alone; it counts rows, whatever their weights.
//!
//! Exact on all rows up to a size; above it on a sample of each cluster, every sampled row still against *all* rows, with an
//! interval. Which it is depends on the number of rows alone, never on a clock.

use super::Labelled;
use super::fixed::{SHARE_BITS, fixed, mean};
use super::resample::smallest_keys;
use crate::engine::cpu::CpuEngine;
use crate::engine::{Groups, Neighbourhood, Neighbours};
use crate::error::Result;
use crate::grid::divide_half_even;
use crate::observe::Observe;

/// Rows of each cluster that a sample holds at least, as far as there are any: below, a variance says little.
const SAMPLED_ROWS_MIN: usize = 32;

/// Half the width of a 95 % interval, in standard errors.
const STANDARD_ERRORS: f64 = 1.959_963_984_540_054;

/// How much work a silhouette may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilhouetteBudget {
    /// Up to so many rows, every pair of rows is measured.
    pub rows_exact_max: usize,
    /// Above, about so many rows are measured against all.
    pub sample_rows: usize,
}

/// How a silhouette came about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SilhouetteMethod {
    /// All rows against all rows.
    Exact,
    /// So many rows against all rows; the mean over all lies between `low` and `high` with a probability of 95 %.
    Sample { rows: u64, low: f64, high: f64 },
}

/// Mean silhouettes, each between -1 and 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Silhouette {
    pub mean: f64,
    /// Per cluster, in the order of the labels; 0 for one without rows.
    pub clusters: Vec<f64>,
    pub method: SilhouetteMethod,
}

/// The silhouette on the CPU; none where fewer than two clusters have rows, or as many as there are rows.
pub fn silhouette(
    of: Labelled,
    budget: SilhouetteBudget,
    threads: usize,
    observe: &Observe,
) -> Result<Option<Silhouette>> {
    silhouette_on(&mut CpuEngine::new(threads, None), of, budget, observe)
}

/// The same on an engine of choice. On a GPU the last digits may differ from the CPU's.
pub fn silhouette_on(
    engine: &mut dyn Neighbours,
    of: Labelled,
    budget: SilhouetteBudget,
    observe: &Observe,
) -> Result<Option<Silhouette>> {
    let groups = Groups::new(of.matrix, of.labels, of.n_clusters);
    let n_rows = of.matrix.n_rows();
    let filled = (0..of.n_clusters).filter(|&cluster| groups.size(cluster) > 0).count();
    if filled < 2 || filled >= n_rows {
        return Ok(None);
    }
    let is_exact = n_rows <= budget.rows_exact_max;
    let asked = if is_exact { (0..n_rows).collect() } else { sample(&groups, budget.sample_rows) };
    let mut clusters = vec![Measured::default(); of.n_clusters];
    for (&row, neighbourhood) in asked.iter().zip(engine.neighbourhoods(&groups, &asked, observe)?) {
        clusters[groups.label(row)].add(share(neighbourhood));
    }
    let size = |cluster: usize| groups.size(cluster) as u64;
    let weighted = clusters.iter().enumerate().filter(|(_, measured)| measured.rows > 0);
    let sum = weighted.map(|(cluster, m)| i128::from(size(cluster)) * divide_half_even(m.sum, i128::from(m.rows)));
    let whole: i128 = if is_exact { clusters.iter().map(|measured| measured.sum).sum() } else { sum.sum() };
    let average = mean(whole, n_rows as u64, SHARE_BITS);
    let method = if is_exact {
        SilhouetteMethod::Exact
    } else {
        let error = STANDARD_ERRORS * standard_error(&clusters, size);
        SilhouetteMethod::Sample {
            rows: asked.len() as u64,
            low: (average - error).max(-1.0),
            high: (average + error).min(1.0),
        }
    };
    let clusters = clusters.iter().map(|m| if m.rows > 0 { mean(m.sum, m.rows, SHARE_BITS) } else { 0.0 });
    Ok(Some(Silhouette { mean: average, clusters: clusters.collect(), method }))
}

/// One row's silhouette.
fn share(of: Neighbourhood) -> f64 {
    match (of.own, of.other) {
        (Some(own), Some(other)) if own.max(other) > 0.0 => (other - own) / own.max(other),
        _ => 0.0,
    }
}

/// Silhouettes of the measured rows of a cluster, added up.
#[derive(Debug, Clone, Copy, Default)]
struct Measured {
    rows: u64,
    sum: i128,
    squares: i128,
}

impl Measured {
    fn add(&mut self, share: f64) {
        self.rows += 1;
        self.sum += fixed(share, SHARE_BITS);
        self.squares += fixed(share * share, SHARE_BITS);
    }

    /// Of the mean of a cluster of so many rows: what was not measured is all that is uncertain.
    fn variance(&self, size: u64) -> f64 {
        if self.rows < 2 || self.rows >= size {
            return 0.0;
        }
        let n = self.rows as f64;
        let centre = mean(self.sum, self.rows, SHARE_BITS);
        let spread = (mean(self.squares, self.rows, SHARE_BITS) - centre * centre).max(0.0) * n / (n - 1.0);
        spread / n * (1.0 - n / size as f64)
    }
}

/// Of the mean over all rows, from a stratified sample.
fn standard_error(clusters: &[Measured], size: impl Fn(usize) -> u64) -> f64 {
    let n_rows: u64 = (0..clusters.len()).map(&size).sum();
    let shares = clusters.iter().enumerate().map(|(cluster, measured)| {
        let part = size(cluster) as f64 / n_rows as f64;
        fixed(part * part * measured.variance(size(cluster)), SHARE_BITS)
    });
    mean(shares.sum(), 1, SHARE_BITS).sqrt()
}

/// Rows of every cluster in proportion to its size, those with the smallest keys.
fn sample(groups: &Groups, n: usize) -> Vec<usize> {
    let all = groups.matrix().n_rows() as u128;
    let mut rows = Vec::new();
    for cluster in 0..groups.n_clusters() {
        let size = groups.size(cluster);
        let share = (n as u128 * size as u128).div_ceil(all) as usize;
        let wanted = share.max(SAMPLED_ROWS_MIN).min(size);
        rows.extend(smallest_keys(groups.matrix(), groups.rows(cluster).to_vec(), wanted));
    }
    rows
}
