//! Names for clusters from what sets them apart: for those that earned no persona, and for telling apart those that
//! earned the same one.

use std::collections::BTreeMap;

use crate::profile::{ColumnUse, Profile};

use super::playbook::Playbook;
use super::roles::RoleColumn;
use super::standing::{Distinction, Standing};
use super::words::Word;

/// Features in a descriptive name, where that many are needed to tell clusters apart.
const FEATURES_USUAL: usize = 2;

/// Least difference of two standings that a qualifier mentions beside the largest one.
const CONTRAST_MIN: f64 = 0.1;

/// Most features in a name: nobody reads further.
const FEATURES_MAX: usize = 6;

/// The clustered columns in which a cluster differs, the strongest first; ties in the order of the features.
pub(super) fn distinctions(profile: &Profile, cluster: usize) -> Vec<Distinction> {
    let features = profile.columns.iter().filter(|column| column.column_use == ColumnUse::Feature);
    let mut found: Vec<Distinction> = features.filter_map(|column| Distinction::of(column, cluster)).collect();
    found.sort_by(|a, b| b.standing.value.abs().total_cmp(&a.standing.value.abs()));
    found
}

/// A name from the `n` strongest features that are not average: "high monetary, low recency".
pub(super) fn describe(distinctions: &[Distinction], n: usize) -> String {
    let notable = distinctions.iter().filter(|found| found.word != Word::Average).take(n);
    let words: Vec<String> = notable.map(|found| format!("{} {}", found.word, found.column)).collect();
    if words.is_empty() { "close to the average".to_owned() } else { words.join(", ") }
}

/// Names from as few features as tell the clusters apart, two where they are there. `taken` are the names of others.
/// Clusters that no number of words tells apart are counted, in the order given.
pub(super) fn distinct_names(all: &[Vec<Distinction>], taken: &[&str]) -> Vec<String> {
    let mut names: Vec<Option<String>> = vec![None; all.len()];
    for n in FEATURES_USUAL..=FEATURES_MAX {
        let tried: Vec<String> = all.iter().map(|distinctions| describe(distinctions, n)).collect();
        let mut uses: BTreeMap<&str, usize> = taken.iter().map(|&name| (name, 1)).collect();
        tried.iter().for_each(|name| *uses.entry(name).or_default() += 1);
        for (name, own) in names.iter_mut().zip(&tried) {
            if name.is_none() && uses.get(own.as_str()) == Some(&1) {
                *name = Some(own.clone());
            }
        }
    }
    let longest: Vec<String> = all.iter().map(|distinctions| describe(distinctions, FEATURES_MAX)).collect();
    names.into_iter().zip(numbered(&longest)).map(|(name, numbered)| name.unwrap_or(numbered)).collect()
}

/// How clusters that earned the persona of `holder` differ from it: "higher spend", one phrase for each of `others`,
/// of as few columns as tell the others apart. Compared are the columns that play a role, then the other features.
pub(super) fn qualifiers(
    profile: &Profile,
    playbook: &Playbook,
    roles: &[RoleColumn],
    holder: usize,
    others: &[usize],
) -> Vec<String> {
    let phrases: Vec<Vec<String>> =
        others.iter().map(|&other| contrasts(profile, playbook, roles, holder, other)).collect();
    let joined = |n: usize| -> Vec<String> {
        let join = |own: &Vec<String>| match own.get(..n.min(own.len())) {
            None | Some([]) => "alike".to_owned(),
            Some(first) => first.join(", "),
        };
        phrases.iter().map(join).collect()
    };
    let distinct = (1..=FEATURES_MAX).map(joined).find(|tried| numbered(tried) == *tried);
    distinct.unwrap_or_else(|| numbered(&joined(1)))
}

/// How `other` differs from `holder`, the largest difference first, further ones only where they are worth a word.
fn contrasts(profile: &Profile, playbook: &Playbook, roles: &[RoleColumn], holder: usize, other: usize) -> Vec<String> {
    let mut found: Vec<(f64, String)> = Vec::new();
    for column in profile.columns.iter().filter(|column| column.column_use == ColumnUse::Feature) {
        let (Some(own), Some(held)) = (Standing::of(column, other), Standing::of(column, holder)) else { continue };
        let difference = own.value - held.value;
        if difference == 0.0 {
            continue;
        }
        let role = roles.iter().find(|role| role.column.as_deref() == Some(&column.name));
        let role = role.and_then(|role| playbook.roles.iter().find(|known| known.name == role.role));
        let phrase = match (role, difference < 0.0) {
            (Some(role), true) => role.lower.clone(),
            (Some(role), false) => role.higher.clone(),
            (None, true) => format!("lower {}", column.name),
            (None, false) => format!("higher {}", column.name),
        };
        found.push((difference.abs(), phrase));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let worth_a_word = |(index, (difference, _)): &(usize, (f64, String))| *index == 0 || *difference >= CONTRAST_MIN;
    found.into_iter().enumerate().filter(worth_a_word).map(|(_, found)| found).map(|(_, phrase)| phrase).collect()
}

/// Equal names are counted, in the order given: "alike, no. 1", "alike, no. 2".
fn numbered(names: &[String]) -> Vec<String> {
    let mut uses: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    names.iter().for_each(|name| uses.entry(name).or_default().1 += 1);
    let mut number = |name: &String| match uses.get_mut(name.as_str()) {
        Some((seen, all)) if *all > 1 => {
            *seen += 1;
            format!("{name}, no. {seen}")
        }
        _ => name.clone(),
    };
    names.iter().map(&mut number).collect()
}
