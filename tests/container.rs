//! The container file, checked as far as that goes without a builder: what it copies exists and is not ignored, its
//! base has the libraries that the binary is linked with, NVIDIA's driver is asked for, and its packages exist.

#![allow(clippy::print_stdout)] // what was skipped is said

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Each instruction as one line: name and arguments.
fn instructions() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("Containerfile")).expect("there is a Containerfile");
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim_start().starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let split = |line: String| line.split_once(' ').map(|(name, rest)| (name.to_owned(), rest.to_owned()));
    joined.lines().map(words).filter_map(split).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn of(name: &str) -> Vec<String> {
    instructions().into_iter().filter(|(n, _)| n == name).map(|(_, rest)| rest).collect()
}

/// Packages of the last stage.
fn packages() -> Vec<String> {
    let install = of("RUN").into_iter().rfind(|r| r.contains("apt-get install")).expect("the base installs packages");
    let after = install.split("--no-install-recommends ").nth(1).expect("only what is needed is installed");
    after.split_whitespace().take_while(|w| *w != "&&").map(str::to_owned).collect()
}

#[test]
fn everything_copied_exists_and_is_not_ignored() {
    let ignore = fs::read_to_string(root().join(".dockerignore")).expect("there is a .dockerignore");
    let kept: Vec<&str> = ignore.lines().filter_map(|l| l.strip_prefix('!')).collect();
    assert!(ignore.starts_with("*\n"), "everything is ignored but what is named");
    let mut copied = BTreeSet::new();
    let copies = of("COPY");
    for copy in copies.iter().filter(|c| !c.starts_with("--from")) {
        let words: Vec<&str> = copy.split_whitespace().collect();
        for source in &words[..words.len() - 1] {
            assert!(root().join(source).exists(), "{source} is copied and does not exist");
            assert!(kept.contains(source), "{source} is copied and ignored");
            copied.insert(*source);
        }
    }
    assert_eq!(copied, kept.iter().copied().collect(), "what is sent to the builder is what it copies");
}

#[test]
fn whatever_the_source_embeds_is_copied() {
    fn embedded(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                embedded(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("readable source");
                for (at, _) in text.match_indices("include_str!(\"").chain(text.match_indices("include_bytes!(\"")) {
                    let name = text[at..].split('"').nth(1).unwrap_or_default();
                    let full = path.parent().expect("a folder").join(name);
                    let full = full.canonicalize().unwrap_or_else(|_| panic!("{name} is embedded and does not exist"));
                    let root = root().canonicalize().expect("the root exists");
                    found.push(full.strip_prefix(root).expect("inside the project").to_string_lossy().into_owned());
                }
            }
        }
    }
    let mut found = Vec::new();
    embedded(&root().join("src"), &mut found);
    let copies = of("COPY");
    for name in found {
        let copied = |c: &String| c.split_whitespace().any(|w| name == w || name.starts_with(&format!("{w}/")));
        assert!(copies.iter().any(copied), "{name} is embedded by the source and not copied into the build");
    }
}

#[test]
fn both_stages_stand_on_the_same_debian() {
    let bases = of("FROM");
    assert_eq!(bases.len(), 2);
    let suite = |base: &str| ["bookworm", "trixie"].into_iter().find(|s| base.contains(s)).map(str::to_owned);
    assert_eq!(suite(&bases[0]), suite(&bases[1]), "a newer C library at build time would not load");
    assert!(suite(&bases[0]).is_some());
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let version = manifest.lines().find_map(|l| l.strip_prefix("rust-version = \"")).expect("a Rust version");
    assert!(bases[0].contains(version.trim_end_matches('"')), "the build uses the Rust version of the manifest");
}

#[test]
fn the_graphics_driver_is_asked_for_and_its_libraries_are_there() {
    let env = of("ENV").join("\n");
    let line = env.lines().find(|l| l.starts_with("NVIDIA_DRIVER_CAPABILITIES=")).expect("driver capabilities");
    let asked: BTreeSet<&str> = line.split('=').nth(1).unwrap_or_default().split(',').collect();
    assert_eq!(asked, ["compute", "utility", "graphics"].into());
    assert!(env.contains("NVIDIA_VISIBLE_DEVICES=all"));
    let packages = packages();
    for needed in ["libvulkan1", "libegl1", "libxext6", "libx11-6"] {
        assert!(packages.iter().any(|p| p == needed), "{needed}");
    }
}

#[test]
fn the_user_is_not_root() {
    let names: Vec<String> = instructions().into_iter().map(|(n, _)| n).collect();
    let user = names.iter().position(|n| n == "USER").expect("a user is set");
    assert!(user < names.iter().position(|n| n == "ENTRYPOINT").expect("an entry point"));
}

#[test]
fn the_binary_needs_no_library_that_the_base_lacks() {
    if !cfg!(target_os = "linux") {
        println!("skipped: not Linux");
        return;
    }
    let Ok(output) = Command::new("ldd").arg(env!("CARGO_BIN_EXE_segmint")).output() else {
        println!("skipped: no ldd");
        return;
    };
    // In every Debian base: the C library, and gcc's, which apt itself needs.
    let base =
        ["linux-vdso.so", "ld-linux", "libc.so.6", "libm.so.6", "libgcc_s.so.1", "libdl.so.2", "libpthread.so.0"];
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        assert!(base.iter().any(|b| line.contains(b)), "the binary is linked with {line}");
    }
}

#[test]
fn the_packages_exist_in_debian() {
    for package in packages() {
        match Command::new("apt-cache").args(["show", &package]).output() {
            Ok(output) if output.stdout.is_empty() && !apt_lists_are_there() => println!("skipped: no package lists"),
            Ok(output) => assert!(!output.stdout.is_empty(), "there is no package {package}"),
            Err(_) => println!("skipped: no apt-cache"),
        }
    }
}

fn apt_lists_are_there() -> bool {
    Command::new("apt-cache").args(["show", "ca-certificates"]).output().is_ok_and(|o| !o.stdout.is_empty())
}
