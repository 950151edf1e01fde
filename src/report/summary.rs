//! The figures of a published run. `summary.json` is this, field for field, and a stable contract: fields are added,
//! never renamed. Figures nobody asked for are null.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::job::{Criterion, Missing, Scale, Transform};
use crate::persona::{Basis, Calendar, Distinction, Evidence, Guide, Horizons, Monitor, RoleColumn};
use crate::profile::Profile;
use crate::rules::Rules;
use crate::source::ColumnKind;

/// Of the contract.
pub const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub version: u32,
    /// The program's own version.
    pub segmint: String,
    /// Rows that were clustered; the sizes of the clusters add up to it.
    pub rows: u64,
    /// Rows that were read and left out, by reason. Rows and these add up to the rows of the input.
    pub dropped: Vec<Dropped>,
    /// Names of the columns that were clustered, in the job's order.
    pub features: Vec<String>,
    /// How each of them was treated, in the same order.
    pub feature_settings: Vec<FeatureSettings>,
    /// Clusters in the result; fewer than asked for where the data has fewer distinct customers.
    pub k: usize,
    /// What was asked for, or chosen.
    pub k_asked: usize,
    pub seed: u64,
    pub n_init: u32,
    pub max_iter: u32,
    pub tol: f64,
    /// Sum of weighted squared distances to the centroids, in scaled units.
    pub inertia: f64,
    pub iterations: u32,
    pub converged: bool,
    pub metrics: Metrics,
    /// One entry per k that was compared; empty where k was given.
    pub selection: Vec<Selection>,
    /// How k was chosen; null where it was given.
    pub choice: Option<ChoiceSummary>,
    /// How customers move from the clusters of one k to those of the next that was compared.
    pub flows: Vec<FlowSummary>,
    /// The column that shares of value are of.
    pub value: Option<String>,
    /// Every described column: the features first, then the others, with the figures of all rows.
    pub columns: Vec<ColumnFigures>,
    /// In published order: largest first.
    pub clusters: Vec<ClusterSummary>,
    pub playbook: PlaybookSummary,
    /// What became of every persona of the playbook.
    pub personas: Vec<PersonaFate>,
    /// What the data made the run warn of; what the machine did stands in the run record.
    pub warnings: Vec<String>,
    /// Everything that is known of the clusters, in the user's units: spread, quartiles, lifts, indices, categories,
    /// mixes and derived figures. The fields above repeat of it what most readers want.
    pub profile: Profile,
    /// Questions about the features that nearly lead to the clusters; null where they tell nobody apart, or the run is of
    /// a version without them.
    #[serde(default)]
    pub rules: Option<Rules>,
}

/// The last line of the overview: what all segments come to together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Total {
    pub(super) share: f64,
    /// Average value of all customers.
    pub(super) mean: Option<f64>,
    pub(super) value_share: Option<f64>,
}

impl Summary {
    /// What a column is counted in, where the job says.
    pub(super) fn unit(&self, column: &str) -> Option<&str> {
        if let Some(known) = self.profile.columns.iter().find(|known| known.name == column) {
            return known.unit.as_deref();
        }
        self.profile.derived.iter().find(|known| known.name == column)?.unit.as_deref()
    }

    /// What a column holds, where that is known.
    pub(super) fn kind(&self, column: &str) -> Option<&ColumnKind> {
        let described = self.columns.iter().find(|known| known.name == column).and_then(|known| known.kind.as_ref());
        let feature = || self.feature_settings.iter().find(|known| known.column == column)?.kind.as_ref();
        described.or_else(feature)
    }

    /// Whether a column holds days or moments. Nothing is twice as late as another.
    pub(super) fn is_dated(&self, column: &str) -> bool {
        matches!(self.kind(column), Some(ColumnKind::Date | ColumnKind::Timestamp))
    }

    pub(super) fn total(&self) -> Total {
        let value = self.value.as_ref().and_then(|value| self.columns.iter().find(|column| column.name == *value));
        Total {
            share: self.clusters.iter().map(|cluster| cluster.share).sum(),
            mean: value.and_then(|column| column.mean),
            value_share: self.clusters.iter().map(|cluster| cluster.value_share).sum(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    pub reason: String,
    pub rows: u64,
}

/// What was done to a feature before it was clustered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureSettings {
    pub column: String,
    pub transform: Transform,
    pub scale: Scale,
    pub weight: f64,
    pub missing: Missing,
    /// Rows whose missing value was replaced.
    pub imputed: u64,
    /// All its values are the same, so that it counts for nothing.
    pub constant: bool,
    /// What the column holds; null where the run is of a version that did not say.
    #[serde(default)]
    pub kind: Option<ColumnKind>,
}

/// Scores of a clustering. Null is what was not asked for, or has no value: one cluster has no neighbour.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    pub davies_bouldin: Option<f64>,
    pub silhouette: Option<f64>,
    pub calinski_harabasz: Option<f64>,
    /// From the distances to centroids in place of those between customers.
    pub simplified_silhouette: Option<f64>,
    /// Part of the variance that lies between the clusters.
    pub explained_variance: Option<f64>,
    /// Mean silhouette of each cluster, in published order.
    pub cluster_silhouettes: Option<Vec<f64>>,
    /// What the silhouette was computed on, where that was a sample.
    pub silhouette_sample: Option<SilhouetteSample>,
    /// Customers of the smallest cluster.
    pub smallest: u64,
    pub stability: Option<StabilitySummary>,
}

/// A silhouette estimated from some customers, each compared with all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SilhouetteSample {
    pub rows: u64,
    /// Of its 95 % confidence interval.
    pub low: f64,
    pub high: f64,
}

/// What comes back when the clustering is repeated on half samples and on bootstraps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StabilitySummary {
    /// Mean over the repeats.
    pub adjusted_rand_index: f64,
    /// Mean over the repeats of the best Jaccard index of each cluster, in published order.
    pub jaccard: Vec<f64>,
    /// Clusterings that it was compared with: half samples and bootstraps, of each as many.
    pub repeats: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    pub k: usize,
    /// Clusters that there are; fewer where the data has fewer distinct customers.
    pub found: usize,
    pub inertia: f64,
    pub iterations: u32,
    #[serde(flatten)]
    pub metrics: Metrics,
    pub gap: Option<f64>,
    pub gap_standard_error: Option<f64>,
    /// What the criterion goes by: the mean rank of a consensus, the score itself of most others.
    pub figure: Option<f64>,
    /// Why this k could not be chosen; null where it could.
    pub ruled_out: Option<String>,
}

/// How the number of clusters was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChoiceSummary {
    pub criterion: Criterion,
    pub k: usize,
    pub runner_up: Option<usize>,
    /// Whether the runner-up is as good, to the figures' accuracy.
    pub tied: bool,
    /// What the criterion alone would have chosen, where that was ruled out.
    pub overruled: Option<usize>,
    /// Whether the chosen k passes every gate itself.
    pub passed: bool,
    /// The same for people: which k, why, and what the runner-up would change.
    pub sentences: Vec<String>,
    /// From the published clusters to those of the runner-up.
    pub to_runner_up: Option<FlowSummary>,
}

/// How the customers of one clustering spread over the clusters of another; both numbered by size, the largest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowSummary {
    pub from_k: usize,
    pub to_k: usize,
    /// A row per cluster of the one, with the customers it has in each cluster of the other.
    pub customers: Vec<Vec<u64>>,
}

/// A column over all clustered rows, in the user's units. Null where no row has a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnFigures {
    pub name: String,
    /// Rows that have a value.
    pub count: u64,
    pub mean: Option<f64>,
    pub standard_deviation: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// What the column holds; null where the run is of a version that did not say.
    #[serde(default)]
    pub kind: Option<ColumnKind>,
    /// What its figures are counted in: as the job says, for days and moments since when; null where nobody says.
    #[serde(default)]
    pub unit: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterSummary {
    pub cluster: usize,
    pub persona: String,
    pub second_persona: Option<String>,
    pub size: u64,
    /// Of all clustered rows.
    pub share: f64,
    /// Of the sum of all sample weights, where there are any.
    pub weighted_share: Option<f64>,
    /// Column -> mean of its raw values, in the user's units.
    pub means: PerName<Option<f64>>,
    /// Column -> distance of the mean from the overall mean, in overall standard deviations.
    pub lifts: PerName<Option<f64>>,
    /// Share of the value column's total.
    pub value_share: Option<f64>,
    /// What the name rests on: "earned", "earned-with-qualifier" or "descriptive".
    pub basis: Basis,
    /// How well the profile fits the persona, 0 to 1; null for a descriptive name.
    pub score: Option<f64>,
    /// How clearly, 0 to 1; null for a descriptive name.
    pub confidence: Option<f64>,
    /// Why it is called so, a sentence each.
    pub evidence: Vec<String>,
    /// The same in figures: every condition of the persona, held or not; empty for a descriptive name.
    pub conditions: Vec<Evidence>,
    /// What sets the cluster apart from all customers, the strongest feature first.
    pub distinctions: Vec<Distinction>,
    /// What the playbook says about this persona; null for a descriptive name.
    pub guide: Option<Guide>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaybookSummary {
    pub name: String,
    pub title: String,
    pub description: String,
    /// What "now", "next" and "later" mean in time.
    pub horizons: Option<Horizons>,
    /// Actions that concern all personas.
    pub calendar: Calendar,
    /// What to look at again and again.
    pub monitors: Vec<Monitor>,
    /// What was judged as what.
    pub roles: Vec<RoleColumn>,
}

/// What became of a persona: who carries its name, or why nobody does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonaFate {
    pub persona: String,
    pub clusters: Vec<usize>,
    /// Not found, found as a second persona only, or cannot be judged; null where a cluster carries the name.
    pub reason: Option<String>,
}

/// Values by name, in the order they were given; JSON has them as an object.
#[derive(Debug, Clone, PartialEq)]
pub struct PerName<T>(pub Vec<(String, T)>);

impl<T> PerName<T> {
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl<T: Serialize> Serialize for PerName<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for PerName<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = PerName<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of values by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    values.push(entry);
                }
                Ok(PerName(values))
            }
        }

        deserializer.deserialize_map(InOrder(PhantomData))
    }
}
