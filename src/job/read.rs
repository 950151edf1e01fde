//! Readers of single values: from a [`Given`] to a number, a word, a size or a list, or to an error that says what was
//! found, where, and what is allowed. They know no setting.

use std::ops::RangeInclusive;

use super::setting::nearest;
use super::written::{Entry, Given, Raw};
use crate::error::{Error, Result};

fn wrong(given: &Given, key: &str, allowed: &str) -> Error {
    given.origin.error(format!("`{key}` is {}; allowed: {allowed}", given.raw))
}

/// A text that is not empty.
pub(super) fn text(given: &Given, key: &str) -> Result<String> {
    match &given.raw {
        Raw::Typed(text) | Raw::Text(text) if !text.is_empty() => Ok(text.clone()),
        _ => Err(wrong(given, key, "a text that is not empty")),
    }
}

pub(super) fn whole(given: &Given, key: &str, min: u64, max: u64) -> Result<u64> {
    let value = match &given.raw {
        Raw::Typed(text) => text.trim().parse().ok(),
        Raw::Whole(value) => u64::try_from(*value).ok(),
        _ => None,
    };
    value
        .filter(|value| (min..=max).contains(value))
        .ok_or_else(|| wrong(given, key, &format!("a whole number from {min} to {max}")))
}

/// Two whole numbers, the first not above the second: `[2, 10]` in a file, `2..10` anywhere.
pub(super) fn range(given: &Given, key: &str, min: u64, max: u64) -> Result<RangeInclusive<usize>> {
    let ends = match &given.raw {
        Raw::Typed(text) | Raw::Text(text) => text.split_once("..").and_then(|(from, to)| {
            let to = to.strip_prefix('=').unwrap_or(to);
            Some((from.trim().parse::<u64>().ok()?, to.trim().parse::<u64>().ok()?))
        }),
        Raw::List(items) => match items.as_slice() {
            [from, to] => Some((whole(from, key, min, max)?, whole(to, key, min, max)?)),
            _ => None,
        },
        _ => None,
    };
    let allowed = || format!("two whole numbers from {min} to {max}, the smaller first, such as 2..10");
    let ends = ends.filter(|(from, to)| min <= *from && from <= to && *to <= max);
    ends.map(|(from, to)| from as usize..=to as usize).ok_or_else(|| wrong(given, key, &allowed()))
}

/// A finite number that passes `fits`, described by `allowed`.
pub(super) fn number(given: &Given, key: &str, allowed: &str, fits: impl Fn(f64) -> bool) -> Result<f64> {
    let value = match &given.raw {
        Raw::Typed(text) => text.trim().parse().ok(),
        Raw::Whole(value) => Some(*value as f64),
        Raw::Number(value) => Some(*value),
        _ => None,
    };
    value.filter(|value: &f64| value.is_finite() && fits(*value)).ok_or_else(|| wrong(given, key, allowed))
}

pub(super) fn truth(given: &Given, key: &str) -> Result<bool> {
    match &given.raw {
        Raw::Truth(value) => Ok(*value),
        Raw::Typed(text) if matches!(text.as_str(), "true" | "1") => Ok(true),
        Raw::Typed(text) if matches!(text.as_str(), "false" | "0") => Ok(false),
        _ => Err(wrong(given, key, "true or false")),
    }
}

/// One of the words, by its index.
pub(super) fn word<T: Copy>(given: &Given, key: &str, words: &[(&str, T)]) -> Result<T> {
    let names = || words.iter().map(|(name, _)| *name);
    let found = match &given.raw {
        Raw::Typed(text) | Raw::Text(text) => text.as_str(),
        _ => "",
    };
    if let Some((_, value)) = words.iter().find(|(name, _)| *name == found) {
        return Ok(*value);
    }
    let error = wrong(given, key, &names().collect::<Vec<_>>().join(", "));
    Err(match nearest(found, names()) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error,
    })
}

/// A list of texts: `["a", "b"]` in a file, `a,b` in a flag or a variable.
pub(super) fn texts(given: &Given, key: &str) -> Result<Vec<Given>> {
    let items = match &given.raw {
        Raw::List(items) => items.clone(),
        Raw::Typed(text) => text
            .split(',')
            .map(|item| Given { raw: Raw::Typed(item.trim().to_owned()), origin: given.origin.clone() })
            .collect(),
        _ => return Err(wrong(given, key, "a list of texts")),
    };
    for item in &items {
        text(item, key)?;
    }
    Ok(items)
}

/// What the keys and values of a table of texts are, for messages.
pub(super) struct Pairs {
    /// A pair.
    pub what: &'static str,
    pub left: &'static str,
    pub right: &'static str,
    pub example: (&'static str, &'static str),
}

/// A table of texts, `{ left = "right" }`, or `left=right,left=right`; no key stands in it twice.
pub(super) fn pairs(given: &Given, key: &str, of: &Pairs) -> Result<Vec<(String, String)>> {
    let (left, right) = of.example;
    let pairs: Vec<(String, String)> = match &given.raw {
        Raw::Table(entries) => {
            let pair = |entry: &Entry| Ok((entry.key.clone(), text(&entry.value, &entry.key)?));
            entries.iter().map(pair).collect::<Result<_>>()?
        }
        Raw::Typed(typed) => {
            let pair = |item: &str| {
                let (left, right) = item.split_once('=')?;
                let (left, right) = (left.trim(), right.trim());
                (!left.is_empty() && !right.is_empty()).then(|| (left.to_owned(), right.to_owned()))
            };
            let pairs: Option<Vec<_>> = typed.split(',').map(pair).collect();
            pairs.ok_or_else(|| {
                let form = format!("{}={}, as in {left}={right}", of.left, of.right);
                given.origin.error(format!("{} is no {}; allowed: {form}", given.raw, of.what))
            })?
        }
        _ => return Err(wrong(given, key, &format!("a table, as in {{ {left} = {right:?} }}"))),
    };
    if let Some(twice) = (1..pairs.len()).find(|&at| pairs[..at].iter().any(|(left, _)| *left == pairs[at].0)) {
        return Err(given.origin.error(format!("the {} {:?} is given twice", of.left, pairs[twice].0)));
    }
    Ok(pairs)
}

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// A number of bytes: a whole number, or a text with a unit, such as "8GiB" or "500 MB".
pub(super) fn bytes(given: &Given, key: &str, min: u64, max: u64) -> Result<u64> {
    let value = match &given.raw {
        Raw::Whole(value) => u64::try_from(*value).ok(),
        Raw::Typed(text) | Raw::Text(text) => bytes_of(text.trim()),
        _ => None,
    };
    value.filter(|value| (min..=max).contains(value)).ok_or_else(|| {
        let allowed = format!("a size such as \"8GiB\" or \"500MB\", from {} to {}", show_bytes(min), show_bytes(max));
        wrong(given, key, &allowed)
    })
}

fn bytes_of(text: &str) -> Option<u64> {
    if let Ok(bytes) = text.parse() {
        return Some(bytes);
    }
    let (unit, factor) = UNITS.iter().find(|(unit, _)| {
        text.len() > unit.len() && text.get(text.len() - unit.len()..).is_some_and(|end| end.eq_ignore_ascii_case(unit))
    })?;
    let digits = text[..text.len() - unit.len()].trim_end();
    if let Ok(count) = digits.parse::<u64>() {
        return count.checked_mul(*factor);
    }
    let count: f64 = digits.parse().ok()?;
    let bytes = count * *factor as f64;
    (bytes.is_finite() && bytes >= 0.0 && bytes < (1u64 << 62) as f64).then_some(bytes as u64)
}

/// The shortest text that reads back as the same number of bytes.
pub(super) fn show_bytes(bytes: u64) -> String {
    match UNITS.iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Origin;

    fn typed(text: &str) -> Given {
        Given { raw: Raw::Typed(text.into()), origin: Origin::Flag("--x") }
    }

    #[test]
    fn sizes_are_read_with_and_without_units_and_shown_so_that_they_read_back() {
        let cases = [
            ("8GiB", 8 << 30),
            ("8 gib", 8 << 30),
            ("500MB", 500_000_000),
            ("1.5KiB", 1536),
            ("12345", 12345),
            ("7B", 7),
            ("3TB", 3_000_000_000_000),
        ];
        for (text, bytes) in cases {
            assert_eq!(super::bytes(&typed(text), "memory", 0, u64::MAX).unwrap(), bytes, "{text}");
            assert_eq!(bytes_of(&show_bytes(bytes)), Some(bytes));
        }
        for text in ["", "GiB", "8G", "8 giga", "-1GiB", "nanGiB", "99999999999999TiB", "infMB", "8GiBé", "é"] {
            assert!(super::bytes(&typed(text), "memory", 0, u64::MAX).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_words_and_the_nearest_of_them() {
        let error = word(&typed("standart"), "scale", &[("standard", 1), ("none", 2)]).unwrap_err();
        assert_eq!(error.to_string(), "--x: `scale` is \"standart\"; allowed: standard, none");
        assert_eq!(error.hint_text(), Some("did you mean \"standard\"?"));
    }
}
