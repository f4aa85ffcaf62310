//! A connection's socket, with TLS or without.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use rustls::ServerConnection;

/// How often a closing socket is read from, 4 KiB at a time.
const DRAIN_READS_MAX: usize = 64;

/// Bytes in both directions; neither reading nor writing ever waits: where they would, they fail with
/// [`io::ErrorKind::WouldBlock`].
pub trait Stream: Read + Write {
    /// Says that nothing more will be written.
    fn shut(&mut self);
}

impl Stream for TcpStream {
    fn shut(&mut self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}

/// A socket, with TLS or without.
#[derive(Debug)]
pub(crate) struct Socket<S> {
    stream: S,
    tls: Option<Box<ServerConnection>>,
}

impl<S: Stream> Socket<S> {
    /// Takes a connected, non-blocking socket.
    pub fn new(stream: S, tls: Option<Box<ServerConnection>>) -> Socket<S> {
        Socket { stream, tls }
    }

    /// The bytes beneath.
    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Whether TLS has something to write of its own, such as a handshake.
    pub fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Writes what TLS has ready; says whether everything went.
    pub fn flush_tls(&mut self) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else { return Ok(true) };
        while tls.wants_write() {
            match tls.write_tls(&mut self.stream) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Says goodbye on every layer; what is still coming in is not waited for.
    pub fn close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut self.stream);
        }
        self.stream.shut();
        // A socket that is dropped with something unread is reset, and what was written last may never be seen.
        let mut unread = [0; 4096];
        for _ in 0..DRAIN_READS_MAX {
            if !matches!(self.stream.read(&mut unread), Ok(1..)) {
                break;
            }
        }
    }
}

impl<S: Stream> Read for Socket<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.stream.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            if tls.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            if let Err(error) = tls.process_new_packets() {
                // The alert that says why goes out before the connection closes.
                let _ = tls.write_tls(&mut self.stream);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }
}

impl<S: Stream> Write for Socket<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return match pieces {
                // The system takes one piece faster than a list of one.
                [bytes] => self.stream.write(bytes),
                pieces => self.stream.write_vectored(pieces),
            };
        };
        if tls.is_handshaking() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // rustls keeps a bounded buffer of its own; it takes nothing while that is full.
        let taken = tls.writer().write_vectored(pieces)?;
        self.flush_tls()?;
        if taken == 0 && pieces.iter().any(|bytes| !bytes.is_empty()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
