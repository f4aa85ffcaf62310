//! Moving committed pages from the write-ahead log into the database, behind the writer's back.
//!
//! Left to itself SQLite does this inside some unlucky commit. Here a thread with a connection of its own does it:
//! PASSIVE while commits flow, which waits for nobody; TRUNCATE when there was no commit for a while.
//!
//! A log that is written without a break is never moved whole, and so never begins again from its start. When it
//! has grown too large the thread moves all but a little of it, and then asks the writer to move the rest between
//! two commits (RESTART): nobody else could get between them. The file keeps its length then, because writing over
//! what is there takes half the time of making it longer (docs/performance.md).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use crate::connection::BUSY_MAX;

/// How long a TRUNCATE or RESTART, which keeps the writer out, waits for readers to come out of the log.
const READERS_MAX: Duration = Duration::from_millis(20);
/// How often the thread goes over the log before it leaves the rest to the writer.
const ROUNDS_MAX: u32 = 8;
/// How many pages a commit writes beside its rows, about.
const COMMIT_PAGES: u64 = 4;

/// When to do what. Pages have 4 KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// After how many written pages, about, a PASSIVE checkpoint is due.
    pub(crate) due_pages: u64,
    /// How many pages the log may have before the writer has to move the rest of it.
    pub(crate) log_pages_max: i64,
    /// How many pages the writer is asked to move, about.
    pub(crate) rest_pages_max: i64,
    /// After how much time without a commit the log is truncated.
    pub(crate) idle: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        // 128 MiB, 256 MiB and half a MiB.
        Limits { due_pages: 32_768, log_pages_max: 65_536, rest_pages_max: 128, idle: Duration::from_secs(2) }
    }
}

#[derive(Debug)]
pub(crate) struct Checkpointer {
    // Taken when it ends: the thread ends when the sender is gone.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    progress: Arc<Progress>,
    limits: Limits,
}

#[derive(Debug, Default)]
struct Progress {
    /// Pages written since the last checkpoint began, about.
    pages: AtomicU64,
    /// Commits since the start.
    commits: AtomicU64,
    /// The thread sleeps until it is woken: the log is empty.
    asleep: AtomicBool,
    /// The log is too large, nearly all of it is moved, and the writer has not moved the rest yet. Until then
    /// the thread keeps away: two cannot do it at once.
    overdue: AtomicBool,
}

impl Checkpointer {
    /// Starts the thread with a connection for it alone.
    pub(crate) fn start(connection: Connection, limits: Limits) -> io::Result<Checkpointer> {
        connection.busy_timeout(READERS_MAX).map_err(io::Error::other)?;
        let progress = Arc::new(Progress::default());
        let (wake, woken) = sync_channel(1);
        let shared = Arc::clone(&progress);
        let thread = thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || run(&connection, &woken, &shared, limits))?;
        Ok(Checkpointer { wake: Some(wake), thread: Some(thread), progress, limits })
    }

    /// The writer is about to begin a commit of its own, and does the rest of a checkpoint when it has to.
    pub(crate) fn before_commit(&self, writer: &Connection) -> rusqlite::Result<()> {
        if self.progress.overdue.load(Ordering::SeqCst) {
            writer.busy_timeout(READERS_MAX)?;
            checkpoint(writer, "RESTART");
            writer.busy_timeout(BUSY_MAX)?;
            self.progress.overdue.store(false, Ordering::SeqCst);
        }
        Ok(())
    }

    /// The writer ends: moves the whole log, so that what was said rests where its checksums are.
    pub(crate) fn settle(&self, writer: &Connection) {
        if writer.busy_timeout(READERS_MAX).is_ok() {
            checkpoint(writer, "TRUNCATE");
        }
    }

    /// The writer has made a commit of so many rows.
    pub(crate) fn after_commit(&self, rows: u64) {
        let pages = rows + COMMIT_PAGES;
        self.progress.commits.fetch_add(1, Ordering::SeqCst);
        let due = self.progress.pages.fetch_add(pages, Ordering::SeqCst) + pages >= self.limits.due_pages;
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

/// Moves what an earlier process has left in the log.
///
/// It was read from the log as the system remembers it, which after a failed sync need not be what is on the disk:
/// pages that could not be written are taken for written, and no later sync is about them. What comes after them in the
/// log would be lost with them when the power fails. Moved into the database they are written once more.
pub(crate) fn renew(connection: &Connection) -> rusqlite::Result<()> {
    let is_left = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?;
    if is_left {
        tracing::warn!("somebody reads the database, so that its log cannot be moved at the start");
    }
    Ok(())
}

fn run(connection: &Connection, woken: &Receiver<()>, progress: &Progress, limits: Limits) {
    let mut commits_seen = 0;
    let mut clean = false;
    loop {
        if clean {
            progress.asleep.store(true, Ordering::SeqCst);
            // A commit between the last look and going to sleep has not woken anybody.
            let goes_on = progress.commits.load(Ordering::SeqCst) != commits_seen || woken.recv().is_ok();
            progress.asleep.store(false, Ordering::SeqCst);
            if !goes_on {
                return;
            }
            clean = false;
        }
        match woken.recv_timeout(limits.idle) {
            Ok(()) if progress.overdue.load(Ordering::SeqCst) => {}
            Ok(()) if progress.pages.load(Ordering::SeqCst) >= limits.due_pages => {
                progress.pages.store(0, Ordering::SeqCst);
                if move_most(connection, limits) {
                    progress.overdue.store(true, Ordering::SeqCst);
                }
            }
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => {
                let commits = progress.commits.load(Ordering::SeqCst);
                if commits == commits_seen {
                    progress.pages.store(0, Ordering::SeqCst);
                    clean = checkpoint(connection, "TRUNCATE") == Some(0);
                }
                commits_seen = commits;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Moves what can be moved without making anybody wait; whether the log is too large all the same.
fn move_most(connection: &Connection, limits: Limits) -> bool {
    let mut before = 0;
    for _ in 0..ROUNDS_MAX {
        match checkpoint(connection, "PASSIVE") {
            Some(log_pages) if log_pages > limits.log_pages_max => {
                // What this round has found and the last has not is about what the next would find.
                if log_pages - before <= limits.rest_pages_max {
                    return true;
                }
                before = log_pages;
            }
            _ => return false,
        }
    }
    true
}

/// Runs one checkpoint; how many pages the log has after it, or `None` where it could not be done now.
fn checkpoint(connection: &Connection, mode: &str) -> Option<i64> {
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;
    use crate::connection::open_writable;
    use crate::store::Durability;

    fn log_bytes(path: &Path) -> u64 {
        std::fs::metadata(path.with_extension("db-wal")).map_or(0, |log| log.len())
    }

    /// What tells a log from the one before it in the same file.
    fn salts(path: &Path) -> u64 {
        let log = std::fs::read(path.with_extension("db-wal")).unwrap();
        log[16..24].try_into().map(u64::from_be_bytes).unwrap()
    }

    #[test]
    fn the_log_begins_again_under_unbroken_commits_and_is_truncated_after_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.db");
        let writer = open_writable(&path, Durability::Process).unwrap();
        writer.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT").unwrap();
        let other = Connection::open(&path).unwrap();
        let limits =
            Limits { due_pages: 64, log_pages_max: 256, rest_pages_max: 64, idle: Duration::from_millis(50) };
        let checkpointer = Checkpointer::start(other, limits).unwrap();
        let body = "x".repeat(4_000);
        let deadline = Instant::now() + Duration::from_secs(60);
        let (mut begun_again, mut before) = (0, salts(&path));
        while begun_again < 3 {
            assert!(Instant::now() < deadline, "the log only grows");
            checkpointer.before_commit(&writer).unwrap();
            writer.execute_batch("BEGIN IMMEDIATE").unwrap();
            for _ in 0..10 {
                writer.execute("INSERT INTO t (body) VALUES (?1)", [&body]).unwrap();
            }
            writer.execute_batch("COMMIT").unwrap();
            checkpointer.after_commit(10);
            let salts = salts(&path);
            if salts != before {
                begun_again += 1;
                // What is left of the log before is not taken for a part of this one.
                assert_eq!(crate::wal::damage(&path).unwrap(), None);
            }
            before = salts;
        }

        while log_bytes(&path) > 0 {
            assert!(Instant::now() < deadline, "the log was never truncated");
            thread::yield_now();
        }
    }
}
