//! Files of every kind that the Parquet project keeps for its readers, and files made malformed here: read right, or
//! refused with exit code 65; never a panic, a hang, or a wrong number.
#![allow(clippy::print_stdout)] // a skipped test says so

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::*;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use segmint::error::{Error, Kind};
use segmint::job::{DuplicateIds, SourceSettings};
use segmint::observe::Observe;
use segmint::source::{Request, ScanSettings, Source, is_null_value};

fn open(path: &Path, id: Option<&str>) -> Result<Source, Error> {
    let settings = SourceSettings {
        path: path.to_string_lossy().into_owned(),
        id: id.map(String::from),
        sample_weight: None,
        duplicate_ids: DuplicateIds::Refuse,
    };
    Source::open(&settings, &Observe::default())
}

/// One column as numbers.
fn read(source: &Source, column: usize) -> Result<Vec<f64>, Error> {
    let mut numbers = Vec::new();
    let request = Request { numbers: vec![column], ids: false, ..Request::default() };
    let settings = ScanSettings { chunk_rows: 100, memory: 1 << 20 };
    source.scan(&request, &settings, &Observe::default(), &mut |batches| {
        numbers.extend(batches.into_iter().flat_map(|mut batch| batch.numbers.remove(0)));
        Ok(())
    })?;
    Ok(numbers)
}

/// The folder with the Parquet project's files, or `None` with the name of what is skipped.
fn acceptance(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SEGMINT_ACCEPTANCE");
    if root.is_none() {
        println!("skipped: data/{folder} (SEGMINT_ACCEPTANCE is not set)");
    }
    root.map(|root| Path::new(&root).join("data").join(folder))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "parquet")).collect();
    files.sort();
    files
}

/// FNV-1a over the bits of the numbers.
fn hash(numbers: &[f64]) -> u64 {
    numbers
        .iter()
        .flat_map(|v| v.to_bits().to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The most memory the process ever held, where the system tells.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

fn assert_modest_memory() {
    let peak = peak_bytes().unwrap_or_default();
    assert!(peak < 1 << 30, "{peak} bytes at the peak");
}

/// File, column, rows, nulls and the hash of the numbers as another reader gives them (pyarrow 22, decimals and times
/// through exact fractions).
#[rustfmt::skip]
const RIGHT: &[(&str, &str, usize, usize, u64)] = &[
    ("alltypes_dictionary.parquet", "id", 2, 0, 0x85c9d0b95f02e858),
    ("alltypes_dictionary.parquet", "bool_col", 2, 0, 0x2f125cea1c5d04b8),
    ("alltypes_dictionary.parquet", "tinyint_col", 2, 0, 0x85c9d0b95f02e858),
    ("alltypes_dictionary.parquet", "smallint_col", 2, 0, 0x85c9d0b95f02e858),
    ("alltypes_dictionary.parquet", "int_col", 2, 0, 0x85c9d0b95f02e858),
    ("alltypes_dictionary.parquet", "bigint_col", 2, 0, 0x887f87b96150a9a1),
    ("alltypes_dictionary.parquet", "float_col", 2, 0, 0x4f6edfad633714e7),
    ("alltypes_dictionary.parquet", "double_col", 2, 0, 0x6098276bdb2016ab),
    ("alltypes_dictionary.parquet", "timestamp_col", 2, 0, 0xfa7dd23e1eba86a8),
    ("alltypes_plain.parquet", "id", 8, 0, 0xcd08bc429c4488e0),
    ("alltypes_plain.parquet", "bool_col", 8, 0, 0xefeba60d43bb4fa5),
    ("alltypes_plain.parquet", "tinyint_col", 8, 0, 0x3c236ec97e2455a5),
    ("alltypes_plain.parquet", "smallint_col", 8, 0, 0x3c236ec97e2455a5),
    ("alltypes_plain.parquet", "int_col", 8, 0, 0x3c236ec97e2455a5),
    ("alltypes_plain.parquet", "bigint_col", 8, 0, 0xa68a1712eb78d925),
    ("alltypes_plain.parquet", "float_col", 8, 0, 0xa133954563eb93c5),
    ("alltypes_plain.parquet", "double_col", 8, 0, 0x9f74a741d1becf7d),
    ("alltypes_plain.parquet", "timestamp_col", 8, 0, 0xb0968ade34191e3d),
    ("alltypes_plain.snappy.parquet", "id", 2, 0, 0x5e5367ffeaf7fb41),
    ("alltypes_plain.snappy.parquet", "bool_col", 2, 0, 0x2f125cea1c5d04b8),
    ("alltypes_plain.snappy.parquet", "tinyint_col", 2, 0, 0x85c9d0b95f02e858),
    ("alltypes_plain.snappy.parquet", "smallint_col", 2, 0, 0x85c9d0b95f02e858),
    ("alltypes_plain.snappy.parquet", "int_col", 2, 0, 0x85c9d0b95f02e858),
    ("alltypes_plain.snappy.parquet", "bigint_col", 2, 0, 0x887f87b96150a9a1),
    ("alltypes_plain.snappy.parquet", "float_col", 2, 0, 0x4f6edfad633714e7),
    ("alltypes_plain.snappy.parquet", "double_col", 2, 0, 0x6098276bdb2016ab),
    ("alltypes_plain.snappy.parquet", "timestamp_col", 2, 0, 0x3bf46717c5bbf184),
    ("byte_array_decimal.parquet", "value", 24, 0, 0x034b2fc2a5601448),
    ("byte_stream_split.zstd.parquet", "f32", 300, 0, 0x137f50f15a8e961f),
    ("byte_stream_split.zstd.parquet", "f64", 300, 0, 0x598f675beaf32b3e),
    ("byte_stream_split_extended.gzip.parquet", "float16_plain", 200, 0, 0x2da0f4545302fbe2),
    ("byte_stream_split_extended.gzip.parquet", "float16_byte_stream_split", 200, 0, 0x2da0f4545302fbe2),
    ("byte_stream_split_extended.gzip.parquet", "float_plain", 200, 0, 0xefe858856231e616),
    ("byte_stream_split_extended.gzip.parquet", "float_byte_stream_split", 200, 0, 0xefe858856231e616),
    ("byte_stream_split_extended.gzip.parquet", "double_plain", 200, 0, 0xd037244ef18743a8),
    ("byte_stream_split_extended.gzip.parquet", "double_byte_stream_split", 200, 0, 0xd037244ef18743a8),
    ("byte_stream_split_extended.gzip.parquet", "int32_plain", 200, 0, 0x07afb9aa766bd8a9),
    ("byte_stream_split_extended.gzip.parquet", "int32_byte_stream_split", 200, 0, 0x07afb9aa766bd8a9),
    ("byte_stream_split_extended.gzip.parquet", "int64_plain", 200, 0, 0xaab50e49ce726bc5),
    ("byte_stream_split_extended.gzip.parquet", "int64_byte_stream_split", 200, 0, 0xaab50e49ce726bc5),
    ("byte_stream_split_extended.gzip.parquet", "decimal_plain", 200, 0, 0xaaecfbbb2dcfa5fe),
    ("byte_stream_split_extended.gzip.parquet", "decimal_byte_stream_split", 200, 0, 0xaaecfbbb2dcfa5fe),
    ("concatenated_gzip_members.parquet", "long_col", 513, 0, 0xd3478a0c3e0a62c8),
    ("datapage_v1-snappy-compressed-checksum.parquet", "a", 5120, 0, 0x5314acf0a84dc285),
    ("datapage_v1-snappy-compressed-checksum.parquet", "b", 5120, 0, 0x98b304f0dd26e025),
    ("datapage_v1-uncompressed-checksum.parquet", "a", 5120, 0, 0x5314acf0a84dc285),
    ("datapage_v1-uncompressed-checksum.parquet", "b", 5120, 0, 0x98b304f0dd26e025),
    ("datapage_v2.snappy.parquet", "b", 5, 0, 0x3a131b365b946914),
    ("datapage_v2.snappy.parquet", "c", 5, 0, 0x23ad95486d0d7319),
    ("datapage_v2.snappy.parquet", "d", 5, 0, 0x095edf9fdc858165),
    ("datapage_v2_empty_datapage.snappy.parquet", "value", 1, 1, 0x2cc86bbf65d17932),
    ("delta_encoding_optional_column.parquet", "c_customer_sk", 100, 0, 0xb008d0dcc04781d1),
    ("delta_encoding_optional_column.parquet", "c_current_cdemo_sk", 100, 3, 0xdac8308eafbac5f6),
    ("delta_encoding_optional_column.parquet", "c_current_hdemo_sk", 100, 2, 0x2c416e7dbf985adb),
    ("delta_encoding_optional_column.parquet", "c_current_addr_sk", 100, 0, 0xd46c5439d931093c),
    ("delta_encoding_optional_column.parquet", "c_first_shipto_date_sk", 100, 1, 0x0b2bef5e48dc8796),
    ("delta_encoding_optional_column.parquet", "c_first_sales_date_sk", 100, 1, 0xfdf0c53e83ec7d70),
    ("delta_encoding_optional_column.parquet", "c_birth_day", 100, 3, 0x733e488f9ad35f30),
    ("delta_encoding_optional_column.parquet", "c_birth_month", 100, 3, 0xc862cb3dc94c50c8),
    ("delta_encoding_optional_column.parquet", "c_birth_year", 100, 3, 0x1f6a5267f451b330),
    ("delta_encoding_required_column.parquet", "c_customer_sk:", 100, 0, 0x095f6ef3f02febd6),
    ("delta_encoding_required_column.parquet", "c_current_cdemo_sk:", 100, 0, 0xb8b3a0bb6498262b),
    ("delta_encoding_required_column.parquet", "c_current_hdemo_sk:", 100, 0, 0x9219ab0c6b04a652),
    ("delta_encoding_required_column.parquet", "c_current_addr_sk:", 100, 0, 0x8bb952686749c38f),
    ("delta_encoding_required_column.parquet", "c_first_shipto_date_sk:", 100, 0, 0x140a87d5dfd477d7),
    ("delta_encoding_required_column.parquet", "c_first_sales_date_sk:", 100, 0, 0x213e26530a4c10ab),
    ("delta_encoding_required_column.parquet", "c_birth_day:", 100, 0, 0x6e317c74422b2732),
    ("delta_encoding_required_column.parquet", "c_birth_month:", 100, 0, 0x994c5b917605f3bc),
    ("delta_encoding_required_column.parquet", "c_birth_year:", 100, 0, 0x63cec940ad7d1b39),
    ("dict-page-offset-zero.parquet", "l_partkey", 39, 0, 0xc119c1f49791d62d),
    ("fixed_length_decimal.parquet", "value", 24, 0, 0x034b2fc2a5601448),
    ("fixed_length_decimal_legacy.parquet", "value", 24, 0, 0x034b2fc2a5601448),
    ("float16_nonzeros_and_nans.parquet", "x", 8, 1, 0x075ad6f11f5043f3),
    ("float16_zeros_and_nans.parquet", "x", 3, 1, 0x6b316f6225486223),
    ("floating_orders_nan_count.parquet", "float_ieee754", 50, 0, 0xd39efe6e592fd5dc),
    ("floating_orders_nan_count.parquet", "float_typedef", 50, 0, 0xd39efe6e592fd5dc),
    ("floating_orders_nan_count.parquet", "double_ieee754", 50, 0, 0xd39efe6e592fd5dc),
    ("floating_orders_nan_count.parquet", "double_typedef", 50, 0, 0xd39efe6e592fd5dc),
    ("floating_orders_nan_count.parquet", "float16_ieee754", 50, 0, 0xd39efe6e592fd5dc),
    ("floating_orders_nan_count.parquet", "float16_typedef", 50, 0, 0xd39efe6e592fd5dc),
    ("hadoop_lz4_compressed.parquet", "c0", 4, 0, 0xf79e5808d07bbb9d),
    ("hadoop_lz4_compressed.parquet", "v11", 4, 0, 0x61cb124dd5caaba5),
    ("int32_decimal.parquet", "value", 24, 0, 0x034b2fc2a5601448),
    ("int32_with_null_pages.parquet", "int32_field", 1000, 275, 0x5908500bd649ccbd),
    ("int64_decimal.parquet", "value", 24, 0, 0x034b2fc2a5601448),
    ("lz4_raw_compressed.parquet", "c0", 4, 0, 0xf79e5808d07bbb9d),
    ("lz4_raw_compressed.parquet", "v11", 4, 0, 0x61cb124dd5caaba5),
    ("nan_in_stats.parquet", "x", 2, 0, 0x2bc80bea1991cccd),
    ("nation.dict-malformed.parquet", "nation_key", 25, 0, 0xb59962e5470e1c28),
    ("nation.dict-malformed.parquet", "region_key", 25, 0, 0xd3084a6de3a701d0),
    ("nested_lists.snappy.parquet", "b", 3, 0, 0x439bb40fbb1a9658),
    ("nested_maps.snappy.parquet", "b", 6, 0, 0x73d879df6e652b05),
    ("nested_maps.snappy.parquet", "c", 6, 0, 0x73d879df6e652b05),
    ("non_hadoop_lz4_compressed.parquet", "c0", 4, 0, 0xf79e5808d07bbb9d),
    ("non_hadoop_lz4_compressed.parquet", "v11", 4, 0, 0x61cb124dd5caaba5),
    ("nonnullable.impala.parquet", "ID", 1, 0, 0xa85af83227bd67e5),
    ("nullable.impala.parquet", "id", 7, 0, 0xf58b6b455174f9f0),
    ("page_v2_empty_compressed.parquet", "integer_column", 10, 10, 0x658521ebe147c285),
    ("plain-dict-uncompressed-checksum.parquet", "long_field", 1000, 0, 0x51e78e744621f425),
    ("repeated_no_annotation.parquet", "id", 6, 0, 0x14fad1d79616a70c),
    ("rle-dict-snappy-checksum.parquet", "long_field", 1000, 0, 0x51e78e744621f425),
    ("rle_boolean_encoding.parquet", "datatype_boolean", 68, 6, 0x40362e29d9c4c595),
    ("single_nan.parquet", "mycol", 1, 1, 0x2cc86bbf65d17932),
    ("sort_columns.parquet", "a", 6, 2, 0x7ca7c8767838e64d),
];

/// Columns whose pages carry a checksum that is wrong.
const CHECKSUM_WRONG: [(&str, &str); 3] = [
    ("datapage_v1-corrupt-checksum.parquet", "a"),
    ("datapage_v1-corrupt-checksum.parquet", "b"),
    ("rle-dict-uncompressed-corrupt-checksum.parquet", "long_field"),
];

#[test]
fn every_numeric_column_of_the_good_files_is_read_right_and_others_are_refused() {
    let Some(folder) = acceptance("parquet-good") else { return };
    let mut right = 0;
    for path in files(&folder) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let source = match open(&path, None) {
            Ok(source) => source,
            Err(error) => {
                assert!(error.to_string().contains("holds no rows"), "{error}");
                continue;
            }
        };
        for (i, column) in source.columns().iter().enumerate() {
            let outcome = read(&source, i);
            if let Some(expected) = RIGHT.iter().find(|row| row.0 == name && row.1 == column.name) {
                let numbers = outcome.unwrap();
                let nulls = numbers.iter().filter(|v| is_null_value(**v)).count();
                assert_eq!(
                    (numbers.len(), nulls, hash(&numbers)),
                    (expected.2, expected.3, expected.4),
                    "{expected:?}"
                );
                right += 1;
            } else if source.is_numeric(i) && name != "int96_from_spark.parquet" {
                assert!(CHECKSUM_WRONG.contains(&(name.as_str(), column.name.as_str())), "{name} {column:?}");
                assert!(outcome.unwrap_err().to_string().contains("checksum"));
            } else if !source.is_numeric(i) {
                let error = outcome.unwrap_err();
                assert!(error.to_string().contains("cannot be read as numbers"), "{name} {error}");
                assert_eq!(error.kind(), Kind::BadData);
            }
        }
    }
    assert_eq!(right, RIGHT.len());
}

#[test]
fn old_timestamps_beyond_the_year_2262_are_read_right() {
    let Some(folder) = acceptance("parquet-good") else { return };
    let numbers = read(&open(&folder.join("int96_from_spark.parquet"), None).unwrap(), 0).unwrap();
    let expected = [1704141296.123456, 1704070800.0, 253402225200.0, 1735599600.0, f64::NAN, 9089380393200.0];
    assert!(is_null_value(numbers[4]));
    for (number, expected) in numbers.iter().zip(expected).filter(|(_, expected)| !expected.is_nan()) {
        assert_eq!(*number, expected);
    }
}

#[test]
fn every_bad_file_ends_in_an_error_or_a_read() {
    let Some(folder) = acceptance("parquet-bad") else { return };
    let mut refused = 0;
    for path in files(&folder) {
        let started = Instant::now();
        refused += outcomes(&path);
        assert!(started.elapsed() < Duration::from_secs(10), "{}", path.display());
    }
    assert!(refused >= 4, "{refused}");
    assert_modest_memory();
}

/// Opens a file and reads all its columns as numbers and as ids: the number of refusals, each of them of kind BadData.
fn outcomes(path: &Path) -> usize {
    let refusal = |error: Error| assert_eq!(error.kind(), Kind::BadData, "{error}");
    let source = match open(path, None) {
        Ok(source) => source,
        Err(error) => {
            refusal(error);
            return 1;
        }
    };
    let mut refused = 0;
    for (i, column) in source.columns().iter().enumerate() {
        if let Err(error) = read(&source, i) {
            refusal(error);
            refused += 1;
        }
        let ids = open(path, Some(&column.name)).and_then(|source| {
            let request = Request { numbers: Vec::new(), ids: true, ..Request::default() };
            let settings = ScanSettings { chunk_rows: usize::MAX, memory: 1 << 20 };
            source.scan(&request, &settings, &Observe::default(), &mut |batches| {
                for batch in batches {
                    let mut keys = vec![0; batch.n_rows];
                    batch.ids.unwrap().keys(1, &mut keys);
                }
                Ok(())
            })
        });
        ids.map_err(refusal).ok();
    }
    refused
}

/// Small files that among them hold every encoding, both page versions and several codecs.
fn specimens() -> Vec<Vec<u8>> {
    let n = 60;
    let text: StringArray = (0..n).map(|i| (i % 7 != 3).then(|| format!("customer {}", i * i))).collect();
    let float: Float64Array = (0..n).map(|i| (i % 5 != 2).then_some(f64::from(i) * 0.5)).collect();
    let integer: Int64Array = (0..n).map(|i| Some(i64::from(i * i * 31))).collect();
    let few: Int32Array = (0..n).map(|i| Some(i % 3)).collect();
    let decimal = Decimal128Array::from_iter_values((0..n).map(i128::from)).with_precision_and_scale(20, 2).unwrap();
    let boolean: BooleanArray = (0..n).map(|i| Some(i % 2 == 0)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("text", Arc::new(text)),
        ("float", Arc::new(float)),
        ("integer", Arc::new(integer)),
        ("few", Arc::new(few)),
        ("decimal", Arc::new(decimal)),
        ("boolean", Arc::new(boolean)),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let base = || WriterProperties::builder().set_max_row_group_row_count(Some(35)).set_data_page_row_count_limit(20);
    let file = |properties: WriterProperties| {
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    };
    let deltas = base()
        .set_dictionary_enabled(false)
        .set_column_encoding("text".into(), Encoding::DELTA_BYTE_ARRAY)
        .set_column_encoding("integer".into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding("float".into(), Encoding::BYTE_STREAM_SPLIT);
    let lengths = base().set_dictionary_enabled(false).set_writer_version(WriterVersion::PARQUET_2_0);
    vec![
        file(base().build()),
        file(deltas.build()),
        file(lengths.set_column_encoding("text".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY).build()),
        file(base().set_compression(Compression::SNAPPY).build()),
        file(base().set_compression(Compression::ZSTD(ZstdLevel::default())).build()),
    ]
}

/// Numbers for breaking files, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.parquet");
    for bytes in specimens().into_iter().take(2) {
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(outcomes(&path), 1, "the text column is refused as numbers and nothing else is");
        for end in 0..bytes.len() {
            std::fs::write(&path, &bytes[..end]).unwrap();
            let error = open(&path, None).unwrap_err();
            assert_eq!(error.kind(), Kind::BadData, "{end}: {error}");
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.parquet");
    let mut dice = Dice(1);
    let mut flips = 0;
    for (i, bytes) in specimens().into_iter().enumerate() {
        // Every byte of two files, every fifth of the others.
        for position in (0..bytes.len()).step_by(if i < 2 { 1 } else { 5 }) {
            let mut bytes = bytes.clone();
            bytes[position] ^= 1 << dice.below(8);
            std::fs::write(&path, &bytes).unwrap();
            let started = Instant::now();
            outcomes(&path);
            assert!(started.elapsed() < Duration::from_secs(10), "byte {position}");
            flips += 1;
        }
    }
    assert_modest_memory();
    println!("{flips} flips");
}

#[test]
fn random_bytes_and_overwritten_parts_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("random.parquet");
    let mut dice = Dice(2);
    let specimens = specimens();
    for round in 0..3000 {
        let mut bytes = specimens[round % specimens.len()].clone();
        let length = bytes.len();
        match round % 3 {
            // A run of one byte: zeros and ones are what disks and counters leave behind.
            0 => {
                let start = dice.below(length);
                let end = length.min(start + 1 + dice.below(64));
                bytes[start..end].fill([0, 0xff, 0x7f, 0x80][dice.below(4)]);
            }
            // A part of the file in another place.
            1 => {
                let (from, to) = (dice.below(length - 64), dice.below(length - 64));
                bytes.copy_within(from..from + 1 + dice.below(63), to);
            }
            // Noise behind the right magic, with a footer length that fits.
            _ => {
                let footer = 1 + dice.below(length - 12);
                for byte in &mut bytes[4..length - 8] {
                    *byte = dice.below(256) as u8;
                }
                bytes[length - 8..length - 4].copy_from_slice(&(footer as u32).to_le_bytes());
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        let started = Instant::now();
        outcomes(&path);
        assert!(started.elapsed() < Duration::from_secs(10), "round {round}");
    }
    assert_modest_memory();
}
