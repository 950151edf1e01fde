//! The race: on a large table restarts need not visit every row to show which of them are worth it. They run on the
//! sample that seeds come from, in two heats, and only the best few of each k go on over all rows.
//!
//! A heat ends early, at a loose tolerance: what is left is done over all rows anyway. A restart that falls behind for good
//! leaves it in the middle. Restarts that came to the same place count once, so that what goes on is the best few
//! *different* solutions, and all rows decide between them. The sample is the rows with the smallest order keys, so who
//! wins depends on the data alone.
//! `docs/decisions/restarts-race.md` has what it costs in inertia, and what it saves.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lloyd::{Run, advance_while, numbered};
use super::seeding::SAMPLE_ROWS_MAX;
use crate::engine::{Engine, distance};
use crate::error::Result;
use crate::grid::Matrix;
use crate::job::{ClusterSettings, Restarts};
use crate::observe::Observe;

/// Rows that the first heat is run on, and how many of a k leave it for the whole sample.
const FIRST_ROWS: usize = 16_384;
const FIRST_WINNERS: usize = 4;

/// How many of a k go on over all rows.
const WINNERS: usize = 2;

/// Runs that are worse than the best of their k by more than this part of it are no winners: after the first heat, where
/// much can still change, and after the second.
const FIRST_BEHIND: f64 = 0.05;
const BEHIND: f64 = 0.01;

/// A run leaves a heat where so many times what its last pass gained would not bring it within `BEHIND` of the best of its
/// k. That is many times because a run may hardly gain for a while before it finds its way.
const GAINS_AHEAD: f64 = 200.0;

/// Two solutions are the same where no centroid moved by more than this part of a row's mean squared distance to its own.
const ALIKE: i128 = 20;

/// Where a heat stops, as a part of the features' mean variance.
const TOL: f64 = 1e-4;

/// Whether the sample is enough smaller than the table.
pub(super) fn pays(matrix: &Matrix, sample: &Matrix, settings: &ClusterSettings) -> bool {
    settings.restarts == Restarts::Race && settings.n_init > 1 && sample.n_rows() < matrix.n_rows()
}

/// How many runs of each k walk a table of so many rows: the winners of a race, or all restarts.
pub fn restarts_over_all(settings: &ClusterSettings, n_rows: u64) -> usize {
    let n_init = settings.n_init as usize;
    match settings.restarts {
        Restarts::Race if n_rows > SAMPLE_ROWS_MAX as u64 => n_init.min(WINNERS),
        _ => n_init,
    }
}

/// The winners, where the sample has brought them, in the order of k and restart.
pub(super) fn race(
    engine: &mut dyn Engine,
    sample: &Arc<Matrix>,
    settings: &ClusterSettings,
    runs: Vec<Run>,
    observe: &Observe,
) -> Result<Vec<Run>> {
    let settings = ClusterSettings { tol: settings.tol.max(TOL), ..settings.clone() };
    let rows: Vec<usize> = (0..FIRST_ROWS.min(sample.n_rows())).collect();
    let first = Arc::new(sample.select(&rows));
    let runs = best(heat(engine, &first, &settings, runs, observe)?, &first, FIRST_WINNERS, FIRST_BEHIND);
    let runs = heat(engine, sample, &settings, again(runs), observe)?;
    Ok(again(best(runs, sample, WINNERS, BEHIND)))
}

/// Advances all runs on some rows. Those that have no hope of the best of their k end where they are.
pub(super) fn heat(
    engine: &mut dyn Engine,
    rows: &Arc<Matrix>,
    settings: &ClusterSettings,
    runs: Vec<Run>,
    observe: &Observe,
) -> Result<Vec<Run>> {
    engine.load(rows.clone())?;
    let mut lowest: BTreeMap<usize, i128> = BTreeMap::new();
    let hopes = |run: &Run, gained: i128| {
        let lowest = lowest.entry(run.k_asked).or_insert(i128::MAX);
        *lowest = run.inertia.min(*lowest);
        run.inertia as f64 - gained as f64 * GAINS_AHEAD <= *lowest as f64 * (1.0 + BEHIND)
    };
    advance_while(engine, rows, settings, numbered(runs), hopes, observe)
}

/// The best different runs of each k, none of them behind the first by more than a part of `behind`.
fn best(mut runs: Vec<Run>, rows: &Matrix, winners: usize, behind: f64) -> Vec<Run> {
    runs.sort_by_key(|run| (run.k_asked, run.inertia, run.restart));
    let weight = i128::from(rows.facts().weight.max(1));
    let mut kept: Vec<Run> = Vec::new();
    for of_k in runs.chunk_by(|a, b| a.k_asked == b.k_asked) {
        let first = kept.len();
        for run in of_k {
            let reach = run.inertia / weight / ALIKE;
            let hopes = run.inertia as f64 <= of_k[0].inertia as f64 * (1.0 + behind);
            if hopes && kept.len() < first + winners && !kept[first..].iter().any(|other| are_alike(run, other, reach))
            {
                kept.push(run.clone());
            }
        }
    }
    kept
}

/// The same runs from where they are, on other rows, in the order of k and restart.
fn again(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_by_key(|run| (run.k_asked, run.restart));
    runs.into_iter().map(Run::again).collect()
}

/// Whether every centroid of one lies within `reach`, a squared distance, of one of the other's.
fn are_alike(one: &Run, other: &Run, reach: i128) -> bool {
    let near = |row: &[i64]| other.centroids.rows().any(|there| distance(row, there) <= reach);
    one.centroids.n_clusters() == other.centroids.n_clusters() && one.centroids.rows().all(near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::CpuEngine;
    use crate::grid::Centroids;

    #[test]
    fn a_run_leaves_a_heat_where_another_of_its_k_is_out_of_reach_and_else_finds_its_way() {
        // Two groups, side by side. A cut across both of them hardly turns at first, and ends between them.
        let row = |i: i64| vec![if i % 2 == 0 { 800 } else { -800 }, i % 2_000 - 1_000];
        let rows: Vec<Vec<i64>> = (0..4_000).map(row).collect();
        let matrix = Arc::new(Matrix::from_rows(2, &rows, None, (0..4_000).collect()));
        let run = |restart, values| Run { restart, ..Run::from_centroids(Centroids::new(0, 0, 2, values)) };
        let across = || run(1, vec![20, 500, -20, -500]);
        let settings = ClusterSettings::plain(2);
        let heat = |runs| {
            let mut ended =
                heat(&mut CpuEngine::new(1, None), &matrix, &settings, runs, &Observe::default()).expect("a heat");
            ended.sort_by_key(|run| run.restart);
            ended
        };
        let alone = heat(vec![across()]).remove(0);
        let both = heat(vec![run(0, vec![700, 0, -700, 0]), across()]);
        assert!(both[0].converged && alone.converged && alone.inertia == both[0].inertia);
        assert!(!both[1].converged && both[1].iterations < alone.iterations, "{:?}", both[1]);
        assert!(both[1].inertia > 2 * alone.inertia);
    }
}
