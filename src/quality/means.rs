//! Davies-Bouldin, Calinski-Harabasz and explained variance: the scores that need the means of the clusters.
//!
//! A mean is an exact fraction, sum over weight; the nearest grid point, which is where k-means keeps its centroid, would be
//! off by half a step. Scatters are exact but for the fraction that a division leaves, which is rounded once per
//! cluster to 2^-30 steps².

use super::Labelled;
use super::fixed::{DISTANCE_BITS, fixed};
use super::over::ranges;
use crate::engine::cpu::Chosen;
use crate::grid::{Matrix, PANEL_ROWS, Sums, WIDE, divide_half_even};

/// Scatters are held as multiples of 2^-30 steps²; Σ w|q|² stays below 2^97 even for 2^32 rows of 512
/// features at the largest weight.
const SCATTER_BITS: u32 = 30;

/// Rows whose weighted sums fit i64: 2^26 · 2^36 = 2^62.
const RANGE_ROWS: usize = 1 << 26;

/// Rows that a kernel measures before they are added up: their distances stay in the first-level cache.
const BLOCK_ROWS: usize = 16 * PANEL_ROWS;

/// The means of the clusters that have weight, as exact sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Means {
    sums: Sums,
    n_features: usize,
    /// Rows of positive weight.
    n_rows: u64,
}

impl Means {
    /// Adds up the rows of each cluster.
    pub fn of(of: Labelled, threads: usize) -> Self {
        Self::from_sums(of.matrix, sums(of, threads))
    }

    /// From sums that k-means has already, cluster by cluster in the order of the labels.
    pub fn from_sums(matrix: &Matrix, sums: Sums) -> Self {
        let n_rows = matrix.weights().map_or(matrix.n_rows(), |w| w.iter().filter(|&&w| w > 0).count()) as u64;
        Self { sums, n_features: matrix.n_features(), n_rows }
    }

    /// Clusters that have weight.
    fn clusters(&self) -> impl Iterator<Item = usize> {
        (0..self.sums.weights.len()).filter(|&cluster| self.sums.weights[cluster] > 0)
    }

    /// How many clusters have weight, where that is a number that scores are defined for.
    fn n_clusters(&self) -> Option<u64> {
        let n = self.clusters().count() as u64;
        (n >= 2 && n < self.n_rows).then_some(n)
    }

    fn sums(&self, cluster: usize) -> &[i128] {
        &self.sums.sums[cluster * self.n_features..(cluster + 1) * self.n_features]
    }

    /// Σ w |x - mean|² within clusters.
    fn within(&self, matrix: &Matrix) -> i128 {
        let about_means = self.clusters().map(|cluster| lowered(self.sums(cluster), self.sums.weights[cluster]));
        (matrix.facts().squares << SCATTER_BITS) - about_means.sum::<i128>()
    }

    /// The same about the mean of all rows.
    fn total(&self, matrix: &Matrix) -> i128 {
        let facts = matrix.facts();
        (facts.squares << SCATTER_BITS) - if facts.weight > 0 { lowered(&facts.columns, facts.weight) } else { 0 }
    }

    pub fn calinski_harabasz(&self, matrix: &Matrix) -> Option<f64> {
        let k = self.n_clusters()?;
        let (within, total) = (self.within(matrix), self.total(matrix));
        if within == 0 {
            return Some(1.0);
        }
        let between = total - within;
        Some((between as f64 * (self.n_rows - k) as f64) / (within as f64 * (k - 1) as f64))
    }

    pub fn explained_variance(&self, matrix: &Matrix) -> Option<f64> {
        let (within, total) = (self.within(matrix), self.total(matrix));
        (total > 0).then(|| (total - within) as f64 / total as f64)
    }

    pub fn davies_bouldin(&self, of: Labelled, threads: usize) -> Option<f64> {
        let k = self.n_clusters()?;
        let table = Table::new(self);
        let spreads = table.spreads(of, threads);
        let clusters: Vec<usize> = self.clusters().collect();
        let spread =
            |cluster: usize| libm::scalbn(spreads[cluster] as f64 / self.sums.weights[cluster] as f64, -DISTANCE_BITS);
        let mut worst = Vec::with_capacity(clusters.len());
        let mut are_apart = false;
        for &a in &clusters {
            let mut ratio = 0.0f64;
            for &b in clusters.iter().filter(|&&b| b != a) {
                let apart = table.distance(a, b);
                if apart > 0.0 {
                    are_apart = true;
                    ratio = ratio.max((spread(a) + spread(b)) / apart);
                }
            }
            worst.push(ratio);
        }
        if !are_apart {
            return Some(0.0);
        }
        // In the order of their size, so that the clusters' numbers do not matter.
        worst.sort_by(f64::total_cmp);
        Some(worst.iter().sum::<f64>() / k as f64)
    }
}

/// |Σ w x|² / W in units of 2^-30: what Σ w |x|² is lowered by when it is taken about the mean.
///
/// With S = cW + r, where c is the nearest grid point to the mean, S²/W = c²W + 2cr + r²/W: only the last needs a
/// division.
fn lowered(sums: &[i128], weight: u64) -> i128 {
    let weight = i128::from(weight);
    let (mut whole, mut rest) = (0i128, 0i128);
    for &sum in sums {
        let centre = divide_half_even(sum, weight);
        let remainder = sum - centre * weight;
        whole += centre * (sum + remainder);
        rest += remainder * remainder;
    }
    let (rest, fraction) = (rest / weight, rest % weight);
    ((whole + rest) << SCATTER_BITS) + divide_half_even(fraction << SCATTER_BITS, weight)
}

/// Sums per cluster, of all rows.
fn sums(of: Labelled, threads: usize) -> Sums {
    let (matrix, k, d) = (of.matrix, of.n_clusters, of.matrix.n_features());
    assert_eq!(of.labels.len(), matrix.n_rows(), "one label per row");
    let parts = ranges(matrix.n_rows(), PANEL_ROWS, threads, |rows| {
        let mut total = Sums::zero(k, d);
        for first in rows.clone().step_by(RANGE_ROWS) {
            // Feature after feature, as the panels are.
            let mut sums = vec![0i64; d * k];
            for first in (first..rows.end.min(first + RANGE_ROWS)).step_by(PANEL_ROWS) {
                let lanes = Lanes::of(of, first);
                for lane in 0..lanes.n {
                    total.rows[lanes.labels[lane]] += 1;
                    total.weights[lanes.labels[lane]] += u64::from(matrix.weight(first + lane));
                }
                for (column, sums) in lanes.columns.iter().zip(sums.chunks_exact_mut(k)) {
                    for lane in 0..lanes.n {
                        sums[lanes.labels[lane]] += column[lane] as i64 * lanes.weights[lane];
                    }
                }
            }
            for (feature, sums) in sums.chunks_exact(k).enumerate() {
                for (cluster, &sum) in sums.iter().enumerate() {
                    total.sums[cluster * d + feature] += i128::from(sum);
                }
            }
        }
        total
    });
    let mut total = Sums::zero(k, d);
    parts.iter().for_each(|part| total.merge(part));
    let wide = matrix.wide();
    for (&row, coordinates) in wide.rows.iter().zip(wide.coordinates.chunks_exact(d)) {
        let (label, weight) = (usize::from(of.labels[row as usize]), i128::from(matrix.weight(row as usize)));
        total.sums[label * d..].iter_mut().zip(coordinates).for_each(|(sum, &q)| *sum += weight * i128::from(q));
    }
    total
}

/// The rows of one panel.
struct Lanes<'a> {
    columns: &'a [[f32; PANEL_ROWS]],
    n: usize,
    labels: [usize; PANEL_ROWS],
    /// 0 for wide rows, whose coordinates stand elsewhere.
    weights: [i64; PANEL_ROWS],
}

impl<'a> Lanes<'a> {
    fn of(of: Labelled<'a>, first: usize) -> Self {
        let (matrix, d) = (of.matrix, of.matrix.n_features());
        matrix.visit(first / PANEL_ROWS..first / PANEL_ROWS + 1);
        let (columns, _) = matrix.panels()[first * d..(first + PANEL_ROWS) * d].as_chunks();
        let n = PANEL_ROWS.min(matrix.n_rows() - first);
        let (mut labels, mut weights) = ([0; PANEL_ROWS], [0; PANEL_ROWS]);
        for lane in 0..n {
            labels[lane] = usize::from(of.labels[first + lane]);
            let is_narrow = columns[0][lane] < WIDE as f32;
            weights[lane] = if is_narrow { i64::from(matrix.weight(first + lane)) } else { 0 };
        }
        Self { columns, n, labels, weights }
    }
}

/// Means as grid points and the fractions beside them, (d, k): x - mean = (x - centre) - fraction, where the first
/// difference is exact.
struct Table {
    n_clusters: usize,
    centres: Vec<f64>,
    fractions: Vec<f64>,
}

impl Table {
    fn new(means: &Means) -> Self {
        let (k, d) = (means.sums.weights.len(), means.n_features);
        let mut table = Self { n_clusters: k, centres: vec![0.0; d * k], fractions: vec![0.0; d * k] };
        for cluster in means.clusters() {
            let weight = i128::from(means.sums.weights[cluster]);
            for (feature, &sum) in means.sums(cluster).iter().enumerate() {
                let centre = divide_half_even(sum, weight);
                table.centres[feature * k + cluster] = centre as f64;
                table.fractions[feature * k + cluster] = (sum - centre * weight) as f64 / weight as f64;
            }
        }
        table
    }

    fn distance(&self, a: usize, b: usize) -> f64 {
        let features = self.centres.chunks_exact(self.n_clusters).zip(self.fractions.chunks_exact(self.n_clusters));
        let squares = features.map(|(centres, fractions)| {
            let difference = (centres[a] - centres[b]) + (fractions[a] - fractions[b]);
            difference * difference
        });
        squares.sum::<f64>().sqrt()
    }

    /// The means as a kernel takes them, with fractions as f32: off by less than 2^-25 steps, where each distance is
    /// rounded to 2^-20.
    fn points(&self) -> Chosen {
        let (k, d) = (self.n_clusters, self.centres.len() / self.n_clusters.max(1));
        let by_cluster = |of: &[f64]| (0..k * d).map(|i| of[i % d * k + i / d]).collect::<Vec<f64>>();
        let centres: Vec<i64> = by_cluster(&self.centres).iter().map(|&c| c as i64).collect();
        let fractions: Vec<f32> = by_cluster(&self.fractions).iter().map(|&f| f as f32).collect();
        Chosen::new(d, &centres).beside(&fractions)
    }

    /// Σ w |x - mean| per cluster, in units of 2^-20 steps.
    fn spreads(&self, of: Labelled, threads: usize) -> Vec<i128> {
        let (matrix, k) = (of.matrix, self.n_clusters);
        let points = self.points();
        let parts = ranges(matrix.n_rows(), BLOCK_ROWS, threads, |rows| {
            let mut spreads = vec![0i128; k];
            let mut squares = vec![[0.0; PANEL_ROWS]; BLOCK_ROWS / PANEL_ROWS];
            for first in rows.clone().step_by(BLOCK_ROWS) {
                let block = first..rows.end.min(first + BLOCK_ROWS);
                let n_panels = block.len().div_ceil(PANEL_ROWS);
                matrix.visit(first / PANEL_ROWS..first / PANEL_ROWS + n_panels);
                points.squares(matrix, of.labels, first / PANEL_ROWS, &mut squares[..n_panels]);
                let squares = squares.as_flattened_mut();
                for row in points.unmeasured(matrix, of.labels, block.clone()) {
                    squares[row - first] = f64::NAN;
                }
                // At most 2^46 each: without weights a block's sum fits.
                let mut sums = vec![0i64; k];
                for (row, &square) in block.zip(&*squares) {
                    if square.is_nan() {
                        spreads[usize::from(of.labels[row])] += self.share(of, row);
                        continue;
                    }
                    let (distance, label) = (fixed(square.sqrt(), DISTANCE_BITS), usize::from(of.labels[row]));
                    match matrix.weights() {
                        None => sums[label] += distance as i64,
                        Some(weights) => spreads[label] += i128::from(weights[row]) * distance,
                    }
                }
                spreads.iter_mut().zip(sums).for_each(|(total, sum)| *total += i128::from(sum));
            }
            spreads
        });
        let mut spreads = vec![0i128; k];
        parts.iter().for_each(|part| spreads.iter_mut().zip(part).for_each(|(total, part)| *total += part));
        spreads
    }

    /// w |x - mean| of one row.
    fn share(&self, of: Labelled, row: usize) -> i128 {
        let (k, label) = (self.n_clusters, usize::from(of.labels[row]));
        let mut coordinates = vec![0; of.matrix.n_features()];
        of.matrix.row(row, &mut coordinates);
        let means = self.centres.chunks_exact(k).zip(self.fractions.chunks_exact(k));
        let squares = coordinates.iter().zip(means).map(|(&q, (centres, fractions))| {
            let difference = (q as f64 - centres[label]) - fractions[label];
            difference * difference
        });
        i128::from(of.matrix.weight(row)) * fixed(squares.sum::<f64>().sqrt(), DISTANCE_BITS)
    }
}
