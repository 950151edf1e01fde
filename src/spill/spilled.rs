//! A spill file that is read: which of its blocks are resident, and whether they are what was written.
//!
//! Every block that is visited for the first time in a while is held against its checksum, which reads it from the disk or
//! from the system's cache, and joins a queue. Where the queue is longer than the window, the older half of it is given
//! back. A pass over all panels so has a window of them resident, whatever the size of the file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Place;
use super::format::{self, BLOCK_BYTES, BLOCK_VALUES, HEADER_BYTES, Shape};
use super::mapping::Mapping;
use crate::error::Result;
use crate::grid::PanelFile;

/// Blocks of the smallest window: one for each of a few threads, and some that are on their way out.
const WINDOW_BLOCKS_MIN: usize = 4;

/// Blocks that the system is asked for ahead of a reader: eight mebibytes.
const AHEAD_BLOCKS: usize = 4;

/// Never visited, so that nobody knows whether it is sound.
const NEW: u8 = 0;
/// Being held against its checksum.
const CHECKED: u8 = 1;
/// Sound, and counted as resident.
const RESIDENT: u8 = 2;
/// Not resident; it was sound when it came last.
const AWAY: u8 = 3;
/// Not what was written.
const DAMAGED: u8 = 4;

/// A whole spill file, mapped for reading.
#[derive(Debug)]
pub struct Spilled {
    place: Place,
    shape: Shape,
    mapping: Mapping,
    /// Checksums.
    index: Vec<u64>,
    states: Vec<AtomicU8>,
    /// Resident blocks, the one that came first in front.
    queue: Mutex<VecDeque<u32>>,
    window: usize,
    /// Bytes of blocks that came, whenever they came.
    brought: AtomicU64,
}

impl Spilled {
    /// Maps a file, once it is clear that it is one of ours and whole.
    pub(super) fn open(mut file: File, shape: Shape, place: Place) -> Result<Self> {
        let mut read = |at: u64, len: usize| {
            let mut bytes = vec![0; len];
            file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes)).map(|()| bytes)
        };
        let header = read(0, HEADER_BYTES).map_err(|error| place.error("read", error))?;
        let index = read(shape.index_at(), shape.blocks() * 8).map_err(|error| place.error("read", error))?;
        let index = format::check(shape, &header, &index).map_err(|what| place.damaged(what))?;
        let mapping = Mapping::new(&file, HEADER_BYTES as u64, shape.values() * size_of::<f32>())
            .map_err(|error| place.error("map", error))?;
        let window = usize::try_from(place.window).unwrap_or(usize::MAX) / BLOCK_BYTES;
        Ok(Self {
            shape,
            mapping,
            index,
            states: (0..shape.blocks()).map(|_| AtomicU8::new(NEW)).collect(),
            queue: Mutex::new(VecDeque::new()),
            window: window.max(WINDOW_BLOCKS_MIN),
            brought: AtomicU64::new(0),
            place,
        })
    }

    /// Bytes of blocks that came back from the disk or the system's cache since the file was mapped.
    pub fn bytes_brought(&self) -> u64 {
        self.brought.load(Ordering::Relaxed)
    }

    /// Brings a block in that is not resident; false where it is not what was written. `together` blocks are to be
    /// resident at once.
    fn bring(&self, block: usize, together: usize) -> bool {
        let state = &self.states[block];
        let turn = |from, to| state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if turn(NEW, CHECKED) || turn(AWAY, CHECKED) {
            self.join(block, together);
        }
        // Who comes while it is checked checks it too, and waits for nobody.
        match state.load(Ordering::Acquire) {
            CHECKED => {
                let sound = self.is_sound(block);
                turn(CHECKED, if sound { RESIDENT } else { DAMAGED });
                sound
            }
            DAMAGED => false,
            _ => true,
        }
    }

    fn is_sound(&self, block: usize) -> bool {
        format::hash(&self.mapping.values()[self.values_of(block)]) == self.index[block]
    }

    fn values_of(&self, block: usize) -> Range<usize> {
        block * BLOCK_VALUES..self.shape.values().min((block + 1) * BLOCK_VALUES)
    }

    fn bytes_of(&self, blocks: Range<usize>) -> Range<usize> {
        let end = (self.shape.values() * size_of::<f32>()).min(blocks.end * BLOCK_BYTES);
        (blocks.start * BLOCK_BYTES).min(end)..end
    }

    /// Counts a block as resident, gives back what came long before it, and has the system read ahead.
    fn join(&self, block: usize, together: usize) {
        self.brought.fetch_add(self.bytes_of(block..block + 1).len() as u64, Ordering::Relaxed);
        let mut leaving: Vec<u32> = Vec::new();
        {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.push_back(block as u32);
            if queue.len() > self.window.max(together) {
                let stay = (self.window / 2).max(together);
                let leave = queue.len() - stay;
                leaving.extend(queue.drain(..leave));
            }
        }
        if !leaving.is_empty() {
            self.give_back(leaving);
        }
        if block.is_multiple_of(AHEAD_BLOCKS) {
            // Behind the last one the next pass begins again.
            let next = (block + AHEAD_BLOCKS) % self.states.len().next_multiple_of(AHEAD_BLOCKS);
            self.mapping.ahead(self.bytes_of(next..next + AHEAD_BLOCKS));
        }
    }

    /// Blocks that lie side by side go in one call.
    fn give_back(&self, mut blocks: Vec<u32>) {
        blocks.retain(|&block| {
            let away =
                self.states[block as usize].compare_exchange(RESIDENT, AWAY, Ordering::AcqRel, Ordering::Acquire);
            if away == Err(CHECKED) {
                // Somebody is checking it: it stays for another round.
                self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(block);
            }
            away.is_ok()
        });
        blocks.sort_unstable();
        for run in blocks.chunk_by(|a, b| a + 1 == *b) {
            if let [first, ..] = run {
                // Where the mapping does not begin with a large page, the system brings in some of a neighbour too.
                let is_away = |block: usize| self.states[block].load(Ordering::Acquire) != RESIDENT;
                let (mut first, mut end) = (*first as usize, *first as usize + run.len());
                first -= usize::from(first > 0 && is_away(first - 1));
                end += usize::from(end < self.states.len() && is_away(end));
                self.mapping.release(self.bytes_of(first..end));
            }
        }
    }
}

impl PanelFile for Spilled {
    fn values(&self) -> &[f32] {
        self.mapping.values()
    }

    #[inline]
    fn visit(&self, values: Range<usize>) -> bool {
        let blocks = values.start / BLOCK_VALUES..values.end.div_ceil(BLOCK_VALUES).min(self.states.len());
        let together = blocks.len();
        let mut sound = true;
        for block in blocks {
            if self.states[block].load(Ordering::Acquire) != RESIDENT {
                sound &= self.bring(block, together);
            }
        }
        sound
    }

    fn check(&self) -> Result<()> {
        match self.states.iter().position(|state| state.load(Ordering::Acquire) == DAMAGED) {
            None => Ok(()),
            Some(block) => {
                let first = HEADER_BYTES + block * BLOCK_BYTES;
                Err(self.place.damaged(format_args!("the block at byte {first} does not have its checksum")))
            }
        }
    }

    fn bytes(&self) -> u64 {
        self.shape.file_bytes()
    }
}

#[cfg(test)]
mod tests;
