//! Vectors of f32 on x86-64: AVX-512 and AVX2.

use std::arch::x86_64::*;

use super::super::double::{Avx2Double, Avx512Double};
use super::{Kernel, LANES_MAX, LOOK_UP_MAX, PANEL_ROWS, Vector, check};

// Functions and no closures: closures do not take on the features of the kernel they stand in.

#[inline(always)]
unsafe fn look_up_512(table: &[f32; LOOK_UP_MAX], labels: *const i32) -> __m512 {
    // SAFETY: called from `Avx512` only, see there.
    unsafe { _mm512_permutexvar_ps(_mm512_loadu_si512(labels.cast()), _mm512_loadu_ps(table.as_ptr())) }
}

#[inline(always)]
unsafe fn look_up_256(table: &[f32; LOOK_UP_MAX], labels: *const i32) -> __m256 {
    // SAFETY: called from `Avx2` only, see there.
    unsafe {
        let labels = _mm256_loadu_si256(labels.cast());
        let low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table.as_ptr()), labels);
        let high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table.as_ptr().add(8)), labels);
        // Bit 3 of a label, which says in which half it lies, becomes the sign.
        _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32::<28>(labels)))
    }
}

vector! {
    /// Sixteen lanes, 32 registers.
    Avx512 = __m512, 16, double Avx512Double, features "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma",
    splat _mm512_set1_ps, load _mm512_loadu_ps,
    load_bytes |bytes: *const u8| _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(bytes.cast()))),
    look_up look_up_512, store _mm512_storeu_ps, add _mm512_add_ps, subtract _mm512_sub_ps, multiply_add _mm512_fmadd_ps,
    smaller _mm512_min_ps, larger _mm512_max_ps,
    where_less |a, b, then, otherwise| _mm512_mask_mov_ps(otherwise, _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), then),
    less_bits |a, b| u64::from(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b)),
    unlike_bits |a, b| u64::from(_mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(a, b)),
    only_where_at_most |a, limit, value| _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, limit), value),
    add_where_at_most |a, limit, value, sum| _mm512_mask_add_ps(
        sum,
        _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, limit),
        sum,
        value,
    ),
    one_where_equal |a, b| _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b), _mm512_set1_ps(1.0)),
    add_to |a, to: *mut i32| _mm512_storeu_si512(
        to.cast(),
        _mm512_add_epi32(_mm512_loadu_si512(to.cast()), _mm512_cvttps_epi32(a)),
    )
}

vector! {
    /// Eight lanes, 16 registers.
    Avx2 = __m256, 8, double Avx2Double, features "avx2,fma",
    splat _mm256_set1_ps, load _mm256_loadu_ps,
    load_bytes |bytes: *const u8| _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(bytes.cast()))),
    look_up look_up_256, store _mm256_storeu_ps, add _mm256_add_ps, subtract _mm256_sub_ps, multiply_add _mm256_fmadd_ps,
    smaller _mm256_min_ps, larger _mm256_max_ps,
    where_less |a, b, then, otherwise| _mm256_blendv_ps(otherwise, then, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)),
    less_bits |a, b| u64::from(_mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) as u32),
    unlike_bits |a, b| u64::from(_mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(a, b)) as u32),
    only_where_at_most |a, limit, value| _mm256_and_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(a, limit), value),
    add_where_at_most |a, limit, value, sum| _mm256_add_ps(
        sum,
        _mm256_and_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(a, limit), value),
    ),
    one_where_equal |a, b| _mm256_and_ps(_mm256_cmp_ps::<_CMP_EQ_OQ>(a, b), _mm256_set1_ps(1.0)),
    add_to |a, to: *mut i32| _mm256_storeu_si256(
        to.cast(),
        _mm256_add_epi32(_mm256_loadu_si256(to.cast()), _mm256_cvttps_epi32(a)),
    )
}
