//! Made-up tables and labels for the tests of this folder.

use std::sync::Arc;

use segmint::grid::{Grid, Matrix};
use segmint::quality::Labelled;

/// A well-mixed number of a number (the finaliser of SplitMix64).
pub fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Rows of a table with labels, before it becomes a matrix.
#[derive(Clone)]
pub struct Table {
    pub n_features: usize,
    pub rows: Vec<Vec<i64>>,
    pub labels: Vec<u16>,
    pub n_clusters: usize,
    pub weights: Option<Vec<u16>>,
    pub keys: Vec<u64>,
}

impl Table {
    /// `n` rows about `k` centres; every `wide_every`th row lies beyond the grid's range, and labels are those of the
    /// centres but for one row in nine.
    pub fn made(seed: u64, n: usize, d: usize, k: usize, wide_every: usize) -> Table {
        let draw = |a: u64, b: u64| mix(mix(seed ^ (a << 20)) ^ b);
        let within = |draw: u64, limit: i64| (draw % (2 * limit as u64 + 1)) as i64 - limit;
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        for index in 0..n as u64 {
            let label = draw(index, 1 << 40) % k as u64;
            let centre = |j: u64| within(draw(label, 1 << 30 | j), 300_000);
            let mut row: Vec<i64> = (0..d as u64).map(|j| centre(j) + within(draw(index, j), 60_000)).collect();
            if wide_every > 0 && index as usize % wide_every == 3 {
                row[index as usize % d] = within(draw(index, 1 << 41), 1 << 35) + (1 << 21);
            }
            rows.push(row);
            labels.push(if index % 9 == 0 { (draw(index, 1 << 42) % k as u64) as u16 } else { label as u16 });
        }
        let keys = (0..n as u64).map(|index| mix(index ^ seed)).collect();
        Table { n_features: d, rows, labels, n_clusters: k, weights: None, keys }
    }

    /// From whole numbers, each times `scale`.
    pub fn plain(rows: &[&[i64]], labels: &[u16], scale: i64) -> Table {
        let n_clusters = labels.iter().max().map_or(0, |&l| usize::from(l) + 1);
        Table {
            n_features: rows[0].len(),
            rows: rows.iter().map(|row| row.iter().map(|&q| q * scale).collect()).collect(),
            labels: labels.to_vec(),
            n_clusters,
            weights: None,
            keys: (0..rows.len() as u64).map(mix).collect(),
        }
    }

    pub fn weighted(mut self) -> Table {
        self.weights =
            Some((0..self.rows.len() as u64).map(|i| [0, 1, 2, 777, u16::MAX][mix(i) as usize % 5]).collect());
        self
    }

    /// The same rows in another order.
    pub fn shuffled(&self, seed: u64) -> Table {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by_key(|&row| mix(row as u64 ^ seed));
        Table {
            rows: order.iter().map(|&row| self.rows[row].clone()).collect(),
            labels: order.iter().map(|&row| self.labels[row]).collect(),
            weights: self.weights.as_ref().map(|w| order.iter().map(|&row| w[row]).collect()),
            keys: order.iter().map(|&row| self.keys[row]).collect(),
            ..*self
        }
    }

    pub fn matrix(&self) -> Arc<Matrix> {
        Arc::new(Matrix::from_rows(self.n_features, &self.rows, self.weights.clone(), self.keys.clone()))
    }

    pub fn labelled<'a>(&'a self, matrix: &'a Matrix) -> Labelled<'a> {
        Labelled { matrix, grid: Grid { exponent: -14 }, labels: &self.labels, n_clusters: self.n_clusters }
    }
}
