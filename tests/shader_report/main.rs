//! The shader report: every kernel compiled for every generation of AMD GPUs that Mesa's driver RADV knows, without one
//! of them at hand, and what came of it held against the table in `shaders/report.tsv`.
//!
//! ```text
//! cargo test --locked --test shader_report               the checks, as part of all tests
//! cargo test --locked --test shader_report -- --print    the report, for people
//! cargo test --locked --test shader_report -- --write    the table anew, after a kernel or the driver changed
//! ```
//!
//! `shaders/report.md` says what is counted. Where RADV is missing the checks say so, and fail if
//! `SEGMINT_REQUIRE_RADV=1`. Each generation is a process of its own, because the driver learns it from the environment.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a report is printed")]

mod kernels;
mod listing;
#[cfg(target_os = "linux")]
mod radv;
mod table;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use table::Table;

/// One chip of each generation: all chips of one have the same code, registers and waves.
const CHIPS: [(&str, &str); 8] = [
    ("tahiti", "GCN 1"),
    ("hawaii", "GCN 2"),
    ("polaris10", "GCN 3 and 4"),
    ("vega10", "GCN 5"),
    ("aldebaran", "CDNA 2"),
    ("navi10", "RDNA 1"),
    ("navi21", "RDNA 2"),
    ("gfx1100", "RDNA 3"),
];

/// Says to a process for a chip that it compiles every kernel, not those of the table alone.
const ALL: &str = "all";

/// A name for `cargo test FILTER`.
const NAME: &str = "kernels_spill_nothing_and_grow_by_no_tenth";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let given = |flag: &str| args.iter().any(|arg| arg == flag);
    if let [flag, chip, which] = &args[..]
        && flag == "--chip"
    {
        return child(chip, which == ALL);
    }
    if given("--list") {
        println!("{NAME}: test");
        return ExitCode::SUCCESS;
    }
    let by_people = given("--print") || given("--write");
    let filter = args.iter().find(|arg| !arg.starts_with('-'));
    if !by_people && filter.is_some_and(|filter| !NAME.contains(filter.as_str())) {
        return ExitCode::SUCCESS;
    }
    let which = if by_people || std::env::var_os("SEGMINT_NIGHTLY").is_some() { ALL } else { "table" };
    let found = match compile(which) {
        Ok(found) => found,
        Err(why) => return untested(&why, by_people),
    };
    if given("--print") {
        println!("{}", found.for_people(&CHIPS));
    }
    if given("--write") {
        std::fs::write(Table::path(), found.text()).unwrap();
        println!("{} lines in {}", found.lines.len(), Table::path().display());
    }
    if by_people { ExitCode::SUCCESS } else { check(&found) }
}

/// Without the driver nothing is shown; that is said, and is a failure where it must not be.
fn untested(why: &str, by_people: bool) -> ExitCode {
    let required = std::env::var("SEGMINT_REQUIRE_RADV").is_ok_and(|value| value == "1");
    eprintln!("untested: {NAME}: {why}");
    if required || by_people { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn check(found: &Table) -> ExitCode {
    let table = Table::read();
    let mut faults = found.spills();
    if table.driver == found.driver {
        faults.extend(table.grown(found));
    } else {
        let reason = format!("the table is of {}, this is {}", table.driver, found.driver);
        println!("untested: instructions against the table ({reason})");
    }
    // The checks themselves are checked: a table with a spill and a longer kernel must not pass.
    faults.extend(table::blind_spots(found));
    for fault in &faults {
        println!("{fault}");
    }
    let lines = found.lines.len();
    println!(
        "test {NAME} ... {} ({lines} kernels on {})",
        if faults.is_empty() { "ok" } else { "FAILED" },
        found.driver
    );
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All chips at once, each in a process of its own.
fn compile(which: &str) -> Result<Table, String> {
    let driver =
        driver_file().ok_or("no radeon_icd*.json of Mesa's RADV in the usual folders (SEGMINT_RADV names one)")?;
    let start = |(chip, _): &(&str, &str)| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--chip", chip, which])
            .env("VK_DRIVER_FILES", &driver)
            .env("VK_ICD_FILENAMES", &driver)
            .env_remove("VK_ADD_DRIVER_FILES")
            .env("RADV_FORCE_FAMILY", chip)
            .env("MESA_SHADER_CACHE_DISABLE", "true")
            .env("MESA_GLSL_CACHE_DISABLE", "true")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())
    };
    let children: Vec<_> = CHIPS.iter().map(start).collect::<Result<_, _>>()?;
    let mut all = String::new();
    for (child, (chip, _)) in children.into_iter().zip(CHIPS) {
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("{chip}: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        all.push_str(&String::from_utf8_lossy(&output.stdout));
    }
    Table::parse(&all)
}

fn driver_file() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("SEGMINT_RADV") {
        return Some(PathBuf::from(named));
    }
    let folders = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
    let is_radv = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("radeon_icd") && name.ends_with(".json")
    };
    folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .map(|e| e.path())
        .find(is_radv)
}

#[cfg(target_os = "linux")]
fn child(chip: &str, all: bool) -> ExitCode {
    let kernels = if all { kernels::all() } else { kernels::of_table() };
    match radv::compile(chip, &kernels) {
        Ok(table) => {
            print!("{}", table.text());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn child(_: &str, _: bool) -> ExitCode {
    eprintln!("RADV is a driver for Linux");
    ExitCode::FAILURE
}
