//! One cluster against one persona: which conditions hold, by how much, and the score that follows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::profile::Profile;

use super::asked::{Asked, Bounds, Figures, Fit};
use super::playbook::{Condition, Importance, Persona};
use super::played::played;
use super::quantiles::{allowed, is_of_most};
use super::roles::RoleColumn;
use super::standing::{Measure, Standing};

/// Least score that earns a persona: conditions hold, on the whole, at least as much as at their edge.
pub const JUDGED_FROM: f64 = 0.5;

/// Least share of a cluster's customers, by estimate, whom its average must speak for in what is required. A cluster of
/// two kinds of customers has an average that is true of neither.
const SPOKEN_FOR_MIN: f64 = 0.8;

/// The same where the average itself is asked for: there both ends of the range are near.
const IN_THE_MIDDLE_MIN: f64 = 0.6;

/// What one condition came to in one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub role: String,
    pub importance: Importance,
    /// Its part in the score; forbidden conditions have none.
    #[serde(default)]
    pub weight: f64,
    pub asked: Asked,
    /// Whether the cluster is what is asked; for a forbidden condition, what must not be. What is required must be so
    /// for most of its customers.
    pub is_so: bool,
    /// How far inside the range that is asked the cluster's average lies, negative outside: in standings for a word, in
    /// per cent for an index, in the column's unit for bounds and quantiles. Absent where there is nothing to judge by.
    pub margin: Option<f64>,
    /// Share of the cluster's customers, 0..=1, on the side of the average that is asked; estimated from mean and
    /// standard deviation. Absent where the condition is about the mean in the column's unit.
    pub spoken_for: Option<f64>,
    /// Absent where the table has no column for the role.
    pub column: Option<String>,
    /// In the user's units; absent where there are no values.
    pub mean: Option<f64>,
    pub overall_mean: Option<f64>,
    /// Absent where there are no values, or all customers have the same one.
    pub standing: Option<Standing>,
    /// Where quantiles are asked for: the median of the cluster, in the column's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median: Option<f64>,
    /// Likewise: what the median must be, which are quantiles of all customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Bounds>,
}

/// The result of judging one cluster by one persona.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judgement {
    /// 0..=1: the weighted mean of how well required and typical conditions fit.
    pub(super) score: f64,
    /// 0..=1: the least of the score and of how clearly each required condition holds and each forbidden one does not;
    /// one half at the edge.
    pub(super) confidence: f64,
    /// Everything required holds, nothing forbidden does, and the score is at least [`JUDGED_FROM`].
    pub(super) earned: bool,
    pub(super) evidence: Vec<Evidence>,
}

/// Roles without a column that the persona cannot do without. Typical conditions only sharpen the score.
pub(super) fn missing_roles(persona: &Persona, roles: &[RoleColumn]) -> Vec<String> {
    let mut missing: Vec<String> = Vec::new();
    for condition in persona.conditions.iter().filter(|condition| condition.importance != Importance::Typical) {
        if column_of(&condition.role, roles).is_none() && !missing.contains(&condition.role) {
            missing.push(condition.role.clone());
        }
    }
    missing
}

pub(super) fn judge(persona: &Persona, roles: &[RoleColumn], profile: &Profile, cluster: usize) -> Judgement {
    let mut evidence = Vec::with_capacity(persona.conditions.len());
    let (mut fit, mut weight, mut allowed, mut clearly) = (0.0, 0.0, true, 1.0f64);
    for condition in &persona.conditions {
        let found = look(condition, roles, profile, cluster);
        let degree = found.fit.map_or(0.0, |fit| fit.degree);
        allowed &= match condition.importance {
            Importance::Required => found.evidence.is_so,
            Importance::Typical => true,
            Importance::Forbidden => !found.evidence.is_so,
        };
        clearly = match condition.importance {
            Importance::Required => clearly.min(degree),
            Importance::Typical => clearly,
            Importance::Forbidden => clearly.min(1.0 - degree),
        };
        // A typical condition without a column says nothing; without a difference it says no.
        if condition.importance != Importance::Forbidden && found.evidence.column.is_some() {
            fit += condition.weight * degree;
            weight += condition.weight;
        }
        evidence.push(found.evidence);
    }
    let score = if weight > 0.0 { fit / weight } else { 0.0 };
    Judgement { score, confidence: clearly.min(score), earned: allowed && score >= JUDGED_FROM, evidence }
}

/// One condition looked up in one cluster.
struct Found {
    fit: Option<Fit>,
    evidence: Evidence,
}

fn look(condition: &Condition, roles: &[RoleColumn], profile: &Profile, cluster: usize) -> Found {
    let name = column_of(&condition.role, roles);
    let column = played(&condition.role, roles, profile);
    let column = column.as_deref();
    let figures = column.and_then(|column| column.clusters.get(cluster));
    let mean = figures.and_then(|figures| figures.moments.mean);
    let standing = column.and_then(|column| Standing::of(column, cluster));
    let limits = column.and_then(|column| allowed(&condition.asked, column));
    let median = figures.and_then(|figures| figures.moments.quartiles).map(|quartiles| quartiles.median);
    let median = median.filter(|_| limits.is_some());
    let figures = Figures {
        median,
        allowed: limits.map(|limits| limits.range()),
        mean,
        index: figures.and_then(|figures| figures.index),
        standing: standing.map(|standing| standing.value),
    };
    // To be like all customers is something to say only where other clusters are not.
    let says_something = !condition.asked.covers_average() || column.is_some_and(Standing::tells_apart);
    let fit = condition.asked.fit(figures).filter(|_| says_something);
    let spoken_for = column.and_then(|column| {
        let side = condition.asked.side(|index| Standing::of_index(column, index))?;
        Standing::share_within(column, cluster, side)
    });
    let least = if condition.asked.covers_average() { IN_THE_MIDDLE_MIN } else { SPOKEN_FOR_MIN };
    let of_most = spoken_for.is_none_or(|share| share >= least)
        && column.is_none_or(|column| is_of_most(&condition.asked, column, cluster));
    let of_most = of_most || condition.importance != Importance::Required;
    let evidence = Evidence {
        role: condition.role.clone(),
        importance: condition.importance,
        weight: condition.weight,
        asked: condition.asked,
        is_so: of_most && fit.is_some_and(|fit| fit.margin >= 0.0),
        margin: fit.map(|fit| fit.margin),
        spoken_for,
        column: name.map(str::to_owned),
        mean,
        overall_mean: column.and_then(|column| column.overall.mean),
        standing,
        median,
        limits,
    };
    Found { fit, evidence }
}

/// Whether a cluster meets a condition; `None` where there is nothing to judge by.
pub(super) fn holds(condition: &Condition, roles: &[RoleColumn], profile: &Profile, cluster: usize) -> Option<bool> {
    let found = look(condition, roles, profile, cluster);
    found.fit.map(|_| found.evidence.is_so)
}

/// The column that was found for a role.
pub(super) fn column_of<'a>(role: &str, roles: &'a [RoleColumn]) -> Option<&'a str> {
    roles.iter().find(|known| known.role == role)?.column.as_deref()
}

impl Evidence {
    /// Whether it is a reason not to give the name, or a weaker fit.
    pub fn speaks_against(&self) -> bool {
        self.is_so == (self.importance == Importance::Forbidden)
    }
}

/// A sentence; with `{:#}` without the scale that it was judged on.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (role, asked) = (&self.role, &self.asked);
        if matches!(asked, Asked::Quantile(_)) {
            return self.of_quantiles(f);
        }
        let (Some(column), Some(mean), Some(all)) = (&self.column, self.mean, self.overall_mean) else {
            return write!(f, "{role} cannot be told to be {asked}: there are no values for it");
        };
        if self.margin.is_none() {
            let why = match self.standing {
                Some(_) => "no cluster differs in it",
                None => "it is the same for all customers",
            };
            return write!(f, "{column} cannot be told to be {asked}: {why}");
        }
        let mixed = self.margin.is_some_and(|margin| margin >= 0.0) && !self.is_so;
        if let Some(share) = self.spoken_for.filter(|_| mixed) {
            let share = 100.0 * share;
            write!(
                f,
                "{column} is {asked} on average, but by its spread for about {share:.0} % of these customers only"
            )?;
            return write!(f, ": {} against {} over all", Figure(mean), Figure(all));
        }
        let is = if self.is_so { "is" } else { "is not" };
        write!(f, "{column} {is} {asked}: {} against {} over all", Figure(mean), Figure(all))?;
        // In short, without the scale that it was judged on.
        let Some(standing) = self.standing.filter(|_| asked.compares() && !f.alternate()) else { return Ok(()) };
        if standing.measure == Measure::Multiples {
            write!(f, ", {} times the average", Figure(mean / all))?;
        }
        write!(f, ", standing {:+.2}, asked ", standing.value)?;
        match asked.range() {
            (low, f64::INFINITY) => write!(f, "{low:+.2} or more"),
            (f64::NEG_INFINITY, high) => write!(f, "{high:+.2} or less"),
            (low, high) => write!(f, "{low:+.2} to {high:+.2}"),
        }
    }
}

impl Evidence {
    /// The sentence of a condition on quantiles.
    fn of_quantiles(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (role, asked) = (&self.role, &self.asked);
        let Some(column) = self.column.as_ref().filter(|_| self.mean.is_some()) else {
            return write!(f, "the median of {role} cannot be told to be {asked}: there are no values for it");
        };
        let (Some(median), Some(limits), Some(_)) = (self.median, self.limits, self.margin) else {
            let why = "so many customers have the least or the greatest value that it says nothing";
            return write!(f, "the median of {column} cannot be told to be {asked}: {why}");
        };
        let mixed = self.margin.is_some_and(|margin| margin >= 0.0) && !self.is_so;
        let is = if self.is_so || mixed { "is" } else { "is not" };
        write!(f, "the median of {column} {is} {asked}")?;
        if mixed {
            f.write_str(", but not for three quarters of these customers even nearly")?;
        }
        write!(f, ": {}", Figure(median))?;
        match (limits.at_least, limits.at_most) {
            (Some(low), Some(high)) => write!(f, ", asked {} to {}", Figure(low), Figure(high)),
            (Some(low), None) => write!(f, ", asked {} or more", Figure(low)),
            (None, Some(high)) => write!(f, ", asked {} or less", Figure(high)),
            (None, None) => Ok(()),
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
