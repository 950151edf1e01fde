//! What to do when, what to watch, and how the budget is divided.

use super::Page;
use super::table::{Cell, Table, chip};
use super::writer::Html;
use crate::report::plan::{Watched, calendar, watched};

pub(super) fn has_calendar(page: &Page) -> bool {
    !calendar(page.summary).is_empty()
}

/// Three columns side by side, one under the other on a phone.
pub(super) fn write_calendar(html: &mut Html, page: &Page) {
    html.within("div", &[("class", "calendar")], |html| {
        for horizon in calendar(page.summary) {
            html.within("div", &[], |html| {
                html.element("h3", &[], horizon.name);
                if let Some(meaning) = &horizon.meaning {
                    html.element("p", &[("class", "note")], meaning);
                }
                html.within("ul", &[], |html| {
                    for action in &horizon.actions {
                        html.within("li", &[], |html| {
                            if action.clusters.is_empty() {
                                html.element("span", &[("class", "everybody")], "all");
                            }
                            action.clusters.iter().for_each(|&cluster| chip(html, cluster));
                            html.element("span", &[], &action.text);
                        });
                    }
                });
            });
        }
    });
}

pub(super) fn has_watched(page: &Page) -> bool {
    !watched(page.summary).is_empty()
}

pub(super) fn write_watched(html: &mut Html, page: &Page) {
    let all = watched(page.summary);
    let parts: [(&str, Vec<&Watched>); 2] = [
        ("Every run computes", all.iter().filter(|watched| watched.needs.is_none()).collect()),
        ("Needs data that this run was not given", all.iter().filter(|watched| watched.needs.is_some()).collect()),
    ];
    for (title, part) in parts.iter().filter(|(_, part)| !part.is_empty()) {
        html.element("h3", &[], title);
        let mut head = ["Figure", "About"].map(Cell::text).to_vec();
        let is_regular = part.iter().any(|watched| watched.every.is_some());
        head.extend(is_regular.then(|| Cell::text("Every")));
        let needs_data = part.iter().any(|watched| watched.needs.is_some());
        head.extend(needs_data.then(|| Cell::text("Needs")));
        let mut table = Table::new(*title, head);
        for watched in part {
            let about = watched.about.replace("segment ", "segment\u{a0}");
            let mut row = vec![Cell::text(&watched.metric), Cell::text(about)];
            let every = || watched.every.as_deref().unwrap_or("–").replace(' ', "\u{a0}");
            row.extend(is_regular.then(|| Cell::text(every())));
            row.extend(watched.needs.as_deref().map(Cell::text));
            table.rows.push(row);
        }
        table.write(html);
    }
}

pub(super) fn has_budget(page: &Page) -> bool {
    page.summary.clusters.iter().any(|cluster| cluster.guide.as_ref().is_some_and(|guide| guide.budget.is_some()))
}

pub(super) fn write_budget(html: &mut Html, page: &Page) {
    html.element(
        "p",
        &[],
        "The playbook divides the marketing budget over all its personas. Here the personas that were found share the \
         whole of it, in the same proportions; segments of one persona share its part by their sizes.",
    );
    let head = vec![Cell::text("Segment"), Cell::heading("In the playbook"), Cell::heading("Over the segments found")];
    let mut table = Table::new("Budget by segment", head);
    let mut sum = 0.0;
    for cluster in &page.summary.clusters {
        let Some(budget) = cluster.guide.as_ref().and_then(|guide| guide.budget) else { continue };
        sum += budget.of_found;
        table.rows.push(vec![
            Cell::Segment(cluster.cluster, cluster.persona.clone()),
            Cell::number(format!("{:.1} %", budget.of_playbook), budget.of_playbook),
            Cell::number(format!("{:.1} %", budget.of_found), budget.of_found),
        ]);
    }
    table.total = Some(vec![Cell::text("Sum"), Cell::text(""), Cell::number(format!("{sum:.1} %"), sum)]);
    table.write(html);
}
