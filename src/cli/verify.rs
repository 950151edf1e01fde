//! `segmint verify`: a run's claims, computed again; exit code 10 where one does not hold.

use std::path::PathBuf;

use clap::Args;

use super::printer;
use super::run::{OutputFlag, OutputForm};
use super::stop;
use super::talk::Talk;
use crate::error::{Error, Kind};
use crate::report::{json_text, terminal};
use crate::verify::{Verdict, verify};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  segmint verify runs/cdnow
  segmint verify runs/cdnow --data data/cdnow.parquet --output json

Ends with 0 where everything holds, and with 10 where something does not.")]
pub struct VerifyArgs {
    /// A run folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Where the input lies now: a Parquet file, folder or quoted glob
    #[arg(long, value_name = "DATA")]
    data: Option<String>,
    /// The playbook file that the run was judged by, where it is your own
    #[arg(long, value_name = "FILE")]
    playbook: Option<String>,
    #[command(flatten)]
    output: OutputFlag,
}

pub fn run(args: &VerifyArgs, talk: &Talk) -> anyhow::Result<()> {
    let observe = talk.observe(stop::on_signals()?);
    let verdict = verify(&args.run, args.data.as_deref(), args.playbook.as_deref(), &observe)?;
    talk.clear();
    printer::result(&match args.output.form() {
        OutputForm::Json => json_text(&serde_json::to_string_pretty(&verdict)?) + "\n",
        OutputForm::Table => page(&verdict),
    })?;
    if verdict.holds() {
        return Ok(());
    }
    Err(Error::new(Kind::Refuted, "the run claims what does not hold").into())
}

fn page(verdict: &Verdict) -> String {
    let mut lines: Vec<String> = Vec::new();
    for check in &verdict.checks {
        let word = if check.wrong == 0 { "holds".to_owned() } else { format!("{} WRONG", check.wrong) };
        lines.push(format!("{word:>10}  {} ({} figures)", check.what, check.figures));
    }
    lines.extend(verdict.findings.iter().map(|finding| terminal(&finding.to_string())));
    lines.extend(verdict.not_checked.iter().map(|what| terminal(&format!("not checked: {what}"))));
    lines.push(format!("{} near ties, decided in integers", verdict.near_ties));
    lines.join("\n") + "\n"
}
