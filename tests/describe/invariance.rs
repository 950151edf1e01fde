//! What must not change a figure: files, row groups, chunks, threads, and the order of rows.

use std::path::Path;

use segmint::features::{self, Loaded};
use segmint::job::{Feature, Job, Missing, Mix, SourceSettings, Transform};
use segmint::observe::Observe;
use segmint::profile::{Profile, describe};
use segmint::source::Source;

use crate::table::{Random, Table, job};

const N_ROWS: usize = 6_000;
const N_CLUSTERS: usize = 5;

fn customers() -> Table {
    let mut random = Random(11);
    let mut column = |of: &mut dyn FnMut(&mut Random) -> Option<f64>| -> Vec<Option<f64>> {
        (0..N_ROWS).map(|_| of(&mut random)).collect()
    };
    let spend = column(&mut |r| Some(40.0 * libm::exp(9.0 * r.unit() - 4.0)));
    let age = column(&mut |r| (r.below(40) > 0).then(|| 18.0 + libm::floor(60.0 * r.unit())));
    let balance = column(&mut |r| Some(1e9 - 2e9 * r.unit()));
    let rate = column(&mut |r| (r.below(9) > 0).then(|| r.unit() - 0.5));
    let weight = column(&mut |r| Some(if r.below(20) == 0 { 0.0 } else { 0.5 + r.unit() }));
    let texts = |of: &mut dyn FnMut(&mut Random) -> Option<String>| -> Vec<Option<String>> {
        let mut random = Random(12);
        (0..N_ROWS).map(|_| of(&mut random)).collect()
    };
    let country = texts(&mut |r| (r.below(30) > 0).then(|| format!("country {}", r.below(5) * r.below(7))));
    let names = texts(&mut |r| Some(format!("name {}", r.below(2000))));
    Table::new(N_ROWS)
        .with_gaps("spend", spend)
        .with_gaps("age", age)
        .with_gaps("balance", balance)
        .with_gaps("rate", rate)
        .with_gaps("weight", weight)
        .with_texts("country", country)
        .with_texts("name", names)
}

/// A feature that drops rows, a column used twice, some that are only described, one for value, parts of a whole.
fn weighted() -> Job {
    let mut job = job(vec![
        Feature { transform: Transform::Log1p, ..Feature::plain("spend") },
        Feature { missing: Missing::Drop, ..Feature::plain("age") },
        Feature { transform: Transform::Sqrt, ..Feature::plain("spend") },
    ]);
    job.source.sample_weight = Some("weight".into());
    job.profile.columns = ["rate", "country", "balance", "name"].map(str::to_owned).to_vec();
    job.profile.mix = vec![Mix { name: "both".into(), columns: vec!["spend".into(), "age".into()] }];
    job.persona.value = Some("spend".into());
    job
}

/// What derived figures are made of.
fn roles() -> Vec<(String, String)> {
    [("monetary", "spend"), ("frequency", "age")].map(|(role, column)| (role.into(), column.into())).to_vec()
}

/// Labels that belong to the customer, not to the row's place.
fn labels(loaded: &Loaded) -> Vec<u16> {
    loaded.matrix.keys().iter().map(|key| (key % N_CLUSTERS as u64) as u16).collect()
}

fn profile_at(path: &Path, job: &Job) -> Profile {
    let observe = Observe::default();
    let settings = SourceSettings { path: path.display().to_string(), ..job.source.clone() };
    let source = Source::open(&settings, &observe).unwrap();
    let loaded = features::load(&source, job, &observe).unwrap();
    let labels = labels(&loaded);
    describe(&source, job, &loaded.features, &roles(), &labels, loaded.matrix.weights(), N_CLUSTERS, &observe).unwrap()
}

fn profile(table: &Table, job: &Job, files: &[usize], row_group_rows: usize) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut first = 0;
    for (number, &rows) in files.iter().enumerate() {
        let part = table.rows(&(first..first + rows).collect::<Vec<usize>>());
        part.write(&folder.path().join(format!("part-{number}.parquet")), row_group_rows);
        first += rows;
    }
    serde_json::to_string(&profile_at(folder.path(), job)).unwrap()
}

#[test]
fn files_row_groups_chunks_and_threads_change_no_byte() {
    let table = customers();
    let job = weighted();
    let whole = profile(&table, &job, &[N_ROWS], N_ROWS);
    for (files, row_group, chunk) in
        [(vec![N_ROWS], 1000, 64), (vec![1, 63, 4000, 65, 1871], 777, 100), (vec![3000, 3000], 3000, usize::MAX)]
    {
        let mut job = job.clone();
        job.engine.chunk_rows = chunk;
        assert_eq!(profile(&table, &job, &files, row_group), whole);
    }
    // Too little memory for more than one column at a time.
    let mut narrow = job.clone();
    narrow.engine.memory = 1 << 19;
    assert_eq!(profile(&table, &narrow, &[N_ROWS], 1000), whole);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| profile(&table, &job, &[N_ROWS], 500)), whole);
    }
}

#[test]
fn the_order_of_rows_changes_no_byte() {
    let table = customers();
    let job = weighted();
    let whole = profile(&table, &job, &[N_ROWS], N_ROWS);
    let shuffled = table.rows(&Random(3).shuffled(N_ROWS));
    assert_eq!(profile(&shuffled, &job, &[2500, 3500], 900), whole);
}

#[test]
fn dropped_rows_count_nowhere_and_missing_values_are_counted() {
    let table = customers();
    let folder = tempfile::tempdir().unwrap();
    table.write(&folder.path().join("a.parquet"), 1000);
    let profile = profile_at(folder.path(), &weighted());
    let names: Vec<&str> = profile.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["spend", "age", "rate", "balance"]);

    let column = |name: &str| &table.columns.iter().find(|(column, _)| column == name).unwrap().1;
    let kept: Vec<usize> = (0..N_ROWS).filter(|&row| column("age")[row].is_some()).collect();
    let sizes: u64 = profile.clusters.iter().map(|cluster| cluster.size).sum();
    assert_eq!(sizes, kept.len() as u64);
    assert!(kept.len() < N_ROWS);
    for described in &profile.columns {
        let values = column(&described.name);
        let present: Vec<f64> = kept.iter().filter_map(|&row| values[row]).collect();
        assert_eq!(described.overall.count, present.len() as u64);
        assert_eq!(described.overall.missing, (kept.len() - present.len()) as u64);
        assert_eq!(described.overall.min, present.iter().copied().reduce(f64::min));
        assert_eq!(described.overall.max, present.iter().copied().reduce(f64::max));
        let missing: u64 = described.clusters.iter().map(|cluster| cluster.moments.missing).sum();
        assert_eq!(missing, described.overall.missing);
    }
    let shares: f64 = profile.clusters.iter().filter_map(|cluster| cluster.value_share).sum();
    assert!((shares - 1.0).abs() < 1e-15 * N_CLUSTERS as f64);
}

#[test]
fn labels_that_do_not_fit_the_rows_are_refused() {
    let table = customers();
    let folder = tempfile::tempdir().unwrap();
    table.write(&folder.path().join("a.parquet"), 1000);
    let (job, observe) = (weighted(), Observe::default());
    let settings = SourceSettings { path: folder.path().display().to_string(), ..job.source.clone() };
    let source = Source::open(&settings, &observe).unwrap();
    let loaded = features::load(&source, &job, &observe).unwrap();
    let labels = labels(&loaded);
    let more: Vec<u16> = labels.iter().copied().chain([0]).collect();
    for labels in [&labels[1..], &more] {
        let error = describe(&source, &job, &loaded.features, &[], labels, None, N_CLUSTERS, &observe).unwrap_err();
        assert!(error.to_string().contains("changed between two reads"), "{error}");
    }
}

#[test]
fn a_column_that_is_not_there_is_refused_with_the_nearest_name() {
    let table = customers();
    let folder = tempfile::tempdir().unwrap();
    table.write(&folder.path().join("a.parquet"), 1000);
    let (mut job, observe) = (weighted(), Observe::default());
    let settings = SourceSettings { path: folder.path().display().to_string(), ..job.source.clone() };
    let source = Source::open(&settings, &observe).unwrap();
    let loaded = features::load(&source, &job, &observe).unwrap();
    job.profile.columns = vec!["ballance".into()];
    let error =
        describe(&source, &job, &loaded.features, &[], &labels(&loaded), None, N_CLUSTERS, &observe).unwrap_err();
    assert_eq!(error.hint_text(), Some("did you mean \"balance\"?"));
}
