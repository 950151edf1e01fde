//! The rules in SQL: one CASE with a line per leaf, in the words of the table.

use super::quote::{comment, identifier, plain_number, text};
use super::sql_values::{self, ID, TABLE};
use crate::error::Result;
use crate::report::Summary;
use crate::rules::{Bound, Leaf, Rules, Tree};
use crate::store::Model;

pub(super) fn write(tree: &Tree, rules: &Rules, model: &Model, summary: &Summary, id: Option<&str>) -> Result<String> {
    let leaves = tree.root.leaves();
    let names: Vec<(&str, String)> = called(&leaves, model)?;
    let name_of = |column: &str| names.iter().find(|(known, _)| *known == column).map(|(_, name)| name.clone());
    let mut steps: Vec<String> = Vec::new();
    sql_values::write(&mut steps, &model.features, summary, id, &|at| name_of(model.features.columns().nth(at)?))?;
    let whens = |show: &dyn Fn(&Leaf) -> String| -> String {
        let when = |leaf: &Leaf| {
            let conditions = leaf.bounds.iter().filter_map(|bound| Some(condition(&name_of(&bound.column)?, bound)));
            let conditions: Vec<String> = conditions.collect();
            match conditions.is_empty() {
                true => format!("WHEN TRUE THEN {}", show(leaf)),
                false => format!("WHEN {} THEN {}", conditions.join(" AND "), show(leaf)),
            }
        };
        leaves.iter().map(when).collect::<Vec<_>>().join("\n    ")
    };
    let name = |leaf: &Leaf| summary.clusters.get(leaf.cluster).map_or("", |cluster| &cluster.persona);
    let id = id.map_or_else(|| Ok(ID.to_owned()), identifier)?;
    Ok(format!(
        "{}WITH {}\nSELECT\n  {ID} AS {id},\n  CASE\n    {}\n  END AS cluster,\n  CASE\n    {}\n  END AS persona\nFROM filled;\n",
        heading(tree, rules, summary),
        steps.join(",\n"),
        whens(&|leaf| leaf.cluster.to_string()),
        whens(&|leaf| text(name(leaf))),
    ))
}

/// What the query calls the columns that are asked about: by their own names, but for one that is called like the id
/// inside of the query, or differs from another by its letters' case alone.
fn called<'a>(leaves: &[Leaf], model: &'a Model) -> Result<Vec<(&'a str, String)>> {
    let asked = |name: &&str| leaves.iter().flat_map(|leaf| &leaf.bounds).any(|bound| bound.column == *name);
    let mut names: Vec<(&str, String)> = Vec::new();
    for (at, name) in model.features.columns().enumerate().filter(|(_, name)| asked(name)) {
        let own = identifier(name)?;
        let taken = |other: &str| own.to_lowercase() == other.to_lowercase();
        let is_taken = taken(&identifier(ID)?) || names.iter().any(|(_, other)| taken(other));
        names.push((name, if is_taken { sql_values::value(at) } else { own }));
    }
    Ok(names)
}

fn condition(x: &str, bound: &Bound) -> String {
    match (bound.above, bound.at_most) {
        (Some(above), Some(at_most)) => {
            format!("{x} > {} AND {x} <= {}", plain_number(above), plain_number(at_most))
        }
        (Some(above), None) => format!("{x} > {}", plain_number(above)),
        (None, Some(at_most)) => format!("{x} <= {}", plain_number(at_most)),
        (None, None) => "TRUE".to_owned(),
    }
}

fn heading(tree: &Tree, rules: &Rules, summary: &Summary) -> String {
    let part = 100.0 * tree.right as f64 / rules.held_out.max(1) as f64;
    format!(
        "-- The segment of every customer in the table {TABLE}, by {} rules. A sketch: {part:.1} % of {} customers who had\n\
         -- no say in the rules are put into their own segment. --sql exact writes the query that decides as segmint does.\n\
         -- Written for DuckDB by segmint {}.\n",
        tree.root.leaves().len(),
        rules.held_out,
        comment(&summary.segmint)
    )
}
