//! One pass of the engine over all rows, at the shapes that customer tables have: the mean over twenty Lloyd iterations
//! from seeds, the cold first one included, as a fit meets them. Data is made outside the timed part.
//!
//! The limit stands beside it: bytes of the panels over the bandwidth measured here.

#![allow(clippy::print_stderr)] // the limit is talk

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use segmint::cli::made_up_matrix;
use segmint::engine::Engine;
use segmint::engine::cpu::CpuEngine;
use segmint::grid::{Centroids, Matrix};

/// Iterations of a fit whose mean is one measurement.
const ITERATIONS: u32 = 20;

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

    fn matrix(&self) -> Arc<Matrix> {
        made_up_matrix(self.n_rows, self.n_features, self.n_clusters)
    }

    /// Rows spread over the matrix as a start.
    fn start(&self, matrix: &Matrix) -> Centroids {
        let mut values = vec![0; self.n_clusters * self.n_features];
        for (cluster, centroid) in values.chunks_exact_mut(self.n_features).enumerate() {
            matrix.row(cluster * self.n_rows / self.n_clusters, centroid);
        }
        Centroids::new(0, 0, self.n_features, values)
    }
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
