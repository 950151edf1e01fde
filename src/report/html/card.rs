//! A card per segment: who they are, what the figures are, why it is called so, what to do about it.

use super::Page;
use super::table::{Cell, Table, chip, colour};
use super::writer::Html;
use crate::persona::Basis;
use crate::report::build::word;
use crate::report::figures::{count, figure, lift, or_dash, share};
use crate::report::summary::{ClusterSummary, Guide, Summary};

pub(super) fn cards(html: &mut Html, page: &Page) {
    for cluster in &page.summary.clusters {
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
                    figures(page.summary, cluster).write(html);
                    evidence(html, cluster);
                });
                if let Some(guide) = &cluster.guide {
                    html.within("div", &[], |html| what_to_do(html, guide));
                }
            });
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
        if let Some(mean) = summary.value.as_ref().and_then(|value| cluster.means.get(value).copied().flatten()) {
            fact(&format!("Average {}", summary.value.as_deref().unwrap_or_default()), &figure(mean));
        }
        if let Some(guide) = cluster.guide.as_ref().filter(|guide| !guide.priority.is_empty()) {
            fact("Priority", &guide.priority);
        }
    });
}

fn figures(summary: &Summary, cluster: &ClusterSummary) -> Table {
    let head = vec![
        Cell::text("Average"),
        Cell::heading("This segment"),
        Cell::heading("All customers"),
        Cell::heading("Lift"),
    ];
    let mut table = Table::new(format!("Figures of {}", cluster.persona), head);
    for column in &summary.columns {
        let own = cluster.means.get(&column.name).copied().flatten();
        let apart = cluster.lifts.get(&column.name).copied().flatten();
        table.rows.push(vec![
            Cell::text(&column.name),
            Cell::number(or_dash(own, figure), own),
            Cell::number(or_dash(column.mean, figure), column.mean),
            Cell::Heat(or_dash(apart, lift), apart),
        ]);
    }
    table
}

fn evidence(html: &mut Html, cluster: &ClusterSummary) {
    if cluster.evidence.is_empty() {
        return;
    }
    html.element("h4", &[], "Why this name");
    if cluster.basis == Basis::Descriptive {
        html.element("p", &[], "No persona of the playbook fits; the name says what sets the segment apart.");
    }
    html.within("ul", &[("class", "evidence")], |html| {
        cluster.evidence.iter().for_each(|reason| html.element("li", &[], reason));
    });
    if let Some(second) = &cluster.second_persona {
        html.element("p", &[], &format!("It fits “{second}” as well."));
    }
}

fn what_to_do(html: &mut Html, guide: &Guide) {
    html.element("h4", &[], "What to do");
    html.element("p", &[("class", "objective")], &guide.objective);
    for tactic in &guide.tactics {
        html.element("h5", &[], &tactic.title);
        html.within("ul", &[], |html| tactic.actions.iter().for_each(|action| html.element("li", &[], action)));
    }
    if !guide.kpis.is_empty() {
        html.element("h4", &[], "What to measure");
        html.within("ul", &[], |html| {
            for kpi in &guide.kpis {
                match &kpi.target {
                    Some(target) => html.element("li", &[], &format!("{}: {target}", kpi.name)),
                    None => html.element("li", &[], &kpi.name),
                }
            }
        });
    }
    html.element("h4", &[], "Why it matters");
    let value = &guide.business_value;
    html.element("p", &[], &format!("Business value {}: {}.", word(&value.rating), value.reason.trim_end_matches('.')));
}
