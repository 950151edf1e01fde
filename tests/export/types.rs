//! Ids of every type are listed as they came, and keep their type in Parquet.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::*;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::LogicalType;

use super::{places, printed, records, run_on_x, write};

const N_ROWS: usize = 28;

/// The ids of a list, in the order of their rows: the id of row r is listed with the column `row`.
fn ids(folder: &Path) -> Vec<String> {
    let shown = printed(folder, &["export", "run", "--cluster", "0,1", "--columns", "row"]);
    let mut rows: Vec<(usize, String)> =
        records(&shown)[1..].iter().map(|record| (record[5].parse().unwrap(), record[0].clone())).collect();
    rows.sort_unstable();
    assert_eq!(rows.len(), N_ROWS - N_ROWS / 7);
    rows.into_iter().map(|(_, id)| id).collect()
}

fn kept() -> impl Iterator<Item = usize> {
    (0..N_ROWS).filter(|row| row % 7 != 3)
}

fn rows() -> ArrayRef {
    Arc::new((0..N_ROWS as u32).collect::<UInt32Array>())
}

#[test]
fn ids_of_every_type_are_listed_as_they_came() {
    let n = N_ROWS as i64;
    let text = |row: i64| format!("c{row:02}");
    let bytes: Vec<Vec<u8>> = (0..n as u8).map(|row| vec![row, 255 - row]).collect();
    let decimals: Decimal128Array = (0..n).map(|row| Some(i128::from(row) * 101 - 150)).collect();
    let dictionary: DictionaryArray<Int8Type> =
        (0..n).map(text).collect::<Vec<_>>().iter().map(String::as_str).collect();
    type Shown = Box<dyn Fn(usize) -> String>;
    let cases: Vec<(ArrayRef, Shown)> = vec![
        (Arc::new((0..n).map(|row| row - 9).collect::<Int64Array>()), Box::new(|row| (row as i64 - 9).to_string())),
        (
            Arc::new((0..n as u64).map(|row| u64::MAX - row).collect::<UInt64Array>()),
            Box::new(|row| (u64::MAX - row as u64).to_string()),
        ),
        (Arc::new((0..n as i8).collect::<Int8Array>()), Box::new(|row| row.to_string())),
        (Arc::new((0..n).map(|row| Some(text(row))).collect::<StringArray>()), Box::new(|row| format!("c{row:02}"))),
        (
            Arc::new((0..n).map(|row| Some(text(row))).collect::<LargeStringArray>()),
            Box::new(|row| format!("c{row:02}")),
        ),
        (
            Arc::new((0..n).map(|row| Some(text(row))).collect::<StringViewArray>()),
            Box::new(|row| format!("c{row:02}")),
        ),
        (Arc::new(dictionary), Box::new(|row| format!("c{row:02}"))),
        (
            Arc::new(bytes.iter().map(Some).collect::<BinaryArray>()),
            Box::new(|row| format!("{row:02x}{:02x}", 255 - row)),
        ),
        (
            Arc::new(FixedSizeBinaryArray::try_from_iter(bytes.iter()).unwrap()),
            Box::new(|row| format!("{row:02x}{:02x}", 255 - row)),
        ),
        (
            Arc::new(decimals.with_precision_and_scale(12, 2).unwrap()),
            Box::new(|row| format!("{:.2}", (row as f64 * 101.0 - 150.0) / 100.0)),
        ),
        (
            Arc::new((0..n as i32).map(|row| Some(20_000 + row)).collect::<Date32Array>()),
            Box::new(|row| if row < 23 { format!("2024-10-{:02}", 4 + row) } else { String::new() }),
        ),
        (
            Arc::new(
                (0..n).map(|row| Some(row * 1000 + 1)).collect::<TimestampMillisecondArray>().with_timezone("UTC"),
            ),
            Box::new(|row| format!("1970-01-01T00:00:{row:02}.001Z")),
        ),
    ];
    for (array, shown) in cases {
        let place = tempfile::tempdir().unwrap();
        let columns = vec![("id", array.clone()), ("x", places(N_ROWS)), ("row", rows())];
        write(&place.path().join("data.parquet"), columns, 10);
        run_on_x(place.path(), "id");
        for (row, id) in kept().zip(ids(place.path())) {
            if !shown(row).is_empty() {
                assert_eq!(id, shown(row), "{:?}", array.data_type());
            }
        }
    }
}

#[test]
fn without_an_id_the_row_number_is_listed() {
    let place = tempfile::tempdir().unwrap();
    write(&place.path().join("data.parquet"), vec![("x", places(N_ROWS)), ("row", rows())], 10);
    printed(
        place.path(),
        &["run", "data.parquet", "--features", "x:missing=drop", "--k", "2", "--out", "run", "--device", "cpu"],
    );
    assert!(ids(place.path()).into_iter().eq(kept().map(|row| row.to_string())));
}

#[test]
fn a_uuid_is_shown_with_hyphens_and_stays_a_uuid_in_parquet() {
    let place = tempfile::tempdir().unwrap();
    let message = "message m { required fixed_len_byte_array(16) id (UUID); optional double x; required int32 row (INTEGER(32, false)); \
                   optional fixed_len_byte_array(16) other (UUID); }";
    let parquet = parquet::schema::parser::parse_message_type(message).unwrap();
    let descriptor = parquet::schema::types::SchemaDescriptor::new(Arc::new(parquet));
    let uuids =
        |first: u8| FixedSizeBinaryArray::try_from_iter((0..N_ROWS as u8).map(|row| [first + row; 16])).unwrap();
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::FixedSizeBinary(16), false),
        Field::new("x", DataType::Float64, true),
        Field::new("row", DataType::UInt32, false),
        Field::new("other", DataType::FixedSizeBinary(16), true),
    ]));
    let columns: Vec<ArrayRef> = vec![Arc::new(uuids(0)), places(N_ROWS), rows(), Arc::new(uuids(100))];
    let file = File::create(place.path().join("data.parquet")).unwrap();
    let options = ArrowWriterOptions::new().with_parquet_schema(descriptor);
    let mut writer = ArrowWriter::try_new_with_options(file, schema.clone(), options).unwrap();
    writer.write(&RecordBatch::try_new(schema, columns).unwrap()).unwrap();
    writer.close().unwrap();
    run_on_x(place.path(), "id");

    let hyphened = |byte: usize| format!("{0}{0}-{0}-{0}-{0}-{0}{0}{0}", format!("{byte:02x}").repeat(2));
    assert!(ids(place.path()).into_iter().eq(kept().map(hyphened)));
    printed(place.path(), &["export", "run", "--cluster", "0,1", "--columns", "other", "--out", "list.parquet"]);
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(place.path().join("list.parquet")).unwrap()).unwrap();
    let names: Vec<&str> = reader.schema().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["id", "persona", "second_persona", "distance", "margin", "other"]);
    for column in [0, 5] {
        assert_eq!(reader.parquet_schema().column(column).logical_type_ref(), Some(&LogicalType::Uuid));
    }
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let (own, other) = (batch.column(0).as_fixed_size_binary(), batch.column(5).as_fixed_size_binary());
        assert!((0..batch.num_rows()).all(|row| own.value(row)[0] + 100 == other.value(row)[15]));
    }
}
