//! What is said about a cluster, from profiles whose figures are known.

use super::*;
use crate::persona::naming::name;
use crate::persona::samples::{book, persona};
use crate::profile::{ClusterFigures, ClusterProfile, ColumnProfile, ColumnUse, Moments};

const INSIGHTS_AND_KPIS: &str = r#"
budget_share = 30.0
[[persona.insight]]
says = "They order more."
if = { orders = "high" }
[[persona.insight]]
says = "They order less."
if = { orders = "low" }
[[persona.insight]]
says = "They are happy."
if = { spend = "high", mood = "high" }
[[persona.insight]]
says = "They may stay."
test = "wait"
[[persona.kpi]]
name = "Order value"
target = { at_least = 5 }
unit = "currency"
window = "1 year"
baseline = { mean = "spend", per = "orders" }
[[persona.kpi]]
name = "Mood"
baseline = { mean = "mood" }
"#;

fn small() -> Playbook {
    let personas = [
        persona("Rich", "required = { spend = \"high\" }", INSIGHTS_AND_KPIS),
        persona("Poor", "required = { spend = \"low\" }", "budget_share = 20.0\n"),
        persona("Nobody", "required = { spend = { at_least = 1e9 } }", "budget_share = 50.0\n"),
    ];
    Playbook::parse("small.toml", &book(&["spend", "orders", "mood"], &personas)).unwrap()
}

/// Clusters of (size, mean spend, mean orders); over all 100 and 10, with a deviation of half of it.
fn profile(clusters: &[(u64, f64, f64)]) -> Profile {
    let total: u64 = clusters.iter().map(|cluster| cluster.0).sum();
    let moments = |count, mean: f64, spread| Moments {
        count,
        missing: 0,
        mean: Some(mean),
        standard_deviation: Some(spread),
        min: Some(0.0),
        ..Moments::default()
    };
    let column = |column: &str, all: f64, own: fn(&(u64, f64, f64)) -> f64| ColumnProfile {
        name: column.into(),
        column_use: ColumnUse::Feature,
        overall: moments(total, all, all / 2.0),
        clusters: clusters
            .iter()
            .map(|cluster| ClusterFigures {
                moments: moments(cluster.0, own(cluster), 0.0),
                lift: Some((own(cluster) - all) / (all / 2.0)),
                index: None,
            })
            .collect(),
        ..ColumnProfile::default()
    };
    let of_all = |cluster: &(u64, f64, f64)| ClusterProfile {
        size: cluster.0,
        share: cluster.0 as f64 / total as f64,
        weighted_share: None,
        value_share: None,
    };
    Profile {
        clusters: clusters.iter().map(of_all).collect(),
        columns: vec![column("spend", 100.0, |c| c.1), column("orders", 10.0, |c| c.2)],
        ..Profile::default()
    }
}

fn guides_of(clusters: &[(u64, f64, f64)]) -> Vec<Option<Guide>> {
    let profile = profile(clusters);
    let playbook = small();
    let naming = name(&profile, &playbook, &[]).unwrap();
    guides(&profile, &playbook, &naming)
}

const TWO: [(u64, f64, f64); 2] = [(30, 200.0, 16.0), (70, 50.0, 8.0)];

#[test]
fn only_what_the_figures_bear_out_is_said() {
    let guides = guides_of(&TWO);
    let rich = guides[0].as_ref().unwrap();
    assert_eq!(rich.insights, ["They order more."]);
    let open: Vec<(&str, &str)> = rich.hypotheses.iter().map(|open| (&*open.says, &*open.test)).collect();
    let no_mood = "this table cannot tell: it needs mood";
    assert_eq!(open, [("They are happy.", no_mood), ("They may stay.", "wait")]);
}

#[test]
fn baselines_are_the_figures_of_the_cluster() {
    let guides = guides_of(&TWO);
    let kpis = &guides[0].as_ref().unwrap().kpis;
    let order_value = Baseline { figure: "mean spend / mean orders".into(), value: 12.5, overall: Some(10.0) };
    assert_eq!(kpis[0].baseline, Some(order_value));
    assert_eq!(kpis[0].target.as_deref(), Some("at least 5 in the table's currency within 1 year"));
    assert_eq!((&kpis[1].target, &kpis[1].baseline), (&None, &None));
}

#[test]
fn a_ratio_of_means_over_different_customers_is_no_baseline() {
    let mut profile = profile(&TWO);
    profile.columns[1].clusters[0].moments.count -= 1;
    profile.columns[1].clusters[0].moments.missing += 1;
    let playbook = small();
    let naming = name(&profile, &playbook, &[]).unwrap();
    assert_eq!(guides(&profile, &playbook, &naming)[0].as_ref().unwrap().kpis[0].baseline, None);
}

#[test]
fn the_budget_is_shared_by_what_was_found() {
    let parts = |guides: &[Option<Guide>]| -> Vec<Option<f64>> {
        guides.iter().map(|guide| guide.as_ref()?.budget.map(|budget| (budget.of_found * 1e9).round() / 1e9)).collect()
    };
    assert_eq!(parts(&guides_of(&TWO)), [Some(60.0), Some(40.0)]);
    // Two clusters of one persona share its part by their sizes; one without a persona has none.
    let three = [(30, 200.0, 16.0), (10, 180.0, 16.0), (60, 100.0, 8.0)];
    assert_eq!(parts(&guides_of(&three)), [Some(75.0), Some(25.0), None]);
}
