//! `assignments.parquet` on its own: clusters that exist, names that are those of their clusters, and how many rows each
//! cluster has.

use crate::error::{Error, Result};
use crate::observe::Observe;
use crate::report::Summary;
use crate::source::{Request, Source};
use crate::store::{ASSIGNMENTS, SUMMARY};

use super::verdict::Verdict;
use super::{ASSIGNED_SCAN, row_of};

/// What the file holds.
#[derive(Debug, Default)]
pub(super) struct Assigned {
    pub rows: u64,
    /// Per cluster; rows of clusters that do not exist are in none.
    pub sizes: Vec<u64>,
}

pub(super) fn read(source: &Source, summary: &Summary, verdict: &mut Verdict, observe: &Observe) -> Result<Assigned> {
    let request = Request {
        numbers: vec![source.column("cluster")?],
        texts: ["persona", "second_persona"].map(|name| source.column(name)).into_iter().collect::<Result<_>>()?,
        ..Request::default()
    };
    let mut found = Assigned { rows: 0, sizes: vec![0; summary.clusters.len()] };
    verdict.checked("clusters and names of every row", 3 * source.n_rows());
    source.scan(&request, &ASSIGNED_SCAN, observe, &mut |wave| {
        for batch in wave {
            let [clusters] = batch.numbers.as_slice() else { return Err(unread()) };
            let [personas, seconds] = batch.texts.as_slice() else { return Err(unread()) };
            for (row, &cluster) in (found.rows..).zip(clusters) {
                match number(cluster, summary.k).and_then(|at| found.sizes.get_mut(at)) {
                    Some(size) => *size += 1,
                    None => verdict.wrong(ASSIGNMENTS, format!("cluster of row {row}"), cluster.to_string(), "none"),
                }
            }
            let named = |row: u64| {
                let cluster = clusters.get((row - found.rows) as usize).and_then(|&cluster| number(cluster, summary.k));
                cluster.and_then(|at| summary.clusters.get(at))
            };
            let mut row = found.rows;
            personas.each(|name| {
                if let Some(cluster) = named(row).filter(|cluster| name != Some(cluster.persona.as_str())) {
                    let claimed = format!("{:?}", name.unwrap_or(""));
                    let right = format!("{:?} for cluster {} in {SUMMARY}", cluster.persona, cluster.cluster);
                    verdict.wrong(ASSIGNMENTS, format!("persona of row {row}"), claimed, right);
                }
                row += 1;
            });
            let mut row = found.rows;
            seconds.each(|name| {
                if named(row).is_some_and(|cluster| name != cluster.second_persona.as_deref()) {
                    let right = format!("another in {SUMMARY}");
                    verdict.wrong(&row_of(row), "second_persona", format!("{name:?}"), right);
                }
                row += 1;
            });
            found.rows += batch.n_rows as u64;
        }
        Ok(())
    })?;
    Ok(found)
}

/// A cluster's number, where it is one.
pub(super) fn number(cluster: f64, k: usize) -> Option<usize> {
    (cluster >= 0.0 && cluster < k as f64 && cluster.fract() == 0.0).then_some(cluster as usize)
}

pub(super) fn unread() -> Error {
    Error::bug("a batch without the columns that were asked for")
}
