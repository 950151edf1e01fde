//! The rules as they are asked, question in question, with how well they do behind them.

use super::table::{Cell, Table, behind, segment};
use super::writer::Html;
use super::{CARDS_MAX, Page};
use crate::report::figures::{or_dash, share};
use crate::report::rules::{answers, conditions, fidelity, found, has_finer, how_good, leaves_of, precise, tried_on};
use crate::report::summary::Summary;
use crate::rules::{Node, Rules, Tree};

pub(super) fn has_figures(page: &Page) -> bool {
    page.summary.rules.as_ref().is_some_and(|rules| matches!(rules.short.root, Node::Split { .. }))
}

pub(super) fn write(html: &mut Html, page: &Page) {
    let Some(rules) = &page.summary.rules else { return };
    html.element(
        "p",
        &[],
        "A few questions that lead to nearly the same segments, to tell them apart in one sentence or to pick them in \
         another system. They are a sketch: who belongs where is decided by all figures together.",
    );
    html.within("ul", &[("class", "rules")], |html| node(html, page.summary, &rules.short.root));
    html.element("p", &[("class", "note")], &format!("{} {}", tried_on(rules), how_good(rules)));
    behind(html, &table(page, rules));
}

/// Both answers to a question, each with what follows from it.
fn node(html: &mut Html, summary: &Summary, node_of: &Node) {
    let Node::Split { column, at_most, then, otherwise } = node_of else { return };
    let [within, beyond] = answers(summary, column, *at_most);
    for (answer, next) in [(within, then), (beyond, otherwise)] {
        html.within("li", &[], |html| match &**next {
            Node::Split { .. } => {
                html.element("span", &[], &answer);
                html.within("ul", &[], |html| node(html, summary, next));
            }
            Node::Leaf { cluster, .. } => {
                html.element("span", &[], &format!("{answer}: "));
                segment(html, *cluster, name(summary, *cluster));
            }
        });
    }
}

fn name(summary: &Summary, cluster: usize) -> &str {
    summary.clusters.get(cluster).map_or("", |cluster| &cluster.persona)
}

fn table(page: &Page, rules: &Rules) -> Table {
    let mut head = vec![Cell::text("Segment"), Cell::text("Rule")];
    head.extend(["Finds, of the segment", "Right, of those found"].map(Cell::heading));
    if has_finer(rules) {
        head.extend(["Finer rules find", "Finer rules are right"].map(Cell::heading));
    }
    let mut table = Table::new("How well the rules find each segment", head);
    let part = |part: Option<f64>| Cell::number(or_dash(part, share), part);
    let both = |tree: &Tree, cluster: usize| {
        let fidelity = tree.clusters.get(cluster).copied().unwrap_or_default();
        [part(found(&fidelity)), part(precise(&fidelity))]
    };
    for cluster in page.summary.clusters.iter().take(CARDS_MAX) {
        let leaves = leaves_of(&rules.short, cluster.cluster);
        let rule = leaves.first().map_or_else(|| "none".to_owned(), |leaf| conditions(page.summary, leaf));
        let mut row = vec![Cell::Segment(cluster.cluster, cluster.persona.clone()), Cell::text(rule)];
        row.extend(both(&rules.short, cluster.cluster));
        if has_finer(rules) {
            row.extend(both(&rules.fine, cluster.cluster));
        }
        table.rows.push(row);
    }
    let mut total = vec![Cell::text("All customers"), Cell::text("")];
    let trees = [Some(&rules.short), has_finer(rules).then_some(&rules.fine)];
    for all in trees.into_iter().flatten().map(|tree| fidelity(rules, tree)) {
        total.extend([part(all), part(all)]);
    }
    table.total = Some(total);
    table
}
