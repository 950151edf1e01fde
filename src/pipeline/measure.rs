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
        let mut slice = Slice { rows: Rows::zero(rows.len()), inertia: 0 };
        let per_thread = rows.len().div_ceil(threads.max(1)).next_multiple_of(SLICE_ROWS).max(1);
        let Rows { clusters, distances, margins } = &mut slice.rows;
        let parts =
            clusters.chunks_mut(per_thread).zip(distances.chunks_mut(per_thread)).zip(margins.chunks_mut(per_thread));
        let parts: Vec<_> = rows.step_by(per_thread).zip(parts).collect();
        slice.inertia = std::thread::scope(|scope| {
            let workers: Vec<_> = parts
                .into_iter()
                .map(|(first, ((clusters, distances), margins))| {
                    scope.spawn(move || self.part(first, clusters, distances, margins, grid))
                })
                .collect();
            let inertia =
                workers.into_iter().map(|worker| worker.join().map_err(|_| Error::bug("a measuring thread ended")));
            inertia.sum::<Result<i128>>()
        })?;
        Ok(slice)
    }

    /// Fills in the rows from `first` on; gives back their Σ w·D.
    fn part(&self, first: usize, clusters: &mut [u16], distances: &mut [f64], margins: &mut [f64], grid: Grid) -> i128 {
        let single = self.n_clusters() == 1;
        clusters.copy_from_slice(&self.assignment.labels[first..first + clusters.len()]);
        let mut inertia = 0;
        let slices = distances.chunks_mut(SLICE_ROWS).zip(margins.chunks_mut(SLICE_ROWS));
        for (slice, (distances, margins)) in slices.enumerate() {
            let first = first + slice * SLICE_ROWS;
            let rows = first..first + distances.len();
            let exact = cpu::distances(&self.matrix, &self.centroids, &self.assignment, rows.clone());
            for (((row, (nearest, second)), to_nearest), margin) in rows.zip(exact).zip(distances).zip(margins) {
                inertia += i128::from(self.matrix.weight(row)) * nearest;
                *to_nearest = grid.distance(nearest);
                *margin = if single { 1.0 } else { margin_of(*to_nearest, grid.distance(second)) };
            }
        }
        inertia
    }
}

/// 1 - nearest / second nearest distance; 0 when both are 0.
fn margin_of(nearest: f64, second: f64) -> f64 {
    if second == 0.0 { 0.0 } else { 1.0 - nearest / second }
}
