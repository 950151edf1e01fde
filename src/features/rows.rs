//! One batch of the source as the rows that are kept: which ones, their values of each feature, their weights.
//!
//! Every read of the source comes through here, so that each of them keeps the same rows. What a missing value means is
//! decided in one order: a row that a feature drops leaves before anything else is asked of it; then weights are
//! checked; then the other features. The first bad row of a batch is the one reported, and of that row the first
//! feature.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::job::Missing;
use crate::source::{Batch, Numbers, Request, ScanSettings, Source};

use super::plan::{Plan, is_filled_late};
use super::transform;

/// Which features a read is for, and what replaces their missing values as far as it is known yet.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    plan: &'a Plan,
    fills: &'a [Option<f64>],
    /// Where each feature's column stands among the numbers asked for; none where it is not read.
    at: Vec<Option<usize>>,
    weight_at: Option<usize>,
    request: Request,
}

/// The kept rows of a batch.
#[derive(Debug)]
pub struct Rows {
    pub n_rows: usize,
    /// Rows of the batch, dropped ones included.
    pub n_read: usize,
    /// Per feature the transformed values, empty where the feature is not read. A feature whose fill is not known yet
    /// and comes later holds values as they were read, the missing ones NaN.
    pub columns: Vec<Numbers>,
    /// Finite and not negative.
    pub weights: Option<Vec<f64>>,
    /// Per feature: rows that are left out because of it.
    pub dropped: Vec<u64>,
    /// Per feature: kept rows whose value was replaced, or will be.
    pub imputed: Vec<u64>,
    /// Which rows of the batch are kept; none where all are.
    pub kept: Option<Vec<bool>>,
}

/// The first thing wrong in a column: at which kept row, and what.
struct Wrong {
    row: usize,
    column: usize,
    message: String,
    hint: &'static str,
}

impl<'a> Reading<'a> {
    /// A read of the features for which `wanted` says so. A feature that drops rows is read in any case.
    pub fn new(plan: &'a Plan, fills: &'a [Option<f64>], ids: Ids, wanted: impl Fn(usize) -> bool) -> Self {
        let mut coded: Vec<usize> = Vec::new();
        let mut slot = |column: usize| {
            coded.push(column);
            coded.len() - 1
        };
        let at = (0..plan.n_features())
            .map(|f| (wanted(f) || plan.features[f].missing == Missing::Drop).then(|| slot(plan.columns[f])))
            .collect();
        let weight_at = plan.weight.map(slot);
        Self { plan, fills, at, weight_at, request: Request { coded, ids: ids == Ids::Read, ..Request::default() } }
    }

    /// Reads the whole source, a wave of batches at a time, each with its kept rows. Batches come in the source's order.
    pub fn scan(
        &self,
        source: &Source,
        settings: &ScanSettings,
        observe: &crate::observe::Observe,
        each: &mut dyn FnMut(Vec<(Batch, Rows)>) -> Result<()>,
    ) -> Result<()> {
        source.scan(&self.request, settings, observe, &mut |wave| {
            observe.check_stop()?;
            let rows: Vec<Result<(Batch, Rows)>> = wave.into_par_iter().map(|batch| self.keep(source, batch)).collect();
            each(rows.into_iter().collect::<Result<_>>()?)
        })
    }

    fn keep(&self, source: &Source, mut batch: Batch) -> Result<(Batch, Rows)> {
        let mut numbers = std::mem::take(&mut batch.coded);
        let (kept, dropped) = self.dropped(batch.n_rows, &numbers);
        if let Some(kept) = &kept {
            numbers.par_iter_mut().for_each(|column| column.keep(kept));
        }
        let place = |wrong: Wrong| {
            let row = nth_kept(kept.as_deref(), wrong.row);
            Error::bad_data(wrong.message).at(source.place(&batch, Some(wrong.column), row)).hint(wrong.hint)
        };

        let mut take = |at: Option<usize>| at.and_then(|at| numbers.get_mut(at)).map(std::mem::take);
        let weights = take(self.weight_at).map(Numbers::into_values);
        if let (Some(weights), Some(column)) = (&weights, self.plan.weight)
            && let Some(wrong) = wrong_weight(column, weights)
        {
            return Err(place(wrong));
        }

        let mut columns: Vec<Numbers> = self.at.iter().map(|at| take(*at).unwrap_or_default()).collect();
        let outcomes: Vec<Result<u64, Wrong>> = columns
            .par_iter_mut()
            .enumerate()
            .map(|(feature, column)| if column.is_empty() { Ok(0) } else { self.transform(feature, column) })
            .collect();
        let mut imputed = Vec::with_capacity(outcomes.len());
        let mut first: Option<Wrong> = None;
        for outcome in outcomes {
            match outcome {
                Ok(n) => imputed.push(n),
                Err(wrong) if first.as_ref().is_none_or(|f| wrong.row < f.row) => first = Some(wrong),
                Err(_) => {}
            }
        }
        if let Some(wrong) = first {
            return Err(place(wrong));
        }
        let n_rows = kept.as_ref().map_or(batch.n_rows, |kept| kept.iter().filter(|k| **k).count());
        let rows = Rows { n_rows, n_read: batch.n_rows, columns, weights, dropped, imputed, kept };
        Ok((batch, rows))
    }

    /// Which rows the features with `missing = "drop"` keep, and how many each of them leaves out; a row is counted at
    /// the first that does.
    fn dropped(&self, n_rows: usize, numbers: &[Numbers]) -> (Option<Vec<bool>>, Vec<u64>) {
        let mut kept: Option<Vec<bool>> = None;
        let mut dropped = vec![0; self.plan.n_features()];
        for (feature, settings) in self.plan.features.iter().enumerate() {
            let column = self.at[feature].and_then(|at| numbers.get(at));
            if let (Missing::Drop, Some(column)) = (settings.missing, column)
                && column.first(is_missing).is_some()
            {
                dropped[feature] = drop_missing(column, kept.get_or_insert_with(|| vec![true; n_rows]));
            }
        }
        (kept, dropped)
    }

    /// Replaces missing values and transforms a column in place; how many were missing.
    fn transform(&self, feature: usize, column: &mut Numbers) -> Result<u64, Wrong> {
        let settings = &self.plan.features[feature];
        let late = is_filled_late(settings.missing) && self.fills[feature].is_none();
        let (mut missing, mut refused) = (0, None);
        if let Some(first) = column.first(is_missing) {
            missing = column.count(is_missing);
            match self.fills[feature] {
                Some(fill) => column.change(|v| if is_missing(v) { fill } else { v }),
                None if late => column.change(|v| if is_missing(v) { f64::NAN } else { v }),
                None => refused = Some(first),
            }
        }
        let outside = transform::first_outside(settings.transform, column);
        let wrong = |row, message, hint| Err(Wrong { row, column: self.plan.columns[feature], message, hint });
        match (outside, refused) {
            (Some(row), refused) if refused.is_none_or(|refused| row < refused) => {
                wrong(row, self::outside(settings.transform), OUTSIDE_HINT)
            }
            (_, Some(row)) => wrong(row, MISSING.into(), MISSING_HINT),
            (_, None) => {
                if !late {
                    transform::change(settings.transform, column);
                }
                Ok(missing)
            }
        }
    }
}

pub fn is_missing(value: f64) -> bool {
    !value.is_finite()
}

/// Whether a read wants ids too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    Read,
    NotRead,
}

const MISSING: &str = "a value is missing (null, NaN or infinite), and `missing` is \"error\"";
const MISSING_HINT: &str = "set the feature's `missing` to \"drop\", \"mean\", \"median\", \"zero\" or a number";
const OUTSIDE_HINT: &str = "use another transform for this feature, or correct the value";

pub fn outside(transform: crate::job::Transform) -> String {
    format!("a value is outside of what {} allows: {}", transform::name(transform), transform::domain(transform))
}

fn wrong_weight(column: usize, weights: &[f64]) -> Option<Wrong> {
    let row = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0))?;
    let message = "a sample weight is missing, infinite or negative".into();
    Some(Wrong { row, column, message, hint: "sample weights are finite numbers of 0 or more" })
}

/// Leaves out the rows that are missing here; how many that are.
pub fn drop_missing(column: &Numbers, kept: &mut [bool]) -> u64 {
    let mut dropped = 0;
    for (row, kept) in kept.iter_mut().enumerate() {
        if *kept && is_missing(column.at(row)) {
            *kept = false;
            dropped += 1;
        }
    }
    dropped
}

/// The row of the batch that is the `n`th kept one.
pub fn nth_kept(kept: Option<&[bool]>, n: usize) -> usize {
    let Some(kept) = kept else { return n };
    kept.iter().enumerate().filter(|(_, kept)| **kept).nth(n).map_or(0, |(row, _)| row)
}
