//! `segmint explain`: why a run's segments are what they are, as text, as JSON, or as SQL alone.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::printer;
use super::run::{OutputFlag, OutputForm};
use super::stop;
use super::talk::Talk;
use crate::explain::{Explained, Fineness};
use crate::report::{Tried, explanation, json_text};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  segmint explain runs/cdnow                              why these segments, and their rules
  segmint explain runs/cdnow --playbook lifecycle         what another playbook would call them
  segmint explain runs/cdnow --sql exact                  score new customers in the database
  segmint explain runs/cdnow --sql tree                   the short rules as one CASE")]
pub struct ExplainArgs {
    /// A run folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Print a query, and nothing else; put your table in the place of `customers`
    #[arg(long, value_name = "KIND", conflicts_with_all = ["playbook", "output"])]
    sql: Option<Sql>,
    /// Try this playbook on the finished run: one of ours, or the path of your own
    #[arg(long, value_name = "NAME")]
    playbook: Option<String>,
    /// Where the input lies now: a Parquet file, folder or quoted glob
    #[arg(long, value_name = "DATA")]
    data: Option<String>,
    #[command(flatten)]
    output: OutputFlag,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Sql {
    /// The nearest centroid: decides as segmint does
    Exact,
    /// The short rules: a sketch, at most one line per segment
    Tree,
    /// The finer rules: a better sketch, a few lines more
    FineTree,
}

pub fn run(args: &ExplainArgs, talk: &Talk) -> anyhow::Result<()> {
    let observe = talk.observe(stop::on_signals()?);
    let data = args.data.as_deref();
    let explained = Explained::open(&args.run, data, &observe)?;
    if let Some(sql) = args.sql {
        let text = match sql {
            Sql::Exact => explained.exact_sql()?,
            Sql::Tree => explained.rules_sql(Fineness::Short)?,
            Sql::FineTree => explained.rules_sql(Fineness::Fine)?,
        };
        return Ok(printer::result(&text)?);
    }
    let suggestions = match &args.playbook {
        Some(name) => vec![explained.try_on(name, data, &observe)?],
        None => explained.suggestions()?,
    };
    talk.clear();
    let tried = match suggestions.first() {
        Some(only) if args.playbook.is_some() => Tried::Wanted(only),
        _ => Tried::Ours(&suggestions),
    };
    printer::result(&match args.output.form() {
        OutputForm::Json => json_text(&serde_json::to_string_pretty(&explained.answer(&suggestions))?) + "\n",
        OutputForm::Table => explanation(explained.summary(), tried),
    })?;
    Ok(())
}
