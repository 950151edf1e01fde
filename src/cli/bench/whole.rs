//! The whole job: from a Parquet file of generated customers to a published run folder, synced to the disk.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Answer, BenchArgs, Timing, bandwidth, median_and_least};
use crate::cli::talk::Talk;
use crate::engine::cpu::threads_or_all;
use crate::error::{Error, Kind, Result};
use crate::job::{self, Flag};
use crate::observe::Observe;
use crate::pipeline;
use crate::source::generate::{self, Layout};

const REPEATS: u64 = 3;
const SEED: u64 = 42;

/// The numeric columns of a planted customer.
const COLUMNS: [&str; 10] = [
    "recency",
    "frequency",
    "monetary",
    "tenure",
    "return_rate",
    "discount_usage",
    "satisfaction_score",
    "avg_time_site_min",
    "support_calls",
    "engagement_rate",
];

pub fn measure(args: &BenchArgs, observe: &Observe, talk: &Talk) -> Result<Answer> {
    if args.data.is_some() {
        return Err(Error::new(Kind::Usage, "a whole job on data of your own is `segmint run`")
            .hint("its run.json holds the time of every stage"));
    }
    let (n, d, k, models) = args.shape()?;
    let Some(columns) = COLUMNS.get(..d) else {
        let message = format!("{d} features; a generated customer has {}", COLUMNS.len());
        return Err(Error::new(Kind::Usage, message).hint("`--what step` takes any number of features"));
    };
    if args.device == "all" {
        return Err(Error::new(Kind::Usage, "a whole job runs on one device").hint("name one with --device"));
    }
    let scratch = Scratch::new()?;
    let data = scratch.0.join("customers.parquet");
    let bytes = generate::write(&data, generate::Kind::Planted, 0..args.rows, SEED, &Layout::default(), observe)?.bytes;
    let flags: Vec<Flag> = vec![
        ("source.path", data.to_string_lossy().into_owned()),
        ("source.id", "customer_id".to_owned()),
        ("feature", columns.join(",")),
        ("cluster.k", k.to_string()),
        ("cluster.n_init", models.to_string()),
        ("cluster.tol", "1e-4".to_owned()),
        ("persona.value", columns.get(2).unwrap_or(&"recency").to_string()),
        ("engine.device", args.device.clone()),
        ("engine.threads", args.threads.to_string()),
        ("output.path", scratch.0.join("run").to_string_lossy().into_owned()),
        ("output.overwrite", "true".to_owned()),
    ];
    let resolved = job::resolve(None, &flags, &crate::cli::surroundings()?.without_variables())?;
    let mut times = Vec::new();
    let mut device = String::new();
    let repeats = args.repeats.unwrap_or(REPEATS);
    for repeat in 0..=repeats {
        let started = Instant::now();
        let outcome = pipeline::run(&resolved.job, observe)?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let name = outcome.record.device.get("name").and_then(|name| name.as_str()).unwrap_or_default();
        device = name.to_owned();
        if repeat > 0 {
            talk.note(&format!("job {repeat} of {repeats}: {milliseconds:.1} ms"));
            times.push(milliseconds);
        }
    }
    let (median_ms, min_ms) = median_and_least(&times);
    let timing = Timing {
        what: "run",
        device,
        software: false,
        rows: args.rows,
        features: d,
        k,
        models,
        median_ms,
        min_ms,
        first_ms: None,
        bytes,
        bandwidth_share: None,
        gigabytes_per_second: None,
        repeats_ms: times,
    };
    let threads = threads_or_all(usize::try_from(args.threads).unwrap_or(0));
    let bandwidth = bandwidth::measured((n * d * size_of::<f32>()) as u64, threads);
    Ok(Answer::new(bandwidth, vec![timing]))
}

/// A folder of this process in the system's place for temporary files; gone when the bench is.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch> {
        let folder = std::env::temp_dir().join(format!("segmint-bench-{}", std::process::id()));
        std::fs::create_dir(&folder).map_err(|error| cannot_create(&folder, error))?;
        Ok(Scratch(folder))
    }
}

fn cannot_create(folder: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Output, format!("cannot create {}", folder.display())).because(error)
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
