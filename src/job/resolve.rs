//! From what was written to a checked [`Job`]: flags beat environment variables, which beat the job file, which beats
//! the defaults. Every value is checked here, once, and the origin of each is kept for `--show-job`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::feature;
use super::profile::profile;
use super::read::{self, Pairs};
use super::setting::{self, PLAYBOOKS, SETTINGS};
use super::surroundings::{Surroundings, absolute_pattern, tidy};
use super::written::{Given, Origin, Raw, Written};
use super::{
    ClusterSettings, Criterion, DeviceChoice, DuplicateIds, EngineSettings, Feature, Job, LabelColumns, OutputSettings,
    PersonaSettings, Restarts, SelectionSettings, SilhouetteRows, SourceSettings,
};
use crate::error::{Error, Kind, Result};

/// What the engines can label.
pub const K_MAX: u64 = 4096;
/// What is compared where nobody says.
const K_RANGE: RangeInclusive<usize> = 2..=10;
/// All numbers of clusters advance together, so each needs its sums in memory at once.
const K_RANGE_MAX: usize = 100;
/// Repeats of each kind that stability is computed from where it is needed and nobody says.
const STABILITY_REPEATS: u64 = 20;
const STABILITY_REPEATS_MAX: u64 = 1000;
/// Restarts advance together, so each needs its sums in memory at once.
const N_INIT_MAX: u64 = 1000;
const MAX_ITER_MAX: u64 = 1_000_000;
/// TOML's whole numbers are signed.
const SEED_MAX: u64 = i64::MAX as u64;
/// Below this not even one row group of a small file fits.
const MEMORY_MIN: u64 = 16 << 20;
const MEMORY_MAX: u64 = 1 << 50;
const THREADS_MAX: u64 = 4096;
const CHUNK_ROWS_MAX: u64 = 1 << 31;

const ROLES: Pairs = Pairs { what: "role", left: "role", right: "column", example: ("monetary", "total_spent") };

/// A checked job with the origin of each value.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    pub job: Job,
    /// By "section.key", or "feature.N.key"; what is not in it is a default.
    pub(super) origins: BTreeMap<String, Origin>,
    /// What the user should know and may ignore, such as a variable that looks like a setting and is none.
    pub warnings: Vec<String>,
}

/// A setting given by a flag: the setting's name and what was typed.
pub type Flag = (&'static str, String);

/// Resolves a job file, if there is one, flags, and the environment.
pub fn resolve(file: Option<Written>, flags: &[Flag], around: &Surroundings) -> Result<Resolved> {
    // The one who can add what is missing is the one who keeps the job file, or the one who types the command.
    let missing = if file.is_some() { Kind::JobFile } else { Kind::Usage };
    let mut settings = Settings::gather(file, flags, around)?;
    let source = source(&mut settings, missing)?;
    let features = features(&mut settings, &source)?;
    let cluster = cluster(&settings)?;
    let output = output(&mut settings, around)?;
    let job = Job {
        features,
        selection: selection(&settings, &cluster.k)?,
        cluster,
        engine: engine(&mut settings, around, &output)?,
        persona: persona(&mut settings)?,
        profile: profile(&settings)?,
        output,
        source,
    };
    Ok(Resolved { job, origins: settings.origins, warnings: unknown_variables(around) })
}

/// What was given, each setting from the strongest place only.
pub(super) struct Settings {
    given: BTreeMap<&'static str, Given>,
    origins: BTreeMap<String, Origin>,
    /// Absolute folders that relative paths start from: those of the job file, and all others.
    file_folder: PathBuf,
    folder: PathBuf,
}

impl Settings {
    fn gather(file: Option<Written>, flags: &[Flag], around: &Surroundings) -> Result<Settings> {
        let file = file.unwrap_or_default();
        let mut given = file.values;
        for setting in &SETTINGS {
            if let Some(text) = around.variables.get(setting.variable).filter(|text| !text.is_empty()) {
                let origin = Origin::Environment(setting.variable);
                given.insert(setting.name, Given { raw: Raw::Typed(text.clone()), origin });
            }
        }
        for (name, text) in flags {
            let setting = setting::find(name).ok_or_else(|| Error::bug(format!("no setting is called {name:?}")))?;
            given.insert(setting.name, Given { raw: Raw::Typed(text.clone()), origin: Origin::Flag(setting.flag) });
        }
        let origins = given.iter().map(|(name, given)| ((*name).to_owned(), given.origin.clone())).collect();
        let file_folder = around.folder.join(file.folder);
        Ok(Settings { given, origins, file_folder, folder: around.folder.clone() })
    }

    /// Reads one setting, if it was given.
    pub(super) fn read<T>(
        &self,
        name: &'static str,
        reader: impl FnOnce(&Given, &str) -> Result<T>,
    ) -> Result<Option<T>> {
        self.given.get(name).map(|given| reader(given, setting::key_of(name))).transpose()
    }

    fn text(&self, name: &'static str) -> Result<Option<String>> {
        self.read(name, read::text)
    }

    pub(super) fn whole(&self, name: &'static str, min: u64, max: u64, default: u64) -> Result<u64> {
        Ok(self.read(name, |given, key| read::whole(given, key, min, max))?.unwrap_or(default))
    }

    pub(super) fn origin(&self, name: &str) -> Origin {
        self.origins.get(name).cloned().unwrap_or(Origin::Default)
    }

    /// The folder that a relative path of this setting starts from.
    fn folder_of(&self, name: &str) -> &Path {
        if matches!(self.origin(name), Origin::File { .. }) { &self.file_folder } else { &self.folder }
    }
}

fn source(settings: &mut Settings, missing: Kind) -> Result<SourceSettings> {
    let path = settings.text("source.path")?.ok_or_else(|| {
        Error::new(missing, "no data is given")
            .hint("give a Parquet file, folder or glob as DATA, or path = \"..\" under [source]")
    })?;
    let origin = settings.origin("source.path");
    if let Some((scheme, _)) = path.split_once("://") {
        return Err(origin
            .error(format!("paths that start with {scheme}:// do not exist yet"))
            .hint("give a local Parquet file, folder or glob"));
    }
    let path = absolute_pattern(settings.folder_of("source.path"), &path);
    let id = settings.text("source.id")?;
    let sample_weight = settings.text("source.sample_weight")?;
    if id.is_some() && id == sample_weight {
        return Err(settings.origin("source.sample_weight").error("`sample_weight` is the id column"));
    }
    let words = [("error", DuplicateIds::Refuse), ("keep", DuplicateIds::Keep)];
    let duplicate_ids = settings.read("source.duplicate_ids", |given, key| read::word(given, key, &words))?;
    Ok(SourceSettings { path, id, sample_weight, duplicate_ids: duplicate_ids.unwrap_or(DuplicateIds::Refuse) })
}

fn features(settings: &mut Settings, source: &SourceSettings) -> Result<Vec<Feature>> {
    let listed = settings.read("feature", |given, _| feature::features(given))?.unwrap_or_default();
    let mut features = Vec::with_capacity(listed.len());
    for (index, one) in listed.into_iter().enumerate() {
        let column = Some(&one.feature.column);
        let role = match () {
            () if source.id.as_ref() == column => Some("id"),
            () if source.sample_weight.as_ref() == column => Some("sample weight"),
            () => None,
        };
        if let Some(role) = role {
            let message = format!("the column {:?} is the {role}; it cannot be a feature too", one.feature.column);
            return Err(one.origin.error(message));
        }
        for (key, origin) in one.origins {
            settings.origins.insert(format!("feature.{index}.{key}"), origin);
        }
        features.push(one.feature);
    }
    Ok(features)
}

fn cluster(settings: &Settings) -> Result<ClusterSettings> {
    let range = settings.read("cluster.k_range", |given, key| read::range(given, key, 1, K_MAX))?;
    let range = range.unwrap_or(K_RANGE);
    if range.end() - range.start() >= K_RANGE_MAX {
        let many = range.end() - range.start() + 1;
        return Err(settings
            .origin("cluster.k_range")
            .error(format!("{many} numbers of clusters are too many to compare; allowed: at most {K_RANGE_MAX}")));
    }
    let k = settings.read("cluster.k", |given, key| k(given, key, &range))?.unwrap_or(range);
    let tol = |given: &Given, key: &str| {
        read::number(given, key, "0 for the fixed point, or a number below 1", |tol| (0.0..1.0).contains(&tol))
    };
    let words = [("race", Restarts::Race), ("full", Restarts::Full)];
    let restarts = settings.read("cluster.restarts", |given, key| read::word(given, key, &words))?;
    Ok(ClusterSettings {
        k,
        n_init: settings.whole("cluster.n_init", 1, N_INIT_MAX, 10)? as u32,
        max_iter: settings.whole("cluster.max_iter", 1, MAX_ITER_MAX, 300)? as u32,
        // -0.0 is 0 and should look like it.
        tol: settings.read("cluster.tol", tol)?.unwrap_or(0.0) + 0.0,
        seed: settings.whole("cluster.seed", 0, SEED_MAX, 42)?,
        restarts: restarts.unwrap_or(Restarts::Race),
    })
}

/// A number, a range, or "auto" for the range that is given beside it.
fn k(given: &Given, key: &str, auto: &RangeInclusive<usize>) -> Result<RangeInclusive<usize>> {
    match &given.raw {
        Raw::Text(word) | Raw::Typed(word) if word == "auto" => Ok(auto.clone()),
        Raw::Text(range) | Raw::Typed(range) if range.contains("..") => {
            let range = read::range(given, key, 1, K_MAX)?;
            match range.end() - range.start() < K_RANGE_MAX {
                true => Ok(range),
                false => {
                    Err(given.origin.error(format!("`{key}` compares more than {K_RANGE_MAX} numbers of clusters")))
                }
            }
        }
        Raw::Text(word) | Raw::Typed(word) if word.parse::<u64>().is_err() => Err(given.origin.error(format!(
            "`{key}` is {word:?}; allowed: a whole number from 1 to {K_MAX}, a range such as 2..10, or auto"
        ))),
        _ => read::whole(given, key, 1, K_MAX).map(|k| k as usize..=k as usize),
    }
}

/// `k` says whether anything is to be chosen: what only a choice needs is not computed without one.
fn selection(settings: &Settings, k: &RangeInclusive<usize>) -> Result<SelectionSettings> {
    let words = [
        ("consensus", Criterion::Consensus),
        ("davies-bouldin", Criterion::DaviesBouldin),
        ("silhouette", Criterion::Silhouette),
        ("calinski-harabasz", Criterion::CalinskiHarabasz),
        ("gap", Criterion::Gap),
        ("elbow", Criterion::Elbow),
    ];
    let criterion = settings.read("cluster.criterion", |given, key| read::word(given, key, &words))?;
    let criterion = criterion.unwrap_or(Criterion::Consensus);
    let min_size = |given: &Given, key: &str| {
        let allowed = "a share of all customers below 1, or a count of customers";
        read::number(given, key, allowed, |size| (0.0..1.0).contains(&size) || (size >= 1.0 && size.fract() == 0.0))
    };
    let words = [
        ("auto", SilhouetteRows::Auto),
        ("all", SilhouetteRows::All),
        ("sample", SilhouetteRows::Sample),
        ("none", SilhouetteRows::None),
    ];
    let silhouette = settings.read("cluster.silhouette", |given, key| read::word(given, key, &words))?;
    let repeats = if k.start() < k.end() && criterion == Criterion::Consensus { STABILITY_REPEATS } else { 0 };
    let start = settings.text("cluster.start")?;
    let words = [("error", LabelColumns::Refuse), ("keep", LabelColumns::Keep)];
    let label_columns = settings.read("cluster.label_columns", |given, key| read::word(given, key, &words))?;
    Ok(SelectionSettings {
        criterion,
        min_size: settings.read("cluster.min_size", min_size)?.unwrap_or(0.0) + 0.0,
        stability: settings.whole("cluster.stability", 0, STABILITY_REPEATS_MAX, repeats)? as u32,
        silhouette: silhouette.unwrap_or(SilhouetteRows::Auto),
        start: start.map(|path| tidy(&settings.folder_of("cluster.start").join(path))),
        label_columns: label_columns.unwrap_or(LabelColumns::Refuse),
    })
}

fn engine(settings: &mut Settings, around: &Surroundings, output: &OutputSettings) -> Result<EngineSettings> {
    let device = match settings.text("engine.device")?.as_deref() {
        None | Some("auto") => DeviceChoice::Auto,
        Some("cpu") => DeviceChoice::Cpu,
        Some("gpu") => DeviceChoice::Gpu,
        Some(name) => DeviceChoice::Named(name.to_owned()),
    };
    // Half of the machine leaves room for its other work; whole MiB read better.
    let half = (around.memory / 2) >> 20 << 20;
    let memory = settings.read("engine.memory", |given, key| read::bytes(given, key, MEMORY_MIN, MEMORY_MAX))?;
    let spill = match settings.text("engine.spill")? {
        Some(path) => tidy(&settings.folder_of("engine.spill").join(path)),
        // Where the result goes there is room for large files, as a rule.
        None => output.path.parent().unwrap_or(&output.path).to_path_buf(),
    };
    let cache = match settings.text("engine.cache")?.as_deref() {
        Some("off") => None,
        Some(path) => Some(tidy(&settings.folder_of("engine.cache").join(path))),
        None => around.cache.clone(),
    };
    let tune = settings.read("engine.tune", |given, key| read::word(given, key, &[("auto", true), ("off", false)]))?;
    Ok(EngineSettings {
        device,
        memory: memory.unwrap_or(half.clamp(MEMORY_MIN, MEMORY_MAX)),
        threads: settings.whole("engine.threads", 0, THREADS_MAX, 0)? as usize,
        chunk_rows: settings.whole("engine.chunk_rows", 1, CHUNK_ROWS_MAX, 65_536)? as usize,
        spill,
        cache,
        tune: tune.unwrap_or(true),
    })
}

fn persona(settings: &mut Settings) -> Result<PersonaSettings> {
    let playbook = match settings.text("persona.playbook")? {
        None => PLAYBOOKS[0].to_owned(),
        Some(name) if PLAYBOOKS.contains(&name.as_str()) => name,
        Some(path) if path.ends_with(".toml") || path.contains(['/', '\\']) => {
            tidy(&settings.folder_of("persona.playbook").join(path)).to_string_lossy().into_owned()
        }
        Some(name) => {
            let error = settings.origin("persona.playbook").error(format!("there is no playbook called {name:?}"));
            let ours = PLAYBOOKS.join(", ");
            return Err(error.hint(format!("ours: {ours}; a playbook of your own is a path that ends in .toml")));
        }
    };
    let mut roles = settings.read("persona.roles", |given, key| read::pairs(given, key, &ROLES))?.unwrap_or_default();
    roles.sort();
    Ok(PersonaSettings { playbook, value: settings.text("persona.value")?, roles })
}

fn output(settings: &mut Settings, around: &Surroundings) -> Result<OutputSettings> {
    let path = settings.text("output.path")?.unwrap_or_else(|| format!("runs/{}", around.today));
    if path.contains("://") {
        return Err(settings.origin("output.path").error("a run is written to a local folder only"));
    }
    let path = tidy(&settings.folder_of("output.path").join(path));
    Ok(OutputSettings { path, overwrite: settings.read("output.overwrite", read::truth)?.unwrap_or(false) })
}

/// Variables that are no setting but look like a slip of the finger. Others are not ours to judge.
fn unknown_variables(around: &Surroundings) -> Vec<String> {
    let known = || SETTINGS.iter().map(|setting| setting.variable);
    let unknown = around.variables.keys().filter(|name| known().all(|variable| variable != name.as_str()));
    unknown
        .filter_map(|name| {
            let near = setting::nearest(name, known())?;
            Some(format!("the variable {name} is no setting and was ignored; did you mean {near}?"))
        })
        .collect()
}
