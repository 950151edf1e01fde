//! Figures with what they are counted in, and a second unit where the first one is hard to picture: 132 days are 4.3
//! months.

use super::dates::{date, moment};
use super::figures::figure;
use super::summary::Summary;
use crate::source::ColumnKind;

/// Days in a month and in a year, on average over the Gregorian calendar's 400 years.
const MONTH_DAYS: f64 = 365.2425 / 12.0;
const YEAR_DAYS: f64 = 365.2425;

const DAY_SECONDS: f64 = 86_400.0;

/// From so many days on people think in months, and from so many in years.
const MONTHS_FROM: f64 = 60.0;
const YEARS_FROM: f64 = 730.0;

/// "132.0 days (4.3 months)", "1,017 EUR", "2.10".
pub(super) fn measured(value: f64, unit: Option<&str>) -> String {
    let Some(unit) = unit else { return figure(value) };
    match in_other_words(value, unit) {
        Some(other) => format!("{} {unit} ({other})", figure(value)),
        None => format!("{} {unit}", figure(value)),
    }
}

/// A figure of a column as it is thought of: dates and moments as such, everything else with its unit.
pub(super) fn of_column(summary: &Summary, column: &str, value: f64) -> String {
    dated(summary, column, value).unwrap_or_else(|| measured(value, summary.unit(column)))
}

/// The same for a place that names the unit already: "132.0 (4.3 months)".
pub(super) fn short_of(summary: &Summary, column: &str, value: f64) -> String {
    dated(summary, column, value).unwrap_or_else(|| short(value, summary.unit(column)))
}

/// The same without any second unit: "132.0".
pub(super) fn figure_of(summary: &Summary, column: &str, value: f64) -> String {
    dated(summary, column, value).unwrap_or_else(|| figure(value))
}

/// A distance between two values of a column: of dates and moments in days.
pub(super) fn distance_of(summary: &Summary, column: &str, value: f64) -> String {
    match summary.kind(column) {
        Some(ColumnKind::Date) => measured(value, Some("days")),
        Some(ColumnKind::Timestamp) => measured(value / DAY_SECONDS, Some("days")),
        _ => short(value, summary.unit(column)),
    }
}

/// What an average of a role is today, which says itself what it is of: "mean first_order".
pub(super) fn of_average(summary: &Summary, figure: &str, value: f64) -> Option<String> {
    dated(summary, figure.strip_prefix("mean ")?, value)
}

/// A day or a moment as such; none where the column holds neither.
fn dated(summary: &Summary, column: &str, value: f64) -> Option<String> {
    match summary.kind(column)? {
        ColumnKind::Date => date(value),
        ColumnKind::Timestamp => moment(value),
        _ => None,
    }
}

fn short(value: f64, unit: Option<&str>) -> String {
    match unit.and_then(|unit| in_other_words(value, unit)) {
        Some(other) => format!("{} ({other})", figure(value)),
        None => figure(value),
    }
}

/// A column with its unit, as a heading: "recency (days)".
pub(super) fn heading(name: &str, unit: Option<&str>) -> String {
    unit.map_or_else(|| name.to_owned(), |unit| format!("{name} ({unit})"))
}

fn in_other_words(value: f64, unit: &str) -> Option<String> {
    if !matches!(unit.trim().to_ascii_lowercase().as_str(), "d" | "day" | "days") {
        return None;
    }
    match value.abs() {
        days if days >= YEARS_FROM => Some(format!("{:.1} years", value / YEAR_DAYS)),
        days if days >= MONTHS_FROM => Some(format!("{:.1} months", value / MONTH_DAYS)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_in_months_and_years_where_that_helps() {
        assert_eq!(measured(132.0, Some("days")), "132.0 days (4.3 months)");
        assert_eq!(measured(15.0, Some("days")), "15.00 days");
        assert_eq!(measured(1095.0, Some("Day")), "1,095 Day (3.0 years)");
        assert_eq!(measured(1017.0, Some("EUR")), "1,017 EUR");
        assert_eq!((measured(132.0, None), short(132.0, Some("days"))), ("132.0".into(), "132.0 (4.3 months)".into()));
        assert_eq!((heading("recency", Some("days")), heading("x", None)), ("recency (days)".into(), "x".into()));
    }
}
