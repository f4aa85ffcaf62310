//! Writing one line straight into a byte buffer.
//!
//! Whatever text is handed in, a line written here has exactly one line ending, at its end, and the
//! parameters it was given: text from a peer cannot smuggle in a second line or a further parameter.

use std::fmt;
use std::io::Write;

use crate::numeric::Numeric;
use crate::tag::escape_into;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Start,
    Tags,
    Source,
    Command,
    Closed,
}

/// A line being written; call [`Line::end`] to complete it.
///
/// The order is tags, source, command or numeric, parameters, and at most one trailing parameter.
/// A call out of order is a mistake of the caller: debug builds panic, release builds write nothing.
///
/// CR, LF and NUL become a space in a trailing parameter and `_` elsewhere, or are dropped in tags.
/// A middle parameter that would break the grammar is made safe: empty becomes `*`, a space becomes
/// `_`, and a leading colon (in a command also a leading `@`) becomes `_`. Use [`Line::trailing`] for text that must stay as it is.
#[must_use = "a line is complete only after `end`"]
#[derive(Debug)]
pub struct Line<'b> {
    out: &'b mut Vec<u8>,
    body_start: usize,
    stage: Stage,
}

impl<'b> Line<'b> {
    /// Begins a line at the end of `out`.
    #[inline]
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        let body_start = out.len();
        Self { out, body_start, stage: Stage::Start }
    }

    /// Adds a tag; an empty value is written as the key alone. A key outside the grammar is left out.
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        if !self.may(Stage::Tags) || !crate::tag::is_valid_key(key) {
            return self;
        }
        self.out.push(if self.stage == Stage::Start { b'@' } else { b';' });
        self.out.extend_from_slice(key.as_bytes());
        if !value.is_empty() {
            self.out.push(b'=');
            escape_into(value, self.out);
        }
        self.stage = Stage::Tags;
        self
    }

    /// Adds tags that are already in wire form, as [`crate::Message::raw_tags`] gives them.
    ///
    /// Spaces, CR, LF and NUL in them are dropped; nothing is written for an empty text.
    pub fn raw_tags(mut self, raw: &str) -> Self {
        if raw.is_empty() || !self.may(Stage::Tags) {
            return self;
        }
        self.out.push(if self.stage == Stage::Start { b'@' } else { b';' });
        self.out.extend(raw.bytes().filter(|b| !matches!(b, 0 | b'\r' | b'\n' | b' ')));
        self.stage = Stage::Tags;
        self
    }

    /// Sets the source; nothing is written for an empty one.
    #[inline]
    pub fn source(mut self, source: &str) -> Self {
        if source.is_empty() || !self.may(Stage::Source) || self.stage == Stage::Source {
            return self;
        }
        self.close_tags();
        self.out.push(b':');
        push_word(self.out, source.as_bytes());
        self.out.push(b' ');
        self.stage = Stage::Source;
        self
    }

    /// Sets the source from a nick, a user and a host.
    pub fn source_parts(mut self, nick: &str, user: &str, host: &str) -> Self {
        if !self.may(Stage::Source) || self.stage == Stage::Source {
            return self;
        }
        self.close_tags();
        self.out.push(b':');
        push_word(self.out, nick.as_bytes());
        self.out.push(b'!');
        push_word(self.out, user.as_bytes());
        self.out.push(b'@');
        push_word(self.out, host.as_bytes());
        self.out.push(b' ');
        self.stage = Stage::Source;
        self
    }

    /// Sets the command.
    #[inline]
    pub fn command(mut self, command: &str) -> Self {
        if !self.may(Stage::Command) || self.stage == Stage::Command {
            return self;
        }
        self.close_tags();
        let start = self.out.len();
        push_middle(self.out, command.as_bytes());
        // A line without tags and source would otherwise seem to begin with tags.
        if self.out[start] == b'@' {
            self.out[start] = b'_';
        }
        self.stage = Stage::Command;
        self
    }

    /// Sets a numeric as the command.
    #[inline]
    pub fn numeric(mut self, numeric: Numeric) -> Self {
        if !self.may(Stage::Command) || self.stage == Stage::Command {
            return self;
        }
        self.close_tags();
        let code = numeric.code % 1000;
        self.out.extend_from_slice(&[
            b'0' + (code / 100) as u8,
            b'0' + (code / 10 % 10) as u8,
            b'0' + (code % 10) as u8,
        ]);
        self.stage = Stage::Command;
        self
    }

    /// Adds a middle parameter, made safe where it would break the grammar.
    #[inline]
    pub fn param(self, param: &str) -> Self {
        if self.may_param() {
            self.out.push(b' ');
            push_middle(self.out, param.as_bytes());
        }
        self
    }

    /// Adds a number as a middle parameter.
    pub fn number(self, number: u64) -> Self {
        if self.may_param() {
            // Writing to a vector cannot fail.
            let _ = write!(self.out, " {number}");
        }
        self
    }

    /// Adds the last parameter, always with its colon, so that it may be empty or contain spaces.
    #[inline]
    pub fn trailing(mut self, text: &str) -> Self {
        if self.may_param() {
            self.out.extend_from_slice(b" :");
            push_text(self.out, text.as_bytes());
            self.stage = Stage::Closed;
        }
        self
    }

    /// Adds the last parameter from `format_args!`, without an allocation of its own.
    pub fn trailing_fmt(mut self, text: fmt::Arguments<'_>) -> Self {
        if self.may_param() {
            self.out.extend_from_slice(b" :");
            // The sink below never fails; a `Display` that does has written what it could.
            let _ = fmt::write(&mut TextSink(self.out), text);
            self.stage = Stage::Closed;
        }
        self
    }

    /// Bytes of the line so far without its tags.
    pub fn body_len(&self) -> usize {
        if self.stage == Stage::Tags { 0 } else { self.out.len() - self.body_start }
    }

    /// Ends the line with CR LF.
    #[inline]
    pub fn end(self) {
        debug_assert!(self.stage >= Stage::Command, "a line needs a command");
        self.out.extend_from_slice(b"\r\n");
    }

    /// Ends the line, cut at a character so that the body has at most `max` bytes, CR LF included.
    pub fn end_within(self, max: usize) {
        debug_assert!(self.stage >= Stage::Command, "a line needs a command");
        let body_max = max.saturating_sub(2);
        if self.out.len() - self.body_start > body_max {
            let mut cut = self.body_start + body_max;
            while cut > self.body_start && self.out[cut] & 0xC0 == 0x80 {
                cut -= 1;
            }
            self.out.truncate(cut);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    fn may(&self, stage: Stage) -> bool {
        let allowed = self.stage <= stage;
        debug_assert!(allowed, "{stage:?} after {:?}", self.stage);
        allowed
    }

    fn may_param(&self) -> bool {
        let allowed = self.stage == Stage::Command;
        debug_assert!(allowed, "a parameter belongs between the command and the trailing parameter");
        allowed
    }

    fn close_tags(&mut self) {
        if self.stage == Stage::Tags {
            self.out.push(b' ');
            self.body_start = self.out.len();
        }
    }
}

/// Accepts formatted text and keeps it on one line.
struct TextSink<'b>(&'b mut Vec<u8>);

impl fmt::Write for TextSink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_text(self.0, text.as_bytes());
        Ok(())
    }
}

fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    out.extend_from_slice(text);
    for byte in &mut out[start..] {
        if matches!(*byte, 0 | b'\r' | b'\n') {
            *byte = b' ';
        }
    }
}

fn push_word(out: &mut Vec<u8>, word: &[u8]) {
    let start = out.len();
    out.extend_from_slice(word);
    for byte in &mut out[start..] {
        if matches!(*byte, 0 | b'\r' | b'\n' | b' ') {
            *byte = b'_';
        }
    }
}

fn push_middle(out: &mut Vec<u8>, word: &[u8]) {
    if word.is_empty() {
        out.push(b'*');
        return;
    }
    let start = out.len();
    push_word(out, word);
    if out[start] == b':' {
        out[start] = b'_';
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::RPL_WELCOME;

    fn check(write: impl FnOnce(Line<'_>) -> Line<'_>, expected: &str) {
        let mut out = b"before\r\n".to_vec();
        write(Line::new(&mut out)).end();
        let expected = format!("before\r\n{expected}\r\n");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn writes_every_part() {
        check(
            |l| {
                l.tag("msgid", "a")
                    .tag("b", "")
                    .tag("+c", "x; \\y")
                    .source("n!u@h")
                    .command("PRIVMSG")
                    .param("#a")
                    .trailing("hello there")
            },
            "@msgid=a;b;+c=x\\:\\s\\\\y :n!u@h PRIVMSG #a :hello there",
        );
        check(
            |l| l.source("s").numeric(RPL_WELCOME).param("anna").number(42).trailing(""),
            ":s 001 anna 42 :",
        );
        check(|l| l.raw_tags("a=1;b").tag("c", "d").command("X"), "@a=1;b;c=d X");
        check(
            |l| l.source_parts("n", "u", "h").command("X").trailing_fmt(format_args!("{} {}", 1, "a\nb")),
            ":n!u@h X :1 a b",
        );
    }

    #[test]
    fn text_from_a_peer_cannot_break_out() {
        check(|l| l.command("PRIVMSG").param("#a b").trailing("x\r\nQUIT\0"), "PRIVMSG #a_b :x  QUIT ");
        check(|l| l.command("X").param("").param(":y").param("\r\n"), "X * _y __");
        check(|l| l.tag("bad key", "v").tag("a", "\r\n\0").source("a b").command("X"), "@a=\\r\\n :a_b X");
        check(|l| l.raw_tags("a=b c\r\n").command("X"), "@a=bc X");
    }

    #[test]
    fn cuts_the_body_at_a_character() {
        let mut out = Vec::new();
        Line::new(&mut out).tag("a", "bbbbbbbbbbbbbbbb").command("X").trailing("àà").end_within(8);
        assert_eq!(out, "@a=bbbbbbbbbbbbbbbb X :à\r\n".as_bytes());
        let mut out = Vec::new();
        Line::new(&mut out).command("X").trailing("ab").end_within(512);
        assert_eq!(out, b"X :ab\r\n");
    }
}
