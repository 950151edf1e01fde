//! Cases whose figures are published, in papers or as the tests of scikit-learn, and scikit-learn's own figures on given
//! labels.

use segmint::engine::{Groups, Neighbourhood, Neighbours};
use segmint::error::Result;
use segmint::grid::{Grid, Matrix};
use segmint::observe::Observe;
use segmint::quality::{
    Labelled, Silhouette, SilhouetteBudget, SilhouetteMethod, adjusted_rand_index, calinski_harabasz, davies_bouldin,
    explained_variance, jaccard, silhouette, silhouette_on,
};

use crate::cases::Table;

/// Steps per unit of these tables: their coordinates are exact.
const SCALE: i64 = 1 << 14;

/// Of figures that are made of exact sums by a handful of f64 operations.
const ROUNDING: f64 = 1e-15;

/// Of Davies-Bouldin: a distance to a mean is rounded to 2^-20 steps.
const DISTANCE_ROUNDING: f64 = 1.0 / (1u64 << 34) as f64;

/// Of a silhouette: every distance is rounded to f32 once.
const F32_ROUNDING: f64 = 1.5 / (1 << 24) as f64;

const EXACT: SilhouetteBudget = SilhouetteBudget { rows_exact_max: usize::MAX, sample_rows: 0 };

fn near(found: Option<f64>, expected: f64, error: f64) {
    let found = found.expect("a figure");
    assert!((found - expected).abs() <= 4.0 * error * expected.abs(), "{found}, not {expected}");
}

struct Figures {
    davies_bouldin: Option<f64>,
    calinski_harabasz: Option<f64>,
    silhouette: Option<Silhouette>,
    explained_variance: Option<f64>,
}

fn figures(rows: &[&[i64]], labels: &[u16]) -> Figures {
    let table = Table::plain(rows, labels, SCALE);
    let matrix = table.matrix();
    let of = table.labelled(&matrix);
    Figures {
        davies_bouldin: davies_bouldin(of, 1),
        calinski_harabasz: calinski_harabasz(of, 1),
        silhouette: silhouette(of, EXACT, 1, &Observe::default()).unwrap(),
        explained_variance: explained_variance(of, 1),
    }
}

#[test]
fn forty_points_in_four_pairs() {
    let pairs: [[&[i64]; 2]; 4] = [[&[0, 0], &[1, 1]], [&[3, 3], &[4, 4]], [&[0, 4], &[1, 3]], [&[3, 1], &[4, 0]]];
    let rows: Vec<&[i64]> = pairs.iter().flat_map(|pair| pair.repeat(5)).collect();
    let labels: Vec<u16> = (0..40).map(|row| row / 10).collect();
    let found = figures(&rows, &labels);
    assert_eq!(found.calinski_harabasz, Some(108.0));
    near(found.davies_bouldin, 2.0 * 0.5f64.sqrt() / 3.0, DISTANCE_ROUNDING);
    near(found.silhouette.map(|s| s.mean), 0.738_108_599_560_537_9, F32_ROUNDING);
    assert_eq!(found.explained_variance, Some(0.9));
}

#[test]
fn clusters_of_one_row() {
    let found = figures(&[&[0, 0], &[2, 2], &[3, 3], &[5, 5]], &[0, 0, 1, 2]);
    near(found.davies_bouldin, 0.416_666_666_666_666_7, DISTANCE_ROUNDING);
    assert_eq!(found.calinski_harabasz, Some(2.75));
    near(found.silhouette.map(|s| s.mean), -0.041_666_666_666_666_7, F32_ROUNDING);
    // The row that is alone has 0, two equal rows that are a cluster have 1.
    let found = figures(&[&[0], &[1], &[1], &[2], &[3], &[3]], &[0, 1, 1, 1, 2, 2]);
    let found = found.silhouette.unwrap();
    assert_eq!(found.mean, 0.5);
    assert_eq!(found.clusters, [0.0, 1.0 / 3.0, 1.0]);
    assert_eq!(found.method, SilhouetteMethod::Exact);
}

#[test]
fn equal_means_and_equal_points() {
    let rows: Vec<&[i64]> = [&[-1i64, -1][..], &[1, 1]].repeat(10);
    let labels: Vec<u16> = (0..20).map(|row| row / 10).collect();
    let found = figures(&rows, &labels);
    assert_eq!((found.davies_bouldin, found.calinski_harabasz), (Some(0.0), Some(0.0)));
    assert_eq!(found.explained_variance, Some(0.0));
    near(found.silhouette.map(|s| s.mean), -0.1, F32_ROUNDING);

    let found = figures(&[&[1i64, 1][..]; 10], &labels[5..15]);
    assert_eq!((found.davies_bouldin, found.calinski_harabasz), (Some(0.0), Some(1.0)));
    assert_eq!(found.explained_variance, None);
    assert_eq!(found.silhouette.map(|s| s.mean), Some(0.0));
}

#[test]
fn one_cluster_and_as_many_as_rows_have_no_figures() {
    for labels in [[0, 0, 0], [2, 2, 2], [0, 1, 2]] {
        let found = figures(&[&[0], &[1], &[5]], &labels);
        assert_eq!((found.davies_bouldin, found.calinski_harabasz), (None, None));
        assert_eq!(found.silhouette, None);
    }
    assert_eq!(figures(&[&[0], &[1], &[5]], &[0, 0, 0]).explained_variance, Some(0.0));
    assert_eq!(figures(&[&[0], &[1], &[5]], &[0, 1, 2]).explained_variance, Some(1.0));
}

/// Twelve countries as political science students saw them in 1968: table 1 of Rousseeuw (1987), the lower triangle.
/// Belgium, Brazil, China, Cuba, Egypt, France, India, Israel, the USA, the USSR, Yugoslavia, Zaire.
const UNLIKE: [&[u16]; 12] = [
    &[],
    &[558],
    &[700, 650],
    &[708, 700, 383],
    &[483, 508, 817, 583],
    &[217, 575, 667, 692, 492],
    &[642, 500, 558, 600, 467, 642],
    &[342, 550, 642, 642, 500, 392, 617],
    &[250, 492, 625, 733, 450, 225, 633, 275],
    &[608, 667, 425, 267, 600, 617, 617, 692, 617],
    &[525, 683, 450, 375, 575, 542, 608, 583, 667, 367],
    &[475, 300, 608, 667, 500, 558, 483, 617, 567, 650, 692],
];

/// Measures nothing, but looks the distances up.
struct Judged {
    labels: [u16; 12],
    n_clusters: usize,
}

impl Neighbours for Judged {
    fn neighbourhoods(&mut self, _: &Groups, asked: &[usize], _: &Observe) -> Result<Vec<Neighbourhood>> {
        let unlike = |a: usize, b: usize| if a == b { 0 } else { UNLIKE[a.max(b)][a.min(b)] };
        let labels = self.labels;
        let rows = |cluster: usize| (0..12).filter(move |&row: &usize| usize::from(labels[row]) == cluster);
        let sum = |row: usize, cluster: usize| rows(cluster).map(|other| f64::from(unlike(row, other))).sum::<f64>();
        let one = |&row: &usize| {
            let own = usize::from(self.labels[row]);
            let others = (0..self.n_clusters).filter(|&cluster| cluster != own);
            Neighbourhood {
                own: Some(sum(row, own) / (rows(own).count() - 1) as f64),
                other: others.map(|cluster| sum(row, cluster) / rows(cluster).count() as f64).reduce(f64::min),
            }
        };
        Ok(asked.iter().map(one).collect())
    }
}

#[test]
fn rousseeuws_twelve_countries() {
    let matrix = Matrix::from_rows(1, &vec![vec![0]; 12], None, (0..12).collect());
    // Figures 2 and 3 of the paper, to their two digits: by country, and over all.
    let two = ([0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0], [39, 22, 33, 40, 20, 35, -4, 30, 43, 34, 26, 19], 28);
    let three = ([0, 1, 2, 2, 0, 0, 1, 0, 0, 2, 2, 1], [42, 25, 31, 48, 2, 44, 17, 37, 47, 44, 31, 28], 33);
    for (labels, countries, mean) in [two, three] {
        let labels: [u16; 12] = labels;
        let n_clusters = usize::from(*labels.iter().max().unwrap()) + 1;
        let of = Labelled { matrix: &matrix, grid: Grid { exponent: 0 }, labels: &labels, n_clusters };
        let found = silhouette_on(&mut Judged { labels, n_clusters }, of, EXACT, &Observe::default()).unwrap().unwrap();
        let per_cent = |value: f64| (100.0 * value).round() as i32;
        assert_eq!(per_cent(found.mean), mean);
        for cluster in 0..n_clusters {
            let own: Vec<i32> =
                (0..12).filter(|&row| usize::from(labels[row]) == cluster).map(|row| countries[row]).collect();
            let expected = f64::from(own.iter().sum::<i32>()) / own.len() as f64;
            // Each listed figure is off by half a hundredth at most, and so is their mean.
            assert!((100.0 * found.clusters[cluster] - expected).abs() <= 0.5, "{:?}", found.clusters);
        }
    }
}

/// scikit-learn 1.9.0, `adjusted_rand_score(a, b)`, and for each cluster of a the largest `jaccard_score(a == i, b == j)`,
/// with i = numpy.arange(1000).
#[test]
fn agreement_equals_scikit_learns() {
    let labels = |of: fn(u32) -> u32| (0..1000).map(|i| of(i) as u16).collect::<Vec<u16>>();
    let check = |a: fn(u32) -> u32, b: fn(u32) -> u32, rand: f64, expected: &[f64]| {
        let (a, b) = (labels(a), labels(b));
        near(Some(adjusted_rand_index(&a, &b)), rand, ROUNDING);
        assert_eq!(adjusted_rand_index(&a, &b), adjusted_rand_index(&b, &a));
        let found = jaccard(&a, expected.len(), &b, 5);
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected).for_each(|(&found, &expected)| near(Some(found), expected, ROUNDING));
    };
    check(
        |i| i * i % 7 % 4,
        |i| (i * i + i / 100) % 7 % 5,
        0.018_155_090_049_874_083,
        &[0.238_532_110_091_743_13, 0.182_978_723_404_255_3, 0.150_649_350_649_350_66],
    );
    let third = 0.612_903_225_806_451_6;
    check(|i| i / 250, |i| (i + 60) / 250, 0.559_650_814_798_612, &[0.76, third, third, third]);
    check(|i| i % 2, |i| i / 500, -0.001_002_004_008_016_032, &[1.0 / 3.0, 1.0 / 3.0]);
}

#[test]
fn agreement_of_few_rows() {
    near(Some(adjusted_rand_index(&[0, 0, 1, 1], &[0, 0, 1, 2])), 0.571_428_571_428_571_4, ROUNDING);
    assert_eq!(adjusted_rand_index(&[0, 0, 0, 0], &[0, 1, 2, 3]), 0.0);
    assert_eq!(adjusted_rand_index(&[0, 0, 0, 0], &[3, 3, 3, 3]), 1.0);
    assert_eq!(adjusted_rand_index(&[0, 1, 2, 3], &[3, 2, 1, 0]), 1.0);
    assert_eq!(adjusted_rand_index(&[0, 0, 1, 1], &[0, 1, 0, 1]), -0.5);
    assert_eq!(adjusted_rand_index(&[], &[]), 1.0);
    assert_eq!(adjusted_rand_index(&[4], &[0]), 1.0);
    assert_eq!(jaccard(&[0, 0, 2], 4, &[1, 1, 1], 2), [2.0 / 3.0, 0.0, 1.0 / 3.0, 0.0]);
    assert_eq!(jaccard(&[], 2, &[], 0), [0.0, 0.0]);
}
