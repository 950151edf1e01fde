//! Customers of every kind of column, with names that nobody would choose and every setting a feature has.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use parquet::arrow::ArrowWriter;

pub const ROWS: u64 = 20_000;

/// The id's name; a query that does not quote it cannot be parsed.
pub const ID: &str = "customer \"id\"";

/// A number in 0..1 for every row and column, the same on every machine.
fn part(row: u64, column: u64) -> f64 {
    let mut z = (row * 64 + column).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// One of three kinds of customers, so that there is something to find.
fn kind(row: u64) -> f64 {
    (part(row, 63) * 3.0).floor()
}

fn column<T>(of: impl Fn(u64) -> T) -> Vec<T> {
    (0..ROWS).map(of).collect()
}

/// Now and then no value.
fn gaps<T>(column_number: u64, each: f64, of: impl Fn(u64) -> T) -> Vec<Option<T>> {
    column(|row| (part(row, 40 + column_number) >= each).then(|| of(row)))
}

pub fn write(path: &Path) {
    let spend = |row: u64| match row {
        77 => 1e9,
        78 => f64::INFINITY,
        79 => f64::NAN,
        _ => (20.0 + 300.0 * kind(row)) * part(row, 0),
    };
    // Two are so far out that they do not fit the short numbers of the grid.
    let decimals = gaps(4, 0.0, |row| match row {
        80 => 100_000_000,
        81 => 150_000_000,
        _ => (part(row, 4) * 1e6 * (kind(row) + 0.5)) as i128,
    });
    let decimals = Decimal128Array::from(decimals).with_precision_and_scale(12, 2).unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        (ID, Arc::new(StringArray::from(column(|row| format!("c'{row}"))))),
        ("spend \"net\" (€)", Arc::new(Float64Array::from(gaps(0, 0.05, spend)))),
        ("it's; DROP TABLE customers --", Arc::new(Int32Array::from(gaps(1, 0.1, |row| (part(row, 1) * 40.0) as i32)))),
        ("visits", Arc::new(Int64Array::from(column(|row| (part(row, 2) * 30.0 * (kind(row) + 1.0)) as i64)))),
        ("score", Arc::new(Float32Array::from(gaps(3, 0.02, |row| (part(row, 3) * 10.0 - 2.0) as f32)))),
        ("ID", Arc::new(decimals)),
        ("member", Arc::new(BooleanArray::from(gaps(5, 0.01, |row| part(row, 5) * 3.0 > kind(row))))),
        (
            "since",
            Arc::new(Date32Array::from(column(|row| 17_000 + (part(row, 6) * 1_000.0 * (kind(row) + 1.0)) as i32))),
        ),
        (
            "seen",
            Arc::new(TimestampMicrosecondArray::from(column(|row| {
                1_700_000_000_000_000 + (part(row, 7) * 9e12) as i64 * (kind(row) as i64 - 1)
            }))),
        ),
        ("same", Arc::new(UInt32Array::from(column(|_| 7)))),
        ("weight", Arc::new(Float64Array::from(column(|row| (part(row, 9) * 8.0).floor() / 4.0)))),
    ];
    write_columns(path, columns);
}

fn write_columns(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A job on the file above, beside it. `weight` is a line of [source].
pub fn job(k: usize, weight: &str) -> String {
    let source = format!("[source]\npath = 'odd.parquet'\nid = '{ID}'\n{weight}\n");
    format!("{source}{FEATURES}[cluster]\nk = {k}\nn_init = 2\n[output]\npath = 'x'\n")
}

/// Every transform, scale and policy.
const FEATURES: &str = r#"
[[feature]]
column = 'spend "net" (€)'
transform = "log1p"
missing = "mean"

[[feature]]
column = "it's; DROP TABLE customers --"
scale = "robust"
missing = "median"
weight = 0.5

[[feature]]
column = "visits"
transform = "sqrt"
scale = "minmax"
weight = 3

[[feature]]
column = "score"
transform = "clip"
low = 0
high = 5.5
missing = 1.25

[[feature]]
column = "ID"
scale = "none"
weight = 0.001

[[feature]]
column = "member"
missing = "drop"

[[feature]]
column = "since"

[[feature]]
column = "seen"
scale = "robust"

[[feature]]
column = "same"
"#;

/// Customers in the four corners of a square, and some exactly between two or four of them who weigh nothing: they are
/// equally near to several centroids and move none.
pub fn write_lattice(path: &Path) {
    let place = |row: u64| match row {
        0..400 => (8 * (row % 2), 8 * (row / 2 % 2)),
        _ => [(4, 0), (4, 8), (0, 4), (8, 4), (4, 4)][row as usize % 5],
    };
    let rows = 0..600u64;
    let of = |value: &dyn Fn(u64) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| value(row) as i64)))
    };
    let columns = vec![
        ("id", of(&|row| row)),
        ("across", of(&|row| place(row).0)),
        ("up", of(&|row| place(row).1)),
        ("weight", of(&|row| u64::from(row < 400))),
    ];
    write_columns(path, columns);
}

pub const LATTICE_JOB: &str = r#"
[source]
path = "lattice.parquet"
id = "id"
sample_weight = "weight"

[[feature]]
column = "across"
scale = "none"

[[feature]]
column = "up"
scale = "none"

[cluster]
k = 4

[output]
path = "x"
"#;
