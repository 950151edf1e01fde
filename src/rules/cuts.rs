//! Where a column may be cut in two: at numbers that people can remember, close to the ranks that divide the sample into
//! equal parts. A rule learnt from a sample says nothing about the digits behind the first few, so they are not made up.

/// Cuts of a column, at most.
pub(super) const CUTS_MAX: usize = 255;

/// The cuts of a column, ascending, from the values of the sample. Between two of them lie values of the sample, and
/// some lie on either side of all.
pub(super) fn cuts(values: &[f64]) -> Vec<f64> {
    // Zero has two signs and one meaning.
    let mut sorted: Vec<f64> = values.iter().map(|value| value + 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut distinct = sorted.clone();
    distinct.dedup();
    let mut cuts: Vec<f64> = if distinct.len() <= CUTS_MAX + 1 {
        distinct.windows(2).map(|pair| roundest(pair[0], pair[1])).collect()
    } else {
        let (n, parts) = (sorted.len(), CUTS_MAX + 1);
        // A quarter of the way to the next cut on either side.
        let slack = n / (4 * parts);
        let at = |part: usize| {
            let rank = part * n / parts;
            let (low, high) = (sorted[rank.saturating_sub(slack + 1)], sorted[(rank + slack).min(n - 1)]);
            if low < high {
                return Some(roundest(low, high));
            }
            let above = sorted[sorted.partition_point(|value| *value <= low)..].first()?;
            Some(roundest(low, *above))
        };
        (1..parts).filter_map(at).collect()
    };
    cuts.dedup();
    cuts
}

/// The number of the fewest digits that is at least `low` and below `high`, and of these the one nearest to the middle.
pub(super) fn roundest(low: f64, high: f64) -> f64 {
    let size = low.abs().max(high.abs());
    let middle = low + (high - low) / 2.0;
    let mut exponent = libm::floor(libm::log10(size)) as i32 + 1;
    // No f64 has more digits than these.
    for _ in 0..=18 {
        let unit = decimal(1.0, exponent);
        let (first, last) = (libm::ceil(low / unit), libm::ceil(high / unit) - 1.0);
        // Division rounds, so that the neighbours of what it says are looked at too.
        let nearest = libm::rint(middle / unit).clamp(first, last.max(first));
        for digits in [nearest, nearest - 1.0, nearest + 1.0] {
            let value = decimal(digits, exponent);
            if low <= value && value < high {
                return value;
            }
        }
        exponent -= 1;
    }
    low
}

/// The f64 nearest to digits · 10^exponent, where the digits are a whole number.
fn decimal(digits: f64, exponent: i32) -> f64 {
    // What is too large to be a number is refused by every comparison.
    format!("{digits:.0}e{exponent}").parse().unwrap_or(f64::NAN) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roundest_number_between_two_has_the_fewest_digits() {
        for (low, high, expected) in [
            (12.4, 57.1, 30.0),
            (3.0, 4.0, 3.0),
            (3.5, 4.5, 4.0),
            (1234.2, 1239.9, 1237.0),
            (-5.0, 7.0, 0.0),
            (0.0, 1e-9, 0.0),
            (-4.0, -3.0, -4.0),
            (0.1234, 0.1236, 0.1235),
            (99.5, 101.0, 100.0),
            (1e15, 1e15 + 1.0, 1e15),
            (5e-324, 1e-323, 5e-324),
            (1e99, 9e99, 5e99),
        ] {
            assert_eq!(roundest(low, high), expected, "{low} {high}");
        }
    }

    #[test]
    fn what_is_found_always_lies_between() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from_bits(0x3ff0_0000_0000_0000 | state >> 12) - 1.5
        };
        for round in 0..20_000 {
            let scale = 10f64.powi(round % 40 - 20);
            let (a, b) = (next() * scale, next() * scale);
            let (low, high) = if round % 3 == 0 { (a, a.next_up()) } else { (a.min(b), a.max(b)) };
            let found = roundest(low, high);
            assert!(low <= found && found < high, "{low} {high} {found}");
        }
    }

    #[test]
    fn few_values_are_cut_between_each_two() {
        assert_eq!(cuts(&[3.0, 1.0, 2.0, 1.0, 9.0, -0.0, 0.0]), [0.0, 1.0, 2.0, 6.0]);
        assert!(cuts(&[4.0; 9]).is_empty() && cuts(&[]).is_empty());
    }

    #[test]
    fn many_values_are_cut_at_round_numbers_near_equal_parts() {
        let values: Vec<f64> = (0..20_000u64).map(|i| (i * 7919 % 20_011) as f64 / 7.0).collect();
        let found = cuts(&values);
        assert!(found.len() > 200 && found.len() <= CUTS_MAX, "{}", found.len());
        assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(found.iter().all(|cut| *cut == libm::rint(*cut)), "{found:?}");
        let mut reversed = values;
        reversed.reverse();
        assert_eq!(cuts(&reversed), found);
    }

    #[test]
    fn a_value_that_most_customers_share_is_one_cut() {
        let values: Vec<f64> = (0..10_000u64).map(|i| if i % 4 == 0 { i as f64 } else { 0.0 }).collect();
        let found = cuts(&values);
        assert_eq!(found.iter().filter(|cut| **cut <= 0.0).count(), 1);
        assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{found:?}");
    }
}
