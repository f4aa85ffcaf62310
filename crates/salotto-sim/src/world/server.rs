//! The server: a queue in front of the core, batches that wait for the disk, and delivery behind it.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use salotto_core::{
    Audience, Command, Ending, Event, Leaving, Outcome, PostTarget, Record, Refusal, Seq, SessionId,
    Timestamp,
};
use salotto_sequencer::Local;

use super::agenda::{ConnectionId, Down, Happening, HistoryRequest, Up};
use super::render;
use super::session::{self, Ask, Session, Stage};
use super::{Cut, World};
use crate::chat::{Chat, Mutation};
use crate::history::NameChange;
use crate::roster::Roster;

/// How many submissions are applied before their outcome is handed on; as in the server.
const BATCH_MAX: usize = 1024;
/// How many batches may wait for the disk; as in the server.
const COMMITS_WAITING_MAX: usize = 8;
/// How many batches are written in one transaction; as in the server.
const BATCHES_MAX: usize = 64;
/// How far numbers jump at a start; as in the server.
pub(super) const SEQ_JUMP: u64 = 1 << 20;
/// How many lines may wait for a reader before it is cut off.
const LINES_WAITING_MAX: usize = 3_000;
/// After this silence a client is asked whether it is there, in microseconds.
const PING_AFTER: u64 = 60_000_000;
/// After this silence it is given up.
const LOST_AFTER: u64 = 90_000_000;
/// How often the server looks for silence.
pub(super) const SWEEP_EVERY: u64 = 5_000_000;

/// Something asked, on its way to the core.
#[derive(Debug)]
struct Submission {
    session: SessionId,
    ask: Ask,
    label: Option<String>,
}

/// What came of it.
#[derive(Debug)]
struct Turn {
    session: SessionId,
    at: Timestamp,
    label: Option<String>,
    effects: Vec<salotto_core::Effect>,
    history: Option<HistoryRequest>,
}

/// What came of some submissions.
#[derive(Debug)]
struct Batch {
    turns: Vec<Turn>,
    records: Vec<Record>,
    last: (Seq, Timestamp),
}

/// A running server. Everything in it is lost in a crash.
#[derive(Debug)]
pub(super) struct Process {
    pub number: u64,
    pub chat: Chat,
    sequencer: Local,
    last: (Seq, Timestamp),
    roster: Roster,
    sessions: BTreeMap<ConnectionId, Session>,
    inbox: VecDeque<Submission>,
    hub_is_due: bool,
    batches: VecDeque<Batch>,
    writing: Vec<Batch>,
    outcome: Outcome,
}

/// The session of a connection.
fn session_of(connection: ConnectionId) -> SessionId {
    SessionId(connection as u64 + 1)
}

/// The connection of a session.
fn connection_of(session: SessionId) -> Option<ConnectionId> {
    (session.0 as usize).checked_sub(1)
}

impl World {
    /// The server starts from what is on the disk.
    pub(super) fn start(&mut self) {
        if self.process.is_some() {
            return;
        }
        self.processes += 1;
        let durable = self.disk.durable();
        let (written, at) = (durable.seq, durable.at.max(self.server_clock()));
        let first = if written.0 == 0 { written } else { Seq(written.0 + SEQ_JUMP) };
        self.process = Some(Process {
            number: self.processes,
            chat: Chat::restore(durable, self.options.mutation),
            sequencer: Local::new(first, at, salotto_core::NodeId(1)),
            last: (first, at),
            roster: Roster::default(),
            sessions: BTreeMap::new(),
            inbox: VecDeque::new(),
            hub_is_due: false,
            batches: VecDeque::new(),
            writing: Vec::new(),
            outcome: Outcome::default(),
        });
        self.history.names.push(NameChange::Restart);
        self.trace.say(self.now, format_args!("the server starts behind {written}"));
        for name in super::ESTABLISHED {
            let command = Command::Establish { room: crate::script::room(name), topic: "welcome".into() };
            self.submit(SessionId(0), Ask::Command(command), None);
        }
        let process = self.processes;
        self.agenda.add(self.now + SWEEP_EVERY, Happening::Sweep { process });
    }

    /// A connection is accepted.
    pub(super) fn accept(&mut self, connection: ConnectionId, reads: bool) {
        let token = format!("{:016x}", self.rng.bits());
        if let Some(process) = &mut self.process {
            let session = Session::new(session_of(connection), reads, self.now, token);
            process.sessions.insert(connection, session);
        }
    }

    /// Something from a client has arrived.
    pub(super) fn server_receives(&mut self, connection: ConnectionId, up: Up) {
        if !self.connections[connection].server_end {
            // A machine that knows nothing of a connection says so.
            if self.process.is_some() {
                self.send_down(connection, Down::Closed);
            }
            return;
        }
        let Some(process) = &mut self.process else { return };
        let Some(session) = process.sessions.get_mut(&connection) else { return };
        session.heard_at = self.now;
        session.pinged = false;
        match up {
            Up::Closed => self.cut(connection, Leaving::Lost("connection closed".into()), Cut::Silently),
            Up::Step(line) => {
                let command = line.command(session.id, &[]);
                if matches!(command, Command::Close { .. }) {
                    return self.cut(connection, Leaving::Quit(None), Cut::Silently);
                }
                let id = session.id;
                self.submit(id, Ask::Command(command), None);
            }
            Up::Text(text) => {
                let (id, disk) = (session.id, &self.disk);
                let reaction = session.line(&text, |name| disk.account(name));
                self.answer(connection, reaction.lines);
                for (ask, label) in reaction.asks {
                    self.submit(id, ask, label);
                }
                if reaction.quits {
                    self.cut(connection, Leaving::Quit(None), Cut::WithWord("Quit"));
                }
            }
        }
    }

    fn submit(&mut self, session: SessionId, ask: Ask, label: Option<String>) {
        let Some(process) = &mut self.process else { return };
        process.inbox.push_back(Submission { session, ask, label });
        self.wake_hub();
    }

    fn wake_hub(&mut self) {
        let Some(process) = &mut self.process else { return };
        let may_run = !process.inbox.is_empty() && process.batches.len() < COMMITS_WAITING_MAX;
        if may_run && !process.hub_is_due {
            process.hub_is_due = true;
            let happening = Happening::Hub { process: process.number };
            self.agenda.add(self.now + self.rng.between(1, 200), happening);
        }
    }

    /// The core's thread applies what has gathered.
    pub(super) fn hub(&mut self, number: u64) {
        let clock = self.server_clock();
        let Some(process) = self.process.as_mut().filter(|process| process.number == number) else { return };
        process.hub_is_due = false;
        let count = process.inbox.len().min(BATCH_MAX);
        let mut turns = Vec::with_capacity(count);
        let mut records = Vec::new();
        for Submission { session, ask, label } in process.inbox.drain(..count) {
            let turn = match ask {
                Ask::Command(command) => {
                    let ordered = process.sequencer.order(clock, command);
                    process.last = (ordered.seq, ordered.at);
                    process.chat.apply(ordered, &mut process.outcome);
                    self.commands += 1;
                    note_names(&process.outcome, self.processes, &mut self.history.names);
                    records.append(&mut process.outcome.records);
                    let effects = std::mem::take(&mut process.outcome.effects);
                    Turn { session, at: process.last.1, label, effects, history: None }
                }
                Ask::History(mut request) => {
                    request.conversation = process.chat.view(session).readable(&request.target);
                    let at = process.last.1;
                    Turn { session, at, label, effects: Vec::new(), history: Some(request) }
                }
            };
            turns.push(turn);
        }
        if self.options.mutation == Some(Mutation::PostsSwapped) {
            swap_posts(&mut turns);
        }
        process.batches.push_back(Batch { turns, records, last: process.last });
        self.write();
        self.wake_hub();
    }

    /// The disk takes the next transaction, if it is idle.
    fn write(&mut self) {
        let Some(process) = &mut self.process else { return };
        if !process.writing.is_empty() || process.batches.is_empty() {
            return;
        }
        let count = process.batches.len().min(BATCHES_MAX);
        process.writing = process.batches.drain(..count).collect();
        let nothing = process.writing.iter().all(|batch| batch.records.is_empty());
        let takes = match (nothing, self.rng.below(200)) {
            (true, _) => 0,
            (false, 0) => self.rng.between(50_000, 2_000_000),
            (false, _) => self.rng.between(200, 4_000),
        };
        let happening = Happening::Written { process: process.number };
        self.agenda.add(self.now + takes, happening);
    }

    /// The disk says that a transaction is on it, or that it is not.
    pub(super) fn written(&mut self, number: u64) {
        let now = self.now;
        let Some(process) = self.process.as_mut().filter(|process| process.number == number) else { return };
        let nothing = process.writing.iter().all(|batch| batch.records.is_empty());
        if now < self.disk_refuses_until && !nothing {
            self.agenda.add(now + 500_000, Happening::Written { process: number });
            return;
        }
        let batches = std::mem::take(&mut process.writing);
        if !nothing {
            commit(&mut self.disk, &batches);
            self.trace.note(now, "written", batches.len(), "");
        }
        for batch in batches {
            self.deliver(batch);
        }
        self.write();
        self.wake_hub();
    }

    /// Only now does anybody see anything.
    fn deliver(&mut self, batch: Batch) {
        let mut told = Vec::new();
        for turn in batch.turns {
            for effect in &turn.effects {
                let Some(process) = &mut self.process else { return };
                process.roster.deliver(effect, &mut told);
                self.tell(&turn, effect, &told);
            }
            if let (Some(request), Some(connection)) = (turn.history, connection_of(turn.session)) {
                let process = self.processes;
                let happening = Happening::Read { process, connection, request };
                self.agenda.add(self.now + self.rng.between(50, 5_000), happening);
            }
        }
    }

    /// Tells some sessions of an event.
    fn tell(&mut self, turn: &Turn, effect: &salotto_core::Effect, told: &[SessionId]) {
        let lines: Vec<Rc<str>> = render::event(&effect.event, turn.at).into_iter().map(Into::into).collect();
        for &session in told {
            let Some(connection) = connection_of(session) else { continue };
            let Some(known) = self.process.as_mut().and_then(|process| process.sessions.get_mut(&connection))
            else {
                continue;
            };
            let label = turn.label.as_deref().filter(|_| turn.session == session);
            let own: Vec<String> = match &effect.event {
                Event::SignedIn { session: new, card, .. } if *new == session => {
                    known.welcome(card.nick.as_str())
                }
                Event::Refused(refusal) => {
                    if !matches!(refusal, Refusal::UnknownResumeToken | Refusal::CannotJoin(..)) {
                        known.back_to_registering();
                    }
                    vec![render::refusal(refusal, label)]
                }
                Event::Posted(posted) | Event::Repeated(posted) if label.is_some() => {
                    render::post(posted, label).into_iter().collect()
                }
                Event::Ended { why, .. } => {
                    let word = match why {
                        Ending::Replaced => "replaced",
                        Ending::Left(_) => "over",
                    };
                    self.cut(connection, Leaving::Quit(None), Cut::WithWord(word));
                    continue;
                }
                _ => {
                    if known.reads {
                        self.outgoing.entry(connection).or_default().extend(lines.iter().cloned());
                    }
                    continue;
                }
            };
            self.answer(connection, own);
        }
    }

    /// A reading thread answers a request for history.
    pub(super) fn read(&mut self, process: u64, connection: ConnectionId, request: &HistoryRequest) {
        if self.process.as_ref().is_none_or(|running| running.number != process) {
            return;
        }
        let lines = match request.conversation {
            Some(conversation) => {
                let posts = self.disk.page(conversation, request);
                render::page(&request.target, &posts)
            }
            None => vec![format!(
                ":{} FAIL CHATHISTORY INVALID_TARGET LATEST {} :Messages could not be retrieved",
                render::SERVER,
                request.target
            )],
        };
        self.answer(connection, lines);
    }

    fn answer(&mut self, connection: ConnectionId, lines: Vec<String>) {
        let reads = self
            .process
            .as_ref()
            .and_then(|process| process.sessions.get(&connection))
            .is_some_and(|session| session.reads);
        if reads && !lines.is_empty() {
            self.outgoing.entry(connection).or_default().extend(lines.into_iter().map(Rc::from));
        }
    }

    /// Looks for connections that say nothing, and for readers that do not read.
    pub(super) fn sweep(&mut self, number: u64) {
        let Some(process) = self.process.as_mut().filter(|process| process.number == number) else { return };
        let mut lost = Vec::new();
        let mut pinged = Vec::new();
        for (&connection, session) in &mut process.sessions {
            let silence = self.now - session.heard_at;
            if self.connections[connection].waiting > LINES_WAITING_MAX {
                lost.push((connection, "send queue exceeded"));
            } else if silence >= LOST_AFTER {
                lost.push((connection, "ping timeout"));
            } else if silence >= PING_AFTER && !std::mem::replace(&mut session.pinged, true) {
                pinged.push(connection);
            }
        }
        for connection in pinged {
            self.answer(connection, vec!["PING sim".to_owned()]);
        }
        for (connection, reason) in lost {
            self.trace.note(self.now, "lost", connection, reason);
            self.cut(connection, Leaving::Lost(reason.into()), Cut::WithWord(reason));
        }
        self.agenda.add(self.now + SWEEP_EVERY, Happening::Sweep { process: number });
    }

    /// The server ends a connection, and tells the chat.
    fn cut(&mut self, connection: ConnectionId, why: Leaving, how: Cut) {
        let Some(process) = &mut self.process else { return };
        if process.sessions.remove(&connection).is_none() {
            return;
        }
        self.submit(session_of(connection), Ask::Command(session::close(session_of(connection), why)), None);
        if let Cut::WithWord(word) = how {
            let word = format!("ERROR :Closing link: {word}");
            self.outgoing.entry(connection).or_default().push(word.into());
        }
        self.flush();
        self.send_down(connection, Down::Closed);
        self.connections[connection].server_end = false;
    }

    /// The server is gone from one moment to the next. A transaction under way is on the disk, or it is not.
    pub(super) fn crash(&mut self, clients_notice: bool) {
        let Some(process) = self.process.take() else { return };
        self.crashes += 1;
        let lands = !process.writing.is_empty() && self.rng.flip() && self.now >= self.disk_refuses_until;
        if lands {
            commit(&mut self.disk, &process.writing);
        }
        self.trace.say(
            self.now,
            format_args!("crash; clients notice: {clients_notice}; the last transaction landed: {lands}"),
        );
        self.outgoing.clear();
        self.leave_connections(clients_notice);
    }

    /// The server stops in good order: what was asked is done, kept and told, then everybody is told goodbye.
    pub(super) fn shut_down(&mut self) {
        let Some(number) = self.process.as_ref().map(|process| process.number) else { return };
        self.trace.say(self.now, format_args!("the server stops"));
        self.disk_refuses_until = 0;
        while let Some(process) = &self.process {
            let idle = process.inbox.is_empty() && process.batches.is_empty() && process.writing.is_empty();
            if idle {
                break;
            }
            if !process.inbox.is_empty() && process.batches.len() < COMMITS_WAITING_MAX {
                self.hub(number);
            }
            self.written(number);
        }
        let sessions: Vec<ConnectionId> =
            self.process.iter().flat_map(|process| process.sessions.keys().copied()).collect();
        for connection in sessions {
            self.answer(connection, vec!["ERROR :The server has closed: restart".to_owned()]);
        }
        self.flush();
        self.process = None;
        self.leave_connections(true);
    }

    fn leave_connections(&mut self, clients_notice: bool) {
        for connection in 0..self.connections.len() {
            if std::mem::replace(&mut self.connections[connection].server_end, false) && clients_notice {
                self.send_down(connection, Down::Closed);
            }
        }
    }

    /// Whether a session is signed in, as the server knows it.
    pub(super) fn is_online(&self, connection: ConnectionId) -> bool {
        let session = self.process.as_ref().and_then(|process| process.sessions.get(&connection));
        session.is_some_and(|session| session.stage == Stage::Online)
    }
}

fn commit(disk: &mut super::disk::Disk, batches: &[Batch]) {
    if let Some(last) = batches.last() {
        disk.commit(batches.iter().flat_map(|batch| &batch.records), last.last);
    }
}

/// Who has which name from now on.
fn note_names(outcome: &Outcome, process: u64, names: &mut Vec<NameChange>) {
    let number = |nick: &salotto_core::Nick| {
        let hash = blake3::hash(nick.key().as_str().as_bytes());
        u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
    };
    // People of different processes are different people.
    let person = |person: salotto_core::PersonId| person.0 | process << 48;
    for effect in &outcome.effects {
        match &effect.event {
            Event::SignedIn { person: who, card, .. } => {
                names.push(NameChange::Takes { person: person(*who), name: number(&card.nick) });
            }
            Event::Renamed { person: who, before, card } => {
                names.push(NameChange::Frees { person: person(*who), name: number(&before.nick) });
                names.push(NameChange::Takes { person: person(*who), name: number(&card.nick) });
            }
            Event::Quit { person: who, card, .. } => {
                names.push(NameChange::Frees { person: person(*who), name: number(&card.nick) });
            }
            Event::Refused(Refusal::NickInUse(nick)) => {
                names.push(NameChange::Refused { name: number(nick) });
            }
            _ => {}
        }
    }
}

/// Tells the first two posts of a batch that go to one room in the wrong order.
fn swap_posts(turns: &mut [Turn]) {
    let room = |turn: &Turn| {
        turn.effects.iter().find_map(|effect| match (&effect.audience, &effect.event) {
            (Audience::Room(room), Event::Posted(posted)) => match posted.target {
                PostTarget::Room(..) => Some(*room),
                PostTarget::Person(..) => None,
            },
            _ => None,
        })
    };
    for first in 0..turns.len() {
        let Some(wanted) = room(&turns[first]) else { continue };
        let second = (first + 1..turns.len()).find(|&other| room(&turns[other]) == Some(wanted));
        if let Some(second) = second {
            let (before, after) = turns.split_at_mut(second);
            std::mem::swap(&mut before[first].effects, &mut after[0].effects);
            return;
        }
    }
}
