//! `segmint demo`: generated customers with planted groups through the whole pipeline, so that a newcomer sees a
//! published run before having any data at hand.

use std::path::PathBuf;

use clap::Args;

use super::generate::ROWS_MAX;
use super::run::{OutputFlag, near, perform};
use super::settings::EngineFlags;
use super::stop;
use super::talk::Talk;
use crate::error::{Error, Kind, Result};
use crate::job::{self, Flag};
use crate::source::generate::{self, Layout};

/// Where the demo's run goes unless somebody says otherwise. It is the demo's own, so it is replaced.
const OUT: &str = "runs/demo";

/// Seed of the generated customers.
const SEED: u64 = 42;

/// The ten features of a planted customer. What has a long tail is clustered on its logarithm.
const FEATURES: &str = "recency:log1p,frequency:log1p,monetary:log1p,tenure,return_rate,discount_usage,\
                        satisfaction_score,avg_time_site_min,support_calls,engagement_rate";

#[derive(Args, Debug)]
#[command(after_help = "\
The customers stay beside the run, for trying other commands on them:
  segmint demo
  segmint init runs/demo-customers-500000.parquet")]
pub struct DemoArgs {
    /// Customers to generate
    #[arg(long, value_name = "N", default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(5..=ROWS_MAX))]
    rows: u64,
    /// Folder to publish the result in [default: runs/demo, where an earlier demo is replaced]
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    out: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineFlags,
    #[command(flatten)]
    output: OutputFlag,
}

pub fn run(args: &DemoArgs, talk: &Talk) -> anyhow::Result<()> {
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(OUT));
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(format!("-customers-{}.parquet", args.rows));
    let data = out.with_file_name(name);
    generate_once(&data, args.rows, talk)?;

    let mut flags: Vec<Flag> = vec![
        ("source.path", text(&data)?),
        ("source.id", "customer_id".to_owned()),
        ("feature", FEATURES.to_owned()),
        ("cluster.k", "5".to_owned()),
        ("persona.playbook", "behaviour".to_owned()),
        ("persona.value", "monetary".to_owned()),
        ("profile.units", "recency=days,tenure=days,avg_time_site_min=minutes".to_owned()),
        ("output.path", text(&out)?),
        ("output.overwrite", args.out.is_none().to_string()),
    ];
    flags.extend(args.engine.flags());
    let mut around = super::surroundings()?;
    around.variables.retain(|name, _| job::SETTINGS.iter().any(|s| s.section() == "engine" && s.variable == name));
    let resolved = job::resolve(None, &flags, &around)?;
    perform(&resolved, args.output, talk)
}

fn text(path: &std::path::Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| Error::new(Kind::Usage, "the folder's name is not UTF-8"))
}

/// A file of that name holds these very customers: they depend on the seed and their row number alone, and a file
/// appears when it is complete.
fn generate_once(data: &std::path::Path, rows: u64, talk: &Talk) -> Result<()> {
    if data.is_file() {
        talk.note(&format!("customers: {}, from an earlier demo", near(data)));
        return Ok(());
    }
    let observe = talk.observe(stop::on_signals()?);
    generate::write(data, generate::Kind::Planted, 0..rows, SEED, &Layout::default(), &observe)?;
    talk.note(&format!("customers: {}", near(data)));
    Ok(())
}
