//! Columns with and without a dictionary read to the same numbers; pages that lie are refused.

use std::fs::File;
use std::path::Path;

use arrow::array::*;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};

use super::*;
use crate::job::{DuplicateIds, SourceSettings};
use crate::observe::Observe;
use crate::source::{Batch, Request, ScanSettings, Source};

const ROWS: usize = 6_000;

/// A column of each type that can have a dictionary; each has few values, in runs and out of order, some of them null.
fn columns(nullable: bool) -> Vec<(&'static str, ArrayRef)> {
    let number = |row: usize| if row < ROWS / 3 { (row / 500) as i64 } else { (row * 7919 % 90) as i64 - 40 };
    let values = || {
        (0..ROWS).map(move |row| match row {
            _ if !nullable => Some(number(row)),
            // Whole pages of nulls, and single ones.
            3_000..3_900 => None,
            row if row % 11 == 5 => None,
            row => Some(number(row)),
        })
    };
    let scaled = |by: f64| values().map(move |v| v.map(|v| v as f64 * by));
    vec![
        ("int8", Arc::new(Int8Array::from_iter(values().map(|v| v.map(|v| v as i8)))) as ArrayRef),
        ("uint16", Arc::new(UInt16Array::from_iter(values().map(|v| v.map(|v| (v + 60_000) as u16))))),
        ("uint32", Arc::new(UInt32Array::from_iter(values().map(|v| v.map(|v| u32::MAX - (v + 40) as u32))))),
        ("int64", Arc::new(Int64Array::from_iter(values().map(|v| v.map(|v| v << 40))))),
        ("uint64", Arc::new(UInt64Array::from_iter(values().map(|v| v.map(|v| u64::MAX - (v + 40) as u64))))),
        ("float32", Arc::new(Float32Array::from_iter(scaled(0.1).map(|v| v.map(|v| v as f32))))),
        ("float64", Arc::new(Float64Array::from_iter(scaled(0.3)))),
        (
            "nan",
            Arc::new(Float64Array::from_iter(scaled(1.0).map(|v| v.map(|v| if v == 3.0 { f64::NAN } else { 1.0 })))),
        ),
        ("date", Arc::new(Date32Array::from_iter(values().map(|v| v.map(|v| v as i32))))),
        ("time", Arc::new(TimestampMillisecondArray::from_iter(values().map(|v| v.map(|v| v * 1_234_567))))),
        (
            "decimal",
            Arc::new(
                Decimal128Array::from_iter(values().map(|v| v.map(i128::from))).with_precision_and_scale(9, 2).unwrap(),
            ),
        ),
        // One value, which needs no bits.
        ("constant", Arc::new(Int32Array::from_iter(values().map(|v| v.map(|_| 7))))),
    ]
}

fn write(path: &Path, columns: &[(&'static str, ArrayRef)], nullable: bool, properties: WriterPropertiesBuilder) {
    let columns = columns.iter().map(|(name, array)| (*name, array.clone(), nullable));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn read(path: &Path, chunk_rows: usize, memory: u64) -> Result<Vec<Batch>> {
    let settings = SourceSettings {
        path: path.to_string_lossy().into_owned(),
        id: None,
        sample_weight: None,
        duplicate_ids: DuplicateIds::Keep,
    };
    let source = Source::open(&settings, &Observe::default())?;
    let all: Vec<usize> = (0..source.columns().len()).collect();
    let request = Request { numbers: all.clone(), coded: all, ..Request::default() };
    let mut batches = Vec::new();
    source.scan(&request, &ScanSettings { chunk_rows, memory }, &Observe::default(), &mut |wave| {
        batches.extend(wave);
        Ok(())
    })?;
    Ok(batches)
}

fn bits(values: impl IntoIterator<Item = f64>) -> Vec<u64> {
    values.into_iter().map(f64::to_bits).collect()
}

/// A column's bits, which must be the same in both forms.
fn column(batches: &[Batch], at: usize) -> Vec<u64> {
    let coded = bits(batches.iter().flat_map(|batch| batch.coded[at].clone().into_values()));
    assert_eq!(coded, bits(batches.iter().flat_map(|batch| batch.numbers[at].clone())));
    coded
}

fn is_coded(batches: &[Batch], at: usize) -> bool {
    batches.iter().all(|batch| matches!(batch.coded[at], Numbers::Coded(_)))
}

#[test]
fn a_column_reads_the_same_with_and_without_a_dictionary() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let builder = WriterProperties::builder;
    for nullable in [false, true] {
        let columns = columns(nullable);
        write(&path, &columns, nullable, builder().set_dictionary_enabled(false));
        let batches = read(&path, ROWS, 1 << 30).unwrap();
        let plain: Vec<Vec<u64>> = (0..columns.len()).map(|at| column(&batches, at)).collect();
        assert!((0..columns.len()).all(|at| !is_coded(&batches, at)));

        let one_page = builder();
        let small_pages = builder().set_data_page_row_count_limit(700).set_write_batch_size(100);
        let groups = builder().set_max_row_group_row_count(Some(2_500));
        for (name, properties) in [("one page", one_page), ("small pages", small_pages), ("row groups", groups)] {
            for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
                write(&path, &columns, nullable, properties.clone().set_writer_version(version));
                for (chunk_rows, memory) in [(ROWS, 1 << 30), (640, 1 << 30), (999, 1), (1, 1 << 30)] {
                    let batches = read(&path, chunk_rows, memory).unwrap();
                    for (at, plain) in plain.iter().enumerate() {
                        let column_name = columns[at].0;
                        assert_eq!(
                            &column(&batches, at),
                            plain,
                            "{column_name}, {name}, {version:?}, {chunk_rows} rows"
                        );
                        // Some 90 values and null need four times as many rows.
                        if chunk_rows >= 640 {
                            let short = batches.last().is_some_and(|batch| batch.n_rows < 400);
                            let full = &batches[..batches.len() - usize::from(short)];
                            assert!(is_coded(full, at), "{column_name}, {name}, {version:?}, {chunk_rows} rows");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_page_is_handed_out_in_batches_of_their_own_size() {
    // 20,000 rows in one run of 5 and one of 7.
    let mut bytes = vec![2];
    bytes.extend([0xa0, 0x9c, 0x01, 0, 0xa0, 0x9c, 0x01, 1]);
    let mut stream = stream(vec![page(&bytes, 20_000)], false, 20_000);
    for batch in 0..200 {
        let numbers = stream.next(100).unwrap();
        assert_eq!(numbers.len(), 100);
        if let Numbers::Coded(coded) = &numbers {
            assert!(coded.capacity() < 200, "a batch keeps no more than its rows");
        }
        assert_eq!(numbers.into_values(), vec![if batch < 100 { 10.0 } else { 20.0 }; 100]);
    }
    assert!(stream.next(1).is_err());
}

#[test]
fn a_page_of_too_many_rows_is_decoded_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    for (rows, coded) in [(1 << 21, true), ((1 << 21) + 1, false)] {
        let values = Int32Array::from_iter_values((0..rows).map(|row| row % 3));
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(1 << 22))
            .set_data_page_row_count_limit(usize::MAX)
            .set_write_batch_size(1 << 22);
        write(&path, &[("few", Arc::new(values) as ArrayRef)], false, properties);
        let batches = read(&path, 1 << 20, 1 << 30).unwrap();
        assert_eq!(is_coded(&batches[..2], 0), coded, "{rows} rows");
        assert_eq!(batches[1].numbers[0][..4], [1.0, 2.0, 0.0, 1.0]);
    }
}

#[test]
fn a_column_that_leaves_its_dictionary_reads_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let values: Vec<i64> = (0..ROWS as i64).map(|row| row * 31 % 4_999).collect();
    let columns = [("wide", Arc::new(Int64Array::from(values.clone())) as ArrayRef)];
    let properties = WriterProperties::builder().set_dictionary_page_size_limit(2_048).set_write_batch_size(256);
    write(&path, &columns, false, properties);
    let batches = read(&path, ROWS, 1 << 30).unwrap();
    assert!(!is_coded(&batches, 0));
    assert_eq!(column(&batches, 0), bits(values.iter().map(|v| *v as f64)));
}

#[test]
fn a_value_too_large_is_only_refused_where_a_row_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let values = (0..ROWS).map(|row| if row == 4_321 { 1e101 } else { (row % 9) as f64 });
    write(
        &path,
        &[("x", Arc::new(Float64Array::from_iter_values(values)) as ArrayRef)],
        false,
        WriterProperties::builder(),
    );
    let error = read(&path, 1_000, 1 << 30).unwrap_err().to_string();
    assert!(error.contains("row 4321"), "{error}");
}

/// A stream over pages of our own, of one column of two values.
fn stream(pages: Vec<Page>, nullable: bool, rows: usize) -> CodeStream {
    struct Given(std::vec::IntoIter<Page>);
    impl Iterator for Given {
        type Item = ParquetResult<Page>;
        fn next(&mut self) -> Option<Self::Item> {
            self.0.next().map(Ok)
        }
    }
    impl PageReader for Given {
        fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
            Ok(self.0.next())
        }
        fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
            Ok(None)
        }
        fn skip_next_page(&mut self) -> ParquetResult<()> {
            Ok(())
        }
    }
    let pages = Box::new(Given(pages.into_iter()));
    CodeStream { pages, nullable, values: [10.0, 20.0, NULL].into(), codes: Vec::new(), handed_out: 0, rows_left: rows }
}

fn page(bytes: &[u8], num_values: u32) -> Page {
    Page::DataPage {
        buf: bytes.to_vec().into(),
        num_values,
        encoding: Encoding::RLE_DICTIONARY,
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    }
}

/// What came of a single page.
fn outcome(bytes: &[u8], nullable: bool, num_values: u32, rows: usize) -> Option<Vec<u64>> {
    stream(vec![page(bytes, num_values)], nullable, rows).next(rows).ok().map(|numbers| bits(numbers.into_values()))
}

#[test]
fn pages_are_what_they_say_or_refused() {
    // Two bits: a run of four ones.
    assert_eq!(outcome(&[2, 4 << 1, 1], false, 4, 4), Some(bits([20.0; 4])));
    // Levels 1 1 0 1, packed; then the three values present.
    let levels = [2, 0, 0, 0, 1 << 1 | 1, 0b1011];
    let with = |codes: &[u8]| [&levels[..], codes].concat();
    assert_eq!(outcome(&with(&[2, 3 << 1, 0]), true, 4, 4), Some(bits([10.0, 10.0, NULL, 10.0])));
    // No value present, and no width either.
    assert_eq!(outcome(&[2, 0, 0, 0, 4 << 1, 0], true, 4, 4), Some(bits([NULL; 4])));

    // Two rows are present by a level that no column without repetition has, and two are not: four in all.
    assert_eq!(outcome(&[4, 0, 0, 0, 2 << 1, 2, 2 << 1, 0, 2, 2 << 1, 0], true, 4, 4), None, "a level of two");
    let of = |encoding, def_level_encoding| Page::DataPage {
        buf: with(&[2, 3 << 1, 0]).into(),
        num_values: 4,
        encoding,
        def_level_encoding,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    };
    let read = |page| stream(vec![page], true, 4).next(4);
    assert!(read(of(Encoding::RLE_DICTIONARY, Encoding::RLE)).is_ok());
    assert!(read(of(Encoding::PLAIN, Encoding::RLE)).is_err(), "a page of values");
    #[allow(deprecated)]
    let packed = Encoding::BIT_PACKED;
    assert!(read(of(Encoding::RLE_DICTIONARY, packed)).is_err(), "levels of the old form");

    assert_eq!(outcome(&[2, 4 << 1, 2], false, 4, 4), None, "a code beyond the dictionary is no null");
    assert_eq!(outcome(&with(&[2, 3 << 1, 2]), true, 4, 4), None, "nor beside nulls");
    assert_eq!(outcome(&[2, 4 << 1, 3], false, 4, 4), None, "nor further beyond");
    assert_eq!(outcome(&[2, 3 << 1, 1], false, 4, 4), None, "too few codes");
    assert_eq!(outcome(&with(&[2, 2 << 1, 0]), true, 4, 4), None, "too few codes beside nulls");
    assert_eq!(outcome(&[], false, 4, 4), None, "no width");
    assert_eq!(outcome(&[33, 4 << 1, 1, 0, 0, 0, 0], false, 4, 4), None, "a width of 33 bits");
    assert_eq!(outcome(&[2, 5 << 1, 1], false, 5, 4), None, "more rows than the row group has");
    assert_eq!(outcome(&[2, 4 << 1, 1], false, 4, 5), None, "fewer rows than the row group has");
    assert_eq!(outcome(&[9, 0, 0, 0, 4 << 1, 1], true, 4, 4), None, "levels longer than the page");
    assert_eq!(outcome(&[2, 0, 0], true, 4, 4), None, "no room for the levels' length");
    let dictionary =
        Page::DictionaryPage { buf: vec![0; 16].into(), num_values: 2, encoding: Encoding::PLAIN, is_sorted: false };
    assert!(stream(vec![dictionary], false, 2).next(2).is_err(), "a second dictionary");
}
