//! Mean distances of rows to clusters on the CPU: all pairs of rows, chunk against chunk.
//!
//! Rows are packed cell after cell in chunks that lie in one cell each. Where every row is asked for, a pair is measured
//! once and counted for both of its rows; else, and where sums for every row and cluster would need too much memory, each
//! asked row is measured against all. Sums are integers, so it is the same to the last bit. Wide rows go by themselves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::CpuEngine;
use super::packed::{Chunk, Far, Packed};
use super::pairs::{GROUP_ROWS, Pairs, Rows, TILE_ROWS};
use crate::engine::{Groups, Neighbourhood, Neighbours, UNITS_PER_STEP};
use crate::error::Result;
use crate::observe::{Event, Observe};

/// Sums per row and cluster that are kept at once, 8 bytes each.
const SUMS_MAX: usize = 1 << 25;

impl Neighbours for CpuEngine {
    fn neighbourhoods(&mut self, groups: &Groups, asked: &[usize], observe: &Observe) -> Result<Vec<Neighbourhood>> {
        let n_rows = groups.matrix().n_rows();
        let all = Packed::new(groups, (0..n_rows).map(|row| (row, row)));
        let is_whole = asked.len() == n_rows && asked.iter().enumerate().all(|(place, &row)| place == row);
        let some = (!is_whole).then(|| Packed::new(groups, asked.iter().copied().enumerate()));
        let asked = some.as_ref().unwrap_or(&all);
        let once = is_whole && n_rows.saturating_mul(groups.n_slots()) <= SUMS_MAX;
        let pairs = if once { all.pairs_once() } else { asked.n_rows() * all.n_rows() };
        let found = vec![Neighbourhood::default(); asked.n_results() * groups.n_labellings()];
        let work = Work {
            engine: self,
            groups,
            asked,
            all: &all,
            far: Far::all(groups),
            observe,
            pairs,
            done: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            found: Mutex::new(found),
        };
        if once {
            work.each_pair_once();
        } else {
            work.asked_against_all();
        }
        work.wide_rows();
        observe.check_stop()?;
        Ok(work.found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Work<'a> {
    engine: &'a CpuEngine,
    groups: &'a Groups<'a>,
    asked: &'a Packed,
    all: &'a Packed,
    /// The wide rows.
    far: Vec<Far<'a>>,
    observe: &'a Observe,
    /// Pairs of narrow rows to measure, and those measured.
    pairs: u64,
    done: AtomicU64,
    stopped: AtomicBool,
    found: Mutex<Vec<Neighbourhood>>,
}

/// Distances of a chunk's rows, in units: slot after slot, one number per row and padding.
struct Sums {
    n_groups: usize,
    groups: Vec<[u64; GROUP_ROWS]>,
}

impl Sums {
    fn zero(n_slots: usize, chunk: &Chunk) -> Self {
        let n_groups = chunk.n_rows.div_ceil(GROUP_ROWS);
        Self { n_groups, groups: vec![[0; GROUP_ROWS]; n_slots * n_groups] }
    }

    /// Adds sums over the rows of a cell to the slots that it lies in.
    fn add(&mut self, slots: &[usize], sums: &[u64]) {
        for slot in slots {
            let own = self.groups[slot * self.n_groups..(slot + 1) * self.n_groups].as_flattened_mut();
            own.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
    }

    fn merge(&mut self, other: &Sums) {
        let own = self.groups.as_flattened_mut().iter_mut();
        own.zip(other.groups.as_flattened()).for_each(|(total, sum)| *total += sum);
    }

    /// One row's sum per slot.
    fn row(&self, row: usize) -> impl Iterator<Item = u64> {
        self.groups.as_flattened().iter().skip(row).step_by(self.n_groups * GROUP_ROWS).copied()
    }
}

impl Work<'_> {
    /// Each pair of rows once, chunk against this chunk and all later ones.
    fn each_pair_once(&self) {
        let chunks = &self.all.chunks;
        let zero = |chunk| Sums::zero(self.groups.n_slots(), chunk);
        let totals: Vec<Mutex<Sums>> = chunks.iter().map(|chunk| Mutex::new(zero(chunk))).collect();
        self.engine.pool.for_each(chunks.len(), &|_, number| {
            let chunk = &chunks[number];
            let mut tile_sums = Vec::new();
            let sums = self.measure(self.all, chunk, &chunks[number..], |other, rows, row_sums| {
                tile_sums.clear();
                // Within one chunk each pair comes up twice by itself.
                if other != 0 {
                    tile_sums.resize(chunks[number + other].n_tiles, [0; TILE_ROWS]);
                }
                let tiles = self.all.tiles(&chunks[number + other]);
                self.engine.level.run(Pairs { rows, tiles, row_sums, tile_sums: &mut tile_sums });
                if other != 0 {
                    let mut total = totals[number + other].lock().unwrap_or_else(PoisonError::into_inner);
                    total.add(&self.groups.cells()[chunk.cell].slots, tile_sums.as_flattened());
                }
            });
            totals[number].lock().unwrap_or_else(PoisonError::into_inner).merge(&sums);
        });
        self.engine.pool.for_each(chunks.len(), &|_, number| {
            self.finish(&chunks[number], &totals[number].lock().unwrap_or_else(PoisonError::into_inner));
        });
    }

    /// The asked rows, chunk by chunk, each against all rows.
    fn asked_against_all(&self) {
        self.engine.pool.for_each(self.asked.chunks.len(), &|_, number| {
            let chunk = &self.asked.chunks[number];
            let sums = self.measure(self.asked, chunk, &self.all.chunks, |other, rows, row_sums| {
                let tiles = self.all.tiles(&self.all.chunks[other]);
                self.engine.level.run(Pairs { rows, tiles, row_sums, tile_sums: &mut [] });
            });
            self.finish(chunk, &sums);
        });
    }

    /// The sums of a chunk's rows over other chunks, each measured by `pairs(number, rows, row sums)`.
    fn measure(
        &self,
        packed: &Packed,
        chunk: &Chunk,
        others: &[Chunk],
        mut pairs: impl FnMut(usize, &Rows, &mut [[u64; GROUP_ROWS]]),
    ) -> Sums {
        let mut rows = Rows::default();
        rows.fill(packed.n_features, packed.tiles(chunk));
        let mut sums = Sums::zero(self.groups.n_slots(), chunk);
        let mut row_sums = vec![[0; GROUP_ROWS]; sums.n_groups];
        for (number, other) in others.iter().enumerate() {
            if self.is_stopped(chunk.n_rows * other.n_rows) {
                break;
            }
            row_sums.fill([0; GROUP_ROWS]);
            pairs(number, &rows, &mut row_sums);
            sums.add(&self.groups.cells()[other.cell].slots, row_sums.as_flattened());
        }
        let done = self.done.load(Ordering::Relaxed).min(self.pairs);
        self.observe.event(Event::Progress { stage: "silhouette", done, total: self.pairs });
        sums
    }

    /// Counts pairs, and asks whether the run was stopped.
    fn is_stopped(&self, pairs: usize) -> bool {
        self.done.fetch_add(pairs as u64, Ordering::Relaxed);
        if self.observe.check_stop().is_err() {
            self.stopped.store(true, Ordering::Relaxed);
        }
        self.stopped.load(Ordering::Relaxed)
    }

    /// The results of a chunk, from its sums over all narrow rows.
    fn finish(&self, chunk: &Chunk, sums: &Sums) {
        if self.is_stopped(0) {
            return;
        }
        let n_slots = self.groups.n_slots();
        let mut totals = vec![0u128; chunk.n_rows * n_slots];
        for (row, totals) in totals.chunks_exact_mut(n_slots).enumerate() {
            totals.iter_mut().zip(sums.row(row)).for_each(|(total, sum)| *total = u128::from(sum));
        }
        for far in &self.far {
            far.visit(self.asked, chunk, self.groups, |row, units| {
                far.slots.iter().for_each(|slot| totals[row * n_slots + slot] += units);
            });
        }
        let rows = self.asked.rows(chunk).iter().zip(totals.chunks_exact(n_slots));
        self.keep(rows.map(|(&(place, row), totals)| (place, row, totals)));
    }

    /// The asked rows that are wide.
    fn wide_rows(&self) {
        self.engine.pool.for_each(self.asked.wide.len(), &|_, index| {
            if self.is_stopped(0) {
                return;
            }
            let (place, row) = self.asked.wide[index];
            let Some(own) = self.far.iter().find(|far| far.row == row) else { return };
            let mut totals = vec![0u128; self.groups.n_slots()];
            for chunk in &self.all.chunks {
                let mut sum = 0;
                own.visit(self.all, chunk, self.groups, |_, units| sum += units);
                self.groups.cells()[chunk.cell].slots.iter().for_each(|&slot| totals[slot] += sum);
            }
            self.groups.add_wide(own.coordinates, &mut totals);
            self.keep(std::iter::once((place, row, &totals[..])));
        });
    }

    /// Takes (place, row, totals per slot in units) of some rows.
    fn keep<'t>(&self, rows: impl Iterator<Item = (usize, usize, &'t [u128])>) {
        let n = self.groups.n_labellings();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, row, totals) in rows {
            let neighbourhoods = self.groups.neighbourhoods(row, |slot| totals[slot] as f64 / UNITS_PER_STEP);
            found[place * n..(place + 1) * n].iter_mut().zip(neighbourhoods).for_each(|(to, from)| *to = from);
        }
    }
}
