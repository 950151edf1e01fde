//! The key insights: right to the digit, and silent where the figures say nothing.

use segmint::persona::Basis;
use segmint::report::{ClusterSummary, ColumnFigures, PerName, PersonaFate, Summary, insights};

use crate::summary;

/// Segments A, B, .. of so many customers with such an average spend each.
fn of(groups: &[(u64, f64)]) -> Summary {
    let example = summary();
    let rows: u64 = groups.iter().map(|(size, _)| size).sum();
    let total: f64 = groups.iter().map(|(size, mean)| *size as f64 * mean).sum();
    let all = total / rows as f64;
    let cluster = |(number, (size, mean)): (usize, &(u64, f64))| ClusterSummary {
        cluster: number,
        persona: ["A", "B", "C", "D", "E"][number].into(),
        size: *size,
        share: *size as f64 / rows as f64,
        means: PerName(vec![("spend".into(), Some(*mean))]),
        lifts: PerName(vec![("spend".into(), Some((mean - all) / 100.0))]),
        value_share: (total > 0.0).then(|| *size as f64 * mean / total),
        basis: Basis::Earned,
        ..example.clusters[0].clone()
    };
    let column = ColumnFigures { name: "spend".into(), mean: Some(all), ..example.columns[0].clone() };
    Summary {
        rows,
        k: groups.len(),
        features: vec!["spend".into()],
        value: Some("spend".into()),
        columns: vec![column],
        clusters: groups.iter().enumerate().map(cluster).collect(),
        personas: Vec::new(),
        ..example
    }
}

#[test]
fn the_figures_of_a_shop_are_told_as_they_are() {
    // Sizes and averages of a published report, which claimed more than half of the revenue for its smallest segment.
    let told = insights(&of(&[(51_758, 103.0), (38_261, 103.0), (2_883, 211.0), (2_518, 1_017.0)]));
    assert_eq!(
        told,
        [
            "2.6 % of customers bring 20.6 % of value: the segment “D”.",
            "The largest segment, “A”, holds 54.2 % of customers and brings 42.9 % of value.",
            "The average spend is highest in “D”: 1,017, 7.80 times the 130.4 of all customers.",
            "The segments differ most in spend: 103.0 on average in “A”, 1,017 in “D”.",
            "All 4 segments earned their names by the conditions of “Recency, frequency, monetary”.",
        ]
    );
}

#[test]
fn segments_that_bring_half_of_the_value_are_named() {
    let told = insights(&of(&[(600, 10.0), (200, 100.0), (100, 250.0), (100, 300.0)]));
    assert!(
        told.contains(&"“D” and “C” together bring 67.9 % of value, with 20.0 % of customers.".to_owned()),
        "{told:#?}"
    );
    // Two equal ones compete for the last place: who belongs to them is not certain.
    let tied = insights(&of(&[(700, 30.0), (100, 300.0), (100, 250.0), (100, 250.0)]));
    assert!(tied.iter().all(|sentence| !sentence.contains("together") && !sentence.contains("alone")), "{tied:#?}");
}

#[test]
fn one_segment_is_compared_with_nothing() {
    let told = insights(&of(&[(500, 20.0)]));
    assert_eq!(
        told,
        [
            "There is one segment, and it holds all 500 customers.",
            "The segment earned its name by the conditions of “Recency, frequency, monetary”.",
        ]
    );
}

#[test]
fn no_value_has_no_shares_and_no_highest_average() {
    let told = insights(&of(&[(300, 0.0), (200, 0.0)]));
    assert_eq!(
        told,
        [
            "The largest segment, “A”, holds 60.0 % of customers.",
            "All 2 segments earned their names by the conditions of “Recency, frequency, monetary”.",
        ]
    );
    let mut unnamed = of(&[(300, 1.0), (200, 5.0)]);
    unnamed.value = None;
    unnamed.clusters.iter_mut().for_each(|cluster| cluster.value_share = None);
    assert!(insights(&unnamed).iter().all(|sentence| !sentence.contains("value")), "{:#?}", insights(&unnamed));
}

#[test]
fn a_negative_share_of_value_is_not_told_as_if_it_were_a_part() {
    let mut refunds = of(&[(300, 10.0), (200, 5.0)]);
    refunds.clusters[0].value_share = Some(1.2);
    refunds.clusters[1].value_share = Some(-0.2);
    assert!(insights(&refunds).iter().all(|sentence| !sentence.contains("of value")), "{:#?}", insights(&refunds));
}

#[test]
fn ties_are_told_as_ties() {
    let told = insights(&of(&[(250, 10.0), (250, 10.0), (250, 10.0), (250, 10.0)]));
    assert_eq!(
        told[..2],
        [
            "Value is spread over the segments as the customers are: no segment brings a tenth more than its size.",
            "All 4 segments hold 250 customers each.",
        ]
    );
    assert!(told.iter().all(|sentence| !sentence.contains("highest") && !sentence.contains("differ")), "{told:#?}");
    let told = insights(&of(&[(400, 10.0), (400, 20.0), (200, 10.0)]));
    assert!(
        told.contains(&"The 2 largest segments, “A” and “B”, hold 400 customers each, 40.0 % of all.".to_owned()),
        "{told:#?}"
    );
}

#[test]
fn a_share_is_never_rounded_to_nothing_or_to_all() {
    let told = insights(&of(&[(999_990, 1.0), (10, 500_000.0)]));
    assert_eq!(told[0], "< 0.1 % of customers bring 83.3 % of value: the segment “B”.");
    assert!(told[1].contains("holds > 99.9 % of customers"), "{}", told[1]);
}

#[test]
fn names_are_counted_by_what_they_rest_on() {
    let mut mixed = of(&[(300, 10.0), (200, 20.0), (100, 30.0)]);
    mixed.clusters[2].basis = Basis::Descriptive;
    let lost = |name: &str| PersonaFate { persona: name.into(), clusters: vec![], reason: None };
    mixed.personas = vec![lost("Newcomers"), lost("Lost"), lost("Loyal")];
    let told = insights(&mixed);
    let title = "Recency, frequency, monetary";
    let earned = format!(
        "2 of 3 segments earned the name of a persona of “{title}”; the others are named by what sets them apart."
    );
    assert_eq!(told[told.len() - 2..], [earned, "No segment carries the name “Newcomers”, “Lost” or “Loyal”.".into()]);
    mixed.clusters.iter_mut().for_each(|cluster| cluster.basis = Basis::Descriptive);
    let none = format!("No segment fits a persona of “{title}”; their names say what sets them apart.");
    assert!(insights(&mixed).contains(&none));
}
