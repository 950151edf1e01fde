//! The inner loop: scores of a panel's rows against all centroids, the two smallest kept. Everything else on the CPU
//! is built around it.
//!
//! A tile is R vectors of rows against up to six centroids, all in registers: a feature's values are loaded once per
//! tile, and each centroid's coordinate is broadcast.

use super::model::{Model, Tile};
use super::simd::{TILE_MAX, prefetch};
use super::vector::Vector;
use crate::grid::PANEL_ROWS;

/// How far ahead of its reading a kernel asks for memory, in f32: the hardware's own guess does not follow panels.
const PREFETCH_AHEAD: usize = 2560;

/// A cache line of f32.
const LINE: usize = 16;

/// One value per row of a panel.
pub(super) type Lanes = [f32; PANEL_ROWS];

/// Which cluster each row of a panel is nearest to (the lowest of equals), as far as f32 can tell.
pub(super) struct Scores {
    pub labels: Lanes,
    /// One bit per row, the first lowest: the two nearest clusters lie within the error bound.
    pub near: u64,
}

impl Scores {
    pub fn new() -> Self {
        Self { labels: [0.0; PANEL_ROWS], near: 0 }
    }
}

/// Scores one panel against one model. `reach` is the panel's, see [`Matrix::reach`](crate::grid::Matrix::reach).
#[inline(always)]
pub(super) fn score_panel<V: Vector, const DIRECT: bool>(
    panel: &[f32],
    reach: f32,
    model: &Model,
    scores: &mut Scores,
) {
    // Vectors of rows per tile: what the level's registers hold beside the centroids.
    match V::LANES {
        8 => score_rows::<V, 2, DIRECT>(panel, reach, model, scores),
        _ => score_rows::<V, 4, DIRECT>(panel, reach, model, scores),
    }
}

#[inline(always)]
fn score_rows<V: Vector, const R: usize, const DIRECT: bool>(
    panel: &[f32],
    reach: f32,
    model: &Model,
    scores: &mut Scores,
) {
    let (columns, _) = panel.as_chunks::<PANEL_ROWS>();
    let (absolute, relative) = model.slack(reach);
    let mut clear = 0;
    for first in (0..PANEL_ROWS).step_by(R * V::LANES) {
        let most = V::splat(f32::MAX);
        let mut running = Running { best: [most; R], second: [most; R], labels: [V::splat(0.0); R] };
        for tile in &model.tiles {
            match tile.n {
                1 => run_tile::<V, R, 1, DIRECT>(columns, first, tile, &mut running),
                2 => run_tile::<V, R, 2, DIRECT>(columns, first, tile, &mut running),
                3 => run_tile::<V, R, 3, DIRECT>(columns, first, tile, &mut running),
                4 => run_tile::<V, R, 4, DIRECT>(columns, first, tile, &mut running),
                5 => run_tile::<V, R, 5, DIRECT>(columns, first, tile, &mut running),
                _ => run_tile::<V, R, TILE_MAX, DIRECT>(columns, first, tile, &mut running),
            }
        }
        for r in 0..R {
            let at = first + r * V::LANES;
            let second = running.second[r];
            let slack = match DIRECT {
                true => second.multiply_add(V::splat(relative), V::splat(0.0)),
                false => V::splat(absolute),
            };
            clear |= slack.less_bits(second.subtract(running.best[r])) << at;
            running.labels[r].store(&mut scores.labels, at);
        }
    }
    scores.near = !clear;
}

/// The two smallest so far of R vectors of rows.
struct Running<V, const R: usize> {
    best: [V; R],
    second: [V; R],
    labels: [V; R],
}

#[inline(always)]
fn run_tile<V: Vector, const R: usize, const K: usize, const DIRECT: bool>(
    columns: &[Lanes],
    first: usize,
    tile: &Tile,
    running: &mut Running<V, R>,
) {
    let mut sums = [[V::splat(0.0); R]; K];
    for k in 0..K {
        sums[k] = [V::splat(tile.start[k]); R];
    }
    let (coefficients, _) = tile.coefficients.as_chunks::<K>();
    for (column, coefficients) in columns.iter().zip(coefficients) {
        if tile.first == 0 {
            for line in (0..R * V::LANES).step_by(LINE) {
                prefetch(column.as_ptr().wrapping_add(PREFETCH_AHEAD + first + line));
            }
        }
        let mut rows = [V::splat(0.0); R];
        for r in 0..R {
            rows[r] = V::load(column, first + r * V::LANES);
        }
        for k in 0..K {
            let coefficient = V::splat(coefficients[k]);
            for r in 0..R {
                sums[k][r] = if DIRECT {
                    let difference = rows[r].subtract(coefficient);
                    difference.multiply_add(difference, sums[k][r])
                } else {
                    rows[r].multiply_add(coefficient, sums[k][r])
                };
            }
        }
    }
    for k in 0..K {
        let label = V::splat((tile.first + k) as f32);
        for r in 0..R {
            let (score, best) = (sums[k][r], running.best[r]);
            running.second[r] = running.second[r].smaller(score.larger(best));
            running.labels[r] = score.where_less(best, label, running.labels[r]);
            running.best[r] = score.smaller(best);
        }
    }
}
