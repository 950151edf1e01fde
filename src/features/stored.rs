//! Values as they were transformed, all in memory, in the place where their grid values will lie.

use rayon::prelude::*;

use crate::grid::PANEL_ROWS;

use super::panels::{Found, Quartering, Quarters, TASK_PANELS};
use super::wave::Wave;

/// All values; the upper halves of their bits lie where the grid values will.
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
        Quarters::of(n_features, n_rows, high, found)
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
