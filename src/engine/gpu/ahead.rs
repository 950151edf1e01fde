//! The thread that compiles kernels before they are asked for: drivers take tens of milliseconds for one, and while rows
//! are uploaded a core is free. It takes them in the order in which they were foreseen, so what any run needs comes before
//! what is only to be tried; a kernel that is needed before its turn is taken out of the queue by whoever needs it. A
//! driver that hangs in a kernel that nobody needs holds up nobody.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, park, yield_now};
use std::time::Duration;

use super::choices::Marks;
use super::faults::{Breaks, BrokenCompiler};
use super::opened::Trouble;
use super::pipelines::{Compiled, ShaderChecks, compile};
use super::shaders::Kernel;

/// The thread's name, as far as Linux shows one.
const THREAD: &str = "compiles kernels";

/// A kernel and its text.
pub(super) struct Job {
    pub kernel: Kernel,
    pub text: String,
    /// How the driver breaks at it, in tests.
    pub breaks: Option<Breaks>,
}

/// What compilations need beside the kernel.
#[derive(Clone)]
pub(super) struct Driver {
    pub device: wgpu::Device,
    pub trouble: Arc<Trouble>,
    pub checks: ShaderChecks,
    pub cache: Option<wgpu::PipelineCache>,
    pub marks: Marks,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// There is a thread, and it has not yet found the queue empty.
    runs: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    ended: Condvar,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job; where there is none, the thread has ended by that.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        let job = queue.waiting.pop_front();
        if job.is_none() {
            queue.runs = false;
            self.ended.notify_all();
        }
        job
    }
}

/// Kernels on their way, and where those that are done come out.
pub(super) struct Ahead {
    shared: Arc<Shared>,
    sender: Sender<(Kernel, Compiled)>,
    pub compiled: Receiver<(Kernel, Compiled)>,
}

impl Ahead {
    pub fn new() -> Self {
        let (sender, compiled) = channel();
        Self { shared: Arc::default(), sender, compiled }
    }

    /// Puts jobs at the end of the queue; false where no thread can be had for them.
    pub fn start(&self, jobs: Vec<Job>, driver: Driver) -> bool {
        let mut queue = self.shared.queue();
        queue.waiting.extend(jobs);
        if queue.runs {
            return true;
        }
        let (shared, sender) = (self.shared.clone(), self.sender.clone());
        let thread = Builder::new().name(THREAD.to_owned()).spawn(move || {
            while let Some(job) = shared.next() {
                // Nobody listens any more where the device was given up.
                let _ = sender.send((job.kernel, one(&driver, job)));
            }
        });
        queue.runs = thread.is_ok();
        if !queue.runs {
            queue.waiting.clear();
        }
        queue.runs
    }

    /// Takes a job whose turn has not come out of the queue.
    pub fn take(&self, kernel: Kernel) -> Option<Job> {
        let mut queue = self.shared.queue();
        let place = queue.waiting.iter().position(|job| job.kernel == kernel)?;
        queue.waiting.remove(place)
    }

    /// Begins no more kernels, and waits for the one that has begun; false where it takes too long.
    pub fn stop(&self, most: Duration) -> bool {
        let mut queue = self.shared.queue();
        queue.waiting.clear();
        let waited = self.shared.ended.wait_timeout_while(queue, most, |queue| queue.runs);
        !waited.unwrap_or_else(PoisonError::into_inner).0.runs
    }
}

/// A kernel with variants is marked while its driver has it: nobody may come back from there.
fn one(driver: &Driver, Job { kernel, text, breaks }: Job) -> Compiled {
    let Driver { device, trouble, checks, cache, marks } = driver;
    if let Some(message) = trouble.seen() {
        return Err(message);
    }
    marks.begin(kernel.variant());
    if let Some(breaks) = &breaks {
        // A test that does not wait for it has dropped the other end.
        let _ = breaks.reached.send(());
    }
    match breaks.map(|breaks| breaks.how) {
        None => {}
        Some(BrokenCompiler::Lost) => {
            device.destroy();
            // A driver's own failure is told at once; this one when what was sent before is done.
            while trouble.seen().is_none() {
                let _ = device.poll(wgpu::PollType::Poll);
                yield_now();
            }
        }
        Some(BrokenCompiler::Hangs) => loop {
            park();
        },
    }
    let done = catch_unwind(AssertUnwindSafe(|| compile(device, kernel, text, *checks, cache.clone())));
    match done {
        Ok(compiled) => {
            // A driver that could not go on loses the device, and says so there alone.
            if trouble.seen().is_none() {
                marks.end(kernel.variant());
            }
            compiled
        }
        Err(panic) => Err(panicked(&*panic)),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    let what = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("its driver's library panicked: {}", what.unwrap_or("without a word"))
}
