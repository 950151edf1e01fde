//! Values as they were transformed, all in memory, in the place where their grid values will lie.
//!
//! A place has four bytes. Of a column that comes as codes into a list they hold the code, and the lists are kept beside
//! them, one for each stretch of rows. Of any other column they hold the upper half of the value, and the lower half
//! lies in a column of its own, which is only there for features that need it.

use std::sync::Arc;

use rayon::prelude::*;

use crate::grid::PANEL_ROWS;
use crate::source::Numbers;

use super::panels::{Quarters, TASK_PANELS};
use super::quartering::{Found, Quartering};
use super::wave::Wave;

/// All values.
pub struct Stored {
    n_features: usize,
    pub n_rows: usize,
    room: usize,
    slots: Vec<f32>,
    features: Vec<Feature>,
}

/// What a feature keeps beside its slots.
#[derive(Default)]
struct Feature {
    /// In the order of the rows, without a gap; each begins where the one before it ends.
    stretches: Vec<Stretch>,
    /// Lower halves by row, of the stretches without a list. Empty as long as there is none.
    low: Vec<u32>,
}

/// Successive rows with the same list, or without one.
struct Stretch {
    first: usize,
    list: Option<Arc<[f64]>>,
}

impl Feature {
    /// Rows of the same kind follow.
    fn begin(&mut self, first: usize, list: Option<&Arc<[f64]>>) {
        let same = |last: &Stretch| match (&last.list, list) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        if !self.stretches.last().is_some_and(same) {
            self.stretches.push(Stretch { first, list: list.cloned() });
        }
    }

    /// The stretch that a panel begins in.
    fn position(&self, panel: usize) -> usize {
        self.stretches.partition_point(|stretch| stretch.first <= panel * PANEL_ROWS).saturating_sub(1)
    }

    /// The stretches that hold rows of a panel, with their lanes in it, as positions.
    fn lanes(&self, panel: usize) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
        self.lanes_from(self.position(panel), panel)
    }

    /// The same, where the first of them is known to be no earlier than that at position `at`.
    fn lanes_from(&self, at: usize, panel: usize) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
        let (begin, end) = (panel * PANEL_ROWS, (panel + 1) * PANEL_ROWS);
        let later = self.stretches.iter().skip(at + 1).take_while(|stretch| stretch.first <= begin);
        let at = at + later.count();
        let ends = self.stretches.iter().skip(at + 1).map(|next| next.first).chain([usize::MAX]);
        let from_here = self.stretches.iter().enumerate().skip(at).zip(ends);
        from_here
            .take_while(move |((_, stretch), _)| stretch.first < end)
            .map(move |((position, stretch), next)| (position, stretch.first.max(begin) - begin..next.min(end) - begin))
    }

    /// The values of a panel's lanes from its slots.
    fn values(&self, panel: usize, slots: &[f32], out: &mut [f64]) {
        for (stretch, lanes) in self.lanes(panel) {
            let values = slots[lanes.clone()].iter().zip(&mut out[lanes.clone()]);
            match &self.stretches[stretch].list {
                Some(list) => values.for_each(|(slot, value)| *value = list[slot.to_bits() as usize]),
                None => {
                    let low = &self.low[panel * PANEL_ROWS..][lanes];
                    values.zip(low).for_each(|((slot, value), low)| *value = whole(*slot, *low));
                }
            }
        }
    }
}

impl Stored {
    /// Room for `n_rows` rows. Memory is taken as rows come.
    pub fn with_room(n_rows: usize, n_features: usize) -> Self {
        let room = n_rows.div_ceil(PANEL_ROWS) * PANEL_ROWS;
        let features = (0..n_features).map(|_| Feature::default()).collect();
        Self { n_features, n_rows: 0, room, slots: vec![0.0; room * n_features], features }
    }

    /// Appends the rows of a wave, which begins where the last one ended.
    pub fn append(&mut self, wave: &Wave) {
        let (size, panels, room) = (self.n_features * PANEL_ROWS, wave.panels(), self.room);
        self.features.par_iter_mut().enumerate().for_each(|(number, feature)| {
            for (part, rows) in wave.parts().iter().enumerate().filter(|(_, rows)| rows.n_rows > 0) {
                let first = wave.start(part);
                match &rows.columns[number] {
                    Numbers::Coded(coded) => feature.begin(first, Some(coded.values())),
                    Numbers::Values(values) => {
                        feature.begin(first, None);
                        if feature.low.is_empty() {
                            feature.low = vec![0; room];
                        }
                        let low = feature.low[first..].iter_mut().zip(values);
                        low.for_each(|(low, value)| *low = halves(*value).1);
                    }
                }
            }
        });
        let own = &mut self.slots[panels.start * size..panels.end * size];
        own.par_chunks_mut(size).enumerate().with_min_len(TASK_PANELS).for_each(|(index, panel)| {
            for run in wave.runs(panels.start + index) {
                let (lanes, rows) = (run.lane..run.lane + run.len, run.from..run.from + run.len);
                for (slots, column) in panel.chunks_exact_mut(PANEL_ROWS).zip(&run.rows.columns) {
                    let slots = slots[lanes.clone()].iter_mut();
                    match column {
                        Numbers::Coded(coded) => {
                            let codes = slots.zip(&coded.codes()[rows.clone()]);
                            codes.for_each(|(slot, code)| *slot = f32::from_bits(u32::from(*code)));
                        }
                        Numbers::Values(values) => {
                            let values = slots.zip(&values[rows.clone()]);
                            values.for_each(|(slot, value)| *slot = halves(*value).0);
                        }
                    }
                }
            }
        });
        self.n_rows = wave.end();
    }

    /// Changes the values of one feature in place.
    pub fn change(&mut self, feature: usize, change: impl Fn(f64) -> f64 + Sync) {
        let size = self.n_features * PANEL_ROWS;
        let lanes = feature * PANEL_ROWS..(feature + 1) * PANEL_ROWS;
        let mut values = std::mem::take(&mut self.features[feature]);
        for stretch in &mut values.stretches {
            if let Some(list) = &mut stretch.list {
                *list = list.iter().map(|value| change(*value)).collect();
            }
        }
        let mut low = std::mem::take(&mut values.low);
        let panels = self.slots.par_chunks_mut(size).zip(low.par_chunks_mut(PANEL_ROWS)).enumerate();
        panels.with_min_len(TASK_PANELS).for_each(|(panel, (slots, low))| {
            for (stretch, own) in values.lanes(panel) {
                if values.stretches[stretch].list.is_none() {
                    let slots = &mut slots[lanes.clone()][own.clone()];
                    for (slot, low) in slots.iter_mut().zip(&mut low[own]) {
                        (*slot, *low) = halves(change(whole(*slot, *low)));
                    }
                }
            }
        });
        values.low = low;
        self.features[feature] = values;
    }

    /// The values of one feature, up to 64 rows at a time, with the first row's number.
    pub fn visit(&self, feature: usize, mut visit: impl FnMut(usize, &[f64])) {
        let size = self.n_features * PANEL_ROWS;
        let lanes = feature * PANEL_ROWS..(feature + 1) * PANEL_ROWS;
        let mut values = [0.0; PANEL_ROWS];
        for (panel, slots) in self.slots.chunks_exact(size).enumerate().take(self.n_rows.div_ceil(PANEL_ROWS)) {
            self.features[feature].values(panel, &slots[lanes.clone()], &mut values);
            let first = panel * PANEL_ROWS;
            visit(first, &values[..PANEL_ROWS.min(self.n_rows - first)]);
        }
    }

    /// Turns all values into quarters in place; what is kept beside the slots is given back.
    pub fn into_quarters(self, quartering: &Quartering, weights: Option<&[u16]>) -> Quarters {
        let Self { n_features, n_rows, mut slots, features, .. } = self;
        let size = n_features * PANEL_ROWS;
        slots.truncate(n_rows.div_ceil(PANEL_ROWS) * size);
        let list = |feature: usize, stretch: &Stretch| stretch.list.as_ref().map(|list| quartering.list(feature, list));
        let lists: Vec<Vec<Option<Vec<f32>>>> = (0..n_features)
            .into_par_iter()
            .map(|feature| features[feature].stretches.iter().map(|stretch| list(feature, stretch)).collect())
            .collect();
        let found: Vec<Found> = slots
            .par_chunks_mut(TASK_PANELS * size)
            .enumerate()
            .map(|(task, chunk)| {
                let mut found = Found::default();
                let mut before = vec![0.0; size];
                // Panels come in their order, and so do stretches.
                let mut reached = vec![None; n_features];
                for (index, panel) in chunk.chunks_exact_mut(size).enumerate() {
                    let number = task * TASK_PANELS + index;
                    before.copy_from_slice(panel);
                    for (number_of, slots) in panel.chunks_exact_mut(PANEL_ROWS).enumerate() {
                        let feature = &features[number_of];
                        let reached = &mut reached[number_of];
                        let at = reached.unwrap_or_else(|| feature.position(number));
                        for (stretch, lanes) in feature.lanes_from(at, number) {
                            *reached = Some(stretch);
                            let slots = &mut slots[lanes.clone()];
                            match &lists[number_of][stretch] {
                                Some(list) => slots.iter_mut().for_each(|slot| *slot = list[slot.to_bits() as usize]),
                                None => {
                                    let low = &feature.low[number * PANEL_ROWS..][lanes];
                                    let mut values = [0.0; PANEL_ROWS];
                                    let values = &mut values[..slots.len()];
                                    let halves = slots.iter().zip(low).zip(&mut *values);
                                    halves.for_each(|((slot, low), value)| *value = whole(*slot, *low));
                                    quartering.write(number_of, values, slots);
                                }
                            }
                        }
                    }
                    let first = number * PANEL_ROWS;
                    let rows = PANEL_ROWS.min(n_rows - first);
                    quartering.note(panel, 0..rows, &mut found, first, weights, |feature, lane| {
                        let mut values = [0.0; PANEL_ROWS];
                        features[feature].values(number, &before[feature * PANEL_ROWS..][..PANEL_ROWS], &mut values);
                        values[lane]
                    });
                }
                found
            })
            .collect();
        Quarters::of(n_features, n_rows, slots, found)
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
