//! Generated customers: the same rows in every layout, and distributed as the recipe says.
#![allow(clippy::print_stdout)] // a skipped test says so

use std::path::Path;

use segmint::error::Kind as ErrorKind;
use segmint::job::{DuplicateIds, SourceSettings};
use segmint::observe::Observe;
use segmint::source::generate::{Codec, Kind, Layout, write};
use segmint::source::{Request, ScanSettings, Source};

fn open(path: &Path, id: &str) -> Source {
    let settings = SourceSettings {
        path: path.to_string_lossy().into_owned(),
        id: Some(id.into()),
        sample_weight: None,
        duplicate_ids: DuplicateIds::Refuse,
    };
    Source::open(&settings, &Observe::default()).unwrap()
}

/// A hash of all rows whatever their layout, and mean and standard deviation of each numeric column.
fn summary(source: &Source) -> (u64, Vec<(String, f64, f64)>) {
    let numbers: Vec<usize> =
        (0..source.columns().len()).filter(|c| source.is_numeric(*c) && source.id() != Some(*c)).collect();
    let names: Vec<String> = numbers.iter().map(|c| source.columns()[*c].name.clone()).collect();
    let mut fingerprint = 0u64;
    let mut sums = vec![(0.0, 0.0); numbers.len()];
    let request = Request { numbers, ids: true, ..Request::default() };
    let settings = ScanSettings { chunk_rows: 4096, memory: 1 << 22 };
    source
        .scan(&request, &settings, &Observe::default(), &mut |batches| {
            for batch in &batches {
                let mut rows = vec![0; batch.n_rows];
                batch.ids.as_ref().unwrap().keys(1, &mut rows);
                for column in &batch.numbers {
                    for (row, v) in rows.iter_mut().zip(column) {
                        *row = (*row ^ v.to_bits()).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
                    }
                }
                fingerprint = rows.into_iter().fold(fingerprint, u64::wrapping_add);
                for (sum, column) in sums.iter_mut().zip(&batch.numbers) {
                    for v in column {
                        sum.0 += v;
                        sum.1 += v * v;
                    }
                }
            }
            Ok(())
        })
        .unwrap();
    let n = source.n_rows() as f64;
    let moments = names.into_iter().zip(sums).map(|(name, (sum, squares))| {
        let mean = sum / n;
        (name, mean, (squares / n - mean * mean).sqrt())
    });
    (fingerprint, moments.collect())
}

#[test]
fn the_same_rows_come_out_in_every_layout() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [Kind::Recipe, Kind::Planted] {
        let mut fingerprints = Vec::new();
        for (i, (group_rows, codec, files)) in
            [(100_000, Codec::Zstd, 1), (333, Codec::Snappy, 1), (5_000, Codec::Plain, 7), (7_000, Codec::Zstd, 1)]
                .into_iter()
                .enumerate()
        {
            let layout = Layout { row_group_rows: group_rows, codec };
            let place = folder.path().join(format!("{kind:?}-{i}"));
            let n = 20_000u64;
            for file in 0..files {
                let rows = n * file / files..n * (file + 1) / files;
                let path = place.join(format!("{file}.parquet"));
                let written = write(&path, kind, rows, 42, &layout, &Observe::default()).unwrap();
                assert_eq!(written.bytes, path.metadata().unwrap().len());
            }
            fingerprints.push(summary(&open(&place, "customer_id")).0);
        }
        fingerprints.dedup();
        assert_eq!(fingerprints.len(), 1, "{kind:?}");
        let path = folder.path().join("other.parquet");
        write(&path, kind, 0..20_000, 43, &Layout::default(), &Observe::default()).unwrap();
        assert_ne!(summary(&open(&path, "customer_id")).0, fingerprints[0]);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn an_existing_file_is_left_alone_and_nothing_half_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    std::fs::write(&path, b"precious").unwrap();
    let write = |rows, observe: &Observe| write(&path, Kind::Recipe, rows, 1, &Layout::default(), observe);
    assert_eq!(write(0..10, &Observe::default()).unwrap_err().kind(), ErrorKind::Output);
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    std::fs::remove_file(&path).unwrap();
    let stopped = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    assert_eq!(write(0..10, &Observe::new(stopped)).unwrap_err().kind(), ErrorKind::Stopped);
    assert_eq!(write(0..0, &Observe::default()).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The 500,000 customers that the recipe describes were made with another generator; both must have the same moments.
#[test]
fn the_recipe_has_the_moments_of_the_set_it_describes() {
    let Some(acceptance) = std::env::var_os("SEGMINT_ACCEPTANCE") else {
        println!("skipped: data/s0_synthetic/customers_500k.parquet (SEGMINT_ACCEPTANCE is not set)");
        return;
    };
    let theirs = open(&Path::new(&acceptance).join("data/s0_synthetic/customers_500k.parquet"), "CustomerID");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, Kind::Recipe, 0..500_000, 42, &Layout::default(), &Observe::default()).unwrap();
    let (_, ours) = summary(&open(&path, "customer_id"));
    let (_, theirs) = summary(&theirs);
    assert_eq!(ours.len(), theirs.len());
    for ((name, mean, deviation), (_, their_mean, their_deviation)) in ours.iter().zip(&theirs) {
        // Six standard errors of the difference of two means. The outliers of monetary make its own deviation vary.
        let error = their_deviation * (2.0f64 / 500_000.0).sqrt();
        let spread = if name == "monetary" { 0.15 } else { 0.02 };
        assert!((mean - their_mean).abs() < 6.0 * error, "{name}: {mean} {their_mean}");
        assert!((deviation / their_deviation - 1.0).abs() < spread, "{name}: {deviation} {their_deviation}");
    }
}
