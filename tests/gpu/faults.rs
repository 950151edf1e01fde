//! Devices that break, at every call they get, and shaders that are wrong: each is noticed, and the guard's answer is
//! the CPU's.

use std::sync::{Arc, Mutex};

use segmint::engine::cpu::CpuEngine;
use segmint::engine::gpu::faults::{Fault, Plan, arm, calls, replace_in_shaders};
use segmint::engine::gpu::staging::Uploads;
use segmint::engine::gpu::{AdapterInfo, GpuEngine, GpuSettings, Limits, adapters};
use segmint::engine::{Assignment, Engine, Guard, Row, Spare};
use segmint::error::{Kind, Result};
use segmint::grid::Sums;
use segmint::observe::{Event, Observe};

use crate::cases;
use crate::suite::{Case, Kind as CaseKind, sized_case};

/// Everything that one run of an engine answers.
#[derive(Debug, PartialEq)]
struct Answers {
    first: Vec<Sums>,
    second: Vec<Sums>,
    assignment: Assignment,
    farthest: Vec<Row>,
}

fn run(engine: &mut dyn Engine, case: &Case) -> Result<Answers> {
    engine.load(case.matrix.clone())?;
    let first = engine.step(&case.models)?;
    let models: Vec<_> = case.models.iter().zip(&first).map(|(model, sums)| model.update(sums)).collect();
    let second = engine.step(&models)?;
    let assignment = engine.assign(&models[0])?;
    let farthest = engine.farthest(&models[0], 5)?;
    Ok(Answers { first, second, assignment, farthest })
}

/// A guarded GPU, and the events it emits.
fn guarded(adapter: &AdapterInfo, spare: Option<Spare>) -> Result<(Guard, Arc<Mutex<Vec<Event>>>)> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let kept = events.clone();
    let observe = Observe::default().listen(move |event| kept.lock().unwrap().push(event.clone()));
    let engine = GpuEngine::open(adapter, in_pieces(adapter))?;
    Ok((Guard::new(Box::new(engine), spare, observe), events))
}

/// Rows go through the ring in so many pieces that they wait for a place in it. Whole runs take the other way, straight
/// to their place, and are broken in `tests/pipeline`.
fn in_pieces(adapter: &AdapterInfo) -> GpuSettings {
    let usual = GpuSettings::of(&adapter.device, 1 << 30);
    let limits = Limits { slot_bytes: 8192, ..usual.limits };
    GpuSettings { limits, uploads: Uploads::Ring, ..usual }
}

fn cpu() -> Spare {
    Box::new(|| Box::new(CpuEngine::new(1, None)))
}

/// Faults are about the host's side, so one adapter is enough; which one makes no difference.
fn first_adapter() -> Option<AdapterInfo> {
    let first = adapters().into_iter().next();
    if first.is_none() {
        eprintln!("skipped: no adapter at all");
    }
    first
}

#[test]
fn a_fault_at_any_call_ends_in_the_same_answers_or_in_the_error_where_a_gpu_was_demanded() {
    let Some(adapter) = first_adapter() else { return };
    let case = sized_case(5, CaseKind::Spread, 900, 10, 5);
    let right = run(&mut CpuEngine::new(1, None), &case).unwrap();
    let before = calls();
    let (mut guard, _) = guarded(&adapter, None).unwrap();
    assert_eq!(run(&mut guard, &case).unwrap(), right);
    let n_calls = calls() - before;
    assert!(n_calls > 20, "{n_calls} calls");

    for (index, fault) in Fault::ALL.into_iter().enumerate() {
        let mut struck = 0;
        for call in 0..n_calls {
            arm(Plan { call, fault });
            let (mut guard, events) = guarded(&adapter, Some(cpu())).unwrap();
            assert_eq!(run(&mut guard, &case).unwrap(), right, "{fault:?} at call {call}");
            let fallbacks = events.lock().unwrap().iter().filter(|e| matches!(e, Event::Fallback { .. })).count();
            assert!(fallbacks <= 1);
            struck += fallbacks;

            // Opening devices is slow: one call in six without the spare, another one for each fault.
            if call % Fault::ALL.len() as u64 != index as u64 {
                continue;
            }
            arm(Plan { call, fault });
            let (mut guard, _) = guarded(&adapter, None).unwrap();
            match run(&mut guard, &case) {
                Ok(answers) => assert!(fallbacks == 0 && answers == right, "{fault:?} at call {call}"),
                Err(error) => {
                    assert_eq!((error.kind(), error.kind().exit_code()), (Kind::DeviceFault, 69), "{fault:?}: {error}");
                    assert_eq!(fallbacks, 1, "{fault:?} at call {call}: {error}");
                }
            }
        }
        println!("{fault:?}: {struck} of {n_calls} calls broke the device");
        assert!(struck > 0, "{fault:?} never struck");
    }
}

#[test]
fn what_a_pass_and_the_labels_need_is_compiled_while_rows_are_loaded() {
    let Some(adapter) = first_adapter() else { return };
    // Sums in a few words and in many; rows that are too long for registers.
    for (case, n_models) in
        [(cases::plain(10, &[5], 300), 1), (cases::plain(10, &[5, 200], 300), 2), (cases::weighted(65, 300), 1)]
    {
        let models = &case.models[..n_models];
        let before = calls();
        let mut engine = GpuEngine::open(&adapter, GpuSettings::of(&adapter.device, 1 << 30)).unwrap();
        engine.load(case.matrix.clone()).unwrap();
        let loaded = calls() - before;

        // From then on the first shader to be compiled fails.
        arm(Plan { call: loaded, fault: Fault::FailedPipeline });
        let mut engine = GpuEngine::open(&adapter, GpuSettings::of(&adapter.device, 1 << 30)).unwrap();
        engine.load(case.matrix.clone()).unwrap();
        engine.step(models).unwrap();
        engine.assign(&models[0]).unwrap();
        assert_eq!(
            engine.farthest(&models[0], 1).unwrap_err().kind(),
            Kind::DeviceFault,
            "nobody compiles this one ahead"
        );
    }
}

/// What the guard says of a GPU whose shaders were changed.
fn with_shaders_changed(old: &'static str, new: &'static str, case: &Case) -> Option<String> {
    let adapter = first_adapter()?;
    replace_in_shaders(old, new);
    let (mut guard, events) = guarded(&adapter, Some(cpu())).unwrap();
    let answers = run(&mut guard, case).unwrap();
    assert_eq!(answers, run(&mut CpuEngine::new(1, None), case).unwrap());
    let events = events.lock().unwrap();
    let [Event::Fallback { reason, .. }] = &events[..] else { panic!("one fallback was expected: {events:?}") };
    Some(reason.clone())
}

#[test]
fn a_shader_that_writes_no_sums_is_noticed() {
    let case = cases::plain(10, &[5], 3000);
    if let Some(reason) = with_shaders_changed("atomicAdd(&totals[2u * slot], low)", "0u", &case) {
        assert!(reason.contains("does not account for every row"), "{reason}");
    }
}

#[test]
fn a_lost_tile_is_noticed() {
    let case = cases::plain(10, &[5], 3000);
    // Of the sums, and of the labels.
    for (right, wrong) in [("row < end", "row < end - 64u"), ("row < params.end", "row < params.end - 64u")] {
        let Some(reason) = with_shaders_changed(right, wrong, &case) else { return };
        // Audited rows of the tile may be missed before the sums are.
        let noticed = ["does not account for every row", "audited rows have a wrong label", "assignment"];
        assert!(noticed.iter().any(|by| reason.contains(by)), "{right}: {reason}");
    }
}

#[test]
fn labels_off_by_one_are_noticed_though_sums_add_up() {
    let case = cases::plain(10, &[5], 3000);
    if let Some(reason) =
        with_shaders_changed("nearest[t] = cluster;", "nearest[t] = (cluster + 1u) % params.k;", &case)
    {
        assert!(reason.contains("audited rows have a wrong label"), "{reason}");
    }
}

#[test]
fn a_few_wrong_labels_of_one_model_of_many_are_noticed_within_as_many_passes_as_there_are_models() {
    let Some(adapter) = first_adapter() else { return };
    let case = cases::plain(10, &[5; 18], 3000);
    replace_in_shaders("nearest[t] - first)", "nearest[t] - first + select(0u, 1u, m == 3u && row % 64u == 5u))");
    let mut engine = GpuEngine::open(&adapter, GpuSettings::of(&adapter.device, 1 << 30)).unwrap();
    engine.load(case.matrix.clone()).unwrap();
    let noticed = (0..case.models.len()).find_map(|_| engine.step(&case.models).err()).expect("a wrong label");
    assert!(noticed.to_string().contains("audited rows have a wrong label"), "{noticed}");
}

#[test]
fn near_ties_left_to_f32_fail_the_suite() {
    let Some(adapter) = first_adapter() else { return };
    // No difference is below nothing.
    replace_in_shaders("far[t] - near[t] <= far[t] *", "far[t] - near[t] < 0.0 *");
    let mut engine = GpuEngine::open(&adapter, GpuSettings::of(&adapter.device, 1 << 30)).unwrap();
    let wrong = (0..16).any(|number| crate::equality::compare(&mut engine, &crate::suite::case(number)).is_err());
    assert!(wrong, "the suite did not notice");
}

#[test]
fn a_driver_that_is_wrong_fails_the_self_test_with_a_reason() {
    let Some(adapter) = first_adapter() else { return };
    // The self-test opens the device once per check; the first of them gets the changed shader.
    replace_in_shaders("nearest[t] = cluster;", "nearest[t] = 0u;");
    let report = segmint::engine::gpu::self_test(&adapter);
    let wrong = report.checks.iter().find_map(|check| check.wrong.clone());
    assert!(wrong.is_some_and(|wrong| wrong.contains("wrong")), "{report:#?}");

    // Wrong in a variant that a run may never come to: half of its rows are nobody's.
    replace_in_shaders("const ROWS: u32 = 512u;", "const ROWS: u32 = 256u;");
    let report = segmint::engine::gpu::self_test(&adapter);
    let wrong = report.checks.iter().find_map(|check| check.wrong.clone());
    assert!(wrong.is_some_and(|wrong| wrong.contains("variant \"short\"")), "{report:#?}");
}
