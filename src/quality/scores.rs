//! All scores of one k, side by side: what a choice is made from, and what a report shows of every k that was compared.
//! A figure that was not asked for, or that has no value for a clustering, is absent.

use super::{Gap, Silhouette, Stability};

/// What is known of the clustering with one number of clusters. Null is what was not asked for, or has no value for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The number of clusters that was asked for.
    pub k: usize,
    /// The clusters that there are: fewer where the data has too few distinct rows.
    pub found: usize,
    /// In scaled units.
    pub inertia: f64,
    pub iterations: u32,
    pub davies_bouldin: Option<f64>,
    pub calinski_harabasz: Option<f64>,
    pub explained_variance: Option<f64>,
    pub silhouette: Option<Silhouette>,
    pub simplified_silhouette: Option<f64>,
    pub gap: Option<Gap>,
    /// Rows of the smallest cluster.
    pub smallest: u64,
    pub stability: Option<Stability>,
}

impl Scores {
    /// Before anything is computed.
    pub fn unscored(k: usize, found: usize, inertia: f64) -> Scores {
        Scores {
            k,
            found,
            inertia,
            iterations: 0,
            davies_bouldin: None,
            calinski_harabasz: None,
            explained_variance: None,
            silhouette: None,
            simplified_silhouette: None,
            gap: None,
            smallest: 0,
            stability: None,
        }
    }
}
