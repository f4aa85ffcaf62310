//! The engine: everything gets its place, is carried out, is written, and is handed to the shards here, and nowhere
//! else.
//!
//! It has a thread of its own ([`Engine::run`]), because a commit waits for the disk: what comes in meanwhile makes the
//! next batch, so the slower the disk, the larger the batches. Where a commit waits for nothing and there is one shard,
//! it rests in the shard's thread ([`Engine::step`]): a lone message then wakes nobody but those who read it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use salotto_core::{Core, Timestamp};
use salotto_store::{Reader, Retained, Writer};

use crate::commit::Commits;
use crate::hub::{Batch, Hub, Submission};
use crate::shard::{News, ShardHandle};
use crate::shared::Shared;

/// How long to wait before a refused transaction is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// How often old posts are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(600);
/// How long to wait when there are more of them than are deleted at one go.
const PRUNE_PAUSE: Duration = Duration::from_millis(50);
/// How many posts are deleted at one go, so that a commit never waits long.
const PRUNE_ROWS_MAX: usize = 500;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The engine, and what it works with.
pub(crate) struct Engine {
    inbox: Receiver<Vec<Submission>>,
    hub: Hub<Core>,
    commits: Commits,
    writer: Writer,
    reader: Reader,
    shared: Arc<Shared>,
    /// Is carried out, but the disk refuses it until then at least.
    refused: Option<(Batch, Instant)>,
    prune_at: Instant,
}

impl Engine {
    /// Takes from `inbox`, carries out with `hub`, writes with `writer`, and looks up which rooms there are with
    /// `reader`.
    pub fn new(
        inbox: Receiver<Vec<Submission>>,
        hub: Hub<Core>,
        commits: Commits,
        (writer, reader): (Writer, Reader),
        shared: Arc<Shared>,
    ) -> Engine {
        let prune_at = Instant::now() + PRUNE_EVERY;
        Engine { inbox, hub, commits, writer, reader, shared, refused: None, prune_at }
    }

    /// Runs in a thread of its own until it is sent nothing at all; what was sent before is committed and delivered by
    /// then.
    pub fn run(mut self, shards: &[ShardHandle]) {
        let mut give = |news: News| {
            for shard in shards {
                shard.send(news.clone());
            }
        };
        while !self.hub.has_ended() || self.hub.has_rest() || self.refused.is_some() {
            let wait = |until: Instant| until.saturating_duration_since(Instant::now());
            match &self.refused {
                Some((_, again_at)) => std::thread::sleep(wait(*again_at)),
                None if self.hub.has_rest() => {}
                None => match self.inbox.recv_timeout(wait(self.prune_at)) {
                    Ok(group) => self.hub.take_up(group),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                },
            }
            self.step(&mut give);
        }
    }

    /// Carries out what has come, up to a bound, writes it, and gives it. Says whether there was anything that could be
    /// done; it waits for nothing but the disk.
    pub fn step(&mut self, give: &mut impl FnMut(News)) -> bool {
        let now = Instant::now();
        let batch = self.next(now);
        let is_any = batch.is_some();
        if let Some(batch) = batch {
            if self.commits.attempt(&mut self.writer, &batch, |text| give(News::Announce(text.into()))) {
                give(News::Turns(batch.turns.into()));
            } else {
                self.refused = Some((batch, now + RETRY));
            }
        }
        // Nobody waits for it, so it comes after what somebody waits for.
        if now >= self.prune_at {
            let more = self.prune();
            self.prune_at = Instant::now() + if more { PRUNE_PAUSE } else { PRUNE_EVERY };
        }
        is_any
    }

    /// What is to be written next.
    fn next(&mut self, now: Instant) -> Option<Batch> {
        if let Some((_, again_at)) = &self.refused {
            return if now < *again_at { None } else { self.refused.take().map(|(batch, _)| batch) };
        }
        self.hub.batch(|| self.inbox.try_recv().ok())
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
