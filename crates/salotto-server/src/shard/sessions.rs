//! The connections of one shard, and what happens to them.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use salotto_core::{Command, PostRecord, SessionId};
use slab::Slab;

use super::connection::{Arrival, Close, Connection};
use super::deliver::Renders;
use super::feed::Feeds;
use super::roster::{Roster, Slot};
use super::rounds::{Due, Rounds, TURN_MAX};
use super::socket::Stream;
use super::{CLOSING, News};
use crate::hub::{Ask, Submission};
use crate::jobs::JobResult;
use crate::shared::Shared;

/// How many submissions of all its connections together may be under way; nobody is read from while there are more.
const UNDER_WAY_MAX: usize = 32 * 1024;
/// How many bytes of answers may gather before they are written, though more has come to be dealt with.
const ANSWERS_LEN_MAX: usize = 256 * 1024;
/// How long the last lines of all connections may take to be written.
const FAREWELL_MAX: Duration = Duration::from_millis(1500);
/// How long to wait between two tries to write them.
const FAREWELL_PAUSE: Duration = Duration::from_millis(5);

/// The connections of one shard, and who of them is in which room. Knows nothing of pollers and threads.
pub(crate) struct Sessions<S> {
    pub(super) shared: Arc<Shared>,
    pub(super) connections: Slab<Connection<S>>,
    pub(super) roster: Roster,
    next_session: u64,
    session_step: u64,
    /// Connections with something to write.
    pub(super) rounds: Rounds,
    /// How many bytes of answers have gathered, about.
    pub(super) answers_len: usize,
    /// Connections that may have more to read than their turn took.
    pub(super) ready: Vec<Slot>,
    pub(super) submissions: Vec<Submission>,
    /// Submissions that are with the engine.
    under_way: usize,
    /// Connections that are not read from because of [`UNDER_WAY_MAX`]; each has its mark set.
    held: Vec<Slot>,
    /// What the members of rooms are due.
    pub(super) feeds: Feeds,
    /// The mark of connections that have been given the present event.
    pub(super) stamp: u64,
    /// The present event, in the present room.
    pub(super) renders: Renders,
    /// The present run of posts.
    pub(super) run_renders: Renders,
    /// Who sees the posts of the present run one by one.
    pub(super) one_by_one: Vec<Slot>,
    /// To whom the present event goes, while it is delivered.
    pub(super) readers: Vec<Slot>,
    ended: bool,
}

impl<S: Stream> Sessions<S> {
    /// None yet. `index` of `count` shards: sessions are numbered so that their number tells the shard.
    pub fn new(index: u64, count: u64, shared: Arc<Shared>) -> Sessions<S> {
        let rounds = Rounds::new(shared.ambient.instant());
        Sessions {
            shared,
            connections: Slab::new(),
            roster: Roster::default(),
            next_session: index,
            session_step: count,
            rounds,
            answers_len: 0,
            ready: Vec::new(),
            submissions: Vec::new(),
            under_way: 0,
            held: Vec::new(),
            feeds: Feeds::default(),
            stamp: 0,
            renders: Renders::default(),
            run_renders: Renders::default(),
            one_by_one: Vec::new(),
            readers: Vec::new(),
            ended: false,
        }
    }

    /// Whether it was told to shut down, and has.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// From when on there is something to do, even if nothing more comes in.
    pub fn due_at(&self, now: Instant) -> Option<Instant> {
        let goes_on = !self.ready.is_empty() || !self.submissions.is_empty();
        if goes_on { Some(now) } else { self.rounds.due_at(now) }
    }

    /// How many bytes wait to be written to a connection.
    pub fn waiting(&self, slot: Slot) -> usize {
        self.connections.get(slot).map_or(0, |connection| connection.out.waiting())
    }

    /// Reads on where a turn ended before.
    pub fn read_on(&mut self, scratch: &mut [u8]) {
        for slot in std::mem::take(&mut self.ready) {
            self.read(slot, scratch);
        }
    }

    /// The place that the next connection will have.
    pub fn next_slot(&self) -> Slot {
        self.connections.vacant_key()
    }

    /// The socket of a connection, for whoever drives the sessions.
    pub fn stream(&mut self, slot: Slot) -> Option<&mut S> {
        self.connections.get_mut(slot).map(|connection| connection.socket.stream())
    }

    /// The place of a session's connection.
    pub fn slot(&self, session: SessionId) -> Option<Slot> {
        self.roster.slot(session)
    }

    /// Sends on what the sessions have submitted.
    pub fn submit(&mut self) {
        if !self.submissions.is_empty() {
            self.under_way += self.submissions.len();
            // The engine outlives the shards.
            let _ = self.shared.hub.send(std::mem::take(&mut self.submissions));
        }
    }

    /// Takes what is not a new connection.
    pub fn take(&mut self, news: News) {
        match news {
            News::Turns(turns) => self.turns(&turns),
            News::Job(session, result) => self.job(session, result),
            News::Missed(session, page) => self.missed(session, page),
            News::Announce(text) => self.announce(&text),
            News::Shutdown(reason) => self.shutdown(&reason),
        }
        self.relieve();
    }

    /// Takes a new connection.
    pub fn adopt(&mut self, arrival: Arrival<S>) -> (Slot, SessionId) {
        let session = SessionId(self.next_session);
        self.next_session += self.session_step;
        let slot = self.connections.insert(Connection::open(arrival, session, &self.shared));
        self.roster.open(session, slot);
        self.shared.metrics.accepted.fetch_add(1, Ordering::Relaxed);
        self.shared.metrics.connections.fetch_add(1, Ordering::Relaxed);
        self.with(slot, Connection::opened);
        self.ready.push(slot);
        (slot, session)
    }

    /// Runs something on a connection, with all that an adapter may reach.
    pub(super) fn with<R>(
        &mut self,
        slot: Slot,
        act: impl FnOnce(&mut Connection<S>, &mut Vec<Submission>, &Arc<Shared>) -> R,
    ) -> Option<R> {
        let connection = self.connections.get_mut(slot)?;
        let before = connection.out.waiting();
        let result = act(connection, &mut self.submissions, &self.shared);
        connection.queue(slot, Due::Now, &mut self.rounds);
        self.answers_len += connection.answered(before);
        Some(result)
    }

    fn announce(&mut self, text: &str) {
        for (slot, connection) in &mut self.connections {
            connection.announce(text, &mut self.submissions, &self.shared);
            connection.queue(slot, Due::InTurn, &mut self.rounds);
        }
    }

    /// There is room to write again.
    pub fn mark(&mut self, slot: Slot) {
        if let Some(connection) = self.connections.get_mut(slot)
            && std::mem::replace(&mut connection.due, Due::Now) < Due::Now
        {
            self.rounds.add(slot, Due::Now);
        }
    }

    /// Takes what has come in, up to the length of `scratch`.
    pub fn read(&mut self, slot: Slot, scratch: &mut [u8]) {
        if self.under_way + self.submissions.len() > UNDER_WAY_MAX {
            if let Some(connection) = self.connections.get_mut(slot)
                && !std::mem::replace(&mut connection.held, true)
            {
                connection.passed_over = true;
                self.held.push(slot);
            }
            return;
        }
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
                self.relieve();
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

    /// What came of a submission has come back.
    pub(super) fn came_back(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
        if self.under_way <= UNDER_WAY_MAX / 2 && !self.held.is_empty() {
            for &slot in &self.held {
                if let Some(connection) = self.connections.get_mut(slot) {
                    connection.held = false;
                }
            }
            self.ready.append(&mut self.held);
        }
    }

    fn missed(&mut self, session: SessionId, page: Option<Vec<PostRecord>>) {
        let Some(slot) = self.roster.slot(session) else { return };
        self.with(slot, |connection, submissions, shared| connection.show_missed(page, submissions, shared));
        // Where there was nothing to show, there is still something to go on with.
        self.mark(slot);
    }

    fn job(&mut self, session: SessionId, result: JobResult) {
        let Some(slot) = self.roster.slot(session) else { return };
        self.with(slot, |connection, submissions, shared| connection.job_done(result, submissions, shared));
        self.ready.push(slot);
    }

    /// Writes to those who are to be written to now. Those whose turn it is get a share of the time that what came in
    /// has taken since `begun`, or they would fall behind when much comes in.
    pub fn write(&mut self, begun: Instant) {
        self.write_answers();
        let mut now = self.shared.ambient.instant();
        let until = now + now.saturating_duration_since(begun) / 4;
        loop {
            self.rounds.begin(now);
            let mut turn = 0;
            while turn < TURN_MAX
                && let Some(slot) = self.rounds.pop()
            {
                // Some were answered since, and have all that waited for them.
                if self.connections.get(slot).is_some_and(|connection| connection.due == Due::InTurn) {
                    self.write_to(slot);
                }
                turn += 1;
            }
            now = self.shared.ambient.instant();
            self.rounds.end(now);
            if turn < TURN_MAX || now >= until {
                return;
            }
        }
    }

    /// Writes to those who are to be written to at once, before too much waits for all of them together.
    pub(super) fn relieve(&mut self) {
        if self.answers_len > ANSWERS_LEN_MAX {
            self.write_answers();
        }
    }

    fn write_answers(&mut self) {
        self.answers_len = 0;
        for slot in self.rounds.take_at_once() {
            self.write_to(slot);
        }
    }

    fn write_to(&mut self, slot: Slot) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.due = Due::No;
        match connection.write(&self.shared) {
            Ok(()) if connection.out.waiting() > connection.sendq_max(&self.shared) => {
                // A last word would come in the middle of the line that is cut off.
                connection.close(Close::gone("send queue exceeded"));
            }
            Ok(()) => {
                if connection.catch_up(&self.shared) {
                    self.ready.push(slot);
                }
            }
            Err(error) => {
                let reason = match error.kind() {
                    io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "connection reset".into(),
                    kind => format!("write error: {kind}"),
                };
                connection.close(Close::gone(&reason));
            }
        }
        if connection.is_finished() {
            self.finish(slot);
        }
    }

    /// The connection has written its last: tells the chat. The socket closes when the chat has heard of it, so that
    /// whoever sees it closed finds the name free.
    fn finish(&mut self, slot: Slot) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if std::mem::replace(&mut connection.finished, true) {
            return;
        }
        connection.log_closed();
        let session = connection.meta.session;
        let why = connection.leaving();
        connection.release(&self.shared);
        // The slot is kept until this comes back: until then events may name the session.
        let close = Command::Close { session, why };
        self.submissions.push(Submission { session, request: CLOSING, ask: Ask::Command(close) });
    }

    pub(super) fn forget(&mut self, slot: Slot) {
        let mut connection = self.connections.remove(slot);
        connection.socket.close();
        self.roster.forget(connection.meta.session);
        self.shared.metrics.connections.fetch_sub(1, Ordering::Relaxed);
        if connection.meta.nick.is_some() {
            self.shared.metrics.sessions.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Looks at the clock.
    pub fn tick(&mut self) {
        let now = self.shared.ambient.instant();
        for (slot, connection) in &mut self.connections {
            if connection.tick(now, &mut self.submissions, &self.shared) {
                self.ready.push(slot);
            }
            connection.queue(slot, Due::Now, &mut self.rounds);
        }
        self.feeds.forget_read();
    }

    fn shutdown(&mut self, reason: &str) {
        for (_, connection) in &mut self.connections {
            connection.close(Close::Server(reason.into()));
        }
        let give_up = self.shared.ambient.instant() + FAREWELL_MAX;
        while self.say_farewell() && self.shared.ambient.instant() < give_up {
            self.shared.ambient.pause(FAREWELL_PAUSE);
        }
        for (_, connection) in &mut self.connections {
            connection.socket.close();
            if !connection.finished {
                connection.log_closed();
            }
        }
        self.ended = true;
    }

    /// Writes everybody's last lines; says whether some still wait.
    fn say_farewell(&mut self) -> bool {
        let mut waiting = false;
        for (_, connection) in &mut self.connections {
            if !connection.finished {
                let _ = connection.write(&self.shared);
                waiting |= connection.out.waiting() > 0;
            }
        }
        waiting
    }
}
