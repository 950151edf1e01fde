//! Customers of planted groups, labelled with the truth: which names the groups earn, and which they do not.

use std::collections::BTreeMap;

use segmint::features;
use segmint::job::SourceSettings;
use segmint::observe::Observe;
use segmint::persona::{Naming, Outcome, Playbook, name};
use segmint::profile::describe;
use segmint::source::Source;
use segmint::source::generate::{Customer, Kind, customer};

use crate::table::{Table, job, plain};

const N_ROWS: u64 = 3_000;

/// A column's name and how it is read from a customer.
type Column = (&'static str, fn(&Customer) -> f64);

const COLUMNS: [Column; 5] = [
    ("recency", |c| c.recency as f64),
    ("frequency", |c| c.frequency as f64),
    ("monetary", |c| c.monetary),
    ("discount_usage", |c| c.discount_usage),
    ("support_calls", |c| c.support_calls as f64),
];

/// The names of the groups, without one of them where `left_out` says so.
fn named(seed: u64, left_out: Option<&str>) -> (BTreeMap<&'static str, String>, Naming) {
    let customers: Vec<Customer> = (0..N_ROWS).map(|row| customer(Kind::Planted, seed, row)).collect();
    let customers: Vec<&Customer> = customers.iter().filter(|c| c.truth != left_out).collect();
    let mut groups: Vec<&'static str> = customers.iter().filter_map(|c| c.truth).collect();
    groups.sort_unstable();
    groups.dedup();
    let labels: Vec<u16> =
        customers.iter().map(|c| groups.iter().position(|group| Some(*group) == c.truth).unwrap() as u16).collect();
    let mut table = Table::new(customers.len());
    for (name, value) in COLUMNS {
        table = table.with(name, customers.iter().map(|c| value(c)));
    }
    let folder = tempfile::tempdir().unwrap();
    table.write(&folder.path().join("a.parquet"), 1000);
    let job = job(plain(&COLUMNS.map(|(name, _)| name)));
    let settings = SourceSettings { path: folder.path().display().to_string(), ..job.source.clone() };
    let observe = Observe::default();
    let source = Source::open(&settings, &observe).unwrap();
    let loaded = features::load(&source, &job, &observe).unwrap();
    let profile = describe(&source, &job, &loaded.features, &[], &labels, None, groups.len(), &observe).unwrap();
    let naming = name(&profile, &Playbook::load("rfm").unwrap(), &[]).unwrap();
    let names = groups.iter().copied().zip(naming.clusters.iter().map(|cluster| cluster.name.clone())).collect();
    (names, naming)
}

const EARNED: [(&str, &str); 4] = [
    ("dormant", "Dormant or Inactive"),
    ("high value, churn risk", "Loyal Repeat Buyers"),
    ("new or occasional", "Recent Browsers"),
    ("zero-friction VIP", "VIP or High Value"),
];

#[test]
fn every_group_earns_its_persona_and_no_other() {
    for seed in 0..10 {
        let (names, naming) = named(seed, None);
        for (group, persona) in EARNED {
            assert_eq!(names[group], persona, "seed {seed}");
        }
        // No persona of this playbook speaks of discounts: these customers are described.
        assert!(names["discount-driven"].contains("very high discount_usage"), "{}", names["discount-driven"]);
        assert!(naming.personas.iter().all(|verdict| matches!(&verdict.outcome, Outcome::Found { .. })));
    }
}

#[test]
fn the_persona_of_a_group_that_is_left_out_is_not_found() {
    for seed in 0..5 {
        for (group, persona) in [EARNED[0], EARNED[2]] {
            let (_, naming) = named(seed, Some(group));
            let verdict = naming.personas.iter().find(|verdict| verdict.persona == persona).unwrap();
            assert!(matches!(verdict.outcome, Outcome::NotFound { .. }), "{group}, seed {seed}: {naming:?}");
        }
    }
}
