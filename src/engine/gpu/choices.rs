//! The variants that were found to be the fastest on a device, kept for its next run beside its compiled kernels, in a file of
//! the same form. A file that is damaged or of another device, driver or version is not used, which is said to those who
//! ask for more; nothing that goes wrong here is an error.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::cache::Cache;
use super::shaders::Weights;
use super::tuner::Class;
use super::variants::Variant;

/// What is known of a device, and where it is kept.
pub(super) struct Choices {
    place: Option<Cache>,
    known: BTreeMap<Class, Variant>,
}

impl Choices {
    /// What earlier runs have left, and what is to be said of it.
    pub fn open(place: Option<Cache>) -> (Self, Option<String>) {
        let (known, said) = place.as_ref().map_or_else(Default::default, read);
        (Self { place, known }, said)
    }

    pub fn known(&self) -> &BTreeMap<Class, Variant> {
        &self.known
    }

    /// Keeps what was found, beside what other runs have left meanwhile; says where it stands.
    pub fn keep(&mut self, class: Class, variant: Variant) -> Option<String> {
        let place = self.place.as_ref()?;
        self.known = read(place).0;
        self.known.insert(class, variant);
        let shown = place.path().display();
        Some(match place.write(text(&self.known).as_bytes()) {
            Ok(()) => format!("kept in {shown}"),
            Err(why) => format!("{shown} was not written: {why}"),
        })
    }
}

fn read(place: &Cache) -> (BTreeMap<Class, Variant>, Option<String>) {
    let shown = place.path().display();
    match place.read() {
        Ok(None) => Default::default(),
        Ok(Some(bytes)) => match std::str::from_utf8(&bytes).ok().and_then(parse) {
            Some(known) => (known, None),
            None => (BTreeMap::new(), Some(format!("kernels: {shown} is not used: it is no list of variants"))),
        },
        Err(why) => (BTreeMap::new(), Some(format!("kernels: {shown} is not used: {why}"))),
    }
}

fn weights_word(weights: Weights) -> &'static str {
    match weights {
        Weights::None => "plain",
        Weights::Given => "weighted",
    }
}

/// A line per class: features, weights, copies, size, variant.
fn text(known: &BTreeMap<Class, Variant>) -> String {
    let mut text = String::new();
    for (class, variant) in known {
        let Class { n_features, weights, copies, size } = class;
        let _ = writeln!(text, "{n_features} {} {copies} {size} {}", weights_word(*weights), variant.name());
    }
    text
}

fn parse(text: &str) -> Option<BTreeMap<Class, Variant>> {
    let line = |line: &str| {
        let [n_features, weights, copies, size, variant] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let weights = [Weights::None, Weights::Given].into_iter().find(|&one| weights_word(one) == weights)?;
        let (n_features, copies) = (n_features.parse().ok()?, copies.parse().ok()?);
        Some((Class { n_features, weights, copies, size: size.parse().ok()? }, Variant::named(variant)?))
    };
    text.lines().map(line).collect()
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
        assert_eq!((choices.known().len(), said), (0, None));
        assert!(choices.keep(class(10), Variant::Paired).unwrap().starts_with("kept in"));

        // Another run finds something else of one class, and something of another; both stay.
        let (mut other, said) = Choices::open(Some(place.clone()));
        assert_eq!((other.known().clone(), said), (BTreeMap::from([(class(10), Variant::Paired)]), None));
        other.keep(class(11), Variant::Short).unwrap();
        choices.keep(class(10), Variant::Twofold).unwrap();
        let expected = BTreeMap::from([(class(10), Variant::Twofold), (class(11), Variant::Short)]);
        assert_eq!(*Choices::open(Some(place.clone())).0.known(), expected);

        let mut bytes = std::fs::read(place.path()).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(place.path(), bytes).unwrap();
        let (damaged, said) = Choices::open(Some(place.clone()));
        assert!(damaged.known().is_empty() && said.unwrap().contains("is not used: it is damaged"));
        // A whole file of something else.
        place.write(b"10 plain 4 9 unheard-of\n").unwrap();
        let (foreign, said) = Choices::open(Some(place));
        assert!(foreign.known().is_empty() && said.unwrap().contains("it is no list of variants"));
    }

    #[test]
    fn without_a_folder_nothing_is_kept() {
        let (mut choices, said) = Choices::open(None);
        assert_eq!((said, choices.keep(class(10), Variant::Short)), (None, None));
        assert!(choices.known().is_empty());
    }
}
