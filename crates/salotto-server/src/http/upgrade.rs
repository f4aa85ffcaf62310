//! The opening handshake of a WebSocket (RFC 6455 section 4.2), and the way of its socket out of HTTP.

use std::io;

use base64::Engine;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Version,
    body::Incoming as Body,
    header::{self, HeaderValue},
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;
use tracing::{debug, warn};
use tungstenite::handshake::derive_accept_key;

use super::{
    Client, Site,
    route::{Answer, plain},
};
use crate::listen::{Incoming, ListenerKind, Permit, WebSubprotocol};

/// What HTTP is spoken over: a socket, encrypted or not, that can be had back.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + Sized + 'static {
    /// The socket and the encryption on it.
    fn take_apart(self) -> io::Result<(std::net::TcpStream, Option<Box<rustls::ServerConnection>>)>;
}

impl Transport for TcpStream {
    fn take_apart(self) -> io::Result<(std::net::TcpStream, Option<Box<rustls::ServerConnection>>)> {
        Ok((self.into_std()?, None))
    }
}

impl Transport for TlsStream<TcpStream> {
    fn take_apart(self) -> io::Result<(std::net::TcpStream, Option<Box<rustls::ServerConnection>>)> {
        let (stream, connection) = self.into_inner();
        Ok((stream.into_std()?, Some(Box::new(connection))))
    }
}

/// Answers a request for a WebSocket; after a `101` the socket goes to the chat.
pub(super) fn answer<T: Transport>(site: &Site, client: Client, mut request: Request<Body>) -> Answer {
    let headers = request.headers();
    if request.method() != Method::GET || request.version() < Version::HTTP_11 || !asks_for_websocket(headers)
    {
        return upgrade_required("This is the address for WebSocket connections\n");
    }
    if text(headers, "sec-websocket-version") != Some("13") {
        return upgrade_required("Only version 13 of the WebSocket protocol is understood\n");
    }
    let Some(accept) = text(headers, "sec-websocket-key").and_then(accept_key) else {
        return plain(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key must be 16 bytes in base64\n");
    };
    let host = text(headers, header::HOST.as_str()).unwrap_or_default();
    // A header that is there but cannot be read is as foreign as can be.
    let origin = headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or_default());
    if let Err(foreign) = site.origins.check(origin, host, client.peer) {
        warn!(origin, host, reason = %foreign, "refused a WebSocket");
        return plain(StatusCode::FORBIDDEN, format!("Not allowed: {foreign}\n"));
    }
    let Ok(offer) = subprotocol(headers) else {
        return plain(StatusCode::BAD_REQUEST, "Known subprotocols: text.ircv3.net, binary.ircv3.net\n");
    };
    let permit = match site.permits.acquire(client.peer.ip()) {
        Ok(permit) => permit,
        Err(refusal) => {
            debug!(%refusal, "refused a WebSocket");
            return plain(StatusCode::SERVICE_UNAVAILABLE, format!("Connection refused: {refusal}\n"));
        }
    };

    let upgrade = hyper::upgrade::on(&mut request);
    let adopt = site.adopt.clone();
    tokio::spawn(async move {
        let subprotocol = offer.unwrap_or(WebSubprotocol::Text);
        match upgrade.await.map(|upgraded| hand_over::<T>(upgraded, client, subprotocol, permit)) {
            Ok(Ok(incoming)) => adopt.adopt(incoming),
            Ok(Err(error)) => warn!(%error, "lost a WebSocket on its way out of HTTP"),
            Err(error) => debug!(%error, "a WebSocket was gone before it was open"),
        }
    });

    let mut answer = Response::new(http_body_util::Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let out = answer.headers_mut();
    out.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    out.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    out.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(subprotocol) = offer {
        out.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name(subprotocol)));
    }
    answer
}

fn hand_over<T: Transport>(
    upgraded: Upgraded,
    client: Client,
    subprotocol: WebSubprotocol,
    permit: Permit,
) -> io::Result<Incoming> {
    let parts = upgraded
        .downcast::<TokioIo<T>>()
        .map_err(|_| io::Error::other("the connection is not of the kind it was accepted as"))?;
    let (stream, tls) = parts.io.into_inner().take_apart()?;
    debug_assert_eq!(tls.is_some(), client.encrypted);
    Ok(Incoming {
        stream,
        tls,
        leftover: parts.read_buf.to_vec(),
        kind: ListenerKind::Web { subprotocol },
        peer: client.peer,
        permit,
    })
}

fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let has = |name: header::HeaderName, wanted: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|token| token.trim().eq_ignore_ascii_case(wanted))
    };
    has(header::CONNECTION, "upgrade") && has(header::UPGRADE, "websocket")
}

/// The answer to a key, if it is one.
fn accept_key(key: &str) -> Option<HeaderValue> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(key).ok()?;
    if bytes.len() != 16 {
        return None;
    }
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()
}

/// The client's first choice among the subprotocols that are known; nothing when it names none at all.
///
/// # Errors
///
/// The client names only others: by RFC 6455 section 4.1 it would have to fail the connection itself.
fn subprotocol(headers: &HeaderMap) -> Result<Option<WebSubprotocol>, ()> {
    let mut named = false;
    for value in headers.get_all(header::SEC_WEBSOCKET_PROTOCOL) {
        for token in value.to_str().unwrap_or_default().split(',') {
            named = true;
            match token.trim() {
                "text.ircv3.net" => return Ok(Some(WebSubprotocol::Text)),
                "binary.ircv3.net" => return Ok(Some(WebSubprotocol::Binary)),
                _ => {}
            }
        }
    }
    if named { Err(()) } else { Ok(None) }
}

fn name(subprotocol: WebSubprotocol) -> &'static str {
    match subprotocol {
        WebSubprotocol::Text => "text.ircv3.net",
        WebSubprotocol::Binary => "binary.ircv3.net",
    }
}

fn upgrade_required(reason: &'static str) -> Answer {
    let mut answer = plain(StatusCode::UPGRADE_REQUIRED, reason);
    let out = answer.headers_mut();
    out.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    out.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    out.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    answer
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
