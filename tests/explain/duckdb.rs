//! The queries in a real database: `tests/duckdb/check.mjs` says what is compared there. Needs Node.js and the package
//! that `npm ci` puts into `tests/duckdb`; skipped by name where it is missing, unless `SEGMINT_REQUIRE_DUCKDB=1` makes
//! that a failure.

#![allow(clippy::print_stderr)] // what was skipped is said, and how many near ties there were

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use segmint::job::{DuplicateIds, SourceSettings};
use segmint::observe::Observe;
use segmint::source::{Request, ScanSettings, Source};
use segmint::store::Run;
use serde_json::{Value, json};

use crate::{odd, printed, project, run};

/// One run with its queries, and the leaf of every row by the trees themselves.
fn case(name: &str, input: &Path, folder: &Path, id: Option<&str>, ties: &str) -> Value {
    let query = |kind: &str| {
        let path = folder.with_extension(format!("{kind}.sql"));
        std::fs::write(&path, printed(&["explain", &folder.display().to_string(), "--sql", kind])).unwrap();
        path
    };
    let rules = run_rules(folder);
    let trees = [("tree", 0), ("fine-tree", 1)].into_iter().filter(|_| rules.is_some() && id.is_some());
    let trees: Vec<Value> = trees
        .map(|(kind, which)| json!({ "name": kind, "sql": query(kind), "expected": leaves(input, folder, which) }))
        .collect();
    let assignments = folder.join("assignments.parquet");
    json!({
        "name": name, "input": input, "assignments": assignments, "id": id, "exact": query("exact"), "ties": ties,
        "rules": trees,
    })
}

fn run_rules(folder: &Path) -> Option<segmint::rules::Rules> {
    Run::open(folder).unwrap().summary().unwrap().rules
}

/// A CSV of the leaf of every row that was clustered.
fn leaves(input: &Path, folder: &Path, which: usize) -> PathBuf {
    let model = Run::open(folder).unwrap().model().unwrap().features;
    let rules = run_rules(folder).unwrap();
    let tree = [&rules.short, &rules.fine][which];
    let path = input.display().to_string();
    let settings = SourceSettings { path, id: None, sample_weight: None, duplicate_ids: DuplicateIds::Keep };
    let source = Source::open(&settings, &Observe::default()).unwrap();
    let names: Vec<&str> = model.dropping().chain(model.columns()).collect();
    let coded = names.iter().map(|name| source.column(name).unwrap()).collect();
    let request = Request { coded, ..Request::default() };
    let scan = ScanSettings { chunk_rows: 4096, memory: 1 << 20 };
    let mut csv = String::from("row,cluster\n");
    let mut row = 0;
    source
        .scan(&request, &scan, &Observe::default(), &mut |wave| {
            for batch in wave {
                let kept = model.kept(&batch);
                for at in 0..batch.n_rows {
                    let value = |name: &str| {
                        let place = names.iter().rposition(|known| *known == name).unwrap();
                        let fill = model.features.iter().find(|feature| feature.column == name).unwrap().fill;
                        let value = batch.coded[place].at(at);
                        if value.is_finite() { value } else { fill.unwrap_or(f64::NAN) }
                    };
                    if kept.as_ref().is_none_or(|kept| kept[at]) {
                        let cluster = tree.root.cluster(&value).expect("no value is missing");
                        writeln!(csv, "{row},{cluster}").unwrap();
                    }
                    row += 1;
                }
            }
            Ok(())
        })
        .unwrap();
    let path = folder.with_extension(format!("{which}.csv"));
    std::fs::write(&path, csv).unwrap();
    path
}

#[test]
fn the_queries_say_of_every_customer_what_the_run_and_its_rules_say() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/duckdb");
    if !scripts.join("node_modules/@duckdb/node-api").is_dir() {
        let required = std::env::var("SEGMINT_REQUIRE_DUCKDB").is_ok_and(|value| value == "1");
        assert!(!required, "tests/duckdb/node_modules is missing: run npm ci there");
        eprintln!("skipped: no SQL test without `npm ci` in tests/duckdb");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);

    let input = PathBuf::from(project("data/cdnow.parquet"));
    run(&project("data/cdnow.toml"), &at("cdnow"));
    let mut cases = vec![case("cdnow", &input, &at("cdnow"), Some("customer_id"), "few")];

    let input = at("odd.parquet");
    odd::write(&input);
    for (name, k, weight) in [("odd", 6, ""), ("weighted", 3, "sample_weight = 'weight'"), ("one", 1, "")] {
        let path = at(&format!("{name}.toml"));
        std::fs::write(&path, odd::job(k, weight)).unwrap();
        run(&path.display().to_string(), &at(name));
        cases.push(case(name, &input, &at(name), Some(odd::ID), "few"));
    }
    let flags = ["--features", "visits,member:missing=zero", "--k", "3", "--device", "cpu", "--out"];
    let (data, folder) = (input.display().to_string(), at("nobody").display().to_string());
    printed(&[&["run", &data], &flags[..], &[&folder]].concat());
    cases.push(case("nobody", &input, &at("nobody"), None, "few"));

    let input = at("lattice.parquet");
    odd::write_lattice(&input);
    std::fs::write(at("lattice.toml"), odd::LATTICE_JOB).unwrap();
    run(&at("lattice.toml").display().to_string(), &at("lattice"));
    cases.push(case("lattice", &input, &at("lattice"), Some("id"), "many"));

    std::fs::write(at("cases.json"), serde_json::to_string(&cases).unwrap()).unwrap();
    let answer = Command::new("node").arg(scripts.join("check.mjs")).arg(at("cases.json")).output().unwrap();
    let said = [answer.stdout, answer.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(answer.status.success(), "{said}");
    assert!(said.contains("6 runs, 0 complaints"), "{said}");
    eprintln!("{said}");
}
