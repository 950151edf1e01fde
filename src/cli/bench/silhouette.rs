//! An exact silhouette of a matrix in memory: every pair of rows is measured. The labels are those of a short fit, made
//! outside the timed part.

use super::{Answer, BenchArgs, Timing, bandwidth, median_and_least, step};
use crate::cli::talk::Talk;
use crate::engine::cpu::{CpuEngine, threads_or_all};
use crate::engine::{DeviceKind, Engine, Settings, gpu, open_neighbours};
use crate::error::Result;
use crate::grid::Grid;
use crate::observe::Observe;
use crate::quality::{Labelled, SilhouetteBudget, silhouette_on};

const REPEATS: u64 = 3;

const EXACT: SilhouetteBudget = SilhouetteBudget { rows_exact_max: usize::MAX, sample_rows: 0 };

pub fn measure(args: &BenchArgs, observe: &Observe, talk: &Talk) -> Result<Answer> {
    let (matrix, k) = step::matrix(args, observe)?;
    let threads = usize::try_from(args.threads).unwrap_or(0);
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
        let settings = Settings { wanted, memory: step::MEMORY, threads };
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
        let (median_ms, min_ms) = median_and_least(&times);
        results.push(Timing {
            what: "silhouette",
            device: gpu::title(&device),
            software: is_software,
            rows: n as u64,
            features: d,
            k,
            models: 1,
            median_ms,
            min_ms,
            first_ms: None,
            bytes,
            // It computes: memory is no limit.
            bandwidth_share: None,
            gigabytes_per_second: None,
            repeats_ms: times,
        });
    }
    Ok(Answer::new(bandwidth::measured(bytes, threads_or_all(threads)), results))
}
