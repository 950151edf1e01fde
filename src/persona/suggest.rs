//! Which playbook of ours fits a profile best.

use serde::Serialize;

use crate::error::Result;
use crate::profile::Profile;

use super::naming::{Basis, Naming, Outcome, name};
use super::playbook::Playbook;

/// What a name counts that needs a qualifier: it is right, but it does not tell its cluster from another.
const QUALIFIED: f64 = 0.5;

/// One playbook tried on a profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    pub playbook: String,
    pub title: String,
    /// 0..=1: the mean score over all customers, 0 for those whose cluster earns no persona, half for those whose
    /// cluster shares its persona with another.
    pub fit: f64,
    /// Share of the customers whose cluster earns a persona, 0..=1.
    pub named_share: f64,
    /// Personas that a cluster carries the name of.
    pub found: usize,
    /// Personas that the table has no columns for.
    pub cannot_be_judged: usize,
    pub personas: usize,
    pub naming: Naming,
}

/// Judges a profile by every playbook of ours, the best fit first; ties go to the one that finds more personas, then to
/// the first of the list. `roles` is what the job says of (role, column); what a playbook does not know of it is left
/// out.
pub fn suggest(profile: &Profile, roles: &[(String, String)]) -> Result<Vec<Suggestion>> {
    let ours = Playbook::ours()?;
    let mut tried: Vec<Suggestion> =
        ours.iter().map(|playbook| try_on(profile, playbook, roles)).collect::<Result<_>>()?;
    tried.sort_by(|a, b| b.fit.total_cmp(&a.fit).then(b.found.cmp(&a.found)));
    Ok(tried)
}

/// Judges a profile by one playbook, ours or not.
pub fn try_on(profile: &Profile, playbook: &Playbook, roles: &[(String, String)]) -> Result<Suggestion> {
    let known = |(role, _): &&(String, String)| playbook.roles.iter().any(|known| known.name == *role);
    let roles: Vec<(String, String)> = roles.iter().filter(known).cloned().collect();
    let naming = name(profile, playbook, &roles)?;
    let (mut fit, mut named_share) = (0.0, 0.0);
    for (named, cluster) in naming.clusters.iter().zip(&profile.clusters) {
        let counts = match named.basis {
            Basis::Earned => 1.0,
            Basis::EarnedWithQualifier => QUALIFIED,
            Basis::Descriptive => continue,
        };
        fit += counts * cluster.share * named.score.unwrap_or(0.0);
        named_share += cluster.share;
    }
    let count = |is: fn(&Outcome) -> bool| naming.personas.iter().filter(|verdict| is(&verdict.outcome)).count();
    Ok(Suggestion {
        playbook: playbook.name.clone(),
        title: playbook.title.clone(),
        fit,
        named_share,
        found: count(|outcome| matches!(outcome, Outcome::Found { .. })),
        cannot_be_judged: count(|outcome| matches!(outcome, Outcome::CannotBeJudged { .. })),
        personas: playbook.personas.len(),
        naming,
    })
}
