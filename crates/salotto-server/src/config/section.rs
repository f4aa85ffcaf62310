//! The sections of the file, one struct each, with every key's default.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::value::{Durability, Language, LogFile, LogFormat, LogLevel, Password, Port};

/// `[server]`: what the server is called and says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// The name of this server in IRC prefixes; written like a host name.
    pub name: String,
    /// The name of the whole, as clients show it. One word.
    pub network: String,
    /// The message of the day, lines separated by line feeds; empty for none.
    pub motd: String,
    /// A file that holds the message of the day. Loading puts its text into `motd`.
    pub motd_file: Option<PathBuf>,
    /// The language a bare terminal is spoken to in.
    pub language: Language,
    /// The password every client must give (IRC's `PASS`), as an Argon2 hash or plain text; none by default.
    pub password: Option<Password>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            name: "salotto.local".into(),
            network: "Salotto".into(),
            motd: String::new(),
            motd_file: None,
            language: Language::Auto,
            password: None,
        }
    }
}

/// `[listen]`: addresses and ports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// IP addresses or names of this machine. IPv4 and IPv6 are listened on separately.
    pub host: Vec<String>,
    /// IRC without encryption.
    pub port: Port,
    /// IRC over TLS.
    pub tls_port: Port,
    /// The web client and its WebSocket, `http://`.
    pub web_port: Port,
    /// The same, encrypted, `https://`.
    pub web_tls: Port,
    /// Bare terminals (netcat, telnet).
    pub text_port: Port,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            host: vec!["127.0.0.1".into(), "::1".into()],
            port: Port::At(6667),
            tls_port: Port::Off,
            web_port: Port::At(8080),
            web_tls: Port::Off,
            text_port: Port::At(2003),
        }
    }
}

impl Listen {
    /// Whether nobody chose the addresses: then a machine without IPv6 is no mistake.
    pub fn host_is_default(&self) -> bool {
        self.host == Self::default().host
    }
}

/// `[tls]`: the certificate of the encrypted listeners.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The certificate chain, PEM. Relative to the configuration file.
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM. Relative to the configuration file.
    pub key: Option<PathBuf>,
    /// Whether a certificate is made at the first start when none is given.
    pub self_signed: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self { certificate: None, key: None, self_signed: true }
    }
}

/// `[rooms]`: the room everybody meets in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rooms {
    /// Its name.
    pub lobby: String,
    /// Whether everybody is put there on signing in.
    pub lobby_join: bool,
    /// Its first topic; empty for none.
    pub lobby_topic: String,
}

impl Default for Rooms {
    fn default() -> Self {
        Self { lobby: "#lobby".into(), lobby_join: true, lobby_topic: String::new() }
    }
}

/// `[history]`: how long messages are kept, and how safely.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// What must have happened before a message is shown to anybody.
    pub durability: Durability,
    /// Days after which messages are deleted; 0 keeps them for ever.
    pub retention_days: u32,
    /// The same for single rooms, by name.
    pub rooms: BTreeMap<String, u32>,
}

/// `[limits]`: bounds on what one connection, one address or all together may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Chat connections at once.
    pub connections: usize,
    /// Chat connections at once from one address (IPv6: from one /64). The machine itself is exempt.
    pub connections_per_address: usize,
    /// Connections of browsers that fetch the web client, at once, apart from the chat connections.
    pub web_connections: usize,
    /// Seconds within which a new connection must have signed in.
    pub registration_seconds: u64,
    /// Seconds of silence after which a client is asked for a sign of life.
    pub ping_seconds: u64,
    /// Seconds of silence after which a client is given up.
    pub drop_seconds: u64,
    /// Seconds that a connection may take nothing of what waits for it, before it is closed.
    pub stall_seconds: u64,
    /// Bytes waiting for one connection above which it is lagged: posts to rooms are no longer queued for it, and
    /// shown from history when it reads again.
    pub sendq_soft: usize,
    /// Bytes waiting for one connection above which it is closed.
    pub sendq: usize,
    /// Commands that one connection may send at once.
    pub flood_burst: u32,
    /// Commands a second that one connection may send for long.
    pub flood_per_second: u32,
    /// Accounts that may be registered from one address within an hour. The machine itself is exempt.
    pub account_registrations_per_hour: u32,
    /// Wrong passwords from one address within a minute before it has to wait. The machine itself is exempt.
    pub password_failures_per_minute: u32,
    /// Characters of a nick.
    pub nick_len: usize,
    /// Characters of a room's name.
    pub room_len: usize,
    /// Bytes of a topic.
    pub topic_len: usize,
    /// Bytes of the reason of a kick.
    pub kick_len: usize,
    /// Bytes of an away message.
    pub away_len: usize,
    /// Threads that serve connections; 0 for as many as there are cores, less one.
    pub shards: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_address: 16,
            web_connections: 1_024,
            registration_seconds: 15,
            ping_seconds: 60,
            drop_seconds: 90,
            stall_seconds: 30,
            sendq_soft: 256 * 1024,
            sendq: 512 * 1024,
            flood_burst: 100,
            flood_per_second: 20,
            account_registrations_per_hour: 3,
            password_failures_per_minute: 6,
            nick_len: 32,
            room_len: 64,
            topic_len: 390,
            kick_len: 390,
            away_len: 200,
            shards: 0,
        }
    }
}

/// `[accounts]`: registration, and the cost of a password hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Accounts {
    /// Whether people may register.
    pub registration: bool,
    /// Argon2id: memory of one hash, in KiB.
    pub hash_m_kib: u32,
    /// Argon2id: passes over it.
    pub hash_t: u32,
    /// Argon2id: lanes.
    pub hash_p: u32,
}

impl Default for Accounts {
    fn default() -> Self {
        // The lowest cost that OWASP's password storage sheet recommends for Argon2id.
        Self { registration: true, hash_m_kib: 19_456, hash_t: 2, hash_p: 1 }
    }
}

/// `[log]`: what is written down, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How lines on standard error look.
    pub format: LogFormat,
    /// Where the log files are: `"data"` (the folder `log` of the data directory), `"off"`, or a folder.
    pub file: LogFile,
    /// How many daily log files are kept; 0 keeps all. They hold addresses.
    pub keep_days: usize,
    /// The least severe event that is logged; `RUST_LOG` overrides it for standard error.
    pub level: LogLevel,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Human, file: LogFile::Data, keep_days: 30, level: LogLevel::Info }
    }
}

/// `[web]`: the web client's surroundings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// Other web pages that may connect, as origins (`https://example.org`); `"*"` for all. The server's own always may.
    pub allowed_origins: Vec<String>,
    /// The address people reach the web client at, when a proxy stands before it.
    pub external_url: Option<String>,
}
