//! The tuner with made-up times: what it tries, in which order, what counts, and what it settles on.

use std::cell::Cell;

use super::*;

const ALL: [Variant; 4] = [Variant::Usual, Variant::Short, Variant::Paired, Variant::Fourfold];

fn class() -> Class {
    Class::of(500_000, 10, Weights::None, 55)
}

/// Lets passes go by until the tuner has settled: `time` gives the nanoseconds of a variant in its n-th pass, over as many
/// rows times clusters as `work` says of the pass. The answer is what was walked, pass by pass, and what came of it.
fn settled(time: impl Fn(Variant, u32) -> u64, work: impl Fn(u32) -> u64) -> (Vec<Variant>, Outcome) {
    let mut tuner = Tuner::new(&BTreeMap::new());
    let mut walked = Vec::new();
    for pass in 0..100 {
        let Turn::Timed(variant) = tuner.next(class(), &ALL, |_| Readiness::Ready) else { panic!("pass {pass}") };
        let before = walked.iter().filter(|&&one| one == variant).count() as u32;
        walked.push(variant);
        let nanoseconds = time(variant, before) * work(pass) / 1000;
        if let Some(outcome) = tuner.took(class(), variant, nanoseconds, work(pass)) {
            assert_eq!(tuner.next(class(), &ALL, |_| Readiness::Ready), Turn::Untimed(outcome.chosen));
            return (walked, outcome);
        }
    }
    panic!("never settled");
}

fn constant(_: u32) -> u64 {
    2_500_000
}

/// Picoseconds per row and cluster.
fn fixed(usual: u64, short: u64, paired: u64, fourfold: u64) -> impl Fn(Variant, u32) -> u64 {
    move |variant, _| match variant {
        Variant::Usual => usual,
        Variant::Short => short,
        Variant::Paired => paired,
        _ => fourfold,
    }
}

#[test]
fn the_fastest_is_taken_after_three_passes_of_each() {
    let (walked, outcome) = settled(fixed(1000, 900, 800, 1100), constant);
    assert_eq!(outcome.chosen, Variant::Paired);
    assert_eq!(walked.len(), 12);
    for variant in ALL {
        assert_eq!(walked.iter().filter(|&&one| one == variant).count(), 3, "{variant:?}");
    }
    // There and back again.
    assert_eq!(walked[..4], ALL);
    assert!(walked[4..8].iter().eq(ALL.iter().rev()));
}

#[test]
fn the_first_pass_of_a_variant_does_not_count() {
    let slow_at_first =
        |variant, before| if before == 0 { 90_000 } else { fixed(1000, 900, 800, 1100)(variant, before) };
    let (walked, outcome) = settled(slow_at_first, constant);
    assert_eq!((outcome.chosen, walked.len()), (Variant::Paired, 12));
    // Nor does one that is too good to be true.
    let quick_at_first = |variant, before| match (variant, before) {
        (Variant::Fourfold, 0) => 1,
        _ => fixed(1000, 900, 800, 1100)(variant, before),
    };
    assert_eq!(settled(quick_at_first, constant).1.chosen, Variant::Paired);
}

#[test]
fn one_that_takes_much_longer_is_not_tried_again() {
    let (walked, outcome) = settled(fixed(1000, 2500, 800, 3000), constant);
    assert_eq!(outcome.chosen, Variant::Paired);
    for (variant, passes) in [(Variant::Usual, 3), (Variant::Short, 2), (Variant::Paired, 3), (Variant::Fourfold, 2)] {
        assert_eq!(walked.iter().filter(|&&one| one == variant).count(), passes, "{variant:?}");
    }
    // Where nothing else is left, the trial is over.
    let (walked, outcome) = settled(fixed(1000, 2500, 2100, 3000), constant);
    assert_eq!((outcome.chosen, walked.len()), (Variant::Usual, 8));
}

#[test]
fn a_tie_goes_to_the_usual_variant() {
    assert_eq!(settled(fixed(1000, 1000, 1000, 1000), constant).1.chosen, Variant::Usual);
    assert_eq!(settled(fixed(1000, 940, 950, 1000), constant).1.chosen, Variant::Usual);
    assert_eq!(settled(fixed(1000, 930, 950, 1000), constant).1.chosen, Variant::Short);
}

#[test]
fn one_disturbed_pass_decides_nothing() {
    for disturbed in ALL {
        for pass in 1..3 {
            let time = |variant, before| {
                let quiet = fixed(1000, 1100, 800, 1200)(variant, before);
                if variant == disturbed && before == pass { 50 * quiet } else { quiet }
            };
            let chosen = settled(time, constant).1.chosen;
            // One that seems slow in its first pass that counts is not looked at again; never is a slower one taken.
            let right = if disturbed == Variant::Paired && pass == 1 { Variant::Usual } else { Variant::Paired };
            assert_eq!(chosen, right, "{disturbed:?} in pass {pass}");
        }
    }
}

#[test]
fn noise_of_a_few_percent_changes_nothing() {
    for seed in 0..200u64 {
        // 0 to 5 %, another one for each pass and variant.
        let noisy = |time: u64, variant: Variant, before: u32| {
            let word = (seed * 31 + u64::from(before) * 7 + variant as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            time * (1000 + (word >> 40) % 51) / 1000
        };
        let equal = settled(|variant, before| noisy(1000, variant, before), constant);
        assert_eq!(equal.1.chosen, Variant::Usual, "seed {seed}");
        let quick = settled(|v, before| noisy(fixed(1000, 1000, 850, 1000)(v, before), v, before), constant);
        assert_eq!(quick.1.chosen, Variant::Paired, "seed {seed}");
    }
}

#[test]
fn models_that_leave_do_not_make_a_later_variant_look_faster() {
    // The work is down to two fifths by the end; times fall with it, but for what a row costs whatever it meets.
    let shrinking = |pass: u32| 3_000_000 - u64::from(pass) * 160_000;
    let by_pass = |of: fn(Variant, u32) -> u64| {
        let pass = Cell::new(0);
        move |variant, before| {
            let work = shrinking(pass.replace(pass.get() + 1));
            of(variant, before) + 60_000 * 1000 / work
        }
    };
    assert_eq!(settled(by_pass(|_, _| 1000), shrinking).1.chosen, Variant::Usual);
    let quick = by_pass(|variant, _| if variant == Variant::Short { 800 } else { 1000 });
    assert_eq!(settled(quick, shrinking).1.chosen, Variant::Short);
    assert_eq!(settled(fixed(1000, 1000, 1000, 1000), shrinking).1.chosen, Variant::Usual);
    assert_eq!(settled(fixed(1000, 800, 1000, 1000), shrinking).1.chosen, Variant::Short);
}

#[test]
fn a_device_that_warms_up_favours_none() {
    let passes = Cell::new(0);
    // A tenth faster with each pass of the first six, and three percent after that.
    let warming = |_, _| {
        passes.set(passes.get() + 1);
        if passes.get() <= 6 { 2000 - 100 * passes.get() } else { 1400 - 5 * passes.get() }
    };
    assert_eq!(settled(warming, constant).1.chosen, Variant::Usual);
}

#[test]
fn while_kernels_are_compiled_the_usual_one_walks_and_nothing_is_timed() {
    let mut tuner = Tuner::new(&BTreeMap::new());
    let underway = |variant| if variant == Variant::Paired { Readiness::Underway } else { Readiness::Ready };
    for _ in 0..50 {
        assert_eq!(tuner.next(class(), &ALL, underway), Turn::Untimed(Variant::Usual));
    }
    // One that the driver refuses is left out.
    let refused = |variant| if variant == Variant::Paired { Readiness::Refused } else { Readiness::Ready };
    let mut seen = Vec::new();
    while let Turn::Timed(variant) = tuner.next(class(), &ALL, refused) {
        seen.push(variant);
        tuner.took(class(), variant, 1000, 1);
    }
    assert!(seen.len() == 9 && !seen.contains(&Variant::Paired), "{seen:?}");
    // Where all others are refused there is nothing to try.
    let mut tuner = Tuner::new(&BTreeMap::new());
    assert_eq!(tuner.next(class(), &ALL, |_| Readiness::Refused), Turn::Untimed(Variant::Usual));
    assert_eq!(tuner.next(class(), &ALL, |_| Readiness::Ready), Turn::Untimed(Variant::Usual));
}

#[test]
fn a_clock_that_says_nothing_ends_with_the_usual_variant() {
    let (walked, outcome) = settled(|_, _| 0, constant);
    assert_eq!((outcome.chosen, walked.len()), (Variant::Usual, 12));
    // Nothing is known of the usual one: then nothing is known.
    let (_, outcome) = settled(|variant, _| if variant == Variant::Usual { 0 } else { 500 }, constant);
    assert_eq!(outcome.chosen, Variant::Usual);
}

#[test]
fn what_an_earlier_run_found_is_walked_with_and_never_timed() {
    let mut tuner = Tuner::new(&BTreeMap::from([(class(), Variant::Short)]));
    assert_eq!(tuner.wants(class(), &ALL), [Variant::Short]);
    assert_eq!(tuner.next(class(), &ALL, |_| Readiness::Underway), Turn::Untimed(Variant::Usual));
    for _ in 0..20 {
        assert_eq!(tuner.next(class(), &ALL, |_| Readiness::Ready), Turn::Untimed(Variant::Short));
        assert_eq!(tuner.took(class(), Variant::Short, 1, 1), None);
    }
    assert_eq!(tuner.known(class()), Variant::Short);
    // Another class has a trial of its own.
    let other = Class::of(500_000, 11, Weights::None, 60);
    assert_eq!(tuner.known(other), Variant::Usual);
    assert_eq!(tuner.wants(other, &ALL), ALL);
    assert_eq!(tuner.next(other, &ALL, |_| Readiness::Ready), Turn::Timed(Variant::Usual));
}

#[test]
fn passes_of_one_class_have_the_same_variants_to_choose_from() {
    let class = |n, words| Class::of(n, 10, Weights::None, words);
    assert_eq!(class(500_000, 55), class(500_000, 1024));
    assert_ne!(class(500_000, 1024), class(500_000, 1025));
    assert_eq!(class(500_000, 1025), class(500_000, 2048));
    assert_ne!(class(500_000, 2048), class(500_000, 2049));
    assert_eq!(class(1 << 18, 55), class((1 << 20) - 1, 55));
    assert_ne!(class(1 << 18, 55), class(1 << 20, 55));
    assert_ne!(class(0, 55), Class::of(0, 10, Weights::Given, 55));
}
