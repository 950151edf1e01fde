//! The tuner at work: before a pass it is asked for a variant, after it the pass is taken down, and what was found is said
//! and kept. A pass is timed by the device's own clock where it has one, else by the host's, which then does nothing
//! else meanwhile. No pass is made for the sake of tuning.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::GpuEngine;
use super::batches::{Batch, batches};
use super::choices::Choices;
use super::limits::WORKGROUP_WORDS;
use super::shaders::{Kernel, ROW_FEATURES_MAX, Weights};
use super::tuner::{Candidate, Class, Outcome, Readiness, Tuner, Tuning, Turn};
use super::variants::Variant;
use crate::engine::Shape;
use crate::error::Result;
use crate::grid::Centroids;
use crate::observe::Observe;

/// What is known of a device's variants, and who is to be told.
pub(super) struct Tuned {
    tuning: Tuning,
    tuner: Tuner,
    choices: Choices,
    /// Classes that walk by what an earlier run found, of which nothing was said yet.
    kept: BTreeSet<Class>,
    /// What the last pass was walked with, where there are variants.
    walked: Option<Variant>,
    observe: Observe,
    /// Said before anybody listened.
    said: Vec<String>,
}

/// How a pass is walked, and what is to be learnt from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial {
    pub variant: Variant,
    lesson: Option<Lesson>,
}

#[derive(Debug, Clone, Copy)]
struct Lesson {
    class: Class,
    rows_by_clusters: u64,
}

impl Trial {
    fn untimed(variant: Variant) -> Self {
        Self { variant, lesson: None }
    }

    pub fn is_timed(&self) -> bool {
        self.lesson.is_some()
    }
}

impl Tuned {
    pub fn new(tuning: Tuning, choices: Choices, said: Option<String>) -> Self {
        let known = choices.known();
        let (tuner, kept) = (Tuner::new(known), known.keys().copied().collect());
        let said = said.into_iter().collect();
        Self { tuning, tuner, choices, kept, walked: None, observe: Observe::default(), said }
    }

    /// Says from now on what is found, and what was to be said so far.
    pub fn tell(&mut self, observe: &Observe) {
        self.observe = observe.clone();
        self.said.drain(..).for_each(|text| observe.detail(text));
    }

    pub fn walked(&self) -> Option<Variant> {
        self.walked
    }

    /// From now on one variant alone.
    pub fn only(&mut self, variant: Variant) {
        self.tuning = Tuning::Only(variant);
    }

    /// Kernels beside the usual ones that work of this shape will ask for.
    pub fn foreseen(&self, shape: Shape, weights: Weights) -> Vec<Kernel> {
        let d = shape.n_features;
        let work = (shape.n_rows).saturating_mul((d * shape.n_clusters) as u64);
        let Tuning::Above(least) = self.tuning else { return Vec::new() };
        if d > ROW_FEATURES_MAX || work < least {
            return Vec::new();
        }
        // Sums beyond one memory go in batches, each nearly full.
        let sum_words = Kernel::sum_words(d, shape.n_clusters, weights).min(WORKGROUP_WORDS as usize);
        let class = Class::of(usize::try_from(shape.n_rows).unwrap_or(usize::MAX), d, weights, sum_words);
        let wanted = self.tuner.wants(class, &Variant::worth_a_try(d, sum_words));
        wanted.into_iter().map(|variant| Kernel::lloyd(d, sum_words, weights, variant)).collect()
    }

    fn say_once_what_was_kept(&mut self, class: Class, variant: Variant) {
        if self.kept.remove(&class) {
            let name = variant.name();
            self.observe.detail(format!("{}: {name}, as an earlier run found", title(class)));
        }
    }

    fn settle(&mut self, class: Class, Outcome { chosen, tried }: Outcome, clock: &str) {
        let is_known = tried.iter().any(|one| one.least.is_finite());
        let kept = if is_known { self.choices.keep(class, chosen) } else { None };
        let kept = kept.map(|place| format!(", {place}")).unwrap_or_default();
        let tried: Vec<String> = tried.iter().map(taken).collect();
        self.observe.detail(format!(
            "{}: {} nanoseconds per 1,000 rows and clusters by the {clock} clock; {} from now on{kept}",
            title(class),
            tried.join(", "),
            chosen.name()
        ));
    }
}

fn title(class: Class) -> String {
    format!("kernel of passes over {} features", class.n_features)
}

fn taken(one: &Candidate) -> String {
    match one.least.is_finite() {
        true => format!("{} {:.2}", one.variant.name(), one.least * 1e3),
        false => format!("{} unknown", one.variant.name()),
    }
}

impl GpuEngine {
    /// What the next pass is walked with.
    pub(super) fn trial(&mut self, models: &[Centroids]) -> Result<Trial> {
        let batches = batches(models, self.weights());
        let varied: Vec<&Batch> = batches.iter().filter(|batch| batch.has_variants()).collect();
        let trial = match (self.tuned.tuning, &varied[..]) {
            (Tuning::Off, _) | (_, []) => Trial::untimed(Variant::Usual),
            (Tuning::Only(variant), _) => Trial::untimed(variant),
            (Tuning::Above(least), varied) => {
                let may_be_timed = varied.len() == batches.len() && self.holds_all();
                self.tuned_trial(models, varied, if may_be_timed { least } else { u64::MAX })?
            }
        };
        self.gpu.takes_time = trial.is_timed();
        self.tuned.walked = (!varied.is_empty()).then_some(trial.variant);
        Ok(trial)
    }

    fn tuned_trial(&mut self, models: &[Centroids], varied: &[&Batch], least_work: u64) -> Result<Trial> {
        let (n_rows, weights) = (self.matrix_rows(), self.weights());
        let n_features = models.first().map_or(0, Centroids::n_features);
        let clusters: u64 = models.iter().map(|model| model.n_clusters() as u64).sum();
        let sum_words = varied.iter().map(|batch| batch.sum_words).max().unwrap_or(0);
        let rows_by_clusters = clusters.saturating_mul(n_rows as u64);
        let is_worth_it = rows_by_clusters.saturating_mul(n_features as u64) >= least_work;

        let class = Class::of(n_rows, n_features, weights, sum_words);
        let candidates = Variant::worth_a_try(n_features, sum_words);
        let wanted = match is_worth_it {
            true => self.tuned.tuner.wants(class, &candidates),
            false => vec![self.tuned.tuner.known(class)],
        };
        let kernels = |variant: Variant| varied.iter().map(move |batch| batch.kernel(variant));
        self.gpu.compile_ahead(&wanted.iter().copied().flat_map(kernels).collect::<Vec<_>>())?;
        let mut readiness = BTreeMap::new();
        for &variant in &wanted {
            let of_all = kernels(variant).map(|kernel| self.gpu.readiness(kernel)).max();
            readiness.insert(variant, of_all.unwrap_or(Readiness::Refused));
        }
        let readiness = |variant| readiness.get(&variant).copied().unwrap_or(Readiness::Refused);
        let turn = match is_worth_it {
            true => self.tuned.tuner.next(class, &candidates, readiness),
            false => self.tuned.tuner.next_untimed(class, readiness),
        };
        match turn {
            Turn::Timed(variant) => Ok(Trial { variant, lesson: Some(Lesson { class, rows_by_clusters }) }),
            Turn::Untimed(variant) => {
                self.tuned.say_once_what_was_kept(class, self.tuned.tuner.known(class));
                Ok(Trial::untimed(variant))
            }
        }
    }

    /// Takes down what a pass took whose answer was right: by the device, which says 0 where it cannot tell, or by the host
    /// where the device has no clock.
    pub(super) fn learn(&mut self, trial: Trial, by_device: u64, by_host: Duration) {
        let Some(Lesson { class, rows_by_clusters }) = trial.lesson else { return };
        let (nanoseconds, clock) = match self.gpu.has_clock() {
            true => (by_device, "device's"),
            false => (u64::try_from(by_host.as_nanos()).unwrap_or(u64::MAX), "host's"),
        };
        if let Some(outcome) = self.tuned.tuner.took(class, trial.variant, nanoseconds, rows_by_clusters) {
            self.tuned.settle(class, outcome, clock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreseen(tuned: &Tuned, n_rows: u64, n_features: usize, n_clusters: usize) -> Vec<Variant> {
        let shape = Shape { n_rows, n_features, n_clusters, n_models: 1 };
        let variant = |kernel: &Kernel| match kernel {
            Kernel::Lloyd { d, variant, .. } if *d == n_features => *variant,
            other => panic!("{other:?}"),
        };
        tuned.foreseen(shape, Weights::None).iter().map(variant).collect()
    }

    #[test]
    fn what_will_be_tried_is_foreseen_and_nothing_else() {
        use Variant::{Fourfold, Paired, Short, Usual};
        let of = |tuning| Tuned::new(tuning, Choices::open(None).0, None);
        let tuned = of(Tuning::Above(500_000 * 10 * 5));
        assert_eq!(foreseen(&tuned, 500_000, 10, 5), [Usual, Short, Paired, Fourfold]);
        assert!(foreseen(&tuned, 499_999, 10, 5).is_empty(), "too little work");
        // Ten restarts of k = 2..10 fill the memory of several workgroups.
        assert_eq!(foreseen(&tuned, 500_000, 10, 540), [Usual, Short, Paired]);
        assert!(foreseen(&tuned, 500_000, ROW_FEATURES_MAX + 1, 5).is_empty(), "there is one kernel");
        assert!(foreseen(&of(Tuning::Off), 500_000, 10, 5).is_empty());
        // Of what is known already the others are of no use.
        let class = Class::of(500_000, 10, Weights::None, 55);
        let known = Tuned { tuner: Tuner::new(&BTreeMap::from([(class, Short)])), ..of(Tuning::Above(0)) };
        assert_eq!(foreseen(&known, 500_000, 10, 5), [Short]);
    }
}
