//! Values into quarters of the finest step, one by one or a list at once, and what is noted of their rows on the way.

use std::ops::Range;

use crate::grid::PANEL_ROWS;

use super::centre::Centre;
use super::step::{Candidates, Classes, FAR, round_to_odd};

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

    /// Writes the quarters of a feature's values into their slots.
    pub fn write(&self, feature: usize, values: &[f64], slots: &mut [f32]) {
        let centre = self.centres[feature];
        slots.iter_mut().zip(values).for_each(|(slot, value)| *slot = quarters(centre, *value));
    }

    /// The quarters of a list of values, as the bits of slots.
    pub fn list(&self, feature: usize, values: &[f64]) -> Vec<f32> {
        values.iter().map(|value| quarters(self.centres[feature], *value)).collect()
    }

    /// Takes note of successive rows whose quarters stand in these lanes of a panel; the first is matrix row `first`, and
    /// `value` gives a feature's value of one of them.
    pub fn note(
        &self,
        panel: &[f32],
        lanes: Range<usize>,
        found: &mut Found,
        first: usize,
        weights: Option<&[u16]>,
        value: impl Fn(usize, usize) -> f64,
    ) {
        let mut largest = [0i32; PANEL_ROWS];
        for slots in panel.chunks_exact(PANEL_ROWS) {
            for (largest, slot) in largest.iter_mut().zip(&slots[lanes.clone()]) {
                *largest = (*largest).max((slot.to_bits() as i32).abs());
            }
        }
        let largest = &largest[..lanes.len()];
        match weights.map(|weights| &weights[first..first + lanes.len()]) {
            None => found.classes.count(largest),
            Some(weights) => {
                let counted = largest.iter().zip(weights).filter(|(_, weight)| **weight > 0);
                counted.for_each(|(largest, _)| found.classes.count(&[*largest]));
            }
        }
        if largest.iter().fold(0, |all, &largest| all.max(largest)) < FAR {
            return;
        }
        for (index, _) in largest.iter().enumerate().filter(|(_, largest)| **largest >= FAR) {
            found.far_rows.push((first + index) as u64);
            found.far_values.extend(self.centres.iter().enumerate().map(|(f, c)| c.scaled(value(f, index))));
        }
    }
}

#[inline]
fn quarters(centre: Centre, value: f64) -> f32 {
    f32::from_bits(round_to_odd(centre.scaled(value)) as u32)
}

/// What was found while quarters were written.
#[derive(Default)]
pub struct Found {
    pub classes: Classes,
    /// Rows with a value that is too far out for the panels, ascending, with all their values in quarters.
    pub far_rows: Vec<u64>,
    pub far_values: Vec<f64>,
}

impl Found {
    pub fn merge(&mut self, other: Found) {
        self.classes.merge(&other.classes);
        self.far_rows.extend(other.far_rows);
        self.far_values.extend(other.far_values);
    }
}
