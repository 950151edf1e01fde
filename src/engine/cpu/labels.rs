//! The cluster of every row and nothing else: the step kernel's scores without its sums. For comparisons of many models on
//! one table, where runners-up and distances are not asked for.

use std::sync::{Mutex, PoisonError};

use super::CpuEngine;
use super::lloyd::{BLOCK_PANELS, NO_LABEL};
use super::model::{Form, Model};
use super::scores::{ManyTiles, Panel, Scores, Way};
use super::simd::Kernel;
use super::vector::Vector;
use crate::engine::decide;
use crate::error::Result;
use crate::grid::{Centroids, Matrix, PANEL_ROWS};

/// A range of panels and where their labels go, one per row.
struct LabelBlock<'a> {
    matrix: &'a Matrix,
    model: &'a Model,
    centroids: &'a Centroids,
    first_panel: usize,
    labels: &'a mut [u16],
}

impl Kernel for LabelBlock<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        match self.model.form {
            Form::Dot => label_rows::<V, ManyTiles<false>>(self),
            Form::Direct => label_rows::<V, ManyTiles<true>>(self),
        }
    }
}

#[inline(always)]
fn label_rows<V: Vector, W: Way>(block: LabelBlock) {
    let LabelBlock { matrix, model, centroids, first_panel, labels } = block;
    let width = model.n_features * PANEL_ROWS;
    let mut scores = Scores::new();
    let mut row = Vec::new();
    for (index, labels) in labels.chunks_mut(PANEL_ROWS).enumerate() {
        let number = first_panel + index;
        let panel = &matrix.panels()[number * width..(number + 1) * width];
        let (columns, _) = panel.as_chunks::<PANEL_ROWS>();
        let before = &[NO_LABEL; PANEL_ROWS];
        W::score::<V>(Panel { columns, reach: matrix.reach()[number], before }, model, &mut scores);
        let near = scores.near::<V>();
        for (lane, label) in labels.iter_mut().enumerate() {
            let at = number * PANEL_ROWS + lane;
            *label = if (near >> lane) & 1 == 1 || matrix.is_wide(at) {
                row.resize(model.n_features, 0);
                matrix.row(at, &mut row);
                decide(&row, centroids).label
            } else {
                scores.labels[lane] as u16
            };
        }
    }
}

impl CpuEngine {
    /// The label of every row of the loaded matrix, as [`assign`](crate::engine::Engine::assign) gives it.
    pub fn labels(&mut self, model: &Centroids) -> Result<Vec<u16>> {
        let matrix = self.matrix()?;
        let prepared = Model::new(model, &matrix, self.level);
        let mut labels = vec![0; matrix.n_rows()];
        let blocks: Vec<Mutex<&mut [u16]>> = labels.chunks_mut(BLOCK_PANELS * PANEL_ROWS).map(Mutex::new).collect();
        self.pool.for_each(blocks.len(), &|_, block| {
            let mut labels = blocks[block].lock().unwrap_or_else(PoisonError::into_inner);
            let first_panel = block * BLOCK_PANELS;
            if !matrix.visit(first_panel..matrix.n_panels().min(first_panel + BLOCK_PANELS)) {
                return;
            }
            self.level.run(LabelBlock {
                matrix: &matrix,
                model: &prepared,
                centroids: model,
                first_panel,
                labels: &mut labels,
            });
        });
        drop(blocks);
        self.counters.model_passes += 1;
        Ok(labels)
    }
}
