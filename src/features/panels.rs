//! Rows into panels of 64, in place and in parallel.
//!
//! A panel is written by exactly one task of a wave; where a wave ends inside a panel, the next wave goes on in it. The
//! values pass through three forms in the same memory: codes, or the upper halves of f64 (where the source is read once), quarters of
//! the finest step rounded to odd, grid values. Where memory has no room for them they pass through the last two in a spill
//! file, and only the panels of a wave are in memory.

use rayon::prelude::*;

use crate::error::Result;
use crate::grid::{COORDINATE_MAX, Facts, Matrix, PANEL_ROWS, Panels, WIDE, WideRows};
use crate::source::Numbers;
use crate::spill::Writer;

use super::quartering::{Found, Quartering};
use super::step::{Classes, Step};
use super::wave::Wave;

/// Panels that a task takes at a time: 4,096 rows.
pub const TASK_PANELS: usize = 64;

/// Bytes of panels that are read from a file together, about: a few tasks for each of many threads.
const STRETCH_BYTES: usize = 16 << 20;

/// All values in quarters of the finest step, rounded to odd, as the bits of the panels' slots.
pub struct Quarters {
    n_features: usize,
    n_rows: usize,
    /// In memory: all of them, or those that are not in the file yet, the first of which is number `first`.
    panels: Vec<f32>,
    first: usize,
    file: Option<Writer>,
    found: Found,
}

/// Panels that hold grid values, and what is known of them.
pub struct Settled {
    pub panels: Panels,
    pub reach: Vec<f32>,
    pub wide: WideRows,
    pub facts: Facts,
}

impl Quarters {
    /// Panels that were filled elsewhere, with what each task found, in order.
    pub fn of(n_features: usize, n_rows: usize, panels: Vec<f32>, found: Vec<Found>) -> Self {
        let mut quarters = Self { n_features, n_rows, panels, first: 0, file: None, found: Found::default() };
        found.into_iter().for_each(|found| quarters.found.merge(found));
        quarters
    }

    pub fn with_room(n_rows: usize, n_features: usize) -> Self {
        let values = n_rows.div_ceil(PANEL_ROWS) * PANEL_ROWS * n_features;
        Self { n_features, n_rows: 0, panels: vec![0.0; values], first: 0, file: None, found: Found::default() }
    }

    /// Into a file that was made for all rows.
    pub fn in_file(file: Writer, n_features: usize) -> Self {
        Self { n_features, n_rows: 0, panels: Vec::new(), first: 0, file: Some(file), found: Found::default() }
    }

    pub fn is_in_file(&self) -> bool {
        self.file.is_some()
    }

    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Appends the rows of a wave, which begins where the last one ended and fits the room. `weights` holds those of
    /// all rows up to the wave's end.
    pub fn append(&mut self, wave: &Wave, quartering: &Quartering, weights: Option<&[u16]>) -> Result<()> {
        let size = self.n_features * PANEL_ROWS;
        let panels = wave.panels();
        let (first, end) = (self.first, (panels.end - self.first) * size);
        if self.file.is_some() {
            self.panels.resize(end, 0.0);
        }
        // Of each part and feature that has a list, the quarters of the list.
        let list = |(feature, numbers): (usize, &Numbers)| match numbers {
            Numbers::Coded(coded) => quartering.list(feature, coded.values()),
            Numbers::Values(_) => Vec::new(),
        };
        let lists: Vec<Vec<Vec<f32>>> =
            wave.parts().par_iter().map(|rows| rows.columns.iter().enumerate().map(list).collect()).collect();
        let own = &mut self.panels[(panels.start - first) * size..end];
        let tasks = own.par_chunks_mut(size * TASK_PANELS).enumerate();
        let found: Vec<Found> = tasks
            .map(|(task, chunk)| {
                let mut found = Found::default();
                for (index, panel) in chunk.chunks_exact_mut(size).enumerate() {
                    let number = panels.start + task * TASK_PANELS + index;
                    for run in wave.runs(number) {
                        let lanes = run.lane..run.lane + run.len;
                        let (columns, rows) = (&run.rows.columns, run.from..run.from + run.len);
                        for (feature, slots) in panel.chunks_exact_mut(PANEL_ROWS).enumerate() {
                            let slots = &mut slots[lanes.clone()];
                            match &columns[feature] {
                                Numbers::Values(values) => quartering.write(feature, &values[rows.clone()], slots),
                                Numbers::Coded(coded) => {
                                    let list = &lists[run.part][feature];
                                    let codes = &coded.codes()[rows.clone()];
                                    slots
                                        .iter_mut()
                                        .zip(codes)
                                        .for_each(|(slot, code)| *slot = list[usize::from(*code)]);
                                }
                            }
                        }
                        let first = number * PANEL_ROWS + run.lane;
                        quartering.note(panel, lanes, &mut found, first, weights, |feature, index| {
                            columns[feature].at(run.from + index)
                        });
                    }
                }
                found
            })
            .collect();
        found.into_iter().for_each(|found| self.found.merge(found));
        self.n_rows = wave.end();
        if let Some(file) = &mut self.file {
            // The next wave goes on in a panel that is not full.
            let full = self.n_rows / PANEL_ROWS - first;
            file.append(&self.panels[..full * size])?;
            self.panels.drain(..full * size);
            self.first += full;
        }
        Ok(())
    }

    /// Rows counted by the finest step at which they are narrow.
    pub fn classes(&self) -> &Classes {
        &self.found.classes
    }

    /// Rounds every value to the step in place, and takes the wide rows out.
    pub fn settle(mut self, step: Step, weights: Option<&[u16]>) -> Result<Settled> {
        let (n_rows, size) = (self.n_rows, self.n_features * PANEL_ROWS);
        let mut settled = Settled {
            panels: Panels::Memory(Vec::new()),
            reach: Vec::with_capacity(n_rows.div_ceil(PANEL_ROWS)),
            wide: WideRows::default(),
            facts: Facts { columns: vec![0; self.n_features], ..Facts::default() },
        };
        let mut panels = std::mem::take(&mut self.panels);
        settled.panels = match self.file.take() {
            None => {
                panels.truncate(n_rows.div_ceil(PANEL_ROWS) * size);
                settled.add(&self, step, weights, 0, &mut panels);
                Panels::Memory(panels)
            }
            Some(mut file) => {
                file.append(&panels)?;
                let each = &mut |first, panels: &mut [f32]| {
                    settled.add(&self, step, weights, first, panels);
                    Ok(())
                };
                Panels::File(file.rewrite((STRETCH_BYTES / size_of::<f32>()).div_ceil(size), each)?.finish()?)
            }
        };
        settled.facts.add_wide(self.n_features, &settled.wide, weights);
        Ok(settled)
    }
}

impl Settled {
    /// Rounds the values of successive panels, of which the first is number `first_panel`, and adds what is known of them.
    fn add(
        &mut self,
        quarters: &Quarters,
        step: Step,
        weights: Option<&[u16]>,
        first_panel: usize,
        panels: &mut [f32],
    ) {
        let Quarters { n_features, n_rows, ref found, .. } = *quarters;
        let size = n_features * PANEL_ROWS;
        let tasks = panels.par_chunks_mut(TASK_PANELS * size).enumerate();
        let parts: Vec<(WideRows, Facts, Vec<f32>)> = tasks
            .map(|(task, chunk)| {
                let mut wide = WideRows::default();
                let first = (first_panel + task * TASK_PANELS) * PANEL_ROWS;
                let rows = (chunk.len() / n_features).min(n_rows - first);
                for (index, panel) in chunk.chunks_exact_mut(size).enumerate() {
                    settle_panel(panel, step, first + index * PANEL_ROWS, n_rows, found, &mut wide);
                }
                let weights = weights.map_or(&[][..], |w| &w[first..first + rows]);
                let (facts, reach) = Matrix::facts_of(n_features, chunk, weights, rows);
                (wide, facts, reach)
            })
            .collect();
        for (wide, facts, reach) in parts {
            self.wide.rows.extend(wide.rows);
            self.wide.coordinates.extend(wide.coordinates);
            self.facts.merge(&facts);
            self.reach.extend(reach);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::centre::Centre;
    use crate::features::rows::Rows;
    use crate::features::step::Candidates;
    use crate::features::stored::Stored;
    use crate::source::Coded;
    use crate::spill::Place;

    const D: usize = 2;

    /// `n_rows` rows of whole numbers that tell where they belong.
    fn rows(first: usize, n_rows: usize) -> Rows {
        // The second feature comes as places in a list, and now and then not.
        let column = |feature: usize| {
            let values: Vec<f64> = (first..first + n_rows).map(|row| (row * D + feature) as f64).collect();
            match feature {
                1 if n_rows.is_multiple_of(2) => Numbers::Values(values),
                0 => Numbers::Values(values),
                _ => Coded::new((0..n_rows as u16).rev().collect(), values.into_iter().rev().collect())
                    .map(Numbers::Coded)
                    .unwrap(),
            }
        };
        Rows {
            n_rows,
            n_read: n_rows,
            columns: (0..D).map(column).collect(),
            weights: None,
            dropped: vec![0; D],
            imputed: vec![0; D],
            kept: None,
        }
    }

    fn quartering() -> (Quartering, Step) {
        // Range 2^20, so that the step is 1.
        let candidates = Candidates::of(f64::from(1 << 20));
        let step = candidates.choose(&Classes::default());
        assert_eq!(step.exponent, 0);
        (Quartering::new(&[Centre { high: 0.0, low: 0.0, factor: 1.0 }; D], candidates), step)
    }

    fn check(settled: &Settled, n_rows: usize) {
        for slot in 0..n_rows.div_ceil(PANEL_ROWS) * PANEL_ROWS {
            let base = slot / PANEL_ROWS * D * PANEL_ROWS + slot % PANEL_ROWS;
            let found = [settled.panels.values()[base], settled.panels.values()[base + PANEL_ROWS]];
            let expected = if slot < n_rows { [(slot * D) as f32, (slot * D + 1) as f32] } else { [WIDE as f32, 0.0] };
            assert_eq!(found, expected, "row {slot} of {n_rows}");
        }
        assert_eq!(settled.facts.weight, n_rows as u64);
        assert!(settled.wide.rows.is_empty());
    }

    #[test]
    fn waves_and_batches_may_end_anywhere_in_a_panel() {
        let (quartering, step) = quartering();
        for waves in [
            vec![vec![64, 64], vec![64]],
            vec![vec![1, 0, 62], vec![2], vec![0], vec![63, 1, 5000]],
            vec![vec![130], vec![3]],
            vec![vec![PANEL_ROWS * TASK_PANELS - 1], vec![1, 1]],
        ] {
            let n_rows = waves.iter().flatten().sum();
            let mut stored = Stored::with_room(n_rows + 100, D);
            let mut quarters = Quarters::with_room(n_rows, D);
            let place = Place { folder: std::env::temp_dir(), window: 0 };
            let file = Writer::create(&place, D, n_rows.div_ceil(PANEL_ROWS)).unwrap();
            let mut filed = Quarters::in_file(file, D);
            for wave in &waves {
                let mut first = quarters.n_rows();
                let parts: Vec<Rows> = wave.iter().map(|&n| (rows(first, n), first += n).0).collect();
                stored.append(&Wave::new(quarters.n_rows(), &parts));
                filed.append(&Wave::new(quarters.n_rows(), &parts), &quartering, None).unwrap();
                quarters.append(&Wave::new(quarters.n_rows(), &parts), &quartering, None).unwrap();
            }
            let mut seen = Vec::new();
            stored.visit(1, |first, values| {
                assert_eq!(first, seen.len());
                seen.extend_from_slice(values);
            });
            assert_eq!(seen, (0..n_rows).map(|row| (row * D + 1) as f64).collect::<Vec<f64>>());
            check(&stored.into_quarters(&quartering, None).settle(step, None).unwrap(), n_rows);
            let (settled, filed) = (quarters.settle(step, None).unwrap(), filed.settle(step, None).unwrap());
            assert!(filed.panels.visit(0..n_rows.div_ceil(PANEL_ROWS) * PANEL_ROWS * D));
            assert_eq!((&filed.reach, &filed.facts), (&settled.reach, &settled.facts));
            check(&settled, n_rows);
            check(&filed, n_rows);
        }
    }

    #[test]
    fn rows_of_weight_zero_do_not_choose_the_step() {
        let (quartering, _) = quartering();
        let weights = [vec![0; 64], vec![1; 6]].concat();
        let mut quarters = Quarters::with_room(70, D);
        quarters.append(&Wave::new(0, &[rows(0, 70)]), &quartering, Some(&weights)).unwrap();
        let mut expected = Classes::default();
        (64..70).for_each(|row| expected.count(&[4 * (row * D as i32 + 1)]));
        assert_eq!(*quarters.classes(), expected);
    }
}
