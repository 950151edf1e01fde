//! The house holds: reads the source tree and fails on an import that climbs a floor, on an outside crate that came in
//! by another room's door, on unsafe code outside the engine, and on what must not be left lying about. Each rule is
//! also shown a made-up file that breaks it, because a rule that finds nothing proves nothing.

mod rules;
mod text;

use std::fs;
use std::path::Path;

use text::{Named, SourceFile, blank_literals, blank_tests, paths};

/// Every file under `folder` with one of the extensions, in the order of their paths.
fn read(folder: &str, extensions: &[&str]) -> Vec<SourceFile> {
    fn collect(at: &Path, root: &Path, extensions: &[&str], out: &mut Vec<SourceFile>) {
        let Ok(entries) = fs::read_dir(at) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                collect(&path, root, extensions, out);
            } else if path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e)) {
                let relative = path.strip_prefix(root).expect("walked from the root").to_string_lossy();
                let text = fs::read_to_string(&path).expect("source files are readable");
                out.push(SourceFile { path: relative.replace('\\', "/"), text });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut out = Vec::new();
    collect(&root.join(folder), root, extensions, &mut out);
    out.sort_by(|a, b| a.path.cmp(&b.path));
    out
}

fn source() -> Vec<SourceFile> {
    let files = read("src", &["rs"]);
    assert!(files.len() > 20, "the source tree was not found");
    files
}

fn everything() -> Vec<SourceFile> {
    let mut files = source();
    for (folder, extensions) in
        [("tests", &["rs"][..]), ("benches", &["rs", "py"]), ("shaders", &["wgsl"]), ("docs", &["md"])]
    {
        files.extend(read(folder, extensions));
    }
    files
}

fn none(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

fn dependencies() -> Vec<String> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("a manifest");
    let table: toml::Table = manifest.parse().expect("the manifest is TOML");
    let listed = table["dependencies"].as_table().expect("a table of dependencies");
    listed.keys().map(|name| name.replace('-', "_")).collect()
}

fn one(path: &str, text: &str) -> Vec<SourceFile> {
    vec![SourceFile { path: path.into(), text: text.into() }]
}

#[test]
fn no_import_climbs_a_floor() {
    none(rules::floors(&source()));
}

#[test]
fn outside_crates_come_in_by_their_own_door() {
    none(rules::doors(&source(), &dependencies()));
}

#[test]
fn unsafe_code_lives_in_the_engine() {
    none(rules::unsafe_code(&source()));
}

#[test]
fn every_file_is_short_and_says_what_it_is_for() {
    let mut files = source();
    files.extend(read("shaders", &["wgsl"]));
    none(rules::shape(&files));
}

#[test]
fn nothing_is_left_lying_about() {
    none(rules::leftovers(&everything()));
}

#[test]
fn every_shader_is_part_of_the_program() {
    none(rules::shaders(&read("shaders", &["wgsl"]), &source()));
}

#[test]
fn an_import_that_climbs_is_found_however_it_is_written() {
    for climbing in [
        "use crate::pipeline::run;",
        "use crate::{error::Result, pipeline};",
        "use crate::{\n    error::{Error, Result},\n    cli::{Args as A},\n};",
        "fn f() { crate::report::markdown(); }",
        "use super::super::kmeans::fit;",
        "pub(crate) use crate::job::Job;",
        "fn f(x: &crate::source::Source) {}",
    ] {
        let findings = rules::floors(&one("src/engine/choice.rs", climbing));
        assert_eq!(findings.len(), 1, "{climbing}: {findings:?}");
        assert!(findings[0].starts_with("src/engine/choice.rs:"), "{findings:?}");
    }
    assert_eq!(rules::floors(&one("src/source/mod.rs", "use crate::features::load;")).len(), 1, "same floor");
    assert_eq!(rules::floors(&one("src/cellar/mod.rs", "")).len(), 1, "a room without a floor");
}

#[test]
fn what_only_looks_like_climbing_is_left_alone() {
    for fine in [
        "use crate::{error::Result, grid::{Matrix, Sums}};\nuse super::cpu::CpuEngine;\nuse std::sync::Arc;",
        "// use crate::pipeline::run;\n/* crate::cli */\nconst A: &str = \"crate::cli::x\";\nconst B: &str = r#\"crate::cli::\"#;",
        "#[cfg(test)]\nmod tests {\n    use crate::pipeline::run;\n    fn f() { if true { crate::cli::x() } }\n}",
        "fn f<'a>(x: &'a str) -> char { '\"' }\nuse crate::grid::Matrix;",
    ] {
        assert_eq!(rules::floors(&one("src/engine/choice.rs", fine)), Vec::<String>::new(), "{fine}");
    }
    let mut files = one("src/engine/mod.rs", "#[cfg(test)]\nmod suite;");
    files.extend(one("src/engine/suite.rs", "use crate::source::generate;"));
    files.extend(one("src/engine/suite/shapes.rs", "use rayon::prelude::*; use crate::job::Job;"));
    assert_eq!(rules::floors(&files), Vec::<String>::new(), "files of tests may use any room");
}

#[test]
fn a_crate_outside_its_door_is_found() {
    for (path, text) in [
        ("src/kmeans/fit.rs", "use rayon::prelude::*;"),
        ("src/engine/cpu/tile.rs", "fn f() { wgpu::Instance::default(); }"),
        ("src/engine/mod.rs", "use {std::fmt, bytemuck::cast_slice};"),
        ("src/pipeline/mod.rs", "use ::arrow::array::ArrayRef;"),
        ("src/job/mod.rs", "fn f() -> anyhow::Result<()> { Ok(()) }"),
        ("src/report/table.rs", "#[derive(clap::Args)] struct A;"),
    ] {
        assert_eq!(rules::doors(&one(path, text), &[]).len(), 1, "{text}");
    }
    assert_eq!(rules::doors(&one("src/engine/gpu/buffers.rs", "use wgpu::Buffer; use crate::grid;"), &[]).len(), 0);
    assert_eq!(rules::doors(&[], &["leftpad".into(), "serde".into()]).len(), 1, "a dependency without a door");
}

#[test]
fn unsafe_long_nameless_and_unfinished_files_are_found() {
    let block = format!("fn f() {{ {} {{ }} }}", concat!("un", "safe"));
    assert_eq!(rules::unsafe_code(&one("src/store/mod.rs", &block)).len(), 1);
    assert_eq!(rules::unsafe_code(&one("src/engine/cpu/tile.rs", &block)).len(), 0);
    assert_eq!(rules::unsafe_code(&one("src/store/mod.rs", "// unsafe\nconst A: &str = \"unsafe\";")).len(), 0);

    let opening = "//! A paragraph that says at some length what this file is for and what it refuses to do.\n";
    assert_eq!(rules::shape(&one("src/store/a.rs", opening)).len(), 0);
    assert_eq!(rules::shape(&one("src/store/a.rs", "use std::fmt;\n")).len(), 1);
    assert_eq!(rules::shape(&one("src/store/utils.rs", opening)).len(), 1);
    let long = opening.to_owned() + &"\n".repeat(rules::FILE_LINES_MAX);
    assert_eq!(rules::shape(&one("src/store/a.rs", &long)).len(), 1);

    for left in
        ["fn f() { todo!() }", "dbg!(x);", "#[ignore = \"slow\"]", concat!("// TO", "DO: later"), "unimplemented! ()"]
    {
        assert_eq!(rules::leftovers(&one("src/a.rs", left)).len(), 1, "{left}");
    }
    assert_eq!(rules::leftovers(&one("src/a.rs", concat!("// see /wo", "rk/notes"))).len(), 1);
}

#[test]
fn a_shader_that_nothing_includes_is_found() {
    let shader = one("shaders/lloyd.wgsl", "");
    assert_eq!(rules::shaders(&shader, &one("src/engine/gpu/lloyd.rs", "")).len(), 1);
    let including = one("src/engine/gpu/lloyd.rs", "include_str!(\"../../../shaders/lloyd.wgsl\")");
    assert_eq!(rules::shaders(&shader, &including).len(), 0);
}

#[test]
fn use_trees_are_spread_out() {
    let named = |line, path: &str| Named { line, segments: path.split("::").map(str::to_owned).collect() };
    let found = paths("use a::{self, b::{c, d as e}, f::*};\nuse g;\nlet x = h::i::<j::K>(l);");
    let expected = [(1, "a::self"), (1, "a::b::c"), (1, "a::b::d"), (1, "a::f::*"), (2, "g"), (3, "h::i"), (3, "j::K")];
    assert_eq!(found, expected.map(|(line, path)| named(line, path)));
}

#[test]
fn blanking_keeps_lines_and_forgets_literals() {
    let text = "let a = \"x\\\"y\"; // crate::cli\nlet b = 'c'; let c = '\\n'; let d: &'static str = r##\"\"#\"##;\n/* /* */ */ end";
    let blank = blank_literals(text);
    assert_eq!(blank.lines().count(), text.lines().count());
    assert!(!blank.contains("cli") && !blank.contains('"') && blank.contains("&'static str") && blank.contains("end"));
    let (code, modules) =
        blank_tests("fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\n#[cfg(test)]\nmod suite;\nfn c() {}");
    assert!(code.contains("fn a") && code.contains("fn c") && !code.contains("fn b"));
    assert_eq!(modules, ["suite"]);
}
