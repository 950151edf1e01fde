//! The run folder is complete or absent, whatever happens: killed or failing at every single operation on the disk, a
//! second run beside the first, a folder that is not ours, a place that cannot be written.

#![allow(clippy::print_stdout)] // how many cases were tried is said

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, UInt64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use segmint::error::{Error, Kind};
use segmint::job::OutputSettings;
use segmint::store::{
    AssignmentWriter, ClusterNames, Disk, Fault, Manifest, Published, ROW_GROUP_ROWS, Rows, Staging, check_file,
};
use serde_json::{Value, json};

/// Two row groups; where a run is repeated hundreds of times, `FEW_ROWS` have to do.
const N_ROWS: usize = ROW_GROUP_ROWS + 1000;
const FEW_ROWS: usize = 1000;

/// Says to the child what to do: the operation to die at, the target, and which night it is.
const CHILD: &str = "SEGMINT_TEST_CHILD";

fn output(path: &Path, overwrite: bool) -> OutputSettings {
    OutputSettings { path: path.to_path_buf(), overwrite }
}

fn settings() -> Value {
    json!({"k": 3, "seed": 42})
}

fn input_files(night: u64) -> Value {
    json!([{"name": "customers.parquet", "night": night}])
}

/// Publishes a small run whose content depends on the night only.
fn publish(disk: &Disk, output: &OutputSettings, night: u64) -> Result<Published, Error> {
    publish_rows(disk, output, night, FEW_ROWS)
}

fn publish_rows(disk: &Disk, output: &OutputSettings, night: u64, n_rows: usize) -> Result<Published, Error> {
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

fn slice(rows: std::ops::Range<usize>) -> Rows {
    Rows {
        clusters: rows.clone().map(|row| (row % 3) as u16).collect(),
        distances: rows.clone().map(|row| row as f64 / 3.0).collect(),
        margins: rows.map(|row| 1.0 / (row + 1) as f64).collect(),
    }
}

/// What may be seen in a folder.
fn visible(folder: &Path) -> Vec<String> {
    let mut names = all(folder);
    names.retain(|name| !name.starts_with('.'));
    names
}

fn all(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The bytes of every file of a run but its record; panics where the run is not whole.
fn bytes_of(run: &Path) -> Vec<(String, Vec<u8>)> {
    let manifest = Manifest::read(run).expect("a run has a manifest");
    assert_eq!(manifest.damaged(run).unwrap(), Vec::<String>::new());
    let names = all(run);
    assert_eq!(names, ["assignments.parquet", "manifest.json", "run.json", "summary.json"]);
    names.into_iter().filter(|n| n != "run.json").map(|n| (n.clone(), fs::read(run.join(n)).unwrap())).collect()
}

fn kind(result: Result<Published, Error>) -> Kind {
    result.expect_err("this run must not succeed").kind()
}

#[test]
fn a_run_folder_holds_what_was_written_and_nothing_else_stands_beside_it() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("a/b/night");
    let published = publish_rows(&Disk::default(), &output(&target, false), 1, N_ROWS).unwrap();
    assert_eq!(published, Published { path: target.clone(), leftover: None });
    assert_eq!(all(&place.path().join("a/b")), ["night"]);
    bytes_of(&target);

    let file = fs::File::open(target.join("assignments.parquet")).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let group_rows: Vec<i64> = builder.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(group_rows, [ROW_GROUP_ROWS as i64, 1000]);
    assert_eq!(builder.schema().field(0).name(), "customer");
    let mut row = 0;
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        let ids = batch.column(0).as_primitive::<UInt64Type>();
        let clusters = batch.column(1).as_primitive::<Int32Type>();
        let personas =
            batch.column(2).as_dictionary::<Int32Type>().downcast_dict::<arrow::array::StringArray>().unwrap();
        let second = batch.column(3).as_dictionary::<Int32Type>();
        let distances = batch.column(4).as_primitive::<Float64Type>();
        for i in 0..batch.num_rows() {
            assert_eq!(ids.value(i), row as u64 * 7 + 1);
            assert_eq!(clusters.value(i), row % 3);
            assert_eq!(arrow::array::ArrayAccessor::value(&personas, i), ["Loyal", "New", "Loyal"][row as usize % 3]);
            assert_eq!(second.is_null(i), row % 3 == 0);
            assert_eq!(distances.value(i), f64::from(row) / 3.0);
            row += 1;
        }
    }
    assert_eq!(row as usize, N_ROWS);
}

#[test]
fn equal_content_gives_equal_bytes_however_it_is_batched() {
    let place = tempfile::tempdir().unwrap();
    let mut hashes = Vec::new();
    for (index, batch_rows) in
        [1, 1000, ROW_GROUP_ROWS - 1, ROW_GROUP_ROWS, ROW_GROUP_ROWS + 1, usize::MAX].iter().enumerate()
    {
        // One row at a time only for the first thousand: the borders are what matters.
        let staging = Staging::begin(&output(&place.path().join(index.to_string()), false), &Disk::default()).unwrap();
        let names = [ClusterNames { persona: "All".to_owned(), second_persona: None }];
        let id = Field::new("id", DataType::Utf8, false);
        let mut writer = AssignmentWriter::new(staging.file("assignments.parquet").unwrap(), &id, &names).unwrap();
        let n_rows = 2 * ROW_GROUP_ROWS + 17;
        let mut first = 0;
        while first < n_rows {
            let step = if *batch_rows == 1 && first >= 1000 { 60_001 } else { *batch_rows };
            let rows = first..n_rows.min(first.saturating_add(step));
            let ids: ArrayRef =
                Arc::new(rows.clone().map(|row| Some(format!("c{row}"))).collect::<arrow::array::StringArray>());
            let mut part = slice(rows.clone());
            part.clusters.fill(0);
            writer.push(ids, part).unwrap();
            first = rows.end;
        }
        let (file, written) = writer.finish().unwrap();
        assert_eq!(written, n_rows);
        hashes.push(fs::read(file.path()).unwrap());
    }
    assert!(hashes.iter().all(|bytes| *bytes == hashes[0]));
}

#[test]
fn ids_of_every_type_come_back_with_their_type_and_name() {
    use arrow::array::*;
    let place = tempfile::tempdir().unwrap();
    let dictionary: DictionaryArray<arrow::datatypes::Int16Type> = ["x", "y", "x"].into_iter().collect();
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int8Array::from(vec![1, -2, 3])),
        Arc::new(Int16Array::from(vec![1, -2, 3])),
        Arc::new(UInt32Array::from(vec![1, u32::MAX, 3])),
        Arc::new(UInt64Array::from(vec![1, u64::MAX, 3])),
        Arc::new(LargeStringArray::from(vec!["a", "", "b"])),
        Arc::new(StringViewArray::from(vec!["a", "", "a string that does not fit a view by itself"])),
        Arc::new(BinaryArray::from(vec![&b"a"[..], b"", b"\xff"])),
        Arc::new(FixedSizeBinaryArray::try_from_iter([[1u8; 16], [2; 16], [0; 16]].into_iter()).unwrap()),
        Arc::new(Decimal128Array::from(vec![1, -2, 3]).with_precision_and_scale(20, 2).unwrap()),
        Arc::new(Date32Array::from(vec![1, 2, 3])),
        Arc::new(TimestampMicrosecondArray::from(vec![1, 2, 3]).with_timezone("UTC")),
        Arc::new(BooleanArray::from(vec![true, false, true])),
        Arc::new(dictionary),
    ];
    for (index, array) in arrays.iter().enumerate() {
        let staging = Staging::begin(&output(&place.path().join(index.to_string()), false), &Disk::default()).unwrap();
        let names = [ClusterNames { persona: "All".to_owned(), second_persona: None }];
        let id = Field::new("who", array.data_type().clone(), true);
        let mut writer = AssignmentWriter::new(staging.file("assignments.parquet").unwrap(), &id, &names).unwrap();
        let rows = |range: std::ops::Range<usize>| Rows { clusters: vec![0; range.len()], ..slice(range) };
        writer.push(array.slice(0, 1), rows(0..1)).unwrap();
        writer.push(array.slice(1, 2), rows(1..3)).unwrap();
        let (file, _) = writer.finish().unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(file.path()).unwrap()).unwrap();
        let batch = reader.build().unwrap().next().unwrap().unwrap();
        assert_eq!(batch.schema().field(0).name(), "who");
        assert_eq!(batch.column(0).data_type(), array.data_type());
        assert_eq!(format!("{:?}", batch.column(0)), format!("{array:?}"));
    }
    println!("{} id types", arrays.len());
}

#[test]
fn an_id_called_like_a_column_of_the_output_is_refused() {
    assert_eq!(segmint::store::check_id_name("persona").unwrap_err().kind(), Kind::JobFile);
    assert!(segmint::store::check_id_name("customer").is_ok());
}

#[test]
fn an_existing_run_is_kept_and_the_same_job_on_the_same_input_has_nothing_to_do() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("night");
    publish(&Disk::default(), &output(&target, false), 1).unwrap();
    let before = bytes_of(&target);

    assert_eq!(kind(publish(&Disk::default(), &output(&target, false), 1)), Kind::NothingToDo);
    let error = publish(&Disk::default(), &output(&target, false), 2).unwrap_err();
    assert_eq!(error.kind(), Kind::Output);
    assert!(error.hint_text().unwrap().contains("--overwrite"));
    assert_eq!(bytes_of(&target), before);

    // A damaged run is not "nothing to do".
    fs::write(target.join("summary.json"), "").unwrap();
    assert_eq!(kind(publish(&Disk::default(), &output(&target, false), 1)), Kind::Output);
    assert_eq!(all(place.path()), ["night"]);
}

#[test]
fn overwrite_replaces_a_run_and_only_a_run() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("night");
    publish(&Disk::default(), &output(&target, false), 1).unwrap();
    let old = bytes_of(&target);
    publish(&Disk::default(), &output(&target, true), 2).unwrap();
    let new = bytes_of(&target);
    assert_ne!(old, new);
    assert_eq!(all(place.path()), ["night"]);

    // Somebody's own file inside a run.
    fs::write(target.join("notes.txt"), "mine").unwrap();
    let error = publish(&Disk::default(), &output(&target, true), 3).unwrap_err();
    assert_eq!(error.kind(), Kind::Output);
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert_eq!(fs::read(target.join("notes.txt")).unwrap(), b"mine");

    // Folders and files that are no runs, with and without the wish to overwrite.
    let foreign = place.path().join("photos");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("manifest.json"), "{\"kind\": \"photos\"}").unwrap();
    fs::create_dir(place.path().join("empty")).unwrap();
    fs::write(place.path().join("file"), "text").unwrap();
    for name in ["photos", "empty", "file"] {
        for overwrite in [false, true] {
            assert_eq!(kind(publish(&Disk::default(), &output(&place.path().join(name), overwrite), 1)), Kind::Output);
        }
    }
    assert_eq!(fs::read(foreign.join("manifest.json")).unwrap(), b"{\"kind\": \"photos\"}");
    assert_eq!(all(place.path()), ["empty", "file", "night", "photos"]);
}

#[cfg(unix)]
#[test]
fn a_run_is_never_written_through_a_symbolic_link() {
    let place = tempfile::tempdir().unwrap();
    publish(&Disk::default(), &output(&place.path().join("night"), false), 1).unwrap();
    std::os::unix::fs::symlink("night", place.path().join("latest")).unwrap();
    let error = publish(&Disk::default(), &output(&place.path().join("latest"), true), 2).unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
    assert_eq!(all(place.path()), ["latest", "night"]);
}

#[test]
fn a_place_without_a_name_or_below_a_file_is_refused() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("file"), "text").unwrap();
    for path in [PathBuf::from("/"), PathBuf::from(".."), PathBuf::new(), place.path().join("file/night")] {
        assert_eq!(kind(publish(&Disk::default(), &output(&path, false), 1)), Kind::Output, "{path:?}");
    }
    assert_eq!(all(place.path()), ["file"]);
}

#[cfg(unix)]
#[test]
fn a_parent_that_cannot_be_written_is_refused_at_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let parent = place.path().join("closed");
    fs::create_dir(&parent).unwrap();
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o555)).unwrap();
    // Who may do everything (root in a container) is not stopped by permissions: the same refusal by an injected error.
    let may_write = fs::write(parent.join("probe"), "").is_ok();
    let disk = if may_write {
        fs::remove_file(parent.join("probe")).unwrap();
        println!("permissions do not bind this user; the refusal is injected");
        Disk::with_faults(vec![Fault::Once { operation: 0, error: ErrorKind::PermissionDenied }])
    } else {
        Disk::default()
    };
    let error = publish(&disk, &output(&parent.join("night"), false), 1).unwrap_err();
    assert_eq!(error.kind(), Kind::Output);
    assert!(error.hint_text().unwrap().contains("writable"), "{error}");
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(all(&parent), Vec::<String>::new());
}

#[test]
fn of_two_runs_to_one_folder_one_is_told_who_holds_it() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("deep/night");
    let first = Staging::begin(&output(&target, false), &Disk::default()).unwrap();
    let error = publish(&Disk::default(), &output(&target, false), 1).unwrap_err();
    assert_eq!(error.kind(), Kind::Output);
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    // The loser has not touched the winner's staging, and another folder is nobody's business.
    assert_eq!(all(&place.path().join("deep")).len(), 2);
    publish(&Disk::default(), &output(&place.path().join("deep/other"), false), 1).unwrap();
    drop(first);
    assert_eq!(all(&place.path().join("deep")), ["other"]);
    publish(&Disk::default(), &output(&target, false), 1).unwrap();
}

#[test]
fn runs_that_race_for_one_folder_leave_one_whole_run() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("deep/night");
    let (won, lost): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| publish(&Disk::default(), &output(&target, false), 1).map_err(|e| e.kind())))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).partition(Result::is_ok)
    });
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|run| matches!(run, Err(Kind::Output | Kind::NothingToDo))), "{lost:?}");
    bytes_of(&target);
    assert_eq!(all(&place.path().join("deep")), ["night"]);
}

#[test]
fn a_run_that_is_dropped_leaves_nothing_not_even_the_parents_it_made() {
    let place = tempfile::tempdir().unwrap();
    let mut staging = Staging::begin(&output(&place.path().join("a/b/night"), false), &Disk::default()).unwrap();
    staging.write("summary.json", b"{}").unwrap();
    drop(staging);
    assert_eq!(all(place.path()), Vec::<String>::new());
}

/// A target that is new, or holds last night's run; the operations of a good run to it; its bytes.
fn rehearse(place: &Path, overwrite: bool, faults: Vec<Fault>) -> (Vec<&'static str>, Vec<(String, Vec<u8>)>) {
    let target = place.join("rehearsal/night");
    fs::create_dir(place.join("rehearsal")).unwrap();
    if overwrite {
        publish(&Disk::default(), &output(&target, false), 1).unwrap();
    }
    let disk = Disk::with_faults(faults);
    publish(&disk, &output(&target, overwrite), 2).unwrap();
    let bytes = bytes_of(&target);
    fs::remove_dir_all(place.join("rehearsal")).unwrap();
    (disk.operations(), bytes)
}

/// With `exchange` unsupported, the old run is moved aside and the new one into its place.
fn no_exchange(operations: &[&'static str]) -> Vec<Fault> {
    let operation = operations.iter().position(|name| *name == "exchange").unwrap();
    vec![Fault::Once { operation, error: ErrorKind::Unsupported }]
}

/// Every way in which a run can reach its place: new, by exchange, by two renames.
fn ways(place: &Path) -> Vec<(&'static str, bool, Vec<Fault>)> {
    let exchange = rehearse(place, true, Vec::new()).0;
    vec![("new", false, Vec::new()), ("exchange", true, Vec::new()), ("aside", true, no_exchange(&exchange))]
}

#[test]
fn a_failure_at_any_operation_leaves_the_old_run_or_the_new_one_and_nothing_half() {
    let place = tempfile::tempdir().unwrap();
    let mut cases = 0;
    for (way, overwrite, faults) in ways(place.path()) {
        let (operations, new) = rehearse(place.path(), overwrite, faults.clone());
        let injections = (0..operations.len()).flat_map(|operation| {
            [Fault::Once { operation, error: ErrorKind::PermissionDenied }, Fault::Full { operation }]
        });
        for (index, fault) in injections.enumerate() {
            let folder = place.path().join(format!("{way}{index}"));
            let target = folder.join("night");
            fs::create_dir(&folder).unwrap();
            let old = overwrite.then(|| {
                publish(&Disk::default(), &output(&target, false), 1).unwrap();
                bytes_of(&target)
            });
            let mut all_faults = vec![fault];
            all_faults.extend(&faults);
            let result = publish(&Disk::with_faults(all_faults), &output(&target, overwrite), 2);

            let context = format!("{way}, {fault:?} of {operations:?}: {result:?}");
            assert!(visible(&folder).iter().all(|name| name == "night"), "{context}");
            let found = target.exists().then(|| bytes_of(&target));
            match &result {
                Ok(_) => assert_eq!(found.as_ref(), Some(&new), "{context}"),
                Err(error) => {
                    assert!(matches!(error.kind(), Kind::Io | Kind::Output), "{context}");
                    assert!(found == old || found.as_ref() == Some(&new), "{context}");
                }
            }
            // Whatever was left hidden goes with the next run.
            publish(&Disk::default(), &output(&target, true), 2).unwrap();
            assert_eq!(bytes_of(&target), new, "{context}");
            assert_eq!(all(&folder), ["night"], "{context}");
            fs::remove_dir_all(&folder).unwrap();
            cases += 1;
        }
    }
    println!("{cases} failures injected");
    assert!(cases > 100);
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    let place = tempfile::tempdir().unwrap();
    let (operations, _) = rehearse(place.path(), false, Vec::new());
    let operation = operations.iter().position(|name| *name == "write").unwrap();
    let disk = Disk::with_faults(vec![Fault::Full { operation }]);
    let error = publish(&disk, &output(&place.path().join("night"), false), 1).unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    assert!(error.hint_text().unwrap().contains("room"), "{error}");
    assert_eq!(all(place.path()), Vec::<String>::new());
}

#[test]
fn a_kill_at_any_operation_leaves_nothing_visible_and_the_next_start_clears_the_rest() {
    let place = tempfile::tempdir().unwrap();
    let mut cases = 0;
    for (way, overwrite, _) in ways(place.path()) {
        let faults = faults_of(way, place.path());
        let (operations, new) = rehearse(place.path(), overwrite, faults);
        for operation in 0..operations.len() {
            let folder = place.path().join(format!("{way}{operation}"));
            let target = folder.join("night");
            fs::create_dir(&folder).unwrap();
            let old = overwrite.then(|| {
                publish(&Disk::default(), &output(&target, false), 1).unwrap();
                bytes_of(&target)
            });
            let status = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "a_run_that_is_killed", "--nocapture"])
                .env(CHILD, format!("{operation} {way} {}", target.display()))
                .output()
                .unwrap()
                .status;
            let context = format!("{way}, killed at operation {operation} of {operations:?}");
            assert!(!status.success(), "{context}: it was to be killed");

            assert!(visible(&folder).iter().all(|name| name == "night"), "{context}");
            let found = target.exists().then(|| bytes_of(&target));
            // Between its two renames, and only there, a run without exchange has the old run set aside.
            let between = way == "aside" && found.is_none();
            assert!(found == old || found.as_ref() == Some(&new) || between, "{context}");
            if between {
                let next = Staging::begin(&output(&target, true), &Disk::default()).unwrap();
                assert_eq!(Some(bytes_of(&target)), old, "{context}");
                drop(next);
            }
            publish(&Disk::default(), &output(&target, true), 2).unwrap();
            assert_eq!(bytes_of(&target), new, "{context}");
            assert_eq!(all(&folder), ["night"], "{context}");
            fs::remove_dir_all(&folder).unwrap();
            cases += 1;
        }
    }
    println!("{cases} kills");
    assert!(cases > 50);
}

fn faults_of(way: &str, place: &Path) -> Vec<Fault> {
    if way == "aside" { no_exchange(&rehearse(place, true, Vec::new()).0) } else { Vec::new() }
}

/// The child of the test above: a run that ends itself at a given operation. Does nothing where it is not a child.
#[test]
fn a_run_that_is_killed() {
    let Ok(order) = std::env::var(CHILD) else { return };
    let mut parts = order.splitn(3, ' ');
    let operation = parts.next().unwrap().parse().unwrap();
    let way = parts.next().unwrap();
    let target = PathBuf::from(parts.next().unwrap());
    let mut faults = vec![Fault::Abort { operation }];
    if way == "aside" {
        let place = tempfile::tempdir().unwrap();
        faults.extend(faults_of(way, place.path()));
    }
    let _ = publish(&Disk::with_faults(faults), &output(&target, way != "new"), 2);
}

#[test]
fn a_uuid_stays_a_uuid_and_dropped_rows_take_their_ids_along() {
    use arrow::array::{FixedSizeBinaryArray, RecordBatch};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_writer::ArrowWriterOptions;
    use parquet::basic::LogicalType;
    use segmint::job::{DuplicateIds, SourceSettings};
    use segmint::observe::Observe;
    use segmint::source::{Request, ScanSettings, Source};

    let place = tempfile::tempdir().unwrap();
    let message = "message m { optional fixed_len_byte_array(16) who (UUID); required double x; }";
    let parquet = parquet::schema::parser::parse_message_type(message).unwrap();
    let descriptor = parquet::schema::types::SchemaDescriptor::new(Arc::new(parquet));
    let ids = FixedSizeBinaryArray::try_from_iter((0..100u8).map(|i| [i; 16])).unwrap();
    let x: arrow::array::Float64Array = (0..100).map(f64::from).collect();
    let schema = Arc::new(arrow::datatypes::Schema::new(vec![
        Field::new("who", DataType::FixedSizeBinary(16), true),
        Field::new("x", DataType::Float64, false),
    ]));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(ids), Arc::new(x)]).unwrap();
    let path = place.path().join("in.parquet");
    let options = ArrowWriterOptions::new().with_parquet_schema(descriptor);
    let mut writer = ArrowWriter::try_new_with_options(fs::File::create(&path).unwrap(), schema, options).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let settings = SourceSettings {
        path: path.display().to_string(),
        id: Some("who".to_owned()),
        sample_weight: None,
        duplicate_ids: DuplicateIds::Refuse,
    };
    let source = Source::open(&settings, &Observe::default()).unwrap();
    let staging = Staging::begin(&output(&place.path().join("night"), false), &Disk::default()).unwrap();
    let names = [ClusterNames { persona: "All".to_owned(), second_persona: None }];
    let file = staging.file("assignments.parquet").unwrap();
    let mut writer = AssignmentWriter::for_source(file, &source, &names).unwrap();
    let scan = ScanSettings { chunk_rows: 7, memory: 1 << 20 };
    let request = Request { numbers: Vec::new(), ids: true };
    source
        .scan(&request, &scan, &Observe::default(), &mut |wave| {
            for batch in wave {
                let kept: Vec<bool> =
                    (0..batch.n_rows).map(|i| (batch.first_row as usize + i).is_multiple_of(3)).collect();
                let n = kept.iter().filter(|kept| **kept).count();
                let rows = Rows { clusters: vec![0; n], distances: vec![0.0; n], margins: vec![1.0; n] };
                writer.push_ids(&batch.ids.unwrap(), Some(&kept), rows)?;
            }
            Ok(())
        })
        .unwrap();
    let (file, written) = writer.finish().unwrap();
    assert_eq!(written, 34);
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(file.path()).unwrap()).unwrap();
    let id = reader.parquet_schema().column(0);
    assert_eq!(id.logical_type_ref(), Some(&LogicalType::Uuid));
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    let ids = batch.column(0).as_fixed_size_binary();
    assert!((0..34).all(|row| ids.value(row) == [3 * row as u8; 16]));
}
