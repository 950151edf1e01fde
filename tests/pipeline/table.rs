//! Small tables and the jobs that the tests run on them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use segmint::job::{
    ClusterSettings, DeviceChoice, DuplicateIds, EngineSettings, Feature, Job, Missing, OutputSettings,
    PersonaSettings, ProfileSettings, SelectionSettings, SourceSettings, Transform,
};

pub const ROWS: usize = 600;

/// Three groups of customers with text ids, a weight, and a column with holes.
pub fn customers() -> Vec<(&'static str, ArrayRef)> {
    let spread = |row: usize, size: usize| (row * 7919 % size) as f64;
    let ids: StringArray = (0..ROWS).map(|row| Some(format!("c-{}", row * 31 % ROWS))).collect();
    let recency: Float64Array = (0..ROWS).map(|row| 30.0 + 120.0 * (row % 3) as f64 + spread(row, 29)).collect();
    let frequency: Int32Array = (0..ROWS).map(|row| 12 / (1 + row % 3) as i32 + spread(row / 3, 4) as i32).collect();
    let monetary: Float64Array = (0..ROWS).map(|row| 900.0 / (1 + row % 3) as f64 + spread(row, 101)).collect();
    let weight: Float64Array = (0..ROWS).map(|row| spread(row, 4)).collect();
    let tenure: Float64Array = (0..ROWS).map(|row| (row % 50 != 7).then(|| spread(row, 450))).collect();
    vec![
        ("customer", Arc::new(ids)),
        ("recency", Arc::new(recency)),
        ("frequency", Arc::new(frequency)),
        ("monetary", Arc::new(monetary)),
        ("weight", Arc::new(weight)),
        ("tenure", Arc::new(tenure)),
    ]
}

pub fn write(columns: Vec<(&str, ArrayRef)>, path: &Path) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Writes the customers and gives back their file.
pub fn input(place: &Path) -> PathBuf {
    let path = place.join("customers.parquet");
    write(customers(), &path);
    path
}

pub fn job(input: &Path, output: &Path) -> Job {
    let log = |column: &str| Feature { transform: Transform::Log1p, ..Feature::plain(column) };
    Job {
        source: SourceSettings {
            path: input.display().to_string(),
            id: Some("customer".into()),
            sample_weight: None,
            duplicate_ids: DuplicateIds::Refuse,
        },
        features: vec![Feature::plain("recency"), log("frequency"), log("monetary")],
        cluster: ClusterSettings { n_init: 2, max_iter: 100, ..ClusterSettings::plain(3) },
        selection: SelectionSettings::default(),
        engine: EngineSettings {
            device: DeviceChoice::Cpu,
            memory: 1 << 30,
            threads: 1,
            chunk_rows: 250,
            spill: std::env::temp_dir(),
            cache: None,
            tune: true,
        },
        persona: PersonaSettings { playbook: "rfm".into(), value: Some("monetary".into()), roles: Vec::new() },
        profile: ProfileSettings { columns: vec!["weight".into()], ..ProfileSettings::default() },
        output: OutputSettings { path: output.to_path_buf(), overwrite: false },
    }
}

/// The same with weights, and rows dropped for their holes.
pub fn job_with_weights_and_drops(input: &Path, output: &Path) -> Job {
    let mut job = job(input, output);
    job.source.sample_weight = Some("weight".into());
    job.features.push(Feature { missing: Missing::Drop, ..Feature::plain("tenure") });
    job.profile.columns.clear();
    job
}

/// Names in a folder, hidden ones too.
pub fn all(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All rows of a Parquet file.
pub fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}
