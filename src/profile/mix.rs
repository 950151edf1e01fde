//! Columns that are parts of one whole: which part of what a cluster spends goes where, and how that compares with all
//! customers.
//!
//! A share is a ratio of exact sums, Σ of the column over Σ of all columns of the mix, over the customers of the
//! cluster: customers who spend more weigh more. A missing value adds nothing. With sample weights the sums are
//! weighted, as means are.

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use super::exact::Totals;
use crate::features::ratio;

/// A cluster in which every index lies within these has no clear preference: a tenth more or less than all customers
/// is nothing to act on.
pub const NO_PREFERENCE: [f64; 2] = [90.0, 110.0];

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MixProfile {
    pub name: String,
    /// The parts, in the job's order; shares and indices are in this order too.
    pub columns: Vec<String>,
    /// The limits of the index within which there is no clear preference.
    pub no_preference: [f64; 2],
    /// Of all clustered rows: part of the whole per column, 0..=1; absent where there is nothing to take shares of.
    pub overall: Option<Vec<f64>>,
    /// By published number.
    pub clusters: Vec<MixFigures>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MixFigures {
    pub outcome: MixOutcome,
    /// Part of the cluster's whole per column, 0..=1.
    pub shares: Option<Vec<f64>>,
    /// 100 · share here / share over all, per column: 100 is like all. Absent for a column that is nothing over all.
    pub indices: Option<Vec<Option<f64>>>,
}

/// What a cluster's mix says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MixOutcome {
    /// Some index lies outside of the limits.
    Preference,
    NoClearPreference,
    /// The columns add up to 0 in this cluster.
    Nothing,
    /// A column's sum is negative in this cluster (more was returned than bought): parts of that mean nothing.
    Negative,
    /// Over all customers there are no shares to compare with.
    NothingToCompare,
}

/// The figures of one mix from the totals of its columns: per column those of every cluster, and of all of them.
pub(super) fn mix_profile(name: &str, columns: &[String], totals: &[&(Vec<Totals>, Totals)]) -> MixProfile {
    let n_clusters = totals.first().map_or(0, |(clusters, _)| clusters.len());
    let all = Whole::of(totals.iter().map(|(_, all)| all));
    let clusters = (0..n_clusters).map(|cluster| {
        let own = Whole::of(totals.iter().filter_map(|(clusters, _)| clusters.get(cluster)));
        let (own, all) = match (&own, &all) {
            (Err(outcome), _) => return MixFigures { outcome: *outcome, shares: None, indices: None },
            (Ok(own), Err(_)) => {
                return MixFigures { outcome: MixOutcome::NothingToCompare, shares: Some(own.shares()), indices: None };
            }
            (Ok(own), Ok(all)) => (own, all),
        };
        let indices = own.indices(all);
        let usual = |index: &f64| (NO_PREFERENCE[0]..=NO_PREFERENCE[1]).contains(index);
        let outcome =
            if indices.iter().flatten().all(usual) { MixOutcome::NoClearPreference } else { MixOutcome::Preference };
        MixFigures { outcome, shares: Some(own.shares()), indices: Some(indices) }
    });
    MixProfile {
        name: name.to_owned(),
        columns: columns.to_vec(),
        no_preference: NO_PREFERENCE,
        clusters: clusters.collect(),
        overall: all.as_ref().ok().map(Whole::shares),
    }
}

/// Sums that are not negative and whose whole is positive, in one common unit.
struct Whole {
    parts: Vec<BigInt>,
    whole: BigInt,
}

impl Whole {
    fn of<'a>(totals: impl Iterator<Item = &'a Totals> + Clone) -> Result<Whole, MixOutcome> {
        let lowest = totals.clone().map(|totals| totals.exponent).min().unwrap_or(0);
        let parts: Vec<BigInt> = totals.map(|totals| &totals.sum << (totals.exponent - lowest) as u64).collect();
        let whole: BigInt = parts.iter().sum();
        if parts.iter().any(|part| *part < BigInt::ZERO) {
            Err(MixOutcome::Negative)
        } else if whole == BigInt::ZERO {
            Err(MixOutcome::Nothing)
        } else {
            Ok(Whole { parts, whole })
        }
    }

    fn shares(&self) -> Vec<f64> {
        self.parts.iter().map(|part| ratio(part, self.whole.magnitude(), 0)).collect()
    }

    /// Correctly rounded; both wholes may be in units of their own.
    fn indices(&self, all: &Whole) -> Vec<Option<f64>> {
        let index = |(own, part): (&BigInt, &BigInt)| {
            let against = part * &self.whole;
            (against > BigInt::ZERO).then(|| ratio(&(own * &all.whole * 100), against.magnitude(), 0))
        };
        self.parts.iter().zip(&all.parts).map(index).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::ColumnSums;
    use super::*;

    /// One row per cluster and column.
    fn profile(columns: &[&[f64]]) -> MixProfile {
        let names: Vec<String> = (0..columns.len()).map(|i| format!("c{i}")).collect();
        let totals: Vec<(Vec<Totals>, Totals)> = columns
            .iter()
            .map(|values| {
                let labels: Vec<u16> = (0..values.len() as u16).collect();
                let mut sums = ColumnSums::zero(values.len());
                sums.add(values, &labels, None);
                sums.totals()
            })
            .collect();
        mix_profile("basket", &names, &totals.iter().collect::<Vec<_>>())
    }

    #[test]
    fn shares_and_indices_are_those_of_a_hand_calculation() {
        let found = profile(&[&[30.0, 10.0], &[10.0, 30.0]]);
        assert_eq!(found.overall, Some(vec![0.5, 0.5]));
        assert_eq!(found.clusters[0].shares, Some(vec![0.75, 0.25]));
        assert_eq!(found.clusters[0].indices, Some(vec![Some(150.0), Some(50.0)]));
        assert_eq!(found.clusters[0].outcome, MixOutcome::Preference);
    }

    #[test]
    fn there_is_no_clear_preference_where_every_index_lies_within_the_limits() {
        // 55 : 45 against 50 : 50 is 110 and 90, the limits themselves.
        let found = profile(&[&[55.0, 45.0], &[45.0, 55.0]]);
        assert_eq!(found.clusters[0].indices, Some(vec![Some(110.0), Some(90.0)]));
        assert!(found.clusters.iter().all(|cluster| cluster.outcome == MixOutcome::NoClearPreference));
        let found = profile(&[&[55.5, 44.5], &[44.5, 55.5]]);
        assert!(found.clusters.iter().all(|cluster| cluster.outcome == MixOutcome::Preference));
    }

    #[test]
    fn nothing_and_less_than_nothing_have_no_shares() {
        let found = profile(&[&[0.0, 8.0, -1.0], &[0.0, 8.0, 9.0]]);
        assert_eq!(found.clusters[0], MixFigures { outcome: MixOutcome::Nothing, shares: None, indices: None });
        assert_eq!(found.clusters[2], MixFigures { outcome: MixOutcome::Negative, shares: None, indices: None });
        assert_eq!(found.clusters[1].shares, Some(vec![0.5, 0.5]));
        assert_eq!(found.overall, Some(vec![7.0 / 24.0, 17.0 / 24.0]));

        let found = profile(&[&[1.0, -9.0], &[3.0, 5.0]]);
        assert_eq!(found.overall, None);
        assert_eq!(found.clusters[0].outcome, MixOutcome::NothingToCompare);
        assert_eq!((&found.clusters[0].shares, &found.clusters[0].indices), (&Some(vec![0.25, 0.75]), &None));
    }

    #[test]
    fn a_part_that_nobody_has_has_no_index() {
        let found = profile(&[&[1.0, 1.0], &[0.0, 0.0], &[1e-300, 3.0]]);
        assert_eq!(found.clusters[0].indices.as_ref().map(|indices| indices[1]), Some(None));
        assert_eq!(found.clusters[0].outcome, MixOutcome::Preference);
    }
}
