//! Label and runner-up of every row, for the last assignment of a fit. Floating point filters: rows where the nearest
//! and the second, or the second and the third, lie within the error bound are decided in integers.

use super::model::{Form, Model};
use super::scores::COUNT;
use super::simd::Kernel;
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
        assign_rows(self);
    }
}

struct Three {
    scores: [[f32; PANEL_ROWS]; 3],
    labels: [[u16; PANEL_ROWS]; 2],
}

#[inline(always)]
fn assign_rows(block: &mut AssignBlock<'_>) {
    let width = block.model.n_features * PANEL_ROWS;
    let mut row = vec![0; block.model.n_features];
    for index in 0..block.labels.len() / PANEL_ROWS {
        let number = block.first_panel + index;
        let panel = &block.matrix.panels()[number * width..(number + 1) * width];
        let three = three_nearest(panel, block.model);
        let slack = block.model.slack(block.matrix.reach()[number]);
        let limit = |score: f32| score + slack.absolute + slack.relative * score;
        for lane in 0..PANEL_ROWS {
            let at = index * PANEL_ROWS + lane;
            let [best, second, third] = three.scores.map(|s| s[lane]);
            let near = second <= limit(best) || third <= limit(second);
            let wide = panel[lane] >= WIDE as f32;
            if !near && !wide {
                block.labels[at] = three.labels[0][lane];
                block.runners_up[at] = three.labels[1][lane];
            } else if number * PANEL_ROWS + lane < block.matrix.n_rows() {
                block.matrix.row(number * PANEL_ROWS + lane, &mut row);
                let decision = decide(&row, block.centroids);
                block.labels[at] = decision.label;
                block.runners_up[at] = decision.runner_up;
                block.near_ties += u64::from(!wide);
                block.wide_rows += u64::from(wide);
            }
        }
    }
}

#[inline(always)]
fn three_nearest(panel: &[f32], model: &Model) -> Three {
    let mut three = Three { scores: [[f32::MAX; PANEL_ROWS]; 3], labels: [[0; PANEL_ROWS]; 2] };
    let direct = model.form == Form::Direct;
    if !direct {
        // The base's own score.
        three.scores[0] = [0.0; PANEL_ROWS];
    }
    for tile in &model.tiles {
        for offset in 0..tile.n {
            let mut sums = [tile.start[offset]; PANEL_ROWS];
            for (column, coefficients) in panel.chunks_exact(PANEL_ROWS).zip(tile.coefficients.chunks_exact(tile.n)) {
                let coefficient = coefficients[offset];
                if direct {
                    for lane in 0..PANEL_ROWS {
                        let difference = column[lane] - coefficient;
                        sums[lane] += difference * difference;
                    }
                } else {
                    for lane in 0..PANEL_ROWS {
                        sums[lane] += column[lane] * coefficient;
                    }
                }
            }
            let label = (tile.counts[offset] - COUNT) as u16;
            for lane in 0..PANEL_ROWS {
                let score = sums[lane];
                let [best, second, third] = three.scores.map(|s| s[lane]);
                let (first_now, second_now) = (score < best, score < second);
                three.scores[0][lane] = if first_now { score } else { best };
                three.scores[1][lane] = if first_now {
                    best
                } else if second_now {
                    score
                } else {
                    second
                };
                three.scores[2][lane] = if second_now {
                    second
                } else if score < third {
                    score
                } else {
                    third
                };
                three.labels[1][lane] = if first_now {
                    three.labels[0][lane]
                } else if second_now {
                    label
                } else {
                    three.labels[1][lane]
                };
                three.labels[0][lane] = if first_now { label } else { three.labels[0][lane] };
            }
        }
    }
    three
}
