//! The lines that are not load: prefix, command and parameters, as slices of the buffer (RFC 1459 section 2.3.1).
//!
//! The grammar is read leniently: this side must get along with any server.

use memchr::memchr;

/// A line without its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The tags without their `@`; empty when there are none.
    pub tags: &'a [u8],
    /// The prefix without its colon; empty when there is none.
    pub prefix: &'a [u8],
    /// The command or numeric as it stands.
    pub command: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Line<'a> {
    /// Takes a line apart.
    pub fn parse(line: &'a [u8]) -> Self {
        let mut rest = trim(line);
        let mut tags: &[u8] = b"";
        if let [b'@', behind @ ..] = rest {
            (tags, rest) = word(behind);
        }
        let mut prefix: &[u8] = b"";
        if let [b':', behind @ ..] = rest {
            (prefix, rest) = word(behind);
        }
        let (command, rest) = word(rest);
        Self { tags, prefix, command, rest }
    }

    /// The name in the prefix, up to `!` or `@`.
    pub fn nick(&self) -> &'a [u8] {
        let end =
            self.prefix.iter().position(|byte| matches!(byte, b'!' | b'@')).unwrap_or(self.prefix.len());
        &self.prefix[..end]
    }

    /// The value of a tag, as it stands.
    pub fn tag(&self, name: &str) -> Option<&'a [u8]> {
        let mut tags = self.tags.split(|byte| *byte == b';');
        tags.find_map(|tag| tag.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }

    /// The parameters, the last one without its colon.
    pub fn params(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.rest;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            if let [b':', trailing @ ..] = rest {
                rest = b"";
                return Some(trailing);
            }
            let (param, behind) = word(rest);
            rest = behind;
            Some(param)
        })
    }

    /// The parameter at `at`, counted from zero; empty when there are fewer.
    pub fn param(&self, at: usize) -> &'a [u8] {
        self.params().nth(at).unwrap_or_default()
    }

    /// The last parameter as text for people.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.params().last().unwrap_or_default()).into_owned()
    }
}

fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b' ', bytes) {
        Some(end) => (&bytes[..end], trim(&bytes[end..])),
        None => (bytes, b""),
    }
}

fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| *byte != b' ').unwrap_or(bytes.len());
    &bytes[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, prefix: &str, command: &str, params: &[&str]) {
        let line = Line::parse(line.as_bytes());
        assert_eq!(line.prefix, prefix.as_bytes());
        assert_eq!(line.command, command.as_bytes());
        let found: Vec<_> = line.params().map(|param| String::from_utf8_lossy(param).into_owned()).collect();
        assert_eq!(found, params);
    }

    #[test]
    fn lines_of_many_shapes_are_taken_apart() {
        check("PING :abc def", "", "PING", &["abc def"]);
        check("PING abc", "", "PING", &["abc"]);
        check(":irc.example 001 bob :Welcome, bob", "irc.example", "001", &["bob", "Welcome, bob"]);
        check("@time=x;msgid=y :bob!b@h JOIN #room", "bob!b@h", "JOIN", &["#room"]);
        check(":s 366 bob #room :End of /NAMES list", "s", "366", &["bob", "#room", "End of /NAMES list"]);
        check("  :s   005  bob  A=B   :", "s", "005", &["bob", "A=B", ""]);
        check("", "", "", &[]);
        check(":", "", "", &[]);
        check("@tags", "", "", &[]);
    }

    #[test]
    fn the_name_ends_at_user_or_host() {
        for (prefix, nick) in
            [("bob!b@h", "bob"), ("bob@h", "bob"), ("bob", "bob"), ("irc.example", "irc.example")]
        {
            let text = format!(":{prefix} QUIT");
            assert_eq!(Line::parse(text.as_bytes()).nick(), nick.as_bytes());
        }
    }

    #[test]
    fn tags_are_found_by_their_whole_name() {
        let line = Line::parse(b"@time=x;msgid=y=z;bot;batch=h :s PRIVMSG #a :b");
        assert_eq!((line.tag("msgid"), line.tag("batch")), (Some(&b"y=z"[..]), Some(&b"h"[..])));
        assert_eq!((line.tag("msg"), line.tag("bot"), Line::parse(b"PING x").tag("x")), (None, None, None));
    }

    #[test]
    fn a_missing_parameter_is_empty() {
        let line = Line::parse(b"JOIN #room");
        assert_eq!((line.param(0), line.param(1)), (&b"#room"[..], &b""[..]));
    }
}
