//! What a pass over rows adds up, per cluster. Tile, chunk, file, device and machine merge the same value.

/// Row counts, weights and weighted coordinate sums of k clusters in d dimensions. Integers, so the order of merging
/// cannot matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    /// Rows per cluster, (k).
    pub rows: Vec<u64>,
    /// Σ w per cluster, (k); equals `rows` where there are no sample weights.
    pub weights: Vec<u64>,
    /// Σ w·q per cluster and feature, (k, d), cluster after cluster, in steps.
    pub sums: Vec<i128>,
}

impl Sums {
    pub fn zero(n_clusters: usize, n_features: usize) -> Self {
        Self { rows: vec![0; n_clusters], weights: vec![0; n_clusters], sums: vec![0; n_clusters * n_features] }
    }

    pub fn merge(&mut self, other: &Sums) {
        for (a, b) in self.rows.iter_mut().zip(&other.rows) {
            *a += b;
        }
        for (a, b) in self.weights.iter_mut().zip(&other.weights) {
            *a += b;
        }
        for (a, b) in self.sums.iter_mut().zip(&other.sums) {
            *a += b;
        }
    }
}
