//! What a condition asks of a cluster's mean: a word about how it compares with all customers, or bounds in the column's
//! own unit, for what a word cannot say ("two orders at most" is a fact about customers, whatever others do).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::words::Word;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Asked {
    Word(Word),
    Bounds(Bounds),
}

/// In the user's units, both ends included; at least one of them is there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    pub at_least: Option<f64>,
    pub at_most: Option<f64>,
}

/// How a cluster does by what is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    /// How far inside the range; negative outside. For a word in units of standing, for bounds in the column's unit.
    pub(super) margin: f64,
    /// 0..=1. Bounds are kept or not; words are met more or less.
    pub(super) degree: f64,
}

impl Asked {
    /// `None` where there is nothing to judge by.
    pub(super) fn fit(&self, mean: Option<f64>, standing: Option<f64>) -> Option<Fit> {
        match self {
            Asked::Word(word) => {
                let margin = word.margin(standing?);
                Some(Fit { margin, degree: Word::degree(margin) })
            }
            Asked::Bounds(bounds) => {
                let mean = mean?;
                let above = bounds.at_least.map_or(f64::INFINITY, |least| mean - least);
                let below = bounds.at_most.map_or(f64::INFINITY, |most| most - mean);
                let margin = if above < below { above } else { below };
                Some(Fit { margin, degree: if margin >= 0.0 { 1.0 } else { 0.0 } })
            }
        }
    }

    /// Whatever this asks for, `other` covers, for certain.
    pub(super) fn implies(&self, other: &Asked) -> bool {
        match (self, other) {
            (Asked::Word(word), Asked::Word(other)) => word.implies(*other),
            _ => self == other,
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Asked::Word(word) => word.fmt(f),
            Asked::Bounds(Bounds { at_least: Some(least), at_most: Some(most) }) => write!(f, "{least} to {most}"),
            Asked::Bounds(Bounds { at_least: Some(least), at_most: None }) => write!(f, "{least} or more"),
            Asked::Bounds(Bounds { at_least: None, at_most: Some(most) }) => write!(f, "{most} or less"),
            Asked::Bounds(Bounds { at_least: None, at_most: None }) => f.write_str("anything"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(at_least: Option<f64>, at_most: Option<f64>) -> Asked {
        Asked::Bounds(Bounds { at_least, at_most })
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
    fn words_need_a_standing() {
        let asked = Asked::Word(Word::High);
        assert_eq!(asked.fit(Some(100.0), None), None);
        assert_eq!(asked.fit(None, Some(2.0)).unwrap().degree, 1.0);
    }
}
