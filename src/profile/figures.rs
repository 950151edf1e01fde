//! From exact sums to the figures that people read, and the types that carry them.

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use super::categories::CategoryProfile;
use super::column::{ColumnSums, Counts};
use super::derived::DerivedProfile;
use super::exact::Totals;
use super::mix::MixProfile;
use super::quartiles::Quartiles;
use crate::features::ratio;

/// What all clusters look like, in the user's units. Figures that do not exist (the mean of no values, a share of
/// nothing) are absent, never made up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// By published number.
    pub clusters: Vec<ClusterProfile>,
    /// The clustered columns in the order of the features, then those that are only described.
    pub columns: Vec<ColumnProfile>,
    /// The column that shares of value are computed from.
    pub value_column: Option<String>,
    /// What the job calls the currency of values, such as EUR.
    pub currency: Option<String>,
    /// Figures that follow from two columns and that no column holds.
    pub derived: Vec<DerivedProfile>,
    /// The `[profile]` columns of text and booleans, in the job's order.
    pub categories: Vec<CategoryProfile>,
    /// In the job's order.
    pub mixes: Vec<MixProfile>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterProfile {
    /// Rows.
    pub size: u64,
    /// Of all clustered rows, 0..=1.
    pub share: f64,
    /// Of the sum of all sample weights, 0..=1, where there are sample weights.
    pub weighted_share: Option<f64>,
    /// Of the sum of the value column over all clusters, where one is named and that sum is positive.
    pub value_share: Option<f64>,
}

/// What a column is used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnUse {
    /// Clustered on, and described.
    #[default]
    Feature,
    /// Described only.
    Described,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    pub name: String,
    #[serde(rename = "use")]
    pub column_use: ColumnUse,
    /// What its values are counted in, where the job says: days, EUR.
    pub unit: Option<String>,
    /// Over all clustered rows.
    pub overall: Moments,
    /// By published number.
    pub clusters: Vec<ClusterFigures>,
}

/// Count, mean, spread, range and quartiles of the values present, in the column's unit. With sample weights the mean
/// and the standard deviation are weighted; counts, range and quartiles are not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// Values present.
    pub count: u64,
    /// Rows without a finite value.
    pub missing: u64,
    pub mean: Option<f64>,
    /// Population standard deviation.
    pub standard_deviation: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub quartiles: Option<Quartiles>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterFigures {
    #[serde(flatten)]
    pub moments: Moments,
    /// (mean - overall mean) / overall standard deviation; absent for a constant column.
    pub lift: Option<f64>,
    /// 100 · mean / overall mean: 100 is like all. Only where nothing is negative and the overall mean is positive.
    pub index: Option<f64>,
}

/// How many rows the clusters hold and what they weigh.
#[derive(Debug, Clone, Default)]
pub(super) struct Sizes {
    pub(super) rows: Vec<u64>,
    /// Where there are sample weights.
    pub(super) weights: Option<Vec<u64>>,
}

impl Sizes {
    pub(super) fn of(n_clusters: usize, labels: &[u16], weights: Option<&[u16]>) -> Sizes {
        let mut rows = vec![0; n_clusters];
        labels.iter().for_each(|&label| rows[usize::from(label)] += 1);
        let weights = weights.map(|weights| {
            let mut sums = vec![0; n_clusters];
            labels.iter().zip(weights).for_each(|(&label, &weight)| sums[usize::from(label)] += u64::from(weight));
            sums
        });
        Sizes { rows, weights }
    }

    /// The clusters without their shares of value.
    pub(super) fn clusters(&self) -> Vec<ClusterProfile> {
        let share = |part: u64, parts: &[u64]| match parts.iter().sum::<u64>() {
            0 => 0.0,
            // Both are integers below 2^53, so this is correctly rounded.
            whole => part as f64 / whole as f64,
        };
        let weights = self.weights.as_deref();
        (0..self.rows.len())
            .map(|cluster| ClusterProfile {
                size: self.rows[cluster],
                share: share(self.rows[cluster], &self.rows),
                weighted_share: weights.map(|weights| share(weights[cluster], weights)),
                value_share: None,
            })
            .collect()
    }
}

/// The figures of one column, without its unit. `quartiles` are of every cluster and of all; `sizes` are the rows of
/// each cluster, missing values included.
pub(super) fn column_profile(
    name: &str,
    column_use: ColumnUse,
    sums: &ColumnSums,
    quartiles: (Vec<Option<Quartiles>>, Option<Quartiles>),
    sizes: &[u64],
) -> ColumnProfile {
    let (counts, all_counts) = sums.counts();
    let (totals, all_totals) = sums.totals();
    let overall = moments(&all_counts, &all_totals, quartiles.1, sizes.iter().sum());
    let positive = overall.min.is_some_and(|min| min >= 0.0) && overall.mean.is_some_and(|mean| mean > 0.0);
    let clusters = counts
        .iter()
        .zip(&totals)
        .zip(quartiles.0)
        .zip(sizes)
        .map(|(((counts, totals), quartiles), &size)| {
            let moments = moments(counts, totals, quartiles, size);
            let spread = overall.standard_deviation.filter(|&spread| spread > 0.0);
            let lift = spread
                .filter(|_| counts.weight > 0)
                .map(|spread| totals.mean_above(counts.weight, &all_totals, all_counts.weight) / spread);
            let index = match (moments.mean, overall.mean) {
                (Some(mean), Some(all)) if positive => Some(100.0 * mean / all),
                _ => None,
            };
            ClusterFigures { moments, lift, index }
        })
        .collect();
    ColumnProfile { name: name.to_owned(), column_use, unit: None, overall, clusters }
}

fn moments(counts: &Counts, totals: &Totals, quartiles: Option<Quartiles>, size: u64) -> Moments {
    let weighted = counts.weight > 0;
    Moments {
        count: counts.rows,
        missing: size - counts.rows,
        mean: weighted.then(|| totals.mean(counts.weight)),
        standard_deviation: weighted.then(|| totals.standard_deviation(counts.weight)),
        min: counts.range().map(|(min, _)| min),
        max: counts.range().map(|(_, max)| max),
        quartiles,
    }
}

/// Each cluster's part of the whole, from the exact sums of the value column in any common unit; `None` where the
/// whole is not positive, for a share of it would mean nothing. A cluster whose refunds outweigh its purchases has a
/// negative share.
pub fn value_shares(sums: &[BigInt]) -> Option<Vec<f64>> {
    let whole: BigInt = sums.iter().sum();
    if whole <= BigInt::ZERO {
        return None;
    }
    Some(sums.iter().map(|sum| ratio(sum, whole.magnitude(), 0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(name: &str, sums: &ColumnSums, sizes: &[u64]) -> ColumnProfile {
        column_profile(name, ColumnUse::Feature, sums, (vec![None; sizes.len()], None), sizes)
    }

    /// Customers per cluster and their average value, as whole numbers.
    fn percentages(customers: [i64; 4], averages: [i64; 4]) -> Vec<String> {
        let sums: Vec<BigInt> = customers.iter().zip(averages).map(|(&n, mean)| BigInt::from(n * mean)).collect();
        value_shares(&sums).unwrap().iter().map(|share| format!("{:.1}", 100.0 * share)).collect()
    }

    #[test]
    fn the_share_of_the_highest_spenders_is_a_fifth_not_more_than_half() {
        // A published report gave these sizes and averages, and 26, 3, 20 and 51 % beside them.
        let shares = percentages([51_758, 2_883, 38_261, 2_518], [103, 211, 103, 1_017]);
        assert_eq!(shares, ["42.9", "4.9", "31.7", "20.6"]);
    }

    #[test]
    fn revenue_shares_follow_from_sizes_and_averages() {
        // Likewise, with 60, 30, 8 and 2 %.
        let shares = percentages([25, 35, 30, 10], [2_500, 1_200, 500, 150]);
        assert_eq!(shares, ["51.7", "34.7", "12.4", "1.2"]);
    }

    #[test]
    fn a_whole_that_is_not_positive_has_no_shares() {
        assert_eq!(value_shares(&[BigInt::from(-3), BigInt::from(3)]), None);
        assert_eq!(value_shares(&[]), None);
        assert_eq!(value_shares(&[BigInt::from(-1), BigInt::from(3)]), Some(vec![-0.5, 1.5]));
    }

    #[test]
    fn the_figures_of_a_small_column_are_those_of_a_hand_calculation() {
        let mut sums = ColumnSums::zero(3);
        let labels = [0, 0, 1, 1, 1, super::super::DROPPED];
        sums.add(&[1.0, 3.0, 8.0, f64::NAN, 8.0, 1e9], &labels, None);
        let column = figures("spend", &sums, &[2, 3, 0]);
        let overall = &column.overall;
        assert_eq!((overall.count, overall.missing), (4, 1));
        assert_eq!((overall.mean, overall.standard_deviation), (Some(5.0), Some(9.5f64.sqrt())));
        assert_eq!((overall.min, overall.max), (Some(1.0), Some(8.0)));
        let first = &column.clusters[0];
        assert_eq!((first.moments.mean, first.moments.standard_deviation), (Some(2.0), Some(1.0)));
        assert_eq!((first.lift, first.index), (Some(-3.0 / 9.5f64.sqrt()), Some(40.0)));
        assert_eq!(column.clusters[1].moments.missing, 1);
        let empty = &column.clusters[2];
        assert_eq!((empty.moments.mean, empty.moments.min, empty.lift, empty.index), (None, None, None, None));
    }

    #[test]
    fn weights_move_means_and_leave_counts() {
        let mut sums = ColumnSums::zero(1);
        sums.add(&[1.0, 5.0, 100.0], &[0, 0, 0], Some(&[3, 1, 0]));
        let column = figures("x", &sums, &[3]);
        let moments = &column.clusters[0].moments;
        assert_eq!((moments.count, moments.mean, moments.max), (3, Some(2.0), Some(100.0)));
        assert_eq!(moments.standard_deviation, Some(3f64.sqrt()));
        let sizes = Sizes::of(2, &[0, 1, 1], Some(&[3, 1, 0])).clusters();
        assert_eq!((sizes[0].share, sizes[0].weighted_share), (1.0 / 3.0, Some(0.75)));
    }

    #[test]
    fn a_constant_column_has_no_lift_and_a_negative_one_no_index() {
        let mut sums = ColumnSums::zero(2);
        sums.add(&[4.0, 4.0], &[0, 1], None);
        let column = figures("x", &sums, &[1, 1]);
        assert_eq!((column.clusters[0].lift, column.clusters[0].index), (None, Some(100.0)));
        let mut sums = ColumnSums::zero(1);
        sums.add(&[-1.0, 3.0], &[0, 0], None);
        assert_eq!(figures("x", &sums, &[2]).clusters[0].index, None);
    }

    #[test]
    fn portions_order_and_merging_change_no_bit() {
        let n = 10_000u64;
        let value = |i: u64| f64::from_bits(0x3ff0_0000_0000_0000 ^ (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8)) - 1.5;
        let values: Vec<f64> = (0..n).map(|i| if i % 97 == 0 { -0.0 } else { value(i) * 1e6 }).collect();
        let labels: Vec<u16> = (0..n).map(|i| (i * 7 % 5) as u16).collect();
        let sizes = Sizes::of(5, &labels, None).rows;
        let profile = |sums: &ColumnSums| serde_json::to_string(&figures("x", sums, &sizes)).unwrap();
        let mut whole = ColumnSums::zero(5);
        whole.add(&values, &labels, None);
        for portion in [1, 3, 64, 999, 10_000] {
            let mut merged = ColumnSums::zero(5);
            for (values, labels) in values.chunks(portion).zip(labels.chunks(portion)).rev() {
                let mut part = ColumnSums::zero(5);
                part.add(values, labels, None);
                merged.merge(&part);
            }
            assert_eq!(profile(&merged), profile(&whole), "portions of {portion}");
        }
    }
}
