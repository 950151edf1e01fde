//! Shapes that break GPU engines: the limits of kernels, blocks and words, beside the suite's seeded cases.

use std::sync::Arc;

use segmint::grid::{COORDINATE_MAX, Centroids, Matrix, WIDE};

use crate::suite::{Case, Random};

fn case(name: String, d: usize, rows: Vec<Vec<i64>>, weights: Option<Vec<u16>>, models: Vec<Vec<i64>>) -> Case {
    // Keys out of order, and some of them equal.
    let keys = (0..rows.len() as u64).map(|row| (row * 7919) % 1009 * (1 << 50)).collect();
    let models = models.into_iter().enumerate().map(|(m, values)| Centroids::new(m as u32, 0, d, values)).collect();
    Case { name, matrix: Arc::new(Matrix::from_rows(d, &rows, weights, keys)), models }
}

fn spread(random: &mut Random, d: usize, n: usize, size: i64) -> Vec<Vec<i64>> {
    (0..n).map(|_| (0..d).map(|_| random.within(size)).collect()).collect()
}

/// k centroids, each on some row.
fn on_rows(random: &mut Random, rows: &[Vec<i64>], k: usize) -> Vec<i64> {
    (0..k).flat_map(|_| rows[random.below(rows.len() as u64) as usize].clone()).collect()
}

/// Ordinary data on the whole grid.
pub fn plain(d: usize, ks: &[usize], n: usize) -> Case {
    let mut random = Random::new((d * 31 + n) as u64);
    let rows = spread(&mut random, d, n, WIDE - 1);
    let models = ks.iter().map(|&k| on_rows(&mut random, &rows, k)).collect();
    case(format!("plain, d = {d}, n = {n}, k = {ks:?}"), d, rows, None, models)
}

/// Few values, so that most rows tie, and centroids that stand twice.
pub fn duplicates(d: usize, n: usize) -> Case {
    let mut random = Random::new(d as u64);
    let rows = spread(&mut random, d, n, 1);
    let mut values = on_rows(&mut random, &rows, 6);
    values.extend_from_within(..3 * d);
    let two = values[..d].repeat(2);
    case(format!("duplicates, d = {d}"), d, rows, None, vec![values, two])
}

/// Weights over their whole range, zeros among them.
pub fn weighted(d: usize, n: usize) -> Case {
    let mut random = Random::new(d as u64 + 7);
    let rows = spread(&mut random, d, n, WIDE - 1);
    let weight = |random: &mut Random| {
        let any = random.below(65_536) as u16;
        random.pick(&[0, 1, u16::MAX, any])
    };
    let weights = (0..n).map(|_| weight(&mut random)).collect();
    let models = [5, 40, 700].map(|k| on_rows(&mut random, &rows, k)).into();
    case(format!("weighted, d = {d}"), d, rows, Some(weights), models)
}

/// Wide rows, wide centroids, and a third centroid far out.
pub fn wide(d: usize, n: usize) -> Case {
    let mut random = Random::new(d as u64 + 11);
    let mut rows = spread(&mut random, d, n, 1000);
    for (index, row) in rows.iter_mut().enumerate().filter(|(index, _)| index % 97 == 3) {
        row[index % d] = [WIDE, -WIDE, 1 << 30, -COORDINATE_MAX, COORDINATE_MAX][index % 5];
    }
    let near = on_rows(&mut random, &rows[..3], 3);
    let far: Vec<i64> = (0..d).map(|_| random.within(COORDINATE_MAX)).collect();
    let edge: Vec<i64> = (0..d).map(|_| random.within(WIDE + 5) | WIDE).collect();
    let models = vec![[&near[..], &far].concat(), [&near[..], &edge, &far, &edge].concat()];
    case(format!("wide, d = {d}"), d, rows, None, models)
}

/// Extremes of the grid in one cluster, so that sums are as large as they get.
pub fn extreme(d: usize, n: usize, weight: Option<u16>) -> Case {
    let rows = (0..n).map(|_| vec![WIDE - 1; d]).chain((0..n).map(|_| vec![1 - WIDE; d])).collect();
    let models = vec![vec![0; d], [vec![WIDE - 1; d], vec![1 - WIDE; d]].concat()];
    case(format!("extreme, d = {d}, weight {weight:?}"), d, rows, weight.map(|w| vec![w; 2 * n]), models)
}

/// One model on both sides of the point where its sums stop fitting workgroup memory: 4,096 words.
pub fn around_workgroup_memory(d: usize, weighted: Option<u16>) -> Case {
    let words = if weighted.is_some() { 2 * (d + 2) } else { d + 1 };
    let fits = 4096 / words;
    let mut random = Random::new(d as u64 + 17);
    let rows = spread(&mut random, d, 400, 3000);
    let models = [fits - 1, fits, fits + 1].map(|k| on_rows(&mut random, &rows, k)).into();
    let weights = weighted.map(|w| vec![w; rows.len()]);
    case(format!("around workgroup memory, d = {d}, weight {weighted:?}"), d, rows, weights, models)
}

/// What has a border in a kernel or on the host, on both sides of it.
pub fn chosen() -> Vec<Case> {
    vec![
        plain(1, &[1, 2, 7, 8, 9, 256, 257], 700),
        plain(3, &[2, 3, 8], 1),
        plain(10, &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 2049),
        plain(2, &[4095, 4096], 150),
        // More models than one list of work takes, and more clusters than one workgroup's memory.
        plain(1, &[2; 260], 130),
        plain(10, &[9; 50], 300),
        plain(16, &[3, 200], 100),
        plain(17, &[3, 2], 100),
        plain(64, &[3, 60, 5, 63, 64], 200),
        plain(65, &[3, 5], 200),
        plain(511, &[3], 66),
        plain(512, &[1, 3, 9], 130),
        duplicates(3, 700),
        duplicates(7, 300),
        weighted(1, 500),
        weighted(10, 3000),
        weighted(64, 200),
        wide(1, 300),
        wide(3, 500),
        wide(511, 70),
        extreme(10, 2500, None),
        extreme(2, 2500, Some(u16::MAX)),
        extreme(512, 70, Some(u16::MAX)),
        around_workgroup_memory(15, None),
        around_workgroup_memory(9, Some(3)),
    ]
}
