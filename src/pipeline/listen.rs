//! What a run says while it works, kept for its record and its summary.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use serde_json::{Value, json};

use crate::engine::{Counters, Device, DeviceKind};
use crate::features::{Reads, RowCounts};
use crate::job::{DeviceChoice, Job};
use crate::observe::{Event, Observe, Scope};
use crate::store::{Host, RunRecord, StageRecord, peak_resident_bytes, utc};

const CLUSTER: &str = "cluster";

/// Everything heard so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    shared: Arc<Mutex<Notes>>,
}

#[derive(Debug, Default)]
struct Notes {
    stages: Vec<StageRecord>,
    data_warnings: Vec<String>,
    machine_warnings: Vec<String>,
    chosen: Option<(String, String)>,
    /// Per iteration how long its pass took; the last one heard of an iteration counts.
    passes: BTreeMap<u32, f64>,
    /// All passes of the clustering.
    n_passes: u32,
    /// Of the device that was chosen, until another one took over: milliseconds and passes that the clustering was
    /// expected to take.
    expected: Option<(f64, u32)>,
}

impl Heard {
    /// The same observers and this one.
    pub(super) fn listen_to(&self, observe: &Observe) -> Observe {
        let heard = self.clone();
        observe.clone().listen(move |event| heard.notes().hear(event))
    }

    /// What the clustering took beside what was expected of it, once it has ended; None where nothing was expected, or
    /// where the device that it was expected of did not end it.
    pub(super) fn forecast_met(&self) -> Option<Event> {
        let notes = self.notes();
        let (expected_ms, expected_passes) = notes.expected?;
        let device = notes.chosen.as_ref()?.0.clone();
        let milliseconds = notes.stages.iter().rfind(|record| record.stage == CLUSTER)?.milliseconds;
        Some(Event::ForecastMet { device, passes: notes.n_passes, expected_passes, milliseconds, expected_ms })
    }

    /// Each warning once, in the order of its first appearance.
    pub(super) fn data_warnings(&self) -> Vec<String> {
        self.notes().data_warnings.clone()
    }

    /// The record of a run that is about to be published.
    pub(super) fn record(
        &self,
        job: &Job,
        input_files: Value,
        rows: &RowCounts,
        (reads, spilled): (Reads, Option<u64>),
        device: Device,
        counters: Counters,
        started: (SystemTime, Instant),
    ) -> RunRecord {
        let notes = self.notes();
        let chosen = notes.chosen.clone();
        let decisions = counters.model_passes as f64 * rows.kept as f64;
        let by_host = counters.near_ties + counters.wide_rows;
        let (count, total) = (notes.passes.len(), notes.passes.values().sum::<f64>());
        RunRecord {
            version: 1,
            segmint: env!("CARGO_PKG_VERSION").to_owned(),
            started: utc(started.0),
            finished: utc(SystemTime::now()),
            milliseconds: rounded(started.1.elapsed().as_secs_f64() * 1e3),
            host: Host::here(),
            input: job.source.path.clone(),
            output: job.output.path.display().to_string(),
            input_files,
            device: json!({
                "name": device.name,
                "kind": kind(device.kind),
                "backend": device.backend,
                "driver": device.driver,
                "chosen": chosen.as_ref().map(|(name, _)| name),
                "reason": chosen.as_ref().map(|(_, reason)| reason),
            }),
            engine: json!({
                "device": asked(&job.engine.device),
                "threads": job.engine.threads,
                "chunk_rows": job.engine.chunk_rows,
                "memory": job.engine.memory,
                "spill": spilled.map(|_| job.engine.spill.display().to_string()),
            }),
            stages: notes.stages.clone(),
            counters: json!({
                "rows_read": rows.read,
                // One read keeps the values in memory; two need less of it.
                "reads": match reads {
                    Reads::One => 1,
                    Reads::Two => 2,
                },
                "model_passes": counters.model_passes,
                "near_ties": counters.near_ties,
                "wide_rows": counters.wide_rows,
                "passed_over": counters.passed_over,
                "dispatches": counters.dispatches,
                "submits": counters.submits,
                "bytes_uploaded": counters.bytes_uploaded,
                "staging_bytes": counters.staging_bytes,
                "bytes_read_back": counters.bytes_read_back,
                "matrix_bytes_read": counters.matrix_bytes_read,
                // Of the file that held the grid values, where there was one.
                "spilled_bytes": spilled.unwrap_or(0),
                "spill_gigabytes_per_second": spilled.and_then(|bytes| notes.speed_of("spill", bytes)),
                "pass_gigabytes_per_second": spilled.filter(|_| total > 0.0).map(|bytes| rounded(bytes as f64 * count as f64 / total / 1e6)),
                // Of rows times models times passes.
                "share_decided_by_host": if decisions > 0.0 { by_host as f64 / decisions } else { 0.0 },
                "iterations": count,
                "iteration_milliseconds": rounded(if count > 0 { total / count as f64 } else { 0.0 }),
            }),
            warnings: notes.machine_warnings.clone(),
            peak_resident_bytes: peak_resident_bytes(),
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    /// Gigabytes per second of a stage that dealt with so many bytes.
    fn speed_of(&self, stage: &str, bytes: u64) -> Option<f64> {
        let found = self.stages.iter().find(|record| record.stage == stage)?;
        (found.milliseconds > 0.0).then(|| rounded(bytes as f64 / found.milliseconds / 1e6))
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::StageFinished { stage, rows, bytes, milliseconds } => {
                self.stages.push(StageRecord {
                    stage,
                    rows: *rows,
                    bytes: *bytes,
                    milliseconds: rounded(*milliseconds),
                });
            }
            Event::Forecast { passes, devices, .. } => {
                let chosen = devices.iter().find(|one| one.chosen);
                self.expected = chosen.map(|one| (one.load_ms + one.passes_ms, *passes));
            }
            Event::PassFinished { iteration, milliseconds, .. } => {
                self.n_passes += 1;
                self.passes.insert(*iteration, *milliseconds);
            }
            Event::DeviceChosen { device, reason } => self.chosen = Some((device.clone(), reason.clone())),
            Event::Fallback { device, reason } => {
                self.expected = None;
                self.machine_warnings.push(format!("{device} was retired and the CPU took over: {reason}"));
            }
            Event::Warning { text, scope } => {
                let warnings = match scope {
                    Scope::Data => &mut self.data_warnings,
                    Scope::Machine => &mut self.machine_warnings,
                };
                if !warnings.contains(text) {
                    warnings.push(text.clone());
                }
            }
            // A race before it has passes of its own, over fewer rows.
            Event::StageStarted { stage: CLUSTER } => {
                self.passes.clear();
                self.n_passes = 0;
            }
            Event::StageStarted { .. } | Event::Progress { .. } | Event::ForecastMet { .. } | Event::Detail { .. } => {}
        }
    }
}

/// To the microsecond.
fn rounded(milliseconds: f64) -> f64 {
    (milliseconds * 1e3).round() / 1e3
}

fn kind(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Cpu => "cpu",
        DeviceKind::IntegratedGpu => "integrated gpu",
        DeviceKind::DiscreteGpu => "discrete gpu",
        DeviceKind::VirtualGpu => "virtual gpu",
        DeviceKind::SoftwareGpu => "software gpu",
    }
}

fn asked(choice: &DeviceChoice) -> &str {
    match choice {
        DeviceChoice::Auto => "auto",
        DeviceChoice::Cpu => "cpu",
        DeviceChoice::Gpu => "gpu",
        DeviceChoice::Named(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Expected;

    #[test]
    fn a_forecast_is_met_by_the_device_it_was_made_for_and_counts_the_passes_over_all_rows() {
        let heard = Heard::default();
        let observe = heard.listen_to(&Observe::default());
        let one = |device: &str, chosen| Expected {
            device: device.into(),
            start_ms: 400.0,
            load_ms: 2.0,
            passes_ms: 40.0,
            chosen,
        };
        let pass = |iteration| Event::PassFinished {
            iteration,
            models: 2,
            k: (2, 3),
            done: 0,
            all: 2,
            best_inertia: 1.0,
            milliseconds: 1.0,
        };
        let finished = |stage, milliseconds| Event::StageFinished { stage, rows: 9, bytes: 0, milliseconds };
        assert_eq!(heard.forecast_met(), None);
        let devices = vec![one("2 CPU threads", false), one("Card (Vulkan)", true)];
        observe.event(Event::Forecast { work: String::new(), passes: 90, devices });
        observe.event(Event::DeviceChosen { device: "Card (Vulkan)".into(), reason: "faster".into() });
        observe.event(Event::StageStarted { stage: "race" });
        observe.event(pass(1));
        observe.event(finished("race", 7.0));
        observe.event(Event::StageStarted { stage: CLUSTER });
        (1..=3).for_each(|iteration| observe.event(pass(iteration)));
        observe.event(finished(CLUSTER, 55.0));
        let met = Event::ForecastMet {
            device: "Card (Vulkan)".into(),
            passes: 3,
            expected_passes: 90,
            milliseconds: 55.0,
            expected_ms: 42.0,
        };
        assert_eq!(heard.forecast_met(), Some(met));
        observe.event(Event::Fallback { device: "Card (Vulkan)".into(), reason: "lost".into() });
        assert_eq!(heard.forecast_met(), None, "another device ended the work");
    }
}
