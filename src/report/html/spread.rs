//! How the values of each column spread inside the segments: averages hide that two segments may overlap.

use super::table::{Cell, Table, behind, colour};
use super::writer::Html;
use super::{CHART_SEGMENTS_MAX, Page, percent, shown_only};
use crate::profile::{ColumnProfile, Moments};
use crate::report::figures::{figure, or_dash};

/// Columns drawn.
const COLUMNS_MAX: usize = 40;

/// Height of a segment's row, in pixels.
const ROW_HEIGHT: f64 = 24.0;

/// Room at the left for the segments' numbers, as part of the width.
const LEFT: f64 = 0.07;

pub(super) fn has_figures(page: &Page) -> bool {
    drawn(page).next().is_some()
}

/// Columns that take more than one value.
fn drawn<'a>(page: &Page<'a>) -> impl Iterator<Item = &'a ColumnProfile> {
    page.summary.profile.columns.iter().filter(|column| range(column).is_some()).take(COLUMNS_MAX)
}

pub(super) fn write(html: &mut Html, page: &Page) {
    html.element(
        "p",
        &[],
        "The dot is the average of a segment. The bar reaches one standard deviation to either side, as far as there are \
         values.",
    );
    shown_only(html, page);
    html.within("div", &[("class", "small-charts")], |html| {
        for column in drawn(page) {
            html.within("figure", &[], |html| chart(html, page, column));
        }
    });
}

fn chart(html: &mut Html, page: &Page, column: &ColumnProfile) {
    let Some((low, high)) = range(column) else { return };
    let across = |value: f64| percent(LEFT + (0.99 - LEFT) * ((value - low) / (high - low)).clamp(0.0, 1.0));
    let segments: Vec<_> = page.summary.clusters.iter().zip(&column.clusters).take(CHART_SEGMENTS_MAX).collect();
    html.element("h3", &[], &column.name);
    let (height, label) =
        (format!("{:.0}", ROW_HEIGHT * segments.len() as f64), format!("Average and spread of {}", column.name));
    html.within("svg", &[("role", "img"), ("aria-label", &label), ("height", &height)], |html| {
        if let Some(mean) = column.overall.mean.filter(|mean| (low..=high).contains(mean)) {
            let x = across(mean);
            html.empty("line", &[("class", "middle"), ("x1", &x), ("x2", &x), ("y1", "0"), ("y2", "100%")]);
        }
        for (row, (cluster, figures)) in segments.iter().enumerate() {
            let y = format!("{:.0}", ROW_HEIGHT * (row as f64 + 0.5));
            html.within("g", &[("class", colour(cluster.cluster))], |html| {
                html.empty("circle", &[("class", "fill"), ("cx", "9"), ("cy", &y), ("r", "8.5")]);
                html.element("text", &[("class", "on"), ("x", "9"), ("y", &y)], &cluster.cluster.to_string());
                let (Some((from, to)), Some(mean)) = (bar(&figures.moments), figures.moments.mean) else { return };
                let (x1, x2) = (across(from), across(to));
                html.empty("line", &[("class", "range"), ("x1", &x1), ("x2", &x2), ("y1", &y), ("y2", &y)]);
                html.empty("circle", &[("class", "fill ringed"), ("cx", &across(mean)), ("cy", &y), ("r", "5.5")]);
            });
        }
    });
    html.within("p", &[("class", "ends")], |html| {
        html.element("span", &[], &figure(low));
        html.element("span", &[], &figure(high));
    });
    behind(html, &table(page, column));
}

/// One standard deviation around the mean, inside of what occurs.
fn bar(moments: &Moments) -> Option<(f64, f64)> {
    let (mean, spread) = (moments.mean?, moments.standard_deviation?);
    Some(((mean - spread).max(moments.min?), (mean + spread).min(moments.max?)))
}

/// From the lowest to the highest end of a bar.
fn range(column: &ColumnProfile) -> Option<(f64, f64)> {
    let bars = || column.clusters.iter().filter_map(|figures| bar(&figures.moments));
    let low = bars().map(|(from, _)| from).fold(f64::INFINITY, f64::min);
    let high = bars().map(|(_, to)| to).fold(f64::NEG_INFINITY, f64::max);
    (low < high && low.is_finite() && high.is_finite()).then_some((low, high))
}

fn table(page: &Page, column: &ColumnProfile) -> Table {
    let head = ["Average", "Standard deviation", "Smallest", "Largest", "Values"].map(Cell::heading);
    let mut table =
        Table::new(format!("{} by segment", column.name), [vec![Cell::text("Segment")], head.to_vec()].concat());
    for (cluster, figures) in page.summary.clusters.iter().zip(&column.clusters) {
        let name = Cell::Segment(cluster.cluster, cluster.persona.clone());
        table.rows.push([vec![name], cells(&figures.moments)].concat());
    }
    table.total = Some([vec![Cell::text("All customers")], cells(&column.overall)].concat());
    table
}

fn cells(moments: &Moments) -> Vec<Cell> {
    let number = |value: Option<f64>| Cell::number(or_dash(value, figure), value);
    vec![
        number(moments.mean),
        number(moments.standard_deviation),
        number(moments.min),
        number(moments.max),
        Cell::number(crate::report::figures::count(moments.count), moments.count as f64),
    ]
}
