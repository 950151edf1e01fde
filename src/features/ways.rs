//! How a source of some size is read within the memory that the job allows, and whether its grid values lie in memory or
//! in a spill file.

use crate::error::{Error, Result};
use crate::job::Job;
use crate::source::ScanSettings;
use crate::spill::Place;

use super::kept::Kept;

/// Bytes of the grid per value.
const GRID_BYTES: u64 = 4;

/// Bytes per value while values are kept whole, and per row: the order key and a weight.
const STORED_BYTES: u64 = 8;
const STORED_ROW_BYTES: u64 = 8 + 8;

/// What a wave may hold: an eighth of the grid, within these bounds and an eighth of the memory.
const WAVE_BYTES_MIN: u64 = 16 << 20;
const WAVE_BYTES_MAX: u64 = 256 << 20;

/// The same where the grid goes to a file: a wave's columns and panels are then all that lies in memory beside the rows'
/// keys, and larger waves would win nothing.
const SPILLED_WAVE_BYTES_MAX: u64 = 64 << 20;

/// What the program itself needs beside the rows, decoders included.
const PROGRAM_BYTES: u64 = 64 << 20;

/// The part of a spill file that may be resident.
const WINDOW_BYTES_MAX: u64 = 64 << 20;

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
    /// Where the grid values go, where that is not memory.
    pub spill: Option<Place>,
    /// Bytes of memory that an engine may take for what it keeps from pass to pass.
    pub beside: u64,
}

impl Ways {
    /// For at most `n_rows` rows.
    pub fn of(n_rows: u64, n_features: u64, job: &Job) -> Result<Self> {
        let memory = job.engine.memory;
        let bytes =
            |per_value: u64, per_row: u64| n_rows.saturating_mul(n_features.saturating_mul(per_value) + per_row);
        let kept = Kept::of(n_rows, n_features, job);
        let window = WINDOW_BYTES_MAX.min(memory / 16);
        // In a small allowance no part is set aside for the program: it would be all of it.
        let program = (PROGRAM_BYTES + window).min(memory / 16);
        let in_memory = bytes(GRID_BYTES, kept.in_memory()).saturating_add(program);
        let in_file = bytes(0, kept.spilled()).saturating_add(program);
        let wave = |most: u64| (bytes(GRID_BYTES, 0) / 8).clamp(WAVE_BYTES_MIN, most).min((memory / 8).max(1));
        let settings = |memory| ScanSettings { chunk_rows: job.engine.chunk_rows, memory };
        if in_memory <= memory {
            let wave = wave(WAVE_BYTES_MAX);
            let stored = bytes(STORED_BYTES, STORED_ROW_BYTES).saturating_add(wave).saturating_add(PROGRAM_BYTES);
            let reads = if stored <= memory { Reads::One } else { Reads::Two };
            return Ok(Self { reads, settings: settings(wave), spill: None, beside: memory - in_memory });
        }
        if in_file <= memory {
            let beside = memory - in_file + n_rows.saturating_mul(kept.spilled() - kept.while_fitting());
            let spill = Some(Place { folder: job.engine.spill.clone(), window });
            return Ok(Self { reads: Reads::Two, settings: settings(wave(SPILLED_WAVE_BYTES_MAX)), spill, beside });
        }
        Err(too_little(n_rows, n_features, memory, in_memory, in_file, &kept))
    }
}

fn too_little(n_rows: u64, n_features: u64, memory: u64, in_memory: u64, in_file: u64, kept: &Kept) -> Error {
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let needs = format!(
        "{n_rows} rows of {n_features} features need {} MiB in memory, or {} MiB beside a spill file, and `memory` allows {} MiB",
        mebibytes(in_memory),
        mebibytes(in_file),
        memory >> 20
    );
    let least = mebibytes(in_memory.min(in_file));
    let mut hint = format!("raise `memory` under [engine] to {least}MiB");
    if kept.choosing() > 0 {
        let without = mebibytes(in_file - n_rows.saturating_mul(kept.choosing()));
        hint.push_str(&format!(
            "; or ask for one number of clusters, or for --stability 0 --silhouette none --criterion davies-bouldin, which need {without} MiB beside a spill file"
        ));
    }
    Error::job(needs).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{ClusterSettings, Criterion, SelectionSettings};

    /// What a row takes beside its grid values where one number of clusters is asked for.
    const ROW: u64 = 20;

    fn ways_of(job: &Job, n_rows: u64, n_features: u64, memory: u64) -> Result<Ways> {
        let mut job = job.clone();
        (job.engine.memory, job.engine.spill) = (memory, "files".into());
        Ways::of(n_rows, n_features, &job)
    }

    fn ways(n_rows: u64, n_features: u64, memory: u64) -> Result<Ways> {
        ways_of(&crate::features::kept::tests::job(), n_rows, n_features, memory)
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
    fn a_grid_that_does_not_fit_goes_to_a_file() {
        let rows = 1_000_000;
        // Beside what is set aside for the program.
        let memory = |bytes: u64| bytes * 16 / 15 + 1;
        assert!(ways(rows, 10, memory(rows * (10 * GRID_BYTES + ROW))).unwrap().spill.is_none());
        let spilled = ways(rows, 10, memory(rows * (10 * GRID_BYTES + ROW)) - 20).unwrap();
        let (beside, place) = (spilled.beside, spilled.spill.unwrap());
        assert_eq!((spilled.reads, place.folder), (Reads::Two, "files".into()));
        assert!(place.window <= memory(rows * 60) / 16);
        // What is left of the memory, and what is only taken once the fits are made.
        assert!((rows * 41..rows * 43).contains(&beside), "{beside}");
        let least = ways(rows, 10, memory(rows * ROW)).unwrap();
        assert!((2 * rows..2 * rows + 100).contains(&least.beside), "{}", least.beside);
    }

    #[test]
    fn two_hundred_million_customers_fit_into_four_gibibytes_beside_a_file() {
        let ways = ways(200_000_000, 10, 4 << 30).unwrap();
        assert_eq!(ways.spill.unwrap().window, WINDOW_BYTES_MAX);
        // Labels of two models from pass to pass.
        assert!(ways.beside > 2 * 200_000_000, "{}", ways.beside);
    }

    #[test]
    fn what_fits_neither_way_is_refused_with_what_each_needs() {
        let error = ways(1_000_000, 10, 20 << 20).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::JobFile);
        let text = error.to_string();
        assert!(text.contains("need 59 MiB in memory, or 21 MiB beside a spill file"), "{text}");
        assert!(text.contains("`memory` allows 20 MiB"), "{text}");
        assert!(error.hint_text().unwrap().ends_with("to 21MiB"), "{error}");
        assert!(ways(u64::MAX, 512, 1 << 40).is_err());

        // A choice by silhouettes and stability keeps more than the grid; the hint says what does without.
        let mut choosing = crate::features::kept::tests::job();
        choosing.cluster = ClusterSettings { k: 2..=10, ..ClusterSettings::plain(10) };
        choosing.selection =
            SelectionSettings { criterion: Criterion::Consensus, stability: 20, ..SelectionSettings::default() };
        let error = ways_of(&choosing, 1_000_000, 10, 50 << 20).unwrap_err();
        assert!(error.to_string().contains("need 61 MiB in memory, or 166 MiB beside"), "{error}");
        let hint = error.hint_text().unwrap();
        assert!(hint.contains("to 61MiB") && hint.contains("which need 23 MiB beside a spill file"), "{hint}");
    }

    #[test]
    fn a_wave_stays_small_beside_the_grid_and_the_memory() {
        assert_eq!(ways(10_000_000, 10, 8 << 30).unwrap().settings.memory, 50_000_000);
        assert_eq!(ways(1_000, 10, 8 << 30).unwrap().settings.memory, WAVE_BYTES_MIN);
        assert_eq!(ways(1_000, 10, 1 << 20).unwrap().settings.memory, 1 << 17);
        assert_eq!(ways(200_000_000, 10, 4 << 30).unwrap().settings.memory, SPILLED_WAVE_BYTES_MAX);
    }
}
