//! Parquet's hybrid of run-length encoding and bit packing, in which it writes levels and the places of values in a
//! dictionary.
//!
//! The Parquet crate decodes it too, but hands out the values behind the places only, and most of what is asked of a
//! column of few values needs no more than the places.

use super::thrift::{Thrift, put_varint};

/// Bits of an integer that are read at most; none is larger than 2^16 - 1 where it makes sense, however wide it is written.
const WIDTH_MAX: u32 = 32;

/// Values of a bit-packed group.
const GROUP: usize = 8;

/// Appends `n` integers of `width` bits. None where the bytes end too early, or hold one beyond 2^16 - 1.
///
/// `n` is the caller's to bound: a few bytes may stand for any number of equal integers.
pub(super) fn decode(bytes: &[u8], width: u32, n: usize, out: &mut Vec<u16>) -> Option<()> {
    if width > WIDTH_MAX {
        return None;
    }
    let mut left = n;
    let mut position = 0;
    while left > 0 {
        let rest = bytes.get(position..)?;
        let mut thrift = Thrift::new(rest);
        let header = thrift.varint()?;
        let body = rest.get(thrift.position()..)?;
        position += thrift.position();
        let (count, used) = match header & 1 {
            0 => run(body, width, header >> 1, left, out)?,
            _ => packed(body, width, header >> 1, left, out)?,
        };
        left -= count;
        position = position.saturating_add(used);
    }
    Some(())
}

/// Whether the first `n` integers of one bit are a single run of ones.
pub(super) fn is_run_of_ones(bytes: &[u8], n: usize) -> bool {
    let mut thrift = Thrift::new(bytes);
    let run = thrift.varint().filter(|header| header & 1 == 0).map(|header| header >> 1);
    run.is_some_and(|length| length >= n as u64) && bytes.get(thrift.position()) == Some(&1)
}

/// One integer, many times: how many were taken, and how many bytes that took.
fn run(body: &[u8], width: u32, length: u64, left: usize, out: &mut Vec<u16>) -> Option<(usize, usize)> {
    let bytes = width.div_ceil(8) as usize;
    let mut value = [0; 4];
    value.get_mut(..bytes)?.copy_from_slice(body.get(..bytes)?);
    let value = u16::try_from(u32::from_le_bytes(value)).ok()?;
    let count = left.min(usize::try_from(length).unwrap_or(usize::MAX));
    out.resize(out.len() + count, value);
    Some((count, bytes))
}

/// Groups of eight integers side by side. Some writers leave out what would follow the last integer.
fn packed(body: &[u8], width: u32, groups: u64, left: usize, out: &mut Vec<u16>) -> Option<(usize, usize)> {
    let width = width as usize;
    let most = usize::try_from(groups).unwrap_or(usize::MAX).saturating_mul(GROUP);
    let count = left.min(most);
    if width == 0 {
        out.resize(out.len() + count, 0);
        return Some((count, 0));
    }
    let needed = count.checked_mul(width)?.div_ceil(8);
    let body = body.get(..needed)?;
    let (whole, rest) = body.split_at(count / GROUP * width);
    macro_rules! unpack {
        ($($bits:literal)*) => {
            match width {
                $($bits => whole.chunks_exact($bits).for_each(|group| out.extend(unpack_narrow::<$bits>(group))),)*
                _ => {
                    for group in whole.chunks_exact(width) {
                        out.extend(unpack_wide(group, width, GROUP)?);
                    }
                }
            }
        };
    }
    unpack!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
    out.extend(unpack_wide(rest, width, count % GROUP)?);
    // What belongs to the groups behind the last value taken is passed over, where it is there.
    Some((count, usize::try_from(groups).unwrap_or(usize::MAX).saturating_mul(width)))
}

/// A group of integers of at most 16 bits.
fn unpack_narrow<const BITS: usize>(group: &[u8]) -> [u16; GROUP] {
    let mut bytes = [0; 16];
    bytes[..BITS].copy_from_slice(&group[..BITS]);
    let bits = u128::from_le_bytes(bytes);
    std::array::from_fn(|index| (bits >> (index * BITS)) as u16 & (u16::MAX >> (16 - BITS)))
}

/// Appends one integer of at most eight bits, many times.
pub fn put_run(out: &mut Vec<u8>, value: u8, length: usize) {
    put_varint(out, (length as u64) << 1);
    out.push(value);
}

/// Appends integers side by side, the last group of eight filled up with zeros.
pub fn put_packed(out: &mut Vec<u8>, width: u32, values: impl ExactSizeIterator<Item = u32>) {
    let groups = values.len().div_ceil(8);
    put_varint(out, (groups as u64) << 1 | 1);
    let end = out.len() + groups * width as usize;
    let (mut bits, mut n) = (0u64, 0);
    for value in values {
        bits |= u64::from(value) << n;
        n += width;
        while n >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            n -= 8;
        }
    }
    if n > 0 {
        out.push(bits as u8);
    }
    out.resize(end, 0);
}

/// The first integers of a group of any width, which must fit 16 bits.
fn unpack_wide(group: &[u8], width: usize, n: usize) -> Option<Vec<u16>> {
    let one = |index: usize| {
        let first = index * width;
        let bit = |at: usize| group.get(at / 8).map(|byte| u32::from(byte >> (at % 8) & 1));
        let value = (0..width).try_fold(0u32, |value, at| Some(value | bit(first + at)? << at))?;
        u16::try_from(value).ok()
    };
    (0..n).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit-packs values of some width, the dull way.
    fn pack(values: &[u32], width: usize) -> Vec<u8> {
        let mut bytes = vec![0u8; (values.len() * width).div_ceil(8)];
        for (index, value) in values.iter().enumerate() {
            for bit in 0..width {
                let at = index * width + bit;
                bytes[at / 8] |= ((value >> bit & 1) as u8) << (at % 8);
            }
        }
        bytes
    }

    fn decoded(bytes: &[u8], width: u32, n: usize) -> Option<Vec<u16>> {
        let mut out = vec![7];
        decode(bytes, width, n, &mut out)?;
        assert_eq!(out.remove(0), 7, "what was there stays");
        Some(out)
    }

    #[test]
    fn every_width_unpacks_to_what_was_packed() {
        for width in 1..=32usize {
            let most = if width >= 16 { u32::from(u16::MAX) } else { (1 << width) - 1 };
            let values: Vec<u32> = (0..24u32).map(|i| i.wrapping_mul(2_654_435_761) & most).collect();
            let expected: Vec<u16> = values.iter().map(|v| *v as u16).collect();
            let bytes = [vec![3 << 1 | 1], pack(&values, width)].concat();
            for n in 0..=24 {
                assert_eq!(decoded(&bytes, width as u32, n).as_deref(), Some(&expected[..n]), "{width} bits, {n}");
            }
            assert_eq!(decoded(&bytes, width as u32, 25), None);
            // The last group may be cut off behind the last value.
            let cut = 1 + (19 * width).div_ceil(8);
            assert_eq!(decoded(&bytes[..cut], width as u32, 19).as_deref(), Some(&expected[..19]));
            assert_eq!(decoded(&bytes[..cut - 1], width as u32, 19), None);
        }
    }

    #[test]
    fn runs_and_groups_follow_each_other() {
        // Five times 300 (nine bits, two bytes), eight packed, then a run that is longer than what is wanted.
        let packed = pack(&[0, 511, 1, 510, 2, 509, 3, 508], 9);
        let bytes = [vec![5 << 1, 0x2c, 0x01, 1 << 1 | 1], packed, vec![50 << 1, 9, 0]].concat();
        let expected = [vec![300; 5], vec![0, 511, 1, 510, 2, 509, 3, 508], vec![9; 4]].concat();
        assert_eq!(decoded(&bytes, 9, 17), Some(expected));
        // A bit width of 0 needs no bytes: all are the first.
        assert_eq!(decoded(&[6 << 1], 0, 6), Some(vec![0; 6]));
        assert_eq!(decoded(&[1 << 1 | 1], 0, 6), Some(vec![0; 6]));
        assert_eq!(decoded(&[], 3, 0), Some(vec![]));
    }

    #[test]
    fn a_run_of_ones_is_told_from_anything_else() {
        assert!(is_run_of_ones(&[5 << 1, 1], 5) && is_run_of_ones(&[0x90, 0x03, 1], 200));
        assert!(!is_run_of_ones(&[5 << 1, 1], 6), "too short");
        assert!(!is_run_of_ones(&[5 << 1, 0], 5), "zeros");
        assert!(!is_run_of_ones(&[1 << 1 | 1, 0xff], 8), "packed, though they are ones");
        assert!(!is_run_of_ones(&[5 << 1], 5) && !is_run_of_ones(&[], 0), "cut off");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(decoded(&[], 3, 1), None, "no bytes");
        assert_eq!(decoded(&[2 << 1], 3, 2), None, "a run without its value");
        assert_eq!(decoded(&[0, 1, 0, 1], 3, 1), None, "runs of nothing to the end");
        assert_eq!(decoded(&[1 << 1, 0, 0, 1], 24, 1), None, "beyond 16 bits");
        assert_eq!(decoded(&[1 << 1, 0], 33, 1), None, "too wide");
        let groups_beyond_memory = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(decoded(&groups_beyond_memory, 16, 8), None);
    }
}
