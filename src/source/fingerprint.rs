//! What identifies the files of a source, for the run record: names, sizes and hashed footers. Cheap, and different
//! when the same customers are stored in another layout.

use serde::Serialize;

use super::open::Source;

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
