//! The reference that every engine must equal: plain loops over integers, one row after the other. It is dull on
//! purpose and shares no code with the engines but the nouns.

#![allow(clippy::needless_range_loop, reason = "dull on purpose")]

use segmint::engine::{Assignment, Row};
use segmint::grid::{Centroids, Matrix, Sums};

fn squared_distance(row: &[i64], centroid: &[i64]) -> i128 {
    let mut sum = 0i128;
    for j in 0..row.len() {
        let difference = row[j] as i128 - centroid[j] as i128;
        sum += difference * difference;
    }
    sum
}

/// (label, D, runner-up, its D) of one row; ties to the lowest index.
fn two_nearest(row: &[i64], model: &Centroids) -> (usize, i128, usize, i128) {
    let distances: Vec<i128> = (0..model.n_clusters()).map(|c| squared_distance(row, model.row(c))).collect();
    let mut label = 0;
    for c in 0..distances.len() {
        if distances[c] < distances[label] {
            label = c;
        }
    }
    let mut runner_up = usize::MAX;
    for c in 0..distances.len() {
        if c != label && (runner_up == usize::MAX || distances[c] < distances[runner_up]) {
            runner_up = c;
        }
    }
    if runner_up == usize::MAX {
        runner_up = label;
    }
    (label, distances[label], runner_up, distances[runner_up])
}

fn rows(matrix: &Matrix) -> Vec<Vec<i64>> {
    let mut out = vec![vec![0; matrix.n_features()]; matrix.n_rows()];
    for (index, row) in out.iter_mut().enumerate() {
        matrix.row(index, row);
    }
    out
}

pub fn step(matrix: &Matrix, model: &Centroids) -> Sums {
    let d = matrix.n_features();
    let mut sums = Sums::zero(model.n_clusters(), d);
    for (index, row) in rows(matrix).iter().enumerate() {
        let (label, ..) = two_nearest(row, model);
        let weight = matrix.weight(index);
        sums.rows[label] += 1;
        sums.weights[label] += u64::from(weight);
        for j in 0..d {
            sums.sums[label * d + j] += i128::from(weight) * i128::from(row[j]);
        }
    }
    sums
}

pub fn assign(matrix: &Matrix, model: &Centroids) -> Assignment {
    let mut assignment = Assignment::default();
    for row in rows(matrix) {
        let (label, _, runner_up, _) = two_nearest(&row, model);
        assignment.labels.push(label as u16);
        assignment.runners_up.push(runner_up as u16);
    }
    assignment
}

pub fn farthest(matrix: &Matrix, model: &Centroids, n: usize) -> Vec<Row> {
    let mut all = Vec::new();
    for (index, row) in rows(matrix).iter().enumerate() {
        if matrix.weight(index) > 0 {
            let (label, distance, ..) = two_nearest(row, model);
            all.push(Row { row: index as u64, label: label as u16, distance, key: matrix.keys()[index] });
        }
    }
    all.sort_by_key(|r| (-r.distance, r.key));
    all.truncate(n);
    all
}
