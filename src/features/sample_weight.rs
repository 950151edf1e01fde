//! Sample weights as integers below 2^16, on a power-of-two step of their own.
//!
//! Weights that are such integers already are kept as they are. Others are rounded, halves to even, to the finest step
//! at which the largest stays below 2^16. A weight of 0 is a row that is labelled but counts for nothing; a positive
//! weight that would become 0 is an error, because the row would silently stop to count.

use serde::{Deserialize, Serialize};

use crate::grid::WEIGHT_MAX;

/// The step of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightStep {
    /// log2 of the step.
    pub exponent: i32,
}

/// What is known of the weights of some rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightFacts {
    pub largest: f64,
    /// The smallest positive one.
    pub smallest: f64,
    pub all_small_integers: bool,
}

impl Default for WeightFacts {
    fn default() -> Self {
        Self { largest: 0.0, smallest: f64::INFINITY, all_small_integers: true }
    }
}

impl WeightFacts {
    /// Adds weights that are finite and not negative.
    pub fn add(&mut self, weights: &[f64]) {
        for &weight in weights {
            self.largest = if weight > self.largest { weight } else { self.largest };
            if weight > 0.0 && weight < self.smallest {
                self.smallest = weight;
            }
            self.all_small_integers &= weight < f64::from(WEIGHT_MAX) && weight == f64::from(weight as u16);
        }
    }

    /// The finest step that keeps the largest weight below 2^16.
    pub fn step(&self) -> WeightStep {
        if self.all_small_integers || self.largest <= 0.0 {
            return WeightStep { exponent: 0 };
        }
        // largest = fraction · 2^exponent with a fraction in [0.5, 1): in steps it has 16 bits, or rounds up to 17.
        let (_, exponent) = libm::frexp(self.largest);
        let finest = exponent - WEIGHT_MAX.trailing_zeros() as i32;
        let fits = libm::rint(libm::scalbn(self.largest, -finest)) < f64::from(WEIGHT_MAX);
        WeightStep { exponent: if fits { finest } else { finest + 1 } }
    }
}

impl WeightStep {
    /// A weight in steps. It is held below 2^16, which the step's choice sees to for every weight it was chosen from.
    pub fn round(self, weight: f64) -> u16 {
        libm::rint(libm::scalbn(weight, -self.exponent)) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(weights: &[f64]) -> (WeightFacts, Vec<u16>) {
        let mut facts = WeightFacts::default();
        facts.add(weights);
        (facts, weights.iter().map(|&w| facts.step().round(w)).collect())
    }

    #[test]
    fn small_integers_are_kept_as_they_are() {
        assert_eq!(of(&[0.0, 1.0, 65_535.0, 3.0]).1, [0, 1, 65_535, 3]);
        assert_eq!(of(&[2.0, 2.0]).1, [2, 2]);
    }

    #[test]
    fn others_are_rounded_on_the_finest_step_that_fits() {
        let (facts, rounded) = of(&[0.5, 0.25, 1.0]);
        assert_eq!(facts.step(), WeightStep { exponent: -15 });
        assert_eq!(rounded, [1 << 14, 1 << 13, 1 << 15]);
        let (facts, rounded) = of(&[65_536.0, 1.0]);
        assert_eq!((facts.step().exponent, rounded), (1, vec![1 << 15, 0]));
        // A largest weight that would round up to 2^16 takes the next step.
        let (facts, rounded) = of(&[1.0f64.next_down()]);
        assert_eq!((facts.step().exponent, rounded), (-15, vec![1 << 15]));
        assert_eq!(of(&[1e-320, 5e-321]).1, [2024 << 5, 1012 << 5]);
    }

    #[test]
    fn the_smallest_positive_weight_tells_whether_one_would_vanish() {
        let (facts, _) = of(&[0.0, 1e-9, 1.0]);
        assert_eq!(facts.step().round(facts.smallest), 0);
        let (facts, _) = of(&[0.0, 1e-4, 1.0]);
        assert!(facts.step().round(facts.smallest) > 0);
    }
}
