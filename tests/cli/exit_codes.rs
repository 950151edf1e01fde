//! Every exit code, raised by a real run. Whatever goes wrong, nothing is left in the output place.

#![allow(clippy::print_stdout, reason = "a test says how much it covered")]

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::{Answer, command, folder_of_customers, names_in, segmint};

const RUN: [&str; 8] = ["run", "customers.parquet", "--id", "customer_id", "--k", "3", "--device", "cpu"];

fn run_with(more: &[&'static str]) -> Vec<&'static str> {
    RUN.iter().copied().chain(["--features", "recency,monetary"]).chain(more.iter().copied()).collect()
}

#[test]
fn a_run_ends_with_0_and_the_same_again_with_99() {
    let folder = folder_of_customers(1_000);
    segmint(folder.path(), &run_with(&["--out", "first"])).ends_with(0);
    let before = std::fs::read(folder.path().join("first/manifest.json")).expect("a manifest");
    let again = segmint(folder.path(), &run_with(&["--out", "first"])).ends_with(99);
    assert!(again.stderr.contains("note: "), "{}", again.stderr);
    assert_eq!(again.stdout, "");
    assert_eq!(std::fs::read(folder.path().join("first/manifest.json")).expect("a manifest"), before);
    segmint(folder.path(), &run_with(&["--out", "first", "--overwrite"])).ends_with(0);
}

#[test]
fn usage_errors_end_with_2() {
    let folder = folder_of_customers(50);
    let cases: [&[&str]; 7] = [
        &["rnu"],
        &["run", "--nosuch"],
        &["run", "customers.parquet", "--k", "8..4"],
        &["run", "--k", "5"],
        &["run", "a.parquet", "b.parquet", "--k", "5"],
        &["run", "customers.parquet", "--k", "many"],
        &["generate", "--rows", "0", "--out", "x.parquet"],
    ];
    for arguments in cases {
        let answer = segmint(folder.path(), arguments).ends_with(2);
        assert!(answer.stdout.is_empty(), "{arguments:?}");
        assert!(answer.stderr.starts_with("error: "), "{arguments:?}: {}", answer.stderr);
    }
    assert_eq!(names_in(folder.path()), ["customers.parquet"]);
}

#[test]
fn bad_data_ends_with_65() {
    let folder = folder_of_customers(50);
    std::fs::write(folder.path().join("broken.parquet"), b"PAR1 no footer").expect("write");
    let cases: [&[&str]; 5] = [
        &["run", "broken.parquet", "--k", "2"],
        &["run", "customers.parquet", "--k", "51"],
        &["run", "customers.parquet", "--k", "2", "--features", "recencyy"],
        &["run", "customers.parquet", "--k", "2", "--features", "truth"],
        &["run", "customers.parquet", "--k", "2", "--id", "truth", "--features", "recency"],
    ];
    for arguments in cases {
        let answer = segmint(folder.path(), arguments).ends_with(65);
        assert!(answer.stderr.contains("error: "), "{arguments:?}: {}", answer.stderr);
        assert_eq!(answer.stderr.matches("error: ").count(), 1, "said once: {}", answer.stderr);
    }
    assert!(!folder.path().join("runs").exists() || names_in(&folder.path().join("runs")).is_empty());
}

#[test]
fn missing_input_ends_with_66() {
    let folder = folder_of_customers(50);
    let cases: [&[&str]; 4] = [
        &["run", "absent.parquet", "--k", "2"],
        &["run", "absent.toml"],
        &["run", "none-*.parquet", "--k", "2"],
        &["init", "absent.parquet"],
    ];
    for arguments in cases {
        segmint(folder.path(), arguments).ends_with(66);
    }
}

#[test]
fn a_demanded_gpu_that_is_not_there_ends_with_69() {
    let folder = folder_of_customers(200);
    let arguments = ["run", "customers.parquet", "--k", "2", "--features", "recency", "--device", "no such adapter"];
    let answer = segmint(folder.path(), &arguments).ends_with(69);
    assert!(answer.stderr.contains("no such adapter"), "{}", answer.stderr);
}

#[test]
#[cfg(debug_assertions)]
fn a_bug_of_ours_ends_with_70_and_shows_no_value() {
    let folder = folder_of_customers(500);
    let events = segmint(folder.path(), &run_with(&["--out", "tried", "--log", "json"])).ends_with(0).stderr;
    let stages: Vec<String> = events
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|event| event["event"] == "stage_started")
        .filter_map(|event| event["stage"].as_str().map(str::to_owned))
        .collect();
    assert!(stages.len() >= 4, "{stages:?}");
    println!("{} stages", stages.len());
    for stage in &stages {
        let mut command = command(folder.path(), &run_with(&["--out", "panicked"]));
        let output = command.env("SEGMINT_PANIC_IN", stage).output().expect("the binary starts");
        let answer = Answer::of(output).ends_with(70);
        assert!(answer.stderr.contains("error: segmint came to a stop at src"), "{}", answer.stderr);
        assert!(answer.stderr.contains("hint: this is a bug"), "{}", answer.stderr);
        assert!(!answer.stderr.contains("must not be shown"), "{}", answer.stderr);
        assert_eq!(names_in(folder.path()), ["customers.parquet", "tried"], "panic in {stage}");
    }
}

#[test]
fn an_output_place_that_is_taken_ends_with_73_and_stays_as_it_is() {
    let folder = folder_of_customers(200);
    std::fs::create_dir(folder.path().join("mine")).expect("a folder");
    std::fs::write(folder.path().join("mine/thesis.txt"), "mine").expect("write");
    segmint(folder.path(), &run_with(&["--out", "mine"])).ends_with(73);
    segmint(folder.path(), &run_with(&["--out", "mine", "--overwrite"])).ends_with(73);
    segmint(folder.path(), &run_with(&["--out", "customers.parquet/below"])).ends_with(73);
    assert_eq!(std::fs::read_to_string(folder.path().join("mine/thesis.txt")).expect("read"), "mine");
    assert_eq!(names_in(folder.path()), ["customers.parquet", "mine"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_cannot_be_written_ends_with_74() {
    let folder = folder_of_customers(50);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let mut command = command(folder.path(), &["run", "customers.parquet", "--k", "2", "--show-job"]);
    let output = command.stdout(full).output().expect("the binary starts");
    Answer::of(output).ends_with(74);
}

#[test]
#[cfg(unix)]
fn a_reader_that_went_away_is_no_error() {
    let folder = folder_of_customers(50);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = command(folder.path(), &["run", "customers.parquet", "--k", "2", "--show-job"]);
    let output = command.stdout(writer).output().expect("the binary starts");
    assert_eq!(Answer::of(output).ends_with(0).stderr, "");
}

#[test]
#[cfg(unix)]
fn a_signal_ends_a_run_with_75_and_leaves_nothing() {
    let folder = folder_of_customers(60_000);
    for signal in ["INT", "TERM"] {
        // Far more restarts than can be done before the signal.
        let arguments = run_with(&["--n-init", "1000", "--out", "stopped", "--log", "json"]);
        let mut child = command(folder.path(), &arguments).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines();
        let started = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("pass_finished")));
        assert!(started.is_some(), "the run came to its passes");
        let id = child.id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", signal, &id]).status().expect("kill");
        assert!(sent.success());
        let rest: Vec<String> = lines.map_while(Result::ok).collect();
        assert_eq!(child.wait().expect("an end").code(), Some(75), "{rest:?}");
        assert!(rest.iter().any(|line| line.contains("\"exit_code\":75")), "{rest:?}");
        assert_eq!(names_in(folder.path()), ["customers.parquet"], "after {signal}");
    }
}

#[test]
fn a_wrong_job_file_ends_with_78() {
    let folder = folder_of_customers(50);
    std::fs::write(folder.path().join("night.toml"), "[source]\npath = \"customers.parquet\"\n[cluster]\nkk = 5\n")
        .expect("write");
    let answer = segmint(folder.path(), &["run", "night.toml"]).ends_with(78);
    assert_eq!(answer.stderr, "error: night.toml:4:1: unknown key `kk` in [cluster]\nhint: did you mean `k`?\n");
    let mut command = command(folder.path(), &["run", "customers.parquet"]);
    let output = command.env("SEGMINT_K", "none").output().expect("the binary starts");
    assert!(Answer::of(output).ends_with(78).stderr.starts_with("error: SEGMINT_K: "));
}
