//! Parallel coordinates, standing up: a row per clustered column, a line per segment that runs down through its lifts.
//! Rows in place of the usual upright axes leave room for long column names, on a phone too.

use super::table::{Cell, Table, behind, colour, legend};
use super::writer::Html;
use super::{Page, drawn, percent, shown_only};
use crate::report::figures::{lift, or_dash};
use crate::report::summary::ClusterSummary;

/// Columns in one chart.
const ROWS_MAX: usize = 40;

/// Lifts beyond this are drawn at the edge.
const LIFT_MAX: f64 = 3.0;

/// Height of a row, and where in it the line runs, in pixels: the column's name stands above.
const ROW_HEIGHT: f64 = 46.0;
const LINE_AT: f64 = 32.0;

/// Room at either side for the numbers in the points, as part of the width.
const MARGIN: f64 = 0.04;

pub(super) fn has_figures(page: &Page) -> bool {
    columns(page).len() > 1 && page.summary.clusters.len() > 1
}

/// Clustered columns in which every segment has a lift.
fn columns<'a>(page: &Page<'a>) -> Vec<&'a str> {
    let summary = page.summary;
    let known = |name: &&String| summary.clusters.iter().all(|cluster| lift_of(cluster, name).is_some());
    let mut columns: Vec<&str> = Vec::new();
    for name in summary.features.iter().filter(known) {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    columns.truncate(ROWS_MAX);
    columns
}

fn lift_of(cluster: &ClusterSummary, column: &str) -> Option<f64> {
    cluster.lifts.get(column).copied().flatten().filter(|lift| lift.is_finite())
}

pub(super) fn write(html: &mut Html, page: &Page) {
    let columns = columns(page);
    let drawn = drawn(page);
    let largest = drawn.iter().flat_map(|c| columns.iter().filter_map(|name| lift_of(c, name))).map(f64::abs);
    let reach = largest.fold(1.0, f64::max).min(LIFT_MAX);
    html.element(
        "p",
        &[],
        "A line per segment, from column to column: left of the middle is below the average of all customers, right of \
         it above.",
    );
    shown_only(html, page);
    html.within("figure", &[("class", "lines")], |html| {
        let height = format!("{:.0}", ROW_HEIGHT * columns.len() as f64 + 24.0);
        let label = format!("Lifts of {} segments in {} columns", drawn.len(), columns.len());
        html.picture(&label, ("height", &height), |html| {
            let bottom = format!("{:.0}", ROW_HEIGHT * columns.len() as f64);
            for at in [-1.0, 0.0, 1.0] {
                let x = percent(across(at, reach));
                let class = if at == 0.0 { "middle" } else { "grid" };
                html.empty("line", &[("class", class), ("x1", &x), ("x2", &x), ("y1", "0"), ("y2", &bottom)]);
                let y = format!("{:.0}", ROW_HEIGHT * columns.len() as f64 + 16.0);
                let said = if at == 0.0 { "like all".to_owned() } else { lift(at).trim_end_matches(".00").to_owned() };
                html.element("text", &[("class", "axis"), ("x", &x), ("y", &y)], &said);
            }
            for (row, name) in columns.iter().enumerate() {
                let y = format!("{:.0}", down(row));
                html.empty("line", &[("class", "grid"), ("x1", "0"), ("x2", "100%"), ("y1", &y), ("y2", &y)]);
                html.element(
                    "text",
                    &[("class", "name"), ("x", "0"), ("y", &format!("{:.0}", down(row) - 16.0))],
                    name,
                );
            }
            for cluster in drawn {
                line(html, cluster, &columns, reach);
            }
        });
        html.within("figcaption", &[], |html| legend(html, "legend", drawn));
        behind(html, &table(page, &columns));
    });
}

fn line(html: &mut Html, cluster: &ClusterSummary, columns: &[&str], reach: f64) {
    html.within("g", &[("class", colour(cluster.cluster))], |html| {
        let places: Vec<(String, String)> = columns
            .iter()
            .enumerate()
            .filter_map(|(row, name)| {
                Some((percent(across(lift_of(cluster, name)?, reach)), format!("{:.0}", down(row))))
            })
            .collect();
        for pair in places.windows(2) {
            let [(x1, y1), (x2, y2)] = pair else { continue };
            html.empty("line", &[("class", "stroke"), ("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)]);
        }
        for (x, y) in &places {
            html.empty("circle", &[("class", "fill"), ("cx", x), ("cy", y), ("r", "8.5")]);
            html.element("text", &[("class", "on"), ("x", x), ("y", y)], &cluster.cluster.to_string());
        }
    });
}

/// Where a lift stands, as part of the width.
fn across(lift: f64, reach: f64) -> f64 {
    0.5 + (0.5 - MARGIN) * (lift / reach).clamp(-1.0, 1.0)
}

/// Where the line crosses a row, in pixels.
fn down(row: usize) -> f64 {
    ROW_HEIGHT * row as f64 + LINE_AT
}

fn table(page: &Page, columns: &[&str]) -> Table {
    let mut head = vec![Cell::text("Column")];
    head.extend(page.summary.clusters.iter().map(|c| Cell::Segment(c.cluster, c.persona.clone())));
    let mut table = Table::new("Lifts behind the lines", head);
    for name in columns {
        let mut row = vec![Cell::text(*name)];
        row.extend(page.summary.clusters.iter().map(|cluster| {
            let value = lift_of(cluster, name);
            Cell::number(or_dash(value, lift), value)
        }));
        table.rows.push(row);
    }
    table
}
