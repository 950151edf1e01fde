//! Rows into panels of 64, in place and in parallel.
//!
//! A panel is written by exactly one task of a wave; where a wave ends inside a panel, the next wave goes on in it. The
//! values pass through three forms in the same memory: f64 in two halves (where the source is read once), quarters of
//! the finest step rounded to odd, grid values.

use rayon::prelude::*;

use crate::grid::{COORDINATE_MAX, Facts, Matrix, PANEL_ROWS, WIDE, WideRows};

use super::centre::Centre;
use super::rows::Rows;
use super::step::{Candidates, Classes, FAR, Step, round_to_odd};

/// Panels that a task takes at a time: 4,096 rows.
const TASK_PANELS: usize = 64;

/// The kept rows of a wave and where they stand in the matrix.
pub struct Wave<'a> {
    parts: &'a [Rows],
    /// The matrix row at which each part begins, and the one behind the last.
    starts: Vec<usize>,
}

/// Successive rows of one part within one panel.
struct Run<'a> {
    rows: &'a Rows,
    /// The first of them within the part.
    from: usize,
    /// The lane of the first.
    lane: usize,
    len: usize,
}

impl<'a> Wave<'a> {
    /// `first` is the matrix row of the first kept row.
    pub fn new(first: usize, parts: &'a [Rows]) -> Self {
        let mut starts = vec![first];
        let mut next = first;
        for part in parts {
            next += part.n_rows;
            starts.push(next);
        }
        Self { parts, starts }
    }

    fn first(&self) -> usize {
        self.starts[0]
    }

    pub fn end(&self) -> usize {
        self.starts[self.parts.len()]
    }

    /// Panels that hold rows of this wave.
    fn panels(&self) -> std::ops::Range<usize> {
        self.first() / PANEL_ROWS..self.end().div_ceil(PANEL_ROWS)
    }

    fn runs(&self, panel: usize) -> impl Iterator<Item = Run<'_>> {
        let (begin, end) = (panel * PANEL_ROWS, (panel + 1) * PANEL_ROWS);
        let first = self.starts.partition_point(|&start| start <= begin).saturating_sub(1);
        self.parts.iter().zip(&self.starts).skip(first).take_while(move |(_, start)| **start < end).filter_map(
            move |(rows, &start)| {
                let (from, to) = (start.max(begin), (start + rows.n_rows).min(end));
                (from < to).then(|| Run { rows, from: from - start, lane: from - begin, len: to - from })
            },
        )
    }
}

/// Values as they were transformed, all in memory: the upper halves of their bits lie where the grid values will.
pub struct Stored {
    n_features: usize,
    pub n_rows: usize,
    high: Vec<f32>,
    low: Vec<u32>,
}

impl Stored {
    /// Room for `n_rows` rows. Memory is taken as rows come.
    pub fn with_room(n_rows: usize, n_features: usize) -> Self {
        let values = n_rows.div_ceil(PANEL_ROWS) * PANEL_ROWS * n_features;
        Self { n_features, n_rows: 0, high: vec![0.0; values], low: vec![0; values] }
    }

    /// Appends the rows of a wave, which begins where the last one ended.
    pub fn append(&mut self, wave: &Wave) {
        let size = self.n_features * PANEL_ROWS;
        let panels = wave.panels();
        let range = panels.start * size..panels.end * size;
        self.high[range.clone()].par_chunks_mut(size).zip(self.low[range].par_chunks_mut(size)).enumerate().for_each(
            |(index, (high, low))| {
                for run in wave.runs(panels.start + index) {
                    for (feature, column) in run.rows.columns.iter().enumerate() {
                        let at = feature * PANEL_ROWS + run.lane..feature * PANEL_ROWS + run.lane + run.len;
                        let values = &column[run.from..run.from + run.len];
                        for ((high, low), value) in high[at.clone()].iter_mut().zip(&mut low[at]).zip(values) {
                            (*high, *low) = halves(*value);
                        }
                    }
                }
            },
        );
        self.n_rows = wave.end();
    }

    /// Changes the values of one feature in place.
    pub fn change(&mut self, feature: usize, change: impl Fn(f64) -> f64 + Sync) {
        let size = self.n_features * PANEL_ROWS;
        let lanes = feature * PANEL_ROWS..(feature + 1) * PANEL_ROWS;
        self.high.par_chunks_mut(size).zip(self.low.par_chunks_mut(size)).with_min_len(TASK_PANELS).for_each(
            |(high, low)| {
                for (high, low) in high[lanes.clone()].iter_mut().zip(&mut low[lanes.clone()]) {
                    (*high, *low) = halves(change(whole(*high, *low)));
                }
            },
        );
    }

    /// The values of one feature, up to 64 rows at a time, with the first row's number.
    pub fn visit(&self, feature: usize, mut visit: impl FnMut(usize, &[f64])) {
        let size = self.n_features * PANEL_ROWS;
        let lanes = feature * PANEL_ROWS..(feature + 1) * PANEL_ROWS;
        let mut values = [0.0; PANEL_ROWS];
        for (panel, (high, low)) in self.high.chunks_exact(size).zip(self.low.chunks_exact(size)).enumerate() {
            let first = panel * PANEL_ROWS;
            if first >= self.n_rows {
                break;
            }
            for ((value, high), low) in values.iter_mut().zip(&high[lanes.clone()]).zip(&low[lanes.clone()]) {
                *value = whole(*high, *low);
            }
            visit(first, &values[..PANEL_ROWS.min(self.n_rows - first)]);
        }
    }

    /// Turns all values into quarters in place; the lower halves are given back.
    pub fn into_quarters(self, quartering: &Quartering, weights: Option<&[u16]>) -> Quarters {
        let Self { n_features, n_rows, mut high, low } = self;
        let size = n_features * PANEL_ROWS;
        high.truncate(n_rows.div_ceil(PANEL_ROWS) * size);
        let tasks = high.par_chunks_mut(TASK_PANELS * size).zip(low.par_chunks(TASK_PANELS * size)).enumerate();
        let found: Vec<Found> = tasks
            .map(|(task, (high, low))| {
                let mut found = Found::default();
                let mut values = vec![0.0; size];
                for (index, (high, low)) in high.chunks_exact_mut(size).zip(low.chunks_exact(size)).enumerate() {
                    let first = (task * TASK_PANELS + index) * PANEL_ROWS;
                    let rows = PANEL_ROWS.min(n_rows - first);
                    for ((value, high), low) in values.iter_mut().zip(high.iter()).zip(low) {
                        *value = whole(*high, *low);
                    }
                    quartering.write(high, 0..rows, &mut found, first, weights, |feature| {
                        &values[feature * PANEL_ROWS..feature * PANEL_ROWS + rows]
                    });
                }
                found
            })
            .collect();
        let mut quarters = Quarters { n_features, n_rows, panels: high, found: Found::default() };
        found.into_iter().for_each(|found| quarters.found.merge(found));
        quarters
    }
}

/// How a feature's values become quarters of the finest step.
pub struct Quartering {
    /// One per feature; its factor turns transformed units into quarters.
    centres: Vec<Centre>,
}

impl Quartering {
    pub fn new(centres: &[Centre], candidates: Candidates) -> Self {
        let in_quarters = |c: &Centre| Centre { factor: candidates.in_quarters(c.factor), ..*c };
        Self { centres: centres.iter().map(in_quarters).collect() }
    }

    /// Writes the values of successive rows into their lanes of a panel; `column` gives a feature's values of these
    /// rows, of which the first is matrix row `first`.
    fn write<'v>(
        &self,
        panel: &mut [f32],
        lanes: std::ops::Range<usize>,
        found: &mut Found,
        first: usize,
        weights: Option<&[u16]>,
        column: impl Fn(usize) -> &'v [f64],
    ) {
        let mut largest = [0i32; PANEL_ROWS];
        for (feature, (centre, slots)) in self.centres.iter().zip(panel.chunks_exact_mut(PANEL_ROWS)).enumerate() {
            let slots = slots[lanes.clone()].iter_mut().zip(&mut largest[..]);
            for ((slot, largest), &value) in slots.zip(column(feature)) {
                let quarters = round_to_odd(centre.scaled(value));
                *slot = f32::from_bits(quarters as u32);
                *largest = (*largest).max(quarters.abs());
            }
        }
        for (index, &largest) in largest[..lanes.len()].iter().enumerate() {
            let row = first + index;
            if weights.is_none_or(|w| w[row] > 0) {
                found.classes.count(largest);
            }
            if largest >= FAR {
                found.far_rows.push(row as u64);
                found.far_values.extend(self.centres.iter().enumerate().map(|(f, c)| c.scaled(column(f)[index])));
            }
        }
    }
}

/// What was found while quarters were written.
#[derive(Default)]
struct Found {
    classes: Classes,
    /// Rows with a value that is too far out for the panels, ascending, with all their values in quarters.
    far_rows: Vec<u64>,
    far_values: Vec<f64>,
}

impl Found {
    fn merge(&mut self, other: Found) {
        self.classes.merge(&other.classes);
        self.far_rows.extend(other.far_rows);
        self.far_values.extend(other.far_values);
    }
}

/// All values in quarters of the finest step, rounded to odd, as the bits of the panels' slots.
pub struct Quarters {
    n_features: usize,
    n_rows: usize,
    panels: Vec<f32>,
    found: Found,
}

/// Panels that hold grid values, and what is known of them.
pub struct Settled {
    pub panels: Vec<f32>,
    pub reach: Vec<f32>,
    pub wide: WideRows,
    pub facts: Facts,
}

impl Quarters {
    pub fn with_room(n_rows: usize, n_features: usize) -> Self {
        let values = n_rows.div_ceil(PANEL_ROWS) * PANEL_ROWS * n_features;
        Self { n_features, n_rows: 0, panels: vec![0.0; values], found: Found::default() }
    }

    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Appends the rows of a wave, which begins where the last one ended and fits the room. `weights` holds those of
    /// all rows up to the wave's end.
    pub fn append(&mut self, wave: &Wave, quartering: &Quartering, weights: Option<&[u16]>) {
        let size = self.n_features * PANEL_ROWS;
        let panels = wave.panels();
        let tasks = self.panels[panels.start * size..panels.end * size].par_chunks_mut(size * TASK_PANELS).enumerate();
        let found: Vec<Found> = tasks
            .map(|(task, chunk)| {
                let mut found = Found::default();
                for (index, panel) in chunk.chunks_exact_mut(size).enumerate() {
                    let number = panels.start + task * TASK_PANELS + index;
                    for run in wave.runs(number) {
                        let lanes = run.lane..run.lane + run.len;
                        let first = number * PANEL_ROWS + run.lane;
                        quartering.write(panel, lanes, &mut found, first, weights, |feature| {
                            &run.rows.columns[feature][run.from..run.from + run.len]
                        });
                    }
                }
                found
            })
            .collect();
        found.into_iter().for_each(|found| self.found.merge(found));
        self.n_rows = wave.end();
    }

    /// Rows counted by the finest step at which they are narrow.
    pub fn classes(&self) -> &Classes {
        &self.found.classes
    }

    /// Rounds every value to the step in place, and takes the wide rows out.
    pub fn settle(mut self, step: Step, weights: Option<&[u16]>) -> Settled {
        let Self { n_features, n_rows, .. } = self;
        let size = n_features * PANEL_ROWS;
        self.panels.truncate(n_rows.div_ceil(PANEL_ROWS) * size);
        let found = &self.found;
        let tasks = self.panels.par_chunks_mut(TASK_PANELS * size).enumerate();
        let parts: Vec<(WideRows, Facts, Vec<f32>)> = tasks
            .map(|(task, chunk)| {
                let mut wide = WideRows::default();
                let first = task * TASK_PANELS * PANEL_ROWS;
                let rows = (chunk.len() / n_features).min(n_rows - first);
                for (index, panel) in chunk.chunks_exact_mut(size).enumerate() {
                    settle_panel(panel, step, first + index * PANEL_ROWS, n_rows, found, &mut wide);
                }
                let weights = weights.map_or(&[][..], |w| &w[first..first + rows]);
                let (facts, reach) = Matrix::facts_of(n_features, chunk, weights, rows);
                (wide, facts, reach)
            })
            .collect();
        let mut settled = Settled {
            panels: self.panels,
            reach: Vec::with_capacity(n_rows.div_ceil(PANEL_ROWS)),
            wide: WideRows::default(),
            facts: Facts { columns: vec![0; n_features], ..Facts::default() },
        };
        for (wide, facts, reach) in parts {
            settled.wide.rows.extend(wide.rows);
            settled.wide.coordinates.extend(wide.coordinates);
            settled.facts.merge(&facts);
            settled.reach.extend(reach);
        }
        settled.facts.add_wide(n_features, &settled.wide, weights);
        settled
    }
}

/// Rounds a panel's rows; lanes behind the last row, and wide rows once they are written down, hold 2^20 and zeros.
fn settle_panel(panel: &mut [f32], step: Step, first: usize, n_rows: usize, found: &Found, wide: &mut WideRows) {
    let rows = PANEL_ROWS.min(n_rows - first);
    let mut largest = [0i32; PANEL_ROWS];
    for slots in panel.chunks_exact(PANEL_ROWS) {
        for (largest, slot) in largest.iter_mut().zip(slots) {
            *largest = (*largest).max((slot.to_bits() as i32).abs());
        }
    }
    let is_wide = |lane: &usize| largest[*lane] >= step.wide_from();
    for lane in (0..rows).filter(is_wide) {
        let row = (first + lane) as u64;
        wide.rows.push(row);
        match found.far_rows.binary_search(&row) {
            Ok(at) => {
                let d = panel.len() / PANEL_ROWS;
                let values = &found.far_values[at * d..(at + 1) * d];
                wide.coordinates.extend(values.iter().map(|v| step.round_far(*v, COORDINATE_MAX)));
            }
            Err(_) => {
                let values = panel.iter().skip(lane).step_by(PANEL_ROWS);
                wide.coordinates.extend(values.map(|v| i64::from(step.round(v.to_bits() as i32))));
            }
        }
    }
    for slot in panel.iter_mut() {
        *slot = step.round(slot.to_bits() as i32) as f32;
    }
    for lane in (0..rows).filter(is_wide).chain(rows..PANEL_ROWS) {
        panel.iter_mut().skip(lane).step_by(PANEL_ROWS).for_each(|slot| *slot = 0.0);
        panel[lane] = WIDE as f32;
    }
}

/// A f64 as two words; the upper one travels as the bits of a f32 and is never computed with.
fn halves(value: f64) -> (f32, u32) {
    let bits = value.to_bits();
    (f32::from_bits((bits >> 32) as u32), bits as u32)
}

fn whole(high: f32, low: u32) -> f64 {
    f64::from_bits(u64::from(high.to_bits()) << 32 | u64::from(low))
}
