//! Rows that rest keep their labels whatever centroids do on their ways, and copies are the rows they were made of.

use super::*;
use crate::engine::cpu::lloyd::NO_LABEL;
use crate::engine::cpu::simd::Kernel;
use crate::engine::cpu::vector::Vector;
use crate::engine::decide;
use crate::grid::{Matrix, WIDE};

/// Numbers without a library.
struct Random(u64);

impl Random {
    fn within(&mut self, most: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % (2 * most + 1) - most
    }
}

struct Look<'a>(&'a mut Found, &'a Model, &'a Ways, Rows<'a>, &'a [u8]);

impl Kernel for Look<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self(found, model, ways, rows, labels) = self;
        for (panel, labels) in labels.as_chunks::<PANEL_ROWS>().0.iter().enumerate() {
            found.look::<V>(model, ways, &rows, panel, panel * PANEL_ROWS, labels);
        }
    }
}

fn narrow(n_rows: usize) -> Vec<u64> {
    (0..n_rows.div_ceil(PANEL_ROWS)).map(|panel| u64::MAX >> (64 - (n_rows - panel * 64).min(64))).collect()
}

/// Rows, centroids, and how far each of them may go.
fn case(number: u64, random: &mut Random) -> (Matrix, Centroids, Ways) {
    let d = 1 + (number % 7) as usize;
    let k = 2 + (number % 11) as usize;
    let spread = [40, 3_000, 400_000][(number % 3) as usize];
    let mut values: Vec<i64> = (0..k * d).map(|_| random.within(spread)).collect();
    match number % 5 {
        // So far out that distances are computed directly, and beyond what panels hold.
        3 => values[0] = 1 << 40,
        4 => values[d * (k - 1)] = 40 * spread.max(WIDE / 40),
        _ => {}
    }
    let centroids = Centroids::new(0, 0, d, values);
    // Where nothing may move, roundings alone decide: rows on the bisector, give or take a step.
    let is_tight = number % 4 == 1;
    let near = |random: &mut Random| {
        // Half of the rows lie between two centroids, where the ways decide.
        let [a, b] = [0, 1].map(|_| random.within(1 << 20).unsigned_abs() as usize % k);
        let share = if is_tight { 64 } else { random.within(64) + 64 };
        let between = |j: usize| (centroids.row(a)[j] * share + centroids.row(b)[j] * (128 - share)) / 128;
        (0..d)
            .map(|j| (between(j) + random.within(if is_tight { 1 } else { 9 })).clamp(1 - WIDE, WIDE - 1))
            .collect::<Vec<i64>>()
    };
    let rows: Vec<Vec<i64>> = (0..333)
        .map(|row| if row % 2 == 0 { near(random) } else { (0..d).map(|_| random.within(spread)).collect() })
        .collect();
    let matrix = Matrix::from_rows(d, &rows, None, (0..333).collect());
    let steps: Vec<f64> = (0..k).map(|_| random.within(spread / 8).abs() as f64).collect();
    let ways = Ways::new(&steps, 1.0, 1.0);
    let tight = Ways { ways: vec![0.0; k], largest: 0.0, share: 1.0 };
    (matrix, centroids, if is_tight { tight } else { ways })
}

#[test]
fn rows_that_rest_keep_their_label_wherever_centroids_go() {
    let random = &mut Random(7);
    let (mut rested, mut awake) = (0, 0);
    for level in SimdLevel::available() {
        for number in 0..165 {
            let (matrix, centroids, ways) = case(number, random);
            let d = matrix.n_features();
            let (model, bits) = (Model::new(&centroids, &matrix, level), narrow(matrix.n_rows()));
            let mut row = vec![0; d];
            let label = |at: usize, row: &mut [i64]| {
                matrix.row(at, row);
                decide(row, &centroids).label as u8
            };
            let mut labels: Vec<u8> = (0..matrix.n_rows()).map(|at| label(at, &mut row)).collect();
            labels.resize(matrix.n_panels() * PANEL_ROWS, NO_LABEL);
            let rows = Rows::of(&matrix, &bits, 0..matrix.n_panels());
            let mut found = Found::new(&ways, 0, d, usize::MAX, &mut Spent::default());
            level.run(Look(&mut found, &model, &ways, rows, &labels));
            let slots: std::collections::BTreeSet<u32> = found.part.slots.iter().copied().collect();
            awake += slots.len();
            for at in (0..matrix.n_rows()).filter(|&at| !slots.contains(&(at as u32)) && !found.gave_up) {
                matrix.row(at, &mut row);
                let distance = |c: usize| {
                    let squared = |(&x, &c): (&i64, &i64)| (i128::from(x) - i128::from(c)).pow(2);
                    (row.iter().zip(centroids.row(c)).map(squared).sum::<i128>() as f64).sqrt()
                };
                let own = usize::from(labels[at]);
                // The worst that may happen: its own centroid goes straight away from it, another one straight to it.
                let least = distance(own) + f64::from(ways.ways[own]);
                for other in (0..centroids.n_clusters()).filter(|&other| other != own) {
                    let most = distance(other) - f64::from(ways.ways[other]);
                    assert!(most > least, "case {number}, row {at}: {most} to {other}, {least} to {own}");
                }
                rested += 1;
            }
        }
    }
    // Neither all nor none.
    assert!(rested > 20_000 && awake > 20_000, "{rested} rows rested, {awake} were awake");
}

#[test]
fn copies_are_the_rows_in_their_order_and_labels_find_their_way_back() {
    let random = &mut Random(11);
    let rows: Vec<Vec<i64>> = (0..500).map(|_| vec![random.within(9_000), random.within(9_000)]).collect();
    let weights: Vec<u16> = (0..500).map(|row| row * 3 + 1).collect();
    let matrix = Matrix::from_rows(2, &rows, Some(weights.clone()), (0..500).collect());
    let bits = narrow(500);
    let from = Rows::of(&matrix, &bits, 0..matrix.n_panels());
    let chosen: Vec<u64> = (0..8).map(|panel| (0x9f3b_0171_dd45_8c01u64 >> panel) & bits[panel]).collect();
    let mut part = Part::default();
    for panel in 0..8 {
        let labels: [u8; 64] = std::array::from_fn(|lane| (panel * 64 + lane) as u8 % 200);
        part.add(&from, panel, panel * 64, &labels, chosen[panel]);
    }
    let expected: Vec<usize> = (0..500).filter(|row| (chosen[row / 64] >> (row % 64)) & 1 == 1).collect();
    assert_eq!(part.slots, expected.iter().map(|&row| row as u32).collect::<Vec<_>>());
    assert_eq!(part.weights, expected.iter().map(|&row| weights[row]).collect::<Vec<_>>());
    for (number, &row) in expected.iter().enumerate() {
        let (panel, lane) = (number / 64, number % 64);
        for feature in 0..2 {
            assert_eq!(part.panels[panel * 128 + feature * 64 + lane], rows[row][feature] as f32);
        }
        assert_eq!((part.narrow[panel] >> lane) & 1, 1);
        assert_eq!(part.labels[number], row as u8 % 200);
    }
    assert_eq!(part.narrow.iter().map(|bits| bits.count_ones() as usize).sum::<usize>(), expected.len());

    part.labels.iter_mut().for_each(|label| *label = label.wrapping_add(1));
    let mut back = vec![7; 512];
    part.put_back(&mut back);
    for row in 0..512 {
        let label = if expected.contains(&row) { row as u8 % 200 + 1 } else { 7 };
        assert_eq!(back[row], label, "row {row}");
    }
    let panels: Vec<usize> = part.pieces(2, 2).map(|piece| piece.rows.narrow.len()).collect();
    assert_eq!(panels.iter().sum::<usize>(), expected.len().div_ceil(64));
    assert!(panels.iter().all(|&n| n <= 2));
}

#[test]
fn a_rest_ends_when_one_centroid_has_gone_its_way() {
    let from = Centroids::new(0, 0, 2, vec![0, 0, 1_000, 0]);
    let ways = Ways::new(&[2.0, 10.0], 4.0, 1.0);
    let active = Active { from: from.values().to_vec(), ways, parts: Vec::new() };
    // 4 moves of at least half of the usual 10, and a step.
    assert_eq!(active.ways.ways, [21.0, 41.0]);
    let holds = |values: Vec<i64>| active.holds(&Centroids::new(0, 0, 2, values));
    assert!(holds(vec![20, 0, 1_000, 40]));
    assert!(!holds(vec![22, 0, 1_000, 0]));
    assert!(!holds(vec![0, 0, 1_030, 30]));
    assert!(!active.holds(&Centroids::new(0, 0, 1, vec![0, 0])));
}
