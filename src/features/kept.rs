//! What a run keeps in memory for every row, whatever becomes of the grid values: the figures that decide whether a table
//! fits. Each stands for an array that some room behind this one keeps; the largest of what is kept at the same time counts.
//!
//! Ids are in none of them: they are read once more when they are written.

use crate::job::{Criterion, Job, SilhouetteRows};

/// The order key, from the first read to the last file.
const KEY_BYTES: u64 = 8;

/// An integer sample weight.
const WEIGHT_BYTES: u64 = 2;

/// Label and runner-up of the published clustering.
const ASSIGNMENT_BYTES: u64 = 4;

/// One column's value, while the quartiles of that column are looked for beside the assignment.
const VALUE_BYTES: u64 = 8;

/// While a sweep is scored: the labels of a k beside an assignment, or of two k and the copy of one to compare them.
const SCORING_BYTES: u64 = 10;

/// A label of one k that is kept until all are compared.
const LABEL_BYTES: u64 = 2;

/// The numbers of all rows, from which a sample is drawn.
const SAMPLED_BYTES: u64 = 8;

/// Per row of a silhouette: its cell, twice while cells are split, and its number, three times while rows are packed.
const GROUPED_BYTES: u64 = 4 + 4 + 8 + 16 + 16;

/// Per row that a silhouette has packed: its norm and its reach; and per value.
const PACKED_BYTES: u64 = 8 + 8;
const PACKED_VALUE_BYTES: u64 = 8;

/// Rows of which a silhouette is made in any case.
const SILHOUETTE_ROWS_FREE: u64 = 20_000;

/// Bytes per row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// From beginning to end.
    always: u64,
    /// Beside that while several numbers of clusters are compared by more than their sums.
    choosing: u64,
}

impl Kept {
    pub fn of(n_rows: u64, n_features: u64, job: &Job) -> Self {
        let weight = if job.source.sample_weight.is_some() { WEIGHT_BYTES } else { 0 };
        let n_k = (job.cluster.k.end() - job.cluster.k.start() + 1) as u64;
        let (selection, many) = (&job.selection, n_k > 1);
        let silhouette = match selection.silhouette {
            SilhouetteRows::None => false,
            SilhouetteRows::All | SilhouetteRows::Sample => true,
            SilhouetteRows::Auto => {
                n_rows <= SILHOUETTE_ROWS_FREE
                    || (many && matches!(selection.criterion, Criterion::Consensus | Criterion::Silhouette))
            }
        };
        let packed = GROUPED_BYTES + PACKED_BYTES + PACKED_VALUE_BYTES.saturating_mul(n_features);
        let samples = selection.stability > 0 || (many && selection.criterion == Criterion::Gap);
        let most = if silhouette { packed } else { 0 }.max(if samples { SAMPLED_BYTES } else { 0 });
        let labels = if silhouette || selection.stability > 0 { LABEL_BYTES * n_k } else { 0 };
        Self { always: KEY_BYTES + weight, choosing: if most > 0 { labels + most } else { 0 } }
    }

    /// Beside a grid in memory. What comparing takes is not in it: it comes and goes, and such a run was never refused.
    pub fn in_memory(self) -> u64 {
        self.always + ASSIGNMENT_BYTES + VALUE_BYTES
    }

    /// Beside a grid in a file.
    pub fn spilled(self) -> u64 {
        self.always + (ASSIGNMENT_BYTES + VALUE_BYTES).max(self.choosing)
    }

    /// The same as long as engines keep anything.
    pub fn while_fitting(self) -> u64 {
        self.always + SCORING_BYTES.max(self.choosing)
    }

    /// What could be spared by comparing less; 0 where it is not the most.
    pub fn choosing(self) -> u64 {
        self.choosing.saturating_sub(ASSIGNMENT_BYTES + VALUE_BYTES)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::job::{Surroundings, resolve};

    /// A job with one number of clusters.
    pub fn job() -> Job {
        let around = Surroundings {
            variables: Default::default(),
            folder: std::env::temp_dir(),
            today: "2026-11-25".to_owned(),
            memory: 8 << 30,
            cache: None,
        };
        let flags = [("source.path", "customers.parquet".to_owned()), ("cluster.k", "5".to_owned())];
        resolve(None, &flags, &around).unwrap().job
    }

    #[test]
    fn one_number_of_clusters_keeps_twenty_bytes_a_row_and_weights_two_more() {
        let mut job = job();
        let kept = Kept::of(1_000_000, 10, &job);
        assert_eq!((kept.in_memory(), kept.spilled(), kept.while_fitting(), kept.choosing()), (20, 20, 18, 0));
        job.source.sample_weight = Some("w".into());
        assert_eq!(Kept::of(1_000_000, 10, &job).spilled(), 22);
    }

    #[test]
    fn comparing_numbers_of_clusters_costs_what_each_way_to_compare_keeps() {
        let mut job = job();
        job.cluster.k = 2..=10;
        job.selection.criterion = Criterion::DaviesBouldin;
        assert_eq!(Kept::of(1_000_000, 10, &job).spilled(), 20);
        job.selection.stability = 20;
        assert_eq!(Kept::of(1_000_000, 10, &job).spilled(), 8 + 2 * 9 + 8);
        job.selection.silhouette = SilhouetteRows::Sample;
        assert_eq!(Kept::of(1_000_000, 10, &job).spilled(), 8 + 2 * 9 + 48 + 16 + 80);
        (job.selection.stability, job.selection.silhouette) = (0, SilhouetteRows::None);
        job.selection.criterion = Criterion::Gap;
        assert_eq!(Kept::of(1_000_000, 10, &job).spilled(), 20);
    }
}
