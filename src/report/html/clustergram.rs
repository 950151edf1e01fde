//! How segments split as their number grows (a clustergram, after Schonlau 2002): a column of stacked bars per number of
//! segments, with bands between them for the customers that go from one segment to another.

use super::table::{Cell, Table, behind, colour};
use super::writer::Html;
use super::{Page, percent};
use crate::report::figures::count;
use crate::report::summary::FlowSummary;

/// Columns drawn.
const COLUMNS_MAX: usize = 16;

/// Height of the drawing, in pixels.
const HEIGHT: f64 = 320.0;

/// Width of a bar, as part of the distance between two of them.
const BAR: f64 = 0.18;

/// Room between two bars of a column, as part of the height.
const GAP: f64 = 0.012;

/// Bands thinner than this are not drawn; the table has them.
const BAND_MIN: f64 = 0.002;

pub(super) fn has_figures(page: &Page) -> bool {
    !page.summary.flows.is_empty() && page.summary.rows > 0
}

/// The clusters of one k, from the top down.
struct Column {
    k: usize,
    sizes: Vec<u64>,
    /// Cluster numbers in drawing order.
    order: Vec<usize>,
    /// Where each cluster begins, as part of the height, by number.
    tops: Vec<f64>,
}

/// Heights from customers.
#[derive(Clone, Copy)]
struct Scale {
    per_customer: f64,
}

impl Scale {
    /// All customers and the gaps of the fullest column fill the height.
    fn of(flows: &[FlowSummary], rows: u64) -> Scale {
        let counts = flows.iter().map(|flow| flow.customers.len().max(flow.customers.first().map_or(0, Vec::len)));
        let gaps = counts.max().unwrap_or(1).saturating_sub(1) as f64 * GAP;
        Scale { per_customer: (1.0 - gaps).max(0.5) / rows as f64 }
    }

    fn height(self, customers: u64) -> f64 {
        customers as f64 * self.per_customer
    }
}

pub(super) fn write(html: &mut Html, page: &Page) {
    let summary = page.summary;
    let flows = &summary.flows[..summary.flows.len().min(COLUMNS_MAX - 1)];
    let scale = Scale::of(flows, summary.rows);
    let columns = columns(flows, scale);
    html.element(
        "p",
        &[],
        "Each column is one number of segments, each bar a segment as tall as its share of the customers. Bands show where \
         the customers of a segment are when there is one segment more: a band that stays whole is a segment that every \
         number agrees on.",
    );
    html.within("figure", &[("class", "clustergram")], |html| {
        let label = format!("How segments split from {} to {}", columns[0].k, columns[columns.len() - 1].k);
        let n = columns.len() as f64;
        let x = |at: usize, side: f64| (at as f64 + 0.5 + side * BAR / 2.0) / n;
        html.within(
            "svg",
            &[("role", "img"), ("aria-label", &label), ("height", &format!("{:.0}", HEIGHT + 20.0))],
            |html| {
                // Curves need coordinates; they are stretched over the width, and what has text in it is not.
                let stretched = [
                    ("viewBox", "0 0 1000 1000"),
                    ("preserveAspectRatio", "none"),
                    ("height", &format!("{HEIGHT:.0}")),
                ];
                html.within("svg", &stretched, |html| {
                    for (at, flow) in flows.iter().enumerate() {
                        let (from, to) = (1000.0 * x(at, 1.0), 1000.0 * x(at + 1, -1.0));
                        for band in bands(flow, &columns[at], &columns[at + 1], scale) {
                            html.empty("path", &[("class", "band"), ("d", &curve(from, to, &band))]);
                        }
                    }
                });
                for (at, column) in columns.iter().enumerate() {
                    let (left, width) = (percent(x(at, -1.0)), percent(BAR / n));
                    for &cluster in &column.order {
                        let (top, share) = (column.tops[cluster], scale.height(column.sizes[cluster]));
                        let (y, height) = (format!("{:.1}", HEIGHT * top), format!("{:.1}", HEIGHT * share));
                        let own = format!("fill {}", colour(cluster));
                        let class = if column.k == summary.k_asked { own.as_str() } else { "node" };
                        html.empty(
                            "rect",
                            &[("class", class), ("x", &left), ("y", &y), ("width", &width), ("height", &height)],
                        );
                    }
                    let (middle, y) = (percent(x(at, 0.0)), format!("{:.0}", HEIGHT + 16.0));
                    let class = if column.k == summary.k_asked { "axis here" } else { "axis" };
                    html.element("text", &[("class", class), ("x", &middle), ("y", &y)], &column.k.to_string());
                }
            },
        );
        behind(html, &table(flows));
    });
}

/// Clusters lie in the order of where their customers came from, so that bands cross as little as they can.
fn columns(flows: &[FlowSummary], scale: Scale) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::with_capacity(flows.len() + 1);
    for flow in flows {
        if columns.is_empty() {
            let sizes: Vec<u64> = flow.customers.iter().map(|row| row.iter().sum()).collect();
            let order = (0..sizes.len()).collect();
            columns.push(column(flow.from_k, sizes, order, scale));
        }
        let Some(before) = columns.last() else { continue };
        let n = flow.customers.first().map_or(0, Vec::len);
        let sizes: Vec<u64> = (0..n).map(|to| flow.customers.iter().map(|row| row[to]).sum()).collect();
        let middle = |to: usize| {
            let places = flow.customers.iter().enumerate().map(|(from, row)| {
                let place = before.tops[from] + scale.height(before.sizes[from]) / 2.0;
                place * row[to] as f64
            });
            places.sum::<f64>() / sizes[to].max(1) as f64
        };
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| middle(a).total_cmp(&middle(b)).then(a.cmp(&b)));
        columns.push(column(flow.to_k, sizes, order, scale));
    }
    columns
}

fn column(k: usize, sizes: Vec<u64>, order: Vec<usize>, scale: Scale) -> Column {
    let mut tops = vec![0.0; sizes.len()];
    let mut top = 0u64;
    for (place, &cluster) in order.iter().enumerate() {
        tops[cluster] = scale.height(top) + place as f64 * GAP;
        top += sizes[cluster];
    }
    Column { k, sizes, order, tops }
}

/// A band: where it begins on the left and on the right, and how thick it is, as parts of the height.
struct Band {
    left: f64,
    right: f64,
    thickness: f64,
}

fn bands(flow: &FlowSummary, from: &Column, to: &Column, scale: Scale) -> Vec<Band> {
    let mut right = to.tops.clone();
    let mut bands = Vec::new();
    for &source in &from.order {
        let mut left = from.tops[source];
        for &target in &to.order {
            let thickness = scale.height(flow.customers[source][target]);
            if thickness >= BAND_MIN {
                bands.push(Band { left, right: right[target], thickness });
            }
            left += thickness;
            right[target] += thickness;
        }
    }
    bands
}

/// In thousandths of the drawing.
fn curve(from: f64, to: f64, band: &Band) -> String {
    let middle = (from + to) / 2.0;
    let (left, right, thickness) = (1000.0 * band.left, 1000.0 * band.right, 1000.0 * band.thickness);
    format!(
        "M{from:.1} {left:.1}C{middle:.1} {left:.1} {middle:.1} {right:.1} {to:.1} {right:.1}V{:.1}C{middle:.1} {:.1} \
         {middle:.1} {:.1} {from:.1} {:.1}Z",
        right + thickness,
        right + thickness,
        left + thickness,
        left + thickness,
    )
}

fn table(flows: &[FlowSummary]) -> Table {
    let head = ["From", "To", "Customers"];
    let head = vec![Cell::text(head[0]), Cell::text(head[1]), Cell::heading(head[2])];
    let mut table = Table::new("Customers from the segments of one number to those of the next", head);
    for flow in flows {
        for (from, row) in flow.customers.iter().enumerate() {
            for (to, &customers) in row.iter().enumerate().filter(|(_, customers)| **customers > 0) {
                let place = |k: usize, cluster: usize| Cell::text(format!("{k} segments: {cluster}"));
                let n = Cell::number(count(customers), customers as f64);
                table.rows.push(vec![place(flow.from_k, from), place(flow.to_k, to), n]);
            }
        }
    }
    table
}
