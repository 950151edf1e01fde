//! Which models walk the matrix together: as many as have their sums in one workgroup's memory, in as few batches as
//! can be. What cannot share runs alone. Pure arithmetic.

use std::cmp::Reverse;

use super::limits::WORKGROUP_WORDS;
use super::shaders::{Kernel, Weights};
use super::variants::Variant;
use crate::grid::Centroids;

/// Models that one dispatch is for, as positions in the list they came in.
#[derive(Debug)]
pub(super) struct Batch {
    /// The usual variant, where there are several.
    kernel: Kernel,
    /// Words of workgroup memory that the sums of all of them take.
    pub sum_words: usize,
    pub models: Vec<usize>,
}

impl Batch {
    pub fn has_variants(&self) -> bool {
        matches!(self.kernel, Kernel::Lloyd { .. })
    }

    /// The kernel in a variant, as far as there is one that fits.
    pub fn kernel(&self, variant: Variant) -> Kernel {
        match self.kernel {
            Kernel::Lloyd { d, weights, .. } => Kernel::lloyd(d, self.sum_words, weights, variant),
            other => other,
        }
    }
}

/// The larger a model's sums, the earlier it is placed: where it leaves the least room.
pub(super) fn batches(models: &[Centroids], weights: Weights) -> Vec<Batch> {
    let words = |model: usize| Kernel::sum_words(models[model].n_features(), models[model].n_clusters(), weights);
    let shares = |model: &usize| Kernel::shares(models[*model].n_features(), models[*model].n_clusters(), weights);
    let (mut sharing, alone): (Vec<usize>, Vec<usize>) = (0..models.len()).partition(shares);
    sharing.sort_by_key(|&model| Reverse(words(model)));
    let mut packed: Vec<(usize, Vec<usize>)> = Vec::new();
    for model in sharing {
        let needed = words(model);
        let fits = |&&mut (used, _): &&mut (usize, Vec<usize>)| used + needed <= WORKGROUP_WORDS as usize;
        match packed.iter_mut().filter(fits).max_by_key(|(used, _)| *used) {
            Some((used, batch)) => {
                *used += needed;
                batch.push(model);
            }
            None => packed.push((needed, vec![model])),
        }
    }
    let together = packed.into_iter().map(|(used, batch)| {
        let n_features = batch.first().map_or(0, |&model| models[model].n_features());
        Batch { kernel: Kernel::lloyd(n_features, used, weights, Variant::Usual), sum_words: used, models: batch }
    });
    let general = |model: usize| {
        let (d, k) = (models[model].n_features(), models[model].n_clusters());
        let sum_words = Kernel::sum_words(d, k, weights);
        Batch { kernel: Kernel::lloyd_general(d, k, weights), sum_words, models: vec![model] }
    };
    together.chain(alone.into_iter().map(general)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::gpu::shaders::ROW_FEATURES_MAX;

    fn models(d: usize, ks: impl IntoIterator<Item = usize>) -> Vec<Centroids> {
        ks.into_iter().map(|k| Centroids::new(0, 0, d, vec![0; k * d])).collect()
    }

    fn sweep(d: usize, ks: std::ops::RangeInclusive<usize>, restarts: usize) -> Vec<Centroids> {
        models(d, (0..restarts).flat_map(|_| ks.clone()))
    }

    #[test]
    fn sweeps_take_no_more_batches_than_their_sums_take_memories() {
        for weights in [Weights::None, Weights::Given] {
            for (d, ks, restarts) in
                [(10, 2..=10, 1), (10, 2..=10, 2), (10, 2..=10, 10), (3, 2..=20, 10), (64, 2..=10, 3)]
            {
                let models = sweep(d, ks, restarts);
                let words = |model: &Centroids| Kernel::sum_words(d, model.n_clusters(), weights);
                let least = models.iter().map(words).sum::<usize>().div_ceil(WORKGROUP_WORDS as usize);
                assert_eq!(batches(&models, weights).len(), least, "{} models, d = {d}, {weights:?}", models.len());
            }
        }
        assert_eq!(batches(&sweep(10, 2..=10, 2), Weights::None).len(), 1);
    }

    #[test]
    fn every_model_is_in_one_batch_and_every_batch_fits() {
        let models = models(10, [300, 5, 372, 373, 2, 4096, 1, 200, 36]);
        let batches = batches(&models, Weights::None);
        let mut seen: Vec<usize> = batches.iter().flat_map(|batch| batch.models.clone()).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..models.len()).collect::<Vec<_>>());
        for batch in batches {
            let clusters: usize = batch.models.iter().map(|&model| models[model].n_clusters()).sum();
            match batch.kernel(Variant::Usual) {
                Kernel::Lloyd { d: 10, room, .. } => assert!(11 * clusters <= room.words() as usize),
                Kernel::LloydGeneral { .. } => assert!(11 * clusters > WORKGROUP_WORDS as usize),
                other => panic!("{other:?} is no pass"),
            }
        }
    }

    #[test]
    fn rows_too_long_for_registers_share_nothing() {
        assert_eq!(batches(&sweep(ROW_FEATURES_MAX, 2..=4, 1), Weights::None).len(), 1);
        assert_eq!(batches(&sweep(ROW_FEATURES_MAX + 1, 2..=4, 1), Weights::None).len(), 3);
    }
}
