//! What a run publishes, checked against the data by other means.

use std::fs;
use std::path::Path;

use arrow::array::{Array, AsArray, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use segmint::engine::distance;
use segmint::job::{Feature, Job, Transform};
use segmint::observe::Observe;
use segmint::pipeline::run;
use segmint::report::Summary;
use segmint::store::{MANIFEST, Manifest, Model};

use super::table::{ROWS, all, input, job, job_with_weights_and_drops, read, write};

fn numbers(batch: &RecordBatch, column: &str) -> Float64Array {
    let column = batch.column_by_name(column).unwrap();
    cast(column, &DataType::Float64).unwrap().as_primitive::<Float64Type>().clone()
}

fn names(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let text = cast(batch.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
    text.as_string::<i32>().iter().map(|name| name.map(str::to_owned)).collect()
}

/// Runs the job and decides every row of the input again, from nothing but `model.json` and the raw values.
fn check(job: &Job, table: &RecordBatch) -> Summary {
    let outcome = run(job, &Observe::default()).unwrap_or_else(|error| panic!("{error}"));
    let folder = &job.output.path;
    let files =
        ["assignments.parquet", "manifest.json", "model.json", "report.html", "report.md", "run.json", "summary.json"];
    assert_eq!(all(folder), files);
    assert_eq!(Manifest::read(folder).unwrap().damaged(folder).unwrap(), Vec::<String>::new());
    let summary: Summary = serde_json::from_slice(&fs::read(folder.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary, outcome.summary);
    let model: Model = serde_json::from_slice(&fs::read(folder.join("model.json")).unwrap()).unwrap();
    let mut clusters = model.clusters.clone();
    clusters.sort_by_key(|cluster| cluster.internal);

    let values: Vec<Float64Array> = model.features.columns().map(|name| numbers(table, name)).collect();
    let weights = job.source.sample_weight.as_ref().map(|name| numbers(table, name));
    let assignments = read(&folder.join("assignments.parquet"));
    let labels = assignments.column_by_name("cluster").unwrap().as_primitive::<Int32Type>().clone();
    let (distances, margins) = (numbers(&assignments, "distance"), numbers(&assignments, "margin"));
    let (personas, second) = (names(&assignments, "persona"), names(&assignments, "second_persona"));
    let mut sizes = vec![0; summary.k];
    let mut inertia = 0.0;
    let mut kept = Vec::new();
    for row in 0..table.num_rows() {
        if values.iter().any(|column| column.is_null(row)) {
            continue;
        }
        let out = kept.len();
        kept.push(row as u64);
        let raw: Vec<f64> = values.iter().map(|column| column.value(row)).collect();
        let point = model.features.grid_row(&raw).unwrap();
        let mut exact: Vec<(i128, usize)> =
            clusters.iter().enumerate().map(|(i, cluster)| (distance(&point, &cluster.centroid), i)).collect();
        exact.sort_unstable();
        let nearest = model.features.grid.distance(exact[0].0);
        let margin = match exact.get(1).map(|second| model.features.grid.distance(second.0)) {
            None => 1.0,
            Some(0.0) => 0.0,
            Some(second) => 1.0 - nearest / second,
        };
        let cluster = &clusters[exact[0].1];
        assert_eq!(labels.value(out) as usize, cluster.cluster, "row {row}");
        assert_eq!((distances.value(out), margins.value(out)), (nearest, margin), "row {row}");
        assert_eq!(personas[out].as_ref(), Some(&cluster.persona));
        assert_eq!(second[out], cluster.second_persona);
        sizes[cluster.cluster] += 1;
        inertia += weights.as_ref().map_or(1.0, |weights| weights.value(row)) * nearest * nearest;
    }
    assert_eq!(assignments.num_rows(), kept.len());
    assert_eq!(summary.rows, kept.len() as u64);
    assert_eq!(summary.rows + summary.dropped.iter().map(|d| d.rows).sum::<u64>(), table.num_rows() as u64);
    assert_eq!(summary.clusters.iter().map(|cluster| cluster.size).collect::<Vec<_>>(), sizes);
    assert!(sizes.windows(2).all(|pair| pair[0] >= pair[1]), "largest first: {sizes:?}");
    // Weights are rounded to their own step, so the scale is open; without weights the sum is the inertia.
    if weights.is_none() {
        assert!((inertia - summary.inertia).abs() <= 1e-9 * inertia.max(1e-9), "{inertia} {}", summary.inertia);
    }

    let order = arrow::array::UInt64Array::from(kept);
    let table = arrow::compute::take_record_batch(table, &order).unwrap();
    if let Some(id) = &job.source.id {
        assert_eq!(assignments.column(0), table.column_by_name(id).unwrap());
        assert_eq!(assignments.schema().field(0).name(), id);
    }
    means(&table, labels.values(), weights.is_some(), &summary);
    summary
}

/// Means and shares of value, added up the plain way.
fn means(table: &RecordBatch, labels: &[i32], weighted: bool, summary: &Summary) {
    if weighted {
        return;
    }
    for cluster in &summary.clusters {
        let share = cluster.size as f64 / summary.rows as f64;
        assert!((cluster.share - share).abs() < 1e-15);
        for (name, mean) in &cluster.means.0 {
            let column = numbers(table, name);
            let own = labels.iter().zip(column.values()).filter(|(label, _)| **label as usize == cluster.cluster);
            let expected = own.map(|(_, value)| value).sum::<f64>() / cluster.size as f64;
            assert!((mean.unwrap() - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{name}");
        }
    }
    let shares: f64 = summary.clusters.iter().filter_map(|cluster| cluster.value_share).sum();
    assert!((shares - 1.0).abs() < 1e-12);
}

#[test]
fn every_published_row_is_what_the_model_says_of_it() {
    let place = tempfile::tempdir().unwrap();
    let input = input(place.path());
    let summary = check(&job(&input, &place.path().join("run")), &read(&input));
    assert_eq!((summary.k, summary.converged), (3, true));
    assert_eq!(all(place.path()), ["customers.parquet", "run"]);
}

#[test]
fn real_customers_are_what_the_model_says_of_them() {
    let place = tempfile::tempdir().unwrap();
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cdnow.parquet");
    let mut job = job(&input, &place.path().join("run"));
    job.source.id = Some("customer_id".into());
    job.features[0].transform = Transform::Log1p;
    job.cluster.k = 5..=5;
    job.engine.chunk_rows = 65_536;
    job.profile.columns = vec!["cds".into()];
    let summary = check(&job, &read(&input));
    assert_eq!(summary.rows, 23_570);
}

#[test]
fn weights_and_dropped_rows_are_accounted_for() {
    let place = tempfile::tempdir().unwrap();
    let input = input(place.path());
    let summary = check(&job_with_weights_and_drops(&input, &place.path().join("run")), &read(&input));
    assert_eq!(summary.dropped.len(), 1);
    assert_eq!(summary.dropped[0].rows, 12);
    assert!(summary.clusters.iter().all(|cluster| cluster.weighted_share.is_some()));
}

#[test]
fn one_cluster_has_margin_one_and_one_row_per_cluster_distance_zero() {
    let place = tempfile::tempdir().unwrap();
    let input = input(place.path());
    for k in [1, 7] {
        let mut job = job(&input, &place.path().join(k.to_string()));
        job.cluster.k = k..=k;
        assert_eq!(check(&job, &read(&input)).k, k);
    }
}

#[test]
fn without_an_id_column_the_row_number_is_the_id() {
    let place = tempfile::tempdir().unwrap();
    let input = input(place.path());
    let mut job = job(&input, &place.path().join("run"));
    job.source.id = None;
    check(&job, &read(&input));
    let assignments = read(&job.output.path.join("assignments.parquet"));
    assert_eq!(assignments.schema().field(0).name(), "row_number");
    let numbers = assignments.column(0).as_primitive::<arrow::datatypes::UInt64Type>();
    assert!(numbers.values().iter().copied().eq(0..ROWS as u64));
}

#[test]
fn features_that_nobody_named_are_every_numeric_column() {
    let place = tempfile::tempdir().unwrap();
    let columns = super::table::customers().into_iter().filter(|(name, _)| *name != "tenure").collect();
    let input = place.path().join("customers.parquet");
    write(columns, &input);
    let mut job = job(&input, &place.path().join("run"));
    job.features = Vec::new();
    job.profile.columns = Vec::new();
    let summary = check(&job, &read(&input));
    assert_eq!(summary.features, ["recency", "frequency", "monetary", "weight"]);
}

#[test]
fn what_differs_between_machines_stands_in_the_run_record_only() {
    let place = tempfile::tempdir().unwrap();
    let input = input(place.path());
    let mut job = job(&input, &place.path().join("a secret place"));
    job.features = vec![Feature::plain("recency")];
    let outcome = run(&job, &Observe::default()).unwrap();
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(job.output.path.join("run.json")).unwrap()).unwrap();
    for key in ["started", "finished", "milliseconds", "host", "device", "stages", "counters", "input_files"] {
        assert!(!record[key].is_null(), "{key}");
    }
    assert!(record["counters"]["share_decided_by_host"].is_number());
    let host = record["host"]["name"].as_str().unwrap().to_owned();
    for name in ["summary.json", "model.json", "report.md", "report.html", MANIFEST] {
        let text = fs::read_to_string(job.output.path.join(name)).unwrap();
        for word in [&*host, &*outcome.record.started, "a secret place", "customers.parquet", "milliseconds"] {
            assert!(word.is_empty() || !text.contains(word), "{name} holds {word:?}");
        }
    }
}
