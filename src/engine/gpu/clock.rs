//! The device's own time of its dispatches: two timestamps around each. Measurements take it of all of them, and a run that
//! tunes takes it of the passes of its trial. A device that cannot be made to tell is one without a clock, and no more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use wgpu::{Buffer, BufferUsages, CommandEncoder, ComputePassTimestampWrites};

use super::faults::BrokenClock;

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
    /// None where the driver does not go along with what it offered; the device may be lost by that, which it says itself.
    pub fn open(device: &wgpu::Device, queue: &wgpu::Queue, broken: Option<BrokenClock>) -> Option<Self> {
        let scopes = [wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::OutOfMemory];
        let scopes = scopes.map(|filter| device.push_error_scope(filter));
        let made = catch_unwind(AssertUnwindSafe(|| Self::new(device, queue, broken)));
        // The one that was pushed last goes first.
        let errors: Vec<_> = scopes.into_iter().rev().filter_map(|scope| pollster::block_on(scope.pop())).collect();
        made.ok().filter(|_| errors.is_empty())
    }

    fn new(device: &wgpu::Device, queue: &wgpu::Queue, broken: Option<BrokenClock>) -> Self {
        let count = if broken == Some(BrokenClock::Refused) { TIMESTAMPS_MAX + 1 } else { TIMESTAMPS_MAX };
        match broken {
            Some(BrokenClock::Panics) => panic!("a driver's library that was told to"),
            Some(BrokenClock::Lost) => device.destroy(),
            Some(BrokenClock::Refused) | None => {}
        }
        let buffer = |usage| {
            let size = BYTES * u64::from(TIMESTAMPS_MAX);
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("times"),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let ty = wgpu::QueryType::Timestamp;
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
        let view = match mapped.try_recv() {
            Ok(Ok(())) => slice.get_mapped_range().ok(),
            _ => None,
        };
        let times: Option<Vec<u64>> = view.map(|view| bytemuck::pod_collect_to_vec(&view));
        // Also where it is not mapped yet, or its mapping cannot be seen: the next list of work writes there.
        self.readable.unmap();
        let ticks = times.and_then(|times| ticks_of(&times)).unwrap_or(0);
        (ticks as f64 * self.period) as u64
    }
}

/// The sum of all dispatches, of which each wrote when it began and when it ended. One that ended before it began was timed
/// by no clock that can be believed: then nothing is known.
fn ticks_of(times: &[u64]) -> Option<u64> {
    let dispatches = times.chunks_exact(2).map(|pair| pair[1].checked_sub(pair[0]));
    dispatches.sum::<Option<u64>>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dispatch_that_ends_before_it_begins_makes_the_reading_unknown() {
        assert_eq!(ticks_of(&[5, 8, 8, 12]), Some(7));
        assert_eq!(ticks_of(&[5, 5]), Some(0));
        assert_eq!(ticks_of(&[5, 8, 12, 8, 20, 21]), None);
    }
}
