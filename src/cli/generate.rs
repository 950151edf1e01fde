//! `segmint generate`: customers at any size, for trying things out and for measuring.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::printer;
use super::run::near;
use super::stop;
use super::talk::{Talk, grouped};
use crate::report::terminal;
use crate::source::generate::{self, Layout};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  segmint generate --rows 500000 --out customers.parquet
  segmint generate --kind recipe --rows 10000000 --seed 7 --out large.parquet

The same kind, seed and row number always give the same customer, whatever the number of rows.")]
pub struct GenerateArgs {
    /// planted: ten features, five groups with their truth in a column; recipe: nine skewed features without groups
    #[arg(long, value_enum, default_value_t = KindWord::Planted)]
    kind: KindWord,
    /// Customers to make
    #[arg(long, value_name = "N", default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1..=ROWS_MAX))]
    rows: u64,
    /// Seed of all random choices
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
    /// Rows per row group of the file
    #[arg(
        long,
        value_name = "N",
        default_value_t = Layout::default().row_group_rows as u64,
        value_parser = clap::value_parser!(u64).range(1..=ROW_GROUP_ROWS_MAX)
    )]
    row_group_rows: u64,
    /// The Parquet file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Ten billion customers are more than there are people.
pub const ROWS_MAX: u64 = 10_000_000_000;

/// A row group is made in memory.
const ROW_GROUP_ROWS_MAX: u64 = 16 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindWord {
    Planted,
    Recipe,
}

pub fn run(args: &GenerateArgs, talk: &Talk) -> anyhow::Result<()> {
    let kind = match args.kind {
        KindWord::Planted => generate::Kind::Planted,
        KindWord::Recipe => generate::Kind::Recipe,
    };
    let layout = Layout { row_group_rows: usize::try_from(args.row_group_rows)?, ..Layout::default() };
    let observe = talk.observe(stop::on_signals()?);
    let written = generate::write(&args.out, kind, 0..args.rows, args.seed, &layout, &observe)?;
    talk.clear();
    printer::result(&format!("{}\n", terminal(&near(&args.out))))?;
    let size = written.bytes as f64 / 1e6;
    talk.note(&format!("{} customers, {size:.1} MB; next: segmint init {}", grouped(written.rows), near(&args.out)));
    Ok(())
}
