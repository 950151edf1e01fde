//! Scores of the listed labels: Davies-Bouldin, Calinski-Harabasz and the silhouette that scikit-learn's float64 gives
//! for the same labels. Rows lie on the grid here and there not, which is all that may tell them apart.

use std::fs;
use std::path::Path;

use segmint::engine::Engine;
use segmint::engine::cpu::CpuEngine;
use segmint::grid::Centroids;
use segmint::observe::Observe;
use segmint::quality::{Labelled, SilhouetteBudget, SilhouetteMethod, calinski_harabasz, davies_bouldin, silhouette};

use crate::sets::{self, Loaded, Place, Set};

/// Between a figure on the grid and in float64, as a share of it.
const ERROR_MAX: f64 = 2e-6;

const EXACT: SilhouetteBudget = SilhouetteBudget { rows_exact_max: usize::MAX, sample_rows: 0 };

/// Rows of the large set whose silhouette among themselves is listed.
const LISTED_SAMPLE: &str = "s0_silhouette_sample_idx.npy";

/// Figures compared, and those that were too far off.
#[derive(Default)]
struct Outcome {
    compared: usize,
    worst: (f64, String),
    missed: Vec<String>,
}

impl Outcome {
    fn compare(&mut self, what: impl Fn() -> String, found: Option<f64>, expected: f64) {
        let error = found.map_or(f64::INFINITY, |found| (found / expected - 1.0).abs());
        self.compared += 1;
        if error > self.worst.0 {
            self.worst = (error, what());
        }
        if std::env::var_os("SHOWQ").is_some() {
            println!("{} {error:.2e}", what());
        }
        if error > ERROR_MAX {
            self.missed.push(format!("{}: {found:?}, not {expected}, by {error:.1e}", what()));
        }
    }

    /// All three scores of a set for every listed k.
    fn check(&mut self, set: &Set, place: &Place) {
        let Loaded { matrix, model } = set.load(place, 42);
        for figure in set.figures(place) {
            let labels = set.labels(place, figure.k);
            let of = Labelled { matrix: &matrix, grid: model.grid, labels: &labels, n_clusters: figure.k };
            let what = |score: &str| format!("{}, k = {}, {score}", set.name, figure.k);
            self.compare(|| what("Davies-Bouldin"), davies_bouldin(of, 0), figure.davies_bouldin);
            self.compare(|| what("Calinski-Harabasz"), calinski_harabasz(of, 0), figure.calinski_harabasz);
            let found = silhouette(of, EXACT, 0, &Observe::default()).expect("nobody stops it").expect("clusters");
            assert_eq!(found.method, SilhouetteMethod::Exact);
            self.compare(|| what("silhouette"), Some(found.mean), figure.silhouette);
        }
    }

    fn all_of(self, expected: usize) {
        let (error, what) = &self.worst;
        println!("{} scores compared, {error:.1e} apart at most: {what}", self.compared);
        assert!(self.missed.is_empty(), "{} scores:\n{}", self.missed.len(), self.missed.join("\n"));
        assert_eq!(self.compared, expected);
    }
}

#[test]
fn scores_of_the_listed_labels_are_scikit_learns() {
    let mut outcome = Outcome::default();
    sets::OWN.iter().for_each(|set| outcome.check(set, &Place::own()));
    let mut n_sets = sets::OWN.len();
    match Place::acceptance() {
        Some(place) => {
            sets::SMALL.iter().for_each(|set| outcome.check(set, &place));
            n_sets += sets::SMALL.len();
        }
        None => {
            let names: Vec<&str> = sets::SMALL.iter().map(|s| s.name).collect();
            println!("skipped, SEGMINT_ACCEPTANCE is not set: {}", names.join(", "));
        }
    }
    outcome.all_of(n_sets * 9 * 3);
}

/// Of the large set no labels are listed, but the centroids they come from, to eight decimals.
#[test]
fn scores_of_five_hundred_thousand_customers_are_scikit_learns() {
    let set = &sets::LARGE;
    let Some(place) = Place::acceptance() else {
        println!("skipped, SEGMINT_ACCEPTANCE is not set: {}", set.name);
        return;
    };
    let Loaded { matrix, model } = set.load(&place, 42);
    let rows = row_numbers(&place.figure(LISTED_SAMPLE));
    let sample = matrix.select(&rows);
    let mut engine = CpuEngine::new(0, None);
    engine.load(matrix.clone()).expect("the CPU engine loads any matrix");
    let mut outcome = Outcome::default();
    for figure in set.figures(&place) {
        let step = model.grid.step();
        let centred = set.centred(&figure, &model);
        let values = centred.iter().flatten().map(|c| (c / step).round_ties_even() as i64).collect();
        let labels = engine.assign(&Centroids::new(0, 0, matrix.n_features(), values)).expect("an assignment").labels;
        let of = Labelled { matrix: &matrix, grid: model.grid, labels: &labels, n_clusters: figure.k };
        let what = |score: &str| format!("{}, k = {}, {score}", set.name, figure.k);
        outcome.compare(|| what("Davies-Bouldin"), davies_bouldin(of, 0), figure.davies_bouldin);
        outcome.compare(|| what("Calinski-Harabasz"), calinski_harabasz(of, 0), figure.calinski_harabasz);
        let own: Vec<u16> = rows.iter().map(|&row| labels[row]).collect();
        let of = Labelled { matrix: &sample, labels: &own, ..of };
        let found = silhouette(of, EXACT, 0, &Observe::default()).expect("nobody stops it").expect("clusters");
        outcome.compare(|| what("silhouette of the sample"), Some(found.mean), figure.silhouette);
    }
    outcome.all_of(9 * 3);
}

/// A NumPy file of little-endian 64-bit integers in one dimension.
fn row_numbers(file: &Path) -> Vec<usize> {
    let bytes = fs::read(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    assert!(bytes.starts_with(b"\x93NUMPY\x01"), "{}", file.display());
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = String::from_utf8_lossy(&bytes[10..10 + header]);
    assert!(text.contains("'<i8'"), "{text}");
    let numbers = bytes[10 + header..].chunks_exact(8);
    numbers.map(|number| i64::from_le_bytes(number.try_into().expect("eight bytes")) as usize).collect()
}
