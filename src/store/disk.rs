//! Every change to the output place goes through here, one counted operation at a time, so that a test can make
//! operation N fail, or end the process there, for every N that a run has.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The file system as the store sees it. Cheap to clone; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    faults: Vec<Fault>,
    log: Mutex<Vec<&'static str>>,
}

/// What shall go wrong. Operations are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This one operation fails.
    Once { operation: usize, error: io::ErrorKind },
    /// From this operation on, everything that needs space fails: a full disk.
    Full { operation: usize },
    /// The process ends before this operation; where it is a write, after half of it.
    Abort { operation: usize },
}

/// What an operation asks of the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Space,
    Nothing,
}

impl Disk {
    /// A disk on which something goes wrong: for tests.
    pub fn with_faults(faults: Vec<Fault>) -> Self {
        Self { shared: Arc::new(Shared { faults, log: Mutex::default() }) }
    }

    /// The names of the operations so far, in order.
    pub fn operations(&self) -> Vec<&'static str> {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.count("create folder", Need::Space)?;
        fs::create_dir(path)
    }

    /// A new file, which must not exist.
    pub(super) fn create_file(&self, path: &Path) -> io::Result<DiskFile> {
        self.count("create file", Need::Space)?;
        let file = File::options().write(true).create_new(true).open(path)?;
        Ok(DiskFile { file, disk: self.clone(), written: 0, begun: 0 })
    }

    /// A file to lock: made where it is missing, kept as it is otherwise.
    pub(super) fn open_or_create(&self, path: &Path) -> io::Result<DiskFile> {
        self.count("open lock", Need::Space)?;
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(DiskFile { file, disk: self.clone(), written: 0, begun: 0 })
    }

    /// Makes a folder's entries durable.
    pub(super) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.count("sync folder", Need::Nothing)?;
        // Only Unix can open a folder to sync it; elsewhere the file system's journal has to do.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    /// Renames a folder to a name that must be free.
    pub(super) fn rename_to_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.count("rename", Need::Nothing)?;
        match rename_no_replace(from, to) {
            Err(error) if not_supported(&error) => {
                if to.symlink_metadata().is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                fs::rename(from, to)
            }
            result => result,
        }
    }

    /// Swaps two folders in one step. `ErrorKind::Unsupported` where the file system cannot.
    pub(super) fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        self.count("exchange", Need::Nothing)?;
        match rename_exchange(a, b) {
            Err(error) if not_supported(&error) => Err(io::ErrorKind::Unsupported.into()),
            result => result,
        }
    }

    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.count("remove file", Need::Nothing)?;
        fs::remove_file(path)
    }

    /// Removes a folder and what is in it; links are removed, never followed.
    pub(super) fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.count("remove folder", Need::Nothing)?;
        fs::remove_dir_all(path)
    }

    pub(super) fn remove_empty_folder(&self, path: &Path) -> io::Result<()> {
        self.count("remove empty folder", Need::Nothing)?;
        fs::remove_dir(path)
    }

    /// Counts an operation and lets it fail if it is its turn.
    fn count(&self, name: &'static str, need: Need) -> io::Result<()> {
        match self.enter(name, need)? {
            Turn::Go => Ok(()),
            Turn::Abort => std::process::abort(),
        }
    }

    fn enter(&self, name: &'static str, need: Need) -> io::Result<Turn> {
        let mut log = self.shared.log.lock().unwrap_or_else(PoisonError::into_inner);
        let index = log.len();
        log.push(name);
        for fault in &self.shared.faults {
            match *fault {
                Fault::Once { operation, error } if operation == index => return Err(error.into()),
                Fault::Full { operation } if operation <= index && need == Need::Space => {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                Fault::Abort { operation } if operation == index => return Ok(Turn::Abort),
                _ => {}
            }
        }
        Ok(Turn::Go)
    }
}

enum Turn {
    Go,
    Abort,
}

/// Bytes that may wait in memory before the system is asked to begin with them.
const WAITING_BYTES: u64 = 8 << 20;

/// An open file on a [`Disk`].
#[derive(Debug)]
pub(super) struct DiskFile {
    file: File,
    disk: Disk,
    written: u64,
    /// Bytes that are on their way to the disk, as far as the system took the hint.
    begun: u64,
}

impl DiskFile {
    pub(super) fn sync(&self) -> io::Result<()> {
        self.disk.count("sync file", Need::Space)?;
        self.file.sync_all()
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Lets the disk work on what is written while more comes, so that little is left to wait for in the end. What goes
    /// wrong there comes up when the file is synced.
    fn begin(&mut self) {
        if self.written - self.begun >= WAITING_BYTES {
            begin_writing(&self.file, self.begun, self.written - self.begun);
            self.begun = self.written;
        }
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.disk.enter("write", Need::Space)? {
            Turn::Go => {
                let written = self.file.write(bytes)?;
                self.written += written as u64;
                self.begin();
                Ok(written)
            }
            Turn::Abort => {
                // A torn write: what a power cut or a kill leaves. Its own failure changes nothing.
                let _ = self.file.write_all(bytes.get(..bytes.len() / 2).unwrap_or_default());
                std::process::abort()
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Linux begins to write what is said to be needed no more.
#[cfg(target_os = "linux")]
fn begin_writing(file: &File, from: u64, bytes: u64) {
    let bytes = std::num::NonZeroU64::new(bytes);
    let _ = rustix::fs::fadvise(file, from, bytes, rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn begin_writing(_: &File, _: u64, _: u64) {}

/// Whether the kernel or the file system does not know this way of renaming.
fn not_supported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_with(from: &Path, to: &Path, flags: rustix::fs::RenameFlags) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(rustix::fs::CWD, from, rustix::fs::CWD, to, flags)?)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    rename_with(from, to, rustix::fs::RenameFlags::NOREPLACE)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_exchange(a: &Path, b: &Path) -> io::Result<()> {
    rename_with(a, b, rustix::fs::RenameFlags::EXCHANGE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_no_replace(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
