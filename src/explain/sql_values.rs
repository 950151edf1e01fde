//! The first steps of both queries: columns as the numbers that the run saw, and what becomes of missing ones.

use super::quote::{identifier, number};
use crate::error::{Error, Place, Result};
use crate::features::{FeatureModel, FittedFeature};
use crate::job::Missing;
use crate::report::Summary;
use crate::source::{ColumnKind, MAGNITUDE_MAX};

/// The table that a query reads; one word to put one's own in its place.
pub(super) const TABLE: &str = "customers";

/// The id inside of the queries.
pub(super) const ID: &str = "id";

/// What a query calls a column whose own name it does not use, by the column's place among the features.
pub(super) fn value(feature: usize) -> String {
    format!("x{feature}")
}

/// `raw` and `filled`: a row per customer that the run would have clustered, with the id and some features as numbers.
/// `called` says what a feature is called there, and nothing for one that is not wanted.
pub(super) fn write(
    out: &mut Vec<String>,
    features: &FeatureModel,
    summary: &Summary,
    id: Option<&str>,
    called: &dyn Fn(usize) -> Option<String>,
) -> Result<()> {
    // A column that leaves customers out is always looked at.
    let name = |at: usize, feature: &FittedFeature| {
        called(at).or_else(|| (feature.missing == Missing::Drop).then(|| value(at)))
    };
    let all = features.features.iter().enumerate();
    let fitted: Vec<(&FittedFeature, String)> =
        all.filter_map(|(at, feature)| Some((feature, name(at, feature)?))).collect();
    let mut raw = vec![match id {
        Some(id) => format!("{} AS {ID}", identifier(id)?),
        None => format!("row_number() OVER () AS {ID}"),
    }];
    for (feature, name) in &fitted {
        raw.push(format!("{} AS {name}", as_number(feature, summary)?));
    }
    out.push(format!(
        "raw AS ( -- every column as a number\n  SELECT\n    {}\n  FROM {TABLE} -- your table\n)",
        raw.join(",\n    ")
    ));
    let mut filled = vec![ID.to_owned()];
    filled.extend(fitted.iter().map(|(feature, name)| format!("{} AS {name}", or_fill(feature, name))));
    let present =
        |(feature, name): &(&FittedFeature, String)| (feature.missing == Missing::Drop).then(|| is_present(name));
    let dropped: Vec<String> = fitted.iter().filter_map(present).collect();
    let only = if dropped.is_empty() {
        String::new()
    } else {
        format!("\n  WHERE {} -- the run left others out", dropped.join("\n    AND "))
    };
    out.push(format!(
        "filled AS ( -- what replaced a missing, not-a-number or infinite value in the run\n  SELECT\n    {}\n  FROM raw{only}\n)",
        filled.join(",\n    ")
    ));
    Ok(())
}

/// Whether a value is a finite number; what is beyond this the run would have refused.
fn is_present(name: &str) -> String {
    let most = number(MAGNITUDE_MAX);
    format!("{name} BETWEEN -{most} AND {most}")
}

fn or_fill(feature: &FittedFeature, name: &str) -> String {
    let present = format!("CASE WHEN {} THEN {name}", is_present(name));
    match feature.fill {
        Some(fill) => format!("{present} ELSE {} END", number(fill)),
        None => format!("{present} END"),
    }
}

/// As the source room reads the column: dates are days since 1970-01-01, moments are seconds, truths are 0 and 1.
fn as_number(feature: &FittedFeature, summary: &Summary) -> Result<String> {
    let column = identifier(&feature.column)?;
    let settings = summary.feature_settings.iter().find(|settings| settings.column == feature.column);
    Ok(match settings.and_then(|settings| settings.kind.as_ref()) {
        Some(ColumnKind::Date) => format!("CAST({column} - DATE '1970-01-01' AS DOUBLE PRECISION)"),
        Some(ColumnKind::Timestamp) => format!("CAST(extract(epoch FROM {column}) AS DOUBLE PRECISION)"),
        Some(ColumnKind::Duration) => {
            let place = Place { column: Some(feature.column.clone()), ..Place::default() };
            return Err(Error::bad_data(
                "the column holds times of day or durations, which databases count differently",
            )
            .at(place)
            .hint("give it as a number of seconds, and run the job again"));
        }
        _ => format!("CAST({column} AS DOUBLE PRECISION)"),
    })
}
