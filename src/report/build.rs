//! From what the rooms below found to the summary. Nothing is computed here; figures are put in their place.

use serde::Serialize;

use super::figures::figure;
use super::summary::{
    ClusterSummary, ColumnFigures, Dropped, Guide, Metrics, PerName, PersonaFate, PlaybookSummary, Summary, VERSION,
};
use crate::persona::{Distinction, NamedCluster, Naming, Outcome, Persona, Playbook};
use crate::profile::Profile;

/// What a run found beside its profile and its names.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub rows: u64,
    pub dropped: Vec<Dropped>,
    pub features: Vec<String>,
    pub k: usize,
    pub k_asked: usize,
    pub seed: u64,
    pub n_init: u32,
    /// In scaled units.
    pub inertia: f64,
    pub iterations: u32,
    pub converged: bool,
    /// What the data caused.
    pub warnings: Vec<String>,
}

/// Puts the summary of a run together. `naming` is of `profile` and `playbook`.
pub fn summarize(facts: Facts, profile: &Profile, naming: &Naming, playbook: &Playbook) -> Summary {
    Summary {
        version: VERSION,
        rows: facts.rows,
        dropped: facts.dropped,
        features: facts.features,
        k: facts.k,
        k_asked: facts.k_asked,
        seed: facts.seed,
        n_init: facts.n_init,
        inertia: facts.inertia,
        iterations: facts.iterations,
        converged: facts.converged,
        metrics: Metrics::default(),
        selection: Vec::new(),
        value: profile.value_column.clone(),
        columns: columns(profile),
        clusters: naming.clusters.iter().enumerate().map(|(i, named)| cluster(i, named, profile, playbook)).collect(),
        playbook: PlaybookSummary {
            name: playbook.name.clone(),
            title: playbook.title.clone(),
            roles: naming.roles.clone(),
        },
        personas: naming.personas.iter().map(|verdict| fate(&verdict.persona, &verdict.outcome)).collect(),
        warnings: facts.warnings,
        profile: profile.clone(),
    }
}

fn columns(profile: &Profile) -> Vec<ColumnFigures> {
    let figures = profile.columns.iter().map(|column| ColumnFigures {
        name: column.name.clone(),
        count: column.overall.count,
        mean: column.overall.mean,
        standard_deviation: column.overall.standard_deviation,
        min: column.overall.min,
        max: column.overall.max,
    });
    figures.collect()
}

fn cluster(number: usize, named: &NamedCluster, profile: &Profile, playbook: &Playbook) -> ClusterSummary {
    let found = profile.clusters.get(number);
    let of_column = |figure: fn(&crate::profile::ClusterFigures) -> Option<f64>| {
        let values = profile.columns.iter().map(|column| {
            let value = column.clusters.get(number).and_then(figure);
            (column.name.clone(), value)
        });
        PerName(values.collect())
    };
    let evidence = if named.evidence.is_empty() {
        named.distinctions.iter().map(distinction).collect()
    } else {
        named.evidence.iter().map(ToString::to_string).collect()
    };
    ClusterSummary {
        cluster: number,
        persona: named.name.clone(),
        second_persona: named.second_persona.clone(),
        size: found.map_or(0, |cluster| cluster.size),
        share: found.map_or(0.0, |cluster| cluster.share),
        weighted_share: found.and_then(|cluster| cluster.weighted_share),
        means: of_column(|figures| figures.moments.mean),
        lifts: of_column(|figures| figures.lift),
        value_share: found.and_then(|cluster| cluster.value_share),
        basis: named.basis,
        score: named.score,
        evidence,
        distinctions: named.distinctions.clone(),
        guide: named.persona.as_deref().and_then(|name| playbook.persona(name)).map(guide),
    }
}

fn distinction(found: &Distinction) -> String {
    let (own, all) = (figure(found.mean), figure(found.overall_mean));
    format!("{} is {}: {own} against {all} over all", found.column, found.word)
}

fn guide(persona: &Persona) -> Guide {
    Guide {
        story: persona.story.clone(),
        priority: word(&persona.priority),
        business_value: persona.business_value.clone(),
        objective: persona.objective.clone(),
        tactics: persona.tactics.clone(),
        kpis: persona.kpis.clone(),
    }
}

fn fate(persona: &str, outcome: &Outcome) -> PersonaFate {
    let (clusters, reason) = match outcome {
        Outcome::Found { clusters } => (clusters.clone(), None),
        Outcome::NotFound { closest: Some(closest) } => {
            let fell_short = closest.evidence.iter().find(|evidence| evidence.margin.is_none_or(|margin| margin < 0.0));
            let why = fell_short.map_or_else(String::new, |evidence| format!(": {evidence}"));
            (Vec::new(), Some(format!("not found; cluster {} came closest{why}", closest.cluster)))
        }
        other => (Vec::new(), Some(other.to_string())),
    };
    PersonaFate { persona: persona.to_owned(), clusters, reason }
}

/// A word as the playbook writes it.
pub(super) fn word(word: &impl Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}
