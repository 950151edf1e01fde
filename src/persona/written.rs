//! A playbook as it is written in TOML, before it is checked. Places are kept, so that what does not make sense can be
//! shown where it stands.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use toml::Spanned;

use crate::error::{Error, Place, Result};
use crate::job::nearest;

use super::playbook::{BusinessValue, Kpi, Level, Tactic};
use super::words::Word;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPlaybook {
    pub(super) name: Spanned<String>,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) roles: BTreeMap<Spanned<String>, WrittenRole>,
    #[serde(rename = "persona")]
    pub(super) personas: Vec<WrittenPersona>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRole {
    pub(super) meaning: String,
    #[serde(default)]
    pub(super) columns: Vec<String>,
    pub(super) lower: Option<String>,
    pub(super) higher: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPersona {
    pub(super) name: Spanned<String>,
    pub(super) story: String,
    pub(super) priority: Level,
    pub(super) business_value: BusinessValue,
    pub(super) required: Conditions,
    #[serde(default)]
    pub(super) typical: Conditions,
    #[serde(default)]
    pub(super) forbidden: Conditions,
    pub(super) objective: String,
    #[serde(default, rename = "tactic")]
    pub(super) tactics: Vec<Tactic>,
    #[serde(default, rename = "kpi")]
    pub(super) kpis: Vec<Kpi>,
}

/// Role -> what is asked of it.
pub(super) type Conditions = BTreeMap<Spanned<String>, Spanned<WrittenAsked>>;

/// `"high"`, `{ is = "high", weight = 2.0 }` or `{ at_most = 2.0 }`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InFull {
    pub(super) is: Option<Word>,
    pub(super) at_least: Option<f64>,
    pub(super) at_most: Option<f64>,
    pub(super) weight: Option<f64>,
}

#[derive(Debug)]
pub(super) struct WrittenAsked(pub(super) InFull);

impl<'de> Deserialize<'de> for WrittenAsked {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AskedVisitor;

        impl<'de> Visitor<'de> for AskedVisitor {
            type Value = WrittenAsked;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word such as \"high\", { is = \"high\", weight = 2.0 }, or { at_most = 2.0 }")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<WrittenAsked, E> {
                let word = Word::deserialize(serde::de::value::StrDeserializer::new(word))?;
                Ok(WrittenAsked(InFull { is: Some(word), ..InFull::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WrittenAsked, A::Error> {
                InFull::deserialize(MapAccessDeserializer::new(map)).map(WrittenAsked)
            }
        }

        deserializer.deserialize_any(AskedVisitor)
    }
}

/// A playbook's text with the name it is shown by in errors.
pub(super) struct Text<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Text<'_> {
    pub(super) fn parse(&self) -> Result<WrittenPlaybook> {
        toml::from_str(self.text).map_err(|error| {
            let wrong = self.error(error.span().map_or(0, |span| span.start), error.message());
            match nearest_expected(error.message()) {
                Some(nearest) => wrong.hint(format!("did you mean `{nearest}`?")),
                None => wrong,
            }
        })
    }

    /// An error that shows where in the playbook it lies.
    pub(super) fn error(&self, offset: usize, message: &str) -> Error {
        let before = self.text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        let place = Place { file: Some(self.file.to_owned()), line: Some((line, column)), ..Place::default() };
        Error::job(format!("playbook: {message}")).at(place)
    }
}

/// Of a message "unknown field `x`, expected one of `a`, `b`": the expected one most like `x`.
fn nearest_expected(message: &str) -> Option<&str> {
    if !message.starts_with("unknown") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let found = quoted.next()?;
    nearest(found, quoted)
}
