//! Our playbooks can be read, copied and changed.

use segmint::job::PLAYBOOKS;

use crate::segmint;

#[test]
fn a_playbook_is_printed_as_it_is_and_a_copy_of_it_can_be_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = segmint(folder.path(), &["playbook"]).ends_with(0).stdout;
    assert_eq!(list.lines().count(), PLAYBOOKS.len());
    for name in PLAYBOOKS {
        assert!(list.lines().any(|line| line.starts_with(&format!("{name} "))), "{list}");
        let text = segmint(folder.path(), &["playbook", name]).ends_with(0).stdout;
        std::fs::write(folder.path().join("mine.toml"), &text).expect("a copy");
        assert_eq!(segmint(folder.path(), &["playbook", "mine.toml"]).ends_with(0).stdout, text);
    }
    let unknown = segmint(folder.path(), &["playbook", "rfn"]).ends_with(78);
    assert!(unknown.stderr.contains("behaviour"), "{}", unknown.stderr);
}

#[test]
fn the_schema_is_json_and_stands_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = segmint(folder.path(), &["playbook", "--schema"]).ends_with(0).stdout;
    let schema: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(schema["title"], "segmint playbook");
    segmint(folder.path(), &["playbook", "rfm", "--schema"]).ends_with(2);
}
