//! Exact squared distances of assigned rows, in integers: for the published distances and for empty clusters.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::lloyd::BLOCK_PANELS;
use super::pool::Pool;
use crate::engine::{Assignment, Row, distance};
use crate::grid::{Centroids, Matrix, PANEL_ROWS, WIDE};

/// Exact D of each row to its nearest and to its second-nearest centroid, in steps².
pub fn distances(
    matrix: &Matrix,
    centroids: &Centroids,
    assignment: &Assignment,
    rows: Range<usize>,
) -> Vec<(i128, i128)> {
    let d = matrix.n_features();
    let reach = centroids.values().iter().map(|c| c.abs()).max().unwrap_or(0) as f64 + WIDE as f64;
    // Integers below this are exact in f64 in any order.
    let is_exact = reach * reach * (d as f64) < (1u64 << 53) as f64;
    let floats: Vec<f64> = centroids.values().iter().map(|&c| c as f64).collect();
    let mut row = vec![0; d];
    if !matrix.visit(rows.start / PANEL_ROWS..rows.end.div_ceil(PANEL_ROWS)) {
        return vec![(0, 0); rows.len()];
    }
    rows.map(|index| {
        let labels = [&assignment.labels, &assignment.runners_up].map(|labels| usize::from(labels[index]));
        let first = index / PANEL_ROWS * d * PANEL_ROWS + index % PANEL_ROWS;
        if is_exact && matrix.panels()[first] < WIDE as f32 {
            let [nearest, second] = labels.map(|label| &floats[label * d..(label + 1) * d]);
            let values = matrix.panels()[first..].iter().step_by(PANEL_ROWS);
            let mut sums = [0.0; 2];
            for ((&q, a), b) in values.zip(nearest).zip(second) {
                let (q, [to_a, to_b]) = (f64::from(q), sums);
                sums = [to_a + (q - a) * (q - a), to_b + (q - b) * (q - b)];
            }
            // SAFETY: squared distances are whole numbers below 2^53.
            let [nearest, second] = sums.map(|sum| i128::from(unsafe { sum.to_int_unchecked::<i64>() }));
            return (nearest, second);
        }
        matrix.row(index, &mut row);
        let [nearest, second] = labels.map(|label| distance(&row, centroids.row(label)));
        (nearest, second)
    })
    .collect()
}

/// The `n` rows of positive weight farthest from their centroids, by (D descending, key ascending, row ascending).
pub(super) fn farthest(
    pool: &Pool,
    matrix: &Matrix,
    centroids: &Centroids,
    assignment: &Assignment,
    n: usize,
) -> Vec<Row> {
    let block = BLOCK_PANELS * PANEL_ROWS;
    let found: Mutex<Vec<Row>> = Mutex::new(Vec::new());
    pool.for_each(matrix.n_rows().div_ceil(block), &|_, index| {
        let mut row = vec![0; matrix.n_features()];
        let rows = index * block..((index + 1) * block).min(matrix.n_rows());
        let mut best: Vec<Row> = rows
            .filter(|&r| matrix.weight(r) > 0)
            .map(|r| {
                matrix.row(r, &mut row);
                let label = assignment.labels[r];
                let distance = distance(&row, centroids.row(usize::from(label)));
                Row { row: r as u64, label, distance, key: matrix.keys()[r] }
            })
            .collect();
        keep_farthest(&mut best, n);
        found.lock().unwrap_or_else(PoisonError::into_inner).extend(best);
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    keep_farthest(&mut found, n);
    found
}

fn keep_farthest(rows: &mut Vec<Row>, n: usize) {
    rows.sort_unstable_by_key(|r| (std::cmp::Reverse(r.distance), r.key, r.row));
    rows.truncate(n);
}
