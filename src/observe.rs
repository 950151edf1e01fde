//! What happens while a run works, as events. The terminal, the log, the run record and the tests all listen to the
//! same ones; no stage prints. The wish to stop travels the other way: a signal sets it, stages ask for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    StageStarted {
        stage: &'static str,
    },
    /// Work done so far in a stage that knows its end.
    Progress {
        stage: &'static str,
        done: u64,
        total: u64,
    },
    StageFinished {
        stage: &'static str,
        rows: u64,
        bytes: u64,
        milliseconds: f64,
    },
    /// One pass over the data for all living models.
    PassFinished {
        iteration: u32,
        models: usize,
        /// The smallest and the largest number of clusters among them.
        k: (usize, usize),
        /// Models that have come to their end, of all that advance together.
        done: usize,
        all: usize,
        best_inertia: f64,
        milliseconds: f64,
    },
    /// What the cost model expects of each device that was weighed, before one is chosen.
    Forecast {
        /// How much work there is, in words.
        work: String,
        passes: u32,
        devices: Vec<Expected>,
    },
    DeviceChosen {
        device: String,
        reason: String,
    },
    /// What the clustering took on the device that was chosen, beside what was expected of it.
    ForecastMet {
        device: String,
        passes: u32,
        expected_passes: u32,
        milliseconds: f64,
        expected_ms: f64,
    },
    /// A device was retired and the CPU took over, with the same result.
    Fallback {
        device: String,
        reason: String,
    },
    /// What only those want to know who ask for more.
    Detail {
        text: String,
    },
    Warning {
        text: String,
        scope: Scope,
    },
}

/// Milliseconds that a device is expected to take.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    pub device: String,
    /// Until it is ready.
    pub start_ms: f64,
    /// Until the rows are where it reads them.
    pub load_ms: f64,
    pub passes_ms: f64,
    pub chosen: bool,
}

impl Expected {
    pub fn total_ms(&self) -> f64 {
        self.start_ms + self.load_ms + self.passes_ms
    }
}

/// What a warning is about. What the data causes is the same on every machine and belongs to the published result;
/// what a machine causes belongs to the run record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Data,
    Machine,
}

type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// The listeners of a run and its wish to stop. Cheap to clone.
#[derive(Clone, Default)]
pub struct Observe {
    listeners: Vec<Listener>,
    stop: Arc<AtomicBool>,
}

impl Observe {
    pub fn new(stop: Arc<AtomicBool>) -> Self {
        Self { listeners: Vec::new(), stop }
    }

    pub fn listen(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// Nobody listens, but the wish to stop still arrives.
    pub fn silent(&self) -> Self {
        Self { listeners: Vec::new(), stop: self.stop.clone() }
    }

    pub fn event(&self, event: Event) {
        for listener in &self.listeners {
            listener(&event);
        }
    }

    /// A warning that the data causes: equal on every machine, kept in the published summary.
    pub fn warn_data(&self, text: impl Into<String>) {
        self.event(Event::Warning { text: text.into(), scope: Scope::Data });
    }

    /// A warning that this machine causes: kept in the run record only.
    pub fn warn_machine(&self, text: impl Into<String>) {
        self.event(Event::Warning { text: text.into(), scope: Scope::Machine });
    }

    /// What only those want to know who ask for more.
    pub fn detail(&self, text: impl Into<String>) {
        self.event(Event::Detail { text: text.into() });
    }

    /// Called between units of work of at most a second or so; an error once the run was asked to stop.
    pub fn check_stop(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Stopped, "stopped by a signal; nothing was published")
                .hint("run the same command again"));
        }
        Ok(())
    }
}
