//! One pass of the engine over all rows, at the shapes that customer tables have: the mean over twenty Lloyd iterations
//! from seeds, the cold first one included, as a fit meets them. Data is made outside the timed part.
//!
//! The limit stands beside it: bytes of the panels over the bandwidth measured here.

#![allow(clippy::print_stderr)] // the limit is talk

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use segmint::engine::Engine;
use segmint::engine::cpu::CpuEngine;
use segmint::grid::{Centroids, Matrix, PANEL_ROWS, WIDE, WideRows};

/// Iterations of a fit whose mean is one measurement.
const ITERATIONS: u32 = 20;

/// Steps in one standard deviation of the made-up data.
const STEPS: f64 = 16_384.0;

struct Shape {
    n_rows: usize,
    n_features: usize,
    n_clusters: usize,
}

const SHAPES: &[Shape] = &[
    Shape { n_rows: 500_000, n_features: 10, n_clusters: 5 },
    Shape { n_rows: 500_000, n_features: 10, n_clusters: 20 },
    Shape { n_rows: 2_000_000, n_features: 16, n_clusters: 8 },
    Shape { n_rows: 200_000, n_features: 64, n_clusters: 64 },
];

impl Shape {
    fn id(&self) -> String {
        format!("n={:e},d={},k={}", self.n_rows, self.n_features, self.n_clusters)
    }

    fn bytes(&self) -> u64 {
        (self.n_rows * self.n_features * size_of::<f32>()) as u64
    }

    /// Overlapping groups, so that twenty iterations do not reach the fixed point.
    fn matrix(&self) -> Arc<Matrix> {
        let (n, d) = (self.n_rows, self.n_features);
        let mut panels = vec![0.0f32; n.div_ceil(PANEL_ROWS) * d * PANEL_ROWS];
        for slot in 0..n.div_ceil(PANEL_ROWS) * PANEL_ROWS {
            let base = slot / PANEL_ROWS * d * PANEL_ROWS + slot % PANEL_ROWS;
            let group = hash(slot as u64) % self.n_clusters as u64;
            for j in 0..d {
                let centre = bell(group * 1_000_003 + j as u64);
                let value = 0.7 * centre + bell((slot * d + j) as u64 ^ (1 << 40));
                panels[base + j * PANEL_ROWS] = ((value * STEPS) as i64).clamp(1 - WIDE, WIDE - 1) as f32;
            }
            if slot >= n {
                panels[base] = WIDE as f32;
            }
        }
        let (facts, reach) = Matrix::facts_of(d, &panels, &[], n);
        let keys = (0..n as u64).map(hash).collect();
        Arc::new(Matrix::assemble(n, d, panels, reach, WideRows::default(), None, keys, facts))
    }

    /// Rows spread over the matrix as a start.
    fn start(&self, matrix: &Matrix) -> Centroids {
        let mut values = vec![0; self.n_clusters * self.n_features];
        for (cluster, centroid) in values.chunks_exact_mut(self.n_features).enumerate() {
            matrix.row((hash(cluster as u64) % self.n_rows as u64) as usize, centroid);
        }
        Centroids::new(0, 0, self.n_features, values)
    }
}

/// A well-mixed bijection of u64 (the finaliser of splitmix64).
fn hash(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// About a standard normal: twelve uniform draws, centred.
fn bell(x: u64) -> f64 {
    let bits = [hash(x), hash(!x), hash(x.rotate_left(32))];
    let draws = bits.iter().flat_map(|b| [b & 0xffff, b >> 16 & 0xffff, b >> 32 & 0xffff, b >> 48]);
    draws.map(|u| u as f64 / 65_536.0).sum::<f64>() - 6.0
}

/// Bytes per second that all cores read from a region of this size, the best of nine.
fn bandwidth(bytes: u64) -> f64 {
    let data = vec![1u64; bytes as usize / 8];
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let best = (0..9).map(|_| {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for part in data.chunks(data.len().div_ceil(threads)) {
                scope.spawn(|| black_box(part.iter().copied().fold(0, u64::wrapping_add)));
            }
        });
        started.elapsed()
    });
    bytes as f64 / best.min().unwrap_or(Duration::MAX).as_secs_f64()
}

fn step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step/cpu");
    group.sample_size(20);
    for shape in SHAPES {
        let matrix = shape.matrix();
        let mut engine = CpuEngine::new(0, None);
        let bytes = bandwidth(shape.bytes());
        eprintln!("limit of {}: {:.2} ms at {:.0} GB/s", shape.id(), shape.bytes() as f64 / bytes * 1e3, bytes / 1e9);
        group.throughput(Throughput::Elements(shape.n_rows as u64));
        group.bench_function(BenchmarkId::from_parameter(shape.id()), |bencher| {
            bencher.iter_custom(|fits| {
                let mut spent = Duration::ZERO;
                for _ in 0..fits {
                    // Loading forgets whatever was kept from the fit before.
                    engine.load(matrix.clone()).expect("the CPU engine loads any matrix");
                    let mut centroids = shape.start(&matrix);
                    let started = Instant::now();
                    for _ in 0..ITERATIONS {
                        let sums = engine.step(std::slice::from_ref(&centroids)).expect("a step on the CPU");
                        centroids = centroids.update(&sums[0]);
                    }
                    spent += started.elapsed();
                    black_box(&centroids);
                }
                spent / ITERATIONS
            });
        });
    }
    group.finish();
}

criterion_group!(benches, step);
criterion_main!(benches);
