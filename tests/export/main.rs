//! `segmint export`: the customers of a segment as a list, from outside and from the library.

mod hostile;
mod order;
mod refusals;
mod types;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

fn segmint(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segmint")).args(arguments).current_dir(folder).output().unwrap()
}

/// What a successful command printed.
#[track_caller]
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = segmint(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code of a command, and its talk.
fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = segmint(folder, arguments);
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A folder with a run of CDNOW in `run`: a copy of one that is made once.
fn cdnow() -> TempDir {
    static MADE: LazyLock<TempDir> = LazyLock::new(|| {
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cdnow.toml");
        printed(place.path(), &["run", &job.display().to_string(), "--out", "run", "--device", "cpu"]);
        place
    });
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("run")).unwrap();
    for file in std::fs::read_dir(MADE.path().join("run")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), place.path().join("run").join(file.file_name())).unwrap();
    }
    place
}

/// Writes columns as one Parquet file, in row groups of `group_rows`.
fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, group_rows: usize) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Two groups of customers, near 0 and near 100; every customer lies elsewhere, and each seventh lies nowhere.
fn places(n_rows: usize) -> ArrayRef {
    let place = |row: usize| (row % 7 != 3).then_some((row % 2) as f64 * 100.0 + row as f64 / n_rows as f64);
    Arc::new((0..n_rows).map(place).collect::<Float64Array>())
}

/// Clusters `data.parquet` on the column `x`, without the rows that lack it, into `run`.
fn run_on_x(folder: &Path, id: &str) -> PathBuf {
    printed(
        folder,
        &[
            "run",
            "data.parquet",
            "--id",
            id,
            "--features",
            "x:missing=drop",
            "--k",
            "2",
            "--out",
            "run",
            "--device",
            "cpu",
        ],
    );
    folder.join("run")
}

/// The records of a list, the header first, read by RFC 4180.
fn records(list: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(list.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}
