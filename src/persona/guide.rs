//! What a playbook says about one cluster that carries the name of a persona: its texts, the insights that the
//! cluster's own figures bear out, the figures to watch with what they are today, and its part of the budget.

use serde::{Deserialize, Serialize};

use crate::profile::Profile;

use super::advice::{BaselineOf, BusinessValue, Calendar, Kpi, Move, Tactic, Target};
use super::judge::holds;
use super::naming::{NamedCluster, Naming};
use super::playbook::{Grounds, Persona, Playbook};
use super::played::played;
use super::roles::RoleColumn;
use super::span::Span;

/// A playbook's word on the customers of one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guide {
    pub story: String,
    pub priority: String,
    pub business_value: BusinessValue,
    /// Sentences that the cluster's figures bear out.
    pub insights: Vec<String>,
    /// Sentences that the data cannot decide, or not in this table.
    pub hypotheses: Vec<Hypothesis>,
    pub objective: String,
    pub tactics: Vec<Tactic>,
    pub kpis: Vec<TrackedKpi>,
    pub budget: Option<Budget>,
    pub notes: Vec<String>,
    pub calendar: Calendar,
    pub moves: Vec<Move>,
}

/// What may be true, and how to find out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hypothesis {
    pub says: String,
    pub test: String,
}

/// A figure to watch, with what the data says today.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrackedKpi {
    pub name: String,
    /// In words, with unit and time: "5 to 10 % within 1 year".
    pub target: Option<String>,
    /// In numbers.
    pub goal: Option<Target>,
    /// "currency" stands for the table's own.
    pub unit: Option<String>,
    pub window: Option<Span>,
    /// Absent where no column has it.
    pub baseline: Option<Baseline>,
    /// Where the target comes from.
    pub origin: Option<String>,
}

/// What a figure to watch is today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// How it is computed: "mean monetary", "mean monetary / mean frequency".
    pub figure: String,
    /// Of the cluster, in the unit of the figure to watch.
    pub value: f64,
    /// Of all customers.
    pub overall: Option<f64>,
}

/// A part of the marketing budget, in per cent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Of the persona, as the playbook divides it over all its personas.
    pub of_playbook: f64,
    /// Of the cluster: the personas that were found share the whole in the playbook's proportions, and clusters of one
    /// persona share its part by their sizes. Over all clusters with a share these add up to 100.
    pub of_found: f64,
}

/// What the playbook says about each cluster, by published number; absent where no persona was earned. `naming` is of
/// `profile` and `playbook`.
pub fn guides(profile: &Profile, playbook: &Playbook, naming: &Naming) -> Vec<Option<Guide>> {
    let of = |(cluster, named): (usize, &NamedCluster)| {
        let persona = playbook.persona(named.persona.as_deref()?)?;
        Some(guide(profile, playbook, naming, cluster, persona))
    };
    naming.clusters.iter().enumerate().map(of).collect()
}

fn guide(profile: &Profile, playbook: &Playbook, naming: &Naming, cluster: usize, persona: &Persona) -> Guide {
    let (insights, hypotheses) = insights(profile, &naming.roles, cluster, persona);
    Guide {
        story: persona.story.clone(),
        priority: persona.priority.to_string(),
        business_value: persona.business_value.clone(),
        insights,
        hypotheses,
        objective: persona.objective.clone(),
        tactics: persona.tactics.clone(),
        kpis: persona.kpis.iter().map(|kpi| tracked(profile, &naming.roles, cluster, kpi)).collect(),
        budget: budget(profile, playbook, naming, cluster, persona),
        notes: persona.notes.clone(),
        calendar: persona.calendar.clone(),
        moves: persona.moves.clone(),
    }
}

/// An insight is said where every condition holds, left out where one does not, and a hypothesis where the table
/// cannot tell.
fn insights(
    profile: &Profile,
    roles: &[RoleColumn],
    cluster: usize,
    persona: &Persona,
) -> (Vec<String>, Vec<Hypothesis>) {
    let (mut said, mut open) = (Vec::new(), Vec::new());
    for insight in &persona.insights {
        let conditions = match &insight.grounds {
            Grounds::Test(test) => {
                open.push(Hypothesis { says: insight.says.clone(), test: test.clone() });
                continue;
            }
            Grounds::If(conditions) => conditions,
        };
        let found: Vec<Option<bool>> =
            conditions.iter().map(|condition| holds(condition, roles, profile, cluster)).collect();
        if found.contains(&Some(false)) {
            continue;
        }
        if found.iter().all(|found| *found == Some(true)) {
            said.push(insight.says.clone());
            continue;
        }
        let mut lacking: Vec<&str> =
            conditions.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(c, _)| c.role.as_str()).collect();
        lacking.dedup();
        let test = format!("this table cannot tell: it needs {}", lacking.join(", "));
        open.push(Hypothesis { says: insight.says.clone(), test });
    }
    (said, open)
}

fn tracked(profile: &Profile, roles: &[RoleColumn], cluster: usize, kpi: &Kpi) -> TrackedKpi {
    TrackedKpi {
        name: kpi.name.clone(),
        target: kpi.target.map(|target| target.in_words(kpi.unit.as_deref(), kpi.window)),
        goal: kpi.target,
        unit: kpi.unit.clone(),
        window: kpi.window,
        baseline: kpi.baseline.as_ref().and_then(|of| baseline(profile, roles, cluster, of)),
        origin: kpi.origin.clone(),
    }
}

/// The ratio of two means is that of two sums only where both are over the same customers.
fn baseline(profile: &Profile, roles: &[RoleColumn], cluster: usize, of: &BaselineOf) -> Option<Baseline> {
    let column = |role: &str| played(role, roles, profile);
    let above = column(&of.mean)?;
    let own = &above.clusters.get(cluster)?.moments;
    let Some(per) = &of.per else {
        return Some(Baseline {
            figure: format!("mean {}", above.name),
            value: own.mean?,
            overall: above.overall.mean,
        });
    };
    let below = column(per)?;
    let own_below = &below.clusters.get(cluster)?.moments;
    let ratio = |above: &crate::profile::Moments, below: &crate::profile::Moments| {
        let (mean, per) = (above.mean?, below.mean.filter(|per| *per > 0.0)?);
        (above.count == below.count).then_some(mean / per)
    };
    Some(Baseline {
        figure: format!("mean {} / mean {}", above.name, below.name),
        value: ratio(own, own_below)?,
        overall: ratio(&above.overall, &below.overall),
    })
}

fn budget(
    profile: &Profile,
    playbook: &Playbook,
    naming: &Naming,
    cluster: usize,
    persona: &Persona,
) -> Option<Budget> {
    let of_playbook = persona.budget_share?;
    let carries = |named: &NamedCluster, persona: &Persona| named.persona.as_ref() == Some(&persona.name);
    let is_found = |persona: &&Persona| naming.clusters.iter().any(|named| carries(named, persona));
    let found: f64 = playbook.personas.iter().filter(is_found).filter_map(|persona| persona.budget_share).sum();
    let size = |cluster: usize| profile.clusters.get(cluster).map_or(0, |cluster| cluster.size);
    let of_persona = naming.clusters.iter().enumerate().filter(|(_, named)| carries(named, persona));
    let sizes: u64 = of_persona.map(|(number, _)| size(number)).sum();
    let part = if sizes > 0 { size(cluster) as f64 / sizes as f64 } else { 0.0 };
    Some(Budget { of_playbook, of_found: 100.0 * of_playbook / found * part })
}

#[cfg(test)]
mod tests;
