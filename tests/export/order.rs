//! Who stands in a list, and in which order.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use segmint::export::{Existing, Export, Format, Wanted};
use segmint::observe::Observe;

use super::{cdnow, places, printed, records, run_on_x, segmint, write};

fn list(records: &[Vec<String>], column: usize) -> Vec<f64> {
    records.iter().skip(1).map(|record| record[column].parse().unwrap()).collect()
}

#[test]
fn the_surest_customers_of_a_persona_come_first() {
    let place = cdnow();
    let shown = printed(
        place.path(),
        &["export", "run", "--persona", "VIP or High Value", "--columns", "recency,monetary", "--top", "5"],
    );
    insta::assert_snapshot!("vip", shown);
    let all = printed(place.path(), &["export", "run", "--persona", "VIP or High Value"]);
    assert!(all.ends_with("\r\n") && !all.replace("\r\n", "").contains('\n'), "lines end by RFC 4180");
    let all = records(&all);
    assert_eq!(all.len(), 1 + 1519);
    assert!(list(&all, 4).is_sorted_by(|a, b| a >= b));
    let few: Vec<Vec<String>> = records(&shown).iter().map(|record| record[..5].to_vec()).collect();
    assert_eq!(few, all[..6], "the first five of all");
}

#[test]
fn a_persona_stands_for_all_segments_that_carry_it_and_a_segment_for_itself() {
    let place = cdnow();
    let count = |arguments: &[&str]| {
        let list = records(&printed(place.path(), &[&["export", "run"], arguments].concat()));
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        list.iter().skip(1).for_each(|record| *counts.entry(record[1].clone()).or_default() += 1);
        counts.into_values().collect::<Vec<_>>()
    };
    assert_eq!(count(&["--persona", "Loyal Repeat Buyers"]), [4141, 1615]);
    assert_eq!(count(&["--persona", "loyal repeat buyers (MORE RECENT)"]), [1615]);
    assert_eq!(count(&["--cluster", "2"]), [4141]);
    assert_eq!(count(&["--cluster", "3,2", "--persona", "Loyal Repeat Buyers"]), [4141, 1615], "nobody twice");
    let output = segmint(place.path(), &["export", "run", "--cluster", "4", "--top", "1"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "1 customer of VIP or High Value (4)\n");
}

#[test]
fn columns_of_the_input_stand_beside_their_customer_where_rows_were_dropped() {
    let place = tempfile::tempdir().unwrap();
    let n_rows = 30_000;
    let id: Int64Array = (0..n_rows as i64).map(|row| row * 31 + 5).collect();
    let twice: Int64Array = (0..n_rows as i64).map(|row| (row % 10 != 0).then_some(2 * (row * 31 + 5))).collect();
    let columns: Vec<(&str, ArrayRef)> =
        vec![("twice", std::sync::Arc::new(twice)), ("who", std::sync::Arc::new(id)), ("x", places(n_rows))];
    // Row groups of the input never end where those of the run do.
    write(&place.path().join("data.parquet"), columns, 7001);
    let folder = run_on_x(place.path(), "who");
    let arguments = ["export", "run", "--cluster", "0,1", "--columns", "twice,x"];
    let shown = printed(place.path(), &arguments);
    let found = records(&shown);
    assert_eq!(found[0], ["who", "persona", "second_persona", "distance", "margin", "twice", "x"]);
    let mut seen: Vec<i64> = Vec::new();
    for record in &found[1..] {
        let (id, x): (i64, f64) = (record[0].parse().unwrap(), record[6].parse().unwrap());
        let row = (id - 5) / 31;
        assert_eq!(record[5], if row % 10 == 0 { String::new() } else { (2 * id).to_string() });
        assert_eq!(x, (row % 2) as f64 * 100.0 + row as f64 / n_rows as f64);
        seen.push(row);
    }
    seen.sort_unstable();
    assert!(seen.iter().copied().eq((0..n_rows as i64).filter(|row| row % 7 != 3)), "everybody once, but the dropped");

    // The same list from so little memory that it takes several reads, and as Parquet.
    let wanted = Wanted { clusters: vec![0, 1], columns: vec!["twice".into(), "x".into()], ..Wanted::default() };
    let data = place.path().join("data.parquet").display().to_string();
    let prepare = || Export::prepare(&folder, Some(&data), &wanted, &Observe::default()).unwrap();
    let mut bytes = Vec::new();
    prepare().within(400_000).write(Format::Csv, &mut bytes, &Observe::default()).unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), shown);
    let path = place.path().join("list.parquet");
    prepare().write_file(Format::Parquet, &path, Existing::Refuse, &Observe::default()).unwrap();
    let rows = of_parquet(&path);
    let of_csv: Vec<(i64, f64)> = found[1..].iter().map(|r| (r[0].parse().unwrap(), r[4].parse().unwrap())).collect();
    assert_eq!(rows, of_csv);
}

/// Ids and margins of a list.
fn of_parquet(path: &Path) -> Vec<(i64, f64)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let ids = batch.column(0).as_primitive::<Int64Type>().values().to_vec();
        let margins = batch.column_by_name("margin").unwrap().as_primitive::<Float64Type>().values().to_vec();
        rows.extend(ids.into_iter().zip(margins));
    }
    rows
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = cdnow();
    let mut child = Command::new(env!("CARGO_BIN_EXE_segmint"))
        .args(["export", "run", "--cluster", "0,1,2,3,4"])
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
