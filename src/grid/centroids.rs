//! The centroids of one model, on the grid.

use super::{Sums, divide_half_even};

/// k centroids of d coordinates, in steps. Ties between clusters go to the lowest index of this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Centroids {
    /// Which model this is, stable over passes: an engine may keep labels and bounds under it.
    pub model: u32,
    /// Which state of the model this is; counts up by one per update. Inertia never rises from one to the next.
    pub generation: u32,
    n_features: usize,
    /// (k, d), cluster after cluster.
    values: Vec<i64>,
    /// Of the largest coordinate in size.
    reach: u64,
}

impl Centroids {
    /// `values` is (k, d), cluster after cluster.
    pub fn new(model: u32, generation: u32, n_features: usize, values: Vec<i64>) -> Self {
        assert!(n_features > 0 && values.len().is_multiple_of(n_features), "centroids need whole rows");
        let reach = values.iter().fold(0, |reach, value| value.unsigned_abs().max(reach));
        Self { model, generation, n_features, values, reach }
    }

    /// The same centroids as another model.
    pub fn numbered(self, model: u32) -> Self {
        Self { model, ..self }
    }

    pub fn n_clusters(&self) -> usize {
        self.values.len() / self.n_features
    }

    pub fn n_features(&self) -> usize {
        self.n_features
    }

    pub fn values(&self) -> &[i64] {
        &self.values
    }

    /// The size of the largest coordinate.
    pub fn reach(&self) -> u64 {
        self.reach
    }

    pub fn row(&self, cluster: usize) -> &[i64] {
        &self.values[cluster * self.n_features..(cluster + 1) * self.n_features]
    }

    pub fn rows(&self) -> impl Iterator<Item = &[i64]> {
        self.values.chunks_exact(self.n_features)
    }

    /// The next generation: every cluster at the grid point nearest to its mean, which is the exact minimiser over the
    /// grid. A cluster without weight keeps its place.
    pub fn update(&self, sums: &Sums) -> Centroids {
        let mut values = self.values.clone();
        for (cluster, row) in values.chunks_exact_mut(self.n_features).enumerate() {
            let weight = i128::from(sums.weights[cluster]);
            if weight > 0 {
                for (value, sum) in row.iter_mut().zip(&sums.sums[cluster * self.n_features..]) {
                    *value = divide_half_even(*sum, weight) as i64;
                }
            }
        }
        Centroids::new(self.model, self.generation + 1, self.n_features, values)
    }

    /// Exact weighted sum of squared distances of all rows to their centroids: `T - 2 Σ c·S + Σ w|c|²`, where T is
    /// Σ w|q|² over all rows.
    pub fn inertia(&self, squares: i128, sums: &Sums) -> i128 {
        let mut inertia = squares;
        for (cluster, row) in self.rows().enumerate() {
            let norm: i128 = row.iter().map(|&c| i128::from(c) * i128::from(c)).sum();
            let dot: i128 =
                row.iter().zip(&sums.sums[cluster * self.n_features..]).map(|(&c, &s)| i128::from(c) * s).sum();
            inertia += norm * i128::from(sums.weights[cluster]) - 2 * dot;
        }
        inertia
    }
}
