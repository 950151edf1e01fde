//! Silhouettes on the GPU. Here alone there is a tolerance: square roots and fused products are the device's own. What
//! the host owns, how work is cut and where rows lie, must still change no bit.

use segmint::engine::cpu::CpuEngine;
use segmint::engine::gpu::faults::replace_in_shaders;
use segmint::engine::gpu::{AdapterInfo, GpuEngine, GpuSettings, Limits, adapters};
use segmint::engine::{Groups, Labelling, Neighbourhood, Neighbours};
use segmint::error::Kind;
use segmint::grid::{Grid, Matrix, WIDE};
use segmint::observe::Observe;
use segmint::quality::{Labelled, SilhouetteBudget, silhouette, silhouette_on};

use crate::adapters::on_every_adapter;
use crate::suite::Random;

struct Table {
    matrix: Matrix,
    labels: Vec<u16>,
    n_clusters: usize,
    /// Another clustering of the same rows.
    halves: Vec<u16>,
}

impl Table {
    /// Rows about k centres, some of them wide; one cluster is a single row and one has none.
    fn new(n: usize, d: usize, k: usize, wide_every: usize) -> Table {
        let random = &mut Random::new((n * 31 + d) as u64);
        let centres: Vec<Vec<i64>> = (0..k).map(|_| (0..d).map(|_| random.within(200_000)).collect()).collect();
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        for index in 0..n {
            let label = random.below(k as u64) as usize;
            let mut row: Vec<i64> = centres[label].iter().map(|c| c + random.within(50_000)).collect();
            if wide_every > 0 && index % wide_every == 5 {
                row[index % d] = random.pick(&[WIDE, -(1 << 30), 1 << 40]);
            }
            rows.push(row);
            labels.push(if index == n / 2 { k as u16 } else { label as u16 });
        }
        let keys = (0..n).map(|_| random.next()).collect();
        Table {
            matrix: Matrix::from_rows(d, &rows, None, keys),
            labels,
            n_clusters: k + 2,
            halves: (0..n).map(|row| (row / 3 % 2) as u16).collect(),
        }
    }

    fn groups(&self) -> Groups<'_> {
        let own = Labelling { labels: &self.labels, n_clusters: self.n_clusters };
        let other = Labelling { labels: &self.halves, n_clusters: 2 };
        Groups::new(&self.matrix, &[own, other])
    }

    fn ask(&self, engine: &mut dyn Neighbours, asked: &[usize]) -> Vec<Neighbourhood> {
        let groups = self.groups();
        engine.neighbourhoods(&groups, asked, &Observe::default()).unwrap()
    }
}

fn usual(adapter: &AdapterInfo) -> GpuSettings {
    GpuSettings::of(&adapter.device, 1 << 30)
}

fn tables() -> Vec<Table> {
    [(300, 1, 2, 0), (700, 3, 5, 40), (1000, 10, 4, 0), (130, 65, 3, 17), (70, 512, 2, 9)]
        .into_iter()
        .map(|(n, d, k, wide_every)| Table::new(n, d, k, wide_every))
        .collect()
}

/// d + 1 roundings of a square and a handful more, each of at most 2^-23.
fn assert_near(found: &[Neighbourhood], right: &[Neighbourhood], d: usize) {
    let error = (d + 8) as f64 / f64::from(1 << 23);
    assert_eq!(found.len(), right.len());
    for (found, right) in found.iter().zip(right) {
        for (found, right) in [(found.own, right.own), (found.other, right.other)] {
            assert_eq!(found.is_some(), right.is_some());
            let (found, right) = (found.unwrap_or(0.0), right.unwrap_or(0.0));
            // A distance of zero or nearly so is rounded to whole units, of which a step has eight at least.
            assert!((found - right).abs() <= right * error + 0.125, "{found}, not {right}");
        }
    }
}

#[test]
fn mean_distances_are_the_cpus_but_for_the_last_digits_of_f32() {
    on_every_adapter(|adapter| {
        let mut engine = GpuEngine::open(adapter, usual(adapter)).unwrap();
        for table in tables() {
            let all: Vec<usize> = (0..table.labels.len()).collect();
            let some: Vec<usize> = all.iter().copied().filter(|row| row % 7 == 5).rev().collect();
            for asked in [all, some] {
                let right = table.ask(&mut CpuEngine::new(0, None), &asked);
                assert_near(&table.ask(&mut engine, &asked), &right, table.matrix.n_features());
            }
        }
    });
}

#[test]
fn chunks_and_dispatches_change_no_bit_of_a_mean_distance() {
    on_every_adapter(|adapter| {
        let usual_limits = Limits::of(adapter.device.kind, 1 << 30);
        for table in tables() {
            let all: Vec<usize> = (0..table.labels.len()).collect();
            let expected = table.ask(&mut GpuEngine::open(adapter, usual(adapter)).unwrap(), &all);
            let panel = 64 * 4 * table.matrix.n_features().max(2) as u64;
            for limits in [
                Limits { binding_bytes: panel, ..usual_limits.clone() },
                Limits { binding_bytes: 3 * panel + 1, dispatch_work: 1, ..usual_limits.clone() },
                Limits { groups_per_dimension: 2, dispatch_work: 1 << 15, ..usual_limits.clone() },
            ] {
                let settings = GpuSettings { limits: limits.clone(), ..usual(adapter) };
                let found = table.ask(&mut GpuEngine::open(adapter, settings).unwrap(), &all);
                assert_eq!(found, expected, "{limits:?}");
            }
        }
    });
}

#[test]
fn a_silhouette_is_the_cpus_to_a_part_in_a_million() {
    let table = Table::new(2000, 10, 4, 100);
    let (labels, n_clusters) = (&table.labels[..], table.n_clusters);
    let of = Labelled { matrix: &table.matrix, grid: Grid { exponent: -14 }, labels, n_clusters };
    let budget = SilhouetteBudget { rows_exact_max: 4000, sample_rows: 0 };
    let right = silhouette(of, budget, 0, &Observe::default()).unwrap().unwrap();
    on_every_adapter(|adapter| {
        let mut engine = GpuEngine::open(adapter, usual(adapter)).unwrap();
        let found = silhouette_on(&mut engine, of, budget, &Observe::default()).unwrap().unwrap();
        assert!((found.mean / right.mean - 1.0).abs() < 1e-6, "{}, not {}", found.mean, right.mean);
        assert_eq!(found.method, right.method);
    });
}

#[test]
fn a_kernel_that_leaves_rows_out_is_noticed() {
    let Some(adapter) = adapters().into_iter().next() else {
        eprintln!("skipped: no adapter at all");
        return;
    };
    replace_in_shaders("other += 8u", "other += 16u");
    let mut engine = GpuEngine::open(&adapter, usual(&adapter)).unwrap();
    let table = Table::new(700, 3, 5, 0);
    let groups = table.groups();
    let asked: Vec<usize> = (0..700).collect();
    let error = engine.neighbourhoods(&groups, &asked, &Observe::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::DeviceFault);
    assert!(error.to_string().contains("audited rows"), "{error}");
}
