//! The ways customers go, or should not go, from one persona to another: personas one below the other, wanted ways on
//! the right, unwanted ones on the left, each with a number that the table below explains.

use super::Page;
use super::table::{Cell, Table, colour};
use super::writer::Html;
use crate::report::figures::share;
use crate::report::plan::{Stop, Way, journey, segments};

/// The picture's own units: about pixels of a phone, so that its text keeps its size there.
const WIDTH: f64 = 380.0;
const BOX_LEFT: f64 = 85.0;
const BOX_WIDTH: f64 = 210.0;
const BOX_HEIGHT: f64 = 46.0;
const GAP: f64 = 34.0;

/// How far a way swings out: more for one that passes others.
const SWING: f64 = 34.0;
const SWING_MORE: f64 = 12.0;
const SWING_MAX: f64 = 76.0;

/// Between two ways that end at the same side of a box.
const PORT: f64 = 11.0;

/// Letters of a name that fit a box; the table has the whole of it.
const LETTERS_MAX: usize = 28;

pub(super) fn has_figures(page: &Page) -> bool {
    !journey(page.summary).1.is_empty()
}

pub(super) fn write(html: &mut Html, page: &Page) {
    let (stops, ways) = journey(page.summary);
    html.element(
        "p",
        &[],
        "Where customers may go next, as the playbook sees it: solid ways are wanted, dashed ones are to be prevented. \
         The numbers are those of the table.",
    );
    html.within("figure", &[("class", "journey")], |html| {
        let height = stops.len() as f64 * (BOX_HEIGHT + GAP) - GAP + 2.0;
        let view = format!("0 0 {WIDTH:.0} {height:.0}");
        let label = format!("{} ways between {} personas; the table below names them", ways.len(), stops.len());
        html.picture(&label, ("viewBox", &view), |html| {
            for (number, way) in ways.iter().enumerate() {
                draw_way(html, &ways, number, way);
            }
            for (row, stop) in stops.iter().enumerate() {
                draw_stop(html, row, stop);
            }
        });
    });
    table(&stops, &ways).write(html);
}

/// The top of a persona's box.
fn top(row: usize) -> f64 {
    1.0 + row as f64 * (BOX_HEIGHT + GAP)
}

fn draw_stop(html: &mut Html, row: usize, stop: &Stop) {
    let (x, y) = (format!("{BOX_LEFT:.0}"), format!("{:.0}", top(row)));
    let (width, height) = (format!("{BOX_WIDTH:.0}"), format!("{BOX_HEIGHT:.0}"));
    let class = match stop.clusters.first() {
        Some(&first) => format!("stop {}", colour(first)),
        None => "stop nobody".to_owned(),
    };
    html.within("g", &[("class", &class)], |html| {
        html.empty("rect", &[("x", &x), ("y", &y), ("width", &width), ("height", &height), ("rx", "6")]);
        let middle = format!("{:.0}", BOX_LEFT + BOX_WIDTH / 2.0);
        let line = |at: f64| format!("{:.0}", top(row) + at);
        html.element("text", &[("class", "stop-name"), ("x", &middle), ("y", &line(20.0))], &shortened(stop.persona));
        let who = match stop.clusters {
            [] => "nobody yet".to_owned(),
            clusters => format!("{}, {}", segments(clusters), share(stop.share)),
        };
        html.element("text", &[("class", "axis"), ("x", &middle), ("y", &line(36.0))], &shortened(&who));
    });
}

fn draw_way(html: &mut Html, ways: &[Way], number: usize, way: &Way) {
    let right = way.found.wanted;
    let (edge, out) = if right { (BOX_LEFT + BOX_WIDTH, 1.0) } else { (BOX_LEFT, -1.0) };
    let from = port(ways, way.from, right, number, Ending::Start);
    let to = port(ways, way.to, right, number, Ending::Head);
    let apart = way.from.abs_diff(way.to) as f64;
    let swing = (SWING + SWING_MORE * (apart - 1.0)).min(SWING_MAX);
    let bend = edge + out * swing * 4.0 / 3.0;
    let class = if right { "way wanted" } else { "way unwanted" };
    html.within("g", &[("class", class)], |html| {
        let tip = edge + out * 7.0;
        let curve = format!("M{edge:.1} {from:.1}C{bend:.1} {from:.1} {bend:.1} {to:.1} {tip:.1} {to:.1}");
        html.empty("path", &[("class", "curve"), ("d", &curve)]);
        let head = format!("M{edge:.1} {to:.1}l{:.1} -4v8z", out * 8.0);
        html.empty("path", &[("class", "head"), ("d", &head)]);
        let (x, y) = (format!("{:.1}", edge + out * swing), format!("{:.1}", (from + to) / 2.0));
        html.empty("circle", &[("cx", &x), ("cy", &y), ("r", "9")]);
        html.element("text", &[("class", "on"), ("x", &x), ("y", &y)], &(number + 1).to_string());
    });
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Start,
    Head,
}

/// The height at which a way meets the side of a box. Ways nest: of those from above the nearest comes in highest, of
/// those from below the furthest.
fn port(ways: &[Way], stop: usize, right: bool, number: usize, ending: Ending) -> f64 {
    let mut ends: Vec<(isize, usize, Ending)> = Vec::new();
    let mut end = |other: usize, way: usize, ending: Ending| {
        let below = other as isize - stop as isize;
        // First those above, by their distance; then those below, the furthest first.
        let place = if below < 0 { -below } else { isize::MAX - below };
        ends.push((place, way, ending));
    };
    for (index, way) in ways.iter().enumerate().filter(|(_, way)| way.found.wanted == right) {
        if way.from == stop {
            end(way.to, index, Ending::Start);
        }
        if way.to == stop {
            end(way.from, index, Ending::Head);
        }
    }
    ends.sort_unstable();
    let place = ends.iter().position(|(_, index, end)| *index == number && *end == ending).unwrap_or(0);
    let room = ((BOX_HEIGHT - 8.0) / ends.len() as f64).min(PORT);
    top(stop) + BOX_HEIGHT / 2.0 + room * (place as f64 - (ends.len() as f64 - 1.0) / 2.0)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LETTERS_MAX {
        return text.to_owned();
    }
    text.chars().take(LETTERS_MAX - 1).chain(['…']).collect()
}

fn table(stops: &[Stop], ways: &[Way]) -> Table {
    let texts = ["From", "To", "Wanted", "Trigger", "What to do about it"].map(Cell::text).to_vec();
    let head = [vec![Cell::heading("Way")], texts].concat();
    let mut table = Table::new("Ways between personas", head);
    for (number, way) in ways.iter().enumerate() {
        let name = |stop: usize| Cell::text(stops.get(stop).map_or("", |stop| stop.persona));
        let within = way.found.within.map_or_else(String::new, |window| format!(", within {window}"));
        table.rows.push(vec![
            Cell::number((number + 1).to_string(), number as f64),
            name(way.from),
            name(way.to),
            Cell::text(if way.found.wanted { "yes" } else { "no" }),
            Cell::text(format!("{}{within}", way.found.trigger)),
            Cell::text(&way.found.action),
        ]);
    }
    table
}
