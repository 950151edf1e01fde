//! The heat map: how far each segment lies from the average in each column. It is a table whose cells are tinted, so
//! that it reads the same on paper, aloud, and without colours.

use super::Page;
use super::table::{Cell, Order, Table};
use super::writer::Html;
use crate::report::figures::{lift, or_dash};

pub(super) fn has_figures(page: &Page) -> bool {
    page.summary.clusters.len() > 1
        && page.summary.clusters.iter().any(|cluster| cluster.lifts.0.iter().any(|(_, lift)| lift.is_some()))
}

pub(super) fn write(html: &mut Html, page: &Page) {
    let summary = page.summary;
    html.element(
        "p",
        &[],
        "How far the average of a segment lies from the average of all customers, in standard deviations: 0 is like all, \
         beyond 1 in either direction is a lot.",
    );
    let mut head = vec![Cell::text("Segment")];
    head.extend(summary.columns.iter().map(|column| Cell::heading(&column.name)));
    let mut table = Table::new("Lift of every segment in every column", head);
    table.order = Order::Sortable;
    for cluster in &summary.clusters {
        let mut row = vec![Cell::Segment(cluster.cluster, cluster.persona.clone())];
        row.extend(summary.columns.iter().map(|column| {
            let value = cluster.lifts.get(&column.name).copied().flatten();
            Cell::Heat(or_dash(value, lift), value)
        }));
        table.rows.push(row);
    }
    table.write(html);
}
