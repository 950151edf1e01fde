//! A range of values in equal parts, in which values are counted before they are looked at.

use crate::features::extremes;

/// Parts that a range of values is cut into.
pub(super) const PARTS: usize = 1 << 10;

/// A range of values in equal parts; what lies outside belongs to the first or the last. A larger value is never in a lower
/// part, whatever is rounded.
pub(super) struct Cut {
    low: f64,
    factor: f64,
}

/// Values of a sample that a cut goes by.
const SAMPLE: usize = 1 << 12;

impl Cut {
    /// A range that is too narrow to be cut is one part.
    pub fn new(low: f64, high: f64) -> Cut {
        let factor = PARTS as f64 / (high - low);
        Cut { low, factor: if factor.is_finite() { factor } else { 0.0 } }
    }

    /// A range that holds the quartiles of all sets of values and of all together, as far as a sample tells. A few values
    /// far out would leave nearly all others in one part.
    pub fn of(sets: &[&[f64]]) -> Cut {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for set in sets.iter().filter(|set| !set.is_empty()) {
            let mut sample: Vec<f64> = set.iter().step_by(set.len().div_ceil(SAMPLE)).copied().collect();
            sample.sort_unstable_by(f64::total_cmp);
            let eighth = sample.len() / 8;
            (low, high) = (low.min(sample[eighth]), high.max(sample[sample.len() - 1 - eighth]));
        }
        // Where most values are the same, the others tell the parts.
        if low == high {
            let all = sets.iter().map(|set| extremes(set));
            (low, high) = all.fold((low, high), |(low, high), (least, most)| (low.min(least), high.max(most)));
        }
        Cut::new(low, high)
    }

    /// Whether all values are in the same part.
    pub fn is_one_part(&self) -> bool {
        self.factor == 0.0
    }

    /// From 0 to `PARTS`, both included.
    #[inline(always)]
    pub fn part(&self, value: f64) -> usize {
        // Adding 2^52 leaves the nearest whole number in the lowest bits.
        const WHOLE: f64 = (1u64 << 52) as f64;
        let place = (value - self.low) * self.factor;
        let place = if place > 0.0 { place } else { 0.0 };
        let place = if place < PARTS as f64 { place } else { PARTS as f64 };
        ((place + WHOLE).to_bits() as u16).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_value_is_never_in_a_lower_part() {
        let values = [-1e100, -1.0, -1e-300, 0.0, 1e-300, 0.1, 0.5, 0.1f64.next_up(), 1.0, 3.0, 1e50, 1e100];
        let mut values = values.to_vec();
        values.sort_unstable_by(f64::total_cmp);
        for (low, high) in [(0.0, 1.0), (-1.0, 1.0), (-1e100, 1e100), (0.1, 0.1f64.next_up()), (2.0, 2.0)] {
            let cut = Cut::new(low, high);
            let parts: Vec<usize> = values.iter().map(|value| cut.part(*value)).collect();
            assert!(parts.is_sorted() && parts[0] == 0 && parts.iter().all(|part| *part <= PARTS), "{parts:?}");
        }
    }

    #[test]
    fn a_few_values_far_out_do_not_decide_the_cut() {
        let mut values: Vec<f64> = (0..10_000).map(f64::from).collect();
        values.extend([1e90, -1e90]);
        let cut = Cut::of(&[&values, &[]]);
        let around_the_median = cut.part(5_050.0) - cut.part(4_950.0);
        assert!((10..=20).contains(&around_the_median), "{around_the_median}");
        // Nine in ten are the same: the range goes by the others.
        let mostly_zero: Vec<f64> = (0..10_000).map(|i| if i % 10 == 0 { f64::from(i) } else { 0.0 }).collect();
        assert!(!Cut::of(&[&mostly_zero]).is_one_part());
        assert!(Cut::of(&[&[4.0; 9]]).is_one_part());
    }
}
