//! Real and textbook data against figures computed in float64: with one cluster, inertia is the total spread.

use std::path::{Path, PathBuf};

use segmint::features::Loaded;
use segmint::grid::{Centroids, Sums};
use segmint::job::{Feature, Scale, Transform};
use serde_json::Value;

use crate::table::{ONE_READ, TWO_READS, job, load_path, plain};

/// Inertia of a single cluster at the best grid point.
fn inertia_of_one_cluster(loaded: &Loaded) -> f64 {
    let (d, facts) = (loaded.matrix.n_features(), loaded.matrix.facts());
    let sums =
        Sums { rows: vec![loaded.matrix.n_rows() as u64], weights: vec![facts.weight], sums: facts.columns.clone() };
    let centroid = Centroids::new(0, 0, d, vec![0; d]).update(&sums);
    loaded.features.grid.squared(centroid.inertia(facts.squares, &sums))
}

fn check(data: &Path, expected: &Path, id: Option<&str>, features: &[Feature]) {
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(expected).unwrap()).unwrap();
    let total = expected["total_inertia_k1"].as_f64().unwrap();
    for memory in [ONE_READ, TWO_READS] {
        let mut job = job(features.to_vec());
        job.source.id = id.map(String::from);
        job.engine.memory = memory;
        let loaded = load_path(data, &job).0.unwrap();
        let n_rows = expected["rows"].as_u64().or_else(|| expected["n"].as_u64());
        assert_eq!(Some(loaded.matrix.n_rows() as u64), n_rows);
        let found = inertia_of_one_cluster(&loaded);
        assert!((found / total - 1.0).abs() < 1e-6, "{}: {found} for {total}", data.display());
    }
}

fn log1p(features: Vec<Feature>, names: &[&str]) -> Vec<Feature> {
    let transform = |f: &Feature| if names.contains(&f.column.as_str()) { Transform::Log1p } else { f.transform };
    features.iter().map(|f| Feature { transform: transform(f), ..f.clone() }).collect()
}

const RFM: [&str; 3] = ["recency", "frequency", "monetary"];

#[test]
fn cdnow_spreads_as_it_does_in_float64() {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let (data, expected) = (here.join("data/cdnow.parquet"), here.join("tests/data"));
    check(&data, &expected.join("cdnow_standard.json"), Some("customer_id"), &plain(&RFM));
    check(&data, &expected.join("cdnow_log1p_standard.json"), Some("customer_id"), &log1p(plain(&RFM), &RFM));
}

#[test]
fn the_acceptance_sets_spread_as_they_do_in_float64() {
    let Some(shared) = std::env::var_os("SEGMINT_ACCEPTANCE").map(PathBuf::from) else {
        println!("skipped: mall_standard, mall_raw_income_score, s0_synthetic_500k (SEGMINT_ACCEPTANCE is not set)");
        return;
    };
    let (data, expected) = (shared.join("data"), shared.join("expected"));
    let mall = data.join("mall/mall_customers_200.parquet");
    check(&mall, &expected.join("mall_standard.json"), None, &plain(&["Age", "Annual_Income", "Spending_Score"]));
    let raw = |f: Feature| Feature { scale: Scale::None, ..f };
    let raw: Vec<Feature> = plain(&["Annual_Income", "Spending_Score"]).into_iter().map(raw).collect();
    check(&mall, &expected.join("mall_raw_income_score.json"), None, &raw);

    let logs = ["Frequency", "Monetary", "Support_Calls"];
    let customers = [
        "Recency",
        "Frequency",
        "Monetary",
        "Tenure",
        "Return_Rate",
        "Discount_Usage",
        "Satisfaction_Score",
        "Avg_Time_Site_Min",
        "Support_Calls",
    ];
    let table = data.join("s0_synthetic/customers_500k.parquet");
    let expected = expected.join("s0_synthetic_500k.json");
    check(&table, &expected, Some("CustomerID"), &log1p(plain(&customers), &logs));
}
