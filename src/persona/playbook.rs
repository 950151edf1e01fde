//! A checked playbook: personas, what each asks of a cluster, and what to do about the customers who fit.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::job::PLAYBOOKS;

use super::advice::{BusinessValue, Calendar, Horizons, Kpi, Level, Monitor, Move, Tactic};
use super::asked::Asked;
use super::check;
use super::written::Text;

/// Playbooks that come with segmint, by name.
const OURS: [(&str, &str); PLAYBOOKS.len()] = [
    ("rfm", include_str!("../../data/playbooks/rfm.toml")),
    ("behaviour", include_str!("../../data/playbooks/behaviour.toml")),
    ("lifecycle", include_str!("../../data/playbooks/lifecycle.toml")),
    ("household", include_str!("../../data/playbooks/household.toml")),
    ("value-tiers", include_str!("../../data/playbooks/value-tiers.toml")),
];

/// Largest playbook file, in bytes: a book of texts, not of data.
const BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Playbook {
    pub name: String,
    pub title: String,
    pub description: String,
    pub roles: Vec<Role>,
    /// What "now", "next" and "later" mean, where the playbook has actions by horizon.
    pub horizons: Option<Horizons>,
    /// Actions that concern all personas.
    pub calendar: Calendar,
    pub monitors: Vec<Monitor>,
    /// In the order of the file.
    pub personas: Vec<Persona>,
    /// As it was read: two runs with the same text judged by the same rules.
    #[serde(skip)]
    pub text: String,
}

/// A column that personas speak about, whatever the table calls it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Role {
    pub name: String,
    /// What the column holds, and in which unit.
    pub meaning: String,
    /// Names that tables often give it; the first that a table has is taken.
    pub columns: Vec<String>,
    /// How to say that a cluster's mean is lower than another's: "more recent".
    pub lower: String,
    pub higher: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Persona {
    pub name: String,
    pub story: String,
    pub priority: Level,
    pub business_value: BusinessValue,
    /// Required ones first, then typical, then forbidden.
    pub conditions: Vec<Condition>,
    pub insights: Vec<Insight>,
    pub objective: String,
    pub tactics: Vec<Tactic>,
    pub kpis: Vec<Kpi>,
    /// Per cent of the marketing budget, as the playbook divides it over all its personas.
    pub budget_share: Option<f64>,
    pub notes: Vec<String>,
    pub calendar: Calendar,
    pub moves: Vec<Move>,
}

/// What a persona asks of a cluster in one role.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    pub role: String,
    pub asked: Asked,
    pub importance: Importance,
    /// Its part in the score; forbidden conditions have none.
    pub weight: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Importance {
    /// Without it the persona is not earned.
    Required,
    /// Raises the score as far as it holds.
    Typical,
    /// With it the persona is not earned.
    Forbidden,
}

/// A sentence about the customers of a persona, with what makes it true.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Insight {
    pub says: String,
    pub grounds: Grounds,
}

/// Why an insight may be said. No sentence comes without one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grounds {
    /// The figures of the cluster meet these conditions.
    If(Vec<Condition>),
    /// It is a hypothesis; this is how to find out.
    Test(String),
}

impl Playbook {
    /// Every playbook that comes with segmint.
    pub fn ours() -> Result<Vec<Playbook>> {
        OURS.iter().map(|(name, text)| Playbook::parse(&format!("{name}.toml"), text)).collect()
    }

    /// One of ours by name, or a file: whatever ends in `.toml` or names a folder is a path.
    pub fn load(name_or_path: &str) -> Result<Playbook> {
        if let Some((name, text)) = OURS.iter().find(|(name, _)| *name == name_or_path) {
            return Playbook::parse(&format!("{name}.toml"), text);
        }
        if !name_or_path.ends_with(".toml") && !name_or_path.contains(['/', '\\']) {
            return Err(Error::job(format!("no playbook is called {name_or_path:?}"))
                .hint(format!("ours are: {}; your own is given by its path, ending in .toml", PLAYBOOKS.join(", "))));
        }
        let path = Path::new(name_or_path);
        let size = std::fs::metadata(path).map_err(|error| unreadable(name_or_path, error))?.len();
        if size > BYTES_MAX {
            return Err(Error::job(format!("playbook {name_or_path} has {size} bytes; at most {BYTES_MAX} are read")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(name_or_path, error))?;
        Playbook::parse(name_or_path, &text)
    }

    /// From text; `file` is the name that errors show.
    pub fn parse(file: &str, text: &str) -> Result<Playbook> {
        let text = Text { file, text };
        check::playbook(&text, text.parse()?)
    }

    pub fn persona(&self, name: &str) -> Option<&Persona> {
        self.personas.iter().find(|persona| persona.name == name)
    }
}

fn unreadable(path: &str, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::new(Kind::InputMissing, format!("there is no playbook {path}"))
            .hint("give the path of a TOML file, or the name of one of ours"),
        _ => Error::io("read", path, error),
    }
}

#[cfg(test)]
mod tests;
