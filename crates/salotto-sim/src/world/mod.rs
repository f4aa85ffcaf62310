//! A server, its clients, its disk and the network, in one thread, on virtual time.
//!
//! **Real:** the core ([`salotto_core::Core`]), the sequencer ([`salotto_sequencer::Local`]), and the clients of
//! people ([`salotto_client::Client`], which has no I/O of its own).
//!
//! **Modelled:** the server's sessions, because the real ones are bound to sockets: `session.rs` and `render.rs`
//! speak as much of the protocol as those clients need, and `server.rs` takes the server's road (submit, order,
//! apply, commit a batch, deliver) with the server's bounds. The disk keeps whole transactions or none, as SQLite
//! promises; how SQLite keeps that promise is tested in `salotto-store`. Direct messages and read markers of
//! people are not in this world; hostile clients use them, and the reference model knows direct messages.

mod agenda;
mod disk;
mod person;
mod render;
mod server;
mod session;
mod trace;

use std::collections::BTreeMap;
use std::rc::Rc;

use salotto_core::{Command, Leaving, Nick, NodeId, Ordered, Origin, Outcome, Seq, SessionId, Timestamp};

use agenda::{Agenda, ConnectionId, Down, Happening, Moment, Up};
use disk::Disk;
use person::{Person, Wish, mark_of};
use server::Process;
use trace::Trace;

use crate::chat::{Chat, Mutation};
use crate::history::{History, Kept, MsgId, Reader, Room, Violation};
use crate::rng::Rng;
use crate::script::{self, Line};

/// The rooms that belong to the server.
const ESTABLISHED: [&str; 3] = ["#lobby", "#tea", "#den"];
/// The rooms whose posts are checked.
const ROOMS: [&str; 4] = ["#lobby", "#tea", "#den", "#wild"];
/// The wall clock when a run begins, in Unix milliseconds.
const EPOCH_MS: u64 = 1_795_204_800_000;
/// How long the world goes on after the last fault at least, in microseconds.
const HEALING: u64 = 300_000_000;
/// How long it goes on at most while people still send what they wrote offline: one message at a time to a room.
const HEALING_MAX: u64 = 3_600_000_000;
/// People with an account; the first of them twice, with two devices.
const ACCOUNTS: [&str; 4] = ["anna", "anna", "bruno", "carla"];
/// People without.
const GUESTS: [&str; 4] = ["dario", "elena", "fabio", "gina"];
/// How many hostile clients there are, and how many that sign in and say nothing more.
const HOSTILE: usize = 4;
const SILENT: usize = 1;

/// How a world is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many things people do before the faults end and everything has to come right.
    pub steps: u64,
    /// The core is wrong in this way.
    pub mutation: Option<Mutation>,
    /// The trace is kept in words.
    pub trace: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { steps: 1_000, mutation: None, trace: false }
    }
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What it was drawn from.
    pub seed: u64,
    /// How many commands the core applied.
    pub commands: u64,
    /// How many posts are kept.
    pub posts: usize,
    /// How many connections were made.
    pub connections: usize,
    /// How often the server crashed or was stopped.
    pub crashes: u64,
    /// How many other faults there were.
    pub faults: u64,
    /// How long it took, in virtual milliseconds.
    pub virtual_ms: u64,
    /// Equal for equal runs.
    pub trace_hash: [u8; 32],
    /// The core's state in the end.
    pub state_hash: [u8; 32],
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// Who did not get back to order when everything was over.
    pub stuck: Vec<String>,
    /// What happened, if it was asked for.
    pub trace: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty() && self.stuck.is_empty()
    }
}

/// Runs a world from a seed.
pub fn run(seed: u64, options: &Options) -> Report {
    let mut world = World::new(seed, *options);
    world.run();
    world.report()
}

/// How the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Silently,
    WithWord(&'static str),
}

/// Both ends of a connection and what is between them.
#[derive(Debug)]
struct Connection {
    actor: usize,
    client_end: bool,
    server_end: bool,
    /// Nothing gets through this way any more, and nobody is told.
    up_lost: bool,
    down_lost: bool,
    delay: u64,
    /// How long a line takes to be read.
    pace: u64,
    up_at: Moment,
    down_at: Moment,
    /// How many lines are on their way to the client.
    waiting: usize,
}

/// Whoever connects.
#[derive(Debug)]
enum Nature {
    Person(Box<Person>),
    Hostile { talks: bool },
}

#[derive(Debug)]
struct Actor {
    nature: Nature,
    connection: Option<ConnectionId>,
    attempt: u64,
    reads_slowly: bool,
}

struct World {
    options: Options,
    seed: u64,
    rng: Rng,
    now: Moment,
    agenda: Agenda,
    trace: Trace,
    history: History,
    connections: Vec<Connection>,
    actors: Vec<Actor>,
    readers: u32,
    process: Option<Process>,
    processes: u64,
    disk: Disk,
    disk_refuses_until: Moment,
    clock_skew_ms: i64,
    outgoing: BTreeMap<ConnectionId, Vec<Rc<str>>>,
    steps_left: u64,
    ends_at: Option<Moment>,
    patience_ends_at: Moment,
    commands: u64,
    crashes: u64,
    faults: u64,
}

impl World {
    fn new(seed: u64, options: Options) -> World {
        let mut world = World {
            options,
            seed,
            rng: Rng::new(seed),
            now: 0,
            agenda: Agenda::default(),
            trace: Trace::new(options.trace),
            history: History::default(),
            connections: Vec::new(),
            actors: Vec::new(),
            readers: 0,
            process: None,
            processes: 0,
            disk: Disk::default(),
            disk_refuses_until: 0,
            clock_skew_ms: 0,
            outgoing: BTreeMap::new(),
            steps_left: options.steps,
            ends_at: None,
            patience_ends_at: Moment::MAX,
            commands: 0,
            crashes: 0,
            faults: 0,
        };
        world.make_accounts();
        world.populate();
        world
    }

    /// The accounts exist before the first day.
    fn make_accounts(&mut self) {
        let mut chat = Chat::new(None);
        let mut outcome = Outcome::default();
        let mut seq = 0;
        let mut apply = |command| {
            seq += 1;
            let origin = Origin { node: NodeId(1), number: seq };
            let at = Timestamp(EPOCH_MS - 1_000);
            chat.apply(Ordered { seq: Seq(seq), at, origin, command }, &mut outcome);
        };
        for name in &ACCOUNTS[1..] {
            let (session, nick) = (SessionId(1), Nick::new(name).expect("it is a name"));
            apply(Command::SignIn(Box::new(script::sign_in(session, nick.clone()))));
            apply(Command::Register { session, name: nick, verifier: "$argon2id$".into() });
            apply(Command::Close { session, why: Leaving::Quit(None) });
        }
        self.disk.commit(outcome.records.iter(), (Seq(seq), Timestamp(EPOCH_MS - 1_000)));
    }

    fn populate(&mut self) {
        self.agenda.add(0, Happening::Start);
        self.agenda.add(5_000_000, Happening::Fault);
        let with_account = ACCOUNTS.map(|name| (name, true));
        let without = GUESTS.map(|name| (name, false));
        for (name, has_account) in with_account.into_iter().chain(without) {
            let person = Person::new(name, has_account, self.new_reader(), self.rng.fork());
            let reads_slowly = self.rng.chance(1, 6);
            self.add_actor(Nature::Person(Box::new(person)), reads_slowly);
        }
        for number in 0..HOSTILE + SILENT {
            self.add_actor(Nature::Hostile { talks: number < HOSTILE }, false);
        }
    }

    fn new_reader(&mut self) -> Reader {
        self.readers += 1;
        Reader(self.readers)
    }

    fn add_actor(&mut self, nature: Nature, reads_slowly: bool) {
        let actor = self.actors.len();
        self.actors.push(Actor { nature, connection: None, attempt: 0, reads_slowly });
        self.agenda.add(self.rng.below(3_000_000), Happening::Act { actor });
    }

    fn run(&mut self) {
        while let Some((at, happening)) = self.agenda.next() {
            if self.ends_at.is_some_and(|end| at > end) && (at > self.patience_ends_at || self.is_settled()) {
                break;
            }
            self.now = at;
            self.happens(happening);
            self.flush();
        }
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Dialled { actor, attempt } => self.dialled(actor, attempt),
            Happening::Up(connection, up) => {
                match &up {
                    Up::Text(text) => self.trace.note(self.now, ">>", connection, text),
                    Up::Step(line) => self.trace.say(self.now, format_args!(">> {connection} {line:?}")),
                    Up::Closed => self.trace.note(self.now, ">> closed", connection, ""),
                }
                self.server_receives(connection, up);
            }
            Happening::Down(connection, down) => self.client_receives(connection, down),
            Happening::Timer { actor } => self.timer(actor),
            Happening::Act { actor } => self.act(actor),
            Happening::Hub { process } => self.hub(process),
            Happening::Written { process } => self.written(process),
            Happening::Read { process, connection, request } => self.read(process, connection, &request),
            Happening::Sweep { process } => self.sweep(process),
            Happening::Fault => self.fault(),
            Happening::Start => self.start(),
        }
    }

    /// What the clock of the server's machine shows.
    fn server_clock(&self) -> Timestamp {
        Timestamp((EPOCH_MS + self.now / 1_000).saturating_add_signed(self.clock_skew_ms))
    }

    // The network.

    fn send_up(&mut self, connection: ConnectionId, up: Up) {
        let link = &mut self.connections[connection];
        if link.up_lost {
            return;
        }
        link.up_at = link.up_at.max(self.now + self.rng.below(link.delay * 2 + 1));
        self.agenda.add(link.up_at, Happening::Up(connection, up));
    }

    fn send_down(&mut self, connection: ConnectionId, down: Down) {
        let link = &mut self.connections[connection];
        if link.down_lost {
            return;
        }
        let lines = match &down {
            Down::Lines(lines) => lines.len(),
            Down::Closed => 0,
        };
        link.waiting += lines;
        let delay = self.rng.below(link.delay * 2 + 1) + link.pace * lines as u64;
        link.down_at = link.down_at.max(self.now) + delay;
        self.agenda.add(link.down_at, Happening::Down(connection, down));
    }

    /// Puts on the wire what the server has written.
    fn flush(&mut self) {
        while let Some((connection, lines)) = self.outgoing.pop_first() {
            self.send_down(connection, Down::Lines(lines));
        }
    }

    fn client_receives(&mut self, connection: ConnectionId, down: Down) {
        let link = &mut self.connections[connection];
        if let Down::Lines(lines) = &down {
            link.waiting -= lines.len();
        }
        if !link.client_end {
            return;
        }
        let actor = link.actor;
        match down {
            Down::Lines(lines) => {
                for line in lines {
                    self.trace.note(self.now, "<<", connection, &line);
                    let Nature::Person(person) = &mut self.actors[actor].nature else { break };
                    person.line(self.now, &line, &mut self.history);
                    self.pump(actor);
                    // It may have closed the connection because of this line.
                    if !self.connections[connection].client_end {
                        break;
                    }
                }
            }
            Down::Closed => {
                self.trace.note(self.now, "<< closed", connection, "");
                self.connections[connection].client_end = false;
                self.actors[actor].connection = None;
                if let Nature::Person(person) = &mut self.actors[actor].nature {
                    person.disconnected(self.now);
                    self.pump(actor);
                }
            }
        }
    }

    // Clients.

    fn dial(&mut self, actor: usize) {
        self.hang_up(actor);
        self.actors[actor].attempt += 1;
        let attempt = self.actors[actor].attempt;
        let takes = self.rng.between(1_000, 200_000);
        self.agenda.add(self.now + takes, Happening::Dialled { actor, attempt });
    }

    fn dialled(&mut self, actor: usize, attempt: u64) {
        if self.actors[actor].attempt != attempt {
            return;
        }
        let reachable = self.process.is_some() && !(self.ends_at.is_none() && self.rng.chance(1, 20));
        if !reachable {
            if let Nature::Person(person) = &mut self.actors[actor].nature {
                person.connect_failed(self.now);
                self.pump(actor);
            }
            return;
        }
        let connection = self.connections.len();
        let slow = self.actors[actor].reads_slowly && self.ends_at.is_none();
        self.connections.push(Connection {
            actor,
            client_end: true,
            server_end: true,
            up_lost: false,
            down_lost: false,
            delay: self.rng.between(50, 80_000),
            pace: if slow { self.rng.between(1_000, 60_000) } else { 0 },
            up_at: self.now,
            down_at: self.now,
            waiting: 0,
        });
        self.trace.note(self.now, "connects", connection, "");
        self.actors[actor].connection = Some(connection);
        let reads = matches!(self.actors[actor].nature, Nature::Person(_));
        self.accept(connection, reads);
        match &mut self.actors[actor].nature {
            Nature::Person(person) => {
                person.connected(self.now, &mut self.history);
                self.pump(actor);
            }
            Nature::Hostile { .. } => {
                let step = script::Step::SignIn {
                    nick: script::NICKS[self.rng.index(script::NICKS.len())],
                    account: None,
                    resume: None,
                    rejoin: false,
                };
                self.send_up(connection, Up::Step(Line { session: 1, step }));
            }
        }
    }

    /// The client closes its end.
    fn hang_up(&mut self, actor: usize) {
        if let Some(connection) = self.actors[actor].connection.take() {
            self.connections[connection].client_end = false;
            self.send_up(connection, Up::Closed);
        }
    }

    /// Does what a person's client wants done, until it wants nothing more.
    fn pump(&mut self, actor: usize) {
        loop {
            let Nature::Person(person) = &mut self.actors[actor].nature else { return };
            let Some(wish) = person.wish(self.now, &mut self.history) else { break };
            match wish {
                Wish::Connect => self.dial(actor),
                Wish::Close => {
                    self.actors[actor].attempt += 1;
                    self.hang_up(actor);
                }
                Wish::Write(text) => {
                    let Some(connection) = self.actors[actor].connection else { continue };
                    for line in text.lines() {
                        self.send_up(connection, Up::Text(line.to_owned()));
                    }
                }
            }
        }
        let Nature::Person(person) = &mut self.actors[actor].nature else { return };
        let at = person.timeout_at().map(|at| at.max(self.now));
        if at != person.timer_at {
            person.timer_at = at;
            if let Some(at) = at {
                self.agenda.add(at, Happening::Timer { actor });
            }
        }
    }

    fn timer(&mut self, actor: usize) {
        let Nature::Person(person) = &mut self.actors[actor].nature else { return };
        if person.timer_at != Some(self.now) {
            return;
        }
        person.timer_at = None;
        person.timeout(self.now);
        self.pump(actor);
    }

    fn act(&mut self, actor: usize) {
        let healing = self.ends_at.is_some();
        self.steps_left = self.steps_left.saturating_sub(1);
        if self.steps_left == 0 && !healing {
            self.heal();
        }
        match &mut self.actors[actor].nature {
            Nature::Person(person) => {
                if healing {
                    person.carry_on(self.now);
                } else if self.rng.chance(1, 150) {
                    let reader = self.new_reader();
                    self.reopen(actor, reader);
                } else {
                    person.act(self.now, &mut self.history);
                }
                self.pump(actor);
            }
            Nature::Hostile { talks } if !healing => {
                let talks = *talks;
                match self.actors[actor].connection {
                    None => self.dial(actor),
                    Some(connection) if talks => self.annoy(connection),
                    Some(_) => {}
                }
            }
            Nature::Hostile { .. } => {}
        }
        let pause = if healing { 5_000_000 } else { self.rng.around(400_000) };
        self.agenda.add(self.now + pause, Happening::Act { actor });
    }

    /// A hostile client sends whatever it may.
    fn annoy(&mut self, connection: ConnectionId) {
        if self.rng.chance(1, 10) {
            let rubbish: String =
                (0..self.rng.below(40)).map(|_| self.rng.below(0x250) as u8 as char).collect();
            return self.send_up(connection, Up::Text(rubbish.replace(['\r', '\n', '\0'], " ")));
        }
        for _ in 0..self.rng.between(1, 5) {
            let line = Line::from_bytes(std::array::from_fn(|_| self.rng.bits() as u8));
            if line.is_open_to_anybody() {
                self.send_up(connection, Up::Step(line));
            }
        }
    }

    fn reopen(&mut self, actor: usize, reader: Reader) {
        self.hang_up(actor);
        self.actors[actor].attempt += 1;
        self.trace
            .say(self.now, format_args!("person {actor} opens the program again, as reader {}", reader.0));
        let Nature::Person(person) = &mut self.actors[actor].nature else { return };
        person.reopen(reader);
        person.carry_on(self.now);
    }

    // Faults.

    fn fault(&mut self) {
        if self.ends_at.is_some() {
            return;
        }
        self.faults += 1;
        match self.rng.below(20) {
            0 => {
                self.crash(true);
                self.start_later();
            }
            1 => {
                self.crash(false);
                self.start_later();
            }
            2 => {
                self.crashes += u64::from(self.process.is_some());
                self.shut_down();
                self.start_later();
            }
            3..5 => self.disk_refuses_until = self.now + self.rng.between(100_000, 5_000_000),
            5..8 => {
                self.clock_skew_ms = self.rng.below(7_200_000) as i64 - 3_600_000;
                self.trace.say(self.now, format_args!("the clock is off by {} ms", self.clock_skew_ms));
            }
            8..14 => self.break_connection(true),
            _ => self.break_connection(false),
        }
        self.agenda.add(self.now + self.rng.around(2_000_000), Happening::Fault);
    }

    fn start_later(&mut self) {
        self.agenda.add(self.now + self.rng.between(100_000, 20_000_000), Happening::Start);
    }

    /// A connection breaks; both ends are told, or neither.
    fn break_connection(&mut self, told: bool) {
        let open: Vec<ConnectionId> = self.actors.iter().filter_map(|actor| actor.connection).collect();
        if open.is_empty() {
            return;
        }
        let connection = open[self.rng.index(open.len())];
        self.trace.say(self.now, format_args!("connection {connection} breaks, told: {told}"));
        if told {
            self.send_up(connection, Up::Closed);
            self.send_down(connection, Down::Closed);
        }
        let (up, down) = if told { (true, true) } else { (self.rng.flip(), self.rng.flip()) };
        let link = &mut self.connections[connection];
        link.up_lost |= up || !down;
        link.down_lost |= down;
    }

    /// No more faults: everything has to come right by itself.
    fn heal(&mut self) {
        self.trace.say(self.now, format_args!("no more faults"));
        self.ends_at = Some(self.now + HEALING);
        self.patience_ends_at = self.now + HEALING_MAX;
        self.disk_refuses_until = self.now;
        self.agenda.add(self.now, Happening::Start);
    }

    // The end.

    /// Whether everybody is online and has sent everything.
    fn is_settled(&self) -> bool {
        self.actors.iter().all(|actor| match &actor.nature {
            Nature::Person(person) => person.trouble().is_none(),
            Nature::Hostile { .. } => true,
        })
    }

    fn report(mut self) -> Report {
        let mut stuck = Vec::new();
        for actor in 0..self.actors.len() {
            let Nature::Person(person) = &self.actors[actor].nature else { continue };
            person.screens(&mut self.history);
            stuck.extend(person.trouble());
            let known = self.actors[actor].connection.is_some_and(|connection| self.is_online(connection));
            if !known {
                stuck.push(format!("the server does not know that {actor} is there"));
            }
        }
        for (room, post) in self.disk.room_posts() {
            let number = ROOMS.iter().position(|name| room.key().as_str() == *name);
            let Some(number) = number else { continue };
            let (room, msgid) = (Room(number as u32), MsgId(post.seq.0));
            self.history.kept.push(Kept { room, msgid, mark: mark_of(&post.text) });
        }
        let state_hash = self.process.as_ref().map_or([0; 32], |process| process.chat.core().state_hash());
        let (trace_hash, trace) = self.trace.finish();
        Report {
            seed: self.seed,
            commands: self.commands,
            posts: self.disk.post_count(),
            connections: self.connections.len(),
            crashes: self.crashes,
            faults: self.faults,
            virtual_ms: self.now / 1_000,
            trace_hash,
            state_hash,
            violations: self.history.check(),
            stuck,
            trace,
        }
    }
}
