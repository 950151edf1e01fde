//! The step kernel: assignment and centroid sums in one visit of each panel.
//!
//! Distances are f32; rows whose two nearest clusters lie within the error bound are decided in integers on the spot.
//! Sums are integers. Where a model's labels of the pass before are at hand, only rows that changed cluster are added
//! and subtracted, which is exact with integers.

use super::lanes::LaneSums;
use super::model::{Form, Model};
use super::scores::{Lanes, Scores, score_panel};
use super::simd::Kernel;
use super::vector::Vector;
use crate::engine::decide;
use crate::grid::{Centroids, Matrix, PANEL_ROWS, WIDE};

/// Label of a row that was never assigned, of a wide row, and of padding.
pub(super) const NO_LABEL: u8 = u8::MAX;

/// Models of up to this many clusters keep one byte per row between passes.
pub(super) const KEPT_CLUSTERS_MAX: usize = NO_LABEL as usize;

/// Most panels of one block.
pub(super) const BLOCK_PANELS: usize = 64;

/// With more changed rows than this in a panel, masked vector sums beat going through the rows.
const LISTED_ROWS_MAX: u32 = 10;

/// What a range of panels adds up to for one model, as differences to the pass before where labels were kept.
#[derive(Debug, Clone)]
pub(super) struct Partial {
    pub rows: Vec<i64>,
    /// Only filled where rows are moved one by one; see [`Partial::weights`].
    weights: Vec<i64>,
    /// (k, d), cluster after cluster. i64 holds 2^27 weighted values below 2^36: one task is far smaller.
    pub sums: Vec<i64>,
    pub near_ties: u64,
    /// For unweighted rows only.
    lanes: Option<LaneSums>,
}

impl Partial {
    pub fn new(model: &Model, matrix: &Matrix) -> Self {
        let (k, d) = (model.n_clusters, model.n_features);
        let lanes = if matrix.weights().is_none() { LaneSums::new(k, d) } else { None };
        Self { rows: vec![0; k], weights: vec![0; k], sums: vec![0; k * d], near_ties: 0, lanes }
    }

    /// Σ w per cluster, as a difference like the rest.
    pub fn weights(&self) -> &[i64] {
        if self.lanes.is_some() { &self.rows } else { &self.weights }
    }

    /// Moves one row of a panel from a cluster, or from none, to another.
    #[inline(always)]
    fn move_row(&mut self, columns: &[Lanes], lane: usize, weight: i64, from: u8, to: usize) {
        let d = columns.len();
        self.rows[to] += 1;
        self.weights[to] += weight;
        if from == NO_LABEL {
            for (sum, column) in self.sums[to * d..(to + 1) * d].iter_mut().zip(columns) {
                *sum += weight * integer(column[lane % PANEL_ROWS]);
            }
            return;
        }
        let from = usize::from(from);
        self.rows[from] -= 1;
        self.weights[from] -= weight;
        // The two clusters' sums side by side, so that a value is read once.
        let (low, high) = (from.min(to), from.max(to));
        let sign = if to == high { weight } else { -weight };
        let (before, behind) = self.sums.split_at_mut(high * d);
        for ((low, high), column) in before[low * d..][..d].iter_mut().zip(&mut behind[..d]).zip(columns) {
            let value = sign * integer(column[lane % PANEL_ROWS]);
            *low -= value;
            *high += value;
        }
    }

    #[inline(never)]
    fn decide_rows(
        &mut self,
        matrix: &Matrix,
        centroids: &Centroids,
        first: usize,
        mut ties: u64,
        old: &mut [u8; PANEL_ROWS],
    ) {
        let is_kept = centroids.n_clusters() <= KEPT_CLUSTERS_MAX;
        let width = matrix.n_features() * PANEL_ROWS;
        let (columns, _) = matrix.panels()[first / PANEL_ROWS * width..][..width].as_chunks::<PANEL_ROWS>();
        let mut row = vec![0; matrix.n_features()];
        self.near_ties += u64::from(ties.count_ones());
        while ties != 0 {
            let lane = ties.trailing_zeros() as usize;
            ties &= ties - 1;
            matrix.row(first + lane, &mut row);
            let label = decide(&row, centroids).label;
            if !is_kept || old[lane] != label as u8 {
                self.move_row(columns, lane, i64::from(matrix.weight(first + lane)), old[lane], usize::from(label));
                if is_kept {
                    old[lane] = label as u8;
                }
            }
        }
    }

    /// Moves many rows of a panel at once, all lanes of it per cluster and feature. False where lanes are not kept.
    #[inline(always)]
    fn move_rows<V: Vector>(&mut self, panel: &[f32], labels: &Lanes, moved: u64, old: &mut [u8; PANEL_ROWS]) -> bool {
        let Some(lanes) = &mut self.lanes else { return false };
        let (mut to, mut from) = ([-1f32; PANEL_ROWS], [-1f32; PANEL_ROWS]);
        for lane in 0..PANEL_ROWS {
            let moves = (moved >> lane) & 1 == 1;
            to[lane] = if moves { labels[lane] } else { -1.0 };
            from[lane] = if moves & (old[lane] != NO_LABEL) { f32::from(old[lane]) } else { -1.0 };
            old[lane] = if moves { labels[lane] as u8 } else { old[lane] };
        }
        let (columns, _) = panel.as_chunks::<PANEL_ROWS>();
        lanes.move_rows::<V>(columns, &to, &from, &mut self.rows, &mut self.sums);
        true
    }
}

/// A panel's value as the integer that it is. Below 2^22 in size, adding 1.5 · 2^23 puts it into the lowest bits of the
/// sum, which costs a third of a checked conversion.
#[inline(always)]
fn integer(value: f32) -> i64 {
    const SHIFT: f32 = 12_582_912.0;
    i64::from((value + SHIFT).to_bits() as i32 - SHIFT.to_bits() as i32)
}

/// One model's view of a range of at most [`BLOCK_PANELS`] panels.
pub(super) struct Block<'a> {
    pub matrix: &'a Matrix,
    pub model: &'a Model,
    pub centroids: &'a Centroids,
    pub first_panel: usize,
    pub n_panels: usize,
    /// 64 labels of the pass before per panel, or empty where none are kept.
    pub labels: &'a mut [u8],
    pub partial: &'a mut Partial,
}

impl Kernel for &mut Block<'_> {
    /// Assigns the block's rows and adds those that changed cluster to its sums.
    #[inline(always)]
    fn run<V: Vector>(self) {
        match self.model.form {
            Form::Dot => step_panels::<V, false>(self),
            Form::Direct => step_panels::<V, true>(self),
        }
        if let Some(lanes) = &mut self.partial.lanes {
            lanes.fold(&mut self.partial.sums);
        }
    }
}

#[inline(always)]
fn step_panels<V: Vector, const DIRECT: bool>(block: &mut Block<'_>) {
    let (matrix, model) = (block.matrix, block.model);
    let width = model.n_features * PANEL_ROWS;
    let mut scores = Scores::new();
    let is_kept = !block.labels.is_empty();
    for index in 0..block.n_panels {
        let number = block.first_panel + index;
        let panel = &matrix.panels()[number * width..(number + 1) * width];
        score_panel::<V, DIRECT>(panel, matrix.reach()[number], model, &mut scores);

        let mut unkept = [NO_LABEL; PANEL_ROWS];
        let old = match block.labels.as_chunks_mut::<PANEL_ROWS>().0.get_mut(index) {
            Some(kept) => kept,
            None => &mut unkept,
        };
        let first_column: &Lanes = panel.first_chunk().expect("a panel holds a feature");
        let wide = V::splat(WIDE as f32);
        let (mut narrow, mut changed) = (0, 0);
        for at in (0..PANEL_ROWS).step_by(V::LANES) {
            let (label, before) = (V::load(&scores.labels, at), V::load_bytes(old, at));
            narrow |= V::load(first_column, at).less_bits(wide) << at;
            changed |= (label.less_bits(before) | before.less_bits(label)) << at;
        }
        if !is_kept {
            changed = u64::MAX;
        }
        let (ties, changes) = (narrow & scores.near, narrow & changed & !scores.near);
        if ties | changes != 0 {
            let found = Found { number, panel, labels: &scores.labels, ties, changes };
            found.apply::<V>(block.partial, block.matrix, block.centroids, old);
        }
    }
}

/// What the scores of a panel say: one bit per row that must be decided, or else that changed cluster.
struct Found<'a> {
    number: usize,
    panel: &'a [f32],
    labels: &'a Lanes,
    ties: u64,
    changes: u64,
}

impl Found<'_> {
    /// Decides near ties and moves the rows that changed cluster.
    #[inline(always)]
    fn apply<V: Vector>(
        &self,
        partial: &mut Partial,
        matrix: &Matrix,
        centroids: &Centroids,
        old: &mut [u8; PANEL_ROWS],
    ) {
        let first = self.number * PANEL_ROWS;
        let is_kept = centroids.n_clusters() <= KEPT_CLUSTERS_MAX;
        if self.ties != 0 {
            partial.decide_rows(matrix, centroids, first, self.ties, old);
        }
        if self.changes.count_ones() > LISTED_ROWS_MAX
            && partial.move_rows::<V>(self.panel, self.labels, self.changes, old)
        {
            return;
        }
        let (columns, _) = self.panel.as_chunks::<PANEL_ROWS>();
        let mut rest = self.changes;
        while rest != 0 {
            let lane = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let weight = i64::from(matrix.weight(first + lane));
            partial.move_row(columns, lane, weight, old[lane], self.labels[lane] as usize);
            if is_kept {
                old[lane] = self.labels[lane] as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_panel_become_the_integers_that_they_are() {
        for value in (-WIDE..=WIDE).step_by(97).chain([-WIDE, -1, 0, 1, WIDE]) {
            assert_eq!(integer(value as f32), value);
        }
    }
}
