//! Half a million customers without groups: what nobody is must not be said of anybody. Their discount use hangs
//! together with nothing else, so that nobody is driven by discounts even where a clustering cuts along it; and nobody
//! who is less satisfied than others is without friction. The table lies in the folder that `SEGMINT_ACCEPTANCE` names.

#![allow(clippy::print_stdout)] // what was checked and skipped is said

use std::path::PathBuf;
use std::sync::Arc;

use segmint::engine::cpu::CpuEngine;
use segmint::features;
use segmint::job::{ClusterSettings, Feature, SourceSettings, Transform};
use segmint::kmeans;
use segmint::observe::Observe;
use segmint::persona::{Playbook, name};
use segmint::profile::describe;
use segmint::source::Source;

use crate::table::job;

const FEATURES: [(&str, Transform); 9] = [
    ("Recency", Transform::None),
    ("Frequency", Transform::Log1p),
    ("Monetary", Transform::Log1p),
    ("Tenure", Transform::None),
    ("Return_Rate", Transform::None),
    ("Discount_Usage", Transform::None),
    ("Satisfaction_Score", Transform::None),
    ("Avg_Time_Site_Min", Transform::None),
    ("Support_Calls", Transform::Log1p),
];

#[test]
fn nobody_is_driven_by_discounts_and_nobody_unhappy_is_without_friction() {
    let Some(root) = std::env::var_os("SEGMINT_ACCEPTANCE") else {
        println!("skipped, SEGMINT_ACCEPTANCE is not set: s0_synthetic_500k");
        return;
    };
    let path = PathBuf::from(root).join("data/s0_synthetic/customers_500k.parquet");
    let mut job = job(FEATURES.map(|(column, transform)| Feature { transform, ..Feature::plain(column) }).to_vec());
    job.source = SourceSettings { path: path.display().to_string(), id: Some("CustomerID".into()), ..job.source };
    job.engine.chunk_rows = 65_536;
    let observe = Observe::default();
    let source = Source::open(&job.source, &observe).unwrap();
    let loaded = features::load(&source, &job, &observe).unwrap();
    let matrix = Arc::new(loaded.matrix);
    let playbooks = Playbook::ours().unwrap();
    for k in 2..=8 {
        let settings = ClusterSettings { n_init: 1, ..ClusterSettings::plain(k) };
        let fit = kmeans::fit(&mut CpuEngine::new(0, None), &matrix, &settings, 0, &observe).unwrap();
        let labels = &fit.assignment.labels;
        let profile = describe(&source, &job, &loaded.features, &[], labels, None, k, &observe).unwrap();
        let satisfaction = profile.columns.iter().find(|column| column.name == "Satisfaction_Score").unwrap();
        for playbook in &playbooks {
            let naming = name(&profile, playbook, &[]).unwrap();
            for (cluster, named) in naming.clusters.iter().enumerate() {
                println!("k = {k}, {}: {}", playbook.name, named.name);
                let persona = named.persona.as_deref().unwrap_or_default();
                assert!(!persona.starts_with("Discount-Driven"), "k = {k}: {named:#?}");
                if persona.starts_with("Zero-Friction") {
                    let own = satisfaction.clusters[cluster].moments.mean;
                    assert!(own > satisfaction.overall.mean, "k = {k}: {named:#?}");
                }
            }
        }
    }
}
