//! The device's own time of a pass: told where the adapter has a clock and somebody asks, nothing otherwise, and the
//! answers are the same.

use segmint::engine::Engine;
use segmint::engine::gpu::faults::{BrokenClock, break_clock};
use segmint::engine::gpu::{Clock, GpuEngine, GpuSettings, Limits};

use crate::adapters::on_every_adapter;
use crate::{cases, reference};

#[test]
fn a_device_with_a_clock_tells_its_time_where_it_is_asked() {
    on_every_adapter(|adapter| {
        let case = cases::plain(10, &[5, 7], 3000);
        let usual = GpuSettings::of(&adapter.device, 1 << 30);
        let small = Limits { binding_bytes: 6 * 2560, resident_bytes: 0, ..usual.limits.clone() };
        let mut answers = Vec::new();
        for (clock, limits) in
            [(Clock::Off, usual.limits.clone()), (Clock::On, usual.limits.clone()), (Clock::On, small)]
        {
            let mut engine = GpuEngine::open(adapter, GpuSettings { clock, limits, ..usual.clone() }).unwrap();
            engine.load(case.matrix.clone()).unwrap();
            let mut before = 0;
            for _ in 0..3 {
                answers.push(engine.step(&case.models).unwrap());
                let now = engine.counters().device_nanoseconds;
                let told = clock == Clock::On && adapter.offer().has_clock;
                assert_eq!(now > before, told, "{clock:?}: {before} to {now}");
                // Three thousand rows take no second on anything.
                assert!(now - before < 1_000_000_000, "{} ns", now - before);
                before = now;
            }
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    });
}

#[test]
fn a_clock_that_cannot_be_made_is_no_clock_and_ends_nothing() {
    on_every_adapter(|adapter| {
        let case = cases::plain(10, &[5, 7], 300);
        let expected: Vec<_> = case.models.iter().map(|model| reference::step(&case.matrix, model)).collect();
        for how in [BrokenClock::Refused, BrokenClock::Panics, BrokenClock::Lost] {
            break_clock(how);
            let settings = GpuSettings { clock: Clock::On, ..GpuSettings::of(&adapter.device, 1 << 30) };
            let mut engine = GpuEngine::open(adapter, settings).unwrap();
            engine.load(case.matrix.clone()).unwrap();
            assert_eq!(engine.step(&case.models).unwrap(), expected, "{how:?}");
            assert_eq!(engine.counters().device_nanoseconds, 0, "{how:?}");
        }
    });
}
