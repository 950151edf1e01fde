//! The sample as whole numbers: of every value only which cuts of its column it is beyond. All that the trees compare
//! are counts of such rows.

use rayon::prelude::*;

use super::cuts::cuts;

/// The columns of a sample with their cuts. A column without cuts tells nobody apart.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Binned>,
    /// The cluster of every row.
    pub(super) labels: Vec<u16>,
    pub(super) n_clusters: usize,
}

#[derive(Debug)]
struct Binned {
    cuts: Vec<f64>,
    /// Per row, how many cuts its value is beyond.
    bins: Vec<u8>,
}

/// "The value is at most the cut of this number": its place in the columns, and in the cuts of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) column: usize,
    pub(super) cut: usize,
}

/// Who listens to a sweep.
pub(super) trait Asked {
    /// The next row is at most the cuts to come.
    fn pass(&mut self, row: usize, label: u16);
    fn after(&mut self, question: Question);
}

impl Table {
    /// Cuts are made for the values of `training`, by place in `values`; all rows are then put between them.
    pub(super) fn new(values: &[Vec<f64>], labels: Vec<u16>, n_clusters: usize, training: &[usize]) -> Table {
        let binned = |values: &Vec<f64>| {
            let known: Vec<f64> = training.iter().map(|&row| values[row]).filter(|value| value.is_finite()).collect();
            let cuts = cuts(&known);
            let beyond = |value: &f64| cuts.partition_point(|cut| cut < value) as u8;
            Binned { bins: values.iter().map(beyond).collect(), cuts }
        };
        Table { columns: values.par_iter().map(binned).collect(), labels, n_clusters }
    }

    /// Whether any column can be asked about.
    pub(super) fn is_askable(&self) -> bool {
        self.columns.iter().any(|column| !column.cuts.is_empty())
    }

    /// What came of asking about each column that can be asked about, in their order.
    pub(super) fn ask<A: Asked, T: Send>(
        &self,
        rows: &[usize],
        asked: impl Fn() -> A + Sync,
        found: impl Fn(A) -> Option<T> + Sync,
    ) -> Vec<T> {
        let of_column = |column: usize| {
            let mut asked = asked();
            self.sweep(column, rows, &mut asked);
            found(asked)
        };
        (0..self.columns.len()).into_par_iter().filter_map(of_column).collect()
    }

    pub(super) fn cut(&self, question: Question) -> f64 {
        self.columns[question.column].cuts[question.cut]
    }

    pub(super) fn is_within(&self, question: Question, row: usize) -> bool {
        usize::from(self.columns[question.column].bins[row]) <= question.cut
    }

    /// Asks every question about a column: rows pass in the order of their bins, and behind each bin that held some the
    /// rows that passed are those that are at most its cut. A question with all rows on one side is not asked.
    fn sweep(&self, column: usize, rows: &[usize], asked: &mut impl Asked) {
        let Binned { cuts, bins } = &self.columns[column];
        if cuts.is_empty() {
            return;
        }
        let mut ends = [0usize; 257];
        for &row in rows {
            ends[usize::from(bins[row]) + 1] += 1;
        }
        for bin in 1..ends.len() {
            ends[bin] += ends[bin - 1];
        }
        let starts = ends;
        let mut order = vec![0; rows.len()];
        for &row in rows {
            let end = &mut ends[usize::from(bins[row])];
            order[*end] = row;
            *end += 1;
        }
        for cut in 0..cuts.len() {
            let (from, to) = (starts[cut], starts[cut + 1]);
            if from < to && to < rows.len() {
                order[from..to].iter().for_each(|&row| asked.pass(row, self.labels[row]));
                asked.after(Question { column, cut });
            }
        }
    }

    /// Rows of either side.
    pub(super) fn part(&self, question: Question, rows: &[usize]) -> (Vec<usize>, Vec<usize>) {
        rows.iter().partition(|&&row| self.is_within(question, row))
    }

    /// Rows of each cluster.
    pub(super) fn count(&self, rows: &[usize]) -> Vec<u64> {
        let mut counts = vec![0; self.n_clusters];
        rows.iter().for_each(|&row| counts[usize::from(self.labels[row])] += 1);
        counts
    }

    /// The cluster of most rows; ties go to the first.
    pub(super) fn majority(&self, rows: &[usize]) -> usize {
        let counts = self.count(rows);
        (0..counts.len()).rev().max_by_key(|&cluster| counts[cluster]).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Heard(Vec<(usize, u16)>, Vec<(usize, usize)>);

    impl Asked for Heard {
        fn pass(&mut self, row: usize, label: u16) {
            self.0.push((row, label));
        }

        fn after(&mut self, question: Question) {
            self.1.push((question.cut, self.0.len()));
        }
    }

    #[test]
    fn a_sweep_passes_every_row_once_and_stops_behind_every_bin() {
        let table = Table::new(&[vec![5.0, 1.0, 3.0, 1.0, 5.0]], vec![0, 1, 0, 1, 0], 2, &[0, 1, 2, 3, 4]);
        let mut heard = Heard(Vec::new(), Vec::new());
        table.sweep(0, &[0, 1, 2, 3, 4], &mut heard);
        assert_eq!(heard.0, [(1, 1), (3, 1), (2, 0)]);
        assert_eq!(heard.1, [(0, 2), (1, 3)]);
    }

    #[test]
    fn values_beyond_all_that_was_seen_lie_in_the_outer_bins() {
        let table = Table::new(&[vec![1.0, 2.0, -7.0, 90.0]], vec![0; 4], 1, &[0, 1]);
        let question = Question { column: 0, cut: 0 };
        assert_eq!(table.cut(question), 1.0);
        assert_eq!(table.part(question, &[0, 1, 2, 3]), (vec![0, 2], vec![1, 3]));
    }
}
