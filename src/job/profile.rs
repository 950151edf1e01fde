//! The `[profile]` section: what is described beside the features, which columns are parts of one whole, and in which
//! units people read them.

use super::read::{self, Pairs};
use super::resolve::Settings;
use super::setting::{MIX_KEYS, nearest};
use super::written::{Entry, Given, Raw};
use super::{Mix, ProfileSettings};
use crate::error::Result;

/// What is shown behind or before every figure is short.
const UNIT_CHARS_MAX: usize = 24;

/// Parts of a whole that a reader can compare.
const MIX_COLUMNS_MAX: usize = 64;

const SMALLEST_GROUP_MAX: u64 = 1_000_000;

const UNITS: Pairs = Pairs { what: "unit", left: "column", right: "unit", example: ("recency", "days") };

pub(super) fn profile(settings: &Settings) -> Result<ProfileSettings> {
    let default = ProfileSettings::default();
    let columns = settings.read("profile.columns", |given, key| {
        distinct(given, key, |column| format!("the column {column:?} is described already"))
    })?;
    let mut units = settings.read("profile.units", |given, key| read::pairs(given, key, &UNITS))?.unwrap_or_default();
    for (column, name) in &units {
        if name.chars().count() > UNIT_CHARS_MAX {
            let message = format!("the unit of {column:?} is longer than {UNIT_CHARS_MAX} characters");
            return Err(settings.origin("profile.units").error(message));
        }
    }
    units.sort();
    let smallest = settings.whole("profile.smallest_group", 1, SMALLEST_GROUP_MAX, default.smallest_group)?;
    Ok(ProfileSettings {
        columns: columns.unwrap_or_default(),
        mix: settings.read("profile.mix", mixes)?.unwrap_or_default(),
        currency: settings.read("profile.currency", currency)?,
        units,
        smallest_group: smallest,
    })
}

/// A list of texts that are all different.
fn distinct(given: &Given, key: &str, twice: impl Fn(&str) -> String) -> Result<Vec<String>> {
    let mut texts: Vec<String> = Vec::new();
    for item in &read::texts(given, key)? {
        let text = read::text(item, key)?;
        if texts.contains(&text) {
            return Err(item.origin.error(twice(&text)));
        }
        texts.push(text);
    }
    Ok(texts)
}

fn currency(given: &Given, key: &str) -> Result<String> {
    let name = read::text(given, key)?;
    if name.chars().count() > UNIT_CHARS_MAX {
        let message = format!("`{key}` is {}; allowed: at most {UNIT_CHARS_MAX} characters, as in EUR", given.raw);
        return Err(given.origin.error(message));
    }
    Ok(name)
}

/// `[{ name = "basket", columns = ["wine", "meat"] }]`, or `basket=wine+meat,channel=web+store`.
fn mixes(given: &Given, key: &str) -> Result<Vec<Mix>> {
    let tables = match &given.raw {
        Raw::List(tables) => tables.clone(),
        Raw::Typed(text) => text.split(',').map(|item| typed(item, given)).collect::<Result<_>>()?,
        _ => {
            let message = format!("`{key}` is {}; allowed: a list of tables", given.raw);
            return Err(given.origin.error(message).hint(EXAMPLE));
        }
    };
    let mut mixes: Vec<Mix> = Vec::with_capacity(tables.len());
    for table in &tables {
        let one = mix(table)?;
        if mixes.iter().any(|other| other.name == one.name) {
            return Err(table.origin.error(format!("there are two mixes called {:?}", one.name)));
        }
        mixes.push(one);
    }
    Ok(mixes)
}

const EXAMPLE: &str = "as in mix = [{ name = \"basket\", columns = [\"wine\", \"meat\"] }]";

fn mix(given: &Given) -> Result<Mix> {
    let Raw::Table(entries) = &given.raw else {
        return Err(given.origin.error("`mix` is a list of tables").hint(EXAMPLE));
    };
    if let Some(unknown) = entries.iter().find(|entry| !MIX_KEYS.contains(&entry.key.as_str())) {
        let error = unknown.origin.error(format!("unknown key `{}` in a mix", unknown.key));
        return Err(match nearest(&unknown.key, MIX_KEYS) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("a mix knows: {}", MIX_KEYS.join(", "))),
        });
    }
    let get = |key: &str| {
        let entry = entries.iter().find(|entry| entry.key == key);
        entry
            .map(|entry| &entry.value)
            .ok_or_else(|| given.origin.error(format!("a mix without `{key}`")).hint(EXAMPLE))
    };
    let name = read::text(get("name")?, "name")?;
    let listed = get("columns")?;
    let columns = distinct(listed, "columns", |column| format!("the column {column:?} is in this mix already"))?;
    if !(2..=MIX_COLUMNS_MAX).contains(&columns.len()) {
        let n = columns.len();
        let message = format!("the mix {name:?} has {n} columns; allowed: 2 to {MIX_COLUMNS_MAX} parts of one whole");
        return Err(listed.origin.error(message));
    }
    Ok(Mix { name, columns })
}

/// `basket=wine+meat` as a table.
fn typed(item: &str, given: &Given) -> Result<Given> {
    let (name, columns) = item
        .split_once('=')
        .ok_or_else(|| given.origin.error(format!("{item:?} is no mix; allowed: as in basket=wine+meat+fish")))?;
    let text = |text: &str| Given { raw: Raw::Typed(text.trim().to_owned()), origin: given.origin.clone() };
    let entry = |key: &str, value: Given| Entry { key: key.to_owned(), origin: given.origin.clone(), value };
    let columns = Given { raw: Raw::List(columns.split('+').map(text).collect()), origin: given.origin.clone() };
    let entries = vec![entry("name", text(name)), entry("columns", columns)];
    Ok(Given { raw: Raw::Table(entries), origin: given.origin.clone() })
}
