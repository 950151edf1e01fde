//! Swaps: what Lloyd's iterations cannot see. On small tables every restart that has reached its fixed point goes on
//! looking: a centroid is taken out, one is put on a far row, and Lloyd runs again; what is better stays.
//!
//! Small tables have many fixed points and time is short there anyway; on large ones restarts agree and this would cost
//! more than it finds. Every restart is on its own and draws from (seed, restart, round), so that more restarts are never
//! worse. (The idea is the swap search of Kanungo et al. 2004, with the draws of Lattanzi and Sohler 2019.)

use super::draw::below;
use super::lloyd::{self, Run, advance};
use crate::engine::Engine;
use crate::engine::cpu::distances;
use crate::error::Result;
use crate::grid::{Centroids, Matrix};
use crate::job::ClusterSettings;
use crate::observe::Observe;

/// Swaps that a restart tries per round.
const SWAPS: u32 = 4;

/// Rounds without a gain after which a restart is done.
const PATIENCE: u32 = 60;

/// What a restart may spend, in rows x clusters x features over all passes: a fraction of a second in all.
const WORK_MAX: u64 = 1 << 27;

/// Passes that Lloyd takes from a swap, as a guess for whether one round fits the budget.
const PASSES_GUESS: u64 = 20;

/// Draws of this stage are numbered from here: seeding never gets so far.
const FIRST_STEP: u32 = 1 << 16;

/// A restart on its way.
struct Chain {
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

/// Polishes what has converged, where the table is small enough; the rest comes back as it is.
pub(super) fn polish(
    engine: &mut dyn Engine,
    matrix: &Matrix,
    settings: &ClusterSettings,
    runs: Vec<Run>,
    observe: &Observe,
) -> Result<Vec<Run>> {
    let pass = |run: &Run| (matrix.n_rows() * matrix.n_features() * run.k_asked) as u64;
    let fits = |run: &Run| run.k_asked > 1 && pass(run) * PASSES_GUESS * u64::from(SWAPS) <= WORK_MAX;
    if !runs.iter().any(fits) {
        return Ok(runs);
    }
    // Draws walk the rows in key order, so that the order they came in cannot matter.
    let mut order: Vec<usize> = (0..matrix.n_rows()).collect();
    order.sort_unstable_by_key(|&row| (matrix.keys()[row], row));
    let (mut chains, mut done) = (Vec::new(), Vec::new());
    for run in runs {
        if fits(&run) && run.converged && run.inertia > 0 {
            let options = Options::of(engine, matrix, &order, &run)?;
            chains.push(Chain { best: run, options, rounds: 0, idle: 0, work: 0 });
        } else {
            done.push(run);
        }
    }
    while !chains.is_empty() {
        observe.check_stop()?;
        let tried =
            lloyd::numbered(chains.iter().flat_map(|chain| chain.swaps(matrix, &order, settings.seed)).collect());
        // Passes of swaps are no passes of the fit: nobody is told.
        let mut ended = advance(engine, matrix, settings, tried, &observe.silent())?;
        ended.sort_by_key(|run| run.centroids.model);
        for (chain, tried) in chains.iter_mut().zip(ended.chunks(SWAPS as usize)) {
            let pass = pass(&chain.best);
            chain.take(engine, matrix, &order, tried, pass)?;
        }
        let (over, living) = chains.into_iter().partition(|chain| chain.idle >= PATIENCE || chain.work >= WORK_MAX);
        chains = living;
        done.extend(Vec::into_iter(over).map(|chain: Chain| chain.best));
    }
    Ok(done)
}

impl Chain {
    /// The swaps of a round.
    fn swaps(&self, matrix: &Matrix, order: &[usize], seed: u64) -> Vec<Run> {
        let restart = self.best.restart;
        let (k, d) = (self.best.centroids.n_clusters(), matrix.n_features());
        let step = FIRST_STEP + self.rounds;
        let total = self.options.shares.last().copied().unwrap_or(0);
        (0..SWAPS)
            .map(|swap| {
                let draw = below(total, seed, restart, step, 2 * swap);
                let row = order[self.options.shares.partition_point(|&sum| sum <= draw)];
                let any = below(k as u128, seed, restart, step, 2 * swap + 1) as usize;
                let out = if swap == 0 { self.options.cheapest } else { any };
                let mut values = self.best.centroids.values().to_vec();
                matrix.row(row, &mut values[out * d..(out + 1) * d]);
                let Run { k_asked, restart, .. } = self.best;
                Run { k_asked, restart, ..Run::from_centroids(Centroids::new(0, 0, d, values)) }
            })
            .collect()
    }

    /// Keeps the best of a round where it is better than what there was.
    fn take(
        &mut self,
        engine: &mut dyn Engine,
        matrix: &Matrix,
        order: &[usize],
        tried: &[Run],
        pass: u64,
    ) -> Result<()> {
        self.rounds += 1;
        self.idle += 1;
        self.work += tried.iter().map(|run| u64::from(run.iterations) * pass).sum::<u64>();
        let Some(best) = tried.iter().min_by_key(|run| (run.inertia, run.centroids.model)) else { return Ok(()) };
        if best.inertia < self.best.inertia && best.converged {
            self.idle = 0;
            self.best = best.clone();
            self.options = Options::of(engine, matrix, order, &self.best)?;
        }
        Ok(())
    }
}

impl Options {
    fn of(engine: &mut dyn Engine, matrix: &Matrix, order: &[usize], run: &Run) -> Result<Self> {
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
