//! A device that breaks in the middle of a whole run: the published files are the CPU's, byte for byte, and the run says
//! what happened. Where a GPU was demanded, the run ends with that error and leaves nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use segmint::engine::cpu::CpuEngine;
use segmint::engine::gpu::faults::{Fault, Plan, arm, calls, replace_in_shaders};
use segmint::engine::gpu::{AdapterInfo, GpuEngine, GpuSettings, adapters};
use segmint::engine::{Engine, Guard};
use segmint::error::{Kind, Result};
use segmint::job::{DeviceChoice, Job};
use segmint::observe::Observe;
use segmint::pipeline::{Outcome, run, run_on};
use segmint::store::{Disk, MANIFEST};

use super::table::{all, input, job};

/// Runs with a fault, where the night's full sweep is not asked for.
const RUNS: u64 = 24;

/// Runs a job on an adapter as `auto` would on a real GPU: with the CPU to fall back to.
fn run_guarded(job: &Job, adapter: &AdapterInfo) -> Result<Outcome> {
    run_on(job, &Observe::default(), &Disk::default(), &|settings, _, observe| {
        let engine = GpuEngine::open(adapter, GpuSettings::of(&adapter.device, settings.memory))?;
        let spare = Box::new(|| Box::new(CpuEngine::new(1, None)) as Box<dyn Engine>);
        Ok(Box::new(Guard::new(Box::new(engine), Some(spare), observe.clone())))
    })
}

fn manifest(folder: &Path) -> Vec<u8> {
    fs::read(folder.join(MANIFEST)).unwrap()
}

fn fell_back(outcome: &Outcome) -> bool {
    outcome.record.device["kind"] == "cpu"
}

#[test]
fn a_device_that_breaks_at_any_call_of_a_run_changes_no_byte_of_it() {
    let found = adapters();
    let Some(adapter) = found.first() else {
        println!("skipped: no adapter at all");
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let mut job = job(&input(place.path()), &place.path().join("run"));
    job.output.overwrite = true;
    run(&job, &Observe::default()).unwrap();
    let expected = manifest(&job.output.path);

    let before = calls();
    let outcome = run_guarded(&job, adapter).unwrap();
    assert!(!fell_back(&outcome) && manifest(&job.output.path) == expected);
    let n_calls = calls() - before;

    // Opening devices is slow: every call is broken in the nightly sweep, otherwise some from start to end, more of them
    // near the start, where buffers and shaders are made; each fault has its turn.
    let nightly = std::env::var_os("SEGMINT_NIGHTLY").is_some();
    let runs = if nightly { n_calls } else { RUNS.min(n_calls) };
    let mut struck: BTreeMap<String, u32> = BTreeMap::new();
    for run in 0..runs {
        let call = if nightly { run } else { run.pow(4) * n_calls / runs.pow(4) };
        let fault = Fault::ALL[run as usize % Fault::ALL.len()];
        arm(Plan { call, fault });
        let outcome = run_guarded(&job, adapter).unwrap();
        assert!(manifest(&job.output.path) == expected, "{fault:?} at call {call}");
        *struck.entry(format!("{fault:?}")).or_default() += u32::from(fell_back(&outcome));
    }
    println!("{runs} of the {n_calls} calls of a run broken; fallbacks: {struck:?}");
    assert_eq!(struck.len(), Fault::ALL.len());
    assert!(struck.values().all(|&runs| runs > 0), "{struck:?}");
}

#[test]
fn a_demanded_device_that_breaks_ends_the_run_and_leaves_nothing() {
    let found = adapters();
    let Some(adapter) = found.first() else { return };
    let place = tempfile::tempdir().unwrap();
    let mut job = job(&input(place.path()), &place.path().join("out/run"));
    job.engine.device = DeviceChoice::Named(adapter.title());
    for fault in Fault::ALL {
        // Kernels are compiled while the first rows are uploaded.
        let call = if fault == Fault::FailedPipeline { 0 } else { 3 };
        arm(Plan { call, fault });
        let error = run(&job, &Observe::default()).err().unwrap_or_else(|| panic!("{fault:?} did not end the run"));
        assert_eq!((error.kind(), error.kind().exit_code()), (Kind::DeviceFault, 69), "{fault:?}: {error}");
        assert_eq!(all(place.path()), ["customers.parquet"], "{fault:?}");
    }
}

#[test]
fn a_shader_that_writes_nothing_is_found_out_and_the_run_ends_on_the_cpu() {
    let found = adapters();
    let Some(adapter) = found.first() else { return };
    let place = tempfile::tempdir().unwrap();
    let mut job = job(&input(place.path()), &place.path().join("run"));
    job.output.overwrite = true;
    run(&job, &Observe::default()).unwrap();
    let expected = manifest(&job.output.path);
    replace_in_shaders("atomicAdd(&totals[2u * slot], low)", "0u");
    let outcome = run_guarded(&job, adapter).unwrap();
    assert!(fell_back(&outcome) && manifest(&job.output.path) == expected);
    let record = fs::read_to_string(job.output.path.join("run.json")).unwrap();
    assert!(record.contains("does not account for every row"), "the record says why: {record}");
}
