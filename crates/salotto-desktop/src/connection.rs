//! One IRC connection over TCP or TLS: opened, read line by line, written in order.
//!
//! The module knows sockets and lines. It knows nothing of windows, of the
//! interface, or of what the lines mean.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::line::LineBuffer;
use crate::tls::{self, TlsError};

/// How long opening a connection may take, name lookup and TLS handshake included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one address may stay silent before the next one is tried beside it
/// (RFC 8305, section 5, "Connection Attempt Delay").
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How many addresses of one host are tried at most.
pub const ADDRESSES_MAX: usize = 16;

/// How long what the server said last is read for once writing to it has failed.
const REST_TIMEOUT: Duration = Duration::from_secs(1);

/// How many lines may wait to be written. A server that takes none of them for
/// this long is found dead by the interface's own liveness check.
pub const SEND_QUEUE_LEN_MAX: usize = 1024;

/// How many bytes one read takes at most.
const READ_SIZE_MAX: usize = 16 * 1024;

/// How many waiting lines go into one write.
const WRITE_BATCH_LEN_MAX: usize = 64;

/// Where to connect, and whom to trust there.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// A host name, an IPv4 address, or an IPv6 address with or without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Whether the connection is encrypted from its first byte.
    pub tls: bool,
    /// The SHA-256 fingerprint of the one certificate to accept. Without it the
    /// system's certificate authorities decide. Ignored when `tls` is off.
    #[serde(default)]
    pub fingerprint: Option<String>,
}

impl Endpoint {
    /// The host as the resolver and the certificate check want it: without the
    /// brackets of a written IPv6 address.
    fn bare_host(&self) -> &str {
        let host = self.host.trim();
        host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host)
    }
}

/// What a connection tells its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Event {
    /// One line arrived, without its line ending.
    Line {
        /// The text, valid UTF-8: other bytes were replaced by U+FFFD.
        line: String,
    },
    /// The connection has ended; nothing follows.
    Closed {
        /// What ended it.
        reason: CloseReason,
        /// The system's own words, for details and logs.
        message: String,
    },
}

/// What ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CloseReason {
    /// The server closed its side in good order.
    Eof,
    /// The connection was cut.
    Reset,
    /// Anything else: the network failed, or the server broke a rule.
    Error,
}

/// Where the events of a connection go.
pub trait EventSink: Send + Sync + 'static {
    /// Hands over one event, in order.
    fn deliver(&self, event: Event);

    /// Resolves once everything delivered so far has been taken in. The connection
    /// reads on only then, so a server faster than the interface fills the socket
    /// and not the memory.
    fn drained(&self) -> impl Future<Output = ()> + Send;
}

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host is there, nobody listens on the port.
    #[error("connection refused")]
    Refused,
    /// The name has no address.
    #[error("no address found: {0}")]
    Dns(#[source] io::Error),
    /// Nobody answered within [`CONNECT_TIMEOUT`].
    #[error("no answer within {} s", CONNECT_TIMEOUT.as_secs())]
    Timeout,
    /// TLS could not be agreed on, or the certificate is not trusted.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The network said no in another way.
    #[error("{0}")]
    Other(#[source] io::Error),
}

/// An open connection: plain or encrypted.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// Opens a connection within [`CONNECT_TIMEOUT`]; nothing of the conversation has been sent when it returns.
///
/// # Errors
///
/// One [`ConnectError`] for each way it can fail. When several addresses were
/// tried, the error is that of the last one to fail.
pub async fn connect(endpoint: &Endpoint) -> Result<Stream, ConnectError> {
    connect_within(CONNECT_TIMEOUT, endpoint).await
}

async fn connect_within(limit: Duration, endpoint: &Endpoint) -> Result<Stream, ConnectError> {
    timeout(limit, connect_unbounded(endpoint)).await.unwrap_or(Err(ConnectError::Timeout))
}

async fn connect_unbounded(endpoint: &Endpoint) -> Result<Stream, ConnectError> {
    let host = endpoint.bare_host();
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, endpoint.port))
        .await
        .map_err(ConnectError::Dns)?
        .take(ADDRESSES_MAX)
        .collect();
    let tcp = connect_any(addresses).await?;
    // Chat lines are short and each one is awaited by a person.
    tcp.set_nodelay(true).map_err(ConnectError::Other)?;
    if !endpoint.tls {
        return Ok(Stream::Plain(tcp));
    }
    let stream = tls::handshake(tcp, host, endpoint.fingerprint.as_deref()).await?;
    Ok(Stream::Tls(Box::new(stream)))
}

/// Tries the addresses in order, each next one as soon as the one before has
/// failed or has been silent for [`ATTEMPT_DELAY`]; the first to answer wins.
async fn connect_any(addresses: Vec<SocketAddr>) -> Result<TcpStream, ConnectError> {
    let mut remaining = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut last_error =
        ConnectError::Dns(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    loop {
        if let Some(address) = remaining.next() {
            attempts.spawn(TcpStream::connect(address));
        } else if attempts.is_empty() {
            return Err(last_error);
        }
        let more = remaining.len() > 0;
        tokio::select! {
            Some(attempt) = attempts.join_next() => match attempt {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last_error = refused_or_other(error),
                Err(panic) => last_error = ConnectError::Other(io::Error::other(panic)),
            },
            () = sleep(ATTEMPT_DELAY), if more => {}
        }
    }
}

fn refused_or_other(error: io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused,
        io::ErrorKind::TimedOut => ConnectError::Timeout,
        _ => ConnectError::Other(error),
    }
}

/// Carries one connection to its end.
///
/// Lines taken from `outgoing` are written in order, each with CR LF added. Lines
/// that arrive go to `sink`. When the sender of `outgoing` is dropped, what is
/// queued is still written, our side is closed, and the server may close its own
/// until the sender of `cut_off` is used or dropped. [`Event::Closed`] is always
/// the last event.
pub async fn run(
    stream: Stream,
    outgoing: mpsc::Receiver<String>,
    cut_off: oneshot::Receiver<()>,
    sink: impl EventSink,
) {
    match stream {
        Stream::Plain(stream) => run_on(stream, outgoing, cut_off, sink).await,
        Stream::Tls(stream) => run_on(*stream, outgoing, cut_off, sink).await,
    }
}

async fn run_on<S>(
    stream: S,
    outgoing: mpsc::Receiver<String>,
    cut_off: oneshot::Receiver<()>,
    sink: impl EventSink,
) where
    S: AsyncRead + AsyncWrite + Send,
{
    let (read_half, write_half) = tokio::io::split(stream);
    let (reason, message) = {
        let reading = read_lines(read_half, &sink);
        let writing = write_lines(write_half, outgoing);
        tokio::pin!(reading);
        let conversation = async {
            tokio::select! {
                end = &mut reading => end,
                written = writing => match written {
                    // Our side is closed; the server may still say something.
                    Ok(()) => reading.await,
                    // What the server said before the connection broke still counts.
                    Err(error) => timeout(REST_TIMEOUT, reading)
                        .await
                        .unwrap_or_else(|_| close_reason(&error)),
                },
            }
        };
        tokio::select! {
            end = conversation => end,
            _ = cut_off => (CloseReason::Eof, "closed by this side".to_owned()),
        }
    };
    sink.deliver(Event::Closed { reason, message });
}

/// Reads until the connection ends and says how it ended.
async fn read_lines(mut stream: impl AsyncRead + Unpin, sink: &impl EventSink) -> (CloseReason, String) {
    let mut chunk = vec![0; READ_SIZE_MAX];
    let mut buffer = LineBuffer::default();
    loop {
        let size = match stream.read(&mut chunk).await {
            Ok(0) => return (CloseReason::Eof, "closed by the server".to_owned()),
            Ok(size) => size,
            Err(error) => return close_reason(&error),
        };
        let mut delivered = false;
        let outcome = buffer.push(&chunk[..size], |line| {
            delivered = true;
            sink.deliver(Event::Line { line });
        });
        if let Err(error) = outcome {
            return (CloseReason::Error, error.to_string());
        }
        if delivered {
            sink.drained().await;
        }
    }
}

/// Writes until the queue is closed and empty, then closes our side.
async fn write_lines(
    mut stream: impl AsyncWrite + Unpin,
    mut outgoing: mpsc::Receiver<String>,
) -> io::Result<()> {
    let mut lines = Vec::with_capacity(WRITE_BATCH_LEN_MAX);
    let mut bytes = Vec::new();
    while outgoing.recv_many(&mut lines, WRITE_BATCH_LEN_MAX).await > 0 {
        bytes.clear();
        for line in lines.drain(..) {
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        stream.write_all(&bytes).await?;
        stream.flush().await?;
    }
    stream.shutdown().await
}

fn close_reason(error: &io::Error) -> (CloseReason, String) {
    let reason = match error.kind() {
        // A TLS server that closes without its close_notify has still closed.
        io::ErrorKind::UnexpectedEof => CloseReason::Eof,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            CloseReason::Reset
        }
        _ => CloseReason::Error,
    };
    (reason, error.to_string())
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
