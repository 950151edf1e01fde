//! Sample weights as the whole numbers that a run computes with: as they are where all of them are whole and small, else
//! on the finest power of two that the largest allows.

use crate::error::Result;
use crate::observe::Observe;
use crate::source::{Request, Source};

use super::SCAN;
use super::geometry::Geometry;

/// Weights are whole numbers below this.
const WHOLE_MAX: f64 = 65_536.0;

/// How a weight becomes a whole number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Steps {
    step: f64,
}

impl Steps {
    fn of(largest: f64, all_whole: bool) -> Steps {
        let mut step = 1.0;
        if largest > 0.0 && !(all_whole && largest < WHOLE_MAX) {
            step = f64::MIN_POSITIVE;
            while (largest / step).round_ties_even() >= WHOLE_MAX {
                step *= 2.0;
            }
        }
        Steps { step }
    }

    pub fn whole(self, weight: f64) -> f64 {
        (weight / self.step).round_ties_even()
    }
}

/// Looks at the weights of all rows that are kept. `columns` are those of the features.
pub(super) fn steps(
    source: &Source,
    geometry: &Geometry,
    columns: &[usize],
    weight: usize,
    observe: &Observe,
) -> Result<Steps> {
    let request = Request { numbers: columns.iter().copied().chain([weight]).collect(), ..Request::default() };
    let (mut largest, mut all_whole) = (0.0f64, true);
    source.scan(&request, &SCAN, observe, &mut |wave| {
        for batch in wave {
            for row in 0..batch.n_rows {
                let value = |at: usize| batch.numbers.get(at).and_then(|c| c.get(row)).copied().unwrap_or(f64::NAN);
                if geometry.dropped_by(value).is_none() {
                    let weight = value(columns.len());
                    largest = largest.max(weight);
                    all_whole &= weight.fract() == 0.0;
                }
            }
        }
        Ok(())
    })?;
    Ok(Steps::of(largest, all_whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_weights_stay_and_others_become_whole() {
        assert_eq!(Steps::of(65_535.0, true).whole(3.0), 3.0);
        let steps = Steps::of(0.75, false);
        assert_eq!((steps.whole(0.75), steps.whole(0.375)), (49_152.0, 24_576.0));
        assert!(Steps::of(65_536.0, true).whole(65_536.0) < WHOLE_MAX);
    }
}
