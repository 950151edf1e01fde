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
const SMALL: i64 = 1 << 26;

/// Exact squared distance between two points, in steps².
pub fn distance(a: &[i64], b: &[i64]) -> i128 {
    if a.iter().chain(b).all(|v| v.abs() < SMALL) {
        i128::from(a.iter().zip(b).map(|(&x, &y)| (x - y) * (x - y)).sum::<i64>())
    } else {
        a.iter().zip(b).map(|(&x, &y)| (i128::from(x) - i128::from(y)).pow(2)).sum()
    }
}

/// Decides a row among all centroids: the nearest, ties to the lowest index, and the nearest of the others, likewise.
pub fn decide(row: &[i64], model: &Centroids) -> Decision {
    let mut best = (i128::MAX, 0u16);
    let mut second = (i128::MAX, 0u16);
    for (cluster, centroid) in model.rows().enumerate() {
        let candidate = (distance(row, centroid), cluster as u16);
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
    Decision { label: best.1, distance: best.0, runner_up: second.1, runner_up_distance: second.0 }
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
        let far = crate::grid::COORDINATE_MAX;
        let model = Centroids::new(0, 0, 512, vec![-far; 512]);
        assert_eq!(decide(&[far; 512], &model).distance, 512 * (1i128 << 102));
    }
}
