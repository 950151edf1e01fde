//! What a pass tells the host beside its sums, as `shaders/notes.wgsl` writes it: near ties, each by model and row, and
//! a checksum of the labels of each model's audited rows. All in a few words: labels themselves stay where they are.

use std::ops::Range;

use super::limits::ALIGNMENT;
use crate::engine::Decision;

/// What a readback may hold beside the totals before a near tie more makes it longer.
const BYTES_AT_ONCE: u64 = 4096;

/// Where the words stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub models: usize,
    pub chunks: usize,
    /// Slots in the list of near ties.
    pub tie_capacity: u32,
}

/// One near tie: a model of the list, and a row of the chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NearTie {
    pub model: usize,
    pub row: usize,
}

impl Layout {
    /// The word where the list of near ties begins.
    pub fn list(&self) -> usize {
        1 + 2 * self.models + self.chunks
    }

    pub fn words(&self) -> usize {
        self.list() + self.tie_capacity as usize
    }

    /// Near ties that the first readback brings along. Totals before them are filled up to whole alignments.
    pub fn at_once(&self) -> usize {
        let free = ((BYTES_AT_ONCE - ALIGNMENT) as usize / 4).saturating_sub(self.list());
        free.min(self.tie_capacity as usize)
    }

    pub fn near_ties_of(&self, notes: &[u32], model: usize) -> u32 {
        notes[1 + model]
    }

    pub fn checksum_of(&self, notes: &[u32], model: usize) -> u32 {
        notes[1 + self.models + model]
    }

    /// Of each chunk, the places of its near ties in the list; none where the counts of chunks or models do not add up.
    pub fn places(&self, notes: &[u32]) -> Option<Vec<Range<usize>>> {
        let all = notes[0] as usize;
        let by_model: usize = notes[1..1 + self.models].iter().map(|&count| count as usize).sum();
        let mut end = 0;
        let places = notes[1 + 2 * self.models..self.list()]
            .iter()
            .map(|&count| {
                let first = end;
                end += count as usize;
                first..end
            })
            .collect();
        (by_model == all && end == all).then_some(places)
    }

    pub fn near_tie(&self, word: u32) -> NearTie {
        let (word, models) = (word as usize, self.models);
        NearTie { model: word % models, row: word / models }
    }
}

/// A row of the matrix and its label, as one number.
fn mixed(row: u32, label: u32) -> u32 {
    let mut word = row.wrapping_mul(0x9e37_79b9) ^ label.wrapping_add(1).wrapping_mul(0x85eb_ca6b);
    word = (word ^ (word >> 16)).wrapping_mul(0x7feb_352d);
    word = (word ^ (word >> 15)).wrapping_mul(0x846c_a68b);
    word ^ (word >> 16)
}

/// The checksum that a device must have come to: of the audited rows that are not near ties. Near ties ascend.
pub(super) fn checksum(audited: &[u64], decisions: &[Decision], near_ties: &[u64]) -> u32 {
    let told = |&(row, _): &(&u64, &Decision)| near_ties.binary_search(row).is_err();
    let word = |(row, decision): (&u64, &Decision)| mixed(*row as u32, u32::from(decision.label));
    audited.iter().zip(decisions).filter(told).map(word).fold(0, u32::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::gpu::limits::MODELS_MAX;

    #[test]
    fn near_ties_are_found_by_model_and_row_and_counts_must_agree() {
        let layout = Layout { models: 3, chunks: 2, tie_capacity: 10 };
        assert_eq!((layout.list(), layout.words()), (9, 19));
        assert_eq!(layout.near_tie(3 * 77 + 2), NearTie { model: 2, row: 77 });
        let notes = [5, 1, 0, 4, 0, 0, 0, 2, 3];
        assert_eq!(layout.places(&notes), Some(vec![0..2, 2..5]));
        assert_eq!(layout.places(&[5, 1, 0, 3, 0, 0, 0, 2, 3]), None);
        assert_eq!(layout.places(&[5, 1, 0, 4, 0, 0, 0, 2, 2]), None);
    }

    #[test]
    fn a_readback_has_room_for_near_ties_beside_as_many_models_as_there_may_be() {
        let most = Layout { models: MODELS_MAX, chunks: 30, tie_capacity: 1 << 16 };
        assert!(most.at_once() > 256);
        assert!(4 * (most.list() + most.at_once()) as u64 + ALIGNMENT <= BYTES_AT_ONCE);
        assert_eq!(Layout { tie_capacity: 1, ..most }.at_once(), 1);
        assert_eq!(Layout { chunks: 5000, ..most }.at_once(), 0);
    }

    #[test]
    fn a_checksum_changes_with_any_label_and_leaves_near_ties_out() {
        let decision = |label| Decision { label, distance: 0, runner_up: 0, runner_up_distance: 0 };
        let rows: Vec<u64> = (0..1024).map(|row| row * 488).collect();
        let decisions: Vec<Decision> = (0..1024).map(|row| decision(row % 5)).collect();
        let right = checksum(&rows, &decisions, &[]);
        for row in 0..1024 {
            for label in 0..5 {
                let mut wrong = decisions.clone();
                wrong[row] = decision(label);
                assert_eq!(checksum(&rows, &wrong, &[]) == right, label == decisions[row].label);
                assert_eq!(
                    checksum(&rows, &wrong, &[rows[row]]),
                    checksum(&rows, &decisions, &[rows[row]]),
                    "a near tie's label is the host's"
                );
            }
        }
        // Two rows that change places.
        let mut wrong = decisions.clone();
        wrong.swap(17, 400);
        assert_ne!(checksum(&rows, &wrong, &[]), right);
    }
}
