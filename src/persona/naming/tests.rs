//! Names from profiles whose figures are known.

use super::*;
use crate::persona::Importance;
use crate::persona::samples::{book, persona};
use crate::profile::{ClusterFigures, ClusterProfile, ColumnProfile, ColumnUse, Moments, Quartiles};

/// One column: name, overall (min, mean, standard deviation), means by cluster.
type Column<'a> = (&'a str, (f64, f64, f64), &'a [f64]);

fn profile(sizes: &[u64], columns: &[Column]) -> Profile {
    let total: u64 = sizes.iter().sum();
    let moments = |count, min, mean, spread| Moments {
        count,
        missing: 0,
        mean: Some(mean),
        standard_deviation: Some(spread),
        min: Some(min),
        ..Moments::default()
    };
    let cluster = |&size: &u64| ClusterProfile { size, share: size as f64 / total as f64, ..ClusterProfile::default() };
    let column = |&(name, (min, mean, spread), means): &Column| ColumnProfile {
        name: name.into(),
        column_use: ColumnUse::Feature,
        overall: moments(total, min, mean, spread),
        clusters: means
            .iter()
            .zip(sizes)
            .map(|(&own, &size)| ClusterFigures {
                moments: moments(size, min, own, 0.0),
                lift: Some((own - mean) / spread),
                index: (min >= 0.0).then(|| 100.0 * own / mean),
            })
            .collect(),
        ..ColumnProfile::default()
    };
    Profile {
        clusters: sizes.iter().map(cluster).collect(),
        columns: columns.iter().map(column).collect(),
        ..Profile::default()
    }
}

const CDNOW_RECENCY: (f64, f64, f64) = (0.0, 367.2216376750106, 181.20733291952982);
const CDNOW_FREQUENCY: (f64, f64, f64) = (1.0, 2.8676707679253286, 4.177328678550008);
const CDNOW_MONETARY: (f64, f64, f64) = (0.0, 106.08042554094189, 240.92008361798676);

/// The real customers of CDNOW, clustered on log1p and standard scaling.
fn cdnow(sizes: &[u64], recency: &[f64], frequency: &[f64], monetary: &[f64]) -> Profile {
    profile(
        sizes,
        &[
            ("recency", CDNOW_RECENCY, recency),
            ("frequency", CDNOW_FREQUENCY, frequency),
            ("monetary", CDNOW_MONETARY, monetary),
        ],
    )
}

fn rfm() -> Playbook {
    Playbook::load("rfm").unwrap()
}

fn names_of(profile: &Profile) -> Vec<String> {
    name(profile, &rfm(), &[]).unwrap().clusters.into_iter().map(|cluster| cluster.name).collect()
}

fn outcomes(naming: &Naming) -> Vec<String> {
    naming.personas.iter().map(|verdict| verdict.outcome.to_string()).collect()
}

#[test]
fn four_clusters_of_real_customers_get_sensible_names() {
    let profile = cdnow(
        &[9006, 7392, 4871, 2301],
        &[499.934932, 432.691017, 179.102238, 35.697957],
        &[1.021874, 1.680465, 4.381031, 10.702303],
        &[17.978468, 64.18403, 164.876738, 461.033729],
    );
    let names =
        ["Dormant or Inactive", "Dormant or Inactive (higher spend)", "Loyal Repeat Buyers", "VIP or High Value"];
    assert_eq!(names_of(&profile), names);
    let naming = name(&profile, &rfm(), &[]).unwrap();
    // Nearly all of these customers were won in one quarter, long ago: nobody is new.
    assert_eq!(outcomes(&naming), ["not found", "found", "found", "found"]);
    assert_eq!(naming.clusters[3].second_persona.as_deref(), Some("Loyal Repeat Buyers"));
    assert_eq!(naming.clusters[0].second_persona, None);
}

#[test]
fn five_clusters_of_real_customers_get_sensible_names() {
    let profile = cdnow(
        &[8908, 7387, 4141, 1615, 1519],
        &[500.173103, 429.665358, 217.747404, 32.528173, 47.208032],
        &[1.019533, 1.649655, 4.504709, 4.241486, 13.705727],
        &[17.82628, 61.295537, 178.073183, 126.974211, 622.952337],
    );
    let names = [
        "Dormant or Inactive",
        "Dormant or Inactive (higher spend)",
        "Loyal Repeat Buyers",
        "Loyal Repeat Buyers (more recent)",
        "VIP or High Value",
    ];
    assert_eq!(names_of(&profile), names);
}

#[test]
fn the_customers_of_the_published_report_get_the_names_of_that_report() {
    let profile = profile(
        &[51_758, 2_883, 38_261, 2_518],
        &[
            ("recency", (0.0, 242.5, 150.0), &[132.0, 225.0, 393.0, 246.0]),
            ("frequency", (1.0, 1.033, 0.21), &[1.0, 2.1, 1.0, 1.0]),
            ("monetary", (1.0, 130.4, 220.0), &[103.0, 211.0, 103.0, 1_017.0]),
        ],
    );
    let names = ["Recent Browsers", "Loyal Repeat Buyers", "Dormant or Inactive", "VIP or High Value"];
    assert_eq!(names_of(&profile), names);
}

#[test]
fn the_numbers_of_the_clusters_change_nothing() {
    let figures = [
        (8908, 500.173103, 1.019533, 17.82628),
        (7387, 429.665358, 1.649655, 61.295537),
        (4141, 217.747404, 4.504709, 178.073183),
        (1615, 32.528173, 4.241486, 126.974211),
        (1519, 47.208032, 13.705727, 622.952337),
    ];
    let named = |order: &[usize]| {
        let pick = |f: fn(&(u64, f64, f64, f64)) -> f64| order.iter().map(|&i| f(&figures[i])).collect::<Vec<_>>();
        let sizes: Vec<u64> = order.iter().map(|&i| figures[i].0).collect();
        let profile = cdnow(&sizes, &pick(|f| f.1), &pick(|f| f.2), &pick(|f| f.3));
        let naming = name(&profile, &rfm(), &[]).unwrap();
        let mut clusters: Vec<(usize, NamedCluster)> = order.iter().copied().zip(naming.clusters).collect();
        clusters.sort_by_key(|(cluster, _)| *cluster);
        clusters
    };
    let straight = named(&[0, 1, 2, 3, 4]);
    for order in [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [1, 2, 3, 4, 0]] {
        assert_eq!(named(&order), straight);
    }
}

#[test]
fn a_persona_without_its_columns_cannot_be_judged() {
    let profile = profile(
        &[10, 10],
        &[("recency", (0.0, 100.0, 50.0), &[50.0, 150.0]), ("orders", (1.0, 3.0, 2.0), &[5.0, 1.0])],
    );
    let naming = name(&profile, &rfm(), &[]).unwrap();
    let no_money = "cannot be judged: no column for monetary";
    assert_eq!(outcomes(&naming), [no_money, "found", no_money, no_money]);
    // A typical condition without a column is left out of the score.
    assert_eq!(naming.clusters[0].name, "Loyal Repeat Buyers");
    assert_eq!(naming.clusters[0].score, Some(1.0));
    assert_eq!(naming.clusters[1].name, "very high recency, very low orders");
    assert_eq!(naming.clusters[1].basis, Basis::Descriptive);
}

#[test]
fn a_column_that_was_not_described_is_pointed_out() {
    let profile = profile(&[10, 10], &[("recency", (0.0, 100.0, 50.0), &[50.0, 150.0])]);
    let mut naming = name(&profile, &rfm(), &[]).unwrap();
    naming.note_undescribed(&rfm(), &["recency", "Total_Spent", "age"]);
    let text = "cannot be judged: no column for monetary; Total_Spent may be the monetary: it is not described, list it \
                under [profile] columns";
    assert_eq!(outcomes(&naming)[3], text);
    assert!(outcomes(&naming)[1].ends_with("no column for frequency"), "{:?}", outcomes(&naming));
}

#[test]
fn average_is_a_finding_only_where_others_are_not() {
    let text = book(&["spend"], &[persona("Middle", "required = { spend = \"average\" }", "")]);
    let book = Playbook::parse("middle.toml", &text).unwrap();
    let names = |means: &[f64]| {
        let profile = profile(&[10, 10], &[("spend", (0.0, 100.0, 50.0), means)]);
        name(&profile, &book, &[]).unwrap()
    };
    assert_eq!(names(&[105.0, 60.0]).clusters[0].persona.as_deref(), Some("Middle"));
    let alike = names(&[105.0, 95.0]);
    assert_eq!(outcomes(&alike), ["not found"]);
    let Outcome::NotFound { closest: Some(closest) } = &alike.personas[0].outcome else { panic!() };
    assert_eq!(closest.evidence[0].to_string(), "spend cannot be told to be average: no cluster differs in it");
}

#[test]
fn the_median_of_a_cluster_may_be_asked_for_among_all_customers() {
    let required = "required = { spend = { quantile_at_least = 0.75 } }";
    let book = Playbook::parse("top.toml", &book(&["spend"], &[persona("Top", required, "")])).unwrap();
    let named = |all: [f64; 3], own: [f64; 3]| {
        let quartiles = |[lower, median, upper]: [f64; 3]| Some(Quartiles { lower, median, upper });
        let mut profile = profile(&[10, 10], &[("spend", (1.0, 100.0, 50.0), &[150.0, 50.0])]);
        let column = &mut profile.columns[0];
        (column.overall.quartiles, column.overall.max) = (quartiles(all), Some(500.0));
        column.clusters[0].moments.quartiles = quartiles(own);
        column.clusters[1].moments.quartiles = quartiles([1.0, 10.0, 20.0]);
        name(&profile, &book, &[]).unwrap()
    };
    let sentence = |naming: &Naming| match &naming.personas[0].outcome {
        Outcome::Found { clusters } => naming.clusters[clusters[0]].evidence[0].to_string(),
        Outcome::NotFound { closest: Some(closest) } => closest.evidence[0].to_string(),
        other => panic!("{other}"),
    };
    let top = named([10.0, 90.0, 120.0], [90.0, 150.0, 200.0]);
    assert_eq!(top.clusters[0].persona.as_deref(), Some("Top"));
    assert_eq!(
        sentence(&top),
        "the median of spend is among the highest quarter of all customers: 150.0, asked 120.0 or more"
    );
    let below = named([10.0, 90.0, 120.0], [90.0, 119.0, 200.0]);
    assert_eq!(below.clusters[0].persona, None);
    assert!(
        sentence(&below).starts_with("the median of spend is not among the highest quarter"),
        "{}",
        sentence(&below)
    );
    let two_kinds = named([10.0, 90.0, 120.0], [20.0, 150.0, 200.0]);
    assert_eq!(two_kinds.clusters[0].persona, None);
    assert!(sentence(&two_kinds).contains("not for three quarters of these customers"), "{}", sentence(&two_kinds));
    let all_alike = named([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]);
    assert!(sentence(&all_alike).contains("it says nothing"), "{}", sentence(&all_alike));
}

#[test]
fn confidence_is_the_weakest_of_what_must_hold() {
    let naming = |recency: f64| {
        let profile = cdnow(&[100, 100], &[recency, 20.0], &[1.0, 5.0], &[20.0, 200.0]);
        name(&profile, &rfm(), &[]).unwrap().clusters.remove(0)
    };
    let (clear, edge) = (naming(600.0), naming(430.0));
    assert_eq!((clear.persona.as_deref(), clear.confidence), (Some("Dormant or Inactive"), clear.score));
    assert_eq!(edge.persona.as_deref(), Some("Dormant or Inactive"));
    assert!(edge.confidence.unwrap() < 0.55 && edge.confidence < edge.score, "{edge:?}");
}

#[test]
fn customers_who_all_look_alike_earn_nothing() {
    let alike: &[f64] = &[100.0, 101.0];
    let profile = profile(
        &[10, 10],
        &[
            ("recency", (0.0, 100.5, 50.0), alike),
            ("frequency", (0.0, 100.5, 50.0), alike),
            ("monetary", (0.0, 100.5, 50.0), alike),
        ],
    );
    let naming = name(&profile, &rfm(), &[]).unwrap();
    assert_eq!(outcomes(&naming), ["not found"; 4]);
    let names: Vec<&str> = naming.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    assert_eq!(names, ["close to the average, no. 1", "close to the average, no. 2"]);
}

#[test]
fn descriptive_names_use_as_many_features_as_it_takes() {
    let profile = profile(
        &[30, 20, 10],
        &[
            ("a", (-9.0, 0.0, 1.0), &[3.0, 3.0, -2.0]),
            ("b", (-9.0, 0.0, 1.0), &[-2.0, -2.0, 0.1]),
            ("c", (-9.0, 0.0, 1.0), &[0.5, -0.5, 0.0]),
        ],
    );
    let names = ["very high a, very low b, high c", "very high a, very low b, low c", "very low a"];
    assert_eq!(names_of(&profile), names);
}

#[test]
fn what_is_required_rules_a_persona_out_and_the_evidence_says_so() {
    let profile = cdnow(&[100, 100], &[20.0, 600.0], &[12.0, 1.0], &[20.0, 600.0]);
    let naming = name(&profile, &rfm(), &[]).unwrap();
    assert_eq!(naming.clusters[0].persona.as_deref(), Some("Loyal Repeat Buyers"));
    let Outcome::NotFound { closest: Some(closest) } = &naming.personas[0].outcome else {
        panic!("recent browsers do not order often: {:?}", naming.personas[0]);
    };
    let broken = |evidence: &&Evidence| (evidence.importance == Importance::Forbidden) == evidence.is_so;
    let broken: Vec<&str> = closest.evidence.iter().filter(broken).map(|evidence| evidence.role.as_str()).collect();
    assert_eq!(closest.cluster, 0);
    assert_eq!(broken, ["frequency", "frequency"]);
}

#[test]
fn evidence_reads_as_a_sentence() {
    let profile = cdnow(&[100, 100], &[499.934932, 20.0], &[1.0, 5.0], &[461.033729, 20.0]);
    let naming = name(&profile, &rfm(), &[]).unwrap();
    let sentences: Vec<String> = naming.clusters[0].evidence.iter().map(Evidence::to_string).collect();
    assert_eq!(naming.clusters[0].name, "VIP or High Value");
    assert_eq!(
        sentences,
        [
            "monetary is at least 300 % of the average: 461.0 against 106.1 over all",
            "monetary is very high: 461.0 against 106.1 over all, 4.35 times the average, standing +1.09, \
             asked +1.00 or more",
            "recency is not very high: 499.9 against 367.2 over all, standing +0.73, asked +1.00 or more",
        ]
    );
}

#[test]
fn a_naming_survives_json() {
    let profile = cdnow(&[60, 40], &[500.0, 20.0], &[1.0, 5.0], &[20.0, 400.0]);
    let naming = name(&profile, &rfm(), &[]).unwrap();
    let json = serde_json::to_string(&naming).unwrap();
    assert_eq!(serde_json::from_str::<Naming>(&json).unwrap(), naming);
}
