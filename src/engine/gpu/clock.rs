//! The device's own time of its dispatches, for measurements: two timestamps around each. Runs keep it off, and pay nothing.

use std::sync::mpsc;

use wgpu::{Buffer, BufferUsages, CommandEncoder, ComputePassTimestampWrites};

/// Whether a device takes the time of its own work, where it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    #[default]
    Off,
    On,
}

/// Timestamps that WebGPU grants a set of them; dispatches beyond are not timed, and then nothing is said.
const TIMESTAMPS_MAX: u32 = 4096;
const BYTES: u64 = 8;

pub(super) struct Stopwatch {
    set: wgpu::QuerySet,
    resolved: Buffer,
    readable: Buffer,
    used: u32,
    /// A dispatch found no place.
    full: bool,
    /// Nanoseconds of a tick.
    period: f64,
}

impl Stopwatch {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let buffer = |usage| {
            let size = BYTES * u64::from(TIMESTAMPS_MAX);
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("times"),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let (ty, count) = (wgpu::QueryType::Timestamp, TIMESTAMPS_MAX);
        Self {
            set: device.create_query_set(&wgpu::QuerySetDescriptor { label: Some("times"), ty, count }),
            resolved: buffer(BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC),
            readable: buffer(BufferUsages::MAP_READ | BufferUsages::COPY_DST),
            used: 0,
            full: false,
            period: f64::from(queue.get_timestamp_period()),
        }
    }

    /// Where the next dispatch writes when it begins and ends.
    pub fn next(&mut self) -> Option<ComputePassTimestampWrites<'_>> {
        if self.used + 2 > TIMESTAMPS_MAX {
            self.full = true;
            return None;
        }
        let first = self.used;
        self.used += 2;
        Some(ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        })
    }

    /// Has a list of work end by bringing all times so far to where the host can read them.
    pub fn bring(&self, encoder: &mut CommandEncoder) {
        if self.used > 0 {
            encoder.resolve_query_set(&self.set, 0..self.used, &self.resolved, 0);
            encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.readable, 0, BYTES * u64::from(self.used));
        }
    }

    /// Nanoseconds of all dispatches since the last call, whose work must be done; 0 where the device does not tell.
    pub fn read(&mut self, device: &wgpu::Device) -> u64 {
        let (used, full) = (std::mem::take(&mut self.used), std::mem::take(&mut self.full));
        if used == 0 || full {
            return 0;
        }
        let slice = self.readable.slice(..BYTES * u64::from(used));
        let (sender, mapped) = mpsc::channel();
        slice.map_async(wgpu::MapMode::Read, move |done| {
            let _ = sender.send(done);
        });
        let _ = device.poll(wgpu::PollType::Poll);
        if !matches!(mapped.try_recv(), Ok(Ok(()))) {
            return 0;
        }
        let Ok(view) = slice.get_mapped_range() else { return 0 };
        let times: Vec<u64> = bytemuck::pod_collect_to_vec(&view);
        drop(view);
        self.readable.unmap();
        let ticks: u64 = times.chunks_exact(2).map(|pair| pair[1].saturating_sub(pair[0])).fold(0, u64::saturating_add);
        (ticks as f64 * self.period) as u64
    }
}
