//! Who gets which name: an optimal matching of personas to clusters.

use pathfinding::prelude::{Matrix, kuhn_munkres};

use crate::error::{Error, Result};

/// Scores are matched as integers, in steps of 2^-40: sums stay exact and far from overflow.
const SCORE_STEP_BITS: i32 = 40;

/// Gives each persona to at most one cluster, and each cluster at most one persona, so that the sum of the scores is
/// the largest possible. `scores` is (personas, clusters), absent where the cluster has not earned the persona.
/// Returns per persona its cluster. Among matchings of equal sum the order of the clusters decides.
pub(super) fn match_personas(scores: &[Vec<Option<f64>>], n_clusters: usize) -> Result<Vec<Option<usize>>> {
    let n_personas = scores.len();
    if n_personas == 0 || n_clusters == 0 {
        return Ok(vec![None; n_personas]);
    }
    // An earned score is at least 1, so that it is never the same as going without; the further columns are for
    // going without.
    let gains = scores.iter().map(|row| {
        let earned = row.iter().map(|score| score.map_or(0, |s| 1 + libm::scalbn(s, SCORE_STEP_BITS) as i64));
        earned.chain(std::iter::repeat_n(0, n_personas)).collect::<Vec<i64>>()
    });
    let matrix = Matrix::from_rows(gains)
        .map_err(|error| Error::bug("a persona is scored for some clusters only").because(error))?;
    let (_, columns) = kuhn_munkres(&matrix);
    let earned = |(persona, cluster): (usize, usize)| {
        let score = scores.get(persona)?.get(cluster)?;
        score.map(|_| cluster)
    };
    Ok(columns.into_iter().enumerate().map(earned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_scores_is_the_largest_possible() {
        // The first persona alone would take cluster 0; together they do better crosswise.
        let scores = vec![vec![Some(0.9), Some(0.8)], vec![Some(0.85), None]];
        assert_eq!(match_personas(&scores, 2).unwrap(), [Some(1), Some(0)]);
    }

    #[test]
    fn nobody_gets_a_name_that_was_not_earned() {
        let scores = vec![vec![None, Some(0.5)], vec![None, None], vec![None, Some(0.7)]];
        assert_eq!(match_personas(&scores, 2).unwrap(), [None, None, Some(1)]);
    }

    #[test]
    fn there_may_be_more_clusters_than_personas_and_none_at_all() {
        let scores = vec![(0..100).map(|i| Some(f64::from(i % 10) / 10.0)).collect::<Vec<_>>()];
        assert_eq!(match_personas(&scores, 100).unwrap(), [Some(9)]);
        assert_eq!(match_personas(&[vec![]], 0).unwrap(), [None]);
        assert_eq!(match_personas(&[], 3).unwrap(), []);
    }
}
