//! The earlier run that a fit starts from: its centroids, carried to tonight's grid, so that its segments are found
//! again where they still are.

use std::path::Path;

use crate::error::{Error, Place, Result};
use crate::features::FeatureModel;
use crate::grid::Centroids;
use crate::job::{ClusterSettings, Job};
use crate::store::{MODEL, Model, Run};

pub(super) struct Start {
    folder: String,
    model: Model,
    /// Of the model's file: what the run starts from belongs to its settings.
    pub(super) hash: String,
}

impl Start {
    /// The run that a job starts from, if it says one. A folder that holds none, or one with other features, is told
    /// before any work.
    pub(super) fn of(job: &Job) -> Result<Option<Start>> {
        let Some(folder) = &job.selection.start else { return Ok(None) };
        let run = Run::open(folder)?;
        let start = Start { folder: shown(folder), model: run.model()?, hash: run.hash(MODEL)? };
        start.check_k(&job.cluster)?;
        Ok(Some(start))
    }

    fn check_k(&self, settings: &ClusterSettings) -> Result<()> {
        let k = self.model.clusters.len();
        if settings.k.contains(&k) {
            return Ok(());
        }
        let asked = match settings.k.clone().into_inner() {
            (from, to) if from == to => format!("k is {from}"),
            (from, to) => format!("k is {from} to {to}"),
        };
        Err(self.error(
            format!("the run to start from has {k} segments, and {asked}"),
            &format!("ask for --k {k}, or start from another run"),
        ))
    }

    /// The centroids in internal order, on the grid of these features.
    pub(super) fn centroids(&self, features: &FeatureModel) -> Result<Centroids> {
        let mut clusters: Vec<_> = self.model.clusters.iter().collect();
        clusters.sort_by_key(|cluster| cluster.internal);
        let carried = clusters.iter().map(|cluster| features.carried(&self.model.features, &cluster.centroid));
        let values: Option<Vec<Vec<i64>>> = carried.collect();
        let values = values.ok_or_else(|| {
            let columns: Vec<&str> = self.model.features.columns().collect();
            let hint = format!(
                "it was made from {}; use the same columns and transforms, or leave --start out",
                columns.join(", ")
            );
            self.error("the run to start from was made from other features".to_owned(), &hint)
        })?;
        Ok(Centroids::new(0, 0, features.features.len(), values.concat()))
    }

    fn error(&self, message: String, hint: &str) -> Error {
        Error::job(message).at(Place { file: Some(self.folder.clone()), ..Place::default() }).hint(hint)
    }
}

fn shown(folder: &Path) -> String {
    folder.display().to_string()
}
