//! Job files as users write them: what they resolve to, what is refused and with which words, and that a shown job is
//! the same job. No test looks at the machine: folder, date, memory and variables are given.

mod refusals;

use std::collections::BTreeMap;
use std::path::Path;

use segmint::error::Error;
use segmint::grid;
use segmint::job::{
    self, DeviceChoice, DuplicateIds, Feature, Flag, Missing, Mix, Resolved, Scale, Surroundings, Transform, Written,
};

fn around(variables: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        variables: variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        folder: "/here".into(),
        today: "2026-11-22".into(),
        memory: 16 << 30,
        cache: Some("/caches/segmint".into()),
    }
}

fn resolve(text: &str, flags: &[(&'static str, &str)], variables: &[(&str, &str)]) -> Result<Resolved, Error> {
    let written = Written::parse(text, "jobs/night.toml", Path::new("jobs"))?;
    let flags: Vec<Flag> = flags.iter().map(|(name, value)| (*name, value.to_string())).collect();
    job::resolve(Some(written), &flags, &around(variables))
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
spill = "../scratch"
cache = "kernels"
tune = "off"

[persona]
playbook = "books/mine.toml"
value = "monetary"
roles = { monetary = "total_spent", "a b" = "c" }

[profile]
columns = ["income", "age"]
mix = [{ name = "basket \"x\"", columns = ["wine", "meat"] }, { name = "channel", columns = ["web", "store"] }]
currency = "EUR"
units = { recency = "days", age = "years" }
smallest_group = 5

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
    assert_eq!((job.cluster.k, job.cluster.n_init, job.cluster.max_iter), (5..=5, 10, 300));
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
    assert_eq!((job.cluster.k, job.cluster.seed), (4096..=4096, i64::MAX as u64));
    assert_eq!(job.engine.device, DeviceChoice::Named("lavapipe".into()));
    assert_eq!(job.engine.spill, Path::new("/here/jobs/../scratch"));
    assert_eq!(job.engine.cache.as_deref(), Some(Path::new("/here/jobs/kernels")));
    assert!(!job.engine.tune);
    assert_eq!(job.persona.playbook, "/here/jobs/books/mine.toml");
    let roles = [("a b".to_owned(), "c".to_owned()), ("monetary".to_owned(), "total_spent".to_owned())];
    assert_eq!(job.persona.roles, roles);
    assert_eq!(job.profile.columns, ["income", "age"]);
    assert_eq!(job.profile.mix[1], Mix { name: "channel".into(), columns: vec!["web".into(), "store".into()] });
    assert_eq!((job.profile.currency.as_deref(), job.profile.smallest_group), (Some("EUR"), 5));
    assert_eq!(job.profile.units, [("age".to_owned(), "years".to_owned()), ("recency".into(), "days".into())]);
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
    k_range = [7, 7]                        # default
    criterion = "consensus"                 # default
    n_init = 10                             # default
    max_iter = 300                          # default
    tol = 0.0                               # default
    seed = 1                                # SEGMINT_SEED
    restarts = "race"                       # default
    min_size = 0.0                          # default
    stability = 0                           # default
    silhouette = "auto"                     # default
    # start is not set
    label_columns = "error"                 # default

    [engine]
    device = "auto"                         # default
    memory = "8GiB"                         # default
    threads = 0                             # default
    chunk_rows = 65536                      # default
    spill = "/here/runs"                    # default
    cache = "/caches/segmint"               # default
    tune = "auto"                           # default

    [persona]
    playbook = "rfm"                        # default
    # value is not set
    roles = {}                              # default

    [profile]
    columns = []                            # default
    mix = []                                # default
    # currency is not set
    units = {}                              # default
    smallest_group = 20                     # default

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
    assert_eq!(k(&[], &[]), 5..=5);
    assert_eq!(k(&[], &[("SEGMINT_K", "6")]), 6..=6);
    assert_eq!(k(&[("cluster.k", "7")], &[("SEGMINT_K", "6")]), 7..=7);
    assert_eq!(k(&[], &[("SEGMINT_K", "")]), 5..=5, "an empty variable is an unset one");
}

#[test]
fn the_number_of_clusters_is_a_number_a_range_or_left_to_the_data() {
    let job = |flags: &[(&'static str, &str)]| resolve("[source]\npath = \"c.parquet\"\n", flags, &[]).unwrap().job;
    let k = |flags: &[(&'static str, &str)]| job(flags).cluster.k;
    assert_eq!(k(&[]), 2..=10);
    assert_eq!(k(&[("cluster.k", "auto")]), 2..=10);
    assert_eq!(k(&[("cluster.k", "4..8")]), 4..=8);
    assert_eq!(k(&[("cluster.k_range", "3..6")]), 3..=6);
    assert_eq!(k(&[("cluster.k_range", "3..6"), ("cluster.k", "auto")]), 3..=6);
    assert_eq!(k(&[("cluster.k_range", "3..6"), ("cluster.k", "5")]), 5..=5, "a number beats the range");
    // Stability is repeated where something is chosen by it.
    assert_eq!(job(&[]).selection.stability, 20);
    assert_eq!(job(&[("cluster.criterion", "davies-bouldin")]).selection.stability, 0);
    assert_eq!(job(&[("cluster.k", "5")]).selection.stability, 0);
    let file = resolve("[source]\npath = \"c\"\n[cluster]\nk = \"auto\"\nk_range = [2, 4]\n", &[], &[]);
    assert_eq!(file.unwrap().job.cluster.k, 2..=4);
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
        ("cluster.k_range", "3..4"),
        ("cluster.criterion", "elbow"),
        ("cluster.restarts", "full"),
        ("cluster.min_size", "0.02"),
        ("cluster.stability", "7"),
        ("cluster.silhouette", "sample"),
        ("cluster.start", "runs/before"),
        ("cluster.label_columns", "keep"),
        ("cluster.n_init", "3"),
        ("cluster.max_iter", "4"),
        ("cluster.tol", "0.5"),
        ("cluster.seed", "6"),
        ("engine.device", "cpu"),
        ("engine.memory", "100MB"),
        ("engine.threads", "2"),
        ("engine.chunk_rows", "10"),
        ("engine.spill", "fast/disk"),
        ("engine.cache", "off"),
        ("engine.tune", "off"),
        ("persona.playbook", "mine.toml"),
        ("persona.value", "a"),
        ("persona.roles", "monetary=a,frequency=b"),
        ("profile.columns", "c,d"),
        ("profile.mix", "basket=wine+meat,channel=web+store"),
        ("profile.currency", "EUR"),
        ("profile.units", "recency=days,age=years"),
        ("profile.smallest_group", "7"),
        ("output.path", "out"),
        ("output.overwrite", "true"),
    ]);
    assert_eq!(typed.len(), job::SETTINGS.len());
    let flags: Vec<Flag> = typed.iter().map(|(name, value)| (*name, value.to_string())).collect();
    let by_flag = job::resolve(None, &flags, &around(&[])).unwrap();
    let variables: Vec<(&str, &str)> = job::SETTINGS.iter().map(|s| (s.variable, typed[s.name])).collect();
    let by_variable = job::resolve(None, &[], &around(&variables)).unwrap();
    assert_eq!(by_flag.job, by_variable.job);
    let mix = |name: &str, columns: [&str; 2]| Mix { name: name.into(), columns: columns.map(str::to_owned).to_vec() };
    assert_eq!(by_flag.job.profile.mix, [mix("basket", ["wine", "meat"]), mix("channel", ["web", "store"])]);
    let features = "transform weight scale missing".split(' ');
    let defaults = job::show(&by_flag).lines().filter(|line| line.ends_with("# default")).count();
    assert_eq!(defaults, 2 * features.count() - 1, "only what the features leave out is left to a default");
    assert_eq!(by_flag.job.source.path, "/here/c.parquet", "flags are relative to the current folder");
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
fn the_limits_of_a_job_are_those_of_the_grid() {
    assert_eq!(job::K_MAX, grid::CLUSTERS_MAX as u64);
    assert_eq!(job::FEATURES_MAX, grid::FEATURES_MAX);
}
