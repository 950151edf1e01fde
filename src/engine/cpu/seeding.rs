//! Squared distances from a sample to candidate seeds, for greedy k-means++. All of it is exact: D of narrow rows are
//! integers below 2^53 and therefore exact in f64 in any order; wide rows go through integers and are rounded once.

use super::simd::{Kernel, SimdLevel};
use super::vector::Vector;
use crate::engine::distance;
use crate::grid::{Matrix, PANEL_ROWS, WIDE};

/// Integers below this are exact in f64, and 64 of them fit u64.
const EXACT_MAX: f64 = (1u64 << 53) as f64;

/// A sample of rows, in the order in which draws walk it.
pub struct Sample {
    matrix: Matrix,
    level: SimdLevel,
}

struct Work<'a> {
    panel: &'a [f32],
    point: &'a [f64],
    /// (64): lowered to the distance to `point` where that is smaller.
    nearest: &'a mut [f64],
}

impl Kernel for Work<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        lower_panel(self);
    }
}

#[inline(always)]
fn lower_panel(work: Work<'_>) {
    let mut sums = [0f64; PANEL_ROWS];
    for (column, &c) in work.panel.chunks_exact(PANEL_ROWS).zip(work.point) {
        for lane in 0..PANEL_ROWS {
            let difference = f64::from(column[lane]) - c;
            // Both factors and all sums are integers below 2^53: exact, fused or not.
            sums[lane] += difference * difference;
        }
    }
    for lane in 0..PANEL_ROWS {
        work.nearest[lane] = if sums[lane] < work.nearest[lane] { sums[lane] } else { work.nearest[lane] };
    }
}

impl Sample {
    /// `matrix` holds the sample's rows in draw order.
    pub fn new(matrix: Matrix) -> Self {
        Self { matrix, level: SimdLevel::available()[0] }
    }

    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// Distances to no seed at all yet: infinite, padding 0.
    pub fn unseeded(&self) -> Vec<f64> {
        let mut nearest = vec![f64::INFINITY; self.matrix.n_panels() * PANEL_ROWS];
        nearest[self.matrix.n_rows()..].fill(0.0);
        nearest
    }

    /// Lowers `nearest` (squared distance to the nearest seed so far, one slot per row and padding) by a new seed, and
    /// returns Σ w · nearest per panel.
    pub fn lower(&self, point: &[i64], nearest: &mut [f64]) -> Vec<u128> {
        let d = self.matrix.n_features();
        let narrow = point.iter().all(|c| c.abs() < WIDE);
        let coordinates: Vec<f64> = point.iter().map(|&c| c as f64).collect();
        let mut row = vec![0; d];
        let panels = self.matrix.panels().chunks_exact(d * PANEL_ROWS);
        let slots = nearest.chunks_exact_mut(PANEL_ROWS);
        panels
            .zip(slots)
            .enumerate()
            .map(|(index, (panel, nearest))| {
                let first = index * PANEL_ROWS;
                let rows = (self.matrix.n_rows() - first).min(PANEL_ROWS);
                let wide_lane = |lane: usize| panel[lane] >= WIDE as f32;
                let any_wide = (0..rows).any(wide_lane);
                if narrow && !any_wide {
                    self.level.run(Work { panel, point: &coordinates, nearest: &mut *nearest });
                } else {
                    for (lane, nearest) in nearest.iter_mut().enumerate().take(rows) {
                        self.matrix.row(first + lane, &mut row);
                        *nearest = nearest.min(distance(&row, point) as f64);
                    }
                }
                self.potential(first, &nearest[..rows])
            })
            .collect()
    }

    /// Σ w · nearest over the rows of a panel; the first of them is row `first`.
    fn potential(&self, first: usize, nearest: &[f64]) -> u128 {
        if self.matrix.weights().is_none() && nearest.iter().all(|&n| n < EXACT_MAX) {
            return u128::from(nearest.iter().map(|&n| n as u64).sum::<u64>());
        }
        let weight = |lane: usize| u128::from(self.matrix.weight(first + lane));
        nearest.iter().enumerate().map(|(lane, &n)| weight(lane) * n as u128).sum()
    }
}
