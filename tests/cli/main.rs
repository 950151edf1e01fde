//! The command line from outside: the real binary, started as a user starts it. stdout is the result, stderr is talk,
//! and the exit code tells a scheduler what to do.

mod exit_codes;
mod help;
mod init;
mod playbook;
mod streams;

use std::path::Path;
use std::process::{Command, Output};

use segmint::observe::Observe;
use segmint::source::generate::{self, Kind, Layout};
use tempfile::TempDir;

/// The binary in a folder, without whatever variables this test was started with.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segmint"));
    command.args(arguments).current_dir(folder);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SEGMINT_") {
            command.env_remove(name);
        }
    }
    for name in ["RUST_BACKTRACE", "NO_COLOR", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

fn segmint(folder: &Path, arguments: &[&str]) -> Answer {
    let output = command(folder, arguments).output().expect("the binary starts");
    Answer::of(output)
}

/// What a process said.
struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Answer {
    fn of(output: Output) -> Answer {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("everything printed is UTF-8");
        Answer { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The exit code, with what was said shown where it is another one.
    #[track_caller]
    fn ends_with(self, code: i32) -> Answer {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A folder with `customers.parquet`, planted groups.
fn folder_of_customers(rows: u64) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("customers.parquet");
    generate::write(&path, Kind::Planted, 0..rows, 42, &Layout::default(), &Observe::default()).expect("customers");
    folder
}

/// The names in a folder, sorted.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
