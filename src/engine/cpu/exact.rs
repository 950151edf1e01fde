//! Exact squared distances of assigned rows, in integers: for the published distances and for empty clusters.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::chosen::Chosen;
use super::lloyd::BLOCK_PANELS;
use super::pool::Pool;
use crate::engine::{Assignment, Row, distance};
use crate::grid::{Centroids, Matrix, PANEL_ROWS};

/// Exact D of each row to its nearest and to its second-nearest centroid, in steps².
pub fn distances(
    matrix: &Matrix,
    centroids: &Centroids,
    assignment: &Assignment,
    rows: Range<usize>,
) -> Vec<(i128, i128)> {
    if !matrix.visit(rows.start / PANEL_ROWS..rows.end.div_ceil(PANEL_ROWS)) {
        return vec![(0, 0); rows.len()];
    }
    let mut row = vec![0; matrix.n_features()];
    let mut in_integers = |index: usize| {
        matrix.row(index, &mut row);
        let to = |labels: &[u16]| distance(&row, centroids.row(usize::from(labels[index])));
        (to(&assignment.labels), to(&assignment.runners_up))
    };
    let points = Chosen::new(matrix.n_features(), centroids.values());
    let first_panel = rows.start / PANEL_ROWS;
    let squares = |labels: &[u16]| {
        let mut squares = vec![[0.0; PANEL_ROWS]; rows.end.div_ceil(PANEL_ROWS) - first_panel];
        points.squares(matrix, labels, first_panel, &mut squares);
        squares
    };
    let (nearest, second) = (squares(&assignment.labels), squares(&assignment.runners_up));
    let skipped = rows.start - first_panel * PANEL_ROWS;
    let found = nearest.as_flattened().iter().zip(second.as_flattened()).skip(skipped);
    // Whole numbers below 2^53.
    let mut distances: Vec<(i128, i128)> =
        found.take(rows.len()).map(|(&nearest, &second)| (whole(nearest), whole(second))).collect();
    for row in [&assignment.labels, &assignment.runners_up]
        .into_iter()
        .flat_map(|labels| points.unmeasured(matrix, labels, rows.clone()))
    {
        distances[row - rows.start] = in_integers(row);
    }
    distances
}

#[inline(always)]
fn whole(square: f64) -> i128 {
    // A sum of squares of whole numbers, below 2^53.
    i128::from(square as i64)
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
