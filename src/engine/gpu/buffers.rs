//! Memory of the device: buffers for kernels and for the way to them. Each is made under the eyes of the driver, so that a
//! device that is full says so here and not later.

use wgpu::{Buffer, BufferUsages};

use super::device::Gpu;
use super::faults::Fault;
use crate::error::Result;

/// What the host can do with a buffer when it is made.
#[derive(PartialEq)]
enum Begins {
    Mapped,
    Unmapped,
}

impl Gpu {
    /// A buffer of at least one word.
    pub fn buffer(&mut self, label: &'static str, bytes: u64, usage: BufferUsages) -> Result<Buffer> {
        self.made(label, bytes, usage, Begins::Unmapped)
    }

    /// The same, for the host to write into at once.
    pub fn mapped_buffer(&mut self, label: &'static str, bytes: u64, usage: BufferUsages) -> Result<Buffer> {
        self.made(label, bytes, usage, Begins::Mapped)
    }

    fn made(&mut self, label: &'static str, bytes: u64, usage: BufferUsages, begins: Begins) -> Result<Buffer> {
        self.call("memory", |gpu| {
            if gpu.faults.strikes(Fault::OutOfMemory) {
                return Err(gpu.fault(format!("out of memory: {bytes} bytes for {label}")));
            }
            let memory = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
            let validation = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
            let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: bytes.max(4).next_multiple_of(4),
                usage,
                mapped_at_creation: begins == Begins::Mapped,
            });
            let refused = pollster::block_on(validation.pop());
            let exhausted = pollster::block_on(memory.pop());
            match refused.or(exhausted) {
                None => Ok(buffer),
                Some(error) => Err(gpu.fault(format!("{bytes} bytes for {label}: {error}"))),
            }
        })
    }

    /// A buffer that kernels read and the host fills.
    pub fn input(&mut self, label: &'static str, bytes: u64) -> Result<Buffer> {
        self.buffer(label, bytes, BufferUsages::STORAGE | BufferUsages::COPY_DST)
    }

    /// A buffer that kernels write and the host reads.
    pub fn output(&mut self, label: &'static str, bytes: u64) -> Result<Buffer> {
        self.buffer(label, bytes, BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC)
    }
}
