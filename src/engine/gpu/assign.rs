//! Label and runner-up of every row: read back chunk by chunk, one word per row.

use super::GpuEngine;
use super::device::Bound;
use super::lloyd::nothing_loaded;
use super::settle::decide_rows;
use super::shaders::{Kernel, LABELS};
use super::work::{Plan, cut, of_one};
use crate::engine::Assignment;
use crate::error::Result;
use crate::grid::Centroids;

/// Bits of a label, and of a runner-up, in their word.
const INDEX_BITS: u32 = 12;
/// In a word: the host decides this row.
const NEAR_TIE: u32 = 1 << 31;

impl GpuEngine {
    pub(super) fn assign_all(&mut self, model: &Centroids) -> Result<Assignment> {
        let n_rows = self.matrix_rows();
        let mut words: Vec<u32> = Vec::with_capacity(n_rows);
        self.each_chunk(Kernel::Assign, model, |rows| rows, |chunk| words.extend(chunk))?;

        let matrix = &self.resident()?.matrix;
        let index = |bits: u32| (bits & ((1 << INDEX_BITS) - 1)) as u16;
        let mut assignment = Assignment {
            labels: words.iter().map(|&word| index(word)).collect(),
            runners_up: words.iter().map(|&word| index(word >> INDEX_BITS)).collect(),
        };
        if model.n_clusters() == 1 {
            // The second of eight candidates is padding.
            assignment.runners_up.fill(0);
        }
        let audited = &self.resident()?.audited;
        let wrong = decide_rows(matrix, model, audited)?
            .iter()
            .zip(audited)
            .filter(|(decision, row)| {
                let row = **row as usize;
                words[row] & NEAR_TIE == 0
                    && (assignment.labels[row], assignment.runners_up[row]) != (decision.label, decision.runner_up)
            })
            .count();
        if wrong > 0 {
            return Err(self.gpu.fault(format!("{wrong} of {} audited rows have a wrong label", audited.len())));
        }
        let open: Vec<u64> = (0..n_rows as u64).filter(|&row| words[row as usize] & NEAR_TIE != 0).collect();
        for (&row, decision) in open.iter().zip(decide_rows(matrix, model, &open)?) {
            assignment.labels[row as usize] = decision.label;
            assignment.runners_up[row as usize] = decision.runner_up;
        }
        let wide = matrix.wide().rows.len() as u64;
        self.gpu.counters.wide_rows += wide;
        self.gpu.counters.near_ties += (open.len() as u64).saturating_sub(wide);
        self.gpu.counters.model_passes += 1;
        Ok(assignment)
    }

    /// Runs a kernel that writes words for rows, and hands over the words of each chunk: `words_of` says how many there
    /// are for so many rows.
    pub(super) fn each_chunk(
        &mut self,
        kernel: Kernel,
        model: &Centroids,
        words_of: impl Fn(usize) -> usize,
        mut each: impl FnMut(Vec<u32>),
    ) -> Result<()> {
        let pipeline = self.gpu.pipeline(kernel)?;
        let mut plan = Plan::default();
        let place = plan.centroids([model], kernel.centroid_layout());
        let resident = self.resident()?;
        let chunks: Vec<_> = (0..resident.chunks.len())
            .map(|chunk| cut(&mut plan, &self.limits, resident, chunk, of_one(model), kernel.rows_per_group()))
            .collect();
        let ready = plan.upload(&mut self.gpu, &mut self.inputs)?;
        for (chunk, dispatches) in chunks.into_iter().enumerate() {
            let Some(resident) = &self.resident else { return Err(nothing_loaded()) };
            let data = resident.data(&mut self.gpu, chunk)?;
            let mut encoder = self.gpu.encoder();
            for dispatch in dispatches {
                let labels = Bound::whole(LABELS, &resident.labels);
                ready.dispatch(&mut self.gpu, &mut encoder, &pipeline, dispatch, place, &data, [labels])?;
            }
            let bytes = 4 * words_of(resident.chunks[chunk].rows.len()) as u64;
            self.gpu.copy_back(&mut encoder, &resident.labels, 0, bytes)?;
            let sent = self.gpu.submit(encoder)?;
            each(bytemuck::pod_collect_to_vec(&self.gpu.read_back(sent, bytes)?));
        }
        Ok(())
    }
}
