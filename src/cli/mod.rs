//! The command line: arguments, one file per command, printing. It decides nothing about data: it turns what was typed
//! into a job, hands it to the pipeline, and says what came of it. Nothing below this room prints.

mod bench;
mod demo;
mod devices;
mod explain;
mod export;
mod failure;
mod generate;
mod init;
mod log;
mod playbook;
mod printer;
mod run;
mod settings;
mod stop;
mod talk;
mod verify;

use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Parser, Subcommand};

/// What `bench` and the benches measure on.
#[doc(hidden)]
pub use self::bench::made_up_matrix;
use self::talk::{Talk, TalkFlags};
use crate::engine::gpu;
use crate::error::Result;
use crate::job::Surroundings;
use crate::store;

const EXIT_CODES: &str = "\
Exit codes:
   0  done
   2  the command line cannot be understood
  10  there are results, but a check said no
  65  bad data: a malformed file, a missing value, fewer customers than clusters
  66  no such file, or nothing in it
  69  no usable GPU, though one was demanded
  70  a bug of segmint
  73  the output exists already, cannot be created, or is locked by another run
  74  reading or writing failed
  75  stopped by a signal; nothing was published, run again
  78  the job file is wrong
  99  nothing to do: the same input and job, and the result is there";

/// Customer segments from Parquet files: the same customers give the same segments, on every GPU and CPU, every night.
#[derive(Parser, Debug)]
#[command(
    name = "segmint",
    version,
    after_help = "\
Examples:
  segmint demo                                            see what it does, on generated customers
  segmint init customers.parquet                          write a job file to start from
  segmint run customers.parquet --id customer_id --k 5    cluster without a job file

`segmint help COMMAND` tells all about a command; `segmint --help` lists the exit codes.",
    after_long_help = EXIT_CODES,
    arg_required_else_help = true,
    disable_help_subcommand = false
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    talk: TalkFlags,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// See what segmint does, on generated customers
    Demo(demo::DemoArgs),
    /// Cluster customers and publish the segments
    Run(Box<run::RunArgs>),
    /// Look at the data and write a job file, each choice explained
    Init(init::InitArgs),
    /// Make customers at any size, for trying things out
    Generate(generate::GenerateArgs),
    /// Print one of our playbooks, to read or to start your own from
    Playbook(playbook::PlaybookArgs),
    /// List the customers of a segment, for a campaign tool
    Export(export::ExportArgs),
    /// Compute again what a run claims, by other means
    Verify(verify::VerifyArgs),
    /// Say why the segments of a run are what they are; their rules, also as SQL
    Explain(explain::ExplainArgs),
    /// Show what the machine offers, and why a GPU is not used
    Devices(devices::DevicesArgs),
    /// Measure, with the limit beside the figures
    Bench(bench::BenchArgs),
}

/// Runs the command the process was started with.
pub fn main() -> ExitCode {
    // While there is one thread: later it could not.
    gpu::quiet_drivers();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => {
            // Help and version are answers, everything else is a mistake; a reader that went away is neither.
            let _ = answer.print();
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2));
        }
    };
    let talk = Talk::new(&cli.talk);
    let outcome = failure::guarded(|| match &cli.command {
        Command::Demo(args) => demo::run(args, &talk),
        Command::Run(args) => run::run(args, &talk),
        Command::Init(args) => init::run(args, &talk),
        Command::Generate(args) => generate::run(args, &talk),
        Command::Playbook(args) => playbook::run(args),
        Command::Export(args) => export::run(args, &talk),
        Command::Verify(args) => verify::run(args, &talk),
        Command::Explain(args) => explain::run(args, &talk),
        Command::Devices(args) => devices::run(args, &talk),
        Command::Bench(args) => bench::run(args, &talk),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(failure::report(&error, &talk)),
    }
}

/// What the job room takes from this process.
fn surroundings() -> Result<Surroundings> {
    let now = store::utc(SystemTime::now());
    Surroundings::of_process(now.split('T').next().unwrap_or_default())
}
