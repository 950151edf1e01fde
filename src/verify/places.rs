//! Sums over the places of customers on the grid, for the figures that say how well the clusters are told apart. The
//! places themselves are kept of a small table only, for its silhouette.

use crate::report::Summary;

/// Rows of which a silhouette is recomputed: it compares all pairs of them. A run measures no more by itself.
pub(super) const SILHOUETTE_ROWS_MAX: u64 = 50_000;

/// Coordinates that are kept for it: 16 MiB.
const COORDINATES_MAX: u64 = 1 << 21;

/// What the places of all rows come to, in steps of the grid.
pub(super) struct Places {
    pub n_features: usize,
    /// Rows per cluster, and rows that weigh anything.
    pub counts: Vec<u64>,
    pub weighing: u64,
    /// Σ w per cluster; 1 each where there are no sample weights.
    pub weights: Vec<i128>,
    /// Σ w q per cluster and feature.
    pub sums: Vec<i128>,
    /// Σ w |q|² of all rows.
    pub squares: i128,
    /// Of a table that is small enough: places one behind the other, and their clusters.
    pub points: Option<(Vec<f64>, Vec<usize>)>,
}

impl Places {
    /// None where the summary makes no claim that needs them.
    pub fn wanted(summary: &Summary, n_rows: u64, n_features: usize) -> Option<Places> {
        let metrics = &summary.metrics;
        let exact = metrics.silhouette_sample.is_none();
        let silhouette = exact && (metrics.silhouette.is_some() || metrics.cluster_silhouettes.is_some());
        let of_means = [metrics.davies_bouldin, metrics.calinski_harabasz, metrics.explained_variance];
        if !silhouette && of_means.iter().all(Option::is_none) {
            return None;
        }
        let few = n_rows <= SILHOUETTE_ROWS_MAX && n_rows * n_features as u64 <= COORDINATES_MAX;
        let n_clusters = summary.clusters.len();
        Some(Places {
            n_features,
            counts: vec![0; n_clusters],
            weighing: 0,
            weights: vec![0; n_clusters],
            sums: vec![0; n_clusters * n_features],
            squares: 0,
            points: (silhouette && few).then(Default::default),
        })
    }

    pub fn add(&mut self, steps: &[i64], cluster: usize, weight: i128) {
        if let (Some(count), Some(sum)) = (self.counts.get_mut(cluster), self.weights.get_mut(cluster)) {
            *count += 1;
            *sum += weight;
        }
        self.weighing += u64::from(weight > 0);
        let first = cluster * self.n_features;
        if let Some(sums) = self.sums.get_mut(first..first + self.n_features) {
            for (sum, step) in sums.iter_mut().zip(steps) {
                *sum += weight * i128::from(*step);
            }
        }
        self.squares += weight * steps.iter().map(|step| i128::from(*step) * i128::from(*step)).sum::<i128>();
        if let Some((points, clusters)) = &mut self.points {
            points.extend(steps.iter().map(|step| *step as f64));
            clusters.push(cluster);
        }
    }

    /// Clusters that weigh anything, where scores are defined for so many: at least two, and fewer than rows that do.
    pub fn clusters(&self) -> Option<Vec<usize>> {
        let clusters: Vec<usize> = (0..self.weights.len())
            .filter(|cluster| self.weights.get(*cluster).is_some_and(|weight| *weight > 0))
            .collect();
        (clusters.len() >= 2 && (clusters.len() as u64) < self.weighing).then_some(clusters)
    }

    /// The mean place of a cluster, in steps.
    pub fn mean(&self, cluster: usize) -> Option<Vec<f64>> {
        let count = self.weights.get(cluster).copied().filter(|weight| *weight > 0)? as f64;
        let first = cluster * self.n_features;
        Some(self.sums.get(first..first + self.n_features)?.iter().map(|sum| *sum as f64 / count).collect())
    }
}
