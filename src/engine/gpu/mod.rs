//! The engine on a GPU, through wgpu: Vulkan, Metal, DirectX 12, OpenGL.
//!
//! The matrix is uploaded as it is, panel after panel, in chunks that fit a binding. A pass is one list of dispatches for
//! all models, which walk it together, one submit, and one readback of totals, near ties and checksums; everything else
//! stays on the device. Shaders ask for no more than WebGPU's default limits, no subgroups, no 64-bit integers, no float atomics.
//!
//! This room refuses to decide: f32 only filters, and rows too close to call go to [`crate::engine::decide`]. It
//! refuses to go on after a fault: every failure of the device is an error, and what comes next is `guard`'s.

mod adapters;
mod ahead;
mod assign;
mod batches;
mod buffers;
mod cache;
mod choices;
mod clock;
mod device;
mod farthest;
#[doc(hidden)]
pub mod faults;
mod kept;
pub mod limits;
mod lloyd;
mod model;
mod notes;
mod opened;
mod pipelines;
mod resident;
mod self_test;
mod settle;
#[doc(hidden)]
pub mod shaders;
mod silhouette;
#[doc(hidden)]
pub mod staging;
mod tuner;
mod tuning;
mod variants;
mod work;

#[cfg(test)]
pub use adapters::recorded;
pub use adapters::{AdapterInfo, Offer, adapters, quiet_drivers, title};
pub use clock::Clock;
pub use device::HANG;
pub use limits::Limits;
pub use pipelines::ShaderChecks;
pub use self_test::{Check, Report, self_test};
pub use shaders::Weights;
pub use tuner::{Tuning, WORK_MIN};
pub use variants::{Constants, PAIRED_FEATURES_MAX, Variant};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use self::choices::Choices;
use self::device::Gpu;
use self::lloyd::nothing_loaded;
use self::resident::Resident;
use self::shaders::Kernel;
use self::staging::Uploads;
use self::tuning::Tuned;
use self::work::Inputs;
use super::{Assignment, Counters, Device, DeviceKind, Engine, Row, Shape};
use crate::error::{Error, Result};
use crate::grid::{CLUSTERS_MAX, Centroids, FEATURES_MAX, Matrix, Sums};
use crate::observe::Observe;

/// How a device is opened.
#[derive(Debug, Clone)]
pub struct GpuSettings {
    pub limits: Limits,
    pub checks: ShaderChecks,
    /// A wait longer than this is a fault.
    pub hang: Duration,
    /// The folder where compiled kernels, and which of them are the fastest, are kept for the next run.
    pub cache: Option<PathBuf>,
    pub uploads: Uploads,
    pub clock: Clock,
    pub tuning: Tuning,
}

impl GpuSettings {
    /// What a run uses: `memory` is the most that panels may take on the device.
    pub fn of(device: &Device, memory: u64) -> Self {
        Self {
            limits: Limits::of(device.kind, memory),
            checks: ShaderChecks::Off,
            hang: HANG,
            cache: None,
            uploads: Uploads::Straight,
            clock: Clock::Off,
            // What a software adapter takes says nothing.
            tuning: if device.kind == DeviceKind::SoftwareGpu { Tuning::Off } else { Tuning::Above(WORK_MIN) },
        }
    }
}

/// One open GPU and the matrix on it.
pub struct GpuEngine {
    gpu: Gpu,
    limits: Limits,
    inputs: Inputs,
    results: Option<wgpu::Buffer>,
    resident: Option<Resident>,
    tuned: Tuned,
    /// Passes so far: audits take turns.
    passes: u32,
}

impl GpuEngine {
    pub fn open(adapter: &AdapterInfo, settings: GpuSettings) -> Result<Self> {
        let tunes = matches!(settings.tuning, Tuning::Above(_));
        let place = settings.cache.as_deref().filter(|_| tunes).map(|folder| adapter.choices(folder));
        let (choices, said) = Choices::open(place);
        let gpu = Gpu::open(adapter, &settings, choices.marks().clone())?;
        let tuned = Tuned::new(settings.tuning, choices, said);
        let (limits, inputs) = (settings.limits, Inputs::default());
        Ok(Self { gpu, limits, inputs, results: None, resident: None, tuned, passes: 0 })
    }

    /// Says from now on what only those want to know who ask for more, and what there was of it so far.
    pub fn tell(&mut self, observe: &Observe) {
        self.gpu.tell(observe);
        self.tuned.tell(observe);
    }

    /// Starts to compile what any run over such rows will ask for, and then what is to be tried on them, or is known to be
    /// the fastest.
    pub fn compile_ahead(&mut self, shape: Shape, weights: Weights) -> Result<()> {
        self.gpu.compile_ahead(&Kernel::usual(shape.n_features, weights))?;
        self.gpu.compile_ahead(&self.tuned.foreseen(shape, weights))
    }

    /// Walks with one variant from now on, wherever it fits.
    pub fn walk_with(&mut self, variant: Variant) {
        self.tuned.only(variant);
    }

    /// The variant that the last pass was walked with, where its kernel has several.
    pub fn walked(&self) -> Option<Variant> {
        self.tuned.walked()
    }

    /// Whether the matrix stays on the device between passes; otherwise part of it is uploaded on each.
    pub fn holds_all(&self) -> bool {
        self.resident.as_ref().is_none_or(Resident::is_whole)
    }

    fn resident(&self) -> Result<&Resident> {
        self.resident.as_ref().ok_or_else(nothing_loaded)
    }

    fn matrix_rows(&self) -> usize {
        self.resident.as_ref().map_or(0, |resident| resident.matrix.n_rows())
    }

    fn accepts(&self, models: &[Centroids]) -> Result<()> {
        let d = self.resident()?.matrix.n_features();
        let fits = |model: &Centroids| model.n_features() == d && (1..=CLUSTERS_MAX).contains(&model.n_clusters());
        match models.iter().all(fits) && (1..=FEATURES_MAX).contains(&d) {
            true => Ok(()),
            false => Err(Error::bug("a model does not fit the matrix")),
        }
    }
}

impl Engine for GpuEngine {
    fn device(&self) -> &Device {
        &self.gpu.info
    }

    fn load(&mut self, matrix: Arc<Matrix>) -> Result<()> {
        // The old matrix goes first: both may not fit.
        self.resident = None;
        self.resident = Some(Resident::load(&mut self.gpu, &self.limits, matrix)?);
        Ok(())
    }

    fn step(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
        self.accepts(models)?;
        self.pass(models)
    }

    fn assign(&mut self, model: &Centroids) -> Result<Assignment> {
        self.accepts(std::slice::from_ref(model))?;
        self.assign_all(model)
    }

    fn farthest(&mut self, model: &Centroids, n: usize) -> Result<Vec<Row>> {
        self.accepts(std::slice::from_ref(model))?;
        self.farthest_rows(model, n)
    }

    fn counters(&self) -> Counters {
        self.gpu.counters
    }

    fn variant(&self) -> Option<&'static str> {
        self.walked().map(Variant::name)
    }

    fn blame(&mut self) {
        self.tuned.end(false);
    }

    fn is_settled(&self) -> bool {
        self.tuned.is_settled()
    }
}
