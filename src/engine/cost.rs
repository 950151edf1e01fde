//! The cost model: what the clustering of some rows is expected to take on the CPU and on a GPU of some kind. Its figures
//! are said before the work, and what happened is said after it, so that anybody can see how good they are.
//!
//! The CPU's are fitted to passes that were measured; those of GPUs are the middle of what is on the market, counted
//! from data sheets and from the shader report, and measured on none. The model knows nothing of rows that an engine
//! may pass over, of wide rows, or of disks.

use super::DeviceKind;

/// How much work there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub n_rows: u64,
    pub n_features: usize,
    /// Of all models together.
    pub n_clusters: usize,
    /// Models that walk the rows together.
    pub n_models: usize,
}

/// Passes that a model is expected to take. Customers that fall into groups are done after 5 to 15, those that do not
/// after 50.
const PASSES: f64 = 30.0;

/// Passes until the last of many models is done; the others have left by then.
const PASSES_OF_MANY: f64 = 90.0;

impl Shape {
    /// How often the rows are expected to be walked.
    pub fn passes(self) -> u32 {
        (if self.n_models > 1 { PASSES_OF_MANY } else { PASSES }) as u32
    }

    fn values(self) -> f64 {
        self.n_rows as f64 * self.n_features as f64
    }

    /// "500000 rows x 10 features, 18 models with 108 clusters, about 90 passes".
    pub fn words(self) -> String {
        let models = if self.n_models == 1 { "1 model".to_owned() } else { format!("{} models", self.n_models) };
        let (rows, features, clusters) = (self.n_rows, self.n_features, self.n_clusters);
        let passes = self.passes();
        format!("{rows} rows x {features} features, {models} with {clusters} clusters, about {passes} passes")
    }
}

/// Milliseconds that a device is expected to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Until the device and its kernels are there.
    pub start_ms: f64,
    /// Until the rows are where the device reads them.
    pub load_ms: f64,
    pub passes_ms: f64,
}

impl Prediction {
    pub fn total_ms(&self) -> f64 {
        self.start_ms + self.clustering_ms()
    }

    /// Without the start, which is over when the clustering begins.
    pub fn clustering_ms(&self) -> f64 {
        self.load_ms + self.passes_ms
    }
}

/// What a device does in a second.
struct Pace {
    start_ms: f64,
    /// Per pass: submit, wait, read back.
    pass_ms: f64,
    /// Bytes over the bus; what the device keeps takes it once.
    bus: f64,
    /// Bytes of the rows that stay near the cores from one pass to the next.
    cache: f64,
    /// Bytes from its memory, once per pass for all models.
    memory: f64,
    /// Values added to a cluster's sums, once per model.
    adds: f64,
    /// Multiply-adds of distances.
    compute: f64,
}

fn pace(kind: DeviceKind, threads: usize) -> Pace {
    let gpu =
        |start_ms, bus, memory, adds, compute| Pace { start_ms, pass_ms: 0.3, bus, cache: 0.0, memory, adds, compute };
    match kind {
        // Two threads of AVX2, per pass: 1.48 ms over 500,000 x 10 with k = 5, 43 ms over 10,000,000 x 10 with k = 5, and
        // 17.7 ms over 200,000 x 64 with k = 64. The first and the last give the adds and the multiply-adds of a thread,
        // the second the bytes. No more than a desktop's memory gives, however many threads there are.
        DeviceKind::Cpu => {
            let threads = threads as f64;
            Pace {
                start_ms: 0.0,
                pass_ms: 0.02,
                bus: f64::INFINITY,
                cache: 16e6,
                memory: (4.6e9 * threads).min(60e9),
                adds: 2.45e9 * threads,
                compute: 2.7e10 * threads,
            }
        }
        DeviceKind::DiscreteGpu => gpu(400.0, 8e9, 300e9, 2e11, 2e12),
        DeviceKind::VirtualGpu => gpu(500.0, 4e9, 100e9, 5e10, 5e11),
        DeviceKind::IntegratedGpu => gpu(250.0, 10e9, 40e9, 2e10, 2e11),
        DeviceKind::SoftwareGpu => gpu(500.0, 5e9, 5e9, 1e9, 5e9),
    }
}

/// What the clustering is expected to take on a device of this kind. `threads` are the CPU's; `memory` is the most bytes
/// that a GPU keeps of the rows, the others take the bus on each pass.
pub fn predict(shape: Shape, kind: DeviceKind, threads: usize, memory: u64) -> Prediction {
    let pace = pace(kind, threads);
    let (values, passes) = (shape.values(), f64::from(shape.passes()));
    let bytes = 4.0 * values;
    let kept = bytes.min(memory as f64);
    // One read serves all models, and a pass ends when the slowest of these has: moving rows goes on beside computing.
    let moved = passes * (((bytes - pace.cache) / pace.memory).max(0.0)).max((bytes - kept) / pace.bus);
    let adds = values * shape.n_models as f64 / pace.adds;
    let distances = values * shape.n_clusters as f64 / pace.compute;
    let computed = PASSES * (adds + distances);
    Prediction {
        start_ms: pace.start_ms,
        load_ms: 1e3 * kept / pace.bus,
        passes_ms: passes * pace.pass_ms + 1e3 * moved.max(computed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(n_rows: u64, n_features: usize, n_clusters: usize) -> Shape {
        Shape { n_rows, n_features, n_clusters, n_models: 1 }
    }

    fn cpu(shape: Shape, threads: usize) -> f64 {
        predict(shape, DeviceKind::Cpu, threads, u64::MAX).passes_ms
    }

    #[test]
    fn the_cpus_figures_give_back_the_passes_they_were_fitted_to() {
        let measured = [((500_000, 10, 5), 1.48), ((10_000_000, 10, 5), 43.0), ((200_000, 64, 64), 17.7)];
        for ((n, d, k), milliseconds) in measured {
            let pass = cpu(one(n, d, k), 2) / PASSES;
            assert!((pass / milliseconds - 1.0).abs() < 0.05, "{n} x {d}, k = {k}: {pass} ms for {milliseconds}");
        }
    }

    #[test]
    fn many_models_read_the_rows_together_and_add_each_for_itself() {
        let large = one(50_000_000, 10, 2);
        let two = Shape { n_clusters: 4, n_models: 2, ..large };
        let ratio = |kind| {
            let of = |shape: Shape| predict(shape, kind, 16, u64::MAX).passes_ms / f64::from(shape.passes());
            of(two) / of(large)
        };
        // Memory is the limit of both, and one read serves both.
        assert!((ratio(DeviceKind::Cpu) - 1.0).abs() < 0.01, "{}", ratio(DeviceKind::Cpu));
        // In the cache only computing counts.
        let small = one(50_000, 10, 2);
        let many = Shape { n_clusters: 36, n_models: 18, ..small };
        assert!((cpu(many, 2) / cpu(small, 2) - 18.0).abs() < 3.0, "{} {}", cpu(many, 2), cpu(small, 2));
    }

    #[test]
    fn what_a_gpu_cannot_keep_takes_the_bus_on_every_pass() {
        let shape = one(100_000_000, 10, 5);
        let of = |memory| predict(shape, DeviceKind::DiscreteGpu, 0, memory);
        let (all, half) = (of(u64::MAX), of(2_000_000_000));
        assert!((half.load_ms * 2.0 - all.load_ms).abs() < 1e-6);
        assert!(half.passes_ms >= 30.0 * 250.0 && all.passes_ms < 1000.0, "{half:?} {all:?}");
    }
}
