//! The GPU engine against `engine::decide`, row by row: equality, never tolerance, on every adapter this machine has.

mod adapters;

use std::sync::Arc;

use adapters::{Case, on_every_adapter};
use segmint::engine::gpu::{GpuEngine, GpuSettings, Limits, ShaderChecks};
use segmint::engine::{Assignment, Engine, Row, decide};
use segmint::grid::{Centroids, Matrix, Sums};

/// What a pass must give, by the dullest means.
fn expected(matrix: &Matrix, model: &Centroids) -> (Sums, Assignment) {
    let d = matrix.n_features();
    let mut sums = Sums::zero(model.n_clusters(), d);
    let mut assignment = Assignment::default();
    let mut row = vec![0; d];
    for index in 0..matrix.n_rows() {
        matrix.row(index, &mut row);
        let decision = decide(&row, model);
        let (label, weight) = (usize::from(decision.label), matrix.weight(index));
        sums.rows[label] += 1;
        sums.weights[label] += u64::from(weight);
        for (sum, &q) in sums.sums[label * d..(label + 1) * d].iter_mut().zip(&row) {
            *sum += i128::from(weight) * i128::from(q);
        }
        assignment.labels.push(decision.label);
        assignment.runners_up.push(decision.runner_up);
    }
    (sums, assignment)
}

fn expected_farthest(matrix: &Matrix, model: &Centroids, n: usize) -> Vec<Row> {
    let mut row = vec![0; matrix.n_features()];
    let mut rows: Vec<Row> = (0..matrix.n_rows())
        .filter(|&index| matrix.weight(index) > 0)
        .map(|index| {
            matrix.row(index, &mut row);
            let decision = decide(&row, model);
            Row { row: index as u64, label: decision.label, distance: decision.distance, key: matrix.keys()[index] }
        })
        .collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.distance), row.key, row.row));
    rows.truncate(n);
    rows
}

fn check(engine: &mut GpuEngine, case: &Case) {
    let matrix = Arc::new(case.matrix.clone());
    engine.load(matrix.clone()).unwrap();
    let all = engine.step(&case.models).unwrap();
    assert_eq!(all.len(), case.models.len());
    for (model, sums) in case.models.iter().zip(all) {
        let (expected_sums, expected_assignment) = expected(&matrix, model);
        assert!(sums == expected_sums, "sums differ: {}, k = {}", case.name, model.n_clusters());
        let assignment = engine.assign(model).unwrap();
        assert!(assignment == expected_assignment, "labels differ: {}, k = {}", case.name, model.n_clusters());
    }
    for n in [1, 3, 200] {
        let model = &case.models[0];
        assert_eq!(engine.farthest(model, n).unwrap(), expected_farthest(&matrix, model, n), "farthest: {}", case.name);
    }
}

#[test]
fn every_shape_is_equal_with_shader_checks_off_and_on() {
    on_every_adapter(|adapter| {
        for checks in [ShaderChecks::Off, ShaderChecks::On] {
            let settings = GpuSettings { checks, ..GpuSettings::of(&adapter.device, 1 << 30) };
            let mut engine = GpuEngine::open(adapter, settings).unwrap();
            for case in Case::chosen() {
                check(&mut engine, &case);
            }
            for seed in 0..30 {
                check(&mut engine, &Case::random(seed));
            }
        }
    });
}

#[test]
fn chunks_dispatches_and_streams_change_nothing() {
    on_every_adapter(|adapter| {
        let usual = Limits::of(adapter.device.kind, 1 << 30);
        let panel = 64 * 10 * 4;
        for limits in [
            Limits { binding_bytes: panel, resident_bytes: 5 * panel, ..usual.clone() },
            Limits { binding_bytes: 3 * panel - 1, resident_bytes: 0, ..usual.clone() },
            Limits { binding_bytes: 3 * panel + 1, groups_per_dimension: 2, dispatch_work: 1, ..usual.clone() },
            Limits { buffer_bytes: 7 * panel, tie_slots: 1, ..usual.clone() },
        ] {
            let settings = GpuSettings { limits, ..GpuSettings::of(&adapter.device, 1 << 30) };
            let mut engine = GpuEngine::open(adapter, settings).unwrap();
            for mut case in [Case::plain(10, &[5, 3, 300], 2100), Case::duplicates(10, 1500), Case::weighted(10, 1500)]
            {
                case.name.push_str(" in pieces");
                check(&mut engine, &case);
            }
        }
    });
}

#[test]
fn one_pass_is_one_submit_and_a_small_readback() {
    on_every_adapter(|adapter| {
        let mut engine = GpuEngine::open(adapter, GpuSettings::of(&adapter.device, 1 << 30)).unwrap();
        let case = Case::plain(10, &[5, 2, 9], 4000);
        engine.load(Arc::new(case.matrix.clone())).unwrap();
        let before = engine.counters();
        engine.step(&case.models).unwrap();
        let after = engine.counters();
        assert_eq!(after.submits - before.submits, 1);
        assert!(after.dispatches > before.dispatches);
        assert_eq!(after.model_passes - before.model_passes, 3);
        assert!(after.bytes_read_back - before.bytes_read_back < 20_000, "{after:?}");
    });
}
