//! Rules in words: "recency over 300 days and monetary at most 40 USD". A threshold is told to its last digit, so that
//! the words, the page and the SQL are one rule.

use super::dates::{date, moment};
use super::figures::{count, exact, share};
use super::summary::Summary;
use crate::rules::{Bound, Fidelity, Leaf, Rules, Tree};
use crate::source::ColumnKind;

/// All conditions of a leaf.
pub(super) fn conditions(summary: &Summary, leaf: &Leaf) -> String {
    let words: Vec<String> = leaf.bounds.iter().map(|bound| condition(summary, bound)).collect();
    if words.is_empty() { "all customers".to_owned() } else { words.join(" and ") }
}

/// Both answers to a question, the one for small values first.
pub(super) fn answers(summary: &Summary, column: &str, at_most: f64) -> [String; 2] {
    let bound = |above, at_most| condition(summary, &Bound { column: column.to_owned(), above, at_most });
    [bound(None, Some(at_most)), bound(Some(at_most), None)]
}

fn condition(summary: &Summary, bound: &Bound) -> String {
    let Bound { column, above, at_most } = bound;
    let feature = summary.feature_settings.iter().find(|feature| feature.column == *column);
    let kind = feature.and_then(|feature| feature.kind.as_ref());
    let unit = summary.unit(column).map_or_else(String::new, |unit| format!(" {unit}"));
    let dated = |show: fn(f64) -> Option<String>, value: f64| show(value).unwrap_or_else(|| exact(value));
    match (kind, *above, *at_most) {
        (_, None, None) => format!("any {column}"),
        (Some(ColumnKind::Boolean), Some(_), _) => format!("{column} is true"),
        (Some(ColumnKind::Boolean), None, Some(_)) => format!("{column} is false"),
        (Some(ColumnKind::Date), above, at_most) => {
            between(column, above.map(|day| dated(date, day)), at_most.map(|day| dated(date, day)), DATES, "")
        }
        (Some(ColumnKind::Timestamp), above, at_most) => {
            between(column, above.map(|at| dated(moment, at)), at_most.map(|at| dated(moment, at)), DATES, "")
        }
        (Some(ColumnKind::Integer), above, at_most) if whole(above) && whole(at_most) => {
            let least = above.map(|above| above + 1.0);
            match (least, at_most) {
                (Some(least), Some(most)) if least == most => format!("{column} {}{unit}", exact(most)),
                (Some(least), Some(most)) => format!("{column} {} to {}{unit}", exact(least), exact(most)),
                (Some(least), None) => format!("{column} {}{unit} or more", exact(least)),
                (None, most) => format!("{column} at most {}{unit}", exact(most.unwrap_or(0.0))),
            }
        }
        (_, above, at_most) => between(column, above.map(exact), at_most.map(exact), NUMBERS, &unit),
    }
}

/// How the two ends are called.
const NUMBERS: [&str; 2] = ["over", "at most"];
const DATES: [&str; 2] = ["after", "up to"];

fn between(column: &str, above: Option<String>, at_most: Option<String>, words: [&str; 2], unit: &str) -> String {
    let [over, most] = words;
    match (above, at_most) {
        (Some(above), Some(at_most)) => format!("{column} {over} {above} and {most} {at_most}{unit}"),
        (Some(above), None) => format!("{column} {over} {above}{unit}"),
        (None, at_most) => format!("{column} {most} {}{unit}", at_most.unwrap_or_default()),
    }
}

fn whole(value: Option<f64>) -> bool {
    value.is_none_or(|value| value == libm::rint(value) && value.abs() < 1e15)
}

/// The leaves of a tree that have the name of a cluster, the fullest first.
pub(super) fn leaves_of(tree: &Tree, cluster: usize) -> Vec<Leaf> {
    let mut leaves: Vec<Leaf> = tree.root.leaves().into_iter().filter(|leaf| leaf.cluster == cluster).collect();
    leaves.sort_by_key(|leaf| std::cmp::Reverse(leaf.right));
    leaves
}

/// Part of a cluster's customers that its leaves find.
pub(super) fn found(fidelity: &Fidelity) -> Option<f64> {
    part(fidelity.right, fidelity.of_cluster)
}

/// Part of the customers in a cluster's leaves who are of the cluster.
pub(super) fn precise(fidelity: &Fidelity) -> Option<f64> {
    part(fidelity.right, fidelity.in_leaves)
}

/// Part of all customers whose leaf has the name of their cluster.
pub(super) fn fidelity(rules: &Rules, tree: &Tree) -> Option<f64> {
    part(tree.right, rules.held_out)
}

fn part(of: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| of as f64 / all as f64)
}

/// What the rules were made from and tried on.
pub(super) fn tried_on(rules: &Rules) -> String {
    format!(
        "Made from {} customers and tried on {} others, drawn at random and the same ones every time.",
        count(rules.trained_on),
        count(rules.held_out)
    )
}

/// "These rules put 88.1 % of the others into their own segment; 20 finer ones put 96.3 % there."
pub(super) fn how_good(rules: &Rules) -> String {
    let of = |tree: &Tree| fidelity(rules, tree).map_or_else(|| "–".to_owned(), share);
    let finer = match has_finer(rules) {
        true => format!("; {} finer ones put {} there", rules.fine.root.leaves().len(), of(&rules.fine)),
        false => String::new(),
    };
    format!("These rules put {} of the others into their own segment{finer}.", of(&rules.short))
}

/// Whether the finer rules are others than the short ones.
pub(super) fn has_finer(rules: &Rules) -> bool {
    rules.fine.root.leaves().len() > rules.short.root.leaves().len()
}
