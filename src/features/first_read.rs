//! The first read of a source: statistics, order keys, weights, counts; and the values themselves where there is memory
//! to keep them.

use rayon::prelude::*;

use crate::error::{Error, Place, Result};
use crate::job::DuplicateIds;
use crate::source::{self, Batch, Rising, Uniqueness};

use super::fit::{self, ColumnFacts};
use super::load::{Loader, RowCounts};
use super::rows::{self, Ids, Reading, Rows};
use super::sample_weight::WeightFacts;
use super::stored::Stored;
use super::wave::Wave;
use super::ways::Reads;

/// What the first read leaves behind.
pub struct First {
    pub facts: Vec<ColumnFacts>,
    pub keys: Vec<u64>,
    pub rising: Rising,
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
            rising: Rising::default(),
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
            add_keys(&mut first.keys, &wave, self.job.cluster.seed);
            wave.iter().filter_map(|(batch, _)| batch.ids.as_ref()).for_each(|ids| first.rising.add(ids));
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
        Ok(())
    }

    /// The order keys, once no two rows share an id. Where two ids happen to share a key, all keys are made anew with
    /// another seed, so that no tie is left to the position of rows.
    pub fn distinct(&self, mut keys: Vec<u64>, rising: &Rising) -> Result<Vec<u64>> {
        let settings = &self.job.source;
        if rising.holds() || settings.id.is_none() || settings.duplicate_ids == DuplicateIds::Keep {
            return Ok(keys);
        }
        let mut seed = self.job.cluster.seed;
        for _ in 0..SEEDS_MAX {
            match source::check_unique(self.source, seed, &keys, &self.settings, self.observe)? {
                Uniqueness::Unique => return Ok(keys),
                Uniqueness::KeysCollide => seed = seed.wrapping_add(SEED_STRIDE),
            }
            keys.clear();
            let fills = self.plan.given_fills();
            let reading = Reading::new(self.plan, &fills, Ids::Read, |_| false);
            reading.scan(self.source, &self.settings, self.observe, &mut |wave| {
                add_keys(&mut keys, &wave, seed);
                Ok(())
            })?;
        }
        Err(Error::bad_data("the ids share order keys with every seed that was tried").hint("choose another `seed`"))
    }
}

/// Seeds tried until no two ids share a key. A billion text ids share one with a chance of 1 in 40 per seed.
const SEEDS_MAX: usize = 8;

/// From one seed to the next: 2^64 over the golden ratio.
const SEED_STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Appends the order keys of a wave's kept rows.
fn add_keys(keys: &mut Vec<u64>, wave: &[(Batch, Rows)], seed: u64) {
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
            None => ids.keys(seed, out),
            Some(kept) => {
                let mut all = vec![0; batch.n_rows];
                ids.keys(seed, &mut all);
                source::compact(&mut all, kept);
                out.copy_from_slice(&all);
            }
        }
    });
}
