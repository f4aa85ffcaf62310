//! What `salotto serve` says to the person who started it: where people can join.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
use salotto_server::listen::{BoundListener, Service};

use crate::language::{Language, Pick};

/// The text that follows the list of listeners.
///
/// `outside` are the machine's addresses in its network, which stand in for `0.0.0.0` and `::`.
pub fn text(
    listeners: &[BoundListener],
    outside: &[IpAddr],
    external_url: Option<&str>,
    language: Language,
) -> String {
    let mut text = String::new();
    let mut line = |what: &str, how: &str| {
        // Writing into a string does not fail.
        let _ = writeln!(text, "  {what:<19}{how}");
    };
    let browser = language.pick("a browser", "un browser");
    for url in external_url.map(str::to_owned).into_iter().chain(web_addresses(listeners, outside)) {
        line(browser, &url);
    }
    if let Some(at) = best(listeners, &[Service::Irc], outside) {
        line(language.pick("a terminal", "un terminale"), &format!("salotto chat {at}"));
        line(language.pick("any IRC client", "un client IRC"), &format!("{} {}", at.ip(), at.port()));
    }
    if let Some(at) = best(listeners, &[Service::IrcTls], outside) {
        line(language.pick("... encrypted", "... cifrato"), &format!("{} {} (TLS)", at.ip(), at.port()));
    }
    if let Some(at) = best(listeners, &[Service::Text], outside) {
        line("netcat", &format!("nc {} {}", at.ip(), at.port()));
    }

    let head = language.pick("The room is open. Join from", "La stanza è aperta. Si entra da");
    let mut all = format!("\n{head}\n{text}");
    if external_url.is_none() && listeners.iter().all(|listener| listener.address.ip().is_loopback()) {
        all.push_str(language.pick(
            "Only this machine can reach it. For everybody: salotto serve --host 0.0.0.0 --host ::\n",
            "Solo questa macchina può raggiungerla. Per tutti: salotto serve --host 0.0.0.0 --host ::\n",
        ));
    }
    all.push_str(language.pick("Ctrl-C closes it.\n", "Ctrl-C la chiude.\n"));
    all
}

/// The address a telephone can open, if there is one.
pub fn address_for_others(
    listeners: &[BoundListener],
    outside: &[IpAddr],
    external_url: Option<&str>,
) -> Option<String> {
    if let Some(url) = external_url {
        return Some(url.to_owned());
    }
    let reachable: Vec<BoundListener> = listeners
        .iter()
        .filter(|listener| !listener.address.ip().is_loopback())
        .filter(|listener| !listener.address.ip().is_unspecified() || !outside.is_empty())
        .cloned()
        .collect();
    web_addresses(&reachable, outside).into_iter().next()
}

/// A QR code for a terminal with light letters on a dark ground, two rows of dots a line.
pub fn qr_code(address: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(address, EcLevel::L).ok()?;
    Some(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build() + "\n")
}

/// The addresses of the web client, the one most people can use first, each once.
fn web_addresses(listeners: &[BoundListener], outside: &[IpAddr]) -> Vec<String> {
    let mut urls = Vec::new();
    for listener in listeners {
        let scheme = match listener.kind {
            Service::Web => "http",
            Service::WebTls => "https",
            Service::Irc | Service::IrcTls | Service::Text => continue,
        };
        for at in reached_at(listener.address, outside) {
            urls.push((rank(at.ip()), format!("{scheme}://{at}")));
        }
    }
    urls.sort_by_key(|(rank, _)| *rank);
    urls.dedup();
    urls.into_iter().map(|(_, url)| url).collect()
}

fn best(listeners: &[BoundListener], services: &[Service], outside: &[IpAddr]) -> Option<SocketAddr> {
    listeners
        .iter()
        .filter(|listener| services.contains(&listener.kind))
        .flat_map(|listener| reached_at(listener.address, outside))
        .min_by_key(|at| rank(at.ip()))
}

/// Where a listener is really reached: one that listens everywhere is named by the machine's own addresses.
fn reached_at(address: SocketAddr, outside: &[IpAddr]) -> Vec<SocketAddr> {
    if !address.ip().is_unspecified() {
        return vec![address];
    }
    let mut all: Vec<SocketAddr> = outside
        .iter()
        .filter(|ip| ip.is_ipv4() == address.is_ipv4())
        .map(|ip| SocketAddr::new(*ip, address.port()))
        .collect();
    if all.is_empty() && address.is_ipv4() {
        all.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()));
    }
    all
}

/// Addresses of the network before those of the machine, IPv4 before IPv6: that is what people can type.
fn rank(ip: IpAddr) -> (bool, bool) {
    (ip.is_loopback(), ip.is_ipv6())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(kind: Service, address: &str) -> BoundListener {
        BoundListener { kind, address: address.parse().expect("an address"), fingerprint: None }
    }

    fn loopback() -> Vec<BoundListener> {
        vec![
            listener(Service::Irc, "127.0.0.1:6667"),
            listener(Service::Irc, "[::1]:6667"),
            listener(Service::Web, "127.0.0.1:8080"),
            listener(Service::Web, "[::1]:8080"),
            listener(Service::Text, "127.0.0.1:2003"),
        ]
    }

    fn everywhere() -> Vec<BoundListener> {
        vec![
            listener(Service::Irc, "0.0.0.0:6667"),
            listener(Service::IrcTls, "0.0.0.0:6697"),
            listener(Service::Web, "0.0.0.0:8080"),
            listener(Service::Web, "[::]:8080"),
        ]
    }

    #[test]
    fn on_loopback_it_says_how_to_open_to_others() {
        assert_eq!(
            text(&loopback(), &[], None, Language::English),
            "\nThe room is open. Join from\n  \
             a browser          http://127.0.0.1:8080\n  \
             a browser          http://[::1]:8080\n  \
             a terminal         salotto chat 127.0.0.1:6667\n  \
             any IRC client     127.0.0.1 6667\n  \
             netcat             nc 127.0.0.1 2003\n\
             Only this machine can reach it. For everybody: salotto serve --host 0.0.0.0 --host ::\n\
             Ctrl-C closes it.\n"
        );
        assert_eq!(address_for_others(&loopback(), &["192.168.1.5".parse().expect("address")], None), None);
    }

    #[test]
    fn everywhere_means_the_addresses_of_the_machine() {
        let outside = ["192.168.1.5".parse().expect("address"), "2001:db8::5".parse().expect("address")];
        assert_eq!(
            text(&everywhere(), &outside, None, Language::Italian),
            "\nLa stanza è aperta. Si entra da\n  \
             un browser         http://192.168.1.5:8080\n  \
             un browser         http://[2001:db8::5]:8080\n  \
             un terminale       salotto chat 192.168.1.5:6667\n  \
             un client IRC      192.168.1.5 6667\n  \
             ... cifrato        192.168.1.5 6697 (TLS)\n\
             Ctrl-C la chiude.\n"
        );
        assert_eq!(
            address_for_others(&everywhere(), &outside, None).as_deref(),
            Some("http://192.168.1.5:8080")
        );
    }

    #[test]
    fn a_machine_without_a_network_is_named_by_loopback() {
        assert!(text(&everywhere(), &[], None, Language::English).contains("http://127.0.0.1:8080"));
        assert_eq!(address_for_others(&everywhere(), &[], None), None);
    }

    #[test]
    fn an_external_address_goes_first_and_into_the_qr_code() {
        let url = "https://chat.example.org";
        assert!(
            text(&loopback(), &[], Some(url), Language::English).contains("a browser          https://chat")
        );
        assert_eq!(address_for_others(&loopback(), &[], Some(url)).as_deref(), Some(url));
        let code = qr_code(url).expect("fits");
        assert!(code.lines().count() > 10);
        assert!(code.chars().all(|c| matches!(c, ' ' | '▀' | '▄' | '█' | '\n')));
    }
}
