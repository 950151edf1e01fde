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
        if self.few.as_mut().is_some_and(|few| few.add(numbers, labels, weights)) {
            return;
        }
        match numbers {
            Numbers::Coded(_) => self.add_each(&numbers.clone().into_values(), labels, weights),
            Numbers::Values(values) => self.add_each(values, labels, weights),
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

    const SIZES: [u64; 3] = [600, 600, 600];

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

    /// The figures, and whether they come from counts.
    fn figures(
        batches: &[(Numbers, Vec<u16>, Vec<u16>)],
        weighted: bool,
        coded: impl Fn(usize) -> bool,
    ) -> (String, bool) {
        let mut rows = ColumnRows::with_room(&SIZES, weighted);
        for (number, (numbers, labels, weights)) in batches.iter().enumerate() {
            let numbers = if coded(number) { numbers.clone() } else { numbers.clone().into_values().into() };
            rows.add(&numbers, labels, weighted.then_some(weights));
        }
        let counted = rows.few.is_some();
        let (sums, quartiles) = rows.finish();
        let (clusters, all) = sums.counts();
        (format!("{clusters:?} {all:?} {:?} {quartiles:?}", sums.totals()), counted)
    }

    #[test]
    fn counts_and_values_give_the_same_figures_and_may_follow_each_other() {
        for weighted in [false, true] {
            let (one_by_one, counted) = figures(&batches(), weighted, |_| false);
            assert!(!counted);
            assert_eq!(figures(&batches(), weighted, |_| true), (one_by_one.clone(), true), "all counted");
            for last in 0..3 {
                let found = figures(&batches(), weighted, |number| number != last);
                assert_eq!(found, (one_by_one.clone(), false), "values in {last}");
            }
            // A short batch of values behind many that were counted is counted too.
            let mut long: Vec<_> = std::iter::repeat_with(batches).take(2).flatten().collect();
            let (numbers, labels, weights) = long.remove(0);
            let short = |values: Vec<f64>| (Numbers::Values(values), labels[..9].to_vec(), weights[..9].to_vec());
            long.push(short(numbers.into_values()[..9].to_vec()));
            let (values, _) = figures(&long, weighted, |_| false);
            assert_eq!(figures(&long, weighted, |_| true), (values, true));
        }
    }

    #[test]
    fn a_list_as_long_as_its_rows_is_kept_value_by_value() {
        let values: Vec<f64> = (0..90).map(f64::from).collect();
        let coded = Coded::new((0..90).collect(), values.into()).unwrap();
        let mut rows = ColumnRows::with_room(&SIZES, false);
        rows.add(&Numbers::Coded(coded), &[1; 90], None);
        assert!(rows.few.is_none());
        assert_eq!(rows.finish().0.counts().1.range(), Some((0.0, 89.0)));
    }

    #[test]
    fn more_counts_than_are_allowed_are_kept_value_by_value() {
        // 2^20 counts at most, of 2^15 clusters: a list of 32 values fits, another one does not.
        let n_clusters = 1 << 15;
        let mut few = Few::of_none(n_clusters, false);
        let list = |first: i32| -> Numbers {
            let values: Vec<f64> = (first..first + 32).map(f64::from).collect();
            Numbers::Coded(Coded::new((0..1 << 20).map(|row| (row % 32) as u16).collect(), values.into()).unwrap())
        };
        let labels = vec![0; 1 << 20];
        assert!(few.add(&list(0), &labels, None));
        assert!(!few.add(&list(32), &labels, None));
        assert!(!few.add(&Numbers::Values(vec![99.0; 8]), &labels[..8], None));
    }
}
