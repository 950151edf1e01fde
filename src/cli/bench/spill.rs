//! A matrix that lies in a spill file, from beginning to end: made straight into the file, seeded, fitted and labelled from
//! it. What it shows is that time is a straight line in rows and that the resident set does not follow them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::answer::Timing;
use super::matrix::{fill, hash};
use super::{BenchArgs, Size, What, bandwidth, step};
use crate::cli::talk::Talk;
use crate::engine::cpu::{CpuEngine, threads_or_all};
use crate::engine::{self, DeviceKind, Engine, Settings, Shape, Wanted, gpu};
use crate::error::{Error, Kind, Result};
use crate::grid::{Facts, Matrix, PANEL_ROWS, Panels, WideRows};
use crate::job::{self, ClusterSettings, EngineSettings, Flag};
use crate::kmeans;
use crate::observe::{Event, Observe};
use crate::spill::{Place, Writer};
use crate::store::peak_resident_bytes;

/// Values that are made at a time: sixteen mebibytes.
const STRETCH_VALUES: usize = 4 << 20;

/// Passes of a fit at most; where it ends earlier, it ends.
const ITERATIONS: u32 = 20;

/// A fit ends where centroids move by less than this part of the variance.
const TOL: f64 = 1e-4;

/// Bytes that a row takes beside its values: its key, a label and a runner-up.
const ROW_BYTES: u64 = 12;

/// Bytes of the file that may be resident, and what the program takes.
const WINDOW_BYTES_MAX: u64 = 64 << 20;
const PROGRAM_BYTES: u64 = 64 << 20;

/// A region for the memory's speed: no cache holds it.
const BANDWIDTH_BYTES: u64 = 256 << 20;

pub fn measure(args: &BenchArgs, size: Size, observe: &Observe, talk: &Talk) -> Result<Vec<Timing>> {
    if args.data.is_some() {
        return Err(Error::new(Kind::Usage, "--what spill makes its own rows")
            .hint("a run of your own data with a small --memory uses such a file by itself"));
    }
    let Size { rows: n, features: d, k, models } = size;
    if k > n {
        return Err(Error::new(Kind::Usage, format!("{k} clusters of {n} rows")).hint("ask for at least as many rows"));
    }
    let settings = settings(args)?;
    let (place, beside) = place(&settings, n as u64)?;
    let threads = settings.threads;
    talk.note(&format!("making {n} rows of {d} features in a file in {}", place.folder.display()));
    let (matrix, written) = made(&place, (n, d, k), threads_or_all(threads), observe)?;
    let matrix = Arc::new(matrix.with_beside(beside));
    let file_bytes = matrix.file().map_or(0, |file| file.bytes());

    let mut results = Vec::new();
    for wanted in step::devices(&args.device) {
        let shape = Shape { n_rows: n as u64, n_features: d, n_clusters: k * models, n_models: models };
        let mut engine: Box<dyn Engine> = match &wanted {
            Wanted::Cpu => Box::new(CpuEngine::new(threads, None)),
            _ => engine::open(
                &Settings { wanted, memory: settings.memory, threads, cache: None, clock: gpu::Clock::Off, tune: true },
                shape,
                observe,
            )?,
        };
        let device = engine.device().clone();
        talk.note(&format!("measuring {}", gpu::title(&device)));
        let spent = fit(engine.as_mut(), &matrix, k, models as u32, threads, observe)?;
        let timing = |way: &str, times: &[f64], first_ms| {
            let timing = Timing::new(What::Spill, &gpu::title(&device), n as u64, d, k, models, times.to_vec());
            Timing {
                way: Some(way.to_owned()),
                software: device.kind == DeviceKind::SoftwareGpu,
                first_ms,
                bytes: file_bytes,
                gigabytes_per_second: Some(file_bytes as f64 / timing.median_ms / 1e6),
                peak_resident_bytes: peak_resident_bytes(),
                ..timing
            }
        };
        if results.is_empty() {
            results.push(timing("write", &[written.as_secs_f64() * 1e3], None));
        }
        // The first pass knows no label yet.
        let later = spent.passes.get(1..).filter(|later| !later.is_empty()).unwrap_or(&spent.passes);
        results.push(timing("seed", &[spent.seed], None));
        results.push(timing("pass", later, spent.passes.first().copied()));
        results.push(timing("label", &[spent.label], None));
    }
    // Last, because it takes memory of its own.
    let bandwidth = bandwidth::measured(BANDWIDTH_BYTES, threads_or_all(threads));
    for timing in &mut results {
        timing.bandwidth = Some(bandwidth);
        timing.bandwidth_share = Some(timing.bytes as f64 * 1e3 / timing.median_ms / bandwidth);
    }
    Ok(results)
}

/// Memory, folder and threads, understood and checked as those of a job are.
fn settings(args: &BenchArgs) -> Result<EngineSettings> {
    let folder = match &args.spill {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().to_string_lossy().into_owned(),
    };
    let flags: Vec<Flag> = vec![
        ("source.path", "made up".to_owned()),
        ("engine.threads", args.threads.to_string()),
        ("engine.memory", args.memory.clone()),
        ("engine.spill", folder),
    ];
    Ok(job::resolve(None, &flags, &crate::cli::surroundings()?.without_variables())?.job.engine)
}

/// Where the file goes, and the bytes that are left for an engine.
fn place(settings: &EngineSettings, n_rows: u64) -> Result<(Place, u64)> {
    let window = WINDOW_BYTES_MAX.min(settings.memory / 16);
    let taken = n_rows * ROW_BYTES + (PROGRAM_BYTES + window).min(settings.memory / 16);
    let Some(beside) = settings.memory.checked_sub(taken) else {
        let message = format!(
            "{n_rows} rows need {} MiB beside the file, and --memory allows {} MiB",
            taken >> 20,
            settings.memory >> 20
        );
        return Err(Error::new(Kind::Usage, message).hint("allow for more memory, or ask for fewer rows"));
    };
    Ok((Place { folder: settings.spill.clone(), window }, beside))
}

/// The matrix of [`made_up_matrix`](super::made_up_matrix) in a file, and how long writing alone took.
fn made(
    place: &Place,
    (n, d, k): (usize, usize, usize),
    threads: usize,
    observe: &Observe,
) -> Result<(Matrix, Duration)> {
    let (n_panels, size) = (n.div_ceil(PANEL_ROWS), d * PANEL_ROWS);
    let mut writing = Duration::ZERO;
    let mut writer = timed(&mut writing, || Writer::create(place, d, n_panels))?;
    let mut facts = Facts { columns: vec![0; d], ..Facts::default() };
    let mut reach = Vec::with_capacity(n_panels);
    let per_thread = (STRETCH_VALUES / threads / size).max(1);
    let mut stretch = vec![0.0f32; (per_thread * threads).min(n_panels) * size];
    for first in (0..n_panels).step_by(per_thread * threads) {
        observe.check_stop()?;
        let panels = &mut stretch[..(per_thread * threads).min(n_panels - first) * size];
        let part = &|number: usize, panels: &mut [f32]| {
            let first = first + number * per_thread;
            let filled = panels.chunks_exact_mut(size).enumerate();
            filled.for_each(|(index, panel)| fill(first + index, panel, n, d, k));
            Matrix::facts_of(d, panels, &[], n.saturating_sub(first * PANEL_ROWS))
        };
        let parts: Vec<(Facts, Vec<f32>)> = std::thread::scope(|scope| {
            let workers: Vec<_> = panels
                .chunks_mut(per_thread * size)
                .enumerate()
                .map(|(number, panels)| scope.spawn(move || part(number, panels)))
                .collect();
            let joined = workers.into_iter().map(|worker| worker.join());
            joined.map(|part| part.map_err(|_| Error::bug("a thread that makes rows ended"))).collect::<Result<_>>()
        })?;
        for (part, far) in parts {
            facts.merge(&part);
            reach.extend(far);
        }
        timed(&mut writing, || writer.append(panels))?;
        observe.event(Event::Progress { stage: "make", done: (first * PANEL_ROWS) as u64, total: n as u64 });
    }
    drop(stretch);
    let file = timed(&mut writing, || writer.finish())?;
    let keys = (0..n as u64).map(hash).collect();
    let matrix = Matrix::assemble(n, d, Panels::File(file), reach, WideRows::default(), None, keys, facts);
    Ok((matrix, writing))
}

/// Does some work and adds up how long it took.
fn timed<T>(total: &mut Duration, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = work();
    *total += started.elapsed();
    done
}

/// Milliseconds of a fit's parts.
struct Spent {
    seed: f64,
    passes: Vec<f64>,
    label: f64,
}

fn fit(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    k: usize,
    models: u32,
    threads: usize,
    observe: &Observe,
) -> Result<Spent> {
    let heard = Arc::new(Mutex::new((0.0, Vec::new())));
    let kept = heard.clone();
    let observe = observe.clone().listen(move |event| {
        let mut heard = kept.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::StageFinished { stage: "seed", milliseconds, .. } => heard.0 = *milliseconds,
            // A race before it is over a few rows.
            Event::StageStarted { stage: "cluster" } => heard.1.clear(),
            Event::PassFinished { milliseconds, .. } => heard.1.push(*milliseconds),
            _ => {}
        }
    });
    let settings = ClusterSettings { n_init: models, max_iter: ITERATIONS, tol: TOL, ..ClusterSettings::plain(k) };
    let mut found = kmeans::sweep(engine, matrix, &settings, None, threads, &observe)?;
    let best = found.pop().ok_or_else(|| Error::bug("a sweep without a candidate"))?;
    let started = Instant::now();
    kmeans::publish(engine, best, &observe)?;
    let label = started.elapsed().as_secs_f64() * 1e3;
    matrix.check()?;
    let (seed, passes) = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Spent { seed, passes, label })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_made_into_a_file_are_those_that_are_made_in_memory() {
        let (n, d, k) = (150_003, 7, 4);
        let place = Place { folder: std::env::temp_dir(), window: 0 };
        for threads in [1, 3] {
            let (filed, _) = made(&place, (n, d, k), threads, &Observe::default()).unwrap();
            let in_memory = super::super::matrix::matrix(n, d, k);
            assert!(filed.visit(0..filed.n_panels()) && filed.panels() == in_memory.panels());
            assert_eq!((filed.reach(), filed.facts()), (in_memory.reach(), in_memory.facts()));
            assert_eq!(filed.keys(), in_memory.keys());
        }
    }

    #[test]
    fn an_engine_finds_the_same_in_a_file_whose_blocks_come_and_go() {
        // Eleven blocks beside a window of four.
        let (n, d, k) = (800_003, 7, 4);
        let place = Place { folder: std::env::temp_dir(), window: 0 };
        let filed = Arc::new(made(&place, (n, d, k), 2, &Observe::default()).unwrap().0);
        let in_memory = Arc::new(super::super::matrix::matrix(n, d, k));
        let mut values = vec![0; k * d];
        values.chunks_exact_mut(d).zip([5, 70_000, 400_000, 799_999]).for_each(|(to, row)| in_memory.row(row, to));
        let model = crate::grid::Centroids::new(0, 0, d, values);
        let found = |matrix: &Arc<Matrix>| {
            let mut engine = CpuEngine::new(3, None);
            engine.load(matrix.clone()).unwrap();
            let first = engine.step(std::slice::from_ref(&model)).unwrap().remove(0);
            let next = model.update(&first);
            let sums = engine.step(std::slice::from_ref(&next)).unwrap();
            (first, sums, engine.assign(&next).unwrap(), engine.farthest(&next, 9).unwrap())
        };
        assert!(found(&filed) == found(&in_memory));
        filed.check().unwrap();
        let file = filed.file().unwrap();
        assert!(file.bytes() > 8 * crate::spill::BLOCK_BYTES as u64);
    }
}
