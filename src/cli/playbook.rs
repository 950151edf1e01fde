//! `segmint playbook`: our playbooks as they are, so that a user can read, copy and change one, and their schema.

use clap::Args;

use super::printer;
use crate::persona::{self, Playbook};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  segmint playbook                      our playbooks, a line each
  segmint playbook rfm                  one of them in full: save it as mine.toml, change it
  segmint playbook mine.toml            check one of your own; then: segmint run DATA --playbook mine.toml
  segmint playbook --schema             the JSON Schema, for editors that complete and check TOML")]
pub struct PlaybookArgs {
    /// One of ours, or the path of your own; none: all of ours, a line each
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Print the JSON Schema of playbooks instead
    #[arg(long, conflicts_with = "name")]
    schema: bool,
}

pub fn run(args: &PlaybookArgs) -> anyhow::Result<()> {
    let text = match &args.name {
        _ if args.schema => persona::schema()?,
        Some(name) => Playbook::load(name)?.text,
        None => Playbook::ours()?.iter().map(line).collect(),
    };
    Ok(printer::result(&text)?)
}

fn line(playbook: &Playbook) -> String {
    let personas: Vec<&str> = playbook.personas.iter().map(|persona| persona.name.as_str()).collect();
    format!("{:<12} {}: {}\n", playbook.name, playbook.title, personas.join("; "))
}
