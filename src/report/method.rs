//! How a result was made, in words: the settings that affect it, and nothing of the machine it was made on.

use super::figures::{count, figure};
use super::summary::{FeatureSettings, Summary};
use super::units::figure_of;
use crate::job::{Missing, Scale, Transform};

/// What a reader needs to know about the figures.
pub(super) const NOTES: &[&str] = &[
    "Lift is the distance of a segment's average from the average of all customers, in standard deviations.",
    "The same customers and settings give the same segments on every machine, to the last digit.",
];

/// Names and values, in the order of the work.
pub(super) fn steps(summary: &Summary) -> Vec<(&'static str, String)> {
    let fell = if summary.k < summary.k_asked { format!(" (asked: {})", summary.k_asked) } else { String::new() };
    let end = if summary.converged { "converged" } else { "stopped at max_iter" };
    let (rows, dropped) = (summary.rows, summary.dropped.iter().map(|dropped| dropped.rows).sum::<u64>());
    let left_out = if dropped > 0 { format!(", {} left out", count(dropped)) } else { String::new() };
    vec![
        ("Rows", format!("{} clustered{left_out}", count(rows))),
        ("Method", format!("k-means, k = {}{fell}", summary.k)),
        (
            "Settings",
            format!(
                "n_init = {}, max_iter = {}, tol = {}, seed = {}",
                summary.n_init, summary.max_iter, summary.tol, summary.seed
            ),
        ),
        ("Inertia", format!("{} (scaled units), {} iterations, {end}", figure(summary.inertia), summary.iterations)),
        ("Playbook", format!("{} ({})", summary.playbook.title, summary.playbook.name)),
        ("Version", format!("segmint {}", summary.segmint)),
    ]
}

/// The measures of quality that were computed.
pub(super) fn metrics(summary: &Summary) -> Vec<(&'static str, f64)> {
    let metrics = &summary.metrics;
    let named = [
        ("Silhouette", metrics.silhouette),
        ("Davies-Bouldin", metrics.davies_bouldin),
        ("Calinski-Harabasz", metrics.calinski_harabasz),
    ];
    named.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
}

/// Column, transform, scaling, weight, and what became of missing values.
pub(super) fn feature(summary: &Summary, feature: &FeatureSettings) -> [String; 5] {
    let of = |value: f64| figure_of(summary, &feature.column, value);
    let transform = match feature.transform {
        Transform::None => "none".to_owned(),
        Transform::Log1p => "log1p: ln(1 + x)".to_owned(),
        Transform::Sqrt => "square root".to_owned(),
        Transform::Clip { low, high } => format!("clipped to {} … {}", of(low), of(high)),
    };
    let scale = match feature.scale {
        _ if feature.constant => "none: all its values are the same",
        Scale::Standard => "standard: by mean and standard deviation",
        Scale::Robust => "robust: by median and quartiles",
        Scale::MinMax => "min-max: by smallest and largest value",
        Scale::None => "none",
    };
    let replaced = |by: &str| match feature.imputed {
        0 => format!("replaced by {by}; there were none"),
        n => format!("replaced by {by}: {}", count(n)),
    };
    let missing = match feature.missing {
        Missing::Error => "not allowed; there were none".to_owned(),
        Missing::Drop => "rows left out".to_owned(),
        Missing::Mean => replaced("the mean"),
        Missing::Median => replaced("the median"),
        Missing::Number(number) => replaced(&of(number)),
    };
    [feature.column.clone(), transform, scale.to_owned(), figure(feature.weight), missing]
}
