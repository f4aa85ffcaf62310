//! Making a connection: all addresses of a name, both address families, then TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::connection::Stream;
use super::trust::Verifier;
use super::{Dial, DriverError, Endpoint};
use crate::state::ConnectFailure;

/// The next address is tried when the one before has not answered within this (RFC 8305, section 8).
const NEXT_AFTER: Duration = Duration::from_millis(250);
/// One attempt, name and TLS included, may take this long.
const DIAL_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(super) struct Dialer {
    host: Arc<str>,
    port: u16,
    tls: Option<Tls>,
}

#[derive(Debug, Clone)]
struct Tls {
    name: ServerName<'static>,
    verifier: Arc<Verifier>,
    config: Arc<rustls::ClientConfig>,
}

impl Dialer {
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, DriverError> {
        let host = endpoint.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let bad_host = || DriverError::BadHost { host: endpoint.host.clone() };
        if host.is_empty() || host.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(bad_host());
        }
        let tls = match endpoint.tls {
            Some(trust) => {
                let name = ServerName::try_from(host.clone()).map_err(|_| bad_host())?;
                let verifier = Arc::new(Verifier::new(trust)?);
                let config = verifier.client_config()?;
                Some(Tls { name, verifier, config })
            }
            None => None,
        };
        Ok(Self { host: host.into(), port: endpoint.port, tls })
    }

    pub(super) fn start(&self) -> Dial {
        let dialer = self.clone();
        tokio::spawn(async move {
            match timeout(DIAL_WITHIN, dialer.dial()).await {
                Ok(outcome) => outcome,
                Err(_) => Err(ConnectFailure::Unreachable("no answer".to_owned())),
            }
        })
    }

    async fn dial(&self) -> Result<Box<dyn Stream>, ConnectFailure> {
        let unreachable = |e: io::Error| ConnectFailure::Unreachable(describe(&e));
        let addresses: Vec<SocketAddr> =
            lookup_host((&*self.host, self.port)).await.map_err(unreachable)?.collect();
        let tcp = first_to_answer(in_turns(addresses)).await.map_err(unreachable)?;
        // Lines are short and somebody waits for each.
        tcp.set_nodelay(true).map_err(unreachable)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(tcp)) };
        let connector = TlsConnector::from(tls.config.clone());
        match connector.connect(tls.name.clone(), tcp).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(tls.verifier.failure().unwrap_or_else(|| unreachable(error))),
        }
    }
}

/// Orders addresses so that the families take turns, beginning with the resolver's first.
fn in_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv6() == first_is_v6);
    let mut turns = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let pair = [first.next(), second.next()];
        if pair.iter().all(Option::is_none) {
            return turns;
        }
        turns.extend(pair.into_iter().flatten());
    }
}

/// Tries the addresses one after the other without waiting for the slow ones.
async fn first_to_answer(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts = JoinSet::new();
    let mut failure = None;
    let mut addresses = addresses.into_iter();
    loop {
        match addresses.next() {
            Some(address) => {
                attempts.spawn(TcpStream::connect(address));
            }
            None if attempts.is_empty() => break,
            None => {}
        }
        let more = addresses.len() > 0;
        let finished = if more {
            match timeout(NEXT_AFTER, attempts.join_next()).await {
                Ok(finished) => finished,
                Err(_) => continue,
            }
        } else {
            attempts.join_next().await
        };
        match finished {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => {
                failure.get_or_insert(error);
            }
            Some(Err(_)) | None => {}
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::other("the name has no address")))
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::TimedOut => "no answer".to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let ordered = in_turns(parse(&["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1"]));
        assert_eq!(ordered, parse(&["[::1]:1", "10.0.0.1:1", "[::2]:1", "[::3]:1"]));
        assert_eq!(in_turns(Vec::new()), []);
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_hide_one_that_answers() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bad = closed.local_addr().unwrap();
        drop(closed);
        let stream = first_to_answer(vec![bad, good]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        let error = first_to_answer(vec![bad]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(first_to_answer(Vec::new()).await.is_err());
    }
}
