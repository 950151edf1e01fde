//! What to read for a job: its features and sample weights against the columns of a source.

use crate::error::{Error, Result};
use crate::grid::FEATURES_MAX;
use crate::job::{Feature, Job, Missing};
use crate::source::Source;

use super::transform;

/// The features of a job, found in a source.
#[derive(Debug, Clone)]
pub struct Plan {
    pub features: Vec<Feature>,
    /// The source's column of each feature.
    pub columns: Vec<usize>,
    /// The source's column of the sample weights.
    pub weight: Option<usize>,
}

impl Plan {
    pub fn new(source: &Source, job: &Job) -> Result<Self> {
        let weight = job.source.sample_weight.as_deref().map(|name| numeric(source, name)).transpose()?;
        let features = if job.features.is_empty() { every_numeric_column(source, job)? } else { job.features.clone() };
        if features.len() > FEATURES_MAX {
            return Err(Error::bad_data(format!(
                "{} features, and at most {FEATURES_MAX} are allowed",
                features.len()
            ))
            .hint("list the columns that matter as [[feature]] in the job file"));
        }
        let mut columns = Vec::with_capacity(features.len());
        for feature in &features {
            columns.push(numeric(source, &feature.column)?);
            if let Missing::Number(number) = feature.missing
                && transform::apply(feature.transform, number).is_none_or(|v| !v.is_finite())
            {
                return Err(Error::job(format!(
                    "`missing` of feature {:?} is not a number that its transform allows; {} needs values {}",
                    feature.column,
                    transform::name(feature.transform),
                    transform::domain(feature.transform)
                )));
            }
        }
        Ok(Self { features, columns, weight })
    }

    pub fn n_features(&self) -> usize {
        self.features.len()
    }

    /// What replaces a missing value of each feature, as far as the job says it.
    pub fn given_fills(&self) -> Vec<Option<f64>> {
        let given = |feature: &Feature| match feature.missing {
            Missing::Number(number) => Some(number),
            Missing::Error | Missing::Drop | Missing::Mean | Missing::Median => None,
        };
        self.features.iter().map(given).collect()
    }
}

/// A feature whose missing values are replaced by something that all its values must be read for.
pub fn is_filled_late(missing: Missing) -> bool {
    matches!(missing, Missing::Mean | Missing::Median)
}

fn numeric(source: &Source, name: &str) -> Result<usize> {
    let column = source.column(name)?;
    if source.is_numeric(column) {
        return Ok(column);
    }
    let kind = source.columns().get(column).map(|info| info.kind.to_string()).unwrap_or_default();
    Err(Error::bad_data(format!("column {name:?} is asked for as numbers and holds {kind} values"))
        .hint("features and sample weights need a numeric, boolean, date or time column"))
}

fn every_numeric_column(source: &Source, job: &Job) -> Result<Vec<Feature>> {
    let taken = [job.source.id.as_deref(), job.source.sample_weight.as_deref()];
    let features: Vec<Feature> = source
        .columns()
        .iter()
        .enumerate()
        .filter(|(column, info)| source.is_numeric(*column) && !taken.contains(&Some(info.name.as_str())))
        .map(|(_, info)| Feature::plain(&info.name))
        .collect();
    if features.is_empty() {
        return Err(Error::bad_data("there is no numeric column to cluster on beside the id and the sample weight")
            .hint("name the id column with `id` if a feature was taken for it"));
    }
    Ok(features)
}
