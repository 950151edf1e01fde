//! Choosing the number of segments over a whole run: planted groups are found at their own number, gates hold, a run may
//! start from another one, and a label among the features ends it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::Int32Type;
use segmint::error::Kind;
use segmint::job::{ClusterSettings, Criterion, Feature, Job, LabelColumns};
use segmint::observe::Observe;
use segmint::pipeline::{Outcome, run};
use segmint::report::Summary;

use super::table::{job, write};

fn hash(n: u64) -> u64 {
    let z = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
}

/// Groups of about equal size around these places, as wide as `spread`, with ids.
fn groups(places: &[(f64, f64)], rows: u64, spread: f64) -> Vec<(&'static str, ArrayRef)> {
    let noise = |n: u64| (0..6).map(|salt| (hash(n * 8 + salt) % 10_000) as f64 / 10_000.0 - 0.5).sum::<f64>();
    let place = |row: u64| places[(hash(row) % places.len() as u64) as usize];
    let x: Float64Array = (1..=rows).map(|row| place(row).0 + spread * noise(2 * row)).collect();
    let y: Float64Array = (1..=rows).map(|row| place(row).1 + spread * noise(2 * row + 1)).collect();
    let id: Int64Array = (1..=rows as i64).collect();
    vec![("customer", Arc::new(id)), ("x", Arc::new(x)), ("y", Arc::new(y))]
}

const FOUR: [(f64, f64); 4] = [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0), (11.0, 12.0)];

fn selection(place: &Path, columns: Vec<(&'static str, ArrayRef)>) -> Job {
    let input = place.join("customers.parquet");
    let features = columns.iter().skip(1).map(|(name, _)| Feature::plain(*name)).collect();
    write(columns, &input);
    let mut job = job(&input, &place.join("run"));
    job.features = features;
    job.persona.value = None;
    job.profile.columns = Vec::new();
    job.cluster = ClusterSettings { k: 2..=7, n_init: 4, ..ClusterSettings::plain(2) };
    job.selection.stability = 5;
    job
}

fn selected(job: &Job) -> Summary {
    run(job, &Observe::default()).unwrap().summary
}

#[test]
fn planted_groups_are_found_at_their_own_number_by_every_criterion() {
    let place = tempfile::tempdir().unwrap();
    let mut job = selection(place.path(), groups(&FOUR, 3000, 3.0));
    job.output.overwrite = true;
    let criteria = [
        Criterion::Consensus,
        Criterion::Silhouette,
        Criterion::DaviesBouldin,
        Criterion::CalinskiHarabasz,
        Criterion::Gap,
        Criterion::Elbow,
    ];
    for criterion in criteria {
        job.selection.criterion = criterion;
        let summary = selected(&job);
        let choice = summary.choice.as_ref().unwrap();
        assert_eq!((summary.k, choice.k, choice.passed), (4, 4, true), "{criterion:?}");
        let ks: Vec<usize> = summary.selection.iter().map(|one| one.k).collect();
        assert_eq!(ks, [2, 3, 4, 5, 6, 7]);
        // The metrics are those of the chosen number.
        assert_eq!(summary.metrics, summary.selection[2].metrics);
        let stability = summary.metrics.stability.unwrap();
        assert!(stability.jaccard.iter().all(|jaccard| *jaccard > 0.95), "{stability:?}");
        // Every customer goes somewhere, from each number to the next.
        assert_eq!(summary.flows.len(), 5);
        assert!(summary.flows.iter().all(|flow| flow.customers.iter().flatten().sum::<u64>() == 3000));
        assert!((2..=3).contains(&choice.sentences.len()), "{:?}", choice.sentences);
    }
}

#[test]
fn the_order_of_the_rows_and_the_threads_change_no_score_and_no_word_of_the_choice() {
    let place = tempfile::tempdir().unwrap();
    let columns = groups(&FOUR, 3000, 4.0);
    let mut job = selection(place.path(), columns.clone());
    job.cluster.k = 3..=5;
    let first = selected(&job);
    let order = UInt64Array::from_iter_values((0..3000).map(|row| row * 1289 % 3000));
    let shuffled = columns.into_iter().map(|(name, column)| (name, take(&column, &order, None).unwrap())).collect();
    let folder = tempfile::tempdir().unwrap();
    let mut job = selection(folder.path(), shuffled);
    (job.cluster.k, job.engine.threads) = (3..=5, 3);
    let second = selected(&job);
    assert_eq!(first.selection, second.selection);
    assert_eq!((first.choice, first.flows, first.metrics), (second.choice, second.flows, second.metrics));
}

#[test]
fn a_number_that_is_given_is_what_the_sweep_finds_for_it() {
    let place = tempfile::tempdir().unwrap();
    let mut job = selection(place.path(), groups(&FOUR, 3000, 3.0));
    let swept = selected(&job);
    (job.cluster.k, job.output.path) = (4..=4, place.path().join("four"));
    let alone = selected(&job);
    assert_eq!((alone.inertia, &alone.clusters), (swept.inertia, &swept.clusters));
    assert!(alone.choice.is_none() && alone.selection.is_empty() && alone.flows.is_empty());
    let labels = |folder: &Path| std::fs::read(folder.join("assignments.parquet")).unwrap();
    assert_eq!(labels(&place.path().join("run")), labels(&place.path().join("four")));
}

#[test]
fn a_smallest_size_rules_numbers_out_and_one_that_nothing_keeps_is_said_after_publishing() {
    let place = tempfile::tempdir().unwrap();
    let mut job = selection(place.path(), groups(&FOUR, 3000, 3.0));
    job.selection.min_size = 0.3;
    let outcome = run(&job, &Observe::default()).unwrap();
    let smallest = outcome.summary.clusters.last().unwrap().share;
    assert!(outcome.summary.k < 4 && smallest >= 0.3, "{} of {smallest}", outcome.summary.k);
    assert_eq!(outcome.refuted, None);
    let ruled_out = outcome.summary.selection.iter().find(|one| one.k == 4).unwrap().ruled_out.clone().unwrap();
    assert!(ruled_out.contains("fewer than 900"), "{ruled_out}");

    (job.selection.min_size, job.output.path) = (2000.0, place.path().join("none"));
    let outcome = run(&job, &Observe::default()).unwrap();
    assert!(outcome.refuted.unwrap().contains("fewer than the 2000"));
    assert!(!outcome.summary.choice.unwrap().passed);
    assert!(job.output.path.join("manifest.json").exists());
}

#[test]
fn customers_who_are_all_alike_make_one_segment_and_the_run_says_so() {
    let place = tempfile::tempdir().unwrap();
    let same: ArrayRef = Arc::new(Float64Array::from(vec![7.0; 100]));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter(0..100));
    let summary = selected(&selection(place.path(), vec![("customer", ids), ("x", same.clone()), ("y", same)]));
    assert_eq!(summary.k, 1);
    assert!(summary.choice.unwrap().sentences[0].contains("too much alike"));
    assert_eq!(summary.metrics.silhouette, None);
}

#[test]
fn a_range_ends_where_the_customers_do() {
    let place = tempfile::tempdir().unwrap();
    let summary = selected(&selection(place.path(), groups(&FOUR, 5, 3.0)));
    assert_eq!(summary.selection.iter().map(|one| one.k).collect::<Vec<_>>(), [2, 3, 4, 5]);
}

fn labels(folder: &Path) -> Vec<i32> {
    let batch = super::table::read(&folder.join("assignments.parquet"));
    let column = batch.column_by_name("cluster").unwrap();
    arrow::array::AsArray::as_primitive::<Int32Type>(column).values().to_vec()
}

#[test]
fn a_run_may_begin_where_another_one_ended() {
    let place = tempfile::tempdir().unwrap();
    let mut job = selection(place.path(), groups(&FOUR, 3000, 3.0));
    job.cluster.k = 4..=4;
    let first = selected(&job);
    // Tonight a few more customers: the grid and the means are others, the segments are the same ones.
    let input = place.path().join("customers.parquet");
    write(groups(&FOUR, 3100, 3.0), &input);
    let tonight: PathBuf = place.path().join("tonight");
    job.selection.start = Some(std::mem::replace(&mut job.output.path, tonight.clone()));
    let second = selected(&job);
    assert!(second.iterations <= first.iterations && second.iterations <= 3, "{}", second.iterations);
    assert_eq!(labels(&place.path().join("run")), labels(&tonight)[..3000]);

    let refused = |change: &dyn Fn(&mut Job), word: &str| {
        let mut job = job.clone();
        job.output.path = place.path().join("refused");
        change(&mut job);
        let error = run(&job, &Observe::default()).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        assert!(!job.output.path.exists());
        error.kind()
    };
    assert_eq!(refused(&|job| job.cluster.k = 5..=7, "has 4 segments, and k is 5 to 7"), Kind::JobFile);
    assert_eq!(refused(&|job| job.features.truncate(1), "other features"), Kind::JobFile);
    let nowhere = Some(place.path().join("nowhere"));
    assert_eq!(refused(&|job| job.selection.start = nowhere.clone(), "is no folder"), Kind::InputMissing);
}

#[test]
fn the_labels_of_a_clustering_among_the_features_end_the_run_under_any_name() {
    let place = tempfile::tempdir().unwrap();
    // Five groups that run into each other: labels left in the table would lift the silhouette by a third and more.
    let five = [(0.0, 0.0), (4.0, 0.5), (0.5, 4.0), (4.5, 4.5), (2.2, 2.2)];
    let columns = groups(&five, 1000, 3.0);
    let mut plain = selection(place.path(), columns.clone());
    plain.cluster.k = 5..=5;
    let honest = selected(&plain).metrics.silhouette.unwrap();
    let found: ArrayRef = Arc::new(Int64Array::from_iter(labels(&plain.output.path).into_iter().map(i64::from)));

    let mut with_labels = columns;
    with_labels.push(("visits", found));
    let folder = tempfile::tempdir().unwrap();
    let mut job = selection(folder.path(), with_labels);
    job.cluster.k = 5..=5;
    let error = run(&job, &Observe::default()).unwrap_err();
    assert_eq!((error.kind(), error.place().column.as_deref()), (Kind::BadData, Some("visits")));
    assert!(error.to_string().contains("looks like the labels of a clustering: its 5 values"), "{error}");
    assert!(error.hint_text().unwrap().contains("--label-columns keep"));
    assert!(!job.output.path.exists());

    // What the score would have been shows why.
    job.selection.label_columns = LabelColumns::Keep;
    let Outcome { summary, .. } = run(&job, &Observe::default()).unwrap();
    let lifted = summary.metrics.silhouette.unwrap();
    assert!(lifted > 1.25 * honest, "{lifted} against {honest}");
    assert!(summary.warnings.iter().any(|warning| warning.contains("\"visits\" looks like the labels")));
}

#[test]
fn an_id_among_the_features_ends_the_run_and_figures_do_not() {
    let place = tempfile::tempdir().unwrap();
    let mut columns = groups(&FOUR, 1000, 3.0);
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter((0..1000).map(|row| 70_000 + row * 387 % 1000)));
    // As even and as different, but no whole numbers; and whole, but some are equal.
    let share: ArrayRef = Arc::new(Float64Array::from_iter((0..1000).map(|row| f64::from(row * 387 % 1000) / 997.0)));
    let points: ArrayRef = Arc::new(Int64Array::from_iter((0..1000).map(|row| row * 387 % 999)));
    columns.extend([("share", share), ("points", points)]);
    let fine = selection(place.path(), columns.clone());
    run(&fine, &Observe::default()).unwrap();

    columns.push(("basket", numbers));
    let folder = tempfile::tempdir().unwrap();
    let error = run(&selection(folder.path(), columns), &Observe::default()).unwrap_err();
    assert_eq!((error.kind(), error.place().column.as_deref()), (Kind::BadData, Some("basket")));
    assert!(error.to_string().contains("looks like an id"), "{error}");
}
