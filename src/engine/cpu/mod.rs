//! The engine on the host's own cores: SIMD chosen at run time, blocks that stay in the first-level caches, a
//! persistent pool of workers. It never fails for lack of a device, so it is what every other engine falls back to.

#![allow(unsafe_code, reason = "vector instructions and disjoint writes by several threads; argued at each block")]
#![allow(clippy::needless_range_loop, reason = "a lane is a number in several arrays at once")]

mod active;
mod assign;
mod awake;
mod chosen;
mod double;
mod exact;
mod labels;
mod lanes;
mod lloyd;
mod margin;
mod model;
mod moves;
mod packed;
mod pairs;
mod pass;
mod peak;
mod pool;
mod rows;
mod scores;
mod seeding;
mod silhouette;
mod simd;
mod vector;

pub use chosen::Chosen;
pub use exact::distances;
pub use peak::multiply_adds_per_second;
pub use seeding::{Nearest, Sample};
pub use simd::SimdLevel;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use self::assign::AssignBlock;
use self::awake::Spent;
use self::lloyd::BLOCK_PANELS;
use self::model::Model;
use self::pass::Kept;
use self::pool::Pool;
use crate::engine::{Assignment, Counters, Device, DeviceKind, Engine, Row};
use crate::error::{Error, Result};
use crate::grid::{Centroids, Matrix, PANEL_ROWS, Sums};

/// The CPU as an engine.
pub struct CpuEngine {
    device: Device,
    level: SimdLevel,
    pool: Pool,
    matrix: Option<Arc<Matrix>>,
    /// One bit per row of each panel: it is a row, and no wide one.
    narrow: Vec<u64>,
    kept: BTreeMap<u32, Kept>,
    spent: Spent,
    counters: Counters,
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
        let (kept, spent, counters) = (BTreeMap::new(), Spent::default(), Counters::default());
        Self { device, level, pool, matrix: None, narrow: Vec::new(), kept, spent, counters }
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
        let old = std::mem::take(&mut self.kept);
        old.into_values().for_each(|kept| kept.end(&mut self.spent));
        if matrix.beside() < u64::MAX {
            self.spent = Spent::default();
        }
        self.narrow = narrow_rows(&matrix);
        self.matrix = Some(matrix);
        Ok(())
    }

    fn step(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
        self.pass(models)
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
