//! What a job takes from the machine around it: environment variables, the current folder, today's date and the
//! memory. [`Surroundings::of_process`] is the only function of this room that looks at the process; everything else,
//! and every test, gets them as a value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Taken where the machine does not tell how much memory it has.
const MEMORY_UNKNOWN: u64 = 8 << 30;

/// What a job takes from the machine around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// Variables whose name starts with SEGMINT_.
    pub variables: BTreeMap<String, String>,
    /// Relative paths of flags and variables are relative to this. Absolute.
    pub folder: PathBuf,
    /// As 2026-11-22: the name of the default output folder, and never part of a result file.
    pub today: String,
    /// Bytes the machine, or the container this runs in, has.
    pub memory: u64,
    /// Where programs of this user keep what they could make again; None where the system does not tell.
    pub cache: Option<PathBuf>,
}

impl Surroundings {
    /// `today` as 2026-11-22, in UTC.
    pub fn of_process(today: &str) -> Result<Surroundings> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
            .filter(|(name, _)| name.starts_with("SEGMINT_"))
            .collect();
        let folder = std::env::current_dir().map_err(|error| Error::io("find", "the current folder", error))?;
        Ok(Surroundings { variables, folder, today: today.to_owned(), memory: memory(), cache: cache() })
    }

    /// The same without variables: for a job that is ours from end to end.
    pub fn without_variables(self) -> Surroundings {
        Surroundings { variables: BTreeMap::new(), ..self }
    }

    /// A file, folder or glob that was typed, made absolute. Where it is a glob, the current folder in front of it is
    /// protected: a folder may well be called "[old]".
    pub fn absolute(&self, typed: &str) -> String {
        absolute_pattern(&self.folder, typed)
    }
}

/// A path or glob made absolute, the folder in front of a glob protected.
pub(super) fn absolute_pattern(folder: &Path, path: &str) -> String {
    if Path::new(path).is_absolute() {
        return path.to_owned();
    }
    let is_special = |c: char| matches!(c, '*' | '?' | '[' | ']');
    let folder = folder.to_string_lossy().into_owned();
    if !path.contains(is_special) || !folder.contains(is_special) {
        return tidy(&Path::new(&folder).join(path)).to_string_lossy().into_owned();
    }
    let escaped: String =
        folder.chars().map(|c| if is_special(c) { format!("[{c}]") } else { c.to_string() }).collect();
    Path::new(&escaped).join(path).to_string_lossy().into_owned()
}

/// Without the `.` parts, which mean nothing; `..` stays, because a link may stand in front of it.
pub(super) fn tidy(path: &Path) -> PathBuf {
    path.components().collect()
}

/// A folder of our own among those of the user's caches.
fn cache() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        folder("HOME").map(|home| home.join("Library/Caches"))
    } else {
        folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))
    };
    caches.map(|caches| caches.join("segmint"))
}

/// The smaller of what the machine has and what the container may use.
fn memory() -> u64 {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| machine_bytes(&text));
    let container = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .find_map(|file| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    match (machine, container) {
        (Some(machine), Some(container)) => machine.min(container),
        (Some(bytes), None) | (None, Some(bytes)) => bytes,
        (None, None) => MEMORY_UNKNOWN,
    }
}

/// Total memory out of the text of /proc/meminfo.
fn machine_bytes(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_memory_is_read_from_its_text() {
        assert_eq!(machine_bytes("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16 << 20));
        assert_eq!(machine_bytes("MemFree: 1 kB\n"), None);
        assert_eq!(machine_bytes("MemTotal: many kB\n"), None);
    }
}
