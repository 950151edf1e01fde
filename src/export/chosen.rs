//! Which segments are meant: by number, by the name of a segment, or by that of a persona, which may be carried by
//! several segments.

use super::Wanted;
use crate::error::{Error, Kind, Result};
use crate::job::nearest;
use crate::report::Summary;

/// The numbers of the segments, each once, in their order.
pub(super) fn clusters(summary: &Summary, wanted: &Wanted) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    for &cluster in &wanted.clusters {
        if cluster >= summary.clusters.len() {
            let last = summary.clusters.len().saturating_sub(1);
            return Err(Error::new(Kind::Usage, format!("the run has no cluster {cluster}"))
                .hint(format!("clusters are numbered from 0 to {last}; the segments are: {}", listed(summary))));
        }
        found.push(cluster);
    }
    for name in &wanted.personas {
        found.extend(named(summary, name)?);
    }
    if found.is_empty() {
        return Err(Error::new(Kind::Usage, "no segment was named").hint("name one with --persona or --cluster"));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The segments that carry a persona, or the one that is called so. Where no case fits, any case does.
fn named(summary: &Summary, name: &str) -> Result<Vec<usize>> {
    let same = |known: &str| known == name;
    let alike = |known: &str| known.to_lowercase() == name.to_lowercase();
    for fits in [&same as &dyn Fn(&str) -> bool, &alike] {
        if let Some(fate) = summary.personas.iter().find(|fate| fits(&fate.persona)) {
            if fate.clusters.is_empty() {
                let why = fate.reason.as_deref().unwrap_or("not found");
                let text = format!("no segment of this run is called {:?}: {why}", fate.persona);
                return Err(Error::new(Kind::InputMissing, text).hint(format!("there are: {}", listed(summary))));
            }
            return Ok(fate.clusters.clone());
        }
        if let Some(cluster) = summary.clusters.iter().find(|cluster| fits(&cluster.persona)) {
            return Ok(vec![cluster.cluster]);
        }
    }
    let personas = summary.personas.iter().map(|fate| fate.persona.as_str());
    let known = personas.chain(summary.clusters.iter().map(|cluster| cluster.persona.as_str()));
    let meant = nearest(name, known).map(|near| format!("did you mean {near:?}? ")).unwrap_or_default();
    let error = Error::new(Kind::Usage, format!("neither a persona nor a segment of this run is called {name:?}"));
    Err(error.hint(format!("{meant}the segments are: {}", listed(summary))))
}

fn listed(summary: &Summary) -> String {
    /// Names that fit an error.
    const SHOWN: usize = 40;
    let mut names: Vec<String> = summary
        .clusters
        .iter()
        .take(SHOWN)
        .map(|cluster| format!("{} ({})", cluster.persona, cluster.cluster))
        .collect();
    if summary.clusters.len() > SHOWN {
        names.push("..".to_owned());
    }
    names.join("; ")
}
