//! The way of rows to the device: whichever it is, they arrive, and what they go through on the way is never larger than
//! the ring.

use segmint::engine::Engine;
use segmint::engine::gpu::staging::{SLOTS, Uploads};
use segmint::engine::gpu::{AdapterInfo, GpuEngine, GpuSettings, Limits};

use crate::adapters::on_every_adapter;
use crate::cases;
use crate::equality::compare;

const SLOT_BYTES: u64 = 4096;

fn settings(adapter: &AdapterInfo, uploads: Uploads, resident_bytes: u64) -> GpuSettings {
    let usual = GpuSettings::of(&adapter.device, 1 << 30);
    // Chunks of two panels of ten features, so that there are many.
    let limits = Limits { slot_bytes: SLOT_BYTES, binding_bytes: 2 * 2560, resident_bytes, ..usual.limits };
    GpuSettings { limits, uploads, ..usual }
}

#[test]
fn rows_go_through_a_ring_of_a_few_buffers_or_straight_to_their_place() {
    on_every_adapter(|adapter| {
        for case in [cases::plain(10, &[5, 3, 300], 3000), cases::weighted(10, 700)] {
            // All chunks stay, some do, none does.
            for resident_bytes in [1 << 30, 20_000, 0] {
                let uploaded = [Uploads::Straight, Uploads::Ring].map(|uploads| {
                    let mut engine = GpuEngine::open(adapter, settings(adapter, uploads, resident_bytes)).unwrap();
                    compare(&mut engine, &case).unwrap_or_else(|what| panic!("{what}, {uploads:?}, {resident_bytes}"));
                    let counters = engine.counters();
                    let most = SLOTS as u64 * SLOT_BYTES;
                    assert!(counters.staging_bytes <= most, "{} bytes in the ring", counters.staging_bytes);
                    // Every one of these adapters works in the host's memory; OpenGL offers no mapping of it.
                    let is_straight = uploads == Uploads::Straight && adapter.device.backend == "Vulkan";
                    let needs_none = is_straight && engine.holds_all();
                    assert_eq!(counters.staging_bytes == 0, needs_none, "{uploads:?}, {resident_bytes}");
                    counters.bytes_uploaded
                });
                assert_eq!(uploaded[0], uploaded[1], "the same bytes either way");
            }
        }
    });
}

#[test]
fn a_large_table_takes_no_more_of_the_ring_than_there_is() {
    on_every_adapter(|adapter| {
        let case = cases::plain(10, &[2], 4000);
        let limits = Limits { slot_bytes: SLOT_BYTES, ..Limits::of(adapter.device.kind, 1 << 30) };
        let usual = GpuSettings::of(&adapter.device, 1 << 30);
        let mut engine = GpuEngine::open(adapter, GpuSettings { limits, uploads: Uploads::Ring, ..usual }).unwrap();
        engine.load(case.matrix.clone()).unwrap();
        let counters = engine.counters();
        // One chunk of 63 panels in forty pieces.
        assert_eq!(counters.staging_bytes, SLOTS as u64 * SLOT_BYTES);
        assert!(counters.bytes_uploaded >= 63 * 2560 && counters.submits >= 40, "{counters:?}");
        compare(&mut engine, &case).unwrap();
    });
}
