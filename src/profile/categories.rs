//! Columns of text and of booleans: how many customers of each cluster have which value, and how much more often than
//! customers in general.
//!
//! Customers are counted, each once: sample weights have no say. A column of names, notes or addresses is no category;
//! once it has too many values, or one that is too long, none of them is listed. What only a few customers share is
//! never listed by itself either, so that nobody is recognised in a report.

use std::collections::HashMap;

use num_bigint::{BigInt, BigUint};
use serde::{Deserialize, Serialize};

use super::column::DROPPED;
use crate::features::ratio;
use crate::source::Texts;

/// Different values from which on a column is no category; bounds what is kept in memory.
const DISTINCT_MAX: usize = 1000;

/// Bytes of a value from which on it is a note and no category.
const VALUE_BYTES_MAX: usize = 256;

/// Values listed per cluster; the others are summed.
const LISTED_MAX: usize = 10;

/// A column of text or booleans.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CategoryProfile {
    pub name: String,
    /// Different values; absent where there are more than 1,000 or one of more than 256 bytes: then the column is no
    /// category and nothing is listed.
    pub distinct: Option<u64>,
    /// Values of fewer customers than this, in a cluster or over all, are summed as other there.
    pub smallest_group: u64,
    /// Over all clustered rows.
    pub overall: CategoryFigures,
    /// By published number.
    pub clusters: Vec<CategoryFigures>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CategoryFigures {
    /// Customers that have a value.
    pub count: u64,
    pub missing: u64,
    /// The most frequent first, at most ten; equally frequent ones in the order of their bytes.
    pub values: Vec<CategoryCount>,
    /// What is not listed; absent where everything is, and where the column is no category.
    pub other: Option<OtherCount>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CategoryCount {
    pub value: String,
    /// Customers.
    pub count: u64,
    /// Of the customers that have a value, 0..=1.
    pub share: f64,
    /// 100 · share here / share over all: 100 is like all.
    pub index: f64,
}

/// Values that are too rare to be shown, or beyond the ten most frequent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OtherCount {
    /// How many different ones.
    pub values: u64,
    /// Customers.
    pub count: u64,
    /// Of the customers that have a value, 0..=1.
    pub share: f64,
}

/// Customers per value and cluster, in any order and any portions.
pub(super) struct CategoryCounts {
    n_clusters: usize,
    /// Customers that have a value.
    present: Vec<u64>,
    /// Customers per cluster by value; none once the column has proved to be no category.
    values: Option<HashMap<Box<str>, Vec<u64>>>,
}

impl CategoryCounts {
    pub(super) fn zero(n_clusters: usize) -> Self {
        Self { n_clusters, present: vec![0; n_clusters], values: Some(HashMap::new()) }
    }

    /// Adds a portion of rows with one label each; a row labelled [`DROPPED`] is skipped.
    pub(super) fn add(&mut self, texts: &Texts, labels: &[u16]) {
        let mut labels = labels.iter();
        texts.each(|value| {
            let label = labels.next().copied().unwrap_or(DROPPED);
            if let Some(value) = value.filter(|_| label != DROPPED) {
                self.add_one(value, usize::from(label));
            }
        });
    }

    fn add_one(&mut self, value: &str, cluster: usize) {
        self.present[cluster] += 1;
        let Some(values) = &mut self.values else { return };
        if let Some(counts) = values.get_mut(value) {
            counts[cluster] += 1;
        } else if value.len() > VALUE_BYTES_MAX || values.len() == DISTINCT_MAX {
            self.values = None;
        } else {
            let mut counts = vec![0; self.n_clusters];
            counts[cluster] = 1;
            values.insert(value.into(), counts);
        }
    }

    /// The figures. `sizes` are the rows of each cluster, missing values included.
    pub(super) fn profile(self, name: &str, sizes: &[u64], smallest_group: u64) -> CategoryProfile {
        let n_present = self.present.iter().sum();
        let mut values: Vec<Counted> = match &self.values {
            None => Vec::new(),
            Some(values) => values.iter().map(|(value, counts)| Counted::new(value, counts)).collect(),
        };
        values.sort_unstable_by_key(|counted| counted.value);
        let figures = |present: u64, size: u64, count: &dyn Fn(&Counted) -> u64| {
            let (listed, other) = listed(&values, count, present, n_present, smallest_group);
            CategoryFigures { count: present, missing: size - present, values: listed, other }
        };
        let clusters = sizes.iter().zip(&self.present).enumerate();
        CategoryProfile {
            name: name.to_owned(),
            distinct: self.values.as_ref().map(|values| values.len() as u64),
            smallest_group,
            overall: figures(n_present, sizes.iter().sum(), &|counted| counted.all),
            clusters: clusters.map(|(c, (&size, &present))| figures(present, size, &|of| of.clusters[c])).collect(),
        }
    }
}

/// A value with its customers.
struct Counted<'a> {
    value: &'a str,
    clusters: &'a [u64],
    all: u64,
}

impl<'a> Counted<'a> {
    fn new(value: &'a str, clusters: &'a [u64]) -> Self {
        Self { value, clusters, all: clusters.iter().sum() }
    }
}

/// The values that are shown of some customers, and the sum of the others. `values` are in the order of their bytes.
fn listed(
    values: &[Counted],
    count: &dyn Fn(&Counted) -> u64,
    present: u64,
    all_present: u64,
    smallest_group: u64,
) -> (Vec<CategoryCount>, Option<OtherCount>) {
    let mut found: Vec<&Counted> = values.iter().filter(|counted| count(counted) > 0).collect();
    found.sort_by_key(|counted| std::cmp::Reverse(count(counted)));
    let shown = found.iter().take(LISTED_MAX).take_while(|counted| count(counted) >= smallest_group).count();
    let rest = found.split_off(shown);
    let share = |count: u64| count as f64 / present as f64;
    let list = found.into_iter().map(|counted| CategoryCount {
        value: counted.value.to_owned(),
        count: count(counted),
        share: share(count(counted)),
        index: index((count(counted), present), (counted.all, all_present)),
    });
    let other = (!rest.is_empty()).then(|| {
        let count = rest.iter().map(|counted| count(counted)).sum();
        OtherCount { values: rest.len() as u64, count, share: share(count) }
    });
    (list.collect(), other)
}

/// 100 · (part / whole here) / (part / whole over all), correctly rounded.
fn index(here: (u64, u64), all: (u64, u64)) -> f64 {
    ratio(&(BigInt::from(100) * here.0 * all.1), &(BigUint::from(here.1) * all.0), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(rows: &[(&str, usize, usize)]) -> CategoryCounts {
        let mut counts = CategoryCounts::zero(2);
        for &(value, cluster, times) in rows {
            (0..times).for_each(|_| counts.add_one(value, cluster));
        }
        counts
    }

    #[test]
    fn values_are_ranked_by_customers_then_by_name_with_their_index() {
        let counts = counted(&[("web", 0, 30), ("store", 0, 30), ("web", 1, 10), ("fax", 1, 50)]);
        let profile = counts.profile("channel", &[61, 60], 20);
        assert_eq!(profile.distinct, Some(3));
        assert_eq!((profile.clusters[0].count, profile.clusters[0].missing), (60, 1));
        let shown: Vec<(&str, u64)> = profile.clusters[0].values.iter().map(|v| (v.value.as_str(), v.count)).collect();
        assert_eq!(shown, [("store", 30), ("web", 30)]);
        // Half of the cluster against a quarter, and a third, of all.
        assert_eq!(profile.clusters[0].values[0].index, 200.0);
        assert_eq!(profile.clusters[0].values[1].index, 150.0);
        assert_eq!(profile.clusters[0].other, None);
        assert_eq!(profile.overall.values[0].value, "fax");
        assert!(profile.overall.values.iter().all(|value| value.index == 100.0));
    }

    #[test]
    fn what_few_customers_share_is_summed_and_never_named() {
        let counts = counted(&[("a", 0, 20), ("b", 0, 19), ("c", 0, 1), ("b", 1, 20)]);
        let profile = counts.profile("country", &[40, 20], 20);
        let figures = &profile.clusters[0];
        assert_eq!(figures.values.len(), 1);
        assert_eq!(figures.other, Some(OtherCount { values: 2, count: 20, share: 0.5 }));
        assert_eq!(profile.overall.other, Some(OtherCount { values: 1, count: 1, share: 1.0 / 60.0 }));
        assert!(!serde_json::to_string(&profile).unwrap().contains("\"c\""));
        let alone = counted(&[("a", 0, 1)]).profile("country", &[1, 0], 1);
        assert_eq!(alone.clusters[0].values[0].value, "a");
        assert_eq!(alone.clusters[1], CategoryFigures::default());
    }

    #[test]
    fn beyond_the_ten_most_frequent_values_are_summed() {
        let names: Vec<String> = (0..LISTED_MAX + 1).map(|i| format!("v{i:02}")).collect();
        let rows: Vec<(&str, usize, usize)> = names.iter().map(|name| (name.as_str(), 0, 5)).collect();
        let profile = counted(&rows).profile("x", &[55, 0], 5);
        assert_eq!(profile.overall.values.len(), LISTED_MAX);
        assert_eq!(profile.overall.other.as_ref().map(|other| (other.values, other.count)), Some((1, 5)));
        assert_eq!(profile.overall.values[0].value, "v00");
    }

    #[test]
    fn a_column_of_too_many_or_too_long_values_lists_none_whatever_came_first() {
        let names: Vec<String> = (0..=DISTINCT_MAX).map(|i| i.to_string()).collect();
        let outcome = |rows: &[(&str, usize, usize)]| counted(rows).profile("x", &[5000, 5000], 1);
        let just: Vec<(&str, usize, usize)> = names[..DISTINCT_MAX].iter().map(|n| (n.as_str(), 0, 1)).collect();
        assert_eq!(outcome(&just).distinct, Some(DISTINCT_MAX as u64));
        let mut more: Vec<(&str, usize, usize)> = names.iter().map(|n| (n.as_str(), 1, 2)).collect();
        let found = outcome(&more);
        assert_eq!((found.distinct, found.overall.count), (None, 2 * (DISTINCT_MAX as u64 + 1)));
        assert!(found.overall.values.is_empty() && found.overall.other.is_none());
        more.reverse();
        assert_eq!(outcome(&more), found);

        let note = "x".repeat(VALUE_BYTES_MAX + 1);
        let rows = [("a", 0, 3), (note.as_str(), 0, 1), ("b", 1, 3)];
        assert_eq!(outcome(&rows).distinct, None);
        assert_eq!(outcome(&[rows[2], rows[1], rows[0]]), outcome(&rows));
        assert_eq!(outcome(&[(&note[1..], 0, 1)]).distinct, Some(1));
    }
}
