//! Tables: the figures themselves, and what stands behind every chart for those who cannot see it.

use super::writer::Html;
use crate::report::summary::ClusterSummary;

#[derive(Debug, Clone)]
pub(super) enum Cell {
    Text(String),
    /// The heading of a column of numbers.
    Heading(String),
    /// As it is shown, and what it is sorted by.
    Number(String, Option<f64>),
    /// A segment's number and name.
    Segment(usize, String),
    /// A lift, tinted by how far it lies from the average.
    Heat(String, Option<f64>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As the rows come.
    Given,
    /// Readers may sort by any column, where scripts run.
    Sortable,
}

#[derive(Debug, Clone)]
pub(super) struct Table {
    /// What the table shows, for those who hear it.
    pub(super) caption: String,
    pub(super) order: Order,
    pub(super) head: Vec<Cell>,
    /// The first cell of a row names it.
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) total: Option<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(caption: impl Into<String>, head: Vec<Cell>) -> Self {
        Self { caption: caption.into(), order: Order::Given, head, rows: Vec::new(), total: None }
    }

    pub(super) fn write(&self, html: &mut Html) {
        let class = match self.order {
            Order::Sortable if self.rows.len() > 1 => "sortable",
            _ => "plain",
        };
        // What is too wide for the page moves inside its own frame, which the keyboard can reach.
        html.within(
            "div",
            &[("class", "scroll"), ("role", "region"), ("tabindex", "0"), ("aria-label", &self.caption)],
            |html| {
                html.within("table", &[("class", class)], |html| {
                    html.element("caption", &[], &self.caption);
                    html.within("thead", &[], |html| {
                        html.within("tr", &[], |html| self.head.iter().for_each(|cell| cell.write(html, "th", "col")));
                    });
                    html.within("tbody", &[], |html| self.rows.iter().for_each(|row| write_row(html, row)));
                    if let Some(total) = &self.total {
                        html.within("tfoot", &[], |html| write_row(html, total));
                    }
                });
            },
        );
    }
}

/// The table behind a chart, closed until somebody asks.
pub(super) fn behind(html: &mut Html, table: &Table) {
    html.within("details", &[], |html| {
        html.element("summary", &[], &format!("Figures: {}", table.caption));
        table.write(html);
    });
}

fn write_row(html: &mut Html, row: &[Cell]) {
    html.within("tr", &[], |html| {
        for (index, cell) in row.iter().enumerate() {
            let (tag, scope) = if index == 0 { ("th", "row") } else { ("td", "") };
            cell.write(html, tag, scope);
        }
    });
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    pub(super) fn number(shown: impl Into<String>, value: impl Into<Option<f64>>) -> Cell {
        Cell::Number(shown.into(), value.into())
    }

    pub(super) fn heading(text: impl Into<String>) -> Cell {
        Cell::Heading(text.into())
    }

    fn write(&self, html: &mut Html, tag: &'static str, scope: &str) {
        let mut attributes = Vec::new();
        if !scope.is_empty() {
            attributes.push(("scope", scope));
        }
        let sorted_by = match self {
            Cell::Number(_, value) | Cell::Heat(_, value) => value.map(|value| format!("{value}")),
            Cell::Segment(number, _) => Some(number.to_string()),
            Cell::Text(_) | Cell::Heading(_) => None,
        };
        if let Some(sorted_by) = &sorted_by {
            attributes.push(("data-v", sorted_by));
        }
        let class = match self {
            Cell::Number(..) | Cell::Heading(_) => "n",
            Cell::Heat(_, value) => heat_class(*value),
            Cell::Segment(..) | Cell::Text(_) => "",
        };
        if !class.is_empty() {
            attributes.push(("class", class));
        }
        html.within(tag, &attributes, |html| match self {
            Cell::Text(text) | Cell::Heading(text) => html.text(text),
            Cell::Number(text, _) | Cell::Heat(text, _) => html.text(&held_together(text)),
            Cell::Segment(number, name) => segment(html, *number, name),
        });
    }
}

/// A number stays with its unit; what stands in brackets may go to the next line.
fn held_together(text: &str) -> String {
    text.replace(' ', "\u{a0}").replace("\u{a0}(", " (")
}

/// A segment's number in its colour, and its name.
pub(super) fn segment(html: &mut Html, number: usize, name: &str) {
    html.within("span", &[("class", "segment")], |html| {
        chip(html, number);
        html.text(" ");
        html.element("bdi", &[], name);
    });
}

/// What the numbers in a chart stand for.
pub(super) fn legend(html: &mut Html, class: &'static str, clusters: &[ClusterSummary]) {
    html.within("ul", &[("class", class)], |html| {
        for cluster in clusters {
            html.within("li", &[], |html| segment(html, cluster.cluster, &cluster.persona));
        }
    });
}

pub(super) fn chip(html: &mut Html, number: usize) {
    html.element("span", &[("class", &format!("chip {}", colour(number)))], &number.to_string());
}

/// The class that carries a segment's colour. There are eight; the number stands wherever the colour does.
pub(super) fn colour(number: usize) -> &'static str {
    const COLOURS: [&str; 8] = ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"];
    COLOURS[number % COLOURS.len()]
}

/// Tints in steps of half a standard deviation, up to two.
fn heat_class(lift: Option<f64>) -> &'static str {
    const STEPS: [&str; 9] =
        ["n low4", "n low3", "n low2", "n low1", "n even", "n high1", "n high2", "n high3", "n high4"];
    match lift {
        Some(lift) if lift.is_finite() => STEPS[((lift * 2.0).round().clamp(-4.0, 4.0) + 4.0) as usize],
        _ => "n even",
    }
}
