//! Random numbers that are a function of what they are for: (seed, restart, step, which). No state, so nothing can be
//! drawn twice or in another order.

/// A finaliser with full avalanche (the constants of SplitMix64, Steele, Lea and Flood 2014).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn word(parts: [u64; 4]) -> u64 {
    parts.iter().fold(0, |state, &part| mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ mix(part)))
}

/// An integer in 0..total, uniform to one part in 2^32 or better for totals below 2^96; `total` is positive.
pub(super) fn below(total: u128, seed: u64, restart: u32, step: u32, which: u32) -> u128 {
    let draw =
        |half: u64| u128::from(word([seed, u64::from(restart), u64::from(step), (u64::from(which) << 1) | half]));
    let (high, low) = (draw(0), draw(1));
    // The upper half of the 256-bit product of a 128-bit fraction and the total.
    let (total_high, total_low) = (total >> 64, total & u128::from(u64::MAX));
    let middle = high * total_low + ((low * total_low) >> 64);
    let cross = low * total_high + (middle & u128::from(u64::MAX));
    high * total_high + (middle >> 64) + (cross >> 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_lie_below_the_total_and_fill_it_evenly() {
        let mut counts = [0u32; 7];
        for step in 0..7_000 {
            counts[below(7, 42, 3, step, 1) as usize] += 1;
        }
        assert!(counts.iter().all(|&c| (850..1150).contains(&c)), "{counts:?}");
        for total in [1, u128::from(u64::MAX) + 7, 1 << 90] {
            assert!((0..100).all(|step| below(total, 1, 0, step, 0) < total));
        }
    }

    #[test]
    fn restarts_draw_differently() {
        let draws: std::collections::BTreeSet<u128> =
            (0..100).map(|restart| below(1 << 80, 42, restart, 0, 0)).collect();
        assert_eq!(draws.len(), 100);
    }
}
