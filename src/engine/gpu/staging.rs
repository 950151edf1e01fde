//! The way of rows to the device: a ring of a few mapped buffers. The host copies into one while the device copies from
//! another; nobody waits but for a place in the ring, and no more memory is taken than the ring has, however much goes
//! through it.
//!
//! `write_buffer` would take a buffer as large as what is written on each call, and keep it until the work behind it is
//! done; a buffer that is mapped when it is made would, without `MAPPABLE_PRIMARY_BUFFERS`, be backed by a copy of its
//! whole size, cleared first. Where the device works in the host's memory and has that feature, rows that stay are
//! written straight into their place, and there is no copy at all.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::mpsc::{Receiver, channel};

use wgpu::{Buffer, BufferUsages};

use super::device::Gpu;
use crate::error::Result;

/// Buffers of the ring: one that the host fills, one that the device empties, and two on the way.
pub const SLOTS: usize = 4;

/// Bytes of each, so that a copy takes far longer than what it takes to ask for it.
pub const SLOT_BYTES: u64 = 8 << 20;

/// Less than this part of a slot goes by `write_buffer`.
const SMALL: u64 = 128;

/// A buffer that the host can write into now, or once the device is done with it.
struct Slot {
    buffer: Buffer,
    busy: Option<Busy>,
}

struct Busy {
    until: wgpu::SubmissionIndex,
    mapped: Receiver<Result<(), wgpu::BufferAsyncError>>,
}

/// The ring, the slot that was used longest ago in front.
pub(super) struct Ring {
    slots: VecDeque<Slot>,
    slot_bytes: u64,
}

impl Ring {
    /// Whole words, and at least one.
    pub fn new(slot_bytes: u64) -> Self {
        Self { slots: VecDeque::new(), slot_bytes: slot_bytes.next_multiple_of(4).max(4) }
    }

    fn bytes(&self) -> u64 {
        self.slots.iter().map(|slot| slot.buffer.size()).sum()
    }
}

/// How a buffer that stays is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uploads {
    /// Mapped, where the device works in the host's memory and allows it.
    Straight,
    Ring,
}

impl Gpu {
    /// Puts `bytes` bytes into a buffer from its beginning: straight where it is mapped still, else through the ring, with
    /// the next submits. `part` gives the bytes of a range, whole words.
    pub fn fill<'a>(&mut self, to: &Buffer, bytes: u64, part: &dyn Fn(Range<usize>) -> Cow<'a, [u8]>) -> Result<()> {
        self.counters.bytes_uploaded += bytes;
        if let Some(place) = self.straight.iter().position(|straight| straight == to) {
            self.straight.swap_remove(place);
            return self.write_straight(to, bytes, part);
        }
        let slot_bytes = self.ring.slot_bytes;
        if bytes < slot_bytes / SMALL {
            return self.call("upload", |gpu| {
                gpu.queue.write_buffer(to, 0, &part(0..bytes as usize));
                Ok(())
            });
        }
        for first in (0..bytes).step_by(slot_bytes as usize) {
            let end = bytes.min(first + slot_bytes);
            self.send_piece(to, first, &part(first as usize..end as usize))?;
        }
        Ok(())
    }

    fn write_straight<'a>(
        &mut self,
        to: &Buffer,
        bytes: u64,
        part: &dyn Fn(Range<usize>) -> Cow<'a, [u8]>,
    ) -> Result<()> {
        self.call("upload", |gpu| {
            for first in (0..bytes).step_by(SLOT_BYTES as usize) {
                let end = bytes.min(first + SLOT_BYTES);
                let mut view = to.slice(first..end).get_mapped_range_mut().map_err(|error| gpu.fault(error))?;
                view.copy_from_slice(&part(first as usize..end as usize));
            }
            to.unmap();
            Ok(())
        })
    }

    /// Copies a piece into a slot, and has the device copy it from there.
    fn send_piece(&mut self, to: &Buffer, offset: u64, piece: &[u8]) -> Result<()> {
        let buffer = self.free_slot(piece.len() as u64)?;
        let bytes = piece.len() as u64;
        self.call("upload", |gpu| {
            let mut view = buffer.slice(..bytes).get_mapped_range_mut().map_err(|error| gpu.fault(error))?;
            view.copy_from_slice(piece);
            drop(view);
            buffer.unmap();
            Ok(())
        })?;
        let mut encoder = self.encoder();
        encoder.copy_buffer_to_buffer(&buffer, 0, to, offset, bytes);
        let until = self.submit(encoder)?;
        let (sender, mapped) = channel();
        self.call("map", |_| {
            buffer.slice(..).map_async(wgpu::MapMode::Write, move |done| {
                // Nobody listens any more where the device was given up.
                let _ = sender.send(done);
            });
            Ok(())
        })?;
        self.ring.slots.push_back(Slot { buffer, busy: Some(Busy { until, mapped }) });
        Ok(())
    }

    /// Takes a mapped buffer of at least so many bytes out of the ring: a new one while there are few, else the one that
    /// was used longest ago, once the device is done with it.
    fn free_slot(&mut self, bytes: u64) -> Result<Buffer> {
        if self.ring.slots.len() == SLOTS
            && let Some(Slot { buffer, busy }) = self.ring.slots.pop_front()
        {
            if let Some(busy) = busy {
                self.wait(busy.until)?;
                match busy.mapped.try_recv() {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return Err(self.fault(error)),
                    Err(_) => return Err(self.fault("a staging buffer was not mapped when its work was done")),
                }
            }
            if buffer.size() >= bytes {
                return Ok(buffer);
            }
        }
        // Small tables need no large ring.
        let size = bytes.next_power_of_two().min(self.ring.slot_bytes).max(bytes);
        let buffer = self.mapped_buffer("staging", size, BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC)?;
        self.counters.staging_bytes = self.counters.staging_bytes.max(self.ring.bytes() + size);
        Ok(buffer)
    }

    /// A buffer for rows that stay on the device, to be filled next.
    pub fn kept_input(&mut self, label: &'static str, bytes: u64) -> Result<Buffer> {
        if self.uploads == Uploads::Ring {
            return self.input(label, bytes);
        }
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::MAP_WRITE;
        let buffer = self.mapped_buffer(label, bytes, usage)?;
        self.straight.push(buffer.clone());
        Ok(buffer)
    }

    /// Forgets buffers that were made to be filled and never were.
    pub fn forget_unfilled(&mut self) {
        self.straight.clear();
    }
}

/// A whole slice, part by part.
pub(super) fn parts_of<'a>(bytes: &'a [u8]) -> impl Fn(Range<usize>) -> Cow<'a, [u8]> {
    move |range| Cow::Borrowed(&bytes[range])
}
