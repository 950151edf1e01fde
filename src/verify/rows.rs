//! Every row of the input once more, beside what the run says of it: whether it was kept, where it lies, which centroid is
//! the nearest and how near. Whatever is added up over rows is added up here, in one read; nothing is kept per row but,
//! for a silhouette, the places of at most 20,000 of them.

use crate::error::{Error, Result};
use crate::job::SourceSettings;
use crate::observe::Observe;
use crate::report::Summary;
use crate::source::{Batch, Pulled, Request, Source, pulled};
use crate::store::{ASSIGNMENTS, Model, SUMMARY};

use super::assigned::{Assigned, number, unread};
use super::geometry::{Geometry, Near, Point};
use super::places::Places;
use super::tally::{Sum, Tally};
use super::texts::Values;
use super::verdict::{TOLERANCE, Verdict};
use super::weights::{self, Steps};
use super::{ASSIGNED_SCAN, SCAN};

/// Rows nearer than this to a tie, by margin, are counted as near ties.
const NEAR_TIE: f64 = 1e-9;

/// A row that belongs to no cluster.
const NONE: u16 = u16::MAX;

/// What all rows come to.
pub(super) struct Recomputed {
    pub rows: u64,
    /// Per feature, rows that are left out for its sake, and kept rows whose value was replaced.
    pub dropped: Vec<u64>,
    pub imputed: Vec<u64>,
    /// Where the sample weights stand in the source and how they become whole, and Σ w per cluster.
    pub weight: Option<(usize, Steps)>,
    pub weights: Option<Vec<f64>>,
    /// Per described column: of every cluster, and of all.
    pub columns: Vec<(Vec<Tally>, Tally)>,
    pub texts: Vec<Values>,
    /// Σ w D, in steps.
    pub inertia: i128,
    /// Σ (1 - nearest / second nearest distance), 0 for a row that both are on.
    pub margins: Sum,
    pub places: Option<Places>,
}

/// One read of the input beside the assignments.
pub(super) struct Reading<'a> {
    pub source: &'a Source,
    pub assignments: &'a Source,
    pub settings: &'a SourceSettings,
    pub model: &'a Model,
    pub summary: &'a Summary,
    pub assigned: &'a Assigned,
    pub observe: &'a Observe,
}

impl Reading<'_> {
    /// Checks all rows. `None` where the input holds other customers than the run: then nothing more can be compared.
    pub fn check(&self, verdict: &mut Verdict) -> Result<Option<Recomputed>> {
        let geometry = Geometry::new(self.model);
        let mut numbers: Vec<usize> = Vec::new();
        let mut slot = |name: &str| -> Result<usize> {
            let column = self.source.column(name)?;
            let known = numbers.iter().position(|known| *known == column);
            Ok(known.unwrap_or_else(|| {
                numbers.push(column);
                numbers.len() - 1
            }))
        };
        let features: Vec<usize> =
            self.model.features.features.iter().map(|f| slot(&f.column)).collect::<Result<_>>()?;
        let columns: Vec<usize> = self.summary.profile.columns.iter().map(|c| slot(&c.name)).collect::<Result<_>>()?;
        let weight = self.settings.sample_weight.as_deref().map(&mut slot).transpose()?;
        let texts = self.summary.profile.categories.iter().map(|text| self.source.column(&text.name));
        let texts: Vec<usize> = texts.collect::<Result<_>>()?;
        let weighed = match weight.and_then(|slot| numbers.get(slot)) {
            Some(&column) => {
                let features: Vec<usize> = features.iter().filter_map(|slot| numbers.get(*slot)).copied().collect();
                Some((column, weights::steps(self.source, &geometry, &features, column, self.observe)?))
            }
            None => None,
        };
        let request = Request { numbers, texts, ids: true, ..Request::default() };
        let mut rows = Rows {
            features: &features,
            columns: &columns,
            weight: weight.zip(weighed.map(|(_, steps)| steps)),
            claimed_rows: self.assigned.rows,
            found: Recomputed { weight: weighed, ..self.nothing(&geometry) },
            geometry,
            other_ids: 0,
            near_ties: 0,
            point: Point::default(),
        };
        let request_assigned = Request {
            numbers: ["cluster", "distance", "margin"]
                .map(|name| self.assignments.column(name))
                .into_iter()
                .collect::<Result<_>>()?,
            ids: true,
            ..Request::default()
        };
        verdict.checked("nearest centroid, distance and margin of every row", 3 * self.assigned.rows);
        pulled(self.assignments, &request_assigned, &ASSIGNED_SCAN, self.observe, |batches| {
            let mut published = Published::new(batches);
            self.source.scan(&request, &SCAN, self.observe, &mut |wave| rows.add(&wave, &mut published, verdict))
        })?;
        Ok(self.conclude(rows, verdict))
    }

    fn nothing(&self, geometry: &Geometry) -> Recomputed {
        let (summary, n_clusters) = (self.summary, self.summary.clusters.len());
        let columns = summary.profile.columns.iter().map(|column| {
            let clusters = column.clusters.iter().map(|claimed| Tally::new(&claimed.moments));
            (clusters.collect(), Tally::new(&column.overall))
        });
        Recomputed {
            rows: 0,
            dropped: vec![0; geometry.n_features()],
            imputed: vec![0; geometry.n_features()],
            weight: None,
            weights: self.settings.sample_weight.is_some().then(|| vec![0.0; n_clusters]),
            columns: columns.collect(),
            texts: summary.profile.categories.iter().map(|_| Values::none(n_clusters)).collect(),
            inertia: 0,
            margins: Sum::default(),
            places: Places::wanted(summary, self.assigned.rows, geometry.n_features()),
        }
    }

    fn conclude(&self, rows: Rows, verdict: &mut Verdict) -> Option<Recomputed> {
        let (found, summary) = (rows.found, self.summary);
        verdict.near_ties += rows.near_ties;
        verdict.checked("rows of the input, and those that were dropped, by reason", 1);
        if found.rows != summary.rows {
            verdict.wrong(SUMMARY, "rows", summary.rows.to_string(), format!("{} in the input", found.rows));
        }
        let names = self.model.features.features.iter().map(|feature| &feature.column);
        let mut reasons: Vec<(String, u64)> = names
            .zip(&found.dropped)
            .filter(|(_, rows)| **rows > 0)
            .map(|(column, rows)| (format!("no value in column {column:?}"), *rows))
            .collect();
        for dropped in &summary.dropped {
            let at = reasons.iter().position(|(reason, _)| *reason == dropped.reason);
            let own = at.map_or(0, |at| reasons.remove(at).1);
            let what = || format!("rows dropped because of {}", dropped.reason);
            verdict.compare(SUMMARY, what, Some(dropped.rows as f64), Some(own as f64), 0.0);
        }
        for (reason, own) in reasons {
            verdict.compare(SUMMARY, || format!("rows dropped because of {reason}"), None, Some(own as f64), 0.0);
        }
        if found.rows != self.assigned.rows {
            let right = format!("{} in the input", found.rows);
            verdict.wrong(ASSIGNMENTS, "number of rows", self.assigned.rows.to_string(), right);
            return None;
        }
        if rows.other_ids > 0 {
            let right = format!("others in the input for {} rows", rows.other_ids);
            verdict.wrong(ASSIGNMENTS, "ids", "those of the run", right);
            return None;
        }
        Some(found)
    }
}

/// What is known while rows stream by.
struct Rows<'a> {
    geometry: Geometry<'a>,
    /// Where the columns stand among the numbers of a batch.
    features: &'a [usize],
    columns: &'a [usize],
    weight: Option<(usize, Steps)>,
    claimed_rows: u64,
    found: Recomputed,
    other_ids: u64,
    near_ties: u64,
    point: Point,
}

impl Rows<'_> {
    fn add(&mut self, wave: &[Batch], published: &mut Published, verdict: &mut Verdict) -> Result<()> {
        let mut labelled = Vec::with_capacity(wave.len());
        for batch in wave {
            labelled.push(self.look_at(batch, published, verdict)?);
        }
        // Columns are on their own: each thread takes some of them.
        let (columns, found) = (self.columns, &mut self.found.columns);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = columns.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            for (slots, tallies) in columns.chunks(share).zip(found.chunks_mut(share)) {
                let labelled = &labelled;
                scope.spawn(move || {
                    for (slot, (clusters, all)) in slots.iter().zip(tallies) {
                        for (batch, rows) in wave.iter().zip(labelled) {
                            let Some(values) = batch.numbers.get(*slot) else { continue };
                            tally(values, rows, clusters, all);
                        }
                    }
                });
            }
        });
        for (batch, rows) in wave.iter().zip(&labelled) {
            for (values, texts) in self.found.texts.iter_mut().zip(&batch.texts) {
                let mut labels = rows.labels.iter();
                texts.each(|value| {
                    let label = labels.next().copied().unwrap_or(NONE);
                    values.add(value, usize::from(label));
                });
            }
        }
        Ok(())
    }

    /// Rows one by one; gives back the cluster that each was published with, and its weight.
    fn look_at(&mut self, batch: &Batch, published: &mut Published, verdict: &mut Verdict) -> Result<Labelled> {
        let ids = batch.ids.as_ref().ok_or_else(unread)?;
        let column = |slot: &usize| batch.numbers.get(*slot).map(Vec::as_slice).ok_or_else(unread);
        let features: Vec<&[f64]> = self.features.iter().map(column).collect::<Result<_>>()?;
        let weight = self.weight.map(|(slot, steps)| column(&slot).map(|values| (values, steps))).transpose()?;
        let mut labelled = Labelled { labels: vec![NONE; batch.n_rows], weights: Vec::new() };
        if weight.is_some() {
            labelled.weights = vec![0.0; batch.n_rows];
        }
        for row in 0..batch.n_rows {
            let value = |f: usize| features.get(f).and_then(|values| values.get(row)).copied().unwrap_or(f64::NAN);
            if let Some(dropped) = self.geometry.dropped_by(value).and_then(|f| self.found.dropped.get_mut(f)) {
                *dropped += 1;
                continue;
            }
            for (f, imputed) in self.found.imputed.iter_mut().enumerate() {
                *imputed += u64::from(!value(f).is_finite());
            }
            let at = self.found.rows;
            self.found.rows += 1;
            // More rows than the run has: they are counted, and nothing is known of them.
            let Some((batch, from)) = published.next_row()? else { continue };
            self.other_ids += u64::from(!batch.ids.as_ref().is_some_and(|known| ids.equal(row, known, from)));
            let [clusters, distances, margins] = batch.numbers.as_slice() else { return Err(unread()) };
            let claimed = |values: &[f64]| values.get(from).copied().unwrap_or(f64::NAN);
            let cluster = number(claimed(clusters), self.geometry.n_clusters());
            self.geometry.locate(value, &mut self.point);
            let near = self.geometry.nearest(&self.point, cluster)?;
            self.compare(at, cluster, claimed(distances), claimed(margins), near, verdict);
            let weight =
                weight.map_or(1.0, |(values, steps)| steps.whole(values.get(row).copied().unwrap_or(f64::NAN)));
            self.found.inertia += weight as i128 * near.square;
            let Some(cluster) = cluster else { continue };
            if let Some(label) = labelled.labels.get_mut(row) {
                *label = cluster as u16;
            }
            if let Some(own) = labelled.weights.get_mut(row) {
                *own = weight;
            }
            if let Some(sum) = self.found.weights.as_mut().and_then(|sums| sums.get_mut(cluster)) {
                *sum += weight;
            }
            if let Some(places) = &mut self.found.places {
                places.add(&self.point.steps, cluster, weight as i128);
            }
        }
        Ok(labelled)
    }

    fn compare(
        &mut self,
        row: u64,
        claimed: Option<usize>,
        claimed_distance: f64,
        claimed_margin: f64,
        near: Near,
        verdict: &mut Verdict,
    ) {
        let step = self.geometry.step;
        let length = |square: i128| (square as f64).sqrt() * step;
        let distance = length(near.square);
        let margin = match near.second.map(length) {
            None => 1.0,
            Some(0.0) => 0.0,
            Some(second) => 1.0 - distance / second,
        };
        self.near_ties += u64::from(margin < NEAR_TIE);
        self.found.margins.add(margin);
        let at_edge = self.point.at_edge;
        let slack = if at_edge { step * (self.point.steps.len() as f64).sqrt() } else { TOLERANCE * distance };
        if claimed != Some(near.cluster) {
            let as_near = near.published.is_some_and(|square| length(square) - distance <= 2.0 * slack);
            // A cluster that does not exist was found already.
            if let Some(claimed) = claimed.filter(|_| !(at_edge && as_near) && row < self.claimed_rows) {
                let what = format!("cluster of row {row}");
                verdict.wrong(ASSIGNMENTS, what, claimed.to_string(), near.cluster.to_string());
            }
            return;
        }
        if !is_within(claimed_distance - distance, slack) {
            let what = format!("distance of row {row}");
            verdict.wrong(ASSIGNMENTS, what, claimed_distance.to_string(), distance.to_string());
        }
        let loose = if at_edge { 4.0 * slack / distance.max(step) } else { TOLERANCE };
        if !is_within(claimed_margin - margin, loose) {
            let what = format!("margin of row {row}");
            verdict.wrong(ASSIGNMENTS, what, claimed_margin.to_string(), margin.to_string());
        }
    }
}

/// Per row of a batch.
struct Labelled {
    labels: Vec<u16>,
    /// Empty where there are no sample weights.
    weights: Vec<f64>,
}

fn tally(values: &[f64], rows: &Labelled, clusters: &mut [Tally], all: &mut Tally) {
    for (row, (&value, &label)) in values.iter().zip(&rows.labels).enumerate() {
        if let Some(own) = clusters.get_mut(usize::from(label)).filter(|_| value.is_finite()) {
            let weight = rows.weights.get(row).copied().unwrap_or(1.0);
            own.add(value, weight);
            all.add(value, weight);
        }
    }
}

/// What the run says, row after row.
pub(super) struct Published<'a> {
    batches: &'a mut Pulled,
    current: Option<Batch>,
    next: usize,
}

impl<'a> Published<'a> {
    pub fn new(batches: &'a mut Pulled) -> Published<'a> {
        Published { batches, current: None, next: 0 }
    }

    /// The next row: its batch, and where it stands there.
    pub fn next_row(&mut self) -> Result<Option<(&Batch, usize)>> {
        while self.current.as_ref().is_none_or(|batch| self.next >= batch.n_rows) {
            let Some(batch) = self.batches.next_batch()? else { return Ok(None) };
            (self.current, self.next) = (Some(batch), 0);
        }
        self.next += 1;
        let batch = self.current.as_ref().ok_or_else(|| Error::bug("a batch that is there and is not"))?;
        Ok(Some((batch, self.next - 1)))
    }
}

/// False for what is no number, too.
fn is_within(difference: f64, slack: f64) -> bool {
    difference.abs() <= slack
}
