//! A list of dispatches and the small inputs they share: parameters, centroids, models, each uploaded once per list.

use wgpu::{Buffer, BufferUsages, CommandEncoder};

use super::device::{Bound, Gpu};
use super::limits::{ALIGNMENT, Limits, aligned};
use super::model::{centroids, tie_factor};
use super::pipelines::Pipeline;
use super::resident::{ChunkData, Resident};
use super::shaders::{AUDITED, CENTROIDS, CentroidLayout, MODELS, PANELS, PARAMS, WEIGHTS};
use crate::error::{Error, Result};
use crate::grid::Centroids;

/// The parameters of one dispatch; `Params` of `shaders/panel.wgsl`, field for field.
#[derive(Debug, Clone, Copy, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Params {
    pub first: u32,
    pub end: u32,
    pub base: u32,
    pub columns: u32,
    pub d: u32,
    pub k: u32,
    pub tie: f32,
    pub totals: u32,
    pub models: u32,
    pub model: u32,
    pub all_models: u32,
    pub chunk: u32,
    pub list: u32,
    pub tie_capacity: u32,
    pub turn: u32,
    pub unused: u32,
}

/// One model of a dispatch; `Model` of `shaders/lloyd.wgsl`.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct ModelEntry {
    pub end: u32,
    pub tie: f32,
}

pub(super) const PARAMS_BYTES: u64 = size_of::<Params>() as u64;

/// A part of one of the list's buffers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub offset: u64,
    pub bytes: u64,
}

/// Buffers that are kept from list to list, and grow when a longer one comes.
#[derive(Default)]
pub(super) struct Inputs {
    params: Option<Buffer>,
    centroids: Option<Buffer>,
    models: Option<Buffer>,
}

/// Takes down parameters and centroids while a list is planned.
#[derive(Default)]
pub(super) struct Plan {
    params: Vec<u8>,
    centroids: Vec<u8>,
    models: Vec<u8>,
}

impl Plan {
    /// Takes down a dispatch's parameters; the answer is its number in the list.
    pub fn params(&mut self, params: Params) -> u64 {
        let number = self.params.len() as u64 / ALIGNMENT;
        self.params.extend_from_slice(bytemuck::bytes_of(&params));
        self.params.resize(aligned(self.params.len() as u64) as usize, 0);
        number
    }

    /// The centroids of one model after the other.
    pub fn centroids<'a>(&mut self, models: impl IntoIterator<Item = &'a Centroids>, layout: CentroidLayout) -> Place {
        let values: Vec<f32> = models.into_iter().flat_map(|model| centroids(model, layout)).collect();
        append(&mut self.centroids, bytemuck::cast_slice(&values))
    }

    pub fn models(&mut self, models: &[ModelEntry]) -> Place {
        append(&mut self.models, bytemuck::cast_slice(models))
    }

    /// Uploads what was taken down.
    pub fn upload(self, gpu: &mut Gpu, inputs: &mut Inputs) -> Result<Ready> {
        let uniform = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let storage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        let params = grown(gpu, &mut inputs.params, "parameters", self.params.len() as u64, uniform)?;
        let centroids = grown(gpu, &mut inputs.centroids, "centroids", self.centroids.len() as u64, storage)?;
        let models = grown(gpu, &mut inputs.models, "models", self.models.len() as u64, storage)?;
        gpu.upload(&params, &self.params)?;
        gpu.upload_centroids(&centroids, self.centroids)?;
        if !self.models.is_empty() {
            gpu.upload(&models, &self.models)?;
        }
        Ok(Ready { params, centroids, models })
    }
}

/// Adds bytes to a buffer-to-be, and room up to where a binding may start again.
fn append(all: &mut Vec<u8>, bytes: &[u8]) -> Place {
    let offset = all.len() as u64;
    all.extend_from_slice(bytes);
    all.resize(aligned(all.len() as u64) as usize, 0);
    Place { offset, bytes: bytes.len() as u64 }
}

/// A buffer of at least so many bytes: the one there is, or a larger one in its place.
pub(super) fn grown(
    gpu: &mut Gpu,
    kept: &mut Option<Buffer>,
    label: &'static str,
    bytes: u64,
    usage: BufferUsages,
) -> Result<Buffer> {
    match kept {
        Some(buffer) if buffer.size() >= bytes => Ok(buffer.clone()),
        _ => Ok(kept.insert(gpu.buffer(label, bytes, usage)?).clone()),
    }
}

/// A list whose inputs are on their way.
pub(super) struct Ready {
    params: Buffer,
    centroids: Buffer,
    models: Buffer,
}

/// One dispatch over rows of a chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dispatch {
    pub number: u64,
    pub grid: (u32, u32),
    /// Of the matrix.
    pub bytes: u64,
}

impl Ready {
    pub fn models_bound(&self, place: Place) -> Bound<'_> {
        Bound { slot: MODELS, buffer: &self.models, offset: place.offset, bytes: place.bytes }
    }

    /// Adds a dispatch of a kernel that reads rows; `more` is what it binds beside them and the centroids.
    pub fn dispatch<'a>(
        &'a self,
        gpu: &mut Gpu,
        encoder: &mut CommandEncoder,
        pipeline: &Pipeline,
        dispatch: Dispatch,
        centroids: Place,
        data: &'a ChunkData,
        more: impl IntoIterator<Item = Bound<'a>>,
    ) -> Result<()> {
        let params =
            Bound { slot: PARAMS, buffer: &self.params, offset: dispatch.number * ALIGNMENT, bytes: PARAMS_BYTES };
        let mut bounds = vec![
            params,
            Bound::whole(PANELS, &data.panels),
            Bound { slot: CENTROIDS, buffer: &self.centroids, offset: centroids.offset, bytes: centroids.bytes },
        ];
        bounds.extend(more);
        for (slot, _) in pipeline.kernel.bindings() {
            match (slot, &data.weights) {
                (AUDITED, _) => bounds.push(Bound::whole(AUDITED, &data.audited)),
                (WEIGHTS, Some(weights)) => bounds.push(Bound::whole(WEIGHTS, weights)),
                (WEIGHTS, None) => return Err(Error::bug("weights were not uploaded")),
                _ => {}
            }
        }
        gpu.dispatch(encoder, pipeline, &bounds, dispatch.grid)?;
        gpu.counters.matrix_bytes_read += dispatch.bytes;
        Ok(())
    }
}

/// Cuts a chunk's rows into dispatches and takes their parameters down; `common` holds those that do not depend on rows.
pub(super) fn cut(
    plan: &mut Plan,
    limits: &Limits,
    resident: &Resident,
    chunk: usize,
    common: Params,
    rows_per_group: usize,
) -> Vec<Dispatch> {
    let rows = &resident.chunks[chunk].rows;
    let step = limits.dispatch_rows(common.d as usize, common.k as usize, rows_per_group);
    (0..rows.len())
        .step_by(step)
        .map(|first| {
            let end = rows.len().min(first + step);
            let grid = limits.grid((end - first).div_ceil(rows_per_group) as u32);
            let (base, chunk) = (rows.start as u32, chunk as u32);
            let params = Params { first: first as u32, end: end as u32, base, columns: grid.0, chunk, ..common };
            let bytes = 4 * u64::from(common.d) * (end - first) as u64;
            Dispatch { number: plan.params(params), grid, bytes }
        })
        .collect()
}

/// Parameters of one model by itself.
pub(super) fn of_one(model: &Centroids) -> Params {
    let (d, k) = (model.n_features() as u32, model.n_clusters() as u32);
    Params { d, k, tie: tie_factor(model), models: 1, all_models: 1, ..Params::default() }
}
