//! The passes of a sweep: all models of k = 2 up to the largest, with some restarts each, in one pass for all of them; and
//! beside it in a pass for each, which is what fitting them one after the other would take.

use std::time::Instant;

use super::answer::Timing;
use super::power::Meter;
use super::step::{ITERATIONS, REPEATS, device_ms, devices, known, matrix, open, start, warm_up};
use super::{BenchArgs, Size, What, bandwidth};
use crate::cli::talk::Talk;
use crate::engine::cpu::{multiply_adds_per_second, threads_or_all};
use crate::engine::{DeviceKind, Shape, gpu};
use crate::error::{Error, Kind, Result};
use crate::grid::Centroids;
use crate::observe::Observe;

pub fn measure(args: &BenchArgs, size: Size, observe: &Observe, talk: &Talk) -> Result<Vec<Timing>> {
    if size.k < 2 {
        return Err(Error::new(Kind::Usage, "a sweep up to k = 1").hint("it begins with two clusters: --k 10"));
    }
    let matrix = matrix(args, size, observe)?;
    let (threads, bytes) = (args.threads(), std::mem::size_of_val(matrix.panels()) as u64);
    let bandwidth = bandwidth::measured(bytes, threads_or_all(threads));
    let peak = multiply_adds_per_second(threads_or_all(threads));
    // Restart by restart, so that models that visit a block one after the other differ in k as those of a sweep do.
    let starts: Vec<Centroids> = (0..size.models)
        .flat_map(|restart| (2..=size.k).map(move |k| (restart, k)))
        .enumerate()
        .map(|(number, (restart, k))| start(&matrix, k, restart, size.models).numbered(number as u32))
        .collect();
    let (n, d) = (matrix.n_rows(), matrix.n_features());
    let n_clusters: usize = starts.iter().map(Centroids::n_clusters).sum();
    let mut results = Vec::new();
    for wanted in devices(&args.device) {
        let shape = Shape { n_rows: n as u64, n_features: d, n_clusters, n_models: starts.len() };
        let mut engine = open(wanted, threads, shape, observe)?;
        let device = engine.device().clone();
        talk.note(&format!("measuring {}", gpu::title(&device)));
        let is_software = device.kind == DeviceKind::SoftwareGpu;
        let repeats = args.repeats.unwrap_or(if is_software { 1 } else { REPEATS.min(5) });
        for (way, batch) in [("together", starts.len()), ("one by one", 1)] {
            let (mut times, mut of_device, meter) = (Vec::new(), Vec::new(), Meter::start());
            // Whether all fits ended as the next ones will begin, and milliseconds.
            let mut fit_all = || -> Result<(bool, f64, f64)> {
                let (mut is_settled, mut milliseconds) = (true, 0.0);
                let before = engine.counters().device_nanoseconds;
                for models in starts.chunks(batch) {
                    // Loading forgets whatever was kept from the fit before.
                    engine.load(matrix.clone())?;
                    let mut models = models.to_vec();
                    for _ in 0..ITERATIONS {
                        observe.check_stop()?;
                        let started = Instant::now();
                        let sums = engine.step(&models)?;
                        milliseconds += started.elapsed().as_secs_f64() * 1e3;
                        models = models.iter().zip(&sums).map(|(model, sums)| model.update(sums)).collect();
                    }
                    is_settled &= engine.is_settled();
                }
                Ok((is_settled, milliseconds, device_ms(engine.as_ref(), before)))
            };
            warm_up(|| fit_all().map(|(is_settled, ..)| is_settled))?;
            for _ in 0..repeats {
                let (_, milliseconds, by_device) = fit_all()?;
                times.push(milliseconds / f64::from(ITERATIONS));
                of_device.push(by_device);
            }
            let timing = Timing::new(What::Sweep, &gpu::title(&device), n as u64, d, size.k, size.models, times);
            let timing = Timing {
                way: Some(way.to_owned()),
                software: is_software,
                device_ms: known(&of_device),
                variant: engine.variant().map(str::to_owned),
                bytes: bytes * starts.len().div_ceil(batch) as u64,
                watts: meter.watts().filter(|_| device.kind == DeviceKind::Cpu),
                ..timing
            };
            results.push(match device.kind {
                DeviceKind::Cpu => timing.with_limits(bandwidth, (n * d * n_clusters) as f64, peak),
                _ => timing,
            });
        }
    }
    Ok(results)
}
