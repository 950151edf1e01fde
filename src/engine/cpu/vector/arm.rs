//! Vectors of f32 on 64-bit ARM: NEON, which all of them have.

use std::arch::aarch64::*;

use super::super::double::NeonDouble;
use super::{Kernel, LANES_MAX, LOOK_UP_MAX, PANEL_ROWS, Vector, check};

#[inline(always)]
unsafe fn look_up_128(table: &[f32; LOOK_UP_MAX], labels: *const i32) -> float32x4_t {
    // SAFETY: called from `Neon` only, see there.
    unsafe {
        let chosen: [f32; 4] = std::array::from_fn(|lane| table[labels.add(lane).read() as usize % LOOK_UP_MAX]);
        vld1q_f32(chosen.as_ptr())
    }
}

vector! {
    /// Four lanes, 32 registers.
    Neon = float32x4_t, 4, double NeonDouble, features "neon",
    splat vdupq_n_f32, load vld1q_f32,
    load_bytes |bytes: *const u8| vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(
        vcreate_u8(u64::from(bytes.cast::<u32>().read_unaligned())),
    )))),
    look_up look_up_128, store vst1q_f32, add vaddq_f32, subtract vsubq_f32, multiply_add |a, b, c| vfmaq_f32(c, a, b),
    smaller vminq_f32, larger vmaxq_f32,
    where_less |a, b, then, otherwise| vbslq_f32(vcltq_f32(a, b), then, otherwise),
    less_bits |a, b| u64::from(vaddvq_u32(vandq_u32(vcltq_f32(a, b), vld1q_u32([1, 2, 4, 8].as_ptr())))),
    unlike_bits |a, b| u64::from(vaddvq_u32(vandq_u32(
        vmvnq_u32(vceqq_f32(a, b)),
        vld1q_u32([1, 2, 4, 8].as_ptr()),
    ))),
    only_where_at_most |a, limit, value| vreinterpretq_f32_u32(vandq_u32(
        vcleq_f32(a, limit),
        vreinterpretq_u32_f32(value),
    )),
    add_where_at_most |a, limit, value, sum| vaddq_f32(sum, vreinterpretq_f32_u32(vandq_u32(
        vcleq_f32(a, limit),
        vreinterpretq_u32_f32(value),
    ))),
    one_where_equal |a, b| vreinterpretq_f32_u32(vandq_u32(
        vceqq_f32(a, b),
        vreinterpretq_u32_f32(vdupq_n_f32(1.0)),
    )),
    add_to |a, to: *mut i32| vst1q_s32(to, vaddq_s32(vld1q_s32(to), vcvtq_s32_f32(a)))
}
