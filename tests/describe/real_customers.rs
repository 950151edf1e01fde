//! The customers of CDNOW, labelled by the centroids that float64 k-means gives: sizes, means, shares and names.

use std::path::Path;

use segmint::features;
use segmint::job::{Feature, Job, Transform};
use segmint::observe::Observe;
use segmint::persona::{Playbook, name};
use segmint::profile::{Profile, describe};
use segmint::source::{Request, ScanSettings, Source};
use serde_json::Value;

use crate::table::job;

const FEATURES: [&str; 3] = ["recency", "frequency", "monetary"];

fn settings() -> Job {
    let feature = |name: &&str| Feature { transform: Transform::Log1p, ..Feature::plain(*name) };
    let mut job = job(FEATURES.iter().map(feature).collect());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    job.source.path = root.join("data/cdnow.parquet").display().to_string();
    job.source.id = Some("customer_id".into());
    job.profile.columns = vec!["cds".into()];
    job.persona.value = Some("monetary".into());
    job
}

fn expected(k: usize) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("tests/data/cdnow_log1p_standard.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["k"][k.to_string()].clone()
}

/// The three columns as they stand in the file.
fn columns(source: &Source) -> Vec<Vec<f64>> {
    let numbers = FEATURES.iter().map(|name| source.column(name).unwrap()).collect();
    let mut columns = vec![Vec::new(); FEATURES.len()];
    let scan = ScanSettings { chunk_rows: 65_536, memory: 1 << 30 };
    source
        .scan(&Request { numbers, ids: false, ..Request::default() }, &scan, &Observe::default(), &mut |wave| {
            for batch in wave {
                columns.iter_mut().zip(batch.numbers).for_each(|(all, part)| all.extend(part));
            }
            Ok(())
        })
        .unwrap();
    columns
}

/// The nearest of the expected centroids, in scaled units.
fn labels(columns: &[Vec<f64>], centroids: &Value) -> Vec<u16> {
    let scaled: Vec<Vec<f64>> = columns
        .iter()
        .map(|column| {
            let n = column.len() as f64;
            let logs: Vec<f64> = column.iter().map(|&x| libm::log1p(x)).collect();
            let mean = logs.iter().sum::<f64>() / n;
            let spread = (logs.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt();
            logs.iter().map(|x| (x - mean) / spread).collect()
        })
        .collect();
    let centroids: Vec<Vec<f64>> = serde_json::from_value(centroids.clone()).unwrap();
    (0..columns[0].len())
        .map(|row| {
            let distance = |centroid: &Vec<f64>| -> f64 {
                centroid.iter().zip(&scaled).map(|(c, column)| (c - column[row]) * (c - column[row])).sum()
            };
            let best =
                (0..centroids.len()).min_by(|&a, &b| distance(&centroids[a]).total_cmp(&distance(&centroids[b])));
            best.unwrap() as u16
        })
        .collect()
}

fn profile(k: usize) -> (Profile, Vec<Vec<f64>>, Vec<u16>) {
    let (job, observe) = (settings(), Observe::default());
    let source = Source::open(&job.source, &observe).unwrap();
    let loaded = features::load(&source, &job, &observe).unwrap();
    let columns = columns(&source);
    let labels = labels(&columns, &expected(k)["centers_scaled"]);
    let profile = describe(&source, &job, &loaded.features, &[], &labels, None, k, &observe).unwrap();
    (profile, columns, labels)
}

#[test]
fn sizes_and_means_are_those_of_float64_k_means() {
    for k in 2..=10 {
        let (profile, ..) = profile(k);
        let expected = expected(k);
        let sizes: Vec<u64> = profile.clusters.iter().map(|cluster| cluster.size).collect();
        assert_eq!(sizes, serde_json::from_value::<Vec<u64>>(expected["sizes_desc"].clone()).unwrap());
        for (name, column) in FEATURES.iter().zip(&profile.columns) {
            let means: Vec<f64> = serde_json::from_value(expected["means_original"][name].clone()).unwrap();
            for (cluster, mean) in column.clusters.iter().zip(means) {
                // Printed with six decimals.
                assert!((cluster.moments.mean.unwrap() - mean).abs() <= 0.51e-6, "k = {k}, {name}: {mean}");
            }
        }
        assert_eq!(profile.columns[3].name, "cds");
        let means: Vec<f64> = serde_json::from_value(expected["means_original"]["monetary"].clone()).unwrap();
        let sums: Vec<f64> = sizes.iter().zip(means).map(|(&size, mean)| size as f64 * mean).collect();
        for (cluster, sum) in profile.clusters.iter().zip(&sums) {
            let share = sum / sums.iter().sum::<f64>();
            assert!((cluster.value_share.unwrap() - share).abs() < 1e-6, "k = {k}");
        }
    }
}

#[test]
fn shares_of_value_are_sums_of_cents_over_the_sum_of_cents() {
    let (profile, columns, labels) = profile(5);
    let mut cents = [0i64; 5];
    for (&label, &dollars) in labels.iter().zip(&columns[2]) {
        cents[usize::from(label)] += libm::round(100.0 * dollars) as i64;
    }
    let all: i64 = cents.iter().sum();
    for (cluster, cents) in profile.clusters.iter().zip(cents) {
        // Dollars in the file are the f64 nearest to whole cents, so the sums differ by their rounding only.
        assert!((cluster.value_share.unwrap() - cents as f64 / all as f64).abs() < 1e-15);
    }
}

#[test]
fn the_clusters_earn_names_that_a_marketer_would_give() {
    let (profile, ..) = profile(5);
    let naming = name(&profile, &Playbook::load("rfm").unwrap(), &[]).unwrap();
    let names: Vec<&str> = naming.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let expected = [
        "Dormant or Inactive",
        // Away for longer than others on average, but a good part of them is not.
        "low frequency, low monetary",
        "Loyal Repeat Buyers",
        "Loyal Repeat Buyers (more recent)",
        "VIP or High Value",
    ];
    assert_eq!(names, expected);
}
