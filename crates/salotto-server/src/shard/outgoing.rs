//! What waits to be written to one connection.

use std::io::{self, Write};

use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

/// How lines are put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Framing {
    /// As they are, ended by CR LF.
    Lines,
    /// One line a WebSocket message (RFC 6455), without its ending.
    WebSocket {
        /// Binary messages (`binary.ircv3.net`) instead of text.
        binary: bool,
    },
}

impl Framing {
    /// Turns the one line that begins at `start` and ends with CR LF into a frame, in place.
    pub fn frame(self, buffer: &mut Vec<u8>, start: usize) {
        let Framing::WebSocket { binary } = self else { return };
        buffer.truncate(buffer.len() - 2);
        let payload_len = buffer.len() - start;
        let header = FrameHeader {
            opcode: OpCode::Data(if binary { Data::Binary } else { Data::Text }),
            ..FrameHeader::default()
        };
        let mut head = Vec::with_capacity(10);
        // Writing to a vector cannot fail.
        let _ = header.format(payload_len as u64, &mut head);
        buffer.splice(start..start, head);
    }

    /// A frame that closes the connection, where the framing has one.
    pub fn farewell(self, buffer: &mut Vec<u8>) {
        if let Framing::WebSocket { .. } = self {
            let _ = Frame::close(None).format(buffer);
        }
    }
}

/// How much memory a buffer begins with, so that it need not grow with every line.
const FIRST_LEN: usize = 512;

/// What waits to be written to one connection, in order.
///
/// A connection with nothing to write owns no buffer.
#[derive(Debug)]
pub(crate) struct Outgoing {
    framing: Framing,
    buffer: Vec<u8>,
    written: usize,
    capture: Option<Vec<u8>>,
}

impl Outgoing {
    /// Nothing yet.
    pub fn new(framing: Framing) -> Outgoing {
        Outgoing { framing, buffer: Vec::new(), written: 0, capture: None }
    }

    /// How lines are put on the wire.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Appends one line; `write` writes it with its CR LF.
    pub fn line(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(capture) = &mut self.capture {
            return write(capture);
        }
        let start = self.buffer.len();
        write(&mut self.buffer);
        self.framing.frame(&mut self.buffer, start);
    }

    /// Appends what was framed for a connection of this framing.
    pub fn framed(&mut self, bytes: &[u8]) {
        if self.buffer.capacity() == 0 {
            self.buffer.reserve(bytes.len().max(FIRST_LEN));
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether lines are put aside for a labelled response.
    pub fn is_capturing(&self) -> bool {
        self.capture.is_some()
    }

    /// From now on puts lines aside, after those that were put aside before.
    pub fn capture(&mut self, before: Vec<u8>) {
        self.capture = Some(before);
    }

    /// Gives what was put aside, CR LF after each line, and stops putting aside.
    pub fn captured(&mut self) -> Vec<u8> {
        self.capture.take().unwrap_or_default()
    }

    /// How many bytes wait.
    pub fn waiting(&self) -> usize {
        self.buffer.len() - self.written
    }

    /// Writes as much as the socket takes; says whether everything went.
    pub fn write_to(&mut self, socket: &mut impl Write) -> io::Result<bool> {
        while self.written < self.buffer.len() {
            match socket.write(&self.buffer[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.compact();
                    return Ok(false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.buffer = Vec::new();
        self.written = 0;
        Ok(true)
    }

    /// Gives back the written part once it is more than the rest.
    fn compact(&mut self) {
        if self.written > self.buffer.len() / 2 {
            self.buffer.drain(..self.written);
            self.written = 0;
        }
    }
}
