//! How far a cluster stands from all customers, and how many of its customers stand there with it: the scales that the
//! words of conditions are ranges of, written down once more.

use crate::persona::Measure;

use super::figures::{Column, lift};

/// The spread of the logarithm of a log-normal column with this standard deviation over its mean.
fn log_spread(variation: f64) -> f64 {
    (1.0 + variation * variation).ln().sqrt()
}

/// Mean and spread of all, where both exist and customers differ.
fn all(column: &Column) -> Option<(f64, f64)> {
    Some((column.overall.mean?, column.overall.spread.filter(|spread| *spread > 0.0)?))
}

/// In standard deviations, or on the logarithmic scale of a skewed column.
pub(super) fn standing(column: &Column, cluster: usize) -> Option<(f64, Measure)> {
    let own = column.clusters.get(cluster)?;
    let (mean, spread) = all(column)?;
    let lift = lift(&column.overall, own)?;
    let skewed = column.overall.min.is_some_and(|min| min >= 0.0) && spread > mean;
    let (value, measure) = match skewed {
        true => ((own.mean? / mean).ln() / log_spread(spread / mean), Measure::Multiples),
        false => (lift, Measure::Deviations),
    };
    Some((value.clamp(-10.0, 10.0), measure))
}

/// The standing of a cluster with this index.
pub(super) fn of_index(column: &Column, index: f64) -> Option<f64> {
    let (mean, spread) = all(column)?;
    let value = match spread > mean {
        true => (index / 100.0).ln() / log_spread(spread / mean),
        false => (index / 100.0 - 1.0) * mean / spread,
    };
    (value.is_finite() && column.overall.min.is_some_and(|min| min >= 0.0)).then_some(value)
}

/// The share of a cluster within a range of standings, if it were normal there.
pub(super) fn share_within(column: &Column, cluster: usize, (low, high): (f64, f64)) -> Option<f64> {
    let (value, measure) = standing(column, cluster)?;
    let (mean, spread) = all(column)?;
    let own = column.clusters.get(cluster)?;
    let (own_mean, own_spread) = (own.mean?, own.spread?);
    let width = match measure {
        Measure::Deviations => own_spread / spread,
        Measure::Multiples if own_mean > 0.0 => log_spread(own_spread / own_mean) / log_spread(spread / mean),
        Measure::Multiples => 0.0,
    };
    let below = |edge: f64| match width > 0.0 {
        true => 0.5 * libm::erfc((value - edge) / (width * std::f64::consts::SQRT_2)),
        false => f64::from(u8::from(edge >= value)),
    };
    Some(below(high) - if low.is_finite() { below(low) } else { 0.0 })
}
