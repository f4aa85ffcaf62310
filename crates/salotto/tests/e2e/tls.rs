//! Encryption in transit: the certificate made at the first start, and given ones.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustix::process::Signal;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned, pki_types,
};
use salotto_client::Fingerprint;
use tungstenite::ClientRequestBuilder;

use crate::irc::Irc;
use crate::support::{PATIENCE, Server, Setup, data_of, run};

/// Trusts the certificate with one fingerprint and no other.
#[derive(Debug)]
struct Pinned {
    fingerprint: String,
    provider: CryptoProvider,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if Fingerprint::of(end_entity).to_string() == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::General("another certificate".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// A connection to where the pinned certificate is expected.
fn encrypted(address: SocketAddr, fingerprint: &str) -> Encrypted {
    let verifier = Pinned { fingerprint: fingerprint.to_owned(), provider: ring::default_provider() };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let name = ServerName::from(pki_types::IpAddr::from(address.ip()));
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    StreamOwned::new(connection, stream)
}

/// Reads up to a line that ends like this.
fn until(reader: &mut BufReader<Encrypted>, end: &str) -> String {
    let mut seen = String::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(len) if len > 0 => {}
            end_of_it => panic!("{end_of_it:?} instead of {end:?}, after:\n{seen}"),
        }
        if line.trim_end().ends_with(end) {
            return line;
        }
        seen.push_str(&line);
    }
}

/// A server with all that is encrypted, on free ports.
fn setup() -> Setup {
    Server::english().option("--tls-port", "0").option("--web-tls", "0")
}

/// The fingerprint and the addresses of IRC over TLS and of HTTPS, as the server printed them.
fn printed(server: &Server) -> (String, SocketAddr, SocketAddr) {
    let find = |start: &str| {
        let lines = server.announced();
        let line = lines.iter().find_map(|line| line.strip_prefix(start));
        let line = line.unwrap_or_else(|| panic!("no line {start:?} in {lines:#?}"));
        let (address, fingerprint) = line.split_once(" fingerprint ").expect("a fingerprint");
        (format!("127.0.0.1:{address}").parse().expect("an address"), fingerprint.to_owned())
    };
    let (irc, fingerprint) = find("tls 127.0.0.1:");
    let (web, same) = find("web https://127.0.0.1:");
    assert_eq!(fingerprint, same);
    (fingerprint, irc, web)
}

/// Talks over every encrypted listener with a client that is not encrypted.
fn is_encrypted(server: &Server, fingerprint: &str, irc: SocketAddr, web: SocketAddr) {
    let mut plain = Irc::sign_in(server, "plain", "");
    let mut anna = BufReader::new(encrypted(irc, fingerprint));
    anna.get_mut().write_all(b"NICK anna\r\nUSER a 0 * :a\r\n").expect("writes");
    until(&mut anna, "#lobby :End of /NAMES list");
    plain.expect_next("anna JOIN #lobby");
    anna.get_mut().write_all(b"PRIVMSG #lobby :in secret\r\n").expect("writes");
    plain.expect_next("anna PRIVMSG #lobby :in secret");
    plain.send("PRIVMSG #lobby :to everybody");
    until(&mut anna, "PRIVMSG #lobby :to everybody");

    let mut browser = encrypted(web, fingerprint);
    let request = format!("GET /health HTTP/1.1\r\nHost: {web}\r\nConnection: close\r\n\r\n");
    browser.write_all(request.as_bytes()).expect("writes");
    let mut answer = String::new();
    browser.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("{\"status\":\"ok\"}\n"), "{answer}");

    let uri = format!("wss://{web}/ws").parse().expect("a URI");
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("text.ircv3.net");
    let (mut socket, _) = tungstenite::client(request, encrypted(web, fingerprint)).expect("a WebSocket");
    for line in ["NICK bruno", "USER b 0 * :b", "PRIVMSG #lobby :from a page"] {
        socket.send(line.into()).expect("writes");
    }
    plain.expect_next("bruno JOIN #lobby");
    plain.expect_next("bruno PRIVMSG #lobby :from a page");
    plain.send("PRIVMSG #lobby :to the page");
    while !socket.read().expect("a line").to_text().expect("text").ends_with("#lobby :to the page") {}
    plain.send("QUIT");
}

#[test]
fn mission_23_tls_with_the_certificate_that_the_first_start_makes() {
    let server = setup().start();
    let (fingerprint, irc, web) = printed(&server);
    is_encrypted(&server, &fingerprint, irc, web);

    // Whoever pins another fingerprint says nothing.
    let other = fingerprint.chars().rev().collect::<String>();
    let error = encrypted(irc, &other).write_all(b"NICK anna\r\n").expect_err("another certificate");
    assert!(error.to_string().contains("another certificate"), "{error}");
    // Whoever does not encrypt is not understood, and nobody else is harmed.
    let mut lost = TcpStream::connect(irc).expect("connects");
    lost.set_read_timeout(Some(PATIENCE)).expect("a socket");
    lost.write_all(b"NICK anna\r\nUSER a 0 * :a\r\n").expect("writes");
    let mut answer = Vec::new();
    // It may be cut off with what it sent unread, which is a reset.
    let _ = lost.read_to_end(&mut answer);
    assert!(!answer.windows(4).any(|bytes| bytes == b" 001"), "{answer:?}");

    // The next start keeps the certificate.
    let server = setup().start_in(server.stop(Signal::TERM).home);
    let (same, irc, web) = printed(&server);
    assert_eq!(same, fingerprint);
    is_encrypted(&server, &fingerprint, irc, web);
}

/// A certificate and its key, as a first start makes them, and their fingerprint.
fn made_elsewhere() -> (tempfile::TempDir, String) {
    let server = setup().start();
    let (fingerprint, ..) = printed(&server);
    (server.stop(Signal::TERM).home, fingerprint)
}

#[test]
fn mission_23_tls_with_given_files() {
    let (elsewhere, fingerprint) = made_elsewhere();
    let file = |name: &str| data_of(&elsewhere).join("tls").join(name).display().to_string();
    let server = setup()
        .variable("SALOTTO_TLS_CERTIFICATE", &file("certificate.pem"))
        .variable("SALOTTO_TLS_KEY", &file("key.pem"))
        .start();
    let (given, irc, web) = printed(&server);
    assert_eq!(given, fingerprint);
    is_encrypted(&server, &fingerprint, irc, web);
}

#[test]
fn mission_23_files_that_do_not_serve_are_refused_with_the_reason() {
    let (one, _) = made_elsewhere();
    let (two, _) = made_elsewhere();
    let file = |home: &tempfile::TempDir, name: &str| data_of(home).join("tls").join(name);
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let garbage = scratch.path().join("garbage.pem");
    fs::write(&garbage, "-----BEGIN CERTIFICATE-----\nthis is none\n").expect("written");
    let (certificate, key) = (file(&one, "certificate.pem"), file(&one, "key.pem"));
    for (certificate, key, reason) in [
        (&scratch.path().join("none.pem"), &key, "none.pem: No such file or directory"),
        (&certificate, &scratch.path().join("none.pem"), "none.pem: No such file or directory"),
        (&garbage, &key, "garbage.pem is not a PEM file"),
        (&key, &key, "key.pem holds no certificate (no BEGIN CERTIFICATE)"),
        (&certificate, &certificate, "certificate.pem holds no private key"),
        (&certificate, &file(&two, "key.pem"), "key.pem do not serve together"),
    ] {
        let said = refused(scratch.path(), &format!("certificate = {certificate:?}\nkey = {key:?}\n"));
        assert!(said.contains(reason), "{said:?} instead of {reason:?}");
    }
    let said = refused(scratch.path(), &format!("certificate = {certificate:?}\n"));
    assert!(said.contains("tls.key"), "{said:?}");
}

/// What the program says when it does not start with this section `[tls]`.
fn refused(scratch: &Path, section: &str) -> String {
    let config = scratch.join("salotto.toml");
    let listen = "[listen]\nport = 0\ntls_port = 0\nweb_port = \"off\"\ntext_port = \"off\"\n";
    fs::write(&config, format!("{listen}[tls]\n{section}")).expect("written");
    let config = config.display().to_string();
    let (code, out, err) = run(&["serve", "--config", &config, "--data", "data"]);
    assert!(matches!(code, Some(1 | 2)), "{code:?} {out:?} {err:?}");
    assert_eq!(out, "", "it does not say that it listens");
    err
}
