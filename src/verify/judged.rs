//! One condition in one cluster, judged from recomputed figures, and the score of a persona that its conditions come to.
//! The same for the names that were given and for those that were not.

use crate::persona::{Asked, Bounds, Importance, Measure, Word};

use super::figures::{Column, index};
use super::standing::{of_index, share_within, standing};
use super::tally::Figures;

/// Figures this near to the edge of what is asked may fall on either side of it.
pub(super) const EDGE: f64 = 1e-9;

/// The least score that earns a name.
const EARNED_FROM: f64 = 0.5;

/// What a condition comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub standing: Option<(f64, Measure)>,
    /// What a median must be where quantiles are asked for, and what it is.
    pub limits: Option<Bounds>,
    pub median: Option<f64>,
    /// How far inside what is asked, and what an error of that is measured by.
    pub margin: Option<f64>,
    pub scale: f64,
    pub spoken_for: Option<f64>,
    pub is_so: bool,
    /// So near to the edge that it may be so or not.
    pub at_edge: bool,
    /// How well it fits, 0 to 1; absent where that is at the edge of all or nothing.
    pub degree: Option<f64>,
}

pub(super) fn judge(asked: &Asked, importance: Importance, column: Option<&Column>, cluster: usize) -> Judged {
    let own = column.and_then(|column| column.clusters.get(cluster));
    let size = column.map_or(0.0, |column| column.overall.size);
    let standing = column.and_then(|column| standing(column, cluster));
    let limits = column.and_then(|column| limits(asked, column));
    let median = own.filter(|_| limits.is_some()).and_then(|own| own.quartiles[1]);
    let (mut low, mut high) = range(asked);
    if let Some(limits) = limits {
        (low, high) = (limits.at_least.unwrap_or(f64::NEG_INFINITY), limits.at_most.unwrap_or(f64::INFINITY));
    }
    let (figure, compares) = match asked {
        Asked::Word(_) | Asked::Lift(_) => (standing.map(|(value, _)| value), true),
        Asked::Index(_) => (column.and_then(|column| index(&column.overall, own?)), false),
        Asked::Quantile(_) => (median, false),
        Asked::Bounds(_) => (own.and_then(|own| own.mean), false),
    };
    let around_average = compares && low <= 0.0 && high >= 0.0;
    let differs = column.is_some_and(|column| {
        (0..column.clusters.len()).filter_map(|c| self::standing(column, c)).any(|(value, _)| value.abs() >= 1.0 / 3.0)
    });
    let margin = figure.filter(|_| !around_average || differs).map(|figure| (figure - low).min(high - figure));
    let scale = figure.map_or(1.0, f64::abs).max(1.0).max(if compares { 0.0 } else { size });
    let side = column.and_then(|column| side(asked, (low, high), around_average, column));
    let spoken_for = column.zip(side).and_then(|(column, side)| share_within(column, cluster, side));
    let least = if around_average { 0.6 } else { 0.8 };
    let most = spoken_for.is_none_or(|share| share >= least)
        && column.is_none_or(|column| is_of_three_quarters(asked, column, own));
    let of_most = importance != Importance::Required || most;
    let edge = margin.is_some_and(|margin| margin.abs() <= EDGE * scale);
    Judged {
        standing,
        limits,
        median,
        margin,
        scale,
        spoken_for,
        is_so: of_most && margin.is_some_and(|margin| margin >= 0.0),
        at_edge: edge || spoken_for.is_some_and(|share| (share - least).abs() <= EDGE),
        degree: match margin {
            None => Some(0.0),
            Some(margin) if compares => Some((0.5 + margin * 1.5).clamp(0.0, 1.0)),
            Some(_) if edge => None,
            Some(margin) => Some(f64::from(u8::from(margin >= 0.0))),
        },
    }
}

/// A condition of a persona, with what it came to.
pub(super) struct Weighed<'a> {
    pub importance: Importance,
    pub weight: f64,
    pub has_column: bool,
    pub judged: &'a Judged,
}

/// How a persona fits a cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit {
    pub score: f64,
    pub confidence: f64,
    pub earned: bool,
    /// Another arithmetic might have it earned or not.
    pub unclear: bool,
}

/// From all conditions of a persona; none where one of them is at the edge of all or nothing.
pub(super) fn fit<'a>(conditions: impl Iterator<Item = Weighed<'a>>) -> Option<Fit> {
    let (mut sum, mut weight, mut clearly) = (0.0, 0.0, 1.0f64);
    let (mut allowed, mut unclear) = (true, false);
    for Weighed { importance, weight: own, has_column, judged } in conditions {
        let degree = judged.degree?;
        match importance {
            Importance::Required => {
                clearly = clearly.min(degree);
                allowed &= judged.is_so;
            }
            Importance::Forbidden => {
                clearly = clearly.min(1.0 - degree);
                allowed &= !judged.is_so;
            }
            Importance::Typical => {}
        }
        unclear |= judged.at_edge && importance != Importance::Typical;
        if importance != Importance::Forbidden && has_column {
            sum += own * degree;
            weight += own;
        }
    }
    let score = if weight > 0.0 { sum / weight } else { 0.0 };
    unclear |= (score - EARNED_FROM).abs() <= 10.0 * EDGE;
    Some(Fit { score, confidence: clearly.min(score), earned: allowed && score >= EARNED_FROM, unclear })
}

pub(super) fn range(asked: &Asked) -> (f64, f64) {
    let all = (f64::NEG_INFINITY, f64::INFINITY);
    let (low, high) = match asked {
        Asked::Word(Word::VeryLow) => (None, Some(-1.0)),
        Asked::Word(Word::Low) => (None, Some(-1.0 / 3.0)),
        Asked::Word(Word::Average) => (Some(-1.0 / 3.0), Some(1.0 / 3.0)),
        Asked::Word(Word::High) => (Some(1.0 / 3.0), None),
        Asked::Word(Word::VeryHigh) => (Some(1.0), None),
        Asked::Lift(bounds) => (bounds.lift_at_least, bounds.lift_at_most),
        Asked::Index(bounds) => (bounds.index_at_least, bounds.index_at_most),
        Asked::Quantile(bounds) => (bounds.quantile_at_least, bounds.quantile_at_most),
        Asked::Bounds(bounds) => (bounds.at_least, bounds.at_most),
    };
    (low.unwrap_or(all.0), high.unwrap_or(all.1))
}

/// The quartile of all customers that a quantile is; none beyond the outer ones.
fn quartile(figures: &Figures, quantile: f64) -> Option<f64> {
    let at = [0.25, 0.5, 0.75].iter().position(|known| *known == quantile)?;
    figures.quartiles.get(at).copied().flatten()
}

/// What a median must be where quantiles are asked for, unless every cluster would be that.
fn limits(asked: &Asked, column: &Column) -> Option<Bounds> {
    let Asked::Quantile(bounds) = asked else { return None };
    let all = &column.overall;
    let at_least = bounds.quantile_at_least.map(|quantile| quartile(all, quantile));
    let at_most = bounds.quantile_at_most.map(|quantile| quartile(all, quantile));
    let known = at_least.is_none_or(|q| q.is_some()) && at_most.is_none_or(|q| q.is_some());
    let limits = Bounds { at_least: at_least.flatten(), at_most: at_most.flatten() };
    let every = limits.at_least.is_some_and(|low| all.min.is_some_and(|min| low <= min))
        || limits.at_most.is_some_and(|high| all.max.is_some_and(|max| high >= max));
    (known && !every).then_some(limits)
}

/// Whether a cluster's quartile on the side of the rest lies within the next quarter of all customers.
fn is_of_three_quarters(asked: &Asked, column: &Column, own: Option<&Figures>) -> bool {
    let Asked::Quantile(bounds) = asked else { return true };
    let Some(own) = own else { return false };
    let above = bounds.quantile_at_least.and_then(|quantile| quartile(&column.overall, quantile - 0.25));
    let below = bounds.quantile_at_most.and_then(|quantile| quartile(&column.overall, quantile + 0.25));
    above.is_none_or(|limit| own.quartiles[0].is_some_and(|lower| lower >= limit))
        && below.is_none_or(|limit| own.quartiles[2].is_some_and(|upper| upper <= limit))
}

/// The standings on whose side most customers must be.
fn side(asked: &Asked, (low, high): (f64, f64), around_average: bool, column: &Column) -> Option<(f64, f64)> {
    match asked {
        Asked::Bounds(_) | Asked::Quantile(_) => None,
        Asked::Index(_) if low > 100.0 => Some((of_index(column, low)? / 2.0, f64::INFINITY)),
        Asked::Index(_) if high < 100.0 => Some((f64::NEG_INFINITY, of_index(column, high)? / 2.0)),
        Asked::Index(_) => None,
        _ if around_average => Some((low, high)),
        _ if low > 0.0 => Some((0.0, f64::INFINITY)),
        _ => Some((f64::NEG_INFINITY, 0.0)),
    }
}
