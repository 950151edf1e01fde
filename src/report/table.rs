//! The table that a terminal shows at the end of a run.

use comfy_table::{CellAlignment, Table, presets};

use super::escape::terminal;
use super::figures::{count, or_dash, share};
use super::summary::{ClusterSummary, Summary};
use super::units::figure_of;

/// Reasons shown for each name; all of them stand in the report.
const REASONS_MAX: usize = 3;

/// One line per cluster, with the value column where there is one, and the first reasons for each name.
pub fn table(summary: &Summary) -> String {
    let value = summary.value.as_deref();
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let mut head = vec!["#".to_owned(), "segment".to_owned(), "customers".to_owned(), "share".to_owned()];
    if let Some(value) = value {
        head.push(format!("mean {}", terminal(value)));
        head.push("of total".to_owned());
    }
    head.push("because".to_owned());
    let last = head.len() - 1;
    table.set_header(head);
    for cluster in &summary.clusters {
        let mut row =
            vec![cluster.cluster.to_string(), terminal(&cluster.persona), count(cluster.size), share(cluster.share)];
        if let Some(value) = value {
            let mean = cluster.means.get(value).copied().flatten();
            row.push(or_dash(mean, |mean| figure_of(summary, value, mean)));
            row.push(or_dash(cluster.value_share, share));
        }
        row.push(reasons(cluster));
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        if index != 1 && index != last {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// What speaks for a name, without figures: what stands before the colon, one reason of each column.
fn reasons(cluster: &ClusterSummary) -> String {
    let mut told: Vec<&str> = Vec::new();
    let mut reasons: Vec<String> = Vec::new();
    for (at, reason) in cluster.evidence.iter().enumerate() {
        if let Some(condition) = cluster.conditions.get(at) {
            let column = condition.column.as_deref().unwrap_or(&condition.role);
            if condition.speaks_against() || told.contains(&column) {
                continue;
            }
            told.push(column);
        }
        reasons.push(terminal(reason.split_once(": ").map_or(reason.as_str(), |(short, _)| short)));
    }
    reasons.truncate(REASONS_MAX);
    reasons.join(", ")
}
