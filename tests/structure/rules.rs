//! The rules of the house: floors, doors, and what must not stand in a file. Each rule takes files and gives findings,
//! so that a made-up bad file can be shown to it.

use crate::text::{Named, SourceFile, blank_literals, blank_tests, paths, words};

/// A room, its floor, and the rooms of its own floor that it may use. No room uses a higher one.
struct Room {
    name: &'static str,
    floor: u8,
    beside: &'static [&'static str],
}

const fn room(name: &'static str, floor: u8, beside: &'static [&'static str]) -> Room {
    Room { name, floor, beside }
}

/// `main` is the binary; a later room is added here together with the code.
const ROOMS: &[Room] = &[
    room("error", 0, &[]),
    room("observe", 0, &["error"]),
    room("grid", 1, &[]),
    room("job", 1, &[]),
    room("source", 2, &[]),
    room("spill", 2, &[]),
    room("features", 2, &["source", "spill"]),
    room("engine", 2, &[]),
    room("kmeans", 3, &[]),
    room("quality", 4, &[]),
    room("profile", 4, &[]),
    room("rules", 4, &[]),
    room("persona", 5, &[]),
    room("night", 5, &["persona"]),
    room("report", 6, &[]),
    room("store", 6, &["report"]),
    room("pipeline", 7, &[]),
    room("export", 7, &[]),
    room("verify", 7, &[]),
    room("explain", 7, &[]),
    room("cli", 8, &[]),
    room("main", 8, &["cli"]),
];

/// Rooms that see less than their floor allows: they must stay usable by whoever brings numbers of another origin.
const NARROW: &[(&str, &[&str])] = &[
    // Nothing that computes in a run.
    ("verify", &["error", "observe", "job", "source", "persona", "report", "store"]),
    // Nothing that clusters.
    ("explain", &["error", "observe", "grid", "job", "source", "features", "rules", "persona", "report", "store"]),
    // Plain columns, labels and keys.
    ("rules", &[]),
    ("grid", &["error", "observe"]),
    ("engine", &["error", "observe", "grid"]),
    // Panels, wherever they come from.
    ("spill", &["error", "grid"]),
    ("kmeans", &["error", "observe", "grid", "engine", "job"]),
    // Only what was clustered is ever scored: no column and no feature can reach it.
    ("quality", &["error", "observe", "grid", "engine", "job", "kmeans"]),
];

/// Outside crates and the only places they may be named in. A crate for every room has an empty list.
const DOORS: &[(&str, &[&str])] = &[
    ("anyhow", &["main", "cli"]),
    ("arrow", &["source", "store", "export"]),
    ("bytemuck", &["engine/gpu", "spill"]),
    ("bytes", &["source", "store"]),
    ("clap", &["cli"]),
    ("comfy_table", &["report", "cli"]),
    ("csv", &["export"]),
    ("glob", &["source"]),
    ("half", &["source"]),
    ("indicatif", &["cli"]),
    ("libm", &[]),
    ("memmap2", &["spill/mapping"]),
    ("num_bigint", &["features", "profile"]),
    ("parquet", &["source", "store", "export"]),
    ("pathfinding", &["persona"]),
    ("pollster", &["engine/gpu"]),
    ("rayon", &["engine/cpu", "source", "features", "quality", "profile", "rules", "store"]),
    ("rustix", &["store", "spill/writer"]),
    ("schemars", &["persona"]),
    ("serde", &[]),
    ("serde_json", &[]),
    ("sha2", &["report", "source", "store"]),
    ("signal_hook", &["cli"]),
    ("strsim", &["source", "job", "cli"]),
    ("tempfile", &["store", "source", "export", "spill", "engine/gpu/cache"]),
    ("thiserror", &["error"]),
    ("tikv_jemallocator", &["main"]),
    ("toml", &["job", "persona"]),
    ("tracing", &["cli"]),
    ("tracing_subscriber", &["cli"]),
    ("wgpu", &["engine/gpu"]),
    ("xxhash_rust", &["source", "store", "spill/format", "engine/gpu/cache"]),
];

pub const FILE_LINES_MAX: usize = 400;

/// Shortest opening paragraph that can say what a file is for.
const PARAGRAPH_CHARS_MIN: usize = 40;

/// Paths of one machine, and marks of unfinished work; split so that this file does not find itself.
const STRANGERS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("keep in ", "sync"),
];

const NAMES_THAT_SAY_NOTHING: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc"];

fn finding(file: &SourceFile, line: usize, what: impl std::fmt::Display) -> String {
    format!("{}:{line}: {what}", file.path)
}

/// The modules a file stands in: `src/engine/cpu/tile.rs` is in engine, cpu, tile; the binary is in main.
fn modules(path: &str) -> Vec<String> {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    let inner = inner.strip_suffix("/mod.rs").or(inner.strip_suffix(".rs")).unwrap_or(inner);
    match inner {
        "lib" => Vec::new(),
        other => other.split('/').map(str::to_owned).collect(),
    }
}

/// The module path, from the crate's root, that a path means where it is written; `None` for one into another crate.
fn resolve(named: &Named, modules: &[String]) -> Option<Vec<String>> {
    let mut segments = named.segments.iter().map(String::as_str).peekable();
    let mut base: Vec<String> = match segments.next()? {
        "crate" | "segmint" => Vec::new(),
        "self" => modules.to_vec(),
        "super" => modules[..modules.len().saturating_sub(1)].to_vec(),
        _ => return None,
    };
    while segments.peek() == Some(&"super") {
        segments.next();
        base.pop();
    }
    base.extend(segments.map(str::to_owned));
    Some(base)
}

fn is_test_file(path: &str, test_files: &[String]) -> bool {
    test_files.iter().any(|t| path == format!("{t}.rs") || path.starts_with(&format!("{t}/")))
}

/// Paths, without extension, of modules that exist for tests only.
fn test_files(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let folder = file.path.strip_suffix("/mod.rs").or(file.path.strip_suffix(".rs")).unwrap_or(&file.path);
        let folder = if folder == "src/lib" || folder == "src/main" { "src" } else { folder };
        found.extend(blank_tests(&blank_literals(&file.text)).1.iter().map(|name| format!("{folder}/{name}")));
    }
    found
}

/// No import climbs a floor, and no room stands outside the table.
pub fn floors(files: &[SourceFile]) -> Vec<String> {
    let test_files = test_files(files);
    let mut findings = Vec::new();
    for file in files.iter().filter(|f| f.path != "src/lib.rs" && !is_test_file(&f.path, &test_files)) {
        let modules = modules(&file.path);
        let Some(own) = ROOMS.iter().find(|r| r.name == modules[0]) else {
            findings.push(finding(file, 1, format!("the room {:?} has no floor", modules[0])));
            continue;
        };
        let code = blank_tests(&blank_literals(&file.text)).0;
        for named in paths(&code) {
            let Some(target) = resolve(&named, &modules) else { continue };
            let Some(target) = target.first().and_then(|name| ROOMS.iter().find(|r| r.name == name)) else { continue };
            let narrow =
                NARROW.iter().find(|(name, _)| *name == own.name).is_none_or(|(_, a)| a.contains(&target.name));
            let below = target.floor < own.floor || own.beside.contains(&target.name);
            if target.name != own.name && !(below && narrow) {
                findings.push(finding(file, named.line, format!("{} must not use {}", own.name, target.name)));
            }
        }
    }
    findings.dedup();
    findings
}

/// Outside crates come in by their own door only, and each one of the manifest has a door.
pub fn doors(files: &[SourceFile], dependencies: &[String]) -> Vec<String> {
    let mut findings: Vec<String> = dependencies
        .iter()
        .filter(|d| !DOORS.iter().any(|(name, _)| name == d))
        .map(|d| format!("Cargo.toml: the dependency {d:?} has no door"))
        .collect();
    let test_files = test_files(files);
    for file in files.iter().filter(|f| !is_test_file(&f.path, &test_files)) {
        let inside = modules(&file.path).join("/");
        let code = blank_tests(&blank_literals(&file.text)).0;
        for named in paths(&code) {
            let Some((name, rooms)) = DOORS.iter().find(|(name, _)| *name == named.segments[0]) else { continue };
            let open = rooms.iter().any(|room| inside == *room || inside.starts_with(&format!("{room}/")));
            if !rooms.is_empty() && !open {
                findings.push(finding(file, named.line, format!("{name} may be used in {} only", rooms.join(", "))));
            }
        }
    }
    findings.dedup();
    findings
}

/// The files outside of the engine with `unsafe` code: one maps a file for reading, one gives the allocator its settings,
/// and they do nothing else.
const UNSAFE_FILES: &[&str] = &["src/spill/mapping.rs", "src/main.rs"];

/// `unsafe` lives in the engine, where a file is mapped, and where the allocator is chosen.
pub fn unsafe_code(files: &[SourceFile]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|f| !f.path.starts_with("src/engine/") && !UNSAFE_FILES.contains(&f.path.as_str()))
    {
        for (line, word) in words(&blank_literals(&file.text)) {
            if word == "unsafe" || word == "unsafe_code" {
                findings.push(finding(file, line, "unsafe code outside engine"));
            }
        }
    }
    findings
}

/// Length, opening paragraph, and names that say what is inside.
pub fn shape(files: &[SourceFile]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX {
            findings.push(finding(file, lines, format!("{lines} lines; {FILE_LINES_MAX} are allowed")));
        }
        let mark = if file.path.ends_with(".wgsl") { "//" } else { "//!" };
        let opening: String = file.text.lines().map_while(|l| l.strip_prefix(mark)).collect();
        if opening.trim().len() < PARAGRAPH_CHARS_MIN {
            findings.push(finding(file, 1, "does not open with a paragraph that says what it is for"));
        }
        if modules(&file.path).iter().any(|m| NAMES_THAT_SAY_NOTHING.contains(&m.as_str())) {
            findings.push(finding(file, 1, "the name does not say what is inside"));
        }
    }
    findings
}

/// Unfinished work, disabled tests, and words of one machine.
pub fn leftovers(files: &[SourceFile]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            findings.extend(
                STRANGERS
                    .iter()
                    .filter(|s| line.contains(**s))
                    .map(|s| finding(file, index + 1, format!("{s:?} does not belong here"))),
            );
        }
        let code = blank_literals(&file.text);
        for (index, line) in code.lines().enumerate() {
            let squeezed: String = line.split_whitespace().collect();
            for mark in ["todo!(", "unimplemented!(", "dbg!(", "#[ignore"] {
                if squeezed.contains(mark) {
                    findings.push(finding(file, index + 1, format!("{mark} must not stand here")));
                }
            }
        }
    }
    findings
}

/// Every shader is part of the program.
pub fn shaders(shaders: &[SourceFile], files: &[SourceFile]) -> Vec<String> {
    shaders
        .iter()
        .filter(|s| !files.iter().any(|f| f.text.contains(&s.path)))
        .map(|s| format!("{}: no Rust file includes this shader", s.path))
        .collect()
}
