//! A pool of workers that lives as long as its engine. A pass over half a million rows takes under a millisecond;
//! starting threads, or waking sleeping ones, would cost as much. Workers therefore wait awake for a moment before
//! they sleep.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, Thread};

/// How often a waiting thread looks before it sleeps: some 50 µs.
const SPINS_MAX: u32 = 10_000;

/// What every worker runs once per call of [`Pool::run`]. The lifetime is erased; `run` outlives every use.
#[derive(Clone, Copy)]
struct Work(*const (dyn Fn(usize) + Sync));

// SAFETY: the pointee is `Sync`, and `Pool::run` keeps it alive until every worker is done with it.
unsafe impl Send for Work {}

struct Shared {
    work: Mutex<Option<Work>>,
    /// Counts calls of `run`; a worker that sees a new value takes the work.
    round: AtomicUsize,
    /// Workers that have not finished the current round.
    running: AtomicUsize,
    panicked: AtomicBool,
    closing: AtomicBool,
}

/// `threads` lanes of work: the calling thread is one of them.
pub(super) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// One call of `run` at a time.
    gate: Mutex<()>,
}

impl Pool {
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared {
            work: Mutex::new(None),
            round: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        });
        let workers = (1..threads.max(1))
            .filter_map(|index| {
                let shared = shared.clone();
                // Fewer threads than asked for are no error: the work is shared out dynamically.
                std::thread::Builder::new().name(format!("segmint-{index}")).spawn(move || shared.serve(index)).ok()
            })
            .collect();
        Self { shared, workers, gate: Mutex::new(()) }
    }

    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `work(lane)` once on every lane, the caller's included, and returns when all are done.
    pub fn run(&self, work: &(dyn Fn(usize) + Sync)) {
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: only the lifetime changes; the pointer is not used after this function returns (see `Done`).
        let erased =
            Work(unsafe { std::mem::transmute::<*const (dyn Fn(usize) + Sync), *const (dyn Fn(usize) + Sync)>(work) });
        *self.shared.work.lock().unwrap_or_else(PoisonError::into_inner) = Some(erased);
        self.shared.running.store(self.workers.len(), Ordering::Relaxed);
        self.shared.round.fetch_add(1, Ordering::Release);
        for worker in &self.workers {
            worker.thread().unpark();
        }
        let done = Done(&self.shared);
        work(0);
        drop(done);
        assert!(!self.shared.panicked.load(Ordering::Acquire), "a worker of the pool panicked");
    }

    /// Hands out the numbers 0..n to all lanes, each to one of them.
    pub fn for_each(&self, n: usize, work: &(dyn Fn(usize, usize) + Sync)) {
        let next = AtomicUsize::new(0);
        self.run(&|lane| {
            loop {
                let item = next.fetch_add(1, Ordering::Relaxed);
                if item >= n {
                    break;
                }
                work(lane, item);
            }
        });
    }
}

/// Waits for the workers, also when the caller's own share panics.
struct Done<'a>(&'a Shared);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let mut spins = 0u32;
        while self.0.running.load(Ordering::Acquire) != 0 {
            spins += 1;
            if spins < SPINS_MAX {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }
}

impl Shared {
    fn serve(&self, lane: usize) {
        let mut seen = 0;
        loop {
            let mut spins = 0u32;
            while self.round.load(Ordering::Acquire) == seen {
                spins += 1;
                if spins < SPINS_MAX {
                    std::hint::spin_loop();
                } else {
                    std::thread::park();
                }
            }
            seen += 1;
            if self.closing.load(Ordering::Acquire) {
                return;
            }
            let work = *self.work.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Work(work)) = work {
                // SAFETY: `run` waits for `running` to reach zero before the work goes out of scope.
                let result = catch_unwind(AssertUnwindSafe(|| unsafe { (*work)(lane) }));
                if result.is_err() {
                    self.panicked.store(true, Ordering::Release);
                }
            }
            self.running.fetch_sub(1, Ordering::Release);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.round.fetch_add(1, Ordering::Release);
        let threads: Vec<Thread> = self.workers.iter().map(|w| w.thread().clone()).collect();
        threads.iter().for_each(Thread::unpark);
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_handed_out_once_over_many_rounds() {
        for threads in [1, 2, 5] {
            let pool = Pool::new(threads);
            for n in [0, 1, 7, 1000] {
                let counts: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
                pool.for_each(n, &|_, item| {
                    counts[item].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn a_panic_in_a_worker_reaches_the_caller() {
        let pool = Pool::new(3);
        let result = catch_unwind(AssertUnwindSafe(|| pool.run(&|lane| assert!(lane == 0, "on purpose"))));
        assert!(result.is_err());
    }
}
