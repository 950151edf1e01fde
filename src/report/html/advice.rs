//! What the playbook says about a segment, on its card: what its figures bear out, what to do, what to measure.

use super::table::{Cell, Table};
use super::writer::Html;
use crate::persona::{CURRENCY, Guide, TrackedKpi};
use crate::report::figures::or_dash;
use crate::report::guide::details;
use crate::report::summary::{ClusterSummary, Summary};
use crate::report::units::{measured, of_average};

/// Sentences that hold, and those that are still to be found out.
pub(super) fn insights(html: &mut Html, guide: &Guide) {
    html.element("h4", &[], "Why they matter");
    let value = &guide.business_value;
    html.element("p", &[], &format!("Business value {}: {}.", value.rating, value.reason.trim_end_matches('.')));
    if !guide.insights.is_empty() {
        html.element("h4", &[], "What their figures say");
        html.within("ul", &[], |html| guide.insights.iter().for_each(|insight| html.element("li", &[], insight)));
    }
    if !guide.hypotheses.is_empty() {
        html.element("h4", &[], "What is still to be found out");
        html.within("ul", &[], |html| {
            for open in &guide.hypotheses {
                html.within("li", &[], |html| {
                    html.text(&open.says);
                    html.text(" ");
                    html.element(
                        "span",
                        &[("class", "aside")],
                        &format!("To find out: {}.", open.test.trim_end_matches('.')),
                    );
                });
            }
        });
    }
}

pub(super) fn what_to_do(html: &mut Html, guide: &Guide) {
    html.element("h4", &[], "What to do");
    html.element("p", &[("class", "objective")], &guide.objective);
    html.within("div", &[("class", "tactics")], |html| {
        for tactic in &guide.tactics {
            html.within("div", &[], |html| {
                html.element("h5", &[], &tactic.title);
                html.within("ul", &[], |html| tactic.actions.iter().for_each(|action| html.element("li", &[], action)));
                for detail in details(tactic) {
                    html.element("p", &[("class", "aside")], &detail);
                }
            });
        }
    });
    if !guide.notes.is_empty() {
        html.element("h4", &[], "Mind");
        html.within("ul", &[], |html| guide.notes.iter().for_each(|note| html.element("li", &[], note)));
    }
}

pub(super) fn what_to_measure(html: &mut Html, summary: &Summary, cluster: &ClusterSummary, guide: &Guide) {
    if guide.kpis.is_empty() {
        return;
    }
    html.element("h4", &[], "What to measure");
    // A row of dashes says nothing: what has neither a target nor a figure is named below the table.
    let (rows, bare): (Vec<&TrackedKpi>, Vec<&TrackedKpi>) = guide.kpis.iter().partition(|kpi| is_known(kpi));
    if !rows.is_empty() {
        html.within("div", &[("class", "measure")], |html| tracked(summary, cluster, &rows).write(html));
        origins(html, &rows);
    }
    if !bare.is_empty() {
        let names: Vec<&str> = bare.iter().map(|kpi| kpi.name.as_str()).collect();
        let also = if rows.is_empty() { "Without a target" } else { "Also, without a target" };
        html.element("p", &[("class", "note")], &format!("{also} and not in this table: {}.", names.join("; ")));
    }
}

/// Where targets come from, in one sentence below them: a column of it would push the figures off a phone.
fn origins(html: &mut Html, kpis: &[&TrackedKpi]) {
    let mut origins: Vec<(&str, Vec<&str>)> = Vec::new();
    for kpi in kpis {
        let Some(origin) = kpi.origin.as_deref() else { continue };
        match origins.iter_mut().find(|(known, _)| *known == origin) {
            Some((_, names)) => names.push(&kpi.name),
            None => origins.push((origin, vec![&kpi.name])),
        }
    }
    if !origins.is_empty() {
        let said: Vec<String> =
            origins.iter().map(|(origin, names)| format!("{origin} ({})", names.join(", "))).collect();
        html.element("p", &[("class", "note")], &format!("Where the targets come from: {}.", said.join("; ")));
    }
}

fn is_known(kpi: &TrackedKpi) -> bool {
    kpi.target.is_some() || kpi.baseline.is_some()
}

fn tracked(summary: &Summary, cluster: &ClusterSummary, kpis: &[&TrackedKpi]) -> Table {
    let has_target = kpis.iter().any(|kpi| kpi.target.is_some());
    let has_baseline = kpis.iter().any(|kpi| kpi.baseline.is_some());
    let mut head = vec![Cell::text("Figure")];
    head.extend(has_target.then(|| Cell::text("Target")));
    head.extend(has_baseline.then(|| ["Today", "All customers"].map(Cell::heading)).into_iter().flatten());
    let mut table = Table::new(format!("Figures to watch for {}", cluster.persona), head);
    for kpi in kpis {
        let unit = unit(summary, kpi);
        let target =
            kpi.goal.map(|goal| goal.in_words(unit.or(kpi.unit.as_deref()), kpi.window)).or(kpi.target.clone());
        let own = kpi.baseline.as_ref().map(|baseline| baseline.value);
        let all = kpi.baseline.as_ref().and_then(|baseline| baseline.overall);
        let dated = |value: f64| of_average(summary, &kpi.baseline.as_ref()?.figure, value);
        let shown = |value: f64| dated(value).unwrap_or_else(|| measured(value, unit));
        let figure = |value: Option<f64>| Cell::number(or_dash(value, shown), value);
        let mut row = vec![Cell::text(&kpi.name)];
        row.extend(has_target.then(|| Cell::text(target.unwrap_or_else(|| "–".to_owned()))));
        row.extend(has_baseline.then(|| [own, all].map(figure)).into_iter().flatten());
        table.rows.push(row);
    }
    table
}

/// The unit of a figure to watch; the table's own currency where the job names one.
fn unit<'a>(summary: &'a Summary, kpi: &'a TrackedKpi) -> Option<&'a str> {
    match kpi.unit.as_deref() {
        Some(CURRENCY) => summary.profile.currency.as_deref(),
        unit => unit,
    }
}
