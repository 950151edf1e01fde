//! Every setting of a job as a flag. The flags are handed on as typed; the job room reads and checks them like values
//! of a job file, so that there is one set of rules and one wording.

use clap::Args;

use crate::job::Flag;

#[derive(Args, Debug, Default, Clone)]
pub struct SettingFlags {
    /// Column that names a customer; without one, the row number does
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    id: Option<String>,
    /// Columns to cluster on, such as recency,monetary:log1p [default: every numeric one]
    #[arg(
        long,
        value_name = "LIST",
        help_heading = "Data",
        long_help = "Columns to cluster on [default: every numeric column but the id and the weight].\n\
        A comma between columns; behind a column, after colons, what to do with it:\n  \
        log1p, sqrt, clip=LOW..HIGH           transform\n  \
        standard, robust, minmax, scale=none  scale (default: standard)\n  \
        weight=2                              how much it counts\n  \
        missing=drop                          error, drop, mean, median, zero, or a number (default: error)\n\
        Example: recency,monetary:log1p,age:robust:weight=2:missing=median"
    )]
    features: Option<String>,
    /// Column that says how much a row counts
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    sample_weight: Option<String>,
    /// An id that occurs twice: error or keep [default: error]
    #[arg(long, value_name = "WORD", help_heading = "Data", hide_short_help = true)]
    duplicate_ids: Option<String>,
    /// Columns to describe but not to cluster on, with commas between them
    #[arg(long, value_name = "COLUMNS", help_heading = "Data")]
    profile: Option<String>,
    /// Columns that are parts of one whole, such as basket=wine+meat+fish; may be repeated
    #[arg(long, value_name = "NAME=COLUMNS", help_heading = "Data", hide_short_help = true)]
    mix: Vec<String>,
    /// Currency of the value column, such as EUR
    #[arg(long, value_name = "NAME", help_heading = "Data", hide_short_help = true)]
    currency: Option<String>,
    /// Unit of a column, such as recency=days; may be repeated
    #[arg(long, value_name = "COLUMN=UNIT", help_heading = "Data", hide_short_help = true)]
    units: Vec<String>,
    /// Fewest customers of a category that is shown by itself [default: 20]
    #[arg(long, value_name = "N", help_heading = "Data", hide_short_help = true)]
    smallest_group: Option<String>,

    /// Number of clusters, a range such as 4..8, or auto for 2..10 [default: auto]
    #[arg(long, value_name = "N", help_heading = "Clustering")]
    k: Option<String>,
    /// What auto chooses from [default: 2..10]
    #[arg(long, value_name = "FROM..TO", help_heading = "Clustering", hide_short_help = true)]
    k_range: Option<String>,
    /// What the number of clusters is chosen by [default: consensus]
    #[arg(
        long,
        value_name = "WORD",
        help_heading = "Clustering",
        long_help = "What the number of clusters is chosen by [default: consensus]:\n  \
        consensus          mean rank over the scores; unstable and tiny segments are ruled out\n  \
        silhouette, davies-bouldin, calinski-harabasz, gap, elbow   one score alone"
    )]
    criterion: Option<String>,
    /// Smallest segment that is of use: a share such as 0.02, or a count; rules numbers of clusters out [default: 0]
    #[arg(long, value_name = "SIZE", help_heading = "Clustering", hide_short_help = true)]
    min_size: Option<String>,
    /// Start from the model of an earlier run, so that its segments are found again where they still are
    #[arg(long, value_name = "RUN", help_heading = "Clustering", hide_short_help = true)]
    start: Option<String>,
    /// Half samples and bootstraps, of each as many, to judge stability by [default: 20 for consensus, else 0]
    #[arg(long, value_name = "N", help_heading = "Clustering", hide_short_help = true)]
    stability: Option<String>,
    /// Rows that a silhouette is of: all, sample, none, or auto for what is quick and needed [default: auto]
    #[arg(long, value_name = "WORD", help_heading = "Clustering", hide_short_help = true)]
    silhouette: Option<String>,
    /// A feature that is an id or a cluster label by its content: error or keep [default: error]
    #[arg(long, value_name = "WORD", help_heading = "Clustering", hide_short_help = true)]
    label_columns: Option<String>,
    /// On large tables: race (all on a sample, the best on all rows) or full [default: race]
    #[arg(long, value_name = "WORD", help_heading = "Clustering", hide_short_help = true)]
    restarts: Option<String>,
    /// Restarts per number of clusters; the best is kept [default: 10]
    #[arg(long, value_name = "N", help_heading = "Clustering")]
    n_init: Option<String>,
    /// Most passes of one restart [default: 300]
    #[arg(long, value_name = "N", help_heading = "Clustering")]
    max_iter: Option<String>,
    /// Stop when the centroids move less than this; 0 runs to the fixed point [default: 0]
    #[arg(long, value_name = "X", help_heading = "Clustering")]
    tol: Option<String>,
    /// Seed of all random choices [default: 42]
    #[arg(long, value_name = "N", help_heading = "Clustering")]
    seed: Option<String>,

    /// Playbook that names the clusters: one of ours (see `segmint playbook`), or a .toml file [default: rfm]
    #[arg(long, value_name = "NAME", help_heading = "Personas")]
    playbook: Option<String>,
    /// Column that shares of value are computed from
    #[arg(long, value_name = "COLUMN", help_heading = "Personas")]
    value: Option<String>,
    /// Which column plays a role of the playbook, such as monetary=total_spent; may be repeated
    #[arg(long, value_name = "ROLE=COLUMN", help_heading = "Personas")]
    role: Vec<String>,

    #[command(flatten)]
    engine: EngineFlags,

    /// Folder to publish the result in [default: runs/<today>]
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    out: Option<String>,
    /// Replace an earlier run in that folder, at once and as a whole
    #[arg(long, help_heading = "Output")]
    overwrite: bool,
}

/// What changes the time a run takes, and never a bit of its result.
#[derive(Args, Debug, Default, Clone)]
pub struct EngineFlags {
    /// auto, cpu, gpu, or a part of an adapter's name [default: auto]
    #[arg(long, value_name = "NAME", help_heading = "Engine (changes time, never a bit of the result)")]
    device: Option<String>,
    /// CPU threads; 0 takes all cores [default: 0]
    #[arg(long, value_name = "N", help_heading = "Engine (changes time, never a bit of the result)")]
    threads: Option<String>,
    /// Memory the run may use, such as 8GiB [default: half of the machine's]
    #[arg(long, value_name = "SIZE", help_heading = "Engine (changes time, never a bit of the result)")]
    memory: Option<String>,
    /// Rows that are read and computed together [default: 65536]
    #[arg(long, value_name = "N", help_heading = "Engine (changes time, never a bit of the result)")]
    chunk_rows: Option<String>,
    /// Folder of the file that holds what memory has no room for [default: beside the output]
    #[arg(
        long,
        value_name = "FOLDER",
        help_heading = "Engine (changes time, never a bit of the result)",
        hide_short_help = true
    )]
    spill: Option<String>,
    /// Folder where compiled GPU kernels are kept for the next run, or off [default: the user's caches]
    #[arg(
        long,
        value_name = "FOLDER",
        help_heading = "Engine (changes time, never a bit of the result)",
        hide_short_help = true
    )]
    cache: Option<String>,
    /// What a GPU tries of its kernel's variants: auto, or off for none [default: auto]
    #[arg(
        long,
        value_name = "WORD",
        help_heading = "Engine (changes time, never a bit of the result)",
        hide_short_help = true
    )]
    tune: Option<String>,
}

impl SettingFlags {
    /// What was given, by the setting's name.
    pub fn flags(&self) -> Vec<Flag> {
        let given = [
            ("source.id", &self.id),
            ("feature", &self.features),
            ("source.sample_weight", &self.sample_weight),
            ("source.duplicate_ids", &self.duplicate_ids),
            ("profile.columns", &self.profile),
            ("profile.currency", &self.currency),
            ("profile.smallest_group", &self.smallest_group),
            ("cluster.k", &self.k),
            ("cluster.k_range", &self.k_range),
            ("cluster.criterion", &self.criterion),
            ("cluster.n_init", &self.n_init),
            ("cluster.max_iter", &self.max_iter),
            ("cluster.tol", &self.tol),
            ("cluster.seed", &self.seed),
            ("cluster.restarts", &self.restarts),
            ("cluster.min_size", &self.min_size),
            ("cluster.stability", &self.stability),
            ("cluster.silhouette", &self.silhouette),
            ("cluster.start", &self.start),
            ("cluster.label_columns", &self.label_columns),
            ("persona.playbook", &self.playbook),
            ("persona.value", &self.value),
            ("output.path", &self.out),
        ];
        let mut flags = present(given);
        let repeated = [("persona.roles", &self.role), ("profile.mix", &self.mix), ("profile.units", &self.units)];
        for (name, given) in repeated.into_iter().filter(|(_, given)| !given.is_empty()) {
            flags.push((name, given.join(",")));
        }
        if self.overwrite {
            flags.push(("output.overwrite", "true".to_owned()));
        }
        flags.extend(self.engine.flags());
        flags
    }
}

impl EngineFlags {
    pub fn flags(&self) -> Vec<Flag> {
        present([
            ("engine.device", &self.device),
            ("engine.threads", &self.threads),
            ("engine.memory", &self.memory),
            ("engine.chunk_rows", &self.chunk_rows),
            ("engine.spill", &self.spill),
            ("engine.cache", &self.cache),
            ("engine.tune", &self.tune),
        ])
    }
}

fn present<const N: usize>(given: [(&'static str, &Option<String>); N]) -> Vec<Flag> {
    given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
}
