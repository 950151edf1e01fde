//! A model made ready for the kernels: f32 centroids in tiles, and the bound on the kernel's error.

use super::scores::COUNT;
use super::simd::{SimdLevel, TILE_MAX};
use crate::grid::{Centroids, Matrix, WIDE};

/// How a kernel computes what it compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `|x - c|² - |x - b|² = |c|² - |b|² - 2 x·(c - b)`, where the base b is the first centroid, whose own score is 0:
    /// half the operations, and one centroid less. The error bound grows with the centroids' distances from the base.
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
    pub n: usize,
    /// The number of each centroid, and [`COUNT`] on top.
    pub counts: [f32; TILE_MAX],
    /// What the accumulators start from: |c|² - |b|² (dot) or 0 (direct).
    pub start: [f32; TILE_MAX],
    /// (d, n): 2 (b - c) (dot) or c (direct), feature after feature.
    pub coefficients: Vec<f32>,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub form: Form,
    pub n_clusters: usize,
    pub n_features: usize,
    /// Of all centroids (direct), or of all but the first (dot).
    pub tiles: Vec<Tile>,
    /// (d): the centroid from whose squared distance on scores count; empty where they count from 0.
    pub base: Vec<f32>,
    /// Dot form: upper bounds of what a score starts from and of its coefficients' norm, | |c|² - |b|² | and 2 |c - b|.
    start_max: f32,
    slope_max: f32,
    /// Twice the relative error of a distance (direct), or of the sum of a score's terms, each without its sign (dot).
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
        // dot: d products and sums on top of a rounded start, which are at most start + |x| slope together, without
        //   their signs (Cauchy and Schwarz). Coefficients are exact below 2^24; wide centroids add their rounding.
        // Two scores are compared, so it is twice that, and one rounding more for the limit they are compared with. One
        // part in a thousand on top covers the rounding of the bound itself, and that two factors near 1 multiply.
        let roundings = match (form, wide) {
            (Form::Direct, false) => d + 2,
            (Form::Dot, false) => d + 3,
            (_, true) => d + 8,
        };
        let factor = ((2 * roundings + 1) as f64 * 2f64.powi(-23) * 1.001) as f32;

        let base = centroids.row(0);
        let first = usize::from(form == Form::Dot);
        let n_tiles = (k - first).div_ceil(level.tile(form));
        let (mut start_max, mut slope_max) = (0.0, 0.0);
        let tiles = (0..n_tiles)
            .map(|t| {
                let of = |t: usize| first + t * (k - first) / n_tiles;
                let (from, end) = (of(t), of(t + 1));
                let (mut counts, mut start) = ([0.0; TILE_MAX], [0.0; TILE_MAX]);
                for (at, cluster) in (from..end).enumerate() {
                    counts[at] = COUNT + cluster as f32;
                    if form == Form::Dot {
                        let row = centroids.row(cluster);
                        let difference = square(row) - square(base);
                        start[at] = difference as f32;
                        start_max = f64::max(start_max, difference.abs() as f64);
                        slope_max = f64::max(slope_max, 2.0 * apart(row, base));
                    }
                }
                let mut coefficients = Vec::with_capacity(d * (end - from));
                for feature in 0..d {
                    for cluster in from..end {
                        let c = centroids.row(cluster)[feature];
                        coefficients.push(if form == Form::Dot { (2 * (base[feature] - c)) as f32 } else { c as f32 });
                    }
                }
                Tile { n: end - from, counts, start, coefficients }
            })
            .collect();
        let above = |bound: f64| (bound * 1.000_001) as f32;
        let (start_max, slope_max) = (above(start_max), above(slope_max));
        let base = if form == Form::Dot { base.iter().map(|&b| b as f32).collect() } else { Vec::new() };
        Self { form, n_clusters: k, n_features: d, tiles, base, start_max, slope_max, factor }
    }

    /// More than the relative error of a sum of squared differences and of a dozen roundings of what is made of it.
    pub fn distance_error(&self) -> f32 {
        (2 * (self.n_features + 8) + 16) as f32 * f32::EPSILON
    }

    /// How far above the smallest score of a panel's rows another one must lie to be certainly larger.
    #[inline]
    pub fn slack(&self, panel_reach: f32) -> Slack {
        match self.form {
            Form::Dot => {
                Slack { absolute: self.factor * (self.start_max + panel_reach * self.slope_max), relative: 0.0 }
            }
            Form::Direct => Slack { absolute: 0.0, relative: self.factor },
        }
    }
}

/// A score above `smallest + absolute + relative * smallest`, computed in f32, is certainly larger; others must be
/// decided in integers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slack {
    pub absolute: f32,
    pub relative: f32,
}

/// |c|², exactly: coordinates are below 2^51, and there are at most 2^9 of them.
fn square(row: &[i64]) -> i128 {
    row.iter().map(|&c| i128::from(c) * i128::from(c)).sum()
}

/// |a - b|
fn apart(a: &[i64], b: &[i64]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| ((a - b) as f64).powi(2)).sum::<f64>().sqrt()
}
