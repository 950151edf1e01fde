//! From the candidates of a sweep to the one that is published: every k is labelled and scored, one is chosen, and what
//! the choice would look like otherwise is counted.

use std::sync::Arc;

use super::choice::{Choice, Gates, choose};
use super::scores::Scores;
use super::{Labelled, Means, Reference, SilhouetteBudget};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::grid::{Grid, Matrix};
use crate::job::{ClusterSettings, Criterion, SelectionSettings, SilhouetteRows};
use crate::kmeans::{self, Candidate, Fit};
use crate::observe::{Event, Observe};

/// Rows whose silhouette is computed from all pairs unless somebody asks otherwise: a second's work.
const SILHOUETTE_ROWS_MAX: usize = 50_000;

/// The same where nothing is chosen by it.
const SILHOUETTE_ROWS_FREE: usize = 20_000;

/// Rows of a silhouette's sample: each is compared with all rows.
const SILHOUETTE_SAMPLE: usize = 2_048;

/// Tables without groups that the gap statistic compares with.
const GAP_REFERENCES: u32 = 20;

/// What a sweep came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// Of every k that was fitted, in order.
    pub scores: Vec<Scores>,
    pub choice: Choice,
    /// The chosen model.
    pub fit: Fit,
    /// Between every k and the next.
    pub flows: Vec<Flow>,
    /// From the chosen clusters to those of the runner-up.
    pub to_runner_up: Option<Flow>,
    /// The published clustering has a cluster that is smaller than the user allows: its customers, and the least allowed.
    pub too_small: Option<(u64, u64)>,
}

/// How the customers of one clustering spread over the clusters of another; both numbered by size, the largest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    pub from_k: usize,
    pub to_k: usize,
    /// Clusters of the other: k, or fewer.
    pub to_clusters: usize,
    /// (clusters of the one, clusters of the other), customers.
    pub customers: Vec<u64>,
}

/// A k with its labels, numbered as they would be published.
struct Labels {
    k: usize,
    n_clusters: usize,
    labels: Vec<u16>,
}

/// Labels and scores all candidates, and chooses one of them. `useful_min` is the size below which a segment is of no
/// use. The engine holds the matrix already.
pub fn select(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    grid: Grid,
    candidates: Vec<Candidate>,
    cluster: &ClusterSettings,
    selection: &SelectionSettings,
    useful_min: u64,
    threads: usize,
    observe: &Observe,
) -> Result<Selected> {
    let gates = Gates { size_min: size_min(selection.min_size, matrix.n_rows() as u64), useful_min };
    let many = candidates.len() > 1;
    let budget = silhouette_budget(selection, many, matrix.n_rows());
    // A consensus that is to do without a silhouette takes what comes next to it.
    let simplified = many && budget.is_none() && selection.criterion == Criterion::Consensus;
    let (mut scores, mut labelled, mut flows) = (Vec::new(), Vec::<Labels>::new(), Vec::new());
    for (done, candidate) in candidates.iter().enumerate() {
        observe.check_stop()?;
        let fit = kmeans::publish(engine, candidate.clone(), &observe.silent())?;
        let mut score = score(matrix, grid, candidate.k_asked, &fit, threads);
        if simplified {
            let (centroids, assignment) = (&fit.centroids, &fit.assignment);
            score.simplified_silhouette = super::simplified_silhouette(matrix, centroids, assignment, threads);
        }
        scores.push(score);
        let labels = published_labels(candidate.k_asked, fit);
        if let Some(before) = labelled.last() {
            flows.push(flow(before, &labels));
        }
        // What compares all clusterings needs them all; the next flow needs the last one only.
        if selection.stability == 0 && budget.is_none() {
            labelled.clear();
        }
        labelled.push(labels);
        observe.event(Event::Progress { stage: "score", done: done as u64 + 1, total: candidates.len() as u64 });
    }
    if let Some(budget) = budget {
        let of: Vec<Labelled> = labelled.iter().map(|labels| labels.labelled(matrix, grid)).collect();
        let found = super::silhouettes(&of, budget, threads, observe)?;
        scores.iter_mut().zip(found).for_each(|(scores, silhouette)| scores.silhouette = silhouette);
    }
    if selection.stability > 0 {
        let references: Vec<Reference> = labelled.iter().map(Labels::reference).collect();
        let stable = super::stability(matrix, &references, cluster, selection.stability, threads, observe)?;
        scores.iter_mut().zip(stable).for_each(|(scores, stability)| scores.stability = Some(stability));
    }
    drop(labelled);
    if many && selection.criterion == Criterion::Gap {
        let ks: Vec<usize> = candidates.iter().map(|candidate| candidate.k_asked).collect();
        let gaps = super::gap(matrix, &ks, cluster, GAP_REFERENCES, threads, observe)?;
        scores.iter_mut().zip(gaps).for_each(|(scores, gap)| scores.gap = Some(gap));
    }

    let choice = choose(&scores, selection.criterion, gates).ok_or_else(|| Error::bug("there is nothing to choose"))?;
    let mut chosen = |k: usize, observe: &Observe| {
        let candidate = candidates.iter().find(|candidate| candidate.k_asked == k);
        kmeans::publish(engine, candidate.cloned().ok_or_else(|| Error::bug("the choice is no candidate"))?, observe)
    };
    let other =
        choice.runner_up.map(|k| Ok::<_, Error>(published_labels(k, chosen(k, &observe.silent())?))).transpose()?;
    let fit = chosen(choice.k, observe)?;
    let to_runner_up = other.map(|other| flow(&published_labels(choice.k, fit.clone()), &other));
    let smallest = fit.sums.rows.iter().copied().min().unwrap_or(0);
    let too_small = (smallest < gates.size_min).then_some((smallest, gates.size_min));
    Ok(Selected { scores, choice, fit, flows, to_runner_up, too_small })
}

/// The fewest customers that a segment may have: `size` is a share below 1, else a count.
fn size_min(size: f64, rows: u64) -> u64 {
    if size < 1.0 { (size * rows as f64).ceil() as u64 } else { size as u64 }
}

/// Which rows a silhouette takes; None where it takes none.
fn silhouette_budget(selection: &SelectionSettings, many: bool, rows: usize) -> Option<SilhouetteBudget> {
    let needed = many && matches!(selection.criterion, Criterion::Consensus | Criterion::Silhouette);
    let rows_exact_max = match selection.silhouette {
        SilhouetteRows::None => return None,
        SilhouetteRows::Auto if needed => SILHOUETTE_ROWS_MAX,
        SilhouetteRows::Auto if rows > SILHOUETTE_ROWS_FREE => return None,
        SilhouetteRows::Auto => SILHOUETTE_ROWS_FREE,
        SilhouetteRows::All => usize::MAX,
        SilhouetteRows::Sample => 0,
    };
    Some(SilhouetteBudget { rows_exact_max, sample_rows: SILHOUETTE_SAMPLE })
}

/// The scores that the sums and one look at each row give.
fn score(matrix: &Matrix, grid: Grid, k: usize, fit: &Fit, threads: usize) -> Scores {
    let n_clusters = fit.centroids.n_clusters();
    let of = Labelled { matrix, grid, labels: &fit.assignment.labels, n_clusters };
    let means = Means::from_sums(matrix, fit.sums.clone());
    Scores {
        iterations: fit.iterations,
        davies_bouldin: means.davies_bouldin(of, threads),
        calinski_harabasz: means.calinski_harabasz(matrix),
        explained_variance: means.explained_variance(matrix),
        smallest: fit.sums.rows.iter().copied().min().unwrap_or(0),
        ..Scores::unscored(k, n_clusters, grid.squared(fit.inertia))
    }
}

fn published_labels(k: usize, fit: Fit) -> Labels {
    let mut labels = fit.assignment.labels;
    labels.iter_mut().for_each(|label| *label = fit.published[usize::from(*label)]);
    Labels { k, n_clusters: fit.centroids.n_clusters(), labels }
}

fn flow(from: &Labels, to: &Labels) -> Flow {
    let mut customers = vec![0; from.n_clusters * to.n_clusters];
    for (&a, &b) in from.labels.iter().zip(&to.labels) {
        customers[usize::from(a) * to.n_clusters + usize::from(b)] += 1;
    }
    Flow { from_k: from.k, to_k: to.k, to_clusters: to.n_clusters, customers }
}

impl Labels {
    fn labelled<'a>(&'a self, matrix: &'a Matrix, grid: Grid) -> Labelled<'a> {
        Labelled { matrix, grid, labels: &self.labels, n_clusters: self.n_clusters }
    }

    fn reference(&self) -> Reference<'_> {
        Reference { k: self.k, labels: &self.labels, n_clusters: self.n_clusters }
    }
}
