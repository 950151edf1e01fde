//! How well the clusters are told apart, by the definitions of scikit-learn, on the scaled features: Davies-Bouldin (the
//! mean over clusters of the worst ratio of spreads to distance), Calinski-Harabasz (between over within), and the
//! silhouette of all pairs of rows. In the first two a row counts as its sample weight says, as in k-means; in the
//! silhouette, and without weights, each row counts once.

use crate::error::Result;
use crate::source::{Request, pulled};
use crate::store::SUMMARY;

use super::assigned::{number, unread};
use super::geometry::{Geometry, Point};
use super::places::{Places, SILHOUETTE_ROWS_MAX};
use super::rows::{Published, Reading, Recomputed};
use super::verdict::Verdict;
use super::weights::Steps;
use super::{ASSIGNED_SCAN, SCAN};

/// A run may round each distance it adds; one part in a million is far below what anybody decides by.
const LOOSE: f64 = 1e-6;

pub(super) fn check(reading: &Reading, recomputed: Recomputed, verdict: &mut Verdict) -> Result<()> {
    let claimed = &reading.summary.metrics;
    verdict.checked("Davies-Bouldin, Calinski-Harabasz, silhouette", 0);
    let of_chosen = reading.summary.selection.iter().find(|entry| entry.k == reading.summary.k);
    if let Some(entry) = of_chosen {
        for (what, own, metric) in [
            ("davies_bouldin", entry.metrics.davies_bouldin, claimed.davies_bouldin),
            ("calinski_harabasz", entry.metrics.calinski_harabasz, claimed.calinski_harabasz),
            ("silhouette", entry.metrics.silhouette, claimed.silhouette),
            ("inertia", Some(entry.inertia), Some(reading.summary.inertia)),
        ] {
            verdict.compare(SUMMARY, || format!("selection, k = {}, {what}", entry.k), own, metric, 0.0);
        }
    }
    if reading.summary.selection.iter().any(|entry| entry.k != reading.summary.k) {
        verdict.not_checked(format!(
            "{SUMMARY}, selection: the figures of other numbers of clusters, whose models are not kept"
        ));
    }
    let Some(places) = recomputed.places else { return Ok(()) };
    let mut same = |what: &'static str, claimed: Option<f64>, own: Option<f64>| {
        if let Some(claimed) = claimed {
            verdict.compare_loosely(SUMMARY, || format!("metrics.{what}"), claimed, own, LOOSE);
        }
    };
    if claimed.davies_bouldin.is_some() {
        same(
            "davies_bouldin",
            claimed.davies_bouldin,
            davies_bouldin(&places, &spreads(reading, &places, recomputed.weight)?),
        );
    }
    same("calinski_harabasz", claimed.calinski_harabasz, calinski_harabasz(&places));
    if let Some((points, clusters)) = &places.points {
        same("silhouette", claimed.silhouette, silhouette(points, clusters, &places));
    } else if claimed.silhouette.is_some() {
        verdict.not_checked(format!(
            "{SUMMARY}, metrics.silhouette: where it is of all rows, and those are at most {SILHOUETTE_ROWS_MAX}"
        ));
    }
    Ok(())
}

/// Per cluster the mean distance of its rows from their mean, in steps: one more read.
fn spreads(reading: &Reading, places: &Places, weight: Option<(usize, Steps)>) -> Result<Vec<f64>> {
    let geometry = Geometry::new(reading.model);
    let means: Vec<Vec<f64>> =
        (0..places.weights.len()).map(|cluster| places.mean(cluster).unwrap_or_default()).collect();
    let n_features = reading.model.features.features.len();
    let numbers = reading.model.features.features.iter().map(|f| reading.source.column(&f.column));
    let numbers = numbers.chain(weight.map(|(column, _)| Ok(column)));
    let request = Request { numbers: numbers.collect::<Result<_>>()?, ..Request::default() };
    let assigned = Request { numbers: vec![reading.assignments.column("cluster")?], ..Request::default() };
    let mut sums = vec![0.0; places.weights.len()];
    let mut point = Point::default();
    pulled(reading.assignments, &assigned, &ASSIGNED_SCAN, reading.observe, |batches| {
        let mut published = Published::new(batches);
        reading.source.scan(&request, &SCAN, reading.observe, &mut |wave| {
            for batch in wave {
                for row in 0..batch.n_rows {
                    let value = |f: usize| batch.numbers.get(f).and_then(|c| c.get(row)).copied().unwrap_or(f64::NAN);
                    if geometry.dropped_by(value).is_some() {
                        continue;
                    }
                    let Some((batch, at)) = published.next_row()? else { return Err(unread()) };
                    let cluster = batch.numbers.first().and_then(|clusters| clusters.get(at)).copied();
                    geometry.locate(value, &mut point);
                    if let Some(cluster) = cluster.and_then(|cluster| number(cluster, sums.len()))
                        && let (Some(sum), Some(mean)) = (sums.get_mut(cluster), means.get(cluster))
                    {
                        let from = point.steps.iter().zip(mean).map(|(step, mean)| *step as f64 - mean);
                        let weight = weight.map_or(1.0, |(_, steps)| steps.whole(value(n_features)));
                        *sum += weight * from.map(|from| from * from).sum::<f64>().sqrt();
                    }
                }
            }
            Ok(())
        })
    })?;
    Ok(sums.iter().zip(&places.weights).map(|(sum, weight)| sum / *weight as f64).collect())
}

/// Pairs in one place have no ratio; where all are, or nothing has any spread, it is 0.
fn davies_bouldin(places: &Places, spreads: &[f64]) -> Option<f64> {
    let clusters = places.clusters()?;
    let clusters: Vec<(Vec<f64>, f64)> = clusters
        .into_iter()
        .map(|cluster| Some((places.mean(cluster)?, *spreads.get(cluster)?)))
        .collect::<Option<_>>()?;
    let worst = clusters.iter().map(|(mean, spread)| {
        let ratio = |(other, wide): &(Vec<f64>, f64)| match distance(mean, other) {
            apart if apart > 0.0 => (spread + wide) / apart,
            _ => 0.0,
        };
        clusters.iter().map(ratio).fold(0.0, f64::max)
    });
    Some(worst.sum::<f64>() / clusters.len() as f64)
}

/// 1 where no cluster has any spread.
fn calinski_harabasz(places: &Places) -> Option<f64> {
    let clusters = places.clusters()?;
    let weight = places.weights.iter().sum::<i128>() as f64;
    let whole: Vec<f64> = (0..places.n_features)
        .map(|f| places.sums.iter().skip(f).step_by(places.n_features.max(1)).sum::<i128>() as f64 / weight)
        .collect();
    let (mut between, mut of_means) = (0.0, 0.0);
    for cluster in &clusters {
        let (mean, weight) = (places.mean(*cluster)?, *places.weights.get(*cluster)? as f64);
        between += weight * distance(&mean, &whole).powi(2);
        of_means += weight * mean.iter().map(|x| x * x).sum::<f64>();
    }
    let within = places.squares as f64 - of_means;
    if within <= 1e-12 * places.squares as f64 {
        return Some(1.0);
    }
    let (n_rows, k) = (places.weighing as f64, clusters.len() as f64);
    Some(between / within * (n_rows - k) / (k - 1.0))
}

/// The mean over all rows of (b - a) / max(a, b); a row alone in its cluster counts as 0.
fn silhouette(points: &[f64], clusters: &[usize], places: &Places) -> Option<f64> {
    let (n_rows, width) = (clusters.len(), places.n_features.max(1));
    let filled = places.counts.iter().filter(|count| **count > 0).count();
    if filled < 2 || filled >= n_rows {
        return None;
    }
    let of_row = |row: usize| {
        let own = clusters.get(row).copied().unwrap_or_default();
        let here = points.get(row * width..(row + 1) * width).unwrap_or_default();
        let mut sums = vec![0.0; places.counts.len()];
        for (there, other) in points.chunks_exact(width).zip(clusters) {
            if let Some(sum) = sums.get_mut(*other) {
                *sum += distance(here, there);
            }
        }
        let count = |cluster: usize| places.counts.get(cluster).copied().unwrap_or_default() as f64;
        let near = sums.get(own).copied().unwrap_or_default() / (count(own) - 1.0);
        let far = sums.iter().enumerate().filter(|(other, _)| *other != own && count(*other) > 0.0);
        let far = far.map(|(other, sum)| sum / count(other)).fold(f64::INFINITY, f64::min);
        let largest = near.max(far);
        if count(own) <= 1.0 || largest == 0.0 { 0.0 } else { (far - near) / largest }
    };
    // All pairs of rows are most of the work of a verification; they are shared by all cores.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let rows: Vec<usize> = (0..n_rows).collect();
    let sum: f64 = std::thread::scope(|scope| {
        let parts = rows.chunks(n_rows.div_ceil(threads).max(1));
        let workers: Vec<_> =
            parts.map(|rows| scope.spawn(move || rows.iter().map(|row| of_row(*row)).sum::<f64>())).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(f64::NAN)).sum()
    });
    Some(sum / n_rows as f64)
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}
