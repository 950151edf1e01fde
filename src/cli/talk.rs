//! Events become talk on stderr: a progress bar where stderr is a terminal, a line per stage where it is not, or JSON
//! lines for log collectors. Every warning is said once.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::log::JsonLog;
use super::printer::{Mark, Surface, talk};
use crate::error::Error;
use crate::observe::{Event, Expected, Observe};
use crate::report::terminal;

/// A log without a bar says how far a long stage is this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(30);

#[derive(Args, Debug, Clone)]
pub struct TalkFlags {
    /// Say more: the cost model, and every pass
    #[arg(short, long, global = true, conflicts_with = "quiet", help_heading = "Talk")]
    verbose: bool,
    /// Say less: errors only
    #[arg(short, long, global = true, help_heading = "Talk")]
    quiet: bool,
    /// How to talk on stderr: text for people, or json lines
    #[arg(long, global = true, value_enum, hide_possible_values = true, value_name = "FORM", default_value_t = LogForm::Text, help_heading = "Talk")]
    log: LogForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogForm {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Quiet,
    Normal,
    Verbose,
}

/// Where events go. Cheap to clone.
#[derive(Clone)]
pub struct Talk {
    level: Level,
    json: Option<JsonLog>,
    surface: Surface,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Of the stage that is going on, on a terminal.
    bar: Option<ProgressBar>,
    warned: BTreeSet<String>,
    last_progress: Instant,
}

impl Talk {
    pub fn new(flags: &TalkFlags) -> Talk {
        let level = match (flags.quiet, flags.verbose) {
            (true, _) => Level::Quiet,
            (_, true) => Level::Verbose,
            _ => Level::Normal,
        };
        let json = (flags.log == LogForm::Json).then(JsonLog::to_stderr);
        let state = State { bar: None, warned: BTreeSet::new(), last_progress: Instant::now() };
        Talk { level, json, surface: Surface::of(&std::io::stderr()), state: Arc::new(Mutex::new(state)) }
    }

    /// The listeners of a run, and its wish to stop.
    pub fn observe(&self, stop: Arc<AtomicBool>) -> Observe {
        let listener = self.clone();
        Observe::new(stop).listen(move |event| listener.event(event))
    }

    pub fn warn(&self, text: &str) {
        if self.level == Level::Quiet || !self.state().warned.insert(text.to_owned()) {
            return;
        }
        match &self.json {
            Some(log) => log.warning(text),
            None => self.line(Mark::Warning, text),
        }
    }

    /// What a person should know and a program need not.
    pub fn note(&self, text: &str) {
        if self.level > Level::Quiet && self.json.is_none() {
            self.line(Mark::None, text);
        }
    }

    /// Logs an error; false where it is for the caller to print.
    pub fn error(&self, error: &Error) -> bool {
        self.clear();
        match &self.json {
            Some(log) => log.error(error),
            None => return false,
        }
        true
    }

    /// Takes the bar off the terminal.
    pub fn clear(&self) {
        if let Some(bar) = self.state().bar.take() {
            bar.finish_and_clear();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, mark: Mark, text: &str) {
        let text = terminal(text);
        match &self.state().bar {
            Some(bar) => bar.suspend(|| talk(mark, &text)),
            None => talk(mark, &text),
        }
    }

    fn event(&self, event: &Event) {
        if let Event::Warning { text, .. } = event {
            return self.warn(text);
        }
        if self.level == Level::Quiet {
            return;
        }
        if let Some(log) = &self.json {
            return log.event(event);
        }
        match event {
            Event::StageStarted { stage } => self.begin(stage),
            Event::Progress { stage, done, total } => self.progress(stage, *done, *total),
            Event::StageFinished { stage, rows, bytes, milliseconds } => {
                self.clear();
                self.line(Mark::None, &finished(stage, *rows, *bytes, *milliseconds));
            }
            Event::PassFinished { iteration, models, k, done, all, best_inertia, milliseconds } => {
                let text = pass(*iteration, *models, *k);
                if self.level == Level::Verbose {
                    let inertia = format!("lowest inertia {best_inertia:.6e}");
                    self.line(Mark::None, &format!("{text}: {inertia}, {}", seconds(*milliseconds)));
                }
                if let Some(bar) = &self.state().bar {
                    // How long the last models take nobody knows; how fast models end so far is a fair guess.
                    if *all > 1 && *done > 0 && bar.length() != Some(*all as u64) {
                        bar.set_style(style("{spinner} {prefix} {bar:30} {eta} left, {msg}"));
                        bar.set_length(*all as u64);
                    }
                    bar.set_position(*done as u64);
                    bar.set_message(format!("{text}, lowest inertia {best_inertia:.3e}"));
                }
            }
            Event::Forecast { work, devices, .. } => {
                if self.level == Level::Verbose {
                    self.line(Mark::None, &format!("cost model: {work}"));
                    devices.iter().for_each(|one| self.line(Mark::None, &expected(one)));
                }
            }
            Event::ForecastMet { device, passes, expected_passes, milliseconds, expected_ms } => {
                if self.level == Level::Verbose {
                    let clustering = ((*expected_ms, *expected_passes), (*milliseconds, *passes));
                    self.line(Mark::None, &met(device, clustering));
                }
            }
            Event::Detail { text } => {
                if self.level == Level::Verbose {
                    self.line(Mark::None, text);
                }
            }
            Event::DeviceChosen { device, reason } => self.line(Mark::None, &format!("device: {device} ({reason})")),
            Event::Fallback { device, reason } => {
                let text = format!("{device} was given up and the CPU took over, with the same result: {reason}");
                self.line(Mark::Warning, &text);
            }
            Event::Warning { .. } => {}
        }
    }

    fn begin(&self, stage: &str) {
        let mut state = self.state();
        state.last_progress = Instant::now();
        if self.surface == Surface::Terminal {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
                .with_style(style("{spinner} {prefix} {elapsed} {msg}"))
                .with_prefix(terminal(stage));
            bar.tick();
            if let Some(before) = state.bar.replace(bar) {
                before.finish_and_clear();
            }
        }
    }

    fn progress(&self, stage: &str, done: u64, total: u64) {
        let mut state = self.state();
        if let Some(bar) = &state.bar {
            if bar.length() != Some(total) {
                bar.set_style(style("{spinner} {prefix} {bar:30} {percent}% {eta} left"));
                bar.set_length(total);
            }
            bar.set_position(done);
        } else if state.last_progress.elapsed() >= PROGRESS_EVERY && total > 0 {
            state.last_progress = Instant::now();
            talk(Mark::None, &format!("{stage}: {} %", 100 * done.min(total) / total));
        }
    }
}

/// The templates are ours; one that does not parse falls back to the plain bar.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// What a pass was over: "pass 7, 43 models, k = 4 to 10".
fn pass(iteration: u32, models: usize, (least, most): (usize, usize)) -> String {
    let models = if models == 1 { "1 model".to_owned() } else { format!("{models} models") };
    let k = if least == most { least.to_string() } else { format!("{least} to {most}") };
    format!("pass {iteration}, {models}, k = {k}")
}

fn finished(stage: &str, rows: u64, bytes: u64, milliseconds: f64) -> String {
    let mut text = format!("{stage}: ");
    if rows > 0 {
        text.push_str(&format!("{} rows, ", grouped(rows)));
    }
    if bytes > 0 {
        text.push_str(&format!("{:.1} MB, ", bytes as f64 / 1e6));
    }
    text + &seconds(milliseconds)
}

/// What a device is expected to take, part by part.
fn expected(one: &Expected) -> String {
    let mut parts = vec![format!("{} of passes", seconds(one.passes_ms))];
    if one.load_ms > 0.0 {
        parts.insert(0, format!("{} to upload", seconds(one.load_ms)));
    }
    if one.start_ms > 0.0 {
        parts.insert(0, format!("{} to start", seconds(one.start_ms)));
    }
    let chosen = if one.chosen { ", chosen" } else { "" };
    format!("cost model: {} on {}: {}{chosen}", seconds(one.total_ms()), one.device, parts.join(", "))
}

/// Milliseconds and passes of the clustering: as expected, and as they were.
fn met(device: &str, (expected, measured): ((f64, u32), (f64, u32))) -> String {
    format!(
        "cost model: the clustering on {device} was expected to take {} in {} passes, and took {} in {}",
        seconds(expected.0),
        expected.1,
        seconds(measured.0),
        measured.1
    )
}

fn seconds(milliseconds: f64) -> String {
    if milliseconds < 1000.0 { format!("{milliseconds:.1} ms") } else { format!("{:.2} s", milliseconds / 1000.0) }
}

/// 1234567 as 1,234,567.
pub fn grouped(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_says_rows_bytes_and_time_where_it_has_them() {
        assert_eq!(finished("read", 1_234_567, 38_100_000, 210.0), "read: 1,234,567 rows, 38.1 MB, 210.0 ms");
        assert_eq!(finished("write", 0, 0, 1500.0), "write: 1.50 s");
        assert_eq!(pass(7, 43, (4, 10)), "pass 7, 43 models, k = 4 to 10");
        assert_eq!(pass(1, 1, (5, 5)), "pass 1, 1 model, k = 5");
        let one = Expected {
            device: "Tesla T4 (Vulkan)".into(),
            start_ms: 400.0,
            load_ms: 2.5,
            passes_ms: 1200.0,
            chosen: true,
        };
        assert_eq!(
            expected(&one),
            "cost model: 1.60 s on Tesla T4 (Vulkan): 400.0 ms to start, 2.5 ms to upload, 1.20 s of passes, chosen"
        );
        assert_eq!(
            met("CPU (AVX2, 2 threads)", ((45.0, 30), (19.1, 12))),
            "cost model: the clustering on CPU (AVX2, 2 threads) was expected to take 45.0 ms in 30 passes, and took 19.1 ms in 12"
        );
        assert_eq!([grouped(0), grouped(999), grouped(1000)], ["0", "999", "1,000"]);
    }
}
