//! A pass: every row to its nearest centroid, for all models. Models walk the matrix in batches, so that it is read once
//! per batch; one submit and one small readback where the data stays on the device.

use std::ops::Range;
use std::time::Instant;

use wgpu::{Buffer, BufferUsages, CommandEncoder};

use super::GpuEngine;
use super::batches::batches;
use super::device::Bound;
use super::faults::Fault;
use super::limits::{MODELS_MAX, aligned};
use super::model::tie_factor;
use super::notes::{Layout, checksum};
use super::pipelines::Pipeline;
use super::settle::{add_rows, decide_rows};
use super::shaders::{CentroidLayout, NOTES, TOTALS, Weights};
use super::tuning::Trial;
use super::variants::Variant;
use super::work::{Dispatch, ModelEntry, Params, Place, Plan, Ready, cut, grown, of_one};
use crate::engine::Decision;
use crate::error::{Error, Result};
use crate::grid::{Centroids, Sums};

/// Results of one list of models; more models than fit are done in several lists.
const RESULT_BYTES: u64 = 64 << 20;

/// Models that walk the matrix together.
struct Walk {
    pipeline: Pipeline,
    centroids: Place,
    /// Of models that share a dispatch.
    entries: Option<Place>,
    /// Per chunk.
    dispatches: Vec<Vec<Dispatch>>,
}

/// A list of work for some models, and where its results stand: totals first, then notes.
struct List {
    walks: Vec<Walk>,
    /// The models as they are numbered on the device, as positions among those asked for.
    order: Vec<usize>,
    /// Where the totals of each begin, in sums of two words.
    totals: Vec<usize>,
    totals_bytes: u64,
    notes: Layout,
    /// What each walks with.
    variants: Vec<Variant>,
}

impl List {
    fn bytes(&self) -> u64 {
        aligned(self.totals_bytes) + 4 * self.notes.words() as u64
    }

    /// What the first readback brings: everything but near ties beyond the usual few.
    fn bytes_at_once(&self) -> u64 {
        aligned(self.totals_bytes) + 4 * (self.notes.list() + self.notes.at_once()) as u64
    }
}

impl GpuEngine {
    pub(super) fn pass(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
        self.passes = self.passes.wrapping_add(1);
        let mut all = Vec::with_capacity(models.len());
        let mut rest = models;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |model: &&Centroids| {
                bytes += self.totals_bytes(model) + 4 * u64::from(self.tie_capacity(model));
                bytes <= RESULT_BYTES
            };
            let count = rest.iter().take(MODELS_MAX).take_while(fits).count().max(1);
            let (list, later) = rest.split_at(count);
            all.extend(self.tried(list)?);
            rest = later;
        }
        Ok(all)
    }

    fn tie_capacity(&self, model: &Centroids) -> u32 {
        self.limits.tie_capacity(self.matrix_rows(), model.n_features(), model.n_clusters())
    }

    fn totals_bytes(&self, model: &Centroids) -> u64 {
        (model.n_clusters() * self.width(model) * 8) as u64
    }

    fn width(&self, model: &Centroids) -> usize {
        self.weights().width(model.n_features())
    }

    pub(super) fn weights(&self) -> Weights {
        self.resident.as_ref().map_or(Weights::None, |resident| resident.weights)
    }

    pub(super) fn pass_list(&mut self, models: &[Centroids], trial: Trial) -> Result<Vec<Sums>> {
        let capacity = models.iter().map(|model| self.tie_capacity(model)).fold(0, u32::saturating_add);
        let mut plan = Plan::default();
        let turn = self.passes % models.len() as u32;
        let list = self.list(&mut plan, models, capacity, turn, trial.variant)?;
        let ready = plan.upload(&mut self.gpu, &mut self.inputs)?;
        let results = self.results(&list)?;
        let started = Instant::now();
        let sent = self.send(&ready, &list, &results, 0..list.notes.chunks)?;
        // What near ties cost beyond that is not the kernel's.
        self.gpu.takes_time = false;
        let watches = trial.is_timed() && !self.gpu.has_clock();
        let watched = watches.then(|| self.gpu.read_back(sent.clone(), list.bytes_at_once())).transpose()?;
        let took = started.elapsed();
        // The device works; so does the host, unless it was watching.
        let audit =
            |(number, &position): (usize, &usize)| self.audited_labels(&models[position], number, models.len(), turn);
        let audits = list.order.iter().enumerate().map(audit).collect::<Result<Vec<_>>>()?;
        let mut all = models.iter().map(|model| self.wide_sums(model)).collect::<Result<Vec<_>>>()?;
        let mut bytes = match watched {
            Some(bytes) => bytes,
            None => self.gpu.read_back(sent, list.bytes_at_once())?,
        };
        if self.gpu.faults.strikes(Fault::WrongSums)
            && let Some(byte) = bytes.first_mut()
        {
            *byte ^= 1;
        }
        // Measured before near ties are: models that walk again for theirs are no part of a trial.
        let by_device = self.gpu.read_clock()?;
        let words: &[u32] = &bytemuck::pod_collect_to_vec(&bytes);
        let notes = notes_of(words, &list)?;
        let near_ties = self.near_ties(models, &list, &results, notes)?;
        for (number, (&position, rows)) in list.order.iter().zip(&near_ties).enumerate() {
            let (model, sums) = (&models[position], &mut all[position]);
            let (audited, decisions) = &audits[number];
            if checksum(audited, decisions, rows) != list.notes.checksum_of(notes, number) {
                return Err(self.gpu.fault(format!("some of {} audited rows have a wrong label", audited.len())));
            }
            let first = 2 * list.totals[number];
            let totals = words.get(first..first + self.totals_bytes(model) as usize / 4).ok_or_else(too_short)?;
            add_totals(totals, self.width(model), sums);
            self.gpu.counters.near_ties += rows.len() as u64;
            add_rows(&self.resident()?.matrix, model, rows, sums)?;
        }
        self.gpu.counters.model_passes += models.len() as u64;
        self.gpu.read_clock()?;
        self.learn(trial, by_device, took);
        Ok(all)
    }

    /// Plans the walks of models over all chunks.
    fn list(
        &mut self,
        plan: &mut Plan,
        models: &[Centroids],
        tie_capacity: u32,
        turn: u32,
        variant: Variant,
    ) -> Result<List> {
        let weights = self.weights();
        let batches = batches(models, weights);
        let order: Vec<usize> = batches.iter().flat_map(|batch| batch.models.iter().copied()).collect();
        let mut end = 0;
        let totals: Vec<usize> = order
            .iter()
            .map(|&position| {
                let first = end;
                end += models[position].n_clusters() * self.width(&models[position]);
                first
            })
            .collect();
        let notes = Layout { models: models.len(), chunks: self.resident()?.chunks.len(), tie_capacity };
        let mut walks = Vec::with_capacity(batches.len());
        let mut variants = Vec::with_capacity(models.len());
        let mut number = 0;
        for batch in batches {
            let kernel = batch.kernel(variant);
            let pipeline = self.gpu.pipeline(kernel)?;
            let walking: Vec<&Centroids> = batch.models.iter().map(|&position| &models[position]).collect();
            let layout = kernel.centroid_layout();
            let entries = (layout == CentroidLayout::Quads).then(|| plan.models(&entries(&walking)));
            let Some(first) = walking.first() else { return Err(Error::bug("a batch has no model")) };
            let common = Params {
                k: walking.iter().map(|model| model.n_clusters() as u32).sum(),
                totals: totals[number] as u32,
                models: walking.len() as u32,
                model: number as u32,
                all_models: models.len() as u32,
                list: notes.list() as u32,
                tie_capacity,
                turn,
                ..of_one(first)
            };
            let resident = self.resident()?;
            let rows_per_group = kernel.rows_per_group();
            let dispatches = (0..notes.chunks)
                .map(|chunk| cut(plan, &self.limits, resident, chunk, common, rows_per_group))
                .collect();
            number += walking.len();
            variants.resize(number, kernel.variant());
            walks.push(Walk { pipeline, centroids: plan.centroids(walking, layout), entries, dispatches });
        }
        Ok(List { walks, order, totals, totals_bytes: 8 * end as u64, notes, variants })
    }

    fn results(&mut self, list: &List) -> Result<Buffer> {
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
        grown(&mut self.gpu, &mut self.results, "results", list.bytes(), usage)
    }

    /// Sends off all walks over some chunks, and the first readback.
    fn send(
        &mut self,
        ready: &Ready,
        list: &List,
        results: &Buffer,
        chunks: Range<usize>,
    ) -> Result<wgpu::SubmissionIndex> {
        let mut encoder = self.gpu.encoder();
        encoder.clear_buffer(results, 0, Some(aligned(list.totals_bytes) + 4 * list.notes.list() as u64));
        for chunk in chunks {
            encoder = self.walk_chunk(encoder, ready, list, results, chunk)?;
        }
        self.gpu.copy_back(&mut encoder, results, 0, list.bytes_at_once())?;
        self.gpu.submit(encoder)
    }

    /// All models over one chunk. Where the chunk's data is on its way only, what is there so far is sent off first: the
    /// device works on one chunk while the next is staged, and no third one takes memory.
    fn walk_chunk(
        &mut self,
        mut encoder: CommandEncoder,
        ready: &Ready,
        list: &List,
        results: &Buffer,
        chunk: usize,
    ) -> Result<CommandEncoder> {
        if !self.resident()?.stays(chunk) {
            self.gpu.submit(encoder)?;
            encoder = self.gpu.encoder();
        }
        let Some(resident) = &self.resident else { return Err(nothing_loaded()) };
        let data = resident.data(&mut self.gpu, chunk)?;
        let notes = aligned(list.totals_bytes);
        for walk in &list.walks {
            for &dispatch in &walk.dispatches[chunk] {
                let more = [
                    Bound { slot: TOTALS, buffer: results, offset: 0, bytes: list.totals_bytes },
                    Bound { slot: NOTES, buffer: results, offset: notes, bytes: 4 * list.notes.words() as u64 },
                ];
                let more = more.into_iter().chain(walk.entries.map(|place| ready.models_bound(place)));
                let gpu = &mut self.gpu;
                ready.dispatch(gpu, &mut encoder, &walk.pipeline, dispatch, walk.centroids, &data, more)?;
            }
        }
        Ok(encoder)
    }

    /// The near ties of each model, as the device numbers them, ascending. What the first readback did not bring is
    /// fetched; where the list was too short for all of them, each model walks again by itself.
    fn near_ties(
        &mut self,
        models: &[Centroids],
        list: &List,
        results: &Buffer,
        notes: &[u32],
    ) -> Result<Vec<Vec<u64>>> {
        let layout = list.notes;
        let all = notes.first().map_or(0, |&count| count as usize);
        if all > layout.tie_capacity as usize {
            return (0..layout.models)
                .map(|number| match layout.near_ties_of(notes, number) {
                    0 => Ok(Vec::new()),
                    count => self.near_ties_of_one(&models[list.order[number]], count, list.variants[number]),
                })
                .collect();
        }
        let mut words = notes[layout.list()..].to_vec();
        words.truncate(all);
        if all > words.len() {
            let offset = aligned(list.totals_bytes) + 4 * (layout.list() + words.len()) as u64;
            let bytes = 4 * (all - words.len()) as u64;
            let mut encoder = self.gpu.encoder();
            self.gpu.copy_back(&mut encoder, results, offset, bytes)?;
            let sent = self.gpu.submit(encoder)?;
            words.extend(bytemuck::pod_collect_to_vec::<u8, u32>(&self.gpu.read_back(sent, bytes)?));
        }
        let places = layout.places(notes).ok_or_else(|| self.gpu.fault("its counts of near ties do not add up"))?;
        let mut rows = vec![Vec::new(); layout.models];
        for (chunk, places) in self.resident()?.chunks.iter().zip(places) {
            for &word in words.get(places).ok_or_else(too_short)? {
                let tie = layout.near_tie(word);
                if tie.row >= chunk.rows.len() {
                    return Err(self.gpu.fault("a near tie names a row that does not exist"));
                }
                rows[tie.model].push((chunk.rows.start + tie.row) as u64);
            }
        }
        for (number, rows) in rows.iter_mut().enumerate() {
            rows.sort_unstable();
            if rows.len() != layout.near_ties_of(notes, number) as usize {
                return Err(self.gpu.fault("its near ties and their number disagree"));
            }
        }
        Ok(rows)
    }

    /// The near ties of one model, however many: chunk by chunk, with a list as long as the longest. The same kernel on the
    /// same input flags the same rows; their number must agree.
    fn near_ties_of_one(&mut self, model: &Centroids, count: u32, variant: Variant) -> Result<Vec<u64>> {
        let longest = self.resident()?.chunks.iter().map(|chunk| chunk.rows.len()).max().unwrap_or(0);
        let (mut plan, models) = (Plan::default(), std::slice::from_ref(model));
        let list = self.list(&mut plan, models, longest as u32, 0, variant)?;
        let ready = plan.upload(&mut self.gpu, &mut self.inputs)?;
        let results = self.results(&list)?;
        let mut all = Vec::with_capacity(count as usize);
        for chunk in 0..list.notes.chunks {
            let sent = self.send(&ready, &list, &results, chunk..chunk + 1)?;
            let words: Vec<u32> = bytemuck::pod_collect_to_vec(&self.gpu.read_back(sent, list.bytes_at_once())?);
            let notes = notes_of(&words, &list)?;
            if notes.first().is_some_and(|&found| found as usize > longest) {
                return Err(self.gpu.fault("more near ties than rows"));
            }
            all.extend(self.near_ties(models, &list, &results, notes)?.into_iter().flatten());
        }
        if all.len() != count as usize {
            return Err(self.gpu.fault(format!("{count} near ties were counted, {} found", all.len())));
        }
        Ok(all)
    }

    /// The rows whose labels are audited of a model in this pass, and what they must be: the models share the audited rows,
    /// and take turns, so that as many passes as there are models audit all rows of each.
    fn audited_labels(
        &self,
        model: &Centroids,
        number: usize,
        n_models: usize,
        turn: u32,
    ) -> Result<(Vec<u64>, Vec<Decision>)> {
        let resident = self.resident()?;
        let its_turn = |row: &u64| (*row as u32).wrapping_add(number as u32) % n_models as u32 == turn;
        let rows: Vec<u64> = resident.audited.iter().copied().filter(its_turn).collect();
        let decisions = decide_rows(&resident.matrix, model, &rows)?;
        Ok((rows, decisions))
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

/// The models of one dispatch as its kernel wants them.
fn entries(models: &[&Centroids]) -> Vec<ModelEntry> {
    let mut end = 0;
    let entry = |model: &&Centroids| {
        end += model.n_clusters() as u32;
        ModelEntry { end, tie: tie_factor(model) }
    };
    models.iter().map(entry).collect()
}

pub(super) fn nothing_loaded() -> Error {
    Error::bug("a pass was asked for before a matrix was loaded")
}

fn too_short() -> Error {
    Error::bug("a readback is shorter than its results")
}

/// The notes within a first readback; all of them are there but the end of the list of near ties.
fn notes_of<'a>(words: &'a [u32], list: &List) -> Result<&'a [u32]> {
    let notes = words.get(aligned(list.totals_bytes) as usize / 4..).ok_or_else(too_short)?;
    if notes.len() < list.notes.list() { Err(too_short()) } else { Ok(notes) }
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
