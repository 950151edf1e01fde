//! Vectors of f32, once per instruction set: the dozen operations the kernels need and nothing else.
//!
//! The operations are inlined into kernels that [`SimdLevel::run`](super::SimdLevel) compiles under the level's
//! features; that is the only place they are reached from.

use super::chosen::LOOK_UP_MAX;
use super::double::Double;
use super::simd::Kernel;
use crate::grid::PANEL_ROWS;

/// One vector of f32. All operations are lane by lane. Only kernels that [`SimdLevel::run`](super::SimdLevel) started
/// use it, on a machine that has what the level needs.
pub(super) trait Vector: Copy {
    const LANES: usize;

    /// The level's vector of f64.
    type Double: Double;

    /// Runs a kernel as a function of its own that is compiled under this level's features.
    fn call<K: Kernel>(kernel: K);

    fn splat(value: f32) -> Self;

    /// The `LANES` values from `at` on.
    fn load(from: &[f32; PANEL_ROWS], at: usize) -> Self;

    /// The same of bytes, as numbers.
    fn load_bytes(from: &[u8; PANEL_ROWS], at: usize) -> Self;

    /// Of each of the `LANES` labels from `at` on the number that it names; labels are below the table's length.
    fn look_up(table: &[f32; LOOK_UP_MAX], labels: &[i32; PANEL_ROWS], at: usize) -> Self;

    fn store(self, to: &mut [f32; PANEL_ROWS], at: usize);

    fn add(self, other: Self) -> Self;

    fn subtract(self, other: Self) -> Self;

    /// `self * factor + addend`, fused where the level has it: the error bounds hold either way.
    fn multiply_add(self, factor: Self, addend: Self) -> Self;

    fn smaller(self, other: Self) -> Self;

    fn larger(self, other: Self) -> Self;

    /// Lanes of `then` where `self < other`, of `otherwise` elsewhere.
    fn where_less(self, other: Self, then: Self, otherwise: Self) -> Self;

    /// One bit per lane, the first lowest: set where `self < other`. The bits above `LANES` are 0.
    fn less_bits(self, other: Self) -> u64;

    /// The same where they differ.
    fn unlike_bits(self, other: Self) -> u64;

    /// `value` where `self <= limit`, 0 elsewhere.
    fn only_where_at_most(self, limit: Self, value: Self) -> Self;

    /// `sum`, and `value` on top of it where `self <= limit`.
    fn add_where_at_most(self, limit: Self, value: Self, sum: Self) -> Self;

    /// 1 in the lanes where both are equal, 0 elsewhere.
    fn one_where_equal(self, other: Self) -> Self;

    /// Adds lanes that hold whole numbers below 2^31 in size to as many integers, wrapping.
    fn add_to(self, integers: &mut [i32; LANES_MAX]);
}

/// Lanes of the widest vector.
pub(super) const LANES_MAX: usize = 16;

/// `assert`s what makes a load or store of `lanes` values at `at` sound; the compiler removes it where `at` is known.
#[inline(always)]
fn check(at: usize, lanes: usize) {
    assert!(at + lanes <= PANEL_ROWS);
}

/// One lane: the level every machine has.
impl Vector for f32 {
    const LANES: usize = 1;

    type Double = f64;

    #[inline(never)]
    fn call<K: Kernel>(kernel: K) {
        kernel.run::<f32>();
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn load(from: &[f32; PANEL_ROWS], at: usize) -> Self {
        from[at]
    }

    #[inline(always)]
    fn load_bytes(from: &[u8; PANEL_ROWS], at: usize) -> Self {
        f32::from(from[at])
    }

    #[inline(always)]
    fn look_up(table: &[f32; LOOK_UP_MAX], labels: &[i32; PANEL_ROWS], at: usize) -> Self {
        table[labels[at] as usize % LOOK_UP_MAX]
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; PANEL_ROWS], at: usize) {
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
    fn multiply_add(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }

    #[inline(always)]
    fn smaller(self, other: Self) -> Self {
        if self < other { self } else { other }
    }

    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        if self > other { self } else { other }
    }

    #[inline(always)]
    fn where_less(self, other: Self, then: Self, otherwise: Self) -> Self {
        if self < other { then } else { otherwise }
    }

    #[inline(always)]
    fn less_bits(self, other: Self) -> u64 {
        u64::from(self < other)
    }

    #[inline(always)]
    fn unlike_bits(self, other: Self) -> u64 {
        u64::from(self != other)
    }

    #[inline(always)]
    fn only_where_at_most(self, limit: Self, value: Self) -> Self {
        if self <= limit { value } else { 0.0 }
    }

    #[inline(always)]
    fn add_where_at_most(self, limit: Self, value: Self, sum: Self) -> Self {
        if self <= limit { sum + value } else { sum }
    }

    #[inline(always)]
    fn one_where_equal(self, other: Self) -> Self {
        if self == other { 1.0 } else { 0.0 }
    }

    #[inline(always)]
    fn add_to(self, integers: &mut [i32; LANES_MAX]) {
        // SAFETY: the caller's lanes are whole numbers that fit i32.
        integers[0] = integers[0].wrapping_add(unsafe { self.to_int_unchecked() });
    }
}

/// `vector!(Name = Register, lanes, operations..)`: a vector over an architecture's register type. The intrinsics are
/// unsafe to call because the machine may lack them; a `Name` is made only under the level's features.
#[allow(unused_macros)]
macro_rules! vector {
    ($(#[$doc:meta])* $name:ident = $register:ty, $lanes:literal, double $double:ty, features $features:literal, splat $splat:expr, load $load:expr,
     load_bytes $load_bytes:expr, look_up $look_up:path, store $store:expr, add $add:expr, subtract $subtract:expr, multiply_add $multiply_add:expr,
     smaller $smaller:expr, larger $larger:expr, where_less $where_less:expr, less_bits $less_bits:expr,
     unlike_bits $unlike_bits:expr, only_where_at_most $only_where_at_most:expr,
     add_where_at_most $add_where_at_most:expr, one_where_equal $one_where_equal:expr, add_to $add_to:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(in crate::engine::cpu) struct $name($register);

        // SAFETY (all operations): only kernels compiled under this level's features use this type, and `check` keeps
        // loads and stores within their arrays.
        #[allow(clippy::redundant_closure_call)]
        impl Vector for $name {
            const LANES: usize = $lanes;

            type Double = $double;

            #[inline(always)]
            fn call<K: Kernel>(kernel: K) {
                #[target_feature(enable = $features)]
                #[inline(never)]
                fn with_features<K: Kernel>(kernel: K) {
                    kernel.run::<$name>();
                }
                unsafe { with_features(kernel) }
            }

            #[inline(always)]
            fn splat(value: f32) -> Self {
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            fn load(from: &[f32; PANEL_ROWS], at: usize) -> Self {
                check(at, $lanes);
                Self(unsafe { $load(from.as_ptr().add(at)) })
            }

            #[inline(always)]
            fn load_bytes(from: &[u8; PANEL_ROWS], at: usize) -> Self {
                check(at, $lanes);
                Self(unsafe { $load_bytes(from.as_ptr().add(at)) })
            }

            #[inline(always)]
            fn look_up(table: &[f32; LOOK_UP_MAX], labels: &[i32; PANEL_ROWS], at: usize) -> Self {
                check(at, $lanes);
                Self(unsafe { $look_up(table, labels.as_ptr().add(at)) })
            }

            #[inline(always)]
            fn store(self, to: &mut [f32; PANEL_ROWS], at: usize) {
                check(at, $lanes);
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
            fn multiply_add(self, factor: Self, addend: Self) -> Self {
                Self(unsafe { $multiply_add(self.0, factor.0, addend.0) })
            }

            #[inline(always)]
            fn smaller(self, other: Self) -> Self {
                Self(unsafe { $smaller(self.0, other.0) })
            }

            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                Self(unsafe { $larger(self.0, other.0) })
            }

            #[inline(always)]
            fn where_less(self, other: Self, then: Self, otherwise: Self) -> Self {
                Self(unsafe { $where_less(self.0, other.0, then.0, otherwise.0) })
            }

            #[inline(always)]
            fn less_bits(self, other: Self) -> u64 {
                unsafe { $less_bits(self.0, other.0) }
            }

            #[inline(always)]
            fn unlike_bits(self, other: Self) -> u64 {
                unsafe { $unlike_bits(self.0, other.0) }
            }

            #[inline(always)]
            fn only_where_at_most(self, limit: Self, value: Self) -> Self {
                Self(unsafe { $only_where_at_most(self.0, limit.0, value.0) })
            }

            #[inline(always)]
            fn add_where_at_most(self, limit: Self, value: Self, sum: Self) -> Self {
                Self(unsafe { $add_where_at_most(self.0, limit.0, value.0, sum.0) })
            }

            #[inline(always)]
            fn one_where_equal(self, other: Self) -> Self {
                Self(unsafe { $one_where_equal(self.0, other.0) })
            }

            #[inline(always)]
            fn add_to(self, integers: &mut [i32; LANES_MAX]) {
                const { assert!($lanes <= LANES_MAX) }
                unsafe { $add_to(self.0, integers.as_mut_ptr()) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "aarch64")]
mod arm;
#[cfg(target_arch = "aarch64")]
pub(super) use arm::Neon;
