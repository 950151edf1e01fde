//! Squared distances from a sample to candidate seeds, for greedy k-means++. All of it is exact: D that the kernels see
//! are integers below 2^52 and therefore exact in f64 in any order, and so is every term of |x|² + |c|² - 2 x·c, from
//! which they are computed; the others go through integers and are rounded once.

use super::double::{Double, WHOLE_MAX};
use super::pairs::GROUP_ROWS;
use super::scores::Lanes;
use super::simd::{Kernel, SimdLevel};
use super::vector::Vector;
use crate::engine::distance;
use crate::grid::{Matrix, PANEL_ROWS, WIDE};

/// Groups of rows in a panel.
const PANEL_GROUPS: usize = PANEL_ROWS / GROUP_ROWS;

/// One f64 per row of a group.
type Group = [f64; GROUP_ROWS];

/// A sample of rows, in the order in which draws walk it.
pub struct Sample<'a> {
    matrix: &'a Matrix,
    /// |x|² of each narrow row; the others, and what pads the last panel, lie so far out that they are never nearer.
    squares: Vec<Group>,
    level: SimdLevel,
}

/// Squared distance of each row of a sample to its nearest seed so far.
#[derive(Debug, Clone)]
pub struct Nearest {
    /// 0 for padding and for wide rows, which no kernel sees.
    narrow: Vec<Group>,
    /// In the order of the sample's wide rows.
    wide: Vec<f64>,
}

impl<'a> Sample<'a> {
    /// `matrix` holds the sample's rows in draw order.
    pub fn new(matrix: &'a Matrix) -> Self {
        let level = SimdLevel::available()[0];
        let mut squares = vec![[0.0; GROUP_ROWS]; matrix.n_panels() * PANEL_GROUPS];
        level.run(Squares { matrix, squares: &mut squares });
        Self { matrix, squares, level }
    }

    pub fn matrix(&self) -> &Matrix {
        self.matrix
    }

    /// Distances to no seed at all yet: infinite.
    pub fn unseeded(&self) -> Nearest {
        let wide = self.matrix.wide();
        let mut narrow = vec![[f64::INFINITY; GROUP_ROWS]; self.matrix.n_panels() * PANEL_GROUPS];
        let slots = narrow.as_flattened_mut();
        slots[self.matrix.n_rows()..].fill(0.0);
        wide.rows.iter().for_each(|&row| slots[row as usize] = 0.0);
        Nearest { narrow, wide: vec![f64::INFINITY; wide.rows.len()] }
    }

    /// w · nearest of one row.
    pub fn potential(&self, nearest: &Nearest, row: usize) -> u128 {
        let distance = match self.matrix.wide().rows.binary_search(&(row as u64)) {
            Ok(at) => nearest.wide[at],
            Err(_) => nearest.narrow.as_flattened()[row],
        };
        u128::from(self.matrix.weight(row)) * distance as u128
    }

    /// Lowers `nearest` by a new seed, and returns the sum of w · nearest per panel.
    pub fn lower(&self, point: &[i64], nearest: &mut Nearest) -> Vec<u128> {
        let mut potentials = vec![0; self.matrix.n_panels()];
        if self.is_exact(point) {
            let points = Points::new([point]);
            let nearest = &mut nearest.narrow;
            self.level.run(Lower { sample: self, points, nearest, potentials: &mut potentials });
        } else {
            let nearest = nearest.narrow.as_flattened_mut();
            self.narrow_rows(|row, coordinates| {
                nearest[row] = nearest[row].min(distance(coordinates, point) as f64);
                potentials[row / PANEL_ROWS] += u128::from(self.matrix.weight(row)) * nearest[row] as u128;
            });
        }
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
            let points = Points::new(points.each_ref().map(Vec::as_slice));
            self.level.run(Total { sample: self, points, nearest: &nearest.narrow, totals: &mut totals });
        } else {
            let nearest = nearest.narrow.as_flattened();
            self.narrow_rows(|row, coordinates| {
                for (total, point) in totals.iter_mut().zip(points) {
                    let kept = nearest[row].min(distance(coordinates, point) as f64);
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

    /// Whether D from any narrow row to the point, and whatever it is computed from, stays below 2^52.
    fn is_exact(&self, point: &[i64]) -> bool {
        let reach = point.iter().map(|c| c.abs()).max().unwrap_or(0) as f64 + WIDE as f64;
        reach * reach * (point.len() as f64) < WHOLE_MAX
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

/// N seeds, as the kernels take them.
struct Points<const N: usize> {
    /// |c|²
    squares: [f64; N],
    /// -2c, feature after feature.
    slopes: Vec<[f64; N]>,
}

impl<const N: usize> Points<N> {
    /// `points` are such for which `is_exact` holds.
    fn new(points: [&[i64]; N]) -> Self {
        let square = |point: &[i64]| point.iter().map(|&c| c * c).sum::<i64>() as f64;
        let slopes = |feature: usize| points.map(|point| (-2 * point[feature]) as f64);
        let d = points.first().map_or(0, |point| point.len());
        Self { squares: points.map(square), slopes: (0..d).map(slopes).collect() }
    }
}

/// Of R vectors of rows the distances so far, lowered by each of N points. The rows are those of a panel's group from
/// `at` on.
#[inline(always)]
fn lowered<D: Double, const N: usize, const R: usize>(
    columns: &[Lanes],
    group: usize,
    at: usize,
    squares: &Group,
    points: &Points<N>,
    nearest: &Group,
) -> [[D; R]; N] {
    let first = group * GROUP_ROWS + at;
    let mut sums = [[D::splat(0.0); R]; N];
    for n in 0..N {
        for r in 0..R {
            sums[n][r] = D::load(squares, at + r * D::LANES).add(D::splat(points.squares[n]));
        }
    }
    for (column, slopes) in columns.iter().zip(&points.slopes) {
        let mut rows = [D::splat(0.0); R];
        for r in 0..R {
            rows[r] = D::load_floats(column, first + r * D::LANES);
        }
        for n in 0..N {
            let slope = D::splat(slopes[n]);
            for r in 0..R {
                sums[n][r] = rows[r].multiply_add(slope, sums[n][r]);
            }
        }
    }
    for r in 0..R {
        let before = D::load(nearest, at + r * D::LANES);
        for n in 0..N {
            sums[n][r] = sums[n][r].smaller(before);
        }
    }
    sums
}

/// w · distance of a panel's rows; where the last panel ends, so do the weights.
fn weighted_sum(distances: &[Group], weights: &[u16]) -> u128 {
    distances.as_flattened().iter().zip(weights).map(|(&d, &weight)| u128::from(weight) * d as u128).sum()
}

/// Fills in |x|² of the narrow rows; for the others more than their 2^20 can take away again.
struct Squares<'a> {
    matrix: &'a Matrix,
    squares: &'a mut [Group],
}

impl Kernel for Squares<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let (columns, _) = self.matrix.panels().as_chunks::<PANEL_ROWS>();
        let panels = columns.chunks_exact(self.matrix.n_features()).zip(self.squares.chunks_exact_mut(PANEL_GROUPS));
        for (columns, squares) in panels {
            for (group, squares) in squares.iter_mut().enumerate() {
                for at in (0..GROUP_ROWS).step_by(V::Double::LANES) {
                    let mut sum = V::Double::splat(0.0);
                    for column in columns {
                        let value = V::Double::load_floats(column, group * GROUP_ROWS + at);
                        sum = value.multiply_add(value, sum);
                    }
                    sum.store(squares, at);
                }
            }
            for (square, &value) in squares.as_flattened_mut().iter_mut().zip(&columns[0]) {
                *square = if value < WIDE as f32 { *square } else { WHOLE_MAX / 2.0 };
            }
        }
    }
}

/// Lowers the narrow rows' distances by one point, and adds up w · nearest per panel.
struct Lower<'a> {
    sample: &'a Sample<'a>,
    points: Points<1>,
    nearest: &'a mut [Group],
    potentials: &'a mut [u128],
}

impl Kernel for Lower<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        // Vectors of rows at a time: enough that additions do not wait for each other.
        if V::Double::LANES == 8 { self.lower::<V::Double, 2>() } else { self.lower::<V::Double, 4>() }
    }
}

impl Lower<'_> {
    #[inline(always)]
    fn lower<D: Double, const R: usize>(self) {
        let Self { sample: Sample { matrix, squares, .. }, points, nearest, potentials } = self;
        let (columns, _) = matrix.panels().as_chunks::<PANEL_ROWS>();
        let panels = columns.chunks_exact(matrix.n_features()).zip(squares.chunks_exact(PANEL_GROUPS));
        let panels = panels.zip(nearest.chunks_exact_mut(PANEL_GROUPS)).zip(potentials);
        for (panel, (((columns, squares), nearest), potential)) in panels.enumerate() {
            let mut sum = D::splat_units(0);
            for group in 0..PANEL_GROUPS {
                for at in (0..GROUP_ROWS).step_by(R * D::LANES) {
                    let [kept] = lowered::<D, 1, R>(columns, group, at, &squares[group], &points, &nearest[group]);
                    for r in 0..R {
                        kept[r].store(&mut nearest[group], at + r * D::LANES);
                        sum = D::add_units(sum, kept[r].whole_units());
                    }
                }
            }
            *potential = match matrix.weights() {
                // 64 integers below 2^52.
                None => u128::from(D::sum_units(sum)),
                Some(weights) => weighted_sum(nearest, &weights[panel * PANEL_ROWS..]),
            };
        }
    }
}

/// Adds up w · nearest for each of N points as if it were a seed. The distances so far are to a seed at least.
struct Total<'a, const N: usize> {
    sample: &'a Sample<'a>,
    points: Points<N>,
    nearest: &'a [Group],
    totals: &'a mut [u128; N],
}

impl<const N: usize> Kernel for Total<'_, N> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        self.total::<V::Double>();
    }
}

impl<const N: usize> Total<'_, N> {
    #[inline(always)]
    fn total<D: Double>(self) {
        let Self { sample: Sample { matrix, squares, .. }, points, nearest, totals } = self;
        let (columns, _) = matrix.panels().as_chunks::<PANEL_ROWS>();
        let panels = columns.chunks_exact(matrix.n_features()).zip(squares.chunks_exact(PANEL_GROUPS));
        for (panel, ((columns, squares), nearest)) in panels.zip(nearest.chunks_exact(PANEL_GROUPS)).enumerate() {
            let mut sums = [D::splat_units(0); N];
            let mut all = [[[0.0; GROUP_ROWS]; PANEL_GROUPS]; N];
            for group in 0..PANEL_GROUPS {
                for at in (0..GROUP_ROWS).step_by(2 * D::LANES) {
                    // With four points, eight sums.
                    let kept = lowered::<D, N, 2>(columns, group, at, &squares[group], &points, &nearest[group]);
                    for n in 0..N {
                        for r in 0..2 {
                            if matrix.weights().is_some() {
                                kept[n][r].store(&mut all[n][group], at + r * D::LANES);
                            }
                            sums[n] = D::add_units(sums[n], kept[n][r].whole_units());
                        }
                    }
                }
            }
            for n in 0..N {
                totals[n] += match matrix.weights() {
                    None => u128::from(D::sum_units(sums[n])),
                    Some(weights) => weighted_sum(&all[n], &weights[panel * PANEL_ROWS..]),
                };
            }
        }
    }
}
