//! What is refused, with which words, and that nothing is left behind.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};

use super::{cdnow, places, printed, refused, run_on_x, segmint, write};

#[test]
fn a_name_that_is_none_is_answered_with_the_nearest_and_with_the_list() {
    let place = cdnow();
    let (code, talk) = refused(place.path(), &["export", "run", "--persona", "VIP or High Valu"]);
    assert_eq!(code, 2, "{talk}");
    assert!(talk.contains("did you mean \"VIP or High Value\"?") && talk.contains("Dormant or Inactive (0)"), "{talk}");
    let (code, talk) = refused(place.path(), &["export", "run", "--cluster", "5"]);
    assert!(code == 2 && talk.contains("from 0 to 4") && talk.contains("VIP or High Value (4)"), "{talk}");
    let (code, _) = refused(place.path(), &["export", "run"]);
    assert_eq!(code, 2);
}

#[test]
fn a_persona_that_nobody_earned_is_said_to_be_not_found() {
    let place = cdnow();
    let (code, talk) = refused(place.path(), &["export", "run", "--persona", "Recent Browsers", "--out", "list.csv"]);
    assert!(
        code == 66 && talk.contains("no segment of this run is called \"Recent Browsers\": not found"),
        "{code}: {talk}"
    );
    assert!(!place.path().join("list.csv").exists());
}

#[test]
fn a_file_that_exists_is_replaced_on_demand_only() {
    let place = cdnow();
    let list = place.path().join("list.csv");
    std::fs::write(&list, "mine").unwrap();
    let arguments = ["export", "run", "--cluster", "4", "--top", "2", "--out", "list.csv"];
    let (code, talk) = refused(place.path(), &arguments);
    assert!(code == 73 && talk.contains("--overwrite"), "{code}: {talk}");
    assert_eq!(std::fs::read_to_string(&list).unwrap(), "mine");
    let shown = printed(place.path(), &[&arguments[..], &["--overwrite"]].concat());
    assert_eq!(shown, "list.csv\n");
    assert_eq!(std::fs::read_to_string(&list).unwrap().lines().count(), 3);
    let (code, _) = refused(place.path(), &["export", "run", "--cluster", "4", "--out", "run", "--overwrite"]);
    assert_eq!(code, 73, "a folder is never replaced");
    let (code, _) = refused(place.path(), &["export", "run", "--cluster", "4", "--out", "no/such/folder.csv"]);
    assert_eq!(code, 73);
}

#[test]
fn columns_of_another_input_are_not_mixed_in() {
    let place = tempfile::tempdir().unwrap();
    let input = |name: &str, ids: Vec<i64>| {
        let n_rows = ids.len();
        let columns: Vec<(&str, ArrayRef)> = vec![("id", Arc::new(Int64Array::from(ids))), ("x", places(n_rows))];
        write(&place.path().join(name), columns, 100);
    };
    input("data.parquet", (0..700).collect());
    input("more.parquet", (0..707).collect());
    input("fewer.parquet", (0..693).collect());
    input("other.parquet", (1..701).collect());
    run_on_x(place.path(), "id");
    for (data, said) in [("more", "more customers"), ("fewer", "fewer customers"), ("other", "its ids are others")] {
        let data = format!("{data}.parquet");
        let arguments = ["export", "run", "--cluster", "0,1", "--columns", "x", "--data", &data, "--out", "list.csv"];
        let (code, talk) = refused(place.path(), &arguments);
        assert!(code == 65 && talk.contains(said), "{code}: {talk}");
        let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 5, "{left:?}");
    }
    std::fs::remove_file(place.path().join("data.parquet")).unwrap();
    let (code, talk) = refused(place.path(), &["export", "run", "--cluster", "0", "--columns", "x"]);
    assert!(code == 66 && talk.contains("--data"), "{code}: {talk}");
    assert!(
        segmint(place.path(), &["export", "run", "--cluster", "0"]).status.success(),
        "without columns it is not needed"
    );
}

#[test]
fn a_column_must_exist_and_stands_in_the_list_once() {
    let place = cdnow();
    let export = |columns: &str| refused(place.path(), &["export", "run", "--cluster", "0", "--columns", columns]);
    let (code, talk) = export("monetery");
    assert!(code == 65 && talk.contains("did you mean \"monetary\"?"), "{code}: {talk}");
    for twice in ["monetary,monetary", "customer_id"] {
        let (code, talk) = export(twice);
        assert!(code == 2 && talk.contains("has a column"), "{code}: {talk}");
    }
}

#[test]
fn a_damaged_or_missing_run_is_not_listed() {
    let place = cdnow();
    let (code, _) = refused(place.path(), &["export", "elsewhere", "--cluster", "0"]);
    assert_eq!(code, 66);
    let path = place.path().join("run/assignments.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (code, talk) = refused(place.path(), &["export", "run", "--cluster", "0"]);
    assert!(code == 65 && talk.contains("assignments.parquet"), "{code}: {talk}");
}
