//! What a value must be beyond its type. Each rule names the key it blames.

use std::{fmt::Display, net::IpAddr, ops::RangeInclusive};

use salotto_core::{NICK_LEN_MAX, ROOM_NAME_LEN_MAX, RoomName};

use super::{Config, Limits, MOTD_LEN_MAX, Port, SHARDS_MAX};

/// A broken rule: the dotted key and what is wrong with it.
pub(super) struct Broken {
    pub(super) key: String,
    pub(super) reason: String,
}

/// Checks every rule and returns all that are broken, in the order of the file.
pub(super) fn validate(config: &Config) -> Vec<Broken> {
    let mut check = Check::default();
    server(config, &mut check);
    listen(config, &mut check);
    rooms(config, &mut check);
    limits(&config.limits, &mut check);
    accounts(config, &mut check);
    check.range("log.keep_days", config.log.keep_days, 0..=36_500);
    web(config, &mut check);
    check.broken
}

#[derive(Default)]
struct Check {
    broken: Vec<Broken>,
}

impl Check {
    fn require(&mut self, holds: bool, key: &str, reason: impl Into<String>) {
        if !holds {
            self.broken.push(Broken { key: key.to_owned(), reason: reason.into() });
        }
    }

    fn range<N: PartialOrd + Display + Copy>(&mut self, key: &str, value: N, range: RangeInclusive<N>) {
        let (start, end) = (range.start(), range.end());
        self.require(range.contains(&value), key, format!("{value} is not between {start} and {end}"));
    }
}

/// What is wrong with a message of the day that is longer than it may be.
pub(super) fn motd_too_long() -> String {
    format!("longer than {MOTD_LEN_MAX} bytes")
}

fn server(config: &Config, check: &mut Check) {
    let server = &config.server;
    check.require(
        server.name.len() <= 63 && server.name.contains('.') && is_host_name(&server.name),
        "server.name",
        format!(
            "{:?} is not written like a host name (letters, digits, - and at least one dot, at most 63)",
            server.name
        ),
    );
    check.require(
        (1..=32).contains(&server.network.chars().count())
            && server.network.chars().all(|c| !c.is_whitespace() && !c.is_control()),
        "server.network",
        format!("{:?} is not one word of 1 to 32 characters", server.network),
    );
    check.require(server.motd.len() <= MOTD_LEN_MAX, "server.motd", motd_too_long());
    check.require(
        server.motd.is_empty() || server.motd_file.is_none(),
        "server.motd_file",
        "there is a server.motd already: give one of the two",
    );
    if let Some(password) = &server.password {
        check.require(
            !password.is_empty(),
            "server.password",
            "an empty password: leave the key out for a server without one",
        );
        check.require(
            !password.expose().starts_with("$argon2") || password.is_hash(),
            "server.password",
            "looks like an Argon2 hash but cannot be read as one",
        );
    }
}

fn listen(config: &Config, check: &mut Check) {
    let listen = &config.listen;
    check.require(!listen.host.is_empty(), "listen.host", "no address to listen on");
    for host in &listen.host {
        check.require(
            is_address(host) || is_host_name(host),
            "listen.host",
            format!("{host:?} is neither an IP address nor a host name"),
        );
    }
    let ports = [
        ("listen.port", listen.port),
        ("listen.tls_port", listen.tls_port),
        ("listen.web_port", listen.web_port),
        ("listen.web_tls", listen.web_tls),
        ("listen.text_port", listen.text_port),
    ];
    check.require(
        ports.iter().any(|(_, port)| *port != Port::Off),
        "listen.port",
        "every listener is off: nobody could connect",
    );
    for (index, (key, port)) in ports.iter().enumerate() {
        let Port::At(number @ 1..) = port else { continue };
        if let Some((other, _)) = ports[..index].iter().find(|(_, port)| *port == Port::At(*number)) {
            check.require(false, key, format!("port {number} is the port of {other} already"));
        }
    }

    let tls = &config.tls;
    check.require(
        tls.certificate.is_none() || tls.key.is_some(),
        "tls.certificate",
        "there is no tls.key with it",
    );
    check.require(
        tls.key.is_none() || tls.certificate.is_some(),
        "tls.key",
        "there is no tls.certificate with it",
    );
    for (key, port) in [("listen.tls_port", listen.tls_port), ("listen.web_tls", listen.web_tls)] {
        check.require(
            port == Port::Off || tls.certificate.is_some() || tls.self_signed,
            key,
            "needs a certificate: give tls.certificate and tls.key, or tls.self_signed = true",
        );
    }
}

fn rooms(config: &Config, check: &mut Check) {
    let room_len = config.limits.room_len;
    let rule =
        format!("is not a room's name: # and 1 to {room_len} characters in all, no spaces, commas or colons");
    check.require(
        is_room(&config.rooms.lobby, room_len),
        "rooms.lobby",
        format!("{:?} {rule}", config.rooms.lobby),
    );
    check.require(
        config.rooms.lobby_topic.len() <= config.limits.topic_len
            && !config.rooms.lobby_topic.contains(char::is_control),
        "rooms.lobby_topic",
        format!("is longer than {} bytes or holds control characters", config.limits.topic_len),
    );
    const DAYS_MAX: u32 = 36_500;
    check.range("history.retention_days", config.history.retention_days, 0..=DAYS_MAX);
    for (room, days) in &config.history.rooms {
        check.require(is_room(room, room_len), "history.rooms", format!("{room:?} {rule}"));
        check.range("history.rooms", *days, 0..=DAYS_MAX);
    }
}

fn limits(limits: &Limits, check: &mut Check) {
    check.range("limits.connections", limits.connections, 1..=1_000_000);
    check.range("limits.connections_per_address", limits.connections_per_address, 1..=1_000_000);
    check.range("limits.web_connections", limits.web_connections, 1..=100_000);
    check.range("limits.registration_seconds", limits.registration_seconds, 1..=600);
    check.range("limits.ping_seconds", limits.ping_seconds, 1..=3_600);
    check.range("limits.drop_seconds", limits.drop_seconds, 2..=7_200);
    check.require(
        limits.drop_seconds > limits.ping_seconds,
        "limits.drop_seconds",
        format!("must be more than limits.ping_seconds, which is {}", limits.ping_seconds),
    );
    // A whole line with its tags (8191 + 512 bytes) has to fit, and the names of a large room.
    check.range("limits.sendq", limits.sendq, 64 * 1024..=1024 * 1024 * 1024);
    check.range("limits.stall_seconds", limits.stall_seconds, 1..=3_600);
    check.range("limits.sendq_soft", limits.sendq_soft, 4 * 1024..=1024 * 1024 * 1024);
    check.require(
        limits.sendq > limits.sendq_soft,
        "limits.sendq",
        format!("must be more than limits.sendq_soft, which is {}", limits.sendq_soft),
    );
    check.range("limits.flood_burst", limits.flood_burst, 1..=100_000);
    check.range("limits.flood_per_second", limits.flood_per_second, 1..=100_000);
    check.range("limits.account_registrations_per_hour", limits.account_registrations_per_hour, 0..=100_000);
    check.range("limits.password_failures_per_minute", limits.password_failures_per_minute, 1..=100_000);
    // The upper ends leave room for the rest of the line within 512 bytes.
    check.range("limits.nick_len", limits.nick_len, 9..=NICK_LEN_MAX);
    check.range("limits.room_len", limits.room_len, 9..=ROOM_NAME_LEN_MAX);
    check.range("limits.topic_len", limits.topic_len, 80..=390);
    check.range("limits.kick_len", limits.kick_len, 0..=390);
    check.range("limits.away_len", limits.away_len, 0..=390);
    check.range("limits.shards", limits.shards, 0..=SHARDS_MAX);
}

fn accounts(config: &Config, check: &mut Check) {
    let accounts = &config.accounts;
    check.range("accounts.hash_m_kib", accounts.hash_m_kib, 8..=1024 * 1024);
    check.range("accounts.hash_t", accounts.hash_t, 1..=64);
    check.range("accounts.hash_p", accounts.hash_p, 1..=64);
    check.require(
        accounts.hash_m_kib >= 8 * accounts.hash_p,
        "accounts.hash_m_kib",
        "Argon2 needs at least 8 KiB for each lane",
    );
    for (name, password) in &config.operators {
        let key = format!("operators.{name}");
        check.require(
            !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == ':'),
            &key,
            "an operator's name is one word",
        );
        check.require(
            password.is_hash(),
            &key,
            "must be an Argon2 hash: let `salotto hash-password` make it",
        );
    }
}

fn web(config: &Config, check: &mut Check) {
    for origin in &config.web.allowed_origins {
        check.require(
            origin == "*" || is_web_address(origin, false),
            "web.allowed_origins",
            format!("{origin:?} is not an origin such as https://example.org"),
        );
    }
    if let Some(url) = &config.web.external_url {
        check.require(
            is_web_address(url, true),
            "web.external_url",
            format!("{url:?} is not an address such as https://chat.example.org"),
        );
    }
}

fn is_address(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().is_ok()
}

/// RFC 1123 section 2.1, but the last label must not be a number: such a name would be a mistyped IPv4 address.
fn is_host_name(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
        && !text.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_room(text: &str, length_max: usize) -> bool {
    text.chars().count() <= length_max && RoomName::new(text).is_ok()
}

fn is_web_address(text: &str, path: bool) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let (authority, tail) = rest.split_once('/').map_or((rest, None), |(head, tail)| (head, Some(tail)));
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            if port.parse::<u16>().is_err() {
                return false;
            }
            host
        }
        _ => authority,
    };
    (is_address(host) || is_host_name(host))
        && tail.is_none_or(|tail| path && !tail.contains(|c: char| c.is_whitespace() || c.is_control()))
}
