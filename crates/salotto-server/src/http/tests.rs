//! The web port as a browser and as an attacker see it: over a socket, byte by byte.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::Duration,
};

use hyper::body::Bytes;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};

use super::*;
use crate::listen::{Incoming, ListenerKind, WebSubprotocol};

struct Chat(Mutex<mpsc::Sender<Incoming>>);

impl Adopt for Chat {
    fn adopt(&self, incoming: Incoming) {
        self.0.lock().expect("lock").send(incoming).expect("the test still listens");
    }
}

struct Web {
    server: Arc<WebServer>,
    address: SocketAddr,
    listener: TcpListener,
    adopted: mpsc::Receiver<Incoming>,
}

fn files() -> Assets {
    let script = "console.log('ciao');\n".repeat(100);
    Assets::new([
        ("index.html".to_owned(), Bytes::from_static(b"<!doctype html><title>Salotto</title>")),
        ("assets/app-3f2a.js".to_owned(), Bytes::from(script)),
        ("icon.png".to_owned(), Bytes::from_static(b"\x89PNG")),
    ])
}

fn web_with(connections: usize, chats: usize, tls: Option<Arc<rustls::ServerConfig>>) -> Web {
    web_within(connections, chats, tls, HEAD_TIME_MAX)
}

fn web_within(
    connections: usize,
    chats: usize,
    tls: Option<Arc<rustls::ServerConfig>>,
    head_time_max: Duration,
) -> Web {
    let (send, adopted) = mpsc::channel();
    let options = WebOptions {
        allowed_origins: vec!["https://friend.example.org".into()],
        external_url: None,
        connections,
        tls,
        permits: Permits::new(chats, chats),
        adopt: Arc::new(Chat(Mutex::new(send))),
        metrics: Arc::new(|| "salotto_sessions 3\n".to_owned()),
    };
    let server = Arc::new(WebServer::start_with(options, files(), head_time_max).expect("started"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("address");
    Web { server, address, listener, adopted }
}

fn web() -> Web {
    web_with(100, 100, None)
}

impl Web {
    fn connect_over(&self, encrypted: bool) -> TcpStream {
        let client = TcpStream::connect(self.address).expect("connects");
        client.set_read_timeout(Some(Duration::from_secs(20))).expect("option");
        let (stream, peer) = self.listener.accept().expect("accepts");
        stream.set_nonblocking(true).expect("option");
        self.server.accept(stream, peer, encrypted);
        client
    }

    fn connect(&self) -> TcpStream {
        self.connect_over(false)
    }

    /// Sends bytes, and returns the answer up to the end of the connection.
    fn whole(&self, request: &str) -> Reply {
        let mut client = self.connect();
        client.write_all(request.as_bytes()).expect("writes");
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).expect("reads");
        Reply::parse(&bytes)
    }

    fn get(&self, path: &str, headers: &str) -> Reply {
        self.whole(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n",
            self.address
        ))
    }

    fn shake_hands(&self, headers: &str) -> String {
        format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n",
            self.address
        )
    }

    /// Asks for a WebSocket that is to be refused; the refusal leaves the connection open, so only its head is read.
    fn refused(&self, request: &str) -> Reply {
        let mut client = self.connect();
        client.write_all(request.as_bytes()).expect("writes");
        read_head(&mut client)
    }
}

struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        Reply { status, head, body: bytes[end + 4..].to_vec() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }
}

fn read_head(stream: &mut impl Read) -> Reply {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).expect("reads"), 1, "closed in the head");
        bytes.push(byte[0]);
    }
    Reply::parse(&bytes)
}

#[test]
fn the_page_and_its_files_come_with_their_types_and_protections() {
    let web = web();
    let page = web.get("/", "");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert!(page.header("content-security-policy").expect("a policy").contains("default-src 'self'"));
    assert!(page.header("content-security-policy").expect("a policy").contains("frame-ancestors 'none'"));
    assert!(page.body.starts_with(b"<!doctype html>"));

    let script = web.get("/assets/app-3f2a.js", "");
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(script.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(web.get("/icon.png", "").header("content-type"), Some("image/png"));
}

#[test]
fn rooms_have_links_and_what_is_not_there_is_not_found() {
    let web = web();
    assert_eq!(web.get("/index.html", "").status, 200);
    let link = web.get("/r/%23lobby?x=1", "");
    assert_eq!((link.status, link.header("location")), (302, Some("../#/lobby")));
    for path in [
        "/nothing",
        "/sneaky",
        "/assets/",
        "/assets",
        "/../Cargo.toml",
        "/assets/../index.html",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/assets/app-3f2a.js/",
    ] {
        assert_eq!(web.get(path, "").status, 404, "{path}");
    }
    assert_eq!(web.get("/%ff", "").status, 400);
}

#[test]
fn a_copy_that_is_still_good_is_not_sent_again() {
    let web = web();
    let first = web.get("/", "");
    let tag = first.header("etag").expect("a tag").to_owned();
    for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
        let again = web.get("/", &format!("If-None-Match: {known}\r\n"));
        assert_eq!(again.status, 304, "{known}");
        assert_eq!(again.header("etag"), Some(tag.as_str()));
        assert!(again.body.is_empty());
    }
    assert_eq!(web.get("/", "If-None-Match: \"other\"\r\n").status, 200);
}

#[test]
fn text_is_packed_for_those_who_can_unpack_it() {
    let web = web();
    let plain = web.get("/assets/app-3f2a.js", "");
    let packed = web.get("/assets/app-3f2a.js", "Accept-Encoding: gzip, br\r\n");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.header("vary"), Some("Accept-Encoding"));
    assert_ne!(packed.header("etag"), plain.header("etag"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).expect("unpacks");
    assert_eq!(unpacked, plain.body);
    let image = web.get("/icon.png", "Accept-Encoding: gzip\r\n");
    assert_eq!((image.header("content-encoding"), image.header("vary")), (None, None));
}

#[test]
fn head_is_get_without_the_body_and_other_methods_are_refused() {
    let web = web();
    let request = |method: &str, path: &str| {
        web.whole(&format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    };
    let (got, head) = (request("GET", "/"), request("HEAD", "/"));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), got.header("content-length"));
    assert_eq!(head.header("etag"), got.header("etag"));
    assert_eq!(request("HEAD", "/nothing").status, 404);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let refused = request(method, "/");
        assert_eq!(refused.status, 405, "{method}");
        assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    }
}

#[test]
fn health_and_metrics_answer() {
    let web = web();
    let health = web.get("/health", "");
    assert_eq!(health.status, 200);
    assert_eq!(health.header("content-type"), Some("application/json"));
    assert_eq!(health.body, b"{\"status\":\"ok\"}\n");
    let metrics = web.get("/metrics", "");
    let text = String::from_utf8(metrics.body.clone()).expect("text");
    assert!(text.starts_with("salotto_sessions 3\n"), "{text}");
    assert!(text.contains("\nsalotto_http_connections "), "{text}");
    assert!(metrics.header("content-type").expect("a type").starts_with("text/plain; version=0.0.4"));
    assert_eq!(web.get("/metrics", "X-Forwarded-For: 203.0.113.9\r\n").status, 403);
}

#[test]
fn a_websocket_leaves_http_with_everything_that_was_sent_behind_its_request() {
    let web = web();
    let mut client = web.connect();
    let origin = format!("Origin: http://{}\r\n", web.address);
    let request = web.shake_hands(&format!("{origin}Sec-WebSocket-Protocol: soap, binary.ircv3.net\r\n"));
    client.write_all(format!("{request}\u{1}first frames").as_bytes()).expect("writes");

    let reply = read_head(&mut client);
    assert_eq!(reply.status, 101);
    // The example of RFC 6455 section 1.3.
    assert_eq!(reply.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(reply.header("sec-websocket-protocol"), Some("binary.ircv3.net"));
    assert_eq!(reply.header("upgrade"), Some("websocket"));

    let incoming = web.adopted.recv().expect("adopted");
    assert_eq!(incoming.kind, ListenerKind::Web { subprotocol: WebSubprotocol::Binary });
    assert_eq!(incoming.peer, client.local_addr().expect("address"));
    assert!(incoming.tls.is_none());
    // What hyper had not read yet is still in the socket.
    incoming.stream.set_nonblocking(false).expect("option");
    client.shutdown(std::net::Shutdown::Write).expect("closes");
    let mut rest = incoming.leftover.clone();
    (&incoming.stream).read_to_end(&mut rest).expect("reads");
    assert_eq!(rest, "\u{1}first frames".as_bytes());
    (&incoming.stream).write_all(b"and back").expect("writes");
    drop(incoming);
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("reads");
    assert_eq!(answer, "and back");
}

#[test]
fn a_websocket_without_a_subprotocol_carries_text() {
    let web = web();
    let mut client = web.connect();
    client.write_all(web.shake_hands("").as_bytes()).expect("writes");
    let reply = read_head(&mut client);
    assert_eq!((reply.status, reply.header("sec-websocket-protocol")), (101, None));
    let incoming = web.adopted.recv().expect("adopted");
    assert_eq!(incoming.kind, ListenerKind::Web { subprotocol: WebSubprotocol::Text });
}

#[test]
fn a_websocket_over_https_keeps_its_encryption() {
    let data = tempfile::tempdir().expect("a folder");
    let tls = crate::tls::Tls::load(&crate::config::Tls::default(), data.path(), &[]).expect("made");
    let web = web_with(100, 100, Some(tls.web));
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(data.path().join("tls/certificate.pem")).expect("a certificate"))
        .expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut client = StreamOwned::new(connection, web.connect_over(true));
    client
        .write_all(web.shake_hands(&format!("Origin: https://{}\r\n", web.address)).as_bytes())
        .expect("writes");
    assert_eq!(read_head(&mut client).status, 101);

    let incoming = web.adopted.recv().expect("adopted");
    incoming.stream.set_nonblocking(false).expect("option");
    let mut server = StreamOwned::new(*incoming.tls.expect("encrypted"), incoming.stream);
    client.write_all(b"ping").expect("writes");
    let mut four = [0; 4];
    server.read_exact(&mut four).expect("reads");
    assert_eq!(&four, b"ping");
    server.write_all(b"pong").expect("writes");
    client.read_exact(&mut four).expect("reads");
    assert_eq!(&four, b"pong");
}

#[test]
fn a_wrong_handshake_is_told_what_is_wrong() {
    let web = web();
    let good = web.shake_hands("");
    for (wrong, status) in [
        (good.replace("Upgrade: websocket\r\n", ""), 426),
        (good.replace("keep-alive, Upgrade", "keep-alive"), 426),
        (good.replace("GET /ws", "HEAD /ws"), 426),
        (good.replace("HTTP/1.1", "HTTP/1.0"), 426),
        (good.replace("Version: 13", "Version: 8"), 426),
        (good.replace("dGhlIHNhbXBsZSBub25jZQ==", "short"), 400),
        (good.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400),
        (good.replace("GET /ws", "POST /ws"), 405),
        (web.shake_hands("Sec-WebSocket-Protocol: soap\r\n"), 400),
        (web.shake_hands("Origin: https://evil.example.org\r\n"), 403),
        (web.shake_hands("Origin: null\r\n"), 403),
    ] {
        let reply = web.refused(&wrong);
        assert_eq!(reply.status, status, "{wrong}");
        if status == 426 {
            assert_eq!(reply.header("sec-websocket-version"), Some("13"));
        }
    }
    assert_eq!(web.refused(&web.shake_hands("Origin: https://friend.example.org\r\n")).status, 101);
    web.adopted.recv().expect("the last one is adopted");
    web.server.stop();
    assert!(web.adopted.try_recv().is_err(), "nobody else was");
}

#[test]
fn chat_connections_are_bounded_and_the_bound_is_freed_again() {
    let web = web_with(100, 1, None);
    let mut first = web.connect();
    first.write_all(web.shake_hands("").as_bytes()).expect("writes");
    assert_eq!(read_head(&mut first).status, 101);
    let incoming = web.adopted.recv().expect("adopted");
    assert_eq!(web.refused(&web.shake_hands("")).status, 503);
    drop(incoming);
    assert_eq!(web.refused(&web.shake_hands("")).status, 101);
}

#[test]
fn http_connections_are_bounded() {
    let web = web_with(1, 1, None);
    let _first = web.connect();
    let mut second = web.connect();
    assert_eq!(read_head(&mut second).status, 503);
}

#[test]
fn a_head_without_end_is_cut_off() {
    let web = web();
    let mut client = web.connect();
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").expect("writes");
    // The server may close while this is still being written.
    let _ = client.write_all(format!("X-Long: {}\r\n", "a".repeat(2 * HEAD_BYTES_MAX)).as_bytes());
    let mut reply = [0; 12];
    match client.read_exact(&mut reply) {
        Ok(()) => assert_eq!(&reply, b"HTTP/1.1 431"),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
    }
}

#[test]
fn whoever_takes_too_long_is_cut_off() {
    let data = tempfile::tempdir().expect("a folder");
    let tls = crate::tls::Tls::load(&crate::config::Tls::default(), data.path(), &[]).expect("made");
    let web = web_within(100, 100, Some(tls.web), Duration::from_millis(50));
    for (said, encrypted) in [
        ("", false),
        ("GET / HTTP/1.1\r\nHost: x\r\n", false),
        // One request is answered, and the next never comes.
        ("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", false),
        ("", true),
        ("\u{16}\u{3}\u{1}", true),
    ] {
        let mut client = web.connect_over(encrypted);
        client.write_all(said.as_bytes()).expect("writes");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).expect("closed");
        assert_eq!(rest.starts_with(b"HTTP/1.1 200"), said.starts_with("HEAD"), "{said:?}");
    }
}

#[test]
fn rubbish_is_refused_and_harms_nobody() {
    let web = web();
    for rubbish in
        ["\r\n\r\n\r\n\u{0}\u{1}", "NICK anna\r\nUSER anna 0 * :Anna\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\r\n"]
    {
        let mut client = web.connect();
        client.write_all(rubbish.as_bytes()).expect("writes");
        client.shutdown(std::net::Shutdown::Write).expect("closes");
        let mut reply = Vec::new();
        client.read_to_end(&mut reply).expect("reads");
        assert!(reply.is_empty() || reply.starts_with(b"HTTP/1.1 400"), "{rubbish:?}");
    }
    assert_eq!(web.get("/health", "").status, 200);
}

#[test]
fn stopping_closes_what_still_speaks_http_and_leaves_the_chat_alone() {
    let web = web();
    let mut idle = web.connect();
    let mut chat = web.connect();
    chat.write_all(web.shake_hands("").as_bytes()).expect("writes");
    assert_eq!(read_head(&mut chat).status, 101);
    let incoming = web.adopted.recv().expect("adopted");
    web.server.stop();
    assert_eq!(idle.read(&mut [0]).expect("closed"), 0);
    (&incoming.stream).write_all(b"x").expect("still open");
    let mut byte = [0];
    chat.read_exact(&mut byte).expect("still open");
}
