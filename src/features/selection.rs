//! Exact order statistics in a few passes over the values, in any order, with bounded memory.
//!
//! The bits of f64 values, put in order, are refined twelve at a time: a pass counts the values of each wanted prefix
//! by their next twelve bits. A prefix is settled once all its values are the same, or once so few are left that the
//! next pass collects and sorts them. Three passes are usual, six are the most.

use super::exact::ExactSum;
use super::tally::Tally;

/// Bits refined per pass: 4,096 counters a prefix.
const DIGIT_BITS: u32 = 12;

/// A prefix with at most this many values is collected and sorted: as much memory as its counters would take.
const COLLECT_MAX: u64 = 1 << DIGIT_BITS;

/// Passes that decide every rank: 6 · 12 >= 64 bits.
pub const PASSES_MAX: usize = 6;

/// The search for some ranks among `n` values.
pub struct Selection {
    wanted: Vec<Wanted>,
    /// Bits that the prefixes have settled so far.
    fixed: u32,
    branches: Vec<Branch>,
}

struct Wanted {
    rank: u64,
    found: Option<u64>,
}

/// The values that share a prefix.
struct Branch {
    prefix: u64,
    /// Values below all of these.
    below: u64,
    lowest: u64,
    highest: u64,
    gathered: Gathered,
}

enum Gathered {
    Counts(Vec<u64>),
    Keys(Vec<u64>),
}

impl Selection {
    /// Looks for the values of these ranks (from 0, ascending order) among `n` values; each rank is below `n`.
    pub fn new(n: u64, ranks: &[u64]) -> Self {
        let wanted = ranks.iter().map(|&rank| Wanted { rank, found: None }).collect();
        Self { wanted, fixed: 0, branches: vec![Branch::new(0, 0, n)] }
    }

    /// Takes values of the current pass.
    pub fn add(&mut self, values: &[f64]) {
        values.iter().for_each(|value| self.add_times(*value, 1));
    }

    /// The same, each as often as it is there.
    pub fn add_tally(&mut self, tally: &Tally) {
        match &tally.times {
            None => self.add(&tally.values),
            Some(times) => tally.values.iter().zip(times).for_each(|(value, times)| self.add_times(*value, *times)),
        }
    }

    #[inline]
    fn add_times(&mut self, value: f64, times: u32) {
        let key = key_of(value);
        let prefix = key.checked_shr(64 - self.fixed).unwrap_or(0);
        for branch in self.branches.iter_mut().filter(|branch| branch.prefix == prefix) {
            branch.lowest = branch.lowest.min(key);
            branch.highest = branch.highest.max(key);
            match &mut branch.gathered {
                Gathered::Counts(counts) => counts[digit(key, self.fixed)] += u64::from(times),
                Gathered::Keys(keys) => keys.resize(keys.len() + times as usize, key),
            }
        }
    }

    /// Ends a pass; another one is needed while `is_done` says no.
    pub fn finish_pass(&mut self) {
        let digit_bits = DIGIT_BITS.min(64 - self.fixed);
        let fixed = self.fixed + digit_bits;
        let mut next: Vec<Branch> = Vec::new();
        for branch in std::mem::take(&mut self.branches) {
            let prefix = branch.prefix;
            let belongs = |w: &&mut Wanted| w.found.is_none() && w.rank >= branch.below;
            let inside = match &branch.gathered {
                Gathered::Counts(counts) => counts.iter().sum(),
                Gathered::Keys(keys) => keys.len() as u64,
            };
            let mine = self.wanted.iter_mut().filter(belongs).filter(|w| w.rank < branch.below + inside);
            match branch.gathered {
                _ if branch.lowest == branch.highest => mine.for_each(|w| w.found = Some(branch.lowest)),
                Gathered::Keys(mut keys) => {
                    keys.sort_unstable();
                    mine.for_each(|w| w.found = keys.get((w.rank - branch.below) as usize).copied());
                }
                Gathered::Counts(counts) => {
                    for wanted in mine {
                        let mut below = branch.below;
                        for (digit, &count) in counts.iter().enumerate() {
                            if wanted.rank < below + count {
                                let longer = prefix.checked_shl(digit_bits).unwrap_or(0) | digit as u64;
                                if fixed == 64 {
                                    wanted.found = Some(longer);
                                } else if next.iter().all(|b| b.prefix != longer) {
                                    next.push(Branch::new(longer, below, count));
                                }
                                break;
                            }
                            below += count;
                        }
                    }
                }
            }
        }
        self.branches = next;
        self.fixed = fixed;
    }

    pub fn is_done(&self) -> bool {
        self.wanted.iter().all(|w| w.found.is_some())
    }

    /// The values found, in the order of the ranks asked for.
    pub fn found(&self) -> Vec<f64> {
        self.wanted.iter().filter_map(|w| w.found.map(value_of)).collect()
    }
}

impl Branch {
    fn new(prefix: u64, below: u64, inside: u64) -> Self {
        let gathered = if inside <= COLLECT_MAX {
            Gathered::Keys(Vec::with_capacity(inside as usize))
        } else {
            Gathered::Counts(vec![0; 1 << DIGIT_BITS])
        };
        Self { prefix, below, lowest: u64::MAX, highest: 0, gathered }
    }
}

fn digit(key: u64, fixed: u32) -> usize {
    let rest = 64 - fixed;
    (key >> rest.saturating_sub(DIGIT_BITS)) as usize & ((1 << DIGIT_BITS.min(rest)) - 1)
}

/// Bits whose unsigned order is the order of the values.
fn key_of(value: f64) -> u64 {
    let bits = value.to_bits();
    bits ^ (((bits as i64) >> 63) as u64 | 1 << 63)
}

fn value_of(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key ^ 1 << 63 } else { !key })
}

/// A quantile in quarters (1: q25, 2: median, 3: q75) by linear interpolation between the two ranks around it, as
/// numpy defines it: position (n - 1) · q.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantile {
    /// The rank at or below the position.
    pub rank: u64,
    /// How far the position lies above it, in quarters.
    quarters: u64,
}

impl Quantile {
    /// Of `n` values, at least one.
    pub fn of(n: u64, quarter: u64) -> Self {
        let position = u128::from(n - 1) * u128::from(quarter);
        Self { rank: (position / 4) as u64, quarters: (position % 4) as u64 }
    }

    /// The two ranks that decide it; the same one twice where the position is a rank.
    pub fn ranks(self) -> [u64; 2] {
        [self.rank, self.rank + u64::from(self.quarters > 0)]
    }

    /// Adds four times the quantile, exactly.
    fn add_to(self, sum: &mut ExactSum, [low, high]: [f64; 2], sign: f64) {
        sum.add_times(sign * low, 4 - self.quarters);
        sum.add_times(sign * high, self.quarters);
    }

    /// From the values at its two ranks, correctly rounded.
    pub fn value(self, values: [f64; 2]) -> f64 {
        let mut sum = ExactSum::default();
        self.add_to(&mut sum, values, 1.0);
        sum.over(4)
    }

    /// This quantile less another, correctly rounded: a shift of all values does not change it.
    pub fn minus(self, values: [f64; 2], other: Quantile, others: [f64; 2]) -> f64 {
        let mut sum = ExactSum::default();
        self.add_to(&mut sum, values, 1.0);
        other.add_to(&mut sum, others, -1.0);
        sum.over(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(values: &[f64], ranks: &[u64]) -> (Vec<f64>, usize) {
        let mut selection = Selection::new(values.len() as u64, ranks);
        let mut passes = 0;
        while !selection.is_done() {
            for chunk in values.chunks(1_000) {
                selection.add(chunk);
            }
            selection.finish_pass();
            passes += 1;
            assert!(passes <= PASSES_MAX);
        }
        (selection.found(), passes)
    }

    fn random(n: usize) -> Vec<f64> {
        let mut state = 7u64;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                libm::scalbn((state >> 12) as f64 - 2e15, -((state >> 7) as i32 & 63))
            })
            .collect()
    }

    #[test]
    fn ranks_are_those_of_a_full_sort() {
        for n in [1, 2, 5, COLLECT_MAX as usize, COLLECT_MAX as usize + 1, 300_000] {
            let values = random(n);
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let n = n as u64;
            let ranks = [0, n / 4, n / 2, n / 2, 3 * n / 4, n - 1];
            let expected: Vec<f64> = ranks.iter().map(|&r| sorted[r as usize]).collect();
            assert_eq!(select(&values, &ranks).0, expected);
        }
    }

    #[test]
    fn columns_of_few_values_are_settled_in_few_passes() {
        let values: Vec<f64> = (0..200_000).map(|i| f64::from(i % 5)).collect();
        let (found, passes) = select(&values, &[0, 39_999, 40_000, 199_999]);
        assert_eq!(found, [0.0, 0.0, 1.0, 4.0]);
        assert!(passes <= 3);
        assert_eq!(select(&vec![-3.5; 100_000], &[0, 99_999]), (vec![-3.5; 2], 1));
    }

    #[test]
    fn values_that_differ_in_their_last_bits_only_need_every_pass() {
        let values: Vec<f64> = (0..200_000u64).map(|i| f64::from_bits(1f64.to_bits() + i % 3)).collect();
        let (found, passes) = select(&values, &[0, 100_000, 199_999]);
        assert_eq!(found.map_bits(), [0, 1, 2].map(|i| 1f64.to_bits() + i));
        assert_eq!(passes, PASSES_MAX);
    }

    trait Bits {
        fn map_bits(&self) -> Vec<u64>;
    }

    impl Bits for Vec<f64> {
        fn map_bits(&self) -> Vec<u64> {
            self.iter().map(|v| v.to_bits()).collect()
        }
    }

    #[test]
    fn quantiles_interpolate_like_numpy() {
        // numpy.percentile([1, 2, 4, 8], [25, 50, 75]) = [1.75, 3.0, 5.0]
        let values = [1.0, 2.0, 4.0, 8.0];
        let quantile = |quarter| {
            let quantile = Quantile::of(4, quarter);
            quantile.value(quantile.ranks().map(|r| values[r as usize]))
        };
        assert_eq!([quantile(1), quantile(2), quantile(3)], [1.75, 3.0, 5.0]);
        assert_eq!(Quantile::of(1, 3).ranks(), [0, 0]);
        let (upper, lower) = (Quantile::of(4, 3), Quantile::of(4, 1));
        for offset in [0.0, 1e9, -1e15] {
            let at = |r: u64| values[r as usize] + offset;
            assert_eq!(upper.minus(upper.ranks().map(at), lower, lower.ranks().map(at)), 3.25);
        }
    }
}
