//! Fixed point: a figure per row is rounded once to a whole number of units, and then added as an integer, which no
//! order can change.

/// Distances in steps are multiples of 2^-20.
pub(super) const DISTANCE_BITS: i32 = 20;

/// Silhouettes, which lie between -1 and 1, are multiples of 2^-60.
pub(super) const SHARE_BITS: i32 = 60;

/// `value` in units of 2^-bits, halves to even.
#[inline]
pub(super) fn fixed(value: f64, bits: i32) -> i128 {
    // Rounding a sum with this leaves a multiple of 1; above, an f64 has no fraction left.
    const NO_FRACTION: f64 = 1.5 * (1u64 << 52) as f64;
    const SMALL: f64 = (1u64 << 51) as f64;
    // A power of two: this rounds no more than moving the exponent would.
    let scaled = value * f64::from_bits(((1023 + i64::from(bits)) as u64) << 52);
    if scaled.abs() < SMALL { i128::from(((scaled + NO_FRACTION) - NO_FRACTION) as i64) } else { scaled as i128 }
}

/// The mean of `count` values whose sum is `sum` units of 2^-bits.
pub(super) fn mean(sum: i128, count: u64, bits: i32) -> f64 {
    libm::scalbn(sum as f64 / count as f64, -bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_to_units_halves_to_even_whatever_their_size() {
        assert_eq!([0.5, 1.5, -0.5, -1.5, 2.5].map(|value| fixed(value, 0)), [0, 2, 0, -2, 2]);
        assert_eq!(fixed(3.25, 2), 13);
        for exponent in [40, 50, 51, 52, 60, 90] {
            assert_eq!(fixed(libm::scalbn(1.0, exponent), 4), 1 << (exponent + 4));
            assert_eq!(fixed(-libm::scalbn(1.0, exponent), 4), -1 << (exponent + 4));
        }
    }
}
