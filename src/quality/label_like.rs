//! Features that are cluster labels, told by their content. A label of an earlier clustering that was left in the table
//! pulls every score up: the clusters agree with it because it says where they were.
//!
//! A feature is one when it has few values, and its values do to the other features what k-means with as many clusters
//! would do to them: every customer lies nearest to the mean of the customers of its own value, and the values explain
//! nearly as much of the variance. A real category, such as a satisfaction from 1 to 5, does neither.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Labelled, explained_variance};
use crate::engine::Engine;
use crate::engine::cpu::CpuEngine;
use crate::error::Result;
use crate::grid::{Centroids, Grid, Matrix, Sums};
use crate::job::ClusterSettings;
use crate::kmeans;
use crate::observe::Observe;

/// Rows that are looked at: a hashed sample.
const SAMPLE_ROWS: usize = 8_192;

/// Too few rows for an accident to be told from a label.
const ROWS_MIN: usize = 50;

/// Values that a label may have.
const VALUES_MAX: usize = 64;

/// Share of customers that lie nearest to the mean of their own value.
const FAITHFUL_MIN: f64 = 0.98;

/// Part of what k-means explains that the values explain.
const EXPLAINED_MIN: f64 = 0.9;

/// A feature that looks like a label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelLike {
    pub feature: usize,
    pub values: usize,
    /// Share of the sampled customers that lie nearest to the mean of their own value.
    pub faithful: f64,
}

/// The features of a matrix that look like labels, in order.
pub fn label_like(matrix: &Matrix, grid: Grid, threads: usize, observe: &Observe) -> Result<Vec<LabelLike>> {
    let mut found = Vec::new();
    if matrix.n_features() < 2 || matrix.n_rows() < ROWS_MIN {
        return Ok(found);
    }
    let sample = matrix.select(&matrix.sample_rows(SAMPLE_ROWS));
    for feature in 0..matrix.n_features() {
        let (labels, values) = groups(&sample, feature);
        if !(2..=VALUES_MAX.min(sample.n_rows() / 5)).contains(&values) {
            continue;
        }
        let others = Arc::new(sample.without(feature));
        let faithful = faithful(&others, &labels, values)?;
        if faithful >= FAITHFUL_MIN && explains(&others, grid, &labels, values, threads, observe)? {
            found.push(LabelLike { feature, values, faithful });
        }
    }
    Ok(found)
}

/// The rows grouped by one feature's value, and how many values there are.
fn groups(sample: &Matrix, feature: usize) -> (Vec<u16>, usize) {
    let mut row = vec![0; sample.n_features()];
    let mut value = |at: usize| {
        sample.row(at, &mut row);
        row[feature]
    };
    let column: Vec<i64> = (0..sample.n_rows()).map(&mut value).collect();
    let mut numbers: BTreeMap<i64, u16> = BTreeMap::new();
    for &value in &column {
        if numbers.len() > VALUES_MAX {
            break;
        }
        numbers.insert(value, 0);
    }
    numbers.values_mut().zip(0..).for_each(|(number, at)| *number = at);
    let labels = column.iter().map(|value| numbers.get(value).copied().unwrap_or(0)).collect();
    (labels, numbers.len())
}

/// Share of rows that lie nearest to the mean of their own group.
fn faithful(others: &Arc<Matrix>, labels: &[u16], values: usize) -> Result<f64> {
    let d = others.n_features();
    let mut sums = Sums::zero(values, d);
    let mut row = vec![0; d];
    for (at, &label) in labels.iter().enumerate() {
        others.row(at, &mut row);
        let (label, weight) = (usize::from(label), others.weight(at));
        sums.rows[label] += 1;
        sums.weights[label] += u64::from(weight);
        for (sum, &q) in sums.sums[label * d..(label + 1) * d].iter_mut().zip(&row) {
            *sum += i128::from(weight) * i128::from(q);
        }
    }
    let means = Centroids::new(0, 0, d, vec![0; values * d]).update(&sums);
    let mut engine = CpuEngine::new(1, None);
    engine.load(others.clone())?;
    let nearest = engine.assign(&means)?;
    let own = nearest.labels.iter().zip(labels).filter(|(nearest, own)| nearest == own).count();
    Ok(own as f64 / labels.len() as f64)
}

/// Whether the groups explain nearly what k-means with as many clusters explains.
fn explains(
    others: &Arc<Matrix>,
    grid: Grid,
    labels: &[u16],
    values: usize,
    threads: usize,
    observe: &Observe,
) -> Result<bool> {
    let explained = |labels: &[u16], n_clusters| {
        let of = Labelled { matrix: others, grid, labels, n_clusters };
        explained_variance(of, threads).unwrap_or(0.0)
    };
    let settings = ClusterSettings { n_init: 3, max_iter: 50, tol: 1e-3, ..ClusterSettings::plain(values) };
    let fit = kmeans::fit(&mut CpuEngine::new(threads, None), others, &settings, threads, &observe.silent())?;
    let best = explained(&fit.assignment.labels, fit.centroids.n_clusters());
    Ok(best > 0.0 && explained(labels, values) >= EXPLAINED_MIN * best)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { exponent: -14 };

    fn hash(n: u64) -> u64 {
        let z = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
    }

    /// Two features that overlap in no clear groups, and a third that `label` makes of them.
    fn table(label: impl Fn(u64, &[i64]) -> i64) -> Matrix {
        let noise = |at: u64| (0..6).map(|salt| (hash(at * 8 + salt) % 20_000) as i64 - 10_000).sum::<i64>();
        let rows: Vec<Vec<i64>> = (1..3000)
            .map(|n| {
                let mut row = vec![noise(2 * n), noise(2 * n + 1)];
                let own = label(n, &row);
                row.push(16_384 * own);
                row
            })
            .collect();
        Matrix::from_rows(3, &rows, None, (1..3000).map(hash).collect())
    }

    fn found(matrix: &Matrix) -> Vec<usize> {
        let found = label_like(matrix, GRID, 1, &Observe::default()).unwrap();
        found.iter().map(|found| found.feature).collect()
    }

    #[test]
    fn the_labels_of_a_clustering_are_found_and_categories_are_not() {
        let plain = Arc::new(table(|_, _| 0).without(2));
        let settings = ClusterSettings { n_init: 4, ..ClusterSettings::plain(4) };
        let fit = kmeans::fit(&mut CpuEngine::new(1, None), &plain, &settings, 1, &Observe::default()).unwrap();
        let labels = fit.assignment.labels;
        assert_eq!(found(&table(|n, _| i64::from(labels[n as usize - 1]))), [2]);
        // What has nothing to do with the others, and what goes with one of them without following it.
        assert_eq!(found(&table(|n, _| (hash(n + 7) % 5) as i64)), [0usize; 0]);
        assert_eq!(found(&table(|n, row| (row[0] + (hash(n) % 9_000) as i64) / 8_000)), [0usize; 0]);
        // A third of the labels is wrong: nobody's clustering of these features.
        let blurred = |n: u64, _: &[i64]| if hash(n).is_multiple_of(3) { 0 } else { i64::from(labels[n as usize - 1]) };
        assert_eq!(found(&table(blurred)), [0usize; 0]);
    }
}
