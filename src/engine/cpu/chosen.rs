//! Squared distances of rows to points of which a label chooses one per row: to the nearest and second-nearest centroid
//! for what is published, to the means of the clusters for scores.
//!
//! The points of few clusters are looked up in registers, feature by feature, for a whole vector of rows; those of many
//! are fetched one by one. Either way the difference between a row and a whole number is exact in f32.

use std::ops::Range;

use super::double::Double;
use super::pairs::GROUP_ROWS;
use super::scores::Lanes;
use super::simd::{Kernel, SimdLevel};
use super::vector::Vector;
use crate::grid::{Matrix, PANEL_ROWS, WIDE};

/// Points that one look-up can choose from.
pub(super) const LOOK_UP_MAX: usize = 16;

/// Points that rows are measured from.
pub struct Chosen {
    level: SimdLevel,
    /// Numbers per feature: one per point, and as many more as make whole look-ups.
    stride: usize,
    /// (d, stride): the coordinates as whole steps.
    whole: Vec<f32>,
    /// The same, in steps, of what lies beside them. Empty where all points lie on the grid.
    beside: Vec<f32>,
    /// Points beyond what panels hold, from which a difference might not be exact.
    far: Vec<u16>,
}

impl Chosen {
    /// Points on the grid, (n, d).
    pub fn new(n_features: usize, coordinates: &[i64]) -> Self {
        let stride = (coordinates.len() / n_features).next_multiple_of(LOOK_UP_MAX);
        let (mut whole, mut far) = (vec![0.0; n_features * stride], Vec::new());
        for (point, coordinates) in coordinates.chunks_exact(n_features).enumerate() {
            if coordinates.iter().any(|c| c.unsigned_abs() > WIDE.unsigned_abs()) {
                far.push(point as u16);
                continue;
            }
            for (feature, &c) in coordinates.iter().enumerate() {
                whole[feature * stride + point] = c as f32;
            }
        }
        Self { level: SimdLevel::available()[0], stride, whole, beside: Vec::new(), far }
    }

    /// Rows among some that [`squares`](Self::squares) does not measure: wide ones, and those whose point lies beyond
    /// what panels hold. In no order, and some of them twice.
    pub fn unmeasured(&self, matrix: &Matrix, labels: &[u16], rows: Range<usize>) -> Vec<usize> {
        let mut unmeasured: Vec<usize> = matrix.wide().within(rows.clone()).collect();
        if !self.far.is_empty() {
            unmeasured.extend(rows.filter(|&row| self.far.binary_search(&labels[row]).is_ok()));
        }
        unmeasured
    }

    /// The same points moved by fractions of a step, (n, d).
    pub fn beside(mut self, fractions: &[f32]) -> Self {
        let d = self.whole.len() / self.stride.max(1);
        self.beside = vec![0.0; self.whole.len()];
        for (point, fractions) in fractions.chunks_exact(d).enumerate() {
            for (feature, &fraction) in fractions.iter().enumerate() {
                self.beside[feature * self.stride + point] = fraction;
            }
        }
        self
    }

    /// On another level than the machine's best, for tests.
    #[cfg(test)]
    fn on(self, level: SimdLevel) -> Self {
        Self { level, ..self }
    }

    /// Of each row of the panels from `first_panel` on the squared distance to the point that its label names, one slot
    /// per row and padding; `labels` are those of all rows. Exact where all points lie on the grid. Otherwise rounded
    /// after every operation, features in order: the same bits on every level. What stands in the slots of wide rows,
    /// of padding, and of rows whose point is far means nothing.
    pub fn squares(&self, matrix: &Matrix, labels: &[u16], first_panel: usize, squares: &mut [[f64; PANEL_ROWS]]) {
        self.level.run(Squares { points: self, matrix, labels, first_panel, squares });
    }
}

struct Squares<'a> {
    points: &'a Chosen,
    matrix: &'a Matrix,
    labels: &'a [u16],
    first_panel: usize,
    squares: &'a mut [[f64; PANEL_ROWS]],
}

impl Kernel for Squares<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let d = self.matrix.n_features();
        let (columns, _) = self.matrix.panels().as_chunks::<PANEL_ROWS>();
        let is_small = self.points.stride == LOOK_UP_MAX;
        let on_grid = self.points.beside.is_empty();
        let (mut differences, mut beside) = (vec![[0.0; PANEL_ROWS]; d], vec![[0.0; PANEL_ROWS]; d]);
        for (index, squares) in self.squares.iter_mut().enumerate() {
            let panel = self.first_panel + index;
            let columns = &columns[panel * d..(panel + 1) * d];
            let mut labels = [0i32; PANEL_ROWS];
            labels.iter_mut().zip(&self.labels[panel * PANEL_ROWS..]).for_each(|(to, &label)| *to = label.into());
            for (feature, table) in self.points.whole.chunks_exact(self.points.stride).enumerate() {
                choose::<V>(table, &labels, is_small, &mut differences[feature]);
                subtract::<V>(&columns[feature], &mut differences[feature]);
            }
            for (feature, table) in self.points.beside.chunks_exact(self.points.stride).enumerate() {
                choose::<V>(table, &labels, is_small, &mut beside[feature]);
            }
            match on_grid {
                true => add_up::<V::Double, true>(&differences, &beside, squares),
                false => add_up::<V::Double, false>(&differences, &beside, squares),
            }
        }
    }
}

/// What each label names in a feature's table.
#[inline(always)]
fn choose<V: Vector>(table: &[f32], labels: &[i32; PANEL_ROWS], is_small: bool, chosen: &mut Lanes) {
    match table.first_chunk() {
        Some(table) if is_small => {
            for at in (0..PANEL_ROWS).step_by(V::LANES) {
                V::look_up(table, labels, at).store(chosen, at);
            }
        }
        _ => chosen.iter_mut().zip(labels).for_each(|(to, &label)| *to = table[label as usize]),
    }
}

#[inline(always)]
fn subtract<V: Vector>(column: &Lanes, from: &mut Lanes) {
    for at in (0..PANEL_ROWS).step_by(V::LANES) {
        V::load(column, at).subtract(V::load(from, at)).store(from, at);
    }
}

#[inline(always)]
fn add_up<D: Double, const ON_GRID: bool>(differences: &[Lanes], beside: &[Lanes], squares: &mut [f64; PANEL_ROWS]) {
    let (groups, _) = squares.as_chunks_mut::<GROUP_ROWS>();
    for (group, squares) in groups.iter_mut().enumerate() {
        for at in (0..GROUP_ROWS).step_by(D::LANES) {
            let first = group * GROUP_ROWS + at;
            let mut sum = D::splat(0.0);
            for (differences, beside) in differences.iter().zip(beside) {
                let difference = D::load_floats(differences, first);
                sum = match ON_GRID {
                    // Whole numbers below 2^53: fused or not, in any order.
                    true => difference.multiply_add(difference, sum),
                    false => {
                        let difference = difference.subtract(D::load_floats(beside, first));
                        sum.add(difference.multiply(difference))
                    }
                };
            }
            sum.store(squares, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::distance;

    /// Rows of which some are wide, in more than one panel.
    fn matrix(d: usize, n: usize) -> Matrix {
        let row = |row: usize| {
            (0..d).map(
                move |j| if row % 41 == 7 { 1 << 30 } else { (row * 7919 + j * 104_729) as i64 % 900_001 - 450_000 },
            )
        };
        let rows: Vec<Vec<i64>> = (0..n).map(|r| row(r).collect()).collect();
        Matrix::from_rows(d, &rows, None, (0..n as u64).collect())
    }

    fn squares(points: &Chosen, matrix: &Matrix, labels: &[u16]) -> Vec<f64> {
        let mut squares = vec![[0.0; PANEL_ROWS]; matrix.n_panels()];
        points.squares(matrix, labels, 0, &mut squares);
        squares.as_flattened()[..matrix.n_rows()].to_vec()
    }

    #[test]
    fn every_level_gives_exact_distances_to_points_on_the_grid() {
        for (d, k) in [(1, 1), (3, 5), (10, 16), (10, 17), (33, 40)] {
            let matrix = matrix(d, 200);
            let points: Vec<i64> = (0..k * d).map(|i| (i as i64 * 77_777) % 1_048_576 - 524_288).collect();
            let labels: Vec<u16> = (0..200).map(|row| (row * 13 % k) as u16).collect();
            for level in SimdLevel::available() {
                let found = squares(&Chosen::new(d, &points).on(level), &matrix, &labels);
                let mut row = vec![0; d];
                for index in (0..200).filter(|index| index % 41 != 7) {
                    matrix.row(index, &mut row);
                    let expected = distance(&row, &points[usize::from(labels[index]) * d..][..d]);
                    assert_eq!(found[index] as i128, expected, "{d} x {k}, row {index}, {}", level.name());
                }
            }
        }
    }

    #[test]
    fn every_level_gives_the_same_distances_to_points_beside_the_grid() {
        for (d, k) in [(4, 3), (10, 30)] {
            let matrix = matrix(d, 150);
            let points: Vec<i64> = (0..k * d).map(|i| (i as i64 * 7_919) % 9_000).collect();
            let fractions: Vec<f32> = (0..k * d).map(|i| (i as f32 * 0.137).fract() - 0.5).collect();
            let labels: Vec<u16> = (0..150).map(|row| (row * 5 % k) as u16).collect();
            for level in SimdLevel::available() {
                let chosen = Chosen::new(d, &points).beside(&fractions).on(level);
                let found = squares(&chosen, &matrix, &labels);
                let mut row = vec![0; d];
                for index in (0..150).filter(|index| index % 41 != 7) {
                    matrix.row(index, &mut row);
                    let first = usize::from(labels[index]) * d;
                    let differences =
                        (0..d).map(|j| (row[j] - points[first + j]) as f64 - f64::from(fractions[first + j]));
                    let expected = differences.fold(0.0, |sum, difference| sum + difference * difference);
                    assert_eq!(found[index].to_bits(), expected.to_bits(), "row {index}, {}", level.name());
                }
            }
        }
    }

    #[test]
    fn points_beyond_what_panels_hold_are_told() {
        let points = Chosen::new(2, &[0, WIDE, -WIDE - 1, 1, 5, 5, 0, WIDE + 1]);
        let mut unmeasured = points.unmeasured(&matrix(2, 100), &[[0, 1, 2, 3]; 25].concat(), 6..13);
        unmeasured.sort_unstable();
        // Row 7 is wide, and its point is far, too.
        assert_eq!(unmeasured, [7, 7, 9, 11]);
    }
}
