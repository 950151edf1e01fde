//! Tries a device on what drivers get wrong: near ties on either side of the bound, the extremes of the grid, the last
//! elements of the largest binding, wide centroids, carries between words, in every variant of a kernel. Every answer is
//! compared with integers.

use std::sync::Arc;

use super::limits::BINDING_BYTES;
use super::pipelines::ShaderChecks;
use super::settle::{add_rows, decide_rows};
use super::shaders::{Kernel, ROW_FEATURES_MAX, Weights};
use super::variants::Variant;
use super::{AdapterInfo, GpuEngine, GpuSettings};
use crate::engine::{Device, Engine};
use crate::error::Result;
use crate::grid::{COORDINATE_MAX, Centroids, FEATURES_MAX, Matrix, PANEL_ROWS, Sums, WIDE, WideRows};

/// What was found on one device.
#[derive(Debug, Clone)]
pub struct Report {
    pub device: Device,
    pub checks: Vec<Check>,
}

/// One check and what came of it.
#[derive(Debug, Clone)]
pub struct Check {
    pub name: &'static str,
    /// None where the device is right; else what is wrong with it.
    pub wrong: Option<String>,
}

impl Report {
    pub fn is_right(&self) -> bool {
        self.checks.iter().all(|check| check.wrong.is_none())
    }
}

/// A check makes a matrix and a model; the device must agree with the host on both.
type Make = fn() -> (Matrix, Centroids);

const CHECKS: [(&str, Make); 8] = [
    ("near ties on either side of the bound", near_ties),
    ("near ties, kernel for any shape", near_ties_general),
    ("extremes of the grid", extremes),
    ("last elements of the largest binding", largest_binding),
    ("wide rows and wide centroids", wide),
    ("carries between the words of a sum", carries),
    ("many clusters, sums that fill workgroup memory", filling_clusters),
    ("many clusters, sums outside workgroup memory", many_clusters),
];

/// Runs all checks. A device that does not even open has failed all of them.
pub fn self_test(adapter: &AdapterInfo) -> Report {
    let checks = CHECKS.map(|(name, make)| {
        let wrong = match try_one(adapter, make) {
            Ok(wrong) => wrong,
            Err(error) => Some(error.to_string()),
        };
        Check { name, wrong }
    });
    Report { device: adapter.device.clone(), checks: checks.into() }
}

/// Each check opens the device anew: one that was lost does not spoil the next.
fn try_one(adapter: &AdapterInfo, make: Make) -> Result<Option<String>> {
    let settings = GpuSettings { checks: ShaderChecks::Off, ..GpuSettings::of(&adapter.device, 1 << 30) };
    let mut engine = GpuEngine::open(adapter, settings)?;
    let (matrix, model) = make();
    let matrix = Arc::new(matrix);
    engine.load(matrix.clone())?;

    let rows: Vec<u64> = (0..matrix.n_rows() as u64).collect();
    // Where models can walk together, one of half the clusters walks beside it.
    let d = model.n_features();
    let weights = if matrix.weights().is_some() { Weights::Given } else { Weights::None };
    let mut models = vec![model.clone()];
    if Kernel::shares(d, model.n_clusters(), weights) {
        models.push(Centroids::new(1, 0, d, model.values()[..model.n_clusters().div_ceil(2) * d].to_vec()));
    }
    let mut expected = Vec::with_capacity(models.len());
    for model in &models {
        let mut sums = Sums::zero(model.n_clusters(), d);
        add_rows(&matrix, model, &rows, &mut sums)?;
        expected.push(sums);
    }
    // Every variant of a kernel is a program of its own to the driver.
    for variant in Variant::ALL {
        engine.walk_with(variant);
        let wrong = match engine.step(&models) {
            Ok(found) => found.iter().zip(&expected).find_map(|(found, expected)| wrong_sums(found, expected)),
            Err(error) => Some(error.to_string()),
        };
        if let Some(wrong) = wrong {
            return Ok(Some(match engine.walked() {
                Some(variant) => format!("{wrong}, in the kernel's variant {:?}", variant.name()),
                None => wrong,
            }));
        }
        if engine.walked().is_none() {
            break;
        }
    }
    let assignment = engine.assign(&model)?;
    let differ = decide_rows(&matrix, &model, &rows)?
        .iter()
        .zip(assignment.labels.iter().zip(&assignment.runners_up))
        .filter(|(decision, (label, runner_up))| (decision.label, decision.runner_up) != (**label, **runner_up))
        .count();
    Ok((differ > 0).then(|| format!("{differ} of {} rows have a wrong label or runner-up", rows.len())))
}

/// What is wrong with the sums of a model.
fn wrong_sums(found: &Sums, expected: &Sums) -> Option<String> {
    if found.rows != expected.rows {
        return Some("rows are counted in wrong clusters, or lost".to_owned());
    }
    let count = found.sums.iter().zip(&expected.sums).filter(|(a, b)| a != b).count();
    (found != expected).then(|| format!("{count} of {} sums are wrong", expected.sums.len()))
}

fn matrix(d: usize, rows: &[Vec<i64>], weights: Option<Vec<u16>>) -> Matrix {
    Matrix::from_rows(d, rows, weights, (0..rows.len() as u64).collect())
}

fn model(d: usize, centroids: &[Vec<i64>]) -> Centroids {
    Centroids::new(0, 0, d, centroids.concat())
}

/// Rows that step across the plane half-way between two centroids, with distances of 2^40 and more each way, where f32
/// keeps one integer in 2^17: its order is wrong for the rows next to the plane.
fn across_the_bisector(d: usize, k: usize) -> (Matrix, Centroids) {
    let low: Vec<i64> = (0..d as i64).map(|j| -900_001 + 7 * j).collect();
    let high: Vec<i64> = low.iter().map(|c| -c).collect();
    let rows: Vec<Vec<i64>> = (0..2000i64)
        .map(|index| {
            let mut row: Vec<i64> = (0..d as i64).map(|j| (index * (j + 3) % 11) - 5).collect();
            row[index as usize % d] += (index / 250 - 4) * (1 << (index % 8));
            row
        })
        .collect();
    let mut centroids = vec![low.clone(), high];
    centroids.resize(k, low.iter().map(|c| c / 2 - 500_000).collect());
    (matrix(d, &rows, None), model(d, &centroids))
}

fn near_ties() -> (Matrix, Centroids) {
    across_the_bisector(10, 3)
}

fn near_ties_general() -> (Matrix, Centroids) {
    across_the_bisector(ROW_FEATURES_MAX + 1, 2)
}

fn extremes() -> (Matrix, Centroids) {
    let edge = WIDE - 1;
    let rows: Vec<Vec<i64>> = (0..6000).map(|index| vec![if index % 3 == 0 { -edge } else { edge }; 10]).collect();
    (matrix(10, &rows, None), model(10, &[vec![edge; 10], vec![-edge; 10]]))
}

/// Zeros up to the last panel of a binding that is as large as any may be.
fn largest_binding() -> (Matrix, Centroids) {
    let d = FEATURES_MAX;
    let panel = PANEL_ROWS * d;
    let n_panels = BINDING_BYTES as usize / (4 * panel);
    let mut panels = vec![0.0; n_panels * panel];
    let last = panels.len() - PANEL_ROWS;
    for (lane, value) in panels[last..].iter_mut().enumerate() {
        *value = (WIDE - 1 - lane as i64) as f32;
    }
    let n_rows = n_panels * PANEL_ROWS;
    let (facts, reach) = Matrix::facts_of(d, &panels, &[], n_rows);
    let keys = (0..n_rows as u64).collect();
    let matrix = Matrix::assemble(n_rows, d, panels, reach, WideRows::default(), None, keys, facts);
    let mut far = vec![0; d];
    far[d - 1] = WIDE - 1;
    (matrix, model(d, &[vec![0; d], far]))
}

fn wide() -> (Matrix, Centroids) {
    let rows: Vec<Vec<i64>> = (0..1000i64)
        .map(|index| vec![index, if index % 100 == 7 { WIDE << (index / 100) } else { -index }, WIDE - 1 - index])
        .collect();
    let centroids = [[0, 0, WIDE - 500], [COORDINATE_MAX, -COORDINATE_MAX, 1], [WIDE + 1, 3, (1 << 25) + 1]];
    (matrix(3, &rows, None), model(3, &centroids.map(Vec::from)))
}

fn carries() -> (Matrix, Centroids) {
    let edge = WIDE - 1;
    let rows: Vec<Vec<i64>> = (0..9000i64).map(|index| vec![edge - index % 5, -edge, (index % 3 - 1) * edge]).collect();
    let weights = (0..9000u32).map(|index| if index % 4 == 0 { 0 } else { u16::MAX - (index % 7) as u16 }).collect();
    (matrix(3, &rows, Some(weights)), model(3, &[vec![edge, -edge, 0], vec![0, 0, 7]]))
}

fn clusters(d: usize, k: i64) -> (Matrix, Centroids) {
    let point = |index: i64| {
        let mut point = vec![index * 7919 % 100_003, -(index * 104_729 % 99_991), index * 31 % 1009, index];
        point.resize(d, -1);
        point
    };
    let rows: Vec<Vec<i64>> = (0..3000).map(|index| point(index * 17)).collect();
    let centroids: Vec<Vec<i64>> = (0..k).map(|index| point(index * 51)).collect();
    (matrix(d, &rows, None), model(d, &centroids))
}

/// With its half beside it, two copies of the sums have room, and four have not.
fn filling_clusters() -> (Matrix, Centroids) {
    clusters(10, 100)
}

fn many_clusters() -> (Matrix, Centroids) {
    clusters(5, 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::gpu::limits::WORKGROUP_WORDS;
    use crate::engine::gpu::shaders::Room;

    /// What the self-test walks with is what a run may walk with: every variant, with few sums and with many.
    #[test]
    fn every_variant_is_tried_with_sums_in_few_words_and_in_many() {
        let kernels: Vec<Kernel> = CHECKS
            .iter()
            .filter(|(name, _)| !name.contains("largest binding"))
            .flat_map(|(_, make)| {
                let (matrix, model) = make();
                let (d, k) = (model.n_features(), model.n_clusters());
                let weights = if matrix.weights().is_some() { Weights::Given } else { Weights::None };
                let words = Kernel::sum_words(d, k + k.div_ceil(2), weights);
                let shares = d <= ROW_FEATURES_MAX && words <= WORKGROUP_WORDS as usize;
                Variant::ALL.map(|variant| shares.then(|| Kernel::lloyd(d, words, weights, variant)))
            })
            .flatten()
            .collect();
        let tried = |of: Variant, among: &[Room]| {
            let fits = |kernel: &Kernel| matches!(kernel, Kernel::Lloyd { room, variant, .. } if *variant == of && among.contains(room));
            kernels.iter().any(fits)
        };
        for variant in Variant::ALL {
            assert!(tried(variant, &[Room::Few, Room::Full]), "{variant:?}");
        }
        for variant in [Variant::Usual, Variant::Short, Variant::Paired, Variant::Twofold] {
            assert!(tried(variant, &[Room::Full]), "{variant:?}");
        }
    }
}
