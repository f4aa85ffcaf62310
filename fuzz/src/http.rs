//! The head of an HTTP request, the opening of a WebSocket, and what is answered.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use salotto_server::http::{WebOptions, WebServer};
use salotto_server::listen::{Adopt, Incoming, ListenerKind, Permits};

static ADOPTED: Mutex<Vec<Incoming>> = Mutex::new(Vec::new());
static WEB: LazyLock<WebServer> = LazyLock::new(|| {
    WebServer::start(WebOptions {
        allowed_origins: vec!["https://friend.example.org".into()],
        external_url: Some("https://chat.example.org/salotto".into()),
        connections: 64,
        tls: None,
        permits: Permits::new(64, 64),
        adopt: Arc::new(Chat),
        metrics: Arc::new(|| "salotto_sessions 3\n".to_owned()),
    })
    .expect("the web port starts")
});

struct Chat;

impl Adopt for Chat {
    fn adopt(&self, incoming: Incoming) {
        ADOPTED.lock().expect("lock").push(incoming);
    }
}

/// What a browser, or somebody else, sends on one connection. It is written in pieces of the length that the first
/// byte says, without waiting between them.
pub fn run(data: &[u8]) {
    let (mut client, server) = UnixStream::pair().expect("a pair of sockets");
    server.set_nonblocking(true).expect("non-blocking");
    client.set_read_timeout(Some(Duration::from_secs(10))).expect("a time limit");
    let peer = match data.first() {
        Some(byte) if byte % 2 == 1 => SocketAddr::from((Ipv4Addr::new(203, 0, 113, 5), 4000)),
        _ => SocketAddr::from((Ipv4Addr::LOCALHOST, 4000)),
    };
    WEB.accept(TcpStream::from(OwnedFd::from(server)), peer, false);
    // Whoever is refused early does not read the rest.
    for piece in crate::pieces(data).take(64) {
        if client.write_all(piece).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let adopted = read(&mut client, &mut answer);
    check(&answer);
    if adopted {
        let stream = data.get(1..).unwrap_or_default();
        assert!(find(stream, b"\r\n\r\n").or(find(stream, b"\n\n")).or(find(stream, b"\n\r\n")).is_some());
    }
}

/// Reads the answer to its end: the end of the connection, or its way to the chat.
fn read(client: &mut UnixStream, answer: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = match client.read(&mut buffer) {
            Ok(0) => return false,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return false,
            // The fuzzer's own alarm clock.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => panic!("the connection hangs: {error}"),
        };
        answer.extend_from_slice(&buffer[..count]);
        if last_status(answer) == Some(101) {
            loop {
                if let Some(incoming) = ADOPTED.lock().expect("lock").pop() {
                    assert!(matches!(incoming.kind, ListenerKind::Web { .. }));
                    assert!(incoming.leftover.len() <= 64 * 1024);
                    return true;
                }
                std::thread::yield_now();
            }
        }
    }
}

fn last_status(answer: &[u8]) -> Option<u16> {
    let head = answer.strip_suffix(b"\r\n\r\n")?;
    let at = head.windows(9).rposition(|window| window == b"HTTP/1.1 ")?;
    std::str::from_utf8(head.get(at + 9..at + 12)?).ok()?.parse().ok()
}

/// Each answer is one that this server gives, and keeps a browser from doing what it should not.
fn check(answer: &[u8]) {
    if answer.is_empty() {
        return;
    }
    let head = find(answer, b"\r\n\r\n").map(|end| &answer[..end]).expect("an answer has a whole head");
    let head = std::str::from_utf8(head).expect("a head is ASCII");
    let status = head.lines().next().and_then(|line| line.strip_prefix("HTTP/1.")).expect("a status line");
    let status: u16 = status.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    assert!(
        matches!(status, 101 | 200 | 302 | 304 | 400 | 403 | 404 | 405 | 414 | 426 | 431 | 503),
        "{head}"
    );
    // What hyper refuses by itself carries nothing that a browser would show.
    if matches!(status, 200 | 404) {
        assert!(head.to_ascii_lowercase().contains("content-security-policy: default-src 'self'"), "{head}");
        assert!(head.to_ascii_lowercase().contains("x-content-type-options: nosniff"), "{head}");
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
