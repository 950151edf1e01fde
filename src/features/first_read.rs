//! The first read of a source: statistics, order keys, weights, counts; and the values themselves where there is memory
//! to keep them.

use rayon::prelude::*;

use crate::error::{Error, Place, Result};
use crate::source::Batch;

use super::fit::{self, ColumnFacts};
use super::load::{Loader, RowCounts};
use super::panels::{Stored, Wave};
use super::rows::{self, Ids, Reading, Rows};
use super::sample_weight::WeightFacts;
use super::ways::Reads;

/// What the first read leaves behind.
pub struct First {
    pub facts: Vec<ColumnFacts>,
    pub keys: Vec<u64>,
    pub counts: RowCounts,
    pub weight_facts: WeightFacts,
    /// Where the smallest positive weight stands.
    smallest_weight: Option<Place>,
    /// With one read: the values, and the weights of their rows.
    pub stored: Option<Stored>,
    pub weights: Option<Vec<f64>>,
}

impl Loader<'_> {
    pub fn first_read(&self, reads: Reads) -> Result<First> {
        let n_features = self.plan.n_features();
        let room = usize::try_from(self.source.n_rows()).map_err(|_| Error::bad_data("more rows than memory has"))?;
        let mut first = First {
            facts: vec![ColumnFacts::default(); n_features],
            keys: Vec::with_capacity(room),
            counts: RowCounts::default(),
            weight_facts: WeightFacts::default(),
            smallest_weight: None,
            stored: (reads == Reads::One).then(|| Stored::with_room(room, n_features)),
            weights: self.plan.weight.filter(|_| reads == Reads::One).map(|_| Vec::with_capacity(room)),
        };
        let mut dropped = vec![0; n_features];
        let fills = self.plan.given_fills();
        let reading = Reading::new(self.plan, &fills, Ids::Read, |_| true);
        reading.scan(self.source, &self.settings, self.observe, &mut |wave| {
            self.add_keys(&mut first.keys, &wave);
            self.add_weights(&mut first, &wave);
            let rows: Vec<Rows> = wave.into_iter().map(|(_, rows)| rows).collect();
            fit::add_wave(self.plan, &mut first.facts, &rows);
            let start = first.counts.kept as usize;
            for rows in &rows {
                first.counts.read += rows.n_read as u64;
                first.counts.kept += rows.n_rows as u64;
                dropped.iter_mut().zip(&rows.dropped).for_each(|(a, b)| *a += b);
            }
            if let Some(stored) = &mut first.stored {
                stored.append(&Wave::new(start, &rows));
            }
            Ok(())
        })?;
        let reasons = self.plan.features.iter().zip(dropped).filter(|(_, n)| *n > 0);
        first.counts.dropped = reasons.map(|(f, n)| (format!("no value in column {:?}", f.column), n)).collect();
        Ok(first)
    }

    /// Appends the order keys of a wave's kept rows.
    fn add_keys(&self, keys: &mut Vec<u64>, wave: &[(Batch, Rows)]) {
        let start = keys.len();
        keys.resize(start + wave.iter().map(|(_, rows)| rows.n_rows).sum::<usize>(), 0);
        let mut rest = &mut keys[start..];
        let mut tasks = Vec::with_capacity(wave.len());
        for (batch, rows) in wave {
            let (mine, others) = std::mem::take(&mut rest).split_at_mut(rows.n_rows);
            rest = others;
            tasks.push((batch, rows, mine));
        }
        tasks.into_par_iter().for_each(|(batch, rows, out)| {
            let Some(ids) = &batch.ids else { return };
            match &rows.kept {
                None => ids.keys(self.job.cluster.seed, out),
                Some(kept) => {
                    let mut all = vec![0; batch.n_rows];
                    ids.keys(self.job.cluster.seed, &mut all);
                    rows::compact(&mut all, kept);
                    out.copy_from_slice(&all);
                }
            }
        });
    }

    fn add_weights(&self, first: &mut First, wave: &[(Batch, Rows)]) {
        for (batch, rows) in wave {
            let Some(weights) = &rows.weights else { continue };
            let before = first.weight_facts.smallest;
            first.weight_facts.add(weights);
            let smallest = first.weight_facts.smallest;
            if smallest < before
                && let Some(row) = weights.iter().position(|w| *w == smallest)
            {
                let row = rows::nth_kept(rows.kept.as_deref(), row);
                first.smallest_weight = Some(self.source.place(batch, self.plan.weight, row));
            }
            if let Some(all) = &mut first.weights {
                all.extend_from_slice(weights);
            }
        }
    }

    /// Whether there is anything to work on.
    pub fn check(&self, first: &First) -> Result<()> {
        if first.counts.read == 0 {
            return Err(Error::bad_data("there are no rows"));
        }
        if first.counts.kept == 0 {
            return Err(Error::bad_data("every row was left out, because each misses some value")
                .hint("use \"mean\", \"median\" or a number as `missing` for the columns with many missing values"));
        }
        if self.plan.weight.is_some() {
            let facts = &first.weight_facts;
            if facts.largest == 0.0 {
                return Err(Error::bad_data("every sample weight is 0").hint("at least one row must count"));
            }
            if facts.step().round(facts.smallest) == 0 {
                return Err(Error::bad_data(
                    "a positive sample weight is so small beside the largest that it would count for nothing",
                )
                .at(first.smallest_weight.clone().unwrap_or_default())
                .hint("the largest weight may be 65,535 times the smallest; set tiny weights to 0 if that is meant"));
            }
        }
        if self.job.source.duplicate_ids == DuplicateIds::Refuse {
            // Placeholder for the check of S.
        }
        Ok(())
    }
}
