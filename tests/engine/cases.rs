//! Seeded random cases for the engine suite: shapes up to the limits, and data that floating point gets wrong.

#![allow(clippy::needless_range_loop, reason = "as in the reference")]

use std::sync::Arc;

use segmint::grid::{Centroids, Matrix};

/// A small counter-based generator: a case is its number.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn within(&mut self, limit: i64) -> i64 {
        (self.next() % (2 * limit as u64 + 1)) as i64 - limit
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

pub struct Case {
    pub name: String,
    pub matrix: Arc<Matrix>,
    /// Several models of different k, as one call of `step` takes them.
    pub models: Vec<Centroids>,
}

/// What makes a case hard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Spread,
    /// Few values per feature: exact ties everywhere.
    Lattice,
    /// Rows on the bisector of two centroids, give or take one step.
    Bisector,
    /// The same centroid twice.
    Duplicates,
    /// Rows and centroids beyond the grid's range.
    Wide,
    /// One centroid far out: the worst case for the dot form's bound.
    FarThird,
    /// Values at the very edge of the narrow range.
    Extremes,
    /// As many clusters as rows.
    AsManyAsRows,
}

pub const KINDS: [Kind; 8] = [
    Kind::Spread,
    Kind::Lattice,
    Kind::Bisector,
    Kind::Duplicates,
    Kind::Wide,
    Kind::FarThird,
    Kind::Extremes,
    Kind::AsManyAsRows,
];

const EDGE: i64 = (1 << 20) - 1;

pub fn case(number: u64) -> Case {
    let random = &mut Random::new(0x5e63_0000 + number);
    let kind = KINDS[number as usize % KINDS.len()];
    let d = random.pick(&[1, 2, 3, 5, 7, 10, 16, 33, 64]);
    let k = random.pick(&[1, 2, 3, 5, 6, 7, 10, 13, 31, 64, 300]);
    let n = random.pick(&[1, 63, 64, 65, 500, 2047, 2048, 2049, 3000]).min(600_000 / (d * k) as u64 + 70) as usize;
    let (n, k) = if kind == Kind::AsManyAsRows { (k, k) } else { (n, k) };
    sized_case(number, kind, n, d, k)
}

pub fn sized_case(number: u64, kind: Kind, n: usize, d: usize, k: usize) -> Case {
    let random = &mut Random::new(0xca5e_0000 + number);
    let spread = match kind {
        Kind::Lattice => 2,
        Kind::Extremes => EDGE,
        _ => random.pick(&[50, 20_000, 300_000]),
    };
    let value = |random: &mut Random| match kind {
        Kind::Lattice => random.within(2) * 1000,
        Kind::Extremes => random.pick(&[-EDGE, EDGE, EDGE - 1, 0]),
        _ => random.within(spread),
    };
    let mut centroids: Vec<Vec<i64>> = (0..k).map(|_| (0..d).map(|_| value(random)).collect()).collect();
    match kind {
        Kind::Duplicates => {
            for c in 1..k {
                if c % 3 != 0 {
                    centroids[c] = centroids[c - 1].clone();
                }
            }
        }
        Kind::Wide => {
            for c in (0..k).step_by(4) {
                let j = random.below(d as u64) as usize;
                centroids[c][j] = random.pick(&[EDGE + 1, -(1 << 24) - 1, (1 << 30) + 7, 1 << 40]);
            }
        }
        Kind::FarThird => centroids[k - 1] = vec![EDGE; d],
        _ => {}
    }
    let mut rows: Vec<Vec<i64>> = (0..n).map(|_| (0..d).map(|_| value(random)).collect()).collect();
    match kind {
        Kind::Bisector | Kind::FarThird => {
            for row in &mut rows {
                let (a, b) = (random.below(k as u64) as usize, random.below(k as u64) as usize);
                for j in 0..d {
                    row[j] = (centroids[a][j] + centroids[b][j]).div_euclid(2).clamp(-EDGE, EDGE);
                }
                row[random.below(d as u64) as usize] += random.within(1);
                row.iter_mut().for_each(|q| *q = (*q).clamp(-EDGE, EDGE));
            }
        }
        Kind::Wide => {
            for row in rows.iter_mut().step_by(17) {
                let j = random.below(d as u64) as usize;
                row[j] = random.pick(&[EDGE + 1, -EDGE - 1, 1 << 33, -(1 << 45)]);
            }
        }
        _ => {}
    }
    let weights = (number % 3 == 1).then(|| (0..n).map(|_| random.pick(&[0, 1, 2, 777, u16::MAX])).collect());
    let keys = (0..n).map(|_| random.next()).collect();
    let matrix = Arc::new(Matrix::from_rows(d, &rows, weights, keys));
    let whole = Centroids::new(0, 0, d, centroids.concat());
    let part = k.div_ceil(2);
    let first = Centroids::new(1, 0, d, centroids[..part].concat());
    let last = Centroids::new(2, 0, d, centroids[k - part..].concat());
    Case { name: format!("case {number}: {kind:?}, n={n}, d={d}, k={k}"), matrix, models: vec![whole, first, last] }
}
