//! `segmint init`: looks at a Parquet file and writes a job file that runs as it is, each choice explained by a
//! comment. It never replaces a file.

mod advice;
mod look;

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use self::advice::Choice;
use self::look::Seen;
use super::printer;
use super::run::near;
use super::stop;
use super::talk::{Talk, grouped};
use crate::error::{Error, Kind, Place, Result};
use crate::job::{self, Missing, Transform, Written, quoted};
use crate::report::terminal;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  segmint init customers.parquet                  writes customers.toml
  segmint init 'customers/*.parquet' nightly.toml

It reads the data once (and the id column once more), looks at names, spreads and gaps, and changes nothing.")]
pub struct InitArgs {
    /// A Parquet file, folder or quoted glob
    #[arg(value_name = "DATA")]
    data: String,
    /// The job file to write; it must not exist [default: the data's name with .toml, in the current folder]
    #[arg(value_name = "JOB.toml")]
    job: Option<PathBuf>,
}

pub fn run(args: &InitArgs, talk: &Talk) -> anyhow::Result<()> {
    let job = args.job.clone().unwrap_or_else(|| default_name(&args.data));
    if job.extension().is_none_or(|end| end != "toml") {
        return Err(Error::new(Kind::Usage, format!("{}: a job file's name ends in .toml", job.display())).into());
    }
    let exists = || {
        Error::new(Kind::Output, "the file exists already; init never replaces one")
            .at(Place { file: Some(job.display().to_string()), ..Place::default() })
            .hint(format!("give another name: segmint init {} other.toml", args.data))
    };
    if job.exists() {
        return Err(exists().into());
    }
    let around = super::surroundings()?;
    let path = around.absolute(&args.data);
    let seen = look::look(&path, &talk.observe(stop::on_signals()?))?;
    talk.clear();
    // A path that stands in a job file starts from the file's folder.
    let beside = job.parent().is_none_or(|folder| folder.as_os_str().is_empty());
    let text = compose(&seen, if beside { &args.data } else { &path })?;
    // What is written must run: a job file of ours that does not load is our bug.
    let written = Written::parse(&text, "the new job file", Path::new(""))?;
    job::resolve(Some(written), &[], &around.without_variables())
        .map_err(|error| Error::bug(format!("the job file does not load: {error}")))?;
    let file = OpenOptions::new().write(true).create_new(true).open(&job);
    let mut file = file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(),
        _ => Error::new(Kind::Output, format!("{} cannot be created", job.display())).because(error),
    })?;
    file.write_all(text.as_bytes()).map_err(|error| Error::io("write", job.display(), error))?;
    printer::result(&format!("{}\n", terminal(&near(&job))))?;
    talk.note(&format!("next: segmint run {}", near(&job)));
    Ok(())
}

/// `customers.parquet`, `customers/` and `customers/*.parquet` all give `customers.toml`.
fn default_name(data: &str) -> PathBuf {
    let plain = |part: &&str| !part.is_empty() && !part.contains(['*', '?', '[']) && *part != "." && *part != "..";
    let name = data.split(['/', '\\']).rfind(plain).unwrap_or("customers");
    let stem = Path::new(name).file_stem().map_or_else(|| name.into(), |stem| stem.to_string_lossy());
    PathBuf::from(format!("{stem}.toml"))
}

fn compose(seen: &Seen, path: &str) -> Result<String> {
    let mut text = String::new();
    let mut say = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    say(&format!("# Customer segments of {} customers. Start it with: segmint run THIS_FILE", grouped(seen.n_rows)));
    say(
        "# Written by segmint init. Every line may be changed; `segmint run THIS_FILE --show-job` shows all settings.\n",
    );
    say("[source]");
    say(&format!("path = {}", quoted(path)));
    match &seen.id {
        Some(id) if id.compared => say(&format!("id = {:<28} # no value occurs twice", quoted(&id.column))),
        Some(id) => say(&format!("id = {:<28} # by its name; too many rows to compare here", quoted(&id.column))),
        None => say("# no id: no column tells all customers apart, so the row number does"),
    }
    let chosen: Vec<_> = seen.numbers.iter().map(|numbers| (numbers, advice::choose(numbers, seen.n_rows))).collect();
    let mut n_features = 0;
    for (numbers, choice) in &chosen {
        if let Choice::Feature { transform, missing, why } = choice {
            n_features += 1;
            say(&format!("\n[[feature]]\ncolumn = {:<24} # {}", quoted(&numbers.column), why));
            if *transform == Transform::Log1p {
                say("transform = \"log1p\"");
            }
            if *missing == Missing::Median {
                say("missing = \"median\"");
            }
        }
    }
    if n_features == 0 {
        return Err(Error::bad_data("no column can be clustered on").hint(
            "a feature is a column of numbers that differ between customers; write a job file by hand, or add columns",
        ));
    }
    leftovers(&mut text, seen, &chosen);
    let (k, why) = advice::k(seen.n_rows);
    let _ = write!(
        text,
        "\n[cluster]\nk = {k:<29} # {why}\nn_init = 10{:<22} # restarts, of \
         which the best is kept\n\n[persona]\nplaybook = \"rfm\"                  # names clusters by recency, frequency \
         and monetary value\n",
        ""
    );
    if let Some(value) = advice::value_column(seen) {
        let _ = writeln!(text, "value = {:<25} # shares of value are computed from this column", quoted(value));
    } else {
        text.push_str("# value: no column sounds like money; name one here to see each segment's share of it\n");
    }
    let described: Vec<String> = chosen
        .iter()
        .filter(|(_, choice)| matches!(choice, Choice::Described { .. }))
        .map(|(numbers, _)| quoted(&numbers.column))
        .collect();
    if !described.is_empty() {
        let _ = write!(text, "\n[profile]\ncolumns = [{}] # described, not clustered on\n", described.join(", "));
    }
    text.push_str("\n# The result goes to runs/<today>, below the folder segmint is started in. To choose a place:\n");
    text.push_str("# [output]\n# path = \"runs/first\"\n");
    Ok(text)
}

/// The columns that are not clustered on, each with its reason.
fn leftovers(text: &mut String, seen: &Seen, chosen: &[(&look::Numbers, Choice)]) {
    let mut lines = Vec::new();
    for (numbers, choice) in chosen {
        if let Choice::Described { why } | Choice::LeftOut { why } = choice {
            lines.push(format!("#   {}: {why}", terminal(&numbers.column)));
        }
    }
    lines.extend(seen.others.iter().map(|(name, kind)| format!("#   {}: it is {}", terminal(name), terminal(kind))));
    if !lines.is_empty() {
        let _ = write!(text, "\n# Not clustered on:\n{}\n", lines.join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_file_is_called_like_the_data() {
        for data in ["customers.parquet", "a/customers.parquet", "customers/", "./customers/*.parquet", "*.parquet"] {
            assert_eq!(default_name(data), Path::new("customers.toml"), "{data}");
        }
    }
}
