//! Which rows of a panel may change cluster once centroids have gone their ways.

use super::active::Ways;
use super::model::Model;
use super::rows::Rows;
use super::scores::{Lanes, all_scores};
use super::simd::Kernel;
use super::vector::Vector;
use crate::grid::PANEL_ROWS;

/// Panels that are sampled: so many, or a part of a small matrix.
const SAMPLED: usize = 8;
const SAMPLED_PART: usize = 32;

/// The share of rows of some panels that would stay awake.
pub(super) struct Sample<'a> {
    pub model: &'a Model,
    pub ways: &'a Ways,
    pub rows: Rows<'a>,
    pub labels: &'a [u8],
    pub share: &'a mut f64,
}

impl Kernel for Sample<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { model, ways, rows, labels, share } = self;
        let (labels, _) = labels.as_chunks::<PANEL_ROWS>();
        let (mut seen, mut awake, mut scores) = (0, 0, Vec::new());
        let n_panels = rows.narrow.len();
        let sampled = (n_panels / SAMPLED_PART).clamp(1, SAMPLED);
        for panel in (0..n_panels).step_by(n_panels.div_ceil(sampled).max(1)) {
            let (columns, reach, scores, mut bits) = (rows.columns(panel), rows.reach[panel], &mut scores, 0);
            V::call(Margins { model, ways, columns, reach, labels: &labels[panel], scores, awake: &mut bits });
            seen += rows.narrow[panel].count_ones();
            awake += (bits & rows.narrow[panel]).count_ones();
        }
        *share = f64::from(awake) / f64::from(seen.max(1));
    }
}

/// One bit for each row of a panel that may change cluster.
pub(super) struct Margins<'a> {
    pub model: &'a Model,
    pub ways: &'a Ways,
    pub columns: &'a [Lanes],
    pub reach: f32,
    pub labels: &'a [u8; PANEL_ROWS],
    pub scores: &'a mut Vec<Lanes>,
    pub awake: &'a mut u64,
}

impl Kernel for Margins<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { model, ways, columns, reach, labels, scores, awake } = self;
        scores.resize(model.n_clusters, [0.0; PANEL_ROWS]);
        all_scores::<V>(columns, model, scores);
        let (slack, part) = (model.slack(reach), model.distance_error());
        let mut best = scores[0];
        for score in &scores[1..] {
            for lane in 0..PANEL_ROWS {
                best[lane] = if score[lane] < best[lane] { score[lane] } else { best[lane] };
            }
        }
        // Scores are squared distances less that to the base.
        let mut base = [0.0; PANEL_ROWS];
        for (column, &b) in columns.iter().zip(&model.base) {
            for lane in 0..PANEL_ROWS {
                let difference = column[lane] - b;
                base[lane] += difference * difference;
            }
        }
        // From a row to its own centroid, whose score is the best or lies within the bound of it, and on that one's way.
        // `limit` is the square of that, as a score; `error` is more than what all roundings of both sides come to.
        let (mut near, mut limit) = ([0.0; PANEL_ROWS], [0.0; PANEL_ROWS]);
        for (way, &label) in near.iter_mut().zip(labels) {
            *way = ways.ways.get(usize::from(label)).copied().unwrap_or(ways.largest);
        }
        for lane in 0..PANEL_ROWS {
            let positive = if best[lane] > 0.0 { best[lane] } else { 0.0 };
            let squared = best[lane] + (slack.absolute + slack.relative * positive) + (base[lane] + part * base[lane]);
            near[lane] += if squared > 0.0 { squared.sqrt() } else { 0.0 };
            let far = near[lane] + ways.largest;
            let error = slack.absolute + part * (far * far + base[lane]);
            limit[lane] = near[lane] * near[lane] - base[lane] + error;
        }
        // Its own centroid is always among those that are near enough.
        let mut counts = [0.0; PANEL_ROWS];
        for (score, &way) in scores.iter().zip(&ways.ways) {
            let (twice, square, one) = (V::splat(2.0 * way), V::splat(way * way), V::splat(1.0));
            for at in (0..PANEL_ROWS).step_by(V::LANES) {
                let limit = V::load(&near, at).multiply_add(twice, V::load(&limit, at)).add(square);
                V::load(score, at).add_where_at_most(limit, one, V::load(&counts, at)).store(&mut counts, at);
            }
        }
        for at in (0..PANEL_ROWS).step_by(V::LANES) {
            *awake |= V::splat(1.0).less_bits(V::load(&counts, at)) << at;
        }
    }
}
