//! What people read: the summary of a run, as a page, as Markdown, as a table for the terminal, and as the JSON that
//! others build on.
//!
//! Everything is said from the [`Summary`], and the page's charts from the profile and the map beside it: this room sees
//! no row, makes words and lines of figures that are given, and writes no clock, host, device or path, so that a report is the same wherever it was made. Whatever
//! comes from outside (column names above all) is escaped for where it is shown.

mod because;
mod build;
mod chosen;
mod dates;
mod escape;
mod explanation;
mod figures;
mod guide;
mod html;
mod markdown;
mod method;
mod plan;
mod rules;
mod sentences;
mod summary;
mod table;
mod units;

pub use build::{Facts, summarize};
pub use chosen::reasons;
pub use dates::civil;
pub use escape::{json_text, terminal};
pub use explanation::{Tried, explanation, rule};
pub use html::{Page, html};
pub use markdown::markdown;
pub use sentences::insights;
pub use summary::{
    ChoiceSummary, ClusterSummary, ColumnFigures, Dropped, FeatureSettings, FlowSummary, Metrics, PerName, PersonaFate,
    PlaybookSummary, Selection, SilhouetteSample, StabilitySummary, Summary, VERSION,
};
pub use table::table;

/// What a summary holds of the profile, for whoever reads one.
pub use crate::profile::{CategoryFigures, CategoryProfile, MixFigures, MixOutcome, Moments};

use crate::error::{Error, Result};

/// The summary as `summary.json` has it: safe to print on a terminal, and the same bytes everywhere.
pub fn json(summary: &Summary) -> Result<String> {
    let text = serde_json::to_string_pretty(summary).map_err(|error| Error::bug(error.to_string()))?;
    Ok(json_text(&text) + "\n")
}
