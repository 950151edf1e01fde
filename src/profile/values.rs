//! The values of one column, kept cluster after cluster, and the search for the few of them that stand at a quartile's
//! rank, exact whatever the order of rows.
//!
//! A value takes eight bytes a row, so columns are read in as many groups as memory asks for; no column is read twice
//! for that. The search cuts the range of the values into equal parts and counts how many lie in each, which tells the
//! part in which a rank lies; the values of that part alone are searched on, in the same way.

use rayon::prelude::*;

use super::column::{ColumnSums, DROPPED};
use super::cut::{Cut, PARTS};
use super::exact::Bins;
use super::quartiles::{Quartiles, quantiles};
use crate::features::{Quantile, extremes};

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

    /// Keeps a finite value of a cluster so many times.
    pub(super) fn add_times(&mut self, cluster: usize, value: f64, times: u64) {
        let next = &mut self.next[cluster];
        self.values[*next..*next + times as usize].fill(value);
        *next += times as usize;
    }

    /// Adds the values up, each of weight 1.
    pub(super) fn add_up(&self, sums: &mut ColumnSums) {
        let mut bins = Bins::new();
        for (cluster, (&start, &next)) in self.starts.iter().zip(&self.next).enumerate() {
            sums.add_cluster(cluster, &self.values[start..next], &mut bins);
        }
    }

    /// Of every cluster, and of all of them together; none where no value is present.
    pub(super) fn quartiles(&self) -> (Vec<Option<Quartiles>>, Option<Quartiles>) {
        let clusters: Vec<&[f64]> =
            self.starts.iter().zip(&self.next).map(|(&start, &next)| &self.values[start..next]).collect();
        let cut = Cut::of(&clusters);

        let counts: Vec<Counts> = clusters.par_iter().map(|values| Counts::of(values, &cut)).collect();
        let mut all_counts = Counts::none();
        counts.iter().for_each(|counts| all_counts.merge(counts));
        let mut of_all = Sought::of(&all_counts);
        let found: Vec<(Option<Quartiles>, Parts)> = clusters
            .par_iter()
            .zip(counts)
            .map(|(values, counts)| {
                let (mut sought, mut parts) = (Sought::of(&counts), of_all.parts.without_room());
                find(values, &cut, &mut [&mut sought.parts, &mut parts]);
                (sought.found(), parts)
            })
            .collect();
        let (clusters, parts): (Vec<_>, Vec<Parts>) = found.into_iter().unzip();
        parts.into_iter().for_each(|parts| of_all.parts.take(parts));
        (clusters, of_all.found())
    }
}

/// The quartiles of a set of values, while they are looked for.
struct Sought {
    n: u64,
    /// Those that decide the quartiles, ascending.
    ranks: Vec<usize>,
    parts: Parts,
}

impl Sought {
    fn of(counts: &Counts) -> Self {
        let ranks = quantiles(counts.n).into_iter().flat_map(Quantile::ranks).map(|rank| rank as usize);
        let mut ranks: Vec<usize> = ranks.collect();
        ranks.sort_unstable();
        ranks.dedup();
        Self { n: counts.n, parts: Parts::of(&ranks, counts), ranks }
    }

    fn found(self) -> Option<Quartiles> {
        let found = self.parts.ranked(ROUNDS_MAX);
        Quartiles::of(self.n, |rank| found.get(self.ranks.binary_search(&(rank as usize)).ok()?).copied())
    }
}

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
    // The first cut goes by a sample, these by what there is, so that they end.
    let cut = Cut::new(low, high);
    if rounds_left == 0 || cut.is_one_part() {
        return ranks.iter().map(|&rank| *values.select_nth_unstable_by(rank, f64::total_cmp).1).collect();
    }
    let mut parts = Parts::of(ranks, &Counts::of(values, &cut));
    find(values, &cut, &mut [&mut parts]);
    parts.ranked(rounds_left)
}

/// How many of some values lie in each part of a range, and whether they are all the same.
struct Counts {
    n: u64,
    parts: Vec<Count>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    values: usize,
    /// One of them.
    first: f64,
    differ: bool,
}

impl Counts {
    fn none() -> Self {
        Self { n: 0, parts: vec![Count::default(); PARTS + 1] }
    }

    fn of(values: &[f64], cut: &Cut) -> Self {
        let mut counts = Self { n: values.len() as u64, ..Self::none() };
        for &value in values {
            let count = &mut counts.parts[cut.part(value)];
            if count.values == 0 {
                count.first = value;
            }
            count.values += 1;
            count.differ |= value != count.first;
        }
        counts
    }

    fn merge(&mut self, other: &Counts) {
        self.n += other.n;
        for (own, other) in self.parts.iter_mut().zip(&other.parts).filter(|(_, other)| other.values > 0) {
            own.differ |= other.differ || (own.values > 0 && own.first != other.first);
            own.first = other.first;
            own.values += other.values;
        }
    }
}

/// The parts of a range in which some ranks lie.
struct Parts {
    /// Which of these parts a part is, counted from 1, where its values have to be found; 0 for the others.
    wanted: Box<[u8; PARTS + 1]>,
    found: Vec<Part>,
}

/// A part in which ranks lie.
struct Part {
    ranks: Vec<usize>,
    /// All its values, where they are the same: columns of few different values have no other parts.
    same: Option<f64>,
    /// Else its values, as they are found, and how many there are.
    values: Vec<f64>,
    room: usize,
}

impl Part {
    /// The values at the ranks.
    fn ranked(mut self, rounds_left: u32) -> Vec<f64> {
        match self.same {
            Some(value) => vec![value; self.ranks.len()],
            None => ranked(&mut self.values, &self.ranks, rounds_left),
        }
    }
}

impl Parts {
    /// `ranks` are ascending, each below the number of values.
    fn of(ranks: &[usize], counts: &Counts) -> Self {
        let mut parts = Self { wanted: Box::new([0; PARTS + 1]), found: Vec::new() };
        let (mut part, mut below, mut last) = (0, 0, None);
        for &rank in ranks {
            while below + counts.parts[part].values <= rank {
                below += counts.parts[part].values;
                part += 1;
            }
            if last != Some(part) {
                let Count { values, first, differ } = counts.parts[part];
                let room = if differ { values } else { 0 };
                let same = (!differ).then_some(first);
                parts.found.push(Part { ranks: Vec::new(), same, values: Vec::new(), room });
                parts.wanted[part] = if differ { parts.found.len() as u8 } else { 0 };
                last = Some(part);
            }
            if let Some(found) = parts.found.last_mut() {
                found.ranks.push(rank - below);
            }
        }
        parts
    }

    /// The same parts, for some of the values.
    fn without_room(&self) -> Self {
        let found =
            self.found.iter().map(|part| Part { ranks: Vec::new(), same: part.same, values: Vec::new(), room: 0 });
        Self { wanted: self.wanted.clone(), found: found.collect() }
    }

    /// Takes the values that were found elsewhere for the same parts.
    fn take(&mut self, other: Parts) {
        self.found.iter_mut().zip(other.found).for_each(|(own, other)| own.values.extend(other.values));
    }

    /// The values at the ranks.
    fn ranked(self, rounds_left: u32) -> Vec<f64> {
        self.found.into_iter().flat_map(|part| part.ranked(rounds_left - 1)).collect()
    }
}

/// Finds the values of wanted parts, in one visit of all.
fn find(values: &[f64], cut: &Cut, sought: &mut [&mut Parts]) {
    let mut wanted = [false; PARTS + 1];
    for parts in sought.iter() {
        wanted.iter_mut().zip(&parts.wanted[..]).for_each(|(any, number)| *any |= *number > 0);
    }
    if !wanted.contains(&true) {
        return;
    }
    let parts = sought.iter_mut().flat_map(|parts| &mut parts.found);
    parts.for_each(|part| part.values.reserve_exact(part.room.saturating_sub(part.values.len())));
    let mut block = [0.0; BLOCK];
    for values in values.chunks(BLOCK) {
        // Which of them are wanted is as good as random, so nothing here jumps on it.
        let mut n = 0;
        for &value in values {
            block[n] = value;
            n += usize::from(wanted[cut.part(value)]);
        }
        for &value in &block[..n] {
            let part = cut.part(value);
            for parts in sought.iter_mut() {
                if let Some(number) = usize::from(parts.wanted[part]).checked_sub(1) {
                    parts.found[number].values.push(value);
                }
            }
        }
    }
}

/// Values looked at together: they stay in the nearest cache.
const BLOCK: usize = 1 << 10;

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

    /// Of values that are dealt out to three clusters: of each of them, and of all.
    fn quartiles(values: &[f64]) -> (Vec<Vec<f64>>, Vec<Option<Quartiles>>, Option<Quartiles>) {
        let labels: Vec<u16> = (0..values.len()).map(|i| (i * i % 7 % 3) as u16).collect();
        let of =
            |label: u16| values.iter().zip(&labels).filter(move |(_, own)| **own == label).map(|(value, _)| *value);
        let clusters: Vec<Vec<f64>> = (0..3).map(|label| of(label).collect()).collect();
        let sizes: Vec<u64> = clusters.iter().map(|values| values.len() as u64).collect();
        let mut column = ColumnValues::with_room(&sizes);
        column.add(values, &labels);
        let (of_clusters, all) = column.quartiles();
        (clusters, of_clusters, all)
    }

    fn check(values: &[f64]) {
        let (clusters, found, all) = quartiles(values);
        let expected: Vec<Option<Quartiles>> = clusters.iter().map(|values| sorted(values)).collect();
        assert_eq!((found, all), (expected, sorted(values)), "{} values", values.len());
    }

    #[test]
    fn quartiles_are_those_of_a_full_sort() {
        for n in [0, 1, 2, 3, 4, 5, SORTED_MAX - 1, SORTED_MAX, SORTED_MAX + 1, SORTED_MAX + 2, 20_003] {
            let spread: Vec<f64> = random(n).map(|x| libm::exp((x % 1000) as f64 / 50.0) - 3.0).collect();
            let few: Vec<f64> = random(n).map(|x| (x % 7) as f64 - 2.0).collect();
            let ascending: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let same = vec![0.1; n];
            for values in [spread, few, ascending, same] {
                check(&values);
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
            check(&values);
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
