//! The inner loop: scores of a panel's rows against all centroids, the two smallest kept. Everything else on the CPU
//! is built around it.
//!
//! A tile is R vectors of L rows against up to six centroids, all in registers; a feature's values are loaded once per
//! tile and each centroid's coordinate is broadcast.

use super::model::{Model, Tile};
use super::simd::{TILE_MAX, multiply_add, prefetch};
use crate::grid::PANEL_ROWS;

/// How far ahead of its reading a kernel asks for memory, in f32: the hardware's own guess does not follow panels.
const PREFETCH_AHEAD: usize = 2560;

/// A cache line of f32.
const LINE: usize = 16;

/// The two smallest scores of each row of a panel, and the cluster of the smallest (the lowest of equals).
pub(super) struct Scores {
    pub best: [f32; PANEL_ROWS],
    pub second: [f32; PANEL_ROWS],
    pub labels: [i32; PANEL_ROWS],
}

impl Scores {
    pub fn new() -> Self {
        Self { best: [0.0; PANEL_ROWS], second: [0.0; PANEL_ROWS], labels: [0; PANEL_ROWS] }
    }
}

/// Scores one panel against one model.
#[inline(always)]
pub(super) fn score_panel<const L: usize, const R: usize, const FMA: bool, const DIRECT: bool>(
    panel: &[f32],
    model: &Model,
    scores: &mut Scores,
) {
    for ahead in (0..panel.len()).step_by(LINE) {
        prefetch(panel.as_ptr().wrapping_add(PREFETCH_AHEAD + ahead));
    }
    for first in (0..PANEL_ROWS).step_by(L * R) {
        let mut running = Running::<L, R>::new();
        for tile in &model.tiles {
            match tile.n {
                1 => run_tile::<L, R, 1, FMA, DIRECT>(panel, first, tile, &mut running),
                2 => run_tile::<L, R, 2, FMA, DIRECT>(panel, first, tile, &mut running),
                3 => run_tile::<L, R, 3, FMA, DIRECT>(panel, first, tile, &mut running),
                4 => run_tile::<L, R, 4, FMA, DIRECT>(panel, first, tile, &mut running),
                5 => run_tile::<L, R, 5, FMA, DIRECT>(panel, first, tile, &mut running),
                _ => run_tile::<L, R, TILE_MAX, FMA, DIRECT>(panel, first, tile, &mut running),
            }
        }
        for r in 0..R {
            let at = first + r * L;
            scores.best[at..at + L].copy_from_slice(&running.best[r]);
            scores.second[at..at + L].copy_from_slice(&running.second[r]);
            scores.labels[at..at + L].copy_from_slice(&running.labels[r]);
        }
    }
}

/// The two smallest so far of R vectors of rows.
struct Running<const L: usize, const R: usize> {
    best: [[f32; L]; R],
    second: [[f32; L]; R],
    labels: [[i32; L]; R],
}

impl<const L: usize, const R: usize> Running<L, R> {
    #[inline(always)]
    fn new() -> Self {
        Self { best: [[f32::MAX; L]; R], second: [[f32::MAX; L]; R], labels: [[0; L]; R] }
    }
}

#[inline(always)]
fn run_tile<const L: usize, const R: usize, const K: usize, const FMA: bool, const DIRECT: bool>(
    panel: &[f32],
    first: usize,
    tile: &Tile,
    running: &mut Running<L, R>,
) {
    let mut sums = [[[0f32; L]; R]; K];
    for (sums, &start) in sums.iter_mut().zip(&tile.start) {
        *sums = [[start; L]; R];
    }
    for (column, coefficients) in panel.chunks_exact(PANEL_ROWS).zip(tile.coefficients.chunks_exact(K)) {
        let column = &column[first..first + L * R];
        for (sums, &coefficient) in sums.iter_mut().zip(coefficients) {
            for r in 0..R {
                for lane in 0..L {
                    let x = column[r * L + lane];
                    sums[r][lane] = if DIRECT {
                        let difference = x - coefficient;
                        multiply_add::<FMA>(difference, difference, sums[r][lane])
                    } else {
                        multiply_add::<FMA>(x, coefficient, sums[r][lane])
                    };
                }
            }
        }
    }
    for (offset, sums) in sums.iter().enumerate() {
        let label = (tile.first + offset) as i32;
        for r in 0..R {
            for lane in 0..L {
                let score = sums[r][lane];
                let nearer = score < running.best[r][lane];
                let loser = if nearer { running.best[r][lane] } else { score };
                running.best[r][lane] = if nearer { score } else { running.best[r][lane] };
                running.second[r][lane] = if loser < running.second[r][lane] { loser } else { running.second[r][lane] };
                running.labels[r][lane] = if nearer { label } else { running.labels[r][lane] };
            }
        }
    }
}
