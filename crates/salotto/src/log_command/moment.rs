//! Moments as people write them: `2h`, `14:30`, `yesterday`, `2026-11-20 14:30`, or a full timestamp.

use anyhow::Context;
use jiff::{
    SignedDuration, Timestamp, Zoned,
    civil::{Date, DateTime, Time},
};

/// Reads a moment. A day means its beginning, or its end when `end` is set.
pub fn parse(text: &str, now: &Zoned, end: bool) -> anyhow::Result<Timestamp> {
    let text = text.trim();
    let zone = now.time_zone();
    let day = |date: Date| -> anyhow::Result<Timestamp> {
        let date = if end { date.tomorrow()? } else { date };
        Ok(date.to_zoned(zone.clone())?.timestamp())
    };
    match text {
        "now" | "adesso" => return Ok(now.timestamp()),
        "today" | "oggi" => return day(now.date()),
        "yesterday" | "ieri" => return day(now.date().yesterday()?),
        _ => {}
    }
    if let Some(ago) = ago(text) {
        return Ok(now.timestamp().checked_sub(ago)?);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp);
    }
    if text.len() <= "2026-11-20".len()
        && let Ok(date) = text.parse::<Date>()
    {
        return day(date);
    }
    if let Ok(moment) = text.parse::<DateTime>() {
        return Ok(moment.to_zoned(zone.clone())?.timestamp());
    }
    let time = text.parse::<Time>().ok().context(format!(
        "{text:?} is not a time: write 2026-11-20, \"2026-11-20 14:30\", 14:30, today, yesterday, or 2h, 30m, 7d ago"
    ))?;
    Ok(now.date().to_datetime(time).to_zoned(zone.clone())?.timestamp())
}

/// `90s`, `30m`, `2h`, `7d`, `1w`.
fn ago(text: &str) -> Option<SignedDuration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return None,
    };
    let number: u32 = text[..text.len() - 1].parse().ok()?;
    Some(SignedDuration::from_secs(i64::from(number) * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, end: bool) -> String {
        let now: Zoned = "2026-11-20T15:00:00+01:00[Europe/Rome]".parse().expect("a moment");
        parse(text, &now, end).map_or_else(|error| error.to_string(), |at| at.to_string())
    }

    #[test]
    fn moments_are_read_in_the_readers_time() {
        for (text, expected) in [
            ("now", "2026-11-20T14:00:00Z"),
            ("2h", "2026-11-20T12:00:00Z"),
            ("30m", "2026-11-20T13:30:00Z"),
            ("7d", "2026-11-13T14:00:00Z"),
            ("14:30", "2026-11-20T13:30:00Z"),
            ("today", "2026-11-19T23:00:00Z"),
            ("ieri", "2026-11-18T23:00:00Z"),
            ("2026-11-20", "2026-11-19T23:00:00Z"),
            ("2026-11-20 14:30", "2026-11-20T13:30:00Z"),
            ("2026-11-20T14:30:05", "2026-11-20T13:30:05Z"),
            ("2026-11-20T14:30:05Z", "2026-11-20T14:30:05Z"),
        ] {
            assert_eq!(check(text, false), expected, "{text}");
        }
    }

    #[test]
    fn until_a_day_means_until_its_end() {
        assert_eq!(check("2026-11-20", true), "2026-11-20T23:00:00Z");
        assert_eq!(check("today", true), "2026-11-20T23:00:00Z");
        assert_eq!(check("2026-11-20 14:30", true), "2026-11-20T13:30:00Z");
    }

    #[test]
    fn anything_else_is_refused_with_examples() {
        for text in ["", "soon", "25:00", "2026-13-01", "h", "-2h", "2x", "ò"] {
            assert!(check(text, false).contains("is not a time"), "{text}: {}", check(text, false));
        }
    }
}
