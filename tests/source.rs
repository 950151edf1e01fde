//! Sources of every layout read to the same rows: numbers, ids, order and places.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::*;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use segmint::error::{Error, Kind};
use segmint::job::{DuplicateIds, SourceSettings};
use segmint::observe::Observe;
use segmint::source::{
    Batch, Ids, NULL, Request, ScanSettings, Source, Uniqueness, check_unique, is_null_value, pulled,
};

fn settings(path: &Path, id: Option<&str>) -> SourceSettings {
    SourceSettings {
        path: path.to_string_lossy().into_owned(),
        id: id.map(String::from),
        sample_weight: None,
        duplicate_ids: DuplicateIds::Refuse,
    }
}

fn open(path: &Path, id: Option<&str>) -> Result<Source, Error> {
    Source::open(&settings(path, id), &Observe::default())
}

/// Writes one file of the given columns, in row groups of `group_rows`.
fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, group_rows: usize) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Everything a scan hands on, with the largest wave in rows.
fn scan(source: &Source, numbers: &[&str], chunk_rows: usize, memory: u64) -> Result<(Vec<Batch>, usize), Error> {
    let numbers = numbers.iter().map(|name| source.column(name)).collect::<Result<_, _>>()?;
    let request = Request { numbers, ids: true, ..Request::default() };
    let mut batches = Vec::new();
    let mut largest = 0;
    source.scan(&request, &ScanSettings { chunk_rows, memory }, &Observe::default(), &mut |wave| {
        largest = largest.max(wave.iter().map(|batch| batch.n_rows).sum());
        batches.extend(wave);
        Ok(())
    })?;
    Ok((batches, largest))
}

/// Bits of one column over all batches.
fn column(batches: &[Batch], position: usize) -> Vec<u64> {
    batches.iter().flat_map(|batch| batch.numbers[position].iter().map(|v| v.to_bits())).collect()
}

fn keys(batches: &[Batch]) -> Vec<u64> {
    let keys = |ids: &Ids| {
        let mut keys = vec![0; ids.len()];
        ids.keys(1, &mut keys);
        keys
    };
    batches.iter().flat_map(|batch| keys(batch.ids.as_ref().unwrap())).collect()
}

/// 1,000 customers with a float and an integer column, some of them null.
fn customers(rows: std::ops::Range<i64>) -> Vec<(&'static str, ArrayRef)> {
    let id: Int64Array = rows.clone().map(|i| i * 7919).collect();
    let spent: Float64Array = rows.clone().map(|i| (i % 11 != 3).then_some(i as f64 * 0.25)).collect();
    let orders: Int32Array = rows.map(|i| (i % 13 != 5).then_some((i % 100) as i32)).collect();
    vec![("id", Arc::new(id)), ("spent", Arc::new(spent)), ("orders", Arc::new(orders))]
}

const ALL: u64 = 1 << 30;

#[test]
fn every_layout_reads_to_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let one = folder.path().join("one.parquet");
    write(&one, customers(0..1000), 1000);
    let groups = folder.path().join("groups.parquet");
    write(&groups, customers(0..1000), 37);
    let parts: PathBuf = folder.path().join("parts");
    std::fs::create_dir(&parts).unwrap();
    for (i, start) in (0..1000).step_by(250).enumerate() {
        write(&parts.join(format!("{i}.parquet")), customers(start..start + 250), 100);
    }
    let source = open(&one, Some("id")).unwrap();
    let (expected, _) = scan(&source, &["spent", "orders"], 1 << 20, ALL).unwrap();
    assert_eq!(expected.len(), 1);
    assert_eq!(column(&expected, 0)[3], NULL.to_bits());
    assert_eq!(column(&expected, 0)[4], 1.0f64.to_bits());
    for path in [&one, &groups, &parts] {
        for (chunk_rows, memory) in [(1, ALL), (64, ALL), (1000, 0), (64, 3000), (10, 4000), (1 << 20, ALL)] {
            let source = open(path, Some("id")).unwrap();
            assert_eq!(source.n_rows(), 1000);
            let (batches, largest) = scan(&source, &["spent", "orders"], chunk_rows, memory).unwrap();
            assert_eq!(column(&batches, 0), column(&expected, 0));
            assert_eq!(column(&batches, 1), column(&expected, 1));
            assert_eq!(keys(&batches), keys(&expected));
            let mut next = 0;
            for batch in &batches {
                assert!(batch.n_rows <= chunk_rows && batch.n_rows > 0);
                assert_eq!(batch.first_row, next);
                next += batch.n_rows as u64;
            }
            assert!(memory == ALL || largest <= chunk_rows.max(memory as usize / 16), "{largest} rows in a wave");
        }
    }
}

#[test]
fn a_column_asked_for_twice_comes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, customers(0..100), 30);
    let (batches, _) = scan(&open(&path, None).unwrap(), &["orders", "spent", "orders"], 16, ALL).unwrap();
    assert_eq!(column(&batches, 0), column(&batches, 2));
    assert_ne!(column(&batches, 0), column(&batches, 1));
}

#[test]
fn columns_can_be_had_as_they_are_those_of_folders_too() {
    let folder = tempfile::tempdir().unwrap();
    for (country, year) in [("AT", 2023), ("CH", 2024)] {
        let place = folder.path().join(format!("country={country}/year={year}"));
        std::fs::create_dir_all(&place).unwrap();
        let texts = StringArray::from(vec![Some("a"), None, Some("=1")]);
        let bytes = BinaryArray::from(vec![&b"x"[..], b"", b"y"]);
        write(&place.join("a.parquet"), vec![("text", Arc::new(texts)), ("bytes", Arc::new(bytes))], 2);
    }
    let source = open(folder.path(), None).unwrap();
    let values = ["bytes", "country", "text", "year"].map(|name| source.column(name).unwrap()).to_vec();
    let request = Request { values, ..Request::default() };
    let settings = ScanSettings { chunk_rows: 2, memory: ALL };
    let mut columns: Vec<Vec<ArrayRef>> = vec![Vec::new(); 4];
    let mut add = |batch: Batch| columns.iter_mut().zip(batch.values).for_each(|(column, part)| column.push(part));
    // Pulled one after the other, in the order of the source.
    pulled(&source, &request, &settings, &Observe::default(), |batches| {
        while let Some(batch) = batches.next_batch()? {
            add(batch);
        }
        Ok(())
    })
    .unwrap();
    let whole: Vec<ArrayRef> = columns
        .iter()
        .map(|parts| arrow::compute::concat(&parts.iter().map(|part| part.as_ref()).collect::<Vec<_>>()).unwrap())
        .collect();
    assert_eq!(whole[0].as_binary::<i32>().value(5), b"y");
    assert!(whole[1].as_string::<i32>().iter().eq(["AT", "AT", "AT", "CH", "CH", "CH"].map(Some)));
    assert!(whole[2].as_string::<i32>().iter().eq([Some("a"), None, Some("=1"), Some("a"), None, Some("=1")]));
    assert_eq!(whole[3].as_primitive::<Int64Type>().values(), &[2023, 2023, 2023, 2024, 2024, 2024]);
}

#[test]
fn whoever_stops_pulling_ends_the_scan_and_an_error_reaches_whoever_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, customers(0..5000), 10);
    let source = open(&path, Some("id")).unwrap();
    let request = Request { ids: true, ..Request::default() };
    let settings = ScanSettings { chunk_rows: 10, memory: 1 };
    let first =
        pulled(&source, &request, &settings, &Observe::default(), |batches| Ok(batches.next_batch()?.unwrap().n_rows));
    assert_eq!(first.unwrap(), 10);
    // A column that is not numbers, asked for as such.
    write(&path, vec![("id", Arc::new(StringArray::from(vec!["a"; 3])))], 10);
    let source = open(&path, None).unwrap();
    let request = Request { numbers: vec![0], ..Request::default() };
    let error = pulled(&source, &request, &settings, &Observe::default(), |batches| batches.next_batch().map(|_| ()));
    assert_eq!(error.unwrap_err().kind(), Kind::BadData);
}

#[test]
fn without_an_id_the_row_number_over_all_files_is_the_id() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.parquet"), customers(0..50), 20);
    write(&folder.path().join("b.parquet"), customers(50..100), 20);
    let (batches, _) = scan(&open(folder.path(), None).unwrap(), &[], 7, 100).unwrap();
    let rows: Vec<u64> = batches
        .iter()
        .flat_map(|b| b.ids.as_ref().unwrap().array().as_primitive::<UInt64Type>().values().to_vec())
        .collect();
    assert_eq!(rows, (0..100).collect::<Vec<u64>>());
}

#[test]
fn a_repeated_id_is_named_by_both_places_and_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.parquet"), customers(0..50), 20);
    write(&folder.path().join("b.parquet"), customers(49..80), 20);
    let source = open(folder.path(), Some("id")).unwrap();
    let (batches, _) = scan(&source, &[], 7, ALL).unwrap();
    let settings = ScanSettings { chunk_rows: 7, memory: ALL };
    let error = check_unique(&source, 1, &keys(&batches), &settings, &Observe::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::BadData);
    let text = error.to_string();
    assert!(text.contains("b.parquet, row group 0, column \"id\", row 0: 1 row repeats"), "{text}");
    assert!(text.contains("a.parquet, row group 2, column \"id\", row 49"), "{text}");
    assert!(!text.contains(&(49 * 7919).to_string()), "{text}");
    let first = open(&folder.path().join("a.parquet"), Some("id")).unwrap();
    let (batches, _) = scan(&first, &[], 7, ALL).unwrap();
    let unique = check_unique(&first, 1, &keys(&batches), &settings, &Observe::default()).unwrap();
    assert_eq!(unique, Uniqueness::Unique);
}

#[test]
fn keys_that_collide_ask_for_another_seed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let names: StringArray = (0..100).map(|i| Some(format!("name {i}"))).collect();
    write(&path, vec![("id", Arc::new(names))], 30);
    let source = open(&path, Some("id")).unwrap();
    let (batches, _) = scan(&source, &[], 7, ALL).unwrap();
    let mut keys = keys(&batches);
    let settings = ScanSettings { chunk_rows: 7, memory: ALL };
    assert_eq!(check_unique(&source, 1, &keys, &settings, &Observe::default()).unwrap(), Uniqueness::Unique);
    // A collision of 64-bit hashes cannot be made to order, so one is claimed.
    keys[99] = keys[3];
    assert_eq!(check_unique(&source, 1, &keys, &settings, &Observe::default()).unwrap(), Uniqueness::KeysCollide);
}

#[test]
fn more_files_than_may_be_open_are_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..200 {
        write(&folder.path().join(format!("{i:03}.parquet")), customers(i * 3..i * 3 + 3), 2);
    }
    let source = open(folder.path(), Some("id")).unwrap();
    let (batches, largest) = scan(&source, &["orders"], 100, ALL).unwrap();
    let ids: Vec<i64> = batches
        .iter()
        .flat_map(|b| b.ids.as_ref().unwrap().array().as_primitive::<Int64Type>().values().to_vec())
        .collect();
    assert_eq!(ids, (0..600).map(|i| i * 7919).collect::<Vec<i64>>());
    assert!(largest < 600);
    let fingerprint = serde_json::to_value(source.fingerprint()).unwrap();
    assert_eq!(fingerprint["rows"], 600);
    assert_eq!(fingerprint["files"][7]["name"], "007.parquet");
    assert_eq!(fingerprint["files"][7]["footer_sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn a_file_changed_after_it_was_opened_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, customers(0..100), 30);
    let source = open(&path, Some("id")).unwrap();
    write(&path, customers(0..101), 30);
    let error = scan(&source, &["spent"], 10, ALL).unwrap_err();
    assert!(error.to_string().contains("changed while it was being read"), "{error}");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let ids = StringArray::from(vec![Some("x"), Some("y"), None, Some("z")]);
    let large = Float64Array::from(vec![0.0, 1.0, 2.0, -2e100]);
    write(&path, vec![("id", Arc::new(ids)), ("large", Arc::new(large))], 3);
    let text = |error: Error| format!("{error}").replace(&path.display().to_string(), "a.parquet");
    let source = open(&path, Some("id")).unwrap();
    let error = scan(&source, &[], 2, ALL).unwrap_err();
    assert_eq!(text(error), "a.parquet, row group 0, column \"id\", row 2: a row without an id");
    let error = scan(&open(&path, None).unwrap(), &["large"], 2, ALL).unwrap_err();
    let expected = "a.parquet, row group 1, column \"large\", row 3: a number is larger than 1e100, ";
    assert!(text(error).starts_with(expected));
    let error = scan(&source, &["id"], 2, ALL).unwrap_err();
    assert_eq!(text(error), "the column \"id\" is text and cannot be read as numbers");
    let error = scan(&source, &["lrage"], 2, ALL).unwrap_err();
    assert_eq!(error.hint_text(), Some("did you mean \"large\"?"));
    assert_eq!(error.kind(), Kind::BadData);
    assert!(is_null_value(NULL));
}

#[test]
fn files_whose_schemas_differ_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.parquet"), vec![("x", Arc::new(Int64Array::from(vec![1])))], 10);
    let b = folder.path().join("b.parquet");
    let refused = |columns: Vec<(&str, ArrayRef)>| {
        write(&b, columns, 10);
        let error = open(folder.path(), None).unwrap_err();
        assert_eq!(error.kind(), Kind::BadData);
        error.to_string().replace(&folder.path().display().to_string(), "")
    };
    let text = refused(vec![("x", Arc::new(Float64Array::from(vec![1.0])))]);
    assert_eq!(text, "/b.parquet, column \"x\": the type is Float64 here and Int64 in /a.parquet");
    let text = refused(vec![("y", Arc::new(Int64Array::from(vec![1])))]);
    assert_eq!(text, "/b.parquet, column \"x\": the column is missing here but is in /a.parquet");
    let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let text = refused(vec![("y", one.clone()), ("x", one.clone())]);
    assert_eq!(text, "/b.parquet, column \"y\": the column is here but not in /a.parquet");
    write(&b, vec![("x", one)], 10);
    assert_eq!(open(folder.path(), None).unwrap().n_rows(), 2);
}

#[test]
fn folders_of_keys_and_values_become_columns() {
    let folder = tempfile::tempdir().unwrap();
    for (path, rows) in [("month=01/country=DE", 0..3), ("month=02/country=FR", 3..5)] {
        std::fs::create_dir_all(folder.path().join(path)).unwrap();
        write(&folder.path().join(path).join("part.parquet"), customers(rows), 10);
    }
    let source = open(folder.path(), Some("id")).unwrap();
    let names: Vec<_> = source.columns().iter().map(|c| format!("{} {}", c.name, c.kind)).collect();
    assert_eq!(names, ["id integer", "spent float", "orders integer", "country text", "month integer"]);
    let (batches, _) = scan(&source, &["month"], 10, ALL).unwrap();
    assert_eq!(column(&batches, 0), [1.0, 1.0, 1.0, 2.0, 2.0].map(f64::to_bits));
    assert_eq!(scan(&source, &["country"], 10, ALL).unwrap_err().kind(), Kind::BadData);
    assert_eq!(open(folder.path(), Some("month")).unwrap_err().kind(), Kind::BadData);
}

#[test]
fn no_rows_and_no_files_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(open(folder.path(), None).unwrap_err().kind(), Kind::InputMissing);
    write(&folder.path().join("a.parquet"), customers(0..0), 10);
    let error = open(folder.path(), None).unwrap_err();
    assert_eq!(error.kind(), Kind::BadData);
    assert!(error.to_string().ends_with("holds no rows"));
}

#[test]
fn every_numeric_type_reads_as_the_number_it_stands_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let half = |v: f32| <Float16Type as ArrowPrimitiveType>::Native::from_f32(v);
    let keys = Int8Array::from(vec![Some(1), None, Some(0)]);
    let levels = Arc::new(Float64Array::from(vec![0.1, 7.5]));
    let days = Int32Array::from(vec![Some(0), None, Some(1)]);
    let expected = |array: ArrayRef, numbers: [f64; 2]| (array, numbers);
    let arrays = vec![
        expected(Arc::new(Int8Array::from(vec![Some(-128), None, Some(127)])), [-128.0, 127.0]),
        expected(Arc::new(UInt8Array::from(vec![Some(0), None, Some(255)])), [0.0, 255.0]),
        expected(Arc::new(Int16Array::from(vec![Some(-7), None, Some(7)])), [-7.0, 7.0]),
        expected(Arc::new(UInt16Array::from(vec![Some(9), None, Some(65535)])), [9.0, 65535.0]),
        expected(Arc::new(UInt32Array::from(vec![Some(1), None, Some(u32::MAX)])), [1.0, 4294967295.0]),
        expected(Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(1)])), [-9223372036854775808.0, 1.0]),
        expected(Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(1)])), [18446744073709551615.0, 1.0]),
        expected(Arc::new(Float16Array::from(vec![Some(half(1.5)), None, Some(half(-0.25))])), [1.5, -0.25]),
        expected(
            Arc::new(Float32Array::from(vec![Some(0.1f32), None, Some(3e38)])),
            [f64::from(0.1f32), f64::from(3e38f32)],
        ),
        expected(Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])), [1.0, 0.0]),
        expected(Arc::new(decimal::<Decimal32Type>(125, -1, 9, 2)), [1.25, -0.01]),
        expected(Arc::new(decimal::<Decimal64Type>(1_000_000_000_001, 0, 18, 6)), [1000000.000001, 0.0]),
        expected(Arc::new(decimal::<Decimal128Type>(10i128.pow(30) + 1, -5, 38, 10)), [1e20, -5e-10]),
        expected(
            Arc::new(decimal::<Decimal256Type>(i256::MAX.wrapping_div(i256::from_i128(1000)), i256::ZERO, 76, 4)),
            [5.789_604_461_865_809_5e69, 0.0],
        ),
        expected(Arc::new(Date32Array::from(vec![Some(-1), None, Some(20_000)])), [-1.0, 20_000.0]),
        expected(Arc::new(Date64Array::from(vec![Some(0), None, Some(86_400_000)])), [0.0, 1.0]),
        expected(Arc::new(TimestampSecondArray::from(vec![Some(5), None, Some(-5)])), [5.0, -5.0]),
        expected(
            Arc::new(TimestampMillisecondArray::from(vec![Some(1), None, Some(2500)]).with_timezone("UTC")),
            [0.001, 2.5],
        ),
        expected(Arc::new(TimestampNanosecondArray::from(vec![Some(1), None, Some(1_500_000_000)])), [1e-9, 1.5]),
        expected(Arc::new(Time32SecondArray::from(vec![Some(60), None, Some(1)])), [60.0, 1.0]),
        expected(Arc::new(Time32MillisecondArray::from(vec![Some(60), None, Some(1)])), [0.06, 0.001]),
        expected(Arc::new(Time64NanosecondArray::from(vec![Some(500), None, Some(1)])), [5e-7, 1e-9]),
        expected(Arc::new(DurationMicrosecondArray::from(vec![Some(3), None, Some(-3)])), [3e-6, -3e-6]),
        expected(Arc::new(DictionaryArray::try_new(keys.clone(), levels).unwrap()), [7.5, 0.1]),
        expected(
            Arc::new(DictionaryArray::try_new(days, Arc::new(Date32Array::from(vec![3, 4]))).unwrap()),
            [3.0, 4.0],
        ),
    ];
    for (array, [first, last]) in arrays {
        write(&path, vec![("x", array.clone())], 10);
        let source = open(&path, None).unwrap();
        assert!(source.is_numeric(0), "{:?}", array.data_type());
        let (batches, _) = scan(&source, &["x"], 10, ALL).unwrap();
        assert_eq!(column(&batches, 0), [first, NULL, last].map(f64::to_bits), "{:?}", array.data_type());
    }
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)])]);
    let interval = IntervalDayTimeArray::from(vec![Some(IntervalDayTime::new(1, 2))]);
    let refused: [ArrayRef; 4] =
        [Arc::new(list), Arc::new(interval), Arc::new(NullArray::new(1)), Arc::new(BinaryArray::from(vec![&b"1"[..]]))];
    for array in refused {
        write(&path, vec![("x", array.clone())], 10);
        let error = scan(&open(&path, None).unwrap(), &["x"], 10, ALL).unwrap_err();
        assert!(error.to_string().contains("cannot be read as numbers"), "{error}");
    }
}

/// Two decimals around a null.
fn decimal<T: DecimalType>(first: T::Native, last: T::Native, precision: u8, scale: i8) -> PrimitiveArray<T> {
    let array = PrimitiveArray::<T>::from_iter(vec![Some(first), None, Some(last)]);
    array.with_precision_and_scale(precision, scale).unwrap()
}

#[test]
fn ids_come_back_with_the_type_they_had() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let uuids = FixedSizeBinaryArray::try_from_iter([[1u8; 16], [2u8; 16]].into_iter()).unwrap();
    let decimals = Decimal128Array::from(vec![1, 2]).with_precision_and_scale(20, 0).unwrap();
    let dictionary: DictionaryArray<Int32Type> = vec!["a", "b"].into_iter().collect();
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int8Array::from(vec![1, 2])),
        Arc::new(UInt64Array::from(vec![1, u64::MAX])),
        Arc::new(StringArray::from(vec!["a", "b"])),
        Arc::new(LargeStringArray::from(vec!["a", "b"])),
        Arc::new(StringViewArray::from(vec!["a", "b"])),
        Arc::new(BinaryArray::from(vec![&b"a"[..], b"b"])),
        Arc::new(uuids),
        Arc::new(decimals),
        Arc::new(Date32Array::from(vec![1, 2])),
        Arc::new(TimestampMillisecondArray::from(vec![1, 2]).with_timezone("Europe/Berlin")),
        Arc::new(dictionary),
    ];
    for array in arrays {
        write(&path, vec![("id", array.clone())], 10);
        let source = open(&path, Some("id")).unwrap();
        let (batches, _) = scan(&source, &[], 10, ALL).unwrap();
        assert_eq!(batches[0].ids.as_ref().unwrap().array().as_ref(), array.as_ref());
        assert_eq!(source.id_type().map(|(data_type, _)| data_type), Some(array.data_type()));
    }
    write(&path, vec![("id", Arc::new(BooleanArray::from(vec![true, false])))], 10);
    assert_eq!(open(&path, Some("id")).unwrap_err().to_string(), "the id column \"id\" is a boolean");
}
