//! What a condition asks of a cluster's mean: a word about how it compares with all customers, bounds on how far it
//! stands from them, or bounds in the column's own unit, for what no comparison can say ("two orders at most" is a fact
//! about customers, whatever others do).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::{Word, within};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Asked {
    Word(Word),
    Lift(LiftBounds),
    Bounds(Bounds),
}

/// In the user's units, both ends included; at least one of them is there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

/// In standings, the scale that words are ranges of; both ends included, at least one of them is there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiftBounds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lift_at_least: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lift_at_most: Option<f64>,
}

/// How a cluster does by what is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    /// How far inside the range; negative outside. In the column's unit for bounds of that unit, else in units of
    /// standing.
    pub(super) margin: f64,
    /// 0..=1. Bounds in the column's unit are kept or not; a standing is met more or less.
    pub(super) degree: f64,
}

impl Asked {
    /// `None` where there is nothing to judge by.
    pub(super) fn fit(&self, mean: Option<f64>, standing: Option<f64>) -> Option<Fit> {
        let margin = within(self.range(), if self.compares() { standing? } else { mean? });
        let degree = match self.compares() {
            true => Word::degree(margin),
            false if margin >= 0.0 => 1.0,
            false => 0.0,
        };
        Some(Fit { margin, degree })
    }

    /// Whether it is about the standing among all customers.
    pub(super) fn compares(&self) -> bool {
        !matches!(self, Asked::Bounds(_))
    }

    /// The least and the largest figure it covers: a standing where it compares, else in the column's unit.
    pub fn range(&self) -> (f64, f64) {
        let (least, most) = match self {
            Asked::Word(word) => return word.range(),
            Asked::Lift(bounds) => (bounds.lift_at_least, bounds.lift_at_most),
            Asked::Bounds(bounds) => (bounds.at_least, bounds.at_most),
        };
        (least.unwrap_or(f64::NEG_INFINITY), most.unwrap_or(f64::INFINITY))
    }

    /// Whether a cluster that is like all customers is what is asked.
    pub(super) fn covers_average(&self) -> bool {
        self.compares() && within(self.range(), 0.0) >= 0.0
    }

    /// Whatever this asks for, `other` covers, for certain.
    pub(super) fn implies(&self, other: &Asked) -> bool {
        let (inner, outer) = (self.range(), other.range());
        self.compares() == other.compares() && inner.0 >= outer.0 && inner.1 <= outer.1
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.range()) {
            (Asked::Word(word), _) => word.fmt(f),
            (Asked::Lift(_), (f64::NEG_INFINITY, high)) => write!(f, "at {high:+.2} or lower"),
            (Asked::Lift(_), (low, f64::INFINITY)) => write!(f, "at {low:+.2} or higher"),
            (Asked::Lift(_), (low, high)) => write!(f, "at {low:+.2} to {high:+.2}"),
            (Asked::Bounds(_), (f64::NEG_INFINITY, high)) => write!(f, "{high} or less"),
            (Asked::Bounds(_), (low, f64::INFINITY)) => write!(f, "{low} or more"),
            (Asked::Bounds(_), (low, high)) => write!(f, "{low} to {high}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(at_least: Option<f64>, at_most: Option<f64>) -> Asked {
        Asked::Bounds(Bounds { at_least, at_most })
    }

    fn lift(lift_at_least: Option<f64>, lift_at_most: Option<f64>) -> Asked {
        Asked::Lift(LiftBounds { lift_at_least, lift_at_most })
    }

    #[test]
    fn bounds_include_their_ends_and_need_no_standing() {
        let asked = bounds(Some(1.0), Some(2.0));
        let margins: Vec<f64> =
            [0.5, 1.0, 1.25, 2.0, 4.0].map(|mean| asked.fit(Some(mean), None).unwrap().margin).into();
        assert_eq!(margins, [-0.5, 0.0, 0.25, 0.0, -2.0]);
        assert_eq!(asked.fit(Some(2.0), None).unwrap().degree, 1.0);
        assert_eq!(asked.fit(Some(2.1), None).unwrap().degree, 0.0);
        assert_eq!(asked.fit(None, Some(0.0)), None);
        assert_eq!(bounds(None, Some(2.0)).to_string(), "2 or less");
    }

    #[test]
    fn words_and_lifts_need_a_standing() {
        let asked = Asked::Word(Word::High);
        assert_eq!(asked.fit(Some(100.0), None), None);
        assert_eq!(asked.fit(None, Some(2.0)).unwrap().degree, 1.0);
        let asked = lift(Some(-0.5), Some(0.75));
        assert_eq!(asked.fit(Some(100.0), None), None);
        assert_eq!(asked.fit(None, Some(0.5)).unwrap().margin, 0.25);
        assert_eq!(asked.fit(None, Some(-1.0)).unwrap().degree, 0.0);
    }

    #[test]
    fn a_lift_that_is_the_range_of_a_word_is_that_word() {
        let high = Asked::Word(Word::High);
        let (low, _) = Word::High.range();
        for standing in [-1.0, 0.2, low, 0.4, 3.0] {
            assert_eq!(lift(Some(low), None).fit(None, Some(standing)), high.fit(None, Some(standing)));
        }
        assert!(Asked::Word(Word::VeryHigh).implies(&high) && !high.implies(&Asked::Word(Word::VeryHigh)));
        assert!(lift(Some(1.0), None).implies(&high) && !high.implies(&lift(Some(1.0), None)));
        assert!(!bounds(Some(1.0), None).implies(&high), "another scale");
        assert!(lift(Some(-0.1), None).covers_average() && !high.covers_average());
    }

    #[test]
    fn what_is_asked_survives_json() {
        for asked in [Asked::Word(Word::VeryLow), lift(None, Some(-0.5)), bounds(Some(1.0), None)] {
            let json = serde_json::to_string(&asked).unwrap();
            assert_eq!(serde_json::from_str::<Asked>(&json).unwrap(), asked, "{json}");
        }
    }
}
