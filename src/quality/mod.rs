//! How good a clustering is: Davies-Bouldin, Calinski-Harabasz, explained variance, silhouettes, agreement of two
//! clusterings, stability over resamples, the gap statistic; and which number of clusters follows from all that.
//!
//! Only what was clustered can be scored: everything here takes a [`Labelled`], which holds grid coordinates of the
//! clustered features and nothing else. Every figure is the same to the last bit for any number of threads, order of
//! rows or layout: what is summed is summed as integers, after one rounding per row. This room makes no words: why a k was
//! chosen is a value here, and a sentence in `report`.

mod agreement;
mod choice;
mod fixed;
mod gap;
mod label_like;
mod means;
mod over;
mod resample;
mod scores;
mod select;
mod silhouette;
mod simplified;
mod stability;

pub use agreement::{adjusted_rand_index, jaccard};
pub use choice::{Choice, Gates, JACCARD_MIN, Reason, choose};
pub use gap::{Gap, gap};
pub use label_like::{LabelLike, label_like};
pub use means::Means;
pub use scores::Scores;
pub use select::{Flow, Selected, select};
pub use silhouette::{
    Silhouette, SilhouetteBudget, SilhouetteMethod, silhouette, silhouette_on, silhouettes, silhouettes_on,
};
pub use simplified::simplified_silhouette;
pub use stability::{Reference, Stability, stability};

use crate::grid::{Grid, Matrix};

/// Labels to be scored, on the grid.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// The clustered features and nothing else.
    pub matrix: &'a Matrix,
    pub grid: Grid,
    /// One number below `n_clusters` per row, in row order.
    pub labels: &'a [u16],
    pub n_clusters: usize,
}

/// Mean over clusters of the worst ratio of two clusters' spreads to the distance of their means: lower is better.
///
/// Rows weigh as they did in k-means. 0 where no cluster has any spread or where all means are equal; none where fewer
/// than two clusters have weight, or as many as there are rows.
pub fn davies_bouldin(of: Labelled, threads: usize) -> Option<f64> {
    Means::of(of, threads).davies_bouldin(of, threads)
}

/// Variance between clusters over variance within them, each per degree of freedom: higher is better.
///
/// Rows weigh as they did in k-means; degrees of freedom count rows of positive weight. 1 where no cluster has any
/// spread; none where fewer than two clusters have weight, or as many as there are rows.
pub fn calinski_harabasz(of: Labelled, threads: usize) -> Option<f64> {
    Means::of(of, threads).calinski_harabasz(of.matrix)
}

/// Share of the total variance that the clusters' means explain, 0 for one cluster; none where there is no variance.
pub fn explained_variance(of: Labelled, threads: usize) -> Option<f64> {
    Means::of(of, threads).explained_variance(of.matrix)
}
