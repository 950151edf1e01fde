//! Job files as users write them: what they resolve to, what is refused and with which words, and that a shown job is
//! the same job. No test looks at the machine: folder, date, memory and variables are given.

use std::collections::BTreeMap;
use std::path::Path;

use segmint::error::{Error, Kind};
use segmint::grid;
use segmint::job::{
    self, DeviceChoice, DuplicateIds, Feature, Flag, Missing, Resolved, Scale, Surroundings, Transform, Written,
};

fn around(variables: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        variables: variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        folder: "/here".into(),
        today: "2026-11-22".into(),
        memory: 16 << 30,
    }
}

fn resolve(text: &str, flags: &[(&'static str, &str)], variables: &[(&str, &str)]) -> Result<Resolved, Error> {
    let written = Written::parse(text, "jobs/night.toml", Path::new("jobs"))?;
    let flags: Vec<Flag> = flags.iter().map(|(name, value)| (*name, value.to_string())).collect();
    job::resolve(Some(written), &flags, &around(variables))
}

/// The error as a user reads it, place first, hint behind a bar.
fn refusal(text: &str) -> String {
    let error = resolve(text, &[], &[]).expect_err("this job file is wrong");
    assert_eq!(error.kind(), Kind::JobFile);
    format!("{error} | {}", error.hint_text().unwrap_or(""))
}

const SMALL: &str = "[source]\npath = \"c.parquet\"\n[cluster]\nk = 5\n";

const FULL: &str = r#"
[source]
path = "customers/*.parquet"
id = "customer_id"
sample_weight = "weight"
duplicate_ids = "keep"

[[feature]]
column = "monetary"
transform = "log1p"
weight = 1.5
scale = "robust"
missing = "drop"

[[feature]]
column = "odd \"name\"\u0007\n"
transform = "clip"
low = -1
high = 0.1
scale = "none"
missing = 0.30000000000000004

[cluster]
k = 4096
n_init = 1
max_iter = 1_000
tol = 1e-4
seed = 9223372036854775807

[engine]
device = "lavapipe"
memory = "1000001B"
threads = 3
chunk_rows = 65537

[persona]
playbook = "books/mine.toml"
value = "monetary"
roles = { monetary = "total_spent", "a b" = "c" }

[profile]
columns = ["income", "age"]

[output]
path = "runs/x"
overwrite = true
"#;

#[test]
fn a_small_job_gets_the_defaults() {
    let job = resolve(SMALL, &[], &[]).unwrap().job;
    assert_eq!(job.source.path, "/here/jobs/c.parquet");
    assert_eq!((job.source.id, job.source.sample_weight), (None, None));
    assert_eq!(job.source.duplicate_ids, DuplicateIds::Refuse);
    assert_eq!(job.features, []);
    assert_eq!((job.cluster.k, job.cluster.n_init, job.cluster.max_iter), (5, 10, 300));
    assert_eq!((job.cluster.tol, job.cluster.seed), (0.0, 42));
    assert_eq!(job.engine.device, DeviceChoice::Auto);
    assert_eq!((job.engine.memory, job.engine.threads, job.engine.chunk_rows), (8 << 30, 0, 65_536));
    assert_eq!(job.persona.playbook, "rfm");
    assert_eq!(job.output.path, Path::new("/here/runs/2026-11-22"));
    assert!(!job.output.overwrite);
}

#[test]
fn a_full_job_says_what_it_says() {
    let full = FULL.replace("1000001B", "64MiB");
    let job = resolve(&full, &[], &[]).unwrap().job;
    assert_eq!(job.source.sample_weight.as_deref(), Some("weight"));
    assert_eq!(job.source.duplicate_ids, DuplicateIds::Keep);
    let monetary = Feature {
        column: "monetary".into(),
        transform: Transform::Log1p,
        weight: 1.5,
        scale: Scale::Robust,
        missing: Missing::Drop,
    };
    assert_eq!(job.features[0], monetary);
    assert_eq!(job.features[1].transform, Transform::Clip { low: -1.0, high: 0.1 });
    assert_eq!(job.features[1].missing, Missing::Number(0.1 + 0.2));
    assert_eq!((job.cluster.k, job.cluster.seed), (4096, i64::MAX as u64));
    assert_eq!(job.engine.device, DeviceChoice::Named("lavapipe".into()));
    assert_eq!(job.persona.playbook, "/here/jobs/books/mine.toml");
    let roles = [("a b".to_owned(), "c".to_owned()), ("monetary".to_owned(), "total_spent".to_owned())];
    assert_eq!(job.persona.roles, roles);
    assert_eq!(job.profile.columns, ["income", "age"]);
    assert_eq!(job.output.path, Path::new("/here/jobs/runs/x"));
    assert!(job.output.overwrite);
}

#[test]
fn a_shown_job_read_back_from_any_folder_is_the_same_job() {
    for text in [SMALL.to_owned(), FULL.replace("1000001B", "67108865B")] {
        let resolved = resolve(&text, &[], &[]).unwrap();
        let shown = job::show(&resolved);
        let written = Written::parse(&shown, "other.toml", Path::new("/elsewhere")).unwrap();
        let elsewhere = Surroundings { folder: "/else".into(), memory: 1 << 30, ..around(&[]) };
        let again = job::resolve(Some(written), &[], &elsewhere).unwrap();
        assert_eq!(again.job, resolved.job, "{shown}");
    }
}

#[test]
fn a_shown_job_tells_where_each_value_came_from() {
    let flags = [("cluster.k", "7"), ("feature", "a:log1p,b")];
    let resolved = resolve(SMALL, &flags, &[("SEGMINT_SEED", "1"), ("SEGMINT_K", "6")]).unwrap();
    insta::assert_snapshot!(job::show(&resolved), @r#"
    # Each value with where it came from. Flags beat SEGMINT_* variables, which beat the job file.

    [source]
    path = "/here/jobs/c.parquet"           # jobs/night.toml:2
    # id is not set
    # sample_weight is not set
    duplicate_ids = "error"                 # default

    [[feature]]
    column = "a"                            # --features
    transform = "log1p"                     # --features
    weight = 1.0                            # default
    scale = "standard"                      # default
    missing = "error"                       # default

    [[feature]]
    column = "b"                            # --features
    transform = "none"                      # default
    weight = 1.0                            # default
    scale = "standard"                      # default
    missing = "error"                       # default

    [cluster]
    k = 7                                   # --k
    n_init = 10                             # default
    max_iter = 300                          # default
    tol = 0.0                               # default
    seed = 1                                # SEGMINT_SEED

    [engine]
    device = "auto"                         # default
    memory = "8GiB"                         # default
    threads = 0                             # default
    chunk_rows = 65536                      # default

    [persona]
    playbook = "rfm"                        # default
    # value is not set
    roles = {}                              # default

    [profile]
    columns = []                            # default

    [output]
    path = "/here/runs/2026-11-22"          # default
    overwrite = false                       # default
    "#);
}

#[test]
fn flags_beat_the_environment_which_beats_the_file() {
    let k = |flags: &[(&'static str, &str)], variables: &[(&str, &str)]| {
        resolve(SMALL, flags, variables).unwrap().job.cluster.k
    };
    assert_eq!(k(&[], &[]), 5);
    assert_eq!(k(&[], &[("SEGMINT_K", "6")]), 6);
    assert_eq!(k(&[("cluster.k", "7")], &[("SEGMINT_K", "6")]), 7);
    assert_eq!(k(&[], &[("SEGMINT_K", "")]), 5, "an empty variable is an unset one");
}

#[test]
fn every_setting_can_be_given_by_flag_and_by_variable() {
    let typed: BTreeMap<&str, &str> = BTreeMap::from([
        ("source.path", "c.parquet"),
        ("source.id", "id"),
        ("source.sample_weight", "w"),
        ("source.duplicate_ids", "keep"),
        ("feature", "a,b:log1p"),
        ("cluster.k", "9"),
        ("cluster.n_init", "3"),
        ("cluster.max_iter", "4"),
        ("cluster.tol", "0.5"),
        ("cluster.seed", "6"),
        ("engine.device", "cpu"),
        ("engine.memory", "100MB"),
        ("engine.threads", "2"),
        ("engine.chunk_rows", "10"),
        ("persona.playbook", "mine.toml"),
        ("persona.value", "a"),
        ("persona.roles", "monetary=a,frequency=b"),
        ("profile.columns", "c,d"),
        ("output.path", "out"),
        ("output.overwrite", "true"),
    ]);
    assert_eq!(typed.len(), job::SETTINGS.len());
    let flags: Vec<Flag> = typed.iter().map(|(name, value)| (*name, value.to_string())).collect();
    let by_flag = job::resolve(None, &flags, &around(&[])).unwrap();
    let variables: Vec<(&str, &str)> = job::SETTINGS.iter().map(|s| (s.variable, typed[s.name])).collect();
    let by_variable = job::resolve(None, &[], &around(&variables)).unwrap();
    assert_eq!(by_flag.job, by_variable.job);
    let features = "transform weight scale missing".split(' ');
    let defaults = job::show(&by_flag).lines().filter(|line| line.ends_with("# default")).count();
    assert_eq!(defaults, 2 * features.count() - 1, "only what the features leave out is left to a default");
    assert_eq!(by_flag.job.source.path, "/here/c.parquet", "flags are relative to the current folder");
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
fn what_is_not_built_yet_is_refused_by_name() {
    let cases = [
        ("[recipe]\nkind = \"rfm\"\n", "1:2: the section `recipe` does not exist yet"),
        ("[[join]]\non = \"id\"\n", "1:3: the section `join` does not exist yet"),
        ("[cluster]\nk = \"auto\"\n", "2:5: `k` is \"auto\"; choosing the number of clusters does not exist yet"),
        ("[cluster]\nk_range = [2, 10]\n", "2:1: `k_range` in [cluster] does not exist yet"),
        ("[cluster]\ncriterion = \"silhouette\"\n", "2:1: `criterion` in [cluster] does not exist yet"),
        ("[cluster]\nmin_size = 0.1\n", "2:1: `min_size` in [cluster] does not exist yet"),
        ("[cluster]\nstart = \"runs/yesterday\"\n", "2:1: `start` in [cluster] does not exist yet"),
        ("[profile]\nmix = []\n", "2:1: `mix` in [profile] does not exist yet"),
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
    let error = resolve("[source]\npath = \"c\"\n", &[], &[]).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::JobFile, "the number of clusters is not given"));
    let error = job::resolve(None, &[("source.path", "c".into())], &around(&[])).unwrap_err();
    assert_eq!((error.kind(), error.hint_text()), (Kind::Usage, Some("give --k 5, or k = 5 under [cluster]")));
    let error = job::resolve(None, &[], &around(&[])).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Usage, "no data is given"));
}

#[test]
fn wrong_flags_are_usage_errors_and_wrong_variables_are_not() {
    let error = resolve(SMALL, &[("cluster.k", "five")], &[]).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert_eq!(error.to_string(), "--k: `k` is \"five\"; allowed: a whole number from 1 to 4096");
    let error = resolve(SMALL, &[], &[("SEGMINT_TOL", "-1")]).unwrap_err();
    assert_eq!(error.kind(), Kind::JobFile);
    assert!(error.to_string().starts_with("SEGMINT_TOL: `tol` is \"-1\""));
}

#[test]
fn a_variable_that_looks_like_a_setting_is_warned_about() {
    let found = resolve(SMALL, &[], &[("SEGMINT_N_INTI", "3"), ("SEGMINT_SOMETHING_ELSE", "1")]).unwrap();
    assert_eq!(
        found.warnings,
        ["the variable SEGMINT_N_INTI is no setting and was ignored; did you mean SEGMINT_N_INIT?"]
    );
}

#[test]
fn a_glob_below_a_folder_with_brackets_means_the_folder_as_it_is_called() {
    let path = |folder: &str, path: &str| {
        let around = Surroundings { folder: folder.into(), ..around(&[]) };
        let flags = [("source.path", path.to_owned()), ("cluster.k", "2".to_owned())];
        job::resolve(None, &flags, &around).unwrap().job.source.path
    };
    assert_eq!(path("/a/[old]", "x*.parquet"), "/a/[[]old[]]/x*.parquet");
    assert_eq!(path("/a/[old]", "x.parquet"), "/a/[old]/x.parquet");
    assert_eq!(path("/a", "./x[1].parquet"), "/a/x[1].parquet");
}

#[test]
fn a_job_file_may_begin_with_a_byte_order_mark_and_end_its_lines_like_windows() {
    let text = format!("\u{feff}{}", SMALL.replace('\n', "\r\n"));
    assert_eq!(resolve(&text, &[], &[]).unwrap().job, resolve(SMALL, &[], &[]).unwrap().job);
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

#[test]
fn the_limits_of_a_job_are_those_of_the_grid() {
    assert_eq!(job::K_MAX, grid::CLUSTERS_MAX as u64);
    assert_eq!(job::FEATURES_MAX, grid::FEATURES_MAX);
}
