//! From nothing to a published folder: everything is written beside the target, made durable, and becomes visible in
//! one rename. Whatever ends the run before that leaves the target as it was.
//!
//! Beside a target `night` stand, hidden and only while a run works: the lock `.night.segmint-lock` and the staging
//! folder `.night.segmint-staging-<run>`. Who holds the lock owns every other name of that pattern, so what a dead run
//! left is cleared by the next one, and what a living run writes is never touched.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::disk::{Disk, DiskFile};
use super::lock::Lock;
use super::manifest::{FileEntry, MANIFEST, Manifest, RUN_RECORD, read_record, refuse};
use super::staged_file::{StagedFile, write_error};
use crate::error::{Error, Kind, Result};
use crate::job::OutputSettings;

/// How often a parent folder is made again that another run, leaving, has just removed.
const PARENT_ATTEMPTS_MAX: usize = 3;

/// A run's output while it is being written. Dropped without a commit, it leaves nothing behind.
#[derive(Debug)]
pub struct Staging {
    disk: Disk,
    target: PathBuf,
    folder: PathBuf,
    /// What a swapped-out run is called where the file system cannot exchange two folders.
    aside: PathBuf,
    existing: Existing,
    files: Vec<FileEntry>,
    /// Written, and not yet durable.
    unsynced: Vec<(PathBuf, DiskFile)>,
    /// Parent folders that this run made, outermost first.
    parents: Vec<PathBuf>,
    lock: Option<Lock>,
    state: State,
}

/// What stands at the target.
#[derive(Debug)]
enum Existing {
    Nothing,
    /// A run that may be replaced.
    Replace,
    /// A run that may not; it may be the one that was asked for.
    Keep(Box<Manifest>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Writing,
    Published,
}

/// A run folder that is in place and durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub path: PathBuf,
    /// The replaced run, where it could not be removed; the next run to this target tries again.
    pub leftover: Option<PathBuf>,
}

impl Staging {
    /// Takes the lock of the target, clears what dead runs left, looks at what is there, and makes the staging folder.
    /// Refuses at once whatever can never be written over.
    pub fn begin(output: &OutputSettings, disk: &Disk) -> Result<Staging> {
        let target = output.path.clone();
        let Some(name) = target.file_name().map(OsStr::to_os_string) else {
            return Err(refuse(&target, "cannot be made: it names no new folder").hint("give the output a name"));
        };
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let run = run_id();
        let mut staging = Staging {
            disk: disk.clone(),
            folder: parent.join(hidden(&name, &format!("segmint-staging-{run}"))),
            aside: parent.join(hidden(&name, &format!("segmint-aside-{run}"))),
            target,
            existing: Existing::Nothing,
            files: Vec::new(),
            unsynced: Vec::new(),
            parents: Vec::new(),
            lock: None,
            state: State::Writing,
        };
        staging.enter(&parent, &parent.join(hidden(&name, "segmint-lock")))?;
        staging.clear_the_dead(&parent, &name)?;
        staging.existing = inspect(&staging.target, output.overwrite)?;
        let folder = &staging.folder;
        staging.disk.create_folder(folder).map_err(|error| cannot_create(folder, error))?;
        Ok(staging)
    }

    /// Ends the run where a finished run stands at the target that may not be replaced: nothing to do if it is of the
    /// same settings and the same input files, refused otherwise.
    pub fn check_existing(&self, settings: &Value, input_files: &Value) -> Result<()> {
        let Existing::Keep(manifest) = &self.existing else { return Ok(()) };
        let same_input = read_record(&self.target).is_some_and(|record| record.get("input_files") == Some(input_files));
        let same = manifest.segmint == env!("CARGO_PKG_VERSION") && manifest.settings == *settings && same_input;
        if same && manifest.is_whole(&self.target) {
            return Err(Error::new(
                Kind::NothingToDo,
                format!("{} already holds the result of this job on this input", self.target.display()),
            )
            .hint("--overwrite computes it again"));
        }
        let what = match (same, same_input) {
            (true, _) => "holds a damaged run of this job",
            (false, true) => "exists already: a run of another job or another version",
            (false, false) => "exists already: a run on other input",
        };
        Err(refuse(&self.target, what).hint("--overwrite replaces it; or choose another output folder"))
    }

    /// Opens a file of the run. Its name is one of ours, never outside data.
    pub fn file(&self, name: &'static str) -> Result<StagedFile> {
        let path = self.folder.join(name);
        let file = self.disk.create_file(&path).map_err(|error| Error::io("create", path.display(), error))?;
        Ok(StagedFile::new(name, path, file))
    }

    /// Lists a finished file for the manifest. It is made durable together with the others: the disk takes about as long
    /// for all of them as for one.
    pub fn keep(&mut self, file: StagedFile) -> Result<()> {
        let (entry, path, file) = file.finish()?;
        self.files.push(entry);
        self.unsynced.push((path, file));
        Ok(())
    }

    /// Writes a whole file of the run and lists it for the manifest.
    pub fn write(&mut self, name: &'static str, bytes: &[u8]) -> Result<()> {
        let mut file = self.file(name)?;
        file.put(bytes)?;
        self.keep(file)
    }

    /// Bytes of the files kept so far.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Where a file of this run stands until the commit.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes the run record and, last, the manifest; makes everything durable; puts the folder into its place.
    pub fn commit(mut self, settings: Value, input: Value, record: &[u8]) -> Result<Published> {
        self.write_unlisted(RUN_RECORD, record)?;
        let manifest = Manifest::new(settings, input, std::mem::take(&mut self.files));
        let text = serde_json::to_vec_pretty(&manifest).map_err(|error| Error::bug(error.to_string()))?;
        self.write_unlisted(MANIFEST, &text)?;
        for (path, file) in self.unsynced.drain(..) {
            file.sync().map_err(|error| write_error(&path, error))?;
        }
        self.sync(&self.folder)?;
        let replaced = self.put_in_place()?;
        self.state = State::Published;
        self.sync(parent_of(&self.target))?;
        for parent in self.parents.iter().rev() {
            self.sync(parent_of(parent))?;
        }
        let leftover = replaced.filter(|old| self.disk.remove_folder(old).is_err());
        Ok(Published { path: self.target.clone(), leftover })
    }

    /// The one step that can be seen. Gives back where the replaced run is now.
    fn put_in_place(&self) -> Result<Option<PathBuf>> {
        let (disk, from, to) = (&self.disk, &self.folder, &self.target);
        let fail = |error| Error::io("put the finished run into", to.display(), error);
        if !matches!(self.existing, Existing::Replace) {
            return match disk.rename_to_free(from, to) {
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty) =>
                {
                    Err(refuse(to, "was created by someone else while the run worked"))
                }
                result => result.map(|()| None).map_err(fail),
            };
        }
        // Once more, in case somebody has put something into it since.
        match inspect(to, true)? {
            Existing::Nothing => disk.rename_to_free(from, to).map(|()| None).map_err(fail),
            _ => match disk.exchange(from, to) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    disk.rename_to_free(to, &self.aside).map_err(fail)?;
                    if let Err(error) = disk.rename_to_free(from, to) {
                        // The old run goes back; if even that fails, the next start does it.
                        let _ = disk.rename_to_free(&self.aside, to);
                        return Err(fail(error));
                    }
                    Ok(Some(self.aside.clone()))
                }
                result => result.map(|()| Some(from.clone())).map_err(fail),
            },
        }
    }

    /// Makes the parents and takes the lock.
    fn enter(&mut self, parent: &Path, lock: &Path) -> Result<()> {
        for attempt in 1.. {
            self.create_parents(parent)?;
            match Lock::take(lock, &self.disk) {
                Err(_) if attempt < PARENT_ATTEMPTS_MAX && !parent.exists() => continue,
                result => {
                    self.lock = Some(result?);
                    break;
                }
            }
        }
        Ok(())
    }

    fn create_parents(&mut self, parent: &Path) -> Result<()> {
        let missing: Vec<_> =
            parent.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
        for path in missing.into_iter().rev() {
            match self.disk.create_folder(path) {
                Ok(()) => self.parents.push(path.to_path_buf()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot_create(path, error)),
            }
        }
        Ok(())
    }

    /// Removes what dead runs to this target left; puts a run back that one of them had set aside and not replaced.
    fn clear_the_dead(&self, parent: &Path, name: &OsStr) -> Result<()> {
        let staging = hidden(name, "segmint-staging-");
        let aside = hidden(name, "segmint-aside-");
        for entry in fs::read_dir(parent).map_err(|error| Error::io("list", parent.display(), error))? {
            let entry = entry.map_err(|error| Error::io("list", parent.display(), error))?;
            let path = entry.path();
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let found = entry.file_name();
            let cleared = if has_run_id(&found, &aside) && self.target.symlink_metadata().is_err() {
                self.disk.rename_to_free(&path, &self.target)
            } else if has_run_id(&found, &aside) || has_run_id(&found, &staging) {
                self.disk.remove_folder(&path)
            } else {
                Ok(())
            };
            cleared.map_err(|error| {
                Error::new(Kind::Output, format!("cannot clear what an earlier run left at {}", path.display()))
                    .hint("remove it by hand")
                    .because(error)
            })?;
        }
        Ok(())
    }

    fn write_unlisted(&mut self, name: &'static str, bytes: &[u8]) -> Result<()> {
        let mut file = self.file(name)?;
        file.put(bytes)?;
        let (_, path, file) = file.finish()?;
        self.unsynced.push((path, file));
        Ok(())
    }

    fn sync(&self, folder: &Path) -> Result<()> {
        self.disk.sync_folder(folder).map_err(|error| Error::io("sync", folder.display(), error))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Best effort: what cannot be removed now is hidden, and cleared by the next start.
        if self.state == State::Writing && self.folder.exists() {
            let _ = self.disk.remove_folder(&self.folder);
        }
        drop(self.lock.take());
        if self.state == State::Writing {
            for parent in self.parents.iter().rev() {
                let _ = self.disk.remove_empty_folder(parent);
            }
        }
    }
}

/// What stands at the target, or why it can never be written over.
fn inspect(target: &Path, overwrite: bool) -> Result<Existing> {
    let found = match target.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Existing::Nothing),
        Err(error) => return Err(refuse(target, "cannot be looked at").because(error)),
        Ok(found) => found,
    };
    let elsewhere = "choose another output folder";
    if found.is_symlink() {
        return Err(refuse(target, "is a symbolic link; a run does not write through one").hint(elsewhere));
    }
    if !found.is_dir() {
        return Err(refuse(target, "exists already and is not a folder").hint(elsewhere));
    }
    let Some(manifest) = Manifest::read(target) else {
        return Err(
            refuse(target, "exists already and is not a run of segmint; it is never overwritten").hint(elsewhere)
        );
    };
    if !overwrite {
        return Ok(Existing::Keep(Box::new(manifest)));
    }
    let strangers = manifest.strangers(target)?;
    if let Some(first) = strangers.first() {
        let text = format!("holds {} file(s) that are not of a run, {first:?} among them", strangers.len());
        return Err(refuse(target, text).hint("move them out of the way before --overwrite"));
    }
    Ok(Existing::Replace)
}

fn cannot_create(path: &Path, error: io::Error) -> Error {
    Error::new(Kind::Output, format!("cannot create {}", path.display()))
        .hint("the output's parent must be a writable folder")
        .because(error)
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `.name.suffix`
fn hidden(name: &OsStr, suffix: &str) -> OsString {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".");
    hidden.push(suffix);
    hidden
}

const RUN_ID_DIGITS: usize = 16;

/// Tells runs apart that one lock keeps apart already; nothing depends on it being unguessable.
fn run_id() -> String {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    let text = format!("{clock} {}", std::process::id());
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()))
}

/// Whether `name` is `prefix` and a run id behind it, and nothing more.
fn has_run_id(name: &OsStr, prefix: &OsStr) -> bool {
    let (name, prefix) = (name.as_encoded_bytes(), prefix.as_encoded_bytes());
    name.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == RUN_ID_DIGITS && rest.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_run_id_behind_our_own_name_is_ours_to_clear() {
        let prefix = hidden(OsStr::new("a"), "segmint-staging-");
        for (name, ours) in [
            (".a.segmint-staging-0123456789abcdef", true),
            (".a.segmint-staging-0123456789abcdeF", false),
            (".a.segmint-staging-0123456789abcdef.segmint-lock", false),
            (".a.segmint-staging-", false),
            (".ab.segmint-staging-0123456789abcdef", false),
            ("a.segmint-staging-0123456789abcdef", false),
        ] {
            assert_eq!(has_run_id(OsStr::new(name), &prefix), ours, "{name}");
        }
        assert_eq!(run_id().len(), RUN_ID_DIGITS);
    }
}
