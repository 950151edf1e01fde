//! Scores beside plain f64 loops, and the same bits whatever cannot matter.

use segmint::engine::Engine;
use segmint::engine::cpu::CpuEngine;
use segmint::grid::Centroids;
use segmint::observe::Observe;
use segmint::quality::{
    Labelled, Means, Silhouette, SilhouetteBudget, SilhouetteMethod, calinski_harabasz, davies_bouldin,
    explained_variance, silhouette, silhouettes, simplified_silhouette,
};

use crate::cases::Table;

const SAMPLED: SilhouetteBudget = SilhouetteBudget { rows_exact_max: 100, sample_rows: 300 };
const EXACT: SilhouetteBudget = SilhouetteBudget { rows_exact_max: usize::MAX, sample_rows: 0 };

/// The loops below add up f64 in the order of the rows.
const LOOP_ERROR: f64 = 1e-11;

fn tables() -> Vec<Table> {
    vec![
        Table::made(1, 700, 3, 4, 0),
        Table::made(2, 700, 3, 4, 0).weighted(),
        Table::made(3, 1500, 10, 5, 50),
        Table::made(4, 1500, 2, 7, 40).weighted(),
        Table::made(5, 65, 1, 2, 0),
    ]
}

/// (Davies-Bouldin, Calinski-Harabasz, explained variance), weight by weight.
fn looped(table: &Table) -> [f64; 3] {
    let (d, k) = (table.n_features, table.n_clusters);
    let weight = |row: usize| table.weights.as_ref().map_or(1.0, |w| f64::from(w[row]));
    let mean = |rows: &[usize]| -> Vec<f64> {
        let total: f64 = rows.iter().map(|&row| weight(row)).sum();
        (0..d).map(|j| rows.iter().map(|&row| weight(row) * table.rows[row][j] as f64).sum::<f64>() / total).collect()
    };
    let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
    let all: Vec<usize> = (0..table.rows.len()).filter(|&row| weight(row) > 0.0).collect();
    let point = |row: usize| -> Vec<f64> { table.rows[row].iter().map(|&q| q as f64).collect() };
    let clusters: Vec<Vec<usize>> = (0..k)
        .map(|cluster| all.iter().copied().filter(|&row| usize::from(table.labels[row]) == cluster).collect())
        .collect();
    let means: Vec<Vec<f64>> = clusters.iter().map(|rows| mean(rows)).collect();
    let scatter = |rows: &[usize], about: &[f64]| -> f64 {
        rows.iter().map(|&row| weight(row) * distance(&point(row), about).powi(2)).sum()
    };
    let spread = |cluster: usize| {
        let rows = &clusters[cluster];
        let sum: f64 = rows.iter().map(|&row| weight(row) * distance(&point(row), &means[cluster])).sum();
        sum / rows.iter().map(|&row| weight(row)).sum::<f64>()
    };
    let worst = |a: usize| {
        let others = (0..k).filter(|&b| b != a);
        others.map(|b| (spread(a) + spread(b)) / distance(&means[a], &means[b])).fold(0.0, f64::max)
    };
    let within: f64 = clusters.iter().zip(&means).map(|(rows, about)| scatter(rows, about)).sum();
    let total = scatter(&all, &mean(&all));
    [
        (0..k).map(worst).sum::<f64>() / k as f64,
        (total - within) / (k - 1) as f64 / (within / (all.len() - k) as f64),
        1.0 - within / total,
    ]
}

#[test]
fn scores_are_those_of_plain_loops_weighted_and_wide_rows_included() {
    for (number, table) in tables().iter().enumerate() {
        let matrix = table.matrix();
        let of = table.labelled(&matrix);
        let found = [davies_bouldin(of, 2), calinski_harabasz(of, 2), explained_variance(of, 2)];
        for (found, expected) in found.into_iter().zip(looped(table)) {
            let found = found.unwrap();
            assert!((found / expected - 1.0).abs() <= LOOP_ERROR, "table {number}: {found}, not {expected}");
        }
    }
}

/// Every figure, as bits.
fn bits(of: Labelled, threads: usize) -> Vec<u64> {
    let mut figures =
        vec![davies_bouldin(of, threads), calinski_harabasz(of, threads), explained_variance(of, threads)];
    for budget in [EXACT, SAMPLED] {
        let Silhouette { mean, clusters, method } =
            silhouette(of, budget, threads, &Observe::default()).unwrap().expect("several clusters");
        figures.push(Some(mean));
        figures.extend(clusters.into_iter().map(Some));
        if let SilhouetteMethod::Sample { rows, low, high } = method {
            figures.extend([Some(rows as f64), Some(low), Some(high)]);
        }
    }
    figures.into_iter().map(|figure| figure.unwrap().to_bits()).collect()
}

#[test]
fn threads_and_the_order_of_rows_change_no_bit() {
    for table in tables() {
        let matrix = table.matrix();
        let expected = bits(table.labelled(&matrix), 1);
        for threads in [2, 5] {
            assert_eq!(bits(table.labelled(&matrix), threads), expected);
        }
        let shuffled = table.shuffled(77);
        let matrix = shuffled.matrix();
        assert_eq!(bits(shuffled.labelled(&matrix), 2), expected);
    }
}

#[test]
fn numbers_of_clusters_change_no_bit_of_a_mean() {
    for table in tables() {
        let k = table.n_clusters as u16;
        let mut renamed = table.clone();
        renamed.labels.iter_mut().for_each(|label| *label = k - 1 - *label);
        let (matrix, own) = (table.matrix(), renamed.matrix());
        let (of, other) = (table.labelled(&matrix), renamed.labelled(&own));
        assert_eq!(davies_bouldin(of, 1), davies_bouldin(other, 1));
        assert_eq!(calinski_harabasz(of, 1), calinski_harabasz(other, 1));
        for budget in [EXACT, SAMPLED] {
            let one = silhouette(of, budget, 1, &Observe::default()).unwrap().unwrap();
            let mut two = silhouette(other, budget, 1, &Observe::default()).unwrap().unwrap();
            two.clusters.reverse();
            assert_eq!(one, two);
        }
    }
}

#[test]
fn sums_of_k_means_serve_instead_of_another_look_at_the_rows() {
    let table = Table::made(8, 900, 4, 3, 60).weighted();
    let matrix = table.matrix();
    let mut engine = CpuEngine::new(1, None);
    engine.load(matrix.clone()).unwrap();
    let model = Centroids::new(0, 0, 4, (0..12).map(|j| 90_000 * (j % 5 - 2)).collect());
    let sums = engine.step(std::slice::from_ref(&model)).unwrap().remove(0);
    let labels = engine.assign(&model).unwrap().labels;
    let of = Labelled { labels: &labels, ..table.labelled(&matrix) };
    assert_eq!(Means::from_sums(&matrix, sums), Means::of(of, 1));
}

#[test]
fn a_sample_holds_every_cluster_and_its_interval_holds_the_exact_mean() {
    let mut held = 0;
    for seed in 0..40 {
        let mut table = Table::made(seed, 3000, 2, 4, 0);
        // A cluster of three rows.
        table.labels.iter_mut().enumerate().filter(|(row, _)| row % 1000 == 7).for_each(|(_, label)| *label = 4);
        table.n_clusters = 5;
        let matrix = table.matrix();
        let of = table.labelled(&matrix);
        let exact = silhouette(of, EXACT, 0, &Observe::default()).unwrap().unwrap();
        let sampled = silhouette(of, SAMPLED, 0, &Observe::default()).unwrap().unwrap();
        let SilhouetteMethod::Sample { rows, low, high } = sampled.method else { panic!("{sampled:?}") };
        assert!((300..340).contains(&rows), "{rows}");
        assert!(low < sampled.mean && sampled.mean < high && high - low < 0.2, "{sampled:?}");
        assert_eq!(sampled.clusters[4], exact.clusters[4], "all three rows are in the sample");
        held += u32::from(low <= exact.mean && exact.mean <= high);
    }
    // 38 are expected; 33 or fewer of 40 have a probability of one in two hundred.
    assert!(held >= 34, "{held} of 40 intervals hold the mean");
}

#[test]
fn the_simplified_silhouette_is_the_mean_margin() {
    let table = Table::made(6, 500, 3, 4, 30);
    let matrix = table.matrix();
    let mut engine = CpuEngine::new(1, None);
    engine.load(matrix.clone()).unwrap();
    let model = Centroids::new(0, 0, 3, table.rows[10..14].concat());
    let assignment = engine.assign(&model).unwrap();
    let found = simplified_silhouette(&matrix, &model, &assignment, 1).unwrap();
    assert_eq!(simplified_silhouette(&matrix, &model, &assignment, 3), Some(found));
    let distance = |row: &[i64], to: &[i64]| -> f64 {
        row.iter().zip(to).map(|(&a, &b)| (a as f64 - b as f64).powi(2)).sum::<f64>().sqrt()
    };
    let margin = |row: &Vec<i64>| {
        let mut distances: Vec<f64> = model.rows().map(|centroid| distance(row, centroid)).collect();
        distances.sort_by(f64::total_cmp);
        1.0 - distances[0] / distances[1]
    };
    let expected = table.rows.iter().map(margin).sum::<f64>() / 500.0;
    assert!((found - expected).abs() <= LOOP_ERROR, "{found}, not {expected}");

    let one = Centroids::new(0, 0, 3, vec![0; 3]);
    assert_eq!(simplified_silhouette(&matrix, &one, &engine.assign(&one).unwrap(), 1), None);
}

#[test]
fn silhouettes_of_several_clusterings_together_are_those_of_each_alone() {
    for (n, wide_every) in [(2500, 0), (2500, 60)] {
        let tables: Vec<Table> = (2..6).map(|k| Table::made(9, n, 3, k, wide_every)).collect();
        let matrix = tables[0].matrix();
        let mut of: Vec<Labelled> = tables.iter().map(|table| table.labelled(&matrix)).collect();
        // Labels of many tiny clusters, which are measured apart, and labels that have no silhouette.
        let tiny: Vec<u16> = (0..n as u16).map(|row| row % 300).collect();
        let one = vec![0; n];
        of.insert(2, Labelled { labels: &one, n_clusters: 1, ..of[0] });
        of.insert(1, Labelled { labels: &tiny, n_clusters: 300, ..of[0] });
        for budget in [EXACT, SAMPLED] {
            let together = silhouettes(&of, budget, 2, &Observe::default()).unwrap();
            let alone = of.iter().map(|&of| silhouette(of, budget, 1, &Observe::default()).unwrap());
            assert_eq!(together, alone.collect::<Vec<_>>());
        }
    }
    assert_eq!(silhouettes(&[], EXACT, 1, &Observe::default()).unwrap(), []);
}
