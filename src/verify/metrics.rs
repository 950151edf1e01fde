//! How well the clusters are told apart, by the definitions of scikit-learn, on the scaled features: Davies-Bouldin (the
//! mean over clusters of the worst ratio of spreads to distance), Calinski-Harabasz (between over within), explained
//! variance (between over all), and the silhouettes: of all pairs of rows, and the simplified one of distances to
//! centroids. In the first three a row counts as its sample weight says, as in k-means; in silhouettes, and without
//! weights, each row counts once. What is not computed again is named.

use crate::error::Result;
use crate::report::Summary;
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
    of_selection(reading.summary, verdict);
    verdict.checked("how well the clusters are told apart", 0);
    let smallest = reading.assigned.sizes.iter().min().map(|size| *size as f64);
    verdict.compare(SUMMARY, || "metrics.smallest".to_owned(), Some(claimed.smallest as f64), smallest, 0.0);
    let mut same = |what: &str, claimed: Option<f64>, own: Option<f64>| {
        if let Some(claimed) = claimed {
            verdict.compare_loosely(SUMMARY, || format!("metrics.{what}"), claimed, own, LOOSE);
        }
    };
    let several = reading.summary.clusters.len() > 1 && recomputed.rows > 0;
    let simplified = several.then(|| recomputed.margins.value() / recomputed.rows as f64);
    same("simplified_silhouette", claimed.simplified_silhouette, simplified);
    if let Some(places) = &recomputed.places {
        if claimed.davies_bouldin.is_some() {
            let spreads = spreads(reading, places, recomputed.weight)?;
            same("davies_bouldin", claimed.davies_bouldin, davies_bouldin(places, &spreads));
        }
        same("calinski_harabasz", claimed.calinski_harabasz, calinski_harabasz(places));
        same("explained_variance", claimed.explained_variance, explained_variance(places));
        if let Some((points, clusters)) = &places.points {
            let own = silhouettes(points, clusters, places);
            same("silhouette", claimed.silhouette, own.as_ref().map(|own| own.mean));
            let of_clusters = claimed.cluster_silhouettes.as_deref().unwrap_or_default();
            for (at, claimed) in of_clusters.iter().enumerate() {
                let own = own.as_ref().and_then(|own| own.clusters.get(at).copied());
                same(&format!("cluster_silhouettes, cluster {at}"), Some(*claimed), own);
            }
            let (n, k) = (of_clusters.len(), reading.summary.clusters.len());
            if claimed.cluster_silhouettes.is_some() && n != k {
                verdict.wrong(SUMMARY, "metrics.cluster_silhouettes", n.to_string(), format!("{k} clusters"));
            }
        }
    }
    named(reading.summary, recomputed.places.is_some_and(|places| places.points.is_some()), verdict);
    Ok(())
}

/// What a comparison of several numbers of clusters says of the chosen one stands twice.
fn of_selection(summary: &Summary, verdict: &mut Verdict) {
    let Some(entry) = summary.selection.iter().find(|entry| entry.k == summary.k_asked) else { return };
    verdict.checked("the chosen number of clusters among those that were compared", 0);
    let (own, claimed) = (&entry.metrics, &summary.metrics);
    let number = |number: u64| Some(number as f64);
    for (what, own, metric) in [
        ("davies_bouldin", own.davies_bouldin, claimed.davies_bouldin),
        ("calinski_harabasz", own.calinski_harabasz, claimed.calinski_harabasz),
        ("silhouette", own.silhouette, claimed.silhouette),
        ("simplified_silhouette", own.simplified_silhouette, claimed.simplified_silhouette),
        ("explained_variance", own.explained_variance, claimed.explained_variance),
        ("smallest", number(own.smallest), number(claimed.smallest)),
        ("inertia", Some(entry.inertia), Some(summary.inertia)),
        ("found", number(entry.found as u64), number(summary.k as u64)),
        ("iterations", Some(f64::from(entry.iterations)), Some(f64::from(summary.iterations))),
    ] {
        verdict.compare(SUMMARY, || format!("selection, k = {}, {what}", entry.k), own, metric, 0.0);
    }
    let alike = own.cluster_silhouettes == claimed.cluster_silhouettes
        && own.silhouette_sample == claimed.silhouette_sample
        && own.stability == claimed.stability;
    verdict.figure();
    if !alike {
        let what = format!("selection, k = {}, silhouettes or stability", entry.k);
        verdict.wrong(SUMMARY, what, "as given", "others under metrics");
    }
}

/// Says what was not computed again, and why.
fn named(summary: &Summary, all_pairs: bool, verdict: &mut Verdict) {
    let claimed = &summary.metrics;
    if claimed.silhouette.is_some() || claimed.cluster_silhouettes.is_some() {
        const WHAT: &str = "metrics.silhouette and metrics.cluster_silhouettes";
        match claimed.silhouette_sample {
            Some(sample) => verdict.not_checked(format!(
                "{SUMMARY}, {WHAT}: they are estimates from {} customers, whose choice is the run's own",
                sample.rows
            )),
            None if !all_pairs => verdict.not_checked(format!(
                "{SUMMARY}, {WHAT}: all pairs of more than {SILHOUETTE_ROWS_MAX} customers, or of so many features, take too long"
            )),
            None => {}
        }
    }
    if claimed.stability.is_some() {
        verdict.not_checked(format!(
            "{SUMMARY}, metrics.stability: it repeats the clustering on parts of the customers, which no look at one \
             clustering can replace"
        ));
    }
    if !summary.selection.is_empty() {
        verdict.not_checked(format!(
            "{SUMMARY}, selection, choice and flows: of other numbers of clusters than the chosen one no model is kept"
        ));
    }
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

/// The part of all scatter that lies between clusters; weighted where rows are.
fn explained_variance(places: &Places) -> Option<f64> {
    let weight = places.weights.iter().sum::<i128>() as f64;
    let length = |sums: &mut dyn Iterator<Item = i128>| sums.map(|sum| sum as f64 * sum as f64).sum::<f64>();
    let n_features = places.n_features.max(1);
    let column = |f: usize| places.sums.iter().skip(f).step_by(n_features).sum::<i128>();
    let about = if weight > 0.0 { length(&mut (0..places.n_features).map(column)) / weight } else { 0.0 };
    let of_means = places.sums.chunks(n_features).zip(&places.weights).filter(|(_, weight)| **weight > 0);
    let of_means: f64 = of_means.map(|(sums, weight)| length(&mut sums.iter().copied()) / *weight as f64).sum();
    let (all, between) = (places.squares as f64 - about, of_means - about);
    (all > 1e-12 * places.squares as f64).then(|| between / all)
}

/// Mean silhouettes.
struct Silhouettes {
    mean: f64,
    /// 0 for a cluster without rows.
    clusters: Vec<f64>,
}

/// The means over all rows, and over those of each cluster, of (b - a) / max(a, b); a row alone in its cluster counts
/// as 0.
fn silhouettes(points: &[f64], clusters: &[usize], places: &Places) -> Option<Silhouettes> {
    let (n_rows, width) = (clusters.len(), places.n_features.max(1));
    let filled = places.counts.iter().filter(|count| **count > 0).count();
    if filled < 2 || filled >= n_rows {
        return None;
    }
    let count = |cluster: usize| places.counts.get(cluster).copied().unwrap_or_default() as f64;
    let of_row = |own: usize, here: &[f64]| {
        let mut sums = vec![0.0; places.counts.len()];
        for (there, other) in points.chunks_exact(width).zip(clusters) {
            if let Some(sum) = sums.get_mut(*other) {
                *sum += distance(here, there);
            }
        }
        let near = sums.get(own).copied().unwrap_or_default() / (count(own) - 1.0);
        let far = sums.iter().enumerate().filter(|(other, _)| *other != own && count(*other) > 0.0);
        let far = far.map(|(other, sum)| sum / count(other)).fold(f64::INFINITY, f64::min);
        let largest = near.max(far);
        if count(own) <= 1.0 || largest == 0.0 { 0.0 } else { (far - near) / largest }
    };
    // All pairs of rows are most of the work of a verification; they are shared by all cores.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = n_rows.div_ceil(threads).max(1);
    let part = |points: &[f64], clusters: &[usize]| {
        let mut sums = vec![0.0; places.counts.len()];
        for (here, own) in points.chunks_exact(width).zip(clusters) {
            if let Some(sum) = sums.get_mut(*own) {
                *sum += of_row(*own, here);
            }
        }
        sums
    };
    let sums: Vec<Vec<f64>> = std::thread::scope(|scope| {
        let parts = points.chunks(share * width).zip(clusters.chunks(share));
        let workers: Vec<_> = parts.map(|(points, clusters)| scope.spawn(|| part(points, clusters))).collect();
        let unknown = || vec![f64::NAN; places.counts.len()];
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| unknown())).collect()
    });
    let sum = |cluster: usize| sums.iter().filter_map(|part| part.get(cluster)).sum::<f64>();
    let of_clusters = (0..places.counts.len()).map(sum);
    let mean = of_clusters.clone().sum::<f64>() / n_rows as f64;
    let clusters = of_clusters.enumerate().map(|(at, sum)| if count(at) > 0.0 { sum / count(at) } else { 0.0 });
    Some(Silhouettes { mean, clusters: clusters.collect() })
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}
