//! Customers in the plane: a sample of them on its two principal axes, for a picture of how far the clusters lie apart.
//!
//! The sample is the rows with the smallest order keys, which are hashes of the ids, so that neither the order of the
//! rows nor the layout of the files has a say in it. From there everything is additions, multiplications, divisions and
//! square roots of f64 in one fixed order, which IEEE 754 rounds alike on every machine.

use std::cmp::Ordering;

use crate::grid::{Grid, Matrix};

/// Points of a map: enough to see shapes, few enough for a page.
pub const MAP_POINTS_MAX: usize = 2_000;

/// Steps of the iteration below; what has not settled by then are axes of nearly equal spread, for which any pair
/// between them shows as much.
const STEPS_MAX: usize = 300;

/// The iteration ends when no entry of an axis moves further than this.
const SETTLED: f64 = 1e-12;

#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// The axis of the largest spread, and the one of the largest spread across it.
    pub axes: [Axis; 2],
    pub points: Vec<MapPoint>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Part of the sample's total variance that lies along it, 0..=1.
    pub explained: f64,
    /// What each feature counts in it, in the order of the features; the squares add up to 1.
    pub loadings: Vec<f64>,
}

/// A customer, in scaled units from the middle of the sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapPoint {
    pub x: f64,
    pub y: f64,
    /// Published number.
    pub cluster: u16,
}

impl Map {
    /// The map of a clustered matrix, `None` where the sample has no second direction to spread in. `labels` are
    /// published numbers in row order.
    pub fn of(matrix: &Matrix, grid: Grid, labels: &[u16]) -> Option<Map> {
        let (mut rows, clusters) = sample(matrix, grid, labels);
        centre(&mut rows);
        let axes = principal_axes(&rows)?;
        let total = rows.iter().flatten().map(|value| value * value).sum::<f64>();
        let points: Vec<MapPoint> = rows
            .iter()
            .zip(clusters)
            .map(|(row, cluster)| MapPoint { x: dot(row, &axes[0]), y: dot(row, &axes[1]), cluster })
            .collect();
        let along = |coordinate: fn(&MapPoint) -> f64| {
            points.iter().map(|point| coordinate(point) * coordinate(point)).sum::<f64>() / total
        };
        let explained = [along(|point| point.x), along(|point| point.y)];
        let [first, second] = axes;
        Some(Map {
            axes: [
                Axis { explained: explained[0], loadings: first },
                Axis { explained: explained[1], loadings: second },
            ],
            points,
        })
    }
}

/// The rows with the smallest keys, in key order, in scaled units, with their labels. Rows of one key come in the order
/// of what they hold, and those that hold the same are one as good as the other.
fn sample(matrix: &Matrix, grid: Grid, labels: &[u16]) -> (Vec<Vec<f64>>, Vec<u16>) {
    let mut held = vec![0; matrix.n_features()];
    let mut picked: Vec<(u64, Vec<i64>, u16)> = Vec::new();
    for row in rows_of_small_keys(matrix.keys()) {
        matrix.row(row, &mut held);
        picked.push((matrix.keys()[row], held.clone(), labels[row]));
    }
    picked.sort_unstable();
    picked.truncate(MAP_POINTS_MAX);
    let step = grid.step();
    picked.into_iter().map(|(_, row, label)| (row.iter().map(|&q| q as f64 * step).collect(), label)).unzip()
}

/// At least as many rows as a map has points, where there are that many: all whose key is at most some limit.
fn rows_of_small_keys(keys: &[u64]) -> Vec<usize> {
    // Keys are hashes: a tenth more than the share wanted nearly always holds enough.
    let share = MAP_POINTS_MAX as f64 / keys.len() as f64 * 1.1;
    let mut limit = if share < 1.0 { (share * u64::MAX as f64) as u64 } else { u64::MAX };
    loop {
        let rows: Vec<usize> = (0..keys.len()).filter(|&row| keys[row] <= limit).collect();
        if rows.len() >= MAP_POINTS_MAX || limit == u64::MAX {
            return rows;
        }
        limit = limit.saturating_mul(2).max(1);
    }
}

fn centre(rows: &mut [Vec<f64>]) {
    let n = rows.len() as f64;
    let n_features = rows.first().map_or(0, Vec::len);
    for feature in 0..n_features {
        let mean = rows.iter().map(|row| row[feature]).sum::<f64>() / n;
        rows.iter_mut().for_each(|row| row[feature] -= mean);
    }
}

/// The two directions of the largest spread, by orthogonal iteration.
fn principal_axes(rows: &[Vec<f64>]) -> Option<[Vec<f64>; 2]> {
    let n_features = rows.first().map_or(0, Vec::len);
    if n_features < 2 || rows.iter().all(|row| row.iter().all(|&value| value == 0.0)) {
        return None;
    }
    // Any start does that is not orthogonal to the axes by construction.
    let first: Vec<f64> = (0..n_features).map(|j| 1.0 / (j as f64 + 1.0)).collect();
    let second: Vec<f64> =
        (0..n_features).map(|j| 1.0 / (j as f64 + 2.5) - if j % 2 == 0 { 0.9 } else { 0.0 }).collect();
    let scatter = scatter(rows, n_features);
    let mut pair = orthonormal([first, second])?;
    for _ in 0..STEPS_MAX {
        let next = orthonormal([spread_along(&scatter, &pair[0]), spread_along(&scatter, &pair[1])])?;
        let moved = pair.iter().flatten().zip(next.iter().flatten()).map(|(a, b)| (a - b).abs());
        let settled = moved.fold(0.0, f64::max) <= SETTLED;
        pair = next;
        if settled {
            break;
        }
    }
    let mut axes = turned(&scatter, pair);
    axes.iter_mut().for_each(|axis| point_up(axis));
    Some(axes)
}

/// Σ x xᵀ, (d, d): whatever the number of features, less work than going through the rows in every step.
fn scatter(rows: &[Vec<f64>], n_features: usize) -> Vec<Vec<f64>> {
    let mut scatter = vec![vec![0.0; n_features]; n_features];
    for row in rows {
        for (sums, &value) in scatter.iter_mut().zip(row) {
            sums.iter_mut().zip(row).for_each(|(sum, other)| *sum += value * other);
        }
    }
    scatter
}

/// The scatter matrix times an axis.
fn spread_along(scatter: &[Vec<f64>], axis: &[f64]) -> Vec<f64> {
    scatter.iter().map(|row| dot(row, axis)).collect()
}

/// Gram and Schmidt. `None` where the second direction has nothing of its own.
fn orthonormal([mut first, mut second]: [Vec<f64>; 2]) -> Option<[Vec<f64>; 2]> {
    shorten(&mut first)?;
    shorten(&mut second)?;
    for _ in 0..2 {
        let common = dot(&first, &second);
        second.iter_mut().zip(&first).for_each(|(b, a)| *b -= common * a);
    }
    if dot(&second, &second) < 1e-24 {
        return None;
    }
    shorten(&mut second)?;
    Some([first, second])
}

/// To length 1.
fn shorten(axis: &mut [f64]) -> Option<()> {
    let length = dot(axis, axis).sqrt();
    if length <= 0.0 || !length.is_finite() {
        return None;
    }
    axis.iter_mut().for_each(|value| *value /= length);
    Some(())
}

/// One Jacobi rotation inside the plane: the axes of the spread, the larger first.
fn turned(scatter: &[Vec<f64>], [u, v]: [Vec<f64>; 2]) -> [Vec<f64>; 2] {
    let (along_u, along_v) = (spread_along(scatter, &u), spread_along(scatter, &v));
    let (uu, uv, vv) = (dot(&u, &along_u), dot(&u, &along_v), dot(&v, &along_v));
    let (mut c, mut s) = (1.0, 0.0);
    if uv != 0.0 {
        let tau = (vv - uu) / (2.0 * uv);
        let t = if tau < 0.0 { -1.0 } else { 1.0 } / (tau.abs() + (1.0 + tau * tau).sqrt());
        c = 1.0 / (1.0 + t * t).sqrt();
        s = t * c;
    }
    let mix = |a: f64, b: f64| -> Vec<f64> { u.iter().zip(&v).map(|(u, v)| a * u + b * v).collect() };
    let axes = [mix(c, -s), mix(s, c)];
    let spread = |axis: &[f64]| dot(axis, &spread_along(scatter, axis));
    match spread(&axes[0]).total_cmp(&spread(&axes[1])) {
        Ordering::Less => {
            let [a, b] = axes;
            [b, a]
        }
        _ => axes,
    }
}

/// An axis has two directions; ours is the one in which its strongest feature grows.
fn point_up(axis: &mut [f64]) {
    let strongest = axis.iter().fold(0.0f64, |most, &value| if value.abs() > most.abs() { value } else { most });
    if strongest < 0.0 {
        axis.iter_mut().for_each(|value| *value = -*value);
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { exponent: -10 };

    /// Rows along (2, 1, 0) with a little of (-1, 2, 0) across, and nothing in the third feature.
    fn rows(n: i64) -> (Vec<Vec<i64>>, Vec<u64>) {
        let row = |i: i64| {
            let (along, across) = (i * 7919 % 2003 - 1001, i * 104_729 % 401 - 200);
            vec![2 * along - across, along + 2 * across, 0]
        };
        ((0..n).map(row).collect(), (0..n as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect())
    }

    fn map(rows: &[Vec<i64>], keys: Vec<u64>) -> Option<Map> {
        let labels: Vec<u16> = rows.iter().map(|row| u16::from(row[0] > 0)).collect();
        Map::of(&Matrix::from_rows(rows[0].len(), rows, None, keys), GRID, &labels)
    }

    #[test]
    fn the_axes_are_the_directions_of_the_largest_spread() {
        let (rows, keys) = rows(1500);
        let found = map(&rows, keys).unwrap();
        let expected = [[2.0, 1.0, 0.0], [-1.0, 2.0, 0.0]].map(|axis| axis.map(|value: f64| value / 5f64.sqrt()));
        for (axis, expected) in found.axes.iter().zip(expected) {
            let distance: f64 = axis.loadings.iter().zip(expected).map(|(a, b)| (a - b).abs()).sum();
            assert!(distance < 0.05, "{axis:?}");
        }
        assert!((found.axes[0].explained + found.axes[1].explained - 1.0).abs() < 1e-12);
        assert!(found.axes[0].explained > 0.9);
        assert_eq!(found.points.len(), 1500);
        let orthogonal = dot(&found.axes[0].loadings, &found.axes[1].loadings);
        assert!(orthogonal.abs() < 1e-12, "{orthogonal}");
    }

    #[test]
    fn the_order_of_the_rows_changes_no_bit() {
        let (mut all, mut keys) = rows(5000);
        // Every few rows share a key, those at the edge of the sample too.
        keys.iter_mut().for_each(|key| *key = (*key >> 54) << 54);
        let found = map(&all, keys.clone()).unwrap();
        assert_eq!(found.points.len(), MAP_POINTS_MAX);
        all.reverse();
        keys.reverse();
        assert_eq!(map(&all, keys.clone()), Some(found.clone()));
        all.rotate_left(1234);
        keys.rotate_left(1234);
        assert_eq!(map(&all, keys), Some(found));
    }

    #[test]
    fn what_spreads_in_no_second_direction_has_no_map() {
        let line: Vec<Vec<i64>> = (0..100).map(|i| vec![i, 2 * i]).collect();
        assert_eq!(map(&line, (0..100).collect()), None);
        let point = vec![vec![3, 4]; 10];
        assert_eq!(map(&point, (0..10).collect()), None);
        let single: Vec<Vec<i64>> = (0..100).map(|i| vec![i]).collect();
        assert_eq!(map(&single, (0..100).collect()), None);
    }

    #[test]
    fn axes_of_equal_spread_still_give_a_map() {
        let square: Vec<Vec<i64>> = (0..400).map(|i| vec![i % 20 - 10, i / 20 - 10]).collect();
        let found = map(&square, (0..400).collect()).unwrap();
        assert!((found.axes[0].explained - 0.5).abs() < 1e-9, "{:?}", found.axes);
    }
}
