//! An exact silhouette of a matrix in memory: every pair of rows is measured. The labels are those of a short fit, made
//! outside the timed part.

use super::answer::Timing;
use super::{BenchArgs, Size, What, step};
use crate::cli::talk::Talk;
use crate::engine::cpu::CpuEngine;
use crate::engine::{DeviceKind, Engine, Settings, gpu, open_neighbours};
use crate::error::Result;
use crate::grid::Grid;
use crate::observe::Observe;
use crate::quality::{Labelled, SilhouetteBudget, silhouette_on};

const REPEATS: u64 = 3;

const EXACT: SilhouetteBudget = SilhouetteBudget { rows_exact_max: usize::MAX, sample_rows: 0 };

pub fn measure(args: &BenchArgs, size: Size, observe: &Observe, talk: &Talk) -> Result<Vec<Timing>> {
    let matrix = step::matrix(args, size, observe)?;
    let (threads, k) = (args.threads(), size.k);
    let (n, d) = (matrix.n_rows(), matrix.n_features());
    let mut host = CpuEngine::new(threads, None);
    let (mut centroids, _) = step::fit(&mut host, &matrix, k, 1, observe)?;
    let labels = host.assign(&centroids.remove(0))?.labels;
    drop(host);
    // The figure has no unit: any step does.
    let of = Labelled { matrix: &matrix, grid: Grid { exponent: 0 }, labels: &labels, n_clusters: k };
    let bytes = std::mem::size_of_val(matrix.panels()) as u64;
    let mut results = Vec::new();
    for wanted in step::devices(&args.device) {
        let settings =
            Settings { wanted, memory: step::MEMORY, threads, cache: None, clock: gpu::Clock::Off, tune: true };
        let (device, mut engine) = open_neighbours(&settings)?;
        let is_software = device.kind == DeviceKind::SoftwareGpu;
        talk.note(&format!("measuring {}", gpu::title(&device)));
        let mut times = Vec::new();
        for repeat in 0..=args.repeats.unwrap_or(if is_software { 1 } else { REPEATS }) {
            let started = std::time::Instant::now();
            silhouette_on(engine.as_mut(), of, EXACT, observe)?;
            // The first one warms caches and compiles kernels.
            if repeat > 0 {
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        // It computes: memory is no limit.
        let timing = Timing::new(What::Silhouette, &gpu::title(&device), n as u64, d, k, 1, times);
        results.push(Timing { software: is_software, bytes, ..timing });
    }
    Ok(results)
}
