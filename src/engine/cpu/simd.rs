//! Which vector instructions the machine has, and one macro that compiles a kernel for each of them.
//!
//! A kernel is a plain generic function over arrays: `L` lanes per vector, `R` vectors of rows at a time, fused
//! multiply-add or not. Compiled under the right target feature, the arrays become registers.

/// The instruction sets kernels are compiled for. Every one gives the same labels and sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimdLevel {
    Avx512,
    Avx2,
    Neon,
    Scalar,
}

impl SimdLevel {
    /// All levels this machine can run, fastest first.
    pub fn available() -> Vec<SimdLevel> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                levels.push(SimdLevel::Avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(SimdLevel::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        levels.push(SimdLevel::Neon);
        levels.push(SimdLevel::Scalar);
        levels
    }

    pub fn name(self) -> &'static str {
        match self {
            SimdLevel::Avx512 => "AVX-512",
            SimdLevel::Avx2 => "AVX2",
            SimdLevel::Neon => "NEON",
            SimdLevel::Scalar => "scalar",
        }
    }
}

/// Most centroids a tile holds at any level: 4 vectors of rows x 6 centroids are 24 of AVX-512's 32 registers.
pub(super) const TILE_MAX: usize = 6;

impl SimdLevel {
    /// Centroids per tile, so that the accumulators of a tile stay in registers.
    pub(super) fn tile(self) -> usize {
        match self {
            SimdLevel::Avx512 | SimdLevel::Neon => TILE_MAX,
            SimdLevel::Avx2 | SimdLevel::Scalar => 5,
        }
    }
}

/// `per_level!(name = body(arg: Type, ..))` makes `fn name(level, arg, ..)`, which runs `body::<L, R, FMA>(arg, ..)`
/// compiled for the level. `L * R` divides the 64 rows of a panel.
macro_rules! per_level {
    ($(#[$doc:meta])* $name:ident = $body:ident($($arg:ident: $type:ty),* $(,)?)) => {
        $(#[$doc])*
        pub(super) fn $name(level: $crate::engine::cpu::SimdLevel, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn avx512($($arg: $type),*) {
                $body::<16, 4, true>($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $type),*) {
                $body::<8, 2, true>($($arg),*)
            }
            match level {
                // SAFETY: `SimdLevel::available` and `CpuEngine::new` hand out a level only where the machine has it.
                #[cfg(target_arch = "x86_64")]
                $crate::engine::cpu::SimdLevel::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::engine::cpu::SimdLevel::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "aarch64")]
                $crate::engine::cpu::SimdLevel::Neon => $body::<4, 4, true>($($arg),*),
                _ => $body::<4, 2, false>($($arg),*),
            }
        }
    };
}
pub(super) use per_level;

/// `a * b + c`, fused where the level has it. The error bounds hold either way.
#[inline(always)]
pub(super) fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

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
