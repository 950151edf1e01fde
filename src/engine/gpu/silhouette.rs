//! Mean distances of rows to clusters on the device: asked rows against all rows, cell after cell.
//!
//! Here alone the device's own arithmetic shows in a result. A square root may differ in its last digit from device to
//! device, so that a mean agrees with the CPU's to about one part in a million and no further. Whoever publishes such a
//! figure says where it comes from. Some rows are measured by the host too: a device that is wrong is a fault.

use std::num::NonZero;
use std::ops::Range;
use std::thread;

use wgpu::{Buffer, BufferUsages};

use super::GpuEngine;
use super::device::{Bound, Gpu};
use super::limits::{ALIGNMENT, Limits};
use super::pipelines::Pipeline;
use super::shaders::{CENTROIDS, Kernel, LABELS, PANELS, PARAMS};
use crate::engine::{Groups, Neighbourhood, Neighbours, UNITS_PER_STEP};
use crate::error::{Error, Result};
use crate::grid::{Matrix, PANEL_ROWS};
use crate::observe::{Event, Observe};

/// Rows that the host measures again.
const AUDIT_ROWS: usize = 8;

/// Dispatches of one submit; each ends within about a tenth of a second.
const DISPATCHES_PER_SUBMIT: usize = 8;

/// Other rows that a dispatch goes through at least, so that starting it costs little.
const OTHER_ROWS_MIN: usize = 512;

/// Sums per row and cluster that the host keeps at once, 8 bytes each.
const TOTALS_MAX: usize = 1 << 25;

/// Other rows that an invocation takes at a time.
const STEP_ROWS: usize = 8;

/// The parameters of one dispatch; `Params` of `shaders/silhouette.wgsl`, field for field.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Params {
    first: u32,
    end: u32,
    columns: u32,
    d: u32,
    other_first: u32,
    other_end: u32,
    units: f32,
    fresh: u32,
}

/// Narrow rows in panels of their own order; each cell begins a panel where they are grouped.
struct Packed {
    panels: Vec<f32>,
    /// (place of the result, row); none for padding.
    places: Vec<Option<(usize, usize)>>,
    /// Where the rows of each cell stand, where they are grouped.
    cells: Vec<Range<usize>>,
}

impl Packed {
    fn empty() -> Self {
        Self { panels: Vec::new(), places: Vec::new(), cells: Vec::new() }
    }

    /// Adds rows behind the last whole panel.
    fn add(&mut self, matrix: &Matrix, rows: impl Iterator<Item = (usize, usize)>) {
        let d = matrix.n_features();
        let first = self.places.len();
        let mut coordinates = vec![0; d];
        for (place, row) in rows.filter(|&(_, row)| !matrix.is_wide(row)) {
            let at = self.places.len();
            if at.is_multiple_of(PANEL_ROWS) {
                self.panels.resize(self.panels.len() + d * PANEL_ROWS, 0.0);
            }
            matrix.row(row, &mut coordinates);
            let base = at / PANEL_ROWS * d * PANEL_ROWS + at % PANEL_ROWS;
            for (feature, &q) in coordinates.iter().enumerate() {
                self.panels[base + feature * PANEL_ROWS] = q as f32;
            }
            self.places.push(Some((place, row)));
        }
        self.cells.push(first..self.places.len());
        self.places.resize(self.places.len().next_multiple_of(PANEL_ROWS), None);
    }
}

impl Neighbours for GpuEngine {
    fn neighbourhoods(&mut self, groups: &Groups, asked: &[usize], observe: &Observe) -> Result<Vec<Neighbourhood>> {
        let matrix = groups.matrix();
        let mut all = Packed::empty();
        for cell in groups.cells() {
            all.add(matrix, groups.rows(cell).iter().map(|&row| (0, row)));
        }
        let mut rows = Packed::empty();
        rows.add(matrix, asked.iter().copied().enumerate());

        let n = groups.n_labellings();
        let mut found = vec![Neighbourhood::default(); asked.len() * n];
        let mut work = Work::new(self, groups, &all, &rows, observe)?;
        work.measure(&mut found)?;
        let units_per_step = work.units;
        // The host's share: wide rows, and those it measures again.
        let wide: Vec<usize> = (0..asked.len()).filter(|&place| matrix.is_wide(asked[place])).collect();
        let totals = over_threads(&wide, |&place| groups.totals(asked[place]))?;
        for (&place, totals) in wide.iter().zip(&totals) {
            keep(groups, place, asked[place], |slot| totals[slot] as f64 / UNITS_PER_STEP, &mut found);
        }
        self.audit(groups, asked, &found, units_per_step)?;
        Ok(found)
    }
}

impl GpuEngine {
    /// Compares some rows with the host's own figures.
    fn audit(&self, groups: &Groups, asked: &[usize], found: &[Neighbourhood], units_per_step: f64) -> Result<()> {
        let matrix = groups.matrix();
        let mut audited: Vec<usize> = (0..asked.len()).filter(|&place| !matrix.is_wide(asked[place])).collect();
        audited.sort_unstable_by_key(|&place| matrix.keys()[asked[place]]);
        audited.truncate(AUDIT_ROWS);
        // d + 1 roundings of the square, one of the root, one of the product, each of at most 2^-23 on any device that
        // keeps WGSL's promises (2.5 units in the last place for the root), and half a unit on top.
        let relative = (matrix.n_features() + 8) as f64 / f64::from(1 << 23);
        let absolute = 1.0 / units_per_step;
        let is_near = |found: Option<f64>, right: Option<f64>| match (found, right) {
            (Some(found), Some(right)) => (found - right).abs() <= right * relative + absolute,
            (found, right) => found == right,
        };
        let totals = over_threads(&audited, |&place| groups.totals(asked[place]))?;
        let n = groups.n_labellings();
        let rows = audited.iter().zip(&totals);
        let wrong = rows.filter(|&(&place, totals)| {
            let mut right = groups.neighbourhoods(asked[place], |slot| totals[slot] as f64 / UNITS_PER_STEP);
            let mut found = found[place * n..(place + 1) * n].iter();
            !found.all(|f| right.next().is_some_and(|r| is_near(f.own, r.own) && is_near(f.other, r.other)))
        });
        match wrong.count() {
            0 => Ok(()),
            n => Err(self.gpu.fault(format!("{n} of {} audited rows have wrong mean distances", audited.len()))),
        }
    }
}

/// What the dispatches of one question share.
struct Work<'a> {
    gpu: &'a mut Gpu,
    limits: &'a Limits,
    pipeline: Pipeline,
    groups: &'a Groups<'a>,
    all: &'a Packed,
    asked: &'a Packed,
    observe: &'a Observe,
    params: Buffer,
    /// Rows that a binding holds, padding included.
    chunk: usize,
    /// Per step.
    units: f64,
    /// Pairs measured.
    done: u64,
}

impl<'a> Work<'a> {
    fn new(
        engine: &'a mut GpuEngine,
        groups: &'a Groups<'a>,
        all: &'a Packed,
        asked: &'a Packed,
        observe: &'a Observe,
    ) -> Result<Self> {
        let matrix = groups.matrix();
        let gpu = &mut engine.gpu;
        if u32::try_from(all.places.len()).is_err() {
            return Err(gpu.fault(format!("{} rows; a GPU pass numbers rows with 32 bits", all.places.len())));
        }
        // Sums take two words per row.
        let chunk = engine.limits.chunk_rows(matrix.n_features().max(2)).ok_or_else(|| {
            gpu.fault(format!("bindings of {} bytes do not hold {PANEL_ROWS} rows", engine.limits.binding_bytes))
        })?;
        let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let params = gpu.buffer("parameters", DISPATCHES_PER_SUBMIT as u64 * ALIGNMENT, usage)?;
        let pipeline = gpu.pipeline(Kernel::Silhouette)?;
        // No two narrow rows are farther apart than twice the farthest one from the origin: 2^27 units and a little,
        // so that eight distances fit a word.
        let reach = 2.0 * matrix.reach().iter().fold(0.0f32, |most, &reach| most.max(reach));
        let (_, exponent) = libm::frexp(f64::from(reach.max(1.0)));
        let units = libm::scalbn(1.0, 27 - exponent);
        let limits = &engine.limits;
        Ok(Self { gpu, limits, pipeline, groups, all, asked, observe, params, chunk, units, done: 0 })
    }

    fn measure(&mut self, found: &mut [Neighbourhood]) -> Result<()> {
        let (all, asked, groups) = (self.all, self.asked, self.groups);
        let panel = groups.matrix().n_features() * PANEL_ROWS;
        let rows_at_once = self.chunk.min((TOTALS_MAX / groups.n_slots() / PANEL_ROWS).max(1) * PANEL_ROWS);
        let part_of = |packed: &'a Packed, first: usize, rows: usize| -> &'a [u8] {
            let end = packed.panels.len().min((first + rows) / PANEL_ROWS * panel);
            bytemuck::cast_slice(&packed.panels[first / PANEL_ROWS * panel..end])
        };
        let bytes = |packed: &Packed, rows: usize| 4 * packed.panels.len().min(rows / PANEL_ROWS * panel) as u64;
        let others = self.gpu.input("other rows", bytes(all, self.chunk))?;
        let rows = self.gpu.input("asked rows", bytes(asked, rows_at_once))?;
        let sums = self.gpu.output("sums", 8 * rows_at_once.min(asked.places.len()) as u64)?;
        let mut loaded = None;
        for first in (0..asked.places.len()).step_by(rows_at_once) {
            let places = &asked.places[first..asked.places.len().min(first + rows_at_once)];
            self.gpu.upload(&rows, part_of(asked, first, rows_at_once))?;
            // Per slot and row.
            let mut totals = vec![0u64; groups.n_slots() * places.len()];
            for (cell, range) in groups.cells().iter().zip(&all.cells).filter(|(_, range)| !range.is_empty()) {
                let mut fresh = true;
                for start in (range.start / self.chunk * self.chunk..range.end).step_by(self.chunk) {
                    if loaded != Some(start) {
                        self.gpu.upload(&others, part_of(all, start, self.chunk))?;
                        loaded = Some(start);
                    }
                    let part = range.start.max(start) - start..range.end.min(start + self.chunk) - start;
                    self.add(&rows, &others, &sums, places.len(), part, fresh)?;
                    fresh = false;
                }
                let sums = self.read(&sums, places.len())?;
                for &slot in &cell.slots {
                    let totals = totals[slot * places.len()..].iter_mut().zip(&sums);
                    totals.for_each(|(total, &[low, high])| *total += u64::from(high) << 32 | u64::from(low));
                }
            }
            self.finish(places, &totals, found)?;
        }
        Ok(())
    }

    /// Adds the distances of so many asked rows to a range of the other rows on the device.
    fn add(
        &mut self,
        rows: &Buffer,
        others: &Buffer,
        sums: &Buffer,
        n_rows: usize,
        range: Range<usize>,
        fresh: bool,
    ) -> Result<()> {
        let d = self.groups.matrix().n_features();
        // So many multiply-adds per dispatch, shared out over asked rows and other ones.
        let by_work = (self.limits.dispatch_work / (d * OTHER_ROWS_MIN) as u64).max(1) as usize;
        let by_grid = (self.limits.groups_per_dimension as usize).pow(2).saturating_mul(PANEL_ROWS);
        let step = by_work.next_multiple_of(PANEL_ROWS).min(by_grid).min(n_rows.next_multiple_of(PANEL_ROWS));
        let other_step = (self.limits.dispatch_work / (d * step) as u64).max(1) as usize;
        let other_step = other_step.next_multiple_of(STEP_ROWS);
        let mut list = Vec::new();
        for other_first in range.clone().step_by(other_step) {
            for first in (0..n_rows).step_by(step) {
                let end = n_rows.min(first + step);
                let other_end = range.end.min(other_first + other_step);
                let grid = self.limits.grid((end - first).div_ceil(PANEL_ROWS) as u32);
                let params = Params {
                    first: first as u32,
                    end: end as u32,
                    columns: grid.0,
                    d: d as u32,
                    other_first: other_first as u32,
                    other_end: other_end as u32,
                    units: self.units as f32,
                    fresh: u32::from(fresh && other_first == range.start),
                };
                list.push((params, grid));
            }
        }
        for some in list.chunks(DISPATCHES_PER_SUBMIT) {
            self.observe.check_stop()?;
            let mut bytes = vec![0; some.len() * ALIGNMENT as usize];
            for (place, (params, _)) in bytes.chunks_exact_mut(ALIGNMENT as usize).zip(some) {
                place[..size_of::<Params>()].copy_from_slice(bytemuck::bytes_of(params));
            }
            self.gpu.upload(&self.params, &bytes)?;
            let mut encoder = self.gpu.encoder();
            for (number, (params, grid)) in some.iter().enumerate() {
                let offset = number as u64 * ALIGNMENT;
                let bounds = [
                    Bound { slot: PARAMS, buffer: &self.params, offset, bytes: size_of::<Params>() as u64 },
                    Bound::whole(PANELS, rows),
                    Bound::whole(CENTROIDS, others),
                    Bound::whole(LABELS, sums),
                ];
                self.gpu.dispatch(&mut encoder, &self.pipeline, &bounds, *grid)?;
                self.done += u64::from(params.end - params.first) * u64::from(params.other_end - params.other_first);
            }
            let sent = self.gpu.submit(encoder)?;
            self.gpu.wait(sent)?;
            let total = self.asked.places.len() as u64 * self.all.places.len() as u64;
            self.observe.event(Event::Progress { stage: "silhouette", done: self.done.min(total), total });
        }
        Ok(())
    }

    /// Low and high word of each row's sum.
    fn read(&mut self, sums: &Buffer, n_rows: usize) -> Result<Vec<[u32; 2]>> {
        let bytes = 8 * n_rows as u64;
        let mut encoder = self.gpu.encoder();
        self.gpu.copy_back(&mut encoder, sums, 0, bytes)?;
        let sent = self.gpu.submit(encoder)?;
        Ok(bytemuck::pod_collect_to_vec(&self.gpu.read_back(sent, bytes)?))
    }

    /// The results of rows, from their sums per slot over all narrow rows.
    fn finish(&self, places: &[Option<(usize, usize)>], totals: &[u64], found: &mut [Neighbourhood]) -> Result<()> {
        let (groups, matrix) = (self.groups, self.groups.matrix());
        let to_wide = over_threads(places, |place| {
            let mut to_wide = Vec::new();
            if let (Some((_, row)), false) = (place, matrix.wide().rows.is_empty()) {
                let mut coordinates = vec![0; matrix.n_features()];
                matrix.row(*row, &mut coordinates);
                to_wide.resize(groups.n_slots(), 0);
                groups.add_wide(&coordinates, &mut to_wide);
            }
            to_wide
        })?;
        for (index, (place, to_wide)) in places.iter().zip(&to_wide).enumerate() {
            let Some((place, row)) = *place else { continue };
            let total = |slot: usize| {
                let narrow = totals[slot * places.len() + index] as f64 / self.units;
                narrow + to_wide.get(slot).map_or(0.0, |&wide| wide as f64 / UNITS_PER_STEP)
            };
            keep(groups, place, row, total, found);
        }
        Ok(())
    }
}

/// Puts the results of a row in their place.
fn keep(groups: &Groups, place: usize, row: usize, total: impl Fn(usize) -> f64, found: &mut [Neighbourhood]) {
    let n = groups.n_labellings();
    found[place * n..(place + 1) * n]
        .iter_mut()
        .zip(groups.neighbourhoods(row, total))
        .for_each(|(to, from)| *to = from);
}

/// One result per item, in their order, by as many threads as there are cores.
fn over_threads<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Result<Vec<R>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let work = &work;
        let parts: Vec<_> =
            items.chunks(share).map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<R>>())).collect();
        let mut all = Vec::with_capacity(items.len());
        for part in parts {
            all.extend(part.join().map_err(|_| Error::bug("a thread that measures rows panicked"))?);
        }
        Ok(all)
    })
}
