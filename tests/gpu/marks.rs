//! Variants that a driver does not come back from: they are marked before they are tried, and the next run on the device
//! leaves them out. A driver that hangs in a kernel holds up nobody for longer than a wait may take.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use segmint::engine::gpu::faults::{BrokenCompiler, break_compiler, replace_in_shaders};
use segmint::engine::gpu::{AdapterInfo, GpuEngine, GpuSettings, Tuning, Variant, adapters};
use segmint::engine::{Engine, Guard};
use segmint::error::{Error, Kind};
use segmint::observe::Observe;

use crate::cases;
use crate::suite::Case;
use crate::tuning::{PASSES_MAX, lines_with, settings, tuned, walk};

/// What a wait may take here: many times as long as a kernel or a pass does.
const HANG: Duration = Duration::from_secs(5);

/// The most that it may take until a driver has begun with a kernel.
const REACHED_WITHIN: Duration = Duration::from_secs(60);

fn first_adapter() -> Option<AdapterInfo> {
    let first = adapters().into_iter().next();
    if first.is_none() {
        eprintln!("skipped: no adapter at all");
    }
    first
}

/// Passes until one fails.
fn fault(engine: &mut dyn Engine, case: &Case) -> Error {
    engine.load(case.matrix.clone()).unwrap();
    (0..PASSES_MAX).find_map(|_| engine.step(&case.models).err()).expect("a fault")
}

/// The next runs say what is left out, and try the others.
fn is_left_out(adapter: &AdapterInfo, folder: &Path, case: &Case, variant: Variant) {
    let all = BTreeSet::from([Variant::Usual, Variant::Short, Variant::Paired, Variant::Fourfold]);
    let (mut engine, said) = tuned(adapter, Some(folder));
    let line = format!("{} is not tried", variant.name());
    assert_eq!(lines_with(&said, &line).len(), 1, "{said:?}");
    assert_eq!(lines_with(&said, "is not tried").len(), 1, "{said:?}");
    engine.load(case.matrix.clone()).unwrap();
    let walked = walk(&mut engine, &said, &case.models);
    assert_eq!(walked, all.into_iter().filter(|one| *one != variant).collect());
    drop(engine);
    assert_eq!(
        lines_with(&tuned(adapter, Some(folder)).1, "is not tried").len(),
        1,
        "also after a run that ended well"
    );
}

#[test]
fn a_variant_over_which_the_driver_loses_its_device_is_tried_by_one_run_only() {
    let Some(adapter) = first_adapter() else { return };
    let (folder, case) = (tempfile::tempdir().unwrap(), cases::plain(10, &[5], 3000));
    break_compiler("const TOGETHER: u32 = 2u;", BrokenCompiler::Lost);
    let (mut engine, _) = tuned(&adapter, Some(folder.path()));
    assert_eq!(fault(&mut engine, &case).kind(), Kind::DeviceFault);
    drop(engine);
    is_left_out(&adapter, folder.path(), &case, Variant::Paired);
}

#[test]
fn a_variant_whose_answer_was_wrong_is_tried_by_one_run_only() {
    let Some(adapter) = first_adapter() else { return };
    let (folder, case) = (tempfile::tempdir().unwrap(), cases::plain(10, &[5], 3000));
    // Half of the rows are nobody's; whether the engine or its guard notices is all one.
    replace_in_shaders("const ROWS: u32 = 512u;", "const ROWS: u32 = 256u;");
    let (engine, _) = tuned(&adapter, Some(folder.path()));
    let mut guard = Guard::new(Box::new(engine), None, Observe::default());
    assert_eq!(fault(&mut guard, &case).kind(), Kind::DeviceFault);
    drop(guard);
    is_left_out(&adapter, folder.path(), &case, Variant::Short);
}

#[test]
fn a_driver_that_hangs_in_a_variant_is_waited_for_no_longer_than_a_wait_may_take() {
    let Some(adapter) = first_adapter() else { return };
    let (folder, case) = (tempfile::tempdir().unwrap(), cases::plain(10, &[5], 3000));
    let reached = break_compiler("const TOGETHER: u32 = 2u;", BrokenCompiler::Hangs);
    let cache = Some(folder.path().to_path_buf());
    let settings = GpuSettings { cache, hang: HANG, ..settings(&adapter, Tuning::Above(0)) };
    let mut engine = GpuEngine::open(&adapter, settings).unwrap();
    engine.load(case.matrix.clone()).unwrap();
    let mut step = || {
        engine.step(&case.models).unwrap();
        assert_eq!(engine.walked(), Some(Variant::Usual), "nobody waits for it");
    };
    assert!((0..PASSES_MAX).any(|_| {
        step();
        reached.try_recv().is_ok()
    }));
    (0..40).for_each(|_| step());
    // A kernel that is needed only now waits for nobody, either.
    engine.farthest(&case.models[0], 3).unwrap();
    let started = Instant::now();
    drop(engine);
    assert!(started.elapsed() < 3 * HANG, "{:?}", started.elapsed());
    is_left_out(&adapter, folder.path(), &case, Variant::Paired);
}

#[test]
fn a_driver_that_hangs_in_a_kernel_that_is_needed_is_a_fault_and_the_end_is_not_held_up() {
    let Some(adapter) = first_adapter() else { return };
    let case = cases::plain(10, &[5], 300);
    let reached = break_compiler("const WORDS: u32 = 1024u;", BrokenCompiler::Hangs);
    let usual = settings(&adapter, Tuning::Off);
    let mut engine = GpuEngine::open(&adapter, GpuSettings { hang: HANG, ..usual }).unwrap();
    engine.load(case.matrix.clone()).unwrap();
    // Whoever needs a kernel that the thread has not begun with compiles it.
    reached.recv_timeout(REACHED_WITHIN).unwrap();
    let error = engine.step(&case.models).unwrap_err();
    assert!(error.kind() == Kind::DeviceFault && error.to_string().contains("no answer for 5 seconds"), "{error}");
    let started = Instant::now();
    drop(engine);
    assert!(started.elapsed() < HANG, "it is known already: {:?}", started.elapsed());
}
