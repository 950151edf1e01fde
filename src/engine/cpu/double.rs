//! Vectors of f64 and of the u64 that distances become, once per instruction set: what the kernels of the silhouette and
//! of seeding need beside [`Vector`](super::vector::Vector), which is where they are reached from.

use super::pairs::{GROUP_ROWS, TO_UNITS};
use crate::grid::PANEL_ROWS;

/// Added to a smaller whole number, this leaves it in the lowest bits of the sum.
pub(super) const WHOLE_MAX: f64 = (1u64 << 52) as f64;

/// One vector of f64. All operations are lane by lane.
pub(super) trait Double: Copy {
    const LANES: usize;

    /// As many u64.
    type Units: Copy;

    fn splat(value: f64) -> Self;

    /// The `LANES` values from `at` on.
    fn load(from: &[f64; GROUP_ROWS], at: usize) -> Self;

    /// The same of a panel's column.
    fn load_floats(from: &[f32; PANEL_ROWS], at: usize) -> Self;

    fn store(self, to: &mut [f64; GROUP_ROWS], at: usize);

    fn add(self, other: Self) -> Self;

    fn subtract(self, other: Self) -> Self;

    fn multiply(self, factor: Self) -> Self;

    fn smaller(self, other: Self) -> Self;

    /// `self * factor + addend`, fused where the level has it: only for what f64 holds exactly either way.
    fn multiply_add(self, factor: Self, addend: Self) -> Self;

    /// The bits of `TO_UNITS` plus the square root of each value, taken in f32 of the value as an f32.
    fn shifted_roots(pair: [Self; 2]) -> [Self::Units; 2];

    fn splat_units(value: u64) -> Self::Units;

    /// Whole numbers from 0 to below [`WHOLE_MAX`].
    fn whole_units(self) -> Self::Units;

    fn load_units(from: &[u64; GROUP_ROWS], at: usize) -> Self::Units;

    fn store_units(units: Self::Units, to: &mut [u64; GROUP_ROWS], at: usize);

    /// Wraps around.
    fn add_units(a: Self::Units, b: Self::Units) -> Self::Units;

    /// The sum of all lanes; it wraps around.
    fn sum_units(units: Self::Units) -> u64;
}

/// `assert`s what makes a load or store of `lanes` of `rows` values at `at` sound; the compiler removes it where `at` is
/// known.
#[inline(always)]
fn check(at: usize, lanes: usize, rows: usize) {
    assert!(at + lanes <= rows);
}

/// One lane: the level every machine has.
impl Double for f64 {
    const LANES: usize = 1;

    type Units = u64;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn load(from: &[f64; GROUP_ROWS], at: usize) -> Self {
        from[at]
    }

    #[inline(always)]
    fn load_floats(from: &[f32; PANEL_ROWS], at: usize) -> Self {
        f64::from(from[at])
    }

    #[inline(always)]
    fn store(self, to: &mut [f64; GROUP_ROWS], at: usize) {
        to[at] = self;
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }

    #[inline(always)]
    fn subtract(self, other: Self) -> Self {
        self - other
    }

    #[inline(always)]
    fn multiply(self, factor: Self) -> Self {
        self * factor
    }

    #[inline(always)]
    fn smaller(self, other: Self) -> Self {
        if self < other { self } else { other }
    }

    #[inline(always)]
    fn multiply_add(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }

    #[inline(always)]
    fn shifted_roots([low, high]: [Self; 2]) -> [u64; 2] {
        [shifted_root(low), shifted_root(high)]
    }

    #[inline(always)]
    fn splat_units(value: u64) -> u64 {
        value
    }

    #[inline(always)]
    fn whole_units(self) -> u64 {
        (self + WHOLE_MAX).to_bits() - WHOLE_MAX.to_bits()
    }

    #[inline(always)]
    fn load_units(from: &[u64; GROUP_ROWS], at: usize) -> u64 {
        from[at]
    }

    #[inline(always)]
    fn store_units(units: u64, to: &mut [u64; GROUP_ROWS], at: usize) {
        to[at] = units;
    }

    #[inline(always)]
    fn add_units(a: u64, b: u64) -> u64 {
        a.wrapping_add(b)
    }

    #[inline(always)]
    fn sum_units(units: u64) -> u64 {
        units
    }
}

#[inline(always)]
fn shifted_root(square: f64) -> u64 {
    (f64::from((square as f32).sqrt()) + TO_UNITS).to_bits()
}

/// `double!(Name = Register, IntegerRegister, lanes, operations..)`, as `vector!` beside the other vectors.
#[allow(unused_macros)]
macro_rules! double {
    ($(#[$doc:meta])* $name:ident = $register:ty, $integers:ty, $lanes:literal, splat $splat:expr, load $load:expr,
     load_floats $load_floats:expr, store $store:expr, add $add:expr, subtract $subtract:expr,
     multiply $multiply:expr, smaller $smaller:expr,
     multiply_add $multiply_add:expr, shifted_roots $shifted_roots:path, whole_units $whole_units:expr,
     load_units $load_units:expr, store_units $store_units:expr, add_units $add_units:expr,
     splat_units $splat_units:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(in crate::engine::cpu) struct $name($register);

        // SAFETY (all operations): only kernels compiled under this level's features use this type, and `check` keeps
        // loads and stores within their arrays.
        #[allow(clippy::redundant_closure_call)]
        impl Double for $name {
            const LANES: usize = $lanes;

            type Units = $integers;

            #[inline(always)]
            fn splat(value: f64) -> Self {
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            fn load(from: &[f64; GROUP_ROWS], at: usize) -> Self {
                check(at, $lanes, GROUP_ROWS);
                Self(unsafe { $load(from.as_ptr().add(at)) })
            }

            #[inline(always)]
            fn load_floats(from: &[f32; PANEL_ROWS], at: usize) -> Self {
                check(at, $lanes, PANEL_ROWS);
                Self(unsafe { $load_floats(from.as_ptr().add(at)) })
            }

            #[inline(always)]
            fn store(self, to: &mut [f64; GROUP_ROWS], at: usize) {
                check(at, $lanes, GROUP_ROWS);
                unsafe { $store(to.as_mut_ptr().add(at), self.0) }
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(unsafe { $add(self.0, other.0) })
            }

            #[inline(always)]
            fn subtract(self, other: Self) -> Self {
                Self(unsafe { $subtract(self.0, other.0) })
            }

            #[inline(always)]
            fn multiply(self, factor: Self) -> Self {
                Self(unsafe { $multiply(self.0, factor.0) })
            }

            #[inline(always)]
            fn smaller(self, other: Self) -> Self {
                Self(unsafe { $smaller(self.0, other.0) })
            }

            #[inline(always)]
            fn multiply_add(self, factor: Self, addend: Self) -> Self {
                Self(unsafe { $multiply_add(self.0, factor.0, addend.0) })
            }

            #[inline(always)]
            fn shifted_roots(pair: [Self; 2]) -> [$integers; 2] {
                unsafe { $shifted_roots(pair[0].0, pair[1].0) }
            }

            #[inline(always)]
            fn splat_units(value: u64) -> $integers {
                unsafe { $splat_units(value) }
            }

            #[inline(always)]
            fn whole_units(self) -> $integers {
                unsafe { $whole_units(self.0) }
            }

            #[inline(always)]
            fn load_units(from: &[u64; GROUP_ROWS], at: usize) -> $integers {
                check(at, $lanes, GROUP_ROWS);
                unsafe { $load_units(from.as_ptr().add(at)) }
            }

            #[inline(always)]
            fn store_units(units: $integers, to: &mut [u64; GROUP_ROWS], at: usize) {
                check(at, $lanes, GROUP_ROWS);
                unsafe { $store_units(to.as_mut_ptr().add(at), units) }
            }

            #[inline(always)]
            fn add_units(a: $integers, b: $integers) -> $integers {
                unsafe { $add_units(a, b) }
            }

            #[inline(always)]
            fn sum_units(units: $integers) -> u64 {
                let mut lanes = [0; GROUP_ROWS];
                Self::store_units(units, &mut lanes, 0);
                lanes.iter().fold(0, |sum: u64, &lane| sum.wrapping_add(lane))
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Double, GROUP_ROWS, PANEL_ROWS, TO_UNITS, WHOLE_MAX, check};

    // Functions and no closures: closures do not take on the features of the kernel they stand in.

    #[inline(always)]
    unsafe fn shifted_512(low: __m512d, high: __m512d) -> [__m512i; 2] {
        // SAFETY: called from `Avx512Double` only, see there.
        unsafe {
            let shift = _mm512_set1_pd(TO_UNITS);
            let low = _mm512_add_pd(_mm512_cvtps_pd(_mm256_sqrt_ps(_mm512_cvtpd_ps(low))), shift);
            let high = _mm512_add_pd(_mm512_cvtps_pd(_mm256_sqrt_ps(_mm512_cvtpd_ps(high))), shift);
            [_mm512_castpd_si512(low), _mm512_castpd_si512(high)]
        }
    }

    #[inline(always)]
    unsafe fn shifted_256(low: __m256d, high: __m256d) -> [__m256i; 2] {
        // SAFETY: called from `Avx2Double` only, see there.
        unsafe {
            let shift = _mm256_set1_pd(TO_UNITS);
            // Eight roots at once cost what four do.
            let roots = _mm256_sqrt_ps(_mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low)));
            let low = _mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(roots)), shift);
            let high = _mm256_add_pd(_mm256_cvtps_pd(_mm256_extractf128_ps::<1>(roots)), shift);
            [_mm256_castpd_si256(low), _mm256_castpd_si256(high)]
        }
    }

    double! {
        /// Eight lanes.
        Avx512Double = __m512d, __m512i, 8,
        splat _mm512_set1_pd, load _mm512_loadu_pd,
        load_floats |from: *const f32| _mm512_cvtps_pd(_mm256_loadu_ps(from)),
        store _mm512_storeu_pd, add _mm512_add_pd, subtract _mm512_sub_pd, multiply _mm512_mul_pd,
        smaller _mm512_min_pd, multiply_add _mm512_fmadd_pd,
        shifted_roots shifted_512,
        whole_units |values| _mm512_sub_epi64(
            _mm512_castpd_si512(_mm512_add_pd(values, _mm512_set1_pd(WHOLE_MAX))),
            _mm512_set1_epi64(WHOLE_MAX.to_bits() as i64),
        ),
        load_units |from: *const u64| _mm512_loadu_si512(from.cast()),
        store_units |to: *mut u64, units| _mm512_storeu_si512(to.cast(), units),
        add_units _mm512_add_epi64, splat_units |value: u64| _mm512_set1_epi64(value as i64)
    }

    double! {
        /// Four lanes.
        Avx2Double = __m256d, __m256i, 4,
        splat _mm256_set1_pd, load _mm256_loadu_pd,
        load_floats |from: *const f32| _mm256_cvtps_pd(_mm_loadu_ps(from)),
        store _mm256_storeu_pd, add _mm256_add_pd, subtract _mm256_sub_pd, multiply _mm256_mul_pd,
        smaller _mm256_min_pd, multiply_add _mm256_fmadd_pd,
        shifted_roots shifted_256,
        whole_units |values| _mm256_sub_epi64(
            _mm256_castpd_si256(_mm256_add_pd(values, _mm256_set1_pd(WHOLE_MAX))),
            _mm256_set1_epi64x(WHOLE_MAX.to_bits() as i64),
        ),
        load_units |from: *const u64| _mm256_loadu_si256(from.cast()),
        store_units |to: *mut u64, units| _mm256_storeu_si256(to.cast(), units),
        add_units _mm256_add_epi64, splat_units |value: u64| _mm256_set1_epi64x(value as i64)
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2Double, Avx512Double};

#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::*;

    use super::{Double, GROUP_ROWS, PANEL_ROWS, TO_UNITS, check};

    #[inline(always)]
    unsafe fn shifted_128(low: float64x2_t, high: float64x2_t) -> [uint64x2_t; 2] {
        // SAFETY: called from `NeonDouble` only, see there.
        unsafe {
            let shift = vdupq_n_f64(TO_UNITS);
            let roots = vsqrtq_f32(vcvt_high_f32_f64(vcvt_f32_f64(low), high));
            let low = vaddq_f64(vcvt_f64_f32(vget_low_f32(roots)), shift);
            let high = vaddq_f64(vcvt_high_f64_f32(roots), shift);
            [vreinterpretq_u64_f64(low), vreinterpretq_u64_f64(high)]
        }
    }

    double! {
        /// Two lanes.
        NeonDouble = float64x2_t, uint64x2_t, 2,
        splat vdupq_n_f64, load vld1q_f64, load_floats |from: *const f32| vcvt_f64_f32(vld1_f32(from)),
        store vst1q_f64, add vaddq_f64, subtract vsubq_f64, multiply vmulq_f64,
        smaller vminq_f64, multiply_add |a, b, c| vfmaq_f64(c, a, b),
        shifted_roots shifted_128, whole_units |values| vcvtq_u64_f64(values),
        load_units vld1q_u64, store_units |to, units| vst1q_u64(to, units), add_units vaddq_u64,
        splat_units vdupq_n_u64
    }
}

#[cfg(target_arch = "aarch64")]
pub(super) use arm::NeonDouble;
