//! What happened, for comparing runs and for reading.

use std::fmt;

use super::agenda::Moment;

/// Every event of a run, hashed; and written down in words when somebody will read it.
pub(super) struct Trace {
    hasher: blake3::Hasher,
    /// Not hashed yet: many small pieces are slower than few.
    gathered: Vec<u8>,
    lines: Option<Vec<String>>,
}

/// How many bytes are gathered before they are hashed.
const GATHERED_MAX: usize = 16 * 1024;

impl Trace {
    pub fn new(keep: bool) -> Trace {
        Trace { hasher: blake3::Hasher::new(), gathered: Vec::new(), lines: keep.then(Vec::new) }
    }

    /// Notes something that concerns a connection or a person, with its bytes.
    pub fn note(&mut self, now: Moment, what: &str, who: usize, bytes: &[u8]) {
        for part in [&now.to_le_bytes()[..], what.as_bytes(), &(who as u64).to_le_bytes(), bytes] {
            self.gathered.extend_from_slice(part);
        }
        if self.gathered.len() > GATHERED_MAX {
            self.hasher.update(&self.gathered);
            self.gathered.clear();
        }
        let Some(lines) = &mut self.lines else { return };
        let text = String::from_utf8_lossy(bytes);
        for line in text.split_terminator("\r\n").chain(text.is_empty().then_some("")) {
            lines.push(format!("{:>12.6} {what} {who} {line}", now as f64 / 1e6));
        }
    }

    /// Notes something in words; they are made whether or not anybody reads them, so this is for rare events.
    pub fn say(&mut self, now: Moment, text: fmt::Arguments<'_>) {
        self.note(now, "--", 0, text.to_string().as_bytes());
    }

    pub fn finish(mut self) -> ([u8; 32], Vec<String>) {
        self.hasher.update(&self.gathered);
        (*self.hasher.finalize().as_bytes(), self.lines.unwrap_or_default())
    }
}
