//! Compiled kernels. A kernel is compiled at its first use, or before it on a thread of its own: drivers take tens of
//! milliseconds for one, and while rows are uploaded a core is free.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

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
type Compiled = Result<Pipeline, String>;

/// The kernels of one device.
pub(super) struct Pipelines {
    made: BTreeMap<Kernel, Pipeline>,
    /// Those that were compiled ahead, and that the driver did not take.
    refused: BTreeSet<Kernel>,
    ahead: Vec<Ahead>,
    /// Tells the threads that nobody needs any more kernels.
    enough: Arc<AtomicBool>,
    kept: Option<Kept>,
}

/// A thread that compiles kernels before they are asked for.
struct Ahead {
    kernels: Vec<Kernel>,
    compiled: Receiver<(Kernel, Compiled)>,
    thread: JoinHandle<()>,
}

impl Pipelines {
    pub fn new(kept: Option<Kept>) -> Self {
        let (made, refused) = (BTreeMap::new(), BTreeSet::new());
        Self { made, refused, ahead: Vec::new(), enough: Arc::default(), kept }
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

    /// Keeps what was compiled for the next run.
    pub fn save(&mut self) {
        self.join();
        if let Some(kept) = &mut self.kept {
            kept.save();
        }
    }

    pub fn made(&self, kernel: Kernel) -> Option<Pipeline> {
        self.made.get(&kernel).cloned()
    }

    /// Whether a kernel is there or on its way, or will never come that way.
    pub fn knows(&self, kernel: Kernel) -> bool {
        self.made.contains_key(&kernel) || self.refused.contains(&kernel) || self.is_underway(kernel)
    }

    fn is_underway(&self, kernel: Kernel) -> bool {
        self.ahead.iter().any(|ahead| ahead.kernels.contains(&kernel))
    }

    /// How far a kernel is, without waiting for it.
    pub fn readiness(&mut self, kernel: Kernel) -> Readiness {
        for ahead in &mut self.ahead {
            loop {
                match ahead.compiled.try_recv() {
                    Ok((found, compiled)) => {
                        ahead.kernels.retain(|waiting| *waiting != found);
                        match compiled {
                            Ok(pipeline) => drop(self.made.insert(found, pipeline)),
                            Err(_) => drop(self.refused.insert(found)),
                        }
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        self.refused.extend(ahead.kernels.drain(..));
                        break;
                    }
                }
            }
        }
        match (self.made.contains_key(&kernel), self.is_underway(kernel)) {
            (true, _) => Readiness::Ready,
            (false, true) => Readiness::Underway,
            (false, false) => Readiness::Refused,
        }
    }

    pub fn keep(&mut self, pipeline: Pipeline) {
        self.made.insert(pipeline.kernel, pipeline);
    }

    /// Starts to compile kernels, each from its text.
    pub fn start(&mut self, device: &wgpu::Device, texts: Vec<(Kernel, String)>, checks: ShaderChecks) {
        let kernels = texts.iter().map(|(kernel, _)| *kernel).collect();
        let (sender, compiled) = channel();
        let (device, cache, enough) = (device.clone(), self.cache(), self.enough.clone());
        let thread = spawn(move || {
            for (kernel, text) in texts {
                if enough.load(Ordering::Relaxed) {
                    return;
                }
                let done = catch_unwind(AssertUnwindSafe(|| compile(&device, kernel, text, checks, cache.clone())));
                // Nobody listens any more where the device was given up.
                let _ = sender.send((kernel, done.unwrap_or_else(|panic| Err(panicked(&*panic)))));
            }
        });
        self.ahead.push(Ahead { kernels, compiled, thread });
    }

    /// What came of a kernel that is on its way; None where it is not.
    pub fn awaited(&mut self, kernel: Kernel, most: Duration) -> Option<Compiled> {
        let ahead = self.ahead.iter_mut().find(|ahead| ahead.kernels.contains(&kernel))?;
        loop {
            match ahead.compiled.recv_timeout(most) {
                Ok((found, compiled)) => {
                    ahead.kernels.retain(|waiting| *waiting != found);
                    if found == kernel {
                        return Some(compiled);
                    }
                    // One that failed is compiled once more where it is needed, and fails there.
                    if let Ok(pipeline) = compiled {
                        self.made.insert(found, pipeline);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Some(Err(format!("no answer for {} seconds", most.as_secs())));
                }
                Err(RecvTimeoutError::Disconnected) => return Some(Err("its compilation ended".to_owned())),
            }
        }
    }

    fn join(&mut self) {
        // A process that ends while a driver compiles may crash in it: what has begun is waited for.
        self.enough.store(true, Ordering::Relaxed);
        for ahead in self.ahead.drain(..) {
            let _ = ahead.thread.join();
        }
    }

    /// Waits for no thread any more: its driver may never answer.
    pub fn abandon(&mut self) {
        self.ahead.clear();
    }
}

impl Drop for Pipelines {
    fn drop(&mut self) {
        self.join();
    }
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    let what = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("its driver's library panicked: {}", what.unwrap_or("without a word"))
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
    // `params.end`, other rows with `params.other_end`, features and clusters with d and k, models with `params.models`,
    // their clusters with the ends that the host writes beside them, near ties with `params.tie_capacity`, and the host
    // sizes the bindings from the same numbers; every loop counts up to one of these; divisors are constants, or
    // `params.all_models`, which is at least 1.
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
