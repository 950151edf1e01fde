//! The variants that were found to be the fastest on a device, kept for its next run beside its compiled kernels, in a file of
//! the same form. A file that is damaged or of another device, driver or version is not used, which is said to those who
//! ask for more; nothing that goes wrong here is an error.
//!
//! A driver may crash, hang or lose its device in a variant, and no error comes back from that. So a variant that is
//! about to be compiled or walked for the first time is marked in the file, and the mark goes when that has ended well.
//! One whose mark an earlier run has left is not tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::cache::Cache;
use super::shaders::{ROW_FEATURES_MAX, Weights};
use super::tuner::Class;
use super::variants::Variant;

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq)]
struct Found {
    known: BTreeMap<Class, Variant>,
    marked: BTreeSet<Variant>,
}

/// The file, for all threads of a run; without a place nothing is kept, and nothing marked.
#[derive(Clone)]
pub(super) struct Marks {
    place: Option<Cache>,
    /// One thread at a time reads it and writes it again.
    turn: Arc<Mutex<()>>,
}

/// What is known of a device, and where it is kept.
pub(super) struct Choices {
    marks: Marks,
    known: BTreeMap<Class, Variant>,
    /// Variants that an earlier run did not come back from.
    skipped: BTreeSet<Variant>,
}

impl Marks {
    /// A variant is about to be tried. The usual one always is: nothing could be taken in its place.
    pub fn begin(&self, variant: Variant) {
        if variant != Variant::Usual {
            let _ = self.change(|found| found.marked.insert(variant));
        }
    }

    /// What was begun has ended well.
    pub fn end(&self, variant: Variant) {
        let _ = self.change(|found| found.marked.remove(&variant));
    }

    /// Writes what is changed, beside what other runs have left meanwhile.
    fn change(&self, change: impl FnOnce(&mut Found) -> bool) -> Option<Result<(), String>> {
        let place = self.place.as_ref()?;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = read(place).0;
        change(&mut found).then(|| place.write(text(&found).as_bytes()))
    }
}

impl Choices {
    /// What earlier runs have left, and what is to be said of it.
    pub fn open(place: Option<Cache>) -> (Self, Vec<String>) {
        let (found, said) = place.as_ref().map_or_else(Default::default, read);
        let mut said: Vec<String> = said.into_iter().collect();
        let Found { mut known, marked } = found;
        known.retain(|_, variant| !marked.contains(variant));
        if let Some(place) = &place {
            let shown = place.path().display();
            said.extend(marked.iter().map(|variant| {
                let name = variant.name();
                format!("kernels: {name} is not tried, because a run that tried it did not end well; {shown} says so")
            }));
        }
        (Self { marks: Marks { place, turn: Arc::default() }, known, skipped: marked }, said)
    }

    pub fn known(&self) -> &BTreeMap<Class, Variant> {
        &self.known
    }

    pub fn is_skipped(&self, variant: Variant) -> bool {
        self.skipped.contains(&variant)
    }

    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Keeps what was found; says where it stands.
    pub fn keep(&mut self, class: Class, variant: Variant) -> Option<String> {
        self.known.insert(class, variant);
        let written = self.marks.change(|found| {
            found.known.insert(class, variant);
            true
        })?;
        let shown = self.marks.place.as_ref()?.path().display();
        Some(match written {
            Ok(()) => format!("kept in {shown}"),
            Err(why) => format!("{shown} was not written: {why}"),
        })
    }
}

fn read(place: &Cache) -> (Found, Option<String>) {
    let shown = place.path().display();
    match place.read() {
        Ok(None) => Default::default(),
        Ok(Some(bytes)) => match std::str::from_utf8(&bytes).ok().and_then(parse) {
            Some(found) => (found, None),
            None => (Found::default(), Some(format!("kernels: {shown} is not used: it is no list of variants"))),
        },
        Err(why) => (Found::default(), Some(format!("kernels: {shown} is not used: {why}"))),
    }
}

fn weights_word(weights: Weights) -> &'static str {
    match weights {
        Weights::None => "plain",
        Weights::Given => "weighted",
    }
}

/// In front of a variant that is being tried.
const MARK: &str = "trying";

/// A line per class: features, weights, copies, size, variant; then one per mark.
fn text(found: &Found) -> String {
    let mut text = String::new();
    for (class, variant) in &found.known {
        let Class { n_features, weights, copies, size } = class;
        let _ = writeln!(text, "{n_features} {} {copies} {size} {}", weights_word(*weights), variant.name());
    }
    for variant in &found.marked {
        let _ = writeln!(text, "{MARK} {}", variant.name());
    }
    text
}

fn parse(text: &str) -> Option<Found> {
    let mut found = Found::default();
    for line in text.lines() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            [MARK, variant] => drop(found.marked.insert(Variant::named(variant)?)),
            [n_features, weights, copies, size, variant] => {
                let weights = [Weights::None, Weights::Given].into_iter().find(|&one| weights_word(one) == weights)?;
                let (n_features, copies) = (n_features.parse().ok()?, copies.parse().ok()?);
                let class = Class { n_features, weights, copies, size: size.parse().ok()? };
                let variant = Variant::named(variant)?;
                if !(1..=ROW_FEATURES_MAX).contains(&n_features) || !class.has_room_for(variant) {
                    return None;
                }
                found.known.insert(class, variant);
            }
            _ => return None,
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Device, DeviceKind};

    fn class(n_features: usize) -> Class {
        Class::of(500_000, n_features, Weights::Given, 700)
    }

    #[test]
    fn what_is_kept_is_found_again_and_a_damaged_file_is_said_and_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let kind = DeviceKind::DiscreteGpu;
        let device = Device { name: "Card".into(), kind, driver: "1".into(), backend: "Vulkan".into() };
        let place = Cache::of(folder.path(), "key", &device, "variants");
        let (mut choices, said) = Choices::open(Some(place.clone()));
        assert_eq!((choices.known().len(), said), (0, vec![]));
        assert!(choices.keep(class(10), Variant::Paired).unwrap().starts_with("kept in"));

        // Another run finds something else of one class, and something of another; both stay.
        let (mut other, said) = Choices::open(Some(place.clone()));
        assert_eq!((other.known().clone(), said), (BTreeMap::from([(class(10), Variant::Paired)]), vec![]));
        other.keep(class(11), Variant::Short).unwrap();
        choices.keep(class(10), Variant::Twofold).unwrap();
        let expected = BTreeMap::from([(class(10), Variant::Twofold), (class(11), Variant::Short)]);
        assert_eq!(*Choices::open(Some(place.clone())).0.known(), expected);

        let mut bytes = std::fs::read(place.path()).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(place.path(), bytes).unwrap();
        let (damaged, said) = Choices::open(Some(place.clone()));
        assert!(damaged.known().is_empty() && said[0].contains("is not used: it is damaged"));
        // Whole files of something else: a word that is no variant, variants that their class has no room for.
        for text in
            ["10 plain 4 9 unheard-of\n", "17 plain 4 9 paired\n", "10 plain 2 9 fourfold\n", "65 plain 4 9 short\n"]
        {
            place.write(text.as_bytes()).unwrap();
            let (foreign, said) = Choices::open(Some(place.clone()));
            assert!(foreign.known().is_empty() && said[0].contains("it is no list of variants"), "{text}");
        }
    }

    #[test]
    fn a_mark_that_is_left_takes_its_variant_away_until_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let kind = DeviceKind::DiscreteGpu;
        let device = Device { name: "Card".into(), kind, driver: "1".into(), backend: "Vulkan".into() };
        let place = Cache::of(folder.path(), "key", &device, "variants");
        let open = || Choices::open(Some(place.clone()));
        let (mut choices, _) = open();
        choices.keep(class(10), Variant::Paired).unwrap();
        choices.keep(class(11), Variant::Short).unwrap();

        // One run is in the middle of something; the next one is told, and knows the rest.
        choices.marks().begin(Variant::Paired);
        let (next, said) = open();
        assert!(matches!(&said[..], [one] if one.contains("paired is not tried")), "{said:?}");
        assert!(next.is_skipped(Variant::Paired) && !next.is_skipped(Variant::Short));
        assert_eq!(*next.known(), BTreeMap::from([(class(11), Variant::Short)]));
        // What others find meanwhile leaves the mark where it is.
        open().0.keep(class(12), Variant::Usual).unwrap();
        assert!(open().0.is_skipped(Variant::Paired));

        choices.marks().end(Variant::Paired);
        let (after, said) = open();
        assert_eq!((after.known().len(), said), (3, vec![]));
        // The usual variant is never marked.
        choices.marks().begin(Variant::Usual);
        assert!(!open().0.is_skipped(Variant::Usual));
    }

    #[test]
    fn without_a_folder_nothing_is_kept() {
        let (mut choices, said) = Choices::open(None);
        choices.marks().begin(Variant::Short);
        assert_eq!((said, choices.keep(class(10), Variant::Short)), (vec![], None));
    }
}
