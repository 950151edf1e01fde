//! Count, mean, spread and extremes of a column, exact and without order.
//!
//! Values are first added up per exponent: mantissas and their squares are plain integers there, at a few instructions
//! a value; the bins then go into the wide sums.

use num_bigint::{BigUint, Sign};

use super::exact::{self, ExactSum};
use super::tally::Tally;

/// Squares of 53-bit mantissas fit u128 this many times: 2^106 · 2^22 = 2^128.
const BLOCK: usize = 1 << 22;

const EXPONENTS: usize = 1 << 11;

/// What is known of a set of finite values.
#[derive(Clone)]
pub struct Moments {
    pub n: u64,
    sum: ExactSum,
    squares: ExactSum,
    /// Infinite while there are no values.
    pub min: f64,
    pub max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            n: 0,
            sum: ExactSum::default(),
            squares: ExactSum::default(),
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Moments {
    /// Adds finite values.
    pub fn add(&mut self, values: &[f64]) {
        if values.is_empty() {
            return;
        }
        let mut bins = Bins::new();
        for block in values.chunks(BLOCK) {
            block.iter().for_each(|value| bins.add(*value, 1));
            bins.flush(&mut self.sum, &mut self.squares);
        }
        self.n += values.len() as u64;
        let (min, max) = extremes(values);
        self.min = self.min.min(min);
        self.max = self.max.max(max);
    }

    /// Adds finite values, each as often as it is there.
    pub fn add_tally(&mut self, tally: &Tally) {
        let Some(times) = &tally.times else { return self.add(&tally.values) };
        let mut bins = Bins::new();
        let mut in_bins = 0;
        for (&value, &times) in tally.values.iter().zip(times) {
            if times as usize > BLOCK {
                self.sum.add_times(value, u64::from(times));
                self.squares.add_square_times(value, u64::from(times));
                continue;
            }
            in_bins += times as usize;
            if in_bins > BLOCK {
                bins.flush(&mut self.sum, &mut self.squares);
                in_bins = times as usize;
            }
            bins.add(value, times);
        }
        bins.flush(&mut self.sum, &mut self.squares);
        self.n += tally.n();
        let (min, max) = extremes(&tally.values);
        self.min = self.min.min(min);
        self.max = self.max.max(max);
    }

    /// Adds one finite value so many times.
    pub fn add_times(&mut self, value: f64, times: u64) {
        if times == 0 {
            return;
        }
        self.n += times;
        self.sum.add_times(value, times);
        self.squares.add_square_times(value, times);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    pub fn merge(&mut self, other: &Moments) {
        self.n += other.n;
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// All values are the same, or there are none.
    pub fn is_constant(&self) -> bool {
        self.min >= self.max
    }

    /// The mean as two f64, so that an offset costs no bits: the nearest f64, and the nearest to what it left.
    pub fn mean(&self) -> (f64, f64) {
        if self.n == 0 { (0.0, 0.0) } else { self.sum.over_as_two(self.n) }
    }

    /// Population standard deviation: the IEEE square root of the variance (n Σx² - (Σx)²) / n², which is correctly
    /// rounded to 53 bits.
    pub fn standard_deviation(&self) -> f64 {
        if self.n == 0 {
            return 0.0;
        }
        // Every value is a whole number of 2^-1074, so the sum's lower 1074 bits are zero, and its square without
        // them is in the unit of the squares.
        let sum = self.sum.units() >> 1074;
        let spread = self.squares.units() * self.n - &sum * &sum;
        let n = BigUint::from(self.n);
        exact::square_root(&spread, &(&n * &n), exact::UNIT)
    }
}

/// Smallest and largest of some values, in lanes that do not wait for each other; infinite where there are none.
pub fn extremes(values: &[f64]) -> (f64, f64) {
    const LANES: usize = 8;
    let (mut min, mut max) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    let mut add = |values: &[f64]| {
        for ((min, max), &value) in min.iter_mut().zip(&mut max).zip(values) {
            *min = if value < *min { value } else { *min };
            *max = if value > *max { value } else { *max };
        }
    };
    let (chunks, rest) = values.as_chunks::<LANES>();
    chunks.iter().for_each(|chunk| add(chunk));
    add(rest);
    (min.into_iter().fold(f64::INFINITY, f64::min), max.into_iter().fold(f64::NEG_INFINITY, f64::max))
}

/// Sums of mantissas and of their squares, one bin per exponent.
struct Bins {
    sums: Vec<i128>,
    squares: Vec<u128>,
}

impl Bins {
    fn new() -> Self {
        Self { sums: vec![0; EXPONENTS], squares: vec![0; EXPONENTS] }
    }

    /// At most `BLOCK` values between two flushes.
    #[inline]
    fn add(&mut self, value: f64, times: u32) {
        let bits = value.to_bits();
        let exponent = (bits >> 52) as usize & (EXPONENTS - 1);
        let mantissa = bits & ((1 << 52) - 1) | u64::from(exponent != 0) << 52;
        let negative = (bits as i64) >> 63;
        let signed = (mantissa as i64 ^ negative) - negative;
        self.sums[exponent] += i128::from(signed) * i128::from(times);
        self.squares[exponent] += u128::from(mantissa) * u128::from(mantissa) * u128::from(times);
    }

    fn flush(&mut self, sum: &mut ExactSum, squares: &mut ExactSum) {
        debug_assert!(self.squares[EXPONENTS - 1] == 0, "only finite values are summed");
        for (exponent, (bin, square)) in self.sums.iter_mut().zip(&mut self.squares).enumerate() {
            if *square != 0 {
                let bit = exact::value_bit(exponent);
                let sign = if *bin < 0 { Sign::Minus } else { Sign::Plus };
                sum.add_signed(bin.unsigned_abs(), sign, bit);
                squares.add_signed(*square, Sign::Plus, exact::square_bit(bit));
                (*bin, *square) = (0, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;

    use super::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        moments.add(values);
        moments
    }

    /// A dull reference: every value as a big integer in units of 2^-1074.
    fn units(value: f64) -> BigInt {
        let (mantissa, bit, sign) = exact::parts(value);
        BigInt::from_biguint(sign, BigUint::from(mantissa) << (bit - 1074))
    }

    fn reference(values: &[f64]) -> (f64, f64) {
        let n = BigInt::from(values.len());
        let sum: BigInt = values.iter().map(|&v| units(v)).sum();
        let squares: BigInt = values.iter().map(|&v| units(v) * units(v)).sum();
        let mean = exact::ratio(&sum, n.magnitude(), -1074);
        let spread = &n * squares - &sum * &sum;
        (mean, exact::square_root(&spread, (&n * &n).magnitude(), 2 * -1074))
    }

    fn random(n: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 11
        };
        (0..n).map(|_| (next() as f64 / (1u64 << 52) as f64 - 1.0) * libm::exp(next() as f64 / 1e15)).collect()
    }

    #[test]
    fn moments_are_the_correctly_rounded_ones_of_the_rational() {
        let hard: [&[f64]; 8] = [
            &[1.0, 2.0, 4.0],
            &[1e9 + 0.1, 1e9 + 0.2, 1e9 + 0.3],
            &[1e100, -1e100, 1e-100],
            &[5e-324, 1e-310, -3e-308],
            &[-0.0, 0.0, 1.0],
            &[0.1; 10],
            &[-7.0],
            &[1e-200, 2e-200, 4e-200],
        ];
        for values in hard {
            let moments = of(values);
            assert_eq!((moments.mean().0, moments.standard_deviation()), reference(values), "{values:?}");
        }
        for seed in 0..20 {
            let values = random(1_000 + seed as usize, seed);
            let moments = of(&values);
            assert_eq!((moments.mean().0, moments.standard_deviation()), reference(&values));
        }
    }

    #[test]
    fn textbook_columns_have_textbook_moments() {
        let moments = of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(moments.mean(), (5.0, 0.0));
        assert_eq!(moments.standard_deviation(), 2.0);
        assert_eq!((moments.min, moments.max, moments.n), (2.0, 9.0, 8));
        assert_eq!(of(&[0.1; 1000]).standard_deviation(), 0.0);
        assert!(of(&[0.1; 1000]).is_constant());
    }

    #[test]
    fn chunks_and_order_change_nothing() {
        let mut values = random(5_000, 9);
        let whole = of(&values);
        values.reverse();
        let mut parts = Moments::default();
        for chunk in values.chunks(77) {
            parts.merge(&of(chunk));
        }
        assert!(parts.sum == whole.sum && parts.squares == whole.squares);
        assert_eq!((parts.mean(), parts.min, parts.max), (whole.mean(), whole.min, whole.max));
    }

    #[test]
    fn a_value_added_many_times_is_that_many_values() {
        let mut many = of(&[3.0, -1.5]);
        many.add_times(1e10 / 3.0, 5_000);
        let mut values = vec![1e10 / 3.0; 5_000];
        values.extend([3.0, -1.5]);
        let whole = of(&values);
        assert!(many.sum == whole.sum && many.squares == whole.squares && many.n == whole.n);
    }

    #[test]
    fn a_tally_is_its_values_one_by_one() {
        let values = random(300, 5);
        let times: Vec<u32> = (0..300).map(|i| [1, 2, 70_000, 1 << 22, (1 << 22) + 1][i % 5]).collect();
        let tally = Tally { values: values.as_slice().into(), times: Some(times.clone()) };
        let mut together = Moments::default();
        together.add_tally(&tally);
        let mut one_by_one = Moments::default();
        values.iter().zip(&times).for_each(|(value, times)| one_by_one.add_times(*value, u64::from(*times)));
        assert!(together.sum == one_by_one.sum && together.squares == one_by_one.squares);
        assert_eq!((together.n, together.min, together.max), (one_by_one.n, one_by_one.min, one_by_one.max));
    }

    #[test]
    fn a_shift_changes_no_spread_and_a_power_of_two_only_the_exponent() {
        let values: Vec<f64> = random(3_000, 4).iter().map(|v| (v * 1024.0).round() / 1024.0).collect();
        let spread = of(&values).standard_deviation();
        let shifted: Vec<f64> = values.iter().map(|v| v + 1e9).collect();
        assert_eq!(of(&shifted).standard_deviation(), spread);
        let small: Vec<f64> = values.iter().map(|v| libm::scalbn(*v, -800)).collect();
        assert_eq!(of(&small).standard_deviation(), libm::scalbn(spread, -800));
    }
}
