//! How many multiply-adds the cores do when nothing holds them up: the limit that kernels are measured against.

use std::hint::black_box;
use std::time::Instant;

use super::pool::Pool;
use super::simd::{Kernel, SimdLevel};
use super::vector::Vector;
use crate::grid::PANEL_ROWS;

/// Sums that do not wait for each other: more than two units of a latency of four need, fewer than there are registers.
const CHAINS: usize = 12;

const ROUNDS: usize = 1 << 20;
/// A try takes some milliseconds; a system may need longer to give each thread a core of its own.
const REPEATS: usize = 25;

struct Chains {
    factor: f32,
    lanes: usize,
}

impl Kernel for &mut Chains {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let (factor, addend) = (V::splat(self.factor), V::splat(1.0 - self.factor));
        let mut sums = [V::splat(1.0); CHAINS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = sum.multiply_add(factor, addend);
            }
        }
        let mut out = [0.0; PANEL_ROWS];
        for sum in sums {
            sum.store(&mut out, 0);
            black_box(&out);
        }
        self.lanes = V::LANES;
    }
}

/// Single-precision multiply-adds per second of so many threads together at the best level there is: the best of a few
/// tries, since a core that just woke is slow.
pub fn multiply_adds_per_second(threads: usize) -> f64 {
    let level = SimdLevel::available()[0];
    let pool = Pool::new(threads);
    let lanes = std::sync::atomic::AtomicUsize::new(0);
    let seconds = (0..REPEATS).map(|_| {
        let started = Instant::now();
        pool.for_each(threads, &|_, _| {
            let mut chains = Chains { factor: black_box(0.999), lanes: 0 };
            level.run(&mut chains);
            lanes.store(chains.lanes, std::sync::atomic::Ordering::Relaxed);
        });
        started.elapsed().as_secs_f64()
    });
    let best = seconds.fold(f64::INFINITY, f64::min);
    (threads * lanes.into_inner() * CHAINS * ROUNDS) as f64 / best
}
