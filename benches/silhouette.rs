//! An exact silhouette on all cores: every row against every row, each pair once. Data and labels are made outside the
//! timed part. Throughput counts pairs, each of which serves two rows.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use segmint::engine::cpu::CpuEngine;
use segmint::grid::{Grid, Matrix};
use segmint::observe::Observe;
use segmint::quality::{Labelled, SilhouetteBudget, silhouette_on};

/// (rows, features, clusters)
const SHAPES: &[(usize, usize, usize)] = &[(20_000, 3, 5), (20_000, 10, 5), (20_000, 64, 20), (100_000, 10, 5)];

const EXACT: SilhouetteBudget = SilhouetteBudget { rows_exact_max: usize::MAX, sample_rows: 0 };

/// A well-mixed bijection of u64 (the finaliser of splitmix64).
fn hash(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Groups of equal size, each a box somewhere in a larger one, in a mixed order.
fn table(n: usize, d: usize, k: usize) -> (Matrix, Vec<u16>) {
    let labels: Vec<u16> = (0..n).map(|row| (hash(row as u64) % k as u64) as u16).collect();
    let within = |x: u64, size: i64| (hash(x) % (2 * size as u64 + 1)) as i64 - size;
    let row = |(row, &label): (usize, &u16)| -> Vec<i64> {
        let value = |j: usize| within(u64::from(label) << 32 | j as u64, 40_000) + within((row * d + j) as u64, 30_000);
        (0..d).map(value).collect()
    };
    let rows: Vec<Vec<i64>> = labels.iter().enumerate().map(row).collect();
    (Matrix::from_rows(d, &rows, None, (0..n as u64).map(hash).collect()), labels)
}

fn silhouette(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("silhouette/cpu");
    group.sample_size(10);
    for &(n, d, k) in SHAPES {
        let (matrix, labels) = table(n, d, k);
        let of = Labelled { matrix: &matrix, grid: Grid { exponent: -14 }, labels: &labels, n_clusters: k };
        let mut engine = CpuEngine::new(0, None);
        group.throughput(Throughput::Elements((n as u64).pow(2) / 2));
        group.bench_function(BenchmarkId::from_parameter(format!("n={n:e},d={d},k={k}")), |bencher| {
            bencher.iter(|| silhouette_on(&mut engine, of, EXACT, &Observe::default()).expect("nobody stops it"));
        });
    }
    group.finish();
}

criterion_group!(benches, silhouette);
criterion_main!(benches);
