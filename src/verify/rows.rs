//! Every row of the input once more: whether it was kept, where it lies, which centroid is the nearest and how near, and
//! the inertia that all rows add up to.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::job::{Missing, SourceSettings, Transform};
use crate::observe::Observe;
use crate::report::Summary;
use crate::source::{Request, Source};
use crate::store::{ASSIGNMENTS, Model, SUMMARY};

use super::SCAN;
use super::assigned::{Assigned, KEY_SEED};
use super::verdict::{TOLERANCE, Verdict};

/// A coordinate this near to half a step may round either way in another arithmetic.
const EDGE: f64 = 1e-6;

/// Rows nearer than this to a tie, by margin, are counted as near ties.
const NEAR_TIE: f64 = 1e-9;

/// Which rows of the input were clustered, and what each of those weighs.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Per row of the input.
    pub kept: Vec<bool>,
    /// Per kept row, in steps below 2^16; none where there are no sample weights.
    pub weights: Option<Vec<f64>>,
}

/// Checks all rows. `None` where the input holds other customers than the run: then nothing more can be compared.
pub(super) fn check(
    source: &Source,
    settings: &SourceSettings,
    model: &Model,
    summary: &Summary,
    assigned: &Assigned,
    verdict: &mut Verdict,
    observe: &Observe,
) -> Result<Option<Kept>> {
    let features = &model.features.features;
    let mut numbers: Vec<usize> = features.iter().map(|f| source.column(&f.column)).collect::<Result<_>>()?;
    if let Some(weight) = &settings.sample_weight {
        numbers.push(source.column(weight)?);
    }
    let step = 2f64.powi(model.features.grid.exponent);
    let mut internal: Vec<(usize, usize)> = model.clusters.iter().map(|c| (c.internal, c.cluster)).collect();
    internal.sort_unstable();
    let mut kept = Kept::default();
    let mut weights: Vec<f64> = Vec::new();
    let mut wrong: Vec<(String, String, String)> = Vec::new();
    let (mut row, mut other_ids, mut cost) = (0usize, 0u64, BTreeMap::new());
    let mut squares: Vec<i128> = Vec::new();
    let request = Request { numbers, ids: true, ..Request::default() };
    source.scan(&request, &SCAN, observe, &mut |wave| {
        for batch in wave {
            let mut keys = vec![0; batch.n_rows];
            batch.ids.iter().for_each(|ids| ids.keys(KEY_SEED, &mut keys));
            for (at, key) in keys.iter().enumerate() {
                let value =
                    |column: usize| batch.numbers.get(column).and_then(|c| c.get(at)).copied().unwrap_or(f64::NAN);
                let missing = |(f, feature): (usize, _)| -> bool { drops(feature) && !value(f).is_finite() };
                let is_kept = !features.iter().map(|f| f.missing).enumerate().any(missing);
                kept.kept.push(is_kept);
                if !is_kept {
                    continue;
                }
                if assigned.keys.get(row).is_some_and(|known| known != key) {
                    other_ids += 1;
                }
                let (mut point, mut at_edge) = (Vec::with_capacity(features.len()), false);
                for (f, feature) in features.iter().enumerate() {
                    let raw = Some(value(f)).filter(|v| v.is_finite()).or(feature.fill).unwrap_or(f64::NAN);
                    let moved = match feature.transform {
                        Transform::None => raw,
                        Transform::Log1p => raw.ln_1p(),
                        Transform::Sqrt => raw.sqrt(),
                        Transform::Clip { low, high } => raw.max(low).min(high),
                    };
                    let steps = (moved - feature.mean - feature.mean_rest) * feature.factor / step;
                    // Near half a step, and for large coordinates the rounding of f64 itself decides.
                    at_edge |= (steps.fract().abs() - 0.5).abs() < EDGE + steps.abs() * 1e-12;
                    point.push(steps.round_ties_even() as i128);
                }
                let mut nearest: Option<(i128, usize)> = None;
                let (mut second, mut published) = (None, None);
                for &(_, cluster) in &internal {
                    let centroid = &model.clusters[cluster].centroid;
                    let square: i128 = point.iter().zip(centroid).map(|(q, c)| (q - i128::from(*c)).pow(2)).sum();
                    if usize::from(assigned.clusters.get(row).copied().unwrap_or(u16::MAX)) == cluster {
                        published = Some(square);
                    }
                    match nearest {
                        Some((least, _)) if square >= least => {
                            second = Some(second.map_or(square, |s: i128| s.min(square)));
                        }
                        _ => {
                            second = nearest.map(|(least, _)| least);
                            nearest = Some((square, cluster));
                        }
                    }
                }
                let Some((least, cluster)) = nearest else { continue };
                squares.push(least);
                let distance = (least as f64).sqrt() * step;
                let margin = match second.map(|second| (second as f64).sqrt() * step) {
                    None => 1.0,
                    Some(0.0) => 0.0,
                    Some(second) => 1.0 - distance / second,
                };
                verdict.near_ties += u64::from(margin < NEAR_TIE);
                let slack = if at_edge { step * (features.len() as f64).sqrt() } else { TOLERANCE * distance };
                let claimed = assigned.clusters.get(row).copied().unwrap_or(u16::MAX);
                let as_near = published.is_some_and(|square| (square as f64).sqrt() * step - distance <= 2.0 * slack);
                if usize::from(claimed) != cluster && !(at_edge && as_near) && row < assigned.clusters.len() {
                    wrong.push((format!("cluster of row {row}"), claimed.to_string(), cluster.to_string()));
                } else if let (Some(&d), Some(&m)) = (assigned.distances.get(row), assigned.margins.get(row)) {
                    if !is_within(d - distance, slack) {
                        wrong.push((format!("distance of row {row}"), d.to_string(), distance.to_string()));
                    }
                    let loose = if at_edge { 4.0 * slack / distance.max(step) } else { TOLERANCE };
                    if !is_within(m - margin, loose) {
                        wrong.push((format!("margin of row {row}"), m.to_string(), margin.to_string()));
                    }
                }
                if settings.sample_weight.is_some() {
                    weights.push(value(features.len()));
                }
                row += 1;
            }
        }
        Ok(())
    })?;
    let read = kept.kept.len() as u64;
    verdict.checked("rows of the input", 2);
    let dropped: u64 = summary.dropped.iter().map(|dropped| dropped.rows).sum();
    if row as u64 != summary.rows || read - row as u64 != dropped {
        let found = format!("{row} and {} in the input", read - row as u64);
        verdict.wrong(SUMMARY, "rows, clustered and dropped", format!("{} and {dropped}", summary.rows), found);
    }
    if row != assigned.clusters.len() {
        verdict.wrong(ASSIGNMENTS, "number of rows", assigned.clusters.len().to_string(), row.to_string());
        return Ok(None);
    }
    if other_ids > 0 {
        verdict.wrong(ASSIGNMENTS, "ids", "those of the run", format!("others in the input for {other_ids} rows"));
        return Ok(None);
    }
    verdict.checked("nearest centroid, distance and margin of every row", 3 * row as u64);
    for (figure, claimed, recomputed) in wrong {
        verdict.wrong(ASSIGNMENTS, figure, claimed, recomputed);
    }
    kept.weights = settings.sample_weight.is_some().then(|| in_steps(&weights));
    for (at, square) in squares.iter().enumerate() {
        let weight = kept.weights.as_ref().and_then(|weights| weights.get(at)).map_or(1, |weight| *weight as i128);
        *cost.entry(assigned.clusters[at]).or_insert(0i128) += weight * square;
    }
    let inertia = cost.values().sum::<i128>() as f64 * step * step;
    verdict.checked("inertia", 0);
    verdict.compare(SUMMARY, || "inertia".to_owned(), Some(summary.inertia), Some(inertia), 0.0);
    Ok(Some(kept))
}

fn drops(missing: Missing) -> bool {
    missing == Missing::Drop
}

/// Weights as whole numbers below 2^16: as they are where they are such numbers, else on the finest power of two that
/// the largest allows.
fn in_steps(weights: &[f64]) -> Vec<f64> {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    if largest <= 0.0 || weights.iter().all(|w| w.fract() == 0.0 && *w < 65_536.0) {
        return weights.to_vec();
    }
    let mut step = f64::MIN_POSITIVE;
    while (largest / step).round_ties_even() >= 65_536.0 {
        step *= 2.0;
    }
    weights.iter().map(|weight| (weight / step).round_ties_even()).collect()
}

/// False for what is no number, too.
fn is_within(difference: f64, slack: f64) -> bool {
    difference.abs() <= slack
}
