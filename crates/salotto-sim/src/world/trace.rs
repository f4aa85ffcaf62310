//! What happened, for comparing runs and for reading.

use std::fmt;

use super::agenda::Moment;

/// Every event of a run, hashed; and written down in words when somebody will read it.
pub(super) struct Trace {
    hasher: blake3::Hasher,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub fn new(keep: bool) -> Trace {
        Trace { hasher: blake3::Hasher::new(), lines: keep.then(Vec::new) }
    }

    /// Notes something that concerns a connection or a person, with its bytes.
    pub fn note(&mut self, now: Moment, what: &str, who: usize, text: &str) {
        self.hasher.update(&now.to_le_bytes());
        self.hasher.update(what.as_bytes());
        self.hasher.update(&(who as u64).to_le_bytes());
        self.hasher.update(text.as_bytes());
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>12.6} {what} {who} {text}", now as f64 / 1e6));
        }
    }

    /// Notes something in words; they are made whether or not anybody reads them, so this is for rare events.
    pub fn say(&mut self, now: Moment, text: fmt::Arguments<'_>) {
        self.note(now, "--", 0, &text.to_string());
    }

    pub fn finish(self) -> ([u8; 32], Vec<String>) {
        (*self.hasher.finalize().as_bytes(), self.lines.unwrap_or_default())
    }
}
