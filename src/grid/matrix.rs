//! The feature matrix on the grid, in panels of 64 rows.

use std::ops::Range;

use super::facts::Facts;
use super::panels::{PanelFile, Panels};
use super::{PANEL_ROWS, WIDE};
use crate::error::Result;

/// Rows that do not fit the panels, with their true coordinates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WideRows {
    /// Row numbers, ascending.
    pub rows: Vec<u64>,
    /// (rows, d) in steps, row after row; each within `COORDINATE_MAX`.
    pub coordinates: Vec<i64>,
}

impl WideRows {
    /// Those among some rows.
    pub fn within(&self, rows: Range<usize>) -> impl Iterator<Item = usize> {
        let first = self.rows.partition_point(|&row| row < rows.start as u64);
        self.rows[first..].iter().map(|&row| row as usize).take_while(move |&row| row < rows.end)
    }
}

/// n rows of d grid values. Immutable once made, shared by all engines.
///
/// `panels` holds ceil(n / 64) panels of d · 64 f32 integers. A wide row, and the padding behind the last row, has
/// 2^20 as its first value and zeros behind it: every kernel skips it by that. They may lie in a file: whoever reads them
/// says so with [`Matrix::visit`].
#[derive(Debug, Clone)]
pub struct Matrix {
    n_rows: usize,
    n_features: usize,
    panels: Panels,
    reach: Vec<f32>,
    wide: WideRows,
    weights: Option<Vec<u16>>,
    keys: Vec<u64>,
    facts: Facts,
    beside: u64,
}

impl Matrix {
    /// Puts a matrix together from panels that are filled already.
    ///
    /// `weights` is one integer per row, `keys` one order key per row (the hash of its id); `facts` comes from
    /// [`Matrix::facts_of`] over all panels, `reach` likewise.
    pub fn assemble(
        n_rows: usize,
        n_features: usize,
        panels: impl Into<Panels>,
        reach: Vec<f32>,
        wide: WideRows,
        weights: Option<Vec<u16>>,
        keys: Vec<u64>,
        facts: Facts,
    ) -> Self {
        let (panels, n_panels) = (panels.into(), n_rows.div_ceil(PANEL_ROWS));
        assert_eq!(panels.values().len(), n_panels * n_features * PANEL_ROWS, "panels hold whole panels");
        assert_eq!(reach.len(), n_panels);
        assert_eq!(keys.len(), n_rows);
        assert!(weights.as_ref().is_none_or(|w| w.len() == n_rows));
        assert_eq!(wide.coordinates.len(), wide.rows.len() * n_features);
        Self { n_rows, n_features, panels, reach, wide, weights, keys, facts, beside: u64::MAX }
    }

    /// Says how many bytes of memory an engine may take beside the matrix, for what it keeps from pass to pass.
    pub fn with_beside(self, beside: u64) -> Self {
        Self { beside, ..self }
    }

    /// Bytes of memory that an engine may take beside the matrix; without bounds where nobody has said any.
    pub fn beside(&self) -> u64 {
        self.beside
    }

    /// A matrix from plain rows: for tests. Rows wider than the grid become wide rows.
    pub fn from_rows(n_features: usize, rows: &[Vec<i64>], weights: Option<Vec<u16>>, keys: Vec<u64>) -> Self {
        Self::filled(n_features, weights, keys, |row, out| out.copy_from_slice(&rows[row]))
    }

    /// A matrix of the given rows, in the given order: samples.
    pub fn select(&self, rows: &[usize]) -> Matrix {
        let d = self.n_features;
        let mut panels = vec![0.0; rows.len().div_ceil(PANEL_ROWS) * d * PANEL_ROWS];
        self.gather(rows, &mut panels);
        let mut wide = WideRows::default();
        let mut add_wide = |place: usize, row: usize| {
            wide.rows.push(place as u64);
            let end = wide.coordinates.len();
            wide.coordinates.resize(end + d, 0);
            self.row(row, &mut wide.coordinates[end..]);
        };
        for (number, (rows, panel)) in rows.chunks(PANEL_ROWS).zip(panels.chunks_exact_mut(d * PANEL_ROWS)).enumerate()
        {
            panel[rows.len()..PANEL_ROWS].fill(WIDE as f32);
            let lanes = rows.iter().enumerate().filter(|(lane, _)| panel[*lane] >= WIDE as f32);
            lanes.for_each(|(lane, row)| add_wide(number * PANEL_ROWS + lane, *row));
        }
        let weights: Option<Vec<u16>> = self.weights.as_ref().map(|w| rows.iter().map(|&row| w[row]).collect());
        let keys = rows.iter().map(|&row| self.keys[row]).collect();
        let (mut facts, reach) = Self::facts_of(d, &panels, weights.as_deref().unwrap_or(&[]), rows.len());
        facts.add_wide(d, &wide, weights.as_deref());
        Self::assemble(rows.len(), d, panels, reach, wide, weights, keys, facts)
    }

    /// Writes the values of the given rows into panels, in the order in which they lie in the matrix, which is read once
    /// and from front to end by that.
    fn gather(&self, rows: &[usize], panels: &mut [f32]) {
        let size = self.n_features * PANEL_ROWS;
        let mut places: Vec<(usize, usize)> = rows.iter().copied().zip(0..).collect();
        places.sort_unstable();
        for (row, place) in places {
            let panel = row / PANEL_ROWS;
            if self.visit(panel..panel + 1) {
                let from = &self.panels()[panel * size..(panel + 1) * size];
                let to = &mut panels[place / PANEL_ROWS * size..][..size];
                let from = from.iter().skip(row % PANEL_ROWS).step_by(PANEL_ROWS);
                to.iter_mut().skip(place % PANEL_ROWS).step_by(PANEL_ROWS).zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// The rows of positive weight with the smallest keys, at most `n`, in key order: a random sample that is the same
    /// whatever order the rows came in.
    pub fn sample_rows(&self, n: usize) -> Vec<usize> {
        let eligible = |row: usize| self.weight(row) > 0;
        let keys = self.keys();
        let mut limit = u64::MAX;
        if self.n_rows > n {
            // Keys are hashes: a tenth more than the share wanted nearly always holds enough.
            let share = u128::from(u64::MAX) * n as u128 / self.n_rows as u128;
            limit = (share * 11 / 10).min(u64::MAX.into()) as u64;
        }
        loop {
            let below = keys.iter().copied().zip(0..).filter(|(key, _)| *key <= limit);
            let mut rows: Vec<(u64, usize)> = below.filter(|(_, row)| eligible(*row)).collect();
            if rows.len() >= n || limit == u64::MAX {
                rows.sort_unstable();
                rows.truncate(n);
                return rows.into_iter().map(|(_, row)| row).collect();
            }
            limit = limit.saturating_mul(2).max(1);
        }
    }

    /// The same rows without one of the features. The matrix has at least two.
    pub fn without(&self, feature: usize) -> Matrix {
        let mut whole = vec![0; self.n_features];
        Self::filled(self.n_features - 1, self.weights.clone(), self.keys.clone(), |row, out| {
            self.row(row, &mut whole);
            out[..feature].copy_from_slice(&whole[..feature]);
            out[feature..].copy_from_slice(&whole[feature + 1..]);
        })
    }

    /// A matrix of as many rows as there are keys; `write` writes the coordinates of one.
    fn filled(
        n_features: usize,
        weights: Option<Vec<u16>>,
        keys: Vec<u64>,
        mut write: impl FnMut(usize, &mut [i64]),
    ) -> Self {
        let n_panels = keys.len().div_ceil(PANEL_ROWS);
        let mut panels = vec![0.0; n_panels * n_features * PANEL_ROWS];
        let mut wide = WideRows::default();
        let mut row = vec![0; n_features];
        for slot in 0..n_panels * PANEL_ROWS {
            let base = slot / PANEL_ROWS * n_features * PANEL_ROWS + slot % PANEL_ROWS;
            if slot >= keys.len() {
                panels[base] = WIDE as f32;
                continue;
            }
            write(slot, &mut row);
            if row.iter().all(|q| q.abs() < WIDE) {
                for (feature, &q) in row.iter().enumerate() {
                    panels[base + feature * PANEL_ROWS] = q as f32;
                }
            } else {
                panels[base] = WIDE as f32;
                wide.rows.push(slot as u64);
                wide.coordinates.extend_from_slice(&row);
            }
        }
        let (mut facts, reach) = Self::facts_of(n_features, &panels, weights.as_deref().unwrap_or(&[]), keys.len());
        facts.add_wide(n_features, &wide, weights.as_deref());
        Self::assemble(keys.len(), n_features, panels, reach, wide, weights, keys, facts)
    }

    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub fn n_features(&self) -> usize {
        self.n_features
    }

    pub fn n_panels(&self) -> usize {
        self.reach.len()
    }

    /// All panels, (n_panels, d, 64); to be read where they were visited.
    pub fn panels(&self) -> &[f32] {
        self.panels.values()
    }

    /// Makes some panels ready to be read. False where they lie in a file and are not what was written there: nothing
    /// may be made of them then, and [`Matrix::check`] says what happened.
    #[inline(always)]
    pub fn visit(&self, panels: Range<usize>) -> bool {
        let size = self.n_features * PANEL_ROWS;
        self.panels.visit(panels.start * size..panels.end * size)
    }

    /// Hands on all panels from front to end, some whole ones at a time.
    pub fn each_stretch(&self, mut each: impl FnMut(&[f32])) {
        const STRETCH_VALUES: usize = 1 << 16;
        let size = self.n_features * PANEL_ROWS;
        let step = (STRETCH_VALUES / size).max(1);
        for first in (0..self.n_panels()).step_by(step) {
            let end = self.n_panels().min(first + step);
            if self.visit(first..end) {
                each(&self.panels()[first * size..end * size]);
            }
        }
    }

    /// An error once panels in a file turned out not to be what was written there: whatever was made of this matrix since
    /// it was made is worth nothing then.
    pub fn check(&self) -> Result<()> {
        self.file().map_or(Ok(()), PanelFile::check)
    }

    /// The file that the panels lie in, where they do not lie in memory.
    pub fn file(&self) -> Option<&dyn PanelFile> {
        self.panels.file()
    }

    /// Upper bound of the norm of each panel's narrow rows, in steps.
    pub fn reach(&self) -> &[f32] {
        &self.reach
    }

    pub fn wide(&self) -> &WideRows {
        &self.wide
    }

    /// One integer sample weight per row, where there are any.
    pub fn weights(&self) -> Option<&[u16]> {
        self.weights.as_deref()
    }

    pub fn weight(&self, row: usize) -> u16 {
        self.weights.as_ref().map_or(1, |w| w[row])
    }

    /// One order key per row: the hash of its id. Whatever is random or tied is decided by it, never by position.
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    pub fn is_wide(&self, row: usize) -> bool {
        match &self.panels {
            Panels::Memory(values) => {
                values[row / PANEL_ROWS * self.n_features * PANEL_ROWS + row % PANEL_ROWS] >= WIDE as f32
            }
            // A list in memory is nearer than a file.
            Panels::File(_) => self.wide.rows.binary_search(&(row as u64)).is_ok(),
        }
    }

    /// The true coordinates of a row, in steps, written into `out` (d).
    pub fn row(&self, row: usize, out: &mut [i64]) {
        if self.is_wide(row) {
            let at = self.wide.rows.binary_search(&(row as u64)).expect("a wide row stands in the list of wide rows");
            out.copy_from_slice(&self.wide.coordinates[at * self.n_features..(at + 1) * self.n_features]);
            return;
        }
        let panel = row / PANEL_ROWS;
        if !self.visit(panel..panel + 1) {
            // Whatever comes of it, `check` says no.
            return out.fill(0);
        }
        let lane = &self.panels()[panel * self.n_features * PANEL_ROWS + row % PANEL_ROWS..];
        for (q, value) in out.iter_mut().zip(lane.iter().step_by(PANEL_ROWS)) {
            *q = *value as i64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_wide_ones_and_the_last_panel_too() {
        let rows: Vec<Vec<i64>> = (0..70).map(|i| vec![i - 35, if i == 66 { -(1 << 30) } else { 2 * i }]).collect();
        let matrix = Matrix::from_rows(2, &rows, None, (0..70).collect());
        let mut out = [0; 2];
        for (index, row) in rows.iter().enumerate() {
            matrix.row(index, &mut out);
            assert_eq!(&out[..], &row[..]);
            assert_eq!(matrix.is_wide(index), index == 66);
        }
        let squares: i128 = rows.iter().flatten().map(|&q| i128::from(q) * i128::from(q)).sum();
        assert_eq!(matrix.facts().squares, squares);
        assert_eq!(matrix.facts().columns[1], rows.iter().map(|r| i128::from(r[1])).sum::<i128>());
        assert_eq!(matrix.facts().weight, 70);
    }

    #[test]
    fn a_selection_is_the_matrix_of_its_rows() {
        let rows: Vec<Vec<i64>> =
            (0..300).map(|i| vec![i * i - 900, if i % 50 == 3 { 1 << 33 } else { -i }, 7]).collect();
        let weights: Vec<u16> = (0..300).map(|i| i % 4 * 21_845).collect();
        for weights in [None, Some(weights)] {
            let matrix = Matrix::from_rows(3, &rows, weights.clone(), (1000..1300).collect());
            let picked: Vec<usize> = (0..130).map(|i| i * 89 % 300).chain([3, 3]).collect();
            let of_picked: Vec<Vec<i64>> = picked.iter().map(|&row| rows[row].clone()).collect();
            let weights = weights.map(|w| picked.iter().map(|&row| w[row]).collect());
            let keys = picked.iter().map(|&row| 1000 + row as u64).collect();
            let (found, expected) = (matrix.select(&picked), Matrix::from_rows(3, &of_picked, weights, keys));
            assert_eq!(
                (found.panels(), found.wide(), found.facts()),
                (expected.panels(), expected.wide(), expected.facts())
            );
            assert_eq!(
                (found.reach(), found.weights(), found.keys()),
                (expected.reach(), expected.weights(), expected.keys())
            );
        }
    }
}
