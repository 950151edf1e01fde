//! What a job takes from the machine around it: environment variables, the current folder, today's date and the
//! memory. [`Surroundings::of_process`] is the only function of this room that looks at the process; everything else,
//! and every test, gets them as a value.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

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
    /// UTC, as 2026-11-22: the name of the default output folder, and never part of a result file.
    pub today: String,
    /// Bytes the machine, or the container this runs in, has.
    pub memory: u64,
}

impl Surroundings {
    pub fn of_process() -> Result<Surroundings> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
            .filter(|(name, _)| name.starts_with("SEGMINT_"))
            .collect();
        let folder = std::env::current_dir().map_err(|error| Error::io("find", "the current folder", error))?;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Ok(Surroundings { variables, folder, today: date(seconds / 86_400), memory: memory() })
    }
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

/// Days since 1970-01-01 as a date of the Gregorian calendar, year-month-day. Years are counted from March, so that
/// the leap day is a year's last: 146,097 days are 400 years, 36,524 a century, 1,461 four years.
fn date(days: u64) -> String {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates_around_leap_days_and_century_ends() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (19_782, "2024-02-29"),
            (20_779, "2026-11-22"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn the_machines_memory_is_read_from_its_text() {
        assert_eq!(machine_bytes("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16 << 20));
        assert_eq!(machine_bytes("MemFree: 1 kB\n"), None);
        assert_eq!(machine_bytes("MemTotal: many kB\n"), None);
    }
}
