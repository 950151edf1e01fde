//! The list of features: `[[feature]]` tables of a job file, or the short form of a flag,
//! `recency,monetary:log1p:robust,age:clip=0..100:weight=2:missing=median`, which is turned into such tables first, so
//! that both are checked by the same lines.

use super::read;
use super::setting::{FEATURE_KEYS, nearest};
use super::written::{Entry, Given, Origin, Raw};
use super::{Feature, Missing, Scale, Transform};
use crate::error::{Error, Result};

/// What the engines can hold in a row.
pub const FEATURES_MAX: usize = 512;

/// Nothing beyond this is accepted as data, so no bound or replacement beyond it makes sense.
const VALUE_MAX: f64 = 1e100;

/// Weights between these keep every scaled value far from the ends of f64.
const WEIGHT_MIN: f64 = 1e-9;
const WEIGHT_MAX: f64 = 1e9;

const TRANSFORMS: [(&str, Shape); 4] =
    [("none", Shape::None), ("log1p", Shape::Log1p), ("sqrt", Shape::Sqrt), ("clip", Shape::Clip)];

const SCALES: [(&str, Scale); 4] =
    [("standard", Scale::Standard), ("robust", Scale::Robust), ("minmax", Scale::MinMax), ("none", Scale::None)];

const MISSING: [(&str, Missing); 5] = [
    ("error", Missing::Error),
    ("drop", Missing::Drop),
    ("mean", Missing::Mean),
    ("median", Missing::Median),
    ("zero", Missing::Number(0.0)),
];

/// A transform's word, before its bounds are known.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    None,
    Log1p,
    Sqrt,
    Clip,
}

/// A checked feature with the origin of each key that was given.
pub(super) struct Listed {
    pub feature: Feature,
    pub origins: Vec<(&'static str, Origin)>,
    /// Where the feature stands.
    pub origin: Origin,
}

/// Reads the whole list, in order. No column may stand in it twice.
pub(super) fn features(given: &Given) -> Result<Vec<Listed>> {
    let tables = match &given.raw {
        Raw::List(tables) => tables.clone(),
        Raw::Typed(text) => short_form(text, &given.origin)?,
        _ => return Err(given.origin.error("`feature` is a list: write [[feature]], once for each feature")),
    };
    if tables.is_empty() || tables.len() > FEATURES_MAX {
        return Err(given.origin.error(format!("{} features; allowed: 1 to {FEATURES_MAX}", tables.len())));
    }
    let mut listed: Vec<Listed> = Vec::with_capacity(tables.len());
    for table in &tables {
        let one = feature(table)?;
        if listed.iter().any(|other| other.feature.column == one.feature.column) {
            return Err(one.origin.error(format!("the column {:?} is a feature already", one.feature.column)));
        }
        listed.push(one);
    }
    Ok(listed)
}

fn feature(given: &Given) -> Result<Listed> {
    let Raw::Table(entries) = &given.raw else {
        return Err(given.origin.error("`feature` is a list of tables: write [[feature]], once for each feature"));
    };
    let mut origins = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(key) = FEATURE_KEYS.iter().find(|key| **key == entry.key) else {
            return Err(unknown_key(entry));
        };
        origins.push((*key, entry.value.origin.clone()));
    }
    let get = |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
    let column = match get("column") {
        Some(value) => read::text(value, "column")?,
        None => return Err(given.origin.error("a feature without `column`").hint("add column = \"..\"")),
    };
    let transform = transform(get("transform"), get("low"), get("high"))?;
    let weight = get("weight").map(|value| {
        let allowed = format!("a number from {WEIGHT_MIN:?} to {WEIGHT_MAX:?}");
        read::number(value, "weight", &allowed, |weight| (WEIGHT_MIN..=WEIGHT_MAX).contains(&weight))
    });
    let scale = get("scale").map(|value| read::word(value, "scale", &SCALES));
    let missing = get("missing").map(|value| missing(value, transform));
    let feature = Feature {
        column,
        transform,
        weight: weight.transpose()?.unwrap_or(1.0),
        scale: scale.transpose()?.unwrap_or(Scale::Standard),
        missing: missing.transpose()?.unwrap_or(Missing::Error),
    };
    Ok(Listed { feature, origins, origin: given.origin.clone() })
}

fn unknown_key(entry: &Entry) -> Error {
    let error = entry.origin.error(format!("unknown key `{}` in [[feature]]", entry.key));
    match nearest(&entry.key, FEATURE_KEYS) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("[[feature]] knows: {}", FEATURE_KEYS.join(", "))),
    }
}

fn bound(given: &Given, key: &str) -> Result<f64> {
    read::number(given, key, "a number within 1e100", |value| value.abs() <= VALUE_MAX)
}

fn transform(shape: Option<&Given>, low: Option<&Given>, high: Option<&Given>) -> Result<Transform> {
    let word = shape.map(|value| read::word(value, "transform", &TRANSFORMS)).transpose()?;
    match (word.unwrap_or(Shape::None), low, high) {
        (Shape::Clip, Some(low), Some(high)) => {
            let bounds = (bound(low, "low")?, bound(high, "high")?);
            if bounds.0 >= bounds.1 {
                return Err(high.origin.error(format!("`high` is {}; allowed: more than `low`", high.raw)));
            }
            Ok(Transform::Clip { low: bounds.0, high: bounds.1 })
        }
        (Shape::Clip, ..) => {
            let origin = shape.map_or(Origin::Default, |value| value.origin.clone());
            Err(origin.error("the transform clip needs both `low` and `high`"))
        }
        (_, Some(stray), _) | (_, _, Some(stray)) => {
            Err(stray.origin.error("`low` and `high` belong to the transform clip").hint("add transform = \"clip\""))
        }
        (Shape::None, ..) => Ok(Transform::None),
        (Shape::Log1p, ..) => Ok(Transform::Log1p),
        (Shape::Sqrt, ..) => Ok(Transform::Sqrt),
    }
}

/// A policy's word or a number. The number takes the value's place before the transform, so the transform must be
/// defined for it.
fn missing(given: &Given, transform: Transform) -> Result<Missing> {
    let value = match &given.raw {
        Raw::Whole(value) => *value as f64,
        Raw::Number(value) => *value,
        Raw::Typed(text) if text.parse::<f64>().is_ok() => text.parse().unwrap_or(f64::NAN),
        _ => return read::word(given, "missing", &MISSING).map_err(|error| error_names_numbers(error, given)),
    };
    let (allowed, fits): (&str, fn(f64) -> bool) = match transform {
        Transform::Log1p => ("a number above -1, because of log1p", |value| value > -1.0),
        Transform::Sqrt => ("a number of at least 0, because of sqrt", |value| value >= 0.0),
        Transform::None | Transform::Clip { .. } => ("a number within 1e100", |_| true),
    };
    read::number(given, "missing", allowed, |value| value.abs() <= VALUE_MAX && fits(value))?;
    Ok(Missing::Number(value))
}

fn error_names_numbers(error: Error, given: &Given) -> Error {
    let allowed = MISSING.map(|(word, _)| word).join(", ");
    let plain = given.origin.error(format!("`missing` is {}; allowed: {allowed}, or a number", given.raw));
    match error.hint_text() {
        Some(hint) => plain.hint(hint),
        None => plain,
    }
}

/// `a,b:log1p` as tables.
fn short_form(text: &str, origin: &Origin) -> Result<Vec<Given>> {
    text.split(',')
        .map(|item| {
            let mut parts = item.split(':').map(str::trim);
            let mut entries = vec![entry("column", parts.next().unwrap_or_default(), origin)];
            for part in parts {
                short_part(part, origin, &mut entries)?;
            }
            if let Some(twice) = (1..entries.len()).find(|&at| entries[..at].iter().any(|e| e.key == entries[at].key)) {
                return Err(origin.error(format!("`{}` is given twice in {item:?}", entries[twice].key)));
            }
            Ok(Given { raw: Raw::Table(entries), origin: origin.clone() })
        })
        .collect()
}

fn short_part(part: &str, origin: &Origin, entries: &mut Vec<Entry>) -> Result<()> {
    match part.split_once('=') {
        Some(("clip", range)) => {
            let (low, high) = range
                .split_once("..")
                .ok_or_else(|| origin.error(format!("`clip` is {range:?}; allowed: two bounds, as in clip=0..100")))?;
            entries.push(entry("transform", "clip", origin));
            entries.push(entry("low", low, origin));
            entries.push(entry("high", high, origin));
        }
        Some((key, value)) => entries.push(entry(key, value, origin)),
        None if TRANSFORMS.iter().any(|(word, _)| *word == part) => entries.push(entry("transform", part, origin)),
        None if SCALES.iter().any(|(word, _)| *word == part) => entries.push(entry("scale", part, origin)),
        None => {
            let words = TRANSFORMS.iter().map(|(word, _)| *word).chain(SCALES.iter().map(|(word, _)| *word));
            let error = origin.error(format!(
                "{part:?} is no transform (log1p, sqrt, clip=LOW..HIGH), no scale (standard, robust, minmax), and no \
                 weight=.., missing=.. or scale=.."
            ));
            return Err(match nearest(part, words) {
                Some(near) => error.hint(format!("did you mean {near:?}?")),
                None => error.hint("a column whose name holds a colon or a comma needs a job file"),
            });
        }
    }
    Ok(())
}

fn entry(key: &str, value: &str, origin: &Origin) -> Entry {
    let value = Given { raw: Raw::Typed(value.trim().to_owned()), origin: origin.clone() };
    Entry { key: key.to_owned(), origin: origin.clone(), value }
}

/// The words of a transform, a scale and a policy, for showing a job.
pub(super) fn transform_word(transform: Transform) -> &'static str {
    match transform {
        Transform::None => "none",
        Transform::Log1p => "log1p",
        Transform::Sqrt => "sqrt",
        Transform::Clip { .. } => "clip",
    }
}

pub(super) fn scale_word(scale: Scale) -> &'static str {
    SCALES.iter().find(|(_, value)| *value == scale).map_or("standard", |(word, _)| word)
}

/// None for a number.
pub(super) fn missing_word(missing: Missing) -> Option<&'static str> {
    match missing {
        Missing::Number(_) => None,
        other => MISSING.iter().find(|(_, value)| *value == other).map(|(word, _)| *word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Feature>> {
        let given = Given { raw: Raw::Typed(text.into()), origin: Origin::Flag("--features") };
        Ok(features(&given)?.into_iter().map(|listed| listed.feature).collect())
    }

    #[test]
    fn the_short_form_says_everything_a_table_says() {
        let found = read("a, b:log1p:robust, c:clip=-1..2.5:weight=2:missing=median, d:scale=none:missing=-7").unwrap();
        assert_eq!(found[0], Feature::plain("a"));
        assert_eq!(found[1], Feature { transform: Transform::Log1p, scale: Scale::Robust, ..Feature::plain("b") });
        let clip = Transform::Clip { low: -1.0, high: 2.5 };
        assert_eq!(found[2], Feature { transform: clip, weight: 2.0, missing: Missing::Median, ..Feature::plain("c") });
        assert_eq!(found[3], Feature { scale: Scale::None, missing: Missing::Number(-7.0), ..Feature::plain("d") });
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_advice() {
        let message = |text: &str| {
            let error = read(text).unwrap_err();
            format!("{error} | {}", error.hint_text().unwrap_or(""))
        };
        assert!(message("a,a").contains("\"a\" is a feature already"));
        assert!(message("a,").contains("`column` is \"\""));
        assert!(message("a:logp1").contains("did you mean \"log1p\"?"));
        assert!(message("a:clip=1").contains("clip=0..100"));
        assert!(message("a:clip=2..1").contains("allowed: more than `low`"));
        assert!(message("a:clip").contains("needs both"));
        assert!(message("a:weight=0").contains("allowed: a number from 1e-9 to 1000000000.0"));
        assert!(message("a:wieght=1").contains("did you mean `weight`?"));
        assert!(message("a:log1p:missing=-1").contains("above -1"));
        assert!(message("a:missing=medium").contains("or a number | did you mean \"median\"?"));
        assert!(message("a:log1p:sqrt").contains("`transform` is given twice"));
        assert!(message("a:missing=inf").contains("within 1e100"));
    }
}
