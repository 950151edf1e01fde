//! One cluster against one persona: which conditions hold, by how much, and the score that follows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::profile::Profile;

use super::playbook::{Condition, Importance, Persona};
use super::roles::RoleColumn;
use super::standing::{Distinction, Measure};
use super::words::Word;

/// Least score that earns a persona: conditions hold, on the whole, at least as much as at their edge.
pub const JUDGED_FROM: f64 = 0.5;

/// What one condition came to in one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub role: String,
    pub importance: Importance,
    pub asked: Word,
    /// Whether the cluster is what the word says; for a forbidden condition, what must not be.
    pub is_so: bool,
    /// How far inside the word's range the cluster stands; negative outside. Absent where there is nothing to judge.
    pub margin: Option<f64>,
    /// The column's figures; absent where the table has no column for the role, where the cluster has no values in it,
    /// or where all customers have the same one.
    pub found: Option<Distinction>,
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
        let column = column_of(condition, roles);
        let found = column
            .and_then(|name| profile.columns.iter().find(|column| column.name == name))
            .and_then(|column| Distinction::of(column, cluster));
        let margin = found.as_ref().map(|found| condition.word.margin(found.standing.value));
        let is_so = margin.is_some_and(|margin| margin >= 0.0);
        allowed &= match condition.importance {
            Importance::Required => is_so,
            Importance::Typical => true,
            Importance::Forbidden => !is_so,
        };
        // A typical condition without a column says nothing; without a difference it says no.
        if condition.importance != Importance::Forbidden && column.is_some() {
            fit += condition.weight * margin.map_or(0.0, Word::degree);
            weight += condition.weight;
        }
        let (role, importance, asked) = (condition.role.clone(), condition.importance, condition.word);
        evidence.push(Evidence { role, importance, asked, is_so, margin, found });
    }
    let score = if weight > 0.0 { fit / weight } else { 0.0 };
    Judgement { score, earned: allowed && score >= JUDGED_FROM, evidence }
}

fn column_of<'a>(condition: &Condition, roles: &'a [RoleColumn]) -> Option<&'a str> {
    roles.iter().find(|role| role.role == condition.role)?.column.as_deref()
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(found) = &self.found else {
            return write!(
                f,
                "{} cannot be told to be {}: no column for it, or nothing differs",
                self.role, self.asked
            );
        };
        let is = if self.is_so { "is" } else { "is not" };
        let (own, all) = (Figure(found.mean), Figure(found.overall_mean));
        write!(f, "{} {is} {}: {own} against {all} over all, ", found.column, self.asked)?;
        if found.standing.measure == Measure::Multiples {
            write!(f, "{} times the average, ", Figure(found.mean / found.overall_mean))?;
        }
        write!(f, "standing {:+.2}, asked ", found.standing.value)?;
        match self.asked.range() {
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
