//! Quartiles of a column, and the ranks they are made of.

use serde::{Deserialize, Serialize};

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

impl Quartiles {
    /// From values, ascending, with how often each is there.
    pub(super) fn of_counts(counts: &[(f64, u64)]) -> Option<Self> {
        let at = |rank: u64| {
            let mut below = 0;
            counts.iter().find(|(_, n)| (below += n, below > rank).1).map(|(value, _)| *value)
        };
        let n = counts.iter().map(|(_, n)| n).sum();
        Self::of(n, at)
    }

    /// Of `n` values; `at` gives the one at a rank.
    pub(super) fn of(n: u64, at: impl Fn(u64) -> Option<f64>) -> Option<Self> {
        let value = |quantile: Quantile| {
            let [low, high] = quantile.ranks();
            Some(quantile.value([at(low)?, at(high)?]))
        };
        let mut values = quantiles(n).into_iter().map(value);
        Some(Self { lower: values.next()??, median: values.next()??, upper: values.next()?? })
    }
}

/// The three quarters of so many values; none where there are no values.
pub(super) fn quantiles(n: u64) -> Vec<Quantile> {
    [1, 2, 3].into_iter().filter(|_| n > 0).map(|quarter| Quantile::of(n, quarter)).collect()
}
