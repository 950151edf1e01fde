//! Tables for which memory has no room: the same bytes from a spill file, on every engine, nothing left of it however a run
//! ends, and a run that says so.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use segmint::error::Kind;
use segmint::job::{Criterion, DeviceChoice, Job};
use segmint::observe::{Event, Observe};
use segmint::pipeline::run;
use segmint::store::{MANIFEST, Manifest};
use serde_json::Value;

use super::table::{ROWS, all, input, job, job_with_weights_and_drops};

/// What a run of these few rows takes beside their grid values, and hardly more.
const LITTLE: u64 = ROWS as u64 * 24;

fn spilling(mut job: Job, folder: &Path) -> Job {
    (job.engine.memory, job.engine.spill) = (LITTLE, folder.to_path_buf());
    job
}

fn record(run: &Path) -> Value {
    serde_json::from_slice(&fs::read(run.join("run.json")).unwrap()).unwrap()
}

fn manifest(folder: &Path) -> Vec<u8> {
    assert_eq!(Manifest::read(folder).unwrap().damaged(folder).unwrap(), Vec::<String>::new());
    fs::read(folder.join(MANIFEST)).unwrap()
}

#[test]
fn a_run_from_a_file_publishes_the_bytes_of_one_in_memory_on_any_number_of_threads() {
    let place = tempfile::tempdir().unwrap();
    let (input, output) = (input(place.path()), place.path().join("run"));
    let files = place.path().join("files");
    fs::create_dir(&files).unwrap();
    // Enough features that the grid is the larger part of what a row takes.
    let jobs = [
        |mut job: Job| {
            job.features.extend(["tenure"].map(segmint::job::Feature::plain));
            job.features[3].missing = segmint::job::Missing::Median;
            job
        },
        |mut job: Job| {
            job.cluster.k = 2..=4;
            job.selection.criterion = Criterion::DaviesBouldin;
            job.selection.silhouette = segmint::job::SilhouetteRows::None;
            job
        },
    ];
    for (number, change) in jobs.iter().enumerate() {
        let job = |threads: usize| {
            let mut job = change(match number {
                0 => job(&input, &output),
                _ => job_with_weights_and_drops(&input, &output),
            });
            (job.engine.threads, job.selection.silhouette) = (threads, segmint::job::SilhouetteRows::None);
            job
        };
        run(&job(1), &Observe::default()).unwrap();
        let expected = manifest(&output);
        assert_eq!(record(&output)["counters"]["spilled_bytes"], 0);
        fs::remove_dir_all(&output).unwrap();
        for threads in [1, 2, 5] {
            run(&spilling(job(threads), &files), &Observe::default()).unwrap();
            assert_eq!(manifest(&output), expected, "job {number}, {threads} threads");
            let record = record(&output);
            // A header, all values and a checksum.
            assert!(record["counters"]["spilled_bytes"].as_u64().unwrap() > 65_536 + 4 * 500 * 4, "{record:#}");
            assert!(record["counters"]["spill_gigabytes_per_second"].is_number());
            assert!(record["counters"]["pass_gigabytes_per_second"].is_number());
            assert_eq!(record["counters"]["reads"], 2);
            assert_eq!(record["engine"]["spill"], files.display().to_string());
            fs::remove_dir_all(&output).unwrap();
        }
    }
    assert_eq!(all(&files), Vec::<String>::new());
}

#[test]
fn where_a_spill_file_lies_is_no_setting_of_the_result() {
    let place = tempfile::tempdir().unwrap();
    let (input, output) = (input(place.path()), place.path().join("run"));
    let mut job = job(&input, &output);
    job.selection.silhouette = segmint::job::SilhouetteRows::None;
    run(&job, &Observe::default()).unwrap();
    let again = run(&spilling(job, place.path()), &Observe::default()).unwrap_err();
    assert_eq!(again.kind(), Kind::NothingToDo);
}

#[test]
fn a_spilling_run_that_is_stopped_at_any_event_leaves_nothing_and_its_file_never_has_a_name() {
    let place = tempfile::tempdir().unwrap();
    let (input, output) = (input(place.path()), place.path().join("out/run"));
    let files = place.path().join("files");
    fs::create_dir(&files).unwrap();
    let spilled = Arc::new(AtomicBool::new(false));
    for at in 0.. {
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, events, names) = (stop.clone(), AtomicUsize::new(0), Arc::new(Mutex::new(Vec::new())));
        let (folder, seen, has_spilled) = (files.clone(), names.clone(), spilled.clone());
        let observe = Observe::new(stop).listen(move |event| {
            seen.lock().unwrap().extend(all(&folder));
            if matches!(event, Event::StageFinished { stage: "spill", bytes, .. } if *bytes > 0) {
                has_spilled.store(true, Ordering::Relaxed);
            }
            if events.fetch_add(1, Ordering::Relaxed) == at {
                flag.store(true, Ordering::Relaxed);
            }
        });
        let mut job = spilling(job(&input, &output), &files);
        job.selection.silhouette = segmint::job::SilhouetteRows::None;
        let outcome = run(&job, &observe);
        assert_eq!(*names.lock().unwrap(), Vec::<String>::new(), "event {at}");
        match outcome {
            Err(error) => {
                assert_eq!(error.kind(), Kind::Stopped, "event {at}: {error}");
                assert_eq!(all(place.path()), ["customers.parquet", "files"], "event {at}");
            }
            Ok(_) => {
                fs::remove_dir_all(place.path().join("out")).unwrap();
                if observe.check_stop().is_ok() {
                    break;
                }
            }
        }
    }
    assert!(spilled.load(Ordering::Relaxed));
}

/// Says to the child where its table, its output and its spill file are.
const CHILD: &str = "SEGMINT_TEST_SPILLING_CHILD";

#[test]
fn a_spilling_run_that_is_killed_leaves_nothing_of_its_file() {
    if let Some(folder) = std::env::var_os(CHILD) {
        // Waits to be killed, with all of its file written.
        let folder = Path::new(&folder);
        let ready = folder.join("ready");
        let observe = Observe::default().listen(move |event| {
            if matches!(event, Event::StageFinished { stage: "spill", .. }) {
                fs::write(&ready, "").unwrap();
                loop {
                    std::thread::park();
                }
            }
        });
        let mut job = spilling(job(&folder.join("customers.parquet"), &folder.join("out/run")), &folder.join("files"));
        job.selection.silhouette = segmint::job::SilhouetteRows::None;
        run(&job, &observe).unwrap();
        unreachable!("it was to be killed");
    }
    let place = tempfile::tempdir().unwrap();
    input(place.path());
    let files = place.path().join("files");
    fs::create_dir(&files).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "spilled::a_spilling_run_that_is_killed_leaves_nothing_of_its_file", "--nocapture"])
        .env(CHILD, place.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !place.path().join("ready").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(all(&files), Vec::<String>::new());
}

#[test]
fn what_does_not_fit_even_so_and_a_folder_that_is_not_there_are_refused_by_name() {
    let place = tempfile::tempdir().unwrap();
    let (input, output) = (input(place.path()), place.path().join("run"));
    let mut choosing = spilling(job(&input, &output), place.path());
    (choosing.cluster.k, choosing.selection.stability) = (2..=5, 20);
    let error = run(&choosing, &Observe::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::JobFile);
    assert!(error.to_string().contains("beside a spill file"), "{error}");
    assert!(error.hint_text().unwrap().contains("--stability 0"), "{error}");

    let mut job = spilling(job(&input, &output), &place.path().join("nowhere"));
    job.selection.silhouette = segmint::job::SilhouetteRows::None;
    let error = run(&job, &Observe::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    assert!(error.to_string().contains("nowhere") && error.hint_text().unwrap().contains("--spill"), "{error}");
    // Also where memory has room: the folder is said before it is needed.
    job.engine.memory = 1 << 30;
    let roomy = run(&job, &Observe::default()).unwrap_err();
    assert_eq!((roomy.kind(), roomy.to_string()), (Kind::Io, error.to_string()));
    job.engine.spill = input;
    let file = run(&job, &Observe::default()).unwrap_err();
    assert!(file.to_string().contains("customers.parquet"), "{file}");
    assert_eq!(all(place.path()), ["customers.parquet"]);
    assert_eq!(job.engine.device, DeviceChoice::Cpu);
}
