//! A card per segment: who they are, what the figures are, and why it is called so. What the playbook advises stands
//! in `advice`.

use super::table::{Cell, Table, behind, chip, colour};
use super::writer::Html;
use super::{CARDS_MAX, Page, advice, cards_only};
use crate::persona::{Asked, Basis, Evidence, Importance};
use crate::report::because::reasons;
use crate::report::figures::{count, figure, lift, or_dash, share};
use crate::report::summary::{ClusterSummary, Summary};
use crate::report::units::{heading, of_column, short_of};

pub(super) fn cards(html: &mut Html, page: &Page) {
    cards_only(html, page);
    for cluster in page.summary.clusters.iter().take(CARDS_MAX) {
        let class = format!("card {}", colour(cluster.cluster));
        html.within("article", &[("class", &class), ("id", &format!("segment-{}", cluster.cluster))], |html| {
            html.within("h3", &[], |html| {
                chip(html, cluster.cluster);
                html.text(" ");
                html.element("bdi", &[], &cluster.persona);
            });
            facts(html, page.summary, cluster);
            if let Some(guide) = cluster.guide.as_ref().filter(|guide| !guide.story.is_empty()) {
                html.element("p", &[("class", "story")], &guide.story);
            }
            html.within("div", &[("class", "columns")], |html| {
                html.within("div", &[], |html| {
                    let figures = figures(page.summary, cluster);
                    if !figures.rows.is_empty() {
                        html.element("h4", &[], "Averages");
                        figures.write(html);
                    }
                });
                html.within("div", &[], |html| {
                    if let Some(guide) = &cluster.guide {
                        advice::insights(html, guide);
                    }
                    if let Some(second) = &cluster.second_persona {
                        html.element("p", &[], &format!("It fits “{second}” as well."));
                    }
                });
            });
            evidence(html, page.summary, cluster);
            if let Some(guide) = &cluster.guide {
                advice::what_to_do(html, guide);
                advice::what_to_measure(html, page.summary, cluster, guide);
            }
        });
    }
}

/// The figures everybody asks for first, large.
fn facts(html: &mut Html, summary: &Summary, cluster: &ClusterSummary) {
    html.within("dl", &[("class", "facts")], |html| {
        let mut fact = |name: &str, value: &str| {
            html.within("div", &[], |html| {
                html.element("dt", &[], name);
                html.element("dd", &[], value);
            });
        };
        fact("Customers", &count(cluster.size));
        fact("Share of customers", &share(cluster.share));
        if let Some(value) = cluster.value_share {
            fact("Share of value", &share(value));
        }
        if let Some(value) = &summary.value
            && let Some(mean) = cluster.means.get(value).copied().flatten()
        {
            fact(&format!("Average {value}"), &of_column(summary, value, mean));
        }
        if let Some(guide) = cluster.guide.as_ref() {
            if !guide.priority.is_empty() {
                fact("Priority", &guide.priority);
            }
            if let Some(budget) = &guide.budget {
                fact("Share of the budget", &format!("{:.1} %", budget.of_found));
            }
        }
    });
}

/// Every described column and every derived figure, against all customers.
fn figures(summary: &Summary, cluster: &ClusterSummary) -> Table {
    let names = ["This segment", "All customers", "Index", "Lift"].map(Cell::heading).to_vec();
    let head = [vec![Cell::text("Average")], names].concat();
    let mut table = Table::new(format!("Averages of {}", cluster.persona), head);
    let index = |value: Option<f64>| Cell::number(or_dash(value, |index| format!("{index:.0}")), value);
    for column in &summary.profile.columns {
        let Some(own) = column.clusters.get(cluster.cluster) else { continue };
        let unit = column.unit.as_deref();
        let mean =
            |value: Option<f64>| Cell::number(or_dash(value, |mean| short_of(summary, &column.name, mean)), value);
        table.rows.push(vec![
            Cell::text(heading(&column.name, unit)),
            mean(own.moments.mean),
            mean(column.overall.mean),
            index(own.index.filter(|_| !summary.is_dated(&column.name))),
            Cell::Heat(or_dash(own.lift, lift), own.lift),
        ]);
    }
    for derived in &summary.profile.derived {
        let Some(own) = derived.clusters.get(cluster.cluster) else { continue };
        let value = |value: Option<f64>| Cell::number(or_dash(value, figure), value);
        table.rows.push(vec![
            Cell::text(heading(&derived.name.replace('_', " "), derived.unit.as_deref())),
            value(own.value),
            value(derived.overall),
            index(own.index),
            Cell::number("–", None),
        ]);
    }
    table
}

/// In sentences, and condition by condition behind them where the name was earned.
fn evidence(html: &mut Html, summary: &Summary, cluster: &ClusterSummary) {
    if cluster.conditions.is_empty() && cluster.evidence.is_empty() {
        return;
    }
    html.element("h4", &[], "Why this name");
    if cluster.basis == Basis::Descriptive {
        html.element("p", &[], "No persona of the playbook fits; the name says what sets the segment apart.");
    }
    html.within("ul", &[("class", "reasons")], |html| {
        for reason in reasons(summary, cluster) {
            // The words are what most people look for; the figures are there for those who doubt.
            let (words, figures) = reason.split_at(reason.find(": ").unwrap_or(reason.len()));
            html.within("li", &[], |html| {
                html.element("span", &[], words);
                html.element("span", &[("class", "aside")], figures);
            });
        }
    });
    if cluster.conditions.is_empty() {
        return;
    }
    let names = ["This segment", "All customers"].map(Cell::heading).to_vec();
    let head = [vec![Cell::text("Condition")], names, vec![Cell::text("Held")]].concat();
    let mut table = Table::new(format!("Conditions of the name {}", cluster.persona), head);
    for evidence in &cluster.conditions {
        let unit = evidence.column.as_deref().and_then(|column| summary.unit(column));
        let shown = |value: f64| match &evidence.column {
            Some(column) => short_of(summary, column, value),
            None => figure(value),
        };
        let cell = |value: Option<f64>| Cell::number(or_dash(value, shown), value);
        let (own, all) = match evidence.asked {
            Asked::Quantile(_) => {
                (evidence.median, evidence.limits.and_then(|limits| limits.at_least.or(limits.at_most)))
            }
            _ => (evidence.mean, evidence.overall_mean),
        };
        table.rows.push(vec![Cell::text(condition(evidence, unit)), cell(own), cell(all), Cell::text(held(evidence))]);
    }
    if let Some(confidence) = cluster.confidence {
        html.element("p", &[("class", "note")], &format!("Confidence {confidence:.2}, of at most 1."));
    }
    behind(html, &table);
}

/// "recency (days) must be low"
fn condition(evidence: &Evidence, unit: Option<&str>) -> String {
    let name = heading(evidence.column.as_deref().unwrap_or(&evidence.role), unit);
    let must = match evidence.importance {
        Importance::Required => "must be",
        Importance::Typical => "is usually",
        Importance::Forbidden => "must not be",
    };
    let of = if matches!(evidence.asked, Asked::Quantile(_)) { "median of " } else { "" };
    format!("{of}{name} {must} {}", evidence.asked)
}

fn held(evidence: &Evidence) -> &'static str {
    match (evidence.margin, evidence.importance) {
        (None, _) => "cannot be told",
        (Some(_), Importance::Forbidden) if evidence.is_so => "no",
        (Some(_), Importance::Forbidden) => "yes",
        (Some(_), _) if evidence.is_so => "yes",
        (Some(margin), _) if margin >= 0.0 && evidence.median.is_some() => "for half, not for most",
        (Some(margin), _) if margin >= 0.0 => "on average, not for most",
        (Some(_), _) => "no",
    }
}
