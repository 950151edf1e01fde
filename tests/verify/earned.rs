//! Names that were not given as they should have been: a run judged by one playbook that passes itself off as judged by
//! another, all of whose files and figures agree with each other.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::table::by_mine;
use super::tampered::{ROLES, more, persona};
use super::{summary_of, verify, verify_with, vouch, write_summary};

/// What the second cluster of the table is, and what no cluster is.
const RICH: &str = "required = { monetary = \"high\", frequency = \"high\" }";
const WELL_OFF: &str = "required = { monetary = \"high\" }\ntypical = { recency = \"high\" }";
const POOR: &str = "required = { monetary = \"low\" }";
const NOBODY: &str = "required = { monetary = { at_least = 1e9 } }";

fn playbook(personas: &[(&str, &str)]) -> String {
    let personas: String = personas.iter().map(|(name, conditions)| persona(name, conditions)).collect();
    format!("{ROLES}{personas}")
}

/// A run that was judged by the first playbook, with the second one's hash and with its personas, of which those that
/// the first has not are said to be found nowhere.
fn passed_off(judged_by: &str, passed_off_as: &str, others: &[&str]) -> (TempDir, PathBuf) {
    let (place, folder) = by_mine(judged_by);
    let path = folder.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let hash: String = Sha256::digest(passed_off_as).iter().map(|byte| format!("{byte:02x}")).collect();
    manifest["settings"]["persona"]["playbook_sha256"] = json!(hash);
    fs::write(path, serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
    let mut summary = summary_of(&folder);
    for other in others {
        let reason = "not found; segment 0 came closest: monetary is not high";
        summary["personas"].as_array_mut().unwrap().push(json!({"persona": other, "clusters": [], "reason": reason}));
    }
    write_summary(&folder, &summary);
    vouch(&folder, "summary.json");
    fs::write(place.path().join("other.toml"), passed_off_as).unwrap();
    (place, folder)
}

fn verify_by(folder: &Path, playbook: &str) -> (i32, String) {
    verify_with(folder, &["--playbook", &folder.with_file_name(playbook).display().to_string()])
}

#[test]
fn names_of_ones_own_playbook_are_confirmed_where_it_is_given() {
    let text = playbook(&[("Rich", RICH), ("Well Off", WELL_OFF), ("Poor", POOR), ("Nobody", NOBODY)]);
    let (_place, folder) = by_mine(&text);
    let summary = summary_of(&folder);
    assert_eq!(
        (&summary["clusters"][0]["persona"], &summary["clusters"][1]["persona"]),
        (&json!("Poor"), &json!("Rich"))
    );
    assert_eq!(summary["clusters"][1]["second_persona"], "Well Off");
    let (code, text) = verify(&folder);
    assert!(code == 0 && text.contains("that each name is the best for its cluster"), "{code}: {text}");
    let (code, text) = verify_by(&folder, "mine.toml");
    assert!(code == 0 && text.contains("holds  names that are the best for their clusters"), "{code}: {text}");
    assert!(!text.contains("none of this version's"), "{text}");
    // Another text is refused.
    fs::write(folder.with_file_name("other.toml"), playbook(&[("Rich", RICH)])).unwrap();
    let (code, text) = verify_by(&folder, "other.toml");
    assert!(code == 78 && text.contains("was not judged by playbook"), "{code}: {text}");
}

#[test]
fn a_name_that_fits_worse_than_another_is_found() {
    let all = playbook(&[("Well Off", WELL_OFF), ("Rich", RICH)]);
    let (_place, folder) = passed_off(&playbook(&[("Well Off", WELL_OFF)]), &all, &["Rich"]);
    let (code, text) = verify_by(&folder, "other.toml");
    assert!(code == 10 && text.contains("not so in the way of giving the names that scores highest"), "{code}: {text}");
    assert!(text.contains("cluster 1, second_persona"), "{text}");
    assert!(text.contains("persona \"Rich\" is given as"), "which was earned: {text}");
}

#[test]
fn a_cluster_that_goes_without_the_name_it_earned_is_found() {
    let all = playbook(&[("Nobody", NOBODY), ("Rich", RICH)]);
    let (_place, folder) = passed_off(&playbook(&[("Nobody", NOBODY)]), &all, &["Rich"]);
    let (code, text) = verify_by(&folder, "other.toml");
    assert!(code == 10 && text.contains("but is earned as \"Rich\""), "{code}: {text}");
}

#[test]
fn changed_roles_fates_and_second_names_are_found() {
    let text = playbook(&[("Rich", RICH), ("Well Off", WELL_OFF), ("Nobody", NOBODY)]);
    let (_place, folder) = by_mine(&text);
    let right = summary_of(&folder);
    assert_eq!(verify_by(&folder, "mine.toml").0, 0);
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 6] = [
        (|s| s["playbook"]["roles"][1]["column"] = json!("frequency"), "playbook, roles"),
        (
            |s| s["personas"][1]["reason"] = json!("not found; segment 0 came closest"),
            "persona \"Well Off\" is given as",
        ),
        (|s| s["personas"][2]["reason"] = json!("cannot be judged: no column for x"), "persona \"Nobody\" is given as"),
        (|s| s["personas"][0]["clusters"] = json!([0, 1]), "persona \"Rich\", clusters"),
        (|s| s["clusters"][1]["second_persona"] = json!("Nobody"), "cluster 1, second_persona"),
        (|s| s["clusters"][1]["conditions"][0]["mean"] = more(&s["clusters"][1]["conditions"][0]["mean"]), "mean"),
    ];
    for (change, said) in changes {
        let mut wrong = right.clone();
        change(&mut wrong);
        assert_ne!(wrong, right, "{said}");
        write_summary(&folder, &wrong);
        vouch(&folder, "summary.json");
        let (code, text) = verify_by(&folder, "mine.toml");
        assert!(code == 10 && text.contains(said), "{said}: {code}: {text}");
    }
}
