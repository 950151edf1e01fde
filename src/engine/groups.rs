//! Rows regrouped by cluster, and what is asked about them: the mean distance of a row to the rows of each cluster,
//! from which a silhouette is made. It is the second thing an engine may be asked for, beside [`Engine`](super::Engine).

use super::Device;
use crate::error::Result;
use crate::grid::Matrix;
use crate::observe::Observe;

/// The rows of a matrix, cluster after cluster.
#[derive(Debug, Clone)]
pub struct Groups<'a> {
    matrix: &'a Matrix,
    labels: &'a [u16],
    /// Row numbers; those of one cluster are neighbours.
    order: Vec<usize>,
    /// Where each cluster begins in `order`, and the end: k + 1 numbers.
    bounds: Vec<usize>,
}

impl<'a> Groups<'a> {
    /// `labels` holds one number below `n_clusters` per row.
    pub fn new(matrix: &'a Matrix, labels: &'a [u16], n_clusters: usize) -> Self {
        assert_eq!(labels.len(), matrix.n_rows(), "one label per row");
        let mut bounds = vec![0; n_clusters + 1];
        labels.iter().for_each(|&label| bounds[usize::from(label) + 1] += 1);
        for cluster in 0..n_clusters {
            bounds[cluster + 1] += bounds[cluster];
        }
        let mut next = bounds.clone();
        let mut order = vec![0; labels.len()];
        for (row, &label) in labels.iter().enumerate() {
            let place = &mut next[usize::from(label)];
            order[*place] = row;
            *place += 1;
        }
        Self { matrix, labels, order, bounds }
    }

    pub fn matrix(&self) -> &'a Matrix {
        self.matrix
    }

    pub fn n_clusters(&self) -> usize {
        self.bounds.len() - 1
    }

    pub fn label(&self, row: usize) -> usize {
        usize::from(self.labels[row])
    }

    /// Row numbers of one cluster, ascending.
    pub fn rows(&self, cluster: usize) -> &[usize] {
        &self.order[self.bounds[cluster]..self.bounds[cluster + 1]]
    }

    pub fn size(&self, cluster: usize) -> usize {
        self.bounds[cluster + 1] - self.bounds[cluster]
    }
}

/// Mean Euclidean distances of one row, in steps.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Neighbourhood {
    /// To the other rows of its own cluster; none where it is alone there.
    pub own: Option<f64>,
    /// To the rows of whichever other cluster has the smallest mean; none where there is no other cluster.
    pub other: Option<f64>,
}

/// An engine that measures rows against clusters.
pub trait Neighbours: Send {
    /// What it runs on.
    fn device(&self) -> &Device;

    /// The neighbourhoods of the asked rows, in the order asked, each against *all* rows of the groups.
    fn neighbourhoods(&mut self, groups: &Groups, asked: &[usize], observe: &Observe) -> Result<Vec<Neighbourhood>>;
}
