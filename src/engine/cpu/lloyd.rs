//! The step kernel: assignment and centroid sums in one visit of each panel.
//!
//! Distances are f32; rows whose two nearest clusters lie within the error bound are decided in integers on the spot.
//! Sums are integers. Where a model's labels of the pass before are at hand, only rows that changed cluster are added
//! and subtracted, which is exact with integers.

use super::active::Ways;
use super::awake::Found;
use super::lanes::LaneSums;
use super::model::{Form, Model};
use super::moves::{Moves, NOWHERE, whole};
use super::rows::Rows;
use super::scores::{Lanes, ManyTiles, OneTile, Panel, Scores, Way};
use super::simd::{Kernel, TILE_MAX};
use super::vector::Vector;
use crate::engine::decide;
use crate::grid::{Centroids, Matrix, PANEL_ROWS};

/// Label of a row that was never assigned, of a wide row, and of padding.
pub(super) const NO_LABEL: u8 = u8::MAX;

/// Models of up to this many clusters keep one byte per row between passes.
pub(super) const KEPT_CLUSTERS_MAX: usize = NO_LABEL as usize;

/// Most panels of one block.
pub(super) const BLOCK_PANELS: usize = 64;

/// Weighted rows that i64 adds up, and a block more: each value is below 2^36.
const WEIGHTED_ROWS_MAX: usize = if cfg!(test) { 1 << 9 } else { 1 << 26 };

/// What a range of panels adds up to for one model, as differences to the pass before where labels were kept.
#[derive(Debug, Clone)]
pub(super) struct Partial {
    pub rows: Vec<i64>,
    /// Σ w per cluster, where there are sample weights.
    weights: Option<Vec<i64>>,
    /// (k, d), cluster after cluster. Without weights i64 holds more rows than there can be; with them what has come is
    /// carried over before it can overflow.
    pub sums: Vec<i64>,
    /// What was carried over from `sums`, if anything was.
    pub carried: Vec<i128>,
    /// Weighted rows that may be in `sums`.
    weighted_rows: usize,
    pub near_ties: u64,
    moves: Moves,
    /// For unweighted rows only.
    lanes: Option<LaneSums>,
    /// With more changed rows than this in a panel, adding all of them under signs beats going through the rows.
    listed_rows_max: u32,
}

impl Partial {
    pub fn new(model: &Model, matrix: &Matrix) -> Self {
        let (k, d) = (model.n_clusters, model.n_features);
        let weighted = matrix.weights().is_some();
        let lanes = if weighted { None } else { LaneSums::new(k, d) };
        // Instructions: a panel's lanes take about 11 per sum and 50 per cluster, a listed row 25 and 3.5 per feature.
        let listed_rows_max = (11 * k * d + 50 * k) * 2 / (50 + 7 * d);
        Self {
            rows: vec![0; k],
            weights: weighted.then(|| vec![0; k]),
            sums: vec![0; k * d],
            carried: Vec::new(),
            weighted_rows: 0,
            near_ties: 0,
            moves: Moves::new(if weighted { 0 } else { k }, d),
            lanes,
            listed_rows_max: listed_rows_max as u32,
        }
    }

    /// Σ w per cluster, as a difference like the rest.
    pub fn weights(&self) -> &[i64] {
        self.weights.as_deref().unwrap_or(&self.rows)
    }

    /// Says that so many more rows may be in the sums.
    pub fn carry(&mut self, n_rows: usize) {
        if self.weights.is_none() {
            return;
        }
        self.weighted_rows += n_rows;
        if self.weighted_rows >= WEIGHTED_ROWS_MAX {
            self.carried.resize(self.sums.len(), 0);
            self.carried.iter_mut().zip(&mut self.sums).for_each(|(all, sum)| *all += i128::from(std::mem::take(sum)));
            self.weighted_rows = 0;
        }
    }

    /// Puts what is still spread over lanes and lists into `rows` and `sums`.
    pub fn settle(&mut self) {
        self.moves.add(&mut self.rows, &mut self.sums);
        self.moves.fold(&mut self.rows, &mut self.sums);
        if let Some(lanes) = &mut self.lanes {
            lanes.fold(&mut self.rows, &mut self.sums);
        }
    }

    /// Moves one row of a panel from a cluster, or from none, to another.
    #[inline(always)]
    fn move_row(&mut self, columns: &[Lanes], lane: usize, weight: i64, from: u8, to: usize) {
        let d = columns.len();
        self.rows[to] += 1;
        if let Some(weights) = &mut self.weights {
            weights[to] += weight;
        }
        if from == NO_LABEL {
            for (sum, column) in self.sums[to * d..(to + 1) * d].iter_mut().zip(columns) {
                *sum += weight * integer(column[lane % PANEL_ROWS]);
            }
            return;
        }
        let from = usize::from(from);
        self.rows[from] -= 1;
        if let Some(weights) = &mut self.weights {
            weights[from] -= weight;
        }
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
        rows: &Rows,
        centroids: &Centroids,
        panel: usize,
        mut ties: u64,
        old: &mut [u8; PANEL_ROWS],
    ) {
        let is_kept = centroids.n_clusters() <= KEPT_CLUSTERS_MAX;
        let columns = rows.columns(panel);
        let mut row = vec![0; rows.n_features];
        self.near_ties += u64::from(ties.count_ones());
        while ties != 0 {
            let lane = ties.trailing_zeros() as usize;
            ties &= ties - 1;
            // Wide rows never come here.
            row.iter_mut().zip(columns).for_each(|(q, column)| *q = integer(column[lane]));
            let label = decide(&row, centroids).label;
            if !is_kept || old[lane] != label as u8 {
                let weight = rows.weights.map_or(1, |weights| i64::from(weights[panel * PANEL_ROWS + lane]));
                self.move_row(columns, lane, weight, old[lane], usize::from(label));
                if is_kept {
                    old[lane] = label as u8;
                }
            }
        }
    }

    /// Moves many rows of a panel at once, all lanes of it per cluster and feature. False where lanes are not kept.
    #[inline(always)]
    fn move_rows<V: Vector>(
        &mut self,
        columns: &[Lanes],
        labels: &Lanes,
        moved: u64,
        old: &mut [u8; PANEL_ROWS],
    ) -> bool {
        let Some(lanes) = &mut self.lanes else { return false };
        if lanes.is_full() {
            lanes.fold(&mut self.rows, &mut self.sums);
        }
        let (mut to, mut from) = ([-1f32; PANEL_ROWS], [-1f32; PANEL_ROWS]);
        for lane in 0..PANEL_ROWS {
            let moves = (moved >> lane) & 1 == 1;
            to[lane] = if moves { labels[lane] } else { -1.0 };
            from[lane] = if moves & (old[lane] != NO_LABEL) { f32::from(old[lane]) } else { -1.0 };
            old[lane] = if moves { labels[lane] as u8 } else { old[lane] };
        }
        lanes.move_rows::<V>(columns, &to, &from);
        true
    }

    /// Moves rows of a panel one by one.
    #[inline(always)]
    fn list_rows(&mut self, columns: &[Lanes], labels: &Lanes, mut moved: u64, old: &mut [u8; PANEL_ROWS], kept: bool) {
        while moved != 0 {
            let lane = moved.trailing_zeros() as usize % PANEL_ROWS;
            moved &= moved - 1;
            // SAFETY: labels are whole numbers below 2^12.
            let to = unsafe { labels[lane].to_int_unchecked::<i32>() } as u16;
            let from = if old[lane] == NO_LABEL { NOWHERE } else { u16::from(old[lane]) };
            if self.moves.is_full() {
                self.moves.add(&mut self.rows, &mut self.sums);
            }
            self.moves.push(columns, lane, from, to);
            if kept {
                old[lane] = to as u8;
            }
        }
    }
}

/// A panel's value as the integer that it is.
#[inline(always)]
fn integer(value: f32) -> i64 {
    i64::from(whole(value))
}

/// One model's view of a range of at most [`BLOCK_PANELS`] panels.
pub(super) struct Block<'a> {
    pub rows: Rows<'a>,
    pub model: &'a Model,
    pub centroids: &'a Centroids,
    /// 64 labels of the pass before per panel, or empty where none are kept.
    pub labels: &'a mut [u8],
    pub partial: &'a mut Partial,
    /// Where rows that stay awake are looked for: the first row's slot, and how far centroids may go.
    pub looks: Option<(usize, &'a Ways, &'a mut Found)>,
}

impl Kernel for &mut Block<'_> {
    /// Assigns the block's rows and adds those that changed cluster to its sums.
    #[inline(always)]
    fn run<V: Vector>(self) {
        match self.model.form {
            Form::Dot => step::<V, false>(self),
            Form::Direct => step::<V, true>(self),
        }
    }
}

/// One function per shape, so that each has its registers to itself.
#[inline(always)]
fn step<V: Vector, const DIRECT: bool>(block: &mut Block<'_>) {
    match block.model.tiles.as_slice() {
        [tile] => match tile.n {
            1 => V::call(Step(block, OneTile::<1, DIRECT>)),
            2 => V::call(Step(block, OneTile::<2, DIRECT>)),
            3 => V::call(Step(block, OneTile::<3, DIRECT>)),
            4 => V::call(Step(block, OneTile::<4, DIRECT>)),
            5 => V::call(Step(block, OneTile::<5, DIRECT>)),
            _ => V::call(Step(block, OneTile::<TILE_MAX, DIRECT>)),
        },
        _ => V::call(Step(block, ManyTiles::<DIRECT>)),
    }
}

struct Step<'a, 'b, W>(&'a mut Block<'b>, W);

impl<W: Way> Kernel for Step<'_, '_, W> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Block { rows, model, centroids, labels, partial, looks } = self.0;
        let mut scores = Scores::new();
        let is_kept = !labels.is_empty();
        for panel in 0..rows.narrow.len() {
            let (columns, reach) = (rows.columns(panel), rows.reach[panel]);
            let mut unkept = [NO_LABEL; PANEL_ROWS];
            let before = match labels.as_chunks_mut::<PANEL_ROWS>().0.get_mut(panel) {
                Some(kept) => kept,
                None => &mut unkept,
            };
            W::score::<V>(Panel { columns, reach, before }, model, &mut scores);
            let changed = rows.narrow[panel] & if is_kept { scores.changed } else { u64::MAX };
            if changed != 0 {
                let scores = &scores;
                V::call(Changed { partial, rows, centroids, panel, scores, changed, before, is_kept });
            }
            if let Some((first_slot, ways, found)) = looks {
                found.look::<V>(model, ways, rows, panel, *first_slot + panel * PANEL_ROWS, before);
            }
        }
    }
}

/// Rows of a panel that are not where they were, or that scores cannot tell.
struct Changed<'a> {
    partial: &'a mut Partial,
    rows: &'a Rows<'a>,
    centroids: &'a Centroids,
    panel: usize,
    scores: &'a Scores,
    changed: u64,
    before: &'a mut [u8; PANEL_ROWS],
    is_kept: bool,
}

impl Kernel for Changed<'_> {
    /// Decides the near ties and moves the others in the way that is cheapest for so many.
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { partial, rows, panel, before, is_kept, .. } = self;
        let columns = rows.columns(panel);
        let near = self.scores.near::<V>();
        let (ties, mut moved) = (self.changed & near, self.changed & !near);
        if ties != 0 {
            partial.decide_rows(rows, self.centroids, panel, ties, before);
        }
        let labels = &self.scores.labels;
        if let Some(weights) = rows.weights {
            while moved != 0 {
                let lane = moved.trailing_zeros() as usize;
                moved &= moved - 1;
                let to = labels[lane] as usize;
                partial.move_row(columns, lane, i64::from(weights[panel * PANEL_ROWS + lane]), before[lane], to);
                if is_kept {
                    before[lane] = to as u8;
                }
            }
        } else if moved.count_ones() <= partial.listed_rows_max
            || !partial.move_rows::<V>(columns, labels, moved, before)
        {
            partial.list_rows(columns, labels, moved, before, is_kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::Engine;
    use crate::engine::cpu::{CpuEngine, SimdLevel};
    use crate::grid::WIDE;

    #[test]
    fn weighted_sums_are_carried_over_before_they_overflow() {
        let rows: Vec<Vec<i64>> = (0..3_000).map(|i| vec![WIDE - 1 - i % 7, 5 - WIDE + i % 3]).collect();
        let matrix = Matrix::from_rows(2, &rows, Some(vec![u16::MAX; rows.len()]), (0..3_000).collect());
        let centroids = Centroids::new(0, 0, 2, vec![WIDE, -WIDE]);
        let mut partial = Partial::new(&Model::new(&centroids, &matrix, SimdLevel::Scalar), &matrix);
        for _ in 0..5 {
            partial.sums[1] -= 1 << 62;
            partial.carry(WEIGHTED_ROWS_MAX);
        }
        assert_eq!((partial.sums[1], partial.carried[1]), (0, -5 << 62));

        // In a test a few hundred rows are carried over, so that an engine does it many times.
        let mut engine = CpuEngine::new(2, None);
        engine.load(Arc::new(matrix)).unwrap();
        let sums = engine.step(&[centroids]).unwrap().remove(0);
        let of = |feature: usize| rows.iter().map(|row| i128::from(row[feature]) * i128::from(u16::MAX)).sum::<i128>();
        assert_eq!((sums.sums, sums.weights), (vec![of(0), of(1)], vec![3_000 * u64::from(u16::MAX)]));
    }

    #[test]
    fn values_of_a_panel_become_the_integers_that_they_are() {
        for value in (-WIDE..=WIDE).step_by(97).chain([-WIDE, -1, 0, 1, WIDE]) {
            assert_eq!(integer(value as f32), value);
        }
    }
}
