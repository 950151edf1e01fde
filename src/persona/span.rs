//! A length of time as people write it: "24 hours", "14 days", "6 months".

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A whole number of a unit, at least one. Months and years are those of the calendar, so nothing is converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^[1-9][0-9]* (hour|day|week|month|year)s?$"))]
pub struct Span {
    pub number: u32,
    pub unit: SpanUnit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanUnit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

const UNITS: [(&str, SpanUnit); 5] = [
    ("hour", SpanUnit::Hour),
    ("day", SpanUnit::Day),
    ("week", SpanUnit::Week),
    ("month", SpanUnit::Month),
    ("year", SpanUnit::Year),
];

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Span, String> {
        let parsed = text.split_once(' ').and_then(|(number, unit)| {
            let number: u32 = number.parse().ok().filter(|&number| number > 0)?;
            let singular = unit.strip_suffix('s').unwrap_or(unit);
            let (_, unit) = UNITS.iter().find(|(name, _)| *name == singular)?;
            Some(Span { number, unit: *unit })
        });
        parsed.ok_or_else(|| {
            format!("{text:?} is no length of time; allowed: hours, days, weeks, months or years, as in \"14 days\"")
        })
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = UNITS.iter().find(|(_, unit)| *unit == self.unit).map_or("", |(name, _)| name);
        write!(f, "{} {name}{}", self.number, if self.number == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_they_are_written() {
        for text in ["24 hours", "14 days", "1 week", "6 months", "1 year"] {
            assert_eq!(Span::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        for wrong in ["", "14", "days", "0 days", "-1 day", "1.5 days", "14 dogs", "14  days", "two weeks"] {
            assert!(Span::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
