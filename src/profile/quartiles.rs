//! Quartiles, exact whatever the order of rows: the values of one column, kept cluster after cluster, and the search
//! for the few of them that stand at a quartile's rank.
//!
//! A value takes eight bytes a row, so columns are read in as many groups as memory asks for; no column is read twice
//! for that. The search looks at a sample first, which only says *between which values* a rank probably lies. One pass
//! then counts what lies below and collects what lies between; where the counts show that the rank lies elsewhere, all
//! values are searched. What is found is the value of that rank in any case.

use serde::{Deserialize, Serialize};

use super::column::DROPPED;
use crate::features::Quantile;

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
    let found = ranked(values, wanted.map(|quantile| quantile.ranks().map(|rank| rank as usize)));
    let [lower, median, upper] = [0, 1, 2].map(|at| wanted[at].value(found[at]));
    Some(Quartiles { lower, median, upper })
}

/// Fewer values than this are searched directly.
const SAMPLED_FROM: usize = 1 << 16;

/// Values of a sample, and how far around a rank it is looked into: four standard deviations of the median's rank,
/// sqrt(n / 4).
const SAMPLE: usize = 1 << 14;
const MARGIN: usize = 4 * 64;

/// Values looked at together: they and what is found among them stay in the nearest cache.
const BLOCK: usize = 1 << 10;

/// The values of three pairs of neighbouring ranks.
fn ranked(values: &mut [f64], ranks: [[usize; 2]; 3]) -> [[f64; 2]; 3] {
    if values.len() >= SAMPLED_FROM {
        let mut brackets = brackets(values, &ranks);
        for block in values.chunks(BLOCK) {
            brackets.iter_mut().for_each(|bracket| bracket.add(block));
        }
        let mut found = [[0.0; 2]; 3];
        let all = brackets.iter_mut().zip(&ranks).zip(&mut found).all(|((bracket, ranks), found)| {
            let values = ranks.map(|rank| bracket.value(rank));
            matches!(values, [Some(low), Some(high)] if { *found = [low, high]; true })
        });
        if all {
            return found;
        }
    }
    ranks.map(|ranks| ranks.map(|rank| *values.select_nth_unstable_by(rank, f64::total_cmp).1))
}

/// Two values between which a rank probably lies, and what a pass over all values found there.
struct Bracket {
    low: f64,
    high: f64,
    below: usize,
    /// Both ends included; only counted where the ends are the same value.
    between: Vec<f64>,
    n_between: usize,
}

/// From values at equal distances: no chance in it, and any sample will do.
fn brackets(values: &[f64], ranks: &[[usize; 2]; 3]) -> [Bracket; 3] {
    let stride = values.len() / SAMPLE;
    let mut sample: Vec<f64> = values.iter().copied().step_by(stride).collect();
    sample.sort_unstable_by(f64::total_cmp);
    ranks.map(|[rank, _]| {
        let place = rank / stride;
        let at = |place: usize| sample[place.min(sample.len() - 1)];
        let (low, high) = (at(place.saturating_sub(MARGIN)), at(place + MARGIN));
        Bracket { low, high, below: 0, between: Vec::new(), n_between: 0 }
    })
}

impl Bracket {
    /// Takes at most a block of values. Which of them lie between is as good as random, so nothing here jumps on it.
    fn add(&mut self, block: &[f64]) {
        let (low, high) = (self.low, self.high);
        let mut between = [0.0; BLOCK];
        let (mut n, mut below) = (0, 0);
        for &value in block {
            between[n] = value;
            n += usize::from((value >= low) & (value <= high));
            below += usize::from(value < low);
        }
        if low < high {
            self.between.extend_from_slice(&between[..n]);
        }
        self.n_between += n;
        self.below += below;
    }

    /// The value of a rank among all values; none where it lies outside.
    fn value(&mut self, rank: usize) -> Option<f64> {
        let inside = rank.checked_sub(self.below).filter(|&inside| inside < self.n_between)?;
        if self.low == self.high {
            return Some(self.low);
        }
        Some(*self.between.select_nth_unstable_by(inside, f64::total_cmp).1)
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
        for n in [0, 1, 2, 3, 4, 5, SAMPLED_FROM - 1, SAMPLED_FROM, SAMPLED_FROM + 1, 200_003] {
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
    fn a_sample_that_misleads_changes_nothing() {
        // Every value that the sample takes is 0; almost all others are larger.
        let n = 4 * SAMPLE * 16;
        let stride = n / SAMPLE;
        let values: Vec<f64> =
            random(n).enumerate().map(|(i, x)| if i % stride == 0 { 0.0 } else { x as f64 }).collect();
        let mut missed = brackets(&values, &[[n / 4, n / 4]; 3]);
        values.chunks(BLOCK).for_each(|block| missed[0].add(block));
        let zeros = SAMPLE;
        assert_eq!(missed[0].value(zeros - 1), Some(0.0));
        assert_eq!(missed[0].value(zeros), None);
        assert_eq!(quartiles(&mut values.clone()), sorted(&values));
    }

    #[test]
    fn quartiles_of_clusters_and_of_all_leave_out_missing_values_and_dropped_rows() {
        let mut column = ColumnValues::with_room(&[4, 0, 3]);
        column.add(&[5.0, f64::NAN, -0.0, 9.0], &[0, 0, 2, DROPPED]);
        column.add(&[1.0, 3.0, f64::INFINITY, 8.0], &[0, 0, 2, 2]);
        let (clusters, all) = column.quartiles();
        let of = |lower, median, upper| Some(Quartiles { lower, median, upper });
        assert_eq!(clusters, [of(2.0, 3.0, 4.0), None, of(2.0, 4.0, 6.0)]);
        assert_eq!(all, of(1.0, 3.0, 5.0));
    }
}
