//! A pass: every row to its nearest centroid, for all models. One submit and one small readback where the data stays on
//! the device: totals, near ties and the audited labels of every model.

use wgpu::{Buffer, CommandEncoder};

use super::GpuEngine;
use super::device::{Bound, Pipeline};
use super::faults::Fault;
use super::limits::aligned;
use super::settle::{add_rows, decide_rows};
use super::shaders::{Kernel, LABELS, TIES, TOTALS, Weights};
use super::work::{Dispatch, Params, Place, Plan, Ready, cut, grown};
use crate::engine::Decision;
use crate::error::{Error, Result};
use crate::grid::{Centroids, Sums};

/// Results of one list of models; more models than fit are done in several lists.
const RESULT_BYTES: u64 = 64 << 20;

/// In a label: the host decides this row.
pub(super) const NEAR_TIE: u32 = 1 << 31;

/// A model within a list: what runs for it, and where its results stand.
struct Slot {
    pipeline: Pipeline,
    centroids: Place,
    /// Per chunk.
    dispatches: Vec<Vec<Dispatch>>,
    totals: Place,
    ties: Place,
    tie_capacity: u32,
    audited: Place,
}

/// The bytes of a model's results: totals, near ties, audited labels.
struct ResultSizes {
    totals: u64,
    ties: u64,
    audited: u64,
}

impl ResultSizes {
    fn total(&self) -> u64 {
        aligned(self.totals) + aligned(self.ties) + aligned(self.audited)
    }
}

impl GpuEngine {
    pub(super) fn pass(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
        let mut all = Vec::with_capacity(models.len());
        let mut rest = models;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |model: &&Centroids| {
                bytes += self.result_sizes(model, self.tie_capacity(model)).total();
                bytes <= RESULT_BYTES
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (list, later) = rest.split_at(count);
            all.extend(self.pass_list(list)?);
            rest = later;
        }
        Ok(all)
    }

    fn tie_capacity(&self, model: &Centroids) -> u32 {
        self.limits.tie_capacity(self.matrix_rows(), model.n_features(), model.n_clusters())
    }

    fn result_sizes(&self, model: &Centroids, tie_capacity: u32) -> ResultSizes {
        ResultSizes {
            totals: (model.n_clusters() * self.width(model) * 8) as u64,
            ties: 4 * (1 + u64::from(tie_capacity)),
            audited: 4 * self.resident.as_ref().map_or(0, |r| r.audited.len()).max(1) as u64,
        }
    }

    fn width(&self, model: &Centroids) -> usize {
        self.weights().width(model.n_features())
    }

    fn weights(&self) -> Weights {
        self.resident.as_ref().map_or(Weights::None, |resident| resident.weights)
    }

    fn pass_list(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
        let mut plan = Plan::default();
        let mut end = 0;
        let mut slots = Vec::with_capacity(models.len());
        for model in models {
            slots.push(self.slot(&mut plan, model, self.tie_capacity(model), &mut end)?);
        }
        let audits = self.plan_audits(&mut plan)?;
        let ready = plan.upload(&mut self.gpu, &mut self.inputs)?;
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        let results = grown(&mut self.gpu, &mut self.results, "results", end, usage)?;

        let mut encoder = self.gpu.encoder();
        encoder.clear_buffer(&results, 0, Some(end));
        for (chunk, audit) in audits.into_iter().enumerate() {
            encoder = self.pass_chunk(encoder, &ready, &slots, chunk, &results, audit)?;
        }
        self.gpu.copy_back(&mut encoder, &results, end)?;
        let sent = self.gpu.submit(encoder)?;
        // The device works; so does the host.
        let expected = models.iter().map(|model| self.expected_audit(model)).collect::<Result<Vec<_>>>()?;
        let mut all = models.iter().map(|model| self.wide_sums(model)).collect::<Result<Vec<_>>>()?;
        let mut bytes = self.gpu.read_back(sent, end)?;
        if self.gpu.faults.strikes(Fault::WrongSums)
            && let Some(byte) = bytes.first_mut()
        {
            *byte ^= 1;
        }
        let words: &[u32] = &bytemuck::pod_collect_to_vec(&bytes);
        for (((slot, model), sums), expected) in slots.iter().zip(models).zip(&mut all).zip(expected) {
            self.check_audit(&expected, of(words, slot.audited)?)?;
            add_totals(of(words, slot.totals)?, self.width(model), sums);
            let ties = of(words, slot.ties)?;
            let (count, listed) = ties.split_first().ok_or_else(|| Error::bug("a list of near ties has no length"))?;
            let rows = if *count <= slot.tie_capacity {
                self.checked_rows(&listed[..*count as usize])?
            } else {
                self.all_ties(model, *count)?
            };
            self.gpu.counters.near_ties += rows.len() as u64;
            add_rows(&self.resident()?.matrix, model, &rows, sums)?;
        }
        self.gpu.counters.model_passes += models.len() as u64;
        Ok(all)
    }

    fn slot(&mut self, plan: &mut Plan, model: &Centroids, tie_capacity: u32, end: &mut u64) -> Result<Slot> {
        let kernel = Kernel::lloyd(model.n_features(), model.n_clusters(), self.weights());
        let pipeline = self.gpu.pipeline(kernel)?;
        let sizes = self.result_sizes(model, tie_capacity);
        let mut place = |bytes: u64| {
            let place = Place { offset: *end, bytes };
            *end += aligned(bytes);
            place
        };
        let (totals, ties, audited) = (place(sizes.totals), place(sizes.ties), place(sizes.audited));
        let resident = self.resident()?;
        let dispatches = (0..resident.chunks.len())
            .map(|chunk| cut(plan, &self.limits, resident, chunk, model, kernel.rows_per_group(), tie_capacity))
            .collect();
        let centroids = plan.centroids(model, kernel.centroid_layout());
        Ok(Slot { pipeline, centroids, dispatches, totals, ties, tie_capacity, audited })
    }

    /// One audit per chunk that has audited rows; it is the same for every model.
    fn plan_audits(&self, plan: &mut Plan) -> Result<Vec<Option<Dispatch>>> {
        let audit = |chunk: &super::resident::Chunk| {
            let rows = &chunk.audited;
            (!rows.is_empty()).then(|| {
                let groups = rows.len().div_ceil(Kernel::Audit.rows_per_group()) as u32;
                let params = Params {
                    first: rows.start as u32,
                    end: rows.end as u32,
                    base: chunk.rows.start as u32,
                    columns: groups,
                    ..bytemuck::Zeroable::zeroed()
                };
                Dispatch { number: plan.params(params), grid: (groups, 1) }
            })
        };
        Ok(self.resident()?.chunks.iter().map(audit).collect())
    }

    /// All models over one chunk. Where the chunk's data is on its way only, what is there so far is sent off first: the
    /// device works on one chunk while the next is staged, and no third one takes memory.
    fn pass_chunk(
        &mut self,
        mut encoder: CommandEncoder,
        ready: &Ready,
        slots: &[Slot],
        chunk: usize,
        results: &Buffer,
        audit: Option<Dispatch>,
    ) -> Result<CommandEncoder> {
        let streamed = !self.resident()?.stays(chunk);
        if streamed {
            let sent = self.gpu.submit(encoder)?;
            if let Some(before) = self.in_flight.replace(sent) {
                self.gpu.wait(before)?;
            }
            encoder = self.gpu.encoder();
        }
        let audit_pipeline = self.gpu.pipeline(Kernel::Audit)?;
        let Some(resident) = &self.resident else { return Err(nothing_loaded()) };
        let data = resident.data(&mut self.gpu, chunk)?;
        let bound = |slot, place: Place| Bound { slot, buffer: results, offset: place.offset, bytes: place.bytes };
        for model in slots {
            for &dispatch in &model.dispatches[chunk] {
                let more = [bound(TOTALS, model.totals), bound(TIES, model.ties)];
                let (gpu, labels) = (&mut self.gpu, &resident.labels);
                ready.dispatch(gpu, &mut encoder, &model.pipeline, dispatch, model.centroids, &data, labels, more)?;
            }
            if let Some(audit) = audit {
                let bounds = [
                    ready.params_bound(audit.number),
                    Bound::whole(LABELS, &resident.labels),
                    Bound::whole(TOTALS, &resident.audited_rows),
                    bound(TIES, model.audited),
                ];
                self.gpu.dispatch(&mut encoder, &audit_pipeline, &bounds, audit.grid)?;
            }
        }
        Ok(encoder)
    }

    /// Finds the near ties of a model whose list was too short: the same kernel runs again, chunk by chunk, with a list
    /// as long as the chunk. The same kernel on the same input flags the same rows; their number must agree.
    fn all_ties(&mut self, model: &Centroids, count: u32) -> Result<Vec<u64>> {
        let mut all = Vec::with_capacity(count as usize);
        for chunk in 0..self.resident()?.chunks.len() {
            let capacity = self.resident()?.chunks[chunk].rows.len() as u32;
            let (mut plan, mut end) = (Plan::default(), 0);
            let slot = self.slot(&mut plan, model, capacity, &mut end)?;
            let ready = plan.upload(&mut self.gpu, &mut self.inputs)?;
            let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
            let results = grown(&mut self.gpu, &mut self.results, "results", end, usage)?;
            let mut encoder = self.gpu.encoder();
            encoder.clear_buffer(&results, 0, Some(end));
            encoder = self.pass_chunk(encoder, &ready, &[slot], chunk, &results, None)?;
            self.gpu.copy_back(&mut encoder, &results, end)?;
            let sent = self.gpu.submit(encoder)?;
            let bytes = self.gpu.read_back(sent, end)?;
            let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
            let sizes = self.result_sizes(model, capacity);
            let place = Place { offset: aligned(sizes.totals), bytes: sizes.ties };
            let (found, listed) =
                of(&words, place)?.split_first().ok_or_else(|| Error::bug("a list of near ties has no length"))?;
            let listed = listed.get(..*found as usize).ok_or_else(|| self.gpu.fault("more near ties than rows"))?;
            all.extend(self.checked_rows(listed)?);
        }
        if all.len() != count as usize {
            return Err(self.gpu.fault(format!("{count} near ties were counted, {} found", all.len())));
        }
        Ok(all)
    }

    /// Row numbers that came from the device.
    fn checked_rows(&self, rows: &[u32]) -> Result<Vec<u64>> {
        let n_rows = self.matrix_rows() as u64;
        let rows: Vec<u64> = rows.iter().map(|&row| u64::from(row)).collect();
        match rows.iter().all(|&row| row < n_rows) {
            true => Ok(rows),
            false => Err(self.gpu.fault("a near tie names a row that does not exist")),
        }
    }

    fn expected_audit(&self, model: &Centroids) -> Result<Vec<Decision>> {
        let resident = self.resident()?;
        decide_rows(&resident.matrix, model, &resident.audited)
    }

    /// Labels of audited rows, unless the device left them to the host.
    fn check_audit(&self, expected: &[Decision], labels: &[u32]) -> Result<()> {
        let wrong =
            |(decision, label): &(&Decision, &u32)| *label & NEAR_TIE == 0 && **label != u32::from(decision.label);
        match expected.iter().zip(labels).filter(wrong).count() {
            0 => Ok(()),
            count => Err(self.gpu.fault(format!("{count} of {} audited rows have a wrong label", expected.len()))),
        }
    }

    fn wide_sums(&mut self, model: &Centroids) -> Result<Sums> {
        let mut sums = Sums::zero(model.n_clusters(), model.n_features());
        let matrix = &self.resident()?.matrix;
        let rows = &matrix.wide().rows;
        add_rows(matrix, model, rows, &mut sums)?;
        let count = rows.len() as u64;
        self.gpu.counters.wide_rows += count;
        Ok(sums)
    }
}

pub(super) fn nothing_loaded() -> Error {
    Error::bug("a pass was asked for before a matrix was loaded")
}

fn of(words: &[u32], place: Place) -> Result<&[u32]> {
    let from = place.offset as usize / 4;
    words.get(from..from + place.bytes as usize / 4).ok_or_else(|| Error::bug("a readback is shorter than its results"))
}

/// Adds totals of two words each: per cluster d sums, the row count, and the weight where there is one.
fn add_totals(words: &[u32], width: usize, sums: &mut Sums) {
    let d = sums.sums.len() / sums.rows.len().max(1);
    for (cluster, words) in words.chunks_exact(2 * width).enumerate() {
        let value = |slot: usize| u64::from(words[2 * slot]) | u64::from(words[2 * slot + 1]) << 32;
        for feature in 0..d {
            sums.sums[cluster * d + feature] += i128::from(value(feature) as i64);
        }
        sums.rows[cluster] += value(d);
        sums.weights[cluster] += value(width - 1);
    }
}
