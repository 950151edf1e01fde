//! What a playbook advises for the customers of a persona: tactics, figures to watch, moves to other personas, actions
//! by horizon. Plain texts with the few numbers that a report must be able to place: times, targets, shares.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::asked::Bounds;
use super::span::Span;

/// A unit that stands for whatever currency the table is in.
pub const CURRENCY: &str = "currency";

/// How much attention a persona deserves, or how much it is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Low => "low",
            Level::LowToMedium => "low to medium",
            Level::Medium => "medium",
            Level::High => "high",
            Level::VeryHigh => "very high",
        })
    }
}

/// What the customers of a persona are worth, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessValue {
    pub rating: Level,
    pub reason: String,
}

/// One thing to do, in steps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tactic {
    pub title: String,
    pub actions: Vec<String>,
    /// What the customer gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    /// Where it reaches the customer: e-mail, text message, telephone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// What sets it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// Waiting time after the trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// Time after the trigger by which it must have happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// Who does not get it, and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave_out: Option<LeaveOut>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveOut {
    pub who: String,
    pub until: String,
}

/// A number to reach, or bounds: a floor, a cap, a range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Target {
    Number(f64),
    Bounds(Bounds),
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TargetVisitor;

        impl<'de> Visitor<'de> for TargetVisitor {
            type Value = Target;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or { at_least = 5, at_most = 10 }, or one of the two")
            }

            fn visit_f64<E>(self, number: f64) -> Result<Target, E> {
                Ok(Target::Number(number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Target, E> {
                Ok(Target::Number(number as f64))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Target, E> {
                Ok(Target::Number(number as f64))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Target, A::Error> {
                Bounds::deserialize(MapAccessDeserializer::new(map)).map(Target::Bounds)
            }
        }

        deserializer.deserialize_any(TargetVisitor)
    }
}

impl Target {
    /// In words, with its unit and the time it is for: "5 to 10 % within 1 year".
    pub fn in_words(&self, unit: Option<&str>, window: Option<Span>) -> String {
        let unit = match unit {
            Some(CURRENCY) => " in the table's currency".to_owned(),
            Some(unit) => format!(" {unit}"),
            None => String::new(),
        };
        let window = window.map_or_else(String::new, |window| format!(" within {window}"));
        match self {
            Target::Number(number) => format!("{number}{unit}{window}"),
            Target::Bounds(Bounds { at_least: Some(least), at_most: Some(most) }) => {
                format!("{least} to {most}{unit}{window}")
            }
            Target::Bounds(Bounds { at_least: Some(least), at_most: None }) => {
                format!("at least {least}{unit}{window}")
            }
            Target::Bounds(Bounds { at_least: None, at_most: Some(most) }) => format!("at most {most}{unit}{window}"),
            Target::Bounds(Bounds { at_least: None, at_most: None }) => String::new(),
        }
    }
}

/// A figure to watch. The baseline names roles: `mean` alone is the mean of a column over the customers of a cluster,
/// `mean` and `per` the ratio of two means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kpi {
    pub name: String,
    pub target: Option<Target>,
    /// Of the target and of the baseline; [`CURRENCY`] stands for the table's own.
    pub unit: Option<String>,
    /// The time that the target is for.
    pub window: Option<Span>,
    pub baseline: Option<BaselineOf>,
    /// Where the target comes from.
    pub origin: Option<String>,
}

/// The roles that a baseline is computed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaselineOf {
    pub mean: String,
    pub per: Option<String>,
}

/// A way from one persona to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The persona that customers would move to.
    pub to: String,
    /// Whether it is to be helped along, or prevented.
    pub wanted: bool,
    /// What makes a customer move.
    pub trigger: String,
    pub within: Option<Span>,
    /// What to do about it.
    pub action: String,
}

/// Actions by horizon. What the horizons mean in time stands in the playbook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Calendar {
    pub now: Vec<String>,
    pub next: Vec<String>,
    pub later: Vec<String>,
}

/// What "now", "next" and "later" mean: "the first month".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Horizons {
    pub now: String,
    pub next: String,
    pub later: String,
}

/// A figure to look at again and again, for all personas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Monitor {
    pub metric: String,
    /// What it belongs to: "segment health", "business impact".
    pub topic: String,
    pub every: Span,
    /// Data that a run does not see: campaign spending, opened mails. Absent where a run computes the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_read_as_people_say_them() {
        let bounds = |at_least, at_most| Target::Bounds(Bounds { at_least, at_most });
        let year = Span::try_from("1 year".to_owned()).ok();
        assert_eq!(bounds(Some(5.0), Some(10.0)).in_words(Some("%"), year), "5 to 10 % within 1 year");
        assert_eq!(bounds(None, Some(20.0)).in_words(Some(CURRENCY), None), "at most 20 in the table's currency");
        assert_eq!(bounds(Some(3.0), None).in_words(None, None), "at least 3");
        assert_eq!(Target::Number(25.0).in_words(Some("%"), None), "25 %");
    }

    #[test]
    fn a_target_is_a_number_or_bounds() {
        let of = |text: &str| serde_json::from_str::<Target>(text);
        assert_eq!(of("25").unwrap(), Target::Number(25.0));
        assert_eq!(of("2.5").unwrap(), Target::Number(2.5));
        let cap = Target::Bounds(Bounds { at_least: None, at_most: Some(20.0) });
        assert_eq!(of(r#"{"at_most": 20}"#).unwrap(), cap);
        assert!(of(r#""25 %""#).is_err() && of(r#"{"most": 20}"#).is_err());
    }
}
