//! The run record: what does differ between machines and nights. Kept beside the published result, never under its
//! manifest.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;

use crate::report::civil;

#[derive(Debug, Clone, Serialize)]
pub struct RunRecord {
    pub version: u32,
    pub segmint: String,
    /// UTC, as 2026-11-22T03:04:05Z.
    pub started: String,
    pub finished: String,
    pub milliseconds: f64,
    pub host: Host,
    /// Input and output as this run was told them.
    pub input: String,
    pub output: String,
    /// What the files themselves say: a run over files with the same marks has nothing to do.
    pub input_files: Value,
    pub device: Value,
    /// Threads, chunk rows and memory as this run was told them: they change time, never a bit of the result.
    pub engine: Value,
    pub stages: Vec<StageRecord>,
    pub counters: Value,
    /// Fallbacks and other things that this machine caused.
    pub warnings: Vec<String>,
    /// Largest resident set so far, where the system tells.
    pub peak_resident_bytes: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageRecord {
    pub stage: &'static str,
    pub rows: u64,
    pub bytes: u64,
    pub milliseconds: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Host {
    pub name: String,
    pub system: &'static str,
    pub architecture: &'static str,
    pub cores: usize,
}

impl Host {
    pub fn here() -> Self {
        Self {
            name: name(),
            system: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

#[cfg(unix)]
fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "this machine".to_owned())
}

/// Largest resident set of this process so far, in bytes, on systems that tell it in a file.
pub fn peak_resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// A moment in UTC to the second, ISO 8601.
pub fn utc(moment: SystemTime) -> String {
    let seconds = moment.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days as i64);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn moments_are_written_in_utc_over_leap_days_and_ends_of_years() {
        let at = |seconds| utc(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(951_868_800), "2000-03-01T00:00:00Z");
        assert_eq!(at(1_798_761_599), "2026-12-31T23:59:59Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
