//! The nearest centroid in SQL: every step that the run takes with a customer, in the same arithmetic.
//!
//! Coordinates are whole numbers of steps of the grid. Below 2^20, which they nearly always are, the squares of their
//! differences add up below 2^53, so that a DOUBLE holds distances exactly and the comparison is the run's. What may
//! differ is the last bit of a logarithm, and with it a coordinate by one step where it lies between two; a customer
//! whose two nearest centroids are within what such steps can move is marked in a column of its own. Centroids are
//! compared in the order they had when they were found, because the first of equally near ones takes the customer.

use super::quote::{comment, identifier, number, text};
use super::sql_values::{self, ID, TABLE, value};
use crate::error::{Error, Result};
use crate::features::FittedFeature;
use crate::grid::COORDINATE_MAX;
use crate::job::Transform;
use crate::report::Summary;
use crate::store::{Model, ModelCluster};

/// Squares in one query, at most: clusters times features. Databases plan longer ones for minutes.
pub const TERMS_MAX: usize = 8192;

/// Clusters in one query, at most.
const CLUSTERS_MAX: usize = 256;

/// Adding and taking away 2^52 + 2^51 rounds to whole numbers, halves to even, in every database whose DOUBLE is that of
/// IEEE 754. Functions called round differ in what they do with halves.
const ROUNDS: f64 = 6_755_399_441_055_744.0;

/// Parts of a logarithm by which two good libraries may differ: a few units in its last place.
const LOGARITHM_ERROR: f64 = 8.0 * f64::EPSILON;

/// Larger than every squared distance.
const FAR: f64 = 1e300;

pub(super) fn write(model: &Model, summary: &Summary, id: Option<&str>) -> Result<String> {
    let features = &model.features.features;
    let counting: Vec<(usize, &FittedFeature)> =
        features.iter().enumerate().filter(|(_, feature)| !feature.constant).collect();
    let k = model.clusters.len();
    check_size(k, counting.len())?;
    let mut internal: Vec<&ModelCluster> = model.clusters.iter().collect();
    internal.sort_by_key(|cluster| cluster.internal);

    let mut steps: Vec<String> = Vec::new();
    sql_values::write(&mut steps, &model.features, summary, id, &|at| {
        counting.iter().any(|&(counts, _)| counts == at).then(|| value(at))
    })?;
    steps.push(select(
        "moved",
        "the transforms of the job",
        "filled",
        counting.iter().map(|&(at, feature)| format!("{} AS {}", moved(&value(at), feature.transform), value(at))),
    ));
    let exponent = model.features.grid.exponent;
    steps.push(select(
        "scaled",
        "in steps of the grid",
        "moved",
        counting.iter().map(|&(at, feature)| {
            let (mean, rest, factor) = (feature.mean, feature.mean_rest, libm::scalbn(feature.factor, -exponent));
            let x = value(at);
            format!("({x}{}{}) * {} AS {x}", less(mean), less(rest), number(factor))
        }),
    ));
    steps.push(select(
        "placed",
        "rounded, halves to even",
        "scaled",
        counting.iter().map(|&(at, _)| format!("{} AS {}", rounded(&value(at)), value(at))),
    ));
    steps.push(select(
        "measured",
        "squared distances to the centroids",
        "placed",
        internal.iter().map(|cluster| format!("{} AS d{}", squared(cluster, &counting), cluster.cluster)),
    ));
    let distances: Vec<String> = internal.iter().map(|cluster| format!("d{}", cluster.cluster)).collect();
    steps.push(format!("nearest AS (\n  SELECT *, {} AS nearest\n  FROM measured\n)", least(&distances)));
    let own = internal.iter().map(|c| format!("WHEN d{} THEN {}", c.cluster, c.cluster));
    steps.push(format!(
        "owned AS ( -- the first of equally near ones, in the order they were found\n  SELECT *, CASE nearest\n    {}\n  \
         END AS cluster\n  FROM nearest\n)",
        own.collect::<Vec<_>>().join("\n    ")
    ));
    let others: Vec<String> = internal
        .iter()
        .map(|c| format!("CASE cluster WHEN {} THEN {} ELSE d{} END", c.cluster, number(FAR), c.cluster))
        .collect();
    steps.push(format!("ranked AS (\n  SELECT *, {} AS second\n  FROM owned\n)", least(&others)));

    let named = model.clusters.iter().map(|c| format!("WHEN {} THEN {}", c.cluster, text(&c.persona)));
    let named = named.collect::<Vec<_>>().join("\n    ");
    let step = model.features.grid.step();
    let (margin, near_tie) = match k {
        1 => ("CASE cluster WHEN 0 THEN 1e0 END".to_owned(), "cluster <> 0".to_owned()),
        _ => (
            "CASE second WHEN 0e0 THEN 0e0 ELSE 1e0 - sqrt(nearest) / sqrt(second) END".to_owned(),
            format!("sqrt(second) - sqrt(nearest) <= {}", number(tie_width(&counting, exponent))),
        ),
    };
    let name = id.map_or_else(|| Ok(ID.to_owned()), identifier)?;
    let columns = [
        format!("{ID} AS {name}"),
        "cluster".to_owned(),
        format!("CASE cluster\n    {named}\n  END AS persona"),
        format!("sqrt(nearest) * {} AS distance", number(step)),
        format!("{margin} AS margin"),
        format!("{near_tie} AS near_tie"),
    ];
    Ok(format!(
        "{}WITH {}\nSELECT\n  {}\nFROM ranked;\n",
        heading(summary, id),
        steps.join(",\n"),
        columns.join(",\n  ")
    ))
}

/// Refuses what a database would plan for minutes.
fn check_size(k: usize, n_features: usize) -> Result<()> {
    if k <= CLUSTERS_MAX && k * n_features <= TERMS_MAX {
        return Ok(());
    }
    let (found, allowed) = (k * n_features, format!("{CLUSTERS_MAX} segments and {TERMS_MAX} squares"));
    Err(Error::bad_data(format!("{k} segments with {found} squares are too many for one query; allowed: {allowed}"))
        .hint("the rules are shorter: --sql tree"))
}

fn heading(summary: &Summary, id: Option<&str>) -> String {
    let names = summary.clusters.iter().map(|c| format!("--   {}. {}", c.cluster, comment(&c.persona)));
    let numbered = match id {
        Some(_) => "",
        None => {
            "-- The run had no id column: id counts the rows as the database reads them; put a column of yours there.\n"
        }
    };
    format!(
        "-- The segment of every customer in the table {TABLE}: the nearest of {} centroids.\n{}\n\
         -- near_tie: the two nearest are so close that the last bit of another database's arithmetic may decide;\n\
         --   there alone may cluster differ from what segmint says.\n\
         -- A customer without a value that the job does not replace, or beyond a transform's range, has no cluster.\n{numbered}\
         -- Written for DuckDB by segmint {}; the arithmetic is IEEE 754 and the same in other databases.\n",
        summary.k,
        names.collect::<Vec<_>>().join("\n"),
        comment(&summary.segmint)
    )
}

fn select(name: &str, what: &str, from: &str, columns: impl Iterator<Item = String>) -> String {
    let columns: Vec<String> = std::iter::once(ID.to_owned()).chain(columns).collect();
    format!("{name} AS ( -- {what}\n  SELECT\n    {}\n  FROM {from}\n)", columns.join(",\n    "))
}

/// NULL where the transform is not defined, as for a missing value.
fn moved(x: &str, transform: Transform) -> String {
    match transform {
        Transform::None => x.to_owned(),
        // ln(1 + x), with what 1 + x rounds away put right (Kahan): near 0 it keeps all digits of x.
        Transform::Log1p => format!(
            "CASE WHEN {x} <= -1e0 THEN NULL WHEN 1e0 + {x} = 1e0 THEN {x} \
             ELSE ln(1e0 + {x}) * ({x} / ((1e0 + {x}) - 1e0)) END"
        ),
        Transform::Sqrt => format!("CASE WHEN {x} >= 0e0 THEN sqrt({x}) END"),
        Transform::Clip { low, high } => {
            let (low, high) = (number(low), number(high));
            format!("CASE WHEN {x} < {low} THEN {low} WHEN {x} > {high} THEN {high} ELSE {x} END")
        }
    }
}

fn rounded(x: &str) -> String {
    let (most, rounds) = (number(COORDINATE_MAX as f64), number(ROUNDS));
    format!("CASE WHEN {x} > {most} THEN {most} WHEN {x} < -{most} THEN -{most} ELSE ({x} + {rounds}) - {rounds} END")
}

fn squared(cluster: &ModelCluster, counting: &[(usize, &FittedFeature)]) -> String {
    let square = |&(at, _): &(usize, &FittedFeature)| {
        let centre = cluster.centroid.get(at).copied().unwrap_or(0) as f64;
        let difference = format!("({}{})", value(at), less(centre));
        format!("{difference} * {difference}")
    };
    if counting.is_empty() {
        return number(0.0);
    }
    counting.iter().map(square).collect::<Vec<_>>().join(" + ")
}

/// What is taken away; of less than nothing, what is added.
fn less(value: f64) -> String {
    match value {
        0.0 => String::new(),
        value if value < 0.0 => format!(" + {}", number(-value)),
        value => format!(" - {}", number(value)),
    }
}

fn least(of: &[String]) -> String {
    match of {
        [only] => only.clone(),
        _ => format!("least(\n    {}\n  )", of.join(",\n    ")),
    }
}

/// How far apart, in steps, the distances to two centroids may be that another arithmetic could exchange. Each
/// coordinate may fall one step beside the run's, and further where a logarithm's last bits are worth more than that; the
/// customer then lies that far from where the run saw it, and each of the two distances changes by no more.
fn tie_width(counting: &[(usize, &FittedFeature)], exponent: i32) -> f64 {
    let reach = |&(_, feature): &(usize, &FittedFeature)| match feature.transform {
        Transform::Log1p => {
            1.0 + libm::floor(feature.mean.abs() * LOGARITHM_ERROR * libm::scalbn(feature.factor, -exponent))
        }
        Transform::None | Transform::Sqrt | Transform::Clip { .. } => 1.0,
    };
    2.0 * counting.iter().map(|feature| reach(feature) * reach(feature)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Missing, Scale};

    fn feature(transform: Transform, mean: f64, factor: f64) -> FittedFeature {
        FittedFeature {
            column: "x".into(),
            transform,
            scale: Scale::Standard,
            missing: Missing::Error,
            weight: 1.0,
            fill: None,
            mean,
            mean_rest: 0.0,
            factor,
            constant: false,
            imputed: 0,
        }
    }

    #[test]
    fn a_near_tie_is_as_wide_as_two_moves_by_a_step_in_every_direction() {
        let width = |features: &[FittedFeature]| tie_width(&features.iter().enumerate().collect::<Vec<_>>(), -17);
        let plain = feature(Transform::None, 1e9, 1.0);
        assert_eq!(width(&[plain.clone(), plain.clone(), plain.clone(), plain]), 4.0);
        assert_eq!(width(&[feature(Transform::Log1p, 5.0, 1.0)]), 2.0, "logarithms of everyday size");
        let narrow = feature(Transform::Log1p, 20.0, 1e9);
        // 20 · 2^-49 is 4.7 steps of 2^-17 of so narrow a spread.
        assert_eq!(width(&[narrow]), 10.0, "a spread of which the last bits of a logarithm are several steps");
    }

    #[test]
    fn what_a_database_would_plan_for_minutes_is_refused_with_what_is_allowed() {
        assert!(check_size(256, 32).is_ok() && check_size(1, 512).is_ok());
        for (k, n_features) in [(257, 1), (256, 33)] {
            let error = check_size(k, n_features).unwrap_err();
            assert!(error.to_string().contains("256 segments and 8192 squares"), "{error}");
        }
    }

    #[test]
    fn coordinates_are_rounded_as_the_run_rounds_them() {
        for value in [2.5, 3.5, -2.5, 0.499_999_999_999_999_94, -0.5, 1e15 + 0.5, 1_048_575.5, 1125899906842623.5] {
            assert_eq!((value + ROUNDS) - ROUNDS, libm::rint(value), "{value}");
        }
    }
}
