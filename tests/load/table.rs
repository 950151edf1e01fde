//! Small tables written as Parquet, and loaded.

use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use segmint::error::Result;
use segmint::features::{self, Loaded};
use segmint::job::{
    ClusterSettings, DeviceChoice, DuplicateIds, EngineSettings, Feature, Job, OutputSettings, PersonaSettings,
    ProfileSettings, SelectionSettings, SourceSettings,
};
use segmint::observe::{Event, Observe, Scope};
use segmint::source::Source;

/// Columns of one length; a `None` is a null.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub ids: Vec<i64>,
    pub columns: Vec<(String, Vec<Option<f64>>)>,
    pub texts: Vec<(String, Vec<Option<String>>)>,
    /// Written value by value, also where few values would make a dictionary.
    pub without_dictionaries: bool,
}

impl Table {
    pub fn new(n_rows: usize) -> Self {
        Self { ids: (0..n_rows as i64).map(|i| i * 37 + 1000).collect(), ..Self::default() }
    }

    pub fn with(mut self, name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        self.columns.push((name.into(), values.into_iter().map(Some).collect()));
        self
    }

    pub fn with_gaps(mut self, name: &str, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        self.columns.push((name.into(), values.into_iter().collect()));
        self
    }

    #[allow(dead_code)] // only the profile's tests have text
    pub fn with_texts(mut self, name: &str, values: impl IntoIterator<Item = Option<String>>) -> Self {
        self.texts.push((name.into(), values.into_iter().collect()));
        self
    }

    /// The rows in another order, or some of them.
    pub fn rows(&self, order: &[usize]) -> Self {
        fn pick<T: Clone>(values: &[T], order: &[usize]) -> Vec<T> {
            order.iter().map(|&row| values[row].clone()).collect()
        }
        Self {
            ids: order.iter().map(|&row| self.ids[row]).collect(),
            columns: self.columns.iter().map(|(name, values)| (name.clone(), pick(values, order))).collect(),
            texts: self.texts.iter().map(|(name, values)| (name.clone(), pick(values, order))).collect(),
            ..*self
        }
    }

    /// The same table with some columns changed value by value.
    pub fn map(&self, change: impl Fn(&str, f64) -> f64) -> Self {
        let mut table = self.clone();
        for (name, values) in &mut table.columns {
            values.iter_mut().flatten().for_each(|v| *v = change(name, *v));
        }
        table
    }

    pub fn write(&self, path: &Path, row_group_rows: usize) {
        let mut arrays: Vec<(&str, ArrayRef, bool)> = vec![("id", Arc::new(Int64Array::from(self.ids.clone())), false)];
        for (name, values) in &self.columns {
            arrays.push((name, Arc::new(Float64Array::from(values.clone())), true));
        }
        for (name, values) in &self.texts {
            arrays.push((name, Arc::new(StringArray::from(values.clone())), true));
        }
        let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(row_group_rows))
            .set_dictionary_enabled(!self.without_dictionaries)
            .build();
        let file = std::fs::File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    /// Written as one file, and loaded.
    pub fn load(&self, job: &Job) -> Result<Loaded> {
        self.load_in(job, &[self.ids.len()], 4096).0
    }

    /// Written as files of so many rows each, and loaded; with the warnings that the data caused.
    pub fn load_in(&self, job: &Job, files: &[usize], row_group_rows: usize) -> (Result<Loaded>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let mut first = 0;
        for (number, &rows) in files.iter().enumerate() {
            let part = self.rows(&(first..first + rows).collect::<Vec<usize>>());
            part.write(&folder.path().join(format!("part-{number}.parquet")), row_group_rows);
            first += rows;
        }
        assert_eq!(first, self.ids.len());
        load_path(folder.path(), job)
    }
}

pub fn load_path(path: &Path, job: &Job) -> (Result<Loaded>, Vec<String>) {
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let heard = warnings.clone();
    let observe = Observe::default().listen(move |event| {
        if let Event::Warning { text, scope: Scope::Data } = event {
            heard.lock().unwrap().push(text.clone());
        }
    });
    let settings = SourceSettings { path: path.display().to_string(), ..job.source.clone() };
    let loaded = Source::open(&settings, &observe).and_then(|source| features::load(&source, job, &observe));
    let warnings = warnings.lock().unwrap().clone();
    (loaded, warnings)
}

pub fn job(features: Vec<Feature>) -> Job {
    Job {
        source: SourceSettings {
            path: String::new(),
            id: Some("id".into()),
            sample_weight: None,
            duplicate_ids: DuplicateIds::Refuse,
        },
        features,
        cluster: ClusterSettings { n_init: 1, max_iter: 10, ..ClusterSettings::plain(2) },
        selection: SelectionSettings::default(),
        engine: EngineSettings {
            device: DeviceChoice::Cpu,
            memory: ONE_READ,
            threads: 0,
            chunk_rows: 1000,
            spill: std::env::temp_dir(),
            cache: None,
            tune: true,
        },
        persona: PersonaSettings { playbook: "rfm".into(), value: None, roles: Vec::new() },
        profile: ProfileSettings::default(),
        output: OutputSettings { path: "out".into(), overwrite: false },
    }
}

pub fn plain(names: &[&str]) -> Vec<Feature> {
    names.iter().map(|name| Feature::plain(*name)).collect()
}

/// Memory settings that make the load read small tables once, and twice.
pub const ONE_READ: u64 = 1 << 30;
pub const TWO_READS: u64 = 32 << 20;

/// Coordinates by order key, which belongs to the id: comparable over any order of rows.
pub fn by_key(loaded: &Loaded) -> Vec<(u64, u16, Vec<i64>)> {
    let matrix = &loaded.matrix;
    let mut rows: Vec<(u64, u16, Vec<i64>)> =
        (0..matrix.n_rows()).map(|row| (matrix.keys()[row], matrix.weight(row), coordinates(loaded, row))).collect();
    rows.sort_unstable();
    rows
}

pub fn coordinates(loaded: &Loaded, row: usize) -> Vec<i64> {
    let mut out = vec![0; loaded.matrix.n_features()];
    loaded.matrix.row(row, &mut out);
    out
}

/// Everything that a load gives, down to the bits of the panels.
pub fn assert_same(a: &Loaded, b: &Loaded) {
    assert_eq!(a.features, b.features);
    assert_eq!(a.rows, b.rows);
    let bits = |loaded: &Loaded| loaded.matrix.panels().iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
    assert!(bits(a) == bits(b), "the panels differ");
    assert_eq!(a.matrix.wide(), b.matrix.wide());
    assert_eq!(a.matrix.keys(), b.matrix.keys());
    assert_eq!(a.matrix.weights(), b.matrix.weights());
    assert_eq!(a.matrix.reach(), b.matrix.reach());
    assert_eq!(a.matrix.facts(), b.matrix.facts());
}

/// A generator with a fixed seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1), 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn shuffled(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}
