//! What a pass costs, counted where the device is talked to: dispatches, submits, waits, bytes of the matrix that kernels
//! are sent over, bytes read back. These figures are the same on every adapter, whatever its speed.

use segmint::engine::gpu::limits::WORKGROUP_WORDS;
use segmint::engine::gpu::{AdapterInfo, GpuEngine, GpuSettings, Limits};
use segmint::engine::{Counters, Engine};
use segmint::grid::Centroids;

use crate::adapters::on_every_adapter;
use crate::cases;
use crate::suite::{Case, Kind, sized_case};

/// k = 2..10, each so many times: a sweep with restarts.
fn sweep(restarts: usize) -> Vec<usize> {
    (0..restarts).flat_map(|_| 2..=10).collect()
}

fn usual(adapter: &AdapterInfo) -> GpuSettings {
    GpuSettings::of(&adapter.device, 1 << 30)
}

/// What one pass over a case adds to the counters.
fn one_pass(adapter: &AdapterInfo, settings: GpuSettings, case: &Case) -> Counters {
    let mut engine = GpuEngine::open(adapter, settings).unwrap();
    engine.load(case.matrix.clone()).unwrap();
    let before = engine.counters();
    engine.step(&case.models).unwrap();
    let after = engine.counters();
    Counters {
        model_passes: after.model_passes - before.model_passes,
        near_ties: after.near_ties - before.near_ties,
        wide_rows: after.wide_rows - before.wide_rows,
        passed_over: after.passed_over - before.passed_over,
        dispatches: after.dispatches - before.dispatches,
        submits: after.submits - before.submits,
        bytes_uploaded: after.bytes_uploaded - before.bytes_uploaded,
        staging_bytes: after.staging_bytes,
        device_nanoseconds: after.device_nanoseconds - before.device_nanoseconds,
        readbacks: after.readbacks - before.readbacks,
        bytes_read_back: after.bytes_read_back - before.bytes_read_back,
        matrix_bytes_read: after.matrix_bytes_read - before.matrix_bytes_read,
    }
}

fn clusters(models: &[Centroids]) -> u64 {
    models.iter().map(|model| model.n_clusters() as u64).sum()
}

/// Two words per sum and row count, a word per near tie, and little else.
fn readback_max(case: &Case, near_ties: u64) -> u64 {
    8 * clusters(&case.models) * (case.matrix.n_features() as u64 + 1) + 4 * near_ties + 4096
}

#[test]
fn a_sweep_reads_the_matrix_as_often_as_its_sums_fill_a_workgroups_memory() {
    on_every_adapter(|adapter| {
        for restarts in [1, 2, 10] {
            let (n, d) = (3000, 10);
            let case = cases::plain(d, &sweep(restarts), n);
            let counted = one_pass(adapter, usual(adapter), &case);
            let slots = clusters(&case.models) * (d as u64 + 1);
            let reads = slots.div_ceil(u64::from(WORKGROUP_WORDS));
            assert_eq!(reads, if restarts == 10 { 2 } else { 1 });
            assert_eq!(counted.matrix_bytes_read, reads * (4 * n * d) as u64, "{restarts} restarts: {counted:?}");
            assert_eq!((counted.dispatches, counted.submits, counted.readbacks), (reads, 1, 1), "{counted:?}");
            assert_eq!(counted.model_passes, 9 * restarts as u64);
            assert!(counted.bytes_read_back <= readback_max(&case, counted.near_ties), "{counted:?}");
            println!(
                "{}: {} models, {} bytes of the matrix per row, {} read back",
                adapter.title(),
                case.models.len(),
                counted.matrix_bytes_read / n as u64,
                counted.bytes_read_back
            );
        }
    });
}

#[test]
fn chunks_and_dispatches_do_not_make_a_pass_read_more() {
    on_every_adapter(|adapter| {
        let (n, d) = (3000, 10);
        let case = cases::plain(d, &sweep(2), n);
        let panel = 64 * 10 * 4;
        let limits =
            Limits { binding_bytes: 16 * panel, dispatch_work: 1 << 20, ..Limits::of(adapter.device.kind, 1 << 30) };
        let counted = one_pass(adapter, GpuSettings { limits, ..usual(adapter) }, &case);
        assert_eq!(counted.matrix_bytes_read, (4 * n * d) as u64);
        assert!(counted.dispatches >= 3 && counted.submits == 1 && counted.readbacks == 1, "{counted:?}");
        assert!(counted.bytes_read_back <= readback_max(&case, counted.near_ties), "{counted:?}");
    });
}

#[test]
fn many_near_ties_cost_a_word_each_and_one_more_readback() {
    on_every_adapter(|adapter| {
        let mut case = cases::duplicates(3, 200);
        let more: Vec<Centroids> = (0..9).flat_map(|_| case.models.clone()).collect();
        case.models.extend(more);
        let counted = one_pass(adapter, usual(adapter), &case);
        // More than one readback holds, fewer than the list does.
        assert!(counted.near_ties > 1024 && counted.near_ties < 256 * case.models.len() as u64, "{counted:?}");
        assert_eq!((counted.dispatches, counted.submits, counted.readbacks), (1, 2, 2), "{counted:?}");
        assert!(counted.bytes_read_back <= readback_max(&case, counted.near_ties), "{counted:?}");
    });
}

#[test]
fn a_single_fit_is_one_dispatch_one_submit_and_a_small_readback() {
    on_every_adapter(|adapter| {
        let mut case = sized_case(3, Kind::Spread, 3000, 10, 5);
        case.models.truncate(1);
        let counted = one_pass(adapter, usual(adapter), &case);
        assert_eq!((counted.dispatches, counted.submits, counted.readbacks), (1, 1, 1), "{counted:?}");
        assert!(counted.bytes_read_back <= readback_max(&case, counted.near_ties), "{counted:?}");
        assert!(counted.near_ties <= 30, "{counted:?}");
    });
}
