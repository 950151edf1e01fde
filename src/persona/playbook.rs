//! A checked playbook: personas, what each asks of a cluster, and what to do about the customers who fit.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::job::nearest;

use super::words::Word;
use super::written::{Conditions, Text, WrittenPersona, WrittenPlaybook};

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
    pub word: Word,
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
        let asked = asked.into_inner();
        if !roles.iter().any(|known| known.name == role) {
            let error = text.error(role_at, &format!("no role is called {role:?}"));
            return Err(match nearest(&role, roles.iter().map(|known| known.name.as_str())) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error.hint(format!("declare it under [roles.{role}]")),
            });
        }
        let weight = match (importance, asked.weight) {
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
            earlier.role == role && earlier.importance == Importance::Required && earlier.word.implies(asked.word)
        };
        if importance == Importance::Forbidden
            && let Some(required) = conditions.iter().find(rules_out)
        {
            let (asked, required) = (asked.word, required.word);
            return Err(
                text.error(asked_at, &format!("{role} must be {required}, so it cannot be forbidden to be {asked}"))
            );
        }
        conditions.push(Condition { role, word: asked.word, importance, weight });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
name = "small"
title = "t"
description = "d"
[roles.spend]
meaning = "money"
columns = ["spend"]
[[persona]]
name = "Rich"
story = "s"
priority = "low to medium"
business_value = { rating = "high", reason = "r" }
required = { spend = "high" }
typical = { spend = { is = "very high", weight = 2.5 } }
objective = "o"
"#;

    fn error(from: &str, to: &str) -> Error {
        assert!(SMALL.contains(from));
        Playbook::parse("small.toml", &SMALL.replace(from, to)).unwrap_err()
    }

    fn place_of(error: &Error) -> Option<(usize, usize)> {
        error.place().line
    }

    #[test]
    fn our_playbooks_are_those_a_job_may_name_and_can_be_read() {
        assert_eq!(OURS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), crate::job::PLAYBOOKS);
        for (name, _) in OURS {
            let playbook = Playbook::load(name).unwrap();
            assert_eq!(playbook.name, *name);
            for persona in &playbook.personas {
                assert!(!persona.tactics.is_empty() && !persona.kpis.is_empty(), "{}", persona.name);
            }
        }
    }

    #[test]
    fn conditions_keep_their_words_and_weights() {
        let playbook = Playbook::parse("small.toml", SMALL).unwrap();
        let conditions = &playbook.personas[0].conditions;
        let seen: Vec<(Word, Importance, f64)> = conditions.iter().map(|c| (c.word, c.importance, c.weight)).collect();
        assert_eq!(seen, [(Word::High, Importance::Required, 2.0), (Word::VeryHigh, Importance::Typical, 2.5)]);
        assert_eq!(playbook.roles[0].higher, "higher spend");
    }

    #[test]
    fn an_unknown_key_is_shown_with_its_place_and_the_nearest_right_one() {
        let error = error("objective = ", "objektive = ");
        assert_eq!(error.kind(), Kind::JobFile);
        assert_eq!(place_of(&error), Some((15, 1)));
        assert_eq!(error.hint_text(), Some("did you mean `objective`?"));
    }

    #[test]
    fn an_unknown_word_is_shown_with_its_place_and_the_nearest_right_one() {
        let wrong = error("{ spend = \"high\" }", "{ spend = \"hihg\" }");
        assert_eq!(place_of(&wrong), Some((13, 22)));
        assert_eq!(wrong.hint_text(), Some("did you mean `high`?"));
        let wrong = error("is = \"very high\"", "is = \"very hi\"");
        assert_eq!(place_of(&wrong).map(|(line, _)| line), Some(14));
        assert_eq!(wrong.hint_text(), Some("did you mean `very high`?"));
    }

    #[test]
    fn a_role_that_is_not_declared_is_shown_with_its_place() {
        let wrong = error("required = { spend", "required = { spent");
        assert_eq!(place_of(&wrong), Some((13, 14)));
        assert_eq!(wrong.hint_text(), Some("did you mean `spend`?"));
    }

    #[test]
    fn a_persona_that_anyone_or_no_one_could_earn_is_refused() {
        assert!(error("{ spend = \"high\" }", "{}").to_string().contains("requires nothing"));
        let never = error("objective", "forbidden = { spend = \"high\" }\nobjective");
        assert!(never.to_string().contains("cannot be forbidden"), "{never}");
        assert_eq!(place_of(&never).map(|(line, _)| line), Some(15));
    }

    #[test]
    fn weights_are_positive_and_only_for_what_can_hold() {
        for weight in ["0.0", "-1.0", "nan", "inf", "1e9"] {
            assert!(error("2.5", weight).to_string().contains("weight"), "{weight}");
        }
        let wrong = error("typical", "forbidden");
        assert!(wrong.to_string().contains("forbidden"), "{wrong}");
    }

    #[test]
    fn two_personas_of_one_name_are_refused() {
        let persona = SMALL.find("[[persona]]").map(|at| &SMALL[at..]).unwrap();
        let wrong = Playbook::parse("small.toml", &format!("{SMALL}{persona}")).unwrap_err();
        assert_eq!(place_of(&wrong), Some((17, 8)));
    }

    #[test]
    fn a_playbook_that_is_not_there_says_what_is() {
        let unknown = Playbook::load("rfn").unwrap_err();
        assert!(unknown.hint_text().is_some_and(|hint| hint.contains("rfm")));
        assert_eq!(Playbook::load("no/such.toml").unwrap_err().kind(), Kind::InputMissing);
    }
}
