//! What waits to be written to one connection.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

use super::feed::Piece;

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

/// After so many pieces what comes is copied into one more. So a reader that does not read keeps no more than so many
/// [chunks](super::feed::CHUNK_LEN) of rooms' feeds.
const PIECES_MAX: usize = 16;

/// What waits to be written to one connection, in order.
///
/// A connection with nothing to write owns no buffer.
#[derive(Debug)]
pub(crate) struct Outgoing {
    framing: Framing,
    /// What comes before the last piece; nearly always there is nothing.
    earlier: VecDeque<Piece>,
    last: Option<Piece>,
    /// The length of all pieces.
    waiting: usize,
    capture: Option<Vec<u8>>,
}

impl Outgoing {
    /// Nothing yet.
    pub fn new(framing: Framing) -> Outgoing {
        Outgoing { framing, earlier: VecDeque::new(), last: None, waiting: 0, capture: None }
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
        let framing = self.framing;
        self.framed(|bytes| {
            let start = bytes.len();
            write(bytes);
            framing.frame(bytes, start);
        });
    }

    /// Appends what `write` writes, framed for a connection of this framing.
    pub fn framed(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(last) = self.last.as_mut().filter(|last| last.is_own()) {
            let before = last.len();
            last.grow(write);
            self.waiting += last.len() - before;
        } else {
            let mut piece = Piece::empty();
            piece.grow(write);
            self.push(piece);
        }
    }

    /// Appends a piece of a room's feed, framed for a connection of this framing.
    pub fn share(&mut self, piece: &Piece) {
        if self.last.as_mut().is_some_and(|last| last.take_next(piece)) {
            self.waiting += piece.len();
        } else if self.earlier.len() < PIECES_MAX - 1 {
            self.push(piece.clone());
        } else {
            self.framed(|bytes| bytes.extend_from_slice(&piece.bytes()));
        }
    }

    fn push(&mut self, piece: Piece) {
        // An empty one would keep its chunk until there is something to write.
        if piece.len() > 0 {
            self.waiting += piece.len();
            self.earlier.extend(self.last.replace(piece));
        }
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
        self.waiting
    }

    /// Writes as much as the socket takes; says whether everything went.
    pub fn write_to(&mut self, socket: &mut impl Write) -> io::Result<bool> {
        while self.waiting > 0 {
            match self.write_once(socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Some(first) = self.earlier.front_mut().or(self.last.as_mut()) {
                        first.compact();
                    }
                    return Ok(false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.earlier = VecDeque::new();
        Ok(true)
    }

    fn write_once(&self, socket: &mut impl Write) -> io::Result<usize> {
        if let (Some(only), true) = (&self.last, self.earlier.is_empty()) {
            return socket.write(&only.bytes());
        }
        let bytes: Vec<_> = self.earlier.iter().chain(&self.last).map(Piece::bytes).collect();
        let slices: Vec<_> = bytes.iter().map(|bytes| IoSlice::new(bytes)).collect();
        socket.write_vectored(&slices)
    }

    /// Drops what was written.
    fn advance(&mut self, mut count: usize) {
        self.waiting -= count;
        while let Some(first) = self.earlier.front_mut().or(self.last.as_mut()) {
            let part = count.min(first.len());
            first.advance(part);
            count -= part;
            if first.len() > 0 {
                return;
            }
            if self.earlier.pop_front().is_none() {
                self.last = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed::Feeds;
    use super::*;
    use crate::adapter::{RenderKey, Style};

    /// A socket that takes so many bytes at a time, and so many in all before it is full.
    struct Narrow {
        at_once: usize,
        room: usize,
        taken: Vec<u8>,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.write_vectored(&[IoSlice::new(bytes)])
        }

        fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
            let all = pieces.iter().flat_map(|piece| piece.iter());
            let taken = self.taken.len();
            self.taken.extend(all.take(self.at_once.min(self.room)));
            let count = self.taken.len() - taken;
            if count == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.room -= count;
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn own(out: &mut Outgoing, text: &str) {
        out.line(|bytes| bytes.extend_from_slice(format!("{text}\r\n").as_bytes()));
    }

    /// Says something in a room, which those of `readers` hear.
    fn say(feeds: &mut Feeds, room: u64, text: &str, readers: &mut [&mut Outgoing]) {
        let key = RenderKey { style: Style::Irc(Default::default()), framing: Framing::Lines };
        let piece = feeds.append(salotto_core::RoomId(room), key, |bytes| {
            bytes.extend_from_slice(format!("{text}\r\n").as_bytes());
        });
        for reader in readers {
            reader.share(&piece);
        }
    }

    #[test]
    fn everything_comes_once_and_in_order_however_little_the_socket_takes() {
        for at_once in [1, 3, 7, 50, 1000] {
            for room in [1, 5, 64, 150, 1000] {
                let mut feeds = Feeds::default();
                let (mut ada, mut bob) = (Outgoing::new(Framing::Lines), Outgoing::new(Framing::Lines));
                let mut expected = String::new();
                let mut socket = Narrow { at_once, room, taken: Vec::new() };
                for number in 0..PIECES_MAX * 3 {
                    say(&mut feeds, number as u64 % 3, &format!("said {number}"), &mut [&mut ada, &mut bob]);
                    expected += &format!("said {number}\r\n");
                    if number % 4 == 0 {
                        own(&mut ada, &format!("answer {number}"));
                        expected += &format!("answer {number}\r\n");
                    }
                    if number % 5 == 0 {
                        assert!(ada.earlier.len() <= PIECES_MAX);
                        socket.room = room;
                        let all = ada.write_to(&mut socket).unwrap();
                        assert_eq!(all, ada.waiting() == 0);
                        assert_eq!(socket.taken.len() + ada.waiting(), expected.len());
                    }
                }
                socket.room = usize::MAX;
                assert!(ada.write_to(&mut socket).unwrap());
                assert_eq!(
                    String::from_utf8(socket.taken).unwrap(),
                    expected,
                    "{at_once} at once, room for {room}"
                );
                assert_eq!((ada.waiting(), ada.earlier.capacity(), ada.last.is_some()), (0, 0, false));
                assert!(bob.waiting() > 0, "who has not read still has it to read");
            }
        }
    }

    #[test]
    fn what_a_room_hears_is_one_piece_for_each_reader() {
        let mut feeds = Feeds::default();
        let (mut ada, mut bob) = (Outgoing::new(Framing::Lines), Outgoing::new(Framing::Lines));
        for number in 0..100 {
            // Bob is shown the fiftieth in his own way.
            if number == 50 {
                say(&mut feeds, 1, "fifty", &mut [&mut ada]);
                own(&mut bob, "mine");
            } else {
                say(&mut feeds, 1, "another", &mut [&mut ada, &mut bob]);
            }
        }
        assert_eq!((ada.earlier.len(), bob.earlier.len()), (0, 2));
    }

    #[test]
    fn a_reader_of_many_rooms_that_does_not_read_keeps_few_pieces() {
        let mut feeds = Feeds::default();
        let mut out = Outgoing::new(Framing::Lines);
        for number in 0..1000 {
            say(&mut feeds, number, "hello", &mut [&mut out]);
        }
        assert_eq!((out.earlier.len(), out.waiting()), (PIECES_MAX, 7 * 1000));
    }

    #[test]
    fn what_writes_nothing_leaves_nothing() {
        let mut out = Outgoing::new(Framing::Lines);
        out.framed(|_| ());
        out.share(&Piece::empty());
        assert!(out.earlier.is_empty() && out.last.is_none());
    }
}
