//! The driver on real loopback sockets: both address families, TLS, a server that goes away.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use salotto_client::{
    Client, Driver, Endpoint, Event, Fingerprint, Loss, MessageKind, Options, State, StopReason, Trust,
};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const SOON: Duration = Duration::from_secs(10);

fn driver(host: &str, port: u16, tls: Option<Trust>) -> Driver {
    let client = Client::new(Options { name: "anna".into(), seed: 7, ..Options::default() });
    let mut driver = Driver::new(client, &Endpoint { host: host.into(), port, tls }).unwrap();
    driver.act(Client::connect);
    driver
}

async fn until(driver: &mut Driver, found: impl Fn(&Event) -> bool) -> Event {
    let search = async {
        loop {
            let event = driver.next().await;
            if found(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(SOON, search).await.expect("the event comes soon")
}

/// Signs a client in, echoes one message, and goes away when the client quits or after it if `leaves`.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, leaves: bool) -> Vec<String> {
    let mut stream = BufReader::new(stream);
    let mut said = Vec::new();
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
        let text = line.trim_end().to_owned();
        line.clear();
        said.push(text.clone());
        let answer = match text.split(' ').next().unwrap() {
            "CAP" if text.contains("LS") => "CAP * LS :echo-message".to_owned(),
            "CAP" if text.contains("REQ") => "CAP * ACK :echo-message".to_owned(),
            "CAP" => "001 anna :Hi\r\n422 anna :None\r\n:anna!a@h JOIN #lobby".to_owned(),
            "PRIVMSG" if leaves => ":s ERROR :The server has closed: night".to_owned(),
            "PRIVMSG" => format!(":anna!a@h {text}"),
            _ => continue,
        };
        if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() || text.starts_with("QUIT") {
            break;
        }
        if leaves && text.starts_with("PRIVMSG") {
            break;
        }
    }
    said
}

#[tokio::test]
async fn talks_over_both_address_families() {
    for host in ["127.0.0.1", "::1", "[::1]"] {
        let listener = TcpListener::bind((host.trim_matches(['[', ']']), 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { serve(listener.accept().await.unwrap().0, false).await });
        let mut driver = driver(host, port, None);
        until(&mut driver, |e| matches!(e, Event::Joined { own: true, .. })).await;
        driver.act(|c, now| c.send(now, "#lobby", MessageKind::Text, "hello"));
        let event = until(&mut driver, |e| matches!(e, Event::Message(_))).await;
        assert!(matches!(event, Event::Message(m) if m.text == "hello" && m.own));
        driver.act(|c, now| c.quit(now, "bye"));
        driver.finish().await;
        assert_eq!(server.await.unwrap().last().unwrap(), "QUIT :bye");
    }
}

#[tokio::test]
async fn a_server_that_goes_away_is_told_apart_and_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move { serve(listener.accept().await.unwrap().0, true).await });
    let mut driver = driver("127.0.0.1", port, None);
    until(&mut driver, |e| matches!(e, Event::Joined { own: true, .. })).await;
    driver.act(|c, now| c.send(now, "#lobby", MessageKind::Text, "hello"));
    until(&mut driver, |e| *e == Event::ServerClosed { reason: "night".into() }).await;
    server.await.unwrap();
    until(&mut driver, |e| matches!(e, Event::Offline { loss: Loss::Unreachable(_), .. })).await;
    assert_eq!(driver.client().outbox().entries().len(), 1, "what was said is kept");
}

#[tokio::test]
async fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut driver = driver("127.0.0.1", port, None);
    let event = until(&mut driver, |e| matches!(e, Event::Offline { .. })).await;
    let Event::Offline { loss: Loss::Unreachable(reason), retry_in_ms: Some(_) } = event else { panic!() };
    assert_eq!(reason, "connection refused");
}

/// A TLS server with a certificate of its own; gives its port and fingerprint, and what it was told.
async fn tls_server() -> (u16, Fingerprint, tokio::task::JoinHandle<Vec<String>>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate: CertificateDer<'static> = made.cert.der().clone();
    let fingerprint = Fingerprint::of(&certificate);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        match TlsAcceptor::from(Arc::new(config)).accept(tcp).await {
            Ok(stream) => serve(stream, false).await,
            Err(_) => Vec::new(),
        }
    });
    (port, fingerprint, task)
}

#[tokio::test]
async fn a_pinned_certificate_is_trusted() {
    let (port, fingerprint, server) = tls_server().await;
    let mut driver = driver("127.0.0.1", port, Some(Trust::Pinned(fingerprint)));
    until(&mut driver, |e| matches!(e, Event::SignedIn { .. })).await;
    driver.act(|c, now| c.quit(now, ""));
    driver.finish().await;
    assert_eq!(server.await.unwrap().last().unwrap(), "QUIT");
}

#[tokio::test]
async fn a_wrong_certificate_stops_before_anything_is_said() {
    for trust in [Trust::System, Trust::Pinned(Fingerprint::of(b"another"))] {
        let (port, shown, server) = tls_server().await;
        let mut driver = driver("localhost", port, Some(trust));
        let event = until(&mut driver, |e| matches!(e, Event::StateChanged(State::Stopped(_)))).await;
        let Event::StateChanged(State::Stopped(StopReason::Certificate { reason, fingerprint })) = event
        else {
            panic!("{event:?}");
        };
        assert!(!reason.is_empty());
        assert_eq!(fingerprint, Some(shown.to_string()));
        assert_eq!(server.await.unwrap(), [""; 0]);
    }
}

#[tokio::test]
async fn a_server_without_tls_is_no_tls_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"NOTICE * :hello\r\n").await.unwrap();
        let mut rest = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut tcp, &mut rest).await.ok();
    });
    let mut driver = driver("127.0.0.1", port, Some(Trust::System));
    until(&mut driver, |e| matches!(e, Event::Offline { loss: Loss::Unreachable(_), .. })).await;
}

#[test]
fn a_host_that_cannot_be_one_is_refused() {
    for host in ["", "a b", "a\r\nb"] {
        let endpoint = Endpoint { host: host.into(), port: 1, tls: None };
        assert!(Driver::new(Client::new(Options::default()), &endpoint).is_err(), "{host:?}");
    }
}
