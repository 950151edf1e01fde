//! Runs that end before their end: stopped at every event, failing and killed at every operation on the disk.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use segmint::engine::open;
use segmint::error::Kind;
use segmint::observe::Observe;
use segmint::pipeline::{run, run_on};
use segmint::store::{Disk, Fault, MANIFEST, Manifest};

use super::table::{all, input, job, job_with_weights_and_drops};

/// Says to the child what to do: the operation to die at, the input and the output.
const CHILD: &str = "SEGMINT_TEST_PIPELINE_CHILD";

/// The manifest of a whole run: it vouches for every other byte.
fn manifest(folder: &Path) -> Vec<u8> {
    assert_eq!(Manifest::read(folder).unwrap().damaged(folder).unwrap(), Vec::<String>::new());
    fs::read(folder.join(MANIFEST)).unwrap()
}

/// A place with an input, a published run to compare with, and what a run does on the disk.
fn rehearsed() -> (tempfile::TempDir, PathBuf, Vec<&'static str>, Vec<u8>) {
    let place = tempfile::tempdir().unwrap();
    let input = input(place.path());
    let disk = Disk::default();
    let output = place.path().join("expected");
    fs::create_dir(place.path().join("out")).unwrap();
    run_on(&job(&input, &output), &Observe::default(), &disk, &open).unwrap();
    let expected = manifest(&output);
    (place, input, disk.operations(), expected)
}

#[test]
fn a_run_stopped_at_any_event_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let input = input(place.path());
    let output = place.path().join("out/run");
    let (mut stopped, mut finished) = (0, 0);
    for at in 0.. {
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, events) = (stop.clone(), AtomicUsize::new(0));
        let observe = Observe::new(stop).listen(move |_| {
            if events.fetch_add(1, Ordering::Relaxed) == at {
                flag.store(true, Ordering::Relaxed);
            }
        });
        let asked = || observe.check_stop().is_err();
        match run(&job_with_weights_and_drops(&input, &output), &observe) {
            Err(error) => {
                assert_eq!(error.kind(), Kind::Stopped, "event {at}: {error}");
                assert_eq!(all(place.path()), ["customers.parquet"], "event {at}");
                stopped += 1;
            }
            Ok(_) => {
                manifest(&output);
                fs::remove_dir_all(place.path().join("out")).unwrap();
                finished += 1;
                if !asked() {
                    break;
                }
            }
        }
    }
    println!("{stopped} runs stopped, {finished} asked too late");
    assert!(stopped > 10);
}

#[test]
fn a_run_that_fails_at_any_operation_leaves_nothing_or_a_whole_run() {
    let (place, input, operations, expected) = rehearsed();
    let out = place.path().join("out");
    let output = out.join("run");
    for operation in 0..operations.len() {
        let disk = Disk::with_faults(vec![Fault::Once { operation, error: ErrorKind::StorageFull }]);
        let result = run_on(&job(&input, &output), &Observe::default(), &disk, &open);
        let context = format!("operation {operation} of {operations:?}");
        match result {
            Ok(_) => assert_eq!(manifest(&output), expected, "{context}"),
            Err(error) => {
                assert!(matches!(error.kind(), Kind::Io | Kind::Output), "{context}: {error}");
                let visible = all(&out).into_iter().any(|name| !name.starts_with('.'));
                assert!(!visible || manifest(&output) == expected, "{context}");
            }
        }
        let again = run(&job(&input, &output), &Observe::default());
        assert!(again.is_ok() || again.is_err_and(|error| error.kind() == Kind::NothingToDo), "{context}");
        assert_eq!(all(&out), ["run"], "{context}");
        fs::remove_dir_all(&output).unwrap();
    }
    println!("{} failures", operations.len());
}

#[test]
fn a_run_killed_at_any_operation_leaves_nothing_visible_and_the_next_one_gives_the_same_bytes() {
    let (place, input, operations, expected) = rehearsed();
    let out = place.path().join("out");
    let output = out.join("run");
    for operation in 0..operations.len() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "early_ends::a_run_that_is_killed", "--nocapture"])
            .env(CHILD, format!("{operation}\n{}\n{}", input.display(), output.display()))
            .output()
            .unwrap();
        let context = format!("operation {operation} of {operations:?}");
        assert!(!child.status.success(), "{context}");
        let visible = all(&out).into_iter().any(|name| !name.starts_with('.'));
        assert!(!visible || manifest(&output) == expected, "{context}");
        let again = run(&job(&input, &output), &Observe::default());
        assert!(again.is_ok() || again.is_err_and(|error| error.kind() == Kind::NothingToDo), "{context}");
        assert_eq!(manifest(&output), expected, "{context}");
        assert_eq!(all(&out), ["run"], "{context}");
        fs::remove_dir_all(&output).unwrap();
    }
    println!("{} kills", operations.len());
    assert!(operations.len() > 20);
}

/// The child of the test above. Does nothing where it is not a child.
#[test]
fn a_run_that_is_killed() {
    let Ok(order) = std::env::var(CHILD) else { return };
    let mut lines = order.lines();
    let operation = lines.next().unwrap().parse().unwrap();
    let (input, output) = (PathBuf::from(lines.next().unwrap()), PathBuf::from(lines.next().unwrap()));
    let disk = Disk::with_faults(vec![Fault::Abort { operation }]);
    let _ = run_on(&job(&input, &output), &Observe::default(), &disk, &open);
}
