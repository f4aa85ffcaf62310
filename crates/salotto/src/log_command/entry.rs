//! One line of a log file.

use std::fmt::Write;

use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::EventKind;

/// What the server wrote about one moment.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// When.
    #[serde(rename = "timestamp")]
    pub at: Timestamp,
    /// How severe: `ERROR`, `WARN`, `INFO` …
    pub level: String,
    /// The words of the programmer.
    #[serde(default)]
    pub message: String,
    /// What happened to the connection, when it is about one.
    pub event: Option<String>,
    /// The connection's number.
    pub connection: Option<u64>,
    /// Where it came from.
    pub address: Option<String>,
    /// The name of the person.
    pub name: Option<String>,
    /// The account of the person.
    pub account: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What it speaks.
    pub kind: Option<String>,
    /// Whatever else was written.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Entry {
    /// Reads a line of JSON; none when it is not one of ours.
    pub fn parse(line: &str) -> Option<Self> {
        let mut entry: Self = serde_json::from_str(line).ok()?;
        // Which part of the program wrote it says nothing to whoever searches.
        entry.other.remove("target");
        for text in [&mut entry.name, &mut entry.account, &mut entry.reason] {
            text.take_if(|text| text.is_empty());
        }
        Some(entry)
    }

    /// The kind of event; every warning and error counts as one that went wrong.
    pub fn event_kind(&self) -> Option<EventKind> {
        match self.event.as_deref() {
            Some("connect") => Some(EventKind::Connect),
            Some("sign_in") => Some(EventKind::SignIn),
            Some("disconnect") => Some(EventKind::Disconnect),
            Some("error") => Some(EventKind::Error),
            _ => matches!(self.level.as_str(), "ERROR" | "WARN").then_some(EventKind::Error),
        }
    }

    /// The entry as one line for people: time, event, connection, name, address, the rest.
    ///
    /// Names and reasons come from strangers, so control characters are written out.
    pub fn line(&self, zone: &TimeZone) -> String {
        let time = self.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S");
        let what = self.event.as_deref().unwrap_or(match self.level.as_str() {
            "ERROR" => "error",
            "WARN" => "warning",
            _ => "server",
        });
        let mut line = format!("{time}  {:<10}", visible(what));
        // Writing into a string does not fail.
        if let Some(connection) = self.connection {
            let _ = write!(line, "  #{connection}");
        }
        match (&self.name, &self.account) {
            (Some(name), Some(account)) if name != account => {
                let _ = write!(line, "  {} ({})", visible(name), visible(account));
            }
            (Some(name), _) | (None, Some(name)) => {
                let _ = write!(line, "  {}", visible(name));
            }
            (None, None) => {}
        }
        if let Some(address) = &self.address {
            let _ = write!(line, "  {}", visible(address));
        }
        if let Some(kind) = &self.kind {
            let _ = write!(line, "  {}", visible(kind));
        }
        let about_connection = self.event.is_some();
        if !about_connection && !self.message.is_empty() {
            let _ = write!(line, "  {}", visible(&self.message));
        }
        if let Some(reason) = &self.reason {
            let _ = write!(line, "  {}", visible(reason));
        }
        for (key, value) in &self.other {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = write!(line, "  {}={}", visible(key), visible(&text));
        }
        line
    }
}

/// The text with its control characters, and those that turn the direction of writing, written out.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                c.escape_unicode().to_string()
            }
            c if c.is_control() => c.escape_default().to_string(),
            c => c.to_string(),
        })
        .collect()
}
