//! What a bench gives: timings, the limits of the machine beside them, as JSON to be kept and as a table to be read.

use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, Serialize};

use super::{What, median_and_least};
use crate::cli::talk::grouped;
use crate::engine::cpu::multiply_adds_per_second;
use crate::report::terminal;

/// All of a bench, as `--output json` prints it and `--against` reads it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    pub segmint: String,
    /// The processor's name for itself, where the system tells it.
    pub processor: Option<String>,
    pub system: String,
    pub threads: usize,
    /// Single-precision multiply-adds per second that the threads did together, at the best instructions there are.
    pub peak: f64,
    pub results: Vec<Timing>,
}

/// One device's timings of one shape. Figures nobody can know are null.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Timing {
    pub what: What,
    /// How it was done, where there are several ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<String>,
    pub device: String,
    /// A GPU interface in front of a CPU: for correctness, never for speed, and not to be compared.
    pub software: bool,
    pub rows: u64,
    pub features: usize,
    pub k: usize,
    pub models: usize,
    pub median_ms: f64,
    pub min_ms: f64,
    pub max_ms: f64,
    /// Of the first pass, when nothing is known of any row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<f64>,
    /// Mean over the passes behind the fifth, when few rows still change cluster: what one more iteration costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later_ms: Option<f64>,
    /// Of the median pass, by a GPU's own clock: its dispatches alone; absent where it does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_ms: Option<f64>,
    /// The variant of its kernel that a GPU ended with, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Of the panels that a pass reads, or of the Parquet file.
    pub bytes: u64,
    /// Bytes per second that the threads read from a region of the matrix's size; null where it is no limit.
    pub bandwidth: Option<f64>,
    /// Share of it that the median pass needed to read the matrix once.
    pub bandwidth_share: Option<f64>,
    /// From a file: its bytes over the median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gigabytes_per_second: Option<f64>,
    /// Where memory is what is measured: the largest resident set of this process so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_resident_bytes: Option<u64>,
    /// Share of the peak that the multiply-adds of the distances alone needed.
    pub peak_share: Option<f64>,
    /// Of the processor, on average over what was timed; null where the system does not tell.
    pub watts: Option<f64>,
    pub repeats_ms: Vec<f64>,
}

impl Timing {
    /// Of some milliseconds; at least one is given. What is not known here is null.
    pub fn new(what: What, device: &str, rows: u64, features: usize, k: usize, models: usize, times: Vec<f64>) -> Self {
        let (median_ms, min_ms) = median_and_least(&times);
        Self {
            what,
            way: None,
            device: device.to_owned(),
            software: false,
            rows,
            features,
            k,
            models,
            median_ms,
            min_ms,
            max_ms: times.iter().copied().fold(f64::NAN, f64::max),
            first_ms: None,
            later_ms: None,
            device_ms: None,
            variant: None,
            bytes: 0,
            bandwidth: None,
            bandwidth_share: None,
            gigabytes_per_second: None,
            peak_resident_bytes: None,
            peak_share: None,
            watts: None,
            repeats_ms: times,
        }
    }

    /// With the limits of the host: its memory, and `multiply_adds` per pass at its peak.
    pub fn with_limits(self, bandwidth: f64, multiply_adds: f64, peak: f64) -> Self {
        Self {
            bandwidth: Some(bandwidth),
            bandwidth_share: Some(self.bytes as f64 * 1e3 / self.median_ms / bandwidth),
            peak_share: Some(multiply_adds * 1e3 / self.median_ms / peak),
            ..self
        }
    }

    /// Whether another one measures the same.
    pub fn is_like(&self, other: &Self) -> bool {
        let shape = |of: &Self| (of.what, of.way.clone(), of.rows, of.features, of.k, of.models);
        shape(self) == shape(other)
    }

    /// How fast a file was read or written, and within which memory.
    fn of_a_file(&self) -> Option<String> {
        let resident = self.peak_resident_bytes.map_or("unknown here".to_owned(), gigabytes);
        Some(format!(
            "{}: {:.2} GB/s of {}; peak resident set {resident}\n",
            self.title(),
            self.gigabytes_per_second?,
            gigabytes(self.bytes)
        ))
    }

    /// What was measured, for people.
    pub fn title(&self) -> String {
        let name = match self.what {
            What::Step => "step",
            What::Sweep => "sweep",
            What::Run => "run",
            What::Silhouette => "silhouette",
            What::Spill => "spill",
        };
        self.way.as_ref().map_or(name.to_owned(), |way| format!("{name}, {way}"))
    }
}

impl Answer {
    /// With nothing measured yet but the machine.
    pub fn of_this_machine(threads: usize) -> Self {
        Self {
            segmint: env!("CARGO_PKG_VERSION").to_owned(),
            processor: processor(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            threads,
            peak: multiply_adds_per_second(threads),
            results: Vec::new(),
        }
    }

    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header([
            "what",
            "device",
            "rows",
            "features",
            "k",
            "models",
            "median ms",
            "best",
            "worst",
            "device ms",
            "rows/s",
            "bandwidth",
            "peak",
            "watts",
        ]);
        let share = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.0} %", 100.0 * share));
        for timing in &self.results {
            let software = if timing.software { " [software: not a speed]" } else { "" };
            let variant = timing.variant.as_ref().map_or(String::new(), |name| format!(", {} kernel", terminal(name)));
            let rate = timing.rows as f64 * 1e3 / timing.median_ms;
            table.add_row([
                timing.title(),
                format!("{}{variant}{software}", terminal(&timing.device)),
                grouped(timing.rows),
                timing.features.to_string(),
                timing.k.to_string(),
                timing.models.to_string(),
                format!("{:.3}", timing.median_ms),
                format!("{:.3}", timing.min_ms),
                format!("{:.3}", timing.max_ms),
                timing.device_ms.map_or("-".to_owned(), |milliseconds| format!("{milliseconds:.3}")),
                format!("{rate:.3e}"),
                share(timing.bandwidth_share),
                share(timing.peak_share),
                timing.watts.map_or("-".to_owned(), |watts| format!("{watts:.0}")),
            ]);
        }
        for index in 2..14 {
            if let Some(column) = table.column_mut(index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let files: String = self.results.iter().filter_map(Timing::of_a_file).collect();
        let bandwidths: Vec<f64> = self.results.iter().filter_map(|timing| timing.bandwidth).collect();
        let read = match bandwidths.iter().copied().reduce(f64::min).zip(bandwidths.iter().copied().reduce(f64::max)) {
            None => String::new(),
            Some((least, most)) if most < 1.05 * least => format!(", {:.1} GB/s from memory", most / 1e9),
            Some((least, most)) => format!(", {:.1} to {:.1} GB/s from memory, by size", least / 1e9, most / 1e9),
        };
        let processor = self.processor.as_deref().map_or("this processor".to_owned(), terminal);
        format!(
            "{table}\n{files}measured here, {processor}, {} thread{}: {:.1} billion multiply-adds per second{read}\n",
            self.threads,
            if self.threads == 1 { "" } else { "s" },
            self.peak / 1e9,
        )
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.2} GB", bytes as f64 / 1e9)
}

/// What Linux calls the processor.
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.trim_start().strip_prefix(':'));
    name.map(|name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpus_own_time_stands_beside_the_wall_clocks_and_is_absent_where_nobody_told_it() {
        let timing = |device_ms| Timing { device_ms, ..Timing::new(What::Step, "GPU", 1000, 10, 5, 1, vec![1.5]) };
        let json = |device_ms| serde_json::to_value(timing(device_ms)).unwrap();
        assert_eq!(json(Some(0.25))["device_ms"], 0.25);
        assert!(json(None).get("device_ms").is_none());
        let answer = Answer { results: vec![timing(Some(0.25)), timing(None)], ..Answer::of_this_machine(1) };
        let table = answer.table();
        assert!(table.contains("device ms") && table.contains("   0.250 "), "{table}");
    }

    #[test]
    fn a_gpus_kernel_is_named_where_there_are_several_and_benches_of_before_are_still_read() {
        let of = |variant: Option<&str>| Timing {
            variant: variant.map(str::to_owned),
            ..Timing::new(What::Step, "GPU", 1000, 10, 5, 1, vec![1.5])
        };
        let answer = Answer { results: vec![of(Some("paired")), of(None)], ..Answer::of_this_machine(1) };
        let json = serde_json::to_value(&answer).unwrap();
        assert_eq!(json["results"][0]["variant"], "paired");
        assert!(json["results"][1].get("variant").is_none());
        // What has no such key is what was printed before there was one.
        let read: Answer = serde_json::from_value(json).unwrap();
        assert!(read.results[0].is_like(&read.results[1]) && read.results[1].variant.is_none());
        assert!(answer.table().contains("GPU, paired kernel "), "{}", answer.table());
    }
}
