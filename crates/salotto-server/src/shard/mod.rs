//! Shards: each is a thread that owns some connections outright.
//!
//! A shard reads its connections' lines, lets their adapter turn them into submissions, and sends those to the
//! engine in one piece. What comes back it renders once for each way of rendering among a room's readers, into the room's
//! feed, notes in each reader's queue what of the feed it is due, and then writes each connection that has something once.

mod connection;
mod deliver;
mod feed;
mod lag;
mod outgoing;
mod roster;
mod rounds;
mod sessions;
mod socket;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use salotto_core::{PostRecord, RequestId, SessionId};

pub(crate) use connection::{Arrival, Close, Io};
pub(crate) use outgoing::{Framing, Outgoing};
pub(crate) use sessions::Sessions;
pub use socket::Stream;

use crate::engine::Engine;
use crate::hub::Turn;
use crate::jobs::JobResult;
use crate::listen::Incoming;
use crate::shared::Shared;

const WAKE: Token = Token(usize::MAX);
/// How many bytes one connection may bring before the others have their turn.
pub(crate) const READ_TURN_MAX: usize = 16 * 1024;
/// How often timers are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(500);
/// How much may wait for a shard, batches above all; then whoever has something for it waits. A shard itself never
/// waits for anybody.
const INBOX_MAX: usize = 64;
/// How many events of the poller are taken at once.
const EVENTS_MAX: usize = 1024;

/// Something for a shard.
#[derive(Debug)]
pub(crate) enum Deliver {
    /// A new connection.
    Adopt(Box<Incoming>),
    /// Something for the sessions.
    News(News),
}

/// Something for the sessions of a shard.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// What came of submissions, anybody's.
    Turns(Arc<[Turn]>),
    /// What came of a job.
    Job(SessionId, JobResult),
    /// What a slow reader has missed, oldest first, where it could be read.
    Missed(SessionId, Option<Vec<PostRecord>>),
    /// A word of the server to everybody.
    Announce(Arc<str>),
    /// Tell everybody that the server closes, write what can be written, and end.
    Shutdown(Arc<str>),
}

/// The way to a shard.
#[derive(Clone, Debug)]
pub(crate) struct ShardHandle {
    sender: SyncSender<Deliver>,
    waker: Arc<Waker>,
}

impl ShardHandle {
    /// Sends something, once there is room; a shard that has ended is past caring.
    pub fn send(&self, news: News) {
        self.deliver(Deliver::News(news));
    }

    /// Gives it a connection.
    pub fn adopt(&self, incoming: Incoming) {
        self.deliver(Deliver::Adopt(Box::new(incoming)));
    }

    fn deliver(&self, deliver: Deliver) {
        if self.sender.send(deliver).is_ok() {
            let _ = self.waker.wake();
        }
    }

    /// The shard that holds a session's connection.
    pub fn of(shards: &[ShardHandle], session: SessionId) -> &ShardHandle {
        &shards[(session.0 % shards.len() as u64) as usize]
    }
}

/// A shard before it runs: the way to it exists, its thread does not yet.
pub(crate) struct Shard {
    poll: Poll,
    inbox: Receiver<Deliver>,
}

impl Shard {
    /// A shard and the way to it.
    pub fn new() -> io::Result<(Shard, ShardHandle)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (sender, inbox) = sync_channel(INBOX_MAX);
        Ok((Shard { poll, inbox }, ShardHandle { sender, waker }))
    }

    /// Serves connections until told to shut down. `index` of `count` shards; the only one may have the engine in
    /// its own thread.
    pub fn run(mut self, index: u64, count: u64, shared: Arc<Shared>, mut engine: Option<Engine>) {
        let mut sessions = Sessions::new(index, count, shared);
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut scratch = vec![0u8; READ_TURN_MAX].into_boxed_slice();
        let mut tick_at = Instant::now() + TICK;
        while !sessions.has_ended() {
            let now = Instant::now();
            let until = sessions.due_at(now).map_or(tick_at, |due_at| due_at.min(tick_at));
            let wait = until.saturating_duration_since(now);
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(target: "salotto::shard", event = "error", reason = %error, "the poller failed");
                return;
            }
            let begun = Instant::now();
            sessions.read_on(&mut scratch);
            for event in events.iter().filter(|event| event.token() != WAKE) {
                let slot = event.token().0;
                if event.is_writable() {
                    sessions.mark(slot);
                }
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    sessions.read(slot, &mut scratch);
                }
            }
            while let Ok(deliver) = self.inbox.try_recv() {
                match deliver {
                    Deliver::News(news) => sessions.take(news),
                    Deliver::Adopt(incoming) => self.adopt(*incoming, &mut sessions),
                }
            }
            let now = Instant::now();
            if now >= tick_at {
                sessions.tick();
                tick_at = now + TICK;
            }
            sessions.submit();
            if let Some(engine) = &mut engine {
                while engine.step(&mut |news| sessions.take(news)) {
                    sessions.submit();
                }
            }
            sessions.write(begun);
        }
        // What was taken is committed, though nobody is left to hear of it.
        while engine.as_mut().is_some_and(|engine| engine.step(&mut drop)) {}
    }

    /// Gives a connection to the sessions, and has the poller watch it.
    fn adopt(&self, incoming: Incoming, sessions: &mut Sessions<TcpStream>) {
        let Incoming { stream, tls, leftover, kind, peer, permit } = incoming;
        let mut stream = TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        // The poller forgets it when it closes.
        match self.poll.registry().register(&mut stream, Token(sessions.next_slot()), interest) {
            Ok(()) => {
                sessions.adopt(Arrival { stream, tls, leftover, kind, peer, permit });
            }
            Err(error) => {
                tracing::warn!(target: "salotto::session", event = "error", reason = %error, "not taken");
            }
        }
    }
}

/// The number of the request by which a connection tells the chat that it is gone.
pub(crate) const CLOSING: RequestId = RequestId(u64::MAX);
