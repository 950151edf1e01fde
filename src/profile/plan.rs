//! What is described, and in how many reads: the columns a job names, what each is used for, and how many of them fit
//! into memory at once.

use super::derived::MONETARY;
use super::figures::ColumnUse;
use super::values::VALUE_BYTES;
use crate::error::{Error, Result};
use crate::features::FeatureModel;
use crate::job::Job;
use crate::source::Source;

/// Bytes per value that a run keeps while it describes (the grid), and per row (order key, weight, label, runner-up).
const GRID_BYTES: u64 = 4;
const ROW_BYTES: u64 = 16;

pub(super) struct Plan {
    /// The features first, then what is only described.
    pub(super) columns: Vec<Described>,
    pub(super) texts: Vec<DescribedText>,
    /// Source columns that say which rows were left out, in the order in which the features want to see them.
    pub(super) dropping: Vec<usize>,
}

pub(super) struct Described {
    pub(super) name: String,
    pub(super) column_use: ColumnUse,
    pub(super) unit: Option<String>,
    /// Position in the source.
    pub(super) column: usize,
}

pub(super) struct DescribedText {
    pub(super) name: String,
    /// Position in the source.
    pub(super) column: usize,
}

/// Columns that must be numbers, beside the features.
fn numbers(job: &Job) -> impl Iterator<Item = &String> {
    let roles = job.persona.roles.iter().map(|(_, column)| column);
    job.persona.value.iter().chain(roles).chain(job.profile.mix.iter().flat_map(|mix| &mix.columns))
}

/// Whether everything that a job wants described is there and can be: what is wrong is better said before the
/// clustering than after it.
pub fn check_columns(source: &Source, job: &Job) -> Result<()> {
    for name in numbers(job) {
        if !source.is_numeric(source.column(name)?) {
            return Err(Error::bad_data(format!("column {name:?} is to be described and is not numeric"))
                .hint("values, roles and mixes need a numeric, boolean, date or time column"));
        }
    }
    for name in &job.profile.columns {
        let column = source.column(name)?;
        if source.id() == Some(column) {
            return Err(Error::bad_data(format!("column {name:?} is the id and cannot be described"))
                .hint("ids tell customers apart and say nothing about them; leave the column out"));
        }
        if !source.is_numeric(column) && !source.is_text(column) {
            return Err(Error::bad_data(format!("column {name:?} is to be described and is neither numbers nor text"))
                .hint("lists, structures and bytes cannot be described; leave the column out"));
        }
    }
    job.profile.units.iter().try_for_each(|(name, _)| source.column(name).map(|_| ()))
}

/// The names of the columns that a profile has figures of: the features first. Text is not among them.
pub fn numeric_columns(source: &Source, job: &Job, features: &FeatureModel) -> Result<Vec<String>> {
    Ok(Plan::new(source, job, features, &[])?.columns.into_iter().map(|column| column.name).collect())
}

impl Plan {
    pub(super) fn new(source: &Source, job: &Job, features: &FeatureModel, roles: &[(String, String)]) -> Result<Plan> {
        let mut plan = Plan { columns: Vec::new(), texts: Vec::new(), dropping: Vec::new() };
        for name in features.dropping() {
            plan.dropping.push(source.column(name)?);
        }
        for name in features.columns() {
            plan.add(source, name, ColumnUse::Feature)?;
        }
        for name in &job.profile.columns {
            let column = source.column(name)?;
            if source.is_text(column) {
                plan.texts.push(DescribedText { name: name.clone(), column });
            } else {
                plan.add(source, name, ColumnUse::Described)?;
            }
        }
        for name in numbers(job) {
            plan.add(source, name, ColumnUse::Described)?;
        }
        for column in &mut plan.columns {
            column.unit = unit(job, roles, &column.name);
        }
        Ok(plan)
    }

    fn add(&mut self, source: &Source, name: &str, column_use: ColumnUse) -> Result<()> {
        if !self.columns.iter().any(|column| column.name == name) {
            let column = source.column(name)?;
            self.columns.push(Described { name: name.to_owned(), column_use, unit: None, column });
        }
        Ok(())
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// How many columns are read at once, so that their values fit beside what the run keeps, and take no more than the
    /// grid does, as reading did before; one at least.
    pub(super) fn columns_per_read(&self, job: &Job, n_rows: u64, wave_bytes: u64) -> usize {
        let features = self.columns.iter().filter(|column| column.column_use == ColumnUse::Feature).count() as u64;
        let kept = n_rows.saturating_mul(features * GRID_BYTES + ROW_BYTES).saturating_add(wave_bytes);
        // Half of what is left: the search for quartiles and the decoders want some too.
        let room = (job.engine.memory.saturating_sub(kept) / 2).min(n_rows.saturating_mul(features * GRID_BYTES));
        let fit = room / (n_rows * VALUE_BYTES).max(1);
        let fit = usize::try_from(fit).unwrap_or(usize::MAX).clamp(1, self.columns.len().max(1));
        // Threads take a column each: where not all fit, none of them shall wait for the others' last one.
        let threads = rayon::current_num_threads();
        if fit < self.columns.len() && fit > threads { fit / threads * threads } else { fit }
    }
}

/// What the job calls the unit of a column; its currency is that of the value column and of money.
fn unit(job: &Job, roles: &[(String, String)], name: &str) -> Option<String> {
    let given = job.profile.units.iter().find(|(column, _)| column == name).map(|(_, unit)| unit.clone());
    let is_money = || {
        job.persona.value.as_deref() == Some(name)
            || roles.iter().any(|(role, column)| role == MONETARY && column == name)
    };
    given.or_else(|| job.profile.currency.clone().filter(|_| is_money()))
}
