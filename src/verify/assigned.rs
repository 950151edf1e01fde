//! The published rows: cluster, distance, margin and names, each name checked against that of its cluster.

use crate::error::{Error, Result};
use crate::observe::Observe;
use crate::report::Summary;
use crate::source::Request;
use crate::store::{ASSIGNMENTS, Run};

use super::verdict::Verdict;
use super::{SCAN, row_of};

/// Seed of the keys that ids are compared by; any will do.
pub(super) const KEY_SEED: u64 = 1;

/// Per row, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Assigned {
    /// `u16::MAX`: a cluster that does not exist.
    pub clusters: Vec<u16>,
    pub distances: Vec<f64>,
    pub margins: Vec<f64>,
    pub keys: Vec<u64>,
}

pub(super) fn read(run: &Run, summary: &Summary, verdict: &mut Verdict, observe: &Observe) -> Result<Assigned> {
    let source = run.assignments(observe)?;
    let numbers = ["cluster", "distance", "margin"].map(|name| source.column(name));
    let texts = ["persona", "second_persona"].map(|name| source.column(name));
    let request = Request {
        numbers: numbers.into_iter().collect::<Result<_>>()?,
        texts: texts.into_iter().collect::<Result<_>>()?,
        ids: true,
    };
    let mut rows = Assigned::default();
    verdict.checked("clusters and names of every row", source.n_rows());
    source.scan(&request, &SCAN, observe, &mut |wave| {
        for batch in wave {
            let [clusters, distances, margins] = batch.numbers.as_slice() else { return Err(unread()) };
            let [personas, seconds] = batch.texts.as_slice() else { return Err(unread()) };
            let first = rows.clusters.len();
            for (row, &cluster) in clusters.iter().enumerate() {
                let known = cluster >= 0.0 && cluster < summary.k as f64 && cluster.fract() == 0.0;
                rows.clusters.push(if known { cluster as u16 } else { u16::MAX });
                if !known {
                    verdict.wrong(ASSIGNMENTS, format!("cluster of row {}", first + row), cluster.to_string(), "none");
                }
            }
            let mut row = first;
            personas.each(|name| {
                let cluster = rows.clusters.get(row).and_then(|&at| summary.clusters.get(usize::from(at)));
                if let Some(cluster) = cluster
                    && name != Some(cluster.persona.as_str())
                {
                    let right = format!("{:?} for cluster {} in summary.json", cluster.persona, cluster.cluster);
                    verdict.wrong(
                        ASSIGNMENTS,
                        format!("persona of row {row}"),
                        format!("{:?}", name.unwrap_or("")),
                        right,
                    );
                }
                row += 1;
            });
            let mut row = first;
            seconds.each(|name| {
                let cluster = rows.clusters.get(row).and_then(|&at| summary.clusters.get(usize::from(at)));
                if cluster.is_some_and(|cluster| name != cluster.second_persona.as_deref()) {
                    verdict.wrong(&row_of(row), "second_persona", format!("{name:?}"), "another in summary.json");
                }
                row += 1;
            });
            rows.distances.extend_from_slice(distances);
            rows.margins.extend_from_slice(margins);
            let ids = batch.ids.as_ref().ok_or_else(unread)?;
            let from = rows.keys.len();
            rows.keys.resize(from + batch.n_rows, 0);
            ids.keys(KEY_SEED, &mut rows.keys[from..]);
        }
        Ok(())
    })?;
    Ok(rows)
}

fn unread() -> Error {
    Error::bug("a batch without the columns that were asked for")
}
