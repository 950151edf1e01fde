//! The engine suite: every engine gives the labels, runners-up and sums of the integer reference. Equality, never a
//! tolerance.

#![allow(clippy::print_stdout)] // what was run and skipped is said

mod cases;
mod guarded;
mod reference;
mod resting;
mod wrong;

use cases::{Case, Kind, case, sized_case};
use segmint::engine::Engine;
use segmint::engine::cpu::{CpuEngine, SimdLevel};
use segmint::grid::Centroids;

/// Cases per engine: a sample by default, more in the nightly command, fewer where an emulator runs them.
fn n_cases() -> u64 {
    if let Some(n) = std::env::var("SEGMINT_ENGINE_CASES").ok().and_then(|n| n.parse().ok()) {
        return n;
    }
    if std::env::var_os("SEGMINT_NIGHTLY").is_some() { 300 } else { 60 }
}

/// Runs one case; an error says what differs.
fn check(engine: &mut dyn Engine, case: &Case) -> Result<(), String> {
    let name = &case.name;
    let fail = |e: segmint::error::Error| format!("{name}: {e}");
    engine.load(case.matrix.clone()).map_err(fail)?;
    // Twice from the same centroids, then from moved ones: engines keep state between passes.
    let mut models = case.models.clone();
    for round in 0..3 {
        let sums = engine.step(&models).map_err(fail)?;
        for (model, sums) in models.iter().zip(&sums) {
            if *sums != reference::step(&case.matrix, model) {
                return Err(format!("{name}: sums of model {} differ in round {round}", model.model));
            }
        }
        if round > 0 {
            models = models.iter().zip(&sums).map(|(model, sums)| model.update(sums)).collect();
        }
    }
    for model in &case.models {
        if engine.assign(model).map_err(fail)? != reference::assign(&case.matrix, model) {
            return Err(format!("{name}: the assignment of model {} differs", model.model));
        }
        for n in [1, 7] {
            if engine.farthest(model, n).map_err(fail)? != reference::farthest(&case.matrix, model, n) {
                return Err(format!("{name}: the {n} farthest rows of model {} differ", model.model));
            }
        }
    }
    Ok(())
}

fn run_suite(engine: &mut dyn Engine) -> Result<u64, String> {
    let n = n_cases();
    for number in 0..n {
        check(engine, &case(number))?;
    }
    check(engine, &sized_case(1_000, Kind::Spread, 1, 1, 1))?;
    check(engine, &sized_case(1_001, Kind::Spread, 70, 512, 3))?;
    check(engine, &sized_case(1_002, Kind::Lattice, 300, 2, 4096))?;
    check(engine, &sized_case(1_003, Kind::Extremes, 5000, 4, 2))?;
    Ok(n + 4)
}

#[test]
fn the_cpu_equals_the_reference_at_every_simd_level_and_thread_count() {
    for level in SimdLevel::available() {
        for threads in [1, 2, 3] {
            let mut engine = CpuEngine::new(threads, Some(level));
            let n = run_suite(&mut engine).unwrap();
            println!("{}: {n} cases equal", engine.device().name);
        }
    }
}

#[test]
fn sums_stay_equal_to_the_reference_over_more_passes_than_a_full_sum_takes() {
    let case = sized_case(7, Kind::Spread, 5000, 3, 9);
    let mut engine = CpuEngine::new(2, None);
    engine.load(case.matrix.clone()).unwrap();
    let mut model: Centroids = case.models[0].clone();
    for _ in 0..80 {
        let sums = engine.step(std::slice::from_ref(&model)).unwrap().remove(0);
        assert_eq!(sums, reference::step(&case.matrix, &model));
        model = model.update(&sums);
    }
}

#[test]
fn near_ties_are_few_on_ordinary_data() {
    let case = sized_case(3, Kind::Spread, 3000, 10, 5);
    let mut engine = CpuEngine::new(1, None);
    engine.load(case.matrix.clone()).unwrap();
    engine.step(&case.models[..1]).unwrap();
    assert!(engine.counters().near_ties <= 30, "{:?}", engine.counters());
}
