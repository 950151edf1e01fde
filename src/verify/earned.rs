//! That every name is where it belongs: each persona of the playbook is judged in each cluster from the recomputed
//! figures, and no other way of giving the names that were earned adds up to a higher score.
//!
//! The best way is not searched for. A way of giving names is the best one exactly where no round of personas, each
//! taking the cluster of the next one, a free cluster or none, earns more than it gives up; the longest walks between
//! all pairs of personas tell whether there is such a round.

use crate::persona::{Basis, Importance, Persona, Playbook};
use crate::report::Summary;
use crate::store::SUMMARY;

use super::figures::Column;
use super::judged::{Fit, Judged, Weighed, fit, judge};
use super::verdict::Verdict;

/// Sums of scores nearer than this are equally good; each score errs by far less.
const ALIKE: f64 = 1e-7;

/// Every persona in every cluster.
struct Fits<'a> {
    personas: &'a [Persona],
    /// Per persona: roles without a column that it cannot do without.
    missing: Vec<Vec<&'a str>>,
    /// (personas, clusters); none where it cannot be told.
    fits: Vec<Vec<Option<Fit>>>,
}

pub(super) fn check(playbook: &Playbook, summary: &Summary, columns: &[Column], verdict: &mut Verdict) {
    let n_clusters = summary.clusters.len();
    verdict.checked("names that are the best for their clusters", (playbook.personas.len() * n_clusters) as u64);
    let fits = Fits::of(playbook, summary, columns);
    let given: Vec<Option<usize>> = summary.clusters.iter().map(|cluster| fits.given(cluster)).collect();
    let mut held: Vec<Option<usize>> = vec![None; playbook.personas.len()];
    for (at, (cluster, persona)) in summary.clusters.iter().zip(&given).enumerate() {
        let Some(holder) = persona.and_then(|persona| held.get_mut(persona)) else { continue };
        if cluster.basis == Basis::Earned
            && let Some(other) = holder.replace(at)
        {
            let right = format!("that of cluster {other} already");
            verdict.wrong(SUMMARY, format!("cluster {at}, basis"), "earned", right);
        }
    }
    if let Some(persona) = round_that_earns_more(&fits.scores(), &held) {
        let name = fits.name(persona);
        let where_it_is = held.get(persona).copied().flatten();
        let claimed = where_it_is.map_or("no cluster's".to_owned(), |at| format!("that of cluster {at}"));
        let right = "not so in the way of giving the names that scores highest";
        verdict.wrong(SUMMARY, format!("persona {name:?}"), claimed, right);
    }
    for (at, cluster) in summary.clusters.iter().enumerate() {
        let (given, what) = (given.get(at).copied().flatten(), |what: &str| format!("cluster {at}, {what}"));
        match (given, fits.best(at, None)) {
            (None, Some((best, _))) => {
                let right = format!("earned as {:?}", fits.name(best));
                verdict.wrong(SUMMARY, what("name"), format!("{:?}", cluster.persona), right);
            }
            (Some(given), best) if cluster.basis == Basis::EarnedWithQualifier => {
                if held.get(given).copied().flatten().is_none() {
                    verdict.wrong(SUMMARY, what("basis"), "earned with qualifier", "that of no other cluster");
                }
                if let Some((best, score)) = best.filter(|(_, score)| fits.is_worse(given, at, *score)) {
                    let right = format!("{:?}, whose score is {score:.3}", fits.name(best));
                    verdict.wrong(SUMMARY, what("name"), format!("{:?}", cluster.persona), right);
                }
            }
            _ => {}
        }
        let second = cluster.second_persona.as_deref();
        let claimed = second.map(|name| fits.personas.iter().position(|persona| persona.name == name));
        let best = fits.best(at, given);
        let holds = match (claimed, best) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(None), _) => false,
            (Some(Some(claimed)), best) => {
                Some(claimed) != given
                    && fits.may_be_earned(claimed, at)
                    && best.is_none_or(|(_, score)| !fits.is_worse(claimed, at, score))
            }
        };
        if !holds {
            let right = best.map_or("none".to_owned(), |(best, _)| format!("{:?}", fits.name(best)));
            verdict.wrong(SUMMARY, what("second_persona"), format!("{:?}", second.unwrap_or("none")), right);
        }
    }
    fates(&fits, summary, &given, &held, verdict);
}

impl<'a> Fits<'a> {
    fn of(playbook: &'a Playbook, summary: &Summary, columns: &[Column]) -> Fits<'a> {
        let name = |role: &str| {
            summary.playbook.roles.iter().find(|played| played.role == role).and_then(|played| played.column.as_ref())
        };
        let missing = |persona: &'a Persona| {
            let needed = persona.conditions.iter().filter(|condition| condition.importance != Importance::Typical);
            let mut missing: Vec<&str> = Vec::new();
            for role in needed.map(|condition| condition.role.as_str()).filter(|role| name(role).is_none()) {
                if !missing.contains(&role) {
                    missing.push(role);
                }
            }
            missing
        };
        let one = |persona: &Persona, cluster: usize| {
            let judged: Vec<Judged> = persona
                .conditions
                .iter()
                .map(|condition| {
                    let column = name(&condition.role).and_then(|name| columns.iter().find(|c| c.name == *name));
                    judge(&condition.asked, condition.importance, column, cluster)
                })
                .collect();
            fit(persona.conditions.iter().zip(&judged).map(|(condition, judged)| Weighed {
                importance: condition.importance,
                weight: condition.weight,
                has_column: name(&condition.role).is_some(),
                judged,
            }))
        };
        let missing: Vec<Vec<&str>> = playbook.personas.iter().map(missing).collect();
        let fits = playbook.personas.iter().zip(&missing).map(|(persona, missing)| {
            let clusters = if missing.is_empty() { summary.clusters.len() } else { 0 };
            (0..clusters).map(|cluster| one(persona, cluster)).collect()
        });
        Fits { personas: &playbook.personas, fits: fits.collect(), missing }
    }

    fn name(&self, persona: usize) -> &str {
        self.personas.get(persona).map_or("", |persona| persona.name.as_str())
    }

    fn get(&self, persona: usize, cluster: usize) -> Option<Fit> {
        self.fits.get(persona)?.get(cluster).copied().flatten()
    }

    /// The persona that a cluster carries the name of, alone or with a qualifier.
    fn given(&self, cluster: &crate::report::ClusterSummary) -> Option<usize> {
        let carried = |persona: &Persona| {
            cluster.persona == persona.name || cluster.persona.starts_with(&format!("{} (", persona.name))
        };
        let named = self.personas.iter().enumerate().filter(|(_, persona)| carried(persona));
        let longest = named.max_by_key(|(_, persona)| persona.name.len()).map(|(index, _)| index);
        longest.filter(|_| cluster.basis != Basis::Descriptive)
    }

    /// Of what was earned for certain.
    fn scores(&self) -> Vec<Vec<Option<f64>>> {
        let earned = |fit: &Option<Fit>| fit.filter(|fit| fit.earned && !fit.unclear).map(|fit| fit.score);
        self.fits.iter().map(|fits| fits.iter().map(earned).collect()).collect()
    }

    fn may_be_earned(&self, persona: usize, cluster: usize) -> bool {
        let judged = self.fits.get(persona).is_some_and(|fits| cluster < fits.len());
        judged && self.get(persona, cluster).is_none_or(|fit| fit.earned || fit.unclear)
    }

    /// The best persona that a cluster has earned for certain, but for one.
    fn best(&self, cluster: usize, but: Option<usize>) -> Option<(usize, f64)> {
        let earned = (0..self.personas.len()).filter(|persona| Some(*persona) != but).filter_map(|persona| {
            let fit = self.get(persona, cluster).filter(|fit| fit.earned && !fit.unclear)?;
            Some((persona, fit.score))
        });
        earned.max_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    fn is_worse(&self, persona: usize, cluster: usize, than: f64) -> bool {
        self.get(persona, cluster).is_some_and(|fit| fit.score < than - ALIKE)
    }
}

/// A persona in a round of moves that earns more; `held` says which cluster each persona has now. A pair without a score
/// was not earned, or nobody can tell; who has such a cluster gives up 1, the most there is.
fn round_that_earns_more(scores: &[Vec<Option<f64>>], held: &[Option<usize>]) -> Option<usize> {
    const NONE: f64 = f64::NEG_INFINITY;
    let n = held.len();
    let score = |persona: usize, cluster: usize| scores.get(persona)?.get(cluster).copied().flatten();
    let n_clusters = scores.iter().map(Vec::len).max().unwrap_or(0);
    let free: Vec<usize> = (0..n_clusters).filter(|cluster| !held.contains(&Some(*cluster))).collect();
    // The last place is for whatever nobody holds: free clusters, and none at all.
    let mut gain = vec![vec![NONE; n + 1]; n + 1];
    for (persona, row) in gain.iter_mut().enumerate() {
        let own = held.get(persona).copied().flatten();
        let given_up = own.map_or(0.0, |cluster| score(persona, cluster).unwrap_or(1.0));
        for (other, gain) in row.iter_mut().enumerate() {
            let taken = match held.get(other) {
                _ if persona == other => None,
                None => free.iter().filter_map(|cluster| score(persona, *cluster)).reduce(f64::max).or(Some(0.0)),
                // What nobody has any more is anybody's.
                Some(_) if persona == n => Some(0.0),
                Some(cluster) => cluster.and_then(|cluster| score(persona, cluster)),
            };
            *gain = taken.map_or(NONE, |taken| taken - given_up);
        }
    }
    for through in 0..=n {
        let onward = gain.get(through).cloned().unwrap_or_default();
        for row in &mut gain {
            let first = row.get(through).copied().unwrap_or(NONE);
            for (best, onward) in row.iter_mut().zip(&onward) {
                *best = best.max(first + onward);
            }
        }
    }
    (0..n).find(|persona| gain.get(*persona).and_then(|row| row.get(*persona)).is_some_and(|round| *round > ALIKE))
}

/// What the summary says has become of each persona.
fn fates(fits: &Fits, summary: &Summary, given: &[Option<usize>], held: &[Option<usize>], verdict: &mut Verdict) {
    verdict.checked("what became of every persona", fits.personas.len() as u64);
    let names = fits.personas.iter().map(|persona| &persona.name);
    if !names.eq(summary.personas.iter().map(|fate| &fate.persona)) {
        verdict.wrong(SUMMARY, "personas", "those of the playbook", "others in the playbook");
        return;
    }
    for (persona, fate) in summary.personas.iter().enumerate() {
        let what = format!("persona {:?}", fate.persona);
        let carry: Vec<usize> =
            given.iter().enumerate().filter(|(_, own)| **own == Some(persona)).map(|(at, _)| at).collect();
        let mut claimed = fate.clusters.clone();
        claimed.sort_unstable();
        let holder = held.get(persona).copied().flatten();
        if claimed != carry || (holder.is_some() && fate.clusters.first().copied() != holder) {
            verdict.wrong(SUMMARY, format!("{what}, clusters"), format!("{:?}", fate.clusters), format!("{carry:?}"));
        }
        let missing = fits.missing.get(persona).map_or(&[][..], Vec::as_slice);
        let earned = |certain: bool| {
            (0..given.len()).any(|cluster| match certain {
                true => fits.get(persona, cluster).is_some_and(|fit| fit.earned && !fit.unclear),
                false => fits.may_be_earned(persona, cluster),
            })
        };
        let right = match () {
            () if !missing.is_empty() => Some(format!("cannot be judged: no column for {}", missing.join(", "))),
            () if !carry.is_empty() => None,
            () if earned(true) => Some("found as a second persona only".to_owned()),
            () if earned(false) => continue,
            () => Some("not found".to_owned()),
        };
        let holds = match (&fate.reason, &right) {
            (None, None) => true,
            (Some(claimed), Some(right)) => claimed.starts_with(right.as_str()),
            _ => false,
        };
        if !holds {
            let claimed = fate.reason.as_deref().unwrap_or("found");
            verdict.wrong(SUMMARY, what, format!("{claimed:?}"), format!("{:?}", right.as_deref().unwrap_or("found")));
        } else if let Some(closest) = fate.reason.as_deref().and_then(closest) {
            let score = |cluster: usize| fits.get(persona, cluster).map(|fit| fit.score);
            let best = (0..given.len()).filter_map(score).reduce(f64::max);
            if best.is_some_and(|best| closest >= given.len() || fits.is_worse(persona, closest, best)) {
                verdict.wrong(SUMMARY, what, format!("closest to segment {closest}"), "closer to another");
            }
        }
    }
}

/// The segment that came closest, as the reason of a persona that was not found has it.
fn closest(reason: &str) -> Option<usize> {
    reason.strip_prefix("not found; segment ")?.split_once(" came closest")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::round_that_earns_more;

    const NO: Option<f64> = None;

    #[test]
    fn crosswise_is_better_where_it_adds_up_to_more() {
        let scores = [vec![Some(0.9), Some(0.8)], vec![Some(0.85), NO]];
        assert_eq!(round_that_earns_more(&scores, &[Some(1), Some(0)]), None);
        assert!(round_that_earns_more(&scores, &[Some(0), None]).is_some());
        assert!(round_that_earns_more(&scores, &[None, Some(0)]).is_some(), "the second cluster is free");
    }

    #[test]
    fn a_round_of_three_and_a_free_cluster_are_found() {
        let scores = [
            vec![Some(0.6), Some(0.7), NO, NO],
            vec![NO, Some(0.6), Some(0.7), NO],
            vec![Some(0.7), NO, Some(0.6), Some(0.65)],
        ];
        assert!(round_that_earns_more(&scores, &[Some(0), Some(1), Some(2)]).is_some());
        assert_eq!(round_that_earns_more(&scores, &[Some(1), Some(2), Some(0)]), None);
        assert!(round_that_earns_more(&scores, &[Some(1), Some(2), Some(3)]).is_some(), "0.7 in place of 0.65");
        assert_eq!(round_that_earns_more(&[vec![], vec![NO; 4]], &[None, None]), None, "nothing was earned");
    }

    /// Every way of giving names to clusters, added up: what a search would find.
    fn best_sum(scores: &[Vec<Option<f64>>], taken: &mut Vec<bool>) -> f64 {
        let Some((first, rest)) = scores.split_first() else { return 0.0 };
        let mut best = best_sum(rest, taken);
        for (cluster, score) in first.iter().enumerate() {
            if let (Some(score), Some(false)) = (score, taken.get(cluster).copied()) {
                taken[cluster] = true;
                best = best.max(score + best_sum(rest, taken));
                taken[cluster] = false;
            }
        }
        best
    }

    #[test]
    fn no_round_earns_more_exactly_where_the_sum_is_the_largest() {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        let mut seen = [0, 0];
        for _ in 0..3000 {
            let (personas, clusters) = (1 + next() % 4, 1 + next() % 4);
            let scores: Vec<Vec<Option<f64>>> = (0..personas)
                .map(|_| (0..clusters).map(|_| (next() % 3 > 0).then(|| 0.5 + (next() % 6) as f64 / 10.0)).collect())
                .collect();
            // Any valid way: each persona takes a free cluster it has earned, or none.
            let mut held: Vec<Option<usize>> = vec![None; personas];
            for persona in 0..personas {
                let cluster = next() % (clusters + 1);
                let earned = cluster < clusters && scores[persona][cluster].is_some();
                if earned && !held.contains(&Some(cluster)) {
                    held[persona] = Some(cluster);
                }
            }
            let sum: f64 = held.iter().enumerate().filter_map(|(p, c)| scores[p][(*c)?]).sum();
            let best = best_sum(&scores, &mut vec![false; clusters]);
            let is_best = sum > best - 1e-9;
            seen[usize::from(is_best)] += 1;
            assert_eq!(round_that_earns_more(&scores, &held).is_none(), is_best, "{scores:?} {held:?}");
        }
        assert!(seen.iter().all(|seen| *seen > 300), "{seen:?}");
    }
}
