//! How fast this machine reads memory: the limit beside every timing, because a pass must read its panels once.

use std::hint::black_box;
use std::time::Instant;

const REPEATS: usize = 9;

/// Bytes per second that so many threads read from a region of this size together, the best of nine. A region that
/// fits a cache is read at the cache's speed, as a pass over it is.
pub fn measured(bytes: u64, threads: usize) -> f64 {
    let data = vec![1u64; (bytes as usize / 8).max(1)];
    let part = data.len().div_ceil(threads.max(1));
    let best = (0..REPEATS).map(|_| {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for part in data.chunks(part) {
                scope.spawn(|| black_box(part.iter().copied().fold(0, u64::wrapping_add)));
            }
        });
        started.elapsed().as_secs_f64()
    });
    bytes as f64 / best.fold(f64::INFINITY, f64::min)
}
