//! One client: what it sends, and what it must be sent.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use salotto_core::SessionId;
use salotto_server::listen::{ListenerKind, WebSubprotocol};
use salotto_server::lockstep::Stream;
use salotto_wire::message::sizes;
use salotto_wire::{BODY_LEN_MAX, Message, TAGS_LEN_MAX};

use crate::websocket::client_frame;

/// A connection in memory.
#[derive(Clone, Default)]
pub struct Wire(Rc<RefCell<Ends>>);

#[derive(Default)]
struct Ends {
    to_server: VecDeque<u8>,
    to_client: Vec<u8>,
    /// How many bytes the client still reads.
    room: usize,
    hung_up: bool,
    shut: bool,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut ends = self.0.borrow_mut();
        match ends.to_server.read(buffer)? {
            0 if ends.hung_up => Ok(0),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut ends = self.0.borrow_mut();
        if ends.hung_up || ends.shut {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(ends.room);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        ends.room -= count;
        ends.to_client.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Wire {
    fn shut(&mut self) {
        self.0.borrow_mut().shut = true;
    }
}

/// What is spoken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Irc,
    Web,
    Terminal,
}

/// One client.
pub struct Client {
    number: u8,
    kind: Kind,
    wire: Wire,
    /// Its session, while it is connected.
    pub session: Option<SessionId>,
    /// Sent and not yet looked at: the beginning of a line.
    unparsed: Vec<u8>,
    /// Whole lines since this was cleared.
    pub heard: Vec<String>,
    /// Something was sent that leaves the framing open.
    open_ended: bool,
}

impl Client {
    /// One that is not connected.
    pub fn new(number: usize) -> Client {
        let kind = match number {
            0..=3 => Kind::Irc,
            4 | 5 => Kind::Web,
            _ => Kind::Terminal,
        };
        Client {
            number: u8::try_from(number).expect("few"),
            kind,
            wire: Wire::default(),
            session: None,
            unparsed: Vec::new(),
            heard: Vec::new(),
            open_ended: false,
        }
    }

    /// A fresh connection.
    pub fn connect(&mut self) -> (Wire, ListenerKind, SocketAddr) {
        self.wire = Wire::default();
        self.wire.0.borrow_mut().room = usize::MAX;
        self.unparsed.clear();
        self.open_ended = false;
        let kind = match self.kind {
            Kind::Irc => ListenerKind::Irc,
            Kind::Web if self.number == 4 => ListenerKind::Web { subprotocol: WebSubprotocol::Text },
            Kind::Web => ListenerKind::Web { subprotocol: WebSubprotocol::Binary },
            Kind::Terminal => ListenerKind::Text,
        };
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, self.number / 2));
        (self.wire.clone(), kind, SocketAddr::new(address, 4000))
    }

    /// What a step means in bytes.
    pub fn wire_form(&mut self, act: u8, bytes: &[u8]) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        match (act, self.kind) {
            (b'.', _) => {
                self.open_ended = true;
                return bytes.to_vec();
            }
            (b'=', Kind::Irc | Kind::Web) => {
                const CAPABILITIES: &[u8] = b"message-tags server-time batch echo-message labeled-response \
                    standard-replies draft/chathistory draft/read-marker salotto.chat/resume";
                // Half of them want all that there is, the others nothing.
                if self.number.is_multiple_of(2) {
                    lines.push([b"CAP REQ :", CAPABILITIES].concat());
                }
                lines.push([b"NICK ", bytes].concat());
                lines.push(b"USER u 0 * :A person".to_vec());
                if self.number.is_multiple_of(2) {
                    lines.push(b"CAP END".to_vec());
                }
            }
            _ => lines.push(bytes.to_vec()),
        }
        let mut wire = Vec::new();
        for line in lines {
            match self.kind {
                Kind::Web => {
                    let opcode = if std::str::from_utf8(&line).is_ok() { 0x81 } else { 0x82 };
                    // The last of several lines in one message is the one that a line break hides.
                    for part in line.split(|byte| *byte == b'\n') {
                        client_frame(opcode, part, &mut wire);
                    }
                }
                Kind::Irc | Kind::Terminal => {
                    wire.extend_from_slice(&line);
                    wire.extend_from_slice(b"\r\n");
                }
            }
        }
        wire
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.wire.0.borrow_mut().to_server.extend(bytes);
    }

    /// Reads so many bytes from now on.
    pub fn reads(&mut self, count: usize) {
        self.wire.0.borrow_mut().room = count;
    }

    /// Is gone.
    pub fn hang_up(&mut self) {
        self.wire.0.borrow_mut().hung_up = true;
    }

    /// The server has forgotten it.
    pub fn forgotten(&mut self) {
        self.session = None;
    }

    /// Whether the server has said its last word.
    pub fn is_shut(&self) -> bool {
        self.wire.0.borrow().shut
    }

    /// Whether a ping must be answered.
    pub fn can_be_asked(&self) -> bool {
        let ends = self.wire.0.borrow();
        let framed = self.kind == Kind::Irc || !self.open_ended;
        self.kind != Kind::Terminal && framed && !ends.hung_up && !ends.shut
    }

    /// Everything that was sent is a line, as far as it goes.
    pub fn check(&mut self) {
        let sent = std::mem::take(&mut self.wire.0.borrow_mut().to_client);
        self.unparsed.extend_from_slice(&sent);
        while let Some(line) = self.next_line() {
            let text = String::from_utf8(line).expect("what is sent is text");
            match self.kind {
                Kind::Irc | Kind::Web => check_irc(&text),
                Kind::Terminal => {
                    let obeyed = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
                    assert!(!text.contains(obeyed), "{text:?}");
                }
            }
            self.heard.push(text);
        }
    }

    fn next_line(&mut self) -> Option<Vec<u8>> {
        if self.kind == Kind::Web {
            return self.next_message();
        }
        let end = self.unparsed.iter().position(|byte| *byte == b'\n')?;
        let mut line: Vec<u8> = self.unparsed.drain(..=end).collect();
        line.pop();
        assert_eq!(line.pop(), Some(b'\r'), "a line ends with CR LF");
        Some(line)
    }

    /// The payload of the next message; pongs and closes are passed over.
    fn next_message(&mut self) -> Option<Vec<u8>> {
        loop {
            let [first, len, rest @ ..] = &self.unparsed[..] else { return None };
            let (head, len) = match *len {
                len @ 0..=125 => (2, usize::from(len)),
                126 => (4, usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?))),
                len => panic!("a masked or huge frame: {len}"),
            };
            let first = *first;
            assert!(matches!(first, 0x81 | 0x82 | 0x88 | 0x8a), "{first:x}");
            if self.unparsed.len() < head + len {
                return None;
            }
            let frame: Vec<u8> = self.unparsed.drain(..head + len).collect();
            let is_text = self.number == 4;
            match first {
                0x81 | 0x82 => {
                    assert_eq!(first == 0x81, is_text, "the kind of frames that was agreed on");
                    return Some(frame[head..].to_vec());
                }
                _ => assert!(len <= 125),
            }
        }
    }
}

fn check_irc(line: &str) {
    assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    let message = Message::parse(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    assert!(
        message.source().is_some()
            || matches!(message.command(), "PING" | "ERROR" | "AUTHENTICATE" | "BATCH"),
        "{line:?}"
    );
    let sizes = sizes(line);
    assert!(sizes.tags <= TAGS_LEN_MAX, "{} bytes of tags: {line:?}", sizes.tags);
    assert!(sizes.body <= BODY_LEN_MAX - 2, "{} bytes: {line:?}", sizes.body);
}
