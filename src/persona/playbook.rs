//! A checked playbook: personas, what each asks of a cluster, and what to do about the customers who fit.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::job::nearest;

use super::asked::{Asked, Bounds};
use super::written::{Conditions, InFull, Text, WrittenPersona, WrittenPlaybook};

/// Playbooks that come with segmint, by name.
const OURS: &[(&str, &str)] = &[("rfm", include_str!("../../data/playbooks/rfm.toml"))];

/// Largest playbook file, in bytes: a book of texts, not of data.
const BYTES_MAX: u64 = 1 << 20;

/// Most personas in a playbook. Matching costs their number squared, and nobody runs more campaigns.
const PERSONAS_MAX: usize = 64;

/// Weight of a condition that states none. What must hold also says most about how well it fits.
const REQUIRED_WEIGHT: f64 = 2.0;
const TYPICAL_WEIGHT: f64 = 1.0;

/// Largest weight of a condition.
const WEIGHT_MAX: f64 = 1000.0;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Playbook {
    pub name: String,
    pub title: String,
    pub description: String,
    pub roles: Vec<Role>,
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
    pub objective: String,
    pub tactics: Vec<Tactic>,
    pub kpis: Vec<Kpi>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    #[serde(rename = "low")]
    Low,
    #[serde(rename = "low to medium")]
    LowToMedium,
    #[serde(rename = "medium")]
    Medium,
    #[serde(rename = "high")]
    High,
    #[serde(rename = "very high")]
    VeryHigh,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusinessValue {
    pub rating: Level,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tactic {
    pub title: String,
    pub actions: Vec<String>,
}

/// A figure to watch, with the target the playbook sets, where it sets one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kpi {
    pub name: String,
    pub target: Option<String>,
}

impl Playbook {
    /// One of ours by name, or a file: whatever ends in `.toml` or names a folder is a path.
    pub fn load(name_or_path: &str) -> Result<Playbook> {
        if let Some((name, text)) = OURS.iter().find(|(name, _)| *name == name_or_path) {
            return Playbook::parse(&format!("{name}.toml"), text);
        }
        if !name_or_path.ends_with(".toml") && !name_or_path.contains(['/', '\\']) {
            let names: Vec<&str> = OURS.iter().map(|(name, _)| *name).collect();
            return Err(Error::job(format!("no playbook is called {name_or_path:?}"))
                .hint(format!("ours are: {}; your own is given by its path, ending in .toml", names.join(", "))));
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
        let written = text.parse()?;
        check_names(&text, &written)?;
        let WrittenPlaybook { name, title, description, roles, personas } = written;
        let roles: Vec<Role> = roles
            .into_iter()
            .map(|(name, role)| {
                let name = name.into_inner();
                Role {
                    lower: role.lower.unwrap_or_else(|| format!("lower {name}")),
                    higher: role.higher.unwrap_or_else(|| format!("higher {name}")),
                    name,
                    meaning: role.meaning,
                    columns: role.columns,
                }
            })
            .collect();
        let personas = personas.into_iter().map(|persona| checked(&text, &roles, persona)).collect::<Result<_>>()?;
        Ok(Playbook { name: name.into_inner(), title, description, roles, personas, text: text.text.to_owned() })
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

fn check_names(text: &Text, written: &WrittenPlaybook) -> Result<()> {
    let name = &written.name;
    if name.get_ref().trim().is_empty() {
        return Err(text.error(name.span().start, "a playbook needs a name"));
    }
    if written.personas.is_empty() || written.personas.len() > PERSONAS_MAX {
        let found = written.personas.len();
        return Err(text.error(0, &format!("{found} personas; there must be 1 to {PERSONAS_MAX}")));
    }
    for (index, persona) in written.personas.iter().enumerate() {
        let (name, at) = (persona.name.get_ref(), persona.name.span().start);
        if name.trim().is_empty() {
            return Err(text.error(at, "a persona needs a name"));
        }
        if written.personas.iter().take(index).any(|earlier| earlier.name.get_ref() == name) {
            return Err(text.error(at, &format!("two personas are called {name:?}")));
        }
    }
    Ok(())
}

fn checked(text: &Text, roles: &[Role], written: WrittenPersona) -> Result<Persona> {
    if written.required.is_empty() {
        let at = written.name.span().start;
        return Err(text
            .error(
                at,
                &format!("persona {:?} requires nothing, so every cluster would earn it", written.name.get_ref()),
            )
            .hint("add a condition under `required`"));
    }
    let mut conditions = Vec::new();
    add_conditions(text, roles, written.required, Importance::Required, &mut conditions)?;
    add_conditions(text, roles, written.typical, Importance::Typical, &mut conditions)?;
    add_conditions(text, roles, written.forbidden, Importance::Forbidden, &mut conditions)?;
    Ok(Persona {
        name: written.name.into_inner(),
        story: written.story,
        priority: written.priority,
        business_value: written.business_value,
        conditions,
        objective: written.objective,
        tactics: written.tactics,
        kpis: written.kpis,
    })
}

fn add_conditions(
    text: &Text,
    roles: &[Role],
    written: Conditions,
    importance: Importance,
    conditions: &mut Vec<Condition>,
) -> Result<()> {
    for (role, asked) in written {
        let (role_at, asked_at, role) = (role.span().start, asked.span().start, role.into_inner());
        let written = asked.into_inner().0;
        let asked = checked_asked(&written).map_err(|message| text.error(asked_at, message))?;
        if !roles.iter().any(|known| known.name == role) {
            let error = text.error(role_at, &format!("no role is called {role:?}"));
            return Err(match nearest(&role, roles.iter().map(|known| known.name.as_str())) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error.hint(format!("declare it under [roles.{role}]")),
            });
        }
        let weight = match (importance, written.weight) {
            (Importance::Forbidden, None) => 0.0,
            (Importance::Forbidden, Some(_)) => {
                return Err(text.error(asked_at, "what is forbidden has no weight: it rules the persona out"));
            }
            (Importance::Required, None) => REQUIRED_WEIGHT,
            (Importance::Typical, None) => TYPICAL_WEIGHT,
            (_, Some(weight)) if weight > 0.0 && weight <= WEIGHT_MAX => weight,
            (_, Some(weight)) => {
                let allowed = format!("a weight is above 0 and at most {WEIGHT_MAX}, not {weight}");
                return Err(text.error(asked_at, &allowed));
            }
        };
        let rules_out = |earlier: &&Condition| {
            earlier.role == role && earlier.importance == Importance::Required && earlier.asked.implies(&asked)
        };
        if importance == Importance::Forbidden
            && let Some(required) = conditions.iter().find(rules_out)
        {
            let required = required.asked;
            return Err(
                text.error(asked_at, &format!("{role} must be {required}, so it cannot be forbidden to be {asked}"))
            );
        }
        conditions.push(Condition { role, asked, importance, weight });
    }
    Ok(())
}

/// A word or bounds, and not both.
fn checked_asked(written: &InFull) -> Result<Asked, &'static str> {
    let bounds = Bounds { at_least: written.at_least, at_most: written.at_most };
    match (written.is, bounds) {
        (Some(word), Bounds { at_least: None, at_most: None }) => Ok(Asked::Word(word)),
        (Some(_), _) => Err("a condition is a word or has bounds, not both"),
        (None, Bounds { at_least: None, at_most: None }) => Err("a condition needs a word or a bound"),
        (None, _) if [bounds.at_least, bounds.at_most].into_iter().flatten().any(|bound| !bound.is_finite()) => {
            Err("a bound is a finite number")
        }
        (None, Bounds { at_least: Some(least), at_most: Some(most) }) if least > most => {
            Err("`at_least` is above `at_most`")
        }
        (None, _) => Ok(Asked::Bounds(bounds)),
    }
}

#[cfg(test)]
mod tests;
