//! One pass of an engine over a matrix in memory, as a fit meets it: the mean over twenty Lloyd iterations from rows
//! spread over the data. Data is made or read, and uploaded, outside the timed part.

use std::sync::Arc;
use std::time::Instant;

use super::answer::Timing;
use super::power::Meter;
use super::{BenchArgs, Size, What, bandwidth, median_and_least};
use crate::cli::talk::Talk;
use crate::engine::cpu::{CpuEngine, multiply_adds_per_second, threads_or_all};
use crate::engine::{self, DeviceKind, Engine, Settings, Shape, Wanted, gpu};
use crate::error::{Error, Kind, Result};
use crate::features;
use crate::grid::{Centroids, Matrix};
use crate::job::{self, Flag};
use crate::observe::Observe;
use crate::source::Source;

/// Iterations of a fit whose mean is one measurement.
pub const ITERATIONS: u32 = 20;
/// Of these, the first ones, in which many rows change cluster.
const EARLY: u32 = 5;
pub const REPEATS: u64 = 11;
/// A fit has more passes than a trial; the others are for drivers that compile for a long time.
const WARM_UPS_MAX: u32 = 20;
/// Most of the matrix that a GPU may keep.
pub const MEMORY: u64 = 8 << 30;

pub fn measure(args: &BenchArgs, size: Size, observe: &Observe, talk: &Talk) -> Result<Vec<Timing>> {
    let matrix = matrix(args, size, observe)?;
    let Size { k, models, .. } = size;
    let threads = args.threads();
    let (n, d) = (matrix.n_rows(), matrix.n_features());
    let bytes = std::mem::size_of_val(matrix.panels()) as u64;
    let bandwidth = bandwidth::measured(bytes, threads_or_all(threads));
    let peak = multiply_adds_per_second(threads_or_all(threads));
    let mut results = Vec::new();
    for wanted in devices(&args.device) {
        let shape = Shape { n_rows: n as u64, n_features: d, n_clusters: k * models, n_models: models };
        let mut engine = open(wanted, threads, shape, observe)?;
        let device = engine.device().clone();
        talk.note(&format!("measuring {}", gpu::title(&device)));
        let repeats = args.repeats.unwrap_or(if device.kind == DeviceKind::SoftwareGpu { 1 } else { REPEATS });
        let mut times = Vec::new();
        let (mut firsts, mut laters) = (Vec::new(), Vec::new());
        let mut of_device = Vec::new();
        let meter = Meter::start();
        warm_up(|| {
            fit(engine.as_mut(), &matrix, k, models, observe)?;
            Ok(engine.is_settled())
        })?;
        for _ in 0..repeats {
            let before = engine.counters().device_nanoseconds;
            let (_, passes) = fit(engine.as_mut(), &matrix, k, models, observe)?;
            times.push(passes.mean);
            firsts.push(passes.first);
            laters.push(passes.later);
            of_device.push(device_ms(engine.as_ref(), before));
        }
        let timing = Timing::new(What::Step, &gpu::title(&device), n as u64, d, k, models, times);
        let timing = Timing {
            software: device.kind == DeviceKind::SoftwareGpu,
            first_ms: Some(median_and_least(&firsts).0),
            later_ms: Some(median_and_least(&laters).0),
            device_ms: known(&of_device),
            variant: engine.variant().map(str::to_owned),
            bytes,
            watts: meter.watts().filter(|_| device.kind == DeviceKind::Cpu),
            ..timing
        };
        results.push(match device.kind {
            DeviceKind::Cpu => timing.with_limits(bandwidth, (n * d * k * models) as f64, peak),
            _ => timing,
        });
    }
    Ok(results)
}

/// A device that passes are timed on, by its own clock too where it has one.
pub fn open(wanted: Wanted, threads: usize, shape: Shape, observe: &Observe) -> Result<Box<dyn Engine>> {
    if wanted == Wanted::Cpu {
        return Ok(Box::new(CpuEngine::new(threads, None)));
    }
    let settings = Settings { wanted, memory: MEMORY, threads, cache: None, clock: gpu::Clock::On, tune: true };
    engine::open(&settings, shape, observe)
}

/// Does once what will be timed, which warms caches and compiles kernels, and goes on until nothing is tried any more.
pub fn warm_up(mut is_settled: impl FnMut() -> Result<bool>) -> Result<()> {
    for _ in 0..WARM_UPS_MAX {
        if is_settled()? {
            break;
        }
    }
    Ok(())
}

/// Milliseconds per pass that a device took by its own clock, in the iterations since then; 0 where it has none.
pub fn device_ms(engine: &dyn Engine, before: u64) -> f64 {
    (engine.counters().device_nanoseconds - before) as f64 / 1e6 / f64::from(ITERATIONS)
}

/// The median, where the device told its time each time.
pub fn known(times: &[f64]) -> Option<f64> {
    let told = !times.is_empty() && times.iter().all(|&time| time > 0.0);
    told.then(|| median_and_least(times).0)
}

/// The matrix to measure on, of the size asked for or of a file; it has a row for every cluster at least.
pub fn matrix(args: &BenchArgs, size: Size, observe: &Observe) -> Result<Arc<Matrix>> {
    let k = size.k;
    let matrix = match &args.data {
        Some(data) => loaded(args, k, data, observe)?,
        None => super::matrix::matrix(size.rows, size.features, k),
    };
    observe.check_stop()?;
    let n = matrix.n_rows();
    if k > n {
        return Err(Error::new(Kind::Usage, format!("{k} clusters of {n} rows")).hint("ask for at least as many rows"));
    }
    Ok(matrix)
}

/// The grid values of a file's customers, every numeric column standardised.
fn loaded(args: &BenchArgs, k: usize, data: &str, observe: &Observe) -> Result<Arc<Matrix>> {
    let mut flags: Vec<Flag> = vec![("source.path", data.to_owned()), ("engine.threads", args.threads.to_string())];
    flags.extend(args.id.iter().map(|id| ("source.id", id.clone())));
    flags.push(("cluster.k", k.to_string()));
    let job = job::resolve(None, &flags, &crate::cli::surroundings()?.without_variables())?.job;
    let source = Source::open(&job.source, observe)?;
    Ok(Arc::new(features::load(&source, &job, observe)?.matrix))
}

/// Milliseconds per pass of a fit.
pub struct Passes {
    /// Over all of them.
    pub mean: f64,
    pub first: f64,
    /// Over those behind the fifth.
    pub later: f64,
}

/// Models after their iterations, and how long these took.
pub fn fit(
    engine: &mut dyn Engine,
    matrix: &Arc<Matrix>,
    k: usize,
    models: usize,
    observe: &Observe,
) -> Result<(Vec<Centroids>, Passes)> {
    // Loading forgets whatever was kept from the fit before.
    engine.load(matrix.clone())?;
    let mut centroids: Vec<Centroids> = (0..models).map(|model| start(matrix, k, model, models)).collect();
    let mut passes = Passes { mean: 0.0, first: 0.0, later: 0.0 };
    for iteration in 0..ITERATIONS {
        observe.check_stop()?;
        let started = Instant::now();
        let sums = engine.step(&centroids)?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        passes.mean += milliseconds / f64::from(ITERATIONS);
        match iteration {
            0 => passes.first = milliseconds,
            1..EARLY => {}
            _ => passes.later += milliseconds / f64::from(ITERATIONS - EARLY),
        }
        centroids = centroids.iter().zip(&sums).map(|(model, sums)| model.update(sums)).collect();
    }
    Ok((centroids, passes))
}

/// Rows spread evenly over the matrix as a start; no two models share one. The peers' scripts start from the same.
pub fn start(matrix: &Matrix, k: usize, model: usize, models: usize) -> Centroids {
    let d = matrix.n_features();
    let mut values = vec![0; k * d];
    for (cluster, centroid) in values.chunks_exact_mut(d).enumerate() {
        let row = (2 * (cluster * models + model) + 1) * matrix.n_rows() / (2 * k * models);
        matrix.row(row, centroid);
    }
    Centroids::new(model as u32, 0, d, values)
}

/// The devices that a word means.
pub fn devices(word: &str) -> Vec<Wanted> {
    match word {
        "all" => {
            let adapters = gpu::adapters().into_iter().map(|adapter| Wanted::Named(adapter.title()));
            std::iter::once(Wanted::Cpu).chain(adapters).collect()
        }
        "auto" => vec![Wanted::Auto],
        "cpu" => vec![Wanted::Cpu],
        "gpu" => vec![Wanted::Gpu],
        name => vec![Wanted::Named(name.to_owned())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warming_up_ends_with_the_trial_or_at_its_limit() {
        let mut done = 0;
        let mut until = |settled: u32| {
            done = 0;
            warm_up(|| {
                done += 1;
                Ok(done >= settled)
            })
            .unwrap();
            done
        };
        assert_eq!([until(0), until(1), until(3), until(1000)], [1, 1, 3, WARM_UPS_MAX]);
        assert!(warm_up(|| Err(Error::bug("stop"))).is_err());
    }

    #[test]
    fn a_devices_time_is_told_only_where_it_was_told_each_time() {
        assert_eq!(known(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(known(&[3.0, 0.0]), None);
        assert_eq!(known(&[]), None);
    }
}
