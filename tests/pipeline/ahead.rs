//! The engine is opened while the rows are read: what is not there is told before, what is there is said after, and
//! nothing of it is in the result.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use segmint::engine::gpu::adapters;
use segmint::error::{Error, Kind};
use segmint::job::{DeviceChoice, Job};
use segmint::observe::{Event, Observe};
use segmint::pipeline::{Outcome, run};
use segmint::store::MANIFEST;

use super::table::{all, input, job};

/// A run and all that it said.
fn heard(job: &Job) -> (Result<Outcome, Error>, Vec<Event>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let kept = events.clone();
    let outcome = run(job, &Observe::default().listen(move |event| kept.lock().unwrap().push(event.clone())));
    let events = events.lock().unwrap().clone();
    (outcome, events)
}

fn named(place: &Path, name: &str) -> Job {
    let mut job = job(&input(place), &place.join("out/run"));
    job.engine.device = DeviceChoice::Named(name.to_owned());
    job
}

#[test]
fn a_gpu_that_is_not_there_ends_the_run_before_anything_is_read() {
    let place = tempfile::tempdir().unwrap();
    let (outcome, events) = heard(&named(place.path(), "no such card"));
    assert_eq!(outcome.unwrap_err().kind(), Kind::NoDevice);
    assert!(!events.iter().any(|event| matches!(event, Event::StageStarted { .. })), "{events:?}");
    assert_eq!(all(place.path()), ["customers.parquet"]);
}

#[test]
fn a_device_is_said_after_the_rows_are_read_met_after_the_clustering_and_changes_no_byte() {
    let found = adapters();
    let Some(adapter) = found.first() else {
        println!("skipped: no adapter at all");
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let on_cpu = job(&input(place.path()), &place.path().join("cpu"));
    run(&on_cpu, &Observe::default()).unwrap();
    let mut job = named(place.path(), &adapter.title());
    job.engine.cache = Some(place.path().join("kernels"));
    let (outcome, events) = heard(&job);
    assert_eq!(outcome.unwrap().record.device["name"], adapter.device.name.as_str());
    let manifest = |job: &Job| fs::read(job.output.path.join(MANIFEST)).unwrap();
    assert_eq!(manifest(&job), manifest(&on_cpu));

    let place_of = |what: &dyn Fn(&Event) -> bool| events.iter().position(what).expect("an event");
    let order = [
        place_of(&|event| matches!(event, Event::StageFinished { stage: "read", .. })),
        place_of(&|event| matches!(event, Event::Forecast { devices, .. } if devices[1].chosen)),
        place_of(&|event| matches!(event, Event::DeviceChosen { .. })),
        place_of(&|event| matches!(event, Event::StageFinished { stage: "cluster", .. })),
        place_of(&|event| matches!(event, Event::ForecastMet { passes, .. } if *passes > 0)),
    ];
    assert!(order.is_sorted(), "{order:?}");
    if adapter.device.backend == "Vulkan" {
        assert_eq!(all(&place.path().join("kernels")).len(), 1, "compiled kernels are kept for the next run");
    }
}

#[test]
fn a_run_that_is_stopped_while_its_engine_is_opened_leaves_nothing() {
    let found = adapters();
    let Some(adapter) = found.first() else { return };
    let place = tempfile::tempdir().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let observe = Observe::new(stop).listen(move |_| flag.store(true, Ordering::Relaxed));
    let error = run(&named(place.path(), &adapter.title()), &observe).unwrap_err();
    assert_eq!(error.kind(), Kind::Stopped);
    assert_eq!(all(place.path()), ["customers.parquet"]);
}
