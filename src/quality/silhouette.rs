//! The silhouette (Rousseeuw 1987): how much nearer, in the mean, a row is to the rows of its own cluster than to those
//! of the next one. (b - a) / max(a, b) per row, 0 for a row that is alone; it counts rows, whatever their weights.
//!
//! Exact on all rows up to a size; above it on a sample of each cluster, every sampled row still against *all* rows, with an
//! interval. Which it is depends on the number of rows alone, never on a clock. Several clusterings of the same rows cost
//! little more than one: a distance is measured once for all of them.

use super::Labelled;
use super::fixed::{SHARE_BITS, fixed, mean};
use super::resample::smallest_keys;
use crate::engine::cpu::CpuEngine;
use crate::engine::{Groups, Labelling, Neighbourhood, Neighbours};
use crate::error::Result;
use crate::grid::{Matrix, divide_half_even};
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
    Ok(silhouettes_on(engine, &[of], budget, observe)?.pop().flatten())
}

/// The silhouettes of several clusterings of one matrix, each the same as it would be alone.
pub fn silhouettes(
    of: &[Labelled],
    budget: SilhouetteBudget,
    threads: usize,
    observe: &Observe,
) -> Result<Vec<Option<Silhouette>>> {
    silhouettes_on(&mut CpuEngine::new(threads, None), of, budget, observe)
}

/// The same on an engine of choice.
pub fn silhouettes_on(
    engine: &mut dyn Neighbours,
    of: &[Labelled],
    budget: SilhouetteBudget,
    observe: &Observe,
) -> Result<Vec<Option<Silhouette>>> {
    let Some(matrix) = of.first().map(|of| of.matrix) else { return Ok(Vec::new()) };
    assert!(of.iter().all(|of| std::ptr::eq(of.matrix, matrix)), "clusterings of one matrix");
    let mut found = vec![None; of.len()];
    let mut open: Vec<usize> = (0..of.len()).filter(|&number| has_silhouette(of[number])).collect();
    while !open.is_empty() {
        let labellings: Vec<Labelling> = open
            .iter()
            .map(|&number| Labelling { labels: of[number].labels, n_clusters: of[number].n_clusters })
            .collect();
        let groups = Groups::new(matrix, &labellings);
        let rest = open.split_off(groups.n_labellings());
        for (silhouette, number) in together(engine, &groups, &labellings, budget, observe)?.into_iter().zip(open) {
            found[number] = Some(silhouette);
        }
        open = rest;
    }
    Ok(found)
}

/// At least two clusters with rows, and fewer than rows.
fn has_silhouette(of: Labelled) -> bool {
    let mut filled = vec![false; of.n_clusters];
    of.labels.iter().for_each(|&label| filled[usize::from(label)] = true);
    let filled = filled.iter().filter(|&&filled| filled).count();
    filled >= 2 && filled < of.matrix.n_rows()
}

/// The silhouettes of clusterings that are measured together.
fn together(
    engine: &mut dyn Neighbours,
    groups: &Groups,
    labellings: &[Labelling],
    budget: SilhouetteBudget,
    observe: &Observe,
) -> Result<Vec<Silhouette>> {
    let (matrix, n) = (groups.matrix(), groups.n_labellings());
    if matrix.n_rows() <= budget.rows_exact_max {
        let asked: Vec<usize> = (0..matrix.n_rows()).collect();
        let found = engine.neighbourhoods(groups, &asked, observe)?;
        let one = |(number, labelling): (usize, &Labelling)| {
            let clusters = measured(labelling, asked.iter().map(|&row| (row, found[row * n + number])));
            let sum = clusters.iter().map(|measured| measured.sum).sum();
            Silhouette {
                mean: mean(sum, matrix.n_rows() as u64, SHARE_BITS),
                clusters: clusters.iter().map(Measured::mean).collect(),
                method: SilhouetteMethod::Exact,
            }
        };
        return Ok(labellings.iter().take(n).enumerate().map(one).collect());
    }
    // Every clustering has a sample of its own; they share most of their rows, because all take the smallest keys.
    let samples: Vec<Vec<usize>> =
        labellings.iter().take(n).map(|labelling| sample(matrix, labelling, budget.sample_rows)).collect();
    let mut asked = samples.concat();
    asked.sort_unstable();
    asked.dedup();
    let found = engine.neighbourhoods(groups, &asked, observe)?;
    let one = |(number, (labelling, sample)): (usize, (&Labelling, &Vec<usize>))| {
        let place = |row: &usize| asked.partition_point(|asked| asked < row);
        let clusters = measured(labelling, sample.iter().map(|row| (*row, found[place(row) * n + number])));
        stratified(labelling, &clusters, sample.len() as u64)
    };
    Ok(labellings.iter().zip(&samples).enumerate().map(one).collect())
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
    fn mean(&self) -> f64 {
        if self.rows > 0 { mean(self.sum, self.rows, SHARE_BITS) } else { 0.0 }
    }

    /// Of the mean of a cluster of so many rows: what was not measured is all that is uncertain.
    fn variance(&self, size: u64) -> f64 {
        if self.rows < 2 || self.rows >= size {
            return 0.0;
        }
        let n = self.rows as f64;
        let spread = (mean(self.squares, self.rows, SHARE_BITS) - self.mean() * self.mean()).max(0.0) * n / (n - 1.0);
        spread / n * (1.0 - n / size as f64)
    }
}

fn measured(labelling: &Labelling, rows: impl Iterator<Item = (usize, Neighbourhood)>) -> Vec<Measured> {
    let mut clusters = vec![Measured::default(); labelling.n_clusters];
    for (row, neighbourhood) in rows {
        let (cluster, share) = (&mut clusters[usize::from(labelling.labels[row])], share(neighbourhood));
        cluster.rows += 1;
        cluster.sum += fixed(share, SHARE_BITS);
        cluster.squares += fixed(share * share, SHARE_BITS);
    }
    clusters
}

/// The mean over all rows and its interval, from samples of each cluster.
fn stratified(labelling: &Labelling, clusters: &[Measured], rows: u64) -> Silhouette {
    let sizes = sizes(labelling);
    let n_rows = labelling.labels.len() as u64;
    let (mut sum, mut variance) = (0, 0);
    for (measured, &size) in clusters.iter().zip(&sizes).filter(|(measured, _)| measured.rows > 0) {
        sum += i128::from(size) * divide_half_even(measured.sum, i128::from(measured.rows));
        let part = size as f64 / n_rows as f64;
        variance += fixed(part * part * measured.variance(size), SHARE_BITS);
    }
    let average = mean(sum, n_rows, SHARE_BITS);
    let error = STANDARD_ERRORS * mean(variance, 1, SHARE_BITS).sqrt();
    let (low, high) = ((average - error).max(-1.0), (average + error).min(1.0));
    let clusters = clusters.iter().map(Measured::mean).collect();
    Silhouette { mean: average, clusters, method: SilhouetteMethod::Sample { rows, low, high } }
}

fn sizes(labelling: &Labelling) -> Vec<u64> {
    let mut sizes = vec![0; labelling.n_clusters];
    labelling.labels.iter().for_each(|&label| sizes[usize::from(label)] += 1);
    sizes
}

/// Rows of every cluster in proportion to its size, those with the smallest keys.
fn sample(matrix: &Matrix, labelling: &Labelling, n: usize) -> Vec<usize> {
    let mut clusters: Vec<Vec<usize>> = vec![Vec::new(); labelling.n_clusters];
    for (row, &label) in labelling.labels.iter().enumerate() {
        clusters[usize::from(label)].push(row);
    }
    let all = matrix.n_rows() as u128;
    let own = |rows: Vec<usize>| {
        let share = (n as u128 * rows.len() as u128).div_ceil(all) as usize;
        let wanted = share.max(SAMPLED_ROWS_MIN).min(rows.len());
        smallest_keys(matrix, rows, wanted)
    };
    clusters.into_iter().flat_map(own).collect()
}
