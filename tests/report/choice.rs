//! Why this many segments, in words: what is said of a clear choice, a tie, a best that does not hold, a segment too small,
//! and customers who are all alike.

use segmint::job::Criterion;
use segmint::persona::{Basis, NamedCluster, Naming, Playbook};
use segmint::profile::Profile;
use segmint::quality::{Flow, Gates, Scores, Silhouette, SilhouetteMethod, Stability, choose};
use segmint::report::{Facts, Summary, html, markdown, summarize};

/// Scores of k = 2, 3, ..: silhouette, Davies-Bouldin, Calinski-Harabasz, the weakest Jaccard index, the smallest cluster.
fn scores(figures: &[(f64, f64, f64, f64, u64)]) -> Vec<Scores> {
    let of = |(k, &(silhouette, davies_bouldin, calinski_harabasz, jaccard, smallest))| Scores {
        davies_bouldin: Some(davies_bouldin),
        calinski_harabasz: Some(calinski_harabasz),
        explained_variance: Some(1.0 - 1.0 / k as f64),
        silhouette: Some(Silhouette {
            mean: silhouette,
            clusters: vec![silhouette; k],
            method: SilhouetteMethod::Exact,
        }),
        smallest,
        stability: Some(Stability { k, adjusted_rand_index: jaccard, jaccard: vec![jaccard; k], repeats: 40 }),
        ..Scores::unscored(k, k, 1000.0 / k as f64)
    };
    (2..).zip(figures).map(of).collect()
}

fn summary(scores: Vec<Scores>, criterion: Criterion, to_runner_up: Option<Flow>) -> Summary {
    let choice = choose(&scores, criterion, Gates { size_min: 0, useful_min: 20 }).unwrap();
    let found = scores.iter().find(|one| one.k == choice.k).unwrap().found;
    let cluster = |number: usize| NamedCluster {
        name: ["Browsers", "Loyal", "VIP", "Dormant", "New"][number].into(),
        basis: Basis::Descriptive,
        persona: None,
        score: None,
        confidence: None,
        second_persona: None,
        evidence: Vec::new(),
        distinctions: Vec::new(),
    };
    let naming = Naming {
        playbook: "rfm".into(),
        roles: Vec::new(),
        clusters: (0..found).map(cluster).collect(),
        personas: Vec::new(),
    };
    let facts = Facts {
        rows: 1000,
        dropped: Vec::new(),
        features: Vec::new(),
        kinds: Vec::new(),
        k: found,
        k_asked: choice.k,
        scores,
        choice,
        flows: Vec::new(),
        to_runner_up,
        rules: None,
        seed: 42,
        n_init: 10,
        max_iter: 300,
        tol: 0.0,
        inertia: 1.0,
        iterations: 5,
        converged: true,
        warnings: Vec::new(),
    };
    summarize(facts, &Profile::default(), &naming, &Playbook::load("rfm").unwrap())
}

fn told(summary: &Summary) -> String {
    summary.choice.as_ref().unwrap().sentences.join("\n")
}

#[test]
fn a_clear_choice() {
    let scores = scores(&[(0.3, 0.9, 90.0, 0.9, 300), (0.5, 0.6, 120.0, 0.93, 200), (0.4, 0.7, 130.0, 0.8, 100)]);
    let to = Flow { from_k: 3, to_k: 4, to_clusters: 4, customers: vec![300, 0, 210, 0, 0, 290, 0, 0, 0, 0, 0, 200] };
    insta::assert_snapshot!(told(&summary(scores, Criterion::Consensus, Some(to))), @r"
    Of 2 to 4 segments, 3 fit the data best: they rank first by silhouette (0.500), Davies-Bouldin (0.600) and stability (0.930), second by Calinski-Harabasz (120.0).
    When the clustering is repeated on 20 half samples and 20 resamples of the customers, every segment comes back; the one that changes most keeps a Jaccard index of 0.93 (1 is all the same).
    With 4, the runner-up, “Browsers” would fall into 2 parts, of 300 and 210 customers.
    ");
}

#[test]
fn a_tie() {
    let scores = scores(&[(0.5, 0.6, 90.0, 0.9, 300), (0.4, 0.599, 120.0, 0.93, 200)]);
    let to = Flow { from_k: 3, to_k: 2, to_clusters: 2, customers: vec![400, 0, 0, 350, 10, 240] };
    insta::assert_snapshot!(told(&summary(scores, Criterion::DaviesBouldin, Some(to))), @r"
    Of 2 to 3 segments, 3 have the lowest Davies-Bouldin index: 0.599.
    When the clustering is repeated on 20 half samples and 20 resamples of the customers, every segment comes back; the one that changes most keeps a Jaccard index of 0.93 (1 is all the same).
    2 would do nearly as well; with 2, “Loyal” and “VIP” would be one segment.
    ");
}

#[test]
fn the_best_by_the_scores_does_not_come_back() {
    let scores = scores(&[(0.3, 0.9, 90.0, 0.9, 300), (0.5, 0.6, 120.0, 0.41, 200)]);
    insta::assert_snapshot!(told(&summary(scores, Criterion::Consensus, None)), @r"
    Of 2 to 3 segments, 2 were chosen: no other number could be.
    3 would score better, but one of its segments does not come back when the clustering is repeated (Jaccard index 0.41).
    ");
}

#[test]
fn the_best_by_the_scores_has_a_segment_of_no_use() {
    let scores = scores(&[(0.3, 0.9, 90.0, 0.9, 300), (0.4, 0.8, 95.0, 0.9, 250), (0.5, 0.6, 120.0, 0.93, 3)]);
    let summary = summary(scores, Criterion::Consensus, None);
    insta::assert_snapshot!(told(&summary), @r"
    Of 2 to 4 segments, with those left out that cannot be used, 3 fit the data best: they rank first by silhouette (0.400), Davies-Bouldin (0.800), Calinski-Harabasz (95.000) and stability (0.900).
    4 would score better, but its smallest segment has 3 customers, fewer than 20.
    ");
    let verdict = "left out: its smallest segment has 3 customers, fewer than 20";
    assert!(markdown(&summary).contains(verdict));
    assert!(html(&segmint::report::Page { summary: &summary, map: None }).contains(verdict));
}

#[test]
fn customers_who_are_all_alike() {
    let alike = vec![Scores::unscored(2, 1, 0.0), Scores::unscored(3, 1, 0.0), Scores::unscored(4, 1, 0.0)];
    insta::assert_snapshot!(told(&summary(alike, Criterion::Consensus, None)), @r"
    The customers are too much alike for 2 to 4 segments: one segment can be told apart, whatever number is asked for.
    ");
}

#[test]
fn a_number_that_was_given_needs_no_reasons() {
    let summary = summary(scores(&[(0.3, 0.9, 90.0, 0.9, 300)]), Criterion::Consensus, None);
    assert!(summary.choice.is_none() && summary.selection.is_empty());
    assert_eq!(summary.metrics.davies_bouldin, Some(0.9));
    assert!(!markdown(&summary).contains("Why this many"));
}
