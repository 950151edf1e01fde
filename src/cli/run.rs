//! `segmint run`: the main job, from Parquet to a published run folder.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::failure::with_injected_panic;
use super::printer;
use super::settings::SettingFlags;
use super::stop;
use super::talk::Talk;
use crate::error::{Error, Kind};
use crate::job::{self, Flag, Resolved, Written};
use crate::pipeline::{self, Outcome};
use crate::report;

#[derive(Args, Debug)]
#[command(
    override_usage = "segmint run [JOB.toml] [DATA] [OPTIONS]",
    after_help = "\
Examples:
  segmint run customers.parquet --id customer_id --k 5
  segmint run nightly.toml
  segmint run nightly.toml customers-new.parquet --out runs/new --overwrite
  segmint run 'customers/*.parquet' --id id --features recency,monetary:log1p --k 4 --device cpu

Flags beat SEGMINT_* variables (SEGMINT_K=5), which beat the job file. `segmint init DATA` writes a job file."
)]
pub struct RunArgs {
    /// A job file, the data (a Parquet file, folder or quoted glob), or both in this order
    #[arg(value_names = ["JOB.toml", "DATA"], num_args = 0..=2)]
    inputs: Vec<String>,
    #[command(flatten)]
    settings: SettingFlags,
    /// Print the job, each value with where it came from, and stop
    #[arg(long, help_heading = "Output")]
    show_job: bool,
    #[command(flatten)]
    output: OutputFlag,
}

#[derive(Args, Debug, Clone, Copy)]
pub struct OutputFlag {
    /// How to print the result on stdout: table or json
    #[arg(long, value_enum, hide_possible_values = true, value_name = "FORM", default_value_t = OutputForm::Table, help_heading = "Output")]
    output: OutputForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    Table,
    Json,
}

impl OutputFlag {
    pub fn form(self) -> OutputForm {
        self.output
    }
}

pub fn run(args: &RunArgs, talk: &Talk) -> anyhow::Result<()> {
    let resolved = resolve(args)?;
    for warning in &resolved.warnings {
        talk.warn(warning);
    }
    if args.show_job {
        printer::result(&job::show(&resolved))?;
        return Ok(());
    }
    perform(&resolved, args.output, talk)
}

/// Runs a job and prints its result.
pub fn perform(resolved: &Resolved, output: OutputFlag, talk: &Talk) -> anyhow::Result<()> {
    let observe = with_injected_panic(talk.observe(stop::on_signals()?));
    let outcome = pipeline::run(&resolved.job, &observe)?;
    talk.clear();
    printer::result(&printed(&outcome, output.form())?)?;
    match outcome.refuted {
        Some(why) => Err(Error::new(Kind::Refuted, format!("the result is published, but {why}")).into()),
        None => Ok(()),
    }
}

fn printed(outcome: &Outcome, form: OutputForm) -> Result<String, Error> {
    match form {
        OutputForm::Json => report::json(&outcome.summary),
        OutputForm::Table => {
            let report = near(&outcome.path.join("report.html"));
            Ok(format!("{}\n\nReport: {}\n", report::table(&outcome.summary), report::terminal(&report)))
        }
    }
}

/// A path as a person would type it from here.
pub fn near(path: &Path) -> String {
    // A job file's paths start from its own folder, so they may climb out of it again.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
    let short = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf));
    short.unwrap_or(path).display().to_string()
}

fn resolve(args: &RunArgs) -> Result<Resolved, Error> {
    let is_job = |input: &String| Path::new(input).extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"));
    let (job_file, data) = match args.inputs.as_slice() {
        [] => (None, None),
        [one] if is_job(one) => (Some(one), None),
        [one] => (None, Some(one)),
        [job_file, data] if is_job(job_file) && !is_job(data) => (Some(job_file), Some(data)),
        _ => {
            return Err(Error::new(Kind::Usage, "more than one place for the data").hint(
                "a job file ends in .toml and comes first; several data files are a folder, or a glob in quotes",
            ));
        }
    };
    let written = job_file.map(|file| Written::read(Path::new(file))).transpose()?;
    let mut flags: Vec<Flag> = args.settings.flags();
    flags.extend(data.map(|data| ("source.path", data.clone())));
    job::resolve(written, &flags, &super::surroundings()?)
}
