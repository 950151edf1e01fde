//! A small run to publish, and what is seen of it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::UInt64Array;
use arrow::datatypes::{DataType, Field};
use segmint::error::{Error, Kind};
use segmint::job::OutputSettings;
use segmint::store::{
    AssignmentWriter, ClusterNames, Disk, Manifest, Published, ROW_GROUP_ROWS, Rows, Staging, check_file,
};
use serde_json::{Value, json};

/// Two row groups; where a run is repeated hundreds of times, `FEW_ROWS` have to do.
pub const N_ROWS: usize = ROW_GROUP_ROWS + 1000;
pub const FEW_ROWS: usize = 1000;

pub fn output(path: &Path, overwrite: bool) -> OutputSettings {
    OutputSettings { path: path.to_path_buf(), overwrite }
}

pub fn settings() -> Value {
    json!({"k": 3, "seed": 42})
}

pub fn input_files(night: u64) -> Value {
    json!([{"name": "customers.parquet", "night": night}])
}

/// Publishes a small run whose content depends on the night only.
pub fn publish(disk: &Disk, output: &OutputSettings, night: u64) -> Result<Published, Error> {
    publish_rows(disk, output, night, FEW_ROWS)
}

pub fn publish_rows(disk: &Disk, output: &OutputSettings, night: u64, n_rows: usize) -> Result<Published, Error> {
    let mut staging = Staging::begin(output, disk)?;
    staging.check_existing(&settings(), &input_files(night))?;
    let names: Vec<_> = ["Loyal", "New", "Loyal"]
        .iter()
        .enumerate()
        .map(|(index, name)| ClusterNames {
            persona: (*name).to_owned(),
            second_persona: (index > 0).then(|| "Quiet".to_owned()),
        })
        .collect();
    let id = Field::new("customer", DataType::UInt64, true);
    let mut writer = AssignmentWriter::new(staging.file("assignments.parquet")?, &id, &names)?;
    for first in (0..n_rows).step_by(50_000) {
        let rows = first..n_rows.min(first + 50_000);
        let ids: UInt64Array = rows.clone().map(|row| row as u64 * 7 + night).collect();
        writer.push(Arc::new(ids), slice(rows))?;
    }
    let (file, written) = writer.finish()?;
    staging.keep(file)?;
    check_file(&staging.path_of("assignments.parquet"), written)?;
    staging.write("summary.json", json!({"night": night}).to_string().as_bytes())?;
    let record = json!({"input_files": input_files(night), "clock": std::process::id()}).to_string();
    staging.commit(settings(), json!({"night": night}), record.as_bytes())
}

pub fn slice(rows: std::ops::Range<usize>) -> Rows {
    Rows {
        clusters: rows.clone().map(|row| (row % 3) as u16).collect(),
        distances: rows.clone().map(|row| row as f64 / 3.0).collect(),
        margins: rows.map(|row| 1.0 / (row + 1) as f64).collect(),
    }
}

/// What may be seen in a folder.
pub fn visible(folder: &Path) -> Vec<String> {
    let mut names = all(folder);
    names.retain(|name| !name.starts_with('.'));
    names
}

pub fn all(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The bytes of every file of a run but its record; panics where the run is not whole.
pub fn bytes_of(run: &Path) -> Vec<(String, Vec<u8>)> {
    let manifest = Manifest::read(run).expect("a run has a manifest");
    assert_eq!(manifest.damaged(run).unwrap(), Vec::<String>::new());
    let names = all(run);
    assert_eq!(names, ["assignments.parquet", "manifest.json", "run.json", "summary.json"]);
    names.into_iter().filter(|n| n != "run.json").map(|n| (n.clone(), fs::read(run.join(n)).unwrap())).collect()
}

pub fn kind(result: Result<Published, Error>) -> Kind {
    result.expect_err("this run must not succeed").kind()
}
