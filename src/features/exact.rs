//! Sums without rounding: a fixed-point number wide enough for every f64 and every square of one.
//!
//! The order in which values are added cannot change an integer, so threads, chunks, files and row order cannot change
//! a mean or a variance. Rounding happens once, at the end, from the exact rational.

use num_bigint::{BigInt, BigUint, Sign};

/// The unit of the last place is 2^-2148: the square of the smallest f64.
pub const UNIT: i64 = -2148;

/// 68 · 64 = 4352 bits: 2148 behind the point, 2048 for the square of the largest f64, 64 for a count, and a sign.
const LIMBS: usize = 68;

/// A sum of f64 values, or of their squares, exact whatever they are.
#[derive(Clone, PartialEq, Eq)]
pub struct ExactSum {
    /// Two's complement, lowest first, in units of 2^-2148.
    limbs: [u64; LIMBS],
}

impl Default for ExactSum {
    fn default() -> Self {
        Self { limbs: [0; LIMBS] }
    }
}

impl ExactSum {
    /// Adds `size · 2^bit` units, or takes it away.
    pub fn add_signed(&mut self, size: u128, sign: Sign, bit: usize) {
        let words = shifted(size, bit % 64);
        let first = bit / 64;
        let mut carry = false;
        for (index, limb) in self.limbs[first..].iter_mut().enumerate() {
            let word = words.get(index).copied().unwrap_or(0);
            if index >= words.len() && !carry {
                break;
            }
            let (part, over) =
                if sign == Sign::Minus { limb.overflowing_sub(word) } else { limb.overflowing_add(word) };
            let (whole, over_again) = if sign == Sign::Minus {
                part.overflowing_sub(u64::from(carry))
            } else {
                part.overflowing_add(u64::from(carry))
            };
            *limb = whole;
            carry = over || over_again;
        }
    }

    /// Adds `value` so many times.
    pub fn add_times(&mut self, value: f64, times: u64) {
        let (mantissa, bit, sign) = parts(value);
        self.add_signed(u128::from(mantissa) * u128::from(times), sign, bit);
    }

    /// Adds the square of `value` so many times.
    pub fn add_square_times(&mut self, value: f64, times: u64) {
        let (mantissa, bit, _) = parts(value);
        let square = u128::from(mantissa) * u128::from(mantissa);
        let bit = square_bit(bit);
        let times = u128::from(times);
        self.add_signed((square & u128::from(u64::MAX)) * times, Sign::Plus, bit);
        self.add_signed((square >> 64) * times, Sign::Plus, bit + 64);
    }

    pub fn merge(&mut self, other: &ExactSum) {
        let mut carry = false;
        for (limb, &word) in self.limbs.iter_mut().zip(&other.limbs) {
            let (part, over) = limb.overflowing_add(word);
            let (whole, over_again) = part.overflowing_add(u64::from(carry));
            *limb = whole;
            carry = over || over_again;
        }
    }

    /// The sum in units of 2^-2148.
    pub fn units(&self) -> BigInt {
        let negative = self.limbs[LIMBS - 1] >> 63 == 1;
        let mut carry = negative;
        let mut words = Vec::with_capacity(2 * LIMBS);
        for &limb in &self.limbs {
            let size = if negative {
                let (size, over) = (!limb).overflowing_add(u64::from(carry));
                carry = over;
                size
            } else {
                limb
            };
            words.extend([size as u32, (size >> 32) as u32]);
        }
        BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, BigUint::new(words))
    }

    /// The sum divided by `count`, correctly rounded.
    pub fn over(&self, count: u64) -> f64 {
        ratio(&self.units(), &BigUint::from(count), UNIT)
    }

    /// The sum divided by `count` as two f64: the first correctly rounded, the second what it left, correctly rounded.
    pub fn over_as_two(&self, count: u64) -> (f64, f64) {
        let high = self.over(count);
        let mut rest = self.clone();
        rest.add_times(-high, count);
        (high, rest.over(count))
    }
}

/// The units and the lowest bit of a finite f64, and its sign: |value| = mantissa · 2^bit units.
pub(super) fn parts(value: f64) -> (u64, usize, Sign) {
    let bits = value.to_bits();
    let exponent = (bits >> 52) as usize & 0x7ff;
    debug_assert!(exponent != 0x7ff, "only finite values are summed");
    let fraction = bits & ((1 << 52) - 1);
    let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    (mantissa, value_bit(exponent), if value.is_sign_negative() { Sign::Minus } else { Sign::Plus })
}

/// The bit at which the mantissa of a value with this biased exponent stands. Subnormal values share the scale of the
/// smallest normal ones.
pub(super) fn value_bit(exponent: usize) -> usize {
    1074 + exponent.max(1) - 1
}

/// The bit at which the square of a mantissa stands, from the bit of the mantissa: 2 · (bit - 2148) + 2148.
pub(super) fn square_bit(bit: usize) -> usize {
    2 * bit - 2148
}

fn shifted(size: u128, shift: usize) -> [u64; 3] {
    let (low, high) = (size as u64, (size >> 64) as u64);
    if shift == 0 { [low, high, 0] } else { [low << shift, high << shift | low >> (64 - shift), high >> (64 - shift)] }
}

/// The f64 nearest to `numerator / denominator · 2^exponent`, halves to even.
pub fn ratio(numerator: &BigInt, denominator: &BigUint, exponent: i64) -> f64 {
    let (mantissa, exponent) = quotient(numerator.magnitude(), denominator, exponent, -1074);
    let size = libm::scalbn(mantissa as f64, exponent.clamp(-4000, 4000) as i32);
    if numerator.sign() == Sign::Minus { -size } else { size }
}

/// The square root of `numerator / denominator · 2^exponent`: the ratio is rounded to 53 bits whatever its exponent,
/// so that neither very small nor very large spreads lose bits, then the IEEE square root is taken.
pub(super) fn square_root(numerator: &BigInt, denominator: &BigUint, exponent: i64) -> f64 {
    let (mantissa, exponent) = quotient(numerator.magnitude(), denominator, exponent, i64::MIN);
    let odd = exponent.rem_euclid(2);
    let root = (mantissa as f64 * if odd == 1 { 2.0 } else { 1.0 }).sqrt();
    libm::scalbn(root, (exponent.div_euclid(2)).clamp(-4000, 4000) as i32)
}

/// `numerator / denominator · 2^exponent` rounded to at most 53 bits, halves to even, none of them below
/// 2^lowest: a mantissa of at most 2^53 and its exponent.
fn quotient(numerator: &BigUint, denominator: &BigUint, exponent: i64, lowest: i64) -> (u64, i64) {
    if numerator.bits() == 0 {
        return (0, 0);
    }
    // 55 or 56 bits of quotient, and whether anything is left behind them.
    let shift = 56 - (numerator.bits() as i64 - denominator.bits() as i64);
    let (scaled, divisor) = if shift >= 0 {
        (numerator << shift as u64, denominator.clone())
    } else {
        (numerator.clone(), denominator << (-shift) as u64)
    };
    let whole = &scaled / &divisor;
    let rest = scaled != &whole * &divisor;
    let digits = whole.iter_u64_digits().next().unwrap_or(0);
    let exponent = exponent - shift;
    let bits = i64::from(64 - digits.leading_zeros());
    let drop = (bits - 53).max(lowest.saturating_sub(exponent));
    if drop > bits + 1 {
        return (0, 0);
    }
    // One sticky bit under the last: 57 bits at most, so the shift below never meets the top.
    let sticky = digits << 1 | u64::from(rest);
    let drop_sticky = drop + 1;
    let half = 1u64 << (drop_sticky - 1);
    let kept = sticky >> drop_sticky;
    let left = sticky & ((1u64 << drop_sticky) - 1);
    let up = left > half || (left == half && kept & 1 == 1);
    (kept + u64::from(up), exponent + drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        for &value in values {
            sum.add_times(value, 1);
        }
        sum
    }

    #[test]
    fn cancellation_loses_nothing() {
        assert_eq!(sum(&[1e100, 1.0, -1e100]).over(1), 1.0);
        assert_eq!(sum(&[1e100, 5e-324, -1e100]).over(1), 5e-324);
        assert_eq!(sum(&[f64::MAX, f64::MAX]).over(2), f64::MAX);
        assert_eq!(sum(&[0.1, 0.2, 0.3, -0.3, -0.2, -0.1]).units(), BigInt::from(0));
        assert_eq!(sum(&[-0.0, 0.0]).over(2), 0.0);
    }

    #[test]
    fn merging_is_adding() {
        let (a, b) = ([3.5, -1e-300, 7e80, -2.0], [-9.25, 1e-310, -7e80]);
        let mut merged = sum(&a);
        merged.merge(&sum(&b));
        let all: Vec<f64> = a.iter().chain(&b).copied().collect();
        assert!(merged == sum(&all));
    }

    #[test]
    fn quotients_are_rounded_once_with_halves_to_even() {
        // (2^53 + 1) / 1 lies between two f64; (2^53 + 3) / 1 rounds up to even.
        let big = |n: u64| BigInt::from(n);
        assert_eq!(ratio(&big((1 << 53) + 1), &BigUint::from(1u8), 0), 9_007_199_254_740_992.0);
        assert_eq!(ratio(&big((1 << 53) + 3), &BigUint::from(1u8), 0), 9_007_199_254_740_996.0);
        // The same half with a crumb behind it rounds away.
        let crumb = (big((1 << 53) + 1) << 300) + 1;
        assert_eq!(ratio(&crumb, &BigUint::from(1u8), -300), 9_007_199_254_740_994.0);
        for (n, d) in [(1u64, 3u64), (2, 3), (10, 7), (1, 49), (u64::MAX, 3), (355, 113)] {
            if n < 1 << 53 {
                assert_eq!(ratio(&big(n), &BigUint::from(d), 0), n as f64 / d as f64);
            }
            assert_eq!(ratio(&-big(n), &BigUint::from(d), 0), -ratio(&big(n), &BigUint::from(d), 0));
        }
    }

    #[test]
    fn subnormal_results_are_rounded_once() {
        let one = BigInt::from(1);
        assert_eq!(ratio(&one, &BigUint::from(1u8), -1074), 5e-324);
        assert_eq!(ratio(&one, &BigUint::from(1u8), -1075), 0.0);
        assert_eq!(ratio(&BigInt::from(3), &BigUint::from(1u8), -1075), 1e-323);
        assert_eq!(ratio(&BigInt::from(5), &BigUint::from(4u8), -1075), 5e-324);
        assert_eq!(ratio(&one, &BigUint::from(1u8), -2148), 0.0);
        assert_eq!(ratio(&one, &BigUint::from(3u8), -1022), f64::MIN_POSITIVE / 3.0);
    }

    #[test]
    fn square_roots_keep_their_bits_where_the_square_would_underflow() {
        let two = BigInt::from(2);
        assert_eq!(square_root(&two, &BigUint::from(1u8), 0), 2f64.sqrt());
        assert_eq!(square_root(&two, &BigUint::from(1u8), -1600), libm::scalbn(2f64.sqrt(), -800));
        assert_eq!(square_root(&two, &BigUint::from(1u8), -1601), libm::scalbn(1.0, -800));
        assert_eq!(square_root(&BigInt::from(0), &BigUint::from(7u8), 0), 0.0);
    }

    #[test]
    fn two_words_of_a_mean_hold_what_one_cannot() {
        let values = [1e9 + 0.25, 1e9, 1e9 + 0.5];
        let (high, low) = sum(&values).over_as_two(3);
        assert_eq!(high, 1_000_000_000.25);
        assert_eq!(low, 0.0);
        let (high, low) = sum(&[1e9, 1e9, 1e9 + 1.0]).over_as_two(3);
        // 1/3 = high part + low part to 2^-80 or so.
        let exact = (high - 1e9) - 1.0 / 3.0;
        assert!((exact + low).abs() < 1e-16 && low != 0.0);
    }
}
