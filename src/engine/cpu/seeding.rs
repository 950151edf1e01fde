//! Squared distances from a sample to candidate seeds, for greedy k-means++. All of it is exact: D that the kernels see
//! are integers below 2^53 and therefore exact in f64 in any order; the others go through integers and are rounded once.

use super::scores::Lanes;
use super::simd::{Kernel, SimdLevel};
use super::vector::Vector;
use crate::engine::distance;
use crate::grid::{Matrix, PANEL_ROWS, WIDE};

/// Integers below this are exact in f64.
const EXACT_MAX: f64 = (1u64 << 53) as f64;

/// Rows that a kernel handles together: with four points their sums fill half of AVX-512's registers.
const GROUP: usize = 16;

/// A sample of rows, in the order in which draws walk it.
pub struct Sample<'a> {
    matrix: &'a Matrix,
    level: SimdLevel,
}

/// Squared distance of each row of a sample to its nearest seed so far.
#[derive(Debug, Clone)]
pub struct Nearest {
    /// One slot per row and padding; 0 for padding and for wide rows, which no kernel sees.
    narrow: Vec<f64>,
    /// In the order of the sample's wide rows.
    wide: Vec<f64>,
}

impl<'a> Sample<'a> {
    /// `matrix` holds the sample's rows in draw order.
    pub fn new(matrix: &'a Matrix) -> Self {
        Self { matrix, level: SimdLevel::available()[0] }
    }

    pub fn matrix(&self) -> &Matrix {
        self.matrix
    }

    /// Distances to no seed at all yet: infinite.
    pub fn unseeded(&self) -> Nearest {
        let wide = self.matrix.wide();
        let mut narrow = vec![f64::INFINITY; self.matrix.n_panels() * PANEL_ROWS];
        narrow[self.matrix.n_rows()..].fill(0.0);
        wide.rows.iter().for_each(|&row| narrow[row as usize] = 0.0);
        Nearest { narrow, wide: vec![f64::INFINITY; wide.rows.len()] }
    }

    /// w · nearest of one row.
    pub fn potential(&self, nearest: &Nearest, row: usize) -> u128 {
        let distance = match self.matrix.wide().rows.binary_search(&(row as u64)) {
            Ok(at) => nearest.wide[at],
            Err(_) => nearest.narrow[row],
        };
        u128::from(self.matrix.weight(row)) * distance as u128
    }

    /// Lowers `nearest` by a new seed, and returns the sum of w · nearest per panel.
    pub fn lower(&self, point: &[i64], nearest: &mut Nearest) -> Vec<u128> {
        let is_exact = self.is_exact(point);
        if is_exact {
            let point = floats(point);
            self.level.run(Lower { sample: self, point: &point, nearest: &mut nearest.narrow });
        } else {
            self.narrow_rows(|row, coordinates| {
                nearest.narrow[row] = nearest.narrow[row].min(distance(coordinates, point) as f64);
            });
        }
        let mut potentials: Vec<u128> = nearest
            .narrow
            .chunks_exact(PANEL_ROWS)
            .enumerate()
            .map(|(panel, nearest)| match self.matrix.weights() {
                None if is_exact => sum(nearest),
                None => nearest.iter().map(|&distance| distance as u128).sum(),
                Some(weights) => weighted_sum(nearest, &weights[panel * PANEL_ROWS..]),
            })
            .collect();
        self.wide_rows(point, |index, row, distance| {
            nearest.wide[index] = nearest.wide[index].min(distance);
            potentials[row / PANEL_ROWS] += u128::from(self.matrix.weight(row)) * nearest.wide[index] as u128;
        });
        potentials
    }

    /// For each point, what the sum of w · nearest would be with that point as a seed.
    pub fn totals<const N: usize>(&self, points: &[Vec<i64>; N], nearest: &Nearest) -> [u128; N] {
        let mut totals = [0; N];
        if points.iter().all(|point| self.is_exact(point)) {
            let floats = points.each_ref().map(|point| floats(point));
            let points = floats.each_ref().map(Vec::as_slice);
            self.level.run(Total { sample: self, points, nearest: &nearest.narrow, totals: &mut totals });
        } else {
            self.narrow_rows(|row, coordinates| {
                for (total, point) in totals.iter_mut().zip(points) {
                    let kept = nearest.narrow[row].min(distance(coordinates, point) as f64);
                    *total += u128::from(self.matrix.weight(row)) * kept as u128;
                }
            });
        }
        for (total, point) in totals.iter_mut().zip(points) {
            self.wide_rows(point, |index, row, distance| {
                *total += u128::from(self.matrix.weight(row)) * nearest.wide[index].min(distance) as u128;
            });
        }
        totals
    }

    /// Whether D from any narrow row to the point stays below 2^53.
    fn is_exact(&self, point: &[i64]) -> bool {
        let reach = point.iter().map(|c| c.abs()).max().unwrap_or(0) as f64 + WIDE as f64;
        reach * reach * (point.len() as f64) < EXACT_MAX
    }

    fn narrow_rows(&self, mut visit: impl FnMut(usize, &[i64])) {
        let mut coordinates = vec![0; self.matrix.n_features()];
        for row in (0..self.matrix.n_rows()).filter(|&row| !self.matrix.is_wide(row)) {
            self.matrix.row(row, &mut coordinates);
            visit(row, &coordinates);
        }
    }

    /// Visits (index among the wide rows, row, distance to the point).
    fn wide_rows(&self, point: &[i64], mut visit: impl FnMut(usize, usize, f64)) {
        let wide = self.matrix.wide();
        for (index, (&row, coordinates)) in wide.rows.iter().zip(wide.coordinates.chunks_exact(point.len())).enumerate()
        {
            visit(index, row as usize, distance(coordinates, point) as f64);
        }
    }
}

fn floats(point: &[i64]) -> Vec<f64> {
    point.iter().map(|&c| c as f64).collect()
}

/// The sum of at most a panel's distances, each below 2^53.
#[inline(always)]
fn sum(distances: &[f64]) -> u128 {
    let mut sum = 0u64;
    for &distance in distances {
        // SAFETY: the callers' distances are to a point for which `is_exact` holds, or to a nearer one: integers below
        // 2^53, of which 64 fit u64.
        sum += unsafe { distance.to_int_unchecked::<u64>() };
    }
    u128::from(sum)
}

/// The sum of w · distance; where the last panel ends, so do the weights.
fn weighted_sum(distances: &[f64], weights: &[u16]) -> u128 {
    distances.iter().zip(weights).map(|(&distance, &weight)| u128::from(weight) * distance as u128).sum()
}

/// Squared distances of some rows of a panel to N points.
#[inline(always)]
fn distances<const N: usize>(columns: &[Lanes], first: usize, points: &[&[f64]; N]) -> [[f64; GROUP]; N] {
    let mut sums = [[0.0; GROUP]; N];
    for (feature, column) in columns.iter().enumerate() {
        for n in 0..N {
            let coordinate = points[n][feature];
            for lane in 0..GROUP {
                let difference = f64::from(column[first + lane]) - coordinate;
                // Both factors and all sums are integers below 2^53: exact, fused or not.
                sums[n][lane] += difference * difference;
            }
        }
    }
    sums
}

/// Lowers the narrow rows' distances by one point.
struct Lower<'a> {
    sample: &'a Sample<'a>,
    point: &'a [f64],
    nearest: &'a mut [f64],
}

impl Kernel for Lower<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let (columns, _) = self.sample.matrix.panels().as_chunks::<PANEL_ROWS>();
        for (columns, nearest) in columns.chunks_exact(self.point.len()).zip(self.nearest.chunks_exact_mut(PANEL_ROWS))
        {
            for first in (0..PANEL_ROWS).step_by(GROUP) {
                let [sums] = distances(columns, first, &[self.point]);
                for lane in 0..GROUP {
                    let kept = nearest[first + lane];
                    nearest[first + lane] = if sums[lane] < kept { sums[lane] } else { kept };
                }
            }
        }
    }
}

/// Adds up w · nearest for each of N points as if it were a seed. The distances so far are to a seed at least.
struct Total<'a, const N: usize> {
    sample: &'a Sample<'a>,
    points: [&'a [f64]; N],
    nearest: &'a [f64],
    totals: &'a mut [u128; N],
}

impl<const N: usize> Kernel for Total<'_, N> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let matrix = self.sample.matrix;
        let (columns, _) = matrix.panels().as_chunks::<PANEL_ROWS>();
        let panels = columns.chunks_exact(matrix.n_features()).zip(self.nearest.chunks_exact(PANEL_ROWS));
        for (panel, (columns, nearest)) in panels.enumerate() {
            for first in (0..PANEL_ROWS).step_by(GROUP) {
                let mut kept = distances(columns, first, &self.points);
                for n in 0..N {
                    for lane in 0..GROUP {
                        let before = nearest[first + lane];
                        kept[n][lane] = if kept[n][lane] < before { kept[n][lane] } else { before };
                    }
                }
                for n in 0..N {
                    self.totals[n] += match matrix.weights() {
                        None => sum(&kept[n]),
                        Some(weights) => {
                            let weights = weights.get(panel * PANEL_ROWS + first..).unwrap_or_default();
                            weighted_sum(&kept[n], weights)
                        }
                    };
                }
            }
        }
    }
}
