//! Which vector instructions the machine has, and running a kernel with them.
//!
//! Kernels are written once over [`Vector`]; `run` compiles each of them for every level and picks at run time. What
//! is compiled under a level's features also lets plain loops over arrays become its vectors.

use super::model::Form;
#[cfg(target_arch = "aarch64")]
use super::vector::Neon;
use super::vector::Vector;
#[cfg(target_arch = "x86_64")]
use super::vector::{Avx2, Avx512};

/// A piece of work that can be compiled for any level. Parts that shall not share registers and loops with the rest are
/// kernels of their own, which the rest calls through [`Vector::call`].
pub(super) trait Kernel {
    /// Always inlined, so that it takes on the features of its caller.
    fn run<V: Vector>(self);
}

/// The instruction sets kernels are compiled for. Every one gives the same labels and sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimdLevel {
    Avx512,
    Avx2,
    Neon,
    Scalar,
}

impl SimdLevel {
    /// All levels this machine can run, fastest first; never empty.
    pub fn available() -> Vec<SimdLevel> {
        let all = [SimdLevel::Avx512, SimdLevel::Avx2, SimdLevel::Neon, SimdLevel::Scalar];
        all.into_iter().filter(|level| level.is_available()).collect()
    }

    fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("fma")
            }
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            SimdLevel::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            SimdLevel::Scalar => true,
            _ => false,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            SimdLevel::Avx512 => "AVX-512",
            SimdLevel::Avx2 => "AVX2",
            SimdLevel::Neon => "NEON",
            SimdLevel::Scalar => "scalar",
        }
    }

    /// Centroids per tile, so that the accumulators of a tile stay in registers; differences need some of their own.
    pub(super) fn tile(self, form: Form) -> usize {
        match (self, form) {
            (_, Form::Dot) => TILE_MAX,
            (_, Form::Direct) => 4,
        }
    }

    /// Runs a kernel with this level's instructions; with scalar ones where the machine lacks them.
    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) {
        if !self.is_available() {
            return f32::call(kernel);
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512 => Avx512::call(kernel),
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx2 => Avx2::call(kernel),
            #[cfg(target_arch = "aarch64")]
            SimdLevel::Neon => Neon::call(kernel),
            _ => f32::call(kernel),
        }
    }
}

/// Most centroids a tile holds: 4 vectors of rows x 6 centroids are 24 of AVX-512's 32 registers, and 2 x 6 are 12 of
/// AVX2's 16.
pub(super) const TILE_MAX: usize = 6;

/// Asks for the cache line at `pointer`, which may lie past the end of its allocation.
#[inline(always)]
pub(super) fn prefetch(pointer: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and cannot fault, wherever it points; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(pointer.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = pointer;
}
