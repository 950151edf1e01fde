//! The one place that talks to the device: makes buffers and pipelines, uploads, submits, waits, reads back. It counts
//! all of that, and turns every way in which a device can fail into an error of kind `DeviceFault`: refused requests,
//! a lost device, a wait that never ends, a panic inside the driver's library.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use wgpu::{Buffer, BufferUsages, CommandEncoder};

use super::GpuSettings;
use super::adapters::{AdapterInfo, title};
use super::ahead::{Driver, Job};
use super::choices::Marks;
use super::clock::{Clock, Stopwatch};
use super::faults::{Fault, Faults};
use super::kept::Kept;
use super::opened::{Opened, Trouble};
use super::pipelines::{Awaited, Pipeline, Pipelines, ShaderChecks, compile};
use super::shaders::Kernel;
use super::staging::{Ring, Uploads};
use super::tuner::{Readiness, Tuning};
use crate::engine::{Counters, Device, DeviceKind};
use crate::error::{Error, Result};
use crate::observe::Observe;

/// A wait that takes longer than this is a hang: one pass is short dispatches, and even a slow device moves all of its
/// memory in a second.
pub const HANG: Duration = Duration::from_secs(30);

/// Buffers of the device that the host may write into.
const MAPPED: wgpu::Features = wgpu::Features::MAPPABLE_PRIMARY_BUFFERS;
const TIMED: wgpu::Features = wgpu::Features::TIMESTAMP_QUERY;

/// A range of a buffer, bound to a slot.
pub(super) struct Bound<'a> {
    pub slot: u32,
    pub buffer: &'a Buffer,
    pub offset: u64,
    pub bytes: u64,
}

impl<'a> Bound<'a> {
    pub fn whole(slot: u32, buffer: &'a Buffer) -> Self {
        Self { slot, buffer, offset: 0, bytes: buffer.size() }
    }
}

/// An open device.
pub(super) struct Gpu {
    pub info: Device,
    pub counters: Counters,
    pub faults: Faults,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) ring: Ring,
    /// Buffers that are mapped from their making on until they are filled.
    pub(super) straight: Vec<Buffer>,
    pub(super) uploads: Uploads,
    stopwatch: Option<Stopwatch>,
    clock: Clock,
    /// The dispatches of this pass are timed, though nobody counts.
    pub(super) takes_time: bool,
    trouble: Arc<Trouble>,
    pipelines: Pipelines,
    marks: Marks,
    readback: Option<Buffer>,
    checks: ShaderChecks,
    hang: Duration,
    hung: bool,
}

impl Gpu {
    pub fn open(adapter: &AdapterInfo, settings: &GpuSettings, marks: Marks) -> Result<Self> {
        let mut faults = Faults::take_armed();
        let cache = settings.cache.as_deref().and_then(|folder| adapter.cache(folder));
        let mut required_features = wgpu::Features::empty();
        required_features.set(wgpu::Features::PIPELINE_CACHE, cache.is_some());
        let offered = adapter.adapter().features();
        let shares_memory = matches!(adapter.device.kind, DeviceKind::IntegratedGpu | DeviceKind::SoftwareGpu);
        let straight = shares_memory && settings.uploads == Uploads::Straight;
        required_features |= offered & if straight { MAPPED } else { wgpu::Features::empty() };
        let is_timed = settings.clock == Clock::On || matches!(settings.tuning, Tuning::Above(_));
        required_features |= offered & if is_timed { TIMED } else { wgpu::Features::empty() };
        let mut opened = Opened::request(adapter, required_features)?;
        let mut stopwatch = None;
        if required_features.contains(TIMED) {
            stopwatch = Stopwatch::open(&opened.device, &opened.queue, faults.clock());
            if !opened.is_well() {
                // Nobody needs a clock so much as a device.
                stopwatch = None;
                std::mem::forget((opened.device, opened.queue));
                opened = Opened::request(adapter, required_features - TIMED)?;
            }
        }
        let Opened { device, queue, trouble } = opened;
        let kept = cache.map(|cache| Kept::open(cache, &device));
        let uploads = if required_features.contains(MAPPED) { Uploads::Straight } else { Uploads::Ring };
        Ok(Self {
            info: adapter.device.clone(),
            counters: Counters::default(),
            faults,
            device,
            queue,
            ring: Ring::new(settings.limits.slot_bytes),
            straight: Vec::new(),
            uploads,
            stopwatch,
            clock: settings.clock,
            takes_time: false,
            trouble,
            pipelines: Pipelines::new(kept, settings.hang),
            marks,
            readback: None,
            checks: settings.checks,
            hang: settings.hang,
            hung: false,
        })
    }

    pub fn tell(&mut self, observe: &Observe) {
        self.pipelines.tell(observe);
    }

    /// An error of this device, in one shape.
    pub fn fault(&self, what: impl std::fmt::Display) -> Error {
        Error::device(format!("the GPU {} failed: {what}", title(&self.info)))
            .hint("`--device cpu` gives the same result; `segmint devices --self-test` looks for driver faults")
    }

    /// Whether the driver has had nothing to complain of.
    pub fn is_well(&self) -> bool {
        self.trouble.seen().is_none()
    }

    /// One call to the device: counted, broken where a test wants it, watched for panics and for what the driver says.
    pub(super) fn call<T>(&mut self, what: &str, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.faults.count();
        if self.faults.strikes(Fault::Lost) {
            self.device.destroy();
            // The callback comes with the next look at the device.
            let _ = self.device.poll(wgpu::PollType::Poll);
        }
        let done = catch_unwind(AssertUnwindSafe(|| work(self)));
        if let Some(message) = self.trouble.seen() {
            return Err(self.fault(format!("{what}: {message}")));
        }
        done.unwrap_or_else(|_| Err(self.fault(format!("{what}: its driver's library panicked"))))
    }

    /// Takes effect with the next submit.
    pub fn upload(&mut self, buffer: &Buffer, bytes: &[u8]) -> Result<()> {
        self.call("upload", |gpu| {
            gpu.queue.write_buffer(buffer, 0, bytes);
            gpu.counters.bytes_uploaded += bytes.len() as u64;
            Ok(())
        })
    }

    /// Like `upload`, for centroids: tests have them arrive in a wrong order.
    pub fn upload_centroids(&mut self, buffer: &Buffer, mut bytes: Vec<u8>) -> Result<()> {
        if self.faults.strikes(Fault::WrongLabels) {
            bytes.rotate_left(4);
        }
        self.upload(buffer, &bytes)
    }

    /// The compiled kernel, from the first use on.
    pub fn pipeline(&mut self, kernel: Kernel) -> Result<Pipeline> {
        if let Some(pipeline) = self.pipelines.made(kernel) {
            return Ok(pipeline);
        }
        self.call("shader", |gpu| {
            let compiled = match gpu.pipelines.awaited(kernel) {
                Awaited::Done(compiled) => compiled,
                Awaited::Unbegun(text) => {
                    let text = text.unwrap_or_else(|| gpu.faults.shader(kernel.source()));
                    compile(&gpu.device, kernel, text, gpu.checks, gpu.pipelines.cache())
                }
            };
            let pipeline = compiled.map_err(|why| gpu.fault(format!("shader {}: {why}", kernel.stem())))?;
            gpu.pipelines.keep(pipeline.clone());
            Ok(pipeline)
        })
    }

    /// Starts to compile kernels that will be asked for.
    pub fn compile_ahead(&mut self, kernels: &[Kernel]) -> Result<()> {
        let mut new: Vec<Kernel> = kernels.iter().copied().filter(|&kernel| !self.pipelines.knows(kernel)).collect();
        new.sort_unstable();
        new.dedup();
        if new.is_empty() {
            return Ok(());
        }
        self.call("shaders", |gpu| {
            let job = |kernel: Kernel| {
                let text = gpu.faults.shader(kernel.source());
                Job { kernel, breaks: gpu.faults.compiler(&text), text }
            };
            let jobs = new.into_iter().map(job).collect();
            let (device, trouble, marks) = (gpu.device.clone(), gpu.trouble.clone(), gpu.marks.clone());
            let driver = Driver { device, trouble, marks, checks: gpu.checks, cache: gpu.pipelines.cache() };
            gpu.pipelines.start(jobs, driver);
            Ok(())
        })
    }

    /// How far a kernel is that was to be compiled ahead.
    pub fn readiness(&mut self, kernel: Kernel) -> Readiness {
        self.pipelines.readiness(kernel)
    }

    /// Whether the device takes its own time.
    pub fn has_clock(&self) -> bool {
        self.stopwatch.is_some()
    }

    /// The start of a list of work.
    pub fn encoder(&self) -> CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("segmint") })
    }

    /// Adds one dispatch to the list.
    pub fn dispatch(
        &mut self,
        encoder: &mut CommandEncoder,
        pipeline: &Pipeline,
        bounds: &[Bound<'_>],
        grid: (u32, u32),
    ) -> Result<()> {
        self.call("dispatch", |gpu| {
            let entries: Vec<_> = bounds
                .iter()
                .map(|bound| wgpu::BindGroupEntry {
                    binding: bound.slot,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: bound.buffer,
                        offset: bound.offset,
                        size: wgpu::BufferSize::new(bound.bytes),
                    }),
                })
                .collect();
            let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(pipeline.kernel.stem()),
                layout: &pipeline.layout,
                entries: &entries,
            });
            let is_timed = gpu.takes_time || gpu.clock == Clock::On;
            let timestamp_writes = gpu.stopwatch.as_mut().filter(|_| is_timed).and_then(Stopwatch::next);
            let descriptor = wgpu::ComputePassDescriptor { timestamp_writes, ..Default::default() };
            let mut pass = encoder.begin_compute_pass(&descriptor);
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(grid.0, grid.1, 1);
            gpu.counters.dispatches += 1;
            Ok(())
        })
    }

    /// Sends the list off without waiting.
    pub fn submit(&mut self, mut encoder: CommandEncoder) -> Result<wgpu::SubmissionIndex> {
        self.call("submit", |gpu| {
            if let Some(stopwatch) = &gpu.stopwatch {
                stopwatch.bring(&mut encoder);
            }
            gpu.counters.submits += 1;
            Ok(gpu.queue.submit([encoder.finish()]))
        })
    }

    /// Nanoseconds that the dispatches since the last call took, where the device takes its own time, 0 where it does not
    /// tell. They are counted where that was asked for. Their work must be done.
    pub fn read_clock(&mut self) -> Result<u64> {
        if self.stopwatch.is_none() {
            return Ok(0);
        }
        self.call("times", |gpu| {
            let nanoseconds = gpu.stopwatch.as_mut().map_or(0, |stopwatch| stopwatch.read(&gpu.device));
            if gpu.clock == Clock::On {
                gpu.counters.device_nanoseconds += nanoseconds;
            }
            Ok(nanoseconds)
        })
    }

    /// Waits for what was submitted, for so long as a working device could take.
    pub fn wait(&mut self, index: wgpu::SubmissionIndex) -> Result<()> {
        self.call("wait", |gpu| {
            let wait = wgpu::PollType::Wait { submission_index: Some(index), timeout: Some(gpu.hang) };
            let polled =
                if gpu.faults.strikes(Fault::Hang) { Err(wgpu::PollError::Timeout) } else { gpu.device.poll(wait) };
            match polled {
                Ok(_) => Ok(()),
                Err(wgpu::PollError::Timeout) => {
                    gpu.hung = true;
                    Err(gpu.fault(format!("no answer for {} seconds", gpu.hang.as_secs_f32())))
                }
                Err(error) => Err(gpu.fault(error)),
            }
        })
    }

    /// Adds to the list a copy of `bytes` of a buffer to where the host can read them.
    pub fn copy_back(&mut self, encoder: &mut CommandEncoder, from: &Buffer, offset: u64, bytes: u64) -> Result<()> {
        let fits = self.readback.as_ref().is_some_and(|buffer| buffer.size() >= bytes);
        if !fits {
            let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
            self.readback = Some(self.buffer("readback", bytes, usage)?);
        }
        let Some(to) = &self.readback else { return Err(Error::bug("the readback buffer is gone")) };
        encoder.copy_buffer_to_buffer(from, offset, to, 0, bytes);
        Ok(())
    }

    /// Waits for the submit and hands over what its `copy_back` brought.
    pub fn read_back(&mut self, index: wgpu::SubmissionIndex, bytes: u64) -> Result<Vec<u8>> {
        let Some(buffer) = self.readback.clone() else { return Err(Error::bug("nothing was copied back")) };
        let (sender, receiver) = mpsc::channel();
        self.call("map", |_| {
            buffer.slice(..bytes).map_async(wgpu::MapMode::Read, move |mapped| {
                // The receiver is gone only where the wait failed already.
                let _ = sender.send(mapped);
            });
            Ok(())
        })?;
        self.wait(index)?;
        self.call("read back", |gpu| {
            match receiver.try_recv() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(gpu.fault(error)),
                Err(_) => return Err(gpu.fault("the readback was not mapped when its work was done")),
            }
            let view = buffer.slice(..bytes).get_mapped_range().map_err(|error| gpu.fault(error))?;
            let copy = view.to_vec();
            drop(view);
            buffer.unmap();
            gpu.counters.readbacks += 1;
            gpu.counters.bytes_read_back += bytes;
            Ok(copy)
        })
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        if !self.hung && self.is_well() && !self.pipelines.is_hung() {
            self.pipelines.save();
        }
        if self.hung || !self.is_well() || self.pipelines.is_hung() {
            // The library waits for all work when the last handle goes: for a hung device that is for ever, for a broken
            // one it may panic. One handle is kept until the process ends.
            self.pipelines.abandon();
            std::mem::forget(self.device.clone());
            std::mem::forget(self.queue.clone());
        }
    }
}
