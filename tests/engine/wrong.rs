//! Engines that are wrong in one way each. The suite must catch every one, or it proves nothing.

#![allow(clippy::needless_range_loop, reason = "as in the reference")]

use std::sync::Arc;

use segmint::engine::cpu::CpuEngine;
use segmint::engine::{Assignment, Counters, Device, Engine, Row};
use segmint::error::Result;
use segmint::grid::{Centroids, Matrix, Sums};

use crate::{cases, check, reference, run_suite};

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    LostTile,
    LabelOffByOne,
    TieToTheHigherIndex,
    NearTiesLeftToF32,
    FlippedBit,
    LostChangedRow,
}

struct Wrong {
    inner: CpuEngine,
    matrix: Option<Arc<Matrix>>,
    fault: Fault,
    passes: u32,
}

impl Wrong {
    fn new(fault: Fault) -> Self {
        Self { inner: CpuEngine::new(1, None), matrix: None, fault, passes: 0 }
    }

    fn sums_of(&self, model: &Centroids, label: impl Fn(&[i64]) -> usize, rows: std::ops::Range<usize>) -> Sums {
        let matrix = self.matrix.as_ref().unwrap();
        let d = matrix.n_features();
        let mut sums = Sums::zero(model.n_clusters(), d);
        let mut row = vec![0; d];
        for index in rows {
            matrix.row(index, &mut row);
            let label = label(&row);
            let weight = matrix.weight(index);
            sums.rows[label] += 1;
            sums.weights[label] += u64::from(weight);
            for j in 0..d {
                sums.sums[label * d + j] += i128::from(weight) * i128::from(row[j]);
            }
        }
        sums
    }
}

impl Engine for Wrong {
    fn device(&self) -> &Device {
        self.inner.device()
    }

    fn load(&mut self, matrix: Arc<Matrix>) -> Result<()> {
        self.matrix = Some(matrix.clone());
        self.passes = 0;
        self.inner.load(matrix)
    }

    fn step(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
        let n = self.matrix.as_ref().unwrap().n_rows();
        let mut right = self.inner.step(models)?;
        self.passes += 1;
        let f32_distance =
            |row: &[i64], c: &[i64]| row.iter().zip(c).map(|(&x, &c)| (x as f32 - c as f32).powi(2)).sum::<f32>();
        for (model, sums) in models.iter().zip(&mut right) {
            match self.fault {
                Fault::LostTile if n > 64 => {
                    let nearest = |row: &[i64]| usize::from(segmint::engine::decide(row, model).label);
                    *sums = self.sums_of(model, nearest, 0..n / 64 * 64);
                }
                Fault::TieToTheHigherIndex => {
                    let last = |row: &[i64]| {
                        (0..model.n_clusters())
                            .rev()
                            .min_by_key(|&c| segmint::engine::distance(row, model.row(c)))
                            .unwrap()
                    };
                    *sums = self.sums_of(model, last, 0..n);
                }
                Fault::NearTiesLeftToF32 => {
                    let nearest = |row: &[i64]| {
                        let distances: Vec<f32> = model.rows().map(|c| f32_distance(row, c)).collect();
                        (0..distances.len()).min_by(|&a, &b| distances[a].total_cmp(&distances[b])).unwrap()
                    };
                    *sums = self.sums_of(model, nearest, 0..n);
                }
                Fault::FlippedBit => sums.sums[0] ^= 1 << 3,
                Fault::LostChangedRow if self.passes > 2 => sums.rows[0] = sums.rows[0].saturating_sub(1),
                _ => {}
            }
        }
        Ok(right)
    }

    fn assign(&mut self, model: &Centroids) -> Result<Assignment> {
        let mut right = self.inner.assign(model)?;
        if self.fault == Fault::LabelOffByOne && model.n_clusters() > 1 {
            right.labels[0] = (right.labels[0] + 1) % model.n_clusters() as u16;
        }
        Ok(right)
    }

    fn farthest(&mut self, model: &Centroids, n: usize) -> Result<Vec<Row>> {
        self.inner.farthest(model, n)
    }

    fn counters(&self) -> Counters {
        self.inner.counters()
    }
}

fn caught(fault: Fault) {
    assert!(run_suite(&mut Wrong::new(fault)).is_err(), "the suite did not notice");
}

#[test]
fn the_wrapper_itself_is_right() {
    check(&mut Wrong::new(Fault::None), &cases::case(0)).unwrap();
    assert_eq!(
        reference::assign(&cases::case(0).matrix, &cases::case(0).models[0]).labels.len(),
        cases::case(0).matrix.n_rows()
    );
}

#[test]
fn a_lost_tile_is_caught() {
    caught(Fault::LostTile);
}

#[test]
fn a_label_off_by_one_is_caught() {
    caught(Fault::LabelOffByOne);
}

#[test]
fn ties_to_the_higher_index_are_caught() {
    caught(Fault::TieToTheHigherIndex);
}

#[test]
fn near_ties_left_to_f32_are_caught() {
    caught(Fault::NearTiesLeftToF32);
}

#[test]
fn a_flipped_bit_is_caught() {
    caught(Fault::FlippedBit);
}

#[test]
fn a_lost_changed_row_is_caught() {
    caught(Fault::LostChangedRow);
}
