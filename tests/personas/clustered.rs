//! The same groups, found by clustering: the whole pipeline once for each playbook, and k-means with a k that is off by
//! one.

use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use segmint::engine::cpu::CpuEngine;
use segmint::features;
use segmint::job::{ClusterSettings, Feature, Job, OutputSettings, SourceSettings, Transform};
use segmint::kmeans;
use segmint::observe::Observe;
use segmint::persona::{Playbook, name};
use segmint::pipeline;
use segmint::profile::describe;
use segmint::report::Summary;
use segmint::source::Source;

use crate::names::false_names;
use crate::planting::{Planted, World, adjusted_rand_index};
use crate::table::job;
use crate::worlds;

const N_ROWS: usize = 4_000;

/// Between the planted groups and the clusters found.
const RAND_INDEX_MIN: f64 = 0.85;

/// A job that clusters what a marketer would: every column, those with a long tail on their logarithm.
fn job_for(world: &World, k: usize, folder: &Path) -> Job {
    let feature = |column: &&str| {
        let transform = if world.logs.contains(column) { Transform::Log1p } else { Transform::None };
        Feature { transform, ..Feature::plain(*column) }
    };
    let mut job = job(world.columns.iter().filter(|column| !column.is_empty()).map(feature).collect());
    job.source = SourceSettings { path: folder.join("a.parquet").display().to_string(), ..job.source };
    job.cluster = ClusterSettings { n_init: 4, ..ClusterSettings::plain(k) };
    job.persona.playbook = world.playbook.into();
    job.output = OutputSettings { path: folder.join("run"), overwrite: false };
    job
}

fn labels(run: &Path) -> Vec<u16> {
    let file = std::fs::File::open(run.join("assignments.parquet")).unwrap();
    let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let of = |batch: arrow::array::RecordBatch| {
        let clusters = batch.column_by_name("cluster").unwrap().as_primitive::<Int32Type>().values().to_vec();
        clusters.into_iter().map(|cluster| cluster as u16)
    };
    batches.flat_map(|batch| of(batch.unwrap())).collect()
}

#[test]
fn the_pipeline_finds_the_groups_of_every_world_and_names_them() {
    for world in worlds::all() {
        let moved = world.moved(7);
        let Planted { table, truth } = moved.customers(N_ROWS, 7);
        let folder = tempfile::tempdir().unwrap();
        table.write(&folder.path().join("a.parquet"), 1000);
        let job = job_for(&moved, moved.groups.len(), folder.path());
        let outcome = pipeline::run(&job, &Observe::default()).unwrap();
        let found = labels(&outcome.path);
        let index = adjusted_rand_index(&truth, &found);
        assert!(index >= RAND_INDEX_MIN, "{}: {index}", world.playbook);

        let json = std::fs::read_to_string(outcome.path.join("summary.json")).unwrap();
        let summary: Summary = serde_json::from_str(&json).unwrap();
        for (number, group) in moved.groups.iter().enumerate() {
            let rows = |cluster: usize| {
                let both = truth.iter().zip(&found);
                both.filter(|(t, f)| usize::from(**t) == number && usize::from(**f) == cluster).count()
            };
            let cluster = (0..moved.groups.len()).max_by_key(|&cluster| rows(cluster)).unwrap();
            let named = &summary.clusters[cluster];
            assert_eq!(named.persona, group.name, "{}", world.playbook);
            let guide = named.guide.as_ref().unwrap();
            assert!(
                !guide.insights.is_empty() && !guide.tactics.is_empty() && !guide.moves.is_empty(),
                "{}",
                group.name
            );
            assert!(guide.kpis.iter().any(|kpi| kpi.baseline.is_some()), "{}", group.name);
            assert!(!named.conditions.is_empty() && named.confidence >= Some(0.5));
        }
        let report = std::fs::read_to_string(outcome.path.join("report.md")).unwrap();
        for group in &moved.groups {
            assert!(report.contains(group.name), "{}", group.name);
        }
    }
}

/// Names that are false where a table is clustered into `k`, with the number of names that were given.
fn tried(world: &World, planted: &Planted, k: usize) -> (Vec<String>, usize) {
    let folder = tempfile::tempdir().unwrap();
    planted.table.write(&folder.path().join("a.parquet"), 1000);
    let job = job_for(world, k, folder.path());
    let observe = Observe::default();
    let source = Source::open(&job.source, &observe).unwrap();
    let loaded = features::load(&source, &job, &observe).unwrap();
    let matrix = std::sync::Arc::new(loaded.matrix);
    let fit = kmeans::fit(&mut CpuEngine::new(1, None), &matrix, &job.cluster, 1, &observe).unwrap();
    let labels = &fit.assignment.labels;
    let profile = describe(&source, &job, &loaded.features, &[], labels, None, k, &observe).unwrap();
    let naming = name(&profile, &Playbook::load(world.playbook).unwrap(), &[]).unwrap();
    let given = naming.clusters.iter().filter(|named| named.persona.is_some()).count();
    (false_names(&naming, labels, world, &planted.truth), given)
}

#[test]
fn a_k_that_is_off_by_one_gives_no_false_name() {
    let (mut wrong, mut given) = (Vec::new(), 0);
    for world in worlds::all() {
        for seed in 0..8 {
            let moved = world.moved(seed);
            let planted = moved.customers(N_ROWS / 2, seed);
            for k in [moved.groups.len() - 1, moved.groups.len() + 1] {
                let (found, names) = tried(&moved, &planted, k);
                given += names;
                wrong.extend(
                    found.into_iter().map(|found| format!("{}, k = {k}, seed {seed}: {found}", world.playbook)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(given > 200, "{given} names were given");
}
