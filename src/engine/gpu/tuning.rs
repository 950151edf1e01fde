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
use crate::grid::{Centroids, Sums};
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
    /// Variants of which a pass has ended well in this run.
    proven: BTreeSet<Variant>,
    /// Whether the last pass was walked as all others like it will be.
    is_settled: bool,
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
    pub fn new(tuning: Tuning, choices: Choices, said: Vec<String>) -> Self {
        let known = choices.known();
        let (tuner, kept) = (Tuner::new(known), known.keys().copied().collect());
        let (observe, proven) = Default::default();
        Self { tuning, tuner, choices, kept, walked: None, proven, is_settled: true, observe, said }
    }

    /// Says from now on what is found, and what was to be said so far.
    pub fn tell(&mut self, observe: &Observe) {
        self.observe = observe.clone();
        self.said.drain(..).for_each(|text| observe.detail(text));
    }

    pub fn walked(&self) -> Option<Variant> {
        self.walked
    }

    pub fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// What is worth a try here, as far as earlier runs came back from it.
    fn candidates(&self, n_features: usize, sum_words: usize) -> Vec<Variant> {
        let mut candidates = Variant::worth_a_try(n_features, sum_words);
        candidates.retain(|&variant| !self.choices.is_skipped(variant));
        candidates
    }

    /// A pass begins: a variant that has not ended one well in this run is marked meanwhile.
    pub fn begin(&self) {
        if let Some(variant) = self.walked.filter(|variant| !self.proven.contains(variant)) {
            self.choices.marks().begin(variant);
        }
    }

    /// A pass has ended. One that struck a fault leaves its variant marked, whatever went well with it before: the next run
    /// takes another.
    pub fn end(&mut self, well: bool) {
        match (self.walked, well) {
            (Some(variant), true) if self.proven.insert(variant) => self.choices.marks().end(variant),
            (Some(variant), false) => self.choices.marks().begin(variant),
            _ => {}
        }
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
        // Where even the mean of the models shares with none, nor does the largest, and there is no trial.
        let is_shared = Kernel::shares(d, shape.n_clusters / shape.n_models.max(1), weights);
        if d > ROW_FEATURES_MAX || work < least || !is_shared {
            return Vec::new();
        }
        // Sums beyond one memory go in batches, each nearly full.
        let sum_words = Kernel::sum_words(d, shape.n_clusters, weights).min(WORKGROUP_WORDS as usize);
        let class = Class::of(usize::try_from(shape.n_rows).unwrap_or(usize::MAX), d, weights, sum_words);
        let wanted = self.tuner.wants(class, &self.candidates(d, sum_words));
        wanted.into_iter().map(|variant| Kernel::lloyd(d, sum_words, weights, variant)).collect()
    }

    fn say_once_what_was_kept(&mut self, class: Class, variant: Variant) {
        if self.kept.remove(&class) {
            let name = variant.name();
            self.observe.detail(format!("{}: {name}, as an earlier run found", title(class)));
        }
    }

    fn settle(&mut self, class: Class, Outcome { chosen, tried }: Outcome, clock: &str) {
        // Without the usual one's time there was nothing to hold the others against.
        let is_known = tried.iter().any(|one| one.variant == Variant::Usual && one.least.is_finite());
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
    /// A pass with whatever it is to be walked with.
    pub(super) fn tried(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
        let trial = self.trial(models)?;
        self.tuned.begin();
        let done = self.pass_list(models, trial);
        self.tuned.end(done.is_ok());
        done
    }

    /// What the next pass is walked with.
    fn trial(&mut self, models: &[Centroids]) -> Result<Trial> {
        let batches = batches(models, self.weights());
        let varied: Vec<&Batch> = batches.iter().filter(|batch| batch.has_variants()).collect();
        self.tuned.is_settled = true;
        let trial = match (self.tuned.tuning, &varied[..]) {
            (Tuning::Off, _) | (_, []) => Trial::untimed(Variant::Usual),
            (Tuning::Only(variant), _) => Trial::untimed(variant),
            (Tuning::Above(least), varied) => {
                let may_be_timed = varied.len() == batches.len() && self.holds_all();
                self.tuned_trial(models, varied, if may_be_timed { least } else { u64::MAX })?
            }
        };
        self.gpu.takes_time = trial.is_timed();
        // Batches that a variant does not fit walk with the usual one.
        let walking = varied.iter().map(|batch| batch.kernel(trial.variant).variant());
        self.tuned.walked = walking.max_by_key(|variant| *variant != Variant::Usual);
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
        let candidates = self.tuned.candidates(n_features, sum_words);
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
        let is_underway = readiness.values().any(|&readiness| readiness == Readiness::Underway);
        let readiness = |variant| readiness.get(&variant).copied().unwrap_or(Readiness::Refused);
        let turn = match is_worth_it {
            true => self.tuned.tuner.next(class, &candidates, readiness),
            false => self.tuned.tuner.next_untimed(class, readiness),
        };
        self.tuned.is_settled = !is_underway && matches!(turn, Turn::Untimed(_));
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
    use crate::engine::gpu::cache::Cache;
    use crate::engine::{Device, DeviceKind};

    fn foreseen(tuned: &Tuned, n_rows: u64, n_features: usize, ks: &[usize]) -> Vec<Variant> {
        let shape = Shape { n_rows, n_features, n_clusters: ks.iter().sum(), n_models: ks.len() };
        let variant = |kernel: &Kernel| match kernel {
            Kernel::Lloyd { d, variant, .. } if *d == n_features => *variant,
            other => panic!("{other:?}"),
        };
        tuned.foreseen(shape, Weights::None).iter().map(variant).collect()
    }

    #[test]
    fn what_will_be_tried_is_foreseen_and_nothing_else() {
        use Variant::{Fourfold, Paired, Short, Usual};
        let of = |tuning| Tuned::new(tuning, Choices::open(None).0, Vec::new());
        let tuned = of(Tuning::Above(500_000 * 10 * 5));
        assert_eq!(foreseen(&tuned, 500_000, 10, &[5]), [Usual, Short, Paired, Fourfold]);
        assert!(foreseen(&tuned, 499_999, 10, &[5]).is_empty(), "too little work");
        // Ten restarts of k = 2..10 fill the memory of several workgroups; one model whose sums do has a kernel of its own.
        assert_eq!(foreseen(&tuned, 500_000, 10, &[6; 90]), [Usual, Short, Paired]);
        assert_eq!(foreseen(&tuned, 500_000, 10, &[372]), [Usual, Short, Paired]);
        assert!(foreseen(&tuned, 500_000, 10, &[373]).is_empty(), "there is one kernel");
        assert!(foreseen(&tuned, 500_000, ROW_FEATURES_MAX + 1, &[5]).is_empty(), "there is one kernel");
        assert!(foreseen(&of(Tuning::Off), 500_000, 10, &[5]).is_empty());
        // Of what is known already the others are of no use.
        let class = Class::of(500_000, 10, Weights::None, 55);
        let known = Tuned { tuner: Tuner::new(&BTreeMap::from([(class, Short)])), ..of(Tuning::Above(0)) };
        assert_eq!(foreseen(&known, 500_000, 10, &[5]), [Short]);
    }

    #[test]
    fn nothing_is_kept_where_the_usual_variant_was_never_timed() {
        let folder = tempfile::tempdir().unwrap();
        let kind = DeviceKind::DiscreteGpu;
        let device = Device { name: "Card".into(), kind, driver: "1".into(), backend: "Vulkan".into() };
        let place = Cache::of(folder.path(), "key", &device, "variants");
        let class = Class::of(500_000, 10, Weights::None, 55);
        for (usual, is_kept) in [(0, false), (7_000, true)] {
            let mut tuned = Tuned::new(Tuning::Above(0), Choices::open(Some(place.clone())).0, Vec::new());
            let candidates = tuned.candidates(10, 55);
            while let Turn::Timed(variant) = tuned.tuner.next(class, &candidates, |_| Readiness::Ready) {
                let nanoseconds = if variant == Variant::Usual { usual } else { 8_000 };
                if let Some(outcome) = tuned.tuner.took(class, variant, nanoseconds, 1_000) {
                    tuned.settle(class, outcome, "device's");
                }
            }
            assert_eq!(Choices::open(Some(place.clone())).0.known().contains_key(&class), is_kept, "{usual}");
        }
    }

    #[test]
    fn a_fault_marks_the_variant_that_walked_and_its_kept_choice_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let kind = DeviceKind::DiscreteGpu;
        let device = Device { name: "Card".into(), kind, driver: "1".into(), backend: "Vulkan".into() };
        let place = Cache::of(folder.path(), "key", &device, "variants");
        let class = Class::of(500_000, 10, Weights::None, 55);
        let open = || Choices::open(Some(place.clone())).0;
        open().keep(class, Variant::Short).unwrap();
        let mut tuned = Tuned::new(Tuning::Above(0), open(), Vec::new());
        tuned.walked = Some(Variant::Short);
        tuned.begin();
        assert!(open().is_skipped(Variant::Short), "while it walks for the first time");
        tuned.end(true);
        assert!(!open().is_skipped(Variant::Short) && open().known().contains_key(&class));
        tuned.begin();
        assert!(!open().is_skipped(Variant::Short), "it went well once");
        tuned.end(false);
        assert!(open().is_skipped(Variant::Short) && open().known().is_empty());
        let next = Tuned::new(Tuning::Above(0), open(), Vec::new());
        assert_eq!(foreseen(&next, 500_000, 10, &[5]), [Variant::Usual, Variant::Paired, Variant::Fourfold]);
    }
}
