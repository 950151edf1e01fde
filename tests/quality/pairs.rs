//! Neighbourhoods of rows: the vector kernels against one loop over pairs of integers, to the last bit.

use segmint::engine::cpu::{CpuEngine, SimdLevel};
use segmint::engine::{Groups, Labelling, Neighbourhood, Neighbours};
use segmint::observe::Observe;

use crate::cases::Table;

/// What every engine must say, one pair after the other. A distance is the f32 root of the exact square, in whole
/// multiples of 2^-12 steps.
fn reference(table: &Table, asked: &[usize]) -> Vec<Neighbourhood> {
    let units = |a: &[i64], b: &[i64]| {
        let square: i128 = a.iter().zip(b).map(|(&a, &b)| (i128::from(a) - i128::from(b)).pow(2)).sum();
        (f64::from((square as f32).sqrt()) * 4096.0).round_ties_even() as u128
    };
    asked
        .iter()
        .map(|&row| {
            let (mut sums, mut sizes) = (vec![0u128; table.n_clusters], vec![0u64; table.n_clusters]);
            for (other, &label) in table.rows.iter().zip(&table.labels) {
                sums[usize::from(label)] += units(&table.rows[row], other);
                sizes[usize::from(label)] += 1;
            }
            let own = usize::from(table.labels[row]);
            let mean = |cluster: usize, size: u64| sums[cluster] as f64 / size as f64 / 4096.0;
            let others = (0..table.n_clusters).filter(|&c| c != own && sizes[c] > 0).map(|c| mean(c, sizes[c]));
            Neighbourhood { own: (sizes[own] > 1).then(|| mean(own, sizes[own] - 1)), other: others.reduce(f64::min) }
        })
        .collect()
}

fn neighbourhoods(engine: &mut dyn Neighbours, table: &Table, asked: &[usize]) -> Vec<Neighbourhood> {
    let matrix = table.matrix();
    let labelling = Labelling { labels: &table.labels, n_clusters: table.n_clusters };
    let groups = Groups::new(&matrix, &[labelling]);
    engine.neighbourhoods(&groups, asked, &Observe::default()).unwrap()
}

fn tables() -> Vec<(String, Table)> {
    let mut tables = Vec::new();
    for (number, &(n, d, k)) in [
        (1, 1, 1),
        (2, 3, 2),
        (17, 2, 3),
        (65, 1, 5),
        (383, 7, 2),
        (384, 3, 1),
        (385, 3, 1),
        (900, 10, 4),
        (500, 33, 40),
    ]
    .iter()
    .enumerate()
    {
        for wide_every in [0, 7] {
            let table = Table::made(number as u64, n, d, k, wide_every);
            tables.push((format!("n={n}, d={d}, k={k}, wide {wide_every}"), table));
        }
    }
    // Coordinates at the very edge of the narrow range, in as many features as there may be.
    let mut extreme = Table::made(99, 40, 512, 3, 0);
    let edge = (1 << 20) - 1;
    for (index, row) in extreme.rows.iter_mut().enumerate() {
        row.iter_mut().enumerate().for_each(|(j, q)| *q = if (index + j) % 3 == 0 { edge } else { -edge });
    }
    tables.push(("extreme".into(), extreme));
    // Many equal rows, and clusters without rows.
    let mut equal = Table::made(7, 100, 2, 3, 0);
    equal.rows.iter_mut().enumerate().for_each(|(index, row)| *row = vec![(index % 3) as i64, 5]);
    equal.n_clusters = 6;
    tables.push(("equal".into(), equal));
    tables
}

#[test]
fn every_simd_level_and_thread_count_equals_the_loop_over_pairs() {
    for (name, table) in tables() {
        let all: Vec<usize> = (0..table.rows.len()).collect();
        let some: Vec<usize> = all.iter().copied().filter(|row| row % 3 == 1).rev().collect();
        let (whole, part) = (reference(&table, &all), reference(&table, &some));
        for level in SimdLevel::available() {
            for threads in [1, 3] {
                let mut engine = CpuEngine::new(threads, Some(level));
                assert_eq!(neighbourhoods(&mut engine, &table, &all), whole, "{name}, {}", level.name());
                assert_eq!(neighbourhoods(&mut engine, &table, &some), part, "{name}, {}, asked", level.name());
            }
        }
    }
}

#[test]
fn a_wish_to_stop_ends_it() {
    let table = Table::made(5, 2000, 2, 3, 0);
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let matrix = table.matrix();
    let labelling = Labelling { labels: &table.labels, n_clusters: table.n_clusters };
    let groups = Groups::new(&matrix, &[labelling]);
    let asked: Vec<usize> = (0..2000).collect();
    let error = CpuEngine::new(2, None).neighbourhoods(&groups, &asked, &Observe::new(stop)).unwrap_err();
    assert_eq!(error.kind(), segmint::error::Kind::Stopped);
}
