//! The simplified silhouette: distances to centroids instead of mean distances to rows, so that it costs one look at each
//! row. For a row it is 1 - nearest / second nearest, the margin of its assignment.

use super::fixed::{SHARE_BITS, fixed, mean};
use super::over::ranges;
use crate::engine::{Assignment, cpu};
use crate::grid::{Centroids, Matrix, PANEL_ROWS};

/// Rows that are measured at a time, so that little is kept per row.
const SLICE_ROWS: usize = 8192;

/// Mean over rows of 1 - nearest / second-nearest distance to the centroids; 0 for a row that both are on. None with
/// fewer than two clusters or without rows. `assignment` holds numbers of `centroids`.
pub fn simplified_silhouette(
    matrix: &Matrix,
    centroids: &Centroids,
    assignment: &Assignment,
    threads: usize,
) -> Option<f64> {
    if centroids.n_clusters() < 2 || matrix.n_rows() == 0 {
        return None;
    }
    let parts = ranges(matrix.n_rows(), PANEL_ROWS, threads, |rows| {
        let mut sum = 0i128;
        for first in rows.clone().step_by(SLICE_ROWS) {
            let slice = first..rows.end.min(first + SLICE_ROWS);
            for (nearest, second) in cpu::distances(matrix, centroids, assignment, slice) {
                if second > 0 {
                    sum += fixed(1.0 - (nearest as f64).sqrt() / (second as f64).sqrt(), SHARE_BITS);
                }
            }
        }
        sum
    });
    Some(mean(parts.iter().sum(), matrix.n_rows() as u64, SHARE_BITS))
}
