//! Arithmetic over all rows, on some device. An engine owns arithmetic; the host owns the loop, seeding, convergence
//! and repair. Engines differ in speed only: labels and sums are equal, bit for bit, on every one of them.
//!
//! Kernels compute distances in f32 with a proven error bound, keep the second-nearest distance too, and leave rows
//! whose two nearest lie within the bound to [`decide`], which works in integers. This room knows no file format, no
//! feature names, and nothing of what a cluster means.

mod ahead;
mod choice;
mod cost;
pub mod cpu;
mod decide;
pub mod gpu;
mod groups;
mod guard;

pub use ahead::Ahead;
pub use choice::{Choice, Settings, Taken, Wanted, choose, open, open_neighbours};
pub use cost::{Prediction, Shape, predict};
pub use decide::{Decision, decide, distance};
pub use gpu::Weights;
pub use groups::{Groups, Labelling, Neighbourhood, Neighbours, UNITS_PER_STEP, units};
pub use guard::{Guard, Spare};

use std::sync::Arc;

use crate::error::Result;
use crate::grid::{Centroids, Matrix, Sums};

/// One pass, or one question, over a loaded matrix.
pub trait Engine: Send {
    /// What this engine runs on: goes into the run record.
    fn device(&self) -> &Device;

    /// Keeps on the device what fits and streams the rest. Replaces what was loaded before.
    fn load(&mut self, matrix: Arc<Matrix>) -> Result<()>;

    /// One pass over the data for all models: every row is added to its nearest centroid's sums. The models may
    /// differ in k; the result has one entry per model, in order.
    fn step(&mut self, models: &[Centroids]) -> Result<Vec<Sums>>;

    /// Label and runner-up of every row, exact ties to the lowest index.
    fn assign(&mut self, model: &Centroids) -> Result<Assignment>;

    /// The `n` rows of positive weight that lie farthest from their nearest centroid, by (D descending, key ascending).
    fn farthest(&mut self, model: &Centroids, n: usize) -> Result<Vec<Row>>;

    /// What was counted since the engine was made.
    fn counters(&self) -> Counters;

    /// Which variant of its kernel the last pass was walked with, where there are several: it changes the time alone.
    fn variant(&self) -> Option<&'static str> {
        None
    }

    /// The last pass was wrong, though the engine did not notice: what it does differently from run to run is to blame.
    fn blame(&mut self) {}

    /// Whether passes like the last one are walked as they will be from now on: false while variants are compiled or tried.
    fn is_settled(&self) -> bool {
        true
    }
}

/// The nearest and the second-nearest centroid of every row, in row order. With one cluster both are 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assignment {
    pub labels: Vec<u16>,
    pub runners_up: Vec<u16>,
}

/// A row far from its centroid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub row: u64,
    pub label: u16,
    /// Exact squared distance to its centroid, in steps².
    pub distance: i128,
    pub key: u64,
}

/// What an engine runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// As the driver gives it, or the CPU's instruction set: "AVX-512, 2 threads".
    pub name: String,
    pub kind: DeviceKind,
    /// Driver and version, or empty.
    pub driver: String,
    /// "Vulkan", "Metal", "Dx12", "Gl", or "CPU".
    pub backend: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    Cpu,
    IntegratedGpu,
    DiscreteGpu,
    VirtualGpu,
    /// A GPU interface in front of a CPU: for correctness, never for speed.
    SoftwareGpu,
}

/// What was counted since an engine was made. Everything is a sum over passes and models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Passes over the data, one per model and call.
    pub model_passes: u64,
    /// Rows times models that were decided on the host because two centroids were within the error bound.
    pub near_ties: u64,
    /// Rows times models that were decided on the host because the row or a centroid is wide.
    pub wide_rows: u64,
    /// Rows times models that a pass left out because an exact bound shows that their labels stand.
    pub passed_over: u64,
    /// Device work: zero on a CPU.
    pub dispatches: u64,
    pub submits: u64,
    pub bytes_uploaded: u64,
    /// The most memory that rows went through on their way to the device; not a sum.
    pub staging_bytes: u64,
    /// The device's own time of its dispatches in passes, where it was asked for and the device tells.
    pub device_nanoseconds: u64,
    /// Times that the host waited for bytes.
    pub readbacks: u64,
    pub bytes_read_back: u64,
    /// Values of the matrix that kernels were sent over, each counted once per dispatch, in bytes.
    pub matrix_bytes_read: u64,
}
