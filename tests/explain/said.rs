//! What `segmint explain` says to people and machines.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{cdnow, odd, printed, project, run, segmint};

#[test]
fn cdnow_is_explained() {
    let (_place, folder) = cdnow();
    let folder = folder.display().to_string();
    insta::assert_snapshot!("cdnow", printed(&["explain", &folder]));
    insta::assert_snapshot!("cdnow_lifecycle", printed(&["explain", &folder, "--playbook", "lifecycle"]));
    insta::assert_snapshot!("cdnow_exact", printed(&["explain", &folder, "--sql", "exact"]));
    insta::assert_snapshot!("cdnow_tree", printed(&["explain", &folder, "--sql", "tree"]));
}

#[test]
fn machines_get_the_same_as_json() {
    let (_place, folder) = cdnow();
    let folder = folder.display().to_string();
    let answer: Value = serde_json::from_str(&printed(&["explain", &folder, "--output", "json"])).unwrap();
    assert_eq!((answer["k"].as_u64(), answer["clusters"].as_array().map(Vec::len)), (Some(5), Some(5)));
    assert!(answer["clusters"][0]["rule"].as_str().unwrap().contains("monetary"), "{}", answer["clusters"][0]);
    assert_eq!(answer["playbooks"].as_array().map(Vec::len), Some(5));
    let rules = &answer["rules"];
    assert_eq!(rules["trained_on"].as_u64().unwrap() + rules["held_out"].as_u64().unwrap(), 23_570);
    let summary: Value = serde_json::from_slice(&fs::read(format!("{folder}/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["rules"], *rules);

    let wanted = ["explain", &folder, "--playbook", "value-tiers", "--output", "json"];
    let answer: Value = serde_json::from_str(&printed(&wanted)).unwrap();
    assert_eq!(answer["playbooks"][0]["playbook"], "value-tiers");
    assert_eq!(answer["playbooks"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let (place, folder) = cdnow();
    let folder = folder.display().to_string();
    let nowhere = place.path().join("nowhere").display().to_string();
    for (arguments, code) in [
        (&["explain", &nowhere][..], 66),
        (&["explain", &folder, "--sql", "postgres"], 2),
        (&["explain", &folder, "--sql", "tree", "--playbook", "rfm"], 2),
        (&["explain", &folder, "--playbook", "rfn"], 78),
        (&["explain", &folder, "--playbook", "rfm", "--data", &nowhere], 66),
    ] {
        let output = segmint(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}

/// Takes the rules out of a published summary, as a run of a version without them has none.
fn forget_rules(folder: &Path) -> Value {
    let path = folder.join("summary.json");
    let mut summary: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let rules = summary.as_object_mut().unwrap().remove("rules").unwrap();
    for feature in summary["feature_settings"].as_array_mut().unwrap() {
        feature.as_object_mut().unwrap().remove("kind");
    }
    let bytes = serde_json::to_vec(&summary).unwrap();
    fs::write(path, &bytes).unwrap();
    let path = folder.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let entry =
        manifest["files"].as_array_mut().unwrap().iter_mut().find(|file| file["name"] == "summary.json").unwrap();
    entry["bytes"] = json!(bytes.len());
    entry["sha256"] = json!(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    fs::write(path, serde_json::to_vec(&manifest).unwrap()).unwrap();
    rules
}

/// A run of odd customers, whose input lies beside it.
fn odd_run() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    odd::write(&place.path().join("odd.parquet"));
    let job = place.path().join("odd.toml");
    fs::write(&job, odd::job(6, "")).unwrap();
    run(&job.display().to_string(), &place.path().join("run"));
    let folder = place.path().join("run");
    (place, folder)
}

#[test]
fn dates_moments_and_truths_are_told_as_such() {
    let (_place, folder) = odd_run();
    insta::assert_snapshot!("odd", printed(&["explain", &folder.display().to_string()]));
}

#[test]
fn a_run_without_rules_gets_those_it_would_have_made() {
    for (_place, folder) in [cdnow(), odd_run()] {
        let rules = forget_rules(&folder);
        let again = printed(&["explain", &folder.display().to_string(), "--output", "json"]);
        let again: Value = serde_json::from_str(&again).unwrap();
        assert_eq!(again["rules"], rules);
    }
}

#[test]
fn without_rules_and_without_an_input_everything_else_is_said() {
    let (place, folder) = odd_run();
    forget_rules(&folder);
    let input = place.path().join("odd.parquet");
    let elsewhere = place.path().join("elsewhere.parquet");
    fs::rename(&input, &elsewhere).unwrap();
    let folder = folder.display().to_string();
    let output = segmint(&["explain", &folder]);
    assert!(output.status.success());
    let (said, warned) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(said.contains("Why 6 segments") && !said.contains("in rules"), "{said}");
    assert!(warned.contains("no rules"), "{warned}");
    assert_eq!(segmint(&["explain", &folder, "--sql", "tree"]).status.code(), Some(66));
    let found = printed(&["explain", &folder, "--sql", "tree", "--data", &elsewhere.display().to_string()]);
    assert!(found.contains("WHEN"), "{found}");
    // Customers of another file are not those of the run.
    let others = project("data/cdnow.parquet");
    assert_eq!(segmint(&["explain", &folder, "--data", &others]).status.code(), Some(65));
}
