//! `segmint explain`: what it says of a run, and the queries it writes, which are run in a database against the run.

mod duckdb;
mod odd;
mod said;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn segmint(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segmint")).args(arguments).output().expect("the binary starts")
}

/// What a command prints where it succeeds.
#[track_caller]
fn printed(arguments: &[&str]) -> String {
    let output = segmint(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("stdout is text")
}

fn project(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).display().to_string()
}

/// Runs a job into a folder.
fn run(job: &str, folder: &Path) {
    printed(&["run", job, "--out", &folder.display().to_string(), "--device", "cpu"]);
}

/// A published run of CDNOW.
fn cdnow() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("run");
    run(&project("data/cdnow.toml"), &folder);
    (place, folder)
}
