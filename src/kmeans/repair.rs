//! Empty clusters and identical centroids.
//!
//! An empty cluster takes the row farthest from its own centroid, by (D, key); the row leaves its donor before means
//! are taken. D > 0 is required, so inertia strictly falls; where no such row is left, the cluster is dropped.

use crate::engine::{Engine, Row};
use crate::error::Result;
use crate::grid::{Centroids, Matrix, Sums};

/// The model without its repeated centroids, and the index of each one kept. The first of equals stays.
pub(super) fn collapse(centroids: &Centroids) -> (Centroids, Vec<usize>) {
    let mut order: Vec<usize> = (0..centroids.n_clusters()).collect();
    order.sort_by_key(|&c| (centroids.row(c), c));
    let mut kept: Vec<usize> =
        order.chunk_by(|&a, &b| centroids.row(a) == centroids.row(b)).map(|equal| equal[0]).collect();
    kept.sort_unstable();
    if kept.len() == centroids.n_clusters() {
        return (centroids.clone(), kept);
    }
    let values = kept.iter().flat_map(|&c| centroids.row(c).iter().copied()).collect();
    (Centroids::new(centroids.model, centroids.generation, centroids.n_features(), values), kept)
}

/// The sums of a collapsed model under the numbers of the whole one.
pub(super) fn expand(whole: &Centroids, kept: &[usize], sums: Sums) -> Sums {
    if kept.len() == whole.n_clusters() {
        return sums;
    }
    let d = whole.n_features();
    let mut expanded = Sums::zero(whole.n_clusters(), d);
    for (from, &to) in kept.iter().enumerate() {
        expanded.rows[to] = sums.rows[from];
        expanded.weights[to] = sums.weights[from];
        expanded.sums[to * d..(to + 1) * d].copy_from_slice(&sums.sums[from * d..(from + 1) * d]);
    }
    expanded
}

/// The next centroids of a model with empty clusters.
pub(super) fn refill(
    engine: &mut dyn Engine,
    matrix: &Matrix,
    centroids: &Centroids,
    sums: &Sums,
    empty: &[usize],
) -> Result<Centroids> {
    let d = centroids.n_features();
    let (model, kept) = collapse(centroids);
    // A row that is alone in its cluster would only leave another one empty: as many more are asked for.
    let far = engine.farthest(&model, empty.len() + centroids.n_clusters())?;
    let mut sums = sums.clone();
    let mut values: Vec<Option<Vec<i64>>> = vec![None; centroids.n_clusters()];
    let mut far = far.into_iter().filter(|row| row.distance > 0);
    for &cluster in empty {
        let weight = |row: &Row| u64::from(matrix.weight(row.row as usize));
        let donor_of = |row: &Row| kept[usize::from(row.label)];
        let Some(row) = far.find(|row| sums.weights[donor_of(row)] > weight(row)) else { break };
        let donor = donor_of(&row);
        let mut coordinates = vec![0; d];
        matrix.row(row.row as usize, &mut coordinates);
        sums.rows[donor] -= 1;
        sums.weights[donor] -= weight(&row);
        for (sum, &q) in sums.sums[donor * d..(donor + 1) * d].iter_mut().zip(&coordinates) {
            *sum -= i128::from(weight(&row)) * i128::from(q);
        }
        values[cluster] = Some(coordinates);
    }
    let updated = centroids.update(&sums);
    let dropped = |cluster: usize| empty.contains(&cluster) && values[cluster].is_none();
    let values = (0..centroids.n_clusters())
        .filter(|&c| !dropped(c))
        .flat_map(|c| values[c].clone().unwrap_or_else(|| updated.row(c).to_vec()))
        .collect();
    Ok(Centroids::new(centroids.model, centroids.generation + 1, d, values))
}
