//! One line of IRC, parsed without a copy.

use std::borrow::Cow;

use thiserror::Error;

use crate::PARAMS_MAX;
use crate::tag::{Tags, unescape};

/// Why a line is not a message. One variant for each broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseError {
    /// The line has nothing but spaces; servers ignore such lines silently.
    #[error("the line is empty")]
    Empty,
    /// The line contains NUL, CR or LF, which no message may contain.
    #[error("the line contains NUL, CR or LF")]
    ForbiddenCharacter,
    /// The line ends after its tags or its source, or has a second source or tag section there.
    #[error("the line has no command")]
    NoCommand,
}

/// Who a message comes from: a server name, a nick, or `nick!user@host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'a> {
    /// The nick, or the whole name of a server.
    pub nick: &'a str,
    /// The part between `!` and `@`.
    pub user: Option<&'a str>,
    /// The part after `@`.
    pub host: Option<&'a str>,
}

impl<'a> Source<'a> {
    /// Takes a source apart. Any text is a source; missing parts are `None`.
    pub fn parse(source: &'a str) -> Self {
        let (front, host) = match source.split_once('@') {
            Some((front, host)) => (front, Some(host)),
            None => (source, None),
        };
        match front.split_once('!') {
            Some((nick, user)) => Self { nick, user: Some(user), host },
            None => Self { nick: front, user: None, host },
        }
    }
}

/// A parsed line that borrows everything from its text (Modern IRC, "Message Format").
///
/// Parsing allocates nothing; tag values are unescaped when asked for.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    raw_tags: &'a str,
    source: Option<&'a str>,
    command: &'a str,
    params: [&'a str; PARAMS_MAX],
    params_len: u8,
}

impl<'a> Message<'a> {
    /// Parses a line without its line ending.
    ///
    /// Runs of spaces count as one. The fifteenth parameter takes the rest of the line.
    pub fn parse(line: &'a str) -> Result<Self, ParseError> {
        if line.bytes().any(|b| matches!(b, 0 | b'\r' | b'\n')) {
            return Err(ParseError::ForbiddenCharacter);
        }
        let mut rest = line.trim_start_matches(' ');
        if rest.is_empty() {
            return Err(ParseError::Empty);
        }
        let mut raw_tags = "";
        if let Some(tagged) = rest.strip_prefix('@') {
            (raw_tags, rest) = word(tagged);
        }
        let mut source = None;
        if let Some(sourced) = rest.strip_prefix(':') {
            let (name, after) = word(sourced);
            source = Some(name);
            rest = after;
        }
        let (command, mut rest) = word(rest);
        if command.is_empty() || command.starts_with([':', '@']) {
            return Err(ParseError::NoCommand);
        }
        let mut params = [""; PARAMS_MAX];
        let mut params_len = 0;
        while !rest.is_empty() {
            if let Some(trailing) = rest.strip_prefix(':') {
                params[params_len] = trailing;
                params_len += 1;
                break;
            }
            if params_len == PARAMS_MAX - 1 {
                params[params_len] = rest;
                params_len += 1;
                break;
            }
            (params[params_len], rest) = word(rest);
            params_len += 1;
        }
        Ok(Self { raw_tags, source, command, params, params_len: params_len as u8 })
    }

    /// The tags, lazily unescaped.
    pub fn tags(&self) -> Tags<'a> {
        Tags::new(self.raw_tags)
    }

    /// The unescaped value of a tag; empty for a tag without a value, `None` when absent.
    ///
    /// Of several tags with one key the last counts.
    pub fn tag(&self, key: &str) -> Option<Cow<'a, str>> {
        if self.raw_tags.is_empty() {
            return None;
        }
        self.raw_tags.rsplit(';').find_map(|tag| {
            let (name, value) = tag.split_once('=').unwrap_or((tag, ""));
            (name == key).then(|| unescape(value))
        })
    }

    /// The tag section as sent, without `@` and the space after it; empty when there is none.
    pub fn raw_tags(&self) -> &'a str {
        self.raw_tags
    }

    /// The source as sent, without its colon.
    pub fn source(&self) -> Option<&'a str> {
        self.source
    }

    /// The source taken apart.
    pub fn source_parts(&self) -> Option<Source<'a>> {
        self.source.map(Source::parse)
    }

    /// The nick (or server name) of the source; empty when there is no source.
    pub fn nick(&self) -> &'a str {
        self.source_parts().map_or("", |s| s.nick)
    }

    /// The command or three-digit numeric, in the case it was sent in.
    pub fn command(&self) -> &'a str {
        self.command
    }

    /// The parameters, at most fifteen.
    pub fn params(&self) -> &[&'a str] {
        &self.params[..usize::from(self.params_len)]
    }

    /// The parameter at an index counted from 0.
    pub fn param(&self, index: usize) -> Option<&'a str> {
        self.params().get(index).copied()
    }

    /// The last parameter, where IRC keeps its human text.
    pub fn last_param(&self) -> Option<&'a str> {
        self.params().last().copied()
    }
}

impl PartialEq for Message<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.raw_tags, self.source, self.command, self.params())
            == (other.raw_tags, other.source, other.command, other.params())
    }
}

impl Eq for Message<'_> {}

/// How many bytes the two limited parts of a line have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of the tag section, `@` and the space after it included; 0 without tags.
    pub tags: usize,
    /// Bytes of the rest, without the line ending.
    pub body: usize,
}

/// Measures a line against the two limits of `message-tags`, without parsing it.
pub fn sizes(line: &str) -> Sizes {
    if !line.starts_with('@') {
        return Sizes { tags: 0, body: line.len() };
    }
    match line.find(' ') {
        Some(space) => Sizes { tags: space + 1, body: line.len() - space - 1 },
        None => Sizes { tags: line.len(), body: 0 },
    }
}

/// Splits off the first word, and the spaces after it.
fn word(text: &str) -> (&str, &str) {
    match text.find(' ') {
        Some(space) => (&text[..space], text[space..].trim_start_matches(' ')),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line, tags, source, command, parameters.
    type Row = (&'static str, &'static str, Option<&'static str>, &'static str, &'static [&'static str]);

    #[test]
    fn parses_the_documented_examples() {
        let rows: &[Row] = &[
            (":irc.example.com CAP * LIST :", "", Some("irc.example.com"), "CAP", &["*", "LIST", ""]),
            ("CAP * LS :multi-prefix sasl", "", None, "CAP", &["*", "LS", "multi-prefix sasl"]),
            ("CAP REQ :sasl message-tags foo", "", None, "CAP", &["REQ", "sasl message-tags foo"]),
            (
                ":dan!d@localhost PRIVMSG #chan :Hey!",
                "",
                Some("dan!d@localhost"),
                "PRIVMSG",
                &["#chan", "Hey!"],
            ),
            (
                ":dan!d@localhost PRIVMSG #chan Hey!",
                "",
                Some("dan!d@localhost"),
                "PRIVMSG",
                &["#chan", "Hey!"],
            ),
            (
                ":dan!d@localhost PRIVMSG #chan ::-) hi",
                "",
                Some("dan!d@localhost"),
                "PRIVMSG",
                &["#chan", ":-) hi"],
            ),
            (
                "@id=234AB :dan!d@localhost PRIVMSG #chan :Hey!",
                "id=234AB",
                Some("dan!d@localhost"),
                "PRIVMSG",
                &["#chan", "Hey!"],
            ),
            ("@a=b;c=32;k;rt=ql7 foo", "a=b;c=32;k;rt=ql7", None, "foo", &[]),
            ("@a   :src   CMD   x   y   ", "a", Some("src"), "CMD", &["x", "y"]),
            ("  PING  :a b ", "", None, "PING", &["a b "]),
            (":coolguy foo bar baz :", "", Some("coolguy"), "foo", &["bar", "baz", ""]),
            ("MODE #a +k k:ey", "", None, "MODE", &["#a", "+k", "k:ey"]),
            (
                "C 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
                "",
                None,
                "C",
                &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15 16"],
            ),
            (
                "C 1 2 3 4 5 6 7 8 9 10 11 12 13 14 :15 16",
                "",
                None,
                "C",
                &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15 16"],
            ),
        ];
        for (line, tags, source, command, params) in rows {
            let message = Message::parse(line).unwrap();
            assert_eq!(message.raw_tags(), *tags, "{line}");
            assert_eq!(message.source(), *source, "{line}");
            assert_eq!(message.command(), *command, "{line}");
            assert_eq!(message.params(), *params, "{line}");
        }
    }

    #[test]
    fn refuses_what_is_no_message() {
        for (line, error) in [
            ("", ParseError::Empty),
            ("   ", ParseError::Empty),
            ("@a=b", ParseError::NoCommand),
            ("@a=b ", ParseError::NoCommand),
            (":source", ParseError::NoCommand),
            ("@a :source ", ParseError::NoCommand),
            (":source :text", ParseError::NoCommand),
            ("@ @b", ParseError::NoCommand),
            ("PING a\0b", ParseError::ForbiddenCharacter),
            ("PING a\rQUIT", ParseError::ForbiddenCharacter),
            ("PING a\nQUIT", ParseError::ForbiddenCharacter),
        ] {
            assert_eq!(Message::parse(line), Err(error), "{line:?}");
        }
    }

    #[test]
    fn the_last_of_equal_tags_counts() {
        let message = Message::parse("@a=1;b;a=2;c=\\s X").unwrap();
        assert_eq!(message.tag("a").as_deref(), Some("2"));
        assert_eq!(message.tag("b").as_deref(), Some(""));
        assert_eq!(message.tag("c").as_deref(), Some(" "));
        assert_eq!(message.tag("d"), None);
    }

    #[test]
    fn takes_a_source_apart() {
        for (text, nick, user, host) in [
            ("irc.example.com", "irc.example.com", None, None),
            ("anna!a@h", "anna", Some("a"), Some("h")),
            ("anna@h", "anna", None, Some("h")),
            ("anna!a", "anna", Some("a"), None),
        ] {
            assert_eq!(Source::parse(text), Source { nick, user, host });
        }
    }

    #[test]
    fn measures_tags_and_body_apart() {
        assert_eq!(sizes("PING a"), Sizes { tags: 0, body: 6 });
        assert_eq!(sizes("@a=b PING a"), Sizes { tags: 5, body: 6 });
        assert_eq!(sizes("@a=b"), Sizes { tags: 4, body: 0 });
    }
}
