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
use crate::grid::{Centroids, Matrix, PANEL_ROWS};
use crate::job::ClusterSettings;
use crate::observe::Observe;

/// Rows that seeding looks at: enough for any k this program takes.
const SAMPLE_ROWS_MAX: usize = 131_072;

/// Candidates per step, for every k, so that seeds of different k share a prefix.
const CANDIDATES: usize = 4;

/// Seeds of every restart: up to k distinct rows each.
pub(super) fn seeds(
    matrix: &Matrix,
    settings: &ClusterSettings,
    threads: usize,
    observe: &Observe,
) -> Result<Vec<Centroids>> {
    let sample = Sample::new(matrix.select(&sample_rows(matrix, SAMPLE_ROWS_MAX)));
    let found: Mutex<Vec<Centroids>> = Mutex::new(Vec::new());
    let next = AtomicU32::new(0);
    let work = || {
        loop {
            let restart = next.fetch_add(1, Ordering::Relaxed);
            if restart >= settings.n_init || observe.check_stop().is_err() {
                break;
            }
            let seeds = seed_one(&sample, settings, restart);
            found.lock().unwrap_or_else(PoisonError::into_inner).push(seeds);
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
    found.sort_by_key(|s| s.model);
    Ok(found)
}

/// The rows of positive weight with the smallest keys, at most `n`, in key order.
fn sample_rows(matrix: &Matrix, n: usize) -> Vec<usize> {
    let eligible = |row: &usize| matrix.weight(*row) > 0;
    let keys = matrix.keys();
    let mut limit = u64::MAX;
    if matrix.n_rows() > n {
        // Keys are hashes: a tenth more than the share wanted nearly always holds enough.
        limit = ((u128::from(u64::MAX) * n as u128 / matrix.n_rows() as u128) * 11 / 10).min(u64::MAX.into()) as u64;
    }
    loop {
        let mut rows: Vec<usize> = (0..matrix.n_rows()).filter(|r| keys[*r] <= limit).filter(eligible).collect();
        if rows.len() >= n || limit == u64::MAX {
            rows.sort_unstable_by_key(|&row| (keys[row], row));
            rows.truncate(n);
            return rows;
        }
        limit = limit.saturating_mul(2).max(1);
    }
}

fn seed_one(sample: &Sample, settings: &ClusterSettings, restart: u32) -> Centroids {
    let matrix = sample.matrix();
    let d = matrix.n_features();
    let point = |row: usize| {
        let mut point = vec![0; d];
        matrix.row(row, &mut point);
        point
    };
    let mut values = Vec::with_capacity(settings.k * d);
    let mut nearest = sample.unseeded();

    let weights = || (0..matrix.n_rows()).map(|row| u128::from(matrix.weight(row)));
    let mut seed = point(walk(below(weights().sum(), settings.seed, restart, 0, 0), weights()));
    let mut potentials = sample.lower(&seed, &mut nearest);
    values.append(&mut seed);

    for step in 1..settings.k as u32 {
        let total: u128 = potentials.iter().sum();
        if total == 0 {
            break;
        }
        let mut candidates = std::array::from_fn::<_, CANDIDATES, _>(|candidate| {
            let draw = below(total, settings.seed, restart, step, candidate as u32);
            point(drawn_row(sample, &nearest, &potentials, draw))
        });
        let totals = sample.totals(&candidates, &nearest);
        // The first of equals.
        let best = (0..CANDIDATES).min_by_key(|&candidate| totals[candidate]).unwrap_or(0);
        potentials = sample.lower(&candidates[best], &mut nearest);
        values.append(&mut candidates[best]);
    }
    Centroids::new(restart, 0, d, values)
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

    fn settings(k: usize) -> ClusterSettings {
        ClusterSettings { k, n_init: 3, max_iter: 300, tol: 0.0, seed: 42 }
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
        let (five, nine) = (
            seeds(&matrix, &settings(5), 1, &Observe::default()),
            seeds(&matrix, &settings(9), 2, &Observe::default()),
        );
        for (five, nine) in five.unwrap().iter().zip(nine.unwrap()) {
            assert_eq!(five.values(), &nine.values()[..five.values().len()]);
        }
    }

    #[test]
    fn row_order_does_not_change_the_seeds() {
        let forwards = seeds(&matrix(0..500), &settings(6), 1, &Observe::default()).unwrap();
        let backwards = seeds(&matrix((0..500).rev()), &settings(6), 1, &Observe::default()).unwrap();
        assert_eq!(forwards, backwards);
    }

    #[test]
    fn the_sample_is_the_smallest_keys_in_key_order() {
        let matrix = matrix(0..1000);
        let rows = sample_rows(&matrix, 100);
        let mut all: Vec<usize> = (0..1000).collect();
        all.sort_by_key(|&r| matrix.keys()[r]);
        assert_eq!(rows, all[..100]);
    }

    #[test]
    fn rows_of_weight_zero_are_never_seeds() {
        let rows: Vec<Vec<i64>> = (0..200).map(|i| vec![if i % 2 == 0 { 0 } else { 500_000 + i }]).collect();
        let weights = (0..200).map(|i| u16::from(i % 2 == 0)).collect();
        let matrix = Matrix::from_rows(1, &rows, Some(weights), (0..200).collect());
        for seeds in seeds(&matrix, &settings(4), 1, &Observe::default()).unwrap() {
            assert_eq!(seeds.values(), [0]);
        }
    }
}
