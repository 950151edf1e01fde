//! The fine tree: the short one with further questions at its leaves. The question is taken that leaves the purest sides
//! (Gini), at the leaf where that helps most, until there are enough of them.

use std::cmp::Ordering;

use super::grown::{Grown, Place};
use super::table::{Asked, Question, Table};
use super::tree::LEAVES_MAX;

/// Leaves per cluster, on average.
const LEAVES_PER_CLUSTER: usize = 4;

/// Questions on the way to a leaf, at most.
const DEPTH_MAX: usize = 12;

/// A leaf speaks of at least this many training rows, or of this part of them.
const ROWS_MIN: usize = 8;
const PART_MIN: usize = 1000;

/// A leaf that could be split, and what that would bring.
struct Open {
    place: Place,
    depth: usize,
    rows: Vec<usize>,
    gain: Purity,
    question: Question,
}

/// `grown` is the short tree.
pub(super) fn grow(table: &Table, training: &[usize], mut grown: Grown) -> Grown {
    let most = (LEAVES_PER_CLUSTER * table.n_clusters).min(LEAVES_MAX);
    let least = ROWS_MIN.max(training.len() / PART_MIN);
    let mut open: Vec<Open> = Vec::new();
    let mut leaves = 0;
    for (place, depth, rows) in grown.leaves(table, training) {
        leaves += 1;
        open.extend(look(table, place, depth, rows, least));
    }
    while leaves < most
        && let Some(at) =
            (0..open.len()).max_by(|&a, &b| open[a].gain.compare(open[b].gain).then(open[b].place.cmp(&open[a].place)))
    {
        let Open { place, depth, rows, question, .. } = open.swap_remove(at);
        let (then, otherwise) = table.part(question, &rows);
        let places = grown.split(place, question, [table.majority(&then), table.majority(&otherwise)]);
        leaves += 1;
        for (place, rows) in places.into_iter().zip([then, otherwise]) {
            open.extend(look(table, place, depth + 1, rows, least));
        }
    }
    grown
}

/// The best question about some rows, if any makes the sides purer than the whole.
fn look(table: &Table, place: Place, depth: usize, rows: Vec<usize>, least: usize) -> Option<Open> {
    if depth >= DEPTH_MAX || rows.len() < 2 * least {
        return None;
    }
    let totals = table.count(&rows);
    let squares: u64 = totals.iter().map(|count| count * count).sum();
    let sides = || Sides {
        left: vec![0; totals.len()],
        right: totals.clone(),
        n_left: 0,
        n_right: rows.len() as u64,
        left_squares: 0,
        right_squares: squares,
        least: least as u64,
        best: None,
    };
    // The first of the purest.
    let best = table.ask(&rows, sides, |sides| sides.best);
    let (purity, question) = best.into_iter().reduce(|best, next| match next.0.compare(best.0) {
        Ordering::Greater => next,
        _ => best,
    })?;
    let gain = purity.minus(squares, rows.len() as u64)?;
    Some(Open { place, depth, rows, gain, question })
}

/// Σ over the sides of Σ count² / rows: the number of rows whose cluster one would guess by drawing another row of the
/// same side. A fraction of whole numbers, so that nothing is rounded.
#[derive(Debug, Clone, Copy)]
struct Purity {
    above: u128,
    below: u128,
}

impl Purity {
    fn compare(self, other: Purity) -> Ordering {
        // Samples have at most 2^15 rows: below is at most 2^45 once a whole is taken off, above 2^60.
        (self.above * other.below).cmp(&(other.above * self.below))
    }

    /// What is left without squares / rows; `None` for nothing.
    fn minus(self, squares: u64, rows: u64) -> Option<Purity> {
        let (squares, rows) = (u128::from(squares), u128::from(rows));
        let (whole, part) = (self.above * rows, squares * self.below);
        (whole > part).then(|| Purity { above: whole - part, below: self.below * rows })
    }
}

struct Sides {
    left: Vec<u64>,
    right: Vec<u64>,
    n_left: u64,
    n_right: u64,
    left_squares: u64,
    right_squares: u64,
    least: u64,
    best: Option<(Purity, Question)>,
}

impl Asked for Sides {
    fn pass(&mut self, _: usize, label: u16) {
        let cluster = usize::from(label);
        self.left_squares += 2 * self.left[cluster] + 1;
        self.right_squares -= 2 * self.right[cluster] - 1;
        self.left[cluster] += 1;
        self.right[cluster] -= 1;
        self.n_left += 1;
        self.n_right -= 1;
    }

    fn after(&mut self, question: Question) {
        if self.n_left < self.least || self.n_right < self.least {
            return;
        }
        let above = self.left_squares * self.n_right + self.right_squares * self.n_left;
        let purity = Purity { above: u128::from(above), below: u128::from(self.n_left * self.n_right) };
        if self.best.is_none_or(|(most, _)| purity.compare(most) == Ordering::Greater) {
            self.best = Some((purity, question));
        }
    }
}
