//! The inner loop: scores of a panel's rows against all centroids, and which centroids a row may be nearest to.
//! Everything else on the CPU is built around it.
//!
//! A tile is R vectors of rows against up to six centroids, all in registers: a feature's values are loaded once per
//! tile, and each centroid's coordinate is broadcast. Of a tile's scores the smallest is found first; then all that lie
//! within the error bound of it are counted and their labels added up, so that a count of one comes with its label.
//! That is two operations per score on the ports that multiply, where keeping the two smallest would be five. Models of
//! one tile never leave the registers; larger ones visit the panel tile after tile, which so stays in the first-level
//! cache.

use super::model::{Form, Model, Slack, Tile};
use super::simd::{TILE_MAX, prefetch};
use super::vector::Vector;
use crate::grid::PANEL_ROWS;

/// How far ahead of its reading a kernel asks for memory, in f32: the hardware's own guess does not follow panels.
const PREFETCH_AHEAD: usize = 2560;

/// A cache line of f32.
const LINE: usize = 16;

/// What each centroid within the bound counts; labels lie below. Sums are exact for one and two centroids, and stay
/// above with more.
pub(super) const COUNT: f32 = 65_536.0;

/// One value per row of a panel.
pub(super) type Lanes = [f32; PANEL_ROWS];

/// Which cluster each row of a panel is nearest to, as far as f32 can tell.
pub(super) struct Scores {
    /// `COUNT` or more where several clusters lie within the error bound.
    pub labels: Lanes,
    /// One bit per row, the first lowest: the label is another than before, or cannot be told.
    pub changed: u64,
}

impl Scores {
    pub fn new() -> Self {
        Self { labels: [0.0; PANEL_ROWS], changed: 0 }
    }

    /// One bit per row, the first lowest: several clusters lie within the error bound.
    #[inline(always)]
    pub fn near<V: Vector>(&self) -> u64 {
        let mut clear = 0;
        for at in (0..PANEL_ROWS).step_by(V::LANES) {
            clear |= V::load(&self.labels, at).less_bits(V::splat(COUNT)) << at;
        }
        !clear
    }
}

/// A panel and what is known of it.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a> {
    /// (d, 64)
    pub columns: &'a [Lanes],
    /// See [`Matrix::reach`](crate::grid::Matrix::reach).
    pub reach: f32,
    /// Labels of the pass before.
    pub before: &'a [u8; PANEL_ROWS],
}

/// A way to score the rows of a panel, made for a shape of models.
pub(super) trait Way: Copy {
    fn score<V: Vector>(panel: Panel, model: &Model, scores: &mut Scores);
}

/// One tile of K centroids.
#[derive(Clone, Copy)]
pub(super) struct OneTile<const K: usize, const DIRECT: bool>;

/// Any number of tiles.
#[derive(Clone, Copy)]
pub(super) struct ManyTiles<const DIRECT: bool>;

impl<const K: usize, const DIRECT: bool> Way for OneTile<K, DIRECT> {
    #[inline(always)]
    fn score<V: Vector>(panel: Panel, model: &Model, scores: &mut Scores) {
        let (tile, slack) = (&model.tiles[0], model.slack(panel.reach));
        // Vectors of rows per tile: what the level's registers hold beside the centroids.
        match V::LANES {
            8 => one_tile::<V, 2, K, DIRECT>(panel, tile, slack, scores),
            _ => one_tile::<V, 4, K, DIRECT>(panel, tile, slack, scores),
        }
    }
}

impl<const DIRECT: bool> Way for ManyTiles<DIRECT> {
    #[inline(always)]
    fn score<V: Vector>(panel: Panel, model: &Model, scores: &mut Scores) {
        let slack = model.slack(panel.reach);
        match V::LANES {
            8 => many_tiles::<V, 2, DIRECT>(panel, &model.tiles, slack, scores),
            _ => many_tiles::<V, 4, DIRECT>(panel, &model.tiles, slack, scores),
        }
    }
}

/// Before any score: that of the base, which is 0 in the dot form, and none in the direct form.
const BASE: [Nearest<f32>; 2] = [Nearest { best: 0.0, found: COUNT }, Nearest { best: f32::MAX, found: 0.0 }];

/// The smallest score of some rows so far, and how many lie within the bound of it, with their labels.
#[derive(Clone, Copy)]
struct Nearest<V> {
    best: V,
    /// Counts times `COUNT`, plus labels.
    found: V,
}

impl<V: Vector> Nearest<V> {
    /// With the scores of a tile. What lay within the bound of the smallest so far still counts where that one lies
    /// within the bound of the new one: a row too many to decide, at worst.
    #[inline(always)]
    fn with<const R: usize, const K: usize, const DIRECT: bool>(
        self,
        sums: &[[V; R]; K],
        r: usize,
        labels: &[f32; TILE_MAX],
        slack: Slack,
    ) -> Self {
        let mut best = self.best;
        for k in 0..K {
            best = sums[k][r].smaller(best);
        }
        let limit = match DIRECT {
            true => best.multiply_add(V::splat(slack.relative), best),
            false => best.add(V::splat(slack.absolute)),
        };
        // In two sums that do not wait for each other.
        let mut found = self.best.only_where_at_most(limit, self.found);
        let mut others = sums[0][r].only_where_at_most(limit, V::splat(labels[0]));
        for k in 1..K {
            let sum = if k % 2 == 0 { &mut others } else { &mut found };
            *sum = sums[k][r].add_where_at_most(limit, V::splat(labels[k]), *sum);
        }
        Self { best, found: found.add(others) }
    }

    /// Writes the labels down; one bit per row where they differ from `before`.
    #[inline(always)]
    fn settle(self, at: usize, before: &[u8; PANEL_ROWS], labels: &mut Lanes) -> u64 {
        let label = self.found.subtract(V::splat(COUNT));
        label.store(labels, at);
        label.unlike_bits(V::load_bytes(before, at))
    }
}

#[inline(always)]
fn one_tile<V: Vector, const R: usize, const K: usize, const DIRECT: bool>(
    panel: Panel,
    tile: &Tile,
    slack: Slack,
    scores: &mut Scores,
) {
    let mut changed = 0u64;
    for first in (0..PANEL_ROWS).step_by(R * V::LANES) {
        let sums = tile_scores::<V, R, K, DIRECT, true>(panel.columns, first, tile);
        let mut bits = 0;
        for r in 0..R {
            let base = Nearest {
                best: V::splat(BASE[usize::from(DIRECT)].best),
                found: V::splat(BASE[usize::from(DIRECT)].found),
            };
            let nearest = base.with::<R, K, DIRECT>(&sums, r, &tile.counts, slack);
            bits |= nearest.settle(first + r * V::LANES, panel.before, &mut scores.labels) << (r * V::LANES);
        }
        // Moves in from above; shifts by constants are the cheap ones.
        let n = (R * V::LANES) as u32;
        changed = changed.checked_shr(n).unwrap_or(0) | bits << (u64::BITS - n);
    }
    scores.changed = changed;
}

#[inline(always)]
fn many_tiles<V: Vector, const R: usize, const DIRECT: bool>(
    panel: Panel,
    tiles: &[Tile],
    slack: Slack,
    scores: &mut Scores,
) {
    let Nearest { best, found } = BASE[usize::from(DIRECT)];
    let mut running = Running { best: [best; PANEL_ROWS], found: [found; PANEL_ROWS] };
    if let Some((tile, rest)) = tiles.split_first() {
        running.add_tile::<V, R, DIRECT, true>(panel.columns, tile, slack);
        for tile in rest {
            running.add_tile::<V, R, DIRECT, false>(panel.columns, tile, slack);
        }
    }
    scores.changed = 0;
    for at in (0..PANEL_ROWS).step_by(V::LANES) {
        scores.changed |= running.load::<V>(at).settle(at, panel.before, &mut scores.labels) << at;
    }
}

/// The same of all rows of a panel.
struct Running {
    best: Lanes,
    found: Lanes,
}

impl Running {
    #[inline(always)]
    fn load<V: Vector>(&self, at: usize) -> Nearest<V> {
        Nearest { best: V::load(&self.best, at), found: V::load(&self.found, at) }
    }

    #[inline(always)]
    fn add_tile<V: Vector, const R: usize, const DIRECT: bool, const AHEAD: bool>(
        &mut self,
        columns: &[Lanes],
        tile: &Tile,
        slack: Slack,
    ) {
        match tile.n {
            1 => self.add::<V, R, 1, DIRECT, AHEAD>(columns, tile, slack),
            2 => self.add::<V, R, 2, DIRECT, AHEAD>(columns, tile, slack),
            3 => self.add::<V, R, 3, DIRECT, AHEAD>(columns, tile, slack),
            4 => self.add::<V, R, 4, DIRECT, AHEAD>(columns, tile, slack),
            5 => self.add::<V, R, 5, DIRECT, AHEAD>(columns, tile, slack),
            _ => self.add::<V, R, TILE_MAX, DIRECT, AHEAD>(columns, tile, slack),
        }
    }

    #[inline(always)]
    fn add<V: Vector, const R: usize, const K: usize, const DIRECT: bool, const AHEAD: bool>(
        &mut self,
        columns: &[Lanes],
        tile: &Tile,
        slack: Slack,
    ) {
        for first in (0..PANEL_ROWS).step_by(R * V::LANES) {
            let sums = tile_scores::<V, R, K, DIRECT, AHEAD>(columns, first, tile);
            for r in 0..R {
                let at = first + r * V::LANES;
                let nearest = self.load::<V>(at).with::<R, K, DIRECT>(&sums, r, &tile.counts, slack);
                nearest.best.store(&mut self.best, at);
                nearest.found.store(&mut self.found, at);
            }
        }
    }
}

/// The scores of a panel's rows against every centroid: (k, 64), in the order of the centroids.
#[inline(always)]
pub(super) fn all_scores<V: Vector>(columns: &[Lanes], model: &Model, scores: &mut [Lanes]) {
    // In the dot form the base comes first, and its score is 0.
    let mut first = 0;
    if !model.base.is_empty() {
        scores[0] = [0.0; PANEL_ROWS];
        first = 1;
    }
    for tile in &model.tiles {
        let scores = &mut scores[first..first + tile.n];
        match (model.form, V::LANES) {
            (Form::Dot, 8) => store_tile::<V, 2, false>(columns, tile, scores),
            (Form::Dot, _) => store_tile::<V, 4, false>(columns, tile, scores),
            (Form::Direct, 8) => store_tile::<V, 2, true>(columns, tile, scores),
            (Form::Direct, _) => store_tile::<V, 4, true>(columns, tile, scores),
        }
        first += tile.n;
    }
}

#[inline(always)]
fn store_tile<V: Vector, const R: usize, const DIRECT: bool>(columns: &[Lanes], tile: &Tile, scores: &mut [Lanes]) {
    match tile.n {
        1 => store_scores::<V, R, 1, DIRECT>(columns, tile, scores),
        2 => store_scores::<V, R, 2, DIRECT>(columns, tile, scores),
        3 => store_scores::<V, R, 3, DIRECT>(columns, tile, scores),
        4 => store_scores::<V, R, 4, DIRECT>(columns, tile, scores),
        5 => store_scores::<V, R, 5, DIRECT>(columns, tile, scores),
        _ => store_scores::<V, R, TILE_MAX, DIRECT>(columns, tile, scores),
    }
}

#[inline(always)]
fn store_scores<V: Vector, const R: usize, const K: usize, const DIRECT: bool>(
    columns: &[Lanes],
    tile: &Tile,
    scores: &mut [Lanes],
) {
    for first in (0..PANEL_ROWS).step_by(R * V::LANES) {
        let sums = tile_scores::<V, R, K, DIRECT, false>(columns, first, tile);
        for (sums, scores) in sums.iter().zip(scores.iter_mut()) {
            for r in 0..R {
                sums[r].store(scores, first + r * V::LANES);
            }
        }
    }
}

/// The scores of R vectors of rows against the centroids of a tile. AHEAD: asks for the memory that comes next.
#[inline(always)]
pub(super) fn tile_scores<V: Vector, const R: usize, const K: usize, const DIRECT: bool, const AHEAD: bool>(
    columns: &[Lanes],
    first: usize,
    tile: &Tile,
) -> [[V; R]; K] {
    let mut sums = [[V::splat(0.0); R]; K];
    for k in 0..K {
        sums[k] = [V::splat(tile.start[k]); R];
    }
    let (coefficients, _) = tile.coefficients.as_chunks::<K>();
    // Two features at a time, for the loop's own sake; the first ones apart, so that the loop does not begin with `start`.
    let (pairs, last) = columns.as_chunks::<2>();
    let (coefficient_pairs, last_coefficients) = coefficients.as_chunks::<2>();
    let mut pairs = pairs.iter().zip(coefficient_pairs);
    if let Some((pair, coefficients)) = pairs.next() {
        add_features::<V, R, K, DIRECT, AHEAD>(pair, first, coefficients, &mut sums);
        for (pair, coefficients) in pairs {
            add_features::<V, R, K, DIRECT, AHEAD>(pair, first, coefficients, &mut sums);
        }
    }
    if let ([column], [coefficients]) = (last, last_coefficients) {
        add_feature::<V, R, K, DIRECT, AHEAD>(column, first, coefficients, &mut sums);
    }
    sums
}

#[inline(always)]
fn add_features<V: Vector, const R: usize, const K: usize, const DIRECT: bool, const AHEAD: bool>(
    columns: &[Lanes; 2],
    first: usize,
    coefficients: &[[f32; K]; 2],
    sums: &mut [[V; R]; K],
) {
    for j in 0..2 {
        add_feature::<V, R, K, DIRECT, AHEAD>(&columns[j], first, &coefficients[j], sums);
    }
}

#[inline(always)]
fn add_feature<V: Vector, const R: usize, const K: usize, const DIRECT: bool, const AHEAD: bool>(
    column: &Lanes,
    first: usize,
    coefficients: &[f32; K],
    sums: &mut [[V; R]; K],
) {
    if AHEAD {
        for line in (0..R * V::LANES).step_by(LINE) {
            prefetch(column.as_ptr().wrapping_add(PREFETCH_AHEAD + first + line));
        }
    }
    let mut rows = [V::splat(0.0); R];
    for r in 0..R {
        rows[r] = V::load(column, first + r * V::LANES);
    }
    for k in 0..K {
        let coefficient = V::splat(coefficients[k]);
        for r in 0..R {
            sums[k][r] = if DIRECT {
                let difference = rows[r].subtract(coefficient);
                difference.multiply_add(difference, sums[k][r])
            } else {
                rows[r].multiply_add(coefficient, sums[k][r])
            };
        }
    }
}
