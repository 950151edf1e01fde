//! Data that cannot be used as it is: each case ends in an error that names the place and never the value.

use segmint::error::{Error, Kind};
use segmint::job::{Feature, Job, Missing, Transform};

use crate::table::{ONE_READ, TWO_READS, Table, job, plain};

/// The same error for both ways to read.
fn refused(table: &Table, job: &Job) -> Error {
    let mut errors = [ONE_READ, TWO_READS].map(|memory| {
        let mut job = job.clone();
        job.engine.memory = memory;
        Some(table.load_in(&job, &[2, table.ids.len() - 2], 100).0.unwrap_err())
    });
    let (one, two) = (errors[0].take().unwrap(), errors[1].take().unwrap());
    // The files lie in another folder each time.
    let end = |error: &Error| error.to_string().rsplit('/').next().map(String::from);
    assert_eq!(end(&one), end(&two));
    one
}

fn with_weights(weights: [f64; 4]) -> Error {
    let mut job = job(plain(&["x"]));
    job.source.sample_weight = Some("w".into());
    refused(&Table::new(4).with("x", [1.0, 2.0, 4.0, 9.0]).with("w", weights), &job)
}

#[test]
fn a_missing_value_is_refused_with_its_place() {
    for gap in [None, Some(f64::NAN), Some(f64::NEG_INFINITY)] {
        let table = Table::new(5).with("a", [1.0; 5]).with_gaps("b", [Some(1.0), Some(2.0), Some(0.0), gap, None]);
        let error = refused(&table, &job(plain(&["a", "b"])));
        assert_eq!(error.kind(), Kind::BadData);
        let place = error.place();
        assert_eq!((place.row_group, place.column.as_deref(), place.row), (Some(0), Some("b"), Some(1)));
        assert!(place.file.as_ref().is_some_and(|f| f.ends_with("part-1.parquet")), "{place:?}");
    }
}

#[test]
fn the_first_bad_row_is_the_one_reported_and_rows_that_leave_are_not_bad() {
    let table = Table::new(6)
        .with_gaps("a", [Some(1.0), Some(2.0), None, Some(3.0), Some(-7.0), Some(1.0)])
        .with_gaps("b", [Some(1.0), Some(2.0), None, Some(5.0), Some(1.0), None]);
    let dropping = Feature { missing: Missing::Drop, transform: Transform::Sqrt, ..Feature::plain("a") };
    let error = refused(&table, &job(vec![dropping, Feature::plain("b")]));
    assert_eq!((error.place().column.as_deref(), error.place().row), (Some("a"), Some(2)));
    assert!(error.to_string().contains("sqrt allows: 0 or more"), "{error}");
    assert!(!error.to_string().contains("-7"), "no message holds a value: {error}");
}

#[test]
fn columns_of_few_values_report_the_same_row_and_nothing_that_no_row_has() {
    // Row groups of 100 rows with five values each, so that they come as places in a list.
    let few = |row: usize| Some((row % 5) as f64);
    let table = |bad: &dyn Fn(usize) -> Option<Option<f64>>| {
        Table::new(400)
            .with_gaps("a", (0..400).map(few))
            .with_gaps("b", (0..400).map(|row| bad(row).unwrap_or(few(row))))
    };
    let sqrt = Feature { transform: Transform::Sqrt, ..Feature::plain("b") };
    let place = |bad: &dyn Fn(usize) -> Option<Option<f64>>| {
        let error = refused(&table(bad), &job(vec![Feature::plain("a"), sqrt.clone()]));
        (error.place().row_group, error.place().row, error.to_string().contains("sqrt"))
    };
    // The first file has two rows.
    assert_eq!(
        place(&|row| [(250, Some(-1.0)), (260, None)].into_iter().find(|(at, _)| *at == row).map(|(_, v)| v)),
        (Some(2), Some(248), true)
    );
    assert_eq!(
        place(&|row| [(250, None), (260, Some(-1.0))].into_iter().find(|(at, _)| *at == row).map(|(_, v)| v)),
        (Some(2), Some(248), false)
    );
    // A value that only rows have that leave is in the list, and in nobody's way.
    let dropping = Feature { missing: Missing::Drop, ..Feature::plain("a") };
    let table = Table::new(400)
        .with_gaps("a", (0..400).map(|row| if row == 250 { None } else { few(row) }))
        .with_gaps("b", (0..400).map(|row| if row == 250 { Some(-1.0) } else { few(row) }));
    let loaded = table.load_in(&job(vec![dropping, sqrt.clone()]), &[2, 398], 100).0.unwrap();
    assert_eq!((loaded.rows.kept, loaded.rows.dropped[0].1), (399, 1));
}

#[test]
fn values_outside_of_a_transforms_domain_are_refused_also_where_others_are_imputed() {
    let table = Table::new(4).with_gaps("x", [Some(1.0), None, Some(3.0), Some(-1.0)]);
    for missing in [Missing::Mean, Missing::Median, Missing::Number(0.0)] {
        let feature = Feature { missing, transform: Transform::Log1p, ..Feature::plain("x") };
        let error = refused(&table, &job(vec![feature]));
        assert_eq!(error.place().row, Some(1));
        assert!(error.to_string().contains("log1p allows: greater than -1"), "{error}");
    }
    let feature = Feature { missing: Missing::Number(-2.0), transform: Transform::Log1p, ..Feature::plain("x") };
    assert_eq!(refused(&table, &job(vec![feature])).kind(), Kind::JobFile);
}

#[test]
fn nothing_left_is_refused() {
    let table = Table::new(3).with_gaps("x", [None; 3]);
    let dropping = Feature { missing: Missing::Drop, ..Feature::plain("x") };
    assert!(refused(&table, &job(vec![dropping])).to_string().contains("every row was left out"));
    for missing in [Missing::Mean, Missing::Median] {
        let error = refused(&table, &job(vec![Feature { missing, ..Feature::plain("x") }]));
        assert!(error.to_string().contains("every value of column \"x\" is missing"), "{error}");
    }
}

#[test]
fn weights_that_cannot_be_used_are_refused_with_their_place() {
    for (weights, row, text) in [
        ([1.0, 2.0, -1.0, 1.0], Some(0), "negative"),
        ([1.0, 2.0, 1.0, f64::NAN], Some(1), "missing"),
        ([0.0; 4], None, "every sample weight is 0"),
        ([1.0, 2.5, 1.0, 1e-6], Some(1), "would count for nothing"),
    ] {
        let error = with_weights(weights);
        assert_eq!((error.kind(), error.place().row), (Kind::BadData, row), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn columns_that_are_not_there_are_refused_with_the_nearest_name() {
    let table = Table::new(3).with("monetary", [1.0, 2.0, 3.0]);
    let error = refused(&table, &job(plain(&["Monetery"])));
    assert!(error.hint_text().is_some_and(|hint| hint.contains("monetary")), "{error:?}");
    let mut job = job(Vec::new());
    job.source.sample_weight = Some("monetary".into());
    assert!(refused(&table, &job).to_string().contains("no numeric column"));
}

#[test]
fn more_features_than_allowed_are_refused() {
    let mut table = Table::new(3);
    for index in 0..=segmint::grid::FEATURES_MAX {
        table = table.with(&format!("c{index}"), [1.0, 2.0, 4.0]);
    }
    assert!(refused(&table, &job(Vec::new())).to_string().contains("513 features"));
}

#[test]
fn spreads_that_no_factor_can_bring_together_are_refused() {
    let table = Table::new(3).with("x", [1e-310, 2e-310, 4e-310]);
    assert!(refused(&table, &job(plain(&["x"]))).to_string().contains("too far apart"));
    let fits = Table::new(3).with("x", [1e-200, 2e-200, 4e-200]).with("y", [1e100, -1e100, 3.0]);
    assert!(fits.load(&job(plain(&["x", "y"]))).is_ok());
}

#[test]
fn a_stop_ends_the_load() {
    let folder = tempfile::tempdir().unwrap();
    Table::new(300).with("x", (0..300).map(f64::from)).write(&folder.path().join("t.parquet"), 100);
    let mut job = job(plain(&["x"]));
    job.source.path = folder.path().display().to_string();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let observe = segmint::observe::Observe::new(stop.clone());
    let source = segmint::source::Source::open(&job.source, &observe).unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(segmint::features::load(&source, &job, &observe).unwrap_err().kind(), Kind::Stopped);
}
