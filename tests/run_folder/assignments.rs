//! What stands in `assignments.parquet`.

use std::fs;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, UInt64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use segmint::error::Kind;
use segmint::store::{AssignmentWriter, ClusterNames, Disk, Published, ROW_GROUP_ROWS, Rows, Staging};

use super::runs::{N_ROWS, all, bytes_of, output, publish_rows, slice};

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
    let request = Request { numbers: Vec::new(), ids: true, ..Request::default() };
    source
        .scan(&request, &scan, &Observe::default(), &mut |wave| {
            for batch in wave {
                let kept: Vec<bool> =
                    (0..batch.n_rows).map(|i| (batch.first_row as usize + i).is_multiple_of(3)).collect();
                let n = kept.iter().filter(|kept| **kept).count();
                let rows = Rows { clusters: vec![0; n], distances: vec![0.0; n], margins: vec![1.0; n] };
                writer.push_ids(&[(batch.ids.unwrap(), Some(kept))], rows)?;
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
