//! A small table in which everything occurs that a summary makes claims about: missing values that drop their rows for
//! two reasons, missing values that are replaced, sample weights, text, booleans, a mix, and what derived figures need.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

use super::run;

pub const N_ROWS: usize = 3000;

/// A well-mixed number between 0 and 1 for each customer and column.
fn draw(row: usize, column: u64) -> f64 {
    let mut z = (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ column.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 30)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

fn column(column: u64, value: impl Fn(usize, f64) -> Option<f64>) -> ArrayRef {
    Arc::new((0..N_ROWS).map(|row| value(row, draw(row, column))).collect::<Float64Array>())
}

fn rich(row: usize) -> bool {
    row.is_multiple_of(4)
}

pub fn write(path: &Path) {
    let country = |row: usize| match (draw(row, 20) * 10.0) as u32 {
        0 => None,
        1..=5 => Some(if rich(row) { "CH" } else { "DE" }),
        6..=8 => Some("FR"),
        _ => Some(if row.is_multiple_of(61) { "LI" } else { "AT" }),
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new((0..N_ROWS as i64).map(|row| row * 7 + 3).collect::<Int64Array>())),
        ("recency", column(1, |row, u| (row % 10 != 3).then_some(if rich(row) { 20.0 } else { 300.0 } + 50.0 * u))),
        ("frequency", column(2, |row, u| Some(if rich(row) { 12.0 } else { 2.0 } + (4.0 * u).floor()))),
        ("monetary", column(3, |row, u| (row % 15 != 8).then_some(if rich(row) { 900.0 } else { 40.0 } * (0.5 + u)))),
        ("age", column(4, |row, u| (row % 9 != 2).then_some(20.0 + 60.0 * u))),
        ("tenure_days", column(5, |_, u| Some(100.0 + 1000.0 * u))),
        ("wine", column(6, |row, u| (row % 11 != 0).then_some(if rich(row) { 50.0 } else { 5.0 } * u))),
        ("meat", column(7, |_, u| Some(10.0 * u))),
        ("fish", column(8, |_, u| Some(3.0 * u))),
        ("weight", column(9, |_, u| Some(0.25 + u))),
        ("country", Arc::new((0..N_ROWS).map(country).collect::<StringArray>())),
        ("member", Arc::new((0..N_ROWS).map(|row| Some(rich(row) == (draw(row, 21) < 0.8))).collect::<BooleanArray>())),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    // Row groups end elsewhere than those of the assignments.
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(701)).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

const JOB: &str = r#"
[source]
path = "customers.parquet"
id = "id"
sample_weight = "weight"

[[feature]]
column = "recency"
missing = "drop"
[[feature]]
column = "frequency"
[[feature]]
column = "monetary"
transform = "log1p"
missing = "drop"
[[feature]]
column = "age"
missing = "median"
weight = 0.1

[cluster]
k = 2
n_init = 2

[persona]
playbook = "PLAYBOOK"
value = "monetary"
ROLES

[profile]
columns = ["country", "member", "tenure_days"]
mix = [{ name = "basket", columns = ["wine", "meat", "fish"] }]
smallest_group = 40

[output]
path = "run"
"#;

/// A published run of that table, named by one of our playbooks.
pub fn by_ours(playbook: &str) -> (TempDir, PathBuf) {
    published(playbook, "")
}

/// The same, named by a playbook of one's own, which has the roles monetary, frequency and tenure.
pub fn by_mine(text: &str) -> (TempDir, PathBuf) {
    published("mine.toml", text)
}

fn published(playbook: &str, text: &str) -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    write(&place.path().join("customers.parquet"));
    let job = place.path().join("job.toml");
    let roles = if text.is_empty() { "" } else { "roles = { tenure = \"tenure_days\" }" };
    fs::write(&job, JOB.replace("PLAYBOOK", playbook).replace("ROLES", roles)).unwrap();
    fs::write(place.path().join("mine.toml"), text).unwrap();
    run(&["run", &job.display().to_string(), "--device", "cpu"]);
    let folder = place.path().join("run");
    (place, folder)
}
