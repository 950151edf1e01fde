//! `report.html`: one file that opens offline, in any browser, on a phone and on paper, light and dark.
//!
//! Everything in it comes from what is handed over: this folder turns figures into words, tables and lines, and knows no
//! clock, host, device or path, so that its bytes are the same wherever it was made. A section stands there when its
//! figures exist; there is no empty frame. Charts are static SVG drawn here, sized in percent so that their text keeps
//! its size on a phone, with the table of their figures behind each.

mod card;
mod head;
mod heat;
mod lines;
mod made;
mod map;
mod opening;
mod spread;
mod table;
mod writer;

use self::writer::Html;
use super::summary::Summary;
use crate::profile::Map;

/// Segments that one chart shows; more could not be told apart. Tables have all of them.
const CHART_SEGMENTS_MAX: usize = 12;

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

const SECTIONS: &[Section] = &[
    Section { id: "overview", title: "Overview", has_figures: |_| true, write: opening::overview },
    Section { id: "segments", title: "Segments", has_figures: |_| true, write: card::cards },
    Section { id: "differences", title: "What sets them apart", has_figures: heat::has_figures, write: heat::write },
    Section { id: "profiles", title: "Profiles side by side", has_figures: lines::has_figures, write: lines::write },
    Section { id: "map", title: "Map of the customers", has_figures: map::has_figures, write: map::write },
    Section { id: "spread", title: "How the figures spread", has_figures: spread::has_figures, write: spread::write },
    Section { id: "not-found", title: "Personas not found", has_figures: made::has_not_found, write: made::not_found },
    Section { id: "data", title: "Features and data", has_figures: |_| true, write: made::data },
    Section { id: "made", title: "How it was made", has_figures: |_| true, write: made::how },
];

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

/// Says that a chart shows the largest segments only, where it does.
fn shown_only(html: &mut Html, page: &Page) {
    let k = page.summary.clusters.len();
    if k > CHART_SEGMENTS_MAX {
        html.element(
            "p",
            &[("class", "note")],
            &format!("The {CHART_SEGMENTS_MAX} largest of {k} segments are drawn; the table has all of them."),
        );
    }
}
