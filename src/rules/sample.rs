//! Which customers the rules are made from: those with the smallest order keys, which are hashes of their ids.

/// Customers in a sample, at most: enough that a cluster of one in a hundred has about 150 in either half.
const ROWS_MAX: usize = 1 << 15;

/// Values of a sample, at most; on many features it has fewer customers.
const VALUES_MAX: usize = 1 << 22;

/// The rows of the sample, ascending: those whose key is smaller than that of all others. Rows that share a key stand in
/// it together or not at all, so that their order cannot matter.
pub fn pick(keys: &[u64], n_features: usize) -> Vec<usize> {
    pick_at_most(keys, ROWS_MAX.min(VALUES_MAX / n_features.max(1)))
}

fn pick_at_most(keys: &[u64], most: usize) -> Vec<usize> {
    if keys.len() <= most {
        return (0..keys.len()).collect();
    }
    // Keys are hashes: a tenth more than the share wanted nearly always holds enough.
    let share = most as f64 / keys.len() as f64 * 1.1;
    let mut limit = if share < 1.0 { (share * u64::MAX as f64) as u64 } else { u64::MAX };
    let mut smallest: Vec<u64> = loop {
        let found: Vec<u64> = keys.iter().copied().filter(|key| *key <= limit).collect();
        if found.len() > most || limit == u64::MAX {
            break found;
        }
        limit = limit.saturating_mul(2).max(1);
    };
    let (_, &mut first_out, _) = smallest.select_nth_unstable(most);
    (0..keys.len()).filter(|&row| keys[row] < first_out).collect()
}

/// Whether a customer is held out from making the rules; half of them are.
pub(super) fn is_held_out(key: u64) -> bool {
    key & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(n: u64) -> Vec<u64> {
        (1..=n).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
    }

    #[test]
    fn the_sample_is_the_rows_of_the_smallest_keys_in_whatever_order_they_come() {
        let mut keys = hashed(10_000);
        let of = |keys: &[u64]| {
            let mut found: Vec<u64> = pick_at_most(keys, 500).into_iter().map(|row| keys[row]).collect();
            found.sort_unstable();
            found
        };
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        assert_eq!(of(&keys), sorted[..500]);
        keys.reverse();
        assert_eq!(of(&keys), sorted[..500]);
        assert_eq!(pick_at_most(&keys, 10_000).len(), 10_000);
        assert_eq!(pick_at_most(&keys, 20_000).len(), 10_000);
    }

    #[test]
    fn rows_of_one_key_are_all_in_or_all_out() {
        let keys: Vec<u64> = hashed(1000).into_iter().flat_map(|key| [key, key, key]).collect();
        assert_eq!(pick_at_most(&keys, 500).len(), 498);
        assert!(pick_at_most(&[7; 1000], 500).is_empty());
    }

    #[test]
    fn small_keys_only_are_no_trouble() {
        let keys: Vec<u64> = (0..5000).collect();
        assert_eq!(pick_at_most(&keys, 100), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn about_half_is_held_out() {
        let held_out = hashed(10_000).into_iter().filter(|key| is_held_out(*key)).count();
        assert!((4_700..5_300).contains(&held_out), "{held_out}");
    }
}
