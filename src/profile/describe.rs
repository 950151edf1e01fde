//! The last read of the source: exactly the columns that are described, row by row with the label each row got.

use std::borrow::Cow;
use std::time::Instant;

use num_bigint::BigInt;
use rayon::prelude::*;

use super::column::{ColumnSums, DROPPED};
use super::figures::{ColumnUse, Profile, Sizes, column_profile, value_shares};
use crate::error::{Error, Result};
use crate::features::FeatureModel;
use crate::job::Job;
use crate::observe::{Event, Observe};
use crate::source::{Batch, Request, ScanSettings, Source};

const STAGE: &str = "profile";

/// Bytes a wave may hold: enough row groups for all cores, little beside everything else the run keeps.
const WAVE_BYTES_MAX: u64 = 64 << 20;

/// Describes every cluster in every clustered column, every `[profile]` column, the value column, and the columns that
/// the job gives to roles.
///
/// `labels` are published numbers, one per kept row in the order of the source, and so are `weights`.
pub fn describe(
    source: &Source,
    job: &Job,
    features: &FeatureModel,
    labels: &[u16],
    weights: Option<&[u16]>,
    n_clusters: usize,
    observe: &Observe,
) -> Result<Profile> {
    let started = Instant::now();
    observe.event(Event::StageStarted { stage: STAGE });
    let plan = Plan::new(source, job, features)?;
    let sizes = Sizes::of(n_clusters, labels, weights);
    let mut sums = vec![ColumnSums::zero(n_clusters); plan.columns.len()];
    let mut row = 0;
    let settings =
        ScanSettings { chunk_rows: job.engine.chunk_rows, memory: (job.engine.memory / 8).clamp(1, WAVE_BYTES_MAX) };
    let request = Request { numbers: plan.numbers.clone(), ids: false };
    source.scan(&request, &settings, observe, &mut |wave| {
        let mut labelled = Vec::with_capacity(wave.len());
        for batch in &wave {
            let rows = Labelled::of(batch, features, labels.get(row..), weights.and_then(|w| w.get(row..)))?;
            row += rows.n_kept;
            labelled.push(rows);
        }
        sums.par_iter_mut().zip(&plan.columns).for_each(|(sums, column)| {
            for (batch, rows) in wave.iter().zip(&labelled) {
                if let Some(values) = batch.numbers.get(column.number) {
                    sums.add(values, &rows.labels, rows.weights.as_deref());
                }
            }
        });
        Ok(())
    })?;
    if row != labels.len() {
        return Err(changed());
    }

    let mut clusters = sizes.clusters();
    let value = plan.columns.iter().zip(&sums).find(|(column, _)| Some(&column.name) == job.persona.value.as_ref());
    if let Some((column, sums)) = value {
        let (totals, _) = sums.totals();
        let totals: Vec<BigInt> = totals.into_iter().map(|totals| totals.sum).collect();
        match value_shares(&totals) {
            Some(shares) => clusters.iter_mut().zip(shares).for_each(|(c, share)| c.value_share = Some(share)),
            None => observe.warn_data(format!(
                "the sum of column {:?} is not positive, so there are no shares of value",
                column.name
            )),
        }
    }
    let columns: Vec<_> = plan
        .columns
        .par_iter()
        .zip(&sums)
        .map(|(column, sums)| column_profile(&column.name, column.column_use, sums, &sizes.rows))
        .collect();
    warn_of_missing_value(&columns, job, observe);
    observe.event(Event::StageFinished {
        stage: STAGE,
        rows: source.n_rows(),
        bytes: source.n_rows().saturating_mul(8 * plan.numbers.len() as u64),
        milliseconds: started.elapsed().as_secs_f64() * 1e3,
    });
    Ok(Profile { clusters, columns, value_column: job.persona.value.clone() })
}

/// What is read and what is described.
struct Plan {
    /// The features' columns first, as the filter of rows expects them, then the others.
    numbers: Vec<usize>,
    columns: Vec<Described>,
}

struct Described {
    name: String,
    column_use: ColumnUse,
    /// Position in `numbers`.
    number: usize,
}

impl Plan {
    fn new(source: &Source, job: &Job, features: &FeatureModel) -> Result<Plan> {
        let mut plan = Plan { numbers: Vec::new(), columns: Vec::new() };
        for name in features.columns() {
            plan.add(source, name, ColumnUse::Feature)?;
        }
        let roles = job.persona.roles.iter().map(|(_, column)| column);
        for name in job.profile.columns.iter().chain(&job.persona.value).chain(roles) {
            if !plan.columns.iter().any(|column| column.name == *name) {
                plan.add(source, name, ColumnUse::Described)?;
            }
        }
        Ok(plan)
    }

    fn add(&mut self, source: &Source, name: &str, column_use: ColumnUse) -> Result<()> {
        let number = self.numbers.len();
        self.numbers.push(source.column(name)?);
        if !self.columns.iter().any(|column| column.name == name) {
            self.columns.push(Described { name: name.to_owned(), column_use, number });
        }
        Ok(())
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
}

/// The next of `values` for every kept row, `else_value` for the others.
fn spread(kept: &[bool], values: &[u16], else_value: u16) -> Vec<u16> {
    let mut values = values.iter();
    let next = |&kept: &bool| if kept { values.next().copied().unwrap_or(else_value) } else { else_value };
    kept.iter().map(next).collect()
}

fn warn_of_missing_value(columns: &[super::ColumnProfile], job: &Job, observe: &Observe) {
    let value = columns.iter().find(|column| Some(&column.name) == job.persona.value.as_ref());
    if let Some(column) = value.filter(|column| column.overall.missing > 0) {
        let (name, missing) = (&column.name, column.overall.missing);
        observe.warn_data(format!("{missing} rows have no value in column {name:?}: shares of value count them as 0"));
    }
}

fn changed() -> Error {
    Error::bad_data("the data changed between two reads").hint("run again once nothing writes to the source")
}
