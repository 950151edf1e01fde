//! The gap statistic (Tibshirani, Walther and Hastie 2001): how much smaller the scatter within clusters is than it would
//! be where there are no clusters at all, on a logarithmic scale. The reference is drawn evenly from the box that the
//! columns span.
//!
//! Data and references have the same number of rows, a hashed sample of the data at most, and are clustered alike.

use std::sync::Arc;

use super::resample::{draw, smallest_keys};
use crate::engine::cpu::CpuEngine;
use crate::error::Result;
use crate::grid::Matrix;
use crate::job::ClusterSettings;
use crate::kmeans::best_of_each;
use crate::observe::Observe;

/// Rows of the sample and of each reference.
const SAMPLE_ROWS_MAX: usize = 16_384;

/// Starts per clustering.
const STARTS: u32 = 4;

const ITERATIONS_MAX: u32 = 100;

const TOL: f64 = 1e-4;

/// The gap at one k.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    pub k: usize,
    /// Mean of ln(inertia / weight) over the references, less that of the data.
    pub gap: f64,
    /// Its standard deviation over the references times sqrt(1 + 1/references): the smallest k whose gap is at least the
    /// next one's less the next one's standard error is the one to take.
    pub standard_error: f64,
}

/// The gap at each of `ks`, from `references` draws. Empty where some clustering has no scatter at all, as with fewer
/// distinct rows than clusters. Of `settings` only the seed matters.
pub fn gap(
    matrix: &Arc<Matrix>,
    ks: &[usize],
    settings: &ClusterSettings,
    references: u32,
    threads: usize,
    observe: &Observe,
) -> Result<Vec<Gap>> {
    let rows = smallest_keys(matrix, (0..matrix.n_rows()).collect(), SAMPLE_ROWS_MAX);
    let sample = Arc::new(matrix.select(&rows));
    let settings = ClusterSettings { n_init: STARTS, max_iter: ITERATIONS_MAX, tol: TOL, ..settings.clone() };
    let mut engine = CpuEngine::new(threads, None);
    let mut logarithms = |matrix: &Arc<Matrix>| -> Result<Option<Vec<f64>>> {
        observe.check_stop()?;
        let models = best_of_each(&mut engine, matrix, ks, &settings, threads, observe)?;
        // Per unit of weight: the references have none.
        let weight = matrix.facts().weight as f64;
        Ok(models.iter().map(|&(_, inertia)| (inertia > 0).then(|| libm::log(inertia as f64 / weight))).collect())
    };
    let Some(own) = logarithms(&sample)? else { return Ok(Vec::new()) };
    let mut drawn = Vec::with_capacity(references as usize);
    for number in 0..references {
        let reference = Arc::new(reference(&sample, settings.seed, u64::from(number)));
        let Some(logarithms) = logarithms(&reference)? else { return Ok(Vec::new()) };
        drawn.push(logarithms);
    }
    let n = f64::from(references.max(1));
    Ok(ks
        .iter()
        .enumerate()
        .map(|(index, &k)| {
            let mean = drawn.iter().map(|logarithms| logarithms[index]).sum::<f64>() / n;
            let squares = drawn.iter().map(|logarithms| (logarithms[index] - mean) * (logarithms[index] - mean));
            let deviation = (squares.sum::<f64>() / n).sqrt();
            Gap { k, gap: mean - own[index], standard_error: deviation * (1.0 + 1.0 / n).sqrt() }
        })
        .collect())
}

/// As many rows as `of` has, each coordinate drawn evenly between the least and the largest of its column.
fn reference(of: &Matrix, seed: u64, number: u64) -> Matrix {
    let (n, d) = (of.n_rows(), of.n_features());
    let mut box_ends = vec![(i64::MAX, i64::MIN); d];
    let mut row = vec![0; d];
    for index in 0..n {
        of.row(index, &mut row);
        for (ends, &q) in box_ends.iter_mut().zip(&row) {
            *ends = (ends.0.min(q), ends.1.max(q));
        }
    }
    let stream = draw(seed, number);
    let rows: Vec<Vec<i64>> = (0..n as u64)
        .map(|index| {
            let coordinate = |(feature, &(low, high)): (usize, &(i64, i64))| {
                let width = (high - low) as u128 + 1;
                low + ((u128::from(draw(stream ^ index, feature as u64)) * width) >> 64) as i64
            };
            box_ends.iter().enumerate().map(coordinate).collect()
        })
        .collect();
    Matrix::from_rows(d, &rows, None, (0..n as u64).map(|index| draw(index, stream)).collect())
}
