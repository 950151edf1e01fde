//! The end of the page: what nobody earned, what went in, what was left out, and how the result was made.

use super::Page;
use super::table::{Cell, Table};
use super::writer::Html;
use crate::report::figures::{count, figure};
use crate::report::method;

pub(super) fn has_not_found(page: &Page) -> bool {
    page.summary.personas.iter().any(|fate| fate.clusters.is_empty())
}

pub(super) fn not_found(html: &mut Html, page: &Page) {
    html.within("ul", &[], |html| {
        for fate in page.summary.personas.iter().filter(|fate| fate.clusters.is_empty()) {
            html.within("li", &[], |html| {
                html.element("strong", &[], &fate.persona);
                if let Some(reason) = &fate.reason {
                    html.text(&format!(": {reason}"));
                }
            });
        }
    });
}

pub(super) fn data(html: &mut Html, page: &Page) {
    let summary = page.summary;
    html.element("h3", &[], "Features the segments were found with");
    let head = ["Column", "Transform", "Scaling", "Weight", "Missing values"].map(Cell::text).to_vec();
    let mut features = Table::new("Features and their settings", head);
    for feature in &summary.feature_settings {
        features.rows.push(method::feature(page.summary, feature).into_iter().map(Cell::Text).collect());
    }
    features.write(html);
    let described: Vec<&str> = summary
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| !summary.features.iter().any(|feature| feature == name))
        .collect();
    if !described.is_empty() {
        html.element("p", &[], &format!("Described, and without influence on the segments: {}.", described.join(", ")));
    }
    if !summary.dropped.is_empty() {
        html.element("h3", &[], "Rows left out");
        let mut dropped = Table::new("Rows left out and why", vec![Cell::text("Reason"), Cell::heading("Rows")]);
        for reason in &summary.dropped {
            dropped.rows.push(vec![Cell::text(&reason.reason), Cell::number(count(reason.rows), reason.rows as f64)]);
        }
        dropped.write(html);
    }
    if !summary.warnings.is_empty() {
        html.element("h3", &[], "Warnings");
        html.within("ul", &[], |html| summary.warnings.iter().for_each(|text| html.element("li", &[], text)));
    }
}

pub(super) fn how(html: &mut Html, page: &Page) {
    html.within("dl", &[("class", "made")], |html| {
        let metrics = method::metrics(page.summary).into_iter().map(|(name, value)| (name, figure(value)));
        for (name, value) in method::steps(page.summary).into_iter().chain(metrics) {
            html.within("div", &[], |html| {
                html.element("dt", &[], name);
                html.element("dd", &[], &value);
            });
        }
    });
    for note in method::NOTES {
        html.element("p", &[("class", "note")], note);
    }
}
