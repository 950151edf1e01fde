//! Why this many segments: the sentences, every score against the number of segments, and the table of all of them.

use super::table::{Cell, Order, Table, colour};
use super::writer::Html;
use super::{Page, percent};
use crate::report::chosen;
use crate::report::figures::{count, figure, or_dash, share};
use crate::report::summary::{ChoiceSummary, Selection, Summary};

/// Height of a chart of one score, in pixels, and what its line keeps from the edges.
const HEIGHT: f64 = 120.0;
const EDGE: f64 = 14.0;

/// Room at either side of a line, as part of the width.
const MARGIN: f64 = 0.05;

/// A figure of every k that has its own small chart.
struct Score {
    name: &'static str,
    /// What a reader should look for.
    better: &'static str,
    of: fn(&Selection) -> Option<f64>,
}

const SCORES: [Score; 7] = [
    score("Silhouette", "higher is better", |one| one.metrics.silhouette),
    score("Simplified silhouette", "higher is better", |one| one.metrics.simplified_silhouette),
    score("Davies-Bouldin index", "lower is better", |one| one.metrics.davies_bouldin),
    score("Calinski-Harabasz index", "higher is better", |one| one.metrics.calinski_harabasz),
    score("Stability: adjusted Rand index", "higher is better", |one| {
        Some(one.metrics.stability.as_ref()?.adjusted_rand_index)
    }),
    score("Gap statistic", "higher is better", |one| one.gap),
    score("Inertia", "look for the bend", |one| Some(one.inertia)),
];

const fn score(name: &'static str, better: &'static str, of: fn(&Selection) -> Option<f64>) -> Score {
    Score { name, better, of }
}

pub(super) fn has_figures(page: &Page) -> bool {
    page.summary.choice.is_some()
}

pub(super) fn write(html: &mut Html, page: &Page) {
    let summary = page.summary;
    let Some(choice) = &summary.choice else { return };
    choice.sentences.iter().for_each(|sentence| html.element("p", &[], sentence));
    html.element("p", &[("class", "note")], &format!("Chosen by the {}.", chosen::criterion(choice.criterion)));
    html.within("div", &[("class", "small-charts")], |html| {
        for score in &SCORES {
            let values: Vec<(usize, f64)> =
                summary.selection.iter().filter_map(|one| Some((one.k, (score.of)(one)?))).collect();
            if values.len() > 1 && !is_doubled(score, summary) {
                html.within("figure", &[], |html| chart(html, score, &values, choice.k));
            }
        }
    });
    table(summary, choice).write(html);
    if let Some(sample) = summary.metrics.silhouette_sample {
        html.element(
            "p",
            &[("class", "note")],
            &format!(
                "The silhouette is estimated from {} customers, each compared with all; for {} segments it lies between \
                 {} and {} with a confidence of 95 %.",
                count(sample.rows),
                choice.k,
                figure(sample.low),
                figure(sample.high)
            ),
        );
    }
    clusters(html, summary);
}

/// The simplified silhouette stands in for the silhouette where there is none.
fn is_doubled(score: &Score, summary: &Summary) -> bool {
    score.name == SCORES[1].name && summary.selection.iter().any(|one| (SCORES[0].of)(one).is_some())
}

/// A score against k, as a line with a point per k.
fn chart(html: &mut Html, score: &Score, values: &[(usize, f64)], chosen: usize) {
    let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), &(_, value)| (a.min(value), b.max(value)));
    let (first, last) = (values[0].0 as f64, values[values.len() - 1].0 as f64);
    let x = |k: usize| percent(MARGIN + (1.0 - 2.0 * MARGIN) * (k as f64 - first) / (last - first).max(1.0));
    let y = |value: f64| {
        let part = if most > least { (value - least) / (most - least) } else { 0.5 };
        format!("{:.1}", HEIGHT - EDGE - (HEIGHT - 2.0 * EDGE) * part)
    };
    html.element("h3", &[], score.name);
    let said: Vec<String> = values.iter().map(|(k, value)| format!("{k}: {}", figure(*value))).collect();
    let label = format!("{} by number of segments: {}", score.name, said.join(", "));
    let height = format!("{:.0}", HEIGHT + 18.0);
    html.within("svg", &[("role", "img"), ("aria-label", &label), ("height", &height)], |html| {
        for pair in values.windows(2) {
            let (x1, x2, y1, y2) = (x(pair[0].0), x(pair[1].0), y(pair[0].1), y(pair[1].1));
            html.empty("line", &[("class", "score"), ("x1", &x1), ("x2", &x2), ("y1", &y1), ("y2", &y2)]);
        }
        for &(k, value) in values {
            let (x, y) = (x(k), y(value));
            let (class, r) = if k == chosen { ("point chosen", "6.5") } else { ("point", "3.5") };
            html.empty("circle", &[("class", class), ("cx", &x), ("cy", &y), ("r", r)]);
            let class = if k == chosen { "axis here" } else { "axis" };
            html.element(
                "text",
                &[("class", class), ("x", &x), ("y", &format!("{:.0}", HEIGHT + 14.0))],
                &k.to_string(),
            );
        }
    });
    html.within("p", &[("class", "ends")], |html| {
        html.element("span", &[], score.better);
        html.element("span", &[], &format!("{} … {}", figure(least), figure(most)));
    });
}

fn table(summary: &Summary, choice: &ChoiceSummary) -> Table {
    let any = |of: fn(&Selection) -> Option<f64>| summary.selection.iter().any(|one| of(one).is_some());
    let scores: Vec<&Score> = SCORES.iter().filter(|score| any(score.of) && !is_doubled(score, summary)).collect();
    let mut head = vec![Cell::heading("Segments")];
    head.extend(scores.iter().map(|score| Cell::heading(score.name)));
    head.extend([Cell::heading("Variance explained"), Cell::heading("Smallest segment")]);
    let jaccard = |one: &Selection| one.metrics.stability.as_ref()?.jaccard.iter().copied().reduce(f64::min);
    let stable = any(jaccard);
    if stable {
        head.push(Cell::heading("Weakest Jaccard"));
    }
    head.push(Cell::text("Verdict"));
    let mut table = Table::new("Scores of every number of segments", head);
    table.order = Order::Sortable;
    for one in &summary.selection {
        let mut row = vec![Cell::number(one.k.to_string(), one.k as f64)];
        row.extend(scores.iter().map(|score| {
            let value = (score.of)(one);
            Cell::number(or_dash(value, figure), value)
        }));
        let explained = one.metrics.explained_variance;
        row.push(Cell::number(or_dash(explained, share), explained));
        row.push(Cell::number(count(one.metrics.smallest), one.metrics.smallest as f64));
        if stable {
            row.push(Cell::number(or_dash(jaccard(one), figure), jaccard(one)));
        }
        row.push(Cell::text(chosen::verdict(one, choice)));
        table.rows.push(row);
    }
    table
}

/// How well each published segment holds together.
fn clusters(html: &mut Html, summary: &Summary) {
    let silhouettes = summary.metrics.cluster_silhouettes.as_deref().unwrap_or_default();
    let jaccard = summary.metrics.stability.as_ref().map_or(&[][..], |stability| &stability.jaccard);
    if silhouettes.is_empty() && jaccard.is_empty() {
        return;
    }
    html.element("h3", &[], "How well each segment holds together");
    if !silhouettes.is_empty() {
        html.within("figure", &[("class", "bars")], |html| {
            html.element(
                "p",
                &[("class", "label")],
                "Silhouette: from −1, at home elsewhere, to 1, far from all others",
            );
            for (cluster, &value) in summary.clusters.iter().zip(silhouettes) {
                let label = format!("{}: {}", cluster.persona, figure(value));
                html.within(
                    "svg",
                    &[("class", "silhouette"), ("role", "img"), ("aria-label", &label), ("height", "22")],
                    |html| {
                        let (from, to) = (0.5 + value.min(0.0) / 2.0, 0.5 + value.max(0.0) / 2.0);
                        let class = format!("fill {}", colour(cluster.cluster));
                        let (x, width) = (percent(from), percent(to - from));
                        html.empty(
                            "rect",
                            &[("class", &class), ("x", &x), ("y", "3"), ("width", &width), ("height", "16")],
                        );
                        html.empty(
                            "line",
                            &[("class", "middle"), ("x1", "50%"), ("x2", "50%"), ("y1", "0"), ("y2", "22")],
                        );
                        html.element("text", &[("x", "0"), ("y", "15")], &cluster.cluster.to_string());
                    },
                );
            }
        });
    }
    let mut head = vec![Cell::text("Segment")];
    if !silhouettes.is_empty() {
        head.push(Cell::heading("Silhouette"));
    }
    if !jaccard.is_empty() {
        head.push(Cell::heading("Jaccard index over the repeats"));
    }
    let mut table = Table::new("How well each segment holds together", head);
    for (at, cluster) in summary.clusters.iter().enumerate() {
        let mut row = vec![Cell::Segment(cluster.cluster, cluster.persona.clone())];
        for values in [silhouettes, jaccard].into_iter().filter(|values| !values.is_empty()) {
            let value = values.get(at).copied();
            row.push(Cell::number(or_dash(value, figure), value));
        }
        table.rows.push(row);
    }
    table.write(html);
}
