//! From what the rooms below found to the summary. Nothing is computed here; figures are put in their place.

use super::figures::figure;
use super::summary::{
    ClusterSummary, ColumnFigures, Dropped, FeatureSettings, Metrics, PerName, PersonaFate, PlaybookSummary, Summary,
    VERSION,
};
use crate::persona::{self, Distinction, Evidence, Guide, Importance, NamedCluster, Naming, Outcome, Playbook};
use crate::profile::Profile;

/// What a run found beside its profile and its names.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub rows: u64,
    pub dropped: Vec<Dropped>,
    pub features: Vec<FeatureSettings>,
    pub k: usize,
    pub k_asked: usize,
    pub seed: u64,
    pub n_init: u32,
    pub max_iter: u32,
    pub tol: f64,
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
        segmint: env!("CARGO_PKG_VERSION").to_owned(),
        rows: facts.rows,
        dropped: facts.dropped,
        features: facts.features.iter().map(|feature| feature.column.clone()).collect(),
        feature_settings: facts.features,
        k: facts.k,
        k_asked: facts.k_asked,
        seed: facts.seed,
        n_init: facts.n_init,
        max_iter: facts.max_iter,
        tol: facts.tol,
        inertia: facts.inertia,
        iterations: facts.iterations,
        converged: facts.converged,
        metrics: Metrics::default(),
        selection: Vec::new(),
        value: profile.value_column.clone(),
        columns: columns(profile),
        clusters: clusters(profile, naming, playbook),
        playbook: PlaybookSummary {
            name: playbook.name.clone(),
            title: playbook.title.clone(),
            description: playbook.description.clone(),
            horizons: playbook.horizons.clone(),
            calendar: playbook.calendar.clone(),
            monitors: playbook.monitors.clone(),
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

fn clusters(profile: &Profile, naming: &Naming, playbook: &Playbook) -> Vec<ClusterSummary> {
    let guides = persona::guides(profile, playbook, naming);
    let named = naming.clusters.iter().zip(guides).enumerate();
    named.map(|(number, (named, guide))| cluster(number, named, guide, profile)).collect()
}

fn cluster(number: usize, named: &NamedCluster, guide: Option<Guide>, profile: &Profile) -> ClusterSummary {
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
        confidence: named.confidence,
        evidence,
        conditions: named.evidence.clone(),
        distinctions: named.distinctions.clone(),
        guide,
    }
}

fn distinction(found: &Distinction) -> String {
    let (own, all) = (figure(found.mean), figure(found.overall_mean));
    format!("{} is {}: {own} against {all} over all", found.column, found.word)
}

fn fate(persona: &str, outcome: &Outcome) -> PersonaFate {
    let (clusters, reason) = match outcome {
        Outcome::Found { clusters } => (clusters.clone(), None),
        Outcome::NotFound { closest: Some(closest) } => {
            let needed = |evidence: &&Evidence| evidence.importance != Importance::Typical;
            let fell_short = closest.evidence.iter().filter(needed).find(|evidence| evidence.speaks_against());
            let why = fell_short.map_or_else(String::new, |evidence| format!(": {evidence:#}"));
            (Vec::new(), Some(format!("not found; segment {} came closest{why}", closest.cluster)))
        }
        other => (Vec::new(), Some(other.to_string())),
    };
    PersonaFate { persona: persona.to_owned(), clusters, reason }
}
