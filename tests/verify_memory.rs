//! What comes after the clustering: the verification takes no more memory for more customers, the profile no more than two
//! columns of values. Both of more than twice the rows, each in a process of its own, so that its peak is theirs. More rows in the
//! nightly command. Only Linux tells a process its peak.

#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout)] // the peaks are said

use std::fs;
use std::path::Path;
use std::process::Command;

use segmint::features;
use segmint::job::{Job, Scale, SourceSettings};
use segmint::observe::Observe;
use segmint::profile::describe;
use segmint::source::Source;
use segmint::verify::verify;

#[path = "load/table.rs"]
#[allow(dead_code, reason = "shared with the tests of loading")]
mod table;

/// Rows of the two tables. The smaller one already fills what the readers may hold at once.
fn rows() -> [usize; 2] {
    if std::env::var_os("SEGMINT_NIGHTLY").is_some() { [2_500_000, 10_000_000] } else { [2_400_000, 6_000_000] }
}

/// Peaks differ by less than this: one f64 per further row would be more. Peaks of the same work differ by some 5 MiB, by which
/// threads came when.
fn slack() -> u64 {
    let [few, many] = rows();
    (many - few) as u64 * 6
}

/// Tells a process what to do and to say its peak: the work, the rows, the data and the run.
const CHILD: &str = "SEGMINT_PEAK_OF";

const TRIES: usize = 3;

const TEST: &str = "verification_takes_no_more_memory_for_more_rows_and_the_profile_two_columns_of_values";

/// The largest memory of a process that did nothing but this work, in bytes: what one leaves behind counts for no other.
fn peak(work: &str, rows: usize, data: &Path, run: &Path) -> u64 {
    // Threads that come late leave holes in the heap: the least of some peaks is what the work needs.
    (0..TRIES).map(|_| one_peak(work, rows, data, run)).min().unwrap_or(u64::MAX)
}

fn one_peak(work: &str, rows: usize, data: &Path, run: &Path) -> u64 {
    let task = format!("{work}\n{rows}\n{}\n{}", data.display(), run.display());
    let this = std::env::current_exe().unwrap();
    let done = Command::new(this).args(["--exact", TEST, "--nocapture"]).env(CHILD, task).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let peak = said.lines().find_map(|line| line.split_once("peak ")?.1.trim().parse().ok());
    peak.unwrap_or_else(|| panic!("{work}: {said}\n{}", String::from_utf8_lossy(&done.stderr)))
}

/// What [`peak`] asks of its process.
fn answer(task: &str) {
    let mut parts = task.lines();
    let mut next = || parts.next().unwrap();
    let (work, rows, data, run) = (next(), next().parse().unwrap(), Path::new(next()), Path::new(next()));
    if work == "verify" {
        let verdict = verify(run, None, None, &Observe::default()).unwrap();
        assert!(verdict.holds(), "{verdict:?}");
    } else {
        described(data, rows);
    }
    println!("peak {}", own_peak());
}

fn own_peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn segmint(arguments: &[&str]) {
    let made = Command::new(env!("CARGO_BIN_EXE_segmint")).args(arguments).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

const COLUMNS: [&str; 9] = [
    "recency",
    "frequency",
    "monetary",
    "return_rate",
    "tenure",
    "satisfaction_score",
    "support_calls",
    "discount_usage",
    "engagement_rate",
];

fn described(data: &Path, rows: usize) {
    let observe = Observe::default();
    let mut job: Job = table::job(table::plain(&COLUMNS));
    job.source.id = Some("customer_id".into());
    (job.engine.memory, job.engine.chunk_rows, job.engine.threads) = (table::TWO_READS, 65_536, 2);
    let open = |path: &Path| {
        Source::open(&SourceSettings { path: path.display().to_string(), ..job.source.clone() }, &observe).unwrap()
    };
    // The features are those of a few customers: loading all of them would be what is remembered.
    let few = data.with_file_name("few.parquet");
    let features = features::load(&open(&few), &job, &observe).unwrap().features;
    let labels: Vec<u16> = (0..rows).map(|row| (row % 5) as u16).collect();
    let profile = describe(&open(data), &job, &features, &[], &labels, None, 5, &observe).unwrap();
    assert_eq!(profile.columns[0].overall.count, rows as u64);
    assert!(job.features.iter().all(|feature| feature.scale == Scale::Standard));
}

#[test]
fn verification_takes_no_more_memory_for_more_rows_and_the_profile_two_columns_of_values() {
    if let Ok(task) = std::env::var(CHILD) {
        return answer(&task);
    }
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = |name: &str| place.path().join(name);
    segmint(&["generate", "--kind", "planted", "--rows", "2000", "--out", &path("few.parquet").display().to_string()]);
    let mut peaks = Vec::new();
    for rows in rows() {
        let (data, run) = (path(&format!("{rows}.parquet")), path(&format!("run{rows}")));
        let (data_text, n) = (data.display().to_string(), rows.to_string());
        segmint(&["generate", "--kind", "planted", "--rows", &n, "--out", &data_text]);
        let (features, out) = (COLUMNS.join(","), run.display().to_string());
        segmint(&[
            "run",
            &data_text,
            "--id",
            "customer_id",
            "--features",
            &features,
            "--k",
            "5",
            "--n-init",
            "1",
            "--device",
            "cpu",
            "--out",
            &out,
        ]);
        let [verified, described] = ["verify", "profile"].map(|work| peak(work, rows, &data, &run));
        println!("{rows} rows: verify {} MiB, profile {} MiB", verified >> 20, described >> 20);
        peaks.push([verified, described]);
        fs::remove_dir_all(&run).unwrap();
    }
    // The labels are given to the profile, and each of its two threads finds the quartiles of a column at a time.
    let [few, many] = rows();
    let labels = (2 + 2 * 8) * (many - few) as u64;
    for (what, (few, many), given) in
        [("verify", (peaks[0][0], peaks[1][0]), 0), ("profile", (peaks[0][1], peaks[1][1]), labels)]
    {
        assert!(many <= few + given + slack(), "{what}: {few} bytes, and {many} for more rows");
    }
}
