//! Conditions on quantiles: among which quarters of all customers a cluster's median lies.
//!
//! Nothing is estimated here: quartiles are exact. Half of a cluster lie at or above its median, so a median among the
//! highest quarter of all customers puts half of the cluster there. What is required must hold for most of a cluster;
//! here three quarters of it, which is what its own quartiles tell, must lie at least within the next quarter.

use crate::profile::{ColumnProfile, Quartiles};

use super::asked::{Asked, Bounds};

/// What the median must be, in the column's unit. None where quantiles are not what is asked, or where so many customers
/// share the least or the greatest value that every cluster would be what is asked.
pub(super) fn allowed(asked: &Asked, column: &ColumnProfile) -> Option<Bounds> {
    let Asked::Quantile(bounds) = asked else { return None };
    let all = column.overall.quartiles?;
    let (min, max) = (column.overall.min?, column.overall.max?);
    let limits = Bounds {
        at_least: bounds.quantile_at_least.and_then(|quantile| of(&all, quantile)),
        at_most: bounds.quantile_at_most.and_then(|quantile| of(&all, quantile)),
    };
    let says_something = limits.at_least.is_none_or(|low| low > min) && limits.at_most.is_none_or(|high| high < max);
    says_something.then_some(limits)
}

/// Whether three quarters of a cluster lie within the next quarter of what is asked; true where quantiles are not.
pub(super) fn is_of_most(asked: &Asked, column: &ColumnProfile, cluster: usize) -> bool {
    let Asked::Quantile(bounds) = asked else { return true };
    let own = column.clusters.get(cluster).and_then(|figures| figures.moments.quartiles);
    let (Some(all), Some(own)) = (column.overall.quartiles, own) else { return false };
    // Beyond the outer quartiles lie all customers.
    let above = bounds.quantile_at_least.and_then(|quantile| of(&all, quantile - 0.25));
    let below = bounds.quantile_at_most.and_then(|quantile| of(&all, quantile + 0.25));
    above.is_none_or(|limit| own.lower >= limit) && below.is_none_or(|limit| own.upper <= limit)
}

/// One of [`QUANTILES`](super::asked::QUANTILES); these numbers are exact in binary.
fn of(quartiles: &Quartiles, quantile: f64) -> Option<f64> {
    [(0.25, quartiles.lower), (0.5, quartiles.median), (0.75, quartiles.upper)]
        .into_iter()
        .find_map(|(known, value)| (known == quantile).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::QuantileBounds;
    use crate::profile::{ClusterFigures, Moments};

    fn quartiles(lower: f64, median: f64, upper: f64) -> Option<Quartiles> {
        Some(Quartiles { lower, median, upper })
    }

    fn column(all: Option<Quartiles>, own: Option<Quartiles>) -> ColumnProfile {
        let overall = Moments { min: Some(1.0), max: Some(100.0), quartiles: all, ..Moments::default() };
        let own = Moments { quartiles: own, ..Moments::default() };
        let clusters = vec![ClusterFigures { moments: own, ..ClusterFigures::default() }];
        ColumnProfile { name: "x".into(), overall, clusters, ..ColumnProfile::default() }
    }

    fn asked(quantile_at_least: Option<f64>, quantile_at_most: Option<f64>) -> Asked {
        Asked::Quantile(QuantileBounds { quantile_at_least, quantile_at_most })
    }

    #[test]
    fn the_limits_are_the_quartiles_of_all_customers() {
        let column = column(quartiles(10.0, 20.0, 30.0), quartiles(1.0, 2.0, 3.0));
        let limits =
            |least, most| allowed(&asked(least, most), &column).map(|limits| (limits.at_least, limits.at_most));
        assert_eq!(limits(Some(0.75), None), Some((Some(30.0), None)));
        assert_eq!(limits(Some(0.25), Some(0.5)), Some((Some(10.0), Some(20.0))));
        assert_eq!(allowed(&Asked::Bounds(Bounds { at_least: Some(0.5), at_most: None }), &column), None);
    }

    #[test]
    fn where_most_customers_share_a_value_nothing_can_be_told() {
        // Three quarters of all customers ordered once: every cluster is at or above that.
        let once = column(quartiles(1.0, 1.0, 1.0), quartiles(1.0, 1.0, 1.0));
        assert_eq!(allowed(&asked(Some(0.75), None), &once), None);
        assert!(allowed(&asked(None, Some(0.75)), &once).is_some(), "not all of them did");
        let same = column(None, None);
        assert_eq!(allowed(&asked(Some(0.5), None), &same), None);
    }

    #[test]
    fn three_quarters_of_a_cluster_lie_within_the_next_quarter() {
        let is_so = |own, least, most| is_of_most(&asked(least, most), &column(quartiles(10.0, 20.0, 30.0), own), 0);
        assert!(is_so(quartiles(20.0, 31.0, 90.0), Some(0.75), None));
        assert!(!is_so(quartiles(19.0, 31.0, 90.0), Some(0.75), None), "two kinds of customers");
        assert!(
            is_so(quartiles(1.0, 11.0, 90.0), Some(0.25), None),
            "below the lower quartile there is no further one"
        );
        assert!(is_so(quartiles(1.0, 9.0, 20.0), None, Some(0.25)));
        assert!(!is_so(quartiles(1.0, 9.0, 21.0), None, Some(0.25)));
        assert!(!is_so(None, Some(0.5), None));
    }
}
