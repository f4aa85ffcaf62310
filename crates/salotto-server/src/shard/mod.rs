//! Shards: each is a thread that owns some connections outright.
//!
//! A shard reads its connections' lines, lets their adapter turn them into submissions, and sends those to the
//! core's thread in one piece. What comes back it renders once for each way of rendering among its readers,
//! appends the same bytes to each reader's queue, and then writes each connection that has something once.

mod connection;
mod deliver;
mod outgoing;
mod roster;
mod socket;

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use salotto_core::{Command, RequestId, SessionId};
use slab::Slab;

pub(crate) use connection::{Close, Io};
pub(crate) use outgoing::{Framing, Outgoing};

use crate::hub::{Ask, Submission, Turn};
use crate::jobs::JobResult;
use crate::listen::Incoming;
use crate::shared::Shared;
use connection::Connection;

use deliver::Renders;
use roster::{Roster, Slot};

const WAKE: Token = Token(usize::MAX);
/// How many bytes one connection may bring before the others have their turn.
const READ_TURN_MAX: usize = 16 * 1024;
/// How often timers are looked at.
const TICK: Duration = Duration::from_millis(500);
/// How many events of the poller are taken at once.
const EVENTS_MAX: usize = 1024;

/// Something for a shard.
#[derive(Debug)]
pub(crate) enum Deliver {
    /// A new connection.
    Adopt(Box<Incoming>),
    /// What came of submissions, anybody's.
    Turns(Arc<[Turn]>),
    /// What came of a job.
    Job(SessionId, JobResult),
    /// A word of the server to everybody.
    Announce(Arc<str>),
    /// Tell everybody that the server closes, write what can be written, and end.
    Shutdown(Arc<str>),
}

/// The way to a shard.
#[derive(Clone, Debug)]
pub(crate) struct ShardHandle {
    sender: Sender<Deliver>,
    waker: Arc<Waker>,
}

impl ShardHandle {
    /// Sends something; a shard that has ended is past caring.
    pub fn send(&self, deliver: Deliver) {
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
        let (sender, inbox) = channel();
        Ok((Shard { poll, inbox }, ShardHandle { sender, waker }))
    }

    /// Serves connections until told to shut down. `index` of `count` shards.
    pub fn run(self, index: u64, count: u64, shared: Arc<Shared>) {
        let mut running = Running {
            poll: self.poll,
            inbox: self.inbox,
            shared,
            connections: Slab::new(),
            roster: Roster::default(),
            next_session: index,
            session_step: count,
            dirty: Vec::new(),
            ready: Vec::new(),
            submissions: Vec::new(),
            stamp: 0,
            renders: Renders::default(),
            run_renders: Renders::default(),
            one_by_one: Vec::new(),
            readers: Vec::new(),
            ended: false,
        };
        running.run();
    }
}

struct Running {
    poll: Poll,
    inbox: Receiver<Deliver>,
    shared: Arc<Shared>,
    connections: Slab<Connection>,
    roster: Roster,
    next_session: u64,
    session_step: u64,
    /// Connections with something to write; each has its mark set.
    dirty: Vec<Slot>,
    /// Connections that may have more to read than their turn took.
    ready: Vec<Slot>,
    submissions: Vec<Submission>,
    /// The mark of connections that have been given the present event.
    stamp: u64,
    /// The present event.
    renders: Renders,
    /// The present run of posts.
    run_renders: Renders,
    /// Who sees the posts of the present run one by one.
    one_by_one: Vec<Slot>,
    /// To whom the present event goes, while it is delivered.
    readers: Vec<Slot>,
    ended: bool,
}

impl Running {
    fn run(&mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut scratch = vec![0u8; READ_TURN_MAX].into_boxed_slice();
        let mut tick_at = Instant::now() + TICK;
        while !self.ended {
            let wait = if self.ready.is_empty() {
                tick_at.saturating_duration_since(Instant::now())
            } else {
                Duration::ZERO
            };
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(target: "salotto::shard", event = "error", reason = %error, "the poller failed");
                return;
            }
            for slot in std::mem::take(&mut self.ready) {
                self.read(slot, &mut scratch);
            }
            for event in &events {
                if event.token() == WAKE {
                    continue;
                }
                let slot = event.token().0;
                if event.is_writable() {
                    self.mark(slot);
                }
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    self.read(slot, &mut scratch);
                }
            }
            while let Ok(deliver) = self.inbox.try_recv() {
                self.take(deliver);
            }
            let now = Instant::now();
            if now >= tick_at {
                self.tick(now);
                tick_at = now + TICK;
            }
            self.submit();
            self.write_dirty();
        }
    }

    fn submit(&mut self) {
        if !self.submissions.is_empty() {
            // The core's thread outlives the shards.
            let _ = self.shared.hub.send(std::mem::take(&mut self.submissions));
        }
    }

    fn take(&mut self, deliver: Deliver) {
        match deliver {
            Deliver::Adopt(incoming) => self.adopt(*incoming),
            Deliver::Turns(turns) => self.turns(&turns),
            Deliver::Job(session, result) => self.job(session, result),
            Deliver::Announce(text) => self.announce(&text),
            Deliver::Shutdown(reason) => self.shutdown(&reason),
        }
    }

    fn adopt(&mut self, incoming: Incoming) {
        let session = SessionId(self.next_session);
        self.next_session += self.session_step;
        let entry = self.connections.vacant_entry();
        let slot = entry.key();
        let mut connection = match Connection::open(incoming, session, &self.shared) {
            Ok(connection) => connection,
            Err(error) => {
                tracing::debug!(target: "salotto::session", event = "error", reason = %error, "not taken");
                return;
            }
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = self.poll.registry().register(connection.socket.stream(), Token(slot), interest);
        if let Err(error) = registered {
            tracing::warn!(target: "salotto::session", event = "error", reason = %error, "not taken");
            return;
        }
        entry.insert(connection);
        self.roster.open(session, slot);
        self.shared.metrics.accepted.fetch_add(1, Ordering::Relaxed);
        self.shared.metrics.connections.fetch_add(1, Ordering::Relaxed);
        self.with(slot, Connection::opened);
        self.ready.push(slot);
    }

    /// Runs something on a connection, with all that an adapter may reach.
    fn with<R>(
        &mut self,
        slot: Slot,
        act: impl FnOnce(&mut Connection, &mut Vec<Submission>, &Arc<Shared>) -> R,
    ) -> Option<R> {
        let connection = self.connections.get_mut(slot)?;
        let result = act(connection, &mut self.submissions, &self.shared);
        if connection.becomes_due() {
            self.dirty.push(slot);
        }
        Some(result)
    }

    fn announce(&mut self, text: &str) {
        for (slot, connection) in &mut self.connections {
            connection.announce(text, &mut self.submissions, &self.shared);
            if connection.becomes_due() {
                self.dirty.push(slot);
            }
        }
    }

    fn mark(&mut self, slot: Slot) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !std::mem::replace(&mut connection.marked, true)
        {
            self.dirty.push(slot);
        }
    }

    fn read(&mut self, slot: Slot, scratch: &mut [u8]) {
        self.with(slot, Connection::resume);
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.passed_over = !connection.takes_input();
        if connection.passed_over {
            return;
        }
        match connection.socket.read(scratch) {
            Ok(0) => {
                self.with(slot, |connection, _, _| connection.close(Close::gone("closed by the client")));
            }
            Ok(count) => {
                self.with(slot, |connection, submissions, shared| {
                    connection.input(&scratch[..count], submissions, shared);
                });
                self.ready.push(slot);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // A TLS handshake may have something to say while nothing has come for us.
                self.with(slot, |_, _, _| ());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.ready.push(slot),
            Err(error) => {
                let reason = match error.kind() {
                    io::ErrorKind::ConnectionReset => "connection reset".into(),
                    io::ErrorKind::InvalidData => format!("TLS error: {error}"),
                    _ => format!("read error: {}", error.kind()),
                };
                self.with(slot, |connection, _, _| connection.close(Close::broken(&reason)));
            }
        }
    }

    fn job(&mut self, session: SessionId, result: JobResult) {
        let Some(slot) = self.roster.slot(session) else { return };
        self.with(slot, |connection, submissions, shared| connection.job_done(result, submissions, shared));
        self.ready.push(slot);
    }

    fn write_dirty(&mut self) {
        let hard = self.shared.config.limits.sendq;
        for slot in std::mem::take(&mut self.dirty) {
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            connection.marked = false;
            let before = connection.out.waiting();
            let written = connection.write();
            let sent = before.saturating_sub(connection.out.waiting());
            self.shared.metrics.bytes_out.fetch_add(sent as u64, Ordering::Relaxed);
            match written {
                Ok(_) if connection.out.waiting() > hard => {
                    connection.out = Outgoing::new(connection.out.framing());
                    connection.close(Close::broken("send queue exceeded"));
                }
                Ok(_) => {}
                Err(error) => {
                    let reason = match error.kind() {
                        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                            "connection reset".into()
                        }
                        kind => format!("write error: {kind}"),
                    };
                    connection.out = Outgoing::new(connection.out.framing());
                    connection.close(Close::broken(&reason));
                }
            }
            if connection.is_finished() {
                self.finish(slot);
            }
        }
        self.submit();
    }

    /// The connection has written its last: tells the chat. The socket closes when the chat has heard of it, so that
    /// whoever sees it closed finds the name free.
    fn finish(&mut self, slot: Slot) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if std::mem::replace(&mut connection.finished, true) {
            return;
        }
        let _ = self.poll.registry().deregister(connection.socket.stream());
        connection.log_closed();
        let session = connection.meta.session;
        let why = connection.leaving();
        connection.release();
        // The slot is kept until this comes back: until then events may name the session.
        let close = Command::Close { session, why };
        self.submissions.push(Submission { session, request: CLOSING, ask: Ask::Command(close) });
    }

    fn forget(&mut self, slot: Slot) {
        let mut connection = self.connections.remove(slot);
        connection.socket.close();
        self.roster.forget(connection.meta.session);
        self.shared.metrics.connections.fetch_sub(1, Ordering::Relaxed);
        if connection.meta.nick.is_some() {
            self.shared.metrics.sessions.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn tick(&mut self, now: Instant) {
        let mut awake = Vec::new();
        let mut due = Vec::new();
        for (slot, connection) in &mut self.connections {
            if connection.tick(now, &mut self.submissions, &self.shared) {
                awake.push(slot);
            }
            if connection.becomes_due() {
                due.push(slot);
            }
        }
        self.dirty.append(&mut due);
        self.ready.append(&mut awake);
    }

    fn shutdown(&mut self, reason: &str) {
        for (_, connection) in &mut self.connections {
            connection.close(Close::Server(reason.into()));
        }
        let give_up = Instant::now() + Duration::from_millis(1500);
        loop {
            let mut waiting = false;
            for (_, connection) in &mut self.connections {
                if !connection.finished {
                    let _ = connection.write();
                    waiting |= connection.out.waiting() > 0;
                }
            }
            if !waiting || Instant::now() >= give_up {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        for (_, connection) in &mut self.connections {
            connection.socket.close();
            if !connection.finished {
                connection.log_closed();
            }
        }
        self.ended = true;
    }
}

/// The number of the request by which a connection tells the chat that it is gone.
pub(crate) const CLOSING: RequestId = RequestId(u64::MAX);
