//! What a newcomer reads first.

use crate::segmint;

fn help(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let answer = segmint(folder.path(), arguments).ends_with(0);
    assert_eq!(answer.stderr, "");
    answer.stdout
}

#[test]
fn the_short_help_of_every_command_fits_a_screen() {
    insta::assert_snapshot!("short", help(&["-h"]));
    for command in ["demo", "run", "explain", "export", "verify", "init", "generate", "playbook", "devices", "bench"] {
        let text = help(&[command, "-h"]);
        assert!(text.lines().count() <= 60, "{command}: {} lines", text.lines().count());
        assert!(text.contains("segmint"), "{command} shows an example");
        insta::assert_snapshot!(format!("short_{command}"), text);
    }
}

#[test]
fn the_long_help_has_examples_and_the_exit_codes() {
    let text = help(&["--help"]);
    for code in [0, 2, 10, 65, 66, 69, 70, 73, 74, 75, 78, 99] {
        assert!(text.lines().any(|line| line.trim_start().starts_with(&format!("{code}  "))), "exit code {code}");
    }
    insta::assert_snapshot!("long", text);
    insta::assert_snapshot!("long_run", help(&["run", "--help"]));
}

#[test]
fn every_command_shown_in_an_example_can_be_typed() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = ["run", "explain", "export", "verify", "init", "generate", "playbook", "devices", "bench", "demo"]
        .map(|command| help(&[command, "--help"]));
    let examples: Vec<String> = pages
        .iter()
        .flat_map(|page| page.lines())
        .filter_map(|line| line.strip_prefix("  segmint "))
        .map(|line| line.split("   ").next().unwrap_or(line).to_owned())
        .collect();
    assert!(examples.len() >= 12, "{examples:?}");
    for example in examples {
        // What stands in quotes is one word.
        let parts = example.split(['\'', '"']).enumerate();
        let words: Vec<String> = parts
            .flat_map(|(part, text)| match part % 2 {
                1 => vec![text.to_owned()],
                _ => text.split_whitespace().map(str::to_owned).collect(),
            })
            .collect();
        // Help instead of work: an unknown flag or command would be a usage error before it.
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        segmint(folder.path(), &words).ends_with(0);
    }
}

#[test]
fn without_arguments_the_help_is_shown_and_the_exit_code_is_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let answer = segmint(folder.path(), &[]).ends_with(2);
    assert!(answer.stdout.is_empty() && answer.stderr.contains("Usage: segmint"));
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(help(&["--version"]), format!("segmint {}\n", env!("CARGO_PKG_VERSION")));
}
