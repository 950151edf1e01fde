//! The engine on the host's own cores: SIMD chosen at run time, blocks that stay in the first-level caches, a
//! persistent pool of workers. It never fails for lack of a device, so it is what every other engine falls back to.

#![allow(unsafe_code, reason = "vector instructions and disjoint writes by several threads; argued at each block")]
#![allow(clippy::needless_range_loop, reason = "a lane is a number in several arrays at once")]

mod assign;
mod chosen;
mod double;
mod exact;
mod labels;
mod lanes;
mod lloyd;
mod model;
mod moves;
mod packed;
mod pairs;
mod peak;
mod pool;
mod scores;
mod seeding;
mod silhouette;
mod simd;
mod standing;
mod vector;

pub use chosen::Chosen;
pub use exact::distances;
pub use peak::multiply_adds_per_second;
pub use seeding::{Nearest, Sample};
pub use simd::SimdLevel;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use self::assign::AssignBlock;
use self::lloyd::{BLOCK_PANELS, Block, KEPT_CLUSTERS_MAX, NO_LABEL, Partial};
use self::model::Model;
use self::pool::Pool;
use self::standing::{Lead, Travel};
use crate::engine::{Assignment, Counters, Device, DeviceKind, Engine, Row, decide};
use crate::error::{Error, Result};
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

/// The CPU as an engine.
pub struct CpuEngine {
    device: Device,
    level: SimdLevel,
    pool: Pool,
    matrix: Option<Arc<Matrix>>,
    /// One bit per row of each panel: it is a row, and no wide one.
    narrow: Vec<u64>,
    kept: BTreeMap<u32, Kept>,
    counters: Counters,
}

/// What is kept of a model between passes: every row's label, and the narrow rows' sums that belong to them.
struct Kept {
    n_clusters: usize,
    labels: Vec<u8>,
    sums: Sums,
    passes: u32,
    /// One per panel.
    leads: Vec<Lead>,
    travel: Travel,
}

impl Kept {
    fn new(n_clusters: usize, n_features: usize, n_panels: usize) -> Self {
        Self {
            n_clusters,
            labels: vec![NO_LABEL; n_panels * PANEL_ROWS],
            sums: Sums::zero(n_clusters, n_features),
            passes: 0,
            leads: vec![Lead::default(); n_panels],
            travel: Travel::default(),
        }
    }
}

impl CpuEngine {
    /// `threads` = 0 takes all cores; `level` = None the best the machine has. A level that the machine lacks is
    /// replaced by scalar code.
    pub fn new(threads: usize, level: Option<SimdLevel>) -> Self {
        let available = SimdLevel::available();
        let level = level.filter(|l| available.contains(l)).unwrap_or(match level {
            None => available[0],
            Some(_) => SimdLevel::Scalar,
        });
        let pool = Pool::new(threads_or_all(threads));
        let name = format!("{}, {} thread{}", level.name(), pool.threads(), if pool.threads() == 1 { "" } else { "s" });
        let device = Device { name, kind: DeviceKind::Cpu, driver: String::new(), backend: "CPU".into() };
        let (kept, counters) = (BTreeMap::new(), Counters::default());
        Self { device, level, pool, matrix: None, narrow: Vec::new(), kept, counters }
    }

    fn matrix(&self) -> Result<Arc<Matrix>> {
        self.matrix.clone().ok_or_else(|| Error::bug("an engine was asked before a matrix was loaded"))
    }
}

/// Per panel one bit per row, the first lowest, of those that are no wide ones.
fn narrow_rows(matrix: &Matrix) -> Vec<u64> {
    let mut narrow = vec![u64::MAX; matrix.n_panels()];
    if let Some(last) = narrow.last_mut() {
        *last >>= matrix.n_rows().next_multiple_of(PANEL_ROWS) - matrix.n_rows();
    }
    for &row in &matrix.wide().rows {
        narrow[row as usize / PANEL_ROWS] &= !(1 << (row % PANEL_ROWS as u64));
    }
    narrow
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

/// 0 means all cores.
pub fn threads_or_all(threads: usize) -> usize {
    if threads > 0 { threads } else { std::thread::available_parallelism().map_or(1, |n| n.get()) }
}

/// A pointer into label storage that several workers write at disjoint places.
struct Shared<T>(*mut T);

// SAFETY: every use below derives a range from a block number that one worker alone was handed.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// # Safety
    /// The range must lie within the allocation and be used by one thread at a time.
    #[allow(clippy::mut_from_ref)]
    unsafe fn range(&self, first: usize, len: usize) -> &mut [T] {
        // SAFETY: promised by the caller.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(first), len) }
    }
}

impl Engine for CpuEngine {
    fn device(&self) -> &Device {
        &self.device
    }

    fn load(&mut self, matrix: Arc<Matrix>) -> Result<()> {
        self.kept.clear();
        self.narrow = narrow_rows(&matrix);
        self.matrix = Some(matrix);
        Ok(())
    }

    fn step(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
        let matrix = self.matrix()?;
        let d = matrix.n_features();
        let prepared: Vec<Model> = models.iter().map(|m| Model::new(m, &matrix, self.level)).collect();

        // Labels of the pass before, for the models that keep them. One that is not asked for has come to its end.
        self.kept.retain(|kept, _| models.iter().any(|model| model.model == *kept));
        let mut labels: Vec<Option<(Shared<u8>, Shared<Lead>)>> = Vec::with_capacity(models.len());
        // Where memory is scarce there is room for some labels only.
        let slots = matrix.n_panels() * PANEL_ROWS;
        let kept_max = usize::try_from(matrix.beside() / slots.max(1) as u64).unwrap_or(usize::MAX);
        for model in models {
            let k = model.n_clusters();
            let has_room = self.kept.contains_key(&model.model) || self.kept.len() < kept_max;
            if k > KEPT_CLUSTERS_MAX || !has_room {
                self.kept.remove(&model.model);
                labels.push(None);
                continue;
            }
            let fresh = || Kept::new(k, d, matrix.n_panels());
            let kept = self.kept.entry(model.model).or_insert_with(fresh);
            if kept.n_clusters != k {
                *kept = fresh();
            }
            if kept.passes == PASSES_BETWEEN_FULL_SUMS {
                kept.labels.fill(NO_LABEL);
                kept.sums = Sums::zero(k, d);
                kept.passes = 0;
            }
            kept.passes += 1;
            kept.travel.advance(model, matrix.n_rows(), kept.passes == 1);
            labels.push(Some((Shared(kept.labels.as_mut_ptr()), Shared(kept.leads.as_mut_ptr()))));
        }

        let block_panels = (BLOCK_BYTES / (d * PANEL_ROWS * 4)).clamp(1, BLOCK_PANELS);
        let n_blocks = matrix.n_panels().div_ceil(block_panels);
        // A table of few blocks is shared out by models, any other by rows: each thread then adds up every model.
        let threads = self.pool.threads();
        let by_models = models.len() > 1 && n_blocks < BLOCKS_PER_THREAD_MIN * threads;
        let slots_of_each = if by_models { 1 } else { threads };
        let partials: Vec<Vec<Mutex<Partial>>> = prepared
            .iter()
            .map(|model| (0..slots_of_each).map(|_| Mutex::new(Partial::new(model, &matrix))).collect())
            .collect();
        let (level, narrow, kept) = (self.level, self.narrow.as_slice(), &self.kept);
        let travel = |model: &Centroids| Some(&kept.get(&model.model)?.travel);
        let travels: Vec<Option<&Travel>> = models.iter().map(travel).collect();
        let wide: Vec<OnceLock<Sums>> = models.iter().map(|_| OnceLock::new()).collect();
        let add_wide = |index: usize| {
            wide[index].get_or_init(|| wide_sums(&matrix, &models[index]));
        };
        let panels = |block: usize| block * block_panels..matrix.n_panels().min((block + 1) * block_panels);
        let add = |index: usize, panels: &Range<usize>, partial: &mut Partial| {
            let (first_panel, n_panels) = (panels.start, panels.len());
            let (labels, leads): (&mut [u8], &mut [Lead]) = match &labels[index] {
                // SAFETY: the label storage has 64 slots per panel, that of leads one, and whoever was handed these panels
                // of this model is alone with them.
                Some((labels, leads)) => unsafe {
                    (labels.range(first_panel * PANEL_ROWS, n_panels * PANEL_ROWS), leads.range(first_panel, n_panels))
                },
                None => (&mut [], &mut []),
            };
            let (model, centroids, travel) = (&prepared[index], &models[index], travels[index]);
            level.run(&mut Block {
                matrix: &matrix,
                model,
                centroids,
                first_panel,
                n_panels,
                labels,
                leads,
                travel,
                partial,
                narrow,
            });
            partial.carry(n_panels * PANEL_ROWS);
        };
        let of = |index: usize, slot: usize| partials[index][slot].lock().unwrap_or_else(PoisonError::into_inner);
        if by_models {
            self.pool.for_each(models.len(), &|_, index| {
                let mut partial = of(index, 0);
                (0..n_blocks).map(panels).filter(|panels| matrix.visit(panels.clone())).for_each(|panels| {
                    add(index, &panels, &mut partial);
                });
                partial.settle();
                add_wide(index);
            });
        } else {
            let stretch = if matrix.file().is_some() { FILE_STRETCH_BLOCKS } else { 1 };
            let n_items = models.len() + n_blocks.div_ceil(stretch);
            self.pool.for_each(n_items, &|lane, item| match item.checked_sub(models.len()) {
                None => add_wide(item),
                Some(number) => {
                    for block in number * stretch..n_blocks.min((number + 1) * stretch) {
                        let panels = panels(block);
                        if matrix.visit(panels.clone()) {
                            (0..models.len()).for_each(|index| add(index, &panels, &mut of(index, lane)));
                        }
                    }
                }
            });
        }

        let mut results = Vec::with_capacity(models.len());
        for (index, model) in models.iter().enumerate() {
            let mut fresh = (Sums::zero(model.n_clusters(), d), 0);
            let (total, moved) = match self.kept.get_mut(&model.model) {
                Some(kept) if model.n_clusters() <= KEPT_CLUSTERS_MAX => (&mut kept.sums, &mut kept.travel.moved),
                _ => (&mut fresh.0, &mut fresh.1),
            };
            *moved = 0;
            for partial in &partials[index] {
                let mut partial = partial.lock().unwrap_or_else(PoisonError::into_inner);
                partial.settle();
                add_partial(total, &partial);
                self.counters.near_ties += partial.near_ties;
                self.counters.passed_over += partial.passed_over;
                *moved += partial.moved;
            }
            let mut sums = total.clone();
            if let Some(wide) = wide[index].get() {
                sums.merge(wide);
            }
            self.counters.wide_rows += matrix.wide().rows.len() as u64;
            self.counters.model_passes += 1;
            results.push(sums);
        }
        Ok(results)
    }

    fn assign(&mut self, model: &Centroids) -> Result<Assignment> {
        let matrix = self.matrix()?;
        let prepared = Model::new(model, &matrix, self.level);
        let slots = matrix.n_panels() * PANEL_ROWS;
        let mut assignment = Assignment { labels: vec![0; slots], runners_up: vec![0; slots] };
        let (labels, runners_up) = (Shared(assignment.labels.as_mut_ptr()), Shared(assignment.runners_up.as_mut_ptr()));
        let (near_ties, wide_rows) = (AtomicU64::new(0), AtomicU64::new(0));
        let level = self.level;
        self.pool.for_each(matrix.n_panels().div_ceil(BLOCK_PANELS), &|_, block| {
            let first_panel = block * BLOCK_PANELS;
            let n_panels = BLOCK_PANELS.min(matrix.n_panels() - first_panel);
            let (first, len) = (first_panel * PANEL_ROWS, n_panels * PANEL_ROWS);
            if !matrix.visit(first_panel..first_panel + n_panels) {
                return;
            }
            // SAFETY: both have 64 slots per panel, and this block's panels belong to this call.
            let (labels, runners_up) = unsafe { (labels.range(first, len), runners_up.range(first, len)) };
            let mut block = AssignBlock {
                matrix: &matrix,
                model: &prepared,
                centroids: model,
                first_panel,
                labels,
                runners_up,
                near_ties: 0,
                wide_rows: 0,
            };
            level.run(&mut block);
            near_ties.fetch_add(block.near_ties, Ordering::Relaxed);
            wide_rows.fetch_add(block.wide_rows, Ordering::Relaxed);
        });
        self.counters.near_ties += near_ties.into_inner();
        self.counters.wide_rows += wide_rows.into_inner();
        self.counters.model_passes += 1;
        assignment.labels.truncate(matrix.n_rows());
        assignment.runners_up.truncate(matrix.n_rows());
        Ok(assignment)
    }

    fn farthest(&mut self, model: &Centroids, n: usize) -> Result<Vec<Row>> {
        let matrix = self.matrix()?;
        let assignment = self.assign(model)?;
        Ok(exact::farthest(&self.pool, &matrix, model, &assignment, n))
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}

/// Adds what a lane found, which may be negative where rows left a cluster.
fn add_partial(sums: &mut Sums, partial: &Partial) {
    let add = |total: &mut u64, change: i64| *total = total.wrapping_add_signed(change);
    sums.rows.iter_mut().zip(&partial.rows).for_each(|(t, &p)| add(t, p));
    sums.weights.iter_mut().zip(partial.weights()).for_each(|(t, &p)| add(t, p));
    sums.sums.iter_mut().zip(&partial.sums).for_each(|(t, &p)| *t += i128::from(p));
    sums.sums.iter_mut().zip(&partial.carried).for_each(|(t, &p)| *t += p);
}
