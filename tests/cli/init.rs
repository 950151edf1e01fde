//! `segmint init`: its job file runs as it is, and it never replaces a file.

use std::path::Path;

use crate::{folder_of_customers, names_in, segmint};

#[test]
fn the_job_file_runs_as_it_is() {
    let folder = folder_of_customers(2_000);
    let answer = segmint(folder.path(), &["init", "customers.parquet"]).ends_with(0);
    assert_eq!(answer.stdout, "customers.toml\n");
    let job = std::fs::read_to_string(folder.path().join("customers.toml")).expect("the job file");
    insta::assert_snapshot!("init", job);
    segmint(folder.path(), &["run", "customers.toml", "--device", "cpu", "--out", "first"]).ends_with(0);
    assert!(folder.path().join("first/report.md").is_file());
}

#[test]
fn a_file_that_exists_is_never_replaced() {
    let folder = folder_of_customers(100);
    std::fs::write(folder.path().join("customers.toml"), "mine").expect("write");
    let answer = segmint(folder.path(), &["init", "customers.parquet"]).ends_with(73);
    assert!(answer.stderr.contains("exists already"), "{}", answer.stderr);
    assert_eq!(std::fs::read_to_string(folder.path().join("customers.toml")).expect("read"), "mine");
    segmint(folder.path(), &["init", "customers.parquet", "other.toml"]).ends_with(0);
    segmint(folder.path(), &["init", "customers.parquet", "other.parquet"]).ends_with(2);
}

#[test]
fn columns_with_gaps_flags_ids_and_strange_names_are_each_given_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    awkward_table(&folder.path().join("t.parquet"));
    segmint(folder.path(), &["init", "t.parquet"]).ends_with(0);
    let job = std::fs::read_to_string(folder.path().join("t.toml")).expect("the job file");
    insta::assert_snapshot!("init_awkward", job);
    segmint(folder.path(), &["run", "t.toml", "--device", "cpu", "--out", "first"]).ends_with(0);
}

#[test]
fn data_without_any_feature_is_told_so() {
    use arrow::array::{ArrayRef, StringArray};
    let folder = tempfile::tempdir().expect("a folder");
    let names: ArrayRef = std::sync::Arc::new(StringArray::from(vec!["a", "b"]));
    write(&folder.path().join("t.parquet"), vec![("name", names)]);
    let answer = segmint(folder.path(), &["init", "t.parquet"]).ends_with(65);
    assert!(answer.stderr.contains("no column can be clustered on"), "{}", answer.stderr);
    assert_eq!(names_in(folder.path()), ["t.parquet"]);
}

#[test]
fn a_folder_of_files_gives_a_job_that_reads_the_folder() {
    let folder = folder_of_customers(300);
    std::fs::create_dir(folder.path().join("night")).expect("a folder");
    for part in ["a.parquet", "b.parquet"] {
        std::fs::copy(folder.path().join("customers.parquet"), folder.path().join("night").join(part)).expect("copy");
    }
    // The ids of both files are the same: no column tells all rows apart.
    segmint(folder.path(), &["init", "night"]).ends_with(0);
    let job = std::fs::read_to_string(folder.path().join("night.toml")).expect("the job file");
    assert!(job.contains("path = \"night\"") && job.contains("# no id:"), "{job}");
    segmint(folder.path(), &["run", "night.toml", "--device", "cpu", "--out", "first"]).ends_with(0);
}

fn write(path: &Path, columns: Vec<(&str, arrow::array::ArrayRef)>) {
    let batch = arrow::array::RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .expect("a table");
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("write");
    writer.close().expect("close");
}

/// A column for each rule of the advice.
fn awkward_table(path: &Path) {
    use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray};
    use std::sync::Arc;
    const N: i64 = 200;
    let integers = |f: &dyn Fn(i64) -> i64| Arc::new(Int64Array::from_iter_values((0..N).map(f))) as ArrayRef;
    let gaps = |every: i64| {
        let values = (0..N).map(|i| (i % every != 0).then_some((i * i % 97) as f64));
        Arc::new(Float64Array::from_iter(values)) as ArrayRef
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("row", integers(&|i| i + 1)),
        ("user key", Arc::new(StringArray::from_iter_values((0..N).map(|i| format!("u{i}"))))),
        ("age \"now\"\u{7}", integers(&|i| i * 7 % 60)),
        ("few gaps", gaps(20)),
        ("mostly_gone", Arc::new(Float64Array::from_iter((0..N).map(|i| (i % 3 == 0).then_some(i as f64))))),
        ("empty", Arc::new(Float64Array::from_iter((0..N).map(|_| None::<f64>)))),
        ("same", integers(&|_| 4)),
        ("balance", Arc::new(Float64Array::from_iter_values((0..N).map(|i| if i == 0 { 9e6 } else { -(i as f64) })))),
        ("total_spent", Arc::new(Float64Array::from_iter_values((0..N).map(|i| 1.1f64.powi(i as i32 % 50))))),
        ("store_id", integers(&|i| i % 9)),
        ("cluster", integers(&|i| i % 4)),
        ("weight", integers(&|i| 1 + i % 2)),
        ("member", Arc::new(BooleanArray::from_iter((0..N).map(|i| Some(i % 2 == 0))))),
        ("joined", Arc::new(Date32Array::from_iter_values((0..N).map(|i| i as i32)))),
        ("city", Arc::new(StringArray::from_iter_values((0..N).map(|_| "x")))),
    ];
    write(path, columns);
}
