//! Which web pages may open a WebSocket here.
//!
//! A browser tells the page's origin (RFC 6454) and lets any page try. Only the pages that this server serves, and
//! those that the operator names, may. The second danger is a page whose host name is made to point at this server
//! (DNS rebinding): its origin then equals the host it asks for. That works against servers that the attacker cannot
//! reach otherwise, so on private addresses only names that nobody outside can own are believed.

use std::net::{IpAddr, SocketAddr};

/// The pages that may connect.
#[derive(Debug)]
pub(super) struct Origins {
    any: bool,
    /// `scheme://host[:port]` in lower case.
    allowed: Vec<String>,
    /// The host names of these, which are believed in a `Host` header.
    hosts: Vec<String>,
}

/// Why a page may not connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Foreign {
    #[error("the page comes from another server; the operator can allow it with web.allowed_origins")]
    Origin,
    #[error("this server is not known by that name; the operator can tell it with web.external_url")]
    Host,
}

impl Origins {
    pub(super) fn new(allowed: &[String], external_url: Option<&str>) -> Self {
        let any = allowed.iter().any(|origin| origin == "*");
        let allowed: Vec<String> = allowed
            .iter()
            .map(String::as_str)
            .chain(external_url)
            .filter(|origin| *origin != "*")
            .map(|origin| origin_of(&origin.to_ascii_lowercase()).to_owned())
            .collect();
        let hosts = allowed
            .iter()
            .filter_map(|origin| origin.split_once("://"))
            .map(|(_, authority)| host_of(authority).to_owned())
            .collect();
        Self { any, allowed, hosts }
    }

    /// Whether a page may connect, by the `Origin` and `Host` headers of its request.
    pub(super) fn check(&self, origin: Option<&str>, host: &str, peer: SocketAddr) -> Result<(), Foreign> {
        // Only browsers send an origin; a program that speaks WebSocket could as well speak IRC.
        let Some(origin) = origin else { return Ok(()) };
        let origin = origin.to_ascii_lowercase();
        if self.any || self.allowed.contains(&origin) {
            return Ok(());
        }
        let host = host.to_ascii_lowercase();
        // A proxy in front may have taken the encryption off, so the scheme says nothing; default ports are left out.
        let own = origin.split_once("://").is_some_and(|(scheme, authority)| {
            let default = match scheme {
                "http" => ":80",
                "https" => ":443",
                _ => return false,
            };
            let bare = |text: &str| text.strip_suffix(default).unwrap_or(text).to_owned();
            bare(authority) == bare(&host)
        });
        if !own {
            return Err(Foreign::Origin);
        }
        let name = host_of(&host);
        if is_private(peer.ip()) && !is_local_name(name) && !self.hosts.iter().any(|known| known == name) {
            return Err(Foreign::Host);
        }
        Ok(())
    }
}

/// Whether an address belongs to this machine or its neighbourhood.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// Whether a name is an address, or one that nobody can register in the public DNS.
fn is_local_name(name: &str) -> bool {
    // RFC 6761, RFC 6762, RFC 8375, and `.internal`, which ICANN keeps back for private use; `.lan` is not delegated.
    const SUFFIXES: [&str; 7] =
        [".localhost", ".local", ".test", ".example", ".home.arpa", ".internal", ".lan"];
    name.parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// The origin of an address: everything before the path.
fn origin_of(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    url[start..].find('/').map_or(url, |at| &url[..start + at])
}

/// The host of `host:port`, without the brackets of IPv6.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origins: &Origins, origin: &str, host: &str, peer: &str) -> Result<(), Foreign> {
        origins.check(Some(origin), host, SocketAddr::new(peer.parse().expect("an address"), 1))
    }

    #[test]
    fn the_servers_own_pages_may_connect() {
        let origins = Origins::new(&[], None);
        for (origin, host) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("http://localhost", "localhost:80"),
            ("https://Salotto.local", "salotto.local"),
        ] {
            assert_eq!(check(&origins, origin, host, "127.0.0.1"), Ok(()), "{origin}");
        }
        assert_eq!(check(&origins, "https://chat.example.org", "chat.example.org", "203.0.113.5"), Ok(()));
        assert_eq!(origins.check(None, "127.0.0.1:8080", "127.0.0.1:9".parse().expect("an address")), Ok(()));
    }

    #[test]
    fn other_pages_may_not() {
        let origins = Origins::new(&[], None);
        for origin in [
            "http://evil.example.org",
            "http://127.0.0.1:8081",
            "http://127.0.0.1:8080.evil.example.org",
            "null",
            "",
            "file://",
        ] {
            assert_eq!(
                check(&origins, origin, "127.0.0.1:8080", "127.0.0.1"),
                Err(Foreign::Origin),
                "{origin}"
            );
        }
    }

    #[test]
    fn pages_that_the_operator_names_may_from_anywhere() {
        let origins =
            Origins::new(&["https://Other.example.org".into()], Some("https://chat.example.org/chat"));
        for origin in ["https://other.example.org", "https://chat.example.org"] {
            assert_eq!(check(&origins, origin, "127.0.0.1:8080", "127.0.0.1"), Ok(()), "{origin}");
        }
        assert_eq!(
            check(&origins, "http://other.example.org", "127.0.0.1:8080", "127.0.0.1"),
            Err(Foreign::Origin)
        );
        let any = Origins::new(&["*".into()], None);
        assert_eq!(check(&any, "https://anything.example.org", "127.0.0.1:8080", "127.0.0.1"), Ok(()));
    }

    #[test]
    fn a_name_made_to_point_here_is_not_believed_on_private_addresses() {
        let (origin, host) = ("http://rebound.example.org:8080", "rebound.example.org:8080");
        let origins = Origins::new(&[], None);
        for peer in ["127.0.0.1", "::1", "192.168.1.20", "fd00::1"] {
            assert_eq!(check(&origins, origin, host, peer), Err(Foreign::Host), "{peer}");
        }
        let told = Origins::new(&[], Some("https://rebound.example.org"));
        assert_eq!(check(&told, origin, host, "192.168.1.20"), Ok(()));
    }
}
