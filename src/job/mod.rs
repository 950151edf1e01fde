//! The job: what to read, what to cluster it on, how, and where to put it. As written (`toml`, flags, environment) it
//! is resolved into one checked [`Job`]; nothing behind this room sees a raw setting.
//!
//! Flags beat environment variables (`SEGMINT_*`), which beat the file, which beats the defaults. A relative path that
//! stands in a job file starts from that file's folder, so that a nightly job can be started from anywhere; every other
//! relative path starts from the current folder. This room reads a job file and nothing else: whether a column or a
//! file exists is for others to say, and it refuses by name what is not built yet.

mod feature;
mod profile;
mod read;
mod resolve;
mod setting;
mod show;
mod surroundings;
mod written;

pub use feature::FEATURES_MAX;
pub use resolve::{Flag, K_MAX, Resolved, resolve};
pub use setting::{PLAYBOOKS, SETTINGS, Setting, nearest};
pub use show::{quoted, show};
pub use surroundings::Surroundings;
pub use written::{Origin, Written};

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A checked and resolved job. Every value is in range; whether it fits the data is for `source` and `features` to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub source: SourceSettings,
    /// Empty: every numeric column that is neither the id nor the weight, each with default settings.
    pub features: Vec<Feature>,
    pub cluster: ClusterSettings,
    pub selection: SelectionSettings,
    pub engine: EngineSettings,
    pub persona: PersonaSettings,
    pub profile: ProfileSettings,
    pub output: OutputSettings,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SourceSettings {
    /// File, folder or glob; absolute.
    pub path: String,
    pub id: Option<String>,
    pub sample_weight: Option<String>,
    pub duplicate_ids: DuplicateIds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DuplicateIds {
    /// The default: a repeated id ends the run.
    Refuse,
    /// Rows with the same id are separate rows.
    Keep,
}

/// What becomes of a feature that is an id or a cluster label by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelColumns {
    /// The default: it ends the run.
    #[serde(rename = "error")]
    Refuse,
    /// It is clustered all the same, with a warning.
    Keep,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    pub column: String,
    pub transform: Transform,
    /// Multiplies the scaled feature; positive and finite.
    pub weight: f64,
    pub scale: Scale,
    pub missing: Missing,
}

impl Feature {
    /// A feature with default settings.
    pub fn plain(column: impl Into<String>) -> Self {
        Self {
            column: column.into(),
            transform: Transform::None,
            weight: 1.0,
            scale: Scale::Standard,
            missing: Missing::Error,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transform {
    None,
    /// ln(1 + x); x > -1.
    Log1p,
    /// x >= 0.
    Sqrt,
    /// Values below `low` become `low`, above `high` become `high`.
    Clip {
        low: f64,
        high: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// (x - mean) / population standard deviation.
    Standard,
    /// (x - median) / (q75 - q25).
    Robust,
    /// (x - min) / (max - min).
    MinMax,
    /// x.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// A null, NaN or infinity ends the run.
    Error,
    /// The row is left out, and counted.
    Drop,
    /// Replaced by the mean of the values present, before the transform.
    Mean,
    Median,
    Number(f64),
}

#[derive(Debug, Clone, PartialEq)]
pub struct ClusterSettings {
    /// The numbers of clusters that are fitted, within 1..=4096; one where it is given.
    pub k: RangeInclusive<usize>,
    /// 1..=1000, for each number of clusters.
    pub n_init: u32,
    /// At least 1.
    pub max_iter: u32,
    /// Relative to the mean variance of the features; 0 runs to the fixed point.
    pub tol: f64,
    pub seed: u64,
    pub restarts: Restarts,
}

impl ClusterSettings {
    /// One number of clusters, with default settings.
    pub fn plain(k: usize) -> Self {
        Self { k: k..=k, n_init: 10, max_iter: 300, tol: 0.0, seed: 42, restarts: Restarts::Race }
    }
}

/// What all restarts do on a table that is larger than the sample that seeds come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Restarts {
    /// They run on the sample, and the best few go on over all rows.
    Race,
    /// All of them run over all rows.
    Full,
}

/// How the number of clusters is chosen among those that were fitted, and what is computed for that.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectionSettings {
    pub criterion: Criterion,
    /// Fewest customers a segment may have: a share of all below 1, a count from 1 on; 0 asks for nothing.
    pub min_size: f64,
    /// Half samples and bootstraps, of each as many, that the clustering is repeated on; 0 computes no stability.
    pub stability: u32,
    pub silhouette: SilhouetteRows,
    /// Folder of an earlier run whose model the fit starts from; absolute.
    pub start: Option<PathBuf>,
    pub label_columns: LabelColumns,
}

impl Default for SelectionSettings {
    /// For a number of clusters that is given.
    fn default() -> Self {
        Self {
            criterion: Criterion::Consensus,
            min_size: 0.0,
            stability: 0,
            silhouette: SilhouetteRows::Auto,
            start: None,
            label_columns: LabelColumns::Refuse,
        }
    }
}

/// What the number of clusters is chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// Mean rank over the scores, with stability and the smallest segment as gates.
    Consensus,
    DaviesBouldin,
    Silhouette,
    CalinskiHarabasz,
    Gap,
    /// The knee of the inertia.
    Elbow,
}

/// Which rows a silhouette is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SilhouetteRows {
    /// All rows of a small table; a sample of a larger one where the criterion asks for it, else none.
    Auto,
    All,
    Sample,
    None,
}

#[derive(Debug, Clone, PartialEq)]
pub struct EngineSettings {
    pub device: DeviceChoice,
    /// Bytes the run may use.
    pub memory: u64,
    /// 0: all cores.
    pub threads: usize,
    /// Rows read, uploaded and reduced together. Changes time, never a bit of the result.
    pub chunk_rows: usize,
    /// The folder of the file that holds what memory has no room for; absolute.
    pub spill: PathBuf,
    /// The folder where compiled GPU kernels are kept for the next run; absolute. None: they are not kept.
    pub cache: Option<PathBuf>,
    /// Whether passes on a GPU try variants of its kernel.
    pub tune: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceChoice {
    Auto,
    Cpu,
    /// Any GPU, software ones excluded; no fallback.
    Gpu,
    /// The first adapter whose "name (backend)" contains this text, software ones included; no fallback.
    Named(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct PersonaSettings {
    /// A name of ours, or the absolute path of a TOML file.
    pub playbook: String,
    /// Shares of value are computed from this column.
    pub value: Option<String>,
    /// What the playbook calls a column -> what the table calls it; sorted.
    pub roles: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSettings {
    /// Described but not clustered: numbers by their moments and quartiles, text and booleans by their values.
    pub columns: Vec<String>,
    /// Columns that are parts of one whole; no two mixes share a name.
    pub mix: Vec<Mix>,
    /// Of the value column and of the column that is the playbook's `monetary`, where `units` says nothing else.
    pub currency: Option<String>,
    /// Column -> unit, such as days; sorted.
    pub units: Vec<(String, String)>,
    /// Categories with fewer customers than this are never shown by themselves; at least 1.
    pub smallest_group: u64,
}

impl Default for ProfileSettings {
    fn default() -> Self {
        Self { columns: Vec::new(), mix: Vec::new(), currency: None, units: Vec::new(), smallest_group: 20 }
    }
}

/// Columns that are parts of one whole, such as what was spent on wine, meat and fish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    pub name: String,
    /// At least two, all different.
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OutputSettings {
    /// The run folder; absolute.
    pub path: PathBuf,
    pub overwrite: bool,
}
