//! That the conditions of a given name are those of its playbook, where the playbook is one of ours and the very one that
//! the run was judged by: nobody weakened them afterwards.

use crate::error::Result;
use crate::persona::{Basis, Condition, Evidence, Playbook};
use crate::report::Summary;
use crate::store::{Run, SUMMARY, text_hash};

use super::verdict::Verdict;

pub(super) fn check(run: &Run, summary: &Summary, verdict: &mut Verdict) -> Result<()> {
    verdict.checked("conditions as the playbook has them", 0);
    let hash = run.manifest().settings.pointer("/persona/playbook_sha256").and_then(|hash| hash.as_str());
    let playbook = Playbook::ours()?.into_iter().find(|playbook| Some(text_hash(&playbook.text).as_str()) == hash);
    let Some(playbook) = playbook else {
        verdict.not_checked(format!(
            "{SUMMARY}, conditions: whether they are those of playbook {:?}, which is none of this version's",
            summary.playbook.name
        ));
        return Ok(());
    };
    for (at, cluster) in summary.clusters.iter().enumerate().filter(|(_, c)| c.basis != Basis::Descriptive) {
        let own = |name: &str| cluster.persona == name || cluster.persona.starts_with(&format!("{name} ("));
        let persona = playbook.personas.iter().find(|persona| own(&persona.name));
        let conditions = persona.map_or(&[][..], |persona| persona.conditions.as_slice());
        verdict.figure();
        let same = conditions.len() == cluster.conditions.len()
            && conditions.iter().zip(&cluster.conditions).all(|(own, claimed)| is_same(own, claimed));
        if !same {
            let what = format!("cluster {at} ({:?}), conditions", cluster.persona);
            verdict.wrong(SUMMARY, what, "those of the name", format!("others in playbook {:?}", playbook.name));
        }
    }
    Ok(())
}

fn is_same(own: &Condition, claimed: &Evidence) -> bool {
    own.role == claimed.role
        && own.asked == claimed.asked
        && own.importance == claimed.importance
        && own.weight == claimed.weight
}
