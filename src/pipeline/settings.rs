//! The settings that affect the result, for the manifest: of the job everything but where to read, where to write, and
//! on what to compute.

use serde::Serialize;
use serde_json::{Value, json};

use super::start::Start;
use crate::error::{Error, Result};
use crate::features::FittedFeature;
use crate::job::{DuplicateIds, Job};
use crate::persona::Playbook;
use crate::report::FeatureSettings;
use crate::source::ColumnKind;
use crate::store::text_hash;

pub(super) fn of(job: &Job, playbook: &Playbook, start: Option<&Start>) -> Result<Value> {
    let features: Vec<Value> = job
        .features
        .iter()
        .map(|feature| {
            Ok(json!({
                "column": feature.column,
                "transform": plain(&feature.transform)?,
                "weight": feature.weight,
                "scale": plain(&feature.scale)?,
                "missing": plain(&feature.missing)?,
            }))
        })
        .collect::<Result<_>>()?;
    Ok(json!({
        "source": {
            "id": job.source.id,
            "sample_weight": job.source.sample_weight,
            "duplicate_ids": match job.source.duplicate_ids {
                DuplicateIds::Refuse => "refuse",
                DuplicateIds::Keep => "keep",
            },
        },
        // Empty: every numeric column.
        "features": features,
        "cluster": {
            "k": [job.cluster.k.start(), job.cluster.k.end()],
            "n_init": job.cluster.n_init,
            "max_iter": job.cluster.max_iter,
            "tol": job.cluster.tol,
            "seed": job.cluster.seed,
            "restarts": plain(&job.cluster.restarts)?,
            "criterion": plain(&job.selection.criterion)?,
            "min_size": job.selection.min_size,
            "stability": job.selection.stability,
            "silhouette": plain(&job.selection.silhouette)?,
            "label_columns": plain(&job.selection.label_columns)?,
            "start_sha256": start.map(|start| &start.hash),
        },
        "persona": {
            "playbook": playbook.name,
            "playbook_sha256": text_hash(&playbook.text),
            "value": job.persona.value,
            "roles": job.persona.roles,
        },
        "profile": {
            "columns": job.profile.columns,
            "mix": job.profile.mix.iter().map(|mix| json!({ "name": mix.name, "columns": mix.columns })).collect::<Vec<_>>(),
            "currency": job.profile.currency,
            "units": job.profile.units,
            "smallest_group": job.profile.smallest_group,
        },
    }))
}

/// What the report says about a feature.
pub(super) fn of_feature(feature: &FittedFeature, kind: Option<ColumnKind>) -> FeatureSettings {
    FeatureSettings {
        column: feature.column.clone(),
        transform: feature.transform,
        scale: feature.scale,
        weight: feature.weight,
        missing: feature.missing,
        imputed: feature.imputed,
        constant: feature.constant,
        kind,
    }
}

/// As JSON; of types of ours, which always can be.
pub(super) fn plain(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::bug(error.to_string()))
}
