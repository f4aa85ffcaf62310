//! The configuration: what an operator can set, its defaults, and where each value came from.
//!
//! One value can be given in three places, and the later one wins: the TOML file, an environment variable
//! `SALOTTO_<SECTION>_<KEY>`, an option on the command line. Every mistake is reported with the place, the key and
//! the reason, before anything listens. [`SAMPLE`] is the whole file, with every key explained.
//!
//! This module reads files and checks them; it opens no sockets and starts nothing.

mod load;
mod section;
mod validate;
mod value;

pub use load::{ConfigError, Origin, Override, Problem, Sources};
pub use section::{Accounts, History, Limits, Listen, Log, Rooms, Server, Tls, Web};
pub use value::{Durability, Language, LogFile, LogFormat, LogLevel, Password, Port};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The configuration file with every key at its default and explained; what `salotto config` prints.
pub const SAMPLE: &str = include_str!("sample.toml");

/// The most bytes of the message of the day, wherever it is written.
const MOTD_LEN_MAX: usize = 64 * 1024;

/// The most threads that serve connections.
const SHARDS_MAX: usize = 64;

/// Everything an operator can set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the server is called and says.
    pub server: Server,
    /// Addresses and ports.
    pub listen: Listen,
    /// The certificate of the encrypted listeners.
    pub tls: Tls,
    /// The room everybody meets in.
    pub rooms: Rooms,
    /// How long messages are kept, and how safely.
    pub history: History,
    /// Bounds on what one connection, one address or all together may use.
    pub limits: Limits,
    /// Registration, and the cost of a password hash.
    pub accounts: Accounts,
    /// People who may use operator commands: name and Argon2 hash of the password, for IRC's `OPER`.
    pub operators: BTreeMap<String, Password>,
    /// What is written down, and where.
    pub log: Log,
    /// The web client's surroundings.
    pub web: Web,
}

impl Config {
    /// Reads the configuration from the file, the environment and the command line.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names every wrong value with its place, its key and the reason.
    pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
        load::load(sources)
    }

    /// How many threads serve connections.
    pub fn shards(&self) -> usize {
        match self.limits.shards {
            // One core is left to the thread that orders and writes, and to the system.
            0 => std::thread::available_parallelism()
                .map_or(1, usize::from)
                .saturating_sub(1)
                .clamp(1, SHARDS_MAX),
            shards => shards,
        }
    }

    /// What works but should be better, one sentence each, for the log at start.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.server.password.as_ref().is_some_and(|password| !password.is_hash()) {
            warnings.push(
                "server.password is plain text: put the output of `salotto hash-password` there instead"
                    .to_owned(),
            );
        }
        if self.web.allowed_origins.iter().any(|origin| origin == "*") {
            warnings.push("web.allowed_origins contains \"*\": any web page can connect here".to_owned());
        }
        warnings
    }
}

#[cfg(test)]
mod tests;
