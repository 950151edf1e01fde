//! Sums in vector lanes: when many rows of a panel change cluster, adding all rows under a sign beats going through
//! them. A panel's share of a sum is f32 and exact, for up to sixteen values below 2^20 stay below 2^24; above it is
//! integers.

use super::scores::Lanes;
use super::vector::{LANES_MAX, Vector};
use crate::grid::PANEL_ROWS;

/// Sums per cluster and feature are kept in lanes up to this many; beyond, the first-level cache is too small.
const LANE_SUMS_MAX: usize = 256;

/// Panels after which lanes are folded: one lane takes at most all 64 rows of a panel, 32 · 64 · 2^20 = 2^31.
const PANELS_PER_FOLD: u32 = 32;

/// Values that one f32 adds up exactly.
const EXACT_VALUES: usize = 16;

/// Running sums per cluster and feature, and behind the features the rows: (k, d + 1).
#[derive(Debug, Clone)]
pub(super) struct LaneSums {
    lanes: Vec<[i32; LANES_MAX]>,
    width: usize,
    panels: u32,
}

impl LaneSums {
    /// None where lanes would not pay.
    pub fn new(n_clusters: usize, n_features: usize) -> Option<Self> {
        let n = n_clusters * (n_features + 1);
        (n <= LANE_SUMS_MAX).then(|| Self { lanes: vec![[0; LANES_MAX]; n], width: n_features + 1, panels: 0 })
    }

    /// Adds each row of a panel to cluster `to` and subtracts it from cluster `from`, where they are not negative.
    /// False where lanes must be folded first.
    #[inline(always)]
    pub fn move_rows<V: Vector>(&mut self, columns: &[Lanes], to: &Lanes, from: &Lanes) {
        self.panels += 1;
        match V::LANES {
            16 => self.add::<V, { PANEL_ROWS / 16 }>(columns, to, from),
            8 => self.add::<V, { PANEL_ROWS / 8 }>(columns, to, from),
            4 => self.add::<V, { PANEL_ROWS / 4 }>(columns, to, from),
            _ => self.add::<V, PANEL_ROWS>(columns, to, from),
        }
    }

    /// N vectors are a panel's rows.
    #[inline(always)]
    fn add<V: Vector, const N: usize>(&mut self, columns: &[Lanes], to: &Lanes, from: &Lanes) {
        let zero = V::splat(0.0);
        for (cluster, lanes) in self.lanes.chunks_exact_mut(self.width).enumerate() {
            let number = V::splat(cluster as f32);
            let mut signs = [zero; N];
            for n in 0..N {
                let gains = V::load(to, n * V::LANES).one_where_equal(number);
                let loses = V::load(from, n * V::LANES).one_where_equal(number);
                signs[n] = gains.subtract(loses);
            }
            let Some((rows, lanes)) = lanes.split_last_mut() else { continue };
            let one = V::splat(1.0);
            let mut sum = zero;
            for n in 0..N {
                sum = signs[n].multiply_add(one, sum);
            }
            sum.add_to(rows);
            for (lanes, column) in lanes.iter_mut().zip(columns) {
                for first in (0..N).step_by(EXACT_VALUES) {
                    let mut sum = zero;
                    for n in first..N.min(first + EXACT_VALUES) {
                        sum = V::load(column, n * V::LANES).multiply_add(signs[n], sum);
                    }
                    sum.add_to(lanes);
                }
            }
        }
    }

    pub fn is_full(&self) -> bool {
        self.panels == PANELS_PER_FOLD
    }

    /// Moves what the lanes hold into whole counts (k) and sums (k, d).
    pub fn fold(&mut self, rows: &mut [i64], sums: &mut [i64]) {
        if self.panels == 0 {
            return;
        }
        self.panels = 0;
        let d = self.width - 1;
        for ((lanes, rows), sums) in self.lanes.chunks_exact(self.width).zip(rows).zip(sums.chunks_exact_mut(d)) {
            let whole = |lanes: &[i32; LANES_MAX]| lanes.iter().map(|&lane| i64::from(lane)).sum::<i64>();
            *rows += whole(&lanes[d]);
            sums.iter_mut().zip(lanes).for_each(|(sum, lanes)| *sum += whole(lanes));
        }
        self.lanes.fill([0; LANES_MAX]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_values_stay_exact_up_to_the_fold() {
        let mut lanes = LaneSums::new(2, 1).unwrap();
        let (mut rows, mut sums) = ([0; 2], [0; 2]);
        let column = [[((1 << 20) - 1) as f32; PANEL_ROWS]];
        for _ in 0..3 * PANELS_PER_FOLD {
            if lanes.is_full() {
                lanes.fold(&mut rows, &mut sums);
            }
            lanes.move_rows::<f32>(&column, &[1.0; PANEL_ROWS], &[0.0; PANEL_ROWS]);
        }
        lanes.fold(&mut rows, &mut sums);
        let n = i64::from(3 * PANELS_PER_FOLD) * 64;
        let all = n * ((1 << 20) - 1);
        assert_eq!((rows, sums), ([-n, n], [-all, all]));
    }
}
