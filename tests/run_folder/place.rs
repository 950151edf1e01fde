//! Where a run may be put, and where not.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use segmint::error::Kind;
use segmint::store::{Disk, Fault, Staging};

use super::runs::{all, bytes_of, kind, output, publish};

#[test]
fn an_existing_run_is_kept_and_the_same_job_on_the_same_input_has_nothing_to_do() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("night");
    publish(&Disk::default(), &output(&target, false), 1).unwrap();
    let before = bytes_of(&target);

    assert_eq!(kind(publish(&Disk::default(), &output(&target, false), 1)), Kind::NothingToDo);
    let error = publish(&Disk::default(), &output(&target, false), 2).unwrap_err();
    assert_eq!(error.kind(), Kind::Output);
    assert!(error.hint_text().unwrap().contains("--overwrite"));
    assert_eq!(bytes_of(&target), before);

    // A damaged run is not "nothing to do".
    fs::write(target.join("summary.json"), "").unwrap();
    assert_eq!(kind(publish(&Disk::default(), &output(&target, false), 1)), Kind::Output);
    assert_eq!(all(place.path()), ["night"]);
}

#[test]
fn overwrite_replaces_a_run_and_only_a_run() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("night");
    publish(&Disk::default(), &output(&target, false), 1).unwrap();
    let old = bytes_of(&target);
    publish(&Disk::default(), &output(&target, true), 2).unwrap();
    let new = bytes_of(&target);
    assert_ne!(old, new);
    assert_eq!(all(place.path()), ["night"]);

    // Somebody's own file inside a run.
    fs::write(target.join("notes.txt"), "mine").unwrap();
    let error = publish(&Disk::default(), &output(&target, true), 3).unwrap_err();
    assert_eq!(error.kind(), Kind::Output);
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert_eq!(fs::read(target.join("notes.txt")).unwrap(), b"mine");

    // Folders and files that are no runs, with and without the wish to overwrite.
    let foreign = place.path().join("photos");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("manifest.json"), "{\"kind\": \"photos\"}").unwrap();
    fs::create_dir(place.path().join("empty")).unwrap();
    fs::write(place.path().join("file"), "text").unwrap();
    for name in ["photos", "empty", "file"] {
        for overwrite in [false, true] {
            assert_eq!(kind(publish(&Disk::default(), &output(&place.path().join(name), overwrite), 1)), Kind::Output);
        }
    }
    assert_eq!(fs::read(foreign.join("manifest.json")).unwrap(), b"{\"kind\": \"photos\"}");
    assert_eq!(all(place.path()), ["empty", "file", "night", "photos"]);
}

#[cfg(unix)]
#[test]
fn a_run_is_never_written_through_a_symbolic_link() {
    let place = tempfile::tempdir().unwrap();
    publish(&Disk::default(), &output(&place.path().join("night"), false), 1).unwrap();
    std::os::unix::fs::symlink("night", place.path().join("latest")).unwrap();
    let error = publish(&Disk::default(), &output(&place.path().join("latest"), true), 2).unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
    assert_eq!(all(place.path()), ["latest", "night"]);
}

#[test]
fn a_place_without_a_name_or_below_a_file_is_refused() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("file"), "text").unwrap();
    for path in [PathBuf::from("/"), PathBuf::from(".."), PathBuf::new(), place.path().join("file/night")] {
        assert_eq!(kind(publish(&Disk::default(), &output(&path, false), 1)), Kind::Output, "{path:?}");
    }
    assert_eq!(all(place.path()), ["file"]);
}

#[cfg(unix)]
#[test]
fn a_parent_that_cannot_be_written_is_refused_at_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let parent = place.path().join("closed");
    fs::create_dir(&parent).unwrap();
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o555)).unwrap();
    // Who may do everything (root in a container) is not stopped by permissions: the same refusal by an injected error.
    let may_write = fs::write(parent.join("probe"), "").is_ok();
    let disk = if may_write {
        fs::remove_file(parent.join("probe")).unwrap();
        println!("permissions do not bind this user; the refusal is injected");
        Disk::with_faults(vec![Fault::Once { operation: 0, error: ErrorKind::PermissionDenied }])
    } else {
        Disk::default()
    };
    let error = publish(&disk, &output(&parent.join("night"), false), 1).unwrap_err();
    assert_eq!(error.kind(), Kind::Output);
    assert!(error.hint_text().unwrap().contains("writable"), "{error}");
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(all(&parent), Vec::<String>::new());
}

#[test]
fn of_two_runs_to_one_folder_one_is_told_who_holds_it() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("deep/night");
    let first = Staging::begin(&output(&target, false), &Disk::default()).unwrap();
    let error = publish(&Disk::default(), &output(&target, false), 1).unwrap_err();
    assert_eq!(error.kind(), Kind::Output);
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    // The loser has not touched the winner's staging, and another folder is nobody's business.
    assert_eq!(all(&place.path().join("deep")).len(), 2);
    publish(&Disk::default(), &output(&place.path().join("deep/other"), false), 1).unwrap();
    drop(first);
    assert_eq!(all(&place.path().join("deep")), ["other"]);
    publish(&Disk::default(), &output(&target, false), 1).unwrap();
}

#[test]
fn runs_that_race_for_one_folder_leave_one_whole_run() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("deep/night");
    let (won, lost): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| publish(&Disk::default(), &output(&target, false), 1).map_err(|e| e.kind())))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).partition(Result::is_ok)
    });
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|run| matches!(run, Err(Kind::Output | Kind::NothingToDo))), "{lost:?}");
    bytes_of(&target);
    assert_eq!(all(&place.path().join("deep")), ["night"]);
}

#[test]
fn a_run_that_is_dropped_leaves_nothing_not_even_the_parents_it_made() {
    let place = tempfile::tempdir().unwrap();
    let mut staging = Staging::begin(&output(&place.path().join("a/b/night"), false), &Disk::default()).unwrap();
    staging.write("summary.json", b"{}").unwrap();
    drop(staging);
    assert_eq!(all(place.path()), Vec::<String>::new());
}
