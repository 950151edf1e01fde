//! What the processor draws while something is timed, where the system has a meter for it: Linux's power capping
//! interface, one counter of microjoules per package.

use std::path::PathBuf;
use std::time::Instant;

const PLACE: &str = "/sys/class/powercap";

/// A meter that runs.
pub struct Meter {
    packages: Vec<(PathBuf, u64)>,
    started: Instant,
}

impl Meter {
    pub fn start() -> Self {
        let packages = std::fs::read_dir(PLACE).into_iter().flatten().flatten().filter_map(|entry| {
            // `intel-rapl:0` is a package, whoever made it; `intel-rapl:0:0` is a part of one.
            let name = entry.file_name();
            let is_package = name.to_str().is_some_and(|name| name.matches(':').count() == 1);
            let counter = entry.path().join("energy_uj");
            let reading = if is_package { read(&counter) } else { None };
            reading.map(|reading| (counter, reading))
        });
        Self { packages: packages.collect(), started: Instant::now() }
    }

    /// On average since the start. None without a meter, without the right to read it, and where a counter began anew.
    pub fn watts(&self) -> Option<f64> {
        let used = self.packages.iter().map(|(counter, before)| read(counter)?.checked_sub(*before));
        let microjoules: u64 = used.sum::<Option<u64>>().filter(|_| !self.packages.is_empty())?;
        Some(microjoules as f64 / 1e6 / self.started.elapsed().as_secs_f64())
    }
}

fn read(counter: &PathBuf) -> Option<u64> {
    std::fs::read_to_string(counter).ok()?.trim().parse().ok()
}
