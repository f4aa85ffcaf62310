//! The bare-terminal reader: Telnet's commands, lines, and what a person meant by them.

use salotto_server::plain::clean::{shown, typed};
use salotto_server::plain::telnet::{Filter, INTERRUPT};
use salotto_wire::{LINE_LEN_MAX, LineBuffer};

/// A stream of bytes, read in pieces of the length that the first byte says.
pub fn run(data: &[u8]) {
    let read = lines(crate::pieces(data));
    let stream = data.get(1..).unwrap_or_default();
    let byte_by_byte = lines(stream.chunks(1));
    let whole: Vec<_> = read.iter().filter(|line| line.is_some()).collect();
    assert_eq!(whole, byte_by_byte.iter().filter(|line| line.is_some()).collect::<Vec<_>>());
    for line in read.iter().flatten() {
        match typed(line) {
            None => assert!(line.ends_with(INTERRUPT)),
            Some(meant) => {
                assert!(!meant.chars().any(char::is_control), "{meant:?}");
                assert_eq!(meant.trim(), meant);
            }
        }
        let safe = shown(line);
        assert!(!safe.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')), "{safe:?}");
    }
}

/// The lines of a stream; those that are no text, or too long, as `None`.
fn lines<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Option<String>> {
    let mut filter = Filter::default();
    let mut buffer = LineBuffer::new(LINE_LEN_MAX);
    let mut lines = Vec::new();
    for piece in pieces {
        let text = filter.filter(piece);
        assert!(text.len() <= piece.len() * 2);
        let mut rest = text.as_ref();
        while let Some(line) = buffer.next(&mut rest) {
            lines.push(line.ok().map(str::to_owned));
        }
        assert!(buffer.pending_len() <= LINE_LEN_MAX + 1);
    }
    lines
}
