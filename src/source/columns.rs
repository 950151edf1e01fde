//! What columns a source has, which of them can be asked for as numbers or as ids, and the nearest name to a
//! misspelt one.

use std::fmt;

use arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A top-level column of the source, or a `key=value` part of its folders.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnInfo {
    pub name: String,
    pub kind: ColumnKind,
    pub(crate) data_type: DataType,
}

/// What the values of a column are; a dictionary counts as what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    Integer,
    Float,
    Decimal,
    /// As numbers: 0 and 1.
    Boolean,
    /// As numbers: days since 1970-01-01.
    Date,
    /// As numbers: seconds since 1970-01-01 00:00:00.
    Timestamp,
    /// A time of day or a duration; as numbers: seconds.
    Duration,
    Text,
    Binary,
    /// Lists, structs, intervals and other types that are neither numbers nor ids.
    Other(String),
}

impl ColumnKind {
    pub(super) fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64 => Self::Integer,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Float,
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
                Self::Decimal
            }
            DataType::Boolean => Self::Boolean,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Timestamp(..) => Self::Timestamp,
            DataType::Time32(TimeUnit::Second | TimeUnit::Millisecond)
            | DataType::Time64(TimeUnit::Microsecond | TimeUnit::Nanosecond)
            | DataType::Duration(_) => Self::Duration,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::Binary
            }
            DataType::Dictionary(_, values) if !matches!(**values, DataType::Dictionary(..)) => Self::of(values),
            other => Self::Other(other.to_string()),
        }
    }

    /// Can be asked for as f64.
    pub fn is_numeric(&self) -> bool {
        !matches!(self, Self::Text | Self::Binary | Self::Other(_))
    }

    /// Can be asked for as text, to be counted.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::Boolean)
    }

    /// Can tell customers apart. A boolean has two values; lists and structs have no order.
    pub fn is_id(&self) -> bool {
        !matches!(self, Self::Boolean | Self::Other(_))
    }
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Other(name) => name,
        })
    }
}

/// The position of `name`, or an error with the name that was probably meant.
pub(super) fn find(columns: &[ColumnInfo], name: &str) -> Result<usize> {
    if let Some(found) = columns.iter().position(|column| column.name == name) {
        return Ok(found);
    }
    let error = Error::bad_data(format!("there is no column {name:?}"));
    Err(match nearest(columns, name) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error.hint(format!("the columns are: {}", listed(columns))),
    })
}

/// The column whose name is most like `name`, if any is alike enough to be what was meant.
fn nearest<'a>(columns: &'a [ColumnInfo], name: &str) -> Option<&'a str> {
    /// Jaro-Winkler similarity from which a name is worth proposing.
    const ALIKE: f64 = 0.7;
    let wanted = name.to_lowercase();
    columns
        .iter()
        .map(|column| (strsim::jaro_winkler(&column.name.to_lowercase(), &wanted), column.name.as_str()))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, name)| name)
}

/// The first few names, for a message.
fn listed(columns: &[ColumnInfo]) -> String {
    const SHOWN: usize = 20;
    let mut names: Vec<&str> = columns.iter().take(SHOWN).map(|column| column.name.as_str()).collect();
    if columns.len() > SHOWN {
        names.push("..");
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<ColumnInfo> {
        names
            .iter()
            .map(|name| ColumnInfo { name: (*name).into(), kind: ColumnKind::Integer, data_type: DataType::Int64 })
            .collect()
    }

    #[test]
    fn a_misspelt_column_is_answered_with_the_nearest_name() {
        let columns = columns(&["customer_id", "recency", "frequency", "monetary"]);
        assert_eq!(find(&columns, "monetary").ok(), Some(3));
        let error = find(&columns, "Monetery").err();
        assert_eq!(error.as_ref().and_then(|e| e.hint_text()), Some("did you mean \"monetary\"?"));
        assert!(error.is_some_and(|e| e.to_string().contains("there is no column \"Monetery\"")));
    }

    #[test]
    fn a_name_like_nothing_is_answered_with_what_there_is() {
        let error = find(&columns(&["recency", "frequency"]), "xyz").err();
        assert_eq!(
            error.and_then(|e| e.hint_text().map(String::from)),
            Some("the columns are: recency, frequency".into())
        );
    }

    #[test]
    fn a_dictionary_counts_as_what_it_holds() {
        let dictionary = |values| DataType::Dictionary(Box::new(DataType::Int32), Box::new(values));
        assert_eq!(ColumnKind::of(&dictionary(DataType::Float64)), ColumnKind::Float);
        assert_eq!(ColumnKind::of(&dictionary(DataType::Utf8)), ColumnKind::Text);
        assert!(!ColumnKind::of(&dictionary(dictionary(DataType::Int8))).is_numeric());
    }
}
