//! Swaps: what Lloyd's iterations cannot see. On small tables every restart that has reached its fixed point goes on
//! looking: a centroid is taken out, one is put on a far row, and Lloyd runs again; what is better stays.
//!
//! Small tables have many fixed points and time is short there anyway; on large ones restarts agree and this would cost
//! more than it finds. Every restart is on its own and draws from (seed, restart, round), so that more restarts are never
//! worse. (The idea is the swap search of Kanungo et al. 2004, with the draws of Lattanzi and Sohler 2019.)

use std::sync::{Arc, Mutex, PoisonError};

use super::draw::below;
use super::lloyd::{self, Run, advance_while};
use crate::engine::Engine;
use crate::engine::cpu::{CpuEngine, distances, threads_or_all};
use crate::error::{Error, Result};
use crate::grid::{Centroids, Matrix};
use crate::job::ClusterSettings;
use crate::observe::Observe;

/// Swaps that a restart tries per round.
const SWAPS: u32 = 4;

/// Rounds without a gain after which a restart is done.
const PATIENCE: u32 = 60;

/// What a restart may spend, in rows x clusters x features over all passes: a fraction of a second in all.
const WORK_MAX: u64 = 1 << 26;

/// Passes that Lloyd takes from a swap, as a guess for whether one round fits the budget.
const PASSES_GUESS: u64 = 10;

/// A swap is given up where this many times what its last pass gained do not bring it to the best inertia: passes gain
/// less and less.
const GAINS_AHEAD: i128 = 4;

/// Draws of this stage are numbered from here: seeding never gets so far.
const FIRST_STEP: u32 = 1 << 16;

/// A restart on its way.
struct Chain<'a> {
    engine: &'a mut CpuEngine,
    matrix: &'a Matrix,
    /// The rows of positive weight in key order.
    order: &'a [usize],
    best: Run,
    options: Options,
    rounds: u32,
    idle: u32,
    work: u64,
}

/// Where a centroid may go in, and what taking one out costs.
struct Options {
    /// Running sums of w·D over the rows, in key order.
    shares: Vec<u128>,
    /// The cluster whose rows lose least when they go to their second-nearest centroids.
    cheapest: usize,
}

/// Polishes what has converged, where the table is small enough; the rest comes back as it is. The restarts are shared out
/// to threads with a CPU engine each: a pass over so few rows is done before a device, or another thread, has begun.
pub(super) fn polish(
    matrix: &Arc<Matrix>,
    settings: &ClusterSettings,
    runs: Vec<Run>,
    threads: usize,
    observe: &Observe,
) -> Result<Vec<Run>> {
    let fits = |run: &Run| {
        let small = run.k_asked > 1 && pass(run, matrix) * PASSES_GUESS * u64::from(SWAPS) <= WORK_MAX;
        small && run.converged && run.inertia > 0
    };
    let (fitting, mut done): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(fits);
    if fitting.is_empty() {
        return Ok(done);
    }
    // Draws walk the rows in key order, so that the order they came in cannot matter.
    let order = &matrix.sample_rows(matrix.n_rows());
    let threads = threads_or_all(threads).min(fitting.len());
    let next = Mutex::new(fitting.into_iter());
    let work = || {
        let mut engine = CpuEngine::new(1, None);
        engine.load(matrix.clone())?;
        let mut polished = Vec::new();
        loop {
            let run = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(run) = run else { return Ok(polished) };
            polished.push(Chain::new(&mut engine, matrix, order, run)?.polished(settings, observe)?);
        }
    };
    let polished: Vec<Result<Vec<Run>>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined.map(|polished| polished.unwrap_or_else(|_| Err(Error::bug("a thread that polishes ended")))).collect()
    });
    for polished in polished {
        done.extend(polished?);
    }
    Ok(done)
}

/// What a pass of a run costs, in rows x clusters x features.
fn pass(run: &Run, matrix: &Matrix) -> u64 {
    (matrix.n_rows() * matrix.n_features() * run.k_asked) as u64
}

impl<'a> Chain<'a> {
    fn new(engine: &'a mut CpuEngine, matrix: &'a Matrix, order: &'a [usize], run: Run) -> Result<Self> {
        let options = Options::of(engine, matrix, order, &run)?;
        Ok(Self { engine, matrix, order, best: run, options, rounds: 0, idle: 0, work: 0 })
    }

    /// The run once nothing better has been found for long enough.
    fn polished(mut self, settings: &ClusterSettings, observe: &Observe) -> Result<Run> {
        while self.idle < PATIENCE && self.work < WORK_MAX {
            observe.check_stop()?;
            let tried = lloyd::numbered(self.swaps(settings.seed));
            let best = self.best.inertia;
            let hopes = |run: &Run, gained: i128| run.inertia - best <= gained.saturating_mul(GAINS_AHEAD);
            // Passes of swaps are no passes of the fit: nobody is told.
            let ended = advance_while(self.engine, self.matrix, settings, tried, hopes, &observe.silent())?;
            self.take(&ended)?;
        }
        Ok(self.best)
    }

    /// The swaps of a round.
    fn swaps(&self, seed: u64) -> Vec<Run> {
        let restart = self.best.restart;
        let (k, d) = (self.best.centroids.n_clusters(), self.matrix.n_features());
        let step = FIRST_STEP + self.rounds;
        let total = self.options.shares.last().copied().unwrap_or(0);
        (0..SWAPS)
            .map(|swap| {
                let draw = below(total, seed, restart, step, 2 * swap);
                let row = self.order[self.options.shares.partition_point(|&sum| sum <= draw)];
                let any = below(k as u128, seed, restart, step, 2 * swap + 1) as usize;
                let out = if swap == 0 { self.options.cheapest } else { any };
                let mut values = self.best.centroids.values().to_vec();
                self.matrix.row(row, &mut values[out * d..(out + 1) * d]);
                let Run { k_asked, restart, .. } = self.best;
                Run { k_asked, restart, ..Run::from_centroids(Centroids::new(0, 0, d, values)) }
            })
            .collect()
    }

    /// Keeps the best of a round where it is better than what there was.
    fn take(&mut self, tried: &[Run]) -> Result<()> {
        self.rounds += 1;
        self.idle += 1;
        let pass = pass(&self.best, self.matrix);
        self.work += tried.iter().map(|run| u64::from(run.iterations) * pass).sum::<u64>();
        let Some(best) = tried.iter().min_by_key(|run| (run.inertia, run.centroids.model)) else { return Ok(()) };
        if best.inertia < self.best.inertia && best.converged {
            self.idle = 0;
            self.best = best.clone();
            self.options = Options::of(self.engine, self.matrix, self.order, &self.best)?;
        }
        Ok(())
    }
}

impl Options {
    fn of(engine: &mut CpuEngine, matrix: &Matrix, order: &[usize], run: &Run) -> Result<Self> {
        let assignment = engine.assign(&run.centroids)?;
        let mut losses = vec![0u128; run.centroids.n_clusters()];
        let mut sum = 0u128;
        let mut shares = Vec::with_capacity(matrix.n_rows());
        let distances = distances(matrix, &run.centroids, &assignment, 0..matrix.n_rows());
        for &row in order {
            let ((near, far), weight) = (distances[row], u128::from(matrix.weight(row)));
            sum += weight * near.unsigned_abs();
            shares.push(sum);
            losses[usize::from(assignment.labels[row])] += weight * (far - near).unsigned_abs();
        }
        let cheapest = (0..losses.len()).min_by_key(|&cluster| losses[cluster]).unwrap_or(0);
        Ok(Self { shares, cheapest })
    }
}
