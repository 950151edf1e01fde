//! The top of the page: what it is about, what the figures say, and the table of all segments.

use super::table::{Cell, Order, Table, colour};
use super::writer::Html;
use super::{Page, percent};
use crate::report::figures::{count, or_dash, share};
use crate::report::sentences::insights;
use crate::report::summary::{ClusterSummary, Summary};
use crate::report::units::{figure_of, heading};

/// A part of a bar narrower than this has no room for its number.
const NUMBERED_FROM: f64 = 0.05;

pub(super) fn header(html: &mut Html, page: &Page) {
    let summary = page.summary;
    let segments = if summary.k == 1 { "segment" } else { "segments" };
    html.within("header", &[], |html| {
        html.element("p", &[("class", "kicker")], "Customer segments");
        html.element("h1", &[], &format!("{} customers in {} {segments}", count(summary.rows), summary.k));
        let insights = insights(summary);
        let Some((first, others)) = insights.split_first() else { return };
        html.element("p", &[("class", "lead")], first);
        if !others.is_empty() {
            html.within("ul", &[("class", "insights")], |html| {
                others.iter().for_each(|insight| html.element("li", &[], insight));
            });
        }
    });
}

pub(super) fn overview(html: &mut Html, page: &Page) {
    let summary = page.summary;
    bars(html, summary);
    table(summary).write(html);
    if let Some(value) = &summary.value {
        html.element(
            "p",
            &[("class", "note")],
            &format!("Value is the sum of the column {value} over all customers of a segment."),
        );
    }
}

/// Customers and value side by side: where one bar is wide and the other narrow, size and worth part company.
fn bars(html: &mut Html, summary: &Summary) {
    let customers: Vec<f64> = summary.clusters.iter().map(|cluster| cluster.share).collect();
    let value: Option<Vec<f64>> =
        summary.clusters.iter().map(|cluster| cluster.value_share.filter(|share| *share >= 0.0)).collect();
    if summary.clusters.len() < 2 {
        return;
    }
    html.within("figure", &[("class", "bars")], |html| {
        bar(html, summary, "Share of customers", &customers);
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            bar(html, summary, "Share of value", &value);
        }
    });
}

fn bar(html: &mut Html, summary: &Summary, label: &str, parts: &[f64]) {
    let said: Vec<String> = summary
        .clusters
        .iter()
        .zip(parts)
        .map(|(cluster, part)| format!("{} {}", cluster.persona, share(*part)))
        .collect();
    html.element("p", &[("class", "label")], label);
    html.within(
        "svg",
        &[("class", "bar"), ("role", "img"), ("aria-label", &format!("{label}: {}", said.join(", ")))],
        |html| {
            let mut from = 0.0;
            for (cluster, &part) in summary.clusters.iter().zip(parts) {
                let (x, width) = (percent(from), percent(part));
                let class = format!("fill {}", colour(cluster.cluster));
                html.empty("rect", &[("class", &class), ("x", &x), ("y", "0"), ("width", &width), ("height", "100%")]);
                if part >= NUMBERED_FROM {
                    let middle = percent(from + part / 2.0);
                    html.element(
                        "text",
                        &[("class", "on"), ("x", &middle), ("y", "50%")],
                        &cluster.cluster.to_string(),
                    );
                }
                from += part;
            }
        },
    );
}

fn table(summary: &Summary) -> Table {
    let value = summary.value.as_deref();
    let has_priority = summary.clusters.iter().any(|cluster| !priority(cluster).is_empty());
    let mut head = vec![Cell::text("Segment"), Cell::heading("Customers"), Cell::heading("Share of customers")];
    if let Some(value) = value {
        head.push(Cell::heading(format!("Average {}", heading(value, summary.unit(value)))));
        head.push(Cell::heading("Share of value"));
    }
    if has_priority {
        head.push(Cell::text("Priority"));
    }
    let mut table = Table::new("All segments: sizes, shares and value", head);
    table.order = Order::Sortable;
    for cluster in &summary.clusters {
        let mut row = vec![
            Cell::Segment(cluster.cluster, cluster.persona.clone()),
            Cell::number(count(cluster.size), cluster.size as f64),
            Cell::number(share(cluster.share), cluster.share),
        ];
        if let Some(value) = value {
            let mean = cluster.means.get(value).copied().flatten();
            row.push(Cell::number(or_dash(mean, |mean| figure_of(summary, value, mean)), mean));
            row.push(Cell::number(or_dash(cluster.value_share, share), cluster.value_share));
        }
        if has_priority {
            row.push(Cell::text(match priority(cluster) {
                "" => "–",
                priority => priority,
            }));
        }
        table.rows.push(row);
    }
    table.total = Some(total(summary, has_priority));
    table
}

/// The average is that of all customers; the rest are sums.
fn total(summary: &Summary, has_priority: bool) -> Vec<Cell> {
    let total = summary.total();
    let mut row = vec![
        Cell::text("All customers"),
        Cell::number(count(summary.rows), summary.rows as f64),
        Cell::number(share(total.share), total.share),
    ];
    if let Some(value) = &summary.value {
        row.push(Cell::number(or_dash(total.mean, |mean| figure_of(summary, value, mean)), total.mean));
        row.push(Cell::number(or_dash(total.value_share, share), total.value_share));
    }
    row.extend(has_priority.then(|| Cell::text("")));
    row
}

fn priority(cluster: &ClusterSummary) -> &str {
    cluster.guide.as_ref().map_or("", |guide| &guide.priority)
}
