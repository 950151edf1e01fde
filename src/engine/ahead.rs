//! An engine that is opened while the rows are still being read: a GPU takes a quarter of a second and more to start, and
//! needs nothing of the values for it. Where no GPU can be taken nothing is started, and nobody looks for one.

use std::sync::mpsc::channel;
use std::thread::{Builder, JoinHandle};

use super::choice::{self, Choice, Settings, Taken, choose, may_take_a_gpu};
use super::cost::Shape;
use super::gpu::{GpuEngine, Weights, adapters, faults};
use super::{Device, Engine};
use crate::error::{Error, Result};
use crate::observe::Observe;

/// What comes of looking, choosing, and opening what was chosen.
type Opened = Result<(Choice, Option<Result<GpuEngine>>)>;

/// The thread's name, as far as Linux shows one.
const THREAD: &str = "opens a GPU";

/// An engine on its way. Whoever lets go of it waits until its thread has ended.
pub struct Ahead {
    settings: Settings,
    shape: Shape,
    thread: Option<JoinHandle<Opened>>,
}

impl Ahead {
    /// Begins to open the engine for this work, and to compile the kernels that any run needs. A GPU that is asked for and
    /// that is not there is an error at once.
    pub fn open(settings: &Settings, shape: Shape, weights: Weights) -> Result<Self> {
        let mut ahead = Self { settings: settings.clone(), shape, thread: None };
        if !may_take_a_gpu(settings, shape) {
            return Ok(ahead);
        }
        let (sender, chosen) = channel();
        let (settings, armed) = (settings.clone(), faults::armed());
        let opening = Builder::new().name(THREAD.to_owned()).spawn(move || {
            faults::arm_again(armed);
            let mut found = Vec::new();
            let choice = choose(&settings, shape, || {
                found = adapters();
                found.iter().map(|adapter| adapter.device.clone()).collect::<Vec<Device>>()
            })?;
            // Nobody waits where the choice is the cost model's.
            let _ = sender.send(());
            let adapter = match choice.taken {
                Taken::Adapter(place) => found.get(place),
                Taken::Cpu => None,
            };
            let opened = adapter.map(|adapter| {
                let mut engine = choice::open_gpu(adapter, &settings)?;
                engine.compile_ahead(shape, weights)?;
                Ok(engine)
            });
            Ok((choice, opened))
        });
        // Without a thread it is opened when it is needed.
        ahead.thread = opening.ok();
        if ahead.thread.is_some() && choice::is_demanded(&ahead.settings) && chosen.recv().is_err() {
            ahead.join().transpose()?;
        }
        Ok(ahead)
    }

    /// Whether something is being opened.
    pub fn is_opening(&self) -> bool {
        self.thread.is_some()
    }

    /// The engine, with the checks around it; says what was chosen and why.
    pub fn engine(mut self, observe: &Observe) -> Result<Box<dyn Engine>> {
        match self.join().transpose()? {
            None => choice::open(&self.settings, self.shape, observe),
            Some((choice, opened)) => choice::finish(&self.settings, self.shape, choice, opened, observe),
        }
    }

    fn join(&mut self) -> Option<Opened> {
        let thread = self.thread.take()?;
        Some(thread.join().unwrap_or_else(|_| Err(Error::bug("the thread that opens the GPU ended"))))
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // A process that ends while a driver starts may crash in it.
        self.join();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Wanted;
    use super::*;
    use crate::engine::DeviceKind;
    use crate::engine::gpu::Clock;
    use crate::error::Kind;

    const SMALL: Shape = Shape { n_rows: 20_000, n_features: 3, n_clusters: 4, n_models: 1 };
    const LARGE: Shape = Shape { n_rows: 200_000_000, n_features: 10, n_clusters: 108, n_models: 18 };

    fn open(wanted: Wanted, shape: Shape) -> Result<Ahead> {
        Ahead::open(
            &Settings { wanted, memory: 1 << 30, threads: 1, cache: None, clock: Clock::Off, tune: true },
            shape,
            Weights::None,
        )
    }

    /// Threads of this process that open a GPU. Linux keeps 15 letters of a name.
    fn threads() -> usize {
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        tasks
            .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
            .filter(|n| n.trim() == THREAD)
            .count()
    }

    /// Whether none is left. A driver's own threads have the name of the one that made them, and end a little later.
    fn none_is_left() -> bool {
        let waited = |_| std::thread::sleep(std::time::Duration::from_millis(10));
        threads() == 0 || (0..1000).map(waited).any(|()| threads() == 0)
    }

    /// One test, because it counts threads.
    #[test]
    fn a_gpu_is_opened_ahead_only_where_one_may_be_taken_and_no_thread_is_left() {
        for (wanted, shape) in [(Wanted::Cpu, LARGE), (Wanted::Auto, SMALL)] {
            let ahead = open(wanted, shape).unwrap();
            assert!(!ahead.is_opening(), "nothing is touched where the CPU is chosen");
            assert_eq!(ahead.engine(&Observe::default()).unwrap().device().kind, DeviceKind::Cpu);
        }
        let error = open(Wanted::Named("no such card".into()), LARGE).err().unwrap();
        assert_eq!(error.kind(), Kind::NoDevice, "known before anything is read");
        assert!(none_is_left());

        // The cost model would take a GPU. Whether there is a real one or not, the answer comes with the engine.
        let ahead = open(Wanted::Auto, LARGE).unwrap();
        assert!(ahead.is_opening());
        drop(ahead);
        assert!(none_is_left(), "whoever gives up waits for the thread");
        let engine = open(Wanted::Auto, LARGE).unwrap().engine(&Observe::default()).unwrap();
        assert_ne!(engine.device().kind, DeviceKind::SoftwareGpu);
        assert!(none_is_left());
    }
}
