//! What a job file must not say, and the words it is refused with: place first, then what was found and allowed, then
//! advice.

use segmint::error::Kind;
use segmint::job::{self, Written};

use crate::{SMALL, around, resolve};

/// The error as a user reads it, place first, hint behind a bar.
fn refusal(text: &str) -> String {
    let error = resolve(text, &[], &[]).expect_err("this job file is wrong");
    assert_eq!(error.kind(), Kind::JobFile);
    format!("{error} | {}", error.hint_text().unwrap_or(""))
}

#[test]
fn unknown_keys_fail_with_line_column_and_the_nearest_spelling() {
    let cases = [
        (
            "[cluster]\nk = 5\n  n_inti = 3\n",
            "jobs/night.toml:3:3: unknown key `n_inti` in [cluster] | did you mean `n_init`?",
        ),
        (
            "[cluster]\nn_clusters = 5\n",
            "jobs/night.toml:2:1: unknown key `n_clusters` in [cluster] | did you mean `k`?",
        ),
        (
            "[cluster]\nmemory = 5\n",
            "jobs/night.toml:2:1: unknown key `memory` in [cluster] | `memory` belongs in [engine]",
        ),
        (
            "[output]\nzebra = 5\n",
            "jobs/night.toml:2:1: unknown key `zebra` in [output] | [output] knows: path, overwrite",
        ),
        ("[clustr]\nk = 5\n", "jobs/night.toml:1:2: unknown section or key `clustr` | did you mean `cluster`?"),
        ("k = 5\n", "jobs/night.toml:1:1: unknown section or key `k` | `k` belongs in [cluster]"),
        (
            "[[features]]\n",
            "jobs/night.toml:1:3: unknown section or key `features` | did you mean `[[feature]]`, once for each feature?",
        ),
        (
            "[source]\npath = \"a\"\n[[feature]]\ncolumn = \"a\"\ntransfrom = \"log1p\"\n",
            "jobs/night.toml:5:1: unknown key `transfrom` in [[feature]] | did you mean `transform`?",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected);
    }
}

#[test]
fn the_first_unknown_key_in_the_file_is_the_one_reported() {
    assert!(refusal("[cluster]\nzz = 1\naa = 2\n").starts_with("jobs/night.toml:2:1: unknown key `zz`"));
}

#[test]
fn wrong_types_ranges_and_words_fail_with_what_was_allowed() {
    let with = |section: &str, line: &str| {
        let base = "[source]\npath = \"c.parquet\"\n";
        let base = if section == "source" { base.to_owned() } else { format!("{base}[{section}]\n") };
        refusal(&format!("{base}{line}\n{}", if section == "cluster" { "" } else { "[cluster]\nk = 5\n" }))
    };
    let cases = [
        ("cluster", "k = 0", "jobs/night.toml:4:5: `k` is 0; allowed: a whole number from 1 to 4096 | "),
        ("cluster", "k = 4097", "jobs/night.toml:4:5: `k` is 4097; allowed: a whole number from 1 to 4096 | "),
        ("cluster", "k = \"5\"", "jobs/night.toml:4:5: `k` is \"5\"; allowed: a whole number from 1 to 4096 | "),
        ("cluster", "k = 5.0", "jobs/night.toml:4:5: `k` is 5.0; allowed: a whole number from 1 to 4096 | "),
        ("cluster", "k = 1979-05-27", "jobs/night.toml:4:5: `k` is a date; allowed: a whole number from 1 to 4096 | "),
        ("cluster", "k = 99999999999999999999", "jobs/night.toml:4:5: a whole number beyond 64 bits | "),
        (
            "cluster",
            "k = 5\nseed = -1",
            "jobs/night.toml:5:8: `seed` is -1; allowed: a whole number from 0 to 9223372036854775807 | ",
        ),
        (
            "cluster",
            "k = 5\ntol = nan",
            "jobs/night.toml:5:7: `tol` is NaN; allowed: 0 for the fixed point, or a number below 1 | ",
        ),
        (
            "engine",
            "memory = \"8G\"",
            "jobs/night.toml:4:10: `memory` is \"8G\"; allowed: a size such as \"8GiB\" or \"500MB\", from 16MiB to 1024TiB | ",
        ),
        (
            "engine",
            "memory = \"1MB\"",
            "jobs/night.toml:4:10: `memory` is \"1MB\"; allowed: a size such as \"8GiB\" or \"500MB\", from 16MiB to 1024TiB | ",
        ),
        (
            "engine",
            "chunk_rows = 0",
            "jobs/night.toml:4:14: `chunk_rows` is 0; allowed: a whole number from 1 to 2147483648 | ",
        ),
        ("source", "id = 3", "jobs/night.toml:3:6: `id` is 3; allowed: a text that is not empty | "),
        (
            "source",
            "duplicate_ids = \"kep\"",
            "jobs/night.toml:3:17: `duplicate_ids` is \"kep\"; allowed: error, keep | did you mean \"keep\"?",
        ),
        (
            "profile",
            "columns = \"income\"",
            "jobs/night.toml:4:11: `columns` is \"income\"; allowed: a list of texts | ",
        ),
        (
            "profile",
            "mix = [{ nam = \"m\", columns = [\"a\", \"b\"] }]",
            "jobs/night.toml:4:10: unknown key `nam` in a mix | did you mean `name`?",
        ),
        (
            "profile",
            "mix = [{ name = \"m\" }]",
            "jobs/night.toml:4:8: a mix without `columns` | as in mix = [{ name = \"basket\", columns = [\"wine\", \"meat\"] }]",
        ),
        (
            "profile",
            "mix = [{ name = \"m\", columns = [\"a\"] }]",
            "jobs/night.toml:4:32: the mix \"m\" has 1 columns; allowed: 2 to 64 parts of one whole | ",
        ),
        (
            "profile",
            "mix = [{ name = \"m\", columns = [\"a\", \"a\"] }]",
            "jobs/night.toml:4:38: the column \"a\" is in this mix already | ",
        ),
        (
            "profile",
            "mix = [{ name = \"m\", columns = [\"a\", \"b\"] }, { name = \"m\", columns = [\"c\", \"d\"] }]",
            "jobs/night.toml:4:46: there are two mixes called \"m\" | ",
        ),
        (
            "profile",
            "units = [\"days\"]",
            "jobs/night.toml:4:9: `units` is a list; allowed: a table, as in { recency = \"days\" } | ",
        ),
        (
            "profile",
            "curency = \"EUR\"",
            "jobs/night.toml:4:1: unknown key `curency` in [profile] | did you mean `currency`?",
        ),
        (
            "profile",
            "smallest_group = 0",
            "jobs/night.toml:4:18: `smallest_group` is 0; allowed: a whole number from 1 to 1000000 | ",
        ),
        ("profile", "columns = [\"a\", \"a\"]", "jobs/night.toml:4:17: the column \"a\" is described already | "),
        (
            "persona",
            "roles = [\"a\"]",
            "jobs/night.toml:4:9: `roles` is a list; allowed: a table, as in { monetary = \"total_spent\" } | ",
        ),
        ("output", "overwrite = \"yes\"", "jobs/night.toml:4:13: `overwrite` is \"yes\"; allowed: true or false | "),
    ];
    for (section, line, expected) in cases {
        assert_eq!(with(section, line), expected);
    }
    let section = refusal("source = 5\n");
    assert_eq!(
        section,
        "jobs/night.toml:1:1: `source` is a section: write [source] on a line of its own, then its keys | "
    );
    assert!(refusal("[cluster\nk = 5").starts_with("jobs/night.toml:1:9: not valid TOML"));
    assert!(refusal("[cluster]\nk = 5\nk = 6\n").starts_with("jobs/night.toml:3:1: not valid TOML: duplicate key"));
}

#[test]
fn what_cannot_be_chosen_from_is_refused_with_what_can() {
    let cases = [
        ("k = \"many\"", "`k` is \"many\"; allowed: a whole number from 1 to 4096, a range such as 2..10, or auto"),
        (
            "k = \"8..4\"",
            "`k` is \"8..4\"; allowed: two whole numbers from 1 to 4096, the smaller first, such as 2..10",
        ),
        ("k = \"2..500\"", "`k` compares more than 100 numbers of clusters"),
        ("k_range = [2]", "`k_range` is a list; allowed: two whole numbers"),
        ("k_range = [0, 4]", "`k_range` is 0; allowed: a whole number from 1 to 4096"),
        ("k_range = [2, 200]", "199 numbers of clusters are too many to compare; allowed: at most 100"),
        ("criterion = \"siluette\"", "`criterion` is \"siluette\"; allowed: consensus"),
        ("min_size = 1.5", "`min_size` is 1.5; allowed: a share of all customers below 1, or a count of customers"),
        ("min_size = -1", "`min_size` is -1; allowed: a share"),
        ("silhouette = \"some\"", "`silhouette` is \"some\"; allowed: auto, all, sample, none"),
    ];
    for (line, expected) in cases {
        let refused = refusal(&format!("[source]\npath = \"c.parquet\"\n[cluster]\n{line}\n"));
        assert!(refused.contains(expected), "{line}: {refused}");
    }
}

#[test]
fn what_is_not_built_yet_is_refused_by_name() {
    let cases = [
        ("[recipe]\nkind = \"rfm\"\n", "1:2: the section `recipe` does not exist yet"),
        ("[[join]]\non = \"id\"\n", "1:3: the section `join` does not exist yet"),
        ("[source]\npath = \"s3://bucket/c.parquet\"\n", "2:8: paths that start with s3:// do not exist yet"),
        ("[persona]\nplaybook = \"telecom\"\n", "2:12: there is no playbook called \"telecom\""),
    ];
    for (text, expected) in cases {
        let rest = match text.split(['[', ']']).find(|part| !part.is_empty()) {
            Some("source") => "[cluster]\nk = 5\n",
            Some("cluster") => "[source]\npath = \"c.parquet\"\n",
            _ => SMALL,
        };
        let found = refusal(&format!("{text}{rest}"));
        assert!(found.starts_with(&format!("jobs/night.toml:{expected}")), "{found}");
        assert!(!found.ends_with("| "), "no advice: {found}");
    }
}

#[test]
fn columns_have_one_part_each() {
    let features = |column: &str| {
        refusal(&format!(
            "[source]\npath = \"c\"\nid = \"id\"\nsample_weight = \"w\"\n[cluster]\nk = 2\n[[feature]]\ncolumn = \"{column}\"\n"
        ))
    };
    assert!(features("id").contains("the column \"id\" is the id; it cannot be a feature too"));
    assert!(features("w").contains("the column \"w\" is the sample weight"));
    assert!(
        refusal("[source]\npath = \"c\"\nid = \"w\"\nsample_weight = \"w\"\n")
            .contains(":4:17: `sample_weight` is the id")
    );
}

#[test]
fn what_is_missing_is_asked_for_from_the_one_who_can_add_it() {
    let error = resolve("[cluster]\nk = 5\n", &[], &[]).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::JobFile, "no data is given"));
    let error = job::resolve(None, &[], &around(&[])).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Usage, "no data is given"));
}

#[test]
fn wrong_flags_are_usage_errors_and_wrong_variables_are_not() {
    let error = resolve(SMALL, &[("cluster.k", "five")], &[]).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert_eq!(
        error.to_string(),
        "--k: `k` is \"five\"; allowed: a whole number from 1 to 4096, a range such as 2..10, or auto"
    );
    let error = resolve(SMALL, &[], &[("SEGMINT_TOL", "-1")]).unwrap_err();
    assert_eq!(error.kind(), Kind::JobFile);
    assert!(error.to_string().starts_with("SEGMINT_TOL: `tol` is \"-1\""));
}

#[test]
fn job_files_that_cannot_be_read_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| Written::read(&folder.path().join(name)).unwrap_err();
    assert_eq!(read("absent.toml").kind(), Kind::InputMissing);
    assert_eq!(read("").kind(), Kind::JobFile);
    std::fs::write(folder.path().join("binary.toml"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(read("binary.toml").to_string().contains("UTF-8"));
    std::fs::write(folder.path().join("large.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(read("large.toml").to_string().contains("1048577 bytes"));
}
