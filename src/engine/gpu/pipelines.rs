//! Compiled kernels. A kernel is compiled at its first use, or before it by the thread that compiles ahead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::ahead::{Ahead, Driver, Job};
use super::kept::Kept;
use super::shaders::{Access, Kernel};
use super::tuner::Readiness;
use crate::observe::Observe;

/// Whether compiled shaders check their own bounds and loops. Ours are written for known sizes and need no checks; the
/// equality tests run them both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShaderChecks {
    Off,
    On,
}

/// A compiled kernel and how its bindings lie.
#[derive(Clone)]
pub(super) struct Pipeline {
    pub kernel: Kernel,
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
}

/// What came of a compilation: a pipeline, or what is wrong.
pub(super) type Compiled = Result<Pipeline, String>;

/// How far a kernel is that is asked for now.
pub(super) enum Awaited {
    /// Nobody has begun with it; what was foreseen has its text.
    Unbegun(Option<String>),
    Done(Compiled),
}

/// The kernels of one device.
pub(super) struct Pipelines {
    made: BTreeMap<Kernel, Pipeline>,
    /// Those that were compiled ahead, and that the driver did not take.
    refused: BTreeSet<Kernel>,
    underway: BTreeSet<Kernel>,
    ahead: Ahead,
    kept: Option<Kept>,
    /// The most that anybody waits for a driver.
    hang: Duration,
    hung: bool,
}

impl Pipelines {
    pub fn new(kept: Option<Kept>, hang: Duration) -> Self {
        let (made, refused, underway) = Default::default();
        Self { made, refused, underway, ahead: Ahead::new(), kept, hang, hung: false }
    }

    pub fn tell(&mut self, observe: &Observe) {
        if let Some(kept) = &mut self.kept {
            kept.tell(observe);
        }
    }

    /// What compilations share with earlier runs.
    pub fn cache(&self) -> Option<wgpu::PipelineCache> {
        self.kept.as_ref().and_then(Kept::cache)
    }

    /// Whether a driver did not come back from a compilation in time.
    pub fn is_hung(&self) -> bool {
        self.hung
    }

    /// Keeps what was compiled for the next run. A process that ends while a driver compiles may crash in it: what has
    /// begun is waited for, but not for ever.
    pub fn save(&mut self) {
        self.hung |= !self.ahead.stop(self.hang);
        if let Some(kept) = self.kept.as_mut().filter(|_| !self.hung) {
            kept.save();
        }
    }

    /// Waits for nothing any more: the driver may never answer.
    pub fn abandon(&mut self) {
        let _ = self.ahead.stop(Duration::ZERO);
    }

    pub fn made(&self, kernel: Kernel) -> Option<Pipeline> {
        self.made.get(&kernel).cloned()
    }

    /// Whether a kernel is there or on its way, or will never come that way.
    pub fn knows(&self, kernel: Kernel) -> bool {
        self.made.contains_key(&kernel) || self.refused.contains(&kernel) || self.underway.contains(&kernel)
    }

    /// How far a kernel is, without waiting for it.
    pub fn readiness(&mut self, kernel: Kernel) -> Readiness {
        while let Ok((found, compiled)) = self.ahead.compiled.try_recv() {
            self.underway.remove(&found);
            match compiled {
                Ok(pipeline) => drop(self.made.insert(found, pipeline)),
                Err(_) => drop(self.refused.insert(found)),
            }
        }
        match (self.made.contains_key(&kernel), self.underway.contains(&kernel)) {
            (true, _) => Readiness::Ready,
            (false, true) => Readiness::Underway,
            (false, false) => Readiness::Refused,
        }
    }

    pub fn keep(&mut self, pipeline: Pipeline) {
        self.made.insert(pipeline.kernel, pipeline);
    }

    /// Starts to compile kernels. Where no thread can be had they count as refused, and are compiled where they are needed.
    pub fn start(&mut self, jobs: Vec<Job>, driver: Driver) {
        let kernels: Vec<Kernel> = jobs.iter().map(|job| job.kernel).collect();
        match self.ahead.start(jobs, driver) {
            true => self.underway.extend(kernels),
            false => self.refused.extend(kernels),
        }
    }

    /// What came of a kernel, if need be once the thread is done with it.
    pub fn awaited(&mut self, kernel: Kernel) -> Awaited {
        if !self.underway.contains(&kernel) {
            return Awaited::Unbegun(None);
        }
        if let Some(job) = self.ahead.take(kernel) {
            self.underway.remove(&kernel);
            return Awaited::Unbegun(Some(job.text));
        }
        loop {
            match self.ahead.compiled.recv_timeout(self.hang) {
                Ok((found, compiled)) => {
                    self.underway.remove(&found);
                    if found == kernel {
                        return Awaited::Done(compiled);
                    }
                    match compiled {
                        Ok(pipeline) => drop(self.made.insert(found, pipeline)),
                        // It is compiled once more where it is needed, and fails there.
                        Err(_) => drop(self.refused.insert(found)),
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.hung = true;
                    return Awaited::Done(Err(format!("no answer for {} seconds", self.hang.as_secs_f32())));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Awaited::Done(Err("its compilation ended".to_owned()));
                }
            }
        }
    }
}

#[allow(unsafe_code)]
pub(super) fn compile(
    device: &wgpu::Device,
    kernel: Kernel,
    text: String,
    checks: ShaderChecks,
    cache: Option<wgpu::PipelineCache>,
) -> Compiled {
    // Scopes are the calling thread's own.
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let descriptor =
        wgpu::ShaderModuleDescriptor { label: Some(kernel.stem()), source: wgpu::ShaderSource::Wgsl(text.into()) };
    let checks = match checks {
        ShaderChecks::On => wgpu::ShaderRuntimeChecks::checked(),
        ShaderChecks::Off => wgpu::ShaderRuntimeChecks::unchecked(),
    };
    // SAFETY: the text is ours. Every index stays below the size of its binding, because rows are compared with
    // `params.end` (a thread that takes several rows looks at `end - 1` in place of those behind it, and only where its
    // first row lies before `end`, so that there is such a row), other rows with `params.other_end`, features and
    // clusters with d and k, models with `params.models`, their clusters with the ends that the host writes beside
    // them, near ties with `params.tie_capacity`, and the host sizes the bindings from the same numbers. In workgroup
    // memory, the sums of a dispatch take `sum_words` words times the copies of its variant: `batches` packs models
    // while their sums fit `WORKGROUP_WORDS`, and `Kernel::lloyd` takes a variant only where `Variant::fits` says that
    // all its copies do, and a room of at least so many words; clusters of a dispatch stay below `params.k`, and a copy
    // below the number of them. A general kernel keeps its sums there only where those of its one model fit. Every loop
    // counts up to one of these; divisors are constants, or `params.all_models`, which is at least 1.
    let module = unsafe { device.create_shader_module_trusted(descriptor, checks) };
    let entries: Vec<_> = kernel.bindings().into_iter().map(|(slot, access)| layout_entry(slot, access)).collect();
    let layout = device
        .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(kernel.stem()), entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(kernel.stem()),
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(kernel.stem()),
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &[],
            // Kernels clear what they use.
            zero_initialize_workgroup_memory: false,
        },
        cache: cache.as_ref(),
    });
    let failed = pollster::block_on(internal.pop());
    let refused = pollster::block_on(validation.pop());
    match refused.or(failed) {
        None => Ok(Pipeline { kernel, pipeline, layout }),
        Some(error) => Err(error.to_string()),
    }
}

fn layout_entry(slot: u32, access: Access) -> wgpu::BindGroupLayoutEntry {
    let ty = match access {
        Access::Uniform => wgpu::BufferBindingType::Uniform,
        Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
        Access::ReadWrite => wgpu::BufferBindingType::Storage { read_only: false },
    };
    wgpu::BindGroupLayoutEntry {
        binding: slot,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}
