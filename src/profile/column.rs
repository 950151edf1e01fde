//! What is added up for one column, per cluster, while the source streams by.

use num_bigint::BigInt;

use super::exact::{Bins, Cell, Parts, Totals, WEIGHT_MAX, WINDOWS};
use crate::features::extremes;

/// Fewer values of a cluster are added up one by one: emptying the bins would cost more.
const BINNED_MIN: usize = 1 << 10;

/// The label of a row that belongs to no cluster, because the features left it out.
pub const DROPPED: u16 = u16::MAX;

/// Counts and exact sums of one column for k clusters. Rows come in any order and any portions; merging is integer
/// addition.
#[derive(Debug, Clone)]
pub struct ColumnSums {
    counts: Vec<Counts>,
    /// Per exponent window the cells of the k clusters; empty until a value falls into it.
    windows: Vec<Vec<Cell>>,
}

/// Of the values present.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub(super) rows: u64,
    /// Σ w; equals `rows` where there are no sample weights.
    pub(super) weight: u64,
    min: f64,
    max: f64,
}

impl Counts {
    const NONE: Counts = Counts { rows: 0, weight: 0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    fn merge(&mut self, other: &Counts) {
        self.rows += other.rows;
        self.weight += other.weight;
        self.min = if other.min < self.min { other.min } else { self.min };
        self.max = if other.max > self.max { other.max } else { self.max };
    }

    /// Smallest and largest value, where there is one.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        (self.rows > 0).then_some((self.min, self.max))
    }
}

impl ColumnSums {
    pub fn zero(n_clusters: usize) -> Self {
        Self { counts: vec![Counts::NONE; n_clusters], windows: vec![Vec::new(); WINDOWS] }
    }

    /// Adds a portion of rows: one value, one label and, where there are weights, one weight per row. A value that is
    /// not finite is missing; a row labelled [`DROPPED`] is skipped. Any other label is below the number of clusters.
    pub fn add(&mut self, values: &[f64], labels: &[u16], weights: Option<&[u16]>) {
        assert_eq!(values.len(), labels.len());
        match weights {
            None => self.add_each(values.iter().zip(labels).map(|(&x, &label)| (x, label, 1))),
            Some(weights) => {
                assert_eq!(values.len(), weights.len());
                let rows = values.iter().zip(labels).zip(weights);
                self.add_each(rows.map(|((&x, &label), &weight)| (x, label, u64::from(weight))));
            }
        }
    }

    #[inline(always)]
    fn add_each(&mut self, rows: impl Iterator<Item = (f64, u16, u64)>) {
        for (value, label, weight) in rows {
            if label == DROPPED || !value.is_finite() {
                continue;
            }
            // Turns -0 into 0, whose order against 0 no comparison could tell.
            let value = value + 0.0;
            let counts = &mut self.counts[usize::from(label)];
            counts.rows += 1;
            counts.weight += weight;
            counts.min = if value < counts.min { value } else { counts.min };
            counts.max = if value > counts.max { value } else { counts.max };
            if value != 0.0 {
                let parts = Parts::of(value);
                let cells = &mut self.windows[parts.window];
                if cells.is_empty() {
                    *cells = vec![Cell::default(); self.counts.len()];
                }
                cells[usize::from(label)].add(parts, weight);
            }
        }
    }

    /// Adds a finite value of one cluster so many times, with what they weigh together.
    pub(super) fn add_times(&mut self, cluster: usize, value: f64, rows: u64, weight: u64) {
        self.counts[cluster].merge(&Counts { rows, weight, min: value, max: value });
        if value != 0.0 {
            let parts = Parts::of(value);
            let n_clusters = self.counts.len();
            let cells = &mut self.windows[parts.window];
            if cells.is_empty() {
                *cells = vec![Cell::default(); n_clusters];
            }
            let mut left = weight;
            while left > 0 {
                let part = left.min(WEIGHT_MAX);
                cells[cluster].add(parts, part);
                left -= part;
            }
        }
    }

    /// Adds values of one cluster, each finite and of weight 1; 0 has no sign.
    pub(super) fn add_cluster(&mut self, cluster: usize, values: &[f64], bins: &mut Bins) {
        let n_clusters = self.counts.len();
        let Some(counts) = self.counts.get_mut(cluster).filter(|_| !values.is_empty()) else { return };
        let (min, max) = extremes(values);
        let n = values.len() as u64;
        counts.merge(&Counts { rows: n, weight: n, min, max });
        let mut to_window = |window: usize, add: &dyn Fn(&mut Cell)| {
            let cells = &mut self.windows[window];
            if cells.is_empty() {
                *cells = vec![Cell::default(); n_clusters];
            }
            add(&mut cells[cluster]);
        };
        if values.len() < BINNED_MIN {
            for parts in values.iter().filter(|&&value| value != 0.0).map(|&value| Parts::of(value)) {
                to_window(parts.window, &|cell| cell.add(parts, 1));
            }
        } else {
            bins.add_up(values, to_window);
        }
    }

    pub fn merge(&mut self, other: &ColumnSums) {
        for (a, b) in self.counts.iter_mut().zip(&other.counts) {
            a.merge(b);
        }
        for (a, b) in self.windows.iter_mut().zip(&other.windows) {
            if a.is_empty() {
                a.clone_from(b);
            } else {
                a.iter_mut().zip(b).for_each(|(a, b)| a.merge(b));
            }
        }
    }

    pub fn n_clusters(&self) -> usize {
        self.counts.len()
    }

    /// Rows, weight and range per cluster, and of all clusters together.
    pub(super) fn counts(&self) -> (&[Counts], Counts) {
        let mut all = Counts::NONE;
        self.counts.iter().for_each(|counts| all.merge(counts));
        (&self.counts, all)
    }

    /// Exact totals per cluster, and of all clusters together, all in units of one exponent.
    pub(super) fn totals(&self) -> (Vec<Totals>, Totals) {
        let used = || self.windows.iter().enumerate().filter(|(_, cells)| !cells.is_empty());
        let base = used().map(|(window, _)| window).next().unwrap_or(0);
        let clusters: Vec<Totals> = (0..self.counts.len())
            .map(|cluster| Totals::of(base, used().map(|(window, cells)| (window, cells[cluster]))))
            .collect();
        let all = Totals {
            exponent: clusters.first().map_or(0, |first| first.exponent),
            sum: clusters.iter().map(|cluster| &cluster.sum).sum::<BigInt>(),
            squares: clusters.iter().map(|cluster| &cluster.squares).sum::<BigInt>(),
        };
        (clusters, all)
    }
}
