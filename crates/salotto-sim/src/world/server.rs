//! The server: the real one, a step at a time, between a network and a disk that are not.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use salotto_core::{Command, Event, Ordered, Outcome, Refusal, RoomSummary, SessionId, View};
use salotto_server::config::Config;
use salotto_server::listen::ListenerKind;
use salotto_server::lockstep::{self, Beginning, Disk as _, Lockstep};

use super::World;
use super::agenda::{ConnectionId, Happening, Moment, Up};
use super::link::{End, Ending};
use crate::chat::Chat;
use crate::history::NameChange;

/// How many shards the server has.
const SHARDS: usize = 2;
/// How often the server looks at the clock.
const TICK: Moment = 500_000;
/// How many bytes may wait for one connection: little, so that it happens.
const SENDQ: usize = 64 * 1024;
/// How many before posts are left for later.
const SENDQ_SOFT: usize = 2 * 1024;
/// How many steps an orderly end may take.
const LAST_STEPS_MAX: usize = 10_000;

/// The chat, watched: which names are whose, and how much it does.
#[derive(Debug)]
pub(super) struct Watched {
    chat: Chat,
    process: u64,
    names: Rc<RefCell<Vec<NameChange>>>,
    commands: Rc<Cell<u64>>,
}

impl lockstep::Chat for Watched {
    fn apply(&mut self, ordered: Ordered, outcome: &mut Outcome) {
        let before = outcome.effects.len();
        self.chat.apply(ordered, outcome);
        self.commands.set(self.commands.get() + 1);
        let mut names = self.names.borrow_mut();
        for effect in &outcome.effects[before..] {
            note_names(&effect.event, self.process, &mut names);
        }
    }

    fn view(&self, session: SessionId) -> View<'_> {
        self.chat.view(session)
    }

    fn rooms(&self, session: SessionId, max: usize) -> Vec<RoomSummary> {
        self.chat.rooms(session, max)
    }
}

/// A running server. Everything in it is lost in a crash.
pub(super) struct Process {
    number: u64,
    started: Moment,
    server: Lockstep<Watched, End>,
    sessions: BTreeMap<SessionId, ConnectionId>,
    shard_is_due: [bool; SHARDS],
    hub_is_due: bool,
    is_writing: bool,
    jobs_due: BTreeSet<SessionId>,
}

impl Process {
    /// The fingerprint of the chat's state.
    pub fn state_hash(&self) -> [u8; 32] {
        self.server.chat().chat.core().state_hash()
    }
}

/// How the server is set up: as by default, but people do not wait for their passwords, and the pests are not kept out
/// by their address.
fn config() -> Config {
    let mut config = Config::default();
    config.accounts.hash_m_kib = 8;
    config.accounts.hash_t = 1;
    config.limits.sendq = SENDQ;
    config.limits.sendq_soft = SENDQ_SOFT;
    config
}

impl World {
    /// The server starts from what is on the disk.
    pub(super) fn start(&mut self) {
        if self.process.is_some() {
            return;
        }
        self.processes += 1;
        let chat = Watched {
            chat: Chat::restore(self.disk.durable(), self.options.mutation),
            process: self.processes,
            names: self.names.clone(),
            commands: self.commands.clone(),
        };
        let written = self.disk.head();
        let beginning = Beginning {
            config: config(),
            written,
            wall: self.server_clock(),
            seed: self.rng.bits(),
            shards: SHARDS,
        };
        let mut server = Lockstep::start(beginning, chat);
        for name in &super::ESTABLISHED[1..] {
            server.submit(Command::Establish { room: crate::script::room(name), topic: "welcome".into() });
        }
        self.process = Some(Process {
            number: self.processes,
            started: self.now,
            server,
            sessions: BTreeMap::new(),
            shard_is_due: [false; SHARDS],
            hub_is_due: false,
            is_writing: false,
            jobs_due: BTreeSet::new(),
        });
        self.names.borrow_mut().push(NameChange::Restart);
        self.trace.say(self.now, format_args!("the server starts behind {}", written.0));
        let process = self.processes;
        self.agenda.add(self.now + TICK, Happening::Tick { process });
    }

    /// The running server with this number, its clocks set; with `None`, whichever runs.
    fn running(&mut self, number: Option<u64>) -> Option<&mut Process> {
        let (now, wall) = (self.now, self.server_clock());
        let process = self.process.as_mut()?;
        if number.is_some_and(|number| number != process.number) {
            return None;
        }
        process.server.set_time(Duration::from_micros(now - process.started), wall);
        Some(process)
    }

    /// A connection is accepted.
    pub(super) fn accept(&mut self, connection: ConnectionId, kind: ListenerKind) {
        let link = &self.connections[connection];
        let (end, actor) = (link.end.clone(), link.actor as u8);
        let peer = SocketAddr::from((Ipv4Addr::new(10, 0, actor, 1), 40_000));
        let Some(process) = self.running(None) else { return };
        let number = process.number;
        let session = process.server.open(end, kind, peer);
        if let Some(session) = session {
            process.sessions.insert(session, connection);
        }
        self.connections[connection].session = session.map(|session| (number, session));
    }

    /// The session that a connection is at the server, if it is one.
    fn session(&self, connection: ConnectionId) -> Option<SessionId> {
        let (number, session) = self.connections[connection].session?;
        let process = self.process.as_ref().filter(|process| process.number == number)?;
        (process.sessions.get(&session) == Some(&connection)).then_some(session)
    }

    /// Something from a client has arrived.
    pub(super) fn server_receives(&mut self, connection: ConnectionId, up: &Up) {
        let Some(session) = self.session(connection) else {
            // A machine that knows nothing of a connection says so.
            if self.process.is_some() && !self.connections[connection].down_lost {
                self.agenda.add(self.now, Happening::Broken(connection));
            }
            return;
        };
        let end = &self.connections[connection].end;
        match up {
            Up::Bytes(bytes) => end.arrive(bytes),
            Up::Closed => end.end(Ending::Closed),
            Up::Broken => end.end(Ending::Reset),
        }
        if let Some(process) = self.running(None) {
            process.server.readable(session);
        }
    }

    /// There is room again in a socket that was full.
    pub(super) fn has_room(&mut self, connection: ConnectionId) {
        if let (Some(session), Some(process)) = (self.session(connection), self.running(None)) {
            process.server.writable(session);
        }
    }

    /// What waits at the server gets its turn some time.
    pub(super) fn wake(&mut self) {
        let Some(process) = &mut self.process else { return };
        let number = process.number;
        for index in 0..SHARDS {
            if process.server.shard_waits(index) && !process.shard_is_due[index] {
                process.shard_is_due[index] = true;
                let happening = Happening::Shard { process: number, index };
                self.agenda.add(self.now + self.rng.between(1, 100), happening);
            }
        }
        if !process.hub_is_due && process.server.hub_waits() {
            process.hub_is_due = true;
            self.agenda.add(self.now + self.rng.between(1, 200), Happening::Hub { process: number });
        }
        for session in process.server.waiting_jobs() {
            if process.jobs_due.insert(session) {
                let takes = self.rng.between(50, 5_000);
                self.agenda.add(self.now + takes, Happening::Job { process: number, session });
            }
        }
        if !process.is_writing && process.server.commit_waits() {
            process.is_writing = true;
            let nothing = process.server.under_way().is_none_or(|(mut records, _)| records.next().is_none());
            let takes = match (nothing, self.rng.below(200)) {
                (true, _) => 0,
                (false, 0) => self.rng.between(50_000, 2_000_000),
                (false, _) => self.rng.between(200, 4_000),
            };
            self.agenda.add(self.now + takes, Happening::Written { process: number });
        }
    }

    /// A shard has its turn.
    pub(super) fn shard(&mut self, number: u64, index: usize) {
        if let Some(process) = self.running(Some(number)) {
            process.shard_is_due[index] = false;
            process.server.shard(index);
        }
    }

    /// The core's thread applies what has gathered.
    pub(super) fn hub(&mut self, number: u64) {
        if let Some(process) = self.running(Some(number)) {
            process.hub_is_due = false;
            process.server.hub();
        }
    }

    /// The disk says that a transaction is on it, or that it is not.
    pub(super) fn written(&mut self, number: u64) {
        let now = self.now;
        if self.running(Some(number)).is_none() {
            return;
        }
        let World { process: Some(process), disk, .. } = self else { return };
        disk.refuses = now < self.disk_refuses_until;
        if process.server.commit(disk) {
            process.is_writing = false;
            self.trace.note(now, "written", 0, b"");
        } else {
            self.agenda.add(now + 500_000, Happening::Written { process: number });
        }
    }

    /// A thread has got to a session's job.
    pub(super) fn job(&mut self, number: u64, session: SessionId) {
        if self.running(Some(number)).is_none() {
            return;
        }
        let World { process: Some(process), disk, .. } = self else { return };
        process.jobs_due.remove(&session);
        process.server.carry_out(session, &mut &*disk);
    }

    /// The server looks at the clock.
    pub(super) fn tick(&mut self, number: u64) {
        if let Some(process) = self.running(Some(number)) {
            process.server.tick();
            self.agenda.add(self.now + TICK, Happening::Tick { process: number });
        }
    }

    /// The server is gone from one moment to the next. A transaction under way is on the disk, or it is not.
    pub(super) fn crash(&mut self, clients_notice: bool) {
        let Some(process) = self.process.take() else { return };
        self.crashes += 1;
        let mut landed = false;
        if let Some((records, last)) = process.server.under_way()
            && self.rng.flip()
        {
            self.disk.refuses = self.now < self.disk_refuses_until;
            landed = self.disk.commit(records, last).is_ok();
        }
        self.trace.say(
            self.now,
            format_args!("crash; clients notice: {clients_notice}; the last transaction landed: {landed}"),
        );
        drop(process);
        self.leave_connections(clients_notice);
    }

    /// The server stops in good order: what was asked is done, kept and told, then everybody is told goodbye.
    pub(super) fn shut_down(&mut self) {
        if self.running(None).is_none() {
            return;
        }
        self.trace.say(self.now, format_args!("the server stops"));
        let World { process: Some(process), disk, .. } = self else { return };
        disk.refuses = false;
        process.server.shut_down("restart");
        for _ in 0..LAST_STEPS_MAX {
            let applied = process.server.hub();
            let written = process.server.commit_waits() && process.server.commit(disk);
            if !applied && !written {
                break;
            }
        }
        self.process = None;
        self.leave_connections(true);
    }

    /// The server is gone; its machine tells the clients, or there is none to tell them.
    fn leave_connections(&mut self, clients_notice: bool) {
        for connection in self.connections.iter().skip(self.connections_over) {
            if clients_notice {
                connection.end.close();
            } else {
                connection.end.lose();
            }
        }
        self.connections_over = self.connections.len();
    }

    /// Whether a session is signed in, as the server knows it.
    pub(super) fn is_online(&self, connection: ConnectionId) -> bool {
        let session = self.session(connection).zip(self.process.as_ref());
        session.is_some_and(|(session, process)| {
            lockstep::Chat::view(process.server.chat(), session).person_id().is_some()
        })
    }
}

/// Who has which name from now on.
fn note_names(event: &Event, process: u64, names: &mut Vec<NameChange>) {
    let number = |nick: &salotto_core::Nick| {
        let hash = blake3::hash(nick.key().as_str().as_bytes());
        u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
    };
    // People of different processes are different people.
    let person = |person: salotto_core::PersonId| person.0 | process << 48;
    match event {
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
