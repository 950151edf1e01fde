//! A pool of workers that lives as long as its engine. A pass over half a million rows takes under a millisecond;
//! starting threads, or waking sleeping ones, would cost as much. Workers therefore wait awake for a moment before
//! they sleep. Where the machine has other work to do, a worker may come late or not at all: nobody waits for one that
//! has not begun, for the work is shared out piece by piece.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, Thread};

/// How often a waiting thread looks before it sleeps: some 50 µs.
const SPINS_MAX: u32 = 10_000;

/// What a worker runs at most once per call of [`Pool::run`]. The lifetime is erased; `run` outlives every use.
#[derive(Clone, Copy)]
struct Work(*const (dyn Fn(usize) + Sync));

// SAFETY: the pointee is `Sync`, and `Pool::run` keeps it alive until every worker is done with it.
unsafe impl Send for Work {}

/// The work of the call of `run` with this number: there from its beginning until the caller has done its own share.
#[derive(Clone, Copy)]
struct Offer {
    round: usize,
    work: Option<Work>,
}

struct Shared {
    offer: Mutex<Offer>,
    /// Counts calls of `run`; a worker that sees a new value looks at the offer.
    round: AtomicUsize,
    /// Workers that have taken the work and not finished it. Counted up under the lock of the offer.
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
            offer: Mutex::new(Offer { round: 0, work: None }),
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

    /// Runs `work(lane)` once on the caller's lane, 0, and at most once on each other, on those that come in time;
    /// returns when all that began are done.
    pub fn run(&self, work: &(dyn Fn(usize) + Sync)) {
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: only the lifetime changes; the pointer is not used after this function returns (see `Done`).
        let erased =
            Work(unsafe { std::mem::transmute::<*const (dyn Fn(usize) + Sync), *const (dyn Fn(usize) + Sync)>(work) });
        let mut offer = self.shared.offer();
        *offer = Offer { round: offer.round.wrapping_add(1), work: Some(erased) };
        self.shared.round.store(offer.round, Ordering::Release);
        drop(offer);
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

/// Takes the work back and waits for the workers that began, also when the caller's own share panics.
struct Done<'a>(&'a Shared);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.offer().work = None;
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
    fn offer(&self) -> MutexGuard<'_, Offer> {
        self.offer.lock().unwrap_or_else(PoisonError::into_inner)
    }

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
            let work = {
                let offer = self.offer();
                seen = offer.round;
                if offer.work.is_some() {
                    self.running.fetch_add(1, Ordering::Relaxed);
                }
                offer.work
            };
            // Behind the lock: whoever has seen the last round must not sleep on it.
            if self.closing.load(Ordering::Acquire) {
                return;
            }
            if let Some(Work(work)) = work {
                // SAFETY: the work was counted as running before `run` could take it back, and `run` waits for
                // `running` to reach zero before the work goes out of scope.
                let result = catch_unwind(AssertUnwindSafe(|| unsafe { (*work)(lane) }));
                if result.is_err() {
                    self.panicked.store(true, Ordering::Release);
                }
                self.running.fetch_sub(1, Ordering::Release);
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        let mut offer = self.shared.offer();
        offer.round = offer.round.wrapping_add(1);
        self.shared.round.store(offer.round, Ordering::Release);
        drop(offer);
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
        let reached = AtomicBool::new(false);
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.run(&|lane| {
                reached.fetch_or(lane != 0, Ordering::SeqCst);
                assert!(lane == 0, "on purpose");
                while !reached.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            })
        }));
        assert!(result.is_err());
    }

    #[test]
    fn a_lane_works_at_most_once_per_call_and_nothing_is_left_to_begin_behind_it() {
        let pool = Pool::new(6);
        for _ in 0..2_000 {
            let counts: Vec<AtomicUsize> = (0..6).map(|_| AtomicUsize::new(0)).collect();
            pool.run(&|lane| {
                counts[lane].fetch_add(1, Ordering::Relaxed);
            });
            let counts: Vec<usize> = counts.iter().map(|c| c.load(Ordering::Relaxed)).collect();
            assert!(counts[0] == 1 && counts.iter().all(|&c| c <= 1), "{counts:?}");
            // A worker that comes now finds nothing: the caller went on without it.
            assert!(pool.shared.offer().work.is_none());
            assert_eq!(pool.shared.running.load(Ordering::Acquire), 0);
        }
    }
}
