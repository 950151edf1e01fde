//! What must not change a grid value.

use segmint::job::{Feature, Job, Missing, Scale, Transform};

use crate::table::{Random, TWO_READS, Table, assert_same, by_key, job, plain};

const N_ROWS: usize = 9_000;

/// Skewed columns with gaps, far outliers, few values and a constant, and weights with zeros.
fn customers() -> Table {
    let mut random = Random(5);
    let mut column = |of: &mut dyn FnMut(&mut Random) -> Option<f64>| -> Vec<Option<f64>> {
        (0..N_ROWS).map(|_| of(&mut random)).collect()
    };
    let spend = column(&mut |r| Some(40.0 * libm::exp(3.0 * (r.unit() + r.unit() + r.unit()) - 4.0)));
    let visits = column(&mut |r| Some(libm::floor(9.0 * r.unit() * r.unit())));
    let age = column(&mut |r| (r.below(40) > 0).then(|| 18.0 + libm::floor(60.0 * r.unit())));
    let rate = column(&mut |r| (r.below(30) > 0).then(|| libm::floor(100.0 * r.unit() * r.unit()) / 100.0));
    let tenure = column(&mut |r| (r.below(50) > 0).then(|| if r.below(3000) == 0 { 1e12 } else { 1000.0 * r.unit() }));
    let balance = column(&mut |r| Some(1e9 + 1e6 * (r.unit() - 0.5) * if r.below(700) == 0 { 300.0 } else { 1.0 }));
    let weight = column(&mut |r| Some(if r.below(20) == 0 { 0.0 } else { 0.5 + r.unit() }));
    let same = vec![Some(7.5); N_ROWS];
    Table::new(N_ROWS)
        .with_gaps("spend", spend)
        .with_gaps("visits", visits)
        .with_gaps("age", age)
        .with_gaps("rate", rate)
        .with_gaps("tenure", tenure)
        .with_gaps("balance", balance)
        .with_gaps("same", same)
        .with_gaps("weight", weight)
}

/// Every transform, scaling and way with missing values at once.
fn all_settings() -> Vec<Feature> {
    vec![
        Feature { transform: Transform::Log1p, ..Feature::plain("spend") },
        Feature { scale: Scale::Robust, transform: Transform::Sqrt, weight: 2.5, ..Feature::plain("visits") },
        Feature { missing: Missing::Median, scale: Scale::MinMax, ..Feature::plain("age") },
        Feature { missing: Missing::Mean, scale: Scale::Robust, transform: Transform::Log1p, ..Feature::plain("rate") },
        Feature { missing: Missing::Drop, scale: Scale::Robust, ..Feature::plain("tenure") },
        Feature { transform: Transform::Clip { low: 9e8, high: 1.2e9 }, ..Feature::plain("balance") },
        Feature { missing: Missing::Number(0.0), ..Feature::plain("rate") },
        Feature { scale: Scale::Robust, ..Feature::plain("same") },
    ]
}

fn weighted() -> Job {
    let mut job = job(all_settings());
    job.source.sample_weight = Some("weight".into());
    job
}

#[test]
fn files_row_groups_chunks_memory_and_threads_change_nothing() {
    let table = customers();
    let job = weighted();
    let (whole, warnings) = table.load_in(&job, &[N_ROWS], N_ROWS);
    let whole = whole.unwrap();
    assert!(!whole.matrix.wide().rows.is_empty(), "the data has wide rows");
    assert!(whole.rows.dropped[0].1 > 100 && whole.rows.kept + whole.rows.dropped[0].1 == N_ROWS as u64);
    for memory in [job.engine.memory, TWO_READS] {
        for (files, row_group, chunk) in
            [(vec![N_ROWS], 1000, 64), (vec![1, 63, 4000, 65, 4871], 777, 100), (vec![4500, 4500], 4500, usize::MAX)]
        {
            let mut job = job.clone();
            job.engine.memory = memory;
            job.engine.chunk_rows = chunk;
            let (other, other_warnings) = table.load_in(&job, &files, row_group);
            assert_same(&other.unwrap(), &whole);
            assert_eq!(other_warnings, warnings);
        }
    }
    let written_out = Table { without_dictionaries: true, ..table.clone() };
    for memory in [job.engine.memory, TWO_READS] {
        let mut job = job.clone();
        job.engine.memory = memory;
        let (other, other_warnings) = written_out.load_in(&job, &[5000, 4000], N_ROWS);
        assert_same(&other.unwrap(), &whole);
        assert_eq!(other_warnings, warnings);
    }
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_same(&pool.install(|| table.load(&job)).unwrap(), &whole);
    }
}

#[test]
fn the_order_of_rows_changes_no_customers_values() {
    let table = customers();
    let job = weighted();
    let expected = table.load(&job).unwrap();
    let shuffled = table.rows(&Random(11).shuffled(N_ROWS)).load(&job).unwrap();
    assert_eq!(shuffled.features, expected.features);
    assert_eq!(by_key(&shuffled), by_key(&expected));
    assert_eq!(shuffled.matrix.facts(), expected.matrix.facts());
}

#[test]
fn rows_without_weight_change_no_other_rows_values() {
    let table = customers();
    let job = weighted();
    let all = table.load(&job).unwrap();
    let weights = &table.columns.iter().find(|(name, _)| name == "weight").unwrap().1;
    let counting: Vec<usize> = (0..N_ROWS).filter(|row| weights[*row] != Some(0.0)).collect();
    let some = table.rows(&counting).load(&job).unwrap();
    let mut rows = by_key(&all);
    rows.retain(|(_, weight, _)| *weight > 0);
    assert!(rows.len() < by_key(&all).len());
    assert_eq!(by_key(&some), rows);
    assert_eq!(some.matrix.facts().weight, all.matrix.facts().weight);
    assert_eq!(some.matrix.facts().columns, all.matrix.facts().columns);
}

#[test]
fn one_row_scored_alone_gets_the_coordinates_it_was_loaded_with() {
    let table = customers();
    let job = weighted();
    let loaded = table.load(&job).unwrap();
    let columns: Vec<&Vec<Option<f64>>> = loaded
        .features
        .columns()
        .map(|name| &table.columns.iter().find(|(other, _)| other == name).unwrap().1)
        .collect();
    let kept = (0..N_ROWS).filter(|row| columns[4][*row].is_some());
    for (row, original) in kept.enumerate() {
        let values: Vec<f64> = columns.iter().map(|column| column[original].unwrap_or(f64::NAN)).collect();
        assert_eq!(loaded.features.grid_row(&values).unwrap(), crate::table::coordinates(&loaded, row));
    }
}

/// Columns whose values are few binary places wide, so that the shifts below are exact.
fn exact_columns() -> Table {
    let mut random = Random(3);
    let mut column = |scale: f64, skew: i32| -> Vec<f64> {
        (0..N_ROWS).map(|_| libm::floor(scale * libm::pow(random.unit(), f64::from(skew))) / 1024.0).collect()
    };
    Table::new(N_ROWS).with("a", column(1e6, 1)).with("b", column(1e5, 4)).with("c", column(50.0, 2))
}

#[test]
fn an_offset_that_is_exact_changes_no_grid_value() {
    let table = exact_columns();
    for scale in [Scale::Standard, Scale::Robust, Scale::MinMax, Scale::None] {
        let job = job(plain(&["a", "b", "c"]).into_iter().map(|f| Feature { scale, ..f }).collect());
        let expected = table.load(&job).unwrap();
        for offset in [1e9, -1e9, 3.0e10] {
            let shifted = table.map(|_, v| v + offset);
            assert_eq!(shifted.map(|_, v| v - offset).columns, table.columns, "the shift is exact");
            let loaded = shifted.load(&job).unwrap();
            assert_eq!(by_key(&loaded), by_key(&expected), "{scale:?} shifted by {offset}");
            assert_eq!(loaded.features.grid, expected.features.grid);
        }
    }
}

#[test]
fn units_of_another_power_of_two_change_no_grid_value() {
    let table = exact_columns();
    for scale in [Scale::Standard, Scale::Robust, Scale::MinMax] {
        let job = job(plain(&["a", "b", "c"]).into_iter().map(|f| Feature { scale, ..f }).collect());
        let expected = table.load(&job).unwrap();
        for (power, name) in [(300, "a"), (-700, "b"), (1, "c")] {
            let loaded = table.map(|n, v| if n == name { libm::scalbn(v, power) } else { v }).load(&job).unwrap();
            assert_eq!(by_key(&loaded), by_key(&expected), "{scale:?}: {name} times 2^{power}");
        }
    }
    // Without scaling the grid itself goes along.
    let job = job(plain(&["a", "b", "c"]).into_iter().map(|f| Feature { scale: Scale::None, ..f }).collect());
    let (expected, loaded) = (table.load(&job).unwrap(), table.map(|_, v| v * 64.0).load(&job).unwrap());
    assert_eq!(by_key(&loaded), by_key(&expected));
    assert_eq!(loaded.features.grid.exponent, expected.features.grid.exponent + 6);
}
