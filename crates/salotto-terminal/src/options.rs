//! What the client is started with, and how it ends.

use std::path::PathBuf;

use salotto_client::Fingerprint;

use crate::language::Language;

/// What the client is started with.
#[derive(Clone)]
pub struct ChatOptions {
    /// The server's name or address.
    pub host: String,
    /// The server's TCP port.
    pub port: u16,
    /// Speaks TLS. A fingerprint implies it.
    pub tls: bool,
    /// Trusts the certificate with this fingerprint and no other.
    pub fingerprint: Option<Fingerprint>,
    /// The user name; asked for when there is none.
    pub name: Option<String>,
    /// The password of the account with that name.
    pub password: Option<String>,
    /// A room to enter besides those that the server puts everybody into.
    pub room: Option<String>,
    /// One event a line, even on a terminal.
    pub plain: bool,
    /// The language; the environment's when there is none.
    pub language: Option<Language>,
    /// A directory where unsent messages are kept across a restart. They are not kept without it, and
    /// never in a pipe.
    pub state_dir: Option<PathBuf>,
}

impl ChatOptions {
    /// The port of IRC without TLS.
    pub const PORT: u16 = 6667;
    /// The port of IRC with TLS.
    pub const PORT_TLS: u16 = 6697;

    /// A plain connection to a host, everything else left to be asked or guessed.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: Self::PORT,
            tls: false,
            fingerprint: None,
            name: None,
            password: None,
            room: None,
            plain: false,
            language: None,
            state_dir: None,
        }
    }
}

impl std::fmt::Debug for ChatOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatOptions")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// How the client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// The user left, or the whole input was sent: 0.
    Success,
    /// Something was refused: a message of a pipe, the certificate, the account: 1.
    Failure,
    /// The options are wrong, or the name is missing in a pipe: 2.
    Usage,
    /// The server cannot be reached or has closed, and a pipe has no more to say: 3.
    Unreachable,
    /// The server refused the name, and a pipe cannot be asked for another: 4.
    NameRefused,
    /// Ctrl-C: 130.
    Interrupted,
    /// SIGTERM or SIGHUP: 143.
    Terminated,
}

impl ExitStatus {
    /// The exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::NameRefused => 4,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<ExitStatus> for std::process::ExitCode {
    fn from(status: ExitStatus) -> Self {
        status.code().into()
    }
}
