//! What identifies a source: its files for the run record, its contents for the published result.
//!
//! The file fingerprint is cheap: names, sizes and hashed footers. It changes when the same customers are stored in
//! another layout. The content fingerprint does not: it is a sum over rows, so that file layout, compression, row
//! groups and the order of rows leave it alone, and it is part of what two runs must agree on.

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::open::Source;
use super::scan::Batch;

/// The files of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceFingerprint {
    pub rows: u64,
    pub files: Vec<FileFingerprint>,
}

/// One file: what its name, size and footer say. A footer holds the size and place of every column chunk and, as most
/// writers have it, their extremes; a change inside a page that keeps all of these is not seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileFingerprint {
    /// Below the source's root, parts separated by `/`.
    pub name: String,
    pub bytes: u64,
    pub rows: u64,
    /// SHA-256 of the footer, in hexadecimal.
    pub footer_sha256: String,
}

impl Source {
    /// What identifies the files; nothing in it depends on the machine.
    pub fn fingerprint(&self) -> SourceFingerprint {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let files = self.files.iter().map(|file| FileFingerprint {
            name: file.relative.clone(),
            bytes: file.bytes,
            rows: file.n_rows,
            footer_sha256: hex(&file.footer_sha256),
        });
        SourceFingerprint { rows: self.n_rows(), files: files.collect() }
    }
}

/// A fingerprint of rows whatever their order and layout: the sum, modulo 2^128, of one hash per row over its id and
/// the numbers read. Not a cryptographic hash: it finds accidents, not attacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContentFingerprint {
    rows: u64,
    sum: u128,
}

impl ContentFingerprint {
    /// Adds the rows of a batch. Batches may come in any order; all must be of the same request.
    pub fn add(&mut self, batch: &Batch) {
        const SEED: u64 = 0x7365_676d_696e_7401;
        let mut keys = vec![0; batch.n_rows];
        if let Some(ids) = &batch.ids {
            ids.keys(SEED, &mut keys);
        }
        let mut row = Vec::with_capacity(8 * (batch.numbers.len() + 1));
        for (i, key) in keys.iter().enumerate() {
            row.clear();
            row.extend_from_slice(&key.to_le_bytes());
            for column in &batch.numbers {
                row.extend_from_slice(&column.get(i).copied().unwrap_or_default().to_bits().to_le_bytes());
            }
            self.sum = self.sum.wrapping_add(xxh3_128_with_seed(&row, SEED));
        }
        self.rows += batch.n_rows as u64;
    }

    /// Adds rows that were fingerprinted apart.
    pub fn merge(&mut self, other: &ContentFingerprint) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// Rows and sum, as `rows-hexadecimal`.
impl std::fmt::Display for ContentFingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{:032x}", self.rows, self.sum)
    }
}

impl Serialize for ContentFingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
