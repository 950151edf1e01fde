//! The page in a real browser: `tests/browser/check.mjs` says what is looked at there. Needs Node.js, Chromium and the
//! packages that `npm ci` puts into `tests/browser`; skipped by name where they are missing, unless
//! `SEGMINT_REQUIRE_BROWSER=1` makes that a failure.

#![allow(clippy::print_stderr)] // what was skipped is said

use std::path::Path;
use std::process::Command;

use crate::hostile::{TEXTS, infested};
use crate::page::{full, page, read, shown};

/// Texts that the hostile page holds, at least; the others stand where a page shows something else.
const TEXTS_MIN: usize = 40;

#[test]
fn a_browser_finds_nothing_wrong_with_a_real_report_and_a_hostile_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    if !folder.join("node_modules/playwright-core").is_dir() {
        let required = std::env::var("SEGMINT_REQUIRE_BROWSER").is_ok_and(|value| value == "1");
        assert!(!required, "tests/browser/node_modules is missing: run npm ci there");
        eprintln!("skipped: no browser test without `npm ci` in tests/browser");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let hostile = place.path().join("hostile.html");
    let infested = infested(&full(), 0);
    let text = page(&infested);
    std::fs::write(&hostile, &text).unwrap();
    let readable = read(&text).replace('\u{a0}', " ");
    let texts: Vec<String> = TEXTS.map(shown).into_iter().filter(|text| readable.contains(text)).collect();
    assert!(texts.len() >= TEXTS_MIN, "{}", texts.len());
    std::fs::write(place.path().join("hostile.html.texts.json"), serde_json::to_string(&texts).unwrap()).unwrap();

    let run = place.path().join("run");
    let job = concat!(env!("CARGO_MANIFEST_DIR"), "/data/cdnow.toml");
    let made =
        Command::new(env!("CARGO_BIN_EXE_segmint")).args(["run", job, "--device", "cpu", "--out"]).arg(&run).output();
    assert!(made.unwrap().status.success());

    let answer =
        Command::new("node").arg(folder.join("check.mjs")).arg(run.join("report.html")).arg(&hostile).output().unwrap();
    let said = [answer.stdout, answer.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(answer.status.success(), "{said}");
    assert!(said.contains("2 reports, 0 complaints"), "{said}");
}
