//! Times as IRCv3 writes them: `2026-11-20T23:44:55.123Z` (`server-time`).

use std::fmt;

const DAY_MS: i64 = 86_400_000;
/// 9999-12-31T23:59:59.999Z, the last time with a year of four digits.
const UNIX_MS_MAX: i64 = 253_402_300_799_999;

/// A time in Unix milliseconds that displays in the `server-time` form.
///
/// Times before 1970 or after the year 9999 are shown as the nearest time that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerTime(pub i64);

impl fmt::Display for ServerTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.clamp(0, UNIX_MS_MAX);
        let (year, month, day) = civil_from_days(ms / DAY_MS);
        let in_day = ms % DAY_MS;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            in_day / 3_600_000,
            in_day / 60_000 % 60,
            in_day / 1000 % 60,
            in_day % 1000
        )
    }
}

/// Formats Unix milliseconds as a `time` tag value.
pub fn format(unix_ms: i64) -> String {
    ServerTime(unix_ms).to_string()
}

/// Reads a `time` tag value as Unix milliseconds.
///
/// Accepts a fraction of any length or none (digits after the third are dropped) and a leap second,
/// which counts as the second after it. Only UTC, marked by `Z`, is valid.
pub fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || !text.is_ascii() {
        return None;
    }
    for (at, wanted) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        if bytes[at] != wanted {
            return None;
        }
    }
    let year = digits(&bytes[0..4])?;
    let month = digits(&bytes[5..7])?;
    let day = digits(&bytes[8..10])?;
    let hour = digits(&bytes[11..13])?;
    let minute = digits(&bytes[14..16])?;
    let second = digits(&bytes[17..19])?;
    let fraction = bytes[19..].strip_suffix(b"Z")?;
    let mut ms = 0;
    if let Some(fraction) = fraction.strip_prefix(b".") {
        if fraction.is_empty() || !fraction.iter().all(u8::is_ascii_digit) {
            return None;
        }
        for place in 0..3 {
            ms = ms * 10 + fraction.get(place).map_or(0, |b| i64::from(b - b'0'));
        }
    } else if !fraction.is_empty() {
        return None;
    }
    if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    Some(days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + ms)
}

/// The year, month (1–12) and day (1–31) of a day counted from 1970-01-01, in the Gregorian calendar.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    // Years are counted from March, so that the leap day is the last; an era is 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The number of days from 1970-01-01 to a date of the Gregorian calendar.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |number, b| b.is_ascii_digit().then(|| number * 10 + i64::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_parses_known_times() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_321_009_120_000, "2011-11-11T10:58:40.000Z"),
            (1_330_519_445_678, "2012-02-29T12:44:05.678Z"),
            (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (UNIX_MS_MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(format(ms), text);
            assert_eq!(parse(text), Some(ms));
        }
    }

    #[test]
    fn accepts_other_fractions_and_a_leap_second() {
        assert_eq!(parse("1970-01-01T00:00:01Z"), Some(1000));
        assert_eq!(parse("1970-01-01T00:00:01.5Z"), Some(1500));
        assert_eq!(parse("1970-01-01T00:00:01.123456Z"), Some(1123));
        assert_eq!(parse("2016-12-31T23:59:60.000Z"), parse("2017-01-01T00:00:00.000Z"));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "Z",
            "2011-11-11",
            "2011-11-11T10:58:40.000",
            "2011-13-11T10:58:40.000Z",
            "2011-02-29T10:58:40.000Z",
            "2011-11-11T24:58:40.000Z",
            "2011-11-11T10:58:61.000Z",
            "2011-11-11T10:58:40.Z",
            "2011-11-11T10:58:40.aZ",
            "2011-11-11 10:58:40.000Z",
            "2011-11-11T10:58:40,000Z",
            "2011-11-11T10:58:4à.00Z",
            "+011-11-11T10:58:40.000Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn out_of_range_is_clamped() {
        assert_eq!(format(-1), "1970-01-01T00:00:00.000Z");
        assert_eq!(format(i64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
