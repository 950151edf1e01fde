//! A made-up matrix on the grid, of any shape: overlapping groups, so that twenty iterations do not reach the fixed
//! point. The same shape gives the same matrix everywhere.

use std::sync::Arc;

use crate::grid::{Matrix, PANEL_ROWS, WIDE, WideRows};

/// Steps in one standard deviation.
const STEPS: f64 = 16_384.0;

pub fn matrix(n: usize, d: usize, k: usize) -> Arc<Matrix> {
    let n_panels = n.div_ceil(PANEL_ROWS);
    let mut panels = vec![0.0f32; n_panels * d * PANEL_ROWS];
    for (index, panel) in panels.chunks_exact_mut(d * PANEL_ROWS).enumerate() {
        fill(index, panel, n, d, k);
    }
    let (facts, reach) = Matrix::facts_of(d, &panels, &[], n);
    let keys = (0..n as u64).map(hash).collect();
    Arc::new(Matrix::assemble(n, d, panels, reach, WideRows::default(), None, keys, facts))
}

/// Fills in the panel of this number.
pub fn fill(index: usize, panel: &mut [f32], n: usize, d: usize, k: usize) {
    for (feature, column) in panel.chunks_exact_mut(PANEL_ROWS).enumerate() {
        for (lane, value) in column.iter_mut().enumerate() {
            let row = index * PANEL_ROWS + lane;
            let group = hash(row as u64) % k as u64;
            let centre = bell(group * 1_000_003 + feature as u64);
            let noise = bell((row * d + feature) as u64 ^ (1 << 40));
            *value = (((0.7 * centre + noise) * STEPS) as i64).clamp(1 - WIDE, WIDE - 1) as f32;
            if row >= n {
                *value = if feature == 0 { WIDE as f32 } else { 0.0 };
            }
        }
    }
}

/// A well-mixed bijection of u64 (the finaliser of splitmix64).
pub fn hash(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// About a standard normal: eight uniform draws, centred and scaled.
fn bell(x: u64) -> f64 {
    let bits = [hash(x), hash(!x)];
    let draws = bits.iter().flat_map(|b| [b & 0xffff, b >> 16 & 0xffff, b >> 32 & 0xffff, b >> 48]);
    // The sum of eight uniform draws has mean 4 and variance 2/3.
    (draws.map(|u| u as f64 / 65_536.0).sum::<f64>() - 4.0) * 1.224_744_871
}
