//! Rows whose labels certainly stand are passed over, and nothing comes out otherwise: over passes in which centroids
//! hardly move, walk slowly, jump, and come back.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use segmint::engine::Engine;
use segmint::engine::cpu::{CpuEngine, SimdLevel};
use segmint::error::Result;
use segmint::grid::{Centroids, Matrix, PanelFile, Panels};

use crate::cases::{Kind, Random, sized_case};
use crate::reference;

/// How far each coordinate moves in one pass of a walk; 0: as Lloyd's iteration moves it.
const WALKS: [i64; 12] = [0, 0, 1, 1, 0, 3, 40, 1, 0, 2_000, 0, 1];
const PASSES: usize = 5;

#[test]
fn passed_over_rows_change_nothing() {
    for level in SimdLevel::available() {
        let mut passed_over = 0;
        for (number, kind, d, k) in [
            (20, Kind::Spread, 2, 3),
            (21, Kind::Spread, 10, 5),
            (22, Kind::Wide, 4, 8),
            (23, Kind::FarThird, 3, 9),
            (24, Kind::Bisector, 2, 4),
            (25, Kind::Spread, 5, 1),
            (26, Kind::Lattice, 3, 6),
        ] {
            let case = sized_case(number, kind, 4000, d, k);
            let mut engine = CpuEngine::new(2, Some(level));
            engine.load(case.matrix.clone()).unwrap();
            let mut random = Random::new(number);
            let mut model = case.models[0].clone();
            for pass in 0..WALKS.len() * PASSES {
                let sums = engine.step(std::slice::from_ref(&model)).unwrap().remove(0);
                assert_eq!(
                    sums,
                    reference::step(&case.matrix, &model),
                    "{}, pass {pass}, {}",
                    case.name,
                    engine.device().name
                );
                model = match WALKS[pass / PASSES] {
                    0 => model.update(&sums),
                    far => {
                        let values = model.values().iter().map(|c| c + random.within(far)).collect();
                        Centroids::new(model.model, 0, d, values)
                    }
                };
            }
            passed_over += engine.counters().passed_over;
        }
        // Of seven cases, sixty passes and 4,000 rows each: a walk of small steps leaves most panels alone.
        assert!(passed_over > 200_000, "only {passed_over} rows were passed over at {}", level.name());
    }
}

/// Several models at once, shared out by rows and by models; more rows than a block; with weights and without.
#[test]
fn models_side_by_side_rest_each_for_themselves() {
    for (number, kind, n, d, n_models) in
        [(30, Kind::Spread, 60_000, 2, 3), (31, Kind::Spread, 3_000, 4, 5), (32, Kind::Bisector, 30_000, 3, 2)]
    {
        let case = sized_case(number, kind, n, d, 6);
        let mut engine = CpuEngine::new(3, None);
        engine.load(case.matrix.clone()).unwrap();
        let random = &mut Random::new(number);
        let far = |random: &mut Random| case.models[0].values().iter().map(|c| c + random.within(900)).collect();
        let mut models: Vec<Centroids> = (0..n_models).map(|model| Centroids::new(model, 0, d, far(random))).collect();
        for pass in 0..70 {
            let sums = engine.step(&models).unwrap();
            for (model, sums) in models.iter().zip(&sums) {
                assert_eq!(*sums, reference::step(&case.matrix, model), "{}, pass {pass}", case.name);
            }
            models = models.iter().zip(&sums).map(|(model, sums)| model.update(sums)).collect();
        }
        let passed_over = engine.counters().passed_over;
        assert!(passed_over > (n as u64) * 10, "{}: only {passed_over} rows were passed over", case.name);
    }
}

/// Panels that count how many of their values are visited.
#[derive(Debug)]
struct Counted {
    values: Vec<f32>,
    visited: AtomicUsize,
}

impl PanelFile for Counted {
    fn values(&self) -> &[f32] {
        &self.values
    }

    fn visit(&self, values: Range<usize>) -> bool {
        self.visited.fetch_add(values.len(), Ordering::Relaxed);
        true
    }

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn bytes(&self) -> u64 {
        4 * self.values.len() as u64
    }
}

/// A matrix in a file is not read where all models walk copies of their rows.
#[test]
fn a_file_is_left_alone_while_all_models_rest() {
    let case = sized_case(30, Kind::Spread, 60_000, 2, 6);
    let from = &case.matrix;
    let file = Arc::new(Counted { values: from.panels().to_vec(), visited: AtomicUsize::new(0) });
    let (reach, wide, keys) = (from.reach().to_vec(), from.wide().clone(), from.keys().to_vec());
    let (panels, facts, weights) =
        (Panels::File(file.clone()), from.facts().clone(), from.weights().map(<[u16]>::to_vec));
    let matrix = Matrix::assemble(from.n_rows(), 2, panels, reach, wide, weights, keys, facts);
    let mut engine = CpuEngine::new(2, None);
    engine.load(Arc::new(matrix)).unwrap();
    let mut models = vec![case.models[0].clone().numbered(0)];
    let (mut whole, mut none) = (0, 0);
    for pass in 0..60 {
        let (before, passed_over) = (file.visited.load(Ordering::Relaxed), engine.counters().passed_over);
        let sums = engine.step(&models).unwrap();
        assert_eq!(sums[0], reference::step(from, &models[0]), "pass {pass}");
        let visited = file.visited.load(Ordering::Relaxed) - before;
        if engine.counters().passed_over > passed_over {
            assert_eq!(visited, 0, "pass {pass}");
            none += 1;
        } else {
            assert!(visited >= file.values.len(), "pass {pass}");
            whole += 1;
        }
        models = models.iter().zip(&sums).map(|(model, sums)| model.update(sums)).collect();
    }
    assert!(whole >= 2 && none >= 10, "{whole} passes read the file, {none} did not");
}
