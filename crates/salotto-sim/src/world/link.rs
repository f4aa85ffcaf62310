//! The server's end of a connection: bytes in memory that come in pieces, and a socket that can be full.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::rc::Rc;

use salotto_server::lockstep::Stream;

use super::agenda::ConnectionId;

/// How a client's end came to its end, as the server's machine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The client closed: there is nothing more to read.
    Closed,
    /// The connection is broken.
    Reset,
}

/// Connections whose server has written or closed since the last look, each once.
pub(super) type Touched = Rc<RefCell<Vec<ConnectionId>>>;

/// What the server's machine holds of a connection.
#[derive(Debug)]
pub(super) struct Socket {
    id: ConnectionId,
    touched: Touched,
    is_touched: bool,
    /// Has arrived for the server.
    arrived: VecDeque<u8>,
    ending: Option<Ending>,
    /// Written by the server, not yet on its way.
    leaving: Vec<u8>,
    /// How many bytes of that fit.
    room: usize,
    /// The most that one read or write takes.
    piece: usize,
    /// A write found no room; the server waits to hear of some.
    is_waited_for: bool,
    /// The server will write nothing more.
    shut: bool,
}

/// The two who hold a [`Socket`]: the server by [`Stream`], the world by the methods of this.
#[derive(Clone, Debug)]
pub(super) struct End(Rc<RefCell<Socket>>);

impl End {
    pub fn new(id: ConnectionId, touched: Touched, room: usize, piece: usize) -> End {
        End(Rc::new(RefCell::new(Socket {
            id,
            touched,
            is_touched: false,
            arrived: VecDeque::new(),
            ending: None,
            leaving: Vec::new(),
            room,
            piece,
            is_waited_for: false,
            shut: false,
        })))
    }

    /// Bytes have come through the network.
    pub fn arrive(&self, bytes: &[u8]) {
        self.0.borrow_mut().arrived.extend(bytes);
    }

    /// The client's end has come through the network.
    pub fn end(&self, ending: Ending) {
        self.0.borrow_mut().ending.get_or_insert(ending);
    }

    /// Takes at most so many bytes that the server has written; says whether it was waiting for that.
    pub fn take(&self, max: usize, bytes: &mut Vec<u8>) -> bool {
        let mut socket = self.0.borrow_mut();
        let count = socket.leaving.len().min(max);
        bytes.extend(socket.leaving.drain(..count));
        count > 0 && std::mem::take(&mut socket.is_waited_for)
    }

    /// The program is gone, and its machine closes what it had open.
    pub fn close(&self) {
        let mut socket = self.0.borrow_mut();
        socket.shut = true;
        socket.touch();
    }

    /// The machine is gone, with what it had not sent yet.
    pub fn lose(&self) {
        self.0.borrow_mut().leaving.clear();
    }

    /// Whether something is to be taken.
    pub fn has_leaving(&self) -> bool {
        !self.0.borrow().leaving.is_empty()
    }

    /// Whether the server has written its last, and everything was taken.
    pub fn is_over(&self) -> bool {
        let socket = self.0.borrow();
        socket.shut && socket.leaving.is_empty()
    }

    /// The world has looked.
    pub fn untouch(&self) {
        self.0.borrow_mut().is_touched = false;
    }
}

impl Socket {
    fn touch(&mut self) {
        if !std::mem::replace(&mut self.is_touched, true) {
            self.touched.borrow_mut().push(self.id);
        }
    }
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut socket = self.0.borrow_mut();
        let most = buffer.len().min(socket.piece);
        match (socket.arrived.read(&mut buffer[..most])?, socket.ending) {
            (0, None) => Err(io::ErrorKind::WouldBlock.into()),
            (0, Some(Ending::Closed)) => Ok(0),
            (0, Some(Ending::Reset)) => Err(io::ErrorKind::ConnectionReset.into()),
            (count, _) => Ok(count),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut socket = self.0.borrow_mut();
        if socket.ending == Some(Ending::Reset) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let before = socket.leaving.len();
        let mut room = socket.room.saturating_sub(before).min(socket.piece);
        for piece in pieces {
            let taken = &piece[..room.min(piece.len())];
            socket.leaving.extend_from_slice(taken);
            room -= taken.len();
        }
        let count = socket.leaving.len() - before;
        if count == 0 {
            socket.is_waited_for = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        socket.touch();
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for End {
    fn shut(&mut self) {
        let mut socket = self.0.borrow_mut();
        socket.shut = true;
        socket.touch();
    }
}
