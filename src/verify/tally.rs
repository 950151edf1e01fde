//! The figures of one group of customers in one column, added up while the rows stream by: compensated sums about a
//! shift, and for each claimed quartile how many values lie below it and which are next to it. Nothing is kept per row.
//!
//! A quartile need not be found to be checked: where so many values lie below the claimed one as its rank says, it is the
//! one. The shift is the claimed mean. Any shift gives the same figures; one near the mean keeps the digits of a small
//! spread around a large mean.

use crate::report::Moments;

/// Neumaier's compensated sum.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    #[inline]
    pub fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - next) + value } else { (value - next) + self.sum };
        self.sum = next;
    }

    pub fn value(self) -> f64 {
        self.sum + self.lost
    }
}

/// Which part of the values lies below each quartile.
const PARTS: [f64; 3] = [0.25, 0.5, 0.75];

/// The values around a claimed quartile.
#[derive(Debug, Clone, Copy)]
struct Around {
    claimed: f64,
    below: u64,
    equal: u64,
    /// The largest value below, and the smallest above.
    before: f64,
    behind: f64,
}

impl Around {
    fn new(claimed: f64) -> Around {
        Around { claimed, below: 0, equal: 0, before: f64::NEG_INFINITY, behind: f64::INFINITY }
    }

    #[inline]
    fn add(&mut self, value: f64) {
        if value < self.claimed {
            self.below += 1;
            self.before = self.before.max(value);
        } else if value > self.claimed {
            self.behind = self.behind.min(value);
        } else {
            self.equal += 1;
        }
    }

    /// The value of a rank, counted from 0, where it is next to the claimed one.
    fn ranked(&self, rank: u64) -> Option<f64> {
        let first_above = self.below + self.equal;
        match rank {
            _ if rank + 1 == self.below => Some(self.before),
            _ if rank >= self.below && rank < first_above => Some(self.claimed),
            _ if rank == first_above => Some(self.behind),
            _ => None,
        }
    }

    /// The value at position (n - 1) · part, by linear interpolation; none where that lies elsewhere.
    fn quantile(&self, count: u64, part: f64) -> Option<f64> {
        let place = count.checked_sub(1)? as f64 * part;
        let low = self.ranked(place.floor() as u64)?;
        if place.fract() == 0.0 {
            return Some(low);
        }
        Some(low + (self.ranked(place.ceil() as u64)? - low) * place.fract())
    }
}

/// What is added up of one group in one column.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    shift: f64,
    count: u64,
    weight: f64,
    first: Sum,
    second: Sum,
    size: Sum,
    min: f64,
    max: f64,
    around: Option<[Around; 3]>,
}

impl Tally {
    pub fn new(claimed: &Moments) -> Tally {
        let around = claimed.quartiles.map(|q| [q.lower, q.median, q.upper].map(Around::new));
        let zero = Sum::default();
        Tally {
            shift: claimed.mean.unwrap_or(0.0),
            count: 0,
            weight: 0.0,
            first: zero,
            second: zero,
            size: zero,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            around,
        }
    }

    /// Takes in a value that is there; weights are whole numbers, whose sum is exact.
    #[inline]
    pub fn add(&mut self, value: f64, weight: f64) {
        self.count += 1;
        self.weight += weight;
        let from = value - self.shift;
        self.first.add(from * weight);
        self.second.add(from * from * weight);
        self.size.add((value * weight).abs());
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if let Some(around) = &mut self.around {
            around.iter_mut().for_each(|around| around.add(value));
        }
    }

    pub fn figures(&self) -> Figures {
        let some = (self.count > 0).then_some(());
        let weighted = (self.weight > 0.0).then_some(self.weight);
        let from = weighted.map(|weight| self.first.value() / weight);
        let variance = weighted.zip(from).map(|(weight, from)| (self.second.value() / weight - from * from).max(0.0));
        let mut quartiles = [None; 3];
        if let Some(around) = &self.around {
            for ((found, around), part) in quartiles.iter_mut().zip(around).zip(PARTS) {
                *found = around.quantile(self.count, part);
            }
        }
        Figures {
            count: self.count,
            weight: self.weight,
            sum: self.shift * self.weight + self.first.value(),
            mean: from.map(|from| self.shift + from),
            spread: variance.map(f64::sqrt),
            min: some.map(|()| self.min),
            max: some.map(|()| self.max),
            quartiles,
            size: weighted.map_or(0.0, |weight| self.size.value() / weight),
        }
    }
}

/// Of the values present.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    pub count: u64,
    /// Σ w, and Σ w x.
    pub weight: f64,
    pub sum: f64,
    pub mean: Option<f64>,
    pub spread: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Absent where the claimed one is none, and where there is no value.
    pub quartiles: [Option<f64>; 3],
    /// Σ w |x| / Σ w: what an error of the mean is measured by.
    pub size: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Quartiles;

    fn claimed(mean: f64, quartiles: [f64; 3]) -> Moments {
        let [lower, median, upper] = quartiles;
        Moments { mean: Some(mean), quartiles: Some(Quartiles { lower, median, upper }), ..Moments::default() }
    }

    fn figures(claimed: &Moments, values: &[f64]) -> Figures {
        let mut tally = Tally::new(claimed);
        values.iter().for_each(|&value| tally.add(value, 1.0));
        tally.figures()
    }

    #[test]
    fn a_quartile_that_is_one_is_confirmed_and_no_other() {
        // Sorted: 1 2 2 4 8 16; quartiles at 1.25, 2.5 and 3.75.
        let values = [8.0, 2.0, 16.0, 1.0, 4.0, 2.0];
        let right = figures(&claimed(0.0, [2.0, 3.0, 7.0]), &values);
        assert_eq!(right.quartiles, [Some(2.0), Some(3.0), Some(7.0)]);
        // Between the right two values the right one is known; anywhere else it is not.
        assert_eq!(figures(&claimed(0.0, [2.5, 2.9, 7.5]), &values).quartiles, [None, Some(3.0), Some(7.0)]);
        assert_eq!(figures(&claimed(0.0, [1.0, 4.5, 8.5]), &values).quartiles, [None; 3]);
        assert_eq!(figures(&claimed(0.0, [0.1; 3]), &[0.1; 9]).quartiles, [Some(0.1); 3]);
        assert_eq!(figures(&claimed(0.0, [0.1; 3]), &[]).quartiles, [None; 3]);
    }

    #[test]
    fn any_shift_gives_the_same_mean_and_spread() {
        let values: Vec<f64> = (0..1000).map(|i| 1e9 + f64::from(i % 2)).collect();
        for shift in [1e9, 0.0, 1e9 + 0.5, 7e8] {
            let found = figures(&claimed(shift, [1e9; 3]), &values);
            assert!((found.mean.unwrap() - (1e9 + 0.5)).abs() < 1e-6, "{shift}: {found:?}");
        }
        let near = figures(&claimed(1e9 + 0.5, [1e9; 3]), &values);
        assert!((near.spread.unwrap() - 0.5).abs() < 1e-12, "{near:?}");
    }
}
