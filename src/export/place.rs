//! Where a list goes: a file that is complete or absent. It is written beside its place, synced, and given its name in
//! one step.

use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;

use crate::error::{Error, Kind, Place, Result};

/// What to do with a file that lies where the list shall go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Refuse,
    Replace,
}

/// Bytes that are written together.
const BUFFER_BYTES: usize = 1 << 18;

/// Gives `work` a place to write to, and what was written its name.
pub(super) fn write<T>(
    path: &Path,
    existing: Existing,
    work: impl FnOnce(&mut (dyn Write + Send)) -> Result<T>,
) -> Result<T> {
    let create =
        |error: std::io::Error| Error::new(Kind::Output, "cannot create the list").at(place(path)).because(error);
    match path.symlink_metadata() {
        Ok(found) if existing == Existing::Refuse || found.is_dir() => return Err(exists(path)),
        _ => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut staged = staged(folder).map_err(create)?;
    let failed = |error: std::io::Error| Error::new(Kind::Io, "cannot write the list").at(place(path)).because(error);
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, staged.as_file_mut());
    let done = work(&mut out)?;
    out.flush().map_err(failed)?;
    drop(out);
    staged.as_file().sync_all().map_err(failed)?;
    let named = match existing {
        Existing::Refuse => staged.persist_noclobber(path),
        Existing::Replace => staged.persist(path),
    };
    match named {
        Ok(_) => Ok(done),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Err(exists(path)),
        Err(error) => Err(create(error.error)),
    }
}

/// A file beside the target that vanishes unless it is given its name.
fn staged(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".segmint-export-").suffix(".tmp");
    #[cfg(unix)]
    {
        // As any new file: the process's mask decides who may read it.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

fn exists(path: &Path) -> Error {
    let error = Error::new(Kind::Output, "something lies there already").at(place(path));
    match path.is_dir() {
        true => error.hint("it is a folder: name a file"),
        false => error.hint("name another file, or say --overwrite"),
    }
}

fn place(path: &Path) -> Place {
    Place { file: Some(path.display().to_string()), ..Place::default() }
}
