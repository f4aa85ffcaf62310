//! Listening: sockets, the thread that accepts, and the bounds on connections.
//!
//! [`Listening::start`] opens everything the configuration asks for. Each connection that is accepted, and each
//! WebSocket that a browser has opened, is handed to an [`Adopt`] as an [`Incoming`]; whatever is said on it is none
//! of this module's business.

mod accept;
mod bind;
mod permit;

pub use bind::{BoundListener, ListenError, Service, outside_addresses};
pub use permit::{Permit, Permits, Refusal};

use std::{
    io::Write,
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::{error, warn};

use crate::{
    config::Config,
    http::{MetricsText, WebOptions, WebServer},
    tls::Tls,
};

/// A connection that wants to chat.
#[derive(Debug)]
pub struct Incoming {
    /// The socket: non-blocking, without Nagle's delay, kept alive by the system.
    pub stream: TcpStream,
    /// The encryption on it, when it is encrypted. For [`ListenerKind::IrcTls`] the handshake is yet to come; for a
    /// web connection it is over, and plain bytes may be waiting inside.
    pub tls: Option<Box<rustls::ServerConnection>>,
    /// Plain bytes that have been read already and come before everything else.
    pub leftover: Vec<u8>,
    /// What is spoken on it.
    pub kind: ListenerKind,
    /// The other end.
    pub peer: SocketAddr,
    /// Its place among the connections; to be dropped when it closes, not before.
    pub permit: Permit,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// IRC.
    Irc,
    /// IRC, encrypted.
    IrcTls,
    /// IRC over WebSocket (RFC 6455); the opening handshake is over.
    Web {
        /// The kind of frames agreed on.
        subprotocol: WebSubprotocol,
    },
    /// Lines of a bare terminal.
    Text,
}

impl ListenerKind {
    /// The word for it in the log.
    pub fn name(self) -> &'static str {
        match self {
            ListenerKind::Irc => "irc",
            ListenerKind::IrcTls => "tls",
            ListenerKind::Web { .. } => "web",
            ListenerKind::Text => "text",
        }
    }
}

/// The WebSocket subprotocols of the IRCv3 specification "WebSocket".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebSubprotocol {
    /// `text.ircv3.net`: text frames.
    Text,
    /// `binary.ircv3.net`: binary frames.
    Binary,
}

/// Who takes the connections that want to chat.
pub trait Adopt: Send + Sync {
    /// Takes a connection. Called on the accepting threads, so it must not block.
    fn adopt(&self, incoming: Incoming);
}

/// Sockets that listen, and the threads that serve them.
pub struct Listening {
    listeners: Vec<BoundListener>,
    acceptor: accept::Acceptor,
    web: Option<Arc<WebServer>>,
}

impl Listening {
    /// Opens every listener of the configuration and begins to accept.
    ///
    /// `tls` is needed when `listen.tls_port` or `listen.web_tls` is set; without it those stay closed.
    /// `metrics` writes what `/metrics` answers.
    ///
    /// # Errors
    ///
    /// [`ListenError`] names the address and the reason; nothing is left open then.
    pub fn start(
        config: &Config,
        tls: Option<Tls>,
        adopt: Arc<dyn Adopt>,
        metrics: MetricsText,
    ) -> Result<Listening, ListenError> {
        let mut bound = bind::bind(&config.listen)?;
        bound.retain(|bound| tls.is_some() || !bound.service.is_encrypted());
        let listeners: Vec<_> = bound
            .iter()
            .map(|bound| BoundListener {
                kind: bound.service,
                address: bound.address,
                fingerprint: tls
                    .as_ref()
                    .filter(|_| bound.service.is_encrypted())
                    .map(|tls| tls.fingerprint.clone()),
            })
            .collect();
        let permits = Permits::new(config.limits.connections, config.limits.connections_per_address);
        let web = if bound.iter().any(|bound| matches!(bound.service, Service::Web | Service::WebTls)) {
            let options = WebOptions {
                allowed_origins: config.web.allowed_origins.clone(),
                external_url: config.web.external_url.clone(),
                connections: config.limits.web_connections,
                tls: tls.as_ref().map(|tls| tls.web.clone()),
                permits: permits.clone(),
                adopt: adopt.clone(),
                metrics,
            };
            Some(Arc::new(WebServer::start(options).map_err(ListenError::Start)?))
        } else {
            None
        };
        let door = Door { permits, tls, adopt, web: web.clone(), refusals: RefusalLog::default() };
        let acceptor =
            accept::Acceptor::start(bound, move |service, stream, peer| door.enter(service, stream, peer))
                .map_err(ListenError::Start)?;
        Ok(Listening { listeners, acceptor, web })
    }

    /// What listens where, in the order irc, tls, web, text.
    pub fn listeners(&self) -> &[BoundListener] {
        &self.listeners
    }

    /// Closes the listening sockets and the connections that still speak HTTP. What was adopted goes on.
    pub fn stop(&mut self) {
        self.acceptor.stop();
        if let Some(web) = &self.web {
            web.stop();
        }
    }
}

/// Sends each connection to where it belongs.
struct Door {
    permits: Permits,
    tls: Option<Tls>,
    adopt: Arc<dyn Adopt>,
    web: Option<Arc<WebServer>>,
    refusals: RefusalLog,
}

impl Door {
    fn enter(&self, service: Service, stream: TcpStream, peer: SocketAddr) {
        let kind = match service {
            Service::Irc => ListenerKind::Irc,
            Service::IrcTls => ListenerKind::IrcTls,
            Service::Text => ListenerKind::Text,
            Service::Web | Service::WebTls => {
                if let Some(web) = &self.web {
                    web.accept(stream, peer, service == Service::WebTls);
                }
                return;
            }
        };
        let permit = match self.permits.acquire(peer.ip()) {
            Ok(permit) => permit,
            Err(refusal) => {
                self.refusals.add(service, peer, refusal);
                return refuse(&stream, kind, refusal);
            }
        };
        let tls = match (&self.tls, kind) {
            (Some(tls), ListenerKind::IrcTls) => match rustls::ServerConnection::new(tls.irc.clone()) {
                Ok(connection) => Some(Box::new(connection)),
                Err(error) => return error!(%error, "cannot begin to encrypt a connection"),
            },
            _ => None,
        };
        self.adopt.adopt(Incoming { stream, tls, leftover: Vec::new(), kind, peer, permit });
    }
}

/// Tells the log of refused connections, but not of each one: whoever floods the door must not flood the disk.
#[derive(Default)]
struct RefusalLog(Mutex<Refusals>);

#[derive(Default)]
struct Refusals {
    told: Option<Instant>,
    untold: u64,
}

impl RefusalLog {
    const INTERVAL: Duration = Duration::from_secs(10);

    fn add(&self, service: Service, peer: SocketAddr, refusal: Refusal) {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if refusals.told.is_some_and(|told| now - told < Self::INTERVAL) {
            refusals.untold += 1;
            return;
        }
        let untold = std::mem::take(&mut refusals.untold);
        refusals.told = Some(now);
        drop(refusals);
        warn!(target: "salotto::session", event = "error", address = %peer.ip(), kind = service.name(),
            reason = %refusal, others = untold, "refused a connection");
    }
}

/// Says why, where plain words are understood, and closes. A fresh socket has room for one line, so this does not block.
fn refuse(mut stream: &TcpStream, kind: ListenerKind, refusal: Refusal) {
    let line = match kind {
        ListenerKind::Irc => format!("ERROR :Connection refused: {refusal}\r\n"),
        ListenerKind::Text => format!("Connection refused: {refusal}\r\nConnessione rifiutata.\r\n"),
        ListenerKind::IrcTls | ListenerKind::Web { .. } => return,
    };
    // Whoever is refused may be gone already, and nobody is left to tell.
    let _ = stream.write_all(line.as_bytes());
    let _ = stream.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use std::{io::Read, sync::mpsc};

    use super::*;
    use crate::config::{Limits, Listen, Port};

    struct Chat(Mutex<mpsc::Sender<Incoming>>);

    impl Adopt for Chat {
        fn adopt(&self, incoming: Incoming) {
            self.0.lock().expect("lock").send(incoming).expect("the test still listens");
        }
    }

    fn start(connections: usize) -> (Listening, mpsc::Receiver<Incoming>) {
        let data = tempfile::tempdir().expect("a folder");
        let any = Port::At(0);
        let config = Config {
            listen: Listen {
                host: vec!["127.0.0.1".into()],
                port: any,
                tls_port: any,
                web_port: any,
                web_tls: any,
                text_port: any,
            },
            limits: Limits { connections, ..Limits::default() },
            ..Config::default()
        };
        let tls = Tls::load(&config.tls, data.path(), &config.listen.host).expect("made");
        let (send, adopted) = mpsc::channel();
        let chat = Arc::new(Chat(Mutex::new(send)));
        let listening = Listening::start(&config, Some(tls), chat, Arc::new(String::new)).expect("listens");
        (listening, adopted)
    }

    fn connect(listening: &Listening, kind: Service) -> TcpStream {
        let listener = listening.listeners().iter().find(|listener| listener.kind == kind).expect("listens");
        TcpStream::connect(listener.address).expect("connects")
    }

    #[test]
    fn every_kind_of_listener_hands_its_connections_on() {
        let (listening, adopted) = start(10);
        let kinds: Vec<_> = listening.listeners().iter().map(|listener| listener.kind).collect();
        assert_eq!(kinds, [Service::Irc, Service::IrcTls, Service::Web, Service::WebTls, Service::Text]);
        assert!(listening.listeners().iter().all(|at| at.fingerprint.is_some() == at.kind.is_encrypted()));
        for (service, kind) in [
            (Service::Irc, ListenerKind::Irc),
            (Service::IrcTls, ListenerKind::IrcTls),
            (Service::Text, ListenerKind::Text),
        ] {
            let client = connect(&listening, service);
            let incoming = adopted.recv().expect("adopted");
            assert_eq!(incoming.kind, kind);
            assert_eq!(incoming.peer, client.local_addr().expect("address"));
            assert_eq!(incoming.tls.is_some(), kind == ListenerKind::IrcTls);
        }
        let mut browser = connect(&listening, Service::Web);
        browser.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("writes");
        let mut answer = String::new();
        browser.read_to_string(&mut answer).expect("reads");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }

    #[test]
    fn whoever_is_too_many_is_told_and_sent_away() {
        let (listening, adopted) = start(1);
        let _first = connect(&listening, Service::Irc);
        let incoming = adopted.recv().expect("adopted");
        for (service, words) in [
            (Service::Irc, "ERROR :Connection refused: the server is full\r\n"),
            (Service::Text, "Connection refused: the server is full\r\nConnessione rifiutata.\r\n"),
            (Service::IrcTls, ""),
        ] {
            let mut said = String::new();
            connect(&listening, service).read_to_string(&mut said).expect("reads");
            assert_eq!(said, words);
        }
        drop(incoming);
        let _next = connect(&listening, Service::Irc);
        adopted.recv().expect("there is room again");
    }

    #[test]
    fn stopping_leaves_the_adopted_alone() {
        let (mut listening, adopted) = start(10);
        let mut client = connect(&listening, Service::Irc);
        let incoming = adopted.recv().expect("adopted");
        listening.stop();
        (&incoming.stream).write_all(b"x").expect("open");
        client.read_exact(&mut [0]).expect("open");
    }
}
