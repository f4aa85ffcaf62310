//! One open connection: bytes in and out.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use salotto_wire::{LINE_LEN_MAX, LineBuffer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

/// How much is read at once.
const READ_LEN: usize = 16 * 1024;

pub(super) trait Stream: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin> Stream for S {}

/// What has happened on a connection.
#[derive(Debug)]
pub(super) enum Progress {
    /// Bytes came; [`Connection::lines`] has them.
    Read,
    /// The connection is over.
    Closed(String),
}

pub(super) struct Connection {
    stream: Box<dyn Stream>,
    buffer: LineBuffer,
    read: Vec<u8>,
    read_len: usize,
    // Bounded by the outbox: one message for each target, and what the user types.
    outgoing: Vec<u8>,
    unflushed: bool,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("outgoing_len", &self.outgoing.len()).finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            buffer: LineBuffer::new(LINE_LEN_MAX),
            read: vec![0; READ_LEN],
            read_len: 0,
            outgoing: Vec::new(),
            unflushed: false,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// Writes what there is to write, and waits for bytes or the end.
    pub(super) async fn progress(&mut self) -> Progress {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Hands out the lines that have come. Lines that are too long or not UTF-8 are left out.
    pub(super) fn lines(&mut self, mut handle: impl FnMut(&str)) {
        let mut input = &self.read[..self.read_len];
        while let Some(line) = self.buffer.next(&mut input) {
            if let Ok(line) = line {
                handle(line);
            }
        }
        self.read_len = 0;
    }

    /// Writes what is left and closes, within a time.
    pub(super) async fn close(mut self, within: Duration) {
        let writing = async {
            self.stream.write_all(&self.outgoing).await?;
            self.stream.shutdown().await
        };
        // A peer that does not take the rest is left alone.
        let _ = tokio::time::timeout(within, writing).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Progress> {
        if let Err(error) = self.poll_write(cx) {
            return Poll::Ready(Progress::Closed(describe(&error)));
        }
        let mut buf = ReadBuf::new(&mut self.read);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Progress::Closed(describe(&error))),
            Poll::Ready(Ok(())) if buf.filled().is_empty() => {
                Poll::Ready(Progress::Closed("connection closed".to_owned()))
            }
            Poll::Ready(Ok(())) => {
                self.read_len = buf.filled().len();
                Poll::Ready(Progress::Read)
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.outgoing) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => {
                    self.outgoing.drain(..written);
                    self.unflushed = true;
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        if self.unflushed
            && let Poll::Ready(result) = Pin::new(&mut self.stream).poll_flush(cx)
        {
            self.unflushed = false;
            result?;
        }
        Ok(())
    }
}

/// The reason in words that do not depend on the operating system.
fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => "connection aborted".to_owned(),
        io::ErrorKind::TimedOut => "timed out".to_owned(),
        io::ErrorKind::UnexpectedEof => "connection closed".to_owned(),
        _ => error.to_string(),
    }
}
