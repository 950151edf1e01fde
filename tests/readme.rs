//! The README holds: every command it shows is run, in order, in a folder that holds the project's data, and every
//! output it shows is what the command prints. Results are the same on every machine, so this can be an equality.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Commands that cannot run inside a test (they build the project or run its tests) but whose files must exist.
const NOT_RUN: &[(&str, &str)] = &[
    (".ci/test.sh", ".ci/test.sh"),
    (".ci/nightly", ".ci/nightly"),
    ("cargo build --release --locked", "Cargo.lock"),
    ("cargo install --locked --path .", "Cargo.lock"),
    ("cargo bench --locked", "benches/step.rs"),
    ("podman build", "Containerfile"),
    ("podman run", "Containerfile"),
];

#[derive(Debug, PartialEq)]
enum Block {
    Commands(Vec<String>),
    Output(String),
}

/// The fenced `sh` blocks as commands, and the `text` blocks that follow one as its output.
fn blocks(text: &str) -> Vec<Block> {
    let mut out = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
        match kind {
            "sh" => {
                let joined = body.join("\n").replace("\\\n", " ");
                let commands = joined.lines().map(|l| l.split(" #").next().unwrap_or_default().trim().to_owned());
                out.push(Block::Commands(commands.filter(|c| !c.is_empty() && !c.starts_with('#')).collect()));
            }
            "text" if matches!(out.last(), Some(Block::Commands(_))) => out.push(Block::Output(body.join("\n"))),
            _ => {}
        }
    }
    out
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a temporary folder");
    for entry in fs::read_dir(from).expect("a folder of the project").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// The arguments where the command is ours to run; `None` for one that is only checked.
fn arguments(command: &str) -> Option<Vec<String>> {
    // What stands in quotes is one word.
    let words = || {
        let parts = command.split(['\'', '"']).enumerate();
        parts.flat_map(|(part, text)| match part % 2 {
            1 => vec![text.to_owned()],
            _ => text.split_whitespace().map(str::to_owned).collect(),
        })
    };
    if command.starts_with("cargo run --release --locked -- ") {
        return Some(words().skip(5).collect());
    }
    if command.starts_with("segmint ") {
        return Some(words().skip(1).collect());
    }
    let known = NOT_RUN.iter().find(|(prefix, _)| command.starts_with(prefix));
    let (_, file) = known.unwrap_or_else(|| panic!("the README shows {command:?}, which this test does not know"));
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(), "{command}: {file} does not exist");
    None
}

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README")
}

#[test]
fn every_command_of_the_readme_works_and_prints_what_it_shows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    copy(&root.join("data"), &folder.path().join("data"));
    let (mut run, mut shown) = (0, 0);
    let mut last = String::new();
    for block in blocks(&readme()) {
        match block {
            Block::Commands(commands) => {
                for command in commands {
                    let Some(arguments) = arguments(&command) else { continue };
                    let mut process = Command::new(env!("CARGO_BIN_EXE_segmint"));
                    process.args(&arguments).current_dir(folder.path()).env("NO_COLOR", "1").env("COLUMNS", "120");
                    let output = process.output().expect("the binary starts");
                    let talk = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{command}: {}\n{talk}", output.status);
                    last = String::from_utf8(output.stdout).expect("stdout is text");
                    run += 1;
                }
            }
            Block::Output(expected) => {
                let trim = |text: &str| text.lines().map(|l| l.trim_end().to_owned()).collect::<Vec<_>>();
                for line in trim(&expected).iter().filter(|l| !l.is_empty() && l.as_str() != "..") {
                    assert!(trim(&last).contains(line), "the README shows\n{line}\nand the command printed\n{last}");
                }
                shown += 1;
            }
        }
    }
    assert!(run >= 2 && shown >= 1, "the README shows the main job and its output");
}

#[test]
fn the_readme_shows_the_two_commands_first() {
    let commands: Vec<String> =
        blocks(&readme()).into_iter().flat_map(|b| if let Block::Commands(c) = b { c } else { Vec::new() }).collect();
    assert!(commands[0].starts_with("cargo run --release --locked -- "), "{commands:?}");
    assert_eq!(commands[1], ".ci/test.sh");
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for document in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "data/README.md"] {
        let text = fs::read_to_string(root.join(document)).expect(document);
        let folder = root.join(document).parent().expect("a folder").to_path_buf();
        for (at, _) in text.match_indices("](") {
            let link = text[at + 2..].split(')').next().unwrap_or_default();
            if link.contains("://") || link.starts_with('#') {
                continue;
            }
            assert!(folder.join(link).exists(), "{document} links to {link}, which does not exist");
            checked += 1;
        }
    }
    assert!(checked > 0, "no link was found");
}

#[test]
fn blocks_are_read_with_their_kinds() {
    let text = "a\n```sh\nsegmint run x \\\n    --k 5 # five\n# note\n\nsegmint demo\n```\n```text\nk 5\n```\n```toml\nk = 5\n```\n";
    let commands = ["segmint run x      --k 5", "segmint demo"].map(str::to_owned).to_vec();
    assert_eq!(blocks(text), [Block::Commands(commands), Block::Output("k 5".into())]);
}
