//! The choice of k from the scores: which k, what ruled others out, and who came second. Figures and reasons only; the
//! words are made in `report`.
//!
//! A k whose clustering has fewer clusters than asked for is no candidate. A criterion puts the candidates in an order;
//! gates take out of it what is of no use, and the first that is left is chosen. Where no candidate passes, the first of
//! the order is chosen all the same, and the choice says so. Equal scores go to the smaller k.

use super::scores::Scores;
use crate::job::Criterion;

/// A cluster that comes back on other samples with a lower Jaccard index than this is taken for dissolved (Hennig 2007
/// counts 0.5 as dissolved, and 0.6 to 0.75 as a pattern of doubtful membership).
pub const JACCARD_MIN: f64 = 0.6;

/// Two scores that differ by a smaller part than this say nothing about which is better.
const TIED: f64 = 0.01;

/// Gates of a choice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gates {
    /// Fewest customers of a cluster that the user asked for; 0 asks for nothing.
    pub size_min: u64,
    /// Fewest customers that a cluster must have to be of any use; of the consensus only.
    pub useful_min: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    pub k: usize,
    pub criterion: Criterion,
    /// Where several numbers of clusters could be chosen.
    pub runner_up: Option<usize>,
    /// Whether the runner-up is as good, to the figures' accuracy.
    pub tied: bool,
    /// What the criterion alone would have chosen, where a gate ruled it out.
    pub overruled: Option<usize>,
    /// Every k that cannot be chosen, in order.
    pub ruled_out: Vec<(usize, Reason)>,
    /// Whether the chosen k passes all gates itself.
    pub passed: bool,
    /// In the order of the scores: mean rank for the consensus, 1 the best; distance of the inertia from the chord for
    /// the elbow; else the score itself. Null for what is no candidate.
    pub figures: Vec<Option<f64>>,
}

/// Why a k cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// The data has too few distinct customers for it.
    FewerClusters { found: usize },
    /// The smallest cluster is of no use.
    TooSmall { smallest: u64, needed: u64 },
    /// A cluster does not come back when the clustering is repeated.
    Unstable { jaccard: f64 },
}

/// Chooses among scores in the order of k. None without any.
pub fn choose(scores: &[Scores], criterion: Criterion, gates: Gates) -> Option<Choice> {
    let first = scores.first()?;
    let candidates: Vec<usize> = (0..scores.len()).filter(|&at| scores[at].found == scores[at].k).collect();
    let reasons: Vec<Option<Reason>> = scores.iter().map(|scores| reason(scores, criterion, gates)).collect();
    let ruled_out = scores.iter().zip(&reasons).filter_map(|(scores, reason)| Some((scores.k, (*reason)?)));
    let ruled_out: Vec<(usize, Reason)> = ruled_out.collect();
    let passing: Vec<usize> = candidates.iter().copied().filter(|&at| reasons[at].is_none()).collect();
    let among = if passing.is_empty() { &candidates } else { &passing };
    let ranked = order(scores, among, criterion);
    let mut figures = vec![None; scores.len()];
    ranked.iter().for_each(|&(at, figure)| figures[at] = figure);
    let Some(&(best, figure)) = ranked.first() else {
        // Nothing has as many clusters as it should: the least that was asked for says so best.
        let (k, passed) = (first.k, false);
        return Some(Choice {
            k,
            criterion,
            runner_up: None,
            tied: false,
            overruled: None,
            ruled_out,
            passed,
            figures,
        });
    };
    let second = ranked.get(1);
    let free = order(scores, &candidates, criterion).first().map(|&(at, _)| scores[at].k);
    Some(Choice {
        k: scores[best].k,
        criterion,
        runner_up: second.map(|&(at, _)| scores[at].k),
        tied: second.is_some_and(|&(_, other)| is_tied(figure, other, criterion)),
        overruled: free.filter(|&k| k != scores[best].k && ruled_out.iter().any(|&(ruled, _)| ruled == k)),
        ruled_out,
        passed: reasons[best].is_none(),
        figures,
    })
}

fn reason(scores: &Scores, criterion: Criterion, gates: Gates) -> Option<Reason> {
    if scores.found < scores.k {
        return Some(Reason::FewerClusters { found: scores.found });
    }
    let useful = if criterion == Criterion::Consensus { gates.useful_min } else { 0 };
    let needed = gates.size_min.max(useful);
    if scores.smallest < needed {
        return Some(Reason::TooSmall { smallest: scores.smallest, needed });
    }
    let jaccard = scores.stability.as_ref()?.jaccard.iter().copied().reduce(f64::min)?;
    (criterion == Criterion::Consensus && jaccard < JACCARD_MIN).then_some(Reason::Unstable { jaccard })
}

fn is_tied(best: Option<f64>, other: Option<f64>, criterion: Criterion) -> bool {
    let (Some(best), Some(other)) = (best, other) else { return false };
    match criterion {
        Criterion::Consensus => best == other,
        _ => (best - other).abs() <= TIED * best.abs().max(other.abs()),
    }
}

/// Some of the scores, the best first, each with the figure that it stands there for.
fn order(scores: &[Scores], among: &[usize], criterion: Criterion) -> Vec<(usize, Option<f64>)> {
    let figures: Vec<Option<f64>> = match criterion {
        Criterion::Consensus => mean_ranks(scores, among),
        Criterion::DaviesBouldin => among.iter().map(|&at| scores[at].davies_bouldin).collect(),
        Criterion::Silhouette => among.iter().map(|&at| scores[at].silhouette.as_ref().map(|s| s.mean)).collect(),
        Criterion::CalinskiHarabasz => among.iter().map(|&at| scores[at].calinski_harabasz).collect(),
        Criterion::Gap => among.iter().map(|&at| scores[at].gap.as_ref().map(|gap| gap.gap)).collect(),
        Criterion::Elbow => knees(scores, among),
    };
    let low_is_good = matches!(criterion, Criterion::Consensus | Criterion::DaviesBouldin);
    let key = |figure: Option<f64>| figure.map_or(f64::INFINITY, |figure| if low_is_good { figure } else { -figure });
    let mut ranked: Vec<(usize, Option<f64>)> = among.iter().copied().zip(figures).collect();
    // Stable: of equals the smaller k stays in front.
    ranked.sort_by(|a, b| key(a.1).total_cmp(&key(b.1)));
    if criterion == Criterion::Gap
        && let Some(first) = smallest_sufficient(scores, among)
        && let Some(at) = ranked.iter().position(|&(at, _)| at == first)
    {
        let first = ranked.remove(at);
        ranked.insert(0, first);
    }
    ranked
}

/// The smallest k whose gap is at least the next one's less its standard error (Tibshirani et al. 2001).
fn smallest_sufficient(scores: &[Scores], among: &[usize]) -> Option<usize> {
    let enough = |pair: &&[usize]| {
        let (Some(one), Some(next)) = (&scores[pair[0]].gap, &scores[pair[1]].gap) else { return false };
        one.gap >= next.gap - next.standard_error
    };
    among.windows(2).find(enough).map(|pair| pair[0])
}

/// Every score gives each candidate a rank, 1 the best, equal scores the middle of their ranks; the mean over the scores
/// that all candidates have.
fn mean_ranks(scores: &[Scores], among: &[usize]) -> Vec<Option<f64>> {
    let of = |figure: &dyn Fn(&Scores) -> Option<f64>| -> Option<Vec<f64>> {
        among.iter().map(|&at| figure(&scores[at])).collect()
    };
    // A silhouette of all pairs says more than the simplified one; both would count the same thing twice.
    let silhouette =
        of(&|s| s.silhouette.as_ref().map(|s| -s.mean)).or_else(|| of(&|s| Some(-s.simplified_silhouette?)));
    let votes = [
        silhouette,
        of(&|s| s.davies_bouldin),
        of(&|s| Some(-s.calinski_harabasz?)),
        of(&|s| Some(-s.stability.as_ref()?.adjusted_rand_index)),
    ];
    let ranks: Vec<Vec<f64>> = votes.into_iter().flatten().map(|figures| ranks(&figures)).collect();
    let mean = |at: usize| ranks.iter().map(|ranks| ranks[at]).sum::<f64>() / ranks.len() as f64;
    (0..among.len()).map(|at| (!ranks.is_empty()).then(|| mean(at))).collect()
}

/// 1 for the lowest figure; equal ones share the middle of their ranks.
fn ranks(figures: &[f64]) -> Vec<f64> {
    let rank = |figure: f64| {
        let below = figures.iter().filter(|other| **other < figure).count();
        let equal = figures.iter().filter(|other| **other == figure).count();
        below as f64 + (equal as f64 + 1.0) / 2.0
    };
    figures.iter().map(|&figure| rank(figure)).collect()
}

/// How far each inertia lies below the chord from the first to the last, both axes scaled to 1 (Satopää et al. 2011).
fn knees(scores: &[Scores], among: &[usize]) -> Vec<Option<f64>> {
    let (Some(&first), Some(&last)) = (among.first(), among.last()) else { return Vec::new() };
    let (from, to) = (&scores[first], &scores[last]);
    let (width, height) = ((to.k - from.k) as f64, from.inertia - to.inertia);
    let below = |at: usize| {
        let along = (scores[at].k - from.k) as f64 / width;
        let down = (from.inertia - scores[at].inertia) / height;
        down - along
    };
    among.iter().map(|&at| (width > 0.0 && height > 0.0).then(|| below(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::{Gap, Stability};

    const NONE: Gates = Gates { size_min: 0, useful_min: 0 };

    fn scores(k: usize, davies_bouldin: f64, calinski_harabasz: f64) -> Scores {
        Scores {
            davies_bouldin: Some(davies_bouldin),
            calinski_harabasz: Some(calinski_harabasz),
            smallest: 100,
            ..Scores::unscored(k, k, 1000.0 / k as f64)
        }
    }

    fn stable(scores: Scores, jaccard: &[f64]) -> Scores {
        let stability = Stability { k: scores.k, adjusted_rand_index: 0.5, jaccard: jaccard.to_vec(), repeats: 20 };
        Scores { stability: Some(stability), ..scores }
    }

    fn chosen(scores: &[Scores], criterion: Criterion, gates: Gates) -> Choice {
        choose(scores, criterion, gates).unwrap()
    }

    #[test]
    fn a_score_alone_chooses_its_best_and_names_the_second() {
        let all = [scores(2, 0.9, 10.0), scores(3, 0.5, 20.0), scores(4, 0.7, 30.0)];
        let choice = chosen(&all, Criterion::DaviesBouldin, NONE);
        assert_eq!((choice.k, choice.runner_up, choice.tied, choice.passed), (3, Some(4), false, true));
        assert_eq!(chosen(&all, Criterion::CalinskiHarabasz, NONE).k, 4);
        assert_eq!(choice.figures, [Some(0.9), Some(0.5), Some(0.7)]);
    }

    #[test]
    fn equal_scores_go_to_the_smaller_number_and_are_called_tied() {
        let all = [scores(2, 0.501, 1.0), scores(3, 0.5, 1.0), scores(4, 0.5, 1.0)];
        let choice = chosen(&all, Criterion::DaviesBouldin, NONE);
        assert_eq!((choice.k, choice.runner_up, choice.tied), (3, Some(4), true));
    }

    #[test]
    fn a_consensus_is_the_mean_rank_over_what_all_candidates_have() {
        let all = [scores(2, 0.6, 10.0), scores(3, 0.5, 20.0), scores(4, 0.7, 30.0)];
        let choice = chosen(&all, Criterion::Consensus, NONE);
        assert_eq!(choice.figures, [Some(2.5), Some(1.5), Some(2.0)]);
        assert_eq!((choice.k, choice.runner_up), (3, Some(4)));
        // A score that one of them lacks has no vote.
        let mut lacking = all.clone();
        lacking[1].davies_bouldin = None;
        assert_eq!(chosen(&lacking, Criterion::Consensus, NONE).k, 4);
    }

    #[test]
    fn the_best_is_overruled_where_it_is_unstable() {
        let all = [stable(scores(3, 0.6, 20.0), &[0.9, 0.8]), stable(scores(4, 0.5, 30.0), &[0.9, 0.4])];
        let choice = chosen(&all, Criterion::Consensus, NONE);
        assert_eq!((choice.k, choice.overruled, choice.passed), (3, Some(4), true));
        assert_eq!(choice.ruled_out, [(4, Reason::Unstable { jaccard: 0.4 })]);
        // Other criteria take stability for information.
        assert_eq!(chosen(&all, Criterion::DaviesBouldin, NONE).k, 4);
    }

    #[test]
    fn a_segment_too_small_rules_out_and_where_all_are_the_choice_says_so() {
        let mut all = [scores(3, 0.6, 20.0), scores(4, 0.5, 30.0)];
        all[1].smallest = 9;
        let gates = Gates { size_min: 10, useful_min: 0 };
        for criterion in [Criterion::Consensus, Criterion::DaviesBouldin] {
            let choice = chosen(&all, criterion, gates);
            assert_eq!((choice.k, choice.overruled), (3, Some(4)));
            assert_eq!(choice.ruled_out, [(4, Reason::TooSmall { smallest: 9, needed: 10 })]);
        }
        let choice = chosen(&all, Criterion::DaviesBouldin, Gates { size_min: 1000, useful_min: 0 });
        assert_eq!((choice.k, choice.passed, choice.overruled), (4, false, None));
        // What is of no use to anybody counts for the consensus alone.
        let useful = Gates { size_min: 0, useful_min: 10 };
        assert_eq!(chosen(&all, Criterion::Consensus, useful).k, 3);
        assert_eq!(chosen(&all, Criterion::DaviesBouldin, useful).k, 4);
    }

    #[test]
    fn constant_data_has_no_candidate_and_the_least_is_kept() {
        let all = [Scores::unscored(2, 1, 0.0), Scores::unscored(3, 1, 0.0)];
        let choice = chosen(&all, Criterion::Consensus, NONE);
        assert_eq!((choice.k, choice.passed, choice.runner_up), (2, false, None));
        assert_eq!(choice.ruled_out.len(), 2);
    }

    #[test]
    fn the_knee_is_where_the_inertia_lies_farthest_below_its_chord() {
        let inertia = [100.0, 40.0, 35.0, 30.0, 28.0];
        let all: Vec<Scores> = (2..).zip(inertia).map(|(k, inertia)| Scores::unscored(k, k, inertia)).collect();
        let choice = chosen(&all, Criterion::Elbow, NONE);
        assert_eq!(choice.k, 3);
        assert!((choice.figures[1].unwrap() - (60.0 / 72.0 - 0.25)).abs() < 1e-15);
    }

    #[test]
    fn the_gap_takes_the_smallest_number_that_the_next_does_not_clearly_beat() {
        let gap = |k, value, standard_error| Scores {
            gap: Some(Gap { k, gap: value, standard_error }),
            ..Scores::unscored(k, k, 100.0 / k as f64)
        };
        let all = [gap(2, 0.1, 0.01), gap(3, 0.50, 0.01), gap(4, 0.505, 0.01), gap(5, 0.6, 0.01)];
        let choice = chosen(&all, Criterion::Gap, NONE);
        assert_eq!((choice.k, choice.runner_up), (3, Some(5)));
    }
}
