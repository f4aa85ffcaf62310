use std::sync::Arc;

use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::tls::Fingerprint;

/// Collects events as the interface would.
struct Collect(mpsc::UnboundedSender<Event>);

impl EventSink for Collect {
    fn deliver(&self, event: Event) {
        self.0.send(event).expect("the test reads all events");
    }

    async fn drained(&self) {}
}

/// One running connection and what it has told.
struct Running {
    outgoing: Option<mpsc::Sender<String>>,
    _cut: oneshot::Sender<()>,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Running {
    fn start(stream: Stream) -> Self {
        let (outgoing, queue) = mpsc::channel(SEND_QUEUE_LEN_MAX);
        let (cut, cut_off) = oneshot::channel();
        let (sender, events) = mpsc::unbounded_channel();
        tokio::spawn(run(stream, queue, cut_off, Collect(sender)));
        Self { outgoing: Some(outgoing), _cut: cut, events }
    }

    async fn send(&self, line: &str) {
        let outgoing = self.outgoing.as_ref().expect("not told to end yet");
        outgoing.send(line.to_owned()).await.expect("the connection is open");
    }

    /// Tells the connection to send what is queued and to end.
    fn end(&mut self) {
        self.outgoing = None;
    }

    async fn next(&mut self) -> Event {
        timeout(Duration::from_secs(10), self.events.recv())
            .await
            .expect("an event in time")
            .expect("the connection is open")
    }
}

fn line(text: &str) -> Event {
    Event::Line { line: text.to_owned() }
}

async fn listen() -> (TcpListener, Endpoint) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port, tls: false, fingerprint: None };
    (listener, endpoint)
}

async fn connect_and_accept(listener: &TcpListener, endpoint: &Endpoint) -> (Running, TcpStream) {
    let (ours, theirs) = tokio::join!(connect(endpoint), listener.accept());
    (Running::start(ours.expect("connected")), theirs.expect("accepted").0)
}

#[tokio::test]
async fn lines_go_both_ways_in_order() {
    let (listener, endpoint) = listen().await;
    let (mut anna, server) = connect_and_accept(&listener, &endpoint).await;
    let mut server = BufReader::new(server);

    for number in 0..500 {
        anna.send(&format!("PRIVMSG #lobby :{number}")).await;
    }
    for number in 0..500 {
        let mut received = String::new();
        server.read_line(&mut received).await.expect("a line");
        assert_eq!(received, format!("PRIVMSG #lobby :{number}\r\n"));
    }
    server.write_all(":srv 001 Anna :Benvenuta 👋\r\nPING :1\r\n".as_bytes()).await.expect("written");
    assert_eq!(anna.next().await, line(":srv 001 Anna :Benvenuta 👋"));
    assert_eq!(anna.next().await, line("PING :1"));
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses() {
    let (listener, endpoint) = listen().await;
    drop(listener);
    let error = connect(&endpoint).await.expect_err("nobody listens");
    assert!(matches!(error, ConnectError::Refused), "{error:?}");
}

#[tokio::test]
async fn a_name_without_an_address_is_told_apart() {
    let (_listener, mut endpoint) = listen().await;
    // RFC 6761, section 6.4: this name never has an address.
    endpoint.host = "salotto.invalid".to_owned();
    let error = connect(&endpoint).await.expect_err("no such name");
    assert!(matches!(error, ConnectError::Dns(_)), "{error:?}");
}

#[tokio::test]
async fn an_ipv6_address_is_understood_with_brackets_and_without() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        // A machine without IPv6 has nothing to show here; the parsing still holds.
        let (_listener, mut endpoint) = listen().await;
        endpoint.host = "[::1]".to_owned();
        assert_eq!(endpoint.bare_host(), "::1");
        return;
    };
    let port = listener.local_addr().expect("an address").port();
    for host in ["[::1]", "::1", " ::1 "] {
        let endpoint = Endpoint { host: host.to_owned(), port, tls: false, fingerprint: None };
        connect(&endpoint).await.expect(host);
    }
}

#[tokio::test]
async fn all_addresses_are_tried_until_one_answers() {
    let (listener, _) = listen().await;
    let open = listener.local_addr().expect("an address");
    let (closed_listener, _) = listen().await;
    let closed = closed_listener.local_addr().expect("an address");
    drop(closed_listener);

    let stream = connect_any(vec![closed, closed, open]).await.expect("the last one answers");
    assert_eq!(stream.peer_addr().expect("an address"), open);
    let error = connect_any(vec![closed, closed]).await.expect_err("none answers");
    assert!(matches!(error, ConnectError::Refused), "{error:?}");
}

#[tokio::test]
async fn a_server_that_closes_is_heard_to_its_last_line() {
    let (listener, endpoint) = listen().await;
    let (mut anna, mut server) = connect_and_accept(&listener, &endpoint).await;
    server.write_all(b"ERROR :The server has closed: maintenance\r\n").await.expect("written");
    drop(server);
    assert_eq!(anna.next().await, line("ERROR :The server has closed: maintenance"));
    assert_eq!(
        anna.next().await,
        Event::Closed { reason: CloseReason::Eof, message: "closed by the server".to_owned() }
    );
}

#[tokio::test]
async fn a_connection_that_is_cut_is_a_reset() {
    let (listener, endpoint) = listen().await;
    let (mut anna, server) = connect_and_accept(&listener, &endpoint).await;
    // Closing a socket with unread bytes makes the system answer with a reset.
    anna.send("PING :1").await;
    server.peek(&mut [0]).await.expect("the line has arrived");
    drop(server);
    let Event::Closed { reason, .. } = anna.next().await else {
        panic!("the connection is closed");
    };
    assert_eq!(reason, CloseReason::Reset);
}

#[tokio::test]
async fn a_server_that_sends_no_lines_is_left() {
    let (listener, endpoint) = listen().await;
    let (mut anna, mut server) = connect_and_accept(&listener, &endpoint).await;
    let flood = vec![b'x'; crate::line::LINE_SIZE_MAX + READ_SIZE_MAX];
    let (_, event) = tokio::join!(server.write_all(&flood), anna.next());
    assert_eq!(
        event,
        Event::Closed { reason: CloseReason::Error, message: crate::line::LineTooLong.to_string() }
    );
}

#[tokio::test]
async fn closing_sends_what_is_queued_first_and_hears_the_answer() {
    let (listener, endpoint) = listen().await;
    let (mut anna, server) = connect_and_accept(&listener, &endpoint).await;
    for number in 0..200 {
        anna.send(&format!("PRIVMSG #lobby :{number}")).await;
    }
    anna.send("QUIT :good night").await;
    anna.end();

    let mut server = BufReader::new(server);
    let mut received = Vec::new();
    loop {
        let mut text = String::new();
        if server.read_line(&mut text).await.expect("readable") == 0 {
            break;
        }
        received.push(text);
    }
    assert_eq!(received.len(), 201);
    assert_eq!(received[200], "QUIT :good night\r\n");
    server.write_all(b"ERROR :Closing link\r\n").await.expect("written");
    drop(server);
    assert_eq!(anna.next().await, line("ERROR :Closing link"));
    assert!(matches!(anna.next().await, Event::Closed { reason: CloseReason::Eof, .. }));
}

/// Takes nothing in until it is allowed to.
struct Slow {
    events: mpsc::UnboundedSender<Event>,
    permits: Arc<tokio::sync::Semaphore>,
}

impl EventSink for Slow {
    fn deliver(&self, event: Event) {
        self.events.send(event).expect("the test reads all events");
    }

    async fn drained(&self) {
        self.permits.acquire().await.expect("never closed").forget();
    }
}

#[tokio::test]
async fn a_server_faster_than_the_interface_has_to_wait() {
    let (listener, endpoint) = listen().await;
    let (ours, theirs) = tokio::join!(connect(&endpoint), listener.accept());
    let mut server = theirs.expect("accepted").0;
    let (events, mut delivered) = mpsc::unbounded_channel();
    let permits = Arc::new(tokio::sync::Semaphore::new(0));
    let (_outgoing, queue) = mpsc::channel(1);
    let (_cut, cut_off) = oneshot::channel();
    let sink = Slow { events, permits: Arc::clone(&permits) };
    tokio::spawn(run(ours.expect("connected"), queue, cut_off, sink));

    let text = b"PING :1\r\n".repeat(READ_SIZE_MAX);
    let writer = tokio::spawn(async move { server.write_all(&text).await });
    assert_eq!(delivered.recv().await, Some(line("PING :1")));
    // One read has been delivered; the next is not taken before the first has been
    // taken in, however long that is.
    let lines_of_one_read = READ_SIZE_MAX / b"PING :1\r\n".len();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(delivered.len() < lines_of_one_read);

    permits.add_permits(1_000_000);
    for _ in 1..READ_SIZE_MAX {
        assert_eq!(delivered.recv().await, Some(line("PING :1")));
    }
    writer.await.expect("no panic").expect("all written");
}

/// A TLS server with a certificate nobody knows, and its fingerprint.
fn tls_acceptor() -> (TlsAcceptor, Fingerprint) {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a key");
    let certificate = CertificateDer::from(key.cert.der().to_vec());
    let fingerprint = Fingerprint::of(&certificate);
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private)
        .expect("a certificate");
    (TlsAcceptor::from(Arc::new(config)), fingerprint)
}

/// Talks TLS with a server that has a certificate of its own making, trusting what
/// `trust` makes of its fingerprint. Returns how that went, the fingerprint, and
/// what the server has read.
async fn talk_tls(
    trust: impl FnOnce(Fingerprint) -> Option<String>,
) -> (Result<(), ConnectError>, Fingerprint, String) {
    let (listener, mut endpoint) = listen().await;
    let (acceptor, fingerprint) = tls_acceptor();
    endpoint.host = "localhost".to_owned();
    endpoint.tls = true;
    endpoint.fingerprint = trust(fingerprint);
    let server = async {
        let (tcp, _) = listener.accept().await.expect("accepted");
        let mut received = String::new();
        if let Ok(mut stream) = acceptor.accept(tcp).await {
            stream.write_all(b"PING :tls\r\n").await.expect("written");
            stream.read_to_string(&mut received).await.expect("read");
        }
        received
    };
    let client = async {
        let mut anna = Running::start(connect(&endpoint).await?);
        assert_eq!(anna.next().await, line("PING :tls"));
        anna.send("PONG :tls").await;
        anna.end();
        assert!(matches!(anna.next().await, Event::Closed { .. }));
        Ok(())
    };
    let (outcome, received) = tokio::join!(client, server);
    (outcome, fingerprint, received)
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused_and_named() {
    let (outcome, fingerprint, received) = talk_tls(|_| None).await;
    let Err(ConnectError::Tls(TlsError::Certificate { fingerprint: seen, .. })) = outcome else {
        panic!("not the certificate's fault: {outcome:?}");
    };
    assert_eq!(seen, fingerprint);
    assert_eq!(received, "", "nothing was sent");
}

#[tokio::test]
async fn the_certificate_that_was_accepted_is_trusted() {
    let (outcome, _, received) = talk_tls(|own| Some(own.to_string())).await;
    outcome.expect("trusted by its fingerprint");
    assert_eq!(received, "PONG :tls\r\n");
}

#[tokio::test]
async fn another_certificate_than_the_accepted_one_is_refused() {
    let (outcome, fingerprint, received) = talk_tls(|_| Some("AB".repeat(32))).await;
    let Err(ConnectError::Tls(TlsError::Certificate { fingerprint: seen, .. })) = outcome else {
        panic!("not the certificate's fault: {outcome:?}");
    };
    assert_eq!(seen, fingerprint);
    assert_eq!(received, "", "nothing was sent");
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_with_a_bad_certificate() {
    let (listener, mut endpoint) = listen().await;
    endpoint.tls = true;
    let server = async {
        let (mut tcp, _) = listener.accept().await.expect("accepted");
        tcp.write_all(b":srv NOTICE * :Looking up your hostname\r\n").await.expect("written");
        tcp
    };
    let (outcome, _tcp) = tokio::join!(connect(&endpoint), server);
    assert!(matches!(outcome, Err(ConnectError::Tls(TlsError::Handshake(_)))), "{outcome:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_the_handshake_is_given_up() {
    let (listener, mut endpoint) = listen().await;
    endpoint.tls = true;
    // The connection is made by the system; nobody ever takes it.
    let outcome = connect_within(Duration::from_millis(100), &endpoint).await;
    assert!(matches!(outcome, Err(ConnectError::Timeout)), "{outcome:?}");
    drop(listener);
}
