//! A list of dispatches and the small inputs they share: parameters and centroids, each uploaded once per list.

use wgpu::{Buffer, BufferUsages, CommandEncoder};

use super::device::{Bound, Gpu, Pipeline};
use super::limits::{ALIGNMENT, Limits, aligned};
use super::model::{centroids, tie_factor};
use super::resident::{ChunkData, Resident};
use super::shaders::{CENTROIDS, CentroidLayout, LABELS, PANELS, PARAMS, WEIGHTS};
use crate::error::{Error, Result};
use crate::grid::Centroids;

/// The parameters of one dispatch; `Params` of `shaders/panel.wgsl`, field for field.
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Params {
    pub first: u32,
    pub end: u32,
    pub base: u32,
    pub columns: u32,
    pub d: u32,
    pub k: u32,
    pub tie_capacity: u32,
    pub tie: f32,
}

pub(super) const PARAMS_BYTES: u64 = size_of::<Params>() as u64;

/// Where a model's centroids stand in the list's buffer.
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
}

/// Takes down parameters and centroids while a list is planned.
#[derive(Default)]
pub(super) struct Plan {
    params: Vec<u8>,
    centroids: Vec<u8>,
}

impl Plan {
    /// Takes down a dispatch's parameters; the answer is its number in the list.
    pub fn params(&mut self, params: Params) -> u64 {
        let number = self.params.len() as u64 / ALIGNMENT;
        self.params.extend_from_slice(bytemuck::bytes_of(&params));
        self.params.resize(aligned(self.params.len() as u64) as usize, 0);
        number
    }

    pub fn centroids(&mut self, model: &Centroids, layout: CentroidLayout) -> Place {
        let offset = self.centroids.len() as u64;
        self.centroids.extend_from_slice(bytemuck::cast_slice(&centroids(model, layout)));
        let bytes = self.centroids.len() as u64 - offset;
        self.centroids.resize(aligned(self.centroids.len() as u64) as usize, 0);
        Place { offset, bytes }
    }

    /// Uploads what was taken down.
    pub fn upload(self, gpu: &mut Gpu, inputs: &mut Inputs) -> Result<Ready> {
        let uniform = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let storage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        let params = grown(gpu, &mut inputs.params, "parameters", self.params.len() as u64, uniform)?;
        let centroids = grown(gpu, &mut inputs.centroids, "centroids", self.centroids.len() as u64, storage)?;
        gpu.upload(&params, &self.params)?;
        gpu.upload_centroids(&centroids, self.centroids)?;
        Ok(Ready { params, centroids })
    }
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
}

/// One dispatch over rows of a chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dispatch {
    pub number: u64,
    pub grid: (u32, u32),
}

impl Ready {
    pub fn params_bound(&self, number: u64) -> Bound<'_> {
        Bound { slot: PARAMS, buffer: &self.params, offset: number * ALIGNMENT, bytes: PARAMS_BYTES }
    }

    /// Adds a dispatch of a kernel that reads rows and writes one word per row or panel, and whatever `more` binds.
    pub fn dispatch<'a>(
        &'a self,
        gpu: &mut Gpu,
        encoder: &mut CommandEncoder,
        pipeline: &Pipeline,
        dispatch: Dispatch,
        model: Place,
        data: &'a ChunkData,
        labels: &'a Buffer,
        more: impl IntoIterator<Item = Bound<'a>>,
    ) -> Result<()> {
        let mut bounds = vec![
            self.params_bound(dispatch.number),
            Bound::whole(PANELS, &data.panels),
            Bound { slot: CENTROIDS, buffer: &self.centroids, offset: model.offset, bytes: model.bytes },
            Bound::whole(LABELS, labels),
        ];
        bounds.extend(more);
        let bindings = pipeline.kernel.bindings();
        if bindings.iter().any(|(slot, _)| *slot == WEIGHTS) {
            let weights = data.weights.as_ref();
            bounds.push(Bound::whole(WEIGHTS, weights.ok_or_else(|| Error::bug("weights were not uploaded"))?));
        }
        gpu.dispatch(encoder, pipeline, &bounds, dispatch.grid)
    }
}

/// Cuts a chunk's rows into dispatches for a model and takes their parameters down.
pub(super) fn cut(
    plan: &mut Plan,
    limits: &Limits,
    resident: &Resident,
    chunk: usize,
    model: &Centroids,
    rows_per_group: usize,
    tie_capacity: u32,
) -> Vec<Dispatch> {
    let rows = &resident.chunks[chunk].rows;
    let step = limits.dispatch_rows(model.n_features(), model.n_clusters(), rows_per_group);
    (0..rows.len())
        .step_by(step)
        .map(|first| {
            let end = rows.len().min(first + step);
            let grid = limits.grid((end - first).div_ceil(rows_per_group) as u32);
            let number = plan.params(Params {
                first: first as u32,
                end: end as u32,
                base: rows.start as u32,
                columns: grid.0,
                d: model.n_features() as u32,
                k: model.n_clusters() as u32,
                tie_capacity,
                tie: tie_factor(model),
            });
            Dispatch { number, grid }
        })
        .collect()
}
