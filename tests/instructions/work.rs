//! What is counted: passes over made-up rows, each between two marks.

use std::hint::black_box;
use std::sync::Arc;

use segmint::engine::Engine;
use segmint::engine::cpu::{CpuEngine, Sample, SimdLevel, distances};
use segmint::grid::{Centroids, Matrix};

/// (features, clusters, rows): few clusters in one tile, several tiles, and the shape of a matrix product.
const SHAPES: &[(usize, usize, usize)] = &[(10, 5, 8192), (10, 20, 4096), (16, 8, 4096), (64, 64, 2048)];

/// Where Callgrind writes down what it has counted so far.
#[inline(never)]
pub fn mark() {
    black_box(());
}

/// Prints a line per piece of work: its name, a tab, its rows.
pub fn run() {
    let available = SimdLevel::available();
    for level in [SimdLevel::Avx2, SimdLevel::Scalar].into_iter().filter(|level| available.contains(level)) {
        for &(d, k, n) in SHAPES.iter().filter(|shape| level != SimdLevel::Scalar || shape.1 == 5) {
            engine(level, d, k, n);
        }
    }
    if available.contains(&SimdLevel::Avx2) {
        seeding();
    }
}

/// Counts what happens in `work`, which visits `rows` rows.
fn count<T>(name: &str, rows: usize, work: impl FnOnce() -> T) -> T {
    mark();
    let result = work();
    mark();
    println!("{name}\t{rows}");
    result
}

fn engine(level: SimdLevel, d: usize, k: usize, n: usize) {
    let matrix = Arc::new(matrix(d, n));
    let mut engine = CpuEngine::new(1, Some(level));
    engine.load(matrix.clone()).unwrap();
    let name = |what: &str| format!("{what}, d = {d}, k = {k}, {}", level.name());
    let models = [start(&matrix, k)];
    let sums = count(&name("first pass"), n, || engine.step(&models)).unwrap();
    let moved = [models[0].update(&sums[0])];
    count(&name("pass in which rows move"), n, || engine.step(&moved)).unwrap();
    count(&name("pass in which nothing moves"), n, || engine.step(&moved)).unwrap();
    let assignment = count(&name("assignment"), n, || engine.assign(&moved[0])).unwrap();
    // Centroids that hardly move: most rows certainly keep their label.
    let drifted = |steps: i64| {
        let values = moved[0].values().iter().map(|value| value + steps).collect();
        [Centroids::new(1, steps as u32, d, values)]
    };
    engine.step(&drifted(0)).unwrap();
    count(&name("pass that looks for rows that may move"), n, || engine.step(&drifted(1))).unwrap();
    count(&name("pass over rows that may move"), n, || engine.step(&drifted(2))).unwrap();
    if level == SimdLevel::Avx2 {
        count(&name("exact distances"), n, || black_box(distances(&matrix, &moved[0], &assignment, 0..n)));
    }
}

fn seeding() {
    let (d, n) = (10, 8192);
    let matrix = matrix(d, n);
    let sample = Sample::new(&matrix);
    let mut nearest = sample.unseeded();
    let point = |row: usize| {
        let mut point = vec![0; d];
        matrix.row(row, &mut point);
        point
    };
    let points: [Vec<i64>; 4] = std::array::from_fn(|n| point(n * 997));
    count("distances to a seed, d = 10, AVX2", n, || sample.lower(&point(5), &mut nearest));
    count("four candidates for a seed, d = 10, AVX2", n, || sample.totals(&points, &nearest));
}

/// Overlapping groups on the grid.
fn matrix(d: usize, n: usize) -> Matrix {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as i64 % 40_001 - 20_000
    };
    let row = |row: usize| (0..d).map(|j| next() + next() + ((row * 7 + j * 3) % 11) as i64 * 3_000).collect();
    let rows: Vec<Vec<i64>> = (0..n).map(row).collect();
    Matrix::from_rows(d, &rows, None, (0..n as u64).collect())
}

fn start(matrix: &Matrix, k: usize) -> Centroids {
    let d = matrix.n_features();
    let mut values = vec![0; k * d];
    for (cluster, centroid) in values.chunks_exact_mut(d).enumerate() {
        matrix.row((2 * cluster + 1) * matrix.n_rows() / (2 * k), centroid);
    }
    Centroids::new(0, 0, d, values)
}
