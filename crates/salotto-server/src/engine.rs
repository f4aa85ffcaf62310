//! The engine: the one thread in which everything gets its place, is carried out, is written, and is handed to the
//! shards.
//!
//! What comes in while a transaction is written makes the next batch, so the slower the disk, the larger the batches.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use salotto_core::{Core, Timestamp};
use salotto_store::{Reader, Retained, Writer};

use crate::commit::Commits;
use crate::hub::{Batch, Hub, Submission, Turn};
use crate::shard::{News, ShardHandle};
use crate::shared::Shared;

/// How long to wait before a refused transaction is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// How often old posts are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(600);
/// How many posts are deleted at one go, so that a commit never waits long.
const PRUNE_ROWS_MAX: usize = 500;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The engine, and what it works with.
pub(crate) struct Engine {
    /// From the shards.
    pub inbox: Receiver<Vec<Submission>>,
    /// Gives places and carries out.
    pub hub: Hub<Core>,
    /// What is known of the disk.
    pub commits: Commits,
    /// Writes.
    pub writer: Writer,
    /// Reads which rooms there are.
    pub reader: Reader,
    /// Where outcomes go.
    pub shards: Vec<ShardHandle>,
    /// The configuration and the time.
    pub shared: Arc<Shared>,
}

impl Engine {
    /// Runs until it is sent nothing at all; what was sent before is committed and delivered by then.
    pub fn run(mut self) {
        let mut prune_at = Instant::now() + PRUNE_EVERY;
        loop {
            let wait = prune_at.saturating_duration_since(Instant::now());
            match self.inbox.recv_timeout(wait) {
                Ok(first) if !first.is_empty() => {
                    let (batch, ending) = self.hub.batch(first, || self.inbox.try_recv().ok());
                    self.commit(&batch);
                    self.deliver(batch);
                    if ending {
                        return;
                    }
                }
                Ok(_) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= prune_at {
                let more = self.prune();
                prune_at = Instant::now() + if more { Duration::from_millis(50) } else { PRUNE_EVERY };
            }
        }
    }

    /// Writes until it is written.
    fn commit(&mut self, batch: &Batch) {
        let Engine { commits, writer, shards, .. } = self;
        let announce = |text: &str| {
            for shard in &*shards {
                shard.send(News::Announce(text.into()));
            }
        };
        while !commits.attempt(writer, batch, announce) {
            std::thread::sleep(RETRY);
        }
    }

    fn deliver(&self, batch: Batch) {
        let turns: Arc<[Turn]> = batch.turns.into();
        for shard in &self.shards {
            shard.send(News::Turns(turns.clone()));
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
