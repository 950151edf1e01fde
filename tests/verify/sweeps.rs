//! Runs that compared several numbers of clusters: what can be computed again is, and what cannot is named.

use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use super::{run, summary_of, verify, vouch, write_summary};

/// A published comparison of 2 and 3 clusters of 6,000 planted customers.
fn planted(more: &[&str]) -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("customers.parquet").display().to_string();
    run(&["generate", "--kind", "planted", "--rows", "6000", "--out", &data]);
    let folder = place.path().join("run");
    let out = folder.display().to_string();
    let features = "recency,frequency,monetary";
    let arguments = ["run", &data, "--id", "customer_id", "--features", features, "--k", "2..3", "--n-init", "2"];
    run(&[&arguments[..], &["--device", "cpu", "--stability", "1", "--out", &out], more].concat());
    (place, folder)
}

#[test]
fn a_sampled_silhouette_is_named_and_not_held_against_the_one_of_all_pairs() {
    let (_exact_place, exact) = planted(&["--silhouette", "all"]);
    let (_place, folder) = planted(&["--silhouette", "sample"]);
    let (of_all, sampled) = (summary_of(&exact), summary_of(&folder));
    assert_eq!(of_all["metrics"]["inertia"], sampled["metrics"]["inertia"], "the same clustering");
    assert!(!sampled["metrics"]["silhouette_sample"].is_null());
    let silhouette = |summary: &serde_json::Value| summary["metrics"]["silhouette"].as_f64().unwrap();
    assert!((silhouette(&of_all) - silhouette(&sampled)).abs() > 1e-5, "a comparison would find it wrong");

    let (code, text) = verify(&folder);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("not checked: summary.json, metrics.silhouette and metrics.cluster_silhouettes"), "{text}");
    assert!(text.contains("estimates from"), "{text}");
    let (code, text) = verify(&exact);
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("not checked: summary.json, metrics.silhouette"), "{text}");
    for what in ["metrics.stability", "selection, choice and flows", "rules", "iterations and converged"] {
        assert!(text.contains(&format!("not checked: summary.json, {what}")), "{what}: {text}");
    }
}

#[test]
fn a_choice_without_a_silhouette_has_its_simplified_one_computed_again() {
    let (_place, folder) = planted(&["--silhouette", "none", "--sample-weight", "tenure"]);
    let right = summary_of(&folder);
    let simplified = right["metrics"]["simplified_silhouette"].as_f64().expect("a simplified silhouette");
    let (code, text) = verify(&folder);
    assert_eq!(code, 0, "{text}");
    let mut wrong = right.clone();
    let (k, chosen) = (right["k"].as_u64().unwrap(), json!(simplified + 1e-4));
    wrong["metrics"]["simplified_silhouette"] = chosen.clone();
    let entries = wrong["selection"].as_array_mut().unwrap();
    entries.iter_mut().find(|entry| entry["k"] == k).unwrap()["simplified_silhouette"] = chosen;
    write_summary(&folder, &wrong);
    vouch(&folder, "summary.json");
    let (code, text) = verify(&folder);
    assert!(code == 10 && text.contains("metrics.simplified_silhouette is given as"), "{code}: {text}");
}

#[test]
fn a_choice_among_real_customers_holds_with_the_silhouette_of_all_pairs() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let job = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cdnow.toml").display().to_string();
    let out = folder.display().to_string();
    run(&["run", &job, "--k", "4..5", "--n-init", "2", "--stability", "1", "--device", "cpu", "--out", &out]);
    let (code, text) = verify(&folder);
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("not checked: summary.json, metrics.silhouette"), "{text}");
    let mut wrong = summary_of(&folder);
    let k = wrong["k"].clone();
    let changed = json!(wrong["metrics"]["cluster_silhouettes"][1].as_f64().unwrap() + 1e-4);
    wrong["metrics"]["cluster_silhouettes"][1] = changed.clone();
    let entries = wrong["selection"].as_array_mut().unwrap();
    entries.iter_mut().find(|entry| entry["k"] == k).unwrap()["cluster_silhouettes"][1] = changed;
    write_summary(&folder, &wrong);
    vouch(&folder, "summary.json");
    let (code, text) = verify(&folder);
    assert!(code == 10 && text.contains("metrics.cluster_silhouettes, cluster 1 is given as"), "{code}: {text}");
}
