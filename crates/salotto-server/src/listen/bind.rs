//! Opening the listening sockets, and saying clearly why one cannot be opened.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tracing::warn;

use crate::config::{Listen, Port};

/// Connections that the system completes before they are accepted. Linux cuts it to `net.core.somaxconn`, which is
/// 4096 since version 5.4.
const BACKLOG: i32 = 4096;
/// After how much silence the system asks whether the other side is there.
pub(super) const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// And how often again.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);

/// What a listening socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// IRC without encryption.
    Irc,
    /// IRC over TLS.
    IrcTls,
    /// The web client over HTTP.
    Web,
    /// The web client over HTTPS.
    WebTls,
    /// Bare terminals.
    Text,
}

impl Service {
    /// The word this service is called by where the listeners are listed.
    pub fn name(self) -> &'static str {
        match self {
            Service::Irc => "irc",
            Service::IrcTls => "tls",
            Service::Web | Service::WebTls => "web",
            Service::Text => "text",
        }
    }

    /// The configuration key that sets its port.
    pub fn key(self) -> &'static str {
        match self {
            Service::Irc => "listen.port",
            Service::IrcTls => "listen.tls_port",
            Service::Web => "listen.web_port",
            Service::WebTls => "listen.web_tls",
            Service::Text => "listen.text_port",
        }
    }

    /// Whether connections to it are encrypted.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Service::IrcTls | Service::WebTls)
    }
}

/// A socket that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundListener {
    /// What it is for.
    pub kind: Service,
    /// Where it listens; the port is never 0.
    pub address: SocketAddr,
    /// The fingerprint of its certificate, when it is encrypted.
    pub fingerprint: Option<String>,
}

impl fmt::Display for BoundListener {
    /// One line as `salotto serve` prints it: `irc 127.0.0.1:6667`, `web http://127.0.0.1:8080`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Service::Web => "http://",
            Service::WebTls => "https://",
            Service::Irc | Service::IrcTls | Service::Text => "",
        };
        write!(out, "{} {scheme}{}", self.kind.name(), self.address)?;
        match &self.fingerprint {
            Some(fingerprint) => write!(out, " fingerprint {fingerprint}"),
            None => Ok(()),
        }
    }
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A name in `listen.host` stands for no address.
    #[error("listen.host: {host:?} stands for no address: {error}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        error: io::Error,
    },
    /// A socket could not be opened.
    #[error("cannot listen on {address} ({}): {}", service.key(), reason(error))]
    Bind {
        /// What it was to be for.
        service: Service,
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// Threads or descriptors for the listeners could not be had.
    #[error("cannot start accepting connections")]
    Start(#[source] io::Error),
}

impl ListenError {
    /// Whether the configuration asks for what this machine does not have, so that only another value helps.
    pub fn is_usage(&self) -> bool {
        match self {
            ListenError::Resolve { .. } => true,
            ListenError::Bind { error, .. } => error.kind() == io::ErrorKind::AddrNotAvailable,
            ListenError::Start(_) => false,
        }
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken by another program".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "no permission: a port below 1024 needs the capability CAP_NET_BIND_SERVICE".to_owned()
        }
        _ => error.to_string(),
    }
}

/// A socket that listens, not yet accepting.
pub(super) struct Bound {
    pub(super) service: Service,
    pub(super) address: SocketAddr,
    pub(super) listener: TcpListener,
}

/// Opens every socket the configuration asks for, in the order irc, tls, web, text.
///
/// A machine without IPv6 is no mistake as long as nobody chose the addresses.
pub(super) fn bind(config: &Listen) -> Result<Vec<Bound>, ListenError> {
    let addresses = addresses(config)?;
    let mut bound: Vec<Bound> = Vec::new();
    for (service, port) in [
        (Service::Irc, config.port),
        (Service::IrcTls, config.tls_port),
        (Service::Web, config.web_port),
        (Service::WebTls, config.web_tls),
        (Service::Text, config.text_port),
    ] {
        let Port::At(number) = port else { continue };
        let first = bound.len();
        for &Candidate { address, optional } in &addresses {
            // With a port of the system's choice, the same one on every address is easier to tell people.
            let chosen = bound.get(first).map_or(number, |bound| bound.address.port());
            let mut result = open(SocketAddr::new(address, chosen));
            if number == 0
                && chosen != 0
                && result.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::AddrInUse)
            {
                result = open(SocketAddr::new(address, 0));
            }
            match result {
                Ok(listener) => {
                    let address = listener.local_addr().map_err(ListenError::Start)?;
                    bound.push(Bound { service, address, listener });
                }
                Err(error) if optional && is_missing_family(&error) => {
                    warn!(%address, service = service.name(), "this machine does not have IPv6: not listening on it");
                }
                Err(error) => {
                    return Err(ListenError::Bind {
                        service,
                        address: SocketAddr::new(address, number),
                        error,
                    });
                }
            }
        }
    }
    Ok(bound)
}

/// The addresses this machine is reached at from outside, at most one for each family.
///
/// Nothing is sent: the system is only asked which of its addresses it would use.
pub fn outside_addresses() -> Vec<IpAddr> {
    // Documentation addresses (RFC 5737, RFC 3849) are routed like any other.
    let routes: [(IpAddr, IpAddr); 2] = [
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    ];
    routes
        .into_iter()
        .filter_map(|(any, there)| {
            let socket = UdpSocket::bind((any, 0)).ok()?;
            socket.connect((there, 9)).ok()?;
            Some(socket.local_addr().ok()?.ip())
        })
        .filter(|address| !address.is_unspecified() && !address.is_loopback())
        .collect()
}

#[derive(Clone, Copy)]
struct Candidate {
    address: IpAddr,
    /// Whether doing without it is no mistake.
    optional: bool,
}

fn addresses(config: &Listen) -> Result<Vec<Candidate>, ListenError> {
    let mut all: Vec<Candidate> = Vec::new();
    for host in &config.host {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let found: Vec<IpAddr> = match bare.parse() {
            Ok(address) => vec![address],
            Err(_) => (bare, 0)
                .to_socket_addrs()
                .map_err(|error| ListenError::Resolve { host: host.clone(), error })?
                .map(|address| address.ip())
                .collect(),
        };
        let has_ipv4 = found.iter().any(IpAddr::is_ipv4);
        for address in found {
            let optional = address.is_ipv6() && (config.host_is_default() || has_ipv4);
            if !all.iter().any(|known| known.address == address) {
                all.push(Candidate { address, optional });
            }
        }
    }
    Ok(all)
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // On Unix this lets a restarted server have its port at once; elsewhere it would let another program steal it.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit these. Small lines are the whole traffic; waiting to fill a packet only delays them. And
    // the system notices when the other side is gone.
    socket.set_tcp_nodelay(true)?;
    socket
        .set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn is_missing_family(error: &io::Error) -> bool {
    // EAFNOSUPPORT has no kind of its own in the standard library: 97 on Linux, 47 on macOS, 10047 on Windows.
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.kind() == io::ErrorKind::Unsupported
        || matches!(error.raw_os_error(), Some(97 | 47 | 10047))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(host: &[&str], port: u16) -> Listen {
        Listen {
            host: host.iter().map(|&host| host.to_owned()).collect(),
            port: Port::At(port),
            tls_port: Port::Off,
            web_port: Port::Off,
            web_tls: Port::Off,
            text_port: Port::Off,
        }
    }

    #[test]
    fn a_port_of_the_systems_choice_is_told() {
        let bound = bind(&Listen { text_port: Port::At(0), ..only(&["127.0.0.1"], 0) }).expect("bound");
        let services: Vec<_> = bound.iter().map(|bound| bound.service).collect();
        assert_eq!(services, [Service::Irc, Service::Text]);
        assert!(bound.iter().all(|bound| bound.address.port() != 0));
        assert_ne!(bound[0].address, bound[1].address);
    }

    #[test]
    fn a_name_is_resolved_and_one_address_is_listened_on_once() {
        let bound = bind(&only(&["localhost", "127.0.0.1"], 0)).expect("bound");
        assert_eq!(bound.iter().filter(|bound| bound.address.is_ipv4()).count(), 1);
    }

    #[test]
    fn a_taken_port_is_named_with_its_key_and_reason() {
        let holder = bind(&only(&["127.0.0.1"], 0)).expect("bound");
        let address = holder[0].address;
        let Err(error) = bind(&only(&["127.0.0.1"], address.port())) else { panic!("bound twice") };
        assert_eq!(
            error.to_string(),
            format!("cannot listen on {address} (listen.port): the port is taken by another program")
        );
        assert!(!error.is_usage());
    }

    #[test]
    fn an_address_of_another_machine_is_refused_as_a_wrong_value() {
        let Err(error) = bind(&only(&["192.0.2.1"], 0)) else { panic!("bound") };
        assert_eq!(
            error.to_string(),
            "cannot listen on 192.0.2.1:0 (listen.port): this machine has no such address"
        );
        assert!(error.is_usage());
    }

    #[test]
    fn a_name_of_nothing_is_refused() {
        let Err(error) = bind(&only(&["nowhere.invalid"], 0)) else { panic!("bound") };
        assert!(error.to_string().starts_with("listen.host: \"nowhere.invalid\" stands for no address: "));
        assert!(error.is_usage());
    }

    #[test]
    fn a_listener_is_written_as_one_line() {
        let line = |kind, address: &str, fingerprint: Option<&str>| {
            let fingerprint = fingerprint.map(str::to_owned);
            BoundListener { kind, address: address.parse().expect("an address"), fingerprint }.to_string()
        };
        assert_eq!(line(Service::Irc, "127.0.0.1:6667", None), "irc 127.0.0.1:6667");
        assert_eq!(line(Service::Irc, "[::1]:6667", None), "irc [::1]:6667");
        assert_eq!(
            line(Service::IrcTls, "127.0.0.1:6697", Some("AA:BB")),
            "tls 127.0.0.1:6697 fingerprint AA:BB"
        );
        assert_eq!(line(Service::Web, "127.0.0.1:8080", None), "web http://127.0.0.1:8080");
        assert_eq!(line(Service::WebTls, "[::1]:8443", Some("AA")), "web https://[::1]:8443 fingerprint AA");
        assert_eq!(line(Service::Text, "127.0.0.1:2003", None), "text 127.0.0.1:2003");
    }
}
