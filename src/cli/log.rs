//! Events as JSON lines on stderr, one object each, for log collectors.

use tracing::dispatcher::with_default;
use tracing::{Dispatch, error, info, warn};

use crate::error::Error;
use crate::observe::Event;

/// Writes events as JSON lines. Nothing is installed for the whole process: drivers' libraries that log find no
/// listener.
#[derive(Clone)]
pub struct JsonLog(Dispatch);

impl JsonLog {
    pub fn to_stderr() -> JsonLog {
        let format = tracing_subscriber::fmt().json().flatten_event(true).with_target(false);
        JsonLog(Dispatch::new(format.with_writer(std::io::stderr).finish()))
    }

    pub fn event(&self, event: &Event) {
        with_default(&self.0, || match event {
            Event::StageStarted { stage } => info!(event = "stage_started", stage),
            Event::Progress { stage, done, total } => info!(event = "progress", stage, done, total),
            Event::StageFinished { stage, rows, bytes, milliseconds } => {
                info!(event = "stage_finished", stage, rows, bytes, milliseconds);
            }
            Event::PassFinished { iteration, models, k, done, all, best_inertia, milliseconds } => {
                let (models, done, all) = (*models as u64, *done as u64, *all as u64);
                let (k_min, k_max) = (k.0 as u64, k.1 as u64);
                let event = "pass_finished";
                info!(event, iteration, models, k_min, k_max, done, all, best_inertia, milliseconds);
            }
            Event::Forecast { work, passes, devices } => {
                for one in devices {
                    let (device, chosen) = (&one.device, one.chosen);
                    let (start_ms, load_ms, passes_ms) = (one.start_ms, one.load_ms, one.passes_ms);
                    info!(event = "forecast", work, passes, device, start_ms, load_ms, passes_ms, chosen);
                }
            }
            Event::ForecastMet { device, passes, expected_passes, milliseconds, expected_ms } => {
                info!(event = "forecast_met", device, passes, expected_passes, milliseconds, expected_ms);
            }
            Event::DeviceChosen { device, reason } => info!(event = "device_chosen", device, reason),
            Event::Detail { text } => info!(event = "detail", text),
            Event::Fallback { device, reason } => warn!(event = "fallback", device, reason),
            Event::Warning { text, .. } => warn!(event = "warning", text),
        });
    }

    pub fn warning(&self, text: &str) {
        with_default(&self.0, || warn!(event = "warning", text));
    }

    pub fn error(&self, problem: &Error) {
        let (message, hint) = (problem.to_string(), problem.hint_text().unwrap_or(""));
        let exit_code = u64::from(problem.kind().exit_code());
        with_default(&self.0, || error!(event = "error", text = message, hint, exit_code));
    }
}
