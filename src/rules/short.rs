//! The short tree: every question parts the clusters into two groups, so that each cluster ends in one leaf or in none.
//!
//! Of all questions the one is taken that sends the fewest customers the other way than most of their cluster; those
//! leave the tree, so that they have no say further down (the threshold trees of Moshkovitz, Dasgupta, Rashtchian and
//! Frost, with the majority of a cluster in the place of its centre). Of questions that are as good as equal the one is
//! taken that parts the clusters most evenly, because that makes for short rules; then the one of fewer mistakes, of the
//! earlier column, of the lower cut.

use super::grown::{Grown, Place};
use super::table::{Asked, Question, Table};
use super::tree::LEAVES_MAX;

/// A place whose clusters are still together.
struct Open {
    place: Place,
    rows: Vec<usize>,
}

/// Training rows of a cluster that can have a leaf, at least: of fewer there is nothing to learn.
const ROWS_MIN: u64 = 5;

pub(super) fn grow(table: &Table, training: &[usize]) -> Grown {
    let counts = table.count(training);
    let of_enough = |row: &usize| counts[usize::from(table.labels[*row])] >= ROWS_MIN;
    let rows: Vec<usize> = training.iter().copied().filter(of_enough).collect();
    let mut grown = Grown::leaf(table.majority(&rows));
    let mut open = vec![Open { place: Grown::ROOT, rows }];
    let mut leaves = 1;
    // The fullest place first, so that the largest clusters have leaves where not all can have one.
    while leaves < LEAVES_MAX
        && let Some(at) = (0..open.len()).max_by_key(|&at| (open[at].rows.len(), std::cmp::Reverse(open[at].place)))
    {
        let Open { place, rows } = open.swap_remove(at);
        let Some((question, left)) = best_question(table, &rows) else { continue };
        let stays = |row: &usize, left_side: bool| {
            left[usize::from(table.labels[*row])] == left_side && table.is_within(question, *row) == left_side
        };
        let sides = [true, false].map(|side| rows.iter().copied().filter(|row| stays(row, side)).collect::<Vec<_>>());
        let clusters = [0, 1].map(|side| table.majority(&sides[side]));
        let places = grown.split(place, question, clusters);
        leaves += 1;
        open.extend(places.into_iter().zip(sides).map(|(place, rows)| Open { place, rows }));
    }
    grown
}

/// The question of the fewest mistakes, and which clusters it sends to the left. `None` where no question parts them.
fn best_question(table: &Table, rows: &[usize]) -> Option<(Question, Vec<bool>)> {
    let totals = table.count(rows);
    let n_clusters = totals.iter().filter(|count| **count > 0).count();
    if n_clusters < 2 {
        return None;
    }
    let alike = (rows.len() / ALIKE).max(1) as u64;
    let sides = || Sides {
        totals: &totals,
        left: vec![0; totals.len()],
        alike,
        n_clusters,
        n_left: 0,
        mistakes: 0,
        best: None,
    };
    let best = table.ask(rows, sides, |sides| sides.best);
    // The first of those that cost least.
    best.into_iter().min_by_key(|(cost, ..)| *cost).map(|(_, question, left)| (question, left))
}

/// Mistakes in portions, then how unevenly the clusters are parted, then mistakes.
type Cost = (u64, usize, u64);

/// Questions are as good as equal where their mistakes are in the same portion of this part of the rows.
const ALIKE: usize = 500;

struct Sides<'a> {
    totals: &'a [u64],
    left: Vec<u64>,
    alike: u64,
    n_clusters: usize,
    /// Clusters with at least half of their rows on the left.
    n_left: usize,
    mistakes: u64,
    best: Option<(Cost, Question, Vec<bool>)>,
}

impl Sides<'_> {
    fn goes_left(&self, cluster: usize) -> bool {
        self.totals[cluster] > 0 && 2 * self.left[cluster] >= self.totals[cluster]
    }

    fn mistakes_of(&self, cluster: usize) -> u64 {
        self.left[cluster].min(self.totals[cluster] - self.left[cluster])
    }
}

impl Asked for Sides<'_> {
    fn pass(&mut self, _: usize, label: u16) {
        let cluster = usize::from(label);
        let (went, mistakes) = (self.goes_left(cluster), self.mistakes_of(cluster));
        self.left[cluster] += 1;
        self.n_left += usize::from(!went && self.goes_left(cluster));
        self.mistakes = self.mistakes - mistakes + self.mistakes_of(cluster);
    }

    fn after(&mut self, question: Question) {
        if self.n_left == 0 || self.n_left == self.n_clusters {
            return;
        }
        let uneven = self.n_left.max(self.n_clusters - self.n_left);
        let cost = (self.mistakes / self.alike, uneven, self.mistakes);
        if self.best.as_ref().is_none_or(|(least, ..)| cost < *least) {
            let left = (0..self.totals.len()).map(|cluster| self.goes_left(cluster)).collect();
            self.best = Some((cost, question, left));
        }
    }
}
