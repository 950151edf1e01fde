//! The job as it was written: values with the place each one came from, not yet understood. A TOML file, the
//! environment and the flags all end as the same [`Given`] values, so that one reader checks them and one error tells
//! where a wrong one stands. Unknown keys end here, with the nearest right spelling.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::setting::{self, SETTINGS, Setting};
use crate::error::{Error, Kind, Place, Result};

/// A job file larger than this is not a job file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// Line and column counted from 1.
    File {
        file: String,
        line: usize,
        column: usize,
    },
    Environment(&'static str),
    Flag(&'static str),
}

impl Origin {
    /// The place an error about this value stands at.
    pub fn place(&self) -> Place {
        let (file, line) = match self {
            Origin::Default => (None, None),
            Origin::File { file, line, column } => (Some(file.clone()), Some((*line, *column))),
            Origin::Environment(name) | Origin::Flag(name) => (Some((*name).to_owned()), None),
        };
        Place { file, line, ..Place::default() }
    }

    /// Who must act on a wrong value: the one who typed the command, or the one who keeps the job.
    fn kind(&self) -> Kind {
        if matches!(self, Origin::Flag(_)) { Kind::Usage } else { Kind::JobFile }
    }

    /// An error about the value that came from here.
    pub fn error(&self, message: impl Into<String>) -> Error {
        Error::new(self.kind(), message).at(self.place())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { file, line, .. } => write!(f, "{file}:{line}"),
            Origin::Environment(name) | Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    pub raw: Raw,
    pub origin: Origin,
}

/// A value before anybody knows whether it fits.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// From a flag or a variable: not quoted, so it may mean a number as well as a text.
    Typed(String),
    Text(String),
    Whole(i64),
    Number(f64),
    Truth(bool),
    List(Vec<Given>),
    /// In the order of the file.
    Table(Vec<Entry>),
    Date,
}

/// A key of a table with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    /// Where the key stands.
    pub origin: Origin,
    pub value: Given,
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raw::Typed(text) | Raw::Text(text) => write!(f, "{text:?}"),
            Raw::Whole(value) => write!(f, "{value}"),
            Raw::Number(value) => write!(f, "{value:?}"),
            Raw::Truth(value) => write!(f, "{value}"),
            Raw::List(_) => f.write_str("a list"),
            Raw::Table(_) => f.write_str("a table"),
            Raw::Date => f.write_str("a date"),
        }
    }
}

/// A job file, parsed, with every key known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Written {
    /// Relative paths of the file are relative to this.
    pub(super) folder: PathBuf,
    /// By the setting's name.
    pub(super) values: BTreeMap<&'static str, Given>,
}

impl Written {
    pub fn read(path: &Path) -> Result<Written> {
        let name = path.display().to_string();
        let bytes = match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                return Err(Error::job("a folder, where a job file was expected")
                    .at(Place { file: Some(name), ..Place::default() })
                    .hint(
                        "to cluster a folder of Parquet files, give it as DATA, behind the job file if there is one",
                    ));
            }
            Ok(found) => found.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::new(Kind::InputMissing, "there is no such job file")
                    .at(Place { file: Some(name), ..Place::default() })
                    .hint("`segmint init DATA` writes one"));
            }
            Err(error) => return Err(Error::io("read", name, error)),
        };
        let at = || Place { file: Some(name.clone()), ..Place::default() };
        if bytes > FILE_BYTES_MAX {
            return Err(Error::job(format!("{bytes} bytes; a job file has at most {FILE_BYTES_MAX}")).at(at()));
        }
        let bytes = std::fs::read(path).map_err(|error| Error::io("read", &name, error))?;
        let text =
            String::from_utf8(bytes).map_err(|_| Error::job("a job file is UTF-8 text; this is not").at(at()))?;
        Self::parse(&text, &name, path.parent().unwrap_or(Path::new("")))
    }

    /// `name` is what errors call the file, `folder` what its relative paths are relative to.
    pub fn parse(text: &str, name: &str, folder: &Path) -> Result<Written> {
        let scribe = Scribe { text, name };
        let document = DeTable::parse(text).map_err(|error| {
            let origin = scribe.origin(error.span().unwrap_or(0..0));
            origin.error(format!("not valid TOML: {}", error.message()))
        })?;
        let mut values = BTreeMap::new();
        for entry in scribe.table(document.get_ref())? {
            match entry.key.as_str() {
                "feature" => {
                    values.insert("feature", entry.value);
                }
                section if is_section(section) => {
                    let Raw::Table(keys) = entry.value.raw else {
                        return Err(entry.origin.error(format!(
                            "`{section}` is a section: write [{section}] on a line of its own, then its keys"
                        )));
                    };
                    for key in keys {
                        values.insert(known(section, &key)?, key.value);
                    }
                }
                _ => return Err(unknown_section(&entry)),
            }
        }
        Ok(Written { folder: folder.to_path_buf(), values })
    }
}

fn is_section(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.section() == name && setting.name != name)
}

fn sections() -> Vec<&'static str> {
    let mut names: Vec<&str> = SETTINGS.iter().map(Setting::section).collect();
    names.dedup();
    names
}

/// The name of the setting that a key of a section gives, or the error that says what was meant.
fn known(section: &str, entry: &Entry) -> Result<&'static str> {
    let key = entry.key.as_str();
    let full = format!("{section}.{key}");
    if let Some(setting) = setting::find(&full) {
        return Ok(setting.name);
    }
    if let Some(advice) = setting::not_yet(&full) {
        return Err(entry.origin.error(format!("`{key}` in [{section}] does not exist yet")).hint(advice));
    }
    let error = entry.origin.error(format!("unknown key `{key}` in [{section}]"));
    let keys: Vec<&str> = SETTINGS.iter().filter(|s| s.section() == section).map(Setting::key).collect();
    Err(match (setting::nearest(key, keys.iter().copied()), SETTINGS.iter().find(|s| s.key() == key)) {
        (Some(near), _) => error.hint(format!("did you mean `{near}`?")),
        (None, Some(elsewhere)) => error.hint(format!("`{key}` belongs in [{}]", elsewhere.section())),
        (None, None) => error.hint(format!("[{section}] knows: {}", keys.join(", "))),
    })
}

fn unknown_section(entry: &Entry) -> Error {
    let key = entry.key.as_str();
    if let Some(advice) = setting::not_yet(key) {
        return entry.origin.error(format!("the section `{key}` does not exist yet")).hint(advice);
    }
    let error = entry.origin.error(format!("unknown section or key `{key}`"));
    if let Some(elsewhere) = SETTINGS.iter().find(|setting| setting.key() == key && setting.name != key) {
        return error.hint(format!("`{key}` belongs in [{}]", elsewhere.section()));
    }
    if key == "features" {
        return error.hint("did you mean `[[feature]]`, once for each feature?");
    }
    let sections = sections();
    match setting::nearest(key, sections.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("a job file knows the sections: {}", sections.join(", "))),
    }
}

/// Turns the parser's spans into lines and columns.
struct Scribe<'a> {
    text: &'a str,
    name: &'a str,
}

impl Scribe<'_> {
    fn origin(&self, span: Range<usize>) -> Origin {
        let before = self.text.get(..span.start.min(self.text.len())).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Origin::File {
            file: self.name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    fn table(&self, table: &DeTable<'_>) -> Result<Vec<Entry>> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| -> Result<Entry> {
            let key: &Spanned<std::borrow::Cow<'_, str>> = key;
            Ok(Entry { key: key.get_ref().to_string(), origin: self.origin(key.span()), value: self.given(value)? })
        };
        entries.into_iter().map(entry).collect()
    }

    fn given(&self, value: &Spanned<DeValue<'_>>) -> Result<Given> {
        let origin = self.origin(value.span());
        let raw = match value.get_ref() {
            DeValue::String(text) => Raw::Text(text.to_string()),
            DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
                Ok(value) => Raw::Whole(value),
                Err(_) => return Err(origin.error("a whole number beyond 64 bits")),
            },
            DeValue::Float(digits) => match digits.as_str().parse() {
                Ok(value) => Raw::Number(value),
                Err(_) => return Err(origin.error("a number that cannot be read")),
            },
            DeValue::Boolean(value) => Raw::Truth(*value),
            DeValue::Datetime(_) => Raw::Date,
            DeValue::Array(values) => Raw::List(values.iter().map(|value| self.given(value)).collect::<Result<_>>()?),
            DeValue::Table(table) => Raw::Table(self.table(table)?),
        };
        Ok(Given { raw, origin })
    }
}
