//! The whole server in one thread, on connections, a disk and a clock that its owner holds.
//!
//! The parts are those of [`crate::Server`]: sessions, hub, commit and jobs. Only the threads are missing: nothing
//! happens but what the owner asks for, in the order in which they ask, so that a run can be repeated to the byte.
//! Simulators and fuzzers drive this.
//!
//! ```text
//! readable, writable, tick ─▶ shard ─▶ hub ─▶ commit ─▶ shard
//!                               └──▶ waiting_jobs ─▶ carry_out ─▶ shard
//! ```
//!
//! Dropping a [`Lockstep`] is a crash: nothing more is written anywhere.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use salotto_core::{Command, NodeId, Record, Seq, SessionId, Timestamp};

pub use crate::commit::{Disk, SEQ_JUMP};
pub use crate::hub::Chat;
pub use crate::jobs::Archive;
pub use crate::shard::Stream;

use crate::ambient::{Ambient, Given};
use crate::commit::Commits;
use crate::config::Config;
use crate::hub::{Batch, Hub, Submission, Turn};
use crate::jobs::{Clerk, Hasher, Job, Jobs, Work};
use crate::listen::{ListenerKind, Permits};
use crate::shard::{Arrival, News, READ_TURN_MAX, Sessions};
use crate::shared::Shared;
use crate::{SERVER_SESSION, establish, establish_lobby};

/// What a server begins with.
#[derive(Debug)]
pub struct Beginning {
    /// How it is set up. Listeners, TLS and the log are not used.
    pub config: Config,
    /// The last command that is on the disk, and its time; see [`SEQ_JUMP`].
    pub written: (Seq, Timestamp),
    /// The time by the clock on the wall.
    pub wall: Timestamp,
    /// What chance follows from.
    pub seed: u64,
    /// How many shards.
    pub shards: usize,
}

/// A shard and what waits for it.
struct Seat<S> {
    sessions: Sessions<S>,
    inbox: VecDeque<News>,
    readable: Vec<SessionId>,
    writable: Vec<SessionId>,
}

/// A server that does one thing at a time.
pub struct Lockstep<C, S> {
    given: Arc<Mutex<Given>>,
    begun: Instant,
    shared: Arc<Shared>,
    hub: Hub<C>,
    submitted: Receiver<Vec<Submission>>,
    groups: VecDeque<Vec<Submission>>,
    /// What is to be written, or is being written.
    writing: Option<Batch>,
    commits: Commits,
    work: Work,
    jobs: Vec<(SessionId, Job)>,
    hasher: Hasher,
    seats: Vec<Seat<S>>,
    permits: Permits,
    next_seat: usize,
    scratch: Box<[u8]>,
}

impl<C: Chat, S: Stream> Lockstep<C, S> {
    /// A server with this chat behind it. The lobby is established by the first [`Lockstep::hub`].
    pub fn start(beginning: Beginning, chat: C) -> Lockstep<C, S> {
        let Beginning { config, written, wall, seed, shards } = beginning;
        let begun = Instant::now();
        let given = Arc::new(Mutex::new(Given { instant: begun, wall, seed, drawn: 0 }));
        let ambient = Ambient::Given(given.clone());
        let cloak_key = ambient.secret().unwrap_or_default();
        let (hub_sender, submitted) = channel();
        let (jobs, work) = Jobs::new();
        let hasher = Hasher::new(&config.accounts, ambient.clone());
        let permits = Permits::new(config.limits.connections, config.limits.connections_per_address);
        let node = NodeId(1);
        let shared = Arc::new(Shared::new(config, ambient.clone(), node, cloak_key, hub_sender, jobs));
        establish_lobby(&shared);
        let seats = (0..shards)
            .map(|index| Seat {
                sessions: Sessions::new(index as u64, shards as u64, shared.clone()),
                inbox: VecDeque::new(),
                readable: Vec::new(),
                writable: Vec::new(),
            })
            .collect();
        Lockstep {
            given,
            begun,
            hub: Hub::new(chat, written, node, ambient),
            commits: Commits::new(shared.clone(), written.0),
            shared,
            submitted,
            groups: VecDeque::new(),
            writing: None,
            work,
            jobs: Vec::new(),
            hasher,
            seats,
            permits,
            next_seat: 0,
            scratch: vec![0; READ_TURN_MAX].into_boxed_slice(),
        }
    }

    /// Sets the clocks: how long the server has run, and the time on the wall.
    pub fn set_time(&mut self, running: Duration, wall: Timestamp) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.instant = self.begun + running;
        given.wall = wall;
    }

    /// The chat.
    pub fn chat(&self) -> &C {
        self.hub.chat()
    }

    /// Submits a command in the server's own name.
    pub fn submit(&mut self, command: Command) {
        establish(&self.shared, command);
    }

    /// Takes a connection; `None` where a bound on connections is reached. Each next one goes to the next shard.
    pub fn open(&mut self, stream: S, kind: ListenerKind, peer: SocketAddr) -> Option<SessionId> {
        let permit = self.permits.acquire(peer.ip()).ok()?;
        let at = self.next_seat;
        self.next_seat = (at + 1) % self.seats.len();
        let arrival = Arrival { stream, tls: None, leftover: Vec::new(), kind, peer, permit };
        let (_, session) = self.seats[at].sessions.adopt(arrival);
        Some(session)
    }

    /// There is something to read on a connection, or its end.
    pub fn readable(&mut self, session: SessionId) {
        self.seat(session).readable.push(session);
    }

    /// There is room to write on a connection.
    pub fn writable(&mut self, session: SessionId) {
        self.seat(session).writable.push(session);
    }

    /// A connection's stream, until the server has forgotten it.
    pub fn stream(&mut self, session: SessionId) -> Option<&mut S> {
        let sessions = &mut self.seat(session).sessions;
        let slot = sessions.slot(session)?;
        sessions.stream(slot)
    }

    /// How many bytes wait to be written to a connection.
    pub fn waiting(&mut self, session: SessionId) -> usize {
        let sessions = &mut self.seat(session).sessions;
        sessions.slot(session).map_or(0, |slot| sessions.waiting(slot))
    }

    /// Whether [`Lockstep::shard`] would do anything.
    pub fn shard_waits(&self, index: usize) -> bool {
        let seat = &self.seats[index];
        let news = seat.inbox.len() + seat.readable.len() + seat.writable.len();
        let now = self.shared.ambient.instant();
        news > 0 || seat.sessions.due_at(now).is_some_and(|due_at| due_at <= now)
    }

    /// One turn of a shard.
    pub fn shard(&mut self, index: usize) {
        let Lockstep { seats, scratch, .. } = self;
        let Seat { sessions, inbox, readable, writable } = &mut seats[index];
        sessions.read_on(scratch);
        for session in writable.drain(..) {
            if let Some(slot) = sessions.slot(session) {
                sessions.mark(slot);
            }
        }
        for session in readable.drain(..) {
            if let Some(slot) = sessions.slot(session) {
                sessions.read(slot, scratch);
            }
        }
        for news in inbox.drain(..) {
            sessions.take(news);
        }
        sessions.submit();
        sessions.write(self.shared.ambient.instant());
        sessions.submit();
        self.groups.extend(self.submitted.try_iter());
    }

    /// Every shard looks at the clock; once in [`crate::shard::TICK`] in a running server.
    pub fn tick(&mut self) {
        for seat in &mut self.seats {
            seat.sessions.tick();
        }
    }

    /// Whether [`Lockstep::hub`] would do anything.
    pub fn hub_waits(&mut self) -> bool {
        self.groups.extend(self.submitted.try_iter());
        (self.hub.has_rest() || !self.groups.is_empty()) && self.writing.is_none()
    }

    /// Carries out one batch of what was submitted, to be written next; says whether there was any, and nothing before
    /// it is still to be written.
    pub fn hub(&mut self) -> bool {
        if !self.hub_waits() {
            return false;
        }
        let Lockstep { hub, groups, writing, .. } = self;
        *writing = hub.batch(|| groups.pop_front());
        writing.is_some()
    }

    /// Whether [`Lockstep::commit`] would do anything: a transaction is under way.
    pub fn commit_waits(&self) -> bool {
        self.writing.is_some()
    }

    /// The transaction under way, which a crash may leave on the disk or not.
    pub fn under_way(&self) -> Option<(impl Iterator<Item = &Record>, (Seq, Timestamp))> {
        let batch = self.writing.as_ref()?;
        Some((batch.records.iter(), batch.last))
    }

    /// Writes the transaction; where the disk takes it, its outcome goes to the shards. Where it refuses, the
    /// transaction stays under way and the server is read-only until a later call succeeds.
    pub fn commit(&mut self, disk: &mut impl Disk) -> bool {
        let Some(batch) = self.writing.take() else { return false };
        let mut words = Vec::new();
        let written = self.commits.attempt(disk, &batch, |word| words.push(word));
        for word in words {
            self.tell(|| News::Announce(word.into()));
        }
        if written {
            let turns: Arc<[Turn]> = batch.turns.into();
            self.tell(|| News::Turns(turns.clone()));
        } else {
            self.writing = Some(batch);
        }
        written
    }

    /// The sessions whose jobs (hashing a password, reading history) have not been carried out, longest waiting first.
    pub fn waiting_jobs(&mut self) -> impl Iterator<Item = SessionId> + '_ {
        self.jobs.extend(std::iter::from_fn(|| self.work.take()));
        self.jobs.iter().map(|(session, _)| *session)
    }

    /// Carries out a session's job; says whether it had one.
    pub fn carry_out(&mut self, session: SessionId, archive: &mut impl Archive) -> bool {
        let Some(at) = self.waiting_jobs().position(|waiting| waiting == session) else { return false };
        let (session, job) = self.jobs.remove(at);
        let news = Clerk { archive, hasher: &self.hasher }.carry_out(session, job);
        self.seat(session).inbox.push_back(news);
        true
    }

    /// Tells everybody that the server closes, and closes all connections. What was submitted is still carried out
    /// and committed by further steps.
    pub fn shut_down(&mut self, reason: &str) {
        for seat in &mut self.seats {
            seat.inbox.push_back(News::Shutdown(reason.into()));
        }
        for index in 0..self.seats.len() {
            self.shard(index);
        }
    }

    fn tell(&mut self, news: impl Fn() -> News) {
        for seat in &mut self.seats {
            seat.inbox.push_back(news());
        }
    }

    fn seat(&mut self, session: SessionId) -> &mut Seat<S> {
        debug_assert_ne!(session, SERVER_SESSION);
        let count = self.seats.len() as u64;
        &mut self.seats[(session.0 % count) as usize]
    }
}
