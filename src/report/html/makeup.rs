//! Who the customers of a segment are and what they choose: the values of text columns, and which part of a whole goes
//! where, each against all customers.

use super::Page;
use super::table::{Cell, Table};
use super::writer::Html;
use crate::profile::{CategoryFigures, CategoryProfile, MixFigures, MixOutcome, MixProfile};
use crate::report::figures::{count, share};

/// Values shown of each segment; the summary has more.
const VALUES_MAX: usize = 5;

/// An index of 200 is tinted like a lift of 2: twice as often as among all customers.
const INDEX_PER_LIFT: f64 = 50.0;

pub(super) fn has_figures(page: &Page) -> bool {
    let profile = &page.summary.profile;
    !profile.mixes.is_empty() || profile.categories.iter().any(is_category)
}

fn is_category(category: &CategoryProfile) -> bool {
    category.distinct.is_some_and(|distinct| distinct > 0)
}

pub(super) fn write(html: &mut Html, page: &Page) {
    html.element("p", &[], "An index of 100 is like all customers, 200 twice as much, 50 half as much.");
    for mix in &page.summary.profile.mixes {
        html.element("h3", &[], &mix.name);
        mix_table(page, mix).write(html);
    }
    for category in page.summary.profile.categories.iter().filter(|category| is_category(category)) {
        html.element("h3", &[], &category.name);
        category_table(page, category).write(html);
    }
}

fn mix_table(page: &Page, mix: &MixProfile) -> Table {
    let mut head = vec![Cell::text("Segment")];
    head.extend(mix.columns.iter().map(Cell::heading));
    head.push(Cell::text("In words"));
    let mut table = Table::new(format!("Shares of {}, with their index", mix.name), head);
    for (cluster, figures) in page.summary.clusters.iter().zip(&mix.clusters) {
        let mut row = vec![Cell::Segment(cluster.cluster, cluster.persona.clone())];
        row.extend((0..mix.columns.len()).map(|column| mix_cell(figures, column)));
        row.push(Cell::text(mix_words(mix, figures)));
        table.rows.push(row);
    }
    if let Some(overall) = &mix.overall {
        let mut row = vec![Cell::text("All customers")];
        row.extend(overall.iter().map(|part| Cell::number(share(*part), *part)));
        row.push(Cell::text(""));
        table.total = Some(row);
    }
    table
}

fn mix_cell(figures: &MixFigures, column: usize) -> Cell {
    let part = figures.shares.as_ref().and_then(|shares| shares.get(column).copied());
    let index = figures.indices.as_ref().and_then(|indices| indices.get(column).copied().flatten());
    let shown = match (part, index) {
        (Some(part), Some(index)) => format!("{} ({index:.0})", share(part)),
        (Some(part), None) => share(part),
        (None, _) => "–".to_owned(),
    };
    Cell::Heat(shown, index.map(|index| (index - 100.0) / INDEX_PER_LIFT))
}

/// The part that stands out most, or why none does.
fn mix_words(mix: &MixProfile, figures: &MixFigures) -> String {
    match figures.outcome {
        MixOutcome::Preference => {
            let indices = figures.indices.iter().flatten();
            let known = indices.zip(&mix.columns).filter_map(|(index, name)| index.map(|index| (index, name)));
            let most = known.reduce(|a, b| if b.0 > a.0 { b } else { a });
            most.map_or_else(String::new, |(_, name)| format!("leans to {name}"))
        }
        MixOutcome::NoClearPreference => {
            let [low, high] = mix.no_preference;
            format!("no clear preference: every index within {low} to {high}")
        }
        MixOutcome::Nothing => "nothing to take shares of".to_owned(),
        MixOutcome::Negative => "a part is negative, so there are no shares".to_owned(),
        MixOutcome::NothingToCompare => "nothing to compare with over all customers".to_owned(),
    }
}

fn category_table(page: &Page, category: &CategoryProfile) -> Table {
    let head = ["Segment", "Most frequent values: share, index", "Others", "No value"].map(Cell::text).to_vec();
    let mut table = Table::new(format!("Values of {}", category.name), head);
    for (cluster, figures) in page.summary.clusters.iter().zip(&category.clusters) {
        let name = Cell::Segment(cluster.cluster, cluster.persona.clone());
        table.rows.push([vec![name], category_cells(figures, Shown::WithIndex)].concat());
    }
    table.total =
        Some([vec![Cell::text("All customers")], category_cells(&category.overall, Shown::ShareOnly)].concat());
    table
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    WithIndex,
    ShareOnly,
}

fn category_cells(figures: &CategoryFigures, shown: Shown) -> Vec<Cell> {
    let value = |value: &crate::profile::CategoryCount| match shown {
        Shown::WithIndex => format!("{} {} ({:.0})", value.value, share(value.share), value.index),
        Shown::ShareOnly => format!("{} {}", value.value, share(value.share)),
    };
    let values: Vec<String> = figures.values.iter().take(VALUES_MAX).map(value).collect();
    let listed: f64 = figures.values.iter().skip(VALUES_MAX).map(|value| value.share).sum();
    let others = listed + figures.other.as_ref().map_or(0.0, |other| other.share);
    vec![
        Cell::text(if values.is_empty() { "–".to_owned() } else { values.join(", ") }),
        Cell::text(if others > 0.0 { share(others) } else { "–".to_owned() }),
        Cell::text(if figures.missing > 0 { count(figures.missing) } else { "–".to_owned() }),
    ]
}
