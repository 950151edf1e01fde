//! One pass for all models: who walks which rows on which thread, and what is kept of a model until the next pass.

use std::cell::LazyCell;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::CpuEngine;
use super::active::{Plan, Rest, Ways};
use super::awake::{Found, Piece, Spent};
use super::lloyd::{BLOCK_PANELS, Block, KEPT_CLUSTERS_MAX, NO_LABEL, Partial};
use super::model::Model;
use super::rows::Rows;
use crate::engine::decide;
use crate::error::Result;
use crate::grid::{Centroids, Matrix, PANEL_ROWS, Sums};

/// Passes after which a model's sums are added up anew, so that no mistake in a changed row can live on.
const PASSES_BETWEEN_FULL_SUMS: u32 = 64;

/// Bytes of panels that one model visits before the next one does: they stay in the second-level cache.
const BLOCK_BYTES: usize = 128 * 1024;

/// Blocks of a file that a thread takes together, four mebibytes: what comes in is checked by whoever needs it, and two
/// threads in one place would check it twice.
const FILE_STRETCH_BLOCKS: usize = 32;

/// A thread that has fewer blocks than this to itself is better off with models of its own.
const BLOCKS_PER_THREAD_MIN: usize = 4;

/// What copies of rows that are awake may take: this, or a part of a larger matrix.
const AWAKE_BYTES: u64 = 64 << 20;
const AWAKE_PART: u64 = 4;

/// What is kept of a model between passes: every row's label, and the narrow rows' sums that belong to them.
pub(super) struct Kept {
    n_clusters: usize,
    labels: Vec<u8>,
    sums: Sums,
    passes: u32,
    rest: Rest,
}

impl Kept {
    fn new(n_clusters: usize, n_features: usize, n_panels: usize) -> Self {
        Self {
            n_clusters,
            labels: vec![NO_LABEL; n_panels * PANEL_ROWS],
            sums: Sums::zero(n_clusters, n_features),
            passes: 0,
            rest: Rest::default(),
        }
    }

    pub fn end(mut self, spent: &mut Spent) {
        self.rest.end(spent);
    }
}

/// A model on its way through a pass.
struct Walk<'a> {
    centroids: &'a Centroids,
    model: Model,
    plan: Plan,
    /// Labels of each block of the matrix; empty where none are kept, or where only awake rows are walked.
    labels: Vec<Mutex<&'a mut [u8]>>,
    /// The rows that are awake, where they alone are walked.
    pieces: Vec<Mutex<Piece<'a>>>,
    /// One per thread, or one in all.
    lanes: Vec<Mutex<(Partial, Found)>>,
    wide: OnceLock<Sums>,
}

impl Walk<'_> {
    /// A block of the matrix.
    fn add_block(&self, engine: &CpuEngine, number: usize, rows: Rows, first_panel: usize, lane: usize) {
        if matches!(self.plan, Plan::Active) {
            return;
        }
        let mut labels = self.labels.get(number).map(lock);
        let labels: &mut [u8] = labels.as_mut().map_or(&mut [], |labels| labels);
        let (partial, found) = &mut *lock(&self.lanes[lane]);
        let looks = match &self.plan {
            Plan::All(Some(ways)) => Some((first_panel * PANEL_ROWS, ways, found)),
            _ => None,
        };
        self.add(engine, rows, labels, partial, looks);
    }

    fn add_piece(&self, engine: &CpuEngine, number: usize, lane: usize) {
        let piece = &mut *lock(&self.pieces[number]);
        self.add(engine, piece.rows, piece.labels, &mut lock(&self.lanes[lane]).0, None);
    }

    fn add(
        &self,
        engine: &CpuEngine,
        rows: Rows,
        labels: &mut [u8],
        partial: &mut Partial,
        looks: Option<(usize, &Ways, &mut Found)>,
    ) {
        let n_rows = rows.narrow.len() * PANEL_ROWS;
        let (model, centroids) = (&self.model, self.centroids);
        engine.level.run(&mut Block { rows, model, centroids, labels, partial, looks });
        partial.carry(n_rows);
    }

    fn add_wide(&self, matrix: &Matrix) {
        self.wide.get_or_init(|| wide_sums(matrix, self.centroids));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CpuEngine {
    /// See [`Engine::step`](crate::engine::Engine::step).
    pub(super) fn pass(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
        let matrix = self.matrix()?;
        let d = matrix.n_features();
        let block_panels = (BLOCK_BYTES / (d * PANEL_ROWS * 4)).clamp(1, BLOCK_PANELS);
        let n_blocks = matrix.n_panels().div_ceil(block_panels);
        // A table of few blocks is shared out by models, any other by rows: each thread then adds up every model.
        let threads = self.pool.threads();
        let by_models = models.len() > 1 && n_blocks < BLOCKS_PER_THREAD_MIN * threads;
        let n_lanes = if by_models { 1 } else { threads };

        let mut kept = self.take_kept(&matrix, models);
        let awake_max = awake_max(&matrix, models.len());
        let share_max = awake_max as f64 / matrix.n_rows().max(1) as f64;
        // Of a file the first panels are enough, and where all models rest nothing of it is read.
        let sampled = LazyCell::new(|| {
            let mut panels = 0..matrix.n_panels();
            if matrix.file().is_some() {
                panels.end = panels.end.min(block_panels);
                panels.end = if matrix.visit(panels.clone()) { panels.end } else { 0 };
            }
            Rows::of(&matrix, &self.narrow, panels)
        });
        let mut walks = Vec::with_capacity(models.len());
        for (centroids, kept) in models.iter().zip(&mut kept) {
            let model = Model::new(centroids, &matrix, self.level);
            let (mut plan, mut labels, mut pieces) = (Plan::All(None), Vec::new(), Vec::new());
            let mut found: Vec<Found> = (0..n_lanes).map(|_| Found::default()).collect();
            if let Some(kept) = kept {
                let (before, anew, spent) = (&mut kept.labels, kept.passes == 1, &mut self.spent);
                plan = kept.rest.plan(self.level, &model, &|| *sampled, centroids, before, anew, share_max, spent);
                if matches!(plan, Plan::Active) {
                    let rows = matrix.n_rows() - matrix.wide().rows.len();
                    self.counters.passed_over += (rows - kept.rest.n_awake()) as u64;
                    pieces = kept.rest.pieces(d, block_panels).into_iter().map(Mutex::new).collect();
                } else {
                    if let Plan::All(Some(ways)) = &plan {
                        let look =
                            || Found::new(ways, matrix.n_rows() / n_lanes, d, 2 * awake_max / n_lanes, &mut self.spent);
                        found = std::iter::repeat_with(look).take(n_lanes).collect();
                    }
                    labels = kept.labels.chunks_mut(block_panels * PANEL_ROWS).map(Mutex::new).collect();
                }
            }
            let lanes = found.into_iter().map(|found| Mutex::new((Partial::new(&model, &matrix), found))).collect();
            walks.push(Walk { centroids, model, plan, labels, pieces, lanes, wide: OnceLock::new() });
        }
        self.walk(&matrix, &walks, block_panels, by_models);

        let ended: Vec<_> = walks.into_iter().map(|walk| (walk.plan, walk.lanes, walk.wide)).collect();
        let mut results = Vec::with_capacity(models.len());
        for ((centroids, kept), (plan, lanes, wide)) in models.iter().zip(&mut kept).zip(ended) {
            let mut fresh = Sums::zero(centroids.n_clusters(), d);
            let total = kept.as_mut().map_or(&mut fresh, |kept| &mut kept.sums);
            let mut looked = Vec::with_capacity(lanes.len());
            for lane in lanes {
                let (mut partial, found) = lane.into_inner().unwrap_or_else(PoisonError::into_inner);
                partial.settle();
                add_partial(total, &partial);
                self.counters.near_ties += partial.near_ties;
                looked.push(found);
            }
            let mut sums = total.clone();
            if let Some(wide) = wide.get() {
                sums.merge(wide);
            }
            if let (Plan::All(Some(ways)), Some(kept)) = (plan, kept) {
                kept.rest.found(centroids, ways, looked, &mut self.spent);
            }
            self.counters.wide_rows += matrix.wide().rows.len() as u64;
            self.counters.model_passes += 1;
            results.push(sums);
        }
        let numbered = models.iter().map(|model| model.model).zip(kept);
        self.kept = numbered.filter_map(|(number, kept)| Some((number, kept?))).collect();
        Ok(results)
    }

    /// What is kept of these models, for those that keep anything; one that is not asked for has come to its end.
    fn take_kept(&mut self, matrix: &Matrix, models: &[Centroids]) -> Vec<Option<Kept>> {
        let d = matrix.n_features();
        // Where memory is scarce there is room for some labels only.
        let slots = matrix.n_panels() * PANEL_ROWS;
        let mut room = usize::try_from(matrix.beside() / slots.max(1) as u64).unwrap_or(usize::MAX);
        let mut old = std::mem::take(&mut self.kept);
        let mut taken: Vec<Option<Kept>> = models.iter().map(|model| old.remove(&model.model)).collect();
        old.into_values().for_each(|kept| kept.end(&mut self.spent));
        room = room.saturating_sub(taken.iter().flatten().count());
        for (model, kept) in models.iter().zip(&mut taken) {
            let k = model.n_clusters();
            if let Some(kept) = kept.take_if(|kept| kept.n_clusters != k) {
                kept.end(&mut self.spent);
                room = room.saturating_add(1);
            }
            if kept.is_none() && k <= KEPT_CLUSTERS_MAX && room > 0 {
                room -= 1;
                *kept = Some(Kept::new(k, d, matrix.n_panels()));
            }
            let Some(kept) = kept else { continue };
            if kept.passes == PASSES_BETWEEN_FULL_SUMS {
                kept.labels.fill(NO_LABEL);
                kept.sums = Sums::zero(k, d);
                kept.passes = 0;
            }
            kept.passes += 1;
        }
        taken
    }

    /// Takes every model through its rows.
    fn walk(&self, matrix: &Matrix, walks: &[Walk], block_panels: usize, by_models: bool) {
        let n_blocks = matrix.n_panels().div_ceil(block_panels);
        let panels = |block: usize| block * block_panels..matrix.n_panels().min((block + 1) * block_panels);
        let add_block = |walk: &Walk, number: usize, panels: Range<usize>, lane: usize| {
            walk.add_block(self, number, Rows::of(matrix, &self.narrow, panels.clone()), panels.start, lane);
        };
        if by_models {
            self.pool.for_each(walks.len(), &|_, index| {
                let walk = &walks[index];
                (0..walk.pieces.len()).for_each(|number| walk.add_piece(self, number, 0));
                if matches!(walk.plan, Plan::All(_)) {
                    for block in (0..n_blocks).filter(|&block| matrix.visit(panels(block))) {
                        add_block(walk, block, panels(block), 0);
                    }
                }
                lock(&walk.lanes[0]).0.settle();
                walk.add_wide(matrix);
            });
            return;
        }
        let all: Vec<&Walk> = walks.iter().filter(|walk| matches!(walk.plan, Plan::All(_))).collect();
        let stretch = if matrix.file().is_some() { FILE_STRETCH_BLOCKS } else { 1 };
        let n_stretches = if all.is_empty() { 0 } else { n_blocks.div_ceil(stretch) };
        let pieces: Vec<(&Walk, usize)> =
            walks.iter().flat_map(|walk| (0..walk.pieces.len()).map(move |number| (walk, number))).collect();
        self.pool.for_each(walks.len() + pieces.len() + n_stretches, &|lane, item| {
            if let Some(walk) = walks.get(item) {
                return walk.add_wide(matrix);
            }
            let item = item - walks.len();
            if let Some(&(walk, number)) = pieces.get(item) {
                return walk.add_piece(self, number, lane);
            }
            let first = (item - pieces.len()) * stretch;
            for block in (first..n_blocks.min(first + stretch)).filter(|&block| matrix.visit(panels(block))) {
                all.iter().for_each(|walk| add_block(walk, block, panels(block), lane));
            }
        });
    }
}

/// Rows of each model whose copies there is room for. Threads that walk more rows than others may copy twice their part.
fn awake_max(matrix: &Matrix, n_models: usize) -> usize {
    let slots = (matrix.n_panels() * PANEL_ROWS) as u64;
    // A row's values, its slot, its label and its weight.
    let row = matrix.n_features() as u64 * 4 + 7;
    let room = AWAKE_BYTES.max(slots * matrix.n_features() as u64 * 4 / AWAKE_PART);
    // Half of what labels leave, where memory is scarce: buffers that grow are twice there for a moment.
    let room = room.min(matrix.beside().saturating_sub(slots * n_models as u64) / 2);
    (room / row / n_models.max(1) as u64) as usize
}

/// Sums of the wide rows, which no kernel sees.
fn wide_sums(matrix: &Matrix, centroids: &Centroids) -> Sums {
    let d = matrix.n_features();
    let mut sums = Sums::zero(centroids.n_clusters(), d);
    let wide = matrix.wide();
    for (&row, coordinates) in wide.rows.iter().zip(wide.coordinates.chunks_exact(d)) {
        let label = usize::from(decide(coordinates, centroids).label);
        let weight = matrix.weight(row as usize);
        sums.rows[label] += 1;
        sums.weights[label] += u64::from(weight);
        for (sum, &q) in sums.sums[label * d..(label + 1) * d].iter_mut().zip(coordinates) {
            *sum += i128::from(weight) * i128::from(q);
        }
    }
    sums
}

/// Adds what a lane found, which may be negative where rows left a cluster.
fn add_partial(sums: &mut Sums, partial: &Partial) {
    let add = |total: &mut u64, change: i64| *total = total.wrapping_add_signed(change);
    sums.rows.iter_mut().zip(&partial.rows).for_each(|(t, &p)| add(t, p));
    sums.weights.iter_mut().zip(partial.weights()).for_each(|(t, &p)| add(t, p));
    sums.sums.iter_mut().zip(&partial.sums).for_each(|(t, &p)| *t += i128::from(p));
    sums.sums.iter_mut().zip(&partial.carried).for_each(|(t, &p)| *t += p);
}
