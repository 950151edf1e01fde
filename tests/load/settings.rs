//! What each setting of a feature does.

use segmint::grid::{WIDE, WideRows};
use segmint::job::{DuplicateIds, Feature, Missing, Scale, Transform};
use segmint::source::{Request, ScanSettings, Source};

use crate::table::{ONE_READ, Random, TWO_READS, Table, coordinates, job, plain};

/// A coordinate in scaled units.
fn scaled(loaded: &segmint::features::Loaded, row: usize, feature: usize) -> f64 {
    coordinates(loaded, row)[feature] as f64 * loaded.features.grid.step()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-5
}

#[test]
fn each_scaling_divides_by_its_spread_and_centres_by_the_mean() {
    let values = [1.0, 2.0, 4.0, 8.0, 10.0];
    let table = Table::new(5).with("x", values);
    // Mean 5; population standard deviation sqrt(12); quartiles 2 and 8; range 9.
    for (scale, spread) in
        [(Scale::Standard, 12f64.sqrt()), (Scale::Robust, 6.0), (Scale::MinMax, 9.0), (Scale::None, 1.0)]
    {
        for weight in [1.0, 3.0] {
            let loaded = table.load(&job(vec![Feature { scale, weight, ..Feature::plain("x") }])).unwrap();
            for (row, value) in values.iter().enumerate() {
                assert!(close(scaled(&loaded, row, 0), weight * (value - 5.0) / spread), "{scale:?}, {value}");
                assert!(close(loaded.features.show(0, coordinates(&loaded, row)[0]), *value));
            }
        }
    }
}

#[test]
fn transforms_come_before_scaling_and_are_undone_for_showing() {
    let values = [0.0, 3.0, 15.0];
    let table = Table::new(3).with("x", values);
    let clip = Transform::Clip { low: 1.0, high: 10.0 };
    let clipped = [1.0, 3.0, 10.0];
    let logs = values.map(libm::log1p);
    let roots = values.map(f64::sqrt);
    for (transform, expected, shown) in
        [(Transform::Log1p, logs, values), (Transform::Sqrt, roots, values), (clip, clipped, clipped)]
    {
        let feature = Feature { transform, scale: Scale::None, ..Feature::plain("x") };
        let loaded = table.load(&job(vec![feature])).unwrap();
        let mean = expected.iter().sum::<f64>() / 3.0;
        for row in 0..3 {
            assert!(close(scaled(&loaded, row, 0), expected[row] - mean), "{transform:?}");
            assert!((loaded.features.show(0, coordinates(&loaded, row)[0]) - shown[row]).abs() < 1e-3);
        }
    }
}

#[test]
fn missing_values_are_replaced_before_the_transform() {
    let gaps = [Some(3.0), None, Some(0.0), Some(f64::NAN), Some(f64::INFINITY), Some(24.0)];
    let table = Table::new(6).with_gaps("x", gaps);
    for memory in [ONE_READ, TWO_READS] {
        for (missing, fill) in [(Missing::Mean, 9.0), (Missing::Median, 3.0), (Missing::Number(8.0), 8.0)] {
            let feature = Feature { missing, transform: Transform::Sqrt, scale: Scale::None, ..Feature::plain("x") };
            let mut job = job(vec![feature]);
            job.engine.memory = memory;
            let loaded = table.load(&job).unwrap();
            let roots = [3.0, fill, 0.0, fill, fill, 24.0].map(f64::sqrt);
            let mean = roots.iter().sum::<f64>() / 6.0;
            for (row, root) in roots.iter().enumerate() {
                assert!(close(scaled(&loaded, row, 0), root - mean), "{missing:?}");
            }
            assert_eq!(loaded.features.features[0].fill, Some(fill));
            assert_eq!(loaded.features.features[0].imputed, 3);
        }
    }
}

#[test]
fn dropped_rows_are_counted_once_by_the_first_feature_that_drops_them() {
    let table = Table::new(5)
        .with_gaps("a", [Some(1.0), None, Some(2.0), None, Some(5.0)])
        .with_gaps("b", [Some(1.0), None, None, Some(4.0), Some(6.0)])
        .with_gaps("c", [Some(1.0), None, None, None, Some(-3.0)]);
    let dropping = |name: &str| Feature { missing: Missing::Drop, ..Feature::plain(name) };
    let mut job = job(vec![dropping("a"), dropping("b"), Feature::plain("c")]);
    let loaded = table.load(&job).unwrap();
    assert_eq!((loaded.rows.read, loaded.rows.kept), (5, 2));
    let dropped = [("no value in column \"a\"".to_string(), 2), ("no value in column \"b\"".to_string(), 1)];
    assert_eq!(loaded.rows.dropped, dropped);
    assert_eq!(loaded.matrix.n_rows(), 2);

    // A later read of the same columns keeps the same rows.
    let folder = tempfile::tempdir().unwrap();
    table.write(&folder.path().join("t.parquet"), 100);
    job.source.path = folder.path().display().to_string();
    let observe = segmint::observe::Observe::default();
    let source = Source::open(&job.source, &observe).unwrap();
    let coded: Vec<usize> = loaded.features.columns().map(|name| source.column(name).unwrap()).collect();
    let settings = ScanSettings { chunk_rows: 100, memory: 1 << 20 };
    let mut kept = None;
    source
        .scan(&Request { coded, ids: true, ..Request::default() }, &settings, &observe, &mut |batches| {
            kept = loaded.features.kept(&batches[0]);
            Ok(())
        })
        .unwrap();
    assert_eq!(kept, Some(vec![true, false, false, false, true]));
}

#[test]
fn without_features_every_numeric_column_but_id_and_weight_is_one() {
    let table = Table::new(4).with("b", [1.0, 2.0, 3.0, 5.0]).with("w", [1.0; 4]).with("a", [4.0, 3.0, 1.0, 1.0]);
    let mut job = job(Vec::new());
    job.source.sample_weight = Some("w".into());
    let loaded = table.load(&job).unwrap();
    assert_eq!(loaded.features.columns().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(loaded.matrix.weights(), Some(&[1u16; 4][..]));
}

#[test]
fn constant_columns_count_for_nothing_and_are_named() {
    let table = Table::new(3).with("x", [1.0, 2.0, 4.0]).with("same", [0.1; 3]).with("also", [-5.0; 3]);
    let (loaded, warnings) = table.load_in(&job(plain(&["x", "same", "also"])), &[3], 10);
    let loaded = loaded.unwrap();
    for row in 0..3 {
        assert_eq!(coordinates(&loaded, row)[1..], [0, 0]);
    }
    assert_eq!(loaded.features.show(1, 0), 0.1);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("\"same\", \"also\""), "{warnings:?}");
}

#[test]
fn all_rows_equal_load_to_zeros() {
    for memory in [ONE_READ, TWO_READS] {
        let mut job = job(plain(&["x", "y"]));
        job.engine.memory = memory;
        let loaded = Table::new(130).with("x", [1e9; 130]).with("y", [-3.3; 130]).load(&job).unwrap();
        assert_eq!(loaded.matrix.facts().squares, 0);
        assert!((0..130).all(|row| coordinates(&loaded, row) == [0, 0]));
        let one = Table::new(1).with("x", [5.0]).with("y", [6.0]).load(&job).unwrap();
        assert_eq!(coordinates(&one, 0), [0, 0]);
    }
}

#[test]
fn an_interquartile_range_of_zero_scales_by_one_and_is_named() {
    let values = (0..100).map(|i| if i < 90 { 2.0 } else { 2.0 + f64::from(i) });
    let table = Table::new(100).with("x", values);
    let feature = Feature { scale: Scale::Robust, ..Feature::plain("x") };
    let (loaded, warnings) = table.load_in(&job(vec![feature]), &[100], 100);
    let loaded = loaded.unwrap();
    assert_eq!(loaded.features.features[0].factor, 1.0);
    assert!(warnings.iter().any(|w| w.contains("\"x\"") && w.contains("interquartile")), "{warnings:?}");
}

#[test]
fn a_feature_on_few_steps_is_named() {
    let mut random = Random(1);
    let wide: Vec<f64> = (0..500).map(|_| 1e7 * random.unit()).collect();
    let narrow: Vec<f64> = (0..500).map(|_| random.unit()).collect();
    let features = plain(&["wide", "narrow"]).into_iter().map(|f| Feature { scale: Scale::None, ..f }).collect();
    let (_, warnings) = Table::new(500).with("wide", wide).with("narrow", narrow).load_in(&job(features), &[500], 500);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("\"narrow\" is narrow beside the others"), "{warnings:?}");
}

#[test]
fn wide_rows_keep_their_true_coordinates() {
    let mut random = Random(2);
    let mut values: Vec<f64> = (0..5000).map(|_| random.unit()).collect();
    // Beyond the coarsest range, once as far as quarters of the step still tell, once farther.
    values[77] = 60.0;
    values[4001] = -1e6;
    let table = Table::new(5000).with("x", values.clone()).with("y", (0..5000).map(|i| f64::from(i % 7)));
    for memory in [ONE_READ, TWO_READS] {
        let mut job = job(plain(&["x", "y"]).into_iter().map(|f| Feature { scale: Scale::None, ..f }).collect());
        job.features[0].transform = Transform::Clip { low: -1e5, high: 1e5 };
        job.features[0].weight = 0.125;
        job.engine.memory = memory;
        let loaded = table.load(&job).unwrap();
        let WideRows { rows, coordinates } = loaded.matrix.wide().clone();
        assert!(rows.contains(&4001), "{rows:?}");
        for (row, place) in rows.iter().zip(coordinates.chunks(2)) {
            let row = *row as usize;
            assert!(place[0].abs() >= WIDE);
            assert_eq!(loaded.features.grid_row(&[values[row], (row % 7) as f64]).unwrap(), place);
            assert!(loaded.matrix.is_wide(row));
        }
    }
}

#[test]
fn weights_are_integers_on_a_step_of_their_own() {
    let weights = |weights: [f64; 4]| {
        let mut job = job(plain(&["x"]));
        job.source.sample_weight = Some("w".into());
        let loaded = [ONE_READ, TWO_READS].map(|memory| {
            job.engine.memory = memory;
            Table::new(4).with("x", [1.0, 2.0, 4.0, 9.0]).with("w", weights).load(&job).unwrap()
        });
        assert_eq!(loaded[0].matrix.weights(), loaded[1].matrix.weights());
        loaded[0].matrix.weights().map(<[u16]>::to_vec)
    };
    assert_eq!(weights([0.0, 1.0, 65_535.0, 2.0]), Some(vec![0, 1, 65_535, 2]));
    assert_eq!(weights([0.5, 1.0, 0.0, 0.25]), Some(vec![1 << 14, 1 << 15, 0, 1 << 13]));
    assert_eq!(weights([1e6, 2e6, 0.0, 3e6]), Some(vec![15_625, 31_250, 0, 46_875]));
}

#[test]
fn repeated_ids_are_refused_unless_the_job_keeps_them() {
    let mut table = Table::new(300).with("x", (0..300).map(f64::from));
    table.ids[222] = table.ids[7];
    let mut job = job(plain(&["x"]));
    let error = table.load(&job).unwrap_err();
    assert_eq!((error.kind().exit_code(), error.place().row), (65, Some(222)), "{error}");
    job.source.duplicate_ids = DuplicateIds::Keep;
    assert_eq!(table.load(&job).unwrap().matrix.n_rows(), 300);
    job.source.duplicate_ids = DuplicateIds::Refuse;
    job.source.id = None;
    assert_eq!(table.load(&job).unwrap().matrix.n_rows(), 300);
}
