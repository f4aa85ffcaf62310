//! A [`Client`] on a real connection: TCP or TLS with tokio.

mod clock;
mod connection;
mod dial;
mod trust;

use std::future::pending;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use thiserror::Error;
use tokio::task::{JoinHandle, JoinSet};

use crate::client::{Client, Transmit};
use crate::event::Event;
use crate::state::ConnectFailure;
use crate::time::Time;
use clock::Clock;
use connection::{Connection, Progress, Stream};
pub use trust::{Fingerprint, FingerprintError, Trust};

/// What was written before a close is given this long to leave.
const LINGER: Duration = Duration::from_secs(1);

/// Where a server is and how to speak to it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// A name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Speaks TLS, and trusts as said; plain TCP without.
    pub tls: Option<Trust>,
}

/// Why a driver cannot be made.
#[derive(Debug, Error)]
pub enum DriverError {
    /// The host can be neither a name nor an address.
    #[error("{host:?} is not a host name")]
    BadHost {
        /// What was given.
        host: String,
    },
    /// The TLS library does not accept its configuration.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

type Dial = JoinHandle<Result<Box<dyn Stream>, ConnectFailure>>;

/// Runs a [`Client`] on TCP or TLS. It has to be made and used inside a tokio runtime.
///
/// An application calls [`Driver::next`] in its loop, beside what else it waits for, and gives its
/// commands through [`Driver::act`]. Between two calls of `next` nothing moves.
#[derive(Debug)]
pub struct Driver {
    client: Client,
    dialer: dial::Dialer,
    clock: Clock,
    dialing: Option<Dial>,
    connection: Option<Connection>,
    closing: JoinSet<()>,
}

impl Driver {
    /// Makes a driver for a client. Nothing is sent before [`Client::connect`].
    pub fn new(client: Client, endpoint: &Endpoint) -> Result<Self, DriverError> {
        Ok(Self {
            client,
            dialer: dial::Dialer::new(endpoint)?,
            clock: Clock::new(),
            dialing: None,
            connection: None,
            closing: JoinSet::new(),
        })
    }

    /// A number for [`crate::Options::seed`], different each time.
    pub fn random_seed() -> u64 {
        RandomState::new().build_hasher().finish()
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The time as the client is told it.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Gives the client a command, with the time.
    pub fn act<R>(&mut self, command: impl FnOnce(&mut Client, Time) -> R) -> R {
        self.clock.follow_suspend();
        let result = command(&mut self.client, self.clock.now());
        self.transmit();
        result
    }

    /// Waits for the next event. It may be dropped and called again without losing anything.
    pub async fn next(&mut self) -> Event {
        loop {
            self.transmit();
            if let Some(event) = self.client.poll_event() {
                return event;
            }
            let timeout = self.client.poll_timeout().map(|at| self.clock.instant(at));
            tokio::select! {
                outcome = finished(&mut self.dialing) => self.dialed(outcome),
                progress = progress(&mut self.connection) => self.progressed(progress),
                () = sleep(timeout) => {}
            }
            self.clock.follow_suspend();
            let now = self.clock.now();
            if self.client.poll_timeout().is_some_and(|at| at <= now) {
                self.client.handle_timeout(now);
            }
        }
    }

    /// Waits until what was written has left and all connections are closed, for a second at most.
    pub async fn finish(mut self) {
        self.transmit();
        if let Some(connection) = self.connection.take() {
            self.closing.spawn(connection.close(LINGER));
        }
        while self.closing.join_next().await.is_some() {}
    }

    fn transmit(&mut self) {
        while let Some(transmit) = self.client.poll_transmit() {
            match transmit {
                Transmit::Connect => {
                    self.connection = None;
                    self.dialing = Some(self.dialer.start());
                }
                Transmit::Write(bytes) => {
                    if let Some(connection) = &mut self.connection {
                        connection.write(&bytes);
                    }
                }
                Transmit::Close => {
                    if let Some(dialing) = self.dialing.take() {
                        dialing.abort();
                    }
                    if let Some(connection) = self.connection.take() {
                        self.closing.spawn(connection.close(LINGER));
                    }
                }
            }
        }
        while self.closing.try_join_next().is_some() {}
    }

    fn dialed(&mut self, outcome: Result<Box<dyn Stream>, ConnectFailure>) {
        self.dialing = None;
        let now = self.clock.now();
        match outcome {
            Ok(stream) => {
                self.connection = Some(Connection::new(stream));
                self.client.handle_connected(now);
            }
            Err(failure) => self.client.handle_connect_failed(now, failure),
        }
    }

    fn progressed(&mut self, progress: Progress) {
        let now = self.clock.now();
        match progress {
            Progress::Read => {
                self.client.handle_bytes(now);
                // A line may have the client close the connection: it is taken out while lines are handled.
                let Some(mut connection) = self.connection.take() else { return };
                connection.lines(|line| self.client.handle_line(now, line));
                self.connection = Some(connection);
            }
            Progress::Closed(reason) => {
                self.connection = None;
                self.client.handle_disconnected(now, &reason);
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(dialing) = &self.dialing {
            dialing.abort();
        }
    }
}

async fn finished(dialing: &mut Option<Dial>) -> Result<Box<dyn Stream>, ConnectFailure> {
    match dialing {
        Some(dial) => dial.await.unwrap_or_else(|e| Err(ConnectFailure::Unreachable(e.to_string()))),
        None => pending().await,
    }
}

async fn progress(connection: &mut Option<Connection>) -> Progress {
    match connection {
        Some(connection) => connection.progress().await,
        None => pending().await,
    }
}

async fn sleep(until: Option<tokio::time::Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => pending().await,
    }
}
