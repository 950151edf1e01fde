//! Label and runner-up of every row, for the last assignment of a fit. Floating point filters: rows where the nearest
//! and the second, or the second and the third, lie within the error bound are decided in integers.

use super::model::{Form, Model, Slack, Tile};
use super::scores::{COUNT, Lanes, tile_scores};
use super::simd::{Kernel, TILE_MAX};
use super::vector::Vector;
use crate::engine::decide;
use crate::grid::{Centroids, Matrix, PANEL_ROWS, WIDE};

/// A range of panels and where their labels and runners-up go: 64 slots per panel, padding included.
pub(super) struct AssignBlock<'a> {
    pub matrix: &'a Matrix,
    pub model: &'a Model,
    pub centroids: &'a Centroids,
    pub first_panel: usize,
    pub labels: &'a mut [u16],
    pub runners_up: &'a mut [u16],
    pub near_ties: u64,
    pub wide_rows: u64,
}

impl Kernel for &mut AssignBlock<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        match self.model.form {
            Form::Dot => assign_rows::<V, false>(self),
            Form::Direct => assign_rows::<V, true>(self),
        }
    }
}

#[inline(always)]
fn assign_rows<V: Vector, const DIRECT: bool>(block: &mut AssignBlock<'_>) {
    let width = block.model.n_features * PANEL_ROWS;
    let mut row = vec![0; block.model.n_features];
    let wide_from = V::splat(WIDE as f32);
    let (labels, _) = block.labels.as_chunks_mut::<PANEL_ROWS>();
    let (runners_up, _) = block.runners_up.as_chunks_mut::<PANEL_ROWS>();
    for (index, (labels, runners_up)) in labels.iter_mut().zip(runners_up).enumerate() {
        let number = block.first_panel + index;
        let (columns, _) = block.matrix.panels()[number * width..(number + 1) * width].as_chunks::<PANEL_ROWS>();
        let three = Three::of_panel::<V, DIRECT>(columns, &block.model.tiles);
        let slack = block.model.slack(block.matrix.reach()[number]);
        let (mut clear, mut narrow) = (0, 0);
        for at in (0..PANEL_ROWS).step_by(V::LANES) {
            clear |= three.clear::<V, DIRECT>(at, slack) << at;
            narrow |= V::load(&columns[0], at).less_bits(wide_from) << at;
        }
        for lane in 0..PANEL_ROWS {
            labels[lane] = whole(three.labels[0][lane]);
            runners_up[lane] = whole(three.labels[1][lane]);
        }
        let rows = block.matrix.n_rows() - number * PANEL_ROWS;
        let mut undecided = !(clear & narrow) & u64::MAX.checked_shr(64 - rows.min(64) as u32).unwrap_or(0);
        block.near_ties += u64::from((undecided & narrow).count_ones());
        block.wide_rows += u64::from((undecided & !narrow).count_ones());
        while undecided != 0 {
            let lane = undecided.trailing_zeros() as usize;
            undecided &= undecided - 1;
            block.matrix.row(number * PANEL_ROWS + lane, &mut row);
            let decision = decide(&row, block.centroids);
            (labels[lane], runners_up[lane]) = (decision.label, decision.runner_up);
        }
    }
}

/// A label.
#[inline(always)]
fn whole(label: f32) -> u16 {
    // SAFETY: labels are whole numbers below 2^12.
    unsafe { label.to_int_unchecked::<i32>() as u16 }
}

/// The three smallest scores of a panel's rows so far, and whose the first two are.
pub(super) struct Three {
    pub scores: [Lanes; 3],
    labels: [Lanes; 2],
}

impl Three {
    #[inline(always)]
    pub fn of_panel<V: Vector, const DIRECT: bool>(columns: &[Lanes], tiles: &[Tile]) -> Self {
        let mut three = Self::new::<DIRECT>();
        for tile in tiles {
            match V::LANES {
                8 => three.add_tile::<V, 2, DIRECT>(columns, tile),
                _ => three.add_tile::<V, 4, DIRECT>(columns, tile),
            }
        }
        three
    }

    /// Of no score yet but that of the base, which is 0 in the dot form; its label is 0.
    fn new<const DIRECT: bool>() -> Self {
        let most = [f32::MAX; PANEL_ROWS];
        let first = if DIRECT { most } else { [0.0; PANEL_ROWS] };
        Self { scores: [first, most, most], labels: [[0.0; PANEL_ROWS]; 2] }
    }

    #[inline(always)]
    fn add_tile<V: Vector, const R: usize, const DIRECT: bool>(&mut self, columns: &[Lanes], tile: &Tile) {
        match tile.n {
            1 => self.add::<V, R, 1, DIRECT>(columns, tile),
            2 => self.add::<V, R, 2, DIRECT>(columns, tile),
            3 => self.add::<V, R, 3, DIRECT>(columns, tile),
            4 => self.add::<V, R, 4, DIRECT>(columns, tile),
            5 => self.add::<V, R, 5, DIRECT>(columns, tile),
            _ => self.add::<V, R, TILE_MAX, DIRECT>(columns, tile),
        }
    }

    #[inline(always)]
    fn add<V: Vector, const R: usize, const K: usize, const DIRECT: bool>(&mut self, columns: &[Lanes], tile: &Tile) {
        for first in (0..PANEL_ROWS).step_by(R * V::LANES) {
            let sums = tile_scores::<V, R, K, DIRECT, false>(columns, first, tile);
            for r in 0..R {
                let at = first + r * V::LANES;
                let [mut best, mut second, mut third] =
                    [V::load(&self.scores[0], at), V::load(&self.scores[1], at), V::load(&self.scores[2], at)];
                let [mut label, mut runner_up] = [V::load(&self.labels[0], at), V::load(&self.labels[1], at)];
                for k in 0..K {
                    let (score, number) = (sums[k][r], V::splat(tile.counts[k] - COUNT));
                    third = third.smaller(score.larger(second));
                    runner_up = score.where_less(best, label, score.where_less(second, number, runner_up));
                    second = second.smaller(score.larger(best));
                    label = score.where_less(best, number, label);
                    best = score.smaller(best);
                }
                best.store(&mut self.scores[0], at);
                second.store(&mut self.scores[1], at);
                third.store(&mut self.scores[2], at);
                label.store(&mut self.labels[0], at);
                runner_up.store(&mut self.labels[1], at);
            }
        }
    }

    /// One bit per row from `at` on: the first is certainly smaller than the second, and that one than the third. Where
    /// there are fewer than three, none can be nearer than the one that is missing.
    #[inline(always)]
    fn clear<V: Vector, const DIRECT: bool>(&self, at: usize, slack: Slack) -> u64 {
        let [best, second, third] = [0, 1, 2].map(|n| V::load(&self.scores[n], at));
        let limit = |score: V| match DIRECT {
            true => score.multiply_add(V::splat(slack.relative), score),
            false => score.add(V::splat(slack.absolute)),
        };
        limit(best).less_bits(second) & (limit(second).less_bits(third) | !third.less_bits(V::splat(f32::MAX)))
    }
}
