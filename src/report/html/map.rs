//! The map: a sample of the customers on the two axes along which they differ most, each in the colour of its segment.

use std::fmt::Write;

use super::table::{Cell, Table, behind, colour, legend};
use super::writer::Html;
use super::{Page, drawn, shown_only};
use crate::profile::{Axis, Map, MapPoint};
use crate::report::figures::{count, share};

/// The picture's own units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 460.0;
const MARGIN: f64 = 14.0;

/// Part of the points that may lie outside of the frame on either side of either axis: a handful of extreme customers
/// would otherwise leave everybody else in one corner.
const OUTSIDE: f64 = 0.005;

/// Features named on an axis.
const NAMED_MAX: usize = 3;

/// A feature is named on an axis when it counts at least half as much as the strongest one.
const NAMED_FROM: f64 = 0.5;

pub(super) fn has_figures(page: &Page) -> bool {
    page.map.is_some() && page.summary.clusters.len() > 1
}

pub(super) fn write(html: &mut Html, page: &Page) {
    let Some(map) = page.map else { return };
    let [across, up] = &map.axes;
    let explained = across.explained + up.explained;
    let who = if (map.points.len() as u64) < page.summary.rows { "A sample of" } else { "All" };
    html.element(
        "p",
        &[],
        &format!(
            "{who} {} customers, placed so that those who are alike lie close together. The two axes are the directions in \
             which customers differ most; they hold {} of all the variance, so segments that overlap here may still be \
             apart in what the map leaves out.",
            count(map.points.len() as u64),
            share(explained),
        ),
    );
    shown_only(html, page);
    html.within("figure", &[("class", "map")], |html| {
        let frame = Frame::of(&map.points);
        let view = format!("0 0 {WIDTH:.0} {HEIGHT:.0}");
        let label = format!("Customers on two axes; across: {}; up: {}", named(page, across), named(page, up));
        html.picture(&label, ("viewBox", &view), |html| {
            for cluster in drawn(page) {
                let dots = dots(map, &frame, cluster.cluster);
                html.empty("path", &[("class", &format!("dots {}", colour(cluster.cluster))), ("d", &dots)]);
            }
            for cluster in drawn(page) {
                let Some((x, y)) = middle(map, cluster.cluster) else { continue };
                let (x, y) = (format!("{:.1}", frame.across(x)), format!("{:.1}", frame.up(y)));
                html.within("g", &[("class", colour(cluster.cluster))], |html| {
                    html.empty("circle", &[("class", "fill ringed"), ("cx", &x), ("cy", &y), ("r", "13")]);
                    html.element("text", &[("class", "on big"), ("x", &x), ("y", &y)], &cluster.cluster.to_string());
                });
            }
        });
        let outside = map.points.iter().filter(|point| !frame.holds(point)).count();
        html.within("figcaption", &[], |html| {
            legend(html, "legend", drawn(page));
            html.element("p", &[], &format!("Across: {}. Up: {}.", named(page, across), named(page, up)));
            if outside > 0 {
                let customers = if outside == 1 { "customer lies" } else { "customers lie" };
                html.element("p", &[], &format!("{} {customers} outside of the frame.", count(outside as u64)));
            }
        });
        behind(html, &loadings(page, map));
        behind(html, &middles(page, map));
    });
}

/// The part of the plane that is shown.
struct Frame {
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    fn of(points: &[MapPoint]) -> Frame {
        let range = |coordinate: fn(&MapPoint) -> f64| {
            let mut values: Vec<f64> = points.iter().map(coordinate).collect();
            values.sort_unstable_by(f64::total_cmp);
            let skipped = (values.len() as f64 * OUTSIDE) as usize;
            let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
            let (low, high) = (at(skipped), at(values.len().saturating_sub(1 + skipped)));
            if high > low { (low, high) } else { (low - 0.5, low + 0.5) }
        };
        Frame { x: range(|point| point.x), y: range(|point| point.y) }
    }

    fn across(&self, x: f64) -> f64 {
        MARGIN + (WIDTH - 2.0 * MARGIN) * ((x - self.x.0) / (self.x.1 - self.x.0)).clamp(0.0, 1.0)
    }

    fn up(&self, y: f64) -> f64 {
        HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * ((y - self.y.0) / (self.y.1 - self.y.0)).clamp(0.0, 1.0)
    }

    fn holds(&self, point: &MapPoint) -> bool {
        (self.x.0..=self.x.1).contains(&point.x) && (self.y.0..=self.y.1).contains(&point.y)
    }
}

/// The customers of a segment as one path: lines of no length, which round ends make dots.
fn dots(map: &Map, frame: &Frame, cluster: usize) -> String {
    let mut path = String::new();
    for point in map.points.iter().filter(|point| usize::from(point.cluster) == cluster && frame.holds(point)) {
        let _ = write!(path, "M{:.1} {:.1}h0", frame.across(point.x), frame.up(point.y));
    }
    path
}

/// The mean of a segment's customers on the map.
fn middle(map: &Map, cluster: usize) -> Option<(f64, f64)> {
    let own: Vec<&MapPoint> = map.points.iter().filter(|point| usize::from(point.cluster) == cluster).collect();
    let n = own.len() as f64;
    let mean = |coordinate: fn(&MapPoint) -> f64| own.iter().map(|point| coordinate(point)).sum::<f64>() / n;
    (!own.is_empty()).then(|| (mean(|point| point.x), mean(|point| point.y)))
}

/// What an axis is mostly made of: "more monetary, less recency".
fn named(page: &Page, axis: &Axis) -> String {
    let mut strongest: Vec<(f64, &String)> = axis.loadings.iter().copied().zip(&page.summary.features).collect();
    strongest.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let from = strongest.first().map_or(0.0, |(loading, _)| loading.abs() * NAMED_FROM);
    let notable = strongest.iter().take(NAMED_MAX).filter(|(loading, _)| loading.abs() >= from);
    let words: Vec<String> =
        notable.map(|(loading, name)| format!("{} {name}", if *loading > 0.0 { "more" } else { "less" })).collect();
    words.join(", ")
}

fn loadings(page: &Page, map: &Map) -> Table {
    let heading =
        |name: &str, axis: &Axis| Cell::heading(format!("{name} ({} of the variance)", share(axis.explained)));
    let [across, up] = &map.axes;
    let mut table = Table::new(
        "What the axes are made of",
        vec![Cell::text("Feature"), heading("Across", across), heading("Up", up)],
    );
    for ((name, x), y) in page.summary.features.iter().zip(&across.loadings).zip(&up.loadings) {
        let cell = |loading: f64| Cell::number(signed(loading), loading);
        table.rows.push(vec![Cell::text(name), cell(*x), cell(*y)]);
    }
    table
}

fn middles(page: &Page, map: &Map) -> Table {
    let head = ["Customers on the map", "Middle, across", "Middle, up"].map(Cell::heading);
    let mut table = Table::new("Where the segments lie", [vec![Cell::text("Segment")], head.to_vec()].concat());
    for cluster in &page.summary.clusters {
        let n = map.points.iter().filter(|point| usize::from(point.cluster) == cluster.cluster).count();
        let found = middle(map, cluster.cluster);
        let cell = |value: Option<f64>| Cell::number(value.map_or("–".to_owned(), signed), value);
        table.rows.push(vec![
            Cell::Segment(cluster.cluster, cluster.persona.clone()),
            Cell::number(count(n as u64), n as f64),
            cell(found.map(|(x, _)| x)),
            cell(found.map(|(_, y)| y)),
        ]);
    }
    table
}

fn signed(value: f64) -> String {
    crate::report::figures::lift(value)
}
