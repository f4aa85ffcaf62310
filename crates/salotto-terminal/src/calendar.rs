//! Times and days as a person reads them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::language::Language;

/// The hour and minute of a Unix time in milliseconds: `20:15`.
pub(crate) fn clock(time_ms: i64, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(time_ms) {
        Ok(timestamp) => {
            let time = zone.to_datetime(timestamp).time();
            format!("{:02}:{:02}", time.hour(), time.minute())
        }
        Err(_) => "--:--".to_owned(),
    }
}

/// The day of a Unix time in milliseconds.
pub(crate) fn day(time_ms: i64, zone: &TimeZone) -> Date {
    Timestamp::from_millisecond(time_ms).map_or(Date::ZERO, |t| zone.to_datetime(t).date())
}

/// A day as seen from today: today, yesterday, a weekday of this week, or the date.
pub(crate) fn day_name(day: Date, today: Date, language: Language) -> String {
    let age = day.until(today).map_or(i32::MAX, |span| span.get_days());
    let weekday = language.weekday(day.weekday().to_monday_zero_offset() as usize);
    match age {
        0 => language.today().to_owned(),
        1 => language.yesterday().to_owned(),
        2..=6 => weekday.to_owned(),
        _ => {
            let month = language.month((day.month() - 1) as usize);
            language.pick(
                format!("{weekday} {} {month} {}", day.day(), day.year()),
                format!("{weekday} {} {month} {}", day.day(), day.year()),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_are_named_from_today() {
        let today = date(2026, 11, 20);
        for (day, english, italian) in [
            (date(2026, 11, 20), "Today", "Oggi"),
            (date(2026, 11, 19), "Yesterday", "Ieri"),
            (date(2026, 11, 16), "Monday", "lunedì"),
            (date(2026, 1, 2), "Friday 2 January 2026", "venerdì 2 gennaio 2026"),
            (date(2026, 11, 21), "Saturday 21 November 2026", "sabato 21 novembre 2026"),
        ] {
            assert_eq!(day_name(day, today, Language::English), english);
            assert_eq!(day_name(day, today, Language::Italian), italian);
        }
    }

    #[test]
    fn clocks_follow_the_zone() {
        let east = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(clock(0, &TimeZone::UTC), "00:00");
        assert_eq!(clock(0, &east), "02:00");
        assert_eq!(clock(i64::MAX, &TimeZone::UTC), "--:--");
        assert_eq!(day(23 * 3_600_000, &east), date(1970, 1, 2));
    }
}
