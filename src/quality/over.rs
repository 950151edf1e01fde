//! Work over all rows on several threads. What each thread gathers is merged by the caller, whose merge must not care
//! for the order: integers do not.

use std::ops::Range;

use crate::engine::cpu::threads_or_all;

/// Shares out `0..n` in whole multiples of `unit`, one range per thread, and returns what each made of its own.
pub(super) fn ranges<T: Send>(
    n: usize,
    unit: usize,
    threads: usize,
    work: impl Fn(Range<usize>) -> T + Sync,
) -> Vec<T> {
    let per_thread = n.div_ceil(threads_or_all(threads)).next_multiple_of(unit).max(unit);
    let ranges: Vec<Range<usize>> = (0..n).step_by(per_thread).map(|first| first..n.min(first + per_thread)).collect();
    if let [only] = &ranges[..] {
        return vec![work(only.clone())];
    }
    std::thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> = ranges.into_iter().map(|range| scope.spawn(move || work(range))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
