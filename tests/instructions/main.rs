//! Instructions that the CPU's kernels take per row, counted by Callgrind and held against a table: time on shared
//! machines is noise, counts are not. What takes a tenth more than `table.tsv` says fails.
//!
//!     SEGMINT_REQUIRE_VALGRIND=1    a missing valgrind is a failure and no reason to skip
//!     SEGMINT_INSTRUCTIONS=write    writes the table anew: part of a change that is meant to cost or save instructions
//!
//! The counts are those of the optimised build that tests are made with. This program runs itself under Callgrind, which
//! writes down what it has counted whenever [`work::mark`] is reached.

#![allow(clippy::print_stdout)] // what was counted and skipped is said

mod work;

use std::path::Path;
use std::process::{Command, ExitCode};

use segmint::engine::cpu::SimdLevel;

/// Says to the child that it runs under Callgrind.
const CHILD: &str = "SEGMINT_COUNTED";

const TEST: &str = "instructions_per_row_do_not_grow";

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/instructions/table.tsv");

/// More than this times the table's count fails; a table that is too high by as much is said to be out of date.
const TOLERANCE: f64 = 1.1;

fn main() -> ExitCode {
    if std::env::var_os(CHILD).is_some() {
        work::run();
        return ExitCode::SUCCESS;
    }
    // Like any other test program: asked for a list, or for tests whose name holds a word.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("{TEST}: test");
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| !argument.starts_with('-') && !TEST.contains(argument.as_str())) {
        return ExitCode::SUCCESS;
    }
    let (said, verdict, code) = match check() {
        Ok(said) => (said, "ok", ExitCode::SUCCESS),
        Err(said) => (said, "FAILED", ExitCode::FAILURE),
    };
    println!("{said}\ntest {TEST} ... {verdict}");
    code
}

fn check() -> Result<String, String> {
    let is_required = std::env::var("SEGMINT_REQUIRE_VALGRIND").is_ok_and(|required| required == "1");
    if !cfg!(target_arch = "x86_64") || Command::new("valgrind").arg("--version").output().is_err() {
        let text = "skipped: no valgrind (or no x86-64), so no instructions are counted".to_owned();
        return if is_required { Err(text) } else { Ok(text) };
    }
    let counted = counted()?;
    if std::env::var("SEGMINT_INSTRUCTIONS").is_ok_and(|wish| wish == "write") {
        let head = "# Instructions per row, see main.rs: the work, its shape and level, a tab, the count\n";
        let lines: String = counted.iter().map(|(name, count)| format!("{name}\t{count:.1}\n")).collect();
        std::fs::write(TABLE, format!("{head}{lines}")).map_err(|error| error.to_string())?;
    }
    compare(&counted, &std::fs::read_to_string(TABLE).map_err(|error| format!("{TABLE}: {error}"))?)
}

/// Name and instructions per row of each piece of work.
fn counted() -> Result<Vec<(String, f64)>, String> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let out = place.path().join("out");
    let done = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg("--dump-before=*instructions::work::mark*")
        .arg(std::env::current_exe().map_err(|error| error.to_string())?)
        .env(CHILD, "1")
        .output()
        .map_err(|error| error.to_string())?;
    if !done.status.success() {
        return Err(format!("the counted run failed:\n{}", String::from_utf8_lossy(&done.stderr)));
    }
    // The first part is what came before the first mark, and every other one lies between two pieces of work.
    let names = String::from_utf8_lossy(&done.stdout);
    names.lines().zip((2..).step_by(2)).map(|(line, part)| of_part(line, &out, part)).collect()
}

/// What a part of the run counted; `line` is its name and how many rows it visited.
fn of_part(line: &str, out: &Path, part: u32) -> Result<(String, f64), String> {
    let path = format!("{}.{part}", out.display());
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{line}: {path}: {error}"))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    let (name, rows) = line.rsplit_once('\t').ok_or_else(|| format!("no rows in {line:?}"))?;
    let total: f64 = total.and_then(|total| total.trim().parse().ok()).ok_or_else(|| format!("no total in {path}"))?;
    let rows: f64 = rows.parse().map_err(|_| format!("no rows in {line:?}"))?;
    Ok((name.to_owned(), total / rows))
}

fn compare(counted: &[(String, f64)], table: &str) -> Result<String, String> {
    let expected: Vec<(&str, f64)> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once('\t'))
        .filter_map(|(name, count)| Some((name, count.parse().ok()?)))
        .collect();
    let (mut said, mut wrong) = (String::new(), false);
    for (name, count) in counted {
        let known = expected.iter().find(|(known, _)| known == name).map(|(_, count)| *count);
        let verdict = match known {
            None => "not in the table",
            Some(known) if *count > known * TOLERANCE => "a tenth more than the table says",
            Some(known) if *count < known / TOLERANCE => "ok, and the table can be lowered",
            Some(_) => "ok",
        };
        wrong |= !verdict.starts_with("ok");
        said += &format!("{name}: {count:.1} per row, {:.1} in the table: {verdict}\n", known.unwrap_or(0.0));
    }
    // A machine without the level counts fewer; anything else that is gone is a table out of date.
    let has_avx2 = SimdLevel::available().contains(&SimdLevel::Avx2);
    for (name, _) in expected.iter().filter(|(name, _)| counted.iter().all(|(counted, _)| counted != name)) {
        wrong |= has_avx2;
        said += &format!("{name}: in the table, and not counted\n");
    }
    if wrong { Err(said) } else { Ok(said) }
}
