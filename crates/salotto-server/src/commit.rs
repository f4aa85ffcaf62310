//! The commit thread: nobody sees what is not on the disk.
//!
//! It takes the batches that have gathered while the last commit ran, writes their records in one transaction,
//! and only then gives their turns to the shards. When the disk refuses, nothing is delivered: the server is
//! read-only until the same batches could be written.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use salotto_core::{Record, Seq, Timestamp};
use salotto_store::{Reader, Retained, StoreError, Writer};

use crate::hub::Batch;
use crate::shard::{News, ShardHandle};
use crate::shared::Shared;

/// How many batches are written in one transaction.
pub(crate) const BATCHES_MAX: usize = 64;
/// How long to wait before a refused transaction is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// After so many commands without a record their number is written down alone, so that a restart does not give
/// the same numbers again.
const UNWRITTEN_MAX: u64 = 1 << 18;
/// How far numbers jump at a start, over all that may have gone unwritten.
pub const SEQ_JUMP: u64 = UNWRITTEN_MAX * 4;
/// How often old posts are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(600);
/// How many posts are deleted at one go, so that a commit never waits long.
const PRUNE_ROWS_MAX: usize = 500;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Where records are written.
pub trait Disk {
    /// Why it refuses.
    type Error: Display;

    /// Writes the records of a batch in their order, and that `last` is its last command: all of it or nothing.
    ///
    /// # Errors
    /// Nothing was written.
    fn commit<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
        last: (Seq, Timestamp),
    ) -> Result<(), Self::Error>;
}

impl Disk for Writer {
    type Error = StoreError;

    fn commit<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
        last: (Seq, Timestamp),
    ) -> Result<(), StoreError> {
        Writer::commit(self, records, last)
    }
}

/// What is known of the disk: how far it is, and whether it refuses.
pub(crate) struct Commits {
    shared: Arc<Shared>,
    /// The last number that is on the disk.
    written: Seq,
}

impl Commits {
    /// A disk that has everything up to `written`.
    pub fn new(shared: Arc<Shared>, written: Seq) -> Commits {
        Commits { shared, written }
    }

    /// Tries to write; says whether it is written. `announce` is given what everybody has to be told.
    pub fn attempt(
        &mut self,
        disk: &mut impl Disk,
        batches: &[Batch],
        mut announce: impl FnMut(&'static str),
    ) -> bool {
        let last = batches.last().map_or((Seq(0), Timestamp(0)), |batch| batch.last);
        let nothing = batches.iter().all(|batch| batch.records.is_empty());
        if nothing && last.0.0.saturating_sub(self.written.0) < UNWRITTEN_MAX {
            return true;
        }
        let started = self.shared.ambient.instant();
        if let Err(error) = disk.commit(batches.iter().flat_map(|batch| &batch.records), last) {
            if !self.shared.read_only.swap(true, Ordering::SeqCst) {
                tracing::error!(target: "salotto::store", event = "error", reason = %error, "the disk refuses; read-only");
                announce(
                    "The server cannot write to its disk. Nothing is lost, but nothing can be sent now.",
                );
            }
            return false;
        }
        if self.shared.read_only.swap(false, Ordering::SeqCst) {
            tracing::info!(target: "salotto::store", event = "recovered", "the disk takes writes again");
            announce("The server can write again.");
        }
        self.written = last.0;
        let took = self.shared.ambient.instant().saturating_duration_since(started);
        self.shared.metrics.committed(batches.iter().map(|batch| batch.records.len()).sum(), took);
        true
    }
}

/// The commit thread.
pub(crate) struct Committer {
    /// Writes.
    pub writer: Writer,
    /// Reads which rooms there are.
    pub reader: Reader,
    /// From the core's thread.
    pub inbox: Receiver<Batch>,
    /// Where outcomes go.
    pub shards: Vec<ShardHandle>,
    /// How to read the configuration and the time.
    pub shared: Arc<Shared>,
    /// What is known of the disk.
    pub commits: Commits,
}

impl Committer {
    /// Runs until the core's thread is gone; everything it sent is committed and delivered by then.
    pub fn run(mut self) {
        let mut prune_at = Instant::now() + PRUNE_EVERY;
        loop {
            let wait = prune_at.saturating_duration_since(Instant::now());
            match self.inbox.recv_timeout(wait) {
                Ok(first) => {
                    let mut batches = vec![first];
                    while batches.len() < BATCHES_MAX
                        && let Ok(next) = self.inbox.try_recv()
                    {
                        batches.push(next);
                    }
                    self.commit(&batches);
                    self.deliver(batches);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if Instant::now() >= prune_at {
                let more = self.prune();
                prune_at = Instant::now() + if more { Duration::from_millis(50) } else { PRUNE_EVERY };
            }
        }
    }

    /// Writes until it is written.
    fn commit(&mut self, batches: &[Batch]) {
        let Committer { commits, writer, shards, .. } = self;
        let announce = |text: &str| {
            for shard in &*shards {
                shard.send(News::Announce(text.into()));
            }
        };
        while !commits.attempt(writer, batches, announce) {
            std::thread::sleep(RETRY);
        }
    }

    fn deliver(&self, batches: Vec<Batch>) {
        for batch in batches {
            let turns: Arc<[crate::hub::Turn]> = batch.turns.into();
            for shard in &self.shards {
                shard.send(News::Turns(turns.clone()));
            }
        }
    }

    /// Deletes some posts that are older than the configuration keeps them; says whether there may be more.
    fn prune(&mut self) -> bool {
        let history = &self.shared.config.history;
        let now = self.shared.ambient.wall();
        let cutoff =
            |days: u32| (days > 0).then(|| Timestamp(now.0.saturating_sub(u64::from(days) * DAY_MS)));
        let mut cutoffs: Vec<(Retained, Timestamp)> = Vec::new();
        for (id, room) in self.reader.rooms().unwrap_or_default() {
            let days = history
                .rooms
                .iter()
                .find(|(name, _)| salotto_core::room_key(name) == salotto_core::room_key(&room))
                .map_or(history.retention_days, |(_, &days)| days);
            cutoffs.extend(cutoff(days).map(|at| (Retained::Room(id), at)));
        }
        cutoffs.extend(cutoff(history.retention_days).map(|at| (Retained::Directs, at)));
        let mut more = false;
        for (retained, older_than) in cutoffs {
            match self.writer.prune(retained, older_than, PRUNE_ROWS_MAX) {
                Ok(deleted) => more |= deleted == PRUNE_ROWS_MAX,
                Err(error) => {
                    tracing::warn!(target: "salotto::store", event = "error", reason = %error, "old posts stay")
                }
            }
        }
        more
    }
}
