//! `model.json`: everything needed to say of any customer, at any time, what this run would have said.

use serde::{Deserialize, Serialize};

use super::assignments::ClusterNames;
use crate::error::{Error, Result};
use crate::features::FeatureModel;
use crate::grid::Centroids;

const VERSION: u32 = 1;

/// A published model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub version: u32,
    /// The version of segmint that wrote it.
    pub segmint: String,
    pub seed: u64,
    /// How a customer's columns become coordinates on the grid.
    pub features: FeatureModel,
    pub clusters: Vec<ModelCluster>,
}

/// A cluster, in published order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelCluster {
    pub cluster: usize,
    /// Where it stood among the clusters while they were found: the lowest takes a customer that is equally near to two.
    pub internal: usize,
    pub persona: String,
    pub second_persona: Option<String>,
    /// In steps of the grid, one per feature.
    pub centroid: Vec<i64>,
}

impl Model {
    /// `centroids` are in internal order; `published` says which number each got, `names` are by published number.
    pub fn new(
        seed: u64,
        features: FeatureModel,
        centroids: &Centroids,
        published: &[u16],
        names: &[ClusterNames],
    ) -> Self {
        let mut clusters: Vec<ModelCluster> = centroids
            .rows()
            .zip(published)
            .enumerate()
            .map(|(internal, (centroid, &number))| {
                let names = names.get(usize::from(number));
                ModelCluster {
                    cluster: usize::from(number),
                    internal,
                    persona: names.map_or_else(String::new, |names| names.persona.clone()),
                    second_persona: names.and_then(|names| names.second_persona.clone()),
                    centroid: centroid.to_vec(),
                }
            })
            .collect();
        clusters.sort_by_key(|cluster| cluster.cluster);
        Self { version: VERSION, segmint: env!("CARGO_PKG_VERSION").to_owned(), seed, features, clusters }
    }

    /// As it is written.
    pub fn json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::bug(error.to_string()))?;
        Ok(text + "\n")
    }
}
