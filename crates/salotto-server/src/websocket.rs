//! The incoming side of a WebSocket (RFC 6455 section 5): bytes in, messages out, without a socket.

use std::io::{self, Read, Write};

use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

/// Bytes in memory that stand in for a socket under a WebSocket.
#[derive(Debug, Default)]
struct Pipe {
    incoming: Vec<u8>,
    read: usize,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.incoming[self.read..];
        if rest.is_empty() {
            self.incoming = Vec::new();
            self.read = 0;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The incoming side of a WebSocket: bytes in, messages out. Pongs and closes are answered by the library.
#[derive(Debug)]
pub struct Frames {
    socket: WebSocket<Pipe>,
}

/// What a WebSocket brought.
#[derive(Debug)]
pub enum Frame {
    /// A message's payload.
    Payload(Vec<u8>),
    /// The other side closes, or broke the protocol.
    Closed(&'static str),
}

impl Frames {
    /// A connection whose opening handshake is done. `message_max` is in bytes.
    pub fn new(message_max: usize) -> Frames {
        let config = WebSocketConfig::default()
            .max_message_size(Some(message_max))
            .max_frame_size(Some(message_max))
            .read_buffer_size(1024)
            .write_buffer_size(0);
        Frames { socket: WebSocket::from_raw_socket(Pipe::default(), Role::Server, Some(config)) }
    }

    /// Takes bytes from the wire. They are kept until they were asked for.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.socket.get_mut().incoming.extend_from_slice(bytes);
    }

    /// The next message, if a whole one is there.
    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Some(Frame::Payload(text.as_bytes().to_vec())),
                Ok(Message::Binary(bytes)) => return Some(Frame::Payload(bytes.to_vec())),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Close(_)) => return Some(Frame::Closed("closed by the client")),
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return None;
                }
                Err(tungstenite::Error::Capacity(_)) => return Some(Frame::Closed("message too long")),
                Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => {
                    return Some(Frame::Closed("closed by the client"));
                }
                Err(tungstenite::Error::Utf8(_)) => return Some(Frame::Closed("message is not UTF-8")),
                Err(_) => return Some(Frame::Closed("WebSocket protocol error")),
            }
        }
    }

    /// Frames that the library answers with, to be written between ours.
    pub fn answers(&mut self) -> Vec<u8> {
        let _ = self.socket.flush();
        std::mem::take(&mut self.socket.get_mut().outgoing)
    }
}
