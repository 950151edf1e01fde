//! Samples and resamples of rows that depend on the rows' keys and never on their order.

use crate::grid::Matrix;

/// Upper ends of the values of a uniform 64-bit draw that stand for 0, 1, 2, .. in a Poisson distribution of mean 1:
/// 2^64 · e^-1 · Σ 1/i!. Beyond the last, one row in nine million.
const POISSON_ENDS: [u64; 10] = poisson_ends();

/// 2^64 / e, rounded down.
const SHARE_OF_ZERO: u64 = 6_786_177_901_268_885_274;

const fn poisson_ends() -> [u64; 10] {
    let mut ends = [0; 10];
    let (mut share, mut sum, mut index) = (SHARE_OF_ZERO, 0u64, 0);
    while index < ends.len() {
        sum += share;
        ends[index] = sum;
        index += 1;
        share /= index as u64;
    }
    ends
}

/// The `n` of the rows with the smallest keys. Of rows with equal keys those with the smaller coordinates come first;
/// where these are equal too it makes no difference.
pub(super) fn smallest_keys(matrix: &Matrix, mut rows: Vec<usize>, n: usize) -> Vec<usize> {
    if n >= rows.len() {
        return rows;
    }
    let coordinates = |row: usize| {
        let mut coordinates = vec![0; matrix.n_features()];
        matrix.row(row, &mut coordinates);
        coordinates
    };
    let keys = matrix.keys();
    if let Some(last) = n.checked_sub(1) {
        rows.select_nth_unstable_by(last, |&a, &b| {
            keys[a].cmp(&keys[b]).then_with(|| coordinates(a).cmp(&coordinates(b)))
        });
    }
    rows.truncate(n);
    rows
}

/// A resample of the rows of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resample {
    /// Half of the rows.
    Half,
    /// Each row as often as a Poisson draw of mean 1 says, which is how often a bootstrap of many rows draws it.
    Bootstrap,
}

impl Resample {
    /// Rows of another resample for every number, some of them repeatedly.
    pub(super) fn rows(self, matrix: &Matrix, number: u64) -> Vec<usize> {
        match self {
            Resample::Half => some(matrix, matrix.n_rows().div_ceil(2), number),
            Resample::Bootstrap => {
                let times = |key: u64| POISSON_ENDS.partition_point(|&end| end <= draw(key, number));
                let rows = matrix.keys().iter().enumerate();
                rows.flat_map(|(row, &key)| std::iter::repeat_n(row, times(key))).collect()
            }
        }
    }
}

/// `n` rows, others for every number, and those that share a key with one of them.
pub(super) fn some(matrix: &Matrix, n: usize, number: u64) -> Vec<usize> {
    let draws: Vec<u64> = matrix.keys().iter().map(|&key| draw(key, number)).collect();
    if n >= draws.len() {
        return (0..draws.len()).collect();
    }
    let Some(last) = n.checked_sub(1) else { return Vec::new() };
    let mut sorted = draws.clone();
    let (_, &mut limit, _) = sorted.select_nth_unstable(last);
    (0..draws.len()).filter(|&row| draws[row] <= limit).collect()
}

/// A uniform number of a key, another for every number: two rounds of a finaliser with full avalanche (the constants
/// of SplitMix64).
pub(super) fn draw(key: u64, number: u64) -> u64 {
    mix(mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ key)
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(n: u64) -> Matrix {
        let rows: Vec<Vec<i64>> = (0..n as i64).map(|i| vec![i]).collect();
        Matrix::from_rows(1, &rows, None, (0..n).map(|i| mix(i + 1)).collect())
    }

    #[test]
    fn halves_are_halves_and_bootstraps_draw_each_row_once_in_the_mean() {
        let matrix = matrix(20_000);
        for number in 0..3 {
            assert_eq!(Resample::Half.rows(&matrix, number).len(), 10_000);
            let drawn = Resample::Bootstrap.rows(&matrix, number);
            assert!((19_500..20_500).contains(&drawn.len()), "{}", drawn.len());
            let mut distinct = drawn.clone();
            distinct.dedup();
            // 1 - 1/e of all rows.
            assert!((12_400..12_900).contains(&distinct.len()), "{}", distinct.len());
        }
        assert_ne!(Resample::Half.rows(&matrix, 0), Resample::Half.rows(&matrix, 1));
    }

    #[test]
    fn rows_with_equal_keys_are_told_apart_by_their_coordinates() {
        let rows = [vec![7], vec![3], vec![5]];
        let matrix = Matrix::from_rows(1, &rows, None, vec![1, 1, 1]);
        assert_eq!(smallest_keys(&matrix, vec![0, 1, 2], 1), [1]);
        assert_eq!(smallest_keys(&matrix, vec![2, 1, 0], 1), [1]);
    }
}
