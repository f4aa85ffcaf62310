//! What a server announces of itself with `RPL_ISUPPORT` (005).

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::casemapping::CaseMapping;
use crate::mode::ModeTypes;

/// One token of a 005 line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// The parameter's name, upper case by custom.
    pub name: &'a str,
    /// The value with its `\xHH` escapes undone; empty when there is none.
    pub value: Cow<'a, str>,
    /// `-NAME`: what was announced before no longer holds.
    pub removed: bool,
}

impl<'a> Token<'a> {
    /// Reads `NAME`, `NAME=value` or `-NAME`.
    pub fn parse(token: &'a str) -> Option<Self> {
        let (token, removed) = match token.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (token, false),
        };
        let (name, value) = token.split_once('=').unwrap_or((token, ""));
        (!name.is_empty()).then(|| Self { name, value: unescape(value), removed })
    }
}

/// Escapes a value for a token: backslash, `=`, and whatever would end the parameter or the line.
pub fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' | '=' | ' ' | '\0'..='\u{1f}' => out.push_str(&format!("\\x{:02X}", c as u32)),
            other => out.push(other),
        }
    }
    out
}

fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains("\\x") {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find("\\x") {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 2..at + 4).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(u8::is_ascii) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &rest[at + 4..];
            }
            None => {
                out.push_str("\\x");
                rest = &rest[at + 2..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// All that a server has announced so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Isupport {
    values: BTreeMap<String, String>,
    // Asked for every name that is looked up.
    casemapping: Option<CaseMapping>,
}

impl Isupport {
    /// The most tokens that are kept; a server that announces more is cut off there.
    pub const TOKENS_MAX: usize = 256;

    /// Takes one token of a 005 line.
    pub fn apply(&mut self, token: &str) {
        let Some(token) = Token::parse(token) else { return };
        if token.removed {
            self.values.remove(token.name);
        } else if self.values.len() < Self::TOKENS_MAX || self.values.contains_key(token.name) {
            self.values.insert(token.name.to_owned(), token.value.into_owned());
        }
        self.casemapping = self.value("CASEMAPPING").map(CaseMapping::from_isupport);
    }

    /// The value of a parameter; empty when announced without one.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The value of a parameter as a number.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.value(name)?.parse().ok()
    }

    /// How names are compared; `rfc1459` when nothing is announced.
    pub fn casemapping(&self) -> CaseMapping {
        self.casemapping.unwrap_or(CaseMapping::Rfc1459)
    }

    /// The characters that room names begin with; `#&` when nothing is announced.
    pub fn channel_types(&self) -> &str {
        self.value("CHANTYPES").unwrap_or("#&")
    }

    /// Tells whether a target is a room rather than a person.
    pub fn is_channel(&self, target: &str) -> bool {
        target.chars().next().is_some_and(|c| self.channel_types().contains(c))
    }

    /// Which modes take arguments.
    pub fn mode_types(&self) -> ModeTypes {
        ModeTypes::parse(
            self.value("CHANMODES").unwrap_or("beI,k,l,imnst"),
            self.value("PREFIX").unwrap_or("(ov)@+"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_tokens() {
        let mut isupport = Isupport::default();
        for token in [
            "NETWORK=Caf\\x20\\x3DE\\xZZ",
            "EXCEPTS",
            "NICKLEN=32",
            "X=1",
            "-X",
            "",
            "-",
            "CASEMAPPING=ascii",
        ] {
            isupport.apply(token);
        }
        assert_eq!(isupport.value("NETWORK"), Some("Caf =E\\xZZ"));
        assert_eq!(isupport.value("EXCEPTS"), Some(""));
        assert_eq!(isupport.number("NICKLEN"), Some(32));
        assert_eq!(isupport.value("X"), None);
        assert_eq!(isupport.casemapping(), CaseMapping::Ascii);
        assert!(isupport.is_channel("#a") && !isupport.is_channel("anna") && !isupport.is_channel(""));
    }

    #[test]
    fn escaping_is_undone() {
        let text = "a b=c\\d\u{1}";
        let token = format!("X={}", escape(text));
        assert_eq!(Token::parse(&token).unwrap().value, text);
    }

    #[test]
    fn a_flood_of_tokens_is_bounded() {
        let mut isupport = Isupport::default();
        for n in 0..1000 {
            isupport.apply(&format!("T{n}=1"));
        }
        isupport.apply("T1=2");
        assert_eq!(isupport.values.len(), Isupport::TOKENS_MAX);
        assert_eq!(isupport.value("T1"), Some("2"));
    }

    #[test]
    fn defaults_follow_modern_irc() {
        let isupport = Isupport::default();
        assert_eq!(isupport.casemapping(), CaseMapping::Rfc1459);
        assert_eq!(isupport.mode_types(), ModeTypes::default());
        assert!(isupport.is_channel("&local"));
    }
}
