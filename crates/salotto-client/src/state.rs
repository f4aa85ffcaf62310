//! Where a connection stands.

use crate::time::Time;

/// The state of a client's connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing was asked for, or the user disconnected.
    Idle,
    /// A connection is being made.
    Connecting,
    /// Connected, not signed in yet.
    Registering,
    /// The server refused the name; [`crate::Client::set_name`] goes on from here.
    NameNeeded,
    /// Signed in.
    Online,
    /// Offline; the next attempt comes by itself.
    Waiting {
        /// When the next attempt begins.
        retry_at: Time,
        /// What brought the connection down.
        loss: Loss,
    },
    /// The user leaves; the server has been told.
    Closing,
    /// Offline for good, until the user connects again.
    Stopped(StopReason),
}

/// What brought a connection down or kept it from coming up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// No connection could be made.
    Unreachable(String),
    /// The connection broke.
    Lost(String),
    /// The server said that it closes the connection, and why.
    ServerClosed(String),
}

impl Loss {
    /// The reason as text, as the system or the server gave it.
    pub fn reason(&self) -> &str {
        match self {
            Self::Unreachable(reason) | Self::Lost(reason) | Self::ServerClosed(reason) => reason,
        }
    }
}

/// Why a client does not try again by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The user quit.
    Quit,
    /// The server's certificate is not trusted; nothing was sent.
    Certificate {
        /// What is wrong with it.
        reason: String,
        /// The SHA-256 fingerprint of the certificate shown, in hexadecimal with colons.
        fingerprint: Option<String>,
    },
    /// The account or its password was refused.
    SignInRefused(String),
    /// The server does not let this client in.
    Banned(String),
    /// The connection was lost and the policy is not to try again.
    Lost(Loss),
}

/// Why no connection could be made, as the driver tells the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectFailure {
    /// The address is unknown, or nobody answers there.
    Unreachable(String),
    /// The certificate is not trusted.
    Certificate {
        /// What is wrong with it.
        reason: String,
        /// The SHA-256 fingerprint of the certificate shown, in hexadecimal with colons.
        fingerprint: Option<String>,
    },
}
