//! How the values of each column spread inside the segments, as box plots: averages hide that two segments may overlap.

use super::table::{Cell, Table, behind, colour};
use super::writer::Html;
use super::{CARDS_MAX, CHART_SEGMENTS_MAX, Page, percent, shown_only};
use crate::profile::{ColumnProfile, Moments, Quartiles};
use crate::report::figures::{brief, count, or_dash};
use crate::report::summary::Summary;
use crate::report::units::{distance_of, heading, short_of};

/// Columns drawn.
const COLUMNS_MAX: usize = 40;

/// A whisker reaches at most this many times the height of the box beyond it (Tukey).
const WHISKER: f64 = 1.5;

/// Height of a segment's row, in pixels.
const ROW_HEIGHT: f64 = 24.0;

/// Room at the left for the segments' numbers, as part of the width.
const LEFT: f64 = 0.07;

pub(super) fn has_figures(page: &Page) -> bool {
    drawn(page).next().is_some()
}

/// Columns whose boxes have a width.
fn drawn<'a>(page: &Page<'a>) -> impl Iterator<Item = &'a ColumnProfile> {
    page.summary.profile.columns.iter().filter(|column| range(column).is_some()).take(COLUMNS_MAX)
}

pub(super) fn write(html: &mut Html, page: &Page) {
    html.element(
        "p",
        &[],
        "The bar holds the middle half of a segment's customers, the dot is the customer in the middle. The thin line \
         reaches further by at most one and a half times the bar's length, and never beyond the smallest and the largest \
         value. The dotted line is the middle of all customers.",
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
    let unit = column.unit.as_deref();
    html.element("h3", &[], &heading(&column.name, unit));
    let height = format!("{:.0}", ROW_HEIGHT * segments.len() as f64);
    let label = format!("Quartiles of {} by segment", column.name);
    html.picture(&label, ("height", &height), |html| {
        if let Some(quartiles) = column.overall.quartiles {
            let x = across(quartiles.median);
            html.empty("line", &[("class", "middle"), ("x1", &x), ("x2", &x), ("y1", "0"), ("y2", "100%")]);
        }
        for (row, (cluster, figures)) in segments.iter().enumerate() {
            let y = format!("{:.0}", ROW_HEIGHT * (row as f64 + 0.5));
            html.within("g", &[("class", colour(cluster.cluster))], |html| {
                html.empty("circle", &[("class", "fill"), ("cx", "9"), ("cy", &y), ("r", "8.5")]);
                html.element("text", &[("class", "on"), ("x", "9"), ("y", &y)], &cluster.cluster.to_string());
                if let (Some(quartiles), Some(ends)) = (figures.moments.quartiles, whiskers(&figures.moments)) {
                    draw_box(html, &across, &y, quartiles, ends);
                }
            });
        }
    });
    html.within("p", &[("class", "ends")], |html| {
        for end in [low, high] {
            let shown = match page.summary.is_dated(&column.name) {
                true => short_of(page.summary, &column.name, end),
                false => unit.map_or_else(|| brief(end), |unit| format!("{} {unit}", brief(end))),
            };
            html.element("span", &[], &shown);
        }
    });
    behind(html, &table(page, column));
}

fn draw_box(html: &mut Html, across: &impl Fn(f64) -> String, y: &str, quartiles: Quartiles, ends: (f64, f64)) {
    let (x1, x2) = (across(ends.0), across(ends.1));
    html.empty("line", &[("class", "whisker"), ("x1", &x1), ("x2", &x2), ("y1", y), ("y2", y)]);
    let (x1, x2) = (across(quartiles.lower), across(quartiles.upper));
    html.empty("line", &[("class", "range"), ("x1", &x1), ("x2", &x2), ("y1", y), ("y2", y)]);
    html.empty("circle", &[("class", "fill ringed"), ("cx", &across(quartiles.median)), ("cy", y), ("r", "5.5")]);
}

/// How far the thin lines go.
fn whiskers(moments: &Moments) -> Option<(f64, f64)> {
    let Quartiles { lower, upper, .. } = moments.quartiles?;
    let reach = WHISKER * (upper - lower);
    Some(((lower - reach).max(moments.min?), (upper + reach).min(moments.max?)))
}

/// From the lowest to the highest end of a whisker.
fn range(column: &ColumnProfile) -> Option<(f64, f64)> {
    let ends = || column.clusters.iter().filter_map(|figures| whiskers(&figures.moments));
    let low = ends().map(|(from, _)| from).fold(f64::INFINITY, f64::min);
    let high = ends().map(|(_, to)| to).fold(f64::NEG_INFINITY, f64::max);
    (low < high && low.is_finite() && high.is_finite()).then_some((low, high))
}

fn table(page: &Page, column: &ColumnProfile) -> Table {
    let names = [
        "Smallest",
        "Lower quartile",
        "Median",
        "Upper quartile",
        "Largest",
        "Average",
        "Standard deviation",
        "Values",
    ];
    let head = [vec![Cell::text("Segment")], names.map(Cell::heading).to_vec()].concat();
    let mut table = Table::new(format!("{} by segment", heading(&column.name, column.unit.as_deref())), head);
    let cells = |moments: &Moments| cells(page.summary, &column.name, moments);
    for (cluster, figures) in page.summary.clusters.iter().zip(&column.clusters).take(CARDS_MAX) {
        let name = Cell::Segment(cluster.cluster, cluster.persona.clone());
        table.rows.push([vec![name], cells(&figures.moments)].concat());
    }
    table.total = Some([vec![Cell::text("All customers")], cells(&column.overall)].concat());
    table
}

fn cells(summary: &Summary, column: &str, moments: &Moments) -> Vec<Cell> {
    let number = |value: Option<f64>| Cell::number(or_dash(value, |value| short_of(summary, column, value)), value);
    let spread = moments.standard_deviation;
    let quartile = |of: fn(Quartiles) -> f64| number(moments.quartiles.map(of));
    vec![
        number(moments.min),
        quartile(|quartiles| quartiles.lower),
        quartile(|quartiles| quartiles.median),
        quartile(|quartiles| quartiles.upper),
        number(moments.max),
        number(moments.mean),
        Cell::number(or_dash(spread, |spread| distance_of(summary, column, spread)), spread),
        Cell::number(count(moments.count), moments.count as f64),
    ]
}
