//! Rows that may change cluster, copied into panels of their own, and how the threads of a pass find them.

use super::active::Ways;
use super::lloyd::NO_LABEL;
use super::margin::Margins;
use super::model::Model;
use super::rows::Rows;
use super::scores::Lanes;
use super::vector::Vector;
use crate::grid::PANEL_ROWS;

/// With more rows than this share awake after all, copying is given up.
const SHARE_MAX: f64 = 0.4;

/// Panels after which that share counts.
const PANELS_SEEN_MIN: usize = 16;

/// Copies that have served, whose memory the next ones take.
#[derive(Debug, Default)]
pub(super) struct Spent(Vec<Part>);

impl Spent {
    pub fn add(&mut self, parts: impl IntoIterator<Item = Part>) {
        self.0.extend(parts.into_iter().filter(|part| part.slots.capacity() > 0));
    }

    /// The smallest that has room for so many rows, or else the largest; empty.
    fn take(&mut self, n_rows: usize) -> Part {
        let fits = |part: &Part| (part.slots.capacity() < n_rows, part.slots.capacity().abs_diff(n_rows));
        let best = (0..self.0.len()).min_by_key(|&index| fits(&self.0[index]));
        let mut part = best.map_or_else(Part::default, |index| self.0.swap_remove(index));
        part.clear();
        part
    }
}

/// Rows that are awake, in panels of their own.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub panels: Vec<f32>,
    /// See [`Rows`].
    reach: Vec<f32>,
    pub narrow: Vec<u64>,
    pub weights: Vec<u16>,
    /// 64 per panel.
    pub labels: Vec<u8>,
    /// Which slot of the matrix each row is from; there are fewer than 2^32.
    pub slots: Vec<u32>,
}

/// Some panels of them.
pub(super) struct Piece<'a> {
    pub rows: Rows<'a>,
    pub labels: &'a mut [u8],
}

impl Part {
    fn clear(&mut self) {
        let Self { panels, reach, narrow, weights, labels, slots } = self;
        panels.clear();
        reach.clear();
        narrow.clear();
        weights.clear();
        labels.clear();
        slots.clear();
    }

    pub fn put_back(&self, labels: &mut [u8]) {
        self.slots.iter().zip(&self.labels).for_each(|(&slot, &label)| labels[slot as usize] = label);
    }

    pub fn pieces(&mut self, n_features: usize, n_panels: usize) -> impl Iterator<Item = Piece<'_>> {
        let Self { panels, reach, narrow, weights, labels, .. } = self;
        let weights = (!weights.is_empty()).then_some(weights.as_slice());
        let rows = Rows { n_features, panels, reach, narrow, weights };
        labels.chunks_mut(n_panels * PANEL_ROWS).enumerate().map(move |(number, labels)| {
            let first = number * n_panels;
            Piece { rows: rows.range(first..first + labels.len() / PANEL_ROWS), labels }
        })
    }

    fn reserve(&mut self, n_rows: usize, n_features: usize) {
        let n_panels = n_rows.div_ceil(PANEL_ROWS);
        self.panels.reserve(n_panels * n_features * PANEL_ROWS);
        self.labels.reserve(n_panels * PANEL_ROWS);
        self.slots.reserve(n_panels * PANEL_ROWS);
    }

    /// Adds the rows of a panel whose bits are set.
    pub fn add(&mut self, rows: &Rows, panel: usize, first_slot: usize, labels: &[u8; PANEL_ROWS], mut awake: u64) {
        let (mut lanes, mut n) = ([0u8; PANEL_ROWS], 0);
        while awake != 0 {
            lanes[n] = awake.trailing_zeros() as u8;
            awake &= awake - 1;
            n += 1;
        }
        let mut lanes = &lanes[..n];
        while !lanes.is_empty() {
            let to = self.slots.len() % PANEL_ROWS;
            let (now, later) = lanes.split_at(lanes.len().min(PANEL_ROWS - to));
            self.add_lanes(rows, panel, first_slot, labels, now, to);
            lanes = later;
        }
    }

    /// Of one panel to the last one here, from lane `to` on; to a new one if that is 0.
    fn add_lanes(
        &mut self,
        rows: &Rows,
        panel: usize,
        first_slot: usize,
        labels: &[u8; PANEL_ROWS],
        lanes: &[u8],
        to: usize,
    ) {
        let width = rows.n_features * PANEL_ROWS;
        if to == 0 {
            self.panels.resize(self.panels.len() + width, 0.0);
            self.labels.resize(self.labels.len() + PANEL_ROWS, NO_LABEL);
            self.reach.push(0.0);
            self.narrow.push(0);
        }
        let last = self.narrow.len() - 1;
        let (into, _) = self.panels[last * width..].as_chunks_mut::<PANEL_ROWS>();
        for (into, column) in into.iter_mut().zip(rows.columns(panel)) {
            for (into, &lane) in into[to..to + lanes.len()].iter_mut().zip(lanes) {
                *into = column[usize::from(lane) % PANEL_ROWS];
            }
        }
        for (into, &lane) in self.labels[last * PANEL_ROWS + to..].iter_mut().zip(lanes) {
            *into = labels[usize::from(lane) % PANEL_ROWS];
        }
        self.reach[last] = self.reach[last].max(rows.reach[panel]);
        self.narrow[last] |= (u64::MAX >> (PANEL_ROWS - lanes.len())) << to;
        self.slots.extend(lanes.iter().map(|&lane| first_slot as u32 + u32::from(lane)));
        if let Some(weights) = rows.weights {
            self.weights.extend(lanes.iter().map(|&lane| weights[panel * PANEL_ROWS + usize::from(lane)]));
        }
    }
}

/// What one thread finds in a pass.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub part: Part,
    seen: usize,
    awake: usize,
    pub rows_max: usize,
    pub gave_up: bool,
    /// (k, 64)
    scores: Vec<Lanes>,
}

impl Found {
    /// For a thread that walks so many rows and may copy at most `rows_max` of them.
    pub fn new(ways: &Ways, n_rows: usize, n_features: usize, rows_max: usize, spent: &mut Spent) -> Self {
        let expected = rows_max.min((n_rows as f64 * ways.share * 1.1) as usize);
        let mut part = spent.take(expected);
        part.reserve(expected, n_features);
        Self { part, rows_max, ..Self::default() }
    }

    /// Looks at a panel whose labels are those of the model.
    pub fn look<V: Vector>(
        &mut self,
        model: &Model,
        ways: &Ways,
        rows: &Rows,
        panel: usize,
        first_slot: usize,
        labels: &[u8; PANEL_ROWS],
    ) {
        if self.gave_up {
            return;
        }
        let mut awake = 0;
        let (scores, columns, reach) = (&mut self.scores, rows.columns(panel), rows.reach[panel]);
        V::call(Margins { model, ways, columns, reach, labels, scores, awake: &mut awake });
        awake &= rows.narrow[panel];
        self.seen += rows.narrow[panel].count_ones() as usize;
        self.awake += awake.count_ones() as usize;
        let counts = self.seen >= PANELS_SEEN_MIN * PANEL_ROWS;
        if self.awake > self.rows_max || counts && self.awake as f64 > SHARE_MAX * self.seen as f64 {
            self.gave_up = true;
        } else {
            self.part.add(rows, panel, first_slot, labels, awake);
        }
    }
}
