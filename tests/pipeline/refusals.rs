//! What cannot be done ends in a clear error of the right kind, and leaves nothing in the output's place.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use segmint::error::Kind;
use segmint::job::{Feature, Job};
use segmint::observe::Observe;
use segmint::pipeline::run;

use super::table::{all, customers, input, job, write};

/// Runs a job that has to fail, and sees that nothing is left.
fn refused(place: &Path, change: impl FnOnce(&mut Job)) -> (Kind, String) {
    let mut job = job(&place.join("customers.parquet"), &place.join("out/deep/run"));
    change(&mut job);
    let error = run(&job, &Observe::default()).expect_err("the run must be refused");
    assert!(!place.join("out").exists(), "{error}");
    (error.kind(), format!("{error} / {}", error.hint_text().unwrap_or("no hint")))
}

#[test]
fn what_cannot_be_done_is_refused_by_kind_and_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    input(place.path());
    type Change = Box<dyn FnOnce(&mut Job)>;
    let feature = |column: &'static str| -> Change { Box::new(move |job| job.features[0] = Feature::plain(column)) };
    let cases: Vec<(Change, Kind, &str)> = vec![
        (Box::new(|job| job.source.path.push_str(".gone")), Kind::InputMissing, ""),
        (feature("recensy"), Kind::BadData, "recency"),
        (feature("customer"), Kind::BadData, "customer"),
        (feature("tenure"), Kind::BadData, "missing"),
        (Box::new(|job| job.source.id = Some("recency".into())), Kind::BadData, ""),
        (Box::new(|job| job.source.id = Some("custom".into())), Kind::BadData, "customer"),
        (Box::new(|job| job.cluster.k = 601..=601), Kind::BadData, ""),
        (Box::new(|job| job.profile.columns = vec!["customer".into()]), Kind::BadData, "described"),
        (Box::new(|job| job.persona.value = Some("money".into())), Kind::BadData, "money"),
        (Box::new(|job| job.persona.playbook = "rfn".into()), Kind::JobFile, "rfm"),
        (Box::new(|job| job.persona.playbook = "no/such.toml".into()), Kind::InputMissing, ""),
        (Box::new(|job| job.persona.roles = vec![("money".into(), "monetary".into())]), Kind::JobFile, "monetary"),
        (Box::new(|job| job.source.sample_weight = Some("tenure".into())), Kind::BadData, "tenure"),
        (Box::new(|job| job.engine.memory = 1000), Kind::JobFile, "memory"),
        (
            Box::new(|job| job.engine.device = segmint::job::DeviceChoice::Named("no such adapter".into())),
            Kind::NoDevice,
            "",
        ),
    ];
    let n = cases.len();
    for (index, (change, kind, word)) in cases.into_iter().enumerate() {
        let (found, text) = refused(place.path(), change);
        assert_eq!(found, kind, "case {index}: {text}");
        assert!(text.contains(word), "case {index}: {text}");
    }
    println!("{n} refusals");
    assert_eq!(all(place.path()), ["customers.parquet"]);
}

#[test]
fn an_id_that_would_stand_twice_in_the_output_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let mut columns = customers();
    columns[0].0 = "persona";
    write(columns, &place.path().join("customers.parquet"));
    let (kind, text) = refused(place.path(), |job| job.source.id = Some("persona".into()));
    assert_eq!(kind, Kind::JobFile, "{text}");
}

#[test]
fn bytes_that_are_no_parquet_are_refused() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("customers.parquet"), b"PAR1 nothing of the kind PAR1").unwrap();
    assert_eq!(refused(place.path(), |_| ()).0, Kind::BadData);
}

#[test]
fn fewer_distinct_rows_than_clusters_lower_k_with_a_warning() {
    let place = tempfile::tempdir().unwrap();
    let ids: StringArray = (0..40).map(|row| Some(row.to_string())).collect();
    let column =
        |size: usize| -> ArrayRef { Arc::new((0..40).map(|row| (row % size) as f64).collect::<Float64Array>()) };
    let columns = vec![
        ("customer", Arc::new(ids) as ArrayRef),
        ("recency", column(2)),
        ("frequency", column(2)),
        ("monetary", column(2)),
        ("weight", column(3)),
    ];
    write(columns, &place.path().join("customers.parquet"));
    let outcome = run(&job(&place.path().join("customers.parquet"), &place.path().join("run")), &Observe::default());
    let summary = outcome.unwrap().summary;
    assert_eq!((summary.k, summary.k_asked, summary.inertia), (2, 3, 0.0));
    assert!(summary.warnings.iter().any(|warning| warning.contains("k fell from 3 to 2")), "{:?}", summary.warnings);
}

#[test]
fn the_same_job_on_the_same_input_has_nothing_to_do_and_any_change_has() {
    let place = tempfile::tempdir().unwrap();
    let input = input(place.path());
    let first = job(&input, &place.path().join("run"));
    run(&first, &Observe::default()).unwrap();
    let kind = |change: &dyn Fn(&mut Job)| {
        let mut job = first.clone();
        change(&mut job);
        run(&job, &Observe::default()).expect_err("a run is there already").kind()
    };
    assert_eq!(kind(&|_| ()), Kind::NothingToDo);
    // What changes time and not the result is the same job.
    assert_eq!(kind(&|job| (job.engine.threads, job.engine.chunk_rows) = (2, 7)), Kind::NothingToDo);
    assert_eq!(kind(&|job| job.cluster.seed = 1), Kind::Output);
    assert_eq!(kind(&|job| job.features[0].weight = 2.0), Kind::Output);
    assert_eq!(kind(&|job| job.persona.value = None), Kind::Output);

    let mut again = first.clone();
    again.output.overwrite = true;
    run(&again, &Observe::default()).unwrap();
    let fewer = customers().into_iter().map(|(name, array)| (name, array.slice(0, 500))).collect();
    write(fewer, &input);
    assert_eq!(kind(&|_| ()), Kind::Output);
    assert_eq!(run(&again, &Observe::default()).unwrap().summary.rows, 500);
    assert_eq!(all(place.path()), ["customers.parquet", "run"]);
}
