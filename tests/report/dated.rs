//! A column of dates and one of moments, from a Parquet file to what people read: nobody is shown a day number. The
//! summary keeps numbers, and says what they are counted in.

use std::fs::{self, File};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, TimestampSecondArray};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use crate::page::read;

const N_ROWS: i64 = 600;

/// Two groups: who joined early and spends little, and who joined late and spends much.
fn table() -> RecordBatch {
    let late = |row: i64| row % 3 == 0;
    let joined = (0..N_ROWS).map(|row| if late(row) { 19_700 } else { 18_300 } + (row % 90) as i32);
    let seen = (0..N_ROWS).map(|row| 1_700_000_000 + if late(row) { 9_000_000 } else { 0 } + row * 997);
    let spend = (0..N_ROWS).map(|row| if late(row) { 400.0 } else { 20.0 } + (row % 7) as f64);
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new((0..N_ROWS).collect::<Int64Array>())),
        ("joined", Arc::new(joined.map(Some).collect::<Date32Array>())),
        ("seen", Arc::new(seen.map(Some).collect::<TimestampSecondArray>())),
        ("spend", Arc::new(spend.collect::<Float64Array>())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

const JOB: &str = r#"
[source]
path = "customers.parquet"
id = "id"
[[feature]]
column = "joined"
[[feature]]
column = "spend"
[cluster]
k = 2
n_init = 2
[persona]
playbook = "mine.toml"
value = "spend"
[profile]
columns = ["seen"]
[output]
path = "run"
"#;

/// Dates are judged like everything else, and baselines are averages of them.
const PLAYBOOK: &str = r#"
name = "mine"
title = "By when they joined"
description = "d"
[roles.joined]
meaning = "when they joined"
columns = ["joined"]
[roles.seen]
meaning = "when they were last seen"
columns = ["seen"]
[[persona]]
name = "Newcomers"
story = "They joined later than others."
priority = "high"
business_value = { rating = "high", reason = "they are new" }
objective = "Keep them."
required = { joined = "high" }
typical = { seen = { quantile_at_least = 0.5 } }
forbidden = { seen = "low" }
[[persona.kpi]]
name = "When they joined"
baseline = { mean = "joined" }
[[persona]]
name = "Never"
story = "Nobody."
priority = "low"
business_value = { rating = "low", reason = "nobody" }
objective = "None."
required = { joined = { at_most = 1.0 } }
"#;

/// Whether a text holds a day number or a second number of these years, in any of our forms.
fn numbers_in(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_digit() || c == ',' || c == '.';
    let words = text.split(|c: char| !is_part(c)).map(|word| word.trim_matches(|c| c == ',' || c == '.'));
    let number = |word: &str| word.replace(',', "").parse::<f64>().ok();
    let is_moment = |n: f64| (18_000.0..21_000.0).contains(&n) || n > 1e9;
    words.filter(|word| number(word).is_some_and(is_moment)).map(str::to_owned).collect()
}

#[test]
fn days_and_moments_are_told_as_such_everywhere_but_in_the_summary() {
    let place = tempfile::tempdir().unwrap();
    let (job, run) = (place.path().join("job.toml"), place.path().join("run"));
    let table = table();
    let file = File::create(place.path().join("customers.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, table.schema(), None).unwrap();
    writer.write(&table).unwrap();
    writer.close().unwrap();
    fs::write(&job, JOB).unwrap();
    fs::write(place.path().join("mine.toml"), PLAYBOOK).unwrap();
    let segmint = |arguments: &[&str]| {
        let made = Command::new(env!("CARGO_BIN_EXE_segmint")).args(arguments).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap()
    };
    let (job, folder) = (job.display().to_string(), run.display().to_string());
    let terminal = segmint(&["run", &job, "--device", "cpu"]);
    let explained = segmint(&["explain", &folder]);
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    // Figures in neighbouring cells are two figures.
    let page = read(&page.split_once("<body>").unwrap().1.split_once("<script>").unwrap().0.replace('<', " <"));
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ").replace(" : ", ": ");
    let markdown = fs::read_to_string(run.join("report.md")).unwrap();
    for (what, text) in [("terminal", &terminal), ("explain", &explained), ("html", &page), ("md", &markdown)] {
        assert_eq!(numbers_in(text), [""; 0], "{what}:\n{text}");
    }
    // Days around 18,345 are March 2020, those around 19,745 are January 2024; the moments are November 2023 and later.
    for text in [&page, &markdown] {
        for said in ["2020-03", "2024-01", "2023-11", "joined is high: 2024-01", "closest: joined is not 1 or less"] {
            assert!(text.contains(said), "{said}:\n{text}");
        }
    }

    let summary: Value = serde_json::from_slice(&fs::read(run.join("summary.json")).unwrap()).unwrap();
    let columns = summary["columns"].as_array().unwrap();
    let column = |name: &str| columns.iter().find(|column| column["name"] == name).unwrap();
    assert_eq!((&column("joined")["kind"], &column("seen")["kind"]), (&"date".into(), &"timestamp".into()));
    assert_eq!(column("joined")["unit"], "days since 1970-01-01");
    assert_eq!(column("seen")["unit"], "seconds since 1970-01-01 00:00:00 UTC");
    assert!(column("joined")["mean"].as_f64().unwrap() > 18_000.0 && column("seen")["mean"].as_f64().unwrap() > 1e9);
    assert!(column("spend")["unit"].is_null() && column("spend")["kind"] == "float", "{}", column("spend"));
}
