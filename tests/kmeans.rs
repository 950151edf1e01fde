//! The behaviours that scikit-learn's own k-means tests ask for, and those that only exact arithmetic can promise.

use std::sync::{Arc, Mutex};

use segmint::engine::cpu::{CpuEngine, SimdLevel};
use segmint::engine::{Assignment, Counters, Device, Engine, Row};
use segmint::error::{Kind, Result};
use segmint::grid::{Centroids, Matrix, Sums};
use segmint::job::{ClusterSettings, Restarts};
use segmint::kmeans::{Candidate, Fit, fit, fit_from, sweep};
use segmint::observe::{Event, Observe};

fn settings(k: usize) -> ClusterSettings {
    ClusterSettings { n_init: 4, ..ClusterSettings::plain(k) }
}

fn key(id: u64) -> u64 {
    let z = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
}

fn matrix(rows: &[Vec<i64>], weights: Option<Vec<u16>>) -> Arc<Matrix> {
    let keys = (1..=rows.len() as u64).map(key).collect();
    Arc::new(Matrix::from_rows(rows[0].len(), rows, weights, keys))
}

/// Three well separated groups and some scatter, by row number.
fn blobs(n: usize) -> Vec<Vec<i64>> {
    (0..n as u64)
        .map(|i| {
            let centre = [(0, 0), (400_000, 10_000), (-90_000, 300_000)][(key(i) % 3) as usize];
            let scatter = |salt: u64| (key(i * 7 + salt) % 60_000) as i64 - 30_000;
            vec![centre.0 + scatter(1), centre.1 + scatter(2)]
        })
        .collect()
}

fn run(matrix: &Arc<Matrix>, settings: &ClusterSettings) -> Fit {
    fit(&mut CpuEngine::new(2, None), matrix, settings, 2, &Observe::default()).unwrap()
}

fn run_from(matrix: &Arc<Matrix>, start: &[&[i64]], settings: &ClusterSettings) -> Fit {
    let start = Centroids::new(0, 0, matrix.n_features(), start.concat());
    fit_from(&mut CpuEngine::new(1, None), matrix, start, settings, &Observe::default()).unwrap()
}

#[test]
fn a_weighted_case_worked_out_by_hand_comes_out() {
    // In eighths: rows (0,0) (0.5,0) (0.5,1) (1,1) with weights 3 1 1 3.
    let matrix = matrix(&[vec![0, 0], vec![4, 0], vec![4, 8], vec![8, 8]], Some(vec![3, 1, 1, 3]));
    let fit = run_from(&matrix, &[&[0, 0], &[8, 8]], &settings(2));
    assert_eq!(fit.assignment.labels, [0, 0, 1, 1]);
    assert_eq!(fit.centroids.values(), [1, 0, 7, 8]);
    assert_eq!(fit.inertia, 24, "0.375 in eighths squared");
    assert_eq!((fit.iterations, fit.converged), (2, true));
}

#[test]
fn an_empty_cluster_takes_the_farthest_row_and_the_hand_computed_end_is_reached() {
    let matrix = matrix(&[vec![0, 0], vec![4, 0], vec![4, 8], vec![8, 8]], None);
    let fit = run_from(&matrix, &[&[4, 4], &[24, 24]], &settings(2));
    assert_eq!(fit.inertia, 16, "0.25 in eighths squared");
    assert_eq!((fit.iterations, fit.converged), (3, true));
    let mut sizes = fit.sums.rows.clone();
    sizes.sort_unstable();
    assert_eq!(sizes, [2, 2]);
    assert_eq!(fit.assignment.labels[0], fit.assignment.labels[1]);
    assert_eq!(fit.assignment.labels[2], fit.assignment.labels[3]);
}

#[test]
fn starting_at_a_fixed_point_moves_nothing() {
    let matrix = matrix(&blobs(2000), None);
    let first = run(&matrix, &settings(5));
    let start: Vec<&[i64]> = first.centroids.rows().collect();
    let again = run_from(&matrix, &start, &settings(5));
    assert_eq!(again.iterations, 1);
    assert_eq!((again.centroids.values(), again.inertia), (first.centroids.values(), first.inertia));
    assert_eq!(again.assignment, first.assignment);
}

#[test]
fn more_restarts_and_more_iterations_are_never_worse() {
    let matrix = matrix(&blobs(3000), None);
    let inertia = |n_init, max_iter| run(&matrix, &ClusterSettings { n_init, max_iter, ..settings(8) }).inertia;
    let by_restarts: Vec<i128> = [1, 2, 5, 10].map(|n| inertia(n, 300)).to_vec();
    assert!(by_restarts.is_sorted_by(|a, b| a >= b), "{by_restarts:?}");
    let by_iterations: Vec<i128> = [1, 2, 3, 5, 20].map(|n| inertia(1, n)).to_vec();
    assert!(by_iterations.is_sorted_by(|a, b| a >= b), "{by_iterations:?}");
}

#[test]
fn what_is_published_belongs_together() {
    let matrix = matrix(&blobs(3000), None);
    for (max_iter, tol) in [(300, 0.0), (2, 0.0), (300, 0.05)] {
        let fit = run(&matrix, &ClusterSettings { max_iter, tol, ..settings(6) });
        let mut inertia = 0i128;
        let (mut row, mut rows) = ([0; 2], vec![0u64; fit.centroids.n_clusters()]);
        for index in 0..matrix.n_rows() {
            matrix.row(index, &mut row);
            let nearest = segmint::engine::decide(&row, &fit.centroids);
            assert_eq!(nearest.label, fit.assignment.labels[index]);
            inertia += nearest.distance;
            rows[usize::from(nearest.label)] += 1;
        }
        assert_eq!((inertia, &rows), (fit.inertia, &fit.sums.rows), "max_iter {max_iter}, tol {tol}");
    }
}

#[test]
fn a_weight_is_worth_as_many_copies_of_the_row() {
    let rows = blobs(300);
    let weights: Vec<u16> = (0..300).map(|i| (i % 4 + 1) as u16).collect();
    let copies: Vec<Vec<i64>> =
        rows.iter().zip(&weights).flat_map(|(r, &w)| std::iter::repeat_n(r.clone(), usize::from(w))).collect();
    let start: Vec<&[i64]> = rows[..4].iter().map(Vec::as_slice).collect();
    let weighted = run_from(&matrix(&rows, Some(weights)), &start, &settings(4));
    let copied = run_from(&matrix(&copies, None), &start, &settings(4));
    assert_eq!(weighted.centroids, copied.centroids);
    assert_eq!((weighted.inertia, weighted.iterations), (copied.inertia, copied.iterations));
}

#[test]
fn equal_weights_change_nothing_but_scale_inertia() {
    let rows = blobs(500);
    let plain = run(&matrix(&rows, None), &settings(4));
    let heavy = run(&matrix(&rows, Some(vec![7; 500])), &settings(4));
    assert_eq!(plain.assignment, heavy.assignment);
    assert_eq!(plain.centroids.values(), heavy.centroids.values());
    assert_eq!(heavy.inertia, 7 * plain.inertia);
}

#[test]
fn rows_of_weight_zero_change_nothing_but_get_a_label() {
    let rows = blobs(400);
    let mut more = rows.clone();
    more.extend([vec![1_000_000, 1_000_000], vec![-1_000_000, 900_000]]);
    let mut weights = vec![1; 400];
    weights.extend([0, 0]);
    let plain = run(&matrix(&rows, None), &settings(4));
    let with = run(&matrix(&more, Some(weights)), &settings(4));
    assert_eq!(plain.centroids.values(), with.centroids.values());
    assert_eq!(plain.assignment.labels, with.assignment.labels[..400]);
}

#[test]
fn fewer_distinct_rows_than_clusters_lower_k_with_a_warning() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = heard.clone();
    let observe = Observe::default().listen(move |event| {
        if let Event::Warning { text, .. } = event {
            sink.lock().unwrap().push(text.clone());
        }
    });
    for distinct in [1i64, 2, 3] {
        let rows: Vec<Vec<i64>> = (0..100).map(|i| vec![i % distinct * 50, 7]).collect();
        let matrix = matrix(&rows, None);
        let fit = fit(&mut CpuEngine::new(1, None), &matrix, &settings(5), 1, &observe).unwrap();
        assert_eq!(fit.centroids.n_clusters(), distinct as usize);
        assert_eq!(fit.inertia, 0);
        assert!(heard.lock().unwrap().last().unwrap().contains(&format!("from 5 to {distinct}")));
    }
}

#[test]
fn as_many_clusters_as_rows_leave_no_inertia() {
    let rows: Vec<Vec<i64>> = (0..40).map(|i| vec![i * i * 100]).collect();
    let fit = run(&matrix(&rows, None), &settings(40));
    assert_eq!((fit.inertia, fit.centroids.n_clusters()), (0, 40));
}

#[test]
fn more_clusters_than_rows_are_refused() {
    let matrix = matrix(&blobs(3), None);
    let error = fit(&mut CpuEngine::new(1, None), &matrix, &settings(4), 1, &Observe::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::BadData);
    assert_eq!(error.to_string(), "3 rows of positive weight cannot make 4 clusters");
}

#[test]
fn one_cluster_is_the_mean() {
    let fit = run(&matrix(&[vec![0], vec![1], vec![5]], None), &settings(1));
    assert_eq!((fit.centroids.values(), fit.inertia), (&[2i64][..], 4 + 1 + 9));
    assert_eq!(fit.assignment.runners_up, [0, 0, 0]);
}

#[test]
fn published_numbers_count_from_the_largest_cluster() {
    let fit = run(&matrix(&blobs(2000), None), &settings(6));
    let mut sizes = vec![0; 6];
    fit.published.iter().zip(&fit.sums.rows).for_each(|(&number, &rows)| sizes[usize::from(number)] = rows);
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
}

#[test]
fn row_order_threads_and_instructions_change_nothing() {
    let rows = blobs(2500);
    let ids: Vec<usize> = (0..rows.len()).map(|i| i * 1291 % rows.len()).collect();
    let shuffled: Vec<Vec<i64>> = ids.iter().map(|&i| rows[i].clone()).collect();
    let keys = ids.iter().map(|&i| key(i as u64 + 1)).collect();
    let shuffled = Arc::new(Matrix::from_rows(2, &shuffled, None, keys));
    let plain = run(&matrix(&rows, None), &settings(7));
    for level in segmint::engine::cpu::SimdLevel::available() {
        for threads in [1, 3] {
            let mut engine = CpuEngine::new(threads, Some(level));
            let fit = fit(&mut engine, &shuffled, &settings(7), threads, &Observe::default()).unwrap();
            assert_eq!(
                (&fit.centroids, fit.inertia, fit.iterations),
                (&plain.centroids, plain.inertia, plain.iterations)
            );
            for (position, &id) in ids.iter().enumerate() {
                assert_eq!(fit.assignment.labels[position], plain.assignment.labels[id]);
            }
        }
    }
}

#[test]
fn another_seed_draws_other_seeds_but_finds_separated_groups_all_the_same() {
    let matrix = matrix(&blobs(3000), None);
    let found: Vec<i128> = (0..5).map(|seed| run(&matrix, &ClusterSettings { seed, ..settings(3) }).inertia).collect();
    assert!(found.windows(2).all(|w| w[0] == w[1]), "{found:?}");
}

#[test]
fn a_polished_model_passes_the_guard_that_saw_its_number_before() {
    // Swaps hand a restart's number to other centroids; the guard must not take them for those it saw last.
    let matrix = matrix(&blobs(400), None);
    let mut guard = segmint::engine::Guard::new(Box::new(CpuEngine::new(1, None)), None, Observe::default());
    for seed in 0..20 {
        let guarded =
            fit(&mut guard, &matrix, &ClusterSettings { seed, ..settings(9) }, 1, &Observe::default()).unwrap();
        assert_eq!(guarded.inertia, run(&matrix, &ClusterSettings { seed, ..settings(9) }).inertia);
    }
}

/// An engine that is handed one model at a time.
struct OneByOne(CpuEngine);

impl Engine for OneByOne {
    fn device(&self) -> &Device {
        self.0.device()
    }

    fn load(&mut self, matrix: Arc<Matrix>) -> Result<()> {
        self.0.load(matrix)
    }

    fn step(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
        let mut sums = Vec::new();
        for model in models {
            sums.extend(self.0.step(std::slice::from_ref(model))?);
        }
        Ok(sums)
    }

    fn assign(&mut self, model: &Centroids) -> Result<Assignment> {
        self.0.assign(model)
    }

    fn farthest(&mut self, model: &Centroids, n: usize) -> Result<Vec<Row>> {
        self.0.farthest(model, n)
    }

    fn counters(&self) -> Counters {
        self.0.counters()
    }
}

fn swept(engine: &mut dyn Engine, matrix: &Arc<Matrix>, settings: &ClusterSettings) -> Vec<Candidate> {
    sweep(engine, matrix, settings, None, 2, &Observe::default()).unwrap()
}

/// Candidates without the numbers that their models had on the way.
fn told(candidates: &[Candidate]) -> Vec<(usize, Vec<i64>, i128, u32, u32)> {
    let tell = |c: &Candidate| (c.k_asked, c.centroids.values().to_vec(), c.inertia, c.iterations, c.restart);
    candidates.iter().map(tell).collect()
}

#[test]
fn a_sweep_finds_for_every_number_what_that_number_finds_alone() {
    let matrix = matrix(&blobs(2000), None);
    for restarts in [Restarts::Race, Restarts::Full] {
        let settings = |k| ClusterSettings { k, n_init: 4, restarts, ..ClusterSettings::plain(2) };
        let all = swept(&mut CpuEngine::new(2, None), &matrix, &settings(2..=7));
        assert_eq!(all.iter().map(|candidate| candidate.k_asked).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
        for k in 2..=7 {
            let alone = swept(&mut CpuEngine::new(1, None), &matrix, &settings(k..=k));
            assert_eq!(told(&alone), told(&all[k - 2..k - 1]), "k = {k}");
        }
    }
}

#[test]
fn models_that_advance_together_end_as_they_would_one_at_a_time() {
    let matrix = matrix(&blobs(3000), None);
    for tol in [0.0, 1e-4] {
        let settings = ClusterSettings { k: 2..=8, tol, restarts: Restarts::Full, ..settings(2) };
        let together = swept(&mut CpuEngine::new(2, None), &matrix, &settings);
        let apart = swept(&mut OneByOne(CpuEngine::new(1, None)), &matrix, &settings);
        assert_eq!(told(&together), told(&apart));
    }
}

/// More rows than seeds come from, so that restarts race: groups that overlap, so that restarts end apart.
fn large() -> Arc<Matrix> {
    let rows: Vec<Vec<i64>> = (0..150_000u64)
        .map(|i| {
            let group = (key(i) % 6) as i64;
            let scatter = |salt: u64| (0..4).map(|s| (key(i * 31 + salt + s) % 90_000) as i64 - 45_000).sum::<i64>();
            vec![group % 3 * 150_000 + scatter(1), group / 3 * 170_000 + scatter(7)]
        })
        .collect();
    matrix(&rows, None)
}

#[test]
fn a_race_gives_up_next_to_nothing_and_is_the_same_with_any_threads_and_instructions() {
    let matrix = large();
    let settings = |restarts| ClusterSettings { k: 3..=8, restarts, n_init: 6, ..ClusterSettings::plain(3) };
    let raced = swept(&mut CpuEngine::new(2, None), &matrix, &settings(Restarts::Race));
    let full = swept(&mut CpuEngine::new(2, None), &matrix, &settings(Restarts::Full));
    for (raced, full) in raced.iter().zip(&full) {
        let ratio = raced.inertia as f64 / full.inertia as f64;
        assert!(ratio < 1.0005, "k = {}: {ratio}", raced.k_asked);
    }
    for (threads, level) in [(1, SimdLevel::Scalar), (3, SimdLevel::available()[0])] {
        let again = swept(&mut CpuEngine::new(threads, Some(level)), &matrix, &settings(Restarts::Race));
        assert_eq!(told(&again), told(&raced), "{threads} threads, {}", level.name());
    }
    let five = ClusterSettings { k: 5..=5, ..settings(Restarts::Race) };
    assert_eq!(told(&swept(&mut CpuEngine::new(2, None), &matrix, &five)), told(&raced[2..3]));
    // Fewer models run over all rows than there are restarts: that is what it is for.
    let most_models = |restarts| {
        let largest = Arc::new(Mutex::new((0, "")));
        let seen = largest.clone();
        let observe = Observe::default().listen(move |event| match event {
            Event::StageStarted { stage } => *seen.lock().unwrap() = (0, *stage),
            Event::PassFinished { models, .. } => {
                let mut seen = seen.lock().unwrap();
                seen.0 = seen.0.max(*models);
            }
            _ => {}
        });
        sweep(&mut CpuEngine::new(2, None), &matrix, &settings(restarts), None, 2, &observe).unwrap();
        *largest.lock().unwrap()
    };
    assert_eq!(most_models(Restarts::Full), (36, "cluster"));
    let (models, stage) = most_models(Restarts::Race);
    assert!(stage == "cluster" && models <= 12, "{models} models over all rows");
}

#[test]
fn a_model_to_start_from_takes_the_place_of_the_restarts_of_its_number() {
    let matrix = matrix(&blobs(2000), None);
    let start = Centroids::new(9, 4, 2, vec![0, 0, 400_000, 10_000, -90_000, 300_000]);
    let sweep = |k, start| {
        let settings = ClusterSettings { k, ..settings(2) };
        sweep(&mut CpuEngine::new(1, None), &matrix, &settings, start, 1, &Observe::default()).unwrap()
    };
    let started = sweep(2..=4, Some(&start));
    let alone = run_from(&matrix, &start.rows().collect::<Vec<_>>(), &settings(3));
    assert_eq!((started[1].centroids.values(), started[1].inertia), (alone.centroids.values(), alone.inertia));
    assert_eq!(told(&started[2..]), told(&sweep(4..=4, None)));
    assert_eq!(sweep(3..=3, Some(&start))[0].centroids.values(), alone.centroids.values());
}
