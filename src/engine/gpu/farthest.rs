//! The rows farthest from their centroids: the device says how far the farthest row of each panel is, the host decides
//! the panels that may hold one of those asked for.

use std::cmp::Reverse;

use super::GpuEngine;
use super::model::tie_factor;
use super::settle::decide_rows;
use super::shaders::Kernel;
use crate::engine::{Decision, Row};
use crate::error::Result;
use crate::grid::{Centroids, PANEL_ROWS};

impl GpuEngine {
    pub(super) fn farthest_rows(&mut self, model: &Centroids, n: usize) -> Result<Vec<Row>> {
        if n == 0 {
            return Ok(Vec::new());
        }
        let weights = self.resident()?.weights;
        let mut largest: Vec<f32> = Vec::new();
        let panels = |rows: usize| rows.div_ceil(PANEL_ROWS);
        self.each_chunk(Kernel::Farthest { weights }, model, panels, |words| {
            largest.extend(words.into_iter().map(f32::from_bits));
        })?;

        // Let e be a distance's relative error, and t the n-th largest of the panels. n rows have a computed distance
        // of at least t, hence a true one of at least t / (1 + e); so has every row asked for, whose computed distance
        // is then at least t · (1 - e) / (1 + e) >= t · (1 - 2e). The factor for ties is 2e and a little more.
        let mut ordered = largest.clone();
        ordered.sort_unstable_by(|a, b| b.total_cmp(a));
        let least = ordered.get(n - 1).map_or(0.0, |&t| f64::from(t) * (1.0 - f64::from(tie_factor(model))));
        let matrix = &self.resident()?.matrix;
        let audited = &self.resident()?.audited;
        let short = |(row, decision): (&u64, &Decision)| {
            let reach = f64::from(largest[*row as usize / PANEL_ROWS]) * (1.0 + f64::from(tie_factor(model)));
            matrix.weight(*row as usize) > 0 && decision.distance as f64 > reach
        };
        let count = audited.iter().zip(&decide_rows(matrix, model, audited)?).filter(|pair| short(*pair)).count();
        if count > 0 {
            return Err(self.gpu.fault(format!("{count} of {} audited rows lie farther than it says", audited.len())));
        }
        let open = |row: &u64| {
            let index = *row as usize;
            matrix.weight(index) > 0 && (matrix.is_wide(index) || f64::from(largest[index / PANEL_ROWS]) >= least)
        };
        let rows: Vec<u64> = (0..matrix.n_rows() as u64).filter(open).collect();
        let mut found: Vec<Row> = rows
            .iter()
            .zip(decide_rows(matrix, model, &rows)?)
            .map(|(&row, decision)| Row {
                row,
                label: decision.label,
                distance: decision.distance,
                key: matrix.keys()[row as usize],
            })
            .collect();
        found.sort_unstable_by_key(|row| (Reverse(row.distance), row.key, row.row));
        found.truncate(n);
        self.gpu.counters.model_passes += 1;
        Ok(found)
    }
}
