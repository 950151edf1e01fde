//! The one place where a row's cluster is decided exactly. Every engine comes here with the rows that its floating
//! point could not decide, so that they cannot disagree.

use crate::grid::Centroids;

/// Nearest and second-nearest centroid of one row with their exact squared distances, in steps².
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub label: u16,
    pub distance: i128,
    /// Equal to `label` where there is one cluster only.
    pub runner_up: u16,
    pub runner_up_distance: i128,
}

/// Coordinates below this in size give squared distances that fit i64 for every allowed number of features:
/// 512 · (2 · 2^26)² = 2^63 is just out of reach of values strictly below.
const SMALL: u64 = 1 << 26;

fn is_small(point: &[i64]) -> bool {
    point.iter().fold(0, |reach, value| value.unsigned_abs() | reach) < SMALL
}

fn near(a: &[i64], b: &[i64]) -> i64 {
    a.iter().zip(b).map(|(&x, &y)| (x - y) * (x - y)).sum()
}

fn far(a: &[i64], b: &[i64]) -> i128 {
    a.iter().zip(b).map(|(&x, &y)| (i128::from(x) - i128::from(y)).pow(2)).sum()
}

/// Exact squared distance between two points, in steps².
pub fn distance(a: &[i64], b: &[i64]) -> i128 {
    if is_small(a) && is_small(b) { i128::from(near(a, b)) } else { far(a, b) }
}

/// Decides a row among all centroids: the nearest, ties to the lowest index, and the nearest of the others, likewise.
pub fn decide(row: &[i64], model: &Centroids) -> Decision {
    if is_small(row) && model.reach() < SMALL {
        nearest_two(model, i64::MAX, |centroid| near(row, centroid))
    } else {
        nearest_two(model, i128::MAX, |centroid| far(row, centroid))
    }
}

/// `most` is above every distance.
fn nearest_two<T: Copy + Ord + Into<i128>>(model: &Centroids, most: T, distance: impl Fn(&[i64]) -> T) -> Decision {
    let mut best = (most, 0u16);
    let mut second = (most, 0u16);
    for (cluster, centroid) in model.rows().enumerate() {
        let candidate = (distance(centroid), cluster as u16);
        if candidate.0 < best.0 {
            second = best;
            best = candidate;
        } else if candidate.0 < second.0 {
            second = candidate;
        }
    }
    if model.n_clusters() == 1 {
        second = best;
    }
    Decision { label: best.1, distance: best.0.into(), runner_up: second.1, runner_up_distance: second.0.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_ties_go_to_the_lowest_index_for_the_nearest_and_the_runner_up() {
        let model = Centroids::new(0, 0, 1, vec![9, 4, -4, 4, 9]);
        let decision = decide(&[0], &model);
        assert_eq!((decision.label, decision.runner_up), (1, 2));
        let decision = decide(&[9], &model);
        assert_eq!((decision.label, decision.runner_up, decision.runner_up_distance), (0, 4, 0));
    }

    #[test]
    fn coordinates_of_any_allowed_size_do_not_overflow() {
        // The largest that fit 64 bits, and the first that do not.
        for size in [SMALL as i64 - 1, SMALL as i64] {
            let model = Centroids::new(0, 0, 512, vec![-size; 512]);
            assert_eq!(decide(&[size; 512], &model).distance, 512 * (2 * i128::from(size)).pow(2));
        }
        let far = crate::grid::COORDINATE_MAX;
        let model = Centroids::new(0, 0, 512, vec![-far; 512]);
        assert_eq!(decide(&[far; 512], &model).distance, 512 * (1i128 << 102));
    }
}
