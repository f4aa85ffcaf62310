//! The kinds of value a configuration key can have, where a plain string or number says too little.

use std::{fmt, path::PathBuf};

use argon2::{
    Argon2,
    password_hash::{PasswordVerifier, phc::PasswordHash},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Where a listener listens: a TCP port, or nowhere.
///
/// In the file it is a number from 0 to 65535 or the string `"off"`; 0 asks the system for a free port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// No listener of this kind.
    Off,
    /// Listens on this port, 0 meaning any free one.
    At(u16),
}

impl Port {
    const EXPECTED: &str = "a number from 0 to 65535, or \"off\"";

    /// The port number, when there is to be a listener.
    pub fn number(self) -> Option<u16> {
        match self {
            Port::Off => None,
            Port::At(number) => Some(number),
        }
    }
}

impl Serialize for Port {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Port::Off => serializer.serialize_str("off"),
            Port::At(number) => serializer.serialize_u16(*number),
        }
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Port;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(Port::EXPECTED)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Port, E> {
                u16::try_from(number)
                    .map(Port::At)
                    .map_err(|_| E::custom(format_args!("{number} is not a port: give {}", Port::EXPECTED)))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Port, E> {
                self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Port, E> {
                match text {
                    "off" => Ok(Port::Off),
                    _ => Err(E::custom(format_args!("{text:?} is not a port: give {}", Port::EXPECTED))),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A password as an operator wrote it: an Argon2 hash, or plain text.
///
/// It never shows itself in debug output, so that no log can hold it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// Takes an Argon2 hash in PHC form (`$argon2id$…`), or plain text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether this is an Argon2 hash that can be read, not plain text.
    pub fn is_hash(&self) -> bool {
        self.0.starts_with("$argon2") && PasswordHash::new(&self.0).is_ok()
    }

    /// Whether nothing is there at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text as it stands in the configuration.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `given` is the password.
    ///
    /// A hash takes tens of milliseconds, as it should: call this on a thread that may take them.
    pub fn verify(&self, given: &str) -> bool {
        if self.0.starts_with("$argon2") {
            return PasswordHash::new(&self.0)
                .is_ok_and(|hash| Argon2::default().verify_password(given.as_bytes(), &hash).is_ok());
        }
        // Comparing digests takes the same time wherever the first difference is.
        blake3::hash(self.0.as_bytes()) == blake3::hash(given.as_bytes())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(…)")
    }
}

/// The language a bare terminal is spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// Italian.
    #[serde(rename = "it")]
    Italian,
    /// Both, until the person has chosen.
    #[default]
    Auto,
}

/// What must have happened before a message is shown to anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// It is on the disk: a power cut takes nothing that somebody has seen.
    #[default]
    Power,
    /// The operating system has it: a crash of the program takes nothing, a power cut may take the last moments.
    Process,
}

/// How log lines on standard error are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Where the log files are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogFile {
    /// The folder `log` of the data directory; `"data"` in the file.
    #[default]
    Data,
    /// No log files; `"off"` in the file.
    Off,
    /// This folder.
    Folder(PathBuf),
}

impl Serialize for LogFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            LogFile::Data => serializer.serialize_str("data"),
            LogFile::Off => serializer.serialize_str("off"),
            LogFile::Folder(path) => path.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for LogFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match text.as_str() {
            "data" => LogFile::Data,
            "off" => LogFile::Off,
            _ => LogFile::Folder(PathBuf::from(text)),
        })
    }
}

/// The least severe event that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what went wrong.
    Error,
    /// And what looks wrong.
    Warn,
    /// And what happened: connections, sign-ins, starts and stops.
    #[default]
    Info,
    /// And how.
    Debug,
    /// And every step of it.
    Trace,
}

impl LogLevel {
    /// The level as `RUST_LOG` writes it.
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_password_is_compared_and_a_hash_is_verified() {
        // The hash of "segreto" at the lowest cost.
        let hash = argon2::password_hash::CustomizedPasswordHasher::hash_password_customized(
            &Argon2::default(),
            b"segreto",
            b"0123456789abcdef",
            Some("argon2id"),
            None,
            argon2::Params::new(8, 1, 1, None).expect("lowest cost"),
        )
        .expect("hashes")
        .to_string();
        for password in [Password::new("segreto"), Password::new(hash.as_str())] {
            assert!(password.verify("segreto"));
            assert!(!password.verify("Segreto"));
            assert!(!password.verify(""));
        }
        assert!(Password::new(hash).is_hash());
        assert!(!Password::new("segreto").is_hash());
        assert!(!Password::new("$argon2id$rubbish").verify("$argon2id$rubbish"));
    }

    #[test]
    fn a_password_does_not_show_itself() {
        assert_eq!(format!("{:?}", Some(Password::new("segreto"))), "Some(Password(…))");
    }
}
