//! How near each published decision was: exact distances to the nearest and the second-nearest centroid, slice by
//! slice, so that nothing per row is kept but the two labels.

use std::ops::Range;
use std::sync::Arc;

use crate::engine::{Assignment, cpu};
use crate::error::{Error, Result};
use crate::grid::{Centroids, Grid, Matrix};
use crate::kmeans::Fit;
use crate::store::Rows;

/// Rows that one thread measures at a time.
const SLICE_ROWS: usize = 8192;

/// A fit in published numbering, with the rows it labels.
#[derive(Debug)]
pub(super) struct Measured {
    matrix: Arc<Matrix>,
    centroids: Centroids,
    assignment: Assignment,
}

/// Rows of the output and their exact Σ w·D.
#[derive(Debug, Default)]
pub(super) struct Slice {
    pub rows: Rows,
    pub inertia: i128,
}

impl Measured {
    /// Takes the labels out of the fit and renumbers them in place.
    pub(super) fn new(fit: &mut Fit, matrix: Arc<Matrix>) -> Self {
        let mut assignment = std::mem::take(&mut fit.assignment);
        for labels in [&mut assignment.labels, &mut assignment.runners_up] {
            labels.iter_mut().for_each(|label| *label = fit.published[usize::from(*label)]);
        }
        let mut order: Vec<usize> = (0..fit.published.len()).collect();
        order.sort_by_key(|&internal| fit.published[internal]);
        let values = order.iter().flat_map(|&internal| fit.centroids.row(internal)).copied().collect();
        let Centroids { model, generation, .. } = fit.centroids;
        let centroids = Centroids::new(model, generation, fit.centroids.n_features(), values);
        Self { matrix, centroids, assignment }
    }

    /// Published numbers, in row order.
    pub(super) fn labels(&self) -> &[u16] {
        &self.assignment.labels
    }

    pub(super) fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    pub(super) fn n_clusters(&self) -> usize {
        self.centroids.n_clusters()
    }

    /// The output of some rows. Threads change no bit: each row is on its own, and the sum is of integers.
    pub(super) fn slice(&self, rows: Range<usize>, grid: Grid, threads: usize) -> Result<Slice> {
        if rows.end > self.matrix.n_rows() {
            return Err(Error::bad_data("the data changed between two reads")
                .hint("run again once nothing writes to the source"));
        }
        let per_thread = rows.len().div_ceil(threads.max(1)).next_multiple_of(SLICE_ROWS);
        let parts: Vec<Range<usize>> =
            rows.clone().step_by(per_thread.max(1)).map(|first| first..rows.end.min(first + per_thread)).collect();
        let slices: Vec<Slice> = std::thread::scope(|scope| {
            let workers: Vec<_> = parts.into_iter().map(|part| scope.spawn(|| self.part(part, grid))).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().map_err(|_| Error::bug("a measuring thread ended")))
                .collect::<Result<_>>()
        })?;
        let mut whole = Slice::default();
        for slice in slices {
            whole.rows.append(slice.rows);
            whole.inertia += slice.inertia;
        }
        Ok(whole)
    }

    fn part(&self, rows: Range<usize>, grid: Grid) -> Slice {
        let single = self.n_clusters() == 1;
        let mut slice = Slice::default();
        slice.rows.clusters.extend_from_slice(&self.assignment.labels[rows.clone()]);
        for first in rows.clone().step_by(SLICE_ROWS) {
            let some = first..rows.end.min(first + SLICE_ROWS);
            let exact = cpu::distances(&self.matrix, &self.centroids, &self.assignment, some.clone());
            for (row, (nearest, second)) in some.zip(exact) {
                slice.inertia += i128::from(self.matrix.weight(row)) * nearest;
                let distance = grid.distance(nearest);
                slice.rows.distances.push(distance);
                slice.rows.margins.push(if single { 1.0 } else { margin(distance, grid.distance(second)) });
            }
        }
        slice
    }
}

/// 1 - nearest / second nearest distance; 0 when both are 0.
fn margin(nearest: f64, second: f64) -> f64 {
    if second == 0.0 { 0.0 } else { 1.0 - nearest / second }
}
