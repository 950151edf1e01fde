//! Sums in vector lanes: when many rows of a panel change cluster, adding all lanes under a sign per row beats going
//! through the rows. The lanes are f32 and exact: sixteen values below 2^20 stay below 2^24.

use super::scores::Lanes;
use super::vector::Vector;
use crate::grid::PANEL_ROWS;

/// Sums per cluster and feature are kept in lanes up to this many; beyond, the first-level cache is too small.
const LANE_SUMS_MAX: usize = 160;

/// Panels after which lanes are folded: 16 · 2^20 = 2^24, the last integer before f32 skips some.
const PANELS_PER_FOLD: u32 = 16;

/// 64 running sums per cluster and feature, (k, d).
#[derive(Debug, Clone)]
pub(super) struct LaneSums {
    lanes: Vec<Lanes>,
    n_features: usize,
    panels: u32,
}

impl LaneSums {
    /// None where lanes would not pay.
    pub fn new(n_clusters: usize, n_features: usize) -> Option<Self> {
        let n = n_clusters * n_features;
        (n <= LANE_SUMS_MAX).then(|| Self { lanes: vec![[0.0; PANEL_ROWS]; n], n_features, panels: 0 })
    }

    /// Adds each row of a panel to cluster `to` and subtracts it from cluster `from`, where they are not negative.
    /// `rows` counts the rows that each cluster gained, `sums` takes what had to be folded.
    #[inline(always)]
    pub fn move_rows<V: Vector>(
        &mut self,
        columns: &[Lanes],
        to: &Lanes,
        from: &Lanes,
        rows: &mut [i64],
        sums: &mut [i64],
    ) {
        if self.panels == PANELS_PER_FOLD {
            self.fold(sums);
        }
        self.panels += 1;
        for (cluster, (lanes, rows)) in self.lanes.chunks_exact_mut(self.n_features).zip(rows).enumerate() {
            let number = V::splat(cluster as f32);
            let mut sign = [0.0; PANEL_ROWS];
            for at in (0..PANEL_ROWS).step_by(V::LANES) {
                let gains = one_where_equal(V::load(to, at), number);
                let loses = one_where_equal(V::load(from, at), number);
                gains.subtract(loses).store(&mut sign, at);
            }
            *rows += i64::from(sum_of_integers(&sign));
            for (lanes, column) in lanes.iter_mut().zip(columns) {
                for at in (0..PANEL_ROWS).step_by(V::LANES) {
                    let sum = V::load(column, at).multiply_add(V::load(&sign, at), V::load(lanes, at));
                    sum.store(lanes, at);
                }
            }
        }
    }

    /// Moves what the lanes hold into whole sums, (k, d).
    #[inline(always)]
    pub fn fold(&mut self, sums: &mut [i64]) {
        if self.panels == 0 {
            return;
        }
        for (sum, lanes) in sums.iter_mut().zip(&mut self.lanes) {
            *sum += i64::from(sum_of_integers(lanes));
            *lanes = [0.0; PANEL_ROWS];
        }
        self.panels = 0;
    }
}

/// 1 in the lanes where both are equal, 0 elsewhere. A function and no closure: closures do not take on the features of
/// the kernel they stand in.
#[inline(always)]
fn one_where_equal<V: Vector>(a: V, b: V) -> V {
    let (one, zero) = (V::splat(1.0), V::splat(0.0));
    a.where_less(b, zero, b.where_less(a, zero, one))
}

/// The sum of 64 integers below 2^24 in size.
#[inline(always)]
fn sum_of_integers(lanes: &Lanes) -> i32 {
    let mut sum = 0;
    for &value in lanes {
        // SAFETY: the value is an integer below 2^24 in size, see the head of this file; 64 of them fit i32.
        sum += unsafe { value.to_int_unchecked::<i32>() };
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_values_stay_exact_up_to_the_fold() {
        let mut lanes = LaneSums::new(2, 1).unwrap();
        let (mut rows, mut sums) = ([0; 2], [0; 2]);
        let column = [[((1 << 20) - 1) as f32; PANEL_ROWS]];
        for _ in 0..40 {
            lanes.move_rows::<f32>(&column, &[1.0; PANEL_ROWS], &[0.0; PANEL_ROWS], &mut rows, &mut sums);
        }
        lanes.fold(&mut sums);
        let all = 40 * 64 * ((1 << 20) - 1);
        assert_eq!((rows, sums), ([-40 * 64, 40 * 64], [-all, all]));
    }
}
