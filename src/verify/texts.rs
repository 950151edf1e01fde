//! Columns of text and of booleans, counted again: how many customers of each cluster have which value.

use std::collections::BTreeMap;

use crate::report::{CategoryFigures, CategoryProfile, Summary};
use crate::store::SUMMARY;

use super::verdict::Verdict;

/// More values than this, or one of more bytes: the column is no category, and nothing of it is listed.
const VALUES_MAX: usize = 1000;
const BYTES_MAX: usize = 256;

/// Values that are listed of a cluster at most.
const LISTED_MAX: usize = 10;

/// One column, counted.
#[derive(Debug, Clone)]
pub(super) struct Values {
    n_clusters: usize,
    /// Customers per value, cluster by cluster; none once the column has proved to be no category.
    counts: Option<BTreeMap<String, Vec<u64>>>,
    present: Vec<u64>,
    sizes: Vec<u64>,
}

impl Values {
    pub fn none(n_clusters: usize) -> Values {
        let zeros = vec![0; n_clusters];
        Values { n_clusters, counts: Some(BTreeMap::new()), present: zeros.clone(), sizes: zeros }
    }

    /// A row of no cluster is passed over.
    pub fn add(&mut self, value: Option<&str>, cluster: usize) {
        let Some(size) = self.sizes.get_mut(cluster) else { return };
        *size += 1;
        let (Some(value), Some(present)) = (value, self.present.get_mut(cluster)) else { return };
        *present += 1;
        let Some(counts) = &mut self.counts else { return };
        if !counts.contains_key(value) {
            if value.len() > BYTES_MAX || counts.len() == VALUES_MAX {
                self.counts = None;
                return;
            }
            counts.insert(value.to_owned(), vec![0; self.n_clusters]);
        }
        if let Some(count) = counts.get_mut(value).and_then(|counts| counts.get_mut(cluster)) {
            *count += 1;
        }
    }

    /// The counts of one cluster, or of all.
    fn group(&self, cluster: Option<usize>) -> Group<'_> {
        let of = |counts: &[u64]| match cluster {
            Some(cluster) => counts.get(cluster).copied().unwrap_or_default(),
            None => counts.iter().sum(),
        };
        let values = self.counts.iter().flatten();
        let mut values: Vec<(&str, u64, u64)> = values
            .map(|(value, counts)| (value.as_str(), of(counts), counts.iter().sum()))
            .filter(|v| v.1 > 0)
            .collect();
        // Equally frequent ones stay in the order of their bytes.
        values.sort_by_key(|value| std::cmp::Reverse(value.1));
        let present = of(&self.present);
        Group { present, missing: of(&self.sizes) - present, all_present: self.present.iter().sum(), values }
    }
}

/// Customers of a cluster.
struct Group<'a> {
    present: u64,
    missing: u64,
    all_present: u64,
    /// Each value with its customers here and over all, the most frequent first.
    values: Vec<(&'a str, u64, u64)>,
}

pub(super) fn check(summary: &Summary, recounted: &[Values], verdict: &mut Verdict) {
    verdict.checked("values of text columns", 0);
    for (claimed, own) in summary.profile.categories.iter().zip(recounted) {
        let name = &claimed.name;
        let distinct = own.counts.as_ref().map(|counts| counts.len() as f64);
        let what = || format!("{name}, different values");
        verdict.compare(SUMMARY, what, claimed.distinct.map(|distinct| distinct as f64), distinct, 0.0);
        if claimed.clusters.len() != own.n_clusters {
            verdict.wrong(
                SUMMARY,
                format!("{name}, clusters"),
                claimed.clusters.len().to_string(),
                own.n_clusters.to_string(),
            );
            continue;
        }
        let groups =
            claimed.clusters.iter().enumerate().map(|(at, figures)| (format!("cluster {at}"), figures, Some(at)));
        let all = std::iter::once(("all customers".to_owned(), &claimed.overall, None));
        for (whose, figures, cluster) in all.chain(groups) {
            of_group(&format!("{whose}, {name}"), claimed, figures, &own.group(cluster), verdict);
        }
    }
}

fn of_group(whose: &str, column: &CategoryProfile, claimed: &CategoryFigures, own: &Group, verdict: &mut Verdict) {
    let mut same = |what: &str, claimed: f64, own: f64| {
        verdict.compare(SUMMARY, || format!("{whose}, {what}"), Some(claimed), Some(own), 0.0);
    };
    same("customers with a value", claimed.count as f64, own.present as f64);
    same("customers without one", claimed.missing as f64, own.missing as f64);
    let shown = own.values.iter().take(LISTED_MAX).take_while(|(_, count, _)| *count >= column.smallest_group).count();
    same("values listed", claimed.values.len() as f64, shown as f64);
    let present = own.present as f64;
    for (place, (claimed, (_, count, all))) in claimed.values.iter().zip(own.values.iter().take(shown)).enumerate() {
        same(&format!("customers of value {place}"), claimed.count as f64, *count as f64);
        let share = *count as f64 / present;
        same(&format!("share of value {place}"), claimed.share, share);
        same(&format!("index of value {place}"), claimed.index, 100.0 * share / (*all as f64 / own.all_present as f64));
    }
    let rest: u64 = own.values.iter().skip(shown).map(|(_, count, _)| count).sum();
    let (others, more) = (own.values.len() - shown, claimed.other.as_ref());
    same("other values", more.map_or(0.0, |other| other.values as f64), others as f64);
    same("customers of other values", more.map_or(0.0, |other| other.count as f64), rest as f64);
    if let Some(other) = more.filter(|_| own.present > 0) {
        same("share of other values", other.share, rest as f64 / present);
    }
    // A value is some customer's own; where it stands is said, not what it is.
    let others = claimed.values.iter().zip(&own.values).position(|(claimed, (own, ..))| claimed.value != *own);
    if let Some(place) = others {
        verdict.wrong(SUMMARY, format!("{whose}, value {place}"), "one", "another in the input");
    }
}
