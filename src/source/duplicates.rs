//! Are all ids different?
//!
//! Equal keys are found first, cheaply, over all rows. Two different ids may share a key by chance (never integers;
//! for text about once in 2^64 pairs), so the rows in question are read again and their ids compared. Same ids are an
//! error that names both places and no id; different ids with one key ask for another seed.

use std::borrow::Cow;
use std::collections::HashMap;

use rayon::prelude::*;

use super::ids::Ids;
use super::open::Source;
use super::scan::{Request, ScanSettings};
use crate::error::{Error, Kind, Place, Result};
use crate::observe::Observe;

/// Keys that are copied at once, about: of more, one range after the other is looked at, so that the copies stay small.
const COPIED_MAX: usize = 1 << 23;
const RANGES_MAX: usize = 64;

/// Keys that are sorted into parts together: they stay in a near cache.
const BLOCK: usize = 1 << 15;

/// What the first bits within a range say: keys of one part are few, and near to each other.
const PART_BITS: u32 = 8;
const PARTS: usize = 1 << PART_BITS;

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

/// Whether integer ids rise from row to row, over all batches. Then all of them differ, and so do their keys.
#[derive(Debug)]
pub struct Rising {
    holds: bool,
    last: Option<i128>,
}

impl Default for Rising {
    fn default() -> Self {
        Self { holds: true, last: None }
    }
}

impl Rising {
    /// Takes the ids of the next batch.
    pub fn add(&mut self, ids: &Ids) {
        if !self.holds || ids.is_empty() {
            return;
        }
        let ends = ids.rising();
        self.holds = ends.is_some_and(|(first, _)| self.last.is_none_or(|last| last < first));
        self.last = ends.map(|(_, last)| last);
    }

    pub fn holds(&self) -> bool {
        self.holds
    }
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
    let ranges = keys.len().div_ceil(COPIED_MAX).next_power_of_two().min(RANGES_MAX);
    let mut all = Shared { keys: Vec::new(), rows: 0 };
    for range in 0..ranges as u64 {
        let shared = shared_keys_of(keys, range, ranges.trailing_zeros());
        all.rows += shared.rows;
        let room = SUSPECTS_MAX.saturating_sub(all.keys.len());
        all.keys.extend(shared.keys.into_iter().take(room));
    }
    all
}

/// The shared keys among those whose first bits are `range`.
fn shared_keys_of(keys: &[u64], range: u64, bits: u32) -> Shared {
    let blocks: Vec<Block> = keys.par_chunks(BLOCK).map(|keys| Block::of(keys, range, bits)).collect();
    let shared = |part: usize| {
        let keys: Vec<u64> = blocks.iter().flat_map(|block| block.part(part)).copied().collect();
        repeats_among(&keys, bits + PART_BITS)
    };
    let parts: Vec<Shared> = (0..PARTS).into_par_iter().map(shared).collect();
    let rows = parts.iter().map(|part| part.rows).sum();
    Shared { keys: parts.into_iter().flat_map(|part| part.keys).collect(), rows }
}

/// The keys of some rows that lie in a range, part after part.
struct Block {
    keys: Vec<u64>,
    /// Where each part begins, and the end of the last.
    starts: Vec<u32>,
}

impl Block {
    fn of(keys: &[u64], range: u64, bits: u32) -> Self {
        let within = |key: &u64| key.checked_shr(64 - bits).unwrap_or(0) == range;
        let part = |key: u64| (key << bits >> (64 - PART_BITS)) as usize;
        let own: Cow<[u64]> = match bits {
            0 => Cow::Borrowed(keys),
            _ => Cow::Owned(keys.iter().copied().filter(within).collect()),
        };
        let mut starts = vec![0u32; PARTS + 1];
        own.iter().for_each(|&key| starts[part(key) + 1] += 1);
        for part in 0..PARTS {
            starts[part + 1] += starts[part];
        }
        let (mut next, mut sorted) = (starts.clone(), vec![0; own.len()]);
        for &key in own.iter() {
            let next = &mut next[part(key)];
            sorted[*next as usize] = key;
            *next += 1;
        }
        Self { keys: sorted, starts }
    }

    fn part(&self, part: usize) -> &[u64] {
        &self.keys[self.starts[part] as usize..self.starts[part + 1] as usize]
    }
}

/// What repeats among keys that begin with the same `bits` bits.
///
/// Keys are hashes, so their next bits spread them evenly: laid out by these, each lies among two or three others.
fn repeats_among(keys: &[u64], bits: u32) -> Shared {
    let spread = (keys.len() as u64).max(2).ilog2();
    let place = |key: u64| (key << bits >> (64 - spread)) as usize;
    let mut ends = vec![0u32; 1 << spread];
    keys.iter().for_each(|&key| ends[place(key)] += 1);
    let mut end = 0;
    for count in &mut ends {
        end += std::mem::replace(count, end);
    }
    let mut laid_out = vec![0; keys.len()];
    for &key in keys {
        let next = &mut ends[place(key)];
        laid_out[*next as usize] = key;
        *next += 1;
    }
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
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray, UInt64Array};

    use super::*;

    #[test]
    fn ids_that_rise_are_integers_in_order_over_all_batches() {
        let integers = |values: &[i64]| Ids::new(Arc::new(Int64Array::from(values.to_vec())));
        let holds = |batches: &[Ids]| {
            let mut rising = Rising::default();
            batches.iter().for_each(|ids| rising.add(ids));
            rising.holds()
        };
        assert!(holds(&[integers(&[-5, 2]), integers(&[]), integers(&[3]), integers(&[4, i64::MAX])]));
        assert!(!holds(&[integers(&[1, 2, 2])]) && !holds(&[integers(&[1, 3, 2, 4])]));
        assert!(!holds(&[integers(&[1, 2]), integers(&[2, 3])]) && !holds(&[integers(&[5]), integers(&[1, 9])]));
        assert!(!holds(&[integers(&[3, 1]), integers(&[4, 5])]), "not from the second batch on, either");
        let wide = Ids::new(Arc::new(UInt64Array::from(vec![i64::MAX as u64 + 1])));
        assert!(holds(&[integers(&[i64::MAX]), wide.clone()]) && !holds(&[wide, integers(&[7])]));
        assert!(!holds(&[Ids::new(Arc::new(StringArray::from(vec!["a", "b"])))]));
    }

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
        // The same, range after range.
        let ranges: Vec<Shared> = (0..4).map(|range| shared_keys_of(&keys, range, 2)).collect();
        keys.sort_unstable();
        let runs: Vec<&[u64]> = keys.chunk_by(|a, b| a == b).filter(|run| run.len() > 1).collect();
        let (expected, rows) =
            (runs.iter().map(|run| run[0]), runs.iter().map(|run| run.len() as u64 - 1).sum::<u64>());
        let expected: Vec<u64> = expected.collect();
        assert_eq!((&shared.keys, shared.rows), (&expected, rows));
        assert_eq!(ranges.iter().flat_map(|range| range.keys.clone()).collect::<Vec<u64>>(), expected);
        assert_eq!(ranges.iter().map(|range| range.rows).sum::<u64>(), rows);
    }
}
