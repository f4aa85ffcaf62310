//! Moving committed pages from the write-ahead log into the database, behind the writer's back.
//!
//! Left to itself SQLite does this inside some unlucky commit. Here a thread with a connection of its own does it:
//! PASSIVE while commits flow, which waits for nobody; TRUNCATE when there was no commit for a while, or when the
//! log has grown large because there was never a moment in which all of it was moved.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

/// After how many written rows a PASSIVE checkpoint is due.
const ROWS_MAX: u64 = 2_048;
/// How many pages of 4 KiB the log may have before the writer is made to wait for a TRUNCATE: 64 MiB.
const LOG_PAGES_MAX: i64 = 16_384;
/// After how much time without a commit the log is truncated.
const IDLE: Duration = Duration::from_secs(2);
/// How long a TRUNCATE, which keeps the writer out, waits for readers to come out of the log.
const READERS_MAX: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Checkpointer {
    // Taken when it ends: the thread ends when the sender is gone.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    progress: Arc<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// Rows written since the last checkpoint began.
    rows: AtomicU64,
    /// Commits since the start.
    commits: AtomicU64,
    /// The thread sleeps until it is woken: the log is empty.
    asleep: AtomicBool,
}

impl Checkpointer {
    /// Starts the thread with a connection for it alone.
    pub(crate) fn start(connection: Connection) -> io::Result<Checkpointer> {
        let progress = Arc::new(Progress::default());
        let (wake, woken) = sync_channel(1);
        let seen = Arc::clone(&progress);
        let thread = thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || run(&connection, &woken, &seen))?;
        Ok(Checkpointer { wake: Some(wake), thread: Some(thread), progress })
    }

    /// Takes note of a commit of so many rows.
    pub(crate) fn committed(&self, rows: u64) {
        self.progress.commits.fetch_add(1, Ordering::SeqCst);
        let due = self.progress.rows.fetch_add(rows, Ordering::SeqCst) + rows >= ROWS_MAX;
        if due || self.progress.asleep.load(Ordering::SeqCst) {
            // Full means that it is woken already.
            let _ = self.wake.as_ref().map(|wake| wake.try_send(()));
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(connection: &Connection, woken: &Receiver<()>, progress: &Progress) {
    let mut commits_seen = 0;
    let mut clean = false;
    loop {
        if clean {
            progress.asleep.store(true, Ordering::SeqCst);
            // A commit between the last look and going to sleep has not woken anybody.
            let slept = progress.commits.load(Ordering::SeqCst) != commits_seen || woken.recv().is_ok();
            progress.asleep.store(false, Ordering::SeqCst);
            if !slept {
                return;
            }
            clean = false;
        }
        match woken.recv_timeout(IDLE) {
            Ok(()) if progress.rows.load(Ordering::SeqCst) >= ROWS_MAX => {
                progress.rows.store(0, Ordering::SeqCst);
                if checkpoint(connection, "PASSIVE").is_some_and(|log_pages| log_pages > LOG_PAGES_MAX) {
                    checkpoint(connection, "TRUNCATE");
                }
            }
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => {
                let commits = progress.commits.load(Ordering::SeqCst);
                if commits == commits_seen {
                    progress.rows.store(0, Ordering::SeqCst);
                    clean = checkpoint(connection, "TRUNCATE") == Some(0);
                }
                commits_seen = commits;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Runs one checkpoint; how many pages the log has after it, or `None` where it could not be done now.
fn checkpoint(connection: &Connection, mode: &str) -> Option<i64> {
    // Setting a timeout cannot fail while the connection is open.
    let _ = connection.busy_timeout(READERS_MAX);
    let result = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    });
    match result {
        Ok((0, log_pages)) => Some(log_pages),
        Ok(_) => None,
        Err(error) => {
            // Nothing is lost: what is committed stays in the log, and the next time may succeed.
            tracing::warn!(%error, mode, "checkpoint failed");
            None
        }
    }
}
