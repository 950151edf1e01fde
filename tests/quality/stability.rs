//! Stability on tables whose groups are known, and the gap statistic on the same.

use std::sync::Arc;

use segmint::engine::cpu::CpuEngine;
use segmint::grid::Matrix;
use segmint::job::ClusterSettings;
use segmint::kmeans::{self, Fit};
use segmint::observe::Observe;
use segmint::quality::{Reference, Stability, gap, stability};

use crate::cases::mix;

fn settings(k: usize) -> ClusterSettings {
    ClusterSettings::plain(k)
}

/// About a standard normal.
fn bell(x: u64) -> f64 {
    let draws = [mix(x), mix(!x), mix(x.rotate_left(32))].into_iter();
    draws
        .flat_map(|b| [b & 0xffff, b >> 16 & 0xffff, b >> 32 & 0xffff, b >> 48])
        .map(|u| u as f64 / 65_536.0)
        .sum::<f64>()
        - 6.0
}

/// `n` rows in groups about the given centres, each with its share, one standard deviation wide, in the order of their
/// hashes.
fn planted(n: u64, centres: &[[f64; 2]], shares: &[u64], seed: u64) -> Arc<Matrix> {
    let whole: u64 = shares.iter().sum();
    let group = |row: u64| {
        let mut rest = mix(row ^ seed) % whole;
        shares
            .iter()
            .position(|&share| {
                if rest < share {
                    true
                } else {
                    rest -= share;
                    false
                }
            })
            .unwrap()
    };
    let rows: Vec<Vec<i64>> = (0..n)
        .map(|row| {
            let centre = centres[group(row)];
            (0..2).map(|j| ((centre[j] + bell(seed ^ (row * 2 + j as u64) << 8)) * 16_384.0) as i64).collect()
        })
        .collect();
    Arc::new(Matrix::from_rows(2, &rows, None, (0..n).map(|row| mix(row ^ !seed)).collect()))
}

const FOUR: [[f64; 2]; 4] = [[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]];
const FIVE: [[f64; 2]; 5] = [[0.0, 0.0], [10.0, 1.0], [-8.0, 6.0], [3.0, 12.0], [12.0, 12.0]];

fn fits(matrix: &Arc<Matrix>, ks: std::ops::RangeInclusive<usize>) -> Vec<(usize, Fit)> {
    let mut engine = CpuEngine::new(0, None);
    ks.map(|k| (k, kmeans::fit(&mut engine, matrix, &settings(k), 0, &Observe::default()).unwrap())).collect()
}

fn judged(matrix: &Arc<Matrix>, fits: &[(usize, Fit)], repeats: u32, threads: usize) -> Vec<Stability> {
    let references: Vec<Reference> = fits
        .iter()
        .map(|(k, fit)| Reference { k: *k, labels: &fit.assignment.labels, n_clusters: fit.centroids.n_clusters() })
        .collect();
    stability(matrix, &references, &settings(2), repeats, threads, &Observe::default()).unwrap()
}

#[test]
fn planted_groups_are_found_again_and_one_group_more_is_not() {
    let sets = [(&FOUR[..], 4000, &[3, 4, 5, 6][..]), (&FIVE, 6000, &[1, 2, 3, 4, 5]), (&FOUR[1..], 3000, &[1; 3])];
    for (seed, (centres, n, shares)) in sets.into_iter().enumerate() {
        let matrix = planted(n, centres, shares, seed as u64);
        let k = centres.len();
        let fits = fits(&matrix, k..=k + 1);
        let found = judged(&matrix, &fits, 20, 0);
        assert_eq!((found[0].k, found[0].repeats), (k, 40));
        assert!(found[0].jaccard.iter().all(|&j| j >= 0.95), "{:?}", found[0]);
        assert!(found[0].adjusted_rand_index >= 0.95, "{:?}", found[0]);
        assert!(found[1].jaccard.len() == k + 1 && found[1].jaccard.iter().any(|&j| j < 0.75), "{:?}", found[1]);
        assert!(found[1].adjusted_rand_index < found[0].adjusted_rand_index, "{found:?}");
    }
}

#[test]
fn threads_the_order_of_rows_and_other_ks_change_no_bit_of_a_stability() {
    let matrix = planted(3000, &FOUR, &[3, 4, 5, 6], 5);
    let fits = fits(&matrix, 3..=5);
    let expected = judged(&matrix, &fits, 3, 1);
    assert_eq!(judged(&matrix, &fits, 3, 4), expected);

    let mut order: Vec<usize> = (0..3000).collect();
    order.sort_by_key(|&row| mix(row as u64));
    let shuffled = Arc::new(matrix.select(&order));
    let mut moved = fits.clone();
    for (_, fit) in &mut moved {
        fit.assignment.labels = order.iter().map(|&row| fit.assignment.labels[row]).collect();
    }
    assert_eq!(judged(&shuffled, &moved, 3, 2), expected);
    // Seeds of one k are a prefix of another's: alone or together makes no difference.
    assert_eq!(judged(&matrix, &fits[..1], 3, 2), expected[..1]);
}

#[test]
fn small_and_degenerate_tables_have_a_stability() {
    for n in [1, 2, 3, 12] {
        let matrix = Arc::new(Matrix::from_rows(1, &vec![vec![5]; n], None, (0..n as u64).map(mix).collect()));
        let labels = vec![0; n];
        let reference = Reference { k: 2, labels: &labels, n_clusters: 1 };
        let found = stability(&matrix, &[reference], &settings(2), 2, 1, &Observe::default()).unwrap();
        assert_eq!((found[0].jaccard.clone(), found[0].adjusted_rand_index), (vec![1.0], 1.0));
    }
}

#[test]
fn the_gap_is_largest_where_the_groups_are() {
    let matrix = planted(3000, &FOUR, &[3, 4, 5, 6], 9);
    let ks: Vec<usize> = (1..=7).collect();
    let found = gap(&matrix, &ks, &settings(2), 5, 1, &Observe::default()).unwrap();
    assert_eq!(gap(&matrix, &ks, &settings(2), 5, 3, &Observe::default()).unwrap(), found);
    assert_eq!(found.iter().map(|gap| gap.k).collect::<Vec<_>>(), ks);
    let chosen = found.windows(2).find(|pair| pair[0].gap >= pair[1].gap - pair[1].standard_error).unwrap();
    assert_eq!(chosen[0].k, 4, "{found:?}");
    // Even data has no gap to speak of.
    let even: Vec<Vec<i64>> =
        (0..2000).map(|row| (0..2).map(|j| (mix(row * 2 + j) >> 44) as i64 - (1 << 19)).collect()).collect();
    let even = Arc::new(Matrix::from_rows(2, &even, None, (0..2000).map(mix).collect()));
    let found = gap(&even, &[1, 2, 3], &settings(2), 5, 0, &Observe::default()).unwrap();
    assert!(found.iter().all(|gap| gap.gap.abs() < 0.05), "{found:?}");
}
