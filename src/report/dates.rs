//! Day numbers as dates: columns of dates are clustered as days since 1970-01-01, and nobody thinks in those.

/// Year, month and day of a day number since 1970-01-01, in the Gregorian calendar. Years are counted from March, so
/// that the leap day is the last of its year.
pub fn civil(days: i64) -> (i64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097) as u64);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era as i64 + i64::from(month <= 2), month, day)
}

/// Days within which a number is taken for a date: the years 1 to 9999.
const DAYS: std::ops::RangeInclusive<f64> = -719_162.0..=2_932_896.0;

/// "2026-02-28"; the day that a number of days falls on. `None` for what is no date.
pub(super) fn date(days: f64) -> Option<String> {
    let days = libm::floor(days);
    DAYS.contains(&days).then(|| {
        let (year, month, day) = civil(days as i64);
        format!("{year:04}-{month:02}-{day:02}")
    })
}

/// "2026-02-28 14:05:09", in UTC; the second that a number of seconds falls on.
pub(super) fn moment(seconds: f64) -> Option<String> {
    let seconds = libm::floor(seconds);
    let date = date(seconds / 86_400.0)?;
    let second = (seconds as i64).rem_euclid(86_400);
    Some(format!("{date} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_numbers_are_dates_over_leap_days_and_before_1970() {
        let dates = [0.0, -1.0, 11_016.0, 11_017.0, 47_540.9, -719_162.0, 2_932_896.0].map(|days| date(days).unwrap());
        let expected =
            ["1970-01-01", "1969-12-31", "2000-02-29", "2000-03-01", "2100-02-28", "0001-01-01", "9999-12-31"];
        assert_eq!(dates, expected);
        assert_eq!((date(1e9), date(f64::NAN)), (None, None));
        assert_eq!(moment(951_782_399.7).as_deref(), Some("2000-02-28 23:59:59"));
        assert_eq!(moment(-1.0).as_deref(), Some("1969-12-31 23:59:59"));
    }
}
