//! What a condition asks of a cluster: a word about how its mean compares with all customers, bounds on how far it
//! stands from them, quarters of all customers that its median is among, or bounds in the column's own unit, for what no
//! comparison can say ("two orders at most" is a fact about customers, whatever others do).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::{Word, within};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Asked {
    Word(Word),
    Lift(LiftBounds),
    Index(IndexBounds),
    Quantile(QuantileBounds),
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

/// In per cent of the mean of all customers, both ends included; at least one of them is there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexBounds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_at_least: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_at_most: Option<f64>,
}

/// Where the median of a cluster lies among all customers, as quantiles of these; both ends included, at least one of
/// them is there. Each is one of [`QUANTILES`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantileBounds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantile_at_least: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantile_at_most: Option<f64>,
}

/// The quantiles that a profile has, exactly and for every column: the quartiles. Others would be a search more per
/// column and cluster for every run.
pub const QUANTILES: [f64; 3] = [0.25, 0.5, 0.75];

/// The figures of a cluster in one column that conditions are about.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Figures {
    /// In the column's unit.
    pub(super) mean: Option<f64>,
    /// 100: like all.
    pub(super) index: Option<f64>,
    pub(super) standing: Option<f64>,
    /// In the column's unit; what a condition on quantiles compares.
    pub(super) median: Option<f64>,
    /// The least and the largest median that a condition on quantiles allows, in the column's unit.
    pub(super) allowed: Option<(f64, f64)>,
}

/// How a cluster does by what is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    /// How far inside the range, negative outside; in what the range is of: standings, per cent, the column's unit.
    pub(super) margin: f64,
    /// 0..=1. Bounds on the mean and on the index are kept or not; a standing is met more or less.
    pub(super) degree: f64,
}

impl Asked {
    /// `None` where there is nothing to judge by.
    pub(super) fn fit(&self, figures: Figures) -> Option<Fit> {
        let (figure, range) = match self {
            Asked::Word(_) | Asked::Lift(_) => (figures.standing, self.range()),
            Asked::Index(_) => (figures.index, self.range()),
            Asked::Quantile(_) => (figures.median, figures.allowed?),
            Asked::Bounds(_) => (figures.mean, self.range()),
        };
        let margin = within(range, figure?);
        let degree = match self.compares() {
            true => Word::degree(margin),
            false if margin >= 0.0 => 1.0,
            false => 0.0,
        };
        Some(Fit { margin, degree })
    }

    /// Whether it is about the standing among all customers.
    pub(super) fn compares(&self) -> bool {
        matches!(self, Asked::Word(_) | Asked::Lift(_))
    }

    /// The least and the largest figure it covers: a standing, an index, a quantile, or a mean in the column's unit.
    pub fn range(&self) -> (f64, f64) {
        let (least, most) = match self {
            Asked::Word(word) => return word.range(),
            Asked::Index(bounds) => (bounds.index_at_least, bounds.index_at_most),
            Asked::Lift(bounds) => (bounds.lift_at_least, bounds.lift_at_most),
            Asked::Quantile(bounds) => (bounds.quantile_at_least, bounds.quantile_at_most),
            Asked::Bounds(bounds) => (bounds.at_least, bounds.at_most),
        };
        (least.unwrap_or(f64::NEG_INFINITY), most.unwrap_or(f64::INFINITY))
    }

    /// Whether a cluster that is like all customers is what is asked.
    pub(super) fn covers_average(&self) -> bool {
        self.compares() && within(self.range(), 0.0) >= 0.0
    }

    /// The standings that customers of a cluster must have for its average to speak for them: the range itself where it
    /// is around the average, else its side of the average, for an index from half-way to its bound. `None` for bounds in
    /// the column's unit, and for quantiles, which speak of customers themselves. `standing` is that of an index.
    pub(super) fn side(&self, standing: impl Fn(f64) -> Option<f64>) -> Option<(f64, f64)> {
        let range = self.range();
        match self {
            Asked::Bounds(_) | Asked::Quantile(_) => None,
            Asked::Index(_) if range.0 > 100.0 => Some((standing(range.0)? / 2.0, f64::INFINITY)),
            Asked::Index(_) if range.1 < 100.0 => Some((f64::NEG_INFINITY, standing(range.1)? / 2.0)),
            Asked::Index(_) => None,
            _ if self.covers_average() => Some(range),
            _ if range.0 > 0.0 => Some((0.0, f64::INFINITY)),
            _ => Some((f64::NEG_INFINITY, 0.0)),
        }
    }

    /// Whatever this asks for, `other` covers, for certain.
    pub(super) fn implies(&self, other: &Asked) -> bool {
        let scale = |asked: &Asked| match asked {
            Asked::Word(_) | Asked::Lift(_) => 0,
            Asked::Index(_) => 1,
            Asked::Quantile(_) => 2,
            Asked::Bounds(_) => 3,
        };
        let (inner, outer) = (self.range(), other.range());
        scale(self) == scale(other) && inner.0 >= outer.0 && inner.1 <= outer.1
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.range()) {
            (Asked::Word(word), _) => word.fmt(f),
            (Asked::Lift(_), (f64::NEG_INFINITY, high)) => write!(f, "at {high:+.2} or lower"),
            (Asked::Lift(_), (low, f64::INFINITY)) => write!(f, "at {low:+.2} or higher"),
            (Asked::Lift(_), (low, high)) => write!(f, "at {low:+.2} to {high:+.2}"),
            (Asked::Index(_), (f64::NEG_INFINITY, high)) => write!(f, "at most {high} % of the average"),
            (Asked::Index(_), (low, f64::INFINITY)) => write!(f, "at least {low} % of the average"),
            (Asked::Index(_), (low, high)) => write!(f, "{low} to {high} % of the average"),
            (Asked::Quantile(_), (f64::NEG_INFINITY, high)) => f.write_str(among(high, Side::Below)),
            (Asked::Quantile(_), (low, f64::INFINITY)) => f.write_str(among(low, Side::Above)),
            (Asked::Quantile(_), (low, high)) if low == high => write!(f, "at the {low} quantile of all customers"),
            (Asked::Quantile(_), (low, high)) => write!(f, "between the {low} and {high} quantiles of all customers"),
            (Asked::Bounds(_), (f64::NEG_INFINITY, high)) => write!(f, "{high} or less"),
            (Asked::Bounds(_), (low, f64::INFINITY)) => write!(f, "{low} or more"),
            (Asked::Bounds(_), (low, high)) => write!(f, "{low} to {high}"),
        }
    }
}

enum Side {
    Below,
    Above,
}

impl Bounds {
    /// The least and the largest figure within.
    pub(super) fn range(&self) -> (f64, f64) {
        (self.at_least.unwrap_or(f64::NEG_INFINITY), self.at_most.unwrap_or(f64::INFINITY))
    }
}

/// A quantile as a bound, as people say it.
fn among(quantile: f64, side: Side) -> &'static str {
    match (quantile, side) {
        (0.25, Side::Below) => "among the lowest quarter of all customers",
        (0.5, Side::Below) => "among the lower half of all customers",
        (0.75, Side::Below) => "not above the 0.75 quantile of all customers",
        (0.25, Side::Above) => "not below the 0.25 quantile of all customers",
        (0.5, Side::Above) => "among the upper half of all customers",
        _ => "among the highest quarter of all customers",
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

    fn index(index_at_least: Option<f64>) -> Asked {
        Asked::Index(IndexBounds { index_at_least, index_at_most: None })
    }

    fn mean(mean: f64) -> Figures {
        Figures { mean: Some(mean), ..Figures::default() }
    }

    fn standing(standing: f64) -> Figures {
        Figures { standing: Some(standing), ..Figures::default() }
    }

    #[test]
    fn bounds_include_their_ends_and_need_no_standing() {
        let asked = bounds(Some(1.0), Some(2.0));
        let margins: Vec<f64> = [0.5, 1.0, 1.25, 2.0, 4.0].map(|own| asked.fit(mean(own)).unwrap().margin).into();
        assert_eq!(margins, [-0.5, 0.0, 0.25, 0.0, -2.0]);
        assert_eq!(asked.fit(mean(2.0)).unwrap().degree, 1.0);
        assert_eq!(asked.fit(mean(2.1)).unwrap().degree, 0.0);
        assert_eq!(asked.fit(standing(1.5)), None);
        assert_eq!(bounds(None, Some(2.0)).to_string(), "2 or less");
    }

    #[test]
    fn words_and_lifts_need_a_standing() {
        let asked = Asked::Word(Word::High);
        assert_eq!(asked.fit(mean(100.0)), None);
        assert_eq!(asked.fit(standing(2.0)).unwrap().degree, 1.0);
        let asked = lift(Some(-0.5), Some(0.75));
        assert_eq!(asked.fit(mean(100.0)), None);
        assert_eq!(asked.fit(standing(0.5)).unwrap().margin, 0.25);
        assert_eq!(asked.fit(standing(-1.0)).unwrap().degree, 0.0);
    }

    #[test]
    fn an_index_is_in_per_cent_of_the_average() {
        let figures = Figures { index: Some(250.0), ..Figures::default() };
        assert_eq!(index(Some(300.0)).fit(figures), Some(Fit { margin: -50.0, degree: 0.0 }));
        assert_eq!(index(Some(250.0)).fit(figures), Some(Fit { margin: 0.0, degree: 1.0 }));
        assert_eq!(index(Some(300.0)).fit(standing(9.0)), None);
        assert!(index(Some(300.0)).implies(&index(Some(200.0))) && !index(Some(1.0)).implies(&bounds(Some(1.0), None)));
    }

    #[test]
    fn the_customers_of_a_high_cluster_stand_above_the_average_and_those_of_a_middle_one_in_the_middle() {
        let side = |asked: Asked| asked.side(|index| Some(index / 100.0));
        assert_eq!(side(Asked::Word(Word::VeryHigh)), Some((0.0, f64::INFINITY)));
        assert_eq!(side(Asked::Word(Word::Low)), Some((f64::NEG_INFINITY, 0.0)));
        assert_eq!(side(Asked::Word(Word::Average)), Some(Word::Average.range()));
        assert_eq!(side(lift(Some(-0.5), Some(0.75))), Some((-0.5, 0.75)));
        assert_eq!(side(index(Some(300.0))), Some((1.5, f64::INFINITY)));
        assert_eq!(side(bounds(Some(1.0), None)), None);
    }

    #[test]
    fn a_lift_that_is_the_range_of_a_word_is_that_word() {
        let high = Asked::Word(Word::High);
        let (low, _) = Word::High.range();
        for own in [-1.0, 0.2, low, 0.4, 3.0] {
            assert_eq!(lift(Some(low), None).fit(standing(own)), high.fit(standing(own)));
        }
        assert!(Asked::Word(Word::VeryHigh).implies(&high) && !high.implies(&Asked::Word(Word::VeryHigh)));
        assert!(lift(Some(1.0), None).implies(&high) && !high.implies(&lift(Some(1.0), None)));
        assert!(!bounds(Some(1.0), None).implies(&high), "another scale");
        assert!(lift(Some(-0.1), None).covers_average() && !high.covers_average());
    }

    #[test]
    fn quantiles_are_said_in_quarters_and_halves() {
        let quantile = |quantile_at_least, quantile_at_most| {
            Asked::Quantile(QuantileBounds { quantile_at_least, quantile_at_most }).to_string()
        };
        assert_eq!(quantile(Some(0.75), None), "among the highest quarter of all customers");
        assert_eq!(quantile(Some(0.5), None), "among the upper half of all customers");
        assert_eq!(quantile(None, Some(0.25)), "among the lowest quarter of all customers");
        assert_eq!(quantile(None, Some(0.75)), "not above the 0.75 quantile of all customers");
        assert_eq!(quantile(Some(0.25), Some(0.75)), "between the 0.25 and 0.75 quantiles of all customers");
    }

    #[test]
    fn what_is_asked_survives_json() {
        let quantile = Asked::Quantile(QuantileBounds { quantile_at_least: Some(0.75), quantile_at_most: None });
        let others = [lift(None, Some(-0.5)), index(Some(300.0)), quantile, bounds(Some(1.0), None)];
        for asked in [Asked::Word(Word::VeryLow)].into_iter().chain(others) {
            let json = serde_json::to_string(&asked).unwrap();
            assert_eq!(serde_json::from_str::<Asked>(&json).unwrap(), asked, "{json}");
        }
    }
}
