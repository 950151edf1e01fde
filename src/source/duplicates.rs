//! Are all ids different?
//!
//! Equal keys are found first, cheaply, over all rows. Two different ids may share a key by chance (never integers;
//! for text about once in 2^64 pairs), so the rows in question are read again and their ids compared. Same ids are an
//! error that names both places and no id; different ids with one key ask for another seed.

use std::collections::HashMap;

use rayon::prelude::*;

use super::ids::Ids;
use super::open::Source;
use super::scan::{Request, ScanSettings};
use crate::error::{Error, Kind, Place, Result};
use crate::observe::Observe;

/// The keys are looked at in this many parts, so that the copies stay small: what their first four bits say.
const PARTS: u64 = 16;
/// Shared keys that are looked up at once. More are certainly repeated ids and not chance; the first suffice.
const SUSPECTS_MAX: usize = 1 << 20;

/// How the keys of all rows stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uniqueness {
    /// Every row has a key of its own.
    Unique,
    /// All ids differ, but two of them share a key: take the keys of another seed.
    KeysCollide,
}

/// Checks that the rows whose `keys` (made with `seed`) are given have ids that differ from each other.
///
/// A repeated id is a bad-data error that names its first two places. Rows that were left out of `keys` are not
/// looked at unless they share a key with two others.
pub fn check_unique(
    source: &Source,
    seed: u64,
    keys: &[u64],
    settings: &ScanSettings,
    observe: &Observe,
) -> Result<Uniqueness> {
    let shared = shared_keys(keys);
    if shared.rows == 0 {
        return Ok(Uniqueness::Unique);
    }
    let repeated = |place: Place, first: Place| {
        let rows = match shared.rows {
            1 => "1 row repeats the id of an earlier one".to_string(),
            n => format!("{n} rows repeat the id of an earlier one"),
        };
        Error::bad_data(format!("{rows}; the first of them has the id of {first}"))
            .at(place)
            .hint("an id stands for one customer: add up the rows of each customer first, name another id column, or set duplicate_ids = \"keep\"")
    };
    let mut seen: HashMap<u64, Vec<(Ids, Place)>> = HashMap::new();
    let mut found = None;
    let request = Request { numbers: Vec::new(), ids: true, ..Request::default() };
    let outcome = source.scan(&request, settings, observe, &mut |batches| {
        for batch in &batches {
            let Some(ids) = &batch.ids else { return Err(Error::bug("ids were asked for")) };
            let mut batch_keys = vec![0; batch.n_rows];
            ids.keys(seed, &mut batch_keys);
            for (row, key) in batch_keys.iter().enumerate() {
                if shared.keys.binary_search(key).is_err() {
                    continue;
                }
                let place = source.place(batch, source.id(), row);
                let earlier = seen.entry(*key).or_default();
                if let Some((_, first)) = earlier.iter().find(|(id, _)| ids.equal(row, id, 0)) {
                    found = Some(repeated(place, first.clone()));
                    return Err(Error::new(Kind::BadData, "found"));
                }
                let copied = ids.copied(row).ok_or_else(|| Error::bug("an id that cannot be copied"))?;
                earlier.push((copied, place));
            }
        }
        Ok(())
    });
    match (found, outcome) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Ok(Uniqueness::KeysCollide),
    }
}

/// The keys that several rows have.
struct Shared {
    /// Sorted, without repetition.
    keys: Vec<u64>,
    /// Rows whose key an earlier row has.
    rows: u64,
}

fn shared_keys(keys: &[u64]) -> Shared {
    let parts: Vec<Shared> = (0..PARTS).into_par_iter().map(|part| shared_keys_of(keys, part)).collect();
    let rows = parts.iter().map(|part| part.rows).sum();
    let keys = parts.into_iter().flat_map(|part| part.keys).take(SUSPECTS_MAX).collect();
    Shared { keys, rows }
}

/// The shared keys among those that begin with the four bits of `part`.
///
/// Keys are hashes, so their next bits spread them evenly: laid out by these, each lies among two or three others.
fn shared_keys_of(keys: &[u64], part: u64) -> Shared {
    let own = || keys.iter().copied().filter(|key| key >> 60 == part);
    let bits = (keys.len() as u64 / PARTS).max(1).ilog2();
    let place = |key: u64| (key << 4 >> (64 - bits.max(1))) as usize;
    let mut ends = vec![0u32; 1 << bits.max(1)];
    own().for_each(|key| ends[place(key)] += 1);
    let mut end = 0;
    for count in &mut ends {
        end += std::mem::replace(count, end);
    }
    let mut laid_out = vec![0; end as usize];
    own().for_each(|key| {
        let next = &mut ends[place(key)];
        laid_out[*next as usize] = key;
        *next += 1;
    });
    let mut shared = Shared { keys: Vec::new(), rows: 0 };
    let mut begin = 0;
    for end in ends {
        let place = &mut laid_out[begin..end as usize];
        begin = end as usize;
        if place.len() < 2 {
            continue;
        }
        place.sort_unstable();
        for run in place.chunk_by(|a, b| a == b).filter(|run| run.len() > 1) {
            shared.rows += run.len() as u64 - 1;
            shared.keys.extend(run.first());
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_keys_are_found_and_counted() {
        let keys = [u64::MAX, 3, 7 << 60, 3, 0, u64::MAX, 3, 7 << 60 | 1];
        let shared = shared_keys(&keys);
        assert_eq!(shared.keys, [3, u64::MAX]);
        assert_eq!(shared.rows, 3);
        assert_eq!(shared_keys(&[1, 2, 3]).rows, 0);
        assert_eq!(shared_keys(&[]).rows, 0);
    }

    #[test]
    fn shared_keys_are_those_that_a_sort_finds() {
        let mut state = 5u64;
        let mut keys: Vec<u64> = (0..20_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state
            })
            .collect();
        keys.extend_from_within(..700);
        keys.extend_from_within(..30);
        // Keys that are no hashes, all in one place.
        keys.extend((0..500).map(|i| i / 3));
        let shared = shared_keys(&keys);
        keys.sort_unstable();
        let runs: Vec<&[u64]> = keys.chunk_by(|a, b| a == b).filter(|run| run.len() > 1).collect();
        assert_eq!(shared.keys, runs.iter().map(|run| run[0]).collect::<Vec<u64>>());
        assert_eq!(shared.rows, runs.iter().map(|run| run.len() as u64 - 1).sum::<u64>());
    }
}
