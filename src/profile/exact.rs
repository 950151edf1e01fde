//! Exact sums of f64 values and of their squares, and figures correctly rounded from them.
//!
//! A finite f64 is an integer of 53 bits times a power of two. The exponents are cut into windows of 16; inside its
//! window a value, shifted into place, is an integer that a wide counter adds without loss. Nothing is rounded before
//! the end, no range has to be known beforehand, and integer addition has no order. A column of everyday values
//! touches two or three windows.

use num_bigint::{BigInt, BigUint};

use crate::features::ratio;

/// Exponents per window. A shifted value has at most 53 + 15 bits, its square 106 + 30; with a sample weight of 16
/// bits and 2^40 rows both still fit their counters (127 bits and 192 bits).
const WINDOW_BITS: u32 = 4;

/// Windows that cover every finite f64, whose biased exponents end at 2046.
pub(super) const WINDOWS: usize = (2045 >> WINDOW_BITS) + 1;

/// The exponent of the lowest bit of window 0: the smallest positive f64 is 2^-1074.
const LOWEST_EXPONENT: i64 = -1074;

/// A finite f64 other than zero, taken apart: ± significand · 2^shift in units of its window's lowest bit.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    pub(super) window: usize,
    shift: u32,
    significand: u64,
    negative: bool,
}

impl Parts {
    /// `value` is finite and not zero.
    #[inline(always)]
    pub(super) fn of(value: f64) -> Parts {
        let bits = value.to_bits();
        let biased = (bits >> 52) as u32 & 0x7ff;
        let fraction = bits & ((1 << 52) - 1);
        // Subnormals share the exponent of the smallest normals, without the hidden bit.
        let (significand, exponent) = if biased == 0 { (fraction, 0) } else { (fraction | 1 << 52, biased - 1) };
        let window = (exponent >> WINDOW_BITS) as usize;
        Parts { window, shift: exponent & ((1 << WINDOW_BITS) - 1), significand, negative: bits >> 63 != 0 }
    }
}

/// The exact Σ w·x and Σ w·x² of the values of one window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cell {
    sum: i128,
    /// Σ w·x², the low 128 bits and what is above them.
    square_low: u128,
    square_high: u64,
}

/// A value may weigh so much when it is added: its square fits u128 as often.
pub(super) const WEIGHT_MAX: u64 = 1 << 22;

impl Cell {
    /// `weight` is at most [`WEIGHT_MAX`].
    #[inline(always)]
    pub(super) fn add(&mut self, parts: Parts, weight: u64) {
        let value = (i128::from(parts.significand) * i128::from(weight)) << parts.shift;
        self.sum += if parts.negative { -value } else { value };
        let square = u128::from(parts.significand) * u128::from(parts.significand) * u128::from(weight);
        // Shifted by 2·shift <= 30 bits; what leaves the low word are its topmost bits. Shifting in two steps keeps
        // each one below 128.
        let high = (square >> 98 >> (30 - 2 * parts.shift)) as u64;
        self.add_square(square << (2 * parts.shift), high);
    }

    /// Adds Σ x and Σ x² of values of one exponent, in units of their last bit, which stand at `shift` in this window.
    fn add_sums(&mut self, shift: u32, sum: i128, squares: u128) {
        self.sum += sum << shift;
        // What leaves the low word; two steps keep each shift below 128.
        self.add_square(squares << (2 * shift), (squares >> 64 >> (64 - 2 * shift)) as u64);
    }

    pub(super) fn merge(&mut self, other: &Cell) {
        self.sum += other.sum;
        self.add_square(other.square_low, other.square_high);
    }

    #[inline(always)]
    fn add_square(&mut self, low: u128, high: u64) {
        let (sum, carry) = self.square_low.overflowing_add(low);
        self.square_low = sum;
        self.square_high += high + u64::from(carry);
    }
}

/// Biased exponents of an f64.
const EXPONENTS: usize = 1 << 11;

/// Squares of 53-bit significands fit u128 this many times: 2^106 · 2^22 = 2^128.
const BINNED_MAX: usize = 1 << 22;

/// Sums of unweighted values by exponent: the quick way for many values of one cluster, for a significand and its square
/// need not be shifted there.
pub(super) struct Bins {
    sums: Vec<i128>,
    squares: Vec<u128>,
}

impl Bins {
    pub(super) fn new() -> Bins {
        Bins { sums: vec![0; EXPONENTS], squares: vec![0; EXPONENTS] }
    }

    /// Adds finite values up, and hands on what belongs to each window.
    pub(super) fn add_up(&mut self, values: &[f64], mut to_window: impl FnMut(usize, &dyn Fn(&mut Cell))) {
        for values in values.chunks(BINNED_MAX) {
            for &value in values {
                let bits = value.to_bits();
                let exponent = (bits >> 52) as usize & (EXPONENTS - 1);
                let significand = bits & ((1 << 52) - 1) | u64::from(exponent != 0) << 52;
                let negative = (bits as i64) >> 63;
                self.sums[exponent] += i128::from((significand as i64 ^ negative) - negative);
                self.squares[exponent] += u128::from(significand) * u128::from(significand);
            }
            for (biased, (sum, squares)) in self.sums.iter_mut().zip(&mut self.squares).enumerate() {
                let (sum, squares) = (std::mem::take(sum), std::mem::take(squares));
                if squares != 0 {
                    // As in `Parts`.
                    let exponent = biased.saturating_sub(1) as u32;
                    let shift = exponent & ((1 << WINDOW_BITS) - 1);
                    to_window((exponent >> WINDOW_BITS) as usize, &|cell| cell.add_sums(shift, sum, squares));
                }
            }
        }
    }
}

/// Exact totals of a set of values: Σ w·x = `sum` · 2^exponent, Σ w·x² = `squares` · 2^(2·exponent).
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    pub(super) exponent: i64,
    pub(super) sum: BigInt,
    pub(super) squares: BigInt,
}

impl Totals {
    /// From the cells of one cluster, with their windows, in units of the lowest bit of window `base`, which none of
    /// them lies below.
    pub(super) fn of(base: usize, cells: impl Iterator<Item = (usize, Cell)>) -> Totals {
        let mut totals = Totals { exponent: LOWEST_EXPONENT + ((base as i64) << WINDOW_BITS), ..Totals::default() };
        for (window, cell) in cells {
            let shift = (window - base) << WINDOW_BITS;
            totals.sum += BigInt::from(cell.sum) << shift;
            let square = (BigInt::from(cell.square_high) << 128) + BigInt::from(cell.square_low);
            totals.squares += square << (2 * shift);
        }
        totals
    }

    /// The mean, correctly rounded. `weight` is positive.
    pub(super) fn mean(&self, weight: u64) -> f64 {
        ratio(&self.sum, &BigUint::from(weight), self.exponent)
    }

    /// The population standard deviation: the IEEE square root of the correctly rounded variance. `weight` is positive.
    pub(super) fn standard_deviation(&self, weight: u64) -> f64 {
        let weight = BigInt::from(weight);
        let spread = &self.squares * &weight - &self.sum * &self.sum;
        ratio(&spread, (&weight * &weight).magnitude(), 2 * self.exponent).sqrt()
    }

    /// This mean less another set's mean, correctly rounded; both sets in units of the same exponent.
    pub(super) fn mean_above(&self, weight: u64, other: &Totals, other_weight: u64) -> f64 {
        let difference = &self.sum * other_weight - &other.sum * weight;
        ratio(&difference, &(BigUint::from(weight) * other_weight), self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(values: &[f64]) -> Totals {
        let cells = values.iter().filter(|&&x| x != 0.0).map(|&x| {
            let parts = Parts::of(x);
            let mut cell = Cell::default();
            cell.add(parts, 1);
            (parts.window, cell)
        });
        Totals::of(0, cells)
    }

    #[test]
    fn a_mean_loses_nothing_to_cancellation() {
        let values = [1e100, 3.0, -1e100, 1e-300];
        assert_eq!(totals(&values).mean(4), 0.75);
    }

    #[test]
    fn the_smallest_and_the_largest_numbers_keep_their_place() {
        for x in [f64::from_bits(1), f64::MIN_POSITIVE, f64::MAX, -f64::MAX, 1.0, -1.5] {
            assert_eq!(totals(&[x]).mean(1).to_bits(), x.to_bits());
            assert!(Parts::of(x).window < WINDOWS);
        }
    }

    #[test]
    fn a_large_offset_costs_the_standard_deviation_nothing() {
        let values: Vec<f64> = (0..1000).map(|i| 1e9 + f64::from(i % 2)).collect();
        assert_eq!(totals(&values).standard_deviation(1000), 0.5);
        let same = vec![0.1; 7];
        assert_eq!(totals(&same).standard_deviation(7), 0.0);
        assert_eq!(totals(&same).mean(7), 0.1);
    }

    #[test]
    fn bins_give_the_cells_that_single_values_give() {
        let largest = f64::MAX / 3.0;
        let mut values = vec![0.0, -0.0, 1.0, -1.5, 4f64.next_down(), -largest, f64::from_bits(1), f64::MIN_POSITIVE];
        values.extend((0..3_000).map(|i| f64::from(i - 700) * 1.1f64.powi(i % 200)));
        // More than one round of bins holds, and the fullest square that there is.
        values.extend(vec![4f64.next_down(); BINNED_MAX + 3]);
        let (mut singly, mut together) = (vec![Cell::default(); WINDOWS], vec![Cell::default(); WINDOWS]);
        for parts in values.iter().map(|&value| Parts::of(value)) {
            singly[parts.window].add(parts, 1);
        }
        Bins::new().add_up(&values, |window, add| add(&mut together[window]));
        assert_eq!(singly, together);
    }

    #[test]
    fn weights_count_a_value_as_often_as_they_say() {
        let mut weighted = Cell::default();
        let mut repeated = Cell::default();
        let parts = Parts::of(-123.456);
        weighted.add(parts, 65_535);
        for _ in 0..65_535 {
            repeated.add(parts, 1);
        }
        assert_eq!(weighted, repeated);
    }

    #[test]
    fn the_counter_of_squares_carries_into_its_upper_word() {
        // The largest significand at the largest shift of a window.
        let x = 4f64.next_down();
        let parts = Parts::of(x);
        assert_eq!(parts.shift, 15);
        let n = 1u64 << 17;
        let mut cell = Cell::default();
        for _ in 0..n {
            cell.add(parts, 65_535);
        }
        assert!(cell.square_high > 0);
        let totals = Totals::of(parts.window, [(parts.window, cell)].into_iter());
        assert_eq!(totals.standard_deviation(n * 65_535), 0.0);
        assert_eq!(totals.mean(n * 65_535), x);
    }
}
