//! The run folder: staging beside the target, a lock, a manifest, and one atomic step that makes it visible. Also
//! reading an earlier run back.
//!
//! A run folder is complete or absent. This room refuses to touch a folder that is not a run of ours, to write into the
//! target itself, and to put anything that differs between machines into a file that the manifest vouches for. It knows
//! no device and no algorithm.

mod annotated;
mod assignments;
mod disk;
mod lock;
mod manifest;
mod model;
mod per_cluster;
mod record;
mod run;
mod staged_file;
mod staging;

pub use annotated::with_annotations;
pub use assignments::{AssignmentWriter, ClusterNames, ROW_GROUP_ROWS, Rows, check_file, check_id_name};
pub use disk::{Disk, Fault};
pub use manifest::{FileEntry, MANIFEST, Manifest, RUN_RECORD, input_hash, text_hash};
pub use model::{Model, ModelCluster};
pub use record::{Host, RunRecord, StageRecord, peak_resident_bytes, utc};
pub use run::{ASSIGNMENTS, MODEL, Run, SUMMARY};
pub use staged_file::StagedFile;
pub use staging::{Published, Staging};
