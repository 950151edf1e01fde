//! Failures and kills at every operation on the disk.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use segmint::error::Kind;
use segmint::store::{Disk, Fault, Staging};

use super::runs::{all, bytes_of, output, publish, visible};

/// Says to the child what to do: the operation to die at, the target, and which night it is.
const CHILD: &str = "SEGMINT_TEST_CHILD";

/// A target that is new, or holds last night's run; the operations of a good run to it; its bytes.
fn rehearse(place: &Path, overwrite: bool, faults: Vec<Fault>) -> (Vec<&'static str>, Vec<(String, Vec<u8>)>) {
    let target = place.join("rehearsal/night");
    fs::create_dir(place.join("rehearsal")).unwrap();
    if overwrite {
        publish(&Disk::default(), &output(&target, false), 1).unwrap();
    }
    let disk = Disk::with_faults(faults);
    publish(&disk, &output(&target, overwrite), 2).unwrap();
    let bytes = bytes_of(&target);
    fs::remove_dir_all(place.join("rehearsal")).unwrap();
    (disk.operations(), bytes)
}

/// With `exchange` unsupported, the old run is moved aside and the new one into its place.
fn no_exchange(operations: &[&'static str]) -> Vec<Fault> {
    let operation = operations.iter().position(|name| *name == "exchange").unwrap();
    vec![Fault::Once { operation, error: ErrorKind::Unsupported }]
}

/// Every way in which a run can reach its place: new, by exchange, by two renames.
fn ways(place: &Path) -> Vec<(&'static str, bool, Vec<Fault>)> {
    let exchange = rehearse(place, true, Vec::new()).0;
    vec![("new", false, Vec::new()), ("exchange", true, Vec::new()), ("aside", true, no_exchange(&exchange))]
}

#[test]
fn a_failure_at_any_operation_leaves_the_old_run_or_the_new_one_and_nothing_half() {
    let place = tempfile::tempdir().unwrap();
    let mut cases = 0;
    for (way, overwrite, faults) in ways(place.path()) {
        let (operations, new) = rehearse(place.path(), overwrite, faults.clone());
        let injections = (0..operations.len()).flat_map(|operation| {
            [Fault::Once { operation, error: ErrorKind::PermissionDenied }, Fault::Full { operation }]
        });
        for (index, fault) in injections.enumerate() {
            let folder = place.path().join(format!("{way}{index}"));
            let target = folder.join("night");
            fs::create_dir(&folder).unwrap();
            let old = overwrite.then(|| {
                publish(&Disk::default(), &output(&target, false), 1).unwrap();
                bytes_of(&target)
            });
            let mut all_faults = vec![fault];
            all_faults.extend(&faults);
            let result = publish(&Disk::with_faults(all_faults), &output(&target, overwrite), 2);

            let context = format!("{way}, {fault:?} of {operations:?}: {result:?}");
            assert!(visible(&folder).iter().all(|name| name == "night"), "{context}");
            let found = target.exists().then(|| bytes_of(&target));
            match &result {
                Ok(_) => assert_eq!(found.as_ref(), Some(&new), "{context}"),
                Err(error) => {
                    assert!(matches!(error.kind(), Kind::Io | Kind::Output), "{context}");
                    assert!(found == old || found.as_ref() == Some(&new), "{context}");
                }
            }
            // Whatever was left hidden goes with the next run.
            publish(&Disk::default(), &output(&target, true), 2).unwrap();
            assert_eq!(bytes_of(&target), new, "{context}");
            assert_eq!(all(&folder), ["night"], "{context}");
            fs::remove_dir_all(&folder).unwrap();
            cases += 1;
        }
    }
    println!("{cases} failures injected");
    assert!(cases > 100);
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    let place = tempfile::tempdir().unwrap();
    let (operations, _) = rehearse(place.path(), false, Vec::new());
    let operation = operations.iter().position(|name| *name == "write").unwrap();
    let disk = Disk::with_faults(vec![Fault::Full { operation }]);
    let error = publish(&disk, &output(&place.path().join("night"), false), 1).unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    assert!(error.hint_text().unwrap().contains("room"), "{error}");
    assert_eq!(all(place.path()), Vec::<String>::new());
}

#[test]
fn a_kill_at_any_operation_leaves_nothing_visible_and_the_next_start_clears_the_rest() {
    let place = tempfile::tempdir().unwrap();
    let mut cases = 0;
    for (way, overwrite, _) in ways(place.path()) {
        let faults = faults_of(way, place.path());
        let (operations, new) = rehearse(place.path(), overwrite, faults);
        for operation in 0..operations.len() {
            let folder = place.path().join(format!("{way}{operation}"));
            let target = folder.join("night");
            fs::create_dir(&folder).unwrap();
            let old = overwrite.then(|| {
                publish(&Disk::default(), &output(&target, false), 1).unwrap();
                bytes_of(&target)
            });
            let status = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "faults::a_run_that_is_killed", "--nocapture"])
                .env(CHILD, format!("{operation} {way} {}", target.display()))
                .output()
                .unwrap()
                .status;
            let context = format!("{way}, killed at operation {operation} of {operations:?}");
            assert!(!status.success(), "{context}: it was to be killed");

            assert!(visible(&folder).iter().all(|name| name == "night"), "{context}");
            let found = target.exists().then(|| bytes_of(&target));
            // Between its two renames, and only there, a run without exchange has the old run set aside.
            let between = way == "aside" && found.is_none();
            assert!(found == old || found.as_ref() == Some(&new) || between, "{context}");
            if between {
                let next = Staging::begin(&output(&target, true), &Disk::default()).unwrap();
                assert_eq!(Some(bytes_of(&target)), old, "{context}");
                drop(next);
            }
            publish(&Disk::default(), &output(&target, true), 2).unwrap();
            assert_eq!(bytes_of(&target), new, "{context}");
            assert_eq!(all(&folder), ["night"], "{context}");
            fs::remove_dir_all(&folder).unwrap();
            cases += 1;
        }
    }
    println!("{cases} kills");
    assert!(cases > 50);
}

fn faults_of(way: &str, place: &Path) -> Vec<Fault> {
    if way == "aside" { no_exchange(&rehearse(place, true, Vec::new()).0) } else { Vec::new() }
}

/// The child of the test above: a run that ends itself at a given operation. Does nothing where it is not a child.
#[test]
fn a_run_that_is_killed() {
    let Ok(order) = std::env::var(CHILD) else { return };
    let mut parts = order.splitn(3, ' ');
    let operation = parts.next().unwrap().parse().unwrap();
    let way = parts.next().unwrap();
    let target = PathBuf::from(parts.next().unwrap());
    let mut faults = vec![Fault::Abort { operation }];
    if way == "aside" {
        let place = tempfile::tempdir().unwrap();
        faults.extend(faults_of(way, place.path()));
    }
    let _ = publish(&Disk::with_faults(faults), &output(&target, way != "new"), 2);
}
