//! Kernels that are tuned on the passes of a run: every variant gives the same bits, a run that tries them all answers as
//! one that tries none, what was found is kept for the next run, and a variant that is wrong is noticed like any other fault.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use segmint::engine::cpu::CpuEngine;
use segmint::engine::gpu::faults::{Fault, replace_in_shaders, strike};
use segmint::engine::gpu::{AdapterInfo, GpuEngine, GpuSettings, Limits, ShaderChecks, Tuning, Variant, adapters};
use segmint::engine::{Engine, Guard, Spare};
use segmint::error::Kind;
use segmint::grid::Centroids;
use segmint::observe::{Event, Observe};

use crate::adapters::on_every_adapter;
use crate::suite::{self, Case};
use crate::{cases, reference};

/// Passes within which every trial has ended, even where a driver compiles for a long time meanwhile.
pub const PASSES_MAX: usize = 20_000;

fn nightly() -> bool {
    std::env::var_os("SEGMINT_NIGHTLY").is_some()
}

pub fn settings(adapter: &AdapterInfo, tuning: Tuning) -> GpuSettings {
    GpuSettings { tuning, ..GpuSettings::of(&adapter.device, 1 << 30) }
}

/// What an engine says to those who ask for more, as it says it.
pub type Said = Arc<Mutex<Vec<String>>>;

pub fn listening() -> (Observe, Said) {
    let said = Said::default();
    let kept = said.clone();
    let observe = Observe::default().listen(move |event| {
        if let Event::Detail { text } = event {
            kept.lock().unwrap().push(text.clone());
        }
    });
    (observe, said)
}

/// An engine that tunes on any pass, and what it says.
pub fn tuned(adapter: &AdapterInfo, cache: Option<&Path>) -> (GpuEngine, Said) {
    let (observe, said) = listening();
    let cache = cache.map(Path::to_path_buf);
    let mut engine = GpuEngine::open(adapter, GpuSettings { cache, ..settings(adapter, Tuning::Above(0)) }).unwrap();
    engine.tell(&observe);
    (engine, said)
}

fn has_settled(said: &Said) -> bool {
    said.lock().unwrap().iter().any(|text| text.contains("from now on"))
}

pub fn lines_with(said: &Said, part: &str) -> Vec<String> {
    said.lock().unwrap().iter().filter(|text| text.contains(part)).cloned().collect()
}

/// Cases around what variants change: rows per group, rows at once, copies of sums with and without carries.
fn sample() -> Vec<Case> {
    if nightly() {
        return cases::chosen().into_iter().chain((0..60).map(suite::case)).collect();
    }
    vec![
        cases::plain(1, &[1, 2, 256], 700),
        cases::plain(10, &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 2049),
        // Of some threads that take two rows the second one is not there.
        cases::plain(16, &[3, 200], 300),
        cases::plain(24, &[3, 60], 600),
        cases::duplicates(7, 600),
        weighted(10, 2300),
        cases::wide(3, 500),
        cases::extreme(10, 2500, None),
        cases::extreme(2, 2500, Some(u16::MAX)),
        cases::around_workgroup_memory(15, None),
    ]
}

#[test]
fn every_variant_gives_the_same_sums_on_every_adapter() {
    let cases = sample();
    let expected: Vec<Vec<_>> = cases
        .iter()
        .map(|case| case.models.iter().map(|model| reference::step(&case.matrix, model)).collect())
        .collect();
    let checks = if nightly() { vec![ShaderChecks::Off, ShaderChecks::On] } else { vec![ShaderChecks::Off] };
    on_every_adapter(|adapter| {
        for variant in Variant::ALL {
            for &checks in &checks {
                let settings = GpuSettings { checks, ..settings(adapter, Tuning::Only(variant)) };
                let mut engine = GpuEngine::open(adapter, settings).unwrap();
                for (case, expected) in cases.iter().zip(&expected) {
                    engine.load(case.matrix.clone()).unwrap();
                    assert!(engine.step(&case.models).unwrap() == *expected, "{}, {variant:?}", case.name);
                }
            }
        }
    });
}

/// Rows with weights, and the models of a case that share a pass.
fn weighted(d: usize, n: usize) -> Case {
    let mut case = cases::weighted(d, n);
    case.models.truncate(2);
    case
}

/// Models after so many passes, and what each pass and the labels said.
fn fit(engine: &mut dyn Engine, case: &Case, passes: usize) -> Vec<String> {
    engine.load(case.matrix.clone()).unwrap();
    let mut models = case.models.clone();
    let mut said = Vec::new();
    for _ in 0..passes {
        let sums = engine.step(&models).unwrap();
        models = models.iter().zip(&sums).map(|(model, sums)| model.update(sums)).collect();
        said.push(format!("{sums:?}"));
    }
    said.extend(models.iter().map(|model| format!("{:?}", engine.assign(model).unwrap())));
    said
}

/// Walks until the tuner has settled; all variants that walked, and how many passes it took.
pub fn walk(engine: &mut GpuEngine, said: &Said, models: &[Centroids]) -> BTreeSet<Variant> {
    let mut walked = BTreeSet::new();
    for _ in 0..PASSES_MAX {
        engine.step(models).unwrap();
        walked.extend(engine.walked());
        if has_settled(said) {
            return walked;
        }
    }
    panic!("the tuner has not settled: {:?}", said.lock().unwrap());
}

#[test]
fn a_fit_whose_passes_try_all_variants_answers_like_one_that_tries_none() {
    on_every_adapter(|adapter| {
        for case in [cases::plain(10, &[5, 9, 3], 3000), weighted(10, 3000)] {
            let mut usual = GpuEngine::open(adapter, settings(adapter, Tuning::Off)).unwrap();
            let expected = fit(&mut usual, &case, 15);
            let (mut engine, said) = tuned(adapter, None);
            // Kernels are compiled while passes go by; then a fit meets nothing but trials.
            engine.load(case.matrix.clone()).unwrap();
            let models = &case.models;
            for _ in 0..PASSES_MAX {
                let before = engine.counters();
                engine.step(models).unwrap();
                let after = engine.counters();
                assert_eq!((after.submits - before.submits, after.readbacks - before.readbacks), (1, 1));
                if engine.walked() != Some(Variant::Usual) {
                    break;
                }
            }
            assert_ne!(engine.walked(), Some(Variant::Usual), "something else is tried");
            assert!(!has_settled(&said), "the trial goes on in the fit");
            let before = engine.counters();
            assert_eq!(fit(&mut engine, &case, 15), expected, "{}", case.name);
            let (after, of_usual) = (engine.counters(), usual.counters());
            assert_eq!(after.model_passes - before.model_passes, of_usual.model_passes);
            assert_eq!(after.wide_rows - before.wide_rows, of_usual.wide_rows);
            assert_eq!(after.matrix_bytes_read - before.matrix_bytes_read, of_usual.matrix_bytes_read);
            assert_eq!(after.device_nanoseconds, 0, "nobody asked for it");
            walk(&mut engine, &said, models);
            let [one] = &lines_with(&said, "from now on")[..] else { panic!("{said:?}") };
            let clock = if adapter.offer().has_clock { "by the device's clock" } else { "by the host's clock" };
            assert!(one.contains(clock) && one.contains("10 features"), "{one}");
            for name in ["usual ", "short ", "paired "] {
                assert!(one.contains(name), "{one}");
            }
        }
    });
}

#[test]
fn every_variant_is_walked_with_before_one_is_chosen() {
    let Some(adapter) = adapters().into_iter().next() else { return eprintln!("skipped: no adapter at all") };
    for (case, copied) in
        [(cases::plain(10, &[5], 3000), Variant::Fourfold), (cases::plain(10, &[100], 3000), Variant::Twofold)]
    {
        let (mut engine, said) = tuned(&adapter, None);
        engine.load(case.matrix.clone()).unwrap();
        let walked = walk(&mut engine, &said, &case.models);
        assert_eq!(walked, BTreeSet::from([Variant::Usual, Variant::Short, Variant::Paired, copied]));
    }
}

#[test]
fn passes_that_are_small_or_streamed_are_not_tried_on() {
    let Some(adapter) = adapters().into_iter().next() else { return eprintln!("skipped: no adapter at all") };
    let case = cases::plain(10, &[5], 3000);
    let usual = settings(&adapter, Tuning::Above(3000 * 10 * 5 + 1));
    let streamed = Limits { binding_bytes: 6 * 2560, resident_bytes: 0, ..usual.limits.clone() };
    for settings in [usual, GpuSettings { limits: streamed, ..settings(&adapter, Tuning::Above(0)) }] {
        let (observe, said) = listening();
        let mut engine = GpuEngine::open(&adapter, settings).unwrap();
        engine.tell(&observe);
        engine.load(case.matrix.clone()).unwrap();
        for _ in 0..40 {
            engine.step(&case.models).unwrap();
            assert_eq!(engine.walked(), Some(Variant::Usual));
        }
        assert!(said.lock().unwrap().is_empty(), "{said:?}");
    }
    // Rows that are too long for registers have one kernel.
    let (mut engine, said) = tuned(&adapter, None);
    let long = cases::plain(65, &[3, 5], 200);
    engine.load(long.matrix.clone()).unwrap();
    engine.step(&long.models).unwrap();
    assert_eq!(engine.walked(), None);
    assert!(said.lock().unwrap().is_empty(), "{said:?}");
}

#[test]
fn software_adapters_are_not_tuned_by_themselves() {
    on_every_adapter(|adapter| {
        let is_software = adapter.device.kind == segmint::engine::DeviceKind::SoftwareGpu;
        let tuning = GpuSettings::of(&adapter.device, 1 << 30).tuning;
        assert_eq!(tuning == Tuning::Off, is_software, "{tuning:?}");
    });
}

#[test]
fn what_was_found_is_kept_and_the_next_run_times_nothing() {
    on_every_adapter(|adapter| {
        let folder = tempfile::tempdir().unwrap();
        let case = cases::plain(10, &[5], 3000);
        let (mut engine, said) = tuned(adapter, Some(folder.path()));
        engine.load(case.matrix.clone()).unwrap();
        walk(&mut engine, &said, &case.models);
        drop(engine);
        let [found] = &lines_with(&said, "from now on, kept in")[..] else { panic!("{said:?}") };
        let chosen = Variant::ALL.into_iter().find(|v| found.contains(&format!("; {} from now on", v.name()))).unwrap();

        let again = |expected: &str| {
            let (mut engine, said) = tuned(adapter, Some(folder.path()));
            engine.load(case.matrix.clone()).unwrap();
            // Past anything that a trial would take.
            let walked: BTreeSet<_> = (0..40)
                .map(|_| {
                    engine.step(&case.models).unwrap();
                    engine.walked().unwrap()
                })
                .collect();
            assert!(walked.is_subset(&BTreeSet::from([Variant::Usual, chosen])), "{walked:?}");
            let kept = format!("10 features: {expected}, as an earlier run found");
            assert_eq!(lines_with(&said, &kept).len(), 1, "{said:?}");
            assert!(lines_with(&said, "nanoseconds").is_empty(), "{said:?}");
        };
        again(chosen.name());

        // A file that is damaged is said and not used: the run tries by itself, and leaves a whole one.
        let file = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|extension| extension == "variants"))
            .unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let (mut engine, said) = tuned(adapter, Some(folder.path()));
        assert_eq!(lines_with(&said, "variants is not used: it is damaged").len(), 1, "{said:?}");
        engine.load(case.matrix.clone()).unwrap();
        walk(&mut engine, &said, &case.models);
        let (_, said) = tuned(adapter, Some(folder.path()));
        assert!(lines_with(&said, "is not used").is_empty(), "{said:?}");
    });
}

/// Walks a guarded GPU that tunes until its device is retired; every answer is the CPU's. Why it was retired.
fn walk_until_retired(adapter: &AdapterInfo, case: &Case) -> String {
    let events = Arc::new(Mutex::new(Vec::new()));
    let kept = events.clone();
    let observe = Observe::default().listen(move |event| kept.lock().unwrap().push(event.clone()));
    let engine = GpuEngine::open(adapter, settings(adapter, Tuning::Above(0))).unwrap();
    let spare: Spare = Box::new(|| Box::new(CpuEngine::new(1, None)));
    let mut guard = Guard::new(Box::new(engine), Some(spare), observe);
    guard.load(case.matrix.clone()).unwrap();
    let expected: Vec<_> = case.models.iter().map(|model| reference::step(&case.matrix, model)).collect();
    for _ in 0..PASSES_MAX {
        assert_eq!(guard.step(&case.models).unwrap(), expected);
        let fallback = events.lock().unwrap().iter().find_map(|event| match event {
            Event::Fallback { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        if let Some(reason) = fallback {
            return reason;
        }
    }
    panic!("nothing was noticed");
}

#[test]
fn a_variant_that_is_wrong_is_noticed_in_its_trial_and_the_answers_are_the_cpus() {
    let Some(adapter) = adapters().into_iter().next() else { return eprintln!("skipped: no adapter at all") };
    let case = cases::plain(10, &[5, 7], 3000);
    // Half of the rows of one variant are nobody's, or one copy of the sums of another gets lost.
    for (right, wrong) in [
        ("const ROWS: u32 = 512u;", "const ROWS: u32 = 256u;"),
        ("place < (slot + 1u) * COPIES;", "place < slot * COPIES + 1u;"),
    ] {
        replace_in_shaders(right, wrong);
        let reason = walk_until_retired(&adapter, &case);
        let noticed = ["does not account for every row", "audited rows have a wrong label"];
        assert!(noticed.iter().any(|by| reason.contains(by)), "{reason}");

        // Where a GPU is demanded it is the end.
        replace_in_shaders(right, wrong);
        let engine = GpuEngine::open(&adapter, settings(&adapter, Tuning::Above(0))).unwrap();
        let mut guard = Guard::new(Box::new(engine), None, Observe::default());
        guard.load(case.matrix.clone()).unwrap();
        let error = (0..PASSES_MAX).find_map(|_| guard.step(&case.models).err()).expect("a fault");
        assert_eq!(error.kind(), Kind::DeviceFault, "{error}");
    }
}

#[test]
fn a_device_that_breaks_in_the_middle_of_a_trial_leaves_the_cpus_answers() {
    let Some(adapter) = adapters().into_iter().next() else { return eprintln!("skipped: no adapter at all") };
    let case = cases::plain(10, &[5, 7], 3000);
    let expected: Vec<_> = case.models.iter().map(|model| reference::step(&case.matrix, model)).collect();
    for fault in [Fault::WrongSums, Fault::WrongLabels, Fault::Lost, Fault::Hang] {
        let (engine, said) = tuned(&adapter, None);
        let fallbacks = Arc::new(Mutex::new(0));
        let counted = fallbacks.clone();
        let observe = Observe::default().listen(move |event| {
            *counted.lock().unwrap() += usize::from(matches!(event, Event::Fallback { .. }));
        });
        let spare: Spare = Box::new(|| Box::new(CpuEngine::new(1, None)));
        let mut guard = Guard::new(Box::new(engine), Some(spare), observe);
        guard.load(case.matrix.clone()).unwrap();
        let is_trying = (0..PASSES_MAX).any(|_| {
            assert_eq!(guard.step(&case.models).unwrap(), expected);
            guard.variant().is_some_and(|variant| variant != "usual")
        });
        assert!(is_trying && !guard.is_settled() && !has_settled(&said), "a trial is under way");
        assert_eq!(*fallbacks.lock().unwrap(), 0);
        strike(fault);
        for _ in 0..3 {
            assert_eq!(guard.step(&case.models).unwrap(), expected, "{fault:?}");
        }
        assert_eq!(*fallbacks.lock().unwrap(), 1, "{fault:?}");
        assert!(!has_settled(&said), "{fault:?}");
    }
}

#[test]
fn every_variant_walks_chunks_dispatches_and_grids_of_two_dimensions_to_the_same_sums() {
    let cases = [cases::plain(10, &[5, 3, 40], 4200), weighted(10, 2300)];
    let expected = cases.each_ref().map(|case| {
        let step = |model: &Centroids| reference::step(&case.matrix, model);
        case.models.iter().map(step).collect::<Vec<_>>()
    });
    on_every_adapter(|adapter| {
        let usual = Limits::of(adapter.device.kind, 1 << 30);
        let limits = [
            // Two workgroups in a row of the grid, which takes several rows of them.
            Limits { groups_per_dimension: 2, ..usual.clone() },
            // Chunks that are uploaded on each pass, with no more rows in a dispatch than a workgroup has.
            Limits { binding_bytes: 21 * 64 * 10 * 4, resident_bytes: 0, dispatch_work: 1, tie_slots: 1, ..usual },
        ];
        for variant in Variant::ALL {
            for ((case, expected), limits) in cases.iter().zip(&expected).zip(&limits) {
                let settings = GpuSettings { limits: limits.clone(), ..settings(adapter, Tuning::Only(variant)) };
                let mut engine = GpuEngine::open(adapter, settings).unwrap();
                engine.load(case.matrix.clone()).unwrap();
                assert!(engine.step(&case.models).unwrap() == *expected, "{}, {variant:?}, {limits:?}", case.name);
                // Of weighted sums there is no room for four copies.
                let is_usual = variant == Variant::Fourfold && case.matrix.weights().is_some();
                assert_eq!(engine.walked(), Some(if is_usual { Variant::Usual } else { variant }));
            }
        }
    });
}

#[test]
fn where_a_variant_does_not_fit_the_usual_one_walks_and_walks_again_for_near_ties() {
    let Some(adapter) = adapters().into_iter().next() else { return eprintln!("skipped: no adapter at all") };
    // Two small models, most of whose rows tie, beside one that leaves no room for four copies of their sums.
    let mut case = cases::duplicates(10, 600);
    let values = case.models[0].values().repeat(38);
    case.models.push(Centroids::new(2, 0, 10, values[..300 * 10].to_vec()));
    let expected: Vec<_> = case.models.iter().map(|model| reference::step(&case.matrix, model)).collect();
    // Whoever asks for four copies gets an error.
    replace_in_shaders("const COPIES: u32 = 4u;", "const COPIES: u32 = nothing;");
    let settings = settings(&adapter, Tuning::Only(Variant::Fourfold));
    let limits = Limits { tie_slots: 1, ..settings.limits.clone() };
    let mut engine = GpuEngine::open(&adapter, GpuSettings { limits, ..settings }).unwrap();
    engine.load(case.matrix.clone()).unwrap();
    assert!(engine.step(&case.models).unwrap() == expected);
    assert_eq!(engine.walked(), Some(Variant::Usual), "what was walked, not what was asked for");
}

#[test]
fn a_variant_that_the_driver_refuses_is_left_out() {
    let Some(adapter) = adapters().into_iter().next() else { return eprintln!("skipped: no adapter at all") };
    let case = cases::plain(10, &[5], 3000);
    replace_in_shaders("const TOGETHER: u32 = 2u;", "const TOGETHER: u32 = nothing;");
    let (mut engine, said) = tuned(&adapter, None);
    engine.load(case.matrix.clone()).unwrap();
    let walked = walk(&mut engine, &said, &case.models);
    assert_eq!(walked, BTreeSet::from([Variant::Usual, Variant::Short, Variant::Fourfold]));
}
