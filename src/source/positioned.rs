//! One open file, read at positions by many threads.
//!
//! Clones of a `std::fs::File` share one cursor, so two decoders on clones corrupt each other's reads. Here every
//! read names its position and no cursor exists.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Page headers are a few dozen bytes; a small buffer keeps their reads from dragging page data along.
const HEADER_BUFFER: usize = 1024;

/// A file handle without a cursor. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct PositionedFile {
    file: Arc<File>,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl PositionedFile {
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not a regular file"));
        }
        Ok(Self { file: Arc::new(file), bytes: metadata.len(), modified: metadata.modified().ok() })
    }

    /// Length in bytes when the file was opened.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// Fills `buffer` from `position`; an error when the file ends before.
    pub fn read_exact_at(&self, mut buffer: &mut [u8], mut position: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match read_at(&self.file, buffer, position) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    buffer = buffer.get_mut(n..).unwrap_or_default();
                    position += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

/// Moves the cursor as a side effect, which nobody here looks at.
#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}

/// Reads onwards from one position.
pub(super) struct ReadFrom {
    file: PositionedFile,
    position: u64,
}

impl Read for ReadFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = read_at(&self.file.file, buffer, self.position)?;
        self.position += n as u64;
        Ok(n)
    }
}

impl Length for PositionedFile {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for PositionedFile {
    type T = BufReader<ReadFrom>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::with_capacity(HEADER_BUFFER, ReadFrom { file: self.clone(), position: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let inside = start.checked_add(length as u64).is_some_and(|end| end <= self.bytes);
        if !inside {
            return Err(ParquetError::EOF(format!(
                "{length} bytes were expected at offset {start} of a file of {} bytes",
                self.bytes
            )));
        }
        let mut buffer = vec![0; length];
        self.read_exact_at(&mut buffer, start)?;
        Ok(buffer.into())
    }
}
