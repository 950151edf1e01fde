//! `segmint bench`: honest timings, with the limits beside them. One pass of an engine over a matrix in memory, the passes
//! of a whole sweep, an exact silhouette, a fit from a spill file, or the whole job from Parquet to a published run folder;
//! over a grid of shapes, on one device or all, beside what another machine or another day gave. Peers are measured by
//! separate scripts.

mod against;
mod answer;
mod bandwidth;
mod matrix;
mod power;
mod silhouette;
mod spill;
mod step;
mod sweep;
mod whole;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use self::answer::Answer;
pub use self::matrix::matrix as made_up_matrix;
use super::printer;
use super::run::{OutputFlag, OutputForm};
use super::stop;
use super::talk::Talk;
use crate::engine::cpu::threads_or_all;
use crate::error::{Error, Result};
use crate::grid::{CLUSTERS_MAX, FEATURES_MAX};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  segmint bench --what step --rows 500000 --features 10 --k 5 --device cpu
  segmint bench --what step --rows 100000,1000000 --k 5,20 --device all
  segmint bench --what sweep --k 10 --models 10
  segmint bench --what run --rows 1000000 --k 5
  segmint bench --what silhouette --rows 100000 --features 10 --k 5
  segmint bench --what spill --rows 200000000 --features 10 --k 5 --memory 4GiB --spill FOLDER
  segmint bench --what step --data customers.parquet --id customer_id --k 8
  segmint bench --against this-machine.json

step: one pass over all rows, the mean over twenty Lloyd iterations from rows spread over the data. sweep: all models
of k = 2 up to --k with --models restarts each, in one pass for all and in a pass for each. silhouette: exact. run:
from a generated Parquet file to a synced run folder. spill: rows made straight into a file, as a run keeps them for
which memory has no room. Several sizes with commas between them are measured in every combination. `bandwidth` is
the share of what memory gives that a pass needed for the matrix; `peak` that of multiply-adds for distances;
`device ms` is a pass by a GPU's own clock, its dispatches alone.")]
pub struct BenchArgs {
    /// One pass over a matrix in memory, the passes of a sweep, the whole job, an exact silhouette, or a fit from a spill file
    #[arg(long, value_enum, default_value_t = What::Step)]
    what: What,
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "500000", value_parser = clap::value_parser!(u64).range(2..=1_000_000_000))]
    /// Customers to generate
    rows: Vec<u64>,
    /// Features; a whole job has at most the ten of a generated customer
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "10", value_parser = clap::value_parser!(u64).range(1..=FEATURES_MAX as u64))]
    features: Vec<u64>,
    /// A Parquet file, folder or quoted glob to measure on, instead of generated customers: all its numeric columns
    #[arg(long, value_name = "DATA", conflicts_with_all = ["rows", "features"])]
    data: Option<String>,
    /// The column of the data that names a customer
    #[arg(long, value_name = "COLUMN", requires = "data")]
    id: Option<String>,
    /// Clusters; the most of them, for a sweep
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "5", value_parser = clap::value_parser!(u64).range(1..=CLUSTERS_MAX as u64))]
    k: Vec<u64>,
    /// Models that advance together in one pass; restarts, for a sweep and for a whole job
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
    /// What `--output json` printed before, here or elsewhere: shapes that both have are put side by side
    #[arg(long, value_name = "FILE")]
    against: Option<std::path::PathBuf>,
    /// Memory that a fit from a spill file may use
    #[arg(long, value_name = "SIZE", default_value = "4GiB")]
    memory: String,
    /// Folder of the spill file [default: the system's for temporary files]
    #[arg(long, value_name = "FOLDER")]
    spill: Option<String>,
    #[command(flatten)]
    output: OutputFlag,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    Step,
    Sweep,
    Run,
    Silhouette,
    Spill,
}

/// What is measured at a time.
#[derive(Debug, Clone, Copy)]
struct Size {
    rows: usize,
    features: usize,
    k: usize,
    models: usize,
}

pub fn run(args: &BenchArgs, talk: &Talk) -> anyhow::Result<()> {
    let observe = talk.observe(stop::on_signals()?);
    let earlier = args.against.as_deref().map(against::read).transpose()?;
    let threads = threads_or_all(args.threads());
    let mut answer = Answer::of_this_machine(threads);
    for size in args.sizes()? {
        answer.results.extend(match args.what {
            What::Step => step::measure(args, size, &observe, talk)?,
            What::Sweep => sweep::measure(args, size, &observe, talk)?,
            What::Run => whole::measure(args, size, &observe, talk)?,
            What::Silhouette => silhouette::measure(args, size, &observe, talk)?,
            What::Spill => spill::measure(args, size, &observe, talk)?,
        });
    }
    talk.clear();
    let text = match args.output.form() {
        OutputForm::Json => {
            serde_json::to_string_pretty(&answer).map_err(|error| Error::bug(error.to_string()))? + "\n"
        }
        OutputForm::Table => {
            answer.table() + &earlier.map_or(String::new(), |earlier| against::table(&answer, &earlier))
        }
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

impl BenchArgs {
    /// All combinations of the sizes asked for; where a file is measured, its rows and features are its own.
    fn sizes(&self) -> Result<Vec<Size>> {
        let fits = |value: u64| usize::try_from(value).map_err(|_| Error::bug("a size beyond this machine"));
        let models = fits(self.models)?;
        let mut sizes = Vec::new();
        for &rows in &self.rows {
            for &features in &self.features {
                for &k in &self.k {
                    sizes.push(Size { rows: fits(rows)?, features: fits(features)?, k: fits(k)?, models });
                }
            }
        }
        Ok(sizes)
    }

    fn threads(&self) -> usize {
        usize::try_from(self.threads).unwrap_or(0)
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
