//! The sets with known figures: where they lie, how they are clustered, and what scikit-learn's float64 gives on them.
//! CDNOW comes with the project; the others lie in the folder that `SEGMINT_ACCEPTANCE` names.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, UInt16Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use segmint::features::{self, FeatureModel};
use segmint::grid::Matrix;
use segmint::job::{
    ClusterSettings, DeviceChoice, DuplicateIds, EngineSettings, Feature, Job, OutputSettings, PersonaSettings,
    ProfileSettings, Scale, SelectionSettings, SourceSettings, Transform,
};
use segmint::observe::Observe;
use segmint::source::Source;

pub struct Set {
    pub name: &'static str,
    /// From the root of the project or of the acceptance folder.
    data: &'static str,
    id: &'static str,
    /// Which columns, each with its transform.
    features: &'static [(&'static str, Transform)],
    scale: Scale,
}

const NONE: Transform = Transform::None;
const LOG: Transform = Transform::Log1p;

const CDNOW: &str = "data/cdnow.parquet";
const MALL: &str = "data/mall/mall_customers_200.parquet";
const SHOP: &str = "data/ecommerce_txn/customer_features_199.parquet";

const fn set(
    name: &'static str,
    data: &'static str,
    id: &'static str,
    features: &'static [(&'static str, Transform)],
    scale: Scale,
) -> Set {
    Set { name, data, id, features, scale }
}

/// These come with the project.
pub const OWN: &[Set] = &[
    set(
        "cdnow_log1p_standard",
        CDNOW,
        "customer_id",
        &[("recency", LOG), ("frequency", LOG), ("monetary", LOG)],
        Scale::Standard,
    ),
    set(
        "cdnow_standard",
        CDNOW,
        "customer_id",
        &[("recency", NONE), ("frequency", NONE), ("monetary", NONE)],
        Scale::Standard,
    ),
];

/// Small tables of the acceptance folder.
pub const SMALL: &[Set] = &[
    set("mall_raw_income_score", MALL, "CustomerID", &[("Annual_Income", NONE), ("Spending_Score", NONE)], Scale::None),
    set(
        "mall_standard",
        MALL,
        "CustomerID",
        &[("Age", NONE), ("Annual_Income", NONE), ("Spending_Score", NONE)],
        Scale::Standard,
    ),
    set(
        "ecommerce_txn_rfm_standard",
        SHOP,
        "CustomerID",
        &[("recency", NONE), ("frequency", NONE), ("monetary", NONE)],
        Scale::Standard,
    ),
    set("ecommerce_txn_mf_standard", SHOP, "CustomerID", &[("monetary", NONE), ("frequency", NONE)], Scale::Standard),
    set(
        "ecommerce_txn_aarushi5_standard",
        SHOP,
        "CustomerID",
        &[("monetary", NONE), ("quantity", NONE), ("avg_price", NONE), ("frequency", NONE), ("recency", NONE)],
        Scale::Standard,
    ),
    set(
        "ecommerce_txn_15_standard",
        SHOP,
        "CustomerID",
        &[
            ("frequency", NONE),
            ("monetary", NONE),
            ("avg_value", NONE),
            ("recency", NONE),
            ("spend_books", NONE),
            ("spend_clothing", NONE),
            ("spend_electronics", NONE),
            ("spend_home_decor", NONE),
            ("qty_books", NONE),
            ("qty_clothing", NONE),
            ("qty_electronics", NONE),
            ("qty_home_decor", NONE),
            ("quantity", NONE),
            ("avg_quantity", NONE),
            ("products", NONE),
        ],
        Scale::Standard,
    ),
];

pub const LARGE: Set = set(
    "s0_synthetic_500k",
    "data/s0_synthetic/customers_500k.parquet",
    "CustomerID",
    &[
        ("Recency", NONE),
        ("Frequency", LOG),
        ("Monetary", LOG),
        ("Tenure", NONE),
        ("Return_Rate", NONE),
        ("Discount_Usage", NONE),
        ("Satisfaction_Score", NONE),
        ("Avg_Time_Site_Min", NONE),
        ("Support_Calls", LOG),
    ],
    Scale::Standard,
);

/// Where a set's table and figures lie.
pub struct Place {
    root: PathBuf,
    figures: PathBuf,
}

impl Place {
    pub fn own() -> Place {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        Place { figures: root.join("tests/data"), root }
    }

    /// The acceptance folder, where there is one.
    pub fn acceptance() -> Option<Place> {
        let root = PathBuf::from(std::env::var_os("SEGMINT_ACCEPTANCE")?);
        Some(Place { figures: root.join("expected"), root })
    }
}

impl Place {
    /// A file beside the figures.
    pub fn figure(&self, name: &str) -> PathBuf {
        self.figures.join(name)
    }
}

/// A set on the grid.
pub struct Loaded {
    pub matrix: Arc<Matrix>,
    pub model: FeatureModel,
}

/// What scikit-learn gives for one k.
pub struct Figure {
    pub k: usize,
    pub inertia: f64,
    pub davies_bouldin: f64,
    pub calinski_harabasz: f64,
    /// Over all rows, or over those of the listed sample where there is one.
    pub silhouette: f64,
    /// (k, d), largest cluster first, in scaled units, to eight decimals.
    pub centroids: Vec<Vec<f64>>,
}

pub fn settings(k: usize, n_init: u32, seed: u64) -> ClusterSettings {
    ClusterSettings { n_init, max_iter: 1000, seed, ..ClusterSettings::plain(k) }
}

impl Set {
    pub fn load(&self, place: &Place, seed: u64) -> Loaded {
        let feature = |&(column, transform): &(&str, Transform)| Feature {
            transform,
            scale: self.scale,
            ..Feature::plain(column)
        };
        let job = Job {
            source: SourceSettings {
                path: place.root.join(self.data).to_string_lossy().into_owned(),
                id: Some(self.id.into()),
                sample_weight: None,
                duplicate_ids: DuplicateIds::Refuse,
            },
            features: self.features.iter().map(feature).collect(),
            cluster: settings(2, 1, seed),
            selection: SelectionSettings::default(),
            engine: EngineSettings {
                device: DeviceChoice::Cpu,
                memory: 4 << 30,
                threads: 0,
                chunk_rows: 65_536,
                spill: std::env::temp_dir(),
                cache: None,
                tune: true,
            },
            persona: PersonaSettings { playbook: "rfm".into(), value: None, roles: Vec::new() },
            profile: ProfileSettings::default(),
            output: OutputSettings { path: PathBuf::new(), overwrite: false },
        };
        let observe = Observe::default();
        let source = Source::open(&job.source, &observe).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let loaded = features::load(&source, &job, &observe).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        Loaded { matrix: Arc::new(loaded.matrix), model: loaded.features }
    }

    /// The listed figures, k ascending.
    pub fn figures(&self, place: &Place) -> Vec<Figure> {
        let text = fs::read_to_string(place.figures.join(format!("{}.json", self.name))).expect(self.name);
        let listed: serde_json::Value = serde_json::from_str(&text).expect("figures are JSON");
        let number = |value: &serde_json::Value| value.as_f64().expect("a number");
        let rows = |value: &serde_json::Value| -> Vec<Vec<f64>> {
            let row = |r: &serde_json::Value| r.as_array().expect("a row").iter().map(number).collect();
            value.as_array().expect("rows").iter().map(row).collect()
        };
        let mut figures: Vec<Figure> = listed["k"]
            .as_object()
            .expect("figures per k")
            .iter()
            .map(|(k, figure)| Figure {
                k: k.parse().expect("k is a number"),
                inertia: number(&figure["inertia"]),
                davies_bouldin: number(&figure["davies_bouldin"]),
                calinski_harabasz: number(&figure["calinski_harabasz"]),
                silhouette: number(figure.get("silhouette").unwrap_or(&figure["silhouette_20k_sample"])),
                centroids: rows(&figure["centers_scaled"]),
            })
            .collect();
        figures.sort_by_key(|f| f.k);
        figures
    }

    /// The listed centroids as distances from the means, which is how the grid holds them whatever the scaling.
    pub fn centred(&self, figure: &Figure, model: &FeatureModel) -> Vec<Vec<f64>> {
        let mean = |j: usize| if self.scale == Scale::None { model.features[j].mean } else { 0.0 };
        let centre = |row: &Vec<f64>| row.iter().enumerate().map(|(j, c)| c - mean(j)).collect();
        figure.centroids.iter().map(centre).collect()
    }

    /// scikit-learn's labels for one k, in the order of the rows, clusters numbered by size.
    pub fn labels(&self, place: &Place, k: usize) -> Vec<u16> {
        let name = format!("{}.labels.parquet", self.name);
        column(&place.figures.join(name), &format!("k{k}"))
    }
}

fn column(file: &Path, name: &str) -> Vec<u16> {
    let file = File::open(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.build()).expect("a readable file");
    let mut labels = Vec::new();
    for batch in reader {
        let batch = batch.expect("a readable batch");
        let values = cast(batch.column_by_name(name).expect(name), &DataType::UInt16).expect("labels are integers");
        assert_eq!(values.null_count(), 0);
        labels.extend_from_slice(values.as_primitive::<UInt16Type>().values());
    }
    labels
}
