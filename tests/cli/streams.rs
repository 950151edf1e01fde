//! stdout is the result and nothing else; stderr is talk, and tells no customer's value.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};

use crate::{Answer, command, folder_of_customers, names_in, segmint};

#[test]
fn json_on_stdout_is_the_summary_byte_for_byte() {
    let folder = folder_of_customers(2_000);
    let arguments = ["run", "customers.parquet", "--id", "customer_id", "--k", "4", "--out", "out", "--device", "cpu"];
    let answer = segmint(folder.path(), &[&arguments[..], &["--output", "json"]].concat()).ends_with(0);
    let summary = std::fs::read_to_string(folder.path().join("out/summary.json")).expect("a summary");
    assert_eq!(answer.stdout, summary);
    assert!(answer.stderr.lines().count() >= 4, "a line per stage: {}", answer.stderr);
}

#[test]
fn the_table_for_people_ends_with_the_place_of_the_report() {
    let folder = folder_of_customers(2_000);
    let arguments = ["run", "customers.parquet", "--id", "customer_id", "--k", "4", "--out", "out", "--device", "cpu"];
    let answer = segmint(folder.path(), &arguments).ends_with(0);
    assert!(answer.stdout.ends_with("\nReport: out/report.html\n"), "{}", answer.stdout);
    assert!(!answer.stdout.contains('\u{1b}') && !answer.stderr.contains('\u{1b}'), "no colours without a terminal");
}

#[test]
fn quiet_says_nothing_and_verbose_says_every_pass() {
    let folder = folder_of_customers(2_000);
    let arguments = ["run", "customers.parquet", "--id", "customer_id", "--k", "4", "--device", "cpu", "--overwrite"];
    let with = |flag: &str| segmint(folder.path(), &[&arguments[..], &["--out", "out", flag]].concat()).ends_with(0);
    assert_eq!(with("--quiet").stderr, "");
    let said = with("--verbose").stderr;
    for part in [
        "pass 1",
        "cost model: 2000 rows x 10 features, 10 models with 40 clusters, about 90 passes\n",
        "of passes, chosen\n",
        " GPU, not looked for: ",
        "cost model: the clustering on CPU (",
    ] {
        assert!(said.contains(part), "{part:?} in {said}");
    }
    let place = |part: &str| said.find(part).unwrap_or(usize::MAX);
    assert!(
        place("cost model: 2000 rows") < place("device: ") && place("cluster: ") < place("cost model: the clustering")
    );
    assert!(!with("--log=text").stderr.contains("cost model"));
}

#[test]
fn a_json_log_is_one_object_per_line_errors_included() {
    let folder = folder_of_customers(500);
    let arguments = [
        "run",
        "customers.parquet",
        "--id",
        "customer_id",
        "--k",
        "4",
        "--log",
        "json",
        "--device",
        "cpu",
        "--out",
        "out",
    ];
    for (k, code) in [("4", 0), ("501", 65)] {
        let arguments: Vec<&str> = arguments.iter().map(|word| if *word == "4" { k } else { word }).collect();
        let answer = segmint(folder.path(), &[&arguments[..], &["--overwrite"]].concat()).ends_with(code);
        for line in answer.stderr.lines() {
            let event: serde_json::Value = serde_json::from_str(line).expect("a JSON object");
            assert!(event["event"].is_string() && event["timestamp"].is_string(), "{line}");
        }
        assert_eq!(answer.stderr.contains("\"exit_code\":65"), code == 65);
    }
}

#[test]
fn a_shown_job_read_back_is_shown_the_same() {
    let folder = folder_of_customers(50);
    let arguments =
        ["run", "customers.parquet", "--id", "customer_id", "--k", "4", "--features", "recency,monetary:log1p"];
    let first = segmint(folder.path(), &[&arguments[..], &["--show-job"]].concat()).ends_with(0).stdout;
    std::fs::create_dir(folder.path().join("jobs")).expect("a folder");
    std::fs::write(folder.path().join("jobs/shown.toml"), &first).expect("write");
    let second = segmint(folder.path(), &["run", "jobs/shown.toml", "--show-job"]).ends_with(0).stdout;
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(" # ").next().unwrap_or_default().trim_end().to_owned()).collect()
    };
    assert_eq!(values(&first), values(&second));
    assert_eq!(names_in(folder.path()), ["customers.parquet", "jobs"], "showing a job runs nothing");
}

#[test]
fn errors_hold_no_cell_values_and_no_control_characters() {
    let folder = tempfile::tempdir().expect("a folder");
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["CANARY-1", "CANARY-2", "CANARY-1", "CANARY-3"]));
    let text: ArrayRef = Arc::new(StringArray::from(vec!["CANARY", "CANARY", "CANARY", "CANARY"]));
    let gap: ArrayRef = Arc::new(Float64Array::from(vec![Some(7777.25), None, Some(7777.25), Some(1.0)]));
    let endless: ArrayRef = Arc::new(Float64Array::from(vec![7777.25, f64::INFINITY, f64::NAN, 1.0]));
    let huge: ArrayRef = Arc::new(Float64Array::from(vec![7777.25, 7.7e101, 2.0, 1.0]));
    let negative: ArrayRef = Arc::new(Float64Array::from(vec![-7777.25, 4.0, 2.0, 1.0]));
    let columns = [
        ("id", ids),
        ("text", text),
        ("gap", gap),
        ("endless", endless),
        ("huge", huge),
        ("bad\u{1b}[31m", negative.clone()),
        ("negative", negative),
    ];
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).expect("table");
    let file = std::fs::File::create(folder.path().join("t.parquet")).expect("a file");
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("write");
    writer.close().expect("close");
    let cases: [&[&str]; 7] = [
        &["--features", "negative", "--id", "id"],
        &["--features", "gap"],
        &["--features", "endless"],
        &["--features", "huge"],
        &["--features", "text"],
        &["--features", "negative:log1p"],
        &["--features", "bad\u{1b}[31m:sqrt"],
    ];
    for more in cases {
        let arguments = [&["run", "t.parquet", "--k", "2", "--device", "cpu", "--out", "out", "-v"], more].concat();
        let answer = segmint(folder.path(), &arguments).ends_with(65);
        for value in ["CANARY", "7777", "7.7e101", "\u{1b}"] {
            assert!(!answer.stderr.contains(value), "{more:?}: {}", answer.stderr);
        }
        assert!(answer.stderr.contains("error: ") && answer.stderr.contains("hint: "), "{more:?}: {}", answer.stderr);
    }
    assert_eq!(names_in(folder.path()), ["t.parquet"]);
}

#[test]
fn a_variable_that_is_nearly_a_setting_is_warned_about_once() {
    let folder = folder_of_customers(50);
    let mut command = command(folder.path(), &["run", "customers.parquet", "--k", "2", "--show-job"]);
    let answer = Answer::of(command.env("SEGMINT_N_INTI", "3").output().expect("the binary starts")).ends_with(0);
    assert_eq!(
        answer.stderr,
        "warning: the variable SEGMINT_N_INTI is no setting and was ignored; did you mean SEGMINT_N_INIT?\n"
    );
}

#[test]
fn generate_devices_and_bench_answer_on_stdout() {
    let folder = tempfile::tempdir().expect("a folder");
    let answer = segmint(folder.path(), &["generate", "--kind", "recipe", "--rows", "1000", "--out", "r.parquet"]);
    assert_eq!(answer.ends_with(0).stdout, "r.parquet\n");
    segmint(folder.path(), &["generate", "--rows", "1000", "--out", "r.parquet"]).ends_with(73);

    let devices = segmint(folder.path(), &["devices", "--output", "json"]).ends_with(0).stdout;
    let devices: serde_json::Value = serde_json::from_str(&devices).expect("JSON");
    assert_eq!(devices["devices"][0]["kind"], "CPU");

    let arguments = ["bench", "--what", "step", "--rows", "5000", "--repeats", "2", "--output", "json"];
    let bench = segmint(folder.path(), &arguments).ends_with(0).stdout;
    let bench: serde_json::Value = serde_json::from_str(&bench).expect("JSON");
    let result = &bench["results"][0];
    for (key, value) in [("rows", 5000), ("features", 10), ("k", 5), ("models", 1), ("bytes", 5056 * 40)] {
        assert_eq!(result[key], value, "{key}");
    }
    for key in ["median_ms", "min_ms", "bandwidth_share"] {
        assert!(result[key].as_f64().is_some_and(|value| value > 0.0), "{key}: {result}");
    }
    let silhouette = ["bench", "--what", "silhouette", "--rows", "1000", "--repeats", "1", "--output", "json"];
    let bench = segmint(folder.path(), &silhouette).ends_with(0).stdout;
    let bench: serde_json::Value = serde_json::from_str(&bench).expect("JSON");
    assert_eq!((&bench["results"][0]["what"], &bench["results"][0]["rows"]), (&"silhouette".into(), &1000.into()));
    assert!(bench["results"][0]["median_ms"].as_f64().is_some_and(|ms| ms > 0.0));
    let earlier = folder.path().join("earlier.json");
    let arguments = ["bench", "--rows", "3000,4000", "--k", "3,4", "--repeats", "1", "--output", "json"];
    std::fs::write(&earlier, segmint(folder.path(), &arguments).ends_with(0).stdout).expect("written");
    let arguments = ["bench", "--rows", "4000", "--k", "4,5", "--repeats", "1", "--against", "earlier.json"];
    let beside = segmint(folder.path(), &arguments).ends_with(0).stdout;
    assert!(beside.contains("times as fast") && beside.contains("1 of 2 timings have no counterpart"), "{beside}");
    std::fs::remove_file(&earlier).expect("removed");
    let sweep = ["bench", "--what", "sweep", "--rows", "3000", "--k", "4", "--models", "2", "--repeats", "1"];
    let bench = segmint(folder.path(), &[&sweep[..], &["--output", "json"]].concat()).ends_with(0).stdout;
    let bench: serde_json::Value = serde_json::from_str(&bench).expect("JSON");
    let [together, apart] = [0, 1].map(|way| &bench["results"][way]);
    assert_eq!((&together["way"], &apart["way"]), (&"together".into(), &"one by one".into()));
    // Six models read the matrix once, or once each.
    assert_eq!(together["bytes"].as_u64().map(|bytes| bytes * 6), apart["bytes"].as_u64());
    let run = ["bench", "--what", "run", "--rows", "2000", "--repeats", "1", "--output", "json"];
    let bench = segmint(folder.path(), &run).ends_with(0).stdout;
    let bench: serde_json::Value = serde_json::from_str(&bench).expect("JSON");
    assert_eq!(bench["results"][0]["what"], "run");
    assert_eq!(names_in(folder.path()), ["r.parquet"], "a bench leaves nothing");
}

#[test]
fn a_matrix_in_a_file_is_fitted_within_memory_that_could_not_hold_it() {
    let folder = tempfile::tempdir().expect("a folder");
    // 80 MB of values, 24 MB of keys and labels, and the program.
    let shape = ["bench", "--what", "spill", "--rows", "2000000", "--features", "10", "--k", "3"];
    let limits = ["--memory", "96MiB", "--spill", ".", "--output", "json"];
    let bench = segmint(folder.path(), &[&shape[..], &limits[..]].concat()).ends_with(0).stdout;
    let bench: serde_json::Value = serde_json::from_str(&bench).expect("JSON");
    let results = bench["results"].as_array().expect("a list");
    let parts: Vec<&str> = results.iter().filter_map(|result| result["way"].as_str()).collect();
    assert_eq!(parts, ["write", "seed", "pass", "label"]);
    for result in results {
        assert!(result["bytes"].as_u64().is_some_and(|bytes| bytes > 80_000_000), "{result}");
        assert!(result["gigabytes_per_second"].as_f64().is_some_and(|speed| speed > 0.0), "{result}");
    }
    if cfg!(target_os = "linux") {
        let peak = results[3]["peak_resident_bytes"].as_u64().expect("Linux tells");
        assert!(peak <= 96 << 20, "{peak} bytes resident");
    }
    assert!(names_in(folder.path()).is_empty(), "a bench leaves nothing");
}

#[test]
fn the_demo_publishes_a_run_and_replaces_an_earlier_one_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    for _ in 0..2 {
        let answer = segmint(folder.path(), &["demo", "--rows", "3000", "--device", "cpu"]).ends_with(0);
        assert!(answer.stdout.ends_with("\nReport: runs/demo/report.html\n"), "{}", answer.stdout);
    }
    assert_eq!(names_in(&folder.path().join("runs")), ["demo", "demo-customers-3000.parquet"]);
}
