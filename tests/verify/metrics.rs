//! The figures that say how well clusters are told apart, by their definitions, over all rows.

use arrow::array::{AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::{run, summary_of, verify, vouch, write_summary};

const FEATURES: [&str; 3] = ["recency", "frequency", "monetary"];

fn column(file: &std::path::Path, name: &str) -> Vec<f64> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file).unwrap()).unwrap().build().unwrap();
    let mut values = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let column = batch.column_by_name(name).unwrap();
        let column = match column.data_type() {
            DataType::Int32 => column.as_primitive::<Int32Type>().unary::<_, Float64Type>(f64::from),
            _ => Float64Array::from(arrow::compute::cast(column, &DataType::Float64).unwrap().to_data()),
        };
        values.extend_from_slice(column.values());
    }
    values
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// Points with what they weigh.
fn mean(points: &[(&Vec<f64>, f64)]) -> Vec<f64> {
    let weight: f64 = points.iter().map(|(_, weight)| weight).sum();
    (0..FEATURES.len()).map(|f| points.iter().map(|(point, weight)| weight * point[f]).sum::<f64>() / weight).collect()
}

/// Davies-Bouldin, Calinski-Harabasz and explained variance with weights, and the silhouettes of all and of each
/// cluster, as the text books have them.
fn by_the_book(points: &[Vec<f64>], labels: &[usize], weights: &[f64], k: usize) -> ([f64; 4], Vec<f64>) {
    let weighed = || points.iter().zip(weights.iter().copied());
    let members = |c: usize| weighed().zip(labels).filter(move |(_, label)| **label == c).map(|(point, _)| point);
    let means: Vec<Vec<f64>> = (0..k).map(|c| mean(&members(c).collect::<Vec<_>>())).collect();
    let weight = |c: usize| members(c).map(|(_, w)| w).sum::<f64>();
    let spread: Vec<f64> =
        (0..k).map(|c| members(c).map(|(p, w)| w * distance(p, &means[c])).sum::<f64>() / weight(c)).collect();
    let worst = |c: usize| {
        let ratio = |other: usize| (spread[c] + spread[other]) / distance(&means[c], &means[other]);
        (0..k).filter(|other| *other != c).map(ratio).fold(0.0, f64::max)
    };
    let davies_bouldin = (0..k).map(worst).sum::<f64>() / k as f64;
    let all = mean(&weighed().collect::<Vec<_>>());
    let between: f64 = (0..k).map(|c| weight(c) * distance(&means[c], &all).powi(2)).sum();
    let within: f64 = weighed().zip(labels).map(|((p, w), c)| w * distance(p, &means[*c]).powi(2)).sum();
    let n = points.len() as f64;
    let calinski_harabasz = (between / (k as f64 - 1.0)) / (within / (n - k as f64));
    let explained = 1.0 - within / weighed().map(|(p, w)| w * distance(p, &all).powi(2)).sum::<f64>();
    let members = |c: usize| members(c).map(|(point, _)| point);
    let silhouettes = points.iter().zip(labels).map(|(point, own)| {
        let to = |c: usize| members(c).map(|p| distance(point, p)).sum::<f64>();
        let a = to(*own) / (members(*own).count() as f64 - 1.0);
        let b = (0..k).filter(|c| c != own).map(|c| to(c) / members(c).count() as f64).fold(f64::INFINITY, f64::min);
        (b - a) / a.max(b)
    });
    let silhouettes: Vec<f64> = silhouettes.collect();
    let of_cluster = |c: usize| {
        let own = silhouettes.iter().zip(labels).filter(|(_, label)| **label == c).map(|(own, _)| own);
        own.sum::<f64>() / members(c).count() as f64
    };
    let silhouette = silhouettes.iter().sum::<f64>() / n;
    ([davies_bouldin, calinski_harabasz, explained, silhouette], (0..k).map(of_cluster).collect())
}

/// The mean of 1 - nearest / second-nearest distance to the centroids.
fn simplified(points: &[Vec<f64>], centroids: &[Vec<f64>]) -> f64 {
    let margin = |point: &Vec<f64>| {
        let mut distances: Vec<f64> = centroids.iter().map(|centroid| distance(point, centroid)).collect();
        distances.sort_by(f64::total_cmp);
        1.0 - distances[0] / distances[1]
    };
    points.iter().map(margin).sum::<f64>() / points.len() as f64
}

#[test]
fn metrics_are_those_of_their_definitions_and_a_changed_one_is_found() {
    checked(&[]);
}

#[test]
fn metrics_of_weighted_rows_are_too() {
    checked(&["--sample-weight", "tenure"]);
}

/// Runs a job, gives its summary the metrics of the text books, and has them verified, right and changed.
fn checked(more: &[&str]) {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("customers.parquet");
    let (data_text, folder) = (data.display().to_string(), place.path().join("run"));
    run(&["generate", "--kind", "planted", "--rows", "1500", "--out", &data_text]);
    let (features, out) = (FEATURES.join(","), folder.display().to_string());
    let arguments = [
        "run",
        &data_text,
        "--id",
        "customer_id",
        "--features",
        &features,
        "--k",
        "4",
        "--device",
        "cpu",
        "--out",
        &out,
    ];
    run(&[&arguments[..], more].concat());

    // Scaled as the run scaled: mean 0, standard deviation 1.
    let model: Value = serde_json::from_slice(&std::fs::read(folder.join("model.json")).unwrap()).unwrap();
    let mut points = vec![Vec::new(); 1500];
    for (f, name) in FEATURES.iter().enumerate() {
        let fitted = &model["features"]["features"][f];
        let (mean, factor) = (fitted["mean"].as_f64().unwrap(), fitted["factor"].as_f64().unwrap());
        let step = 2f64.powi(model["features"]["grid"]["exponent"].as_i64().unwrap() as i32);
        for (point, value) in points.iter_mut().zip(column(&data, name)) {
            point.push(((value - mean) * factor / step).round_ties_even() * step);
        }
    }
    let labels: Vec<usize> =
        column(&folder.join("assignments.parquet"), "cluster").into_iter().map(|label| label as usize).collect();
    let weights = if more.is_empty() { vec![1.0; 1500] } else { column(&data, "tenure") };
    let (right, of_clusters) = by_the_book(&points, &labels, &weights, 4);
    let step = 2f64.powi(model["features"]["grid"]["exponent"].as_i64().unwrap() as i32);
    let centroids = model["clusters"].as_array().unwrap().iter().map(|cluster| {
        let steps = cluster["centroid"].as_array().unwrap().iter().map(|steps| steps.as_f64().unwrap());
        steps.map(|steps| steps * step).collect()
    });
    let mut summary = summary_of(&folder);
    let names = ["davies_bouldin", "calinski_harabasz", "explained_variance", "silhouette"];
    for (name, value) in names.into_iter().zip(right) {
        summary["metrics"][name] = json!(value);
    }
    summary["metrics"]["cluster_silhouettes"] = json!(of_clusters);
    summary["metrics"]["simplified_silhouette"] = json!(simplified(&points, &centroids.collect::<Vec<_>>()));
    let iterations = summary["iterations"].clone();
    let entry = |k: usize, inertia: &Value, metrics: &Value| {
        let mut entry = metrics.clone();
        entry["k"] = json!(k);
        entry["found"] = json!(k);
        entry["iterations"] = iterations.clone();
        entry["inertia"] = inertia.clone();
        entry
    };
    let (inertia, metrics) = (summary["inertia"].clone(), summary["metrics"].clone());
    summary["selection"] = json!([entry(3, &json!(1e4), &metrics), entry(4, &inertia, &metrics)]);
    write_summary(&folder, &summary);
    vouch(&folder, "summary.json");
    let (code, text) = verify(&folder);
    assert!(code == 0 && text.contains("not checked: summary.json, selection, choice and flows"), "{text}");
    assert!(!text.contains("not checked: summary.json, metrics"), "{text}");

    for (pointer, said) in [
        ("/metrics/davies_bouldin", "metrics.davies_bouldin"),
        ("/metrics/calinski_harabasz", "metrics.calinski_harabasz"),
        ("/metrics/silhouette", "metrics.silhouette"),
        ("/metrics/explained_variance", "metrics.explained_variance"),
        ("/metrics/simplified_silhouette", "metrics.simplified_silhouette"),
        ("/metrics/cluster_silhouettes/2", "metrics.cluster_silhouettes, cluster 2"),
        ("/selection/1/explained_variance", "selection, k = 4, explained_variance"),
        ("/selection/1/cluster_silhouettes/0", "selection, k = 4, silhouettes or stability"),
        ("/selection/1/silhouette", "selection, k = 4, silhouette"),
        ("/selection/1/inertia", "selection, k = 4, inertia"),
    ] {
        let mut wrong = summary.clone();
        let claim = wrong.pointer_mut(pointer).unwrap();
        *claim = json!(claim.as_f64().unwrap() * 1.0001);
        write_summary(&folder, &wrong);
        vouch(&folder, "summary.json");
        let (code, text) = verify(&folder);
        assert!(code == 10 && text.contains(said), "{pointer}: {code}: {text}");
    }

    let mut wrong = summary.clone();
    let smallest = wrong.pointer_mut("/metrics/smallest").unwrap();
    *smallest = json!(smallest.as_u64().unwrap() + 1);
    write_summary(&folder, &wrong);
    vouch(&folder, "summary.json");
    let (code, text) = verify(&folder);
    assert!(code == 10 && text.contains("metrics.smallest is given as"), "{code}: {text}");
}
