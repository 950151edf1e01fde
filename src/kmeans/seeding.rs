//! Greedy k-means++ with exact integer weights, on a sample of rows.
//!
//! Each step draws four candidates with probability proportional to w·D and keeps the one that lowers the total most,
//! the first drawn of equals. Draws depend on (seed, restart, step) only, so the seeds of k are a prefix of the seeds
//! of any larger k. The sample is the rows with the smallest order keys, in key order: row order cannot matter.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};

use super::draw::below;
use crate::engine::cpu::{Nearest, Sample, threads_or_all};
use crate::error::Result;
use crate::grid::{Matrix, PANEL_ROWS};
use crate::job::ClusterSettings;
use crate::observe::Observe;

/// Rows that seeding looks at: enough for any k this program takes.
pub(super) const SAMPLE_ROWS_MAX: usize = 131_072;

/// Candidates per step, for every k, so that seeds of different k share a prefix.
const CANDIDATES: usize = 4;

/// The rows that seeds come from, in key order.
pub(super) fn sample(matrix: &Matrix) -> Matrix {
    matrix.select(&matrix.sample_rows(SAMPLE_ROWS_MAX))
}

/// Seeds of every restart, in the order of restarts: up to k distinct rows each, (k, d), and the seeds of any smaller k
/// in front.
pub(super) fn seeds(
    sample: &Matrix,
    k: usize,
    settings: &ClusterSettings,
    threads: usize,
    observe: &Observe,
) -> Result<Vec<Vec<i64>>> {
    let sample = Sample::new(sample);
    let found: Mutex<Vec<(u32, Vec<i64>)>> = Mutex::new(Vec::new());
    let next = AtomicU32::new(0);
    let work = || {
        loop {
            let restart = next.fetch_add(1, Ordering::Relaxed);
            if restart >= settings.n_init || observe.check_stop().is_err() {
                break;
            }
            let seeds = seed_one(&sample, k, settings.seed, restart);
            found.lock().unwrap_or_else(PoisonError::into_inner).push((restart, seeds));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads_or_all(threads).min(settings.n_init as usize) {
            scope.spawn(work);
        }
        work();
    });
    observe.check_stop()?;
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(restart, _)| *restart);
    Ok(found.into_iter().map(|(_, seeds)| seeds).collect())
}

fn seed_one(sample: &Sample, k: usize, seed: u64, restart: u32) -> Vec<i64> {
    let matrix = sample.matrix();
    let d = matrix.n_features();
    let point = |row: usize| {
        let mut point = vec![0; d];
        matrix.row(row, &mut point);
        point
    };
    let mut values = Vec::with_capacity(k * d);
    let mut nearest = sample.unseeded();

    let weights = || (0..matrix.n_rows()).map(|row| u128::from(matrix.weight(row)));
    let draw = below(u128::from(matrix.facts().weight), seed, restart, 0, 0);
    let mut first = point(if matrix.weights().is_some() { walk(draw, weights()) } else { draw as usize });
    let mut potentials = sample.lower(&first, &mut nearest);
    values.append(&mut first);

    for step in 1..k as u32 {
        let total: u128 = potentials.iter().sum();
        if total == 0 {
            break;
        }
        let mut candidates = std::array::from_fn::<_, CANDIDATES, _>(|candidate| {
            let draw = below(total, seed, restart, step, candidate as u32);
            point(drawn_row(sample, &nearest, &potentials, draw))
        });
        let totals = sample.totals(&candidates, &nearest);
        // The first of equals.
        let best = (0..CANDIDATES).min_by_key(|&candidate| totals[candidate]).unwrap_or(0);
        potentials = sample.lower(&candidates[best], &mut nearest);
        values.append(&mut candidates[best]);
    }
    values
}

/// The row in which the running sum of w·D passes `draw`.
fn drawn_row(sample: &Sample, nearest: &Nearest, potentials: &[u128], mut draw: u128) -> usize {
    for (panel, &potential) in potentials.iter().enumerate() {
        if draw < potential {
            let first = panel * PANEL_ROWS;
            let rows = first..sample.matrix().n_rows();
            return first + walk(draw, rows.map(|row| sample.potential(nearest, row)));
        }
        draw -= potential;
    }
    unreachable!("a draw lies below the sum of all potentials")
}

/// The index at which the running sum of `shares` passes `draw`.
fn walk(mut draw: u128, shares: impl Iterator<Item = u128>) -> usize {
    let mut last = 0;
    for (index, share) in shares.enumerate() {
        if draw < share {
            return index;
        }
        draw -= share;
        last = index;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds_of(matrix: &Matrix, k: usize, threads: usize) -> Vec<Vec<i64>> {
        let settings = ClusterSettings { n_init: 3, ..ClusterSettings::plain(k) };
        seeds(&sample(matrix), k, &settings, threads, &Observe::default()).unwrap()
    }

    fn matrix(order: impl Iterator<Item = u64>) -> Matrix {
        let (mut rows, mut keys) = (Vec::new(), Vec::new());
        for id in order {
            rows.push(vec![(id * id % 1013) as i64, (id * 7 % 911) as i64]);
            keys.push(id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        Matrix::from_rows(2, &rows, None, keys)
    }

    #[test]
    fn the_seeds_of_k_are_a_prefix_of_the_seeds_of_a_larger_k() {
        let matrix = matrix(0..500);
        for (five, nine) in seeds_of(&matrix, 5, 1).iter().zip(seeds_of(&matrix, 9, 2)) {
            assert_eq!((five.len(), nine.len()), (10, 18));
            assert_eq!(five[..], nine[..five.len()]);
        }
    }

    #[test]
    fn row_order_does_not_change_the_seeds() {
        assert_eq!(seeds_of(&matrix(0..500), 6, 1), seeds_of(&matrix((0..500).rev()), 6, 1));
    }

    #[test]
    fn the_sample_is_the_smallest_keys_in_key_order() {
        let matrix = matrix(0..1000);
        let rows = matrix.sample_rows(100);
        let mut all: Vec<usize> = (0..1000).collect();
        all.sort_by_key(|&r| matrix.keys()[r]);
        assert_eq!(rows, all[..100]);
    }

    #[test]
    fn rows_of_weight_zero_are_never_seeds() {
        let rows: Vec<Vec<i64>> = (0..200).map(|i| vec![if i % 2 == 0 { 0 } else { 500_000 + i }]).collect();
        let weights = (0..200).map(|i| u16::from(i % 2 == 0)).collect();
        let matrix = Matrix::from_rows(1, &rows, Some(weights), (0..200).collect());
        for seeds in seeds_of(&matrix, 4, 1) {
            assert_eq!(seeds, [0]);
        }
    }
}
