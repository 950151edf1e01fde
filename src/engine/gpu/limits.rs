//! What a device allows, and how work is cut so that it never exceeds it: chunks of rows that fit one binding,
//! dispatches that fit the grid and end soon. Pure arithmetic, so that tests reach every border without a device.

use super::staging::SLOT_BYTES;
use crate::engine::DeviceKind;
use crate::grid::{CLUSTERS_MAX, FEATURES_MAX, PANEL_ROWS};

/// WebGPU's defaults. Adapters that offer more are not asked for it: larger bindings gain nothing.
pub const BINDING_BYTES: u64 = 128 << 20;
/// Larger buffers fail on DirectX 12 and on most Vulkan drivers for Linux.
pub const BUFFER_BYTES: u64 = 256 << 20;
pub const GROUPS_PER_DIMENSION: u32 = 65_535;
/// Storage bindings of a kernel, at most; WebGPU's default is 8.
pub const STORAGE_BINDINGS: u32 = 7;
/// Bindings of one buffer start at multiples of this.
pub const ALIGNMENT: u64 = 256;
/// Workgroup memory, in words of four bytes: WebGPU's default of 16 KiB.
pub const WORKGROUP_WORDS: u32 = 4096;

/// Models of one list of work, and rows of one chunk: a near tie is told by both in one word of 32 bits.
pub const MODELS_MAX: usize = 1 << 8;
const CHUNK_ROWS_MAX: usize = 1 << 24;

/// Coordinates of a model whose pass is so long that a longer list of near ties is nothing beside it.
const LARGE_MODEL: usize = 4096;
const TIE_SLOTS_MIN: u32 = 256;

/// Chunks are not cut smaller than this to save memory: uploads of less are slow.
const CHUNK_BYTES_MIN: u64 = 16 << 20;

/// What the engine keeps within. Tests shrink it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest binding of a storage buffer.
    pub binding_bytes: u64,
    pub buffer_bytes: u64,
    pub groups_per_dimension: u32,
    /// Panels kept on the device; the rest is uploaded again on each pass.
    pub resident_bytes: u64,
    /// Multiply-adds per dispatch, so that one ends within about a tenth of a second: drivers reset devices that do
    /// not answer for a second or two.
    pub dispatch_work: u64,
    /// Slots in a model's list of near ties, at most.
    pub tie_slots: u32,
    /// Bytes of each buffer that rows go through on their way to the device.
    pub slot_bytes: u64,
}

impl Limits {
    /// WebGPU's defaults, with the pace of a device of this kind.
    pub fn of(kind: DeviceKind, memory: u64) -> Self {
        let dispatch_work = match kind {
            // Half a tera multiply-adds a second is the slowest discrete GPU of the last ten years.
            DeviceKind::DiscreteGpu | DeviceKind::VirtualGpu => 1 << 35,
            DeviceKind::IntegratedGpu => 1 << 33,
            DeviceKind::SoftwareGpu | DeviceKind::Cpu => 1 << 29,
        };
        Self {
            binding_bytes: BINDING_BYTES,
            buffer_bytes: BUFFER_BYTES,
            groups_per_dimension: GROUPS_PER_DIMENSION,
            resident_bytes: memory,
            dispatch_work,
            tie_slots: 1 << 16,
            slot_bytes: SLOT_BYTES,
        }
    }

    /// Rows per chunk: whole panels whose values, and whose labels of four bytes, fit one binding, and at most a quarter
    /// of the memory, so that several chunks can stay; and no more than a near tie can tell. None where not even one panel fits a binding.
    pub fn chunk_rows(&self, n_features: usize) -> Option<usize> {
        let by_memory = (self.resident_bytes / 4).max(CHUNK_BYTES_MIN);
        let bytes = self.binding_bytes.min(self.buffer_bytes).min(by_memory);
        let panels = bytes / (PANEL_ROWS * n_features.max(1) * 4) as u64;
        (panels > 0).then_some((panels as usize * PANEL_ROWS).min(CHUNK_ROWS_MAX))
    }

    /// Rows per dispatch for a model of this size: whole blocks of `rows_per_group`, within the budget of work and
    /// within the grid.
    pub fn dispatch_rows(&self, n_features: usize, n_clusters: usize, rows_per_group: usize) -> usize {
        let work = (n_features * n_clusters).max(1) as u64;
        let by_work = (self.dispatch_work / work / rows_per_group as u64).max(1);
        let by_grid = u64::from(self.groups_per_dimension).pow(2);
        by_work.min(by_grid).min(u64::from(u32::MAX) / rows_per_group as u64 / 2) as usize * rows_per_group
    }

    /// The grid for so many workgroups: as wide as it may be, then as high as it must.
    pub fn grid(&self, groups: u32) -> (u32, u32) {
        let columns = groups.clamp(1, self.groups_per_dimension);
        (columns, groups.div_ceil(columns))
    }

    /// Slots for the near ties of a model over so many rows. Ordinary data has one in some ten thousand rows, and one in a
    /// hundred at hundreds of features and clusters; a list that is too short costs a second look at the chunks.
    pub fn tie_capacity(&self, n_rows: usize, n_features: usize, n_clusters: usize) -> u32 {
        let share = if n_features * n_clusters > LARGE_MODEL { 32 } else { 512 };
        u32::try_from(n_rows / share).unwrap_or(u32::MAX).max(TIE_SLOTS_MIN).min(self.tie_slots)
    }
}

/// Why no device can take so many rows, where none can.
pub(super) fn too_many_rows(n_rows: usize, weighted: bool) -> Option<String> {
    if u32::try_from(n_rows).is_err() {
        return Some(format!("{n_rows} rows; a GPU pass numbers rows with 32 bits"));
    }
    // Totals are signed words of 64 bits, and a weighted value is below 2^36.
    (weighted && n_rows > 1 << 27)
        .then(|| format!("{n_rows} rows with sample weights; the totals of a GPU pass hold {} of them", 1 << 27))
}

/// The next multiple of the alignment of bindings.
pub(super) fn aligned(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGNMENT)
}

// The largest model's totals, two words for d sums, rows and weight of each cluster, fit one binding.
const _: () = assert!((CLUSTERS_MAX * (FEATURES_MAX + 2) * 8) as u64 <= BINDING_BYTES);
// A label and a runner-up share a word with a flag, 12 bits each.
const _: () = assert!(CLUSTERS_MAX <= 1 << 12);
const _: () = assert!(CHUNK_ROWS_MAX.is_multiple_of(PANEL_ROWS) && (CHUNK_ROWS_MAX * MODELS_MAX) as u64 <= 1 << 32);

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::of(DeviceKind::DiscreteGpu, 1 << 30)
    }

    #[test]
    fn more_rows_than_totals_hold_are_refused() {
        assert_eq!(too_many_rows(1 << 27, true), None);
        assert!(too_many_rows((1 << 27) + 1, true).unwrap().contains("hold 134217728"));
        assert_eq!(too_many_rows(u32::MAX as usize, false), None);
        assert!(too_many_rows(1 << 32, false).unwrap().contains("32 bits"));
    }

    #[test]
    fn a_chunk_fills_a_binding_and_never_exceeds_it() {
        for d in [1, 2, 10, 511, 512] {
            let panel = (PANEL_ROWS * d * 4) as u64;
            for bytes in [panel - 1, panel, panel + 1, 7 * panel - 1, 7 * panel, 7 * panel + 1, BINDING_BYTES] {
                let limits = Limits { binding_bytes: bytes, ..limits() };
                match limits.chunk_rows(d) {
                    None => assert!(bytes < panel),
                    Some(rows) => {
                        let used = (rows * d * 4) as u64;
                        assert!(used <= bytes && rows <= CHUNK_ROWS_MAX);
                        assert!(used + panel > bytes || rows == CHUNK_ROWS_MAX, "d = {d}, {bytes} bytes: {rows} rows");
                    }
                }
            }
        }
    }

    #[test]
    fn a_chunk_takes_a_quarter_of_the_memory_at_most_but_is_never_tiny() {
        let rows = |memory| Limits::of(DeviceKind::DiscreteGpu, memory).chunk_rows(10).unwrap() as u64;
        assert!(rows(200 << 20) * 40 <= 50 << 20);
        assert!(rows(0) * 40 > (16 << 20) - 2560 && rows(0) * 40 <= 16 << 20);
        assert_eq!(rows(u64::MAX), rows(4 * BINDING_BYTES));
    }

    #[test]
    fn a_grid_covers_its_groups_within_the_limit_of_each_dimension() {
        for most in [1u32, 2, 7, GROUPS_PER_DIMENSION] {
            let limits = Limits { groups_per_dimension: most, ..limits() };
            let square = u64::from(most).pow(2).min(u64::from(u32::MAX)) as u32;
            for groups in [1, most - 1, most, most.saturating_add(1), square - 1, square] {
                if groups == 0 || groups > square {
                    continue;
                }
                let (x, y) = limits.grid(groups);
                assert!(x <= most && y <= most, "{groups} groups in {x} x {y}");
                assert!(u64::from(x) * u64::from(y) >= u64::from(groups));
            }
        }
    }

    #[test]
    fn a_dispatch_keeps_its_budget_but_always_makes_progress() {
        let limits = limits();
        assert_eq!(limits.dispatch_rows(512, 4096, 2048), 16_384);
        let slow = Limits { dispatch_work: 1, ..limits };
        assert_eq!(slow.dispatch_rows(512, 4096, 2048), 2048);
        let narrow = Limits { groups_per_dimension: 2, ..slow.clone() };
        assert_eq!(Limits { dispatch_work: u64::MAX, ..narrow }.dispatch_rows(1, 1, 64), 256);
    }
}
