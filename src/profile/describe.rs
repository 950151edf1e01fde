//! The last read of the source: exactly the columns that are described, row by row with the label each row got. Where
//! memory cannot hold the values of all columns, it is several reads of some columns each.

use std::borrow::Cow;
use std::time::Instant;

use num_bigint::BigInt;
use rayon::prelude::*;

use super::categories::CategoryCounts;
use super::column::DROPPED;
use super::derived::{DerivedProfile, Formula, formulas};
use super::exact::Totals;
use super::figures::{ClusterProfile, ColumnProfile, ColumnUse, Profile, Sizes, column_profile, value_shares};
use super::mix::{MixProfile, mix_profile};
use super::plan::{Described, DescribedText, Plan};
use super::rows::ColumnRows;
use crate::error::{Error, Result};
use crate::features::FeatureModel;
use crate::job::Job;
use crate::observe::{Event, Observe};
use crate::source::{Batch, Request, ScanSettings, Source};

const STAGE: &str = "profile";

/// Bytes a wave may hold: enough row groups for all cores, little beside everything else the run keeps.
const WAVE_BYTES_MAX: u64 = 64 << 20;

/// Describes every cluster in every clustered column, every `[profile]` column and mix, the value column, and the
/// columns that the job gives to roles.
///
/// `labels` are published numbers, one per kept row in the order of the source, and so are `weights`. `roles` are
/// (role, column) pairs as far as a column is known: derived figures are made of them.
pub fn describe(
    source: &Source,
    job: &Job,
    features: &FeatureModel,
    roles: &[(String, String)],
    labels: &[u16],
    weights: Option<&[u16]>,
    n_clusters: usize,
    observe: &Observe,
) -> Result<Profile> {
    let described = describe_and_keep(source, job, features, roles, labels, weights, n_clusters, &[], observe)?;
    Ok(described.0)
}

/// The same, and the values of some rows in every clustered column, in the order of the features. `picked` are kept rows,
/// ascending.
pub fn describe_and_keep(
    source: &Source,
    job: &Job,
    features: &FeatureModel,
    roles: &[(String, String)],
    labels: &[u16],
    weights: Option<&[u16]>,
    n_clusters: usize,
    picked: &[usize],
    observe: &Observe,
) -> Result<(Profile, Vec<Vec<f64>>)> {
    let started = Instant::now();
    observe.event(Event::StageStarted { stage: STAGE });
    let plan = Plan::new(source, job, features, roles)?;
    let sizes = Sizes::of(n_clusters, labels, weights);
    let memory = (job.engine.memory / 8).clamp(1, WAVE_BYTES_MAX);
    let settings = ScanSettings { chunk_rows: job.engine.chunk_rows, memory };
    let rows = Rows { source, settings, features, dropping: &plan.dropping, labels, weights, picked, observe };

    let mut columns = Vec::with_capacity(plan.columns.len());
    let mut totals = Vec::with_capacity(plan.columns.len());
    let mut kept: Vec<Vec<f64>> = Vec::new();
    let mut texts: Vec<CategoryCounts> = plan.texts.iter().map(|_| CategoryCounts::zero(n_clusters)).collect();
    for group in plan.columns.chunks(plan.columns_per_read(job, labels.len() as u64, memory)) {
        let first = columns.is_empty();
        let (texts, wanted) = if first { (&mut texts[..], &plan.texts[..]) } else { (&mut [][..], &[][..]) };
        for (column, totals_of) in rows.read(group, wanted, texts, &mut kept, &sizes)? {
            columns.push(column);
            totals.push(totals_of);
        }
    }
    let texts = texts.into_iter().zip(&plan.texts);
    let categories =
        texts.map(|(counts, text)| counts.profile(&text.name, &sizes.rows, job.profile.smallest_group)).collect();
    let found = Found { job, plan: &plan, columns: &columns, totals: &totals, observe };
    let profile = Profile {
        clusters: found.clusters(&sizes),
        value_column: job.persona.value.clone(),
        currency: job.profile.currency.clone(),
        derived: found.derived(roles),
        categories,
        mixes: found.mixes(),
        columns,
    };
    observe.event(Event::StageFinished {
        stage: STAGE,
        rows: source.n_rows(),
        bytes: source.n_rows().saturating_mul(8 * plan.columns.len() as u64),
        milliseconds: started.elapsed().as_secs_f64() * 1e3,
    });
    Ok((profile, kept))
}

/// Exact totals of a column: those of every cluster, and of all of them.
type ColumnTotals = (Vec<Totals>, Totals);

/// The rows of the source with their labels.
struct Rows<'a> {
    source: &'a Source,
    settings: ScanSettings,
    features: &'a FeatureModel,
    dropping: &'a [usize],
    labels: &'a [u16],
    weights: Option<&'a [u16]>,
    picked: &'a [usize],
    observe: &'a Observe,
}

impl Rows<'_> {
    /// Reads some columns; gives back the figures of each, adds the texts to their counts, and appends to `kept` the values
    /// of the picked rows in each of these columns that is a feature.
    fn read(
        &self,
        columns: &[Described],
        texts: &[DescribedText],
        counts: &mut [CategoryCounts],
        kept: &mut Vec<Vec<f64>>,
        sizes: &Sizes,
    ) -> Result<Vec<(ColumnProfile, ColumnTotals)>> {
        let weighted = self.weights.is_some();
        let mut kept_rows: Vec<ColumnRows> =
            columns.iter().map(|_| ColumnRows::with_room(&sizes.rows, weighted)).collect();
        let coded = self.dropping.iter().copied().chain(columns.iter().map(|column| column.column)).collect();
        let texts = texts.iter().map(|text| text.column).collect();
        let request = Request { coded, texts, ..Request::default() };
        let n_features = columns.iter().filter(|column| column.column_use == ColumnUse::Feature).count();
        let mut picked = vec![Vec::with_capacity(self.picked.len()); n_features];
        let mut row = 0;
        self.source.scan(&request, &self.settings, self.observe, &mut |wave| {
            let mut labelled = Vec::with_capacity(wave.len());
            for batch in &wave {
                let rows = Labelled::of(batch, self.features, self.labels.get(row..), self.weights_from(row))?;
                let wanted = rows.places(self.picked_between(row, row + rows.n_kept), row);
                for (values, numbers) in picked.iter_mut().zip(batch.coded.iter().skip(self.dropping.len())) {
                    values.extend(wanted.iter().map(|&at| numbers.at(at)));
                }
                row += rows.n_kept;
                labelled.push(rows);
            }
            let numbers = || {
                kept_rows.par_iter_mut().enumerate().for_each(|(at, kept)| {
                    for (batch, rows) in wave.iter().zip(&labelled) {
                        if let Some(numbers) = batch.coded.get(self.dropping.len() + at) {
                            kept.add(numbers, &rows.labels, rows.weights.as_deref());
                        }
                    }
                });
            };
            let texts = || {
                counts.par_iter_mut().enumerate().for_each(|(at, counts)| {
                    for (batch, rows) in wave.iter().zip(&labelled) {
                        if let Some(texts) = batch.texts.get(at) {
                            counts.add(texts, &rows.labels);
                        }
                    }
                });
            };
            rayon::join(numbers, texts);
            Ok(())
        })?;
        if row != self.labels.len() {
            return Err(changed());
        }
        kept.append(&mut picked);
        let figures = columns.par_iter().zip(kept_rows).map(|(column, rows)| {
            let (sums, quartiles) = rows.finish();
            let profile = column_profile(&column.name, column.column_use, &sums, quartiles, &sizes.rows);
            (ColumnProfile { unit: column.unit.clone(), ..profile }, sums.totals())
        });
        Ok(figures.collect())
    }

    fn picked_between(&self, from: usize, to: usize) -> &[usize] {
        let at = |row: usize| self.picked.partition_point(|&picked| picked < row);
        &self.picked[at(from)..at(to)]
    }

    fn weights_from(&self, row: usize) -> Option<&[u16]> {
        self.weights.and_then(|weights| weights.get(row..))
    }
}

/// What was read, and what follows from it.
struct Found<'a> {
    job: &'a Job,
    plan: &'a Plan,
    columns: &'a [ColumnProfile],
    totals: &'a [ColumnTotals],
    observe: &'a Observe,
}

impl Found<'_> {
    fn totals(&self, name: &str) -> Option<&ColumnTotals> {
        self.totals.get(self.plan.position(name)?)
    }

    /// Sizes, with shares of value where there is a value column.
    fn clusters(&self, sizes: &Sizes) -> Vec<ClusterProfile> {
        let mut clusters = sizes.clusters();
        let Some(name) = &self.job.persona.value else { return clusters };
        let sums: Option<Vec<BigInt>> =
            self.totals(name).map(|(totals, _)| totals.iter().map(|totals| totals.sum.clone()).collect());
        match sums.as_deref().and_then(value_shares) {
            Some(shares) => clusters.iter_mut().zip(shares).for_each(|(c, share)| c.value_share = Some(share)),
            None => self
                .observe
                .warn_data(format!("the sum of column {name:?} is not positive, so there are no shares of value")),
        }
        let missing = self.columns.iter().find(|column| column.name == *name).map_or(0, |c| c.overall.missing);
        if missing > 0 {
            self.observe
                .warn_data(format!("{missing} rows have no value in column {name:?}: shares of value count them as 0"));
        }
        clusters
    }

    fn derived(&self, roles: &[(String, String)]) -> Vec<DerivedProfile> {
        let unit_of = |name: &str| self.plan.columns.get(self.plan.position(name)?)?.unit.clone();
        let profile =
            |formula: &Formula| Some(formula.profile(self.totals(&formula.above)?, self.totals(&formula.below)?));
        formulas(roles, unit_of).iter().filter_map(profile).collect()
    }

    fn mixes(&self) -> Vec<MixProfile> {
        let profile = |mix: &crate::job::Mix| {
            let totals: Option<Vec<&ColumnTotals>> = mix.columns.iter().map(|name| self.totals(name)).collect();
            Some(mix_profile(&mix.name, &mix.columns, &totals?))
        };
        self.job.profile.mix.iter().filter_map(profile).collect()
    }
}

/// The labels and weights of a batch's rows; those that the features left out are marked.
struct Labelled<'a> {
    labels: Cow<'a, [u16]>,
    weights: Option<Cow<'a, [u16]>>,
    n_kept: usize,
}

impl<'a> Labelled<'a> {
    /// `labels` and `weights` start at the batch's first kept row.
    fn of(
        batch: &Batch,
        features: &FeatureModel,
        labels: Option<&'a [u16]>,
        weights: Option<&'a [u16]>,
    ) -> Result<Labelled<'a>> {
        let kept = features.kept(batch);
        let n_kept = kept.as_ref().map_or(batch.n_rows, |kept| kept.iter().filter(|&&kept| kept).count());
        let labels = labels.and_then(|labels| labels.get(..n_kept)).ok_or_else(changed)?;
        let weights = weights.map(|weights| weights.get(..n_kept).ok_or_else(changed)).transpose()?;
        Ok(match kept {
            None => Labelled { labels: Cow::Borrowed(labels), weights: weights.map(Cow::Borrowed), n_kept },
            Some(kept) => Labelled {
                labels: Cow::Owned(spread(&kept, labels, DROPPED)),
                weights: weights.map(|weights| Cow::Owned(spread(&kept, weights, 0))),
                n_kept,
            },
        })
    }

    /// Where kept rows stand in the batch, whose first kept row is `first`.
    fn places(&self, rows: &[usize], first: usize) -> Vec<usize> {
        if self.n_kept == self.labels.len() {
            return rows.iter().map(|row| row - first).collect();
        }
        let mut kept = (0..self.labels.len()).filter(|&at| self.labels[at] != DROPPED);
        let mut next = first;
        let place = |&row: &usize| {
            let at = kept.nth(row - next);
            next = row + 1;
            at
        };
        rows.iter().filter_map(place).collect()
    }
}

/// The next of `values` for every kept row, `else_value` for the others.
fn spread(kept: &[bool], values: &[u16], else_value: u16) -> Vec<u16> {
    let mut values = values.iter();
    let next = |&kept: &bool| if kept { values.next().copied().unwrap_or(else_value) } else { else_value };
    kept.iter().map(next).collect()
}

fn changed() -> Error {
    Error::bad_data("the data changed between two reads").hint("run again once nothing writes to the source")
}
