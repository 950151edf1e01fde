//! `segmint verify`: a run as it was published holds; a run in which one label, mean, name or share was changed does not,
//! whether or not the manifest was made to fit.

mod earned;
mod metrics;
mod sweeps;
mod table;
mod tampered;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, Int32Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int32Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn segmint(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segmint")).args(arguments).output().unwrap()
}

fn run(arguments: &[&str]) {
    let output = segmint(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A published run of CDNOW: a copy of one that is made once.
fn cdnow() -> (tempfile::TempDir, PathBuf) {
    static MADE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let folder = place.path().join("run");
        let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cdnow.toml");
        run(&["run", &job.display().to_string(), "--out", &folder.display().to_string(), "--device", "cpu"]);
        place
    });
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    fs::create_dir(&folder).unwrap();
    for file in fs::read_dir(MADE.path().join("run")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    (place, folder)
}

/// The exit code of `verify`, and what it says.
fn verify(folder: &Path) -> (i32, String) {
    verify_with(folder, &[])
}

fn verify_with(folder: &Path, more: &[&str]) -> (i32, String) {
    let output = segmint(&[&["verify", &folder.display().to_string()], more].concat());
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

/// Makes the manifest vouch for a changed file.
fn vouch(folder: &Path, name: &str) {
    let path = folder.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let bytes = fs::read(folder.join(name)).unwrap();
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let files = manifest["files"].as_array_mut().unwrap();
    let entry = files.iter_mut().find(|file| file["name"] == name).unwrap();
    entry["bytes"] = json!(bytes.len());
    entry["sha256"] = json!(hash);
    fs::write(path, serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
}

fn summary_of(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("summary.json")).unwrap()).unwrap()
}

fn write_summary(folder: &Path, summary: &Value) {
    fs::write(folder.join("summary.json"), serde_json::to_vec_pretty(summary).unwrap()).unwrap();
}

/// Changes the summary, and checks that `verify` says so with these words: first the hash alone, then the figure itself.
fn changed_summary_is_found(change: impl Fn(&mut Value), said: &str) {
    let (_place, folder) = cdnow();
    let mut summary = summary_of(&folder);
    change(&mut summary);
    write_summary(&folder, &summary);
    let (code, text) = verify(&folder);
    assert!(code == 10 && text.contains("summary.json"), "{code}: {text}");
    vouch(&folder, "summary.json");
    let (code, text) = verify(&folder);
    assert!(code == 10 && text.contains(said), "{code}: {text}");
}

#[test]
fn every_condition_of_every_name_of_cdnow_holds() {
    let (_place, folder) = cdnow();
    let (code, text) = verify(&folder);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("conditions of every given name"), "{text}");
}

#[test]
fn a_changed_mean_is_found() {
    let change = |summary: &mut Value| {
        let mean = &mut summary["clusters"][1]["means"]["monetary"];
        *mean = json!(mean.as_f64().unwrap() * 1.001);
    };
    changed_summary_is_found(change, "monetary");
}

#[test]
fn a_changed_share_is_found() {
    changed_summary_is_found(|summary| summary["clusters"][0]["value_share"] = json!(0.5), "share");
}

#[test]
fn a_changed_name_is_found() {
    changed_summary_is_found(|summary| summary["clusters"][0]["persona"] = json!("VIP or High Value"), "persona");
}

#[test]
fn a_changed_label_is_found() {
    let (_place, folder) = cdnow();
    let path = folder.join("assignments.parquet");
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let table = concat_batches(&batches[0].schema(), &batches).unwrap();
    let mut clusters: Vec<i32> = table.column_by_name("cluster").unwrap().as_primitive::<Int32Type>().values().to_vec();
    clusters[100] = (clusters[100] + 1) % 5;
    let at = table.schema().index_of("cluster").unwrap();
    let mut columns: Vec<Arc<dyn Array>> = table.columns().to_vec();
    columns[at] = Arc::new(Int32Array::from(clusters));
    let table = RecordBatch::try_new(table.schema(), columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), table.schema(), None).unwrap();
    writer.write(&table).unwrap();
    writer.close().unwrap();

    let (code, text) = verify(&folder);
    assert!(code == 10 && text.contains("assignments.parquet"), "{code}: {text}");
    vouch(&folder, "assignments.parquet");
    let (code, text) = verify(&folder);
    assert!(code == 10 && text.contains("cluster"), "{code}: {text}");
}

#[test]
fn weights_dropped_rows_and_other_scalings_verify_clean() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("customers.parquet").display().to_string();
    run(&["generate", "--kind", "planted", "--rows", "20000", "--out", &data]);
    let features =
        "recency:robust,monetary:clip=10..5000:minmax,frequency:sqrt:weight=2,satisfaction_score:missing=drop";
    for (name, more) in [
        ("plain", &["--id", "customer_id"][..]),
        ("odd", &["--id", "customer_id", "--features", features, "--sample-weight", "tenure"]),
    ] {
        let folder = place.path().join(name);
        let mut arguments = vec!["run", &data, "--k", "4", "--device", "cpu", "--out", folder.to_str().unwrap()];
        arguments.extend(more);
        run(&arguments);
        let (code, text) = verify(&folder);
        assert_eq!(code, 0, "{name}: {text}");
    }
}
