//! A file of a run on its way to the disk: its bytes are counted and hashed as they pass.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::disk::DiskFile;
use super::manifest::{FileEntry, hex};
use crate::error::{Error, Result};

/// A file of a run that is being written; counted and hashed on the way.
#[derive(Debug)]
pub struct StagedFile {
    name: &'static str,
    path: PathBuf,
    file: DiskFile,
    hash: Sha256,
    bytes: u64,
}

impl StagedFile {
    /// An empty file at `path`, called `name` in the manifest.
    pub(super) fn new(name: &'static str, path: PathBuf, file: DiskFile) -> Self {
        Self { name, path, file, hash: Sha256::new(), bytes: 0 }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(|error| write_error(&self.path, error))
    }

    /// Its line in the manifest, and the file, which is not durable yet.
    pub(super) fn finish(mut self) -> Result<(FileEntry, PathBuf, DiskFile)> {
        self.flush().map_err(|error| write_error(&self.path, error))?;
        let sha256 = hex(&self.hash.finalize());
        Ok((FileEntry { name: self.name.to_owned(), bytes: self.bytes, sha256 }, self.path, self.file))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

pub(super) fn write_error(path: &Path, error: io::Error) -> Error {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let error = Error::io("write", path.display(), error);
    if full { error.hint("make room on that disk, or choose another output folder") } else { error }
}
