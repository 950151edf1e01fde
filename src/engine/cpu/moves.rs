//! Rows that change cluster, one by one: each is copied out of its panel, and when enough have come, they are added to
//! and subtracted from whole clusters, all features side by side. What a row costs does not depend on the number of
//! clusters.
//!
//! Sums are i32 and exact for as many rows as a fold allows.

use super::scores::Lanes;
use crate::grid::BLOCK_ROWS;

/// Rows that wait to be added. Copies that were just written cannot be loaded as vectors without a stall.
const WAITING_MAX: usize = 32;

/// Sums side by side: the widest vector of i32.
const LANES: usize = 16;

/// Stands for no cluster.
pub(super) const NOWHERE: u16 = u16::MAX;

/// Sums per cluster, as differences: (k, stride), of which d are features, the next counts rows, and the rest is 0.
#[derive(Debug, Clone)]
pub(super) struct Moves {
    n_features: usize,
    stride: usize,
    totals: Vec<i32>,
    /// (WAITING_MAX, stride), with a 1 behind the features of each row.
    waiting: Vec<i32>,
    /// From where to where.
    routes: [(u16, u16); WAITING_MAX],
    n_waiting: usize,
    /// Rows in `totals` since the last fold.
    n_added: usize,
}

impl Moves {
    pub fn new(n_clusters: usize, n_features: usize) -> Self {
        let stride = (n_features + 1).next_multiple_of(LANES);
        let mut waiting = vec![0; WAITING_MAX * stride];
        waiting.iter_mut().skip(n_features).step_by(stride).for_each(|one| *one = 1);
        Self {
            n_features,
            stride,
            totals: vec![0; n_clusters * stride],
            waiting,
            routes: [(0, 0); WAITING_MAX],
            n_waiting: 0,
            n_added: 0,
        }
    }

    /// Notes a row of a panel. Full lists must be added first.
    #[inline(always)]
    pub fn push(&mut self, columns: &[Lanes], lane: usize, from: u16, to: u16) {
        let at = self.n_waiting * self.stride;
        for (slot, column) in self.waiting[at..at + self.n_features].iter_mut().zip(columns) {
            *slot = whole(column[lane % column.len()]);
        }
        self.routes[self.n_waiting] = (from, to);
        self.n_waiting += 1;
    }

    pub fn is_full(&self) -> bool {
        self.n_waiting == WAITING_MAX
    }

    /// Adds the rows that wait; `rows` (k) and `sums` (k, d) take what has to be folded.
    #[inline(always)]
    pub fn add(&mut self, rows: &mut [i64], sums: &mut [i64]) {
        if self.n_added + self.n_waiting > BLOCK_ROWS {
            self.fold(rows, sums);
        }
        self.n_added += self.n_waiting;
        let n_waiting = std::mem::take(&mut self.n_waiting);
        for (&(from, to), row) in self.routes[..n_waiting].iter().zip(self.waiting.chunks_exact(self.stride)) {
            let (row, _) = row.as_chunks::<LANES>();
            if from != NOWHERE {
                let (totals, _) =
                    self.totals[usize::from(from) * self.stride..][..self.stride].as_chunks_mut::<LANES>();
                for (totals, row) in totals.iter_mut().zip(row) {
                    for lane in 0..LANES {
                        totals[lane] = totals[lane].wrapping_sub(row[lane]);
                    }
                }
            }
            let (totals, _) = self.totals[usize::from(to) * self.stride..][..self.stride].as_chunks_mut::<LANES>();
            for (totals, row) in totals.iter_mut().zip(row) {
                for lane in 0..LANES {
                    totals[lane] = totals[lane].wrapping_add(row[lane]);
                }
            }
        }
    }

    /// Moves what was added into whole counts (k) and sums (k, d).
    pub fn fold(&mut self, rows: &mut [i64], sums: &mut [i64]) {
        if self.n_added == 0 {
            return;
        }
        self.n_added = 0;
        let d = self.n_features;
        for ((totals, rows), sums) in self.totals.chunks_exact_mut(self.stride).zip(rows).zip(sums.chunks_exact_mut(d))
        {
            *rows += i64::from(totals[d]);
            sums.iter_mut().zip(totals.iter()).for_each(|(sum, &total)| *sum += i64::from(total));
            totals.fill(0);
        }
    }
}

/// A panel's value as the integer that it is, below 2^22 in size.
#[inline(always)]
pub(super) fn whole(value: f32) -> i32 {
    // Beside this number the integers are the lowest bits, which costs a third of a conversion that minds what is none.
    const BESIDE: f32 = (3 << 22) as f32;
    (value + BESIDE).to_bits().wrapping_sub(BESIDE.to_bits()) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::PANEL_ROWS;

    #[test]
    fn the_largest_values_stay_exact_over_many_folds() {
        let d = 17;
        let mut moves = Moves::new(3, d);
        let (mut rows, mut sums) = (vec![0; 3], vec![0; 3 * d]);
        let largest = (1 << 20) - 1;
        let columns: Vec<Lanes> = (0..d).map(|j| [(largest - j as i64) as f32; PANEL_ROWS]).collect();
        let n = 3 * BLOCK_ROWS + 5;
        for row in 0..n {
            if moves.is_full() {
                moves.add(&mut rows, &mut sums);
            }
            moves.push(&columns, row % PANEL_ROWS, if row % 2 == 0 { 0 } else { NOWHERE }, 2);
        }
        moves.add(&mut rows, &mut sums);
        moves.fold(&mut rows, &mut sums);
        let (n, half) = (n as i64, n.div_ceil(2) as i64);
        assert_eq!(rows, [-half, 0, n]);
        for j in 0..d {
            let value = largest - j as i64;
            assert_eq!([sums[j], sums[d + j], sums[2 * d + j]], [-half * value, 0, n * value]);
        }
    }
}
