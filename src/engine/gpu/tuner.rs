//! Which variant of the kernel walks next. All of them give the same bits, so nothing is wasted on finding out: the first
//! passes of a run try the variants, each is timed, and the rest of the passes take the fastest.
//!
//! A state machine that knows no device: it hands out a variant, is told what the pass took, and settles.

use std::collections::BTreeMap;

use super::shaders::Weights;
use super::variants::Variant;

/// Whether kernels are tuned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tuning {
    /// The usual variant, always.
    Off,
    /// On passes of at least so many multiply-adds; smaller ones take what is known.
    Above(u64),
    /// One variant, wherever it fits.
    Only(Variant),
}

/// A pass of fewer multiply-adds ends before its answer is back, on any device: nothing could be gained.
pub const WORK_MIN: u64 = 1 << 24;

/// Passes of one kind, for which the same variant is the fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class {
    pub n_features: usize,
    pub weights: Weights,
    /// Copies of the sums that there is room for, at most.
    pub copies: usize,
    /// The logarithm of the number of rows, to the base of four: how many workgroups there are.
    pub size: u32,
}

impl Class {
    /// Of the batch with the largest sums.
    pub fn of(n_rows: usize, n_features: usize, weights: Weights, sum_words: usize) -> Self {
        let copies = Variant::ALL.into_iter().filter(|variant| variant.fits(n_features, sum_words));
        let copies = copies.map(|variant| variant.constants().copies).max().unwrap_or(1);
        Self { n_features, weights, copies, size: n_rows.max(1).ilog2() / 2 }
    }

    /// Whether all its passes can be walked with a variant.
    pub fn has_room_for(self, variant: Variant) -> bool {
        variant.fits(self.n_features, 0) && variant.constants().copies <= self.copies
    }
}

/// How far a kernel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Readiness {
    Ready,
    /// Being compiled.
    Underway,
    /// The driver does not take it.
    Refused,
}

/// What the next pass is walked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nobody asks what it takes.
    Untimed(Variant),
    Timed(Variant),
}

/// A variant under trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub variant: Variant,
    passes: u32,
    /// Nanoseconds per row and cluster of its fastest pass that counted; infinite before there was one.
    pub least: f64,
    /// So slow that it is not tried again.
    is_out: bool,
}

/// Timed passes of each variant. The first of them does not count: it may wait for an upload, or for a driver that
/// compiles late. Of the others the fastest counts, because all that disturbs a pass makes it slower.
const PASSES: u32 = 3;
const UNCOUNTED: u32 = 1;

/// A variant that takes so many times as long as the fastest is not tried again.
const TOO_SLOW: f64 = 1.5;

/// What another variant must save to be taken instead of the usual one: less than that is noise.
const GAIN_MIN: f64 = 1.0 / 16.0;

enum State {
    Trying(Vec<Candidate>),
    Chosen(Variant),
}

/// What came of the trial of a class.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    pub chosen: Variant,
    pub tried: Vec<Candidate>,
}

/// What is known of each class.
pub(super) struct Tuner {
    classes: BTreeMap<Class, State>,
}

impl Tuner {
    /// With what earlier runs have found.
    pub fn new(known: &BTreeMap<Class, Variant>) -> Self {
        Self { classes: known.iter().map(|(&class, &variant)| (class, State::Chosen(variant))).collect() }
    }

    /// The variants whose kernels are of use to a class: those of a trial only where there may be one.
    pub fn wants(&self, class: Class, candidates: &[Variant]) -> Vec<Variant> {
        match self.classes.get(&class) {
            Some(State::Chosen(variant)) => vec![*variant],
            Some(State::Trying(candidates)) => candidates.iter().map(|one| one.variant).collect(),
            None => candidates.to_vec(),
        }
    }

    /// What is known of a class without a trial.
    pub fn known(&self, class: Class) -> Variant {
        match self.classes.get(&class) {
            Some(State::Chosen(variant)) => *variant,
            _ => Variant::Usual,
        }
    }

    /// What a pass that is not worth a trial is walked with.
    pub fn next_untimed(&self, class: Class, readiness: impl Fn(Variant) -> Readiness) -> Turn {
        let known = self.known(class);
        Turn::Untimed(if readiness(known) == Readiness::Ready { known } else { Variant::Usual })
    }

    /// What the next pass of a class is walked with. Nothing is waited for: while kernels are under way, the usual one
    /// walks, untimed, so that all are tried under the same conditions.
    pub fn next(&mut self, class: Class, candidates: &[Variant], readiness: impl Fn(Variant) -> Readiness) -> Turn {
        let fresh = || State::Trying(candidates.iter().map(|&variant| Candidate::new(variant)).collect());
        let state = self.classes.entry(class).or_insert_with(fresh);
        let State::Trying(trying) = state else { return self.next_untimed(class, readiness) };
        trying.retain(|one| one.variant == Variant::Usual || readiness(one.variant) != Readiness::Refused);
        if trying.iter().all(|one| one.variant == Variant::Usual) {
            *state = State::Chosen(Variant::Usual);
            return Turn::Untimed(Variant::Usual);
        }
        if trying.iter().any(|one| readiness(one.variant) == Readiness::Underway) {
            return Turn::Untimed(Variant::Usual);
        }
        // Round by round, every other one backwards: a device that gets faster or slower meanwhile favours none.
        let open: Vec<&Candidate> = trying.iter().filter(|one| one.is_open()).collect();
        let round = open.iter().map(|one| one.passes).min().unwrap_or(0);
        let mut due = open.into_iter().filter(|one| one.passes == round);
        let next = if round % 2 == 0 { due.next() } else { due.next_back() };
        Turn::Timed(next.map_or(Variant::Usual, |one| one.variant))
    }

    /// Takes down what a timed pass took, 0 where nobody knows; says what came of the trial when it ends.
    pub fn took(&mut self, class: Class, variant: Variant, nanoseconds: u64, rows_by_clusters: u64) -> Option<Outcome> {
        let state = self.classes.get_mut(&class)?;
        let State::Trying(trying) = state else { return None };
        let one = trying.iter_mut().find(|one| one.variant == variant)?;
        one.passes += 1;
        if one.passes > UNCOUNTED && nanoseconds > 0 {
            // Models leave from pass to pass.
            one.least = one.least.min(nanoseconds as f64 / rows_by_clusters.max(1) as f64);
        }
        let fastest = trying.iter().map(|one| one.least).fold(f64::INFINITY, f64::min);
        for one in trying.iter_mut().filter(|one| one.least.is_finite()) {
            // The usual one is what all others are held against: one disturbed pass must not be all that is known of it.
            one.is_out = one.variant != Variant::Usual && one.least > TOO_SLOW * fastest;
        }
        let open = trying.iter().filter(|one| one.is_open()).count();
        let all_counted = trying.iter().all(|one| one.passes > UNCOUNTED);
        let alone = trying.iter().filter(|one| !one.is_out).count() == 1;
        if open > 0 && !(all_counted && alone) {
            return None;
        }
        let tried = trying.clone();
        let chosen = fastest_of(&tried);
        *state = State::Chosen(chosen);
        Some(Outcome { chosen, tried })
    }
}

impl Candidate {
    fn new(variant: Variant) -> Self {
        Self { variant, passes: 0, least: f64::INFINITY, is_out: false }
    }

    fn is_open(&self) -> bool {
        !self.is_out && self.passes < PASSES
    }
}

/// The fastest, if it is faster than the usual variant by more than noise.
fn fastest_of(tried: &[Candidate]) -> Variant {
    let usual = tried.iter().find(|one| one.variant == Variant::Usual).map_or(f64::INFINITY, |one| one.least);
    let fastest = tried.iter().min_by(|a, b| a.least.total_cmp(&b.least));
    fastest
        .filter(|one| one.least < usual * (1.0 - GAIN_MIN) && usual.is_finite())
        .map_or(Variant::Usual, |one| one.variant)
}

#[cfg(test)]
mod tests;
