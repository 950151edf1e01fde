//! How fast this machine reads memory: the limit beside every timing, because a pass must read its panels once.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

/// Readings that are timed together, so that starting threads costs next to nothing.
const READS: usize = 16;
const REPEATS: usize = 5;

/// Bytes per second that so many threads read from a region of this size together, the best of five. A region that
/// fits a cache is read at the cache's speed, as a pass over it is.
pub fn measured(bytes: u64, threads: usize) -> f64 {
    let data = vec![1u64; (bytes as usize / 8).max(1)];
    let parts: Vec<&[u64]> = data.chunks(data.len().div_ceil(threads.max(1))).collect();
    let best = (0..REPEATS).map(|_| {
        let together = Barrier::new(parts.len());
        // Each thread takes its own times: whoever waits for them may be woken long after they began.
        let times: Vec<(Instant, Instant)> = std::thread::scope(|scope| {
            let readers: Vec<_> = parts
                .iter()
                .map(|part| {
                    scope.spawn(|| {
                        together.wait();
                        let started = Instant::now();
                        for _ in 0..READS {
                            black_box(black_box(*part).iter().fold(0, |sum: u64, &word| sum.wrapping_add(word)));
                        }
                        (started, Instant::now())
                    })
                })
                .collect();
            readers.into_iter().filter_map(|reader| reader.join().ok()).collect()
        });
        let (first, last) = (times.iter().map(|time| time.0).min(), times.iter().map(|time| time.1).max());
        let seconds = first.zip(last).map_or(f64::INFINITY, |(first, last)| (last - first).as_secs_f64());
        seconds / READS as f64
    });
    bytes as f64 / best.fold(f64::INFINITY, f64::min)
}
