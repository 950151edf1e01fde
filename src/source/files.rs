//! Which files a path stands for, in the byte order of their paths.
//!
//! A path is a file, a folder (searched through, hidden and `_` names left out) or a glob. `key=value` folders below
//! the part of the path that is the same for all files become columns.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::observe::Observe;

/// Folders inside folders that are searched.
const DEPTH_MAX: usize = 64;
/// More files than any table should have; a wrong folder is found out here and not hours later.
const FILES_MAX: usize = 1_000_000;
/// Names a Parquet file may end in inside a folder. A file named directly may be called anything.
const ENDINGS: [&str; 3] = ["parquet", "parq", "pq"];

/// One file of the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// The path below the root with `/` between its parts: the order of the files, and what messages call them.
    pub relative: String,
    pub path: PathBuf,
}

/// The files that `path` stands for; never empty.
pub(super) fn find(path: &str, observe: &Observe) -> Result<Vec<Found>> {
    if let Some((scheme, _)) = path.split_once("://") {
        return Err(Error::new(Kind::JobFile, format!("{scheme}:// paths cannot be read; only local files can"))
            .hint("copy the files to a local folder and name that"));
    }
    let literal = Path::new(path);
    let mut search = Search { found: Vec::new(), other: 0, open_folders: Vec::new() };
    match std::fs::metadata(literal) {
        Ok(metadata) if metadata.is_dir() => search.folder(literal, literal)?,
        Ok(_) => {
            let name = literal.file_name().map(Path::new).unwrap_or(literal);
            search.found.push(Found { relative: slashed(name), path: literal.into() });
        }
        Err(_) if is_glob(path) => search.glob(path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::new(Kind::InputMissing, format!("{path} does not exist")));
        }
        Err(error) => return Err(Error::io("read", path, error)),
    }
    if search.found.is_empty() {
        let what = if is_glob(path) { "matches no Parquet file" } else { "holds no Parquet file" };
        return Err(Error::new(Kind::InputMissing, format!("{path} {what}")).hint(format!(
            "inside folders, files are read whose name ends in {} and does not begin with '.' or '_'",
            ENDINGS.map(|ending| format!(".{ending}")).join(", ")
        )));
    }
    if search.other > 0 {
        let files = if search.other == 1 { "1 file is".into() } else { format!("{} files are", search.other) };
        observe.warn_data(format!("in {path} {files} not named as Parquet and left out"));
    }
    search.found.sort();
    search.found.dedup();
    Ok(search.found)
}

struct Search {
    found: Vec<Found>,
    /// Files left out because of their names.
    other: u64,
    /// The real paths of the folders being searched: a link back to one of them is a circle.
    open_folders: Vec<PathBuf>,
}

impl Search {
    fn folder(&mut self, folder: &Path, root: &Path) -> Result<()> {
        let fail = |error| Error::io("read the folder", folder.display(), error);
        let real = folder.canonicalize().map_err(fail)?;
        if self.open_folders.len() >= DEPTH_MAX || self.open_folders.contains(&real) {
            return Err(Error::new(Kind::InputMissing, format!("{} leads into itself", folder.display()))
                .hint(format!("folders may lie at most {DEPTH_MAX} deep, without circles of links")));
        }
        self.open_folders.push(real);
        for entry in std::fs::read_dir(folder).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if is_hidden(&path) {
                continue;
            }
            let metadata = std::fs::metadata(&path).map_err(|error| Error::io("read", path.display(), error))?;
            if metadata.is_dir() {
                self.folder(&path, root)?;
            } else if has_ending(&path) {
                self.add(&path, root)?;
            } else {
                self.other += 1;
            }
        }
        self.open_folders.pop();
        Ok(())
    }

    fn glob(&mut self, pattern: &str) -> Result<()> {
        let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
        let matches = glob::glob_with(pattern, options)
            .map_err(|error| Error::new(Kind::JobFile, format!("{pattern:?} is not a glob")).because(error))?;
        let root = fixed_part(pattern);
        for entry in matches {
            let path = entry.map_err(|error| {
                let path = error.path().display().to_string();
                Error::io("read", path, error.into())
            })?;
            if is_hidden(&path) {
                continue;
            }
            if path.is_dir() {
                self.folder(&path, &root)?;
            } else {
                self.add(&path, &root)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, root: &Path) -> Result<()> {
        if self.found.len() >= FILES_MAX {
            return Err(Error::bad_data(format!("there are more than {FILES_MAX} files below {}", root.display())));
        }
        let relative = slashed(path.strip_prefix(root).unwrap_or(path));
        self.found.push(Found { relative, path: path.into() });
        Ok(())
    }
}

fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The folder that all matches of a glob lie in: everything before the first part with a wildcard.
fn fixed_part(pattern: &str) -> PathBuf {
    Path::new(pattern).components().take_while(|part| !is_glob(&part.as_os_str().to_string_lossy())).collect()
}

/// Names beginning with `.` or `_` belong to other tools, but `_key=value` is a partition.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

fn has_ending(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    ENDINGS.contains(&ending.as_str())
}

fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
}

/// The `key=value` folders of a relative path. `None` stands for a missing value.
pub(super) fn partitions(relative: &str) -> Vec<(String, Option<String>)> {
    /// What Hive and Spark write for a null.
    const NULL_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";
    let mut folders: Vec<&str> = relative.split('/').collect();
    folders.pop();
    folders
        .into_iter()
        .filter_map(|folder| folder.split_once('='))
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (unescaped(key), (value != NULL_VALUE).then(|| unescaped(value))))
        .collect()
}

/// `%2F` and the like, as Hive writes characters that a path cannot hold.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(root)).and_then(|()| std::fs::write(&path, b"")).ok();
        }
    }

    fn names(path: &Path) -> Vec<String> {
        let found = find(&path.to_string_lossy(), &Observe::default()).unwrap_or_default();
        found.into_iter().map(|file| file.relative).collect()
    }

    #[test]
    fn a_folder_is_searched_through_in_the_byte_order_of_paths() {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        let root = folder.path();
        touch(root, &["b.parquet", "B.PARQUET", "a/2.pq", "a/10.pq", "_temporary/x.parquet", ".hidden.parquet"]);
        touch(root, &["_SUCCESS", "notes.txt", "a-.parquet", "_year=2020/c.parq"]);
        assert_eq!(names(root), ["B.PARQUET", "_year=2020/c.parq", "a-.parquet", "a/10.pq", "a/2.pq", "b.parquet"]);
        assert_eq!(names(&root.join("a/2.pq")), ["2.pq"]);
        assert_eq!(names(&root.join("*.parquet")), ["a-.parquet", "b.parquet"]);
        assert_eq!(names(&root.join("*/*.pq")), ["a/10.pq", "a/2.pq"]);
        assert_eq!(names(&root.join("**/1*.pq")), ["a/10.pq"]);
    }

    #[test]
    fn nothing_found_is_said_so() {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        touch(folder.path(), &["notes.txt"]);
        let kind = |path: &Path| find(&path.to_string_lossy(), &Observe::default()).map_err(|e| e.kind());
        assert_eq!(kind(folder.path()), Err(Kind::InputMissing));
        assert_eq!(kind(&folder.path().join("none")), Err(Kind::InputMissing));
        assert_eq!(kind(&folder.path().join("*.parquet")), Err(Kind::InputMissing));
        assert_eq!(kind(Path::new("s3://bucket/x")), Err(Kind::JobFile));
    }

    #[cfg(unix)]
    #[test]
    fn a_circle_of_links_ends() {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).ok();
        assert!(find(&folder.path().to_string_lossy(), &Observe::default()).is_err());
    }

    #[test]
    fn key_value_folders_are_read() {
        let some = |text: &str| Some(text.to_string());
        assert_eq!(
            partitions("year=2020/a%20b=x%2Fy/none=__HIVE_DEFAULT_PARTITION__/plain/k=v.parquet"),
            [("year".into(), some("2020")), ("a b".into(), some("x/y")), ("none".into(), None)]
        );
    }
}
