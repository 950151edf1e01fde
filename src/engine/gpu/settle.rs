//! What the host settles: rows that are wide, rows whose two nearest are too close to call, and the rows it audits.

use std::num::NonZero;
use std::thread;

use crate::engine::{Decision, decide};
use crate::error::{Error, Result};
use crate::grid::{Centroids, Matrix, Sums};

/// Rows whose labels are checked on each pass, by one of its models each.
pub(super) const AUDIT_ROWS: usize = 1024;

/// Multiply-adds below which another thread costs more than it saves.
const THREAD_WORK: usize = 1 << 22;

/// Decides rows in integers, in their order.
pub(super) fn decide_rows(matrix: &Matrix, model: &Centroids, rows: &[u64]) -> Result<Vec<Decision>> {
    let work = rows.len().saturating_mul(model.values().len());
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(work / THREAD_WORK + 1);
    if threads == 1 {
        return Ok(decide_all(matrix, model, rows));
    }
    thread::scope(|scope| {
        let share = rows.len().div_ceil(threads).max(1);
        let parts: Vec<_> =
            rows.chunks(share).map(|part| scope.spawn(move || decide_all(matrix, model, part))).collect();
        let mut all = Vec::with_capacity(rows.len());
        for part in parts {
            all.extend(part.join().map_err(|_| Error::bug("a thread that decides near ties panicked"))?);
        }
        Ok(all)
    })
}

fn decide_all(matrix: &Matrix, model: &Centroids, rows: &[u64]) -> Vec<Decision> {
    let mut coordinates = vec![0; matrix.n_features()];
    rows.iter()
        .map(|&row| {
            matrix.row(row as usize, &mut coordinates);
            decide(&coordinates, model)
        })
        .collect()
}

/// Decides rows and adds them to the sums.
pub(super) fn add_rows(matrix: &Matrix, model: &Centroids, rows: &[u64], sums: &mut Sums) -> Result<()> {
    let d = matrix.n_features();
    let mut coordinates = vec![0; d];
    for (&row, decision) in rows.iter().zip(decide_rows(matrix, model, rows)?) {
        matrix.row(row as usize, &mut coordinates);
        let label = usize::from(decision.label);
        let weight = matrix.weight(row as usize);
        sums.rows[label] += 1;
        sums.weights[label] += u64::from(weight);
        for (sum, &q) in sums.sums[label * d..(label + 1) * d].iter_mut().zip(&coordinates) {
            *sum += i128::from(weight) * i128::from(q);
        }
    }
    Ok(())
}

/// The audited rows: those with the smallest hash among the narrow ones, ascending by row.
pub(super) fn audit_rows(matrix: &Matrix) -> Vec<u64> {
    let mut heap = std::collections::BinaryHeap::with_capacity(AUDIT_ROWS + 1);
    for (row, &key) in matrix.keys().iter().enumerate().filter(|(row, _)| !matrix.is_wide(*row)) {
        let candidate = (spread(key), row as u64);
        if heap.len() < AUDIT_ROWS {
            heap.push(candidate);
        } else if heap.peek().is_some_and(|largest| candidate < *largest) {
            heap.pop();
            heap.push(candidate);
        }
    }
    let mut rows: Vec<u64> = heap.into_iter().map(|(_, row)| row).collect();
    rows.sort_unstable();
    rows
}

/// Another order than the keys' own, which seeding and ties go by already.
fn spread(key: u64) -> u64 {
    let mixed = (key ^ (key >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audited_rows_are_narrow_distinct_and_spread_over_the_matrix() {
        let rows: Vec<Vec<i64>> = (0..5000).map(|i| vec![if i % 50 == 0 { 1 << 30 } else { i }]).collect();
        let matrix = Matrix::from_rows(1, &rows, None, (0..5000).collect());
        let audited = audit_rows(&matrix);
        assert_eq!(audited.len(), AUDIT_ROWS);
        assert!(audited.is_sorted_by(|a, b| a < b));
        assert!(audited.iter().all(|&row| row % 50 != 0));
        let front = audited.iter().filter(|&&row| row < 2500).count();
        assert!((400..=624).contains(&front), "{front} of 1024 in the front half");
    }

    #[test]
    fn many_threads_decide_like_one() {
        let rows: Vec<Vec<i64>> = (0..3000).map(|i| vec![i * 7919 % 1009 - 500, i]).collect();
        let matrix = Matrix::from_rows(2, &rows, None, (0..3000).collect());
        let model = Centroids::new(0, 0, 2, (0..4000).map(|i| i * 31 % 700).collect());
        let all: Vec<u64> = (0..3000).collect();
        assert_eq!(decide_rows(&matrix, &model, &all).unwrap(), decide_all(&matrix, &model, &all));
    }
}
