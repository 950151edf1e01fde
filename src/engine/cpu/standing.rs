//! Panels that need no visit: their labels certainly stand.
//!
//! Where every row of a panel leads, by so much is its nearest centroid ahead of the second in squared distance, no label
//! can change until centroids have come far enough to use that lead up. How far they come is added up pass by pass:
//! for a row x, | |x - c'|² - |x - c|² | is at most |c' - c| (|c'| + |c| + 2 |x|), and only two clusters are compared at a
//! time. Everything is rounded to the safe side, and what decides about a label is as before: panels are passed over
//! only where the exact comparison could not come out otherwise.

use super::assign::Three;
use super::model::{Form, Model};
use super::scores::Lanes;
use super::simd::Kernel;
use super::vector::Vector;
use crate::grid::{Centroids, PANEL_ROWS};

/// Leads are measured once fewer than one row in so many changes its cluster in a pass. Before, hardly a panel would stand
/// for long: it has 64 rows, and bounds are some ten times what really happens to a lead.
const STILL: u64 = 2048;

/// Passes for which a panel is left alone whose lead was too small to last.
const REST: u16 = 8;

/// Rounding of sums of path lengths, and of all else that becomes a bound, are far below these.
const OUTWARD: f64 = 1.0 + 1e-9;
const SUM_ERROR: f64 = 1e-12;

/// By how much the rows of a panel led when that was measured last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lead {
    /// Of squared distances, in steps²; 0 where it was never measured.
    least: f32,
    /// After how many passes that was.
    pass: u32,
    /// Passes before it is measured again.
    rest: u16,
}

/// Bounds of what centroids' moves take from any lead: a part for all rows, and one that grows with |x|.
#[derive(Debug, Clone, Copy, Default)]
struct Path {
    constant: f64,
    by_reach: f64,
}

/// How far a model's centroids have come since they are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Travel {
    /// The centroids of the pass before.
    before: Vec<i64>,
    /// After each pass, all moves so far.
    paths: Vec<Path>,
    /// Rows that changed cluster in the pass before.
    pub moved: u64,
    measures: bool,
    /// Whether labels of the pass before are there to stand at all.
    skips: bool,
}

impl Travel {
    /// The centroids of the next pass. `is_full`: it visits every panel whatever is known.
    pub fn advance(&mut self, centroids: &Centroids, n_rows: usize, is_full: bool) {
        let mut path = self.paths.last().copied().unwrap_or_default();
        if self.before.len() == centroids.values().len() {
            let step = step(&self.before, centroids);
            path = Path { constant: path.constant + step.constant, by_reach: path.by_reach + step.by_reach };
        }
        self.paths.push(path);
        self.before.clear();
        self.before.extend_from_slice(centroids.values());
        self.measures = !is_full && self.moved < n_rows as u64 / STILL;
        self.skips = !is_full;
    }

    fn now(&self) -> u32 {
        self.paths.len() as u32 - 1
    }

    /// What moves since a pass took from leads of rows with |x| <= `reach`, at most.
    fn since(&self, pass: u32, reach: f32) -> f64 {
        let (now, then) = (self.paths[self.paths.len() - 1], self.paths[pass as usize]);
        let between = |now: f64, then: f64| (now - then) + now * SUM_ERROR;
        (between(now.constant, then.constant) + between(now.by_reach, then.by_reach) * f64::from(reach)) * OUTWARD
    }

    /// Whether no label of a panel can have changed. `reach` bounds |x| of its rows.
    #[inline(always)]
    pub fn stands(&self, lead: &Lead, reach: f32) -> bool {
        self.skips && lead.least > 0.0 && f64::from(lead.least) > self.since(lead.pass, reach)
    }

    /// Measures the lead of a panel whose labels did not change in this pass, if that may pay.
    #[inline(always)]
    pub fn measure<V: Vector>(&self, model: &Model, columns: &[Lanes], narrow: u64, reach: f32, lead: &mut Lead) {
        if !self.measures {
            return;
        }
        if lead.rest > 0 {
            lead.rest -= 1;
            return;
        }
        lead.pass = self.now();
        V::call(Measure { model, columns, narrow, reach, least: &mut lead.least });
        let recent = self.since(lead.pass.saturating_sub(1), reach);
        lead.rest = if f64::from(lead.least) > 2.0 * recent { 0 } else { REST };
    }
}

/// From some centroids to the next: of each part the two largest.
fn step(before: &[i64], centroids: &Centroids) -> Path {
    let norm = |row: &[i64]| row.iter().map(|&c| (c as f64) * (c as f64)).sum::<f64>().sqrt();
    let (mut constant, mut by_reach) = ([0.0; 2], [0.0; 2]);
    for (before, after) in before.chunks_exact(centroids.n_features()).zip(centroids.rows()) {
        let apart = before.iter().zip(after).map(|(&a, &b)| ((a - b) as f64).powi(2)).sum::<f64>().sqrt();
        keep_largest(&mut constant, apart * (norm(before) + norm(after)) * OUTWARD);
        keep_largest(&mut by_reach, 2.0 * apart * OUTWARD);
    }
    Path { constant: constant.iter().sum(), by_reach: by_reach.iter().sum() }
}

fn keep_largest(two: &mut [f64; 2], value: f64) {
    if value > two[0] {
        *two = [value, two[0]];
    } else if value > two[1] {
        two[1] = value;
    }
}

struct Measure<'a> {
    model: &'a Model,
    columns: &'a [Lanes],
    narrow: u64,
    reach: f32,
    least: &'a mut f32,
}

impl Kernel for Measure<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let slack = self.model.slack(self.reach);
        let three = match self.model.form {
            Form::Dot => Three::of_panel::<V, false>(self.columns, &self.model.tiles),
            Form::Direct => Three::of_panel::<V, true>(self.columns, &self.model.tiles),
        };
        let mut least = f32::MAX;
        for lane in 0..PANEL_ROWS {
            let [best, second] = [three.scores[0][lane], three.scores[1][lane]];
            // The error of the two together grows with the larger. Less than a part in a million is lost in these three
            // roundings.
            let lead = ((second - best) - (slack.absolute + slack.relative * second)) * (1.0 - 1e-6);
            let lead = if (self.narrow >> lane) & 1 == 1 { lead } else { f32::MAX };
            least = if lead < least { lead } else { least };
        }
        *self.least = least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_never_shorter_than_what_a_lead_lost() {
        // A row that leads by the difference of two squared distances, and centroids that walk away from it.
        let row = [700i64, -300];
        let square = |c: &[i64]| row.iter().zip(c).map(|(&x, &c)| (x - c) * (x - c)).sum::<i64>();
        let reach = (700f64 * 700.0 + 300.0 * 300.0).sqrt() as f32 + 1.0;
        let mut travel = Travel::default();
        let at = |pass: i64| vec![690 - pass * 3, -290 + pass * 2, 900 - 7 * pass, 800 - 11 * pass, 5, 5];
        for pass in 0..60 {
            travel.advance(&Centroids::new(0, 0, 2, at(pass)), 1, pass == 0);
            let lead = |pass: i64| (square(&at(pass)[2..4]) - square(&at(pass)[..2])) as f64;
            for since in 0..=pass {
                assert!(travel.since(since as u32, reach) >= lead(since) - lead(pass), "from {since} to {pass}");
            }
        }
    }

    #[test]
    fn a_panel_that_was_never_measured_or_leads_by_nothing_does_not_stand() {
        let mut travel = Travel::default();
        let centroids = Centroids::new(0, 0, 1, vec![1, 2]);
        travel.advance(&centroids, 1000, true);
        travel.advance(&centroids, 1000, false);
        assert!(!travel.stands(&Lead::default(), 1.0));
        assert!(!travel.stands(&Lead { least: -3.0, ..Lead::default() }, 1.0));
        assert!(travel.stands(&Lead { least: 0.5, ..Lead::default() }, 1.0));
        travel.advance(&centroids, 1000, true);
        assert!(!travel.stands(&Lead { least: 0.5, ..Lead::default() }, 1.0), "sums are added up anew");
    }
}
