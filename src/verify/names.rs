//! That the conditions of a given name are those of its playbook, where that is known and the very one that the run was
//! judged by: nobody weakened them afterwards. And that every role is played by the column that the job or a usual name
//! says.

use crate::error::{Error, Result};
use crate::persona::{Basis, Condition, Evidence, Playbook};
use crate::report::Summary;
use crate::store::{Run, SUMMARY, text_hash};

use super::verdict::Verdict;

/// The playbook that the run was judged by: one of ours, or the given one.
pub(super) fn playbook(run: &Run, given: Option<&str>) -> Result<Option<Playbook>> {
    let hash = run.manifest().settings.pointer("/persona/playbook_sha256").and_then(|hash| hash.as_str());
    let is_it = |playbook: &Playbook| Some(text_hash(&playbook.text).as_str()) == hash;
    let Some(given) = given else { return Ok(Playbook::ours()?.into_iter().find(is_it)) };
    let playbook = Playbook::load(given)?;
    if !is_it(&playbook) {
        return Err(Error::job(format!("the run was not judged by playbook {given}: its text is another one's"))
            .hint("give the file as it was when the run was made"));
    }
    Ok(Some(playbook))
}

pub(super) fn check(run: &Run, playbook: Option<&Playbook>, summary: &Summary, verdict: &mut Verdict) {
    let Some(playbook) = playbook else {
        verdict.not_checked(format!(
            "{SUMMARY}, that conditions are those of the playbook, roles, that each name is the best for its cluster, and \
             what became of the other personas: playbook {:?} is none of this version's; give it with --playbook",
            summary.playbook.name
        ));
        return;
    };
    verdict.checked("conditions as the playbook has them", 0);
    for (at, cluster) in summary.clusters.iter().enumerate().filter(|(_, c)| c.basis != Basis::Descriptive) {
        let own = |name: &str| cluster.persona == name || cluster.persona.starts_with(&format!("{name} ("));
        let persona = playbook.personas.iter().find(|persona| own(&persona.name));
        let conditions = persona.map_or(&[][..], |persona| persona.conditions.as_slice());
        verdict.figure();
        let same = conditions.len() == cluster.conditions.len()
            && conditions.iter().zip(&cluster.conditions).all(|(own, claimed)| is_same(own, claimed, summary));
        if !same {
            let what = format!("cluster {at} ({:?}), conditions", cluster.persona);
            verdict.wrong(SUMMARY, what, "those of the name", format!("others in playbook {:?}", playbook.name));
        }
    }
    roles(run, playbook, summary, verdict);
}

fn is_same(own: &Condition, claimed: &Evidence, summary: &Summary) -> bool {
    let played = summary.playbook.roles.iter().find(|played| played.role == own.role);
    own.role == claimed.role
        && own.asked == claimed.asked
        && own.importance == claimed.importance
        && own.weight == claimed.weight
        && played.is_some_and(|played| played.column == claimed.column)
}

/// The job comes first, then the first usual name that some free column has, whatever its case and separators. The
/// value of an order may be a derived figure.
fn roles(run: &Run, playbook: &Playbook, summary: &Summary, verdict: &mut Verdict) {
    verdict.checked("columns by role", playbook.roles.len() as u64);
    let plain = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let said = run.roles();
    let said_of = |role: &str| said.iter().find(|(known, _)| known == role).map(|(_, column)| column.as_str());
    let columns = summary.profile.columns.iter().map(|column| column.name.as_str());
    let mut free: Vec<&str> = columns.filter(|column| !said.iter().any(|(_, taken)| taken == column)).collect();
    let mut played: Vec<(&str, Option<&str>)> = Vec::new();
    for role in &playbook.roles {
        let usual = |name: &String| free.iter().position(|column| plain(column) == plain(name));
        let column = match said_of(&role.name) {
            Some(column) => Some(column),
            None => role.columns.iter().find_map(usual).map(|at| free.remove(at)),
        };
        played.push((&role.name, column));
    }
    let has_money = played.iter().any(|(role, column)| *role == "monetary" && column.is_some());
    let derived = summary.profile.derived.iter().find(|derived| derived.name == "average_order_value");
    if let Some(derived) = derived.filter(|derived| derived.overall.is_some() && has_money) {
        let without = played.iter_mut().filter(|(role, column)| *role == "order_value" && column.is_none());
        without.for_each(|(_, column)| *column = Some(derived.name.as_str()));
    }
    let claimed = summary.playbook.roles.iter().map(|role| (role.role.as_str(), role.column.as_deref()));
    if !claimed.eq(played.iter().copied()) {
        let right = played.iter().map(|(role, column)| format!("{role} = {:?}", column.unwrap_or("no column")));
        verdict.wrong(SUMMARY, "playbook, roles", "others", right.collect::<Vec<_>>().join(", "));
    }
}
