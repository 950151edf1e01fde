//! The words of conditions, and what they mean in figures.
//!
//! A word is a range of *standing*: how far a cluster's mean lies from the mean of all customers, in standard
//! deviations of the customers (or on the equivalent scale of a skewed column, see `standing`). "Low" includes "very
//! low", and "high" includes "very high".

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From here on a cluster is high, and below its negative low. A third of a standard deviation sets apart customers
/// whom a marketer would see as different, while noise in the mean of a cluster stays far below it.
pub(super) const NOTABLE: f64 = 1.0 / 3.0;

/// From here on a cluster is very high, and below its negative very low.
const EXTREME: f64 = 1.0;

/// How gently a condition is fulfilled: the degree rises from 0 to 1 over twice this standing, half-way at the edge.
const SOFTNESS: f64 = 1.0 / 3.0;

/// What a condition asks of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Word {
    /// At least 1 below the average.
    #[serde(rename = "very low")]
    VeryLow,
    /// At least 1/3 below the average.
    #[serde(rename = "low")]
    Low,
    /// Less than 1/3 away from the average, on either side.
    #[serde(rename = "average")]
    Average,
    /// At least 1/3 above the average.
    #[serde(rename = "high")]
    High,
    /// At least 1 above the average.
    #[serde(rename = "very high")]
    VeryHigh,
}

impl Word {
    /// The word that says most about a standing.
    pub fn of(standing: f64) -> Word {
        match standing {
            s if s <= -EXTREME => Word::VeryLow,
            s if s <= -NOTABLE => Word::Low,
            s if s >= EXTREME => Word::VeryHigh,
            s if s >= NOTABLE => Word::High,
            _ => Word::Average,
        }
    }

    /// The least and the largest standing that the word covers.
    pub fn range(self) -> (f64, f64) {
        match self {
            Word::VeryLow => (f64::NEG_INFINITY, -EXTREME),
            Word::Low => (f64::NEG_INFINITY, -NOTABLE),
            Word::Average => (-NOTABLE, NOTABLE),
            Word::High => (NOTABLE, f64::INFINITY),
            Word::VeryHigh => (EXTREME, f64::INFINITY),
        }
    }

    /// How far inside the word's range a standing lies; negative outside.
    pub fn margin(self, standing: f64) -> f64 {
        within(self.range(), standing)
    }

    /// 0..=1: how well a standing with this margin fits the word; one half at the edge of its range.
    pub fn degree(margin: f64) -> f64 {
        (0.5 + margin / (2.0 * SOFTNESS)).clamp(0.0, 1.0)
    }
}

/// How far inside a range a figure lies; negative outside.
pub(super) fn within(range: (f64, f64), figure: f64) -> f64 {
    let (above, below) = (figure - range.0, range.1 - figure);
    if above < below { above } else { below }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Word::VeryLow => "very low",
            Word::Low => "low",
            Word::Average => "average",
            Word::High => "high",
            Word::VeryHigh => "very high",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_standing_covers_it() {
        for step in -300..=300 {
            let standing = f64::from(step) / 100.0;
            let word = Word::of(standing);
            assert!(word.margin(standing) >= 0.0, "{standing} is {word}");
            assert_eq!(Word::of(-standing).margin(-standing), word.margin(standing));
        }
    }

    #[test]
    fn a_condition_is_half_fulfilled_at_the_edge_and_wholly_inside() {
        assert_eq!(Word::degree(Word::High.margin(NOTABLE)), 0.5);
        assert_eq!(Word::degree(Word::VeryHigh.margin(5.0)), 1.0);
        assert_eq!(Word::degree(Word::Average.margin(0.0)), 1.0);
        assert_eq!(Word::degree(Word::Low.margin(0.5)), 0.0);
    }
}
