//! What a spill file looks like: a header, the values, and a checksum for each block of them.
//!
//! | at | what |
//! |---|---|
//! | 0 | header: magic, version, byte order, features, panels, bytes per block, hash of the index, hash of all this |
//! | [`HEADER_BYTES`] | the values, f32 as the machine has them, (n_panels, d, 64) |
//! | behind them | the index: xxh3-64 of each block of values, the last one shorter |
//!
//! The file never leaves the run that made it; the header is there so that a file that is not what it should be is told
//! from one that is, and never computed with.

use crate::grid::PANEL_ROWS;

/// Bytes of values that are checked, brought in and given back together. Linux maps up to as many around a byte that is
/// read; smaller blocks would bring each other in.
pub const BLOCK_BYTES: usize = 2 << 20;

/// Values of a block.
pub(super) const BLOCK_VALUES: usize = BLOCK_BYTES / size_of::<f32>();

/// Where the values begin: so far that every block begins where a large page would.
pub(super) const HEADER_BYTES: usize = BLOCK_BYTES;

const MAGIC: [u8; 8] = *b"SEGSPILL";
const VERSION: u32 = 1;

/// Reads back as another number where bytes stand the other way round.
const BYTE_ORDER: u32 = 0x0102_0304;

/// Bytes of the header that say something.
const WRITTEN_BYTES: usize = 56;

/// How many values there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub n_features: usize,
    pub n_panels: usize,
}

impl Shape {
    pub fn panel_values(self) -> usize {
        self.n_features * PANEL_ROWS
    }

    pub fn values(self) -> usize {
        self.n_panels * self.panel_values()
    }

    pub fn blocks(self) -> usize {
        self.values().div_ceil(BLOCK_VALUES)
    }

    /// Where the index begins.
    pub fn index_at(self) -> u64 {
        (HEADER_BYTES + self.values() * size_of::<f32>()) as u64
    }

    /// Bytes of the whole file.
    pub fn file_bytes(self) -> u64 {
        self.index_at() + (self.blocks() * size_of::<u64>()) as u64
    }
}

/// The checksum of a block.
pub(super) fn hash(values: &[f32]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytemuck::cast_slice(values))
}

/// The index as it is written, and its own hash.
pub(super) fn index_bytes(index: &[u64]) -> (Vec<u8>, u64) {
    let bytes: Vec<u8> = index.iter().flat_map(|hash| hash.to_le_bytes()).collect();
    let hash = xxhash_rust::xxh3::xxh3_64(&bytes);
    (bytes, hash)
}

/// The header of a file of this shape.
pub(super) fn header(shape: Shape, index_hash: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&BYTE_ORDER.to_ne_bytes());
    for number in [shape.n_features as u64, shape.n_panels as u64, BLOCK_BYTES as u64, index_hash] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let own = xxhash_rust::xxh3::xxh3_64(&bytes);
    bytes.extend_from_slice(&own.to_le_bytes());
    debug_assert_eq!(bytes.len(), WRITTEN_BYTES);
    bytes.resize(HEADER_BYTES, 0);
    bytes
}

/// Whether these are the header and the index of a file of this shape; else what is wrong with them.
pub(super) fn check(shape: Shape, header: &[u8], index: &[u8]) -> Result<Vec<u64>, String> {
    let word = |at: usize| header.get(at..at + 8).and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)));
    let half = |at: usize| header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    if header.get(..8) != Some(&MAGIC[..]) {
        return Err("it does not begin as a spill file does".to_owned());
    }
    match half(8).map(u32::from_le_bytes) {
        Some(VERSION) => {}
        other => return Err(format!("its format has version {}; this is {VERSION}", other.unwrap_or(0))),
    }
    if half(12).map(u32::from_ne_bytes) != Some(BYTE_ORDER) {
        return Err("its bytes are in another machine's order".to_owned());
    }
    let own = header.get(..WRITTEN_BYTES - 8).map(xxhash_rust::xxh3::xxh3_64);
    if word(WRITTEN_BYTES - 8) != own {
        return Err("its header does not have the checksum that it should have".to_owned());
    }
    let expected = [shape.n_features as u64, shape.n_panels as u64, BLOCK_BYTES as u64];
    if expected.iter().zip([16, 24, 32]).any(|(&number, at)| word(at) != Some(number)) {
        return Err("its header tells of other panels".to_owned());
    }
    if word(40) != Some(xxhash_rust::xxh3::xxh3_64(index)) || index.len() != shape.blocks() * 8 {
        return Err("its index does not have the checksum that it should have".to_owned());
    }
    Ok(index.as_chunks::<8>().0.iter().map(|hash| u64::from_le_bytes(*hash)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { n_features: 3, n_panels: 4000 };

    #[test]
    fn a_header_is_understood_and_a_changed_one_is_refused_by_what_is_wrong_with_it() {
        let index: Vec<u64> = (0..SHAPE.blocks() as u64).map(|block| block * 77).collect();
        let (index_bytes, index_hash) = index_bytes(&index);
        let good = header(SHAPE, index_hash);
        assert_eq!(good.len(), HEADER_BYTES);
        assert_eq!(check(SHAPE, &good, &index_bytes), Ok(index));

        let changed = |at: usize| {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            check(SHAPE, &bytes, &index_bytes).unwrap_err()
        };
        assert!(changed(0).contains("begin"));
        assert!(changed(8).contains("version 0; this is 1"), "{}", changed(8));
        assert!(changed(12).contains("order"));
        for at in 16..WRITTEN_BYTES {
            assert!(changed(at).contains("header does not have the checksum"), "byte {at}");
        }
        let other = Shape { n_panels: 3999, ..SHAPE };
        assert!(check(other, &good, &index_bytes).unwrap_err().contains("other panels"));
        let mut torn = index_bytes.clone();
        torn[5] ^= 0x80;
        assert!(check(SHAPE, &good, &torn).unwrap_err().contains("index"));
        assert!(check(SHAPE, &good[..40], &index_bytes).is_err());
    }

    #[test]
    fn blocks_cover_all_values_and_begin_with_a_page() {
        assert_eq!(SHAPE.values(), 768_000);
        assert_eq!(SHAPE.blocks(), 2);
        assert_eq!(SHAPE.file_bytes(), HEADER_BYTES as u64 + 4 * 768_000 + 16);
        assert!(HEADER_BYTES.is_multiple_of(BLOCK_BYTES));
    }
}
