//! An earlier run, read back. Its manifest comes first: a folder without one is no run, and a file that is not what the
//! manifest vouches for is not read.

use std::path::{Component, Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::manifest::{MANIFEST, Manifest, read_record};
use super::model::Model;
use crate::error::{Error, Kind, Place, Result};
use crate::job::{DuplicateIds, SourceSettings};
use crate::observe::Observe;
use crate::report::Summary;
use crate::source::Source;

/// What the files of a run are called.
pub const ASSIGNMENTS: &str = "assignments.parquet";
pub const MODEL: &str = "model.json";
pub const SUMMARY: &str = "summary.json";

/// A published run folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    folder: PathBuf,
    manifest: Manifest,
}

impl Run {
    /// Opens a run folder whose every file is there and as it was published. A folder or file that is missing is a
    /// missing input, one that is something else is bad data.
    pub fn open(folder: &Path) -> Result<Run> {
        let run = Run::find(folder)?;
        for entry in &run.manifest.files {
            if !run.path(&entry.name).is_file() {
                return Err(Error::new(Kind::InputMissing, "the file is missing, though the manifest lists it")
                    .at(run.place(&entry.name))
                    .hint("copy the whole run folder, or run the job again"));
            }
        }
        if let Some(first) = run.manifest.damaged(folder)?.first() {
            return Err(Error::bad_data("the file is not the one that was published: its hash differs")
                .at(run.place(first))
                .hint("somebody changed or damaged it; run the job again, or take the folder from a backup"));
        }
        Ok(run)
    }

    /// Opens a run folder and believes its files: for whoever wants to say what is wrong with them.
    pub fn find(folder: &Path) -> Result<Run> {
        if !folder.join(MANIFEST).is_file() {
            let what = if folder.is_dir() { "holds no run: it has no manifest.json" } else { "is no folder" };
            return Err(Error::new(Kind::InputMissing, format!("{} {what}", folder.display()))
                .hint("name the folder that `segmint run` published, such as runs/demo"));
        }
        let manifest = Manifest::read(folder)
            .filter(|manifest| manifest.files.iter().all(|entry| is_plain(&entry.name)))
            .ok_or_else(|| {
                Error::bad_data("not the manifest of a run that this version can read")
                    .at(place_of(&folder.join(MANIFEST)))
                    .hint("it may be damaged, or of a newer segmint")
            })?;
        Ok(Run { folder: folder.to_path_buf(), manifest })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where a file of the run stands.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn model(&self) -> Result<Model> {
        self.json(MODEL)
    }

    /// What the manifest vouches for of a file, in hexadecimal.
    pub fn hash(&self, name: &str) -> Result<String> {
        let entry = self.manifest.files.iter().find(|entry| entry.name == name);
        entry
            .map(|entry| entry.sha256.clone())
            .ok_or_else(|| Error::bad_data(format!("the manifest does not list {name}")).at(self.place(MANIFEST)))
    }

    pub fn summary(&self) -> Result<Summary> {
        self.json(SUMMARY)
    }

    /// `assignments.parquet` as a source, in the order of the rows that were clustered: its id is the run's, or
    /// `row_number`; `cluster`, `distance` and `margin` are numbers, `persona` and `second_persona` texts.
    pub fn assignments(&self, observe: &Observe) -> Result<Source> {
        let path = self.path(ASSIGNMENTS);
        let settings = SourceSettings {
            path: path.display().to_string(),
            id: Some(self.id().unwrap_or(super::assignments::ROW_NUMBER).to_owned()),
            sample_weight: None,
            duplicate_ids: DuplicateIds::Keep,
        };
        Source::open(&settings, observe)
    }

    /// The id column of the input, where it has one.
    pub fn id(&self) -> Option<&str> {
        self.source_setting("id")
    }

    /// How to read the input again: at `data`, or else where the run found it.
    pub fn source(&self, data: Option<&str>) -> Result<SourceSettings> {
        let record = read_record(&self.folder);
        let recorded = record.as_ref().and_then(|record| record.get("input")).and_then(Value::as_str);
        let path = data.or(recorded).ok_or_else(|| {
            Error::new(Kind::InputMissing, "the run folder does not say where its input lies: run.json is not there")
                .hint("say it with --data")
        })?;
        Ok(SourceSettings {
            path: path.to_owned(),
            id: self.id().map(str::to_owned),
            sample_weight: self.source_setting("sample_weight").map(str::to_owned),
            duplicate_ids: match self.source_setting("duplicate_ids") {
                Some("keep") => DuplicateIds::Keep,
                _ => DuplicateIds::Refuse,
            },
        })
    }

    /// What the job said of (role, column).
    pub fn roles(&self) -> Vec<(String, String)> {
        let roles = self.manifest.settings.pointer("/persona/roles").cloned().unwrap_or_default();
        serde_json::from_value(roles).unwrap_or_default()
    }

    fn source_setting(&self, key: &str) -> Option<&str> {
        self.manifest.settings.get("source")?.get(key)?.as_str()
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let path = self.path(name);
        let bytes = std::fs::read(&path).map_err(|error| Error::io("read", path.display(), error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let what = format!("not what this version of segmint writes: {error}");
            let by = &self.manifest.segmint;
            Error::bad_data(what).at(place_of(&path)).hint(format!("the run is of segmint {by}; run the job again"))
        })
    }

    fn place(&self, name: &str) -> Place {
        place_of(&self.path(name))
    }
}

fn place_of(path: &Path) -> Place {
    Place { file: Some(path.display().to_string()), ..Place::default() }
}

/// Whether a listed name stays inside the folder.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}
