//! Quartiles, exact whatever the order of rows: the values of one column, kept cluster after cluster, and the search
//! for the few of them that stand at a quartile's rank.
//!
//! A value takes eight bytes a row, so columns are read in as many groups as memory asks for; no column is read twice
//! for that. The search cuts the range of the values into equal parts and counts how many lie in each, which tells the
//! part in which a rank lies; the values of that part alone are searched on, in the same way.

use serde::{Deserialize, Serialize};

use super::column::{ColumnSums, DROPPED};
use super::exact::Bins;
use crate::features::{Quantile, extremes};

/// The quarters of a column's values in the user's units, between two values by linear interpolation at position
/// (n - 1) · q, as numpy has it. Of the values present, each counted once: sample weights have no say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quartiles {
    /// A quarter of the values lie at or below.
    pub lower: f64,
    pub median: f64,
    /// A quarter of the values lie at or above.
    pub upper: f64,
}

/// The values of one column, those of a cluster side by side.
pub(super) struct ColumnValues {
    values: Vec<f64>,
    /// Per cluster: where its values begin, and where the next one goes.
    starts: Vec<usize>,
    next: Vec<usize>,
}

/// Bytes that a row of one column takes.
pub(super) const VALUE_BYTES: u64 = 8;

impl ColumnValues {
    /// Room for clusters of these sizes.
    pub(super) fn with_room(sizes: &[u64]) -> Self {
        let mut end = 0;
        let starts: Vec<usize> = sizes
            .iter()
            .map(|&size| {
                let start = end;
                end += size as usize;
                start
            })
            .collect();
        Self { values: vec![0.0; end], next: starts.clone(), starts }
    }

    /// Keeps the finite values of rows that have a cluster. No cluster gets more rows than its size.
    pub(super) fn add(&mut self, values: &[f64], labels: &[u16]) {
        for (&value, &label) in values.iter().zip(labels) {
            if label != DROPPED && value.is_finite() {
                let next = &mut self.next[usize::from(label)];
                // Turns -0 into 0, so that equal values look alike.
                self.values[*next] = value + 0.0;
                *next += 1;
            }
        }
    }

    /// Adds the values up, each of weight 1.
    pub(super) fn add_up(&self, sums: &mut ColumnSums) {
        let mut bins = Bins::new();
        for (cluster, (&start, &next)) in self.starts.iter().zip(&self.next).enumerate() {
            sums.add_cluster(cluster, &self.values[start..next], &mut bins);
        }
    }

    /// Of every cluster, and of all of them together; none where no value is present.
    pub(super) fn quartiles(mut self) -> (Vec<Option<Quartiles>>, Option<Quartiles>) {
        let mut end = 0;
        let clusters = self.starts.iter().zip(&self.next).map(|(&start, &next)| {
            // Missing values left a gap; closed, all values are one slice.
            self.values.copy_within(start..next, end);
            let first = end;
            end += next - start;
            quartiles(&mut self.values[first..end])
        });
        let clusters = clusters.collect();
        (clusters, quartiles(&mut self.values[..end]))
    }
}

/// The order of the values is changed.
fn quartiles(values: &mut [f64]) -> Option<Quartiles> {
    if values.is_empty() {
        return None;
    }
    let wanted = [1, 2, 3].map(|quarter| Quantile::of(values.len() as u64, quarter));
    let ranks: Vec<usize> = wanted.iter().flat_map(|quantile| quantile.ranks()).map(|rank| rank as usize).collect();
    let found = ranked(values, &ranks, ROUNDS_MAX);
    let (found, _) = found.as_chunks::<2>();
    let value = |at: usize| Some(wanted[at].value(*found.get(at)?));
    Some(Quartiles { lower: value(0)?, median: value(1)?, upper: value(2)? })
}

/// Parts that a range of values is cut into.
const PARTS: usize = 1 << 10;

/// As many values or fewer are sorted.
const SORTED_MAX: usize = 1 << 9;

/// How often a range is cut. Values that stand in one part after as many times are far from even, and are left to the
/// standard library's search.
const ROUNDS_MAX: u32 = 8;

/// The values at some ranks, ascending, of some values, whose order is changed.
fn ranked(values: &mut [f64], ranks: &[usize], rounds_left: u32) -> Vec<f64> {
    if values.len() <= SORTED_MAX {
        values.sort_unstable_by(f64::total_cmp);
        return ranks.iter().map(|&rank| values[rank]).collect();
    }
    let (low, high) = extremes(values);
    if low == high {
        return vec![low; ranks.len()];
    }
    let Some(cut) = Cut::new(low, high).filter(|_| rounds_left > 0) else {
        return ranks.iter().map(|&rank| *values.select_nth_unstable_by(rank, f64::total_cmp).1).collect();
    };
    let mut counts = [0usize; PARTS + 1];
    values.iter().for_each(|&value| counts[cut.part(value)] += 1);

    // Per part in which a rank lies: how many values lie below the part, and the ranks.
    let mut parts: Vec<(usize, usize, Vec<usize>)> = Vec::new();
    let (mut part, mut below) = (0, 0);
    for &rank in ranks {
        while below + counts[part] <= rank {
            below += counts[part];
            part += 1;
        }
        match parts.last_mut().filter(|(last, ..)| *last == part) {
            Some((.., ranks)) => ranks.push(rank - below),
            None => parts.push((part, below, vec![rank - below])),
        }
    }
    let mut found = Vec::with_capacity(ranks.len());
    for ((part, _, ranks), mut values) in parts.iter().zip(parts_of(values, &parts, &cut, &counts)) {
        debug_assert_eq!(values.len(), counts[*part]);
        found.extend(ranked(&mut values, ranks, rounds_left - 1));
    }
    found
}

/// The values of some parts, in one visit of all.
fn parts_of(
    values: &[f64],
    parts: &[(usize, usize, Vec<usize>)],
    cut: &Cut,
    counts: &[usize; PARTS + 1],
) -> Vec<Vec<f64>> {
    // Which of the wanted parts a part is, counted from 1.
    let mut wanted = [0u8; PARTS + 1];
    parts.iter().zip(1..).for_each(|((part, ..), number)| wanted[*part] = number);
    let mut found: Vec<Vec<f64>> = parts.iter().map(|(part, ..)| Vec::with_capacity(counts[*part])).collect();
    let mut block = [0.0; BLOCK];
    for values in values.chunks(BLOCK) {
        // Which of them are wanted is as good as random, so nothing here jumps on it.
        let mut n = 0;
        for &value in values {
            block[n] = value;
            n += usize::from(wanted[cut.part(value)] != 0);
        }
        for &value in &block[..n] {
            found[usize::from(wanted[cut.part(value)]) - 1].push(value);
        }
    }
    found
}

/// Values looked at together: they stay in the nearest cache.
const BLOCK: usize = 1 << 10;

/// A range of values in equal parts. A larger value is never in a lower part, whatever is rounded.
struct Cut {
    low: f64,
    factor: f64,
}

impl Cut {
    /// None where the range is too narrow to be cut.
    fn new(low: f64, high: f64) -> Option<Cut> {
        let factor = PARTS as f64 / (high - low);
        factor.is_finite().then_some(Cut { low, factor })
    }

    /// From 0 to `PARTS`, both included.
    #[inline(always)]
    fn part(&self, value: f64) -> usize {
        // Adding 2^52 leaves the nearest whole number in the lowest bits.
        const WHOLE: f64 = (1u64 << 52) as f64;
        let place = (value - self.low) * self.factor + WHOLE;
        (place.to_bits() as u16).min(PARTS as u16).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As numpy.percentile has it, from a full sort.
    fn sorted(values: &[f64]) -> Option<Quartiles> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |quarter: u64| {
            let quantile = Quantile::of(sorted.len() as u64, quarter);
            quantile.value(quantile.ranks().map(|rank| sorted[rank as usize]))
        };
        (!values.is_empty()).then(|| Quartiles { lower: at(1), median: at(2), upper: at(3) })
    }

    fn random(n: usize) -> impl Iterator<Item = u64> {
        let mut state = 9u64;
        (0..n).map(move |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 11
        })
    }

    #[test]
    fn quartiles_are_those_of_a_full_sort() {
        for n in [0, 1, 2, 3, 4, 5, SORTED_MAX - 1, SORTED_MAX, SORTED_MAX + 1, SORTED_MAX + 2, 20_003] {
            let spread: Vec<f64> = random(n).map(|x| libm::exp((x % 1000) as f64 / 50.0) - 3.0).collect();
            let few: Vec<f64> = random(n).map(|x| (x % 7) as f64 - 2.0).collect();
            let ascending: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let same = vec![0.1; n];
            for values in [spread, few, ascending, same] {
                assert_eq!(quartiles(&mut values.clone()), sorted(&values), "{n} values");
            }
        }
    }

    #[test]
    fn ranges_that_cutting_hardly_divides_are_searched_all_the_same() {
        let n = 5_000;
        // One value far out; every scale there is; neighbours; the whole range that numbers may have.
        let far: Vec<f64> = random(n).enumerate().map(|(i, x)| if i == 7 { 1e99 } else { (x % 997) as f64 }).collect();
        let scales: Vec<f64> = random(n).map(|x| libm::exp((x % 100_000) as f64 / 450.0 - 111.0)).collect();
        let near: Vec<f64> = random(n).map(|x| f64::from_bits(1.0f64.to_bits() + x % 3)).collect();
        let tiny: Vec<f64> = random(n).map(|x| f64::from_bits(x % 5)).collect();
        let wide: Vec<f64> = random(n).map(|x| [-1e100, -1.0, 0.0, 3.0, 1e100][(x % 5) as usize]).collect();
        for values in [far, scales, near, tiny, wide] {
            assert_eq!(quartiles(&mut values.clone()), sorted(&values));
        }
    }

    #[test]
    fn quartiles_of_clusters_and_of_all_leave_out_missing_values_and_dropped_rows() {
        let mut column = ColumnValues::with_room(&[4, 0, 3]);
        column.add(&[5.0, f64::NAN, -0.0, 9.0], &[0, 0, 2, DROPPED]);
        column.add(&[1.0, 3.0, f64::INFINITY, 8.0], &[0, 0, 2, 2]);
        let mut sums = ColumnSums::zero(3);
        column.add_up(&mut sums);
        let mut streamed = ColumnSums::zero(3);
        streamed.add(&[5.0, f64::NAN, 0.0, 9.0], &[0, 0, 2, DROPPED], None);
        streamed.add(&[1.0, 3.0, f64::INFINITY, 8.0], &[0, 0, 2, 2], None);
        assert_eq!(format!("{sums:?}"), format!("{streamed:?}"));
        let (clusters, all) = column.quartiles();
        let of = |lower, median, upper| Some(Quartiles { lower, median, upper });
        assert_eq!(clusters, [of(2.0, 3.0, 4.0), None, of(2.0, 4.0, 6.0)]);
        assert_eq!(all, of(1.0, 3.0, 5.0));
    }
}
