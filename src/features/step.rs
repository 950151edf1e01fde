//! The choice of the step that all features share, in one read of the values.
//!
//! The step is a power of two, one of at most seven candidates. Values are first written down in quarters of the finest
//! candidate, *rounded to odd*; every coarser rounding can then be made from them without reading again, and comes out
//! as if it had been made from the value itself:
//!
//! Let y be a value in quarters of the finest step, t its rounding to odd: t = y where y is whole, else the odd one of
//! the two whole numbers around y. Candidate c has the step 2^s quarters with s = c + 2 >= 2. Its rounding is decided
//! by where y lies among the multiples of 2^(s-1), all of them even: these are the grid points and the midpoints
//! between them. If t is even, t = y. If t is odd, then y and t lie strictly between the same two even numbers. Either
//! way y and t are on the same side of each such multiple, or both on it; so both round to the same grid point, halves
//! to even included.

use crate::grid::WIDE;

/// Quarters: two spare bits, which the argument above needs.
const SPARE_BITS: i32 = 2;

/// The range 2^20 · step lies between 1 and 64 times the largest root mean square: seven powers of two at most.
const CANDIDATES_MAX: usize = 7;

/// One row in so many may be wide.
const WIDE_SHARE: u64 = 1000;

/// Values of this many quarters or more are only known to be far out; all that is narrow at any candidate is below.
pub const FAR: i32 = 1 << 30;

/// Possible steps, finest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidates {
    /// log2 of the finest step.
    finest: i32,
    count: usize,
}

impl Candidates {
    /// From the largest feature's root mean square, in scaled units; 0 where all rows are equal.
    pub fn of(largest_rms: f64) -> Self {
        let range_bits = WIDE.trailing_zeros() as i32;
        if largest_rms <= 0.0 {
            return Self { finest: -range_bits, count: 1 };
        }
        // rms = fraction · 2^exponent with a fraction in [0.5, 1).
        let (fraction, exponent) = libm::frexp(largest_rms);
        let lowest = if fraction == 0.5 { exponent - 1 } else { exponent };
        let highest = exponent - 1 + 6;
        Self { finest: lowest - range_bits, count: (highest - lowest + 1) as usize }
    }

    /// Turns scaled units into quarters of the finest step; exact, a power of two.
    pub fn in_quarters(self, factor: f64) -> f64 {
        libm::scalbn(factor, SPARE_BITS - self.finest)
    }

    /// The finest candidate for which at most one row in 1,000 is wide, else the coarsest.
    pub fn choose(self, classes: &Classes) -> Step {
        let rows: u64 = classes.rows.iter().sum();
        let mut wide = rows;
        for (index, narrow) in classes.rows.iter().take(self.count).enumerate() {
            wide -= narrow;
            if wide * WIDE_SHARE <= rows {
                return self.step(index);
            }
        }
        self.step(self.count - 1)
    }

    fn step(self, index: usize) -> Step {
        Step { exponent: self.finest + index as i32, shift: index as u32 + SPARE_BITS as u32 }
    }
}

/// Rows counted by the finest candidate at which they are narrow; the last class is never narrow. Order-free.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Classes {
    rows: [u64; CANDIDATES_MAX + 1],
}

impl Classes {
    /// Counts rows by the size of the largest value of each, in quarters.
    pub fn count(&mut self, largest: &[i32]) {
        let mut narrower = 0;
        for (class, rows) in self.rows.iter_mut().enumerate() {
            let narrow = |border: i32| largest.iter().map(|&size| u32::from(size < border)).sum::<u32>();
            let narrow = if class < CANDIDATES_MAX {
                narrow(wide_from(class as u32 + SPARE_BITS as u32))
            } else {
                largest.len() as u32
            };
            *rows += u64::from(narrow - narrower);
            narrower = narrow;
        }
    }

    pub fn merge(&mut self, other: &Classes) {
        for (a, b) in self.rows.iter_mut().zip(&other.rows) {
            *a += b;
        }
    }
}

/// The step that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// log2 of the step in scaled units.
    pub exponent: i32,
    /// log2 of the quarters in it.
    shift: u32,
}

impl Step {
    /// Quarters from which on a value is wide.
    pub fn wide_from(self) -> i32 {
        wide_from(self.shift)
    }

    /// From quarters, rounded to odd and not far, to the nearest grid value, halves to even.
    pub fn round(self, quarters: i32) -> i32 {
        let half_less_one = (1 << (self.shift - 1)) - 1;
        (quarters + half_less_one + (quarters >> self.shift & 1)) >> self.shift
    }

    /// The same from a value in quarters as it is, however far out; held within `limit`.
    pub fn round_far(self, quarters: f64, limit: i64) -> i64 {
        (libm::rint(libm::scalbn(quarters, -(self.shift as i32))) as i64).clamp(-limit, limit)
    }
}

/// |q| reaches 2^20 where the value reaches half a step less: the midpoint goes to 2^20, the even one.
fn wide_from(shift: u32) -> i32 {
    ((WIDE as i32) << shift) - (1 << (shift - 1))
}

/// Rounds to odd, held within `FAR`. Made of additions and comparisons that every CPU has for whole vectors.
pub fn round_to_odd(value: f64) -> i32 {
    // Adding 2^52 leaves no room behind the point: the sum's low bits are the nearest whole number.
    const WHOLE: f64 = (1u64 << 52) as f64;
    let size = value.abs();
    let size = if size < f64::from(FAR) { size } else { f64::from(FAR) };
    let sum = size + WHOLE;
    let nearest = sum - WHOLE;
    let below = sum.to_bits() as i32 - i32::from(nearest > size);
    let odd = below | i32::from(nearest != size);
    if value < 0.0 { -odd } else { odd }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directly rounded, for comparison.
    fn direct(value: f64, shift: u32) -> i64 {
        libm::rint(value / f64::from(1u32 << shift)) as i64
    }

    #[test]
    fn rounding_to_odd_first_gives_the_direct_rounding_for_every_candidate() {
        let mut values: Vec<f64> = Vec::new();
        for whole in -600..600 {
            for part in [-0.5, -0.25, -1e-9, 0.0, 1e-9, 0.5, 0.75] {
                values.push(f64::from(whole) + part);
            }
        }
        let mut state = 1u64;
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = libm::scalbn((state >> 11) as f64 - (1u64 << 52) as f64, -24 - (state & 31) as i32);
            values.extend([value, libm::rint(value), libm::rint(value / 8.0) * 8.0 + 2.0]);
        }
        for candidate in 0..CANDIDATES_MAX as u32 {
            let step = Step { exponent: 0, shift: candidate + 2 };
            // On, just below and just above each midpoint, and the border of wide rows.
            let mut values = values.clone();
            for point in [0i64, 1, 2, 7, 1 << 19, WIDE - 2, WIDE - 1] {
                let midpoint = (point as f64 + 0.5) * f64::from(1u32 << step.shift);
                values.extend([midpoint, midpoint.next_up(), midpoint.next_down(), -midpoint]);
            }
            for &value in &values {
                let quarters = round_to_odd(value);
                if quarters.abs() < FAR {
                    assert_eq!(i64::from(step.round(quarters)), direct(value, step.shift), "{value} at {candidate}");
                    assert_eq!(step.round_far(value, i64::MAX), direct(value, step.shift));
                }
                assert_eq!(quarters.abs() >= step.wide_from(), direct(value, step.shift).abs() >= WIDE);
            }
        }
    }

    #[test]
    fn far_values_are_held_and_keep_their_sign() {
        assert_eq!(round_to_odd(1e100), FAR);
        assert_eq!(round_to_odd(-1e100), -FAR);
        assert_eq!(round_to_odd(f64::from(FAR)), FAR);
        assert_eq!(round_to_odd(f64::from(FAR).next_down()), FAR - 1);
        assert_eq!(round_to_odd(-0.0), 0);
        assert_eq!(round_to_odd(1e-300), 1);
        assert_eq!(round_to_odd(-1e-300), -1);
        let step = Step { exponent: 0, shift: 8 };
        assert_eq!(step.round_far(1e100, 1 << 50), 1 << 50);
        assert_eq!(step.round_far(-1e100, 1 << 50), -(1 << 50));
    }

    #[test]
    fn the_range_lies_between_one_and_sixty_four_times_the_root_mean_square() {
        for rms in [1.0, 1.0f64.next_up(), 1.0f64.next_down(), 0.75, 3.0, 1e-30, 26.2, 1e200] {
            let candidates = Candidates::of(rms);
            let range = |index: usize| libm::scalbn(1.0, candidates.step(index).exponent + 20);
            assert!(range(0) >= rms && range(0) / 2.0 < rms, "{rms}");
            let last = candidates.count - 1;
            assert!(range(last) <= 64.0 * rms && range(last) * 2.0 > 64.0 * rms, "{rms}");
            assert!(candidates.count <= CANDIDATES_MAX);
        }
        assert_eq!(Candidates::of(0.0).step(0).exponent, -20);
    }

    #[test]
    fn the_finest_step_with_at_most_one_wide_row_in_a_thousand_is_chosen() {
        let candidates = Candidates::of(1.0);
        let narrow_at = |index: u32| wide_from(index + 2) - 1;
        for (wide, expected) in [(0, 0), (1, 0), (2, 3)] {
            let mut classes = Classes::default();
            for row in 0..1000 {
                classes.count(&[if row < wide { narrow_at(3) } else { narrow_at(0) }]);
            }
            assert_eq!(candidates.choose(&classes), candidates.step(expected), "{wide} wide rows");
        }
        // Where even the coarsest leaves more than that, it is the coarsest.
        let mut classes = Classes::default();
        classes.count(&[FAR, 0]);
        assert_eq!(candidates.choose(&classes), candidates.step(6));
        assert_eq!(candidates.choose(&Classes::default()), candidates.step(0));
    }

    #[test]
    fn a_row_is_narrow_from_the_candidate_on_whose_border_it_stays_below() {
        for index in 0..CANDIDATES_MAX {
            let border = wide_from(index as u32 + 2);
            let mut classes = Classes::default();
            classes.count(&[border - 1, border]);
            assert_eq!((classes.rows[index], classes.rows[index + 1]), (1, 1));
        }
    }
}
