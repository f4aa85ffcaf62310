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

/// A day with the Unix milliseconds that belong to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DaySpan {
    date: Date,
    from_ms: i64,
    until_ms: i64,
}

impl DaySpan {
    /// The day that a moment belongs to.
    pub(crate) fn of(time_ms: i64, zone: &TimeZone) -> Self {
        let date = day(time_ms, zone);
        let start = |date: Date| date.to_zoned(zone.clone()).map(|z| z.timestamp().as_millisecond());
        let from_ms = start(date).unwrap_or(time_ms);
        // At the end of the calendar a day is as long as its one moment.
        let until_ms = date.tomorrow().and_then(start).unwrap_or(time_ms);
        Self { date, from_ms, until_ms }
    }

    pub(crate) fn date(&self) -> Date {
        self.date
    }

    /// Whether a moment belongs to the day.
    pub(crate) fn contains(&self, time_ms: i64) -> bool {
        (self.from_ms..self.until_ms).contains(&time_ms)
    }
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
    fn a_day_ends_where_the_next_begins() {
        let east = TimeZone::fixed(jiff::tz::offset(2));
        let span = DaySpan::of(23 * 3_600_000, &east);
        assert_eq!(span.date(), date(1970, 1, 2));
        assert!(!span.contains(22 * 3_600_000 - 1) && span.contains(22 * 3_600_000));
        assert!(span.contains(46 * 3_600_000 - 1) && !span.contains(46 * 3_600_000));
        assert!(!DaySpan::of(i64::MAX, &east).contains(0));
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
