//! Panels on the disk: what becomes of a matrix for which memory has no room.
//!
//! A [`Writer`] takes the panels from front to end, in blocks with a checksum each; room for all of them is taken before the
//! first one is written, so that a full disk is an error and nothing worse. The file is then mapped back for reading. It has
//! no name from the moment it is made (where a system knows no files without one, it goes when it is closed), so that a run
//! that is killed leaves nothing. While it is read, no more than a window of it is resident: blocks that were visited long
//! ago are given back to the system, and each is held against its checksum whenever it is visited again. (One that is given
//! back under a reader's eyes comes back unchecked for the rest of that visit.)
//!
//! This room knows panels and nothing of rows, and it is the one place outside of `engine` with `unsafe` code: two calls, in
//! `mapping.rs`. `docs/decisions/spill.md` says why.

mod format;
mod mapping;
mod spilled;
mod writer;

pub use format::BLOCK_BYTES;
pub use spilled::Spilled;
pub use writer::Writer;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where panels go that memory has no room for, and how much of it they may take all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder of the file; it exists.
    pub folder: PathBuf,
    /// Bytes of the file that may be resident at once; a few blocks at least.
    pub window: u64,
}

/// Refuses a folder for spill files that is not there, whether or not one will be needed: data may grow by tomorrow.
pub fn check_folder(folder: &Path) -> Result<()> {
    let place = Place { folder: folder.to_path_buf(), window: 0 };
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(place.error("make", std::io::ErrorKind::NotADirectory.into())),
        Err(error) => Err(place.error("make", error)),
    }
}

impl Place {
    fn error(&self, what: &str, error: std::io::Error) -> Error {
        Error::io(what, format_args!("the spill file in {}", self.folder.display()), error)
            .hint("name another folder for it with --spill, or raise `memory` so that none is needed")
    }

    /// What was read is not what was written.
    fn damaged(&self, what: impl std::fmt::Display) -> Error {
        let folder = self.folder.display();
        let message = format!("the spill file in {folder} is not as it was written: {what}");
        Error::new(crate::error::Kind::Io, message)
            .hint("the disk under it cannot be trusted; name another folder with --spill, and run again")
    }
}
