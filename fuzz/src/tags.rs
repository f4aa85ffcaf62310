//! Message tags: what is escaped is unescaped to the same, and nothing that breaks a line gets through.

use salotto_wire::tag::{Tags, escape_into, is_valid_key, unescape};
use salotto_wire::{Line, Message};

/// Text: first as a tag section that somebody sent, then as keys and values, by turns, to be sent.
pub fn run(data: &[u8]) {
    let Some(text) = crate::text(data) else { return };
    for (key, value) in Tags::new(text) {
        assert!(!key.is_empty() && !key.contains([';', '=']));
        if let Some(value) = value {
            assert_eq!(again(&value), value.replace('\0', ""), "{key:?}");
        }
    }
    let _ = is_valid_key(text);
    assert_eq!(again(text), text.replace('\0', ""));

    let words: Vec<&str> = text.split('|').collect();
    let mut out = Vec::new();
    let mut line = Line::new(&mut out);
    let mut written = Vec::new();
    for pair in words.chunks(2) {
        let (key, value) = (pair[0], pair.get(1).copied().unwrap_or(""));
        line = line.tag(key, value);
        if is_valid_key(key) {
            written.push((key, value.replace('\0', "")));
        }
    }
    line.command("X").end();
    let line = std::str::from_utf8(&out).expect("text is printed as text");
    let line = line.strip_suffix("\r\n").expect("a line has its ending");
    let message = Message::parse(line).expect("what is printed is a message");
    let read: Vec<(&str, String)> =
        message.tags().map(|(key, value)| (key, value.unwrap_or_default().into_owned())).collect();
    assert_eq!(read, written);
    assert_eq!((message.command(), message.params().len()), ("X", 0));
}

fn again(value: &str) -> String {
    let mut escaped = Vec::new();
    escape_into(value, &mut escaped);
    let escaped = String::from_utf8(escaped).expect("text is escaped to text");
    assert!(!escaped.contains([';', ' ', '\r', '\n', '\0']), "{escaped:?}");
    unescape(&escaped).into_owned()
}
