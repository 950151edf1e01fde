//! A playbook as it is written in TOML, before it is checked. Places are kept, so that what does not make sense can be
//! shown where it stands. The JSON Schema of playbooks is made from these types, and their comments are its texts.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use toml::Spanned;

use crate::error::{Error, Place, Result};
use crate::job::nearest;

use super::advice::{BusinessValue, Calendar, Horizons, Level, Monitor, Tactic, Target};
use super::span::Span;
use super::words::Word;

/// A set of personas with what to do about each.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPlaybook {
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    pub(super) title: String,
    pub(super) description: String,
    /// Columns that personas speak about, whatever a table calls them.
    #[schemars(with = "BTreeMap<String, WrittenRole>")]
    pub(super) roles: BTreeMap<Spanned<String>, WrittenRole>,
    /// What "now", "next" and "later" mean in time.
    #[serde(default)]
    pub(super) horizons: Option<Horizons>,
    /// Actions that concern all personas.
    #[serde(default)]
    pub(super) calendar: Calendar,
    /// What to look at again and again.
    #[serde(default, rename = "monitor")]
    pub(super) monitors: Vec<Monitor>,
    #[serde(rename = "persona")]
    pub(super) personas: Vec<WrittenPersona>,
}

/// A column that personas speak about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRole {
    /// What the column holds, and in which unit.
    pub(super) meaning: String,
    /// Names that tables often give it; the first that a table has is taken, whatever its case and separators.
    #[serde(default)]
    pub(super) columns: Vec<String>,
    /// How to say that a mean is lower than another: "more recent".
    pub(super) lower: Option<String>,
    /// How to say that a mean is higher than another.
    pub(super) higher: Option<String>,
}

/// A kind of customer: how a cluster earns the name, and what to do about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPersona {
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    pub(super) story: String,
    pub(super) priority: Level,
    pub(super) business_value: BusinessValue,
    /// What must hold, by role.
    #[schemars(with = "BTreeMap<String, WrittenAsked>")]
    pub(super) required: Conditions,
    /// What raises the score as far as it holds, by role.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, WrittenAsked>")]
    pub(super) typical: Conditions,
    /// What must not hold, by role.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, WrittenAsked>")]
    pub(super) forbidden: Conditions,
    #[serde(default, rename = "insight")]
    pub(super) insights: Vec<WrittenInsight>,
    pub(super) objective: String,
    #[serde(default, rename = "tactic")]
    pub(super) tactics: Vec<Tactic>,
    #[serde(default, rename = "kpi")]
    pub(super) kpis: Vec<WrittenKpi>,
    /// Per cent of the marketing budget; over all personas at most 100.
    #[schemars(with = "Option<f64>")]
    pub(super) budget_share: Option<Spanned<f64>>,
    #[serde(default)]
    pub(super) notes: Vec<String>,
    /// Actions that concern this persona.
    #[serde(default)]
    pub(super) calendar: Calendar,
    #[serde(default, rename = "move")]
    pub(super) moves: Vec<WrittenMove>,
}

/// A sentence about the customers of a persona. It has an `if`, and is said where the figures of a cluster meet it, or
/// a `test`, and is a hypothesis.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenInsight {
    #[schemars(with = "String")]
    pub(super) says: Spanned<String>,
    /// What must hold for the sentence to be true, by role.
    #[serde(default, rename = "if")]
    #[schemars(with = "BTreeMap<String, WrittenAsked>")]
    pub(super) only_if: Conditions,
    /// How to find out whether it is true.
    pub(super) test: Option<String>,
}

/// A figure to watch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenKpi {
    pub(super) name: String,
    /// A number, a floor (`at_least`), a cap (`at_most`), or a range.
    #[schemars(with = "Option<Target>")]
    pub(super) target: Option<Spanned<Target>>,
    /// Of the target and of the baseline; "currency" stands for the table's own.
    pub(super) unit: Option<String>,
    /// The time that the target is for.
    pub(super) window: Option<Span>,
    /// What the data says today.
    pub(super) baseline: Option<WrittenBaseline>,
    /// Where the target comes from.
    pub(super) origin: Option<String>,
}

/// The mean of one role, or the ratio of the means of two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenBaseline {
    #[schemars(with = "String")]
    pub(super) mean: Spanned<String>,
    #[schemars(with = "Option<String>")]
    pub(super) per: Option<Spanned<String>>,
}

/// A way from this persona to another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenMove {
    /// The name of the other persona.
    #[schemars(with = "String")]
    pub(super) to: Spanned<String>,
    /// Whether to help it along, or to prevent it.
    pub(super) wanted: bool,
    /// What makes a customer move.
    pub(super) trigger: String,
    pub(super) within: Option<Span>,
    /// What to do about it.
    pub(super) action: String,
}

/// Role -> what is asked of it.
pub(super) type Conditions = BTreeMap<Spanned<String>, Spanned<WrittenAsked>>;

/// A word, or bounds: `lift_` ones on the scale of the words, `index_` ones in per cent of the average of all customers,
/// `quantile_` ones for the median of the segment, as quantiles of all customers, the others in the column's unit.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InFull {
    pub(super) is: Option<Word>,
    pub(super) lift_at_least: Option<f64>,
    pub(super) lift_at_most: Option<f64>,
    pub(super) index_at_least: Option<f64>,
    pub(super) index_at_most: Option<f64>,
    /// 0.25, 0.5 or 0.75; 0.75: half of the segment are among the highest quarter of all customers.
    #[schemars(extend("enum" = [0.25, 0.5, 0.75, null]))]
    pub(super) quantile_at_least: Option<f64>,
    /// 0.25, 0.5 or 0.75.
    #[schemars(extend("enum" = [0.25, 0.5, 0.75, null]))]
    pub(super) quantile_at_most: Option<f64>,
    pub(super) at_least: Option<f64>,
    pub(super) at_most: Option<f64>,
    /// Its part in the score: 2 for what is required, 1 for what is typical, unless it says otherwise.
    pub(super) weight: Option<f64>,
}

/// `"high"`, `{ is = "high", weight = 2.0 }` or `{ at_most = 2.0 }`.
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

impl JsonSchema for WrittenAsked {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (word, in_full) = (generator.subschema_for::<Word>(), generator.subschema_for::<InFull>());
        json_schema!({ "anyOf": [word, in_full] })
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

    /// An error about a name that does not exist, with the nearest that does.
    pub(super) fn unknown<'n>(
        &self,
        what: &str,
        name: &Spanned<String>,
        known: impl Iterator<Item = &'n str>,
        otherwise: &str,
    ) -> Error {
        let error = self.error(name.span().start, &format!("no {what} is called {:?}", name.get_ref()));
        error.hint(match nearest(name.get_ref(), known) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => otherwise.to_owned(),
        })
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
