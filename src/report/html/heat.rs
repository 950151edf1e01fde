//! The heat map: how far each segment lies from the average in each column. It is a table whose cells are tinted, so
//! that it reads the same on paper, aloud, and without colours.

use super::table::{Cell, Order, Table, legend};
use super::writer::Html;
use super::{CHART_SEGMENTS_MAX, Page};
use crate::report::figures::{lift, or_dash};
use crate::report::summary::{ClusterSummary, Summary};

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
    html.within("div", &[("class", "heat")], |html| {
        if summary.clusters.len() <= CHART_SEGMENTS_MAX {
            by_column(summary).write(html);
            // Where names have no room in the heading.
            legend(html, "legend narrow", &summary.clusters);
        } else {
            by_segment(summary).write(html);
        }
    });
}

const CAPTION: &str = "Lift of every segment in every column";

/// A row per column: segments are few and their numbers short, while the names of columns are long and many.
fn by_column(summary: &Summary) -> Table {
    let mut head = vec![Cell::text("Column")];
    head.extend(summary.clusters.iter().map(|cluster| Cell::Segment(cluster.cluster, cluster.persona.clone())));
    let mut table = Table::new(CAPTION, head);
    table.order = Order::Sortable;
    for column in &summary.columns {
        let mut row = vec![Cell::text(&column.name)];
        row.extend(summary.clusters.iter().map(|cluster| cell(cluster, &column.name)));
        table.rows.push(row);
    }
    table
}

/// A row per segment, where there are more of them than stand side by side.
fn by_segment(summary: &Summary) -> Table {
    let mut head = vec![Cell::text("Segment")];
    head.extend(summary.columns.iter().map(|column| Cell::heading(&column.name)));
    let mut table = Table::new(CAPTION, head);
    table.order = Order::Sortable;
    for cluster in &summary.clusters {
        let mut row = vec![Cell::Segment(cluster.cluster, cluster.persona.clone())];
        row.extend(summary.columns.iter().map(|column| cell(cluster, &column.name)));
        table.rows.push(row);
    }
    table
}

fn cell(cluster: &ClusterSummary, column: &str) -> Cell {
    let value = cluster.lifts.get(column).copied().flatten();
    Cell::Heat(or_dash(value, lift), value)
}
