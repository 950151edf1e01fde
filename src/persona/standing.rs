//! How far a cluster stands from all customers in one column: the number that every condition is judged on.
//!
//! For most columns it is the lift: the distance of the means in standard deviations of the customers. Money and
//! counts are different: a few large customers stretch the standard deviation so far that no cluster could ever be
//! low. A column without negative values whose standard deviation exceeds its mean is skewed for certain (no symmetric
//! one can be like that), and there people think in multiples: half of the average is as far below as twice the
//! average is above. Its standing is the logarithm of the multiple over the standard deviation that logarithms have in
//! a log-normal column of the same mean and spread, sqrt(ln(1 + (sd / mean)²)), which makes the two scales alike.

use serde::{Deserialize, Serialize};

use crate::profile::ColumnProfile;

use super::words::{NOTABLE, Word};

/// A standing is kept within this; a mean of 0 in a skewed column would lie at minus infinity.
const STANDING_MAX: f64 = 10.0;

/// How a standing is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The lift, in standard deviations.
    Deviations,
    /// Multiples of the average, on a logarithmic scale: for skewed columns.
    Multiples,
}

/// How far a cluster stands from all customers in one column. 0: like all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    pub value: f64,
    pub measure: Measure,
}

impl Standing {
    /// `None` where the cluster has no values, or all customers have the same one.
    pub fn of(column: &ColumnProfile, cluster: usize) -> Option<Standing> {
        let figures = column.clusters.get(cluster)?;
        let (mean, spread) = (column.overall.mean?, column.overall.standard_deviation?);
        let (own, lift) = (figures.moments.mean?, figures.lift?);
        let skewed = column.overall.min? >= 0.0 && spread > mean;
        let (value, measure) = if skewed {
            (libm::log(own / mean) / log_spread(spread / mean), Measure::Multiples)
        } else {
            (lift, Measure::Deviations)
        };
        Some(Standing { value: value.clamp(-STANDING_MAX, STANDING_MAX), measure })
    }

    /// The standing that an index means in a column where nothing is negative; 100 is 0.
    pub(super) fn of_index(column: &ColumnProfile, index: f64) -> Option<f64> {
        let (mean, spread) = (column.overall.mean?, column.overall.standard_deviation?);
        let value = match spread > mean {
            true => libm::log(index / 100.0) / log_spread(spread / mean),
            false => (index / 100.0 - 1.0) * mean / spread,
        };
        (value.is_finite() && column.overall.min? >= 0.0).then_some(value)
    }

    /// An estimate of the share of a cluster's customers who stand within a range, from the cluster's mean and standard
    /// deviation as if they were normal on the scale of the standing. Two kinds of customers in one cluster show here:
    /// its average is what neither of them is. `None` where there is no standing.
    pub(super) fn share_within(column: &ColumnProfile, cluster: usize, range: (f64, f64)) -> Option<f64> {
        let standing = Standing::of(column, cluster)?;
        let own = &column.clusters.get(cluster)?.moments;
        let (mean, own_mean) = (column.overall.mean?, own.mean?);
        let (spread, own_spread) = (column.overall.standard_deviation?, own.standard_deviation?);
        let width = match standing.measure {
            Measure::Deviations => own_spread / spread,
            Measure::Multiples if own_mean > 0.0 => log_spread(own_spread / own_mean) / log_spread(spread / mean),
            Measure::Multiples => 0.0,
        };
        let below = |edge: f64| match edge - standing.value {
            distance if width > 0.0 => 0.5 * libm::erfc(-distance / (width * std::f64::consts::SQRT_2)),
            distance if distance >= 0.0 => 1.0,
            _ => 0.0,
        };
        Some(below(range.1) - if range.0.is_finite() { below(range.0) } else { 0.0 })
    }

    /// Whether any cluster is high or low in a column. Where none is, the column does not set the clusters apart.
    pub(super) fn tells_apart(column: &ColumnProfile) -> bool {
        (0..column.clusters.len())
            .filter_map(|cluster| Standing::of(column, cluster))
            .any(|standing| standing.value.abs() >= NOTABLE)
    }
}

/// The standard deviation of the logarithm of a log-normal column, from its standard deviation over its mean.
fn log_spread(variation: f64) -> f64 {
    libm::log(1.0 + variation * variation).sqrt()
}

/// One column in which a cluster differs, with the word for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distinction {
    pub column: String,
    pub word: Word,
    pub standing: Standing,
    /// In the user's units.
    pub mean: f64,
    pub overall_mean: f64,
}

impl Distinction {
    pub fn of(column: &ColumnProfile, cluster: usize) -> Option<Distinction> {
        let standing = Standing::of(column, cluster)?;
        Some(Distinction {
            column: column.name.clone(),
            word: Word::of(standing.value),
            standing,
            mean: column.clusters.get(cluster)?.moments.mean?,
            overall_mean: column.overall.mean?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{ClusterFigures, ColumnUse, Moments};

    fn column(overall: (f64, f64, f64), means: &[f64]) -> ColumnProfile {
        let (min, mean, spread) = overall;
        let moments = |mean| Moments {
            count: 10,
            missing: 0,
            mean: Some(mean),
            standard_deviation: Some(spread),
            min: Some(min),
            max: Some(1e9),
            ..Moments::default()
        };
        let figures = |&own: &f64| ClusterFigures {
            moments: moments(own),
            lift: (spread > 0.0).then(|| (own - mean) / spread),
            index: None,
        };
        ColumnProfile {
            name: "x".into(),
            column_use: ColumnUse::Feature,
            overall: moments(mean),
            clusters: means.iter().map(figures).collect(),
            ..ColumnProfile::default()
        }
    }

    #[test]
    fn half_and_twice_the_average_stand_equally_far_in_a_skewed_column() {
        let column = column((0.0, 100.0, 230.0), &[50.0, 200.0, 100.0, 0.0]);
        let standing = |cluster| Standing::of(&column, cluster).unwrap();
        assert_eq!(standing(0).measure, Measure::Multiples);
        assert_eq!(standing(0).value, -standing(1).value);
        assert_eq!(standing(2).value, 0.0);
        assert_eq!(standing(3).value, -STANDING_MAX);
    }

    #[test]
    fn an_even_column_is_measured_in_standard_deviations() {
        let even = column((0.0, 100.0, 60.0), &[70.0]);
        assert_eq!(Standing::of(&even, 0), Some(Standing { value: -0.5, measure: Measure::Deviations }));
        let negative = column((-1.0, 100.0, 230.0), &[215.0]);
        assert_eq!(Standing::of(&negative, 0), Some(Standing { value: 0.5, measure: Measure::Deviations }));
    }

    #[test]
    fn an_index_is_the_standing_of_a_cluster_with_that_index() {
        for spread in [60.0, 230.0] {
            let column = column((0.0, 100.0, spread), &[350.0]);
            let (of_index, own) =
                (Standing::of_index(&column, 350.0).unwrap(), Standing::of(&column, 0).unwrap().value);
            assert!((of_index - own).abs() < 1e-12, "{of_index} {own}");
        }
        assert_eq!(Standing::of_index(&column((-1.0, 100.0, 60.0), &[350.0]), 350.0), None);
    }

    #[test]
    fn two_kinds_of_customers_in_one_cluster_show_in_its_spread() {
        let mut column = column((0.0, 100.0, 50.0), &[130.0, 130.0]);
        column.clusters[0].moments.standard_deviation = Some(10.0);
        column.clusters[1].moments.standard_deviation = Some(80.0);
        let share = |cluster, range| Standing::share_within(&column, cluster, range).unwrap();
        let above = (0.0, f64::INFINITY);
        assert!((share(0, above) - 0.99865).abs() < 1e-5, "three deviations: {}", share(0, above));
        assert!((share(1, above) - 0.6462).abs() < 1e-4, "{}", share(1, above));
        assert_eq!(share(0, (f64::NEG_INFINITY, f64::INFINITY)), 1.0);
        assert_eq!(share(0, (0.6, f64::INFINITY)), 0.5, "the mean is in the middle");
    }

    #[test]
    fn a_constant_column_sets_nobody_apart() {
        assert_eq!(Standing::of(&column((3.0, 3.0, 0.0), &[3.0]), 0), None);
    }
}
