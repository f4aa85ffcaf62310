//! The commands of the Telnet protocol (RFC 854), taken out of what a terminal sends.
//!
//! A server that nobody asked negotiates nothing: options are skipped, not answered, and every client works without
//! them. The keys that Telnet turns into commands are kept: interrupt leaves, the erasing keys erase.

use std::borrow::Cow;

/// Stands at the end of a line whose author pressed the interrupt key. No other NUL passes the filter.
pub const INTERRUPT: char = '\0';
/// Erases the whole line so far.
pub const ERASE_LINE: char = '\u{15}';
/// Erases one character.
pub const ERASE_CHARACTER: char = '\u{7f}';

const NUL: u8 = 0;
const END_OF_FILE: u8 = 236;
const ABORT: u8 = 238;
const INTERRUPT_PROCESS: u8 = 244;
const ERASE_CHARACTER_COMMAND: u8 = 247;
const ERASE_LINE_COMMAND: u8 = 248;
const SUBNEGOTIATION: u8 = 250;
const SUBNEGOTIATION_END: u8 = 240;
const WILL: u8 = 251;
const DONT: u8 = 254;
/// "Interpret as command": what follows is one, unless it is this byte again.
const IAC: u8 = 255;

/// Where in the stream the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// In the text.
    #[default]
    Text,
    /// In the text, behind a carriage return.
    CarriageReturn,
    /// Behind an IAC.
    Command,
    /// Before the option that is offered or asked for.
    Negotiation,
    /// In the parameters of an option.
    Subnegotiation,
    /// In them, behind an IAC.
    SubnegotiationCommand,
}

/// Takes Telnet's commands out of a stream of bytes, however it is cut.
#[derive(Debug, Default)]
pub struct Filter {
    state: State,
}

impl Filter {
    /// What remains of the next bytes. Interrupt becomes [`INTERRUPT`] and a line end, so that it is seen at once.
    pub fn filter<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let plain = matches!(self.state, State::Text)
            && !bytes.iter().any(|byte| matches!(*byte, IAC | NUL))
            && bytes.last() != Some(&b'\r');
        if plain {
            return Cow::Borrowed(bytes);
        }
        let mut text = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            self.state = self.take(byte, &mut text);
        }
        Cow::Owned(text)
    }

    fn take(&self, byte: u8, text: &mut Vec<u8>) -> State {
        match (self.state, byte) {
            (State::Text | State::CarriageReturn, IAC) => State::Command,
            // RFC 854: the return key alone is CR NUL.
            (State::CarriageReturn, NUL) => {
                text.push(b'\n');
                State::Text
            }
            (State::Text, NUL) => State::Text,
            (State::Text | State::CarriageReturn, _) => {
                text.push(byte);
                if byte == b'\r' { State::CarriageReturn } else { State::Text }
            }
            (State::Command, WILL..=DONT) => State::Negotiation,
            (State::Command, SUBNEGOTIATION) => State::Subnegotiation,
            (State::Command, _) => {
                match byte {
                    IAC => text.push(IAC),
                    INTERRUPT_PROCESS | ABORT | END_OF_FILE => {
                        text.extend_from_slice(&[INTERRUPT as u8, b'\n']);
                    }
                    ERASE_CHARACTER_COMMAND => text.push(ERASE_CHARACTER as u8),
                    ERASE_LINE_COMMAND => text.push(ERASE_LINE as u8),
                    _ => {}
                }
                State::Text
            }
            (State::Negotiation, _) => State::Text,
            (State::Subnegotiation, IAC) => State::SubnegotiationCommand,
            (State::SubnegotiationCommand, SUBNEGOTIATION_END) => State::Text,
            (State::Subnegotiation | State::SubnegotiationCommand, _) => State::Subnegotiation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &[u8]) {
        assert_eq!(Filter::default().filter(bytes).as_ref(), expected, "{bytes:?} whole");
        let mut filter = Filter::default();
        let one_by_one: Vec<u8> =
            bytes.iter().flat_map(|byte| filter.filter(std::slice::from_ref(byte)).into_owned()).collect();
        assert_eq!(one_by_one, expected, "{bytes:?} byte by byte");
    }

    #[test]
    fn plain_text_passes() {
        check(b"anna\r\n", b"anna\r\n");
        check("perché\n".as_bytes(), "perché\n".as_bytes());
        check(b"anna\r", b"anna\r");
    }

    #[test]
    fn negotiations_are_skipped() {
        check(b"\xff\xfd\x03\xff\xfb\x18anna\n", b"anna\n");
        check(b"an\xff\xfa\x18\x00xterm\xff\xff\xff\xf0na\n", b"anna\n");
        check(b"a\xff\xf1b\xff\xf9c\n", b"abc\n");
    }

    #[test]
    fn the_interrupt_key_ends_a_line_with_its_mark() {
        check(b"hel\xff\xf4\xff\xfd\x06", b"hel\0\n");
        check(b"\xff\xec", b"\0\n");
    }

    #[test]
    fn erasing_keys_become_characters() {
        check(b"ab\xff\xf7c\n", b"ab\x7fc\n");
        check(b"ab\xff\xf8c\n", b"ab\x15c\n");
    }

    #[test]
    fn a_return_key_alone_ends_a_line_and_no_other_nul_passes() {
        check(b"anna\r\0ciao\r\0", b"anna\r\nciao\r\n");
        check(b"a\0b\n\0", b"ab\n");
    }

    #[test]
    fn the_escaped_byte_is_itself() {
        check(b"\xff\xff\n", b"\xff\n");
    }
}
