//! `segmint bench`: honest timings, with the limit beside them. One pass of an engine over a matrix in memory, an exact
//! silhouette of it, a fit from a spill file, or the whole job from Parquet to a published run folder. Peers are measured
//! by separate scripts.

mod bandwidth;
mod matrix;
mod silhouette;
mod spill;
mod step;
mod whole;

use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

pub use self::matrix::matrix as made_up_matrix;
use super::printer;
use super::run::{OutputFlag, OutputForm};
use super::stop;
use super::talk::{Talk, grouped};
use crate::error::{Error, Result};
use crate::grid::{CLUSTERS_MAX, FEATURES_MAX};
use crate::report::terminal;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  segmint bench --what step --rows 500000 --features 10 --k 5 --device cpu
  segmint bench --what step --device all
  segmint bench --what run --rows 1000000 --k 5
  segmint bench --what silhouette --rows 100000 --features 10 --k 5
  segmint bench --what spill --rows 200000000 --features 10 --k 5 --memory 4GiB --spill FOLDER
  segmint bench --what step --data customers.parquet --id customer_id --k 8

step: the time of one pass over all rows, the mean over twenty Lloyd iterations from seeds, and the median and the
best of several such fits. `bandwidth share` compares the bytes of the matrix per pass with what this machine's
memory gives. run: from a Parquet file of generated customers to a published run folder, synced to the disk.
silhouette: exact, every row against every row.
spill: rows made straight into a file, as a run keeps them that memory has no room for; seeds, the
passes of one fit and the labels at the end, with the peak resident set.")]
pub struct BenchArgs {
    /// One pass over a matrix in memory, the whole job, an exact silhouette, or a fit from a spill file
    #[arg(long, value_enum, default_value_t = What::Step)]
    what: What,
    #[arg(long, value_name = "N", default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(2..=1_000_000_000))]
    /// Customers to generate
    rows: u64,
    /// Features; a whole job has at most the ten of a generated customer
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=FEATURES_MAX as u64))]
    features: u64,
    /// A Parquet file, folder or quoted glob to measure on, instead of generated customers: all its numeric columns
    #[arg(long, value_name = "DATA", conflicts_with_all = ["rows", "features"])]
    data: Option<String>,
    /// The column of the data that names a customer
    #[arg(long, value_name = "COLUMN", requires = "data")]
    id: Option<String>,
    /// Clusters
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=CLUSTERS_MAX as u64))]
    k: u64,
    /// Models that advance together in one pass; restarts, for a whole job
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    models: u64,
    /// cpu, gpu, auto, a part of an adapter's name, or all: the CPU and every adapter
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    device: String,
    /// CPU threads; 0 takes all cores
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=4096))]
    threads: u64,
    /// Fits, jobs or silhouettes to time, after one that is not timed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    repeats: Option<u64>,
    /// Memory that a fit from a spill file may use
    #[arg(long, value_name = "SIZE", default_value = "4GiB")]
    memory: String,
    /// Folder of the spill file [default: the system's for temporary files]
    #[arg(long, value_name = "FOLDER")]
    spill: Option<String>,
    #[command(flatten)]
    output: OutputFlag,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Step,
    Run,
    Silhouette,
    Spill,
}

/// All of a bench, as `--output json` prints it.
#[derive(Debug, Serialize)]
struct Answer {
    segmint: &'static str,
    /// Bytes per second that the threads read from a region of the matrix's size.
    bandwidth: f64,
    /// Where memory is what is measured: the largest resident set of this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_resident_bytes: Option<u64>,
    results: Vec<Timing>,
    /// For people: lines below the table.
    #[serde(skip)]
    notes: Vec<String>,
}

impl Answer {
    fn new(bandwidth: f64, results: Vec<Timing>) -> Self {
        let notes = Vec::new();
        Self { segmint: env!("CARGO_PKG_VERSION"), bandwidth, peak_resident_bytes: None, results, notes }
    }
}

/// One device's timings. Figures nobody can know are null.
#[derive(Debug, Serialize)]
struct Timing {
    what: &'static str,
    device: String,
    /// A GPU interface in front of a CPU: for correctness, never for speed, and not to be compared.
    software: bool,
    rows: u64,
    features: usize,
    k: usize,
    models: usize,
    median_ms: f64,
    min_ms: f64,
    /// Of the first pass, when nothing is known of any row.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_ms: Option<f64>,
    /// Of the panels that a pass reads, or of the Parquet file.
    bytes: u64,
    /// Share of the measured bandwidth that the median pass used; null where the limit was not measured.
    bandwidth_share: Option<f64>,
    /// From a file: its bytes over the median.
    #[serde(skip_serializing_if = "Option::is_none")]
    gigabytes_per_second: Option<f64>,
    repeats_ms: Vec<f64>,
}

pub fn run(args: &BenchArgs, talk: &Talk) -> anyhow::Result<()> {
    let observe = talk.observe(stop::on_signals()?);
    let answer = match args.what {
        What::Step => step::measure(args, &observe, talk)?,
        What::Run => whole::measure(args, &observe, talk)?,
        What::Silhouette => silhouette::measure(args, &observe, talk)?,
        What::Spill => spill::measure(args, &observe, talk)?,
    };
    talk.clear();
    let text = match args.output.form() {
        OutputForm::Json => {
            serde_json::to_string_pretty(&answer).map_err(|error| Error::bug(error.to_string()))? + "\n"
        }
        OutputForm::Table => table(&answer),
    };
    printer::result(&text)?;
    Ok(())
}

/// Median and least of some milliseconds; at least one is given.
fn median_and_least(times: &[f64]) -> (f64, f64) {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    let middle = sorted.len() / 2;
    let median = if sorted.len() % 2 == 1 { at(middle) } else { (at(middle.saturating_sub(1)) + at(middle)) / 2.0 };
    (median, at(0))
}

fn table(answer: &Answer) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "what",
        "device",
        "rows",
        "features",
        "k",
        "models",
        "median ms",
        "best ms",
        "rows/s",
        "bandwidth",
    ]);
    for timing in &answer.results {
        let software = if timing.software { " [software: not a speed]" } else { "" };
        let rate = timing.rows as f64 * 1e3 / timing.median_ms;
        table.add_row([
            timing.what.to_owned(),
            format!("{}{software}", terminal(&timing.device)),
            grouped(timing.rows),
            timing.features.to_string(),
            timing.k.to_string(),
            timing.models.to_string(),
            format!("{:.3}", timing.median_ms),
            format!("{:.3}", timing.min_ms),
            format!("{rate:.3e}"),
            timing.bandwidth_share.map_or("-".to_owned(), |share| format!("{:.0} %", 100.0 * share)),
        ]);
    }
    for index in 2..10 {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let notes: String = answer.notes.iter().map(|note| terminal(note) + "\n").collect();
    format!("{table}\n{notes}measured here: {:.1} GB/s from a region of the matrix's size\n", answer.bandwidth / 1e9)
}

impl BenchArgs {
    /// All sizes fit: clap checked the ranges.
    fn shape(&self) -> Result<(usize, usize, usize, usize)> {
        let fits = |value: u64| usize::try_from(value).map_err(|_| Error::bug("a size beyond this machine"));
        Ok((fits(self.rows)?, fits(self.features)?, fits(self.k)?, fits(self.models)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_between_the_middle_two() {
        assert_eq!(median_and_least(&[3.0]), (3.0, 3.0));
        assert_eq!(median_and_least(&[3.0, 1.0]), (2.0, 1.0));
        assert_eq!(median_and_least(&[9.0, 1.0, 2.0]), (2.0, 1.0));
    }
}
