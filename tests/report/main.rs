//! What people and machines read: the Markdown report, the table of the terminal, and the summary's contract.

mod browser;
mod choice;
mod dated;
mod hostile;
mod page;
mod sentences;

use segmint::job::{Missing, Scale, Transform};
use segmint::persona::{
    Asked, Baseline, Basis, Budget, BusinessValue, Calendar, Evidence, Guide, Hypothesis, Importance, Level, Move,
    RoleColumn, Tactic, TrackedKpi, Word,
};
use segmint::profile::Profile;
use segmint::report::{
    ClusterSummary, ColumnFigures, Dropped, FeatureSettings, Metrics, PerName, PersonaFate, PlaybookSummary, Summary,
    json, markdown, table,
};
use segmint::rules::{Fidelity, Node, Rules, Tree};
use segmint::source::ColumnKind;

/// A column name from somebody who means harm.
const HOSTILE: &str = "spend|<img src=x onerror=alert(1)> [free](http://evil.example) \u{1b}[2J\u{202e}`x`";

pub fn summary() -> Summary {
    let columns = |means: [Option<f64>; 2]| PerName(vec![("recency".into(), means[0]), (HOSTILE.into(), means[1])]);
    let figures = |name: &str, mean: f64| ColumnFigures {
        name: name.into(),
        count: 1500,
        mean: Some(mean),
        standard_deviation: Some(10.0),
        min: Some(0.0),
        max: Some(365.0),
        kind: None,
        unit: None,
    };
    let guide = Guide {
        story: "They buy often.\nThey stay.".into(),
        priority: "high".into(),
        business_value: BusinessValue { rating: Level::VeryHigh, reason: "most of the revenue".into() },
        insights: vec!["They buy more often than others.".into()],
        hypotheses: vec![Hypothesis { says: format!("They may like {HOSTILE}."), test: "ask them".into() }],
        objective: "Keep them.".into(),
        tactics: vec![Tactic {
            title: "Say thanks".into(),
            actions: vec!["By name".into()],
            offer: Some(HOSTILE.into()),
            channels: vec!["letter".into(), "telephone".into()],
            trigger: Some("last order".into()),
            after: "14 days".to_owned().try_into().ok(),
            ..Tactic::default()
        }],
        kpis: vec![
            TrackedKpi { name: "Retention".into(), target: Some("95 %".into()), ..TrackedKpi::default() },
            TrackedKpi {
                name: "Orders".into(),
                baseline: Some(Baseline { figure: format!("mean {HOSTILE}"), value: 2.5, overall: Some(2.0) }),
                ..TrackedKpi::default()
            },
        ],
        budget: Some(Budget { of_playbook: 30.0, of_found: 100.0 }),
        notes: vec!["<img src=x>".into()],
        calendar: Calendar { now: vec!["Write".into()], ..Calendar::default() },
        moves: vec![Move {
            to: "Big Spenders".into(),
            wanted: true,
            trigger: "a second order".into(),
            within: "6 months".to_owned().try_into().ok(),
            action: "Invite them.".into(),
        }],
    };
    let first = ClusterSummary {
        cluster: 0,
        persona: "Loyal Buyers".into(),
        second_persona: Some("Big Spenders".into()),
        size: 1234,
        share: 1234.0 / 1500.0,
        weighted_share: None,
        means: columns([Some(12.0), Some(98765.4321)]),
        lifts: columns([Some(-0.5), Some(1.25)]),
        value_share: Some(0.206),
        basis: Basis::Earned,
        score: Some(0.9),
        confidence: Some(0.75),
        conditions: vec![Evidence {
            role: "recency".into(),
            importance: Importance::Required,
            weight: 2.0,
            asked: Asked::Word(Word::Low),
            is_so: true,
            margin: Some(0.1),
            spoken_for: Some(0.9),
            column: Some("recency".into()),
            mean: Some(12.0),
            overall_mean: Some(20.0),
            standing: None,
            median: None,
            limits: None,
        }],
        evidence: vec![
            "recency is low: 12.00 against 20.00 over all".into(),
            format!("{HOSTILE} is high: 1 against 2"),
        ],
        distinctions: Vec::new(),
        guide: Some(guide),
    };
    let second = ClusterSummary {
        cluster: 1,
        persona: "Lower recency".into(),
        second_persona: None,
        size: 266,
        share: 266.0 / 1500.0,
        means: columns([Some(0.0), None]),
        lifts: columns([None, None]),
        value_share: None,
        basis: Basis::Descriptive,
        score: None,
        confidence: None,
        conditions: Vec::new(),
        evidence: vec!["recency is low: 0 against 20.00 over all".into()],
        guide: None,
        ..first.clone()
    };
    Summary {
        version: 1,
        segmint: "1.2.3".into(),
        rows: 1500,
        dropped: vec![Dropped { reason: "no value in \"recency\"".into(), rows: 7 }],
        features: vec!["recency".into(), HOSTILE.into()],
        feature_settings: vec![
            feature("recency", Transform::Log1p, Missing::Error),
            feature(HOSTILE, Transform::Clip { low: 0.0, high: 5000.0 }, Missing::Median),
        ],
        k: 2,
        k_asked: 3,
        seed: 42,
        n_init: 10,
        max_iter: 300,
        tol: 0.0,
        inertia: 1234.5,
        iterations: 8,
        converged: true,
        metrics: Metrics { davies_bouldin: Some(0.87), ..Metrics::default() },
        selection: Vec::new(),
        choice: None,
        flows: Vec::new(),
        value: Some(HOSTILE.into()),
        columns: vec![figures("recency", 20.0), figures(HOSTILE, 400.0)],
        clusters: vec![first, second],
        playbook: PlaybookSummary {
            name: "rfm".into(),
            title: "Recency, frequency, monetary".into(),
            roles: vec![RoleColumn { role: "recency".into(), column: Some("recency".into()) }],
            ..PlaybookSummary::default()
        },
        personas: vec![
            PersonaFate { persona: "Loyal Buyers".into(), clusters: vec![0], reason: None },
            PersonaFate { persona: "Newcomers".into(), clusters: vec![], reason: Some("not found".into()) },
        ],
        warnings: vec!["k fell from 3 to 2".into()],
        profile: Profile::default(),
        rules: Some(rules()),
    }
}

fn rules() -> Rules {
    let leaf = |cluster, held_out, right| Box::new(Node::Leaf { cluster, held_out, right });
    let split =
        |column: &str, at_most, then, otherwise| Node::Split { column: column.into(), at_most, then, otherwise };
    let tree = |root, rights: [u64; 2], in_leaves: [u64; 2]| {
        let fidelity = |at: usize| Fidelity { of_cluster: [600, 133][at], in_leaves: in_leaves[at], right: rights[at] };
        Tree { root, right: rights.iter().sum(), clusters: vec![fidelity(0), fidelity(1)] }
    };
    let short = split(HOSTILE, 1250.5, leaf(1, 140, 100), leaf(0, 593, 560));
    let deeper = Box::new(split("recency", 30.0, leaf(0, 33, 30), leaf(1, 107, 100)));
    let fine = split(HOSTILE, 1250.5, deeper, leaf(0, 593, 560));
    Rules {
        trained_on: 767,
        held_out: 733,
        short: tree(short, [560, 100], [593, 140]),
        fine: tree(fine, [590, 100], [626, 107]),
    }
}

fn feature(column: &str, transform: Transform, missing: Missing) -> FeatureSettings {
    FeatureSettings {
        column: column.into(),
        transform,
        scale: Scale::Standard,
        weight: 1.0,
        missing,
        imputed: 7,
        constant: false,
        kind: Some(if column == "recency" { ColumnKind::Integer } else { ColumnKind::Float }),
    }
}

#[test]
fn the_report_says_everything_and_nothing_in_it_can_do_harm() {
    let text = markdown(&summary());
    insta::assert_snapshot!(text);
    for harm in ["<img", "http://", "\u{1b}", "\u{202e}"] {
        assert!(!text.contains(harm), "{harm:?}");
    }
    // Every table keeps its number of columns.
    for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
        let bars: Vec<usize> = block.lines().map(|line| line.replace("\\|", "").matches('|').count()).collect();
        assert!(bars.iter().all(|n| *n == bars[0]), "{block}");
    }
}

#[test]
fn the_terminal_shows_a_line_per_cluster_and_cannot_be_steered() {
    let text = table(&summary());
    insta::assert_snapshot!(text);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn the_summary_keeps_its_contract_and_comes_back_as_it_was() {
    let text = json(&summary()).unwrap();
    assert!(text.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')));
    assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary());

    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for key in ["version", "rows", "features", "k", "inertia", "iterations", "converged", "metrics", "selection"] {
        assert!(value.get(key).is_some(), "{key}");
    }
    assert!(value["metrics"]["silhouette"].is_null() && value["metrics"]["calinski_harabasz"].is_null());
    let cluster = &value["clusters"][0];
    assert_eq!((cluster["cluster"].as_u64(), cluster["size"].as_u64()), (Some(0), Some(1234)));
    assert_eq!((cluster["persona"].as_str(), cluster["value_share"].as_f64()), (Some("Loyal Buyers"), Some(0.206)));
    assert_eq!(cluster["means"]["recency"].as_f64(), Some(12.0));
    // Names by name stand in the order of the columns, not of the alphabet.
    assert!(text.find("\"recency\"").unwrap() < text.find("\"spend").unwrap());
}
