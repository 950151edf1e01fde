//! `segmint export`: the customers of a persona as a list for a campaign tool; stdout is the list where no file is named.

use std::io::{IsTerminal, stdout};
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::printer;
use super::run::near;
use super::stop;
use super::talk::{Talk, grouped};
use crate::error::{Error, Kind};
use crate::export::{Existing, Export, Exported, Format, Wanted};
use crate::report::terminal;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  segmint export runs/cdnow --persona \"Loyal Repeat Buyers\" --out loyal.csv
  segmint export runs/cdnow --cluster 0 --cluster 1 --columns recency,monetary --top 500
  segmint export runs/cdnow --persona \"VIP or High Value\" --out vip.parquet

A list holds the id, persona, second persona, distance and margin, the surest customers first.
In a CSV, a text that a spreadsheet would take for a formula has an apostrophe before it.")]
#[command(group = ArgGroup::new("who").args(["personas", "clusters"]).required(true).multiple(true))]
pub struct ExportArgs {
    /// A run folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// A persona, with all segments that carry it, or one segment by its name; may be repeated
    #[arg(long = "persona", value_name = "NAME")]
    personas: Vec<String>,
    /// A segment by its number; may be repeated
    #[arg(long = "cluster", value_name = "N", value_delimiter = ',')]
    clusters: Vec<usize>,
    /// Columns of the input to add, separated by commas
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    /// The surest so many customers only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    top: Option<u64>,
    /// Where the input lies now, for --columns
    #[arg(long, value_name = "DATA")]
    data: Option<String>,
    /// The file to write; it must not exist [default: stdout]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    /// csv or parquet [default: by the end of the file's name, else csv]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "FORMAT", help_heading = "Output")]
    format: Option<FormatWord>,
    /// Replace the file where it exists
    #[arg(long, requires = "out", help_heading = "Output")]
    overwrite: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatWord {
    Csv,
    Parquet,
}

pub fn run(args: &ExportArgs, talk: &Talk) -> anyhow::Result<()> {
    let format = args.format();
    if format == Format::Parquet && args.out.is_none() && stdout().is_terminal() {
        let error = Error::new(Kind::Usage, "Parquet is nothing to look at on a terminal");
        return Err(error.hint("name a file with --out, or leave --format out").into());
    }
    let wanted = Wanted {
        personas: args.personas.clone(),
        clusters: args.clusters.clone(),
        columns: args.columns.clone(),
        top: args.top,
    };
    let observe = talk.observe(stop::on_signals()?);
    let export = Export::prepare(&args.run, args.data.as_deref(), &wanted, &observe)?;
    let existing = if args.overwrite { Existing::Replace } else { Existing::Refuse };
    let exported = match &args.out {
        Some(path) => Some(export.write_file(format, path, existing, &observe)?),
        None => printer::stream(|out| export.write(format, out, &observe))?,
    };
    talk.clear();
    if let Some(path) = &args.out {
        printer::result(&format!("{}\n", terminal(&near(path))))?;
    }
    exported.iter().for_each(|exported| talk.note(&note(exported)));
    Ok(())
}

impl ExportArgs {
    fn format(&self) -> Format {
        let named = |end: &str| {
            self.out.as_ref().and_then(|out| out.extension()).is_some_and(|own| own.eq_ignore_ascii_case(end))
        };
        match self.format {
            Some(FormatWord::Csv) => Format::Csv,
            Some(FormatWord::Parquet) => Format::Parquet,
            None if named("parquet") => Format::Parquet,
            None => Format::Csv,
        }
    }
}

fn note(exported: &Exported) -> String {
    let segments: Vec<String> = exported.segments.iter().map(|(cluster, name)| format!("{name} ({cluster})")).collect();
    let customers = if exported.customers == 1 { "customer" } else { "customers" };
    format!("{} {customers} of {}", grouped(exported.customers), segments.join(", "))
}
