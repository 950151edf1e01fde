//! `report.html`: one file that opens offline, in any browser, on a phone and on paper, light and dark.
//!
//! Everything in it comes from what is handed over: this folder turns figures into words, tables and lines, and knows no
//! clock, host, device or path, so that its bytes are the same wherever it was made. A section stands there when its
//! figures exist; there is no empty frame. Charts are static SVG drawn here, sized in percent so that their text keeps
//! its size on a phone, with the table of their figures behind each.

mod advice;
mod card;
mod choice;
mod clustergram;
mod head;
mod heat;
mod journey;
mod lines;
mod made;
mod makeup;
mod map;
mod opening;
mod plan;
mod rules;
mod spread;
mod table;
mod writer;

use self::writer::Html;
use super::summary::{ClusterSummary, Summary};
use crate::profile::Map;

/// Segments that one chart shows; more could not be told apart. Tables have all of them.
const CHART_SEGMENTS_MAX: usize = 12;

/// Segments with a card, and with a row in the tables of single columns: nobody reads more, and a page of thousands of
/// segments would be too large to mail. The summary has all of them, and so have the overview and the heat map.
const CARDS_MAX: usize = 100;

/// What the page is made from.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    pub summary: &'a Summary,
    /// Absent where the features spread in no two directions.
    pub map: Option<&'a Map>,
}

/// A part of the page with its own heading.
struct Section {
    id: &'static str,
    title: &'static str,
    /// Whether its figures exist.
    has_figures: fn(&Page) -> bool,
    write: fn(&mut Html, &Page),
}

/// From what matters most to how it was made.
const SECTIONS: &[Section] = &[
    section("overview", "Overview", |_| true, opening::overview),
    section("segments", "Segments", |_| true, card::cards),
    section("journey", "Ways between personas", journey::has_figures, journey::write),
    section("calendar", "What to do when", plan::has_calendar, plan::write_calendar),
    section("budget", "Budget", plan::has_budget, plan::write_budget),
    section("watch", "What to watch", plan::has_watched, plan::write_watched),
    section("makeup", "Who they are, what they choose", makeup::has_figures, makeup::write),
    section("differences", "What sets them apart", heat::has_figures, heat::write),
    section("profiles", "Profiles side by side", lines::has_figures, lines::write),
    section("spread", "How the figures spread", spread::has_figures, spread::write),
    section("rules", "The segments in rules", rules::has_figures, rules::write),
    section("map", "Map of the customers", map::has_figures, map::write),
    section("choice", "Why this many segments", choice::has_figures, choice::write),
    section("splits", "How segments split", clustergram::has_figures, clustergram::write),
    section("not-found", "Personas not found", made::has_not_found, made::not_found),
    section("data", "Features and data", |_| true, made::data),
    section("made", "How it was made", |_| true, made::how),
];

const fn section(
    id: &'static str,
    title: &'static str,
    has_figures: fn(&Page) -> bool,
    write: fn(&mut Html, &Page),
) -> Section {
    Section { id, title, has_figures, write }
}

/// The report as a page.
pub fn html(page: &Page) -> String {
    let mut html = Html::default();
    html.doctype();
    html.within("html", &[("lang", "en")], |html| {
        head::head(html, "Customer segments");
        html.within("body", &[], |html| {
            opening::header(html, page);
            let sections = || SECTIONS.iter().filter(|section| (section.has_figures)(page));
            html.within("nav", &[("aria-label", "Sections")], |html| {
                for section in sections() {
                    html.element("a", &[("href", &format!("#{}", section.id))], section.title);
                }
            });
            html.within("main", &[], |html| {
                for section in sections() {
                    html.within("section", &[("id", section.id)], |html| {
                        html.element("h2", &[], section.title);
                        (section.write)(html, page);
                    });
                }
            });
            head::script(html);
        });
    });
    html.into_text()
}

/// How far along a chart something lies, as a length of SVG.
fn percent(part: f64) -> String {
    format!("{:.2}%", part * 100.0)
}

/// Says that the largest segments only have a card, where it is so.
fn cards_only(html: &mut Html, page: &Page) {
    let k = page.summary.clusters.len();
    if k > CARDS_MAX {
        let text = format!("The {CARDS_MAX} largest of {k} segments are described; summary.json has all of them.");
        html.element("p", &[("class", "note")], &text);
    }
}

/// The segments that a chart shows.
fn drawn<'a>(page: &Page<'a>) -> &'a [ClusterSummary] {
    let clusters = &page.summary.clusters;
    clusters.get(..CHART_SEGMENTS_MAX).unwrap_or(clusters)
}

/// Says that a chart shows the largest segments only, where it does.
fn shown_only(html: &mut Html, page: &Page) {
    let k = page.summary.clusters.len();
    if k > CHART_SEGMENTS_MAX {
        html.element(
            "p",
            &[("class", "note")],
            &format!("The {CHART_SEGMENTS_MAX} largest of {k} segments are drawn; the table has more of them."),
        );
    }
}
