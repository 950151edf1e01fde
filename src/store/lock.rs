//! One run at a time per output folder: an advisory lock on a file beside it. The operating system lets go of it when
//! its process ends, however it ends, so a lock is never stale. It is advisory: on a network file system that does not
//! carry locks, the no-replace rename of the commit still keeps two runs from mixing.

use std::fs::TryLockError;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::disk::{Disk, DiskFile};
use super::record::Host;
use crate::error::{Error, Kind, Result};

/// How often a lock file that vanishes under our hands is tried again: its holder removes it as it leaves.
const ATTEMPTS_MAX: usize = 100;

/// A holder's line is short; more than this is not ours.
const HOLDER_BYTES_MAX: u64 = 1024;

/// Held until dropped; the file goes with it.
#[derive(Debug)]
pub(super) struct Lock {
    file: DiskFile,
    path: PathBuf,
    disk: Disk,
}

impl Lock {
    /// Takes the lock or says who holds it.
    pub(super) fn take(path: &Path, disk: &Disk) -> Result<Lock> {
        for _ in 0..ATTEMPTS_MAX {
            let mut file = disk.open_or_create(path).map_err(|error| cannot(path, error))?;
            match file.file().try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(held(path, &mut file)),
                Err(TryLockError::Error(error)) => return Err(cannot(path, error)),
            }
            // The last holder may have removed this very file between our opening and our locking it.
            if !is_at(&file, path) {
                continue;
            }
            let lock = Lock { file, path: path.to_path_buf(), disk: disk.clone() };
            lock.sign().map_err(|error| cannot(path, error))?;
            return Ok(lock);
        }
        Err(Error::new(Kind::Output, format!("the lock {} changes hands without end", path.display()))
            .hint("is another program removing files there?"))
    }

    fn sign(&self) -> io::Result<()> {
        self.file.file().set_len(0)?;
        let line = format!("process {} on {}\n", std::process::id(), Host::here().name);
        (&mut self.file.file()).write_all(line.as_bytes())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is still held, so that nobody can hold a lock on a file that is about to go. A failure
        // leaves an empty hidden file that the next run takes over. Windows cannot remove an open file.
        if cfg!(unix) {
            let _ = self.disk.remove_file(&self.path);
        }
        let _ = self.file.file().unlock();
    }
}

fn held(path: &Path, file: &mut DiskFile) -> Error {
    let mut text = String::new();
    let _ = file.file().take(HOLDER_BYTES_MAX).read_to_string(&mut text);
    let holder: String = text.chars().take_while(|c| !c.is_control()).collect();
    let holder = if holder.is_empty() { "another run" } else { &holder };
    Error::new(Kind::Output, format!("the output is being written by {holder} (lock: {})", path.display()))
        .hint("wait for it to end, or choose another output folder")
}

fn cannot(path: &Path, error: io::Error) -> Error {
    Error::new(Kind::Output, format!("cannot create or lock {}", path.display()))
        .hint("the folder that holds the output must be writable")
        .because(error)
}

#[cfg(unix)]
fn is_at(file: &DiskFile, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.file().metadata(), path.symlink_metadata()) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &DiskFile, _: &Path) -> bool {
    true
}
