//! The rows of a column of few values: how many of each cluster have which value. Sums and quartiles follow from these
//! counts, exact as from the rows one by one.

use std::collections::HashMap;

use super::column::{ColumnSums, DROPPED};
use super::quartiles::Quartiles;
use crate::source::{Coded, Numbers};

/// Counts of a column at most, of 16 bytes each.
const COUNTS_MAX: usize = 1 << 20;

/// A batch that is so much shorter than what is counted already is counted row by row, whatever form it comes in: the last
/// rows of a row group are too few for their list, and would otherwise end the counting.
const SHORT: u64 = 4;

/// Per value and cluster, how many rows there are and what they weigh.
pub(super) struct Few {
    n_clusters: usize,
    weighted: bool,
    /// Where a value stands, by its bits.
    places: HashMap<u64, usize>,
    values: Vec<f64>,
    counts: Vec<Count>,
    /// Rows that came so far.
    rows: u64,
}

#[derive(Clone, Copy, Default)]
struct Count {
    rows: u64,
    weight: u64,
}

impl Few {
    pub fn of_none(n_clusters: usize, weighted: bool) -> Self {
        Self { n_clusters, weighted, places: HashMap::new(), values: Vec::new(), counts: Vec::new(), rows: 0 }
    }

    /// Adds rows where counting them costs less than keeping their values, and leaves few counts; false where not. A
    /// value that is not finite is missing, a row labelled [`DROPPED`] is skipped.
    pub fn add(&mut self, numbers: &Numbers, labels: &[u16], weights: Option<&[u16]>) -> bool {
        let n_rows = numbers.len();
        let added = match numbers {
            Numbers::Coded(coded) if coded.values().len() * self.n_clusters <= n_rows => {
                let fits = self.counts.len() + coded.values().len() * self.n_clusters <= COUNTS_MAX;
                if fits {
                    self.add_list(coded, labels, weights);
                }
                fits
            }
            _ => {
                let fits =
                    n_rows as u64 * SHORT <= self.rows && self.counts.len() + n_rows * self.n_clusters <= COUNTS_MAX;
                if fits {
                    self.add_each(numbers, labels, weights);
                }
                fits
            }
        };
        self.rows += n_rows as u64;
        added
    }

    fn add_each(&mut self, numbers: &Numbers, labels: &[u16], weights: Option<&[u16]>) {
        for (row, &label) in labels.iter().enumerate() {
            let value = numbers.at(row);
            if label != DROPPED && value.is_finite() {
                let place = self.place(value) + usize::from(label);
                let count = &mut self.counts[place];
                count.rows += 1;
                count.weight += weights.map_or(1, |weights| u64::from(weights[row]));
            }
        }
    }

    fn add_list(&mut self, coded: &Coded, labels: &[u16], weights: Option<&[u16]>) {
        let n_clusters = self.n_clusters;
        let n_counts = coded.values().len() * n_clusters;
        let mut rows = vec![0u32; n_counts];
        let mut weight = vec![0u64; if self.weighted { n_counts } else { 0 }];
        let places = || {
            let rows = coded.codes().iter().zip(labels).enumerate().filter(|(_, (_, label))| **label != DROPPED);
            rows.map(|(row, (code, label))| (row, usize::from(*code) * n_clusters + usize::from(*label)))
        };
        match weights {
            None => places().for_each(|(_, place)| rows[place] += 1),
            Some(weights) => places().for_each(|(row, place)| {
                rows[place] += 1;
                weight[place] += u64::from(weights[row]);
            }),
        }
        for (code, rows) in rows.chunks_exact(n_clusters).enumerate() {
            let value = coded.values()[code];
            if !value.is_finite() || rows.iter().all(|rows| *rows == 0) {
                continue;
            }
            let place = self.place(value);
            for (cluster, (own, rows)) in self.counts[place..].iter_mut().zip(rows).enumerate() {
                own.rows += u64::from(*rows);
                own.weight += weight.get(code * n_clusters + cluster).copied().unwrap_or(u64::from(*rows));
            }
        }
    }

    /// Where the counts of a value begin.
    fn place(&mut self, value: f64) -> usize {
        // Turns -0 into 0, so that equal values are one.
        let value = value + 0.0;
        let next = self.values.len();
        let place = *self.places.entry(value.to_bits()).or_insert(next);
        if place == next {
            self.values.push(value);
            self.counts.resize(self.counts.len() + self.n_clusters, Count::default());
        }
        place * self.n_clusters
    }

    /// Each value of each cluster, with how many rows have it and what they weigh.
    pub fn each(&self, mut each: impl FnMut(usize, f64, u64, u64)) {
        for (value, counts) in self.values.iter().zip(self.counts.chunks_exact(self.n_clusters)) {
            for (cluster, count) in counts.iter().enumerate().filter(|(_, count)| count.rows > 0) {
                each(cluster, *value, count.rows, count.weight);
            }
        }
    }

    pub fn add_up(&self, sums: &mut ColumnSums) {
        self.each(|cluster, value, rows, weight| sums.add_times(cluster, value, rows, weight));
    }

    /// Of every cluster, and of all of them together; none where no value is present.
    pub fn quartiles(&self) -> (Vec<Option<Quartiles>>, Option<Quartiles>) {
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        order.sort_unstable_by(|a, b| self.values[*a].total_cmp(&self.values[*b]));
        let of = |rows: &dyn Fn(usize) -> u64| {
            let counts = order.iter().map(|&at| (self.values[at], rows(at)));
            Quartiles::of_counts(&counts.filter(|(_, rows)| *rows > 0).collect::<Vec<_>>())
        };
        let at = |at: usize, cluster: usize| self.counts[at * self.n_clusters + cluster].rows;
        let clusters = (0..self.n_clusters).map(|cluster| of(&|value| at(value, cluster))).collect();
        let all = of(&|value| (0..self.n_clusters).map(|cluster| at(value, cluster)).sum());
        (clusters, all)
    }
}
