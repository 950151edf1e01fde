//! A matrix on the device: chunks of panels that stay there as far as memory goes, and one place through which the
//! others are uploaded again on each pass.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use wgpu::Buffer;

use super::device::Gpu;
use super::limits::{Limits, too_many_rows};
use super::settle::audit_rows;
use super::shaders::{Kernel, Weights};
use super::staging::parts_of;
use crate::engine::DeviceKind;
use crate::error::{Error, Kind, Result};
use crate::grid::{Matrix, PANEL_ROWS};

/// Whole panels that are worked on together.
pub(super) struct Chunk {
    /// Rows within the matrix.
    pub rows: Range<usize>,
    /// The audited rows that lie in it, as positions in their list.
    pub audited: Range<usize>,
    data: Option<ChunkData>,
}

/// A chunk's data on the device.
#[derive(Clone)]
pub(super) struct ChunkData {
    pub panels: Buffer,
    pub weights: Option<Buffer>,
    /// One bit per row: whether its labels are audited.
    pub audited: Buffer,
}

/// How a buffer for rows is made.
type Input = fn(&mut Gpu, &'static str, u64) -> Result<Buffer>;

pub(super) struct Resident {
    pub matrix: Arc<Matrix>,
    pub weights: Weights,
    pub chunks: Vec<Chunk>,
    /// Ascending.
    pub audited: Vec<u64>,
    /// One word per row of the largest chunk: what `assign` and `farthest` find, chunk after chunk.
    pub labels: Buffer,
    stream: Option<ChunkData>,
}

impl Resident {
    pub fn load(gpu: &mut Gpu, limits: &Limits, matrix: Arc<Matrix>) -> Result<Self> {
        let n_rows = matrix.n_rows();
        if let Some(why) = too_many_rows(n_rows, matrix.weights().is_some()) {
            return Err(gpu.fault(why));
        }
        let step = limits.chunk_rows(matrix.n_features()).ok_or_else(|| {
            gpu.fault(format!(
                "bindings of {} bytes do not hold {PANEL_ROWS} rows of {} features",
                limits.binding_bytes,
                matrix.n_features()
            ))
        })?;
        let audited = audit_rows(&matrix);
        let mut chunks: Vec<Chunk> = (0..n_rows)
            .step_by(step)
            .map(|first| {
                let rows = first..n_rows.min(first.saturating_add(step));
                let position = |row: usize| audited.partition_point(|&a| a < row as u64);
                Chunk { audited: position(rows.start)..position(rows.end), rows, data: None }
            })
            .collect();
        let weights = if matrix.weights().is_some() { Weights::Given } else { Weights::None };
        gpu.compile_ahead(&Kernel::usual(matrix.n_features(), weights))?;
        let labels = gpu.output("labels", 4 * step.min(n_rows.next_multiple_of(PANEL_ROWS)) as u64)?;

        // A device in the same memory keeps what is left of it.
        let shares_memory = matches!(gpu.info.kind, DeviceKind::IntegratedGpu | DeviceKind::SoftwareGpu);
        let beside = if shares_memory { matrix.beside() } else { u64::MAX };
        gpu.forget_unfilled();
        let mut stream = None;
        let mut used = 0;
        for (index, chunk) in chunks.iter_mut().enumerate() {
            let bytes = chunk.bytes(&matrix);
            if used + bytes > limits.resident_bytes.min(beside) {
                // The largest chunk is the first, so that all others fit its place.
                stream = Some(ChunkData::make(gpu, &matrix, &(0..step.min(n_rows)), Gpu::input)?);
                break;
            }
            match ChunkData::make(gpu, &matrix, &chunk.rows, Gpu::kept_input) {
                Ok(data) => chunk.data = Some(data),
                // A device that is full keeps what it has, and less by one chunk, to work in.
                Err(error) if index >= 2 && error.kind() == Kind::DeviceFault && gpu.is_well() => {
                    stream = chunks[index - 1].data.take();
                    break;
                }
                Err(error) => return Err(error),
            }
            used += bytes;
            if let Some(data) = &chunk.data {
                data.fill(gpu, &matrix, &chunk.rows, &audited[chunk.audited.clone()])?;
            }
        }
        Ok(Self { matrix, weights, chunks, audited, labels, stream })
    }

    /// Whether every chunk stays on the device.
    pub fn is_whole(&self) -> bool {
        self.chunks.iter().all(|chunk| chunk.data.is_some())
    }

    /// A chunk's data; where it does not stay on the device, it is uploaded with the next submit, behind the work that
    /// was submitted for the chunk before.
    pub fn data(&self, gpu: &mut Gpu, chunk: usize) -> Result<ChunkData> {
        let chunk = &self.chunks[chunk];
        match (&chunk.data, &self.stream) {
            (Some(data), _) => Ok(data.clone()),
            (None, Some(place)) => {
                place.fill(gpu, &self.matrix, &chunk.rows, &self.audited[chunk.audited.clone()])?;
                Ok(place.clone())
            }
            (None, None) => Err(Error::bug("a chunk is neither on the device nor has a place to go through")),
        }
    }

    pub fn stays(&self, chunk: usize) -> bool {
        self.chunks[chunk].data.is_some()
    }
}

impl Chunk {
    fn bytes(&self, matrix: &Matrix) -> u64 {
        let panels = self.rows.len().div_ceil(PANEL_ROWS) as u64;
        let row = 4 * matrix.n_features() as u64 + if matrix.weights().is_some() { 2 } else { 0 };
        panels * (PANEL_ROWS as u64 * row + PANEL_ROWS as u64 / 8)
    }
}

impl ChunkData {
    /// Room for these rows, in buffers that `input` makes.
    fn make(gpu: &mut Gpu, matrix: &Matrix, rows: &Range<usize>, input: Input) -> Result<Self> {
        let slots = rows.len().next_multiple_of(PANEL_ROWS) as u64;
        let panels = input(gpu, "panels", 4 * slots * matrix.n_features() as u64)?;
        let weights = match matrix.weights() {
            Some(_) => Some(input(gpu, "weights", 2 * slots)?),
            None => None,
        };
        let audited = input(gpu, "audited rows", slots / 8)?;
        Ok(Self { panels, weights, audited })
    }

    fn fill(&self, gpu: &mut Gpu, matrix: &Matrix, rows: &Range<usize>, audited: &[u64]) -> Result<()> {
        let panel = PANEL_ROWS * matrix.n_features();
        // Of a file that is not as it was written anything is uploaded: whoever loaded it asks.
        matrix.visit(rows.start / PANEL_ROWS..rows.end.div_ceil(PANEL_ROWS));
        let panels = rows.start / PANEL_ROWS * panel..rows.end.div_ceil(PANEL_ROWS) * panel;
        let bytes: &[u8] = bytemuck::cast_slice(&matrix.panels()[panels]);
        gpu.fill(&self.panels, bytes.len() as u64, &parts_of(bytes))?;
        if let (Some(buffer), Some(weights)) = (&self.weights, matrix.weights()) {
            let slots = rows.len().next_multiple_of(PANEL_ROWS);
            let weights = &weights[rows.clone()];
            gpu.fill(buffer, 2 * slots as u64, &|range| weight_bytes(weights, range))?;
        }
        let bits = bits(rows, audited);
        let bytes: &[u8] = bytemuck::cast_slice(&bits);
        gpu.fill(&self.audited, bytes.len() as u64, &parts_of(bytes))
    }
}

/// A range of the weights of whole panels, in bytes: where there are no rows, zeros.
fn weight_bytes(weights: &[u16], range: Range<usize>) -> Cow<'_, [u8]> {
    let (first, end) = (range.start / 2, range.end / 2);
    let there: &[u8] = bytemuck::cast_slice(&weights[first.min(weights.len())..end.min(weights.len())]);
    if there.len() == range.len() {
        return Cow::Borrowed(there);
    }
    let mut filled = there.to_vec();
    filled.resize(range.len(), 0);
    Cow::Owned(filled)
}

/// One bit per row of a range, whole panels: set for those listed.
fn bits(rows: &Range<usize>, listed: &[u64]) -> Vec<u32> {
    let mut words = vec![0u32; rows.len().next_multiple_of(PANEL_ROWS) / 32];
    for &row in listed {
        let place = row as usize - rows.start;
        words[place / 32] |= 1 << (place % 32);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_first_row_and_fill_whole_panels() {
        assert_eq!(bits(&(64..129), &[64, 95, 96, 128]), [1 | 1 << 31, 1, 1, 0]);
        assert_eq!(bits(&(0..0), &[]), [0u32; 0]);
    }

    #[test]
    fn weights_fill_whole_panels_piece_by_piece() {
        let weights = [1u16, 2, 3];
        assert_eq!(*weight_bytes(&weights, 0..4), [1u8, 0, 2, 0]);
        assert_eq!(*weight_bytes(&weights, 4..12), [3u8, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(*weight_bytes(&weights, 8..12), [0u8; 4]);
    }
}
