//! From a profile and a playbook to a name for every cluster and a verdict on every persona.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::profile::Profile;

use super::descriptive::{self, distinctions};
use super::judge::{Evidence, Judgement, column_of, judge, missing_roles};
use super::matching::match_personas;
use super::playbook::{Persona, Playbook, Role};
use super::played::with_derived;
use super::roles::{RoleColumn, by_usual_names};
use super::standing::Distinction;

/// Distinguishing features kept per cluster.
const DISTINCTIONS_MAX: usize = 10;

/// The names of one run, with the reasons for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Naming {
    pub playbook: String,
    /// What was judged as what.
    pub roles: Vec<RoleColumn>,
    /// By published number.
    pub clusters: Vec<NamedCluster>,
    /// In the order of the playbook.
    pub personas: Vec<PersonaVerdict>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedCluster {
    /// Different for every cluster of a run.
    pub name: String,
    pub basis: Basis,
    /// The persona that was earned.
    pub persona: Option<String>,
    /// How well it fits, 0..=1.
    pub score: Option<f64>,
    /// How clearly, 0..=1: the least of the score and of how far each required condition holds and each forbidden one
    /// does not; one half at the edge.
    pub confidence: Option<f64>,
    /// The next best persona that was earned too.
    pub second_persona: Option<String>,
    /// Every condition of the persona, held or not.
    pub evidence: Vec<Evidence>,
    /// What sets the cluster apart, the strongest feature first.
    pub distinctions: Vec<Distinction>,
}

/// What a name rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The persona is this cluster's.
    Earned,
    /// The persona was earned, but fits another cluster better: a qualifier stands behind it.
    EarnedWithQualifier,
    /// No persona was earned; the name says what sets the cluster apart.
    Descriptive,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonaVerdict {
    pub persona: String,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of a persona. Clusters are published numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The clusters that carry its name, the best fit first.
    Found { clusters: Vec<usize> },
    /// Earned only by clusters that carry the name of another persona.
    SecondOnly { clusters: Vec<usize> },
    /// No cluster earned it.
    NotFound { closest: Option<Closest> },
    /// No column for these roles. `not_described` are columns of the source that would do, but of which no profile was
    /// made.
    CannotBeJudged {
        no_column_for: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        not_described: Vec<RoleColumn>,
    },
}

/// The cluster that came closest to a persona that nobody earned, and where it fell short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Closest {
    pub cluster: usize,
    pub score: f64,
    pub evidence: Vec<Evidence>,
}

/// Names every cluster of a profile. `roles` is what the job says of (role, column). The numbering of the clusters
/// has no influence: they are taken by size, then by their means.
pub fn name(profile: &Profile, playbook: &Playbook, roles: &[(String, String)]) -> Result<Naming> {
    let columns: Vec<&str> = profile.columns.iter().map(|column| column.name.as_str()).collect();
    let roles = with_derived(playbook.assign_roles(&columns, roles)?, profile);
    let order = order_of_clusters(profile);
    let judged: Vec<Judged> = playbook
        .personas
        .iter()
        .map(|persona| {
            let missing = missing_roles(persona, &roles);
            let clusters: &[usize] = if missing.is_empty() { &order } else { &[] };
            let judgements = clusters.iter().map(|&cluster| judge(persona, &roles, profile, cluster)).collect();
            Judged { persona, missing, judgements }
        })
        .collect();
    let scores: Vec<Vec<Option<f64>>> =
        judged.iter().map(|judged| (0..order.len()).map(|place| judged.earned_score(place)).collect()).collect();
    let holders = match_personas(&scores, order.len())?;
    let given: Vec<Option<usize>> = (0..order.len())
        .map(|place| holders.iter().position(|&holder| holder == Some(place)).or_else(|| best(&scores, place, None)))
        .collect();

    let distinctions: Vec<Vec<Distinction>> = order.iter().map(|&cluster| distinctions(profile, cluster)).collect();
    let names = names(profile, playbook, &roles, &order, &holders, &given, &distinctions);
    let mut clusters: Vec<Option<NamedCluster>> = vec![None; order.len()];
    for (place, (name, mut distinctions)) in names.into_iter().zip(distinctions).enumerate() {
        let persona = given[place].map(|index| &judged[index]);
        let judgement = persona.and_then(|judged| judged.judgements.get(place));
        let basis = match given[place] {
            None => Basis::Descriptive,
            Some(index) if holders[index] == Some(place) => Basis::Earned,
            Some(_) => Basis::EarnedWithQualifier,
        };
        distinctions.truncate(DISTINCTIONS_MAX);
        clusters[order[place]] = Some(NamedCluster {
            name,
            basis,
            persona: persona.map(|judged| judged.persona.name.clone()),
            score: judgement.map(|judgement| judgement.score),
            confidence: judgement.map(|judgement| judgement.confidence),
            second_persona: best(&scores, place, given[place]).map(|index| judged[index].persona.name.clone()),
            evidence: judgement.map(|judgement| judgement.evidence.clone()).unwrap_or_default(),
            distinctions,
        });
    }
    let personas = judged
        .iter()
        .enumerate()
        .map(|(index, judged)| PersonaVerdict {
            persona: judged.persona.name.clone(),
            outcome: judged.outcome(index, &order, &holders, &given),
        })
        .collect();
    Ok(Naming { playbook: playbook.name.clone(), roles, clusters: clusters.into_iter().flatten().collect(), personas })
}

impl Naming {
    /// Points out columns of the source that bear a usual name of a role without a column. They were neither clustered
    /// nor described, so nothing could be judged by them.
    pub fn note_undescribed(&mut self, playbook: &Playbook, source_columns: &[&str]) {
        let has_column = |role: &Role| column_of(&role.name, &self.roles).is_some();
        let lacking: Vec<&Role> = playbook.roles.iter().filter(|role| !has_column(role)).collect();
        let taken: Vec<&str> = self.roles.iter().filter_map(|role| role.column.as_deref()).collect();
        let free: Vec<&str> = source_columns.iter().copied().filter(|column| !taken.contains(column)).collect();
        let found: Vec<RoleColumn> =
            by_usual_names(&lacking, &free).into_iter().filter(|found| found.column.is_some()).collect();
        for verdict in &mut self.personas {
            if let Outcome::CannotBeJudged { no_column_for, not_described } = &mut verdict.outcome {
                *not_described = found.iter().filter(|found| no_column_for.contains(&found.role)).cloned().collect();
            }
        }
    }
}

/// One persona with its judgement of every cluster, in the order of clusters; none where it cannot be judged.
struct Judged<'a> {
    persona: &'a Persona,
    missing: Vec<String>,
    judgements: Vec<Judgement>,
}

impl Judged<'_> {
    fn earned_score(&self, place: usize) -> Option<f64> {
        self.judgements.get(place).filter(|judgement| judgement.earned).map(|judgement| judgement.score)
    }

    fn outcome(&self, index: usize, order: &[usize], holders: &[Option<usize>], given: &[Option<usize>]) -> Outcome {
        if !self.missing.is_empty() {
            return Outcome::CannotBeJudged { no_column_for: self.missing.clone(), not_described: Vec::new() };
        }
        let numbers = |places: Vec<usize>| places.into_iter().map(|place| order[place]).collect();
        let mut carry: Vec<usize> = (0..order.len()).filter(|&place| given[place] == Some(index)).collect();
        if !carry.is_empty() {
            carry.sort_by_key(|&place| holders[index] != Some(place));
            return Outcome::Found { clusters: numbers(carry) };
        }
        let earn: Vec<usize> = (0..order.len()).filter(|&place| self.earned_score(place).is_some()).collect();
        if !earn.is_empty() {
            return Outcome::SecondOnly { clusters: numbers(earn) };
        }
        let mut closest: Option<(usize, &Judgement)> = None;
        for (place, judgement) in self.judgements.iter().enumerate() {
            if closest.is_none_or(|(_, best)| judgement.score > best.score) {
                closest = Some((place, judgement));
            }
        }
        let closest = closest.map(|(place, judgement)| Closest {
            cluster: order[place],
            score: judgement.score,
            evidence: judgement.evidence.clone(),
        });
        Outcome::NotFound { closest }
    }
}

/// The persona with the best earned score in a cluster, but for one; ties go to the first of the playbook.
fn best(scores: &[Vec<Option<f64>>], place: usize, but: Option<usize>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (index, row) in scores.iter().enumerate().filter(|(index, _)| Some(*index) != but) {
        if let Some(score) = row.get(place).copied().flatten()
            && best.is_none_or(|(_, most)| score > most)
        {
            best = Some((index, score));
        }
    }
    best.map(|(index, _)| index)
}

/// Clusters by size, the largest first, then by their means: an order that no numbering can change.
fn order_of_clusters(profile: &Profile) -> Vec<usize> {
    let mean = |cluster: usize, column: &crate::profile::ColumnProfile| {
        column.clusters.get(cluster).and_then(|figures| figures.moments.mean).unwrap_or(f64::NEG_INFINITY)
    };
    let mut order: Vec<usize> = (0..profile.clusters.len()).collect();
    order.sort_by(|&a, &b| {
        let by_size = profile.clusters[b].size.cmp(&profile.clusters[a].size);
        let by_means = profile.columns.iter().map(|column| mean(a, column).total_cmp(&mean(b, column)));
        by_means.fold(by_size, std::cmp::Ordering::then)
    });
    order
}

/// The names in the order of clusters.
fn names(
    profile: &Profile,
    playbook: &Playbook,
    roles: &[RoleColumn],
    order: &[usize],
    holders: &[Option<usize>],
    given: &[Option<usize>],
    distinctions: &[Vec<Distinction>],
) -> Vec<String> {
    let mut names: Vec<String> = vec![String::new(); order.len()];
    for ((index, persona), &holder) in playbook.personas.iter().enumerate().zip(holders) {
        let Some(holder) = holder else { continue };
        names[holder].clone_from(&persona.name);
        let further: Vec<usize> =
            (0..order.len()).filter(|&place| given[place] == Some(index) && place != holder).collect();
        let others: Vec<usize> = further.iter().map(|&place| order[place]).collect();
        let qualifiers = descriptive::qualifiers(profile, playbook, roles, order[holder], &others);
        for (place, qualifier) in further.into_iter().zip(qualifiers) {
            names[place] = format!("{} ({qualifier})", persona.name);
        }
    }
    let nameless: Vec<usize> = (0..order.len()).filter(|&place| given[place].is_none()).collect();
    let apart: Vec<Vec<Distinction>> = nameless.iter().map(|&place| distinctions[place].clone()).collect();
    let taken: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    let described = descriptive::distinct_names(&apart, &taken);
    for (place, name) in nameless.into_iter().zip(described) {
        names[place] = name;
    }
    names
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Found { .. } => f.write_str("found"),
            Outcome::SecondOnly { .. } => f.write_str("found as a second persona only"),
            Outcome::NotFound { .. } => f.write_str("not found"),
            Outcome::CannotBeJudged { no_column_for, not_described } => {
                write!(f, "cannot be judged: no column for {}", no_column_for.join(", "))?;
                for RoleColumn { role, column } in not_described {
                    let column = column.as_deref().unwrap_or_default();
                    write!(f, "; {column} may be the {role}: it is not described, list it under [profile] columns")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
