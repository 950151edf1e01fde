//! Figures that follow from two columns: the average value of an order, and orders per year.
//!
//! Each is a ratio of exact sums over the customers of a cluster, Σ of one column over Σ of the other: what the cluster
//! as a whole spends per order. It is not the mean of each customer's own ratio, which one customer with a single huge
//! order would decide. With sample weights the sums are weighted, as means are; a missing value adds nothing.

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use super::exact::Totals;
use crate::features::ratio;

/// The roles whose columns a derived figure is made of, by the names that playbooks give them.
pub(super) const MONETARY: &str = "monetary";
const FREQUENCY: &str = "frequency";
const ORDER_VALUE: &str = "order_value";
const TENURE: &str = "tenure";

/// A figure that no column holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DerivedProfile {
    /// "average_order_value" or "orders_per_year".
    pub name: String,
    /// As people read it, with the columns' names: "sum of monetary / sum of frequency".
    pub formula: String,
    /// The currency of an average order value, where the job names one; "orders" of orders per year.
    pub unit: Option<String>,
    /// Over all clustered rows; absent where the sum below the line is not positive.
    pub overall: Option<f64>,
    /// By published number.
    pub clusters: Vec<DerivedFigures>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct DerivedFigures {
    /// Absent where the sum below the line is not positive in this cluster.
    pub value: Option<f64>,
    /// 100 · value / value over all: 100 is like all. Only where neither is negative and the latter is not 0.
    pub index: Option<f64>,
}

/// Sum of `above` over sum of `below`, times a factor of whole numbers.
pub(super) struct Formula {
    name: &'static str,
    pub(super) above: String,
    pub(super) below: String,
    factor: (u32, u32),
    text: String,
    unit: Option<String>,
}

/// What can be derived with these (role, column) pairs. A figure that a column holds already is not derived.
/// `unit_of` tells the unit of a column, where the job does.
pub(super) fn formulas(roles: &[(String, String)], unit_of: impl Fn(&str) -> Option<String>) -> Vec<Formula> {
    let column = |role: &str| roles.iter().find(|(name, _)| name == role).map(|(_, column)| column.clone());
    let mut formulas = Vec::new();
    if let (Some(above), Some(below), None) = (column(MONETARY), column(FREQUENCY), column(ORDER_VALUE)) {
        let text = format!("sum of {above} / sum of {below}");
        let unit = unit_of(&above);
        formulas.push(Formula { name: "average_order_value", above, below, factor: (1, 1), text, unit });
    }
    if let (Some(above), Some(below), None) = (column(FREQUENCY), column(TENURE), column("orders_per_year"))
        && let Some((in_a_year, factor)) = per_year(unit_of(&below).as_deref(), &below)
    {
        let text = match in_a_year {
            "1" => format!("sum of {above} / sum of {below}"),
            in_a_year => format!("sum of {above} / (sum of {below} / {in_a_year})"),
        };
        formulas.push(Formula { name: "orders_per_year", above, below, factor, text, unit: Some("orders".into()) });
    }
    formulas
}

/// How many of a column's units are in a year, for people and as a ratio: by the unit that the job gives it, else by
/// the end of its name, as in tenure_days. None where neither tells; nothing is guessed.
fn per_year(unit: Option<&str>, column: &str) -> Option<(&'static str, (u32, u32))> {
    let word = unit.or_else(|| column.rsplit(|c: char| !c.is_alphanumeric()).next())?.to_lowercase();
    match word.as_str() {
        "day" | "days" | "d" => Some(("365.25", (1461, 4))),
        "week" | "weeks" => Some(("52.18", (1461, 28))),
        "month" | "months" => Some(("12", (12, 1))),
        "year" | "years" => Some(("1", (1, 1))),
        _ => None,
    }
}

impl Formula {
    /// From the totals of its two columns: those of every cluster, and of all of them.
    pub(super) fn profile(&self, above: &(Vec<Totals>, Totals), below: &(Vec<Totals>, Totals)) -> DerivedProfile {
        let overall = self.value(&above.1, &below.1);
        let figures = |(above, below): (&Totals, &Totals)| {
            let value = self.value(above, below);
            let index = match (value, overall) {
                (Some(value), Some(all)) if value >= 0.0 && all > 0.0 => Some(100.0 * value / all),
                _ => None,
            };
            DerivedFigures { value, index }
        };
        DerivedProfile {
            name: self.name.to_owned(),
            formula: self.text.clone(),
            unit: self.unit.clone(),
            overall,
            clusters: above.0.iter().zip(&below.0).map(figures).collect(),
        }
    }

    /// Correctly rounded.
    fn value(&self, above: &Totals, below: &Totals) -> Option<f64> {
        let numerator = &above.sum * self.factor.0;
        let denominator = &below.sum * self.factor.1;
        (denominator > BigInt::ZERO)
            .then(|| ratio(&numerator, denominator.magnitude(), above.exponent - below.exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::ColumnSums;
    use super::*;

    fn totals(values: &[f64], labels: &[u16]) -> (Vec<Totals>, Totals) {
        let mut sums = ColumnSums::zero(2);
        sums.add(values, labels, None);
        sums.totals()
    }

    fn roles(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(role, column)| ((*role).to_owned(), (*column).to_owned())).collect()
    }

    #[test]
    fn an_average_order_is_all_that_was_spent_over_all_orders() {
        let found = formulas(&roles(&[("monetary", "spent"), ("frequency", "orders")]), |_| Some("EUR".into()));
        assert_eq!(found.len(), 1);
        let labels = [0, 0, 1];
        let spent = totals(&[10.0, 90.0, 0.5], &labels);
        let orders = totals(&[1.0, 3.0, 0.0], &labels);
        let profile = found[0].profile(&spent, &orders);
        assert_eq!((profile.name.as_str(), profile.unit.as_deref()), ("average_order_value", Some("EUR")));
        assert_eq!(profile.formula, "sum of spent / sum of orders");
        // Not (10 / 1 + 90 / 3) / 2 = 20.
        assert_eq!(profile.clusters[0].value, Some(25.0));
        assert_eq!(profile.overall, Some(25.125));
        assert_eq!(profile.clusters[0].index, Some(100.0 * 25.0 / 25.125));
        assert_eq!(profile.clusters[1], DerivedFigures { value: None, index: None });
    }

    #[test]
    fn orders_per_year_need_a_tenure_whose_unit_is_known() {
        let of = |tenure: &str, unit: Option<&str>| {
            let found = formulas(&roles(&[("frequency", "orders"), ("tenure", tenure)]), |_| unit.map(str::to_owned));
            found.into_iter().next().map(|formula| {
                let profile = formula.profile(&totals(&[4.0, 2.0], &[0, 1]), &totals(&[1461.0, 12.0], &[0, 1]));
                (profile.formula, profile.clusters[0].value.unwrap(), profile.clusters[1].value.unwrap())
            })
        };
        let days = "sum of orders / (sum of tenure_days / 365.25)".to_owned();
        assert_eq!(of("tenure_days", None), Some((days, 1.0, 2.0 * 365.25 / 12.0)));
        assert_eq!(of("tenure", Some("Months")).map(|found| found.2), Some(2.0));
        assert_eq!(of("years", None).map(|found| found.0), Some("sum of orders / sum of years".into()));
        assert_eq!(of("tenure", None), None);
        assert_eq!(of("tenure_days", Some("visits")), None);
    }

    #[test]
    fn what_a_column_holds_is_not_derived() {
        let given = roles(&[("monetary", "m"), ("frequency", "f"), ("order_value", "aov")]);
        assert!(formulas(&given, |_| None).is_empty());
        assert!(formulas(&roles(&[("monetary", "m")]), |_| None).is_empty());
    }

    #[test]
    fn refunds_make_a_negative_value_without_an_index() {
        let found = formulas(&roles(&[("monetary", "m"), ("frequency", "f")]), |_| None);
        let profile = found[0].profile(&totals(&[-3.0, 9.0], &[0, 1]), &totals(&[2.0, 1.0], &[0, 1]));
        assert_eq!(profile.clusters[0], DerivedFigures { value: Some(-1.5), index: None });
        assert_eq!(profile.clusters[1], DerivedFigures { value: Some(9.0), index: Some(450.0) });
    }
}
