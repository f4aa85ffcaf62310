//! The wire parser and printer: each is the other's inverse, and what is printed is one line.

use salotto_wire::isupport::{self, Isupport};
use salotto_wire::message::sizes;
use salotto_wire::split::split_text;
use salotto_wire::{
    BODY_LEN_MAX, LINE_LEN_MAX, Line, LineBuffer, LineError, Message, ctcp, formatting, mask, server_time,
};

/// A stream of bytes, read in pieces of the length that the first byte says.
pub fn run(data: &[u8]) {
    let mut buffer = LineBuffer::new(LINE_LEN_MAX);
    let mut lines = 0;
    for mut piece in crate::pieces(data) {
        while let Some(line) = buffer.next(&mut piece) {
            lines += 1;
            match line {
                Ok(line) => {
                    assert!(line.len() <= LINE_LEN_MAX && !line.contains('\n'));
                    parse(line);
                }
                Err(LineError::Overlong { max }) => assert_eq!(max, LINE_LEN_MAX),
                Err(LineError::InvalidUtf8) => {}
            }
        }
        assert!(piece.is_empty());
        assert!(buffer.pending_len() <= LINE_LEN_MAX + 1);
    }
    let ends = data.iter().skip(1).filter(|byte| **byte == b'\n').count();
    assert!(lines >= ends && lines <= ends + 1, "{lines} lines of {ends} ends");
    if let Some(text) = crate::text(data) {
        print(text);
        read(text);
    }
}

/// What is parsed is printed back.
fn parse(line: &str) {
    let measured = sizes(line);
    assert_eq!(measured.tags + measured.body, line.len());
    let Ok(message) = Message::parse(line) else { return };
    let printed = printed(&message);
    // An empty source cannot be written: the line without one says the same to everybody.
    if message.source() != Some("") {
        assert_eq!(Message::parse(&printed), Ok(message), "{printed:?}");
    }
    let tags = message.tags().count();
    assert!(tags <= message.raw_tags().split(';').count());
    for (key, value) in message.tags() {
        assert!(message.tag(key).is_some(), "{key:?} {value:?}");
    }
    if let Some(last) = message.last_param() {
        let _ = (ctcp::action(last), formatting::strip(last), salotto_wire::numeric::code(message.command()));
    }
    if let [modes, arguments @ ..] = message.params() {
        let changes = Isupport::default().mode_types().changes(modes, arguments);
        assert!(changes.len() <= modes.chars().count());
    }
}

fn printed(message: &Message<'_>) -> String {
    let mut out = Vec::new();
    let mut line = Line::new(&mut out)
        .raw_tags(message.raw_tags())
        .source(message.source().unwrap_or(""))
        .command(message.command());
    if let Some((last, middles)) = message.params().split_last() {
        for middle in middles {
            line = line.param(middle);
        }
        line = line.trailing(last);
    }
    line.end();
    one_line(&out).to_owned()
}

/// Whatever the words are, what is printed is one line with the parameters it was given.
fn print(text: &str) {
    let words: Vec<&str> = text.splitn(6, '|').collect();
    let word = |place: usize| words.get(place).copied().unwrap_or("");
    let mut out = Vec::new();
    let mut line = Line::new(&mut out)
        .tag(word(0), word(1))
        .tag("msgid", word(2))
        // What a line is cut at is its end: names and commands are short.
        .source_parts(cut(word(2)), cut(word(3)), cut(word(4)))
        .command(cut(word(3)));
    line = line.param(word(4)).param(word(0));
    line.trailing_fmt(format_args!("{}{}", word(5), word(1))).end_within(BODY_LEN_MAX);
    let line = one_line(&out);
    let measured = sizes(line);
    assert!(measured.body <= BODY_LEN_MAX - 2, "{line:?}");
    let message = Message::parse(line).expect("what is printed is a message");
    assert!(message.params().len() <= 3);
    if measured.body < BODY_LEN_MAX - 2 - 4 {
        assert_eq!(message.params().len(), 3, "{line:?}");
        assert_eq!(message.tag("msgid").as_deref(), Some(word(2).replace('\0', "").as_str()));
    }
}

fn cut(word: &str) -> &str {
    &word[..word.floor_char_boundary(64)]
}

fn one_line(out: &[u8]) -> &str {
    let line = std::str::from_utf8(out).expect("text is printed as text");
    let line = line.strip_suffix("\r\n").expect("a line has its ending");
    assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    line
}

/// The smaller grammars, which take any text.
fn read(text: &str) {
    let (front, back) = text.split_once('|').unwrap_or((text, ""));
    let _ = mask::matches(front, back);
    assert!(mask::matches("*", text));
    if let Some(at) = server_time::parse(text).filter(|at| *at >= 0) {
        assert_eq!(server_time::parse(&server_time::format(at)), Some(at));
    }
    let plain = formatting::strip(text);
    assert_eq!(formatting::strip(&plain), plain, "nothing is left to strip");
    let room = 4 + front.len() % 400;
    let split: Vec<&str> = split_text(back, room).collect();
    assert!(split.iter().all(|piece| piece.len() <= room && !piece.is_empty()));
    let escaped = format!("X={}", isupport::escape(text));
    assert!(!escaped.contains([' ', '\r', '\n', '\0']), "{escaped:?}");
    let mut isupport = Isupport::default();
    text.split(' ').for_each(|token| isupport.apply(token));
    let _ = (isupport.mode_types(), isupport.casemapping().fold(text), isupport.is_channel(text));
    for mapping in ["ascii", "rfc1459", "precis"] {
        let mapping = salotto_wire::CaseMapping::from_isupport(mapping);
        let folded = mapping.fold(text);
        assert!(mapping.eq(text, text) && mapping.eq(&folded, &folded));
    }
}
