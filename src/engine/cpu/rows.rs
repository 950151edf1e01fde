//! Rows as the step's kernel takes them: some panels of the matrix, or copies of those of its rows that are awake.

use std::ops::Range;

use super::scores::Lanes;
use crate::grid::{Matrix, PANEL_ROWS};

/// A range of panels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub n_features: usize,
    /// (panels, d, 64)
    pub panels: &'a [f32],
    /// One per panel: see [`Matrix::reach`].
    pub reach: &'a [f32],
    /// One bit per row of each panel, the first lowest: it is a row, and no wide one.
    pub narrow: &'a [u64],
    /// One per row; padding of the last panel may be left out.
    pub weights: Option<&'a [u16]>,
}

impl<'a> Rows<'a> {
    pub fn of(matrix: &'a Matrix, narrow: &'a [u64], panels: Range<usize>) -> Self {
        let (n_features, weights) = (matrix.n_features(), matrix.weights());
        Self { n_features, panels: matrix.panels(), reach: matrix.reach(), narrow, weights }.range(panels)
    }

    pub fn range(self, panels: Range<usize>) -> Self {
        let width = self.n_features * PANEL_ROWS;
        let weights = |all: &'a [u16]| &all[panels.start * PANEL_ROWS..all.len().min(panels.end * PANEL_ROWS)];
        Self {
            panels: &self.panels[panels.start * width..panels.end * width],
            reach: &self.reach[panels.clone()],
            narrow: &self.narrow[panels.clone()],
            weights: self.weights.map(weights),
            ..self
        }
    }

    /// (d, 64): the values of a panel.
    #[inline(always)]
    pub fn columns(&self, panel: usize) -> &'a [Lanes] {
        let width = self.n_features * PANEL_ROWS;
        self.panels[panel * width..(panel + 1) * width].as_chunks::<PANEL_ROWS>().0
    }
}
