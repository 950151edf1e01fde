//! A model made ready for the kernels: f32 centroids in tiles, and the bound on the kernel's error.

use super::simd::{SimdLevel, TILE_MAX};
use crate::grid::{Centroids, Matrix, WIDE};

/// How a kernel computes what it compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `|c|² - 2 x·c`: half the operations. The error bound grows with the largest centroid of the model.
    Dot,
    /// `Σ (x - c)²`: the error is relative to the distance itself, so that a centroid far out spoils nothing.
    Direct,
}

/// Centroids farther out than this many root mean squares of |x| make the bound of the dot form so wide that too
/// many rows would go to the host.
const DOT_REACH_MAX: f64 = 16.0;

/// Up to six centroids that a kernel handles together.
#[derive(Debug, Clone)]
pub(super) struct Tile {
    pub first: usize,
    pub n: usize,
    /// What the accumulators start from: |c|² (dot) or 0 (direct).
    pub start: [f32; TILE_MAX],
    /// (d, n): -2c (dot) or c (direct), feature after feature.
    pub coefficients: Vec<f32>,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub form: Form,
    pub n_clusters: usize,
    pub n_features: usize,
    pub tiles: Vec<Tile>,
    /// Dot form: upper bound of the largest |c|, in steps.
    reach: f32,
    /// Direct form: twice the relative error of a distance. Dot form: twice the error over (|x| + |c|)².
    factor: f32,
}

impl Model {
    pub fn new(centroids: &Centroids, matrix: &Matrix, level: SimdLevel) -> Self {
        let (k, d) = (centroids.n_clusters(), centroids.n_features());
        let norm = |row: &[i64]| row.iter().map(|&c| (c as f64) * (c as f64)).sum::<f64>();
        let largest = centroids.rows().map(norm).fold(0.0, f64::max).sqrt();
        let facts = matrix.facts();
        let mean_square = facts.squares as f64 / (facts.weight.max(1)) as f64;
        let form = if largest <= DOT_REACH_MAX * mean_square.sqrt() { Form::Dot } else { Form::Direct };
        let wide = centroids.values().iter().any(|c| c.abs() >= WIDE);

        // In any order of addition, with or without FMA, in any rounding direction (unit 2^-23):
        // direct: the difference is exact, squaring and adding round at most d + 1 times; wide centroids add the
        //   rounding of c to f32 and of the difference, both squared;
        // dot: d products and sums on top of a rounded |c|²; their magnitudes add up to at most (|x| + |c|)².
        // One part in a thousand on top covers the rounding of the bound itself.
        let roundings = match (form, wide) {
            (Form::Direct, false) => d + 2,
            (Form::Dot, false) => d + 3,
            (_, true) => d + 8,
        };
        let factor = (2.0 * roundings as f64 * 2f64.powi(-23) * 1.001) as f32;
        let reach = (largest * 1.000_001) as f32;

        let n_tiles = k.div_ceil(level.tile(form));
        let tiles = (0..n_tiles)
            .map(|t| {
                let (first, end) = (t * k / n_tiles, (t + 1) * k / n_tiles);
                let mut start = [0.0; TILE_MAX];
                let mut coefficients = Vec::with_capacity(d * (end - first));
                if form == Form::Dot {
                    for (slot, row) in start.iter_mut().zip(first..end) {
                        *slot = norm(centroids.row(row)) as f32;
                    }
                }
                for feature in 0..d {
                    for cluster in first..end {
                        let c = centroids.row(cluster)[feature] as f32;
                        coefficients.push(if form == Form::Dot { -2.0 * c } else { c });
                    }
                }
                Tile { first, n: end - first, start, coefficients }
            })
            .collect();
        Self { form, n_clusters: k, n_features: d, tiles, reach, factor }
    }

    /// Twice the error bound for a panel whose rows reach this far, as `(absolute, relative to the second score)`:
    /// two scores nearer than `absolute + relative * second` must be decided in integers.
    #[inline]
    pub fn slack(&self, panel_reach: f32) -> (f32, f32) {
        match self.form {
            Form::Dot => {
                let sum = panel_reach + self.reach;
                (self.factor * sum * sum, 0.0)
            }
            Form::Direct => (0.0, self.factor),
        }
    }
}
