//! How a source of some size is read within the memory that the job allows.

use crate::error::{Error, Result};
use crate::job::EngineSettings;
use crate::source::ScanSettings;

/// Bytes of the grid per value, and of what is kept per row: the order key and an integer weight.
const GRID_BYTES: u64 = 4;
const ROW_BYTES: u64 = 8 + 2;

/// Bytes per value while values are kept whole, and per row: the order key and a weight.
const STORED_BYTES: u64 = 8;
const STORED_ROW_BYTES: u64 = 8 + 8;

/// What a wave may hold: an eighth of the grid, within these bounds and an eighth of the memory.
const WAVE_BYTES_MIN: u64 = 16 << 20;
const WAVE_BYTES_MAX: u64 = 256 << 20;

/// What the program itself needs beside the rows, decoders included.
const PROGRAM_BYTES: u64 = 64 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Values are kept in memory, then turned into grid values in place.
    One,
    /// Statistics first, grid values from a read of their own.
    Two,
}

/// How a source of some size is read within some memory.
#[derive(Debug)]
pub struct Ways {
    pub reads: Reads,
    pub settings: ScanSettings,
}

impl Ways {
    pub fn of(n_rows: u64, n_features: u64, engine: &EngineSettings) -> Result<Self> {
        let memory = engine.memory;
        let bytes = |per_value: u64, per_row: u64| n_rows.saturating_mul(n_features * per_value + per_row);
        let needed = bytes(GRID_BYTES, ROW_BYTES);
        if needed > memory {
            return Err(Error::job(format!(
                "{n_rows} rows of {n_features} features need {} MiB, and `memory` allows {} MiB",
                needed.div_ceil(1 << 20),
                memory >> 20
            ))
            .hint("raise `memory` under [engine], or cluster on fewer features"));
        }
        let wave = (bytes(GRID_BYTES, 0) / 8).clamp(WAVE_BYTES_MIN, WAVE_BYTES_MAX).min((memory / 8).max(1));
        let stored = bytes(STORED_BYTES, STORED_ROW_BYTES).saturating_add(wave).saturating_add(PROGRAM_BYTES);
        let reads = if stored <= memory { Reads::One } else { Reads::Two };
        Ok(Self { reads, settings: ScanSettings { chunk_rows: engine.chunk_rows, memory: wave } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::DeviceChoice;

    fn ways(n_rows: u64, n_features: u64, memory: u64) -> Result<Ways> {
        let engine = EngineSettings { device: DeviceChoice::Cpu, memory, threads: 0, chunk_rows: 65_536 };
        Ways::of(n_rows, n_features, &engine)
    }

    #[test]
    fn memory_chooses_the_number_of_reads() {
        let grid = 10_000_000 * 10 * GRID_BYTES;
        assert_eq!(ways(10_000_000, 10, 8 << 30).unwrap().reads, Reads::One);
        assert_eq!(ways(10_000_000, 10, grid * 18 / 10).unwrap().reads, Reads::Two);
        assert_eq!(ways(10_000_000, 10, grid * 27 / 10).unwrap().reads, Reads::One);
        assert_eq!(ways(0, 1, 0).unwrap().reads, Reads::Two);
    }

    #[test]
    fn a_grid_that_does_not_fit_is_refused_with_both_sizes() {
        let needed = 1_000_000 * (10 * GRID_BYTES + ROW_BYTES);
        assert!(ways(1_000_000, 10, needed).is_ok());
        let error = ways(1_000_000, 10, needed - 1).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::JobFile);
        assert!(error.to_string().contains("48 MiB"), "{error}");
        assert!(ways(u64::MAX, 512, 1 << 40).is_err());
    }

    #[test]
    fn a_wave_stays_small_beside_the_grid_and_the_memory() {
        assert_eq!(ways(10_000_000, 10, 8 << 30).unwrap().settings.memory, 50_000_000);
        assert_eq!(ways(1_000, 10, 8 << 30).unwrap().settings.memory, WAVE_BYTES_MIN);
        assert_eq!(ways(1_000, 10, 1 << 20).unwrap().settings.memory, 1 << 17);
    }
}
