//! What is kept of one column while its rows come in: counts as long as it has few values, else every value.

use super::column::ColumnSums;
use super::few::Few;
use super::quartiles::Quartiles;
use super::values::ColumnValues;
use crate::source::Numbers;

/// The rows of one column.
pub(super) struct ColumnRows {
    /// While all of them came as places in lists of few values.
    few: Option<Few>,
    /// From then on.
    values: ColumnValues,
    /// Of these values, where rows have weights.
    sums: ColumnSums,
    weighted: bool,
}

impl ColumnRows {
    /// Room for clusters of these sizes.
    pub fn with_room(sizes: &[u64], weighted: bool) -> Self {
        let n_clusters = sizes.len();
        Self {
            few: Some(Few::of_none(n_clusters, weighted)),
            values: ColumnValues::with_room(sizes),
            sums: ColumnSums::zero(n_clusters),
            weighted,
        }
    }

    /// Adds rows, each with its label and, where there are weights, its weight.
    pub fn add(&mut self, numbers: &Numbers, labels: &[u16], weights: Option<&[u16]>) {
        match (&mut self.few, numbers) {
            (Some(few), Numbers::Coded(coded)) if few.takes(coded) => few.add(coded, labels, weights),
            (_, Numbers::Coded(_)) => self.add_each(&numbers.clone().into_values(), labels, weights),
            (_, Numbers::Values(values)) => self.add_each(values, labels, weights),
        }
    }

    fn add_each(&mut self, values: &[f64], labels: &[u16], weights: Option<&[u16]>) {
        if let Some(few) = self.few.take() {
            let (own, sums, weighted) = (&mut self.values, &mut self.sums, self.weighted);
            few.each(|cluster, value, rows, weight| {
                own.add_times(cluster, value, rows);
                if weighted {
                    sums.add_times(cluster, value, rows, weight);
                }
            });
        }
        if weights.is_some() {
            self.sums.add(values, labels, weights);
        }
        self.values.add(values, labels);
    }

    /// Exact sums, and the quartiles of every cluster and of all of them together.
    pub fn finish(mut self) -> (ColumnSums, (Vec<Option<Quartiles>>, Option<Quartiles>)) {
        if let Some(few) = self.few {
            few.add_up(&mut self.sums);
            return (self.sums, few.quartiles());
        }
        if !self.weighted {
            self.values.add_up(&mut self.sums);
        }
        let quartiles = self.values.quartiles();
        (self.sums, quartiles)
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::DROPPED;
    use super::*;
    use crate::source::Coded;

    const SIZES: [u64; 3] = [300, 300, 300];

    /// Batches of rows of three clusters and of rows that were left out: as places in lists, as values, with weights.
    fn batches() -> Vec<(Numbers, Vec<u16>, Vec<u16>)> {
        let lists: [Vec<f64>; 3] =
            [vec![1.5, -0.0, f64::NAN, 7.0], vec![0.0, 7.0, 1e300, 0.1, f64::INFINITY], vec![2.0, 1.5]];
        let batch = |(number, list): (usize, Vec<f64>)| {
            let codes: Vec<u16> = (0..200).map(|row| (row * row % 13 % list.len()) as u16).collect();
            let labels = (0..200).map(|row| [0, 1, 2, DROPPED, 1][(row + number) % 5]).collect();
            let weights = (0..200).map(|row| [1, 0, u16::MAX, 3][row % 4]).collect();
            (Numbers::Coded(Coded::new(codes, list.into()).unwrap()), labels, weights)
        };
        lists.into_iter().enumerate().map(batch).collect()
    }

    fn figures(batches: &[(Numbers, Vec<u16>, Vec<u16>)], weighted: bool, coded: impl Fn(usize) -> bool) -> String {
        let mut rows = ColumnRows::with_room(&SIZES, weighted);
        for (number, (numbers, labels, weights)) in batches.iter().enumerate() {
            let numbers = if coded(number) { numbers.clone() } else { numbers.clone().into_values().into() };
            rows.add(&numbers, labels, weighted.then_some(weights));
        }
        let (sums, quartiles) = rows.finish();
        let (clusters, all) = sums.counts();
        format!("{clusters:?} {all:?} {:?} {quartiles:?}", sums.totals())
    }

    #[test]
    fn counts_and_values_give_the_same_figures_and_may_follow_each_other() {
        for weighted in [false, true] {
            let one_by_one = figures(&batches(), weighted, |_| false);
            assert_eq!(figures(&batches(), weighted, |_| true), one_by_one, "all counted");
            for last in 0..3 {
                assert_eq!(figures(&batches(), weighted, |number| number != last), one_by_one, "values in {last}");
            }
        }
    }

    #[test]
    fn a_list_as_long_as_its_rows_is_kept_value_by_value() {
        let values: Vec<f64> = (0..90).map(f64::from).collect();
        let coded = Coded::new((0..90).collect(), values.into()).unwrap();
        assert!(!Few::of_none(3, false).takes(&coded));
        let mut rows = ColumnRows::with_room(&SIZES, false);
        rows.add(&Numbers::Coded(coded), &[1; 90], None);
        assert!(rows.few.is_none());
        assert_eq!(rows.finish().0.counts().1.range(), Some((0.0, 89.0)));
    }
}
