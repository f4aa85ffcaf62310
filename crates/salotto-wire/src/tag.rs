//! Message tags: their escaping and a lazy view of them (IRCv3 `message-tags`).

use std::borrow::Cow;

/// An iterator over the tags of a line, as key and unescaped value.
///
/// An empty value and a missing one are the same thing to the specification, so both are `None`.
/// Keys come as they were sent, with a leading `+` for client-only tags. Empty keys are skipped.
#[derive(Debug, Clone)]
pub struct Tags<'a> {
    rest: &'a str,
}

impl<'a> Tags<'a> {
    /// Reads a tag section without the leading `@` and the following space.
    pub fn new(raw: &'a str) -> Self {
        Self { rest: raw }
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = (&'a str, Option<Cow<'a, str>>);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (tag, rest) = self.rest.split_once(';').unwrap_or((self.rest, ""));
            self.rest = rest;
            let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
            if !key.is_empty() {
                return Some((key, (!value.is_empty()).then(|| unescape(value))));
            }
        }
        None
    }
}

/// Turns an escaped tag value into the text it stands for.
///
/// An unknown escape stands for the character itself; a lone backslash at the end is dropped.
pub fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some(':') => text.push(';'),
            Some('s') => text.push(' '),
            Some('r') => text.push('\r'),
            Some('n') => text.push('\n'),
            Some(other) => text.push(other),
            None => {}
        }
    }
    Cow::Owned(text)
}

/// Appends a tag value in its escaped form. NUL, which has no escape, is dropped.
pub fn escape_into(value: &str, out: &mut Vec<u8>) {
    for byte in value.bytes() {
        match byte {
            b';' => out.extend_from_slice(b"\\:"),
            b' ' => out.extend_from_slice(b"\\s"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0 => {}
            other => out.push(other),
        }
    }
}

/// Tells whether a key keeps to the grammar: `[+][vendor/]name` of ASCII letters, digits, `-`, and dots in the vendor.
pub fn is_valid_key(key: &str) -> bool {
    let key = key.strip_prefix('+').unwrap_or(key);
    let (vendor, name) = match key.rsplit_once('/') {
        Some((vendor, name)) => (Some(vendor), name),
        None => (None, key),
    };
    let vendor_fits = vendor.is_none_or(|v| {
        !v.is_empty() && v.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    });
    vendor_fits && !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unescapes_as_the_specification_lists() {
        for (raw, text) in [
            ("plain", "plain"),
            ("\\:\\s\\\\\\r\\n", "; \\\r\n"),
            ("unknown\\b", "unknownb"),
            ("lone\\", "lone"),
            ("\\\\:", "\\:"),
            ("\\", ""),
        ] {
            assert_eq!(unescape(raw), text, "{raw:?}");
        }
    }

    #[test]
    fn iterates_and_treats_empty_as_missing() {
        let tags: Vec<_> = Tags::new("a=1;b;c=;=x;;vendor.example/d=\\:=").collect();
        let values: Vec<_> = tags.iter().map(|(k, v)| (*k, v.as_deref())).collect();
        assert_eq!(values, [("a", Some("1")), ("b", None), ("c", None), ("vendor.example/d", Some(";="))]);
    }

    #[test]
    fn knows_a_valid_key() {
        for key in ["a", "+a", "msgid", "example.com/foo-bar", "+draft/reply"] {
            assert!(is_valid_key(key), "{key}");
        }
        for key in ["", "+", "a/", "/a", "a b", "a=b", "a;b", "à", "a_b"] {
            assert!(!is_valid_key(key), "{key}");
        }
    }
}
