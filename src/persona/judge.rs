//! One cluster against one persona: which conditions hold, by how much, and the score that follows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::profile::Profile;

use super::asked::Asked;
use super::playbook::{Condition, Importance, Persona};
use super::roles::RoleColumn;
use super::standing::{Measure, Standing};

/// Least score that earns a persona: conditions hold, on the whole, at least as much as at their edge.
pub const JUDGED_FROM: f64 = 0.5;

/// What one condition came to in one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub role: String,
    pub importance: Importance,
    pub asked: Asked,
    /// Whether the cluster is what is asked; for a forbidden condition, what must not be.
    pub is_so: bool,
    /// How far inside the range that is asked the cluster lies, negative outside: in standings for a word, in the
    /// column's unit for bounds. Absent where there is nothing to judge by.
    pub margin: Option<f64>,
    /// Absent where the table has no column for the role.
    pub column: Option<String>,
    /// In the user's units; absent where there are no values.
    pub mean: Option<f64>,
    pub overall_mean: Option<f64>,
    /// Absent where there are no values, or all customers have the same one.
    pub standing: Option<Standing>,
}

/// The result of judging one cluster by one persona.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judgement {
    /// 0..=1: the weighted mean of how well required and typical conditions fit.
    pub(super) score: f64,
    /// Everything required holds, nothing forbidden does, and the score is at least [`JUDGED_FROM`].
    pub(super) earned: bool,
    pub(super) evidence: Vec<Evidence>,
}

/// Roles without a column that the persona cannot do without. Typical conditions only sharpen the score.
pub(super) fn missing_roles(persona: &Persona, roles: &[RoleColumn]) -> Vec<String> {
    let mut missing: Vec<String> = Vec::new();
    for condition in persona.conditions.iter().filter(|condition| condition.importance != Importance::Typical) {
        let found = roles.iter().any(|role| role.role == condition.role && role.column.is_some());
        if !found && !missing.contains(&condition.role) {
            missing.push(condition.role.clone());
        }
    }
    missing
}

pub(super) fn judge(persona: &Persona, roles: &[RoleColumn], profile: &Profile, cluster: usize) -> Judgement {
    let mut evidence = Vec::with_capacity(persona.conditions.len());
    let (mut fit, mut weight, mut allowed) = (0.0, 0.0, true);
    for condition in &persona.conditions {
        let name = column_of(condition, roles);
        let column = name.and_then(|name| profile.columns.iter().find(|column| column.name == name));
        let mean = column.and_then(|column| column.clusters.get(cluster)?.moments.mean);
        let standing = column.and_then(|column| Standing::of(column, cluster));
        let found = condition.asked.fit(mean, standing.map(|standing| standing.value));
        let is_so = found.is_some_and(|found| found.margin >= 0.0);
        allowed &= match condition.importance {
            Importance::Required => is_so,
            Importance::Typical => true,
            Importance::Forbidden => !is_so,
        };
        // A typical condition without a column says nothing; without a difference it says no.
        if condition.importance != Importance::Forbidden && column.is_some() {
            fit += condition.weight * found.map_or(0.0, |found| found.degree);
            weight += condition.weight;
        }
        evidence.push(Evidence {
            role: condition.role.clone(),
            importance: condition.importance,
            asked: condition.asked,
            is_so,
            margin: found.map(|found| found.margin),
            column: name.map(str::to_owned),
            mean,
            overall_mean: column.and_then(|column| column.overall.mean),
            standing,
        });
    }
    let score = if weight > 0.0 { fit / weight } else { 0.0 };
    Judgement { score, earned: allowed && score >= JUDGED_FROM, evidence }
}

fn column_of<'a>(condition: &Condition, roles: &'a [RoleColumn]) -> Option<&'a str> {
    roles.iter().find(|role| role.role == condition.role)?.column.as_deref()
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (role, asked) = (&self.role, &self.asked);
        let (Some(column), Some(mean), Some(all)) = (&self.column, self.mean, self.overall_mean) else {
            return write!(f, "{role} cannot be told to be {asked}: there are no values for it");
        };
        if self.margin.is_none() {
            return write!(f, "{column} cannot be told to be {asked}: it is the same for all customers");
        }
        let is = if self.is_so { "is" } else { "is not" };
        write!(f, "{column} {is} {asked}: {} against {} over all", Figure(mean), Figure(all))?;
        let (Asked::Word(word), Some(standing)) = (asked, &self.standing) else { return Ok(()) };
        if standing.measure == Measure::Multiples {
            write!(f, ", {} times the average", Figure(mean / all))?;
        }
        write!(f, ", standing {:+.2}, asked ", standing.value)?;
        match word.range() {
            (low, f64::INFINITY) => write!(f, "{low:+.2} or more"),
            (f64::NEG_INFINITY, high) => write!(f, "{high:+.2} or less"),
            (low, high) => write!(f, "{low:+.2} to {high:+.2}"),
        }
    }
}

/// A figure in three or four digits.
struct Figure(f64);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.abs() {
            size if size >= 1e7 => write!(f, "{:.3e}", self.0),
            size if size >= 1000.0 => write!(f, "{:.0}", self.0),
            size if size >= 100.0 => write!(f, "{:.1}", self.0),
            size if size >= 1.0 || size == 0.0 => write!(f, "{:.2}", self.0),
            size if size >= 0.001 => write!(f, "{:.4}", self.0),
            _ => write!(f, "{:.2e}", self.0),
        }
    }
}
