//! What the desktop program does, without its window: the open connections and the
//! way out.
//!
//! The window is behind [`Shell`], the interface behind
//! [`EventSink`]; tests put plain values in their place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::connection::{self, ConnectError, Endpoint, EventSink, SEND_QUEUE_LEN_MAX};
use crate::line::{self, BadLine};

/// How many connections may be open at once.
pub const CONNECTIONS_MAX: usize = 16;

/// How long the interface may take to say its goodbyes when the window closes.
pub const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a connection may take to send what is queued and to end, the
/// server's own goodbye included, before it is cut.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Names one connection for as long as the program runs; never used twice.
pub type ConnectionId = u32;

/// The window, as far as the controller needs it.
pub trait Shell: Send + Sync {
    /// Tells the interface that the window is about to close, so that it sends its
    /// last lines and then answers with [`Controller::ready_to_close`].
    fn announce_closing(&self);

    /// Ends the program with exit code 0. Called once, when everything is sent.
    fn exit(&self);
}

/// Why a connection was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There are already [`CONNECTIONS_MAX`].
    #[error("{CONNECTIONS_MAX} connections are already open")]
    TooMany,
    /// The program is on its way out.
    #[error("the program is closing")]
    Closing,
    /// The network or the server said no.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// Why a line was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The connection has ended, or never was.
    #[error("there is no such connection")]
    Closed,
    /// The line is not fit to be sent.
    #[error(transparent)]
    BadLine(#[from] BadLine),
    /// [`SEND_QUEUE_LEN_MAX`] lines are waiting: the server is not reading.
    #[error("the server is not taking what was sent before")]
    Full,
}

/// Owns the connections and the order in which things end.
#[derive(Debug)]
pub struct Controller {
    connections: Arc<Mutex<Connections>>,
    phase: watch::Sender<Phase>,
}

#[derive(Debug, Default)]
struct Connections {
    last_id: ConnectionId,
    open: BTreeMap<ConnectionId, OpenConnection>,
}

#[derive(Debug)]
struct OpenConnection {
    /// Dropping it makes the connection send what is queued and end. Absent once
    /// the connection has been told to end.
    outgoing: Option<mpsc::Sender<String>>,
    /// Cuts the connection; absent once somebody waits to use it.
    cut: Option<oneshot::Sender<()>>,
    /// Its other half lives in the connection's task and goes with it.
    ended: watch::Receiver<()>,
    /// Whether the last words have been queued already.
    quit_sent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// The interface has been told and has not answered yet.
    Closing,
    /// The interface has sent its last lines.
    Ready,
}

impl Default for Controller {
    fn default() -> Self {
        Self { connections: Arc::default(), phase: watch::Sender::new(Phase::Running) }
    }
}

impl Controller {
    /// Opens a connection and returns its id; its events go to `sink`, the first
    /// ones possibly before this returns.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; `sink` has then seen nothing.
    pub async fn open(&self, endpoint: &Endpoint, sink: impl EventSink) -> Result<ConnectionId, OpenError> {
        self.check_room()?;
        let stream = connection::connect(endpoint).await?;
        // Others may have been opened, or the window closed, in the meantime.
        self.check_room()?;

        let (outgoing, queue) = mpsc::channel(SEND_QUEUE_LEN_MAX);
        let (cut, cut_off) = oneshot::channel();
        let (alive, ended) = watch::channel(());
        let connection = OpenConnection { outgoing: Some(outgoing), cut: Some(cut), ended, quit_sent: false };
        let id = {
            let mut connections = lock(&self.connections);
            connections.last_id += 1;
            let id = connections.last_id;
            connections.open.insert(id, connection);
            id
        };
        let connections = Arc::clone(&self.connections);
        tokio::spawn(async move {
            connection::run(stream, queue, cut_off, sink).await;
            lock(&connections).open.remove(&id);
            drop(alive);
        });
        Ok(id)
    }

    fn check_room(&self) -> Result<(), OpenError> {
        if *self.phase.borrow() != Phase::Running {
            return Err(OpenError::Closing);
        }
        if lock(&self.connections).open.len() >= CONNECTIONS_MAX {
            return Err(OpenError::TooMany);
        }
        Ok(())
    }

    /// Queues one line, without its ending, behind those queued before it.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn send_line(&self, id: ConnectionId, line: String) -> Result<(), SendError> {
        line::check_outgoing(&line)?;
        let mut connections = lock(&self.connections);
        let connection = connections.open.get_mut(&id).ok_or(SendError::Closed)?;
        connection.send(line)
    }

    /// Sends what is queued on a connection, then ends it; returns when it has ended.
    /// A connection that has ended already is left in peace.
    pub async fn close(&self, id: ConnectionId) {
        let ending = lock(&self.connections).open.get_mut(&id).map(OpenConnection::end);
        if let Some(ending) = ending {
            ending.finish().await;
        }
    }

    /// Ends every connection as [`Controller::close`] does: the page that used them
    /// is gone.
    pub async fn close_all(&self) {
        let endings: Vec<Ending> =
            lock(&self.connections).open.values_mut().map(OpenConnection::end).collect();
        let mut finishing = JoinSet::new();
        for ending in endings {
            finishing.spawn(ending.finish());
        }
        finishing.join_all().await;
    }

    /// The interface has sent its last lines. Says nothing unless
    /// [`Shell::announce_closing`] asked for it.
    pub fn ready_to_close(&self) {
        self.phase.send_if_modified(|phase| {
            let asked = *phase == Phase::Closing;
            if asked {
                *phase = Phase::Ready;
            }
            asked
        });
    }

    /// Leaves in good order and exits: the interface has [`GOODBYE_TIMEOUT`] to say
    /// goodbye, each connection where it has not gets a `QUIT`, everything queued is
    /// sent within [`FLUSH_TIMEOUT`].
    ///
    /// Called again while it is under way, it returns at once and changes nothing.
    pub async fn shut_down(&self, shell: &impl Shell) {
        let first = self.phase.send_if_modified(|phase| {
            let running = *phase == Phase::Running;
            if running {
                *phase = Phase::Closing;
            }
            running
        });
        if !first {
            return;
        }
        shell.announce_closing();
        let mut phase = self.phase.subscribe();
        // Without an answer the window closes all the same.
        let _ = timeout(GOODBYE_TIMEOUT, phase.wait_for(|phase| *phase == Phase::Ready)).await;

        for connection in lock(&self.connections).open.values_mut() {
            if !connection.quit_sent {
                // A server that takes nothing any more learns of the end from TCP.
                let _ = connection.send("QUIT".to_owned());
            }
        }
        self.close_all().await;
        shell.exit();
    }
}

impl OpenConnection {
    fn send(&mut self, line: String) -> Result<(), SendError> {
        let outgoing = self.outgoing.as_ref().ok_or(SendError::Closed)?;
        let quit = line::is_quit(&line);
        outgoing.try_send(line).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
        })?;
        self.quit_sent |= quit;
        Ok(())
    }

    fn end(&mut self) -> Ending {
        self.outgoing = None;
        Ending { cut: self.cut.take(), ended: self.ended.clone() }
    }
}

/// A connection that has been told to end.
struct Ending {
    /// Absent when somebody else asked first and will cut it.
    cut: Option<oneshot::Sender<()>>,
    ended: watch::Receiver<()>,
}

impl Ending {
    /// Waits for the end, and cuts the connection if it does not come in time.
    async fn finish(mut self) {
        if timeout(FLUSH_TIMEOUT, self.ended.changed()).await.is_err() {
            drop(self.cut);
            // The sender never sends, so this is an error, and the error is the end.
            let _ = self.ended.changed().await;
        }
    }
}

/// The map is changed by single inserts and removals, so it is whole even if a
/// thread panicked while holding it.
fn lock(connections: &Mutex<Connections>) -> MutexGuard<'_, Connections> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "controller_tests.rs"]
mod tests;
