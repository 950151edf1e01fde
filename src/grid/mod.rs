//! The nouns everybody shares: `Grid`, `Matrix` (panels of grid values), `Centroids`, `Sums`.
//!
//! Every feature is centred, scaled and weighted in f64, then rounded once to a multiple of one step that all features
//! share. From there on a value is an integer `q`, a squared distance `D = Σ (q - c)²` is an integer, and sums are
//! integers: no order of addition, no device and no thread count can change them. This room knows no file format,
//! no device and no thread.

mod centroids;
mod facts;
mod matrix;
mod panels;
mod sums;

pub use centroids::Centroids;
pub use facts::Facts;
pub use matrix::{Matrix, WideRows};
pub use panels::{PanelFile, Panels};
pub use sums::Sums;

use serde::{Deserialize, Serialize};

/// Rows per panel. Inside a panel the values lie feature after feature: 64 values of feature 0, 64 of feature 1, ..
pub const PANEL_ROWS: usize = 64;

/// A row is *wide* when some |q| reaches this. Narrow values, their differences and i32 sums of up to 2,048 of them
/// are exact in f32 and i32.
pub const WIDE: i64 = 1 << 20;

/// Rows whose i32 sums cannot overflow: 2^20 · 2^11 = 2^31.
pub const BLOCK_ROWS: usize = 2048;

/// Coordinates of wide rows are held within this, so that i128 arithmetic on them never overflows. A row with positive
/// weight cannot reach it: |z| <= sqrt(n) · rms, and the grid's range is at least one rms.
pub const COORDINATE_MAX: i64 = 1 << 50;

/// Largest number of clusters of a model; labels fit u16.
pub const CLUSTERS_MAX: usize = 4096;

/// Largest number of features.
pub const FEATURES_MAX: usize = 512;

/// Sample weights are integers below this.
pub const WEIGHT_MAX: u32 = 1 << 16;

/// The step that all features share, a power of two in scaled units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// step = 2^exponent
    pub exponent: i32,
}

impl Grid {
    /// The step in scaled units.
    pub fn step(self) -> f64 {
        libm::scalbn(1.0, self.exponent)
    }

    /// A squared distance or an inertia, from steps² to scaled units² (correctly rounded: the step is a power of two).
    pub fn squared(self, steps: i128) -> f64 {
        libm::scalbn(steps as f64, 2 * self.exponent)
    }

    /// The Euclidean distance in scaled units: the IEEE square root of an exact D.
    pub fn distance(self, steps: i128) -> f64 {
        // Few distances need 128 bits, and few steps are so small that a product with them would be rounded twice.
        let square = i64::try_from(steps).map_or_else(|_| steps as f64, |small| small as f64);
        match self.exponent {
            -1000..=1000 => square.sqrt() * f64::from_bits(((1023 + self.exponent) as u64) << 52),
            _ => libm::scalbn(square.sqrt(), self.exponent),
        }
    }
}

/// Rounds `numerator / denominator` to the nearest integer, halves to even. The denominator is positive.
pub fn divide_half_even(numerator: i128, denominator: i128) -> i128 {
    debug_assert!(denominator > 0);
    // Nearly always: a division of 128 bits takes several times as long.
    if let (Ok(numerator), Ok(denominator)) = (i64::try_from(numerator), i64::try_from(denominator)) {
        let (quotient, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
        let left = denominator - rest;
        return i128::from(quotient) + i128::from(rest > left || (rest == left && quotient % 2 != 0));
    }
    let quotient = numerator.div_euclid(denominator);
    let twice = 2 * numerator.rem_euclid(denominator);
    let up = twice > denominator || (twice == denominator && quotient % 2 != 0);
    quotient + i128::from(up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_to_even_on_both_sides_of_zero() {
        let rounded: Vec<i128> = [-5, -3, -1, 1, 3, 5].iter().map(|&n| divide_half_even(n, 2)).collect();
        assert_eq!(rounded, [-2, -2, 0, 0, 2, 2]);
        assert_eq!(divide_half_even(7, 3), 2);
        assert_eq!(divide_half_even(8, 3), 3);
        assert_eq!(divide_half_even(-7, 3), -2);
        // The same where 64 bits do not hold the numbers, and where they just do.
        let scale = 1i128 << 70;
        let rounded: Vec<i128> =
            [-5, -3, -1, 1, 3, 5].iter().map(|&n| divide_half_even(n * scale, 2 * scale)).collect();
        assert_eq!(rounded, [-2, -2, 0, 0, 2, 2]);
        let most = i128::from(i64::MAX);
        assert_eq!(
            [divide_half_even(most, most), divide_half_even(-most - 1, most), divide_half_even(most, 1)],
            [1, -1, most]
        );
    }

    #[test]
    fn distances_are_the_roots_times_the_step_at_every_size() {
        for exponent in [-1040, -1001, -1000, -17, 0, 3, 1000, 1010] {
            let grid = Grid { exponent };
            for steps in [0, 1, 2, 10, (1i128 << 53) + 1, i64::MAX.into(), i128::from(i64::MAX) + 1, 1 << 109] {
                assert_eq!(
                    grid.distance(steps),
                    libm::scalbn((steps as f64).sqrt(), exponent),
                    "{steps} at {exponent}"
                );
            }
        }
    }
}
