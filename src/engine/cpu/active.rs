//! The rows of a model that may change cluster in the passes to come: all others are left alone, because an exact bound
//! says that their labels stand.
//!
//! Every centroid is allowed a way from where it is, some times its last move. By the triangle inequality a row keeps its
//! label while no centroid has come farther than that if, for its own centroid a and each other one c,
//! |x - c| > |x - a| + way(a) + way(c). Rows that do not clear this are copied, panel after panel, and the following
//! passes walk these copies alone. A small cluster that still wanders keeps few rows awake, because its way concerns only
//! those near it. Once a centroid has gone its way, all rows are looked at again.
//!
//! Everything is rounded to the safe side, and what decides about a label is as before.

use super::awake::{Found, Part, Piece, Spent};
use super::margin::Sample;
use super::model::Model;
use super::rows::Rows;
use super::simd::SimdLevel;
use crate::grid::{Centroids, PANEL_ROWS};

/// Matrices of fewer panels are walked as they are.
const PANELS_MIN: usize = 32;

/// How many of its last moves a centroid is allowed while some panels are sampled, and otherwise at most.
const MOVES_SAMPLED: f64 = 8.0;
const MOVES_MAX: f64 = 64.0;

/// So few are not worth a copy.
const MOVES_MIN: f64 = 3.0;

/// Looking at all rows costs about as much as so many passes.
const COST: f64 = 2.0;

/// The pace is the share of rows that stay awake per move that centroids are allowed. Above this, copying them is no help.
const PACE_MAX: f64 = 0.012;

/// Passes in which the pace falls to a half or so, and passes after which it is sampled again in any case.
const PASSES_PER_HALF: f64 = 4.0;
const PASSES_MAX: f64 = 8.0;

/// Bounds of distances are this far on the safe side.
const OUTWARD: f64 = 1.0 + 1e-9;

/// How far each centroid may go.
#[derive(Debug, Clone)]
pub(super) struct Ways {
    /// Numbers that f32 holds, so that kernels compare with the same ones.
    pub ways: Vec<f32>,
    pub largest: f32,
    /// The share of rows that are expected to stay awake.
    pub share: f64,
}

impl Ways {
    /// So many times what each centroid moved last.
    fn new(steps: &[f64], moves: f64, share: f64) -> Self {
        let mut sorted = steps.to_vec();
        sorted.sort_by(f64::total_cmp);
        // A centroid that happens to rest is allowed half of what is usual, so that it does not end everybody's rest.
        let usual = sorted.get(steps.len() / 2).copied().unwrap_or(0.0);
        let ways: Vec<f32> = steps.iter().map(|&step| (moves * step.max(usual / 2.0) + 1.0) as f32).collect();
        let largest = ways.iter().copied().fold(0.0, f32::max);
        Self { ways, largest, share }
    }
}

/// An upper bound of |a - b|.
fn apart(a: &[i64], b: &[i64]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| ((a - b) as f64).powi(2)).sum::<f64>().sqrt() * OUTWARD
}

/// What a model remembers beside its labels: where its centroids were, and which rows are awake.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// The centroids of the pass before.
    before: Vec<i64>,
    /// Passes before the pace is sampled again.
    wait: u32,
    active: Option<Active>,
}

/// The rows that may change cluster, and for how long.
#[derive(Debug)]
struct Active {
    /// Where centroids may start their ways from.
    from: Vec<i64>,
    ways: Ways,
    parts: Vec<Part>,
}

impl Active {
    fn holds(&self, centroids: &Centroids) -> bool {
        let d = centroids.n_features();
        self.from.len() == centroids.values().len()
            && (self.from.chunks_exact(d).zip(centroids.rows()).zip(&self.ways.ways))
                .all(|((from, now), &way)| apart(from, now) <= f64::from(way))
    }
}

/// How a pass goes about a model.
#[derive(Debug)]
pub(super) enum Plan {
    /// Only rows that are awake.
    Active,
    /// All rows; with ways, those that stay awake are looked for.
    All(Option<Ways>),
}

impl Rest {
    /// For a pass with these centroids. `labels` are those of the pass before and are brought up to date where all rows
    /// are walked; `anew` where there are none. `rows` gives the first panels of the matrix, or all;
    /// there is room for copies of a share of `share_max`.
    pub fn plan<'r>(
        &mut self,
        level: SimdLevel,
        model: &Model,
        rows: &dyn Fn() -> Rows<'r>,
        centroids: &Centroids,
        labels: &mut [u8],
        anew: bool,
        share_max: f64,
        spent: &mut Spent,
    ) -> Plan {
        let before = std::mem::replace(&mut self.before, centroids.values().to_vec());
        if let Some(active) = self.active.as_ref().filter(|_| !anew) {
            if active.holds(centroids) {
                return Plan::Active;
            }
            active.parts.iter().for_each(|part| part.put_back(labels));
        }
        self.end(spent);
        let sizes = PANELS_MIN * PANEL_ROWS..=u32::MAX as usize;
        if anew || !sizes.contains(&labels.len()) || before.len() != centroids.values().len() {
            return Plan::All(None);
        }
        if self.wait > 0 {
            self.wait -= 1;
            return Plan::All(None);
        }
        let d = centroids.n_features();
        let steps: Vec<f64> = before.chunks_exact(d).zip(centroids.rows()).map(|(a, b)| apart(a, b)).collect();
        let mut share = 0.0;
        level.run(Sample {
            model,
            ways: &Ways::new(&steps, MOVES_SAMPLED, 1.0),
            rows: rows(),
            labels,
            share: &mut share,
        });
        let pace = (share / MOVES_SAMPLED).max(1e-9);
        if pace > PACE_MAX {
            self.wait = ((pace / PACE_MAX).log2() * PASSES_PER_HALF).min(PASSES_MAX) as u32;
            return Plan::All(None);
        }
        // Some m moves last for about m passes and keep m * pace rows awake: COST / m + m * pace is least here.
        let moves = (COST / pace).sqrt().min(share_max / pace).min(MOVES_MAX);
        if moves < MOVES_MIN {
            self.wait = PASSES_MAX as u32;
            return Plan::All(None);
        }
        Plan::All(Some(Ways::new(&steps, moves, moves * pace)))
    }

    /// Wakes all rows.
    pub fn end(&mut self, spent: &mut Spent) {
        spent.add(self.active.take().into_iter().flat_map(|active| active.parts));
    }

    /// What the threads of a pass have found for these centroids.
    pub fn found(&mut self, centroids: &Centroids, ways: Ways, found: Vec<Found>, spent: &mut Spent) {
        let gave_up = found.iter().any(|found| found.gave_up);
        self.wait = if gave_up { PASSES_MAX as u32 } else { 0 };
        let parts = found.into_iter().map(|found| found.part);
        if gave_up {
            spent.add(parts);
        } else {
            self.active = Some(Active { from: centroids.values().to_vec(), ways, parts: parts.collect() });
        }
    }

    /// The rows that are awake, in pieces of up to `n_panels` panels.
    pub fn pieces(&mut self, n_features: usize, n_panels: usize) -> Vec<Piece<'_>> {
        let parts = self.active.iter_mut().flat_map(|active| &mut active.parts);
        parts.flat_map(|part| part.pieces(n_features, n_panels)).collect()
    }

    pub fn n_awake(&self) -> usize {
        self.active.iter().flat_map(|active| &active.parts).map(|part| part.slots.len()).sum()
    }
}

#[cfg(test)]
mod tests;
