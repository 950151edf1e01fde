//! Equality, never tolerance, with shader checks off and on, in one piece and in many.

use segmint::engine::Engine;
use segmint::engine::gpu::{AdapterInfo, GpuEngine, GpuSettings, Limits, ShaderChecks, self_test};

use crate::adapters::on_every_adapter;
use crate::suite::{Case, case};
use crate::{cases, reference};

fn n_cases() -> u64 {
    if std::env::var_os("SEGMINT_NIGHTLY").is_some() { 300 } else { 60 }
}

fn open(adapter: &AdapterInfo, settings: GpuSettings) -> GpuEngine {
    GpuEngine::open(adapter, settings).unwrap()
}

fn usual(adapter: &AdapterInfo) -> GpuSettings {
    GpuSettings::of(&adapter.device, 1 << 30)
}

/// Compares everything an engine answers with the reference; an error says what differs.
pub fn compare(engine: &mut dyn Engine, case: &Case) -> Result<(), String> {
    let name = &case.name;
    let fail = |error: segmint::error::Error| format!("{name}: {error}");
    engine.load(case.matrix.clone()).map_err(fail)?;
    let all = engine.step(&case.models).map_err(fail)?;
    for (model, sums) in case.models.iter().zip(all) {
        if sums != reference::step(&case.matrix, model) {
            return Err(format!("{name}: sums of k = {} differ", model.n_clusters()));
        }
    }
    let model = &case.models[0];
    if engine.assign(model).map_err(fail)? != reference::assign(&case.matrix, model) {
        return Err(format!("{name}: the assignment differs"));
    }
    for n in [1, 7, 200] {
        if engine.farthest(model, n).map_err(fail)? != reference::farthest(&case.matrix, model, n) {
            return Err(format!("{name}: the {n} farthest rows differ"));
        }
    }
    Ok(())
}

#[test]
fn seeded_cases_are_equal_on_every_adapter() {
    on_every_adapter(|adapter| {
        let mut engines =
            [ShaderChecks::Off, ShaderChecks::On].map(|checks| open(adapter, GpuSettings { checks, ..usual(adapter) }));
        let n = n_cases();
        for number in 0..n {
            // Every case with checks off, every fourth with checks on as well.
            compare(&mut engines[0], &case(number)).unwrap();
            if number % 4 == 0 {
                compare(&mut engines[1], &case(number / 4)).unwrap();
            }
        }
        println!("{}: {n} cases equal", adapter.title());
    });
}

#[test]
fn borders_of_kernels_and_words_are_equal_with_shader_checks_off_and_on() {
    on_every_adapter(|adapter| {
        for checks in [ShaderChecks::Off, ShaderChecks::On] {
            let mut engine = open(adapter, GpuSettings { checks, ..usual(adapter) });
            for case in cases::chosen() {
                compare(&mut engine, &case).unwrap();
            }
        }
    });
}

#[test]
fn chunks_dispatches_and_streams_change_nothing() {
    on_every_adapter(|adapter| {
        let usual_limits = Limits::of(adapter.device.kind, 1 << 30);
        let panel = 64 * 10 * 4;
        for limits in [
            Limits { binding_bytes: panel, resident_bytes: 5 * panel, ..usual_limits.clone() },
            Limits { binding_bytes: 3 * panel - 1, resident_bytes: 0, ..usual_limits.clone() },
            Limits { binding_bytes: 3 * panel, resident_bytes: 3 * panel - 1, ..usual_limits.clone() },
            Limits { binding_bytes: 3 * panel + 1, groups_per_dimension: 2, dispatch_work: 1, ..usual_limits.clone() },
            Limits { buffer_bytes: 7 * panel, tie_slots: 1, ..usual_limits.clone() },
        ] {
            let mut engine = open(adapter, GpuSettings { limits: limits.clone(), ..usual(adapter) });
            for case in [cases::plain(10, &[5, 3, 300], 1300), cases::duplicates(10, 900), cases::weighted(10, 700)] {
                compare(&mut engine, &case).unwrap_or_else(|what| panic!("{what}, with {limits:?}"));
            }
        }
    });
}

#[test]
fn bindings_that_hold_no_panel_are_refused() {
    on_every_adapter(|adapter| {
        let binding_bytes = 64 * 10 * 4 - 1;
        let limits = Limits { binding_bytes, ..Limits::of(adapter.device.kind, 1 << 30) };
        let mut engine = open(adapter, GpuSettings { limits, ..usual(adapter) });
        let error = engine.load(cases::plain(10, &[2], 100).matrix).unwrap_err();
        assert!(error.to_string().contains("do not hold 64 rows"), "{error}");
    });
}

#[test]
fn an_engine_is_loaded_again_with_a_matrix_of_another_shape() {
    on_every_adapter(|adapter| {
        let mut engine = open(adapter, usual(adapter));
        for case in [cases::plain(10, &[5], 700), cases::weighted(3, 300), cases::plain(4, &[3], 65)] {
            compare(&mut engine, &case).unwrap();
        }
    });
}

#[test]
fn every_adapter_passes_its_self_test() {
    on_every_adapter(|adapter| {
        let report = self_test(adapter);
        assert!(report.is_right(), "{report:#?}");
        assert!(report.checks.len() >= 5);
    });
}
