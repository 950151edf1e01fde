//! From what the rooms below found to the summary. Nothing is computed here; figures are put in their place.

use super::because::told;
use super::chosen;
use super::figures::figure;
use super::summary::{
    ChoiceSummary, ClusterSummary, ColumnFigures, Dropped, FeatureSettings, FlowSummary, Metrics, PerName, PersonaFate,
    PlaybookSummary, Selection, SilhouetteSample, StabilitySummary, Summary, VERSION,
};
use crate::persona::{self, Distinction, Evidence, Guide, Importance, NamedCluster, Naming, Outcome, Playbook};
use crate::profile::Profile;
use crate::quality::{Choice, Flow, Scores, SilhouetteMethod};
use crate::rules::Rules;
use crate::source::ColumnKind;

/// What a run found beside its profile and its names.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub rows: u64,
    pub dropped: Vec<Dropped>,
    pub features: Vec<FeatureSettings>,
    /// What each column of the source holds.
    pub kinds: Vec<(String, ColumnKind)>,
    pub k: usize,
    pub k_asked: usize,
    /// Of every k that was fitted.
    pub scores: Vec<Scores>,
    pub choice: Choice,
    pub flows: Vec<Flow>,
    pub to_runner_up: Option<Flow>,
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
    pub rules: Option<Rules>,
}

/// Puts the summary of a run together. `naming` is of `profile` and `playbook`.
pub fn summarize(facts: Facts, profile: &Profile, naming: &Naming, playbook: &Playbook) -> Summary {
    let mut summary = Summary {
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
        metrics: of_chosen(&facts.scores, &facts.choice).map(metrics).unwrap_or_default(),
        selection: if facts.scores.len() > 1 { selection(&facts.scores, &facts.choice) } else { Vec::new() },
        choice: (facts.scores.len() > 1).then(|| choice(&facts.choice, facts.to_runner_up)),
        flows: facts.flows.into_iter().map(flow).collect(),
        value: profile.value_column.clone(),
        columns: columns(profile, &facts.kinds),
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
        personas: Vec::new(),
        warnings: facts.warnings,
        profile: profile.clone(),
        rules: facts.rules,
    };
    // The words are made of the figures that stand there already.
    summary.personas =
        naming.personas.iter().map(|verdict| fate(&summary, &verdict.persona, &verdict.outcome)).collect();
    let sentences = chosen::reasons(&summary);
    if let Some(choice) = &mut summary.choice {
        choice.sentences = sentences;
    }
    summary
}

fn of_chosen<'a>(scores: &'a [Scores], choice: &Choice) -> Option<&'a Scores> {
    scores.iter().find(|scores| scores.k == choice.k)
}

fn metrics(scores: &Scores) -> Metrics {
    let silhouette = scores.silhouette.as_ref();
    Metrics {
        davies_bouldin: scores.davies_bouldin,
        silhouette: silhouette.map(|silhouette| silhouette.mean),
        calinski_harabasz: scores.calinski_harabasz,
        simplified_silhouette: scores.simplified_silhouette,
        explained_variance: scores.explained_variance,
        cluster_silhouettes: silhouette.map(|silhouette| silhouette.clusters.clone()),
        silhouette_sample: silhouette.and_then(|silhouette| match silhouette.method {
            SilhouetteMethod::Exact => None,
            SilhouetteMethod::Sample { rows, low, high } => Some(SilhouetteSample { rows, low, high }),
        }),
        smallest: scores.smallest,
        stability: scores.stability.as_ref().map(|stability| StabilitySummary {
            adjusted_rand_index: stability.adjusted_rand_index,
            jaccard: stability.jaccard.clone(),
            repeats: stability.repeats,
        }),
    }
}

fn selection(scores: &[Scores], choice: &Choice) -> Vec<Selection> {
    let of_one = |(scores, figure): (&Scores, &Option<f64>)| Selection {
        k: scores.k,
        found: scores.found,
        inertia: scores.inertia,
        iterations: scores.iterations,
        metrics: metrics(scores),
        gap: scores.gap.as_ref().map(|gap| gap.gap),
        gap_standard_error: scores.gap.as_ref().map(|gap| gap.standard_error),
        figure: *figure,
        ruled_out: choice.ruled_out.iter().find(|(k, _)| *k == scores.k).map(|(_, reason)| chosen::reason(*reason)),
    };
    scores.iter().zip(&choice.figures).map(of_one).collect()
}

fn choice(choice: &Choice, to_runner_up: Option<Flow>) -> ChoiceSummary {
    ChoiceSummary {
        criterion: choice.criterion,
        k: choice.k,
        runner_up: choice.runner_up,
        tied: choice.tied,
        overruled: choice.overruled,
        passed: choice.passed,
        sentences: Vec::new(),
        to_runner_up: to_runner_up.map(flow),
    }
}

fn flow(flow: Flow) -> FlowSummary {
    let width = flow.to_clusters.max(1);
    let customers = flow.customers.chunks(width).map(<[u64]>::to_vec).collect();
    FlowSummary { from_k: flow.from_k, to_k: flow.to_k, customers }
}

fn columns(profile: &Profile, kinds: &[(String, ColumnKind)]) -> Vec<ColumnFigures> {
    let kind = |name: &str| kinds.iter().find(|(known, _)| known == name).map(|(_, kind)| kind.clone());
    let since = |kind: Option<ColumnKind>| match kind {
        Some(ColumnKind::Date) => Some("days since 1970-01-01"),
        Some(ColumnKind::Timestamp) => Some("seconds since 1970-01-01 00:00:00 UTC"),
        Some(ColumnKind::Duration) => Some("seconds"),
        _ => None,
    };
    let figures = profile.columns.iter().map(|column| ColumnFigures {
        name: column.name.clone(),
        count: column.overall.count,
        mean: column.overall.mean,
        standard_deviation: column.overall.standard_deviation,
        min: column.overall.min,
        max: column.overall.max,
        kind: kind(&column.name),
        unit: column.unit.clone().or_else(|| since(kind(&column.name)).map(str::to_owned)),
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

pub(super) fn fate(summary: &Summary, persona: &str, outcome: &Outcome) -> PersonaFate {
    let (clusters, reason) = match outcome {
        Outcome::Found { clusters } => (clusters.clone(), None),
        Outcome::NotFound { closest: Some(closest) } => {
            let needed = |evidence: &&Evidence| evidence.importance != Importance::Typical;
            let fell_short = closest.evidence.iter().filter(needed).find(|evidence| evidence.speaks_against());
            let why = fell_short.map_or_else(String::new, |evidence| format!(": {}", told(summary, evidence)));
            (Vec::new(), Some(format!("not found; segment {} came closest{why}", closest.cluster)))
        }
        other => (Vec::new(), Some(other.to_string())),
    };
    PersonaFate { persona: persona.to_owned(), clusters, reason }
}
