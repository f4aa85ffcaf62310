//! A server, its clients, its disk and the network, in one thread, on virtual time.
//!
//! **Real:** the server from its connections' bytes to its commits ([`salotto_server::lockstep`]: sessions, adapters,
//! shards, hub, commit and jobs), and the clients of people ([`salotto_client::Client`], which has no I/O of its own).
//!
//! **Modelled:** what is around them. The network delays, breaks and takes bytes in pieces; sockets are full. The disk
//! keeps whole transactions or none, as SQLite promises; how SQLite keeps that promise is tested in `salotto-store`.
//! TLS and WebSocket are left out.

mod agenda;
mod disk;
mod fault;
mod link;
mod network;
mod person;
mod server;
mod simple;
mod trace;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use salotto_core::{Command, Leaving, Nick, NodeId, Ordered, Origin, Outcome, Seq, SessionId, Timestamp};
use salotto_server::lockstep::Disk as _;

use agenda::{Agenda, ConnectionId, Happening, Moment, Up};
use disk::{Disk, Place};
use link::Touched;
use network::Connection;
use person::{Person, Wish, direct, mark_of, place_of};
use server::Process;
use simple::{Manner, Simple};
use trace::Trace;

use crate::chat::{Chat, Mutation};
use crate::history::{History, Kept, Marker, MsgId, NameChange, Reader, Room, Violation};
use crate::rng::Rng;
use crate::script::{self, Line};

/// The rooms that belong to the server; the first is the one that everybody is put into.
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
const PEOPLE: [&str; 4] = ["anna", "anna", "bruno", "carla"];
/// The accounts, each by its number.
const ACCOUNTS: [&str; 3] = ["anna", "bruno", "carla"];
/// People without.
const GUESTS: [&str; 4] = ["dario", "elena", "fabio", "gina"];
/// People without a client library.
const SIMPLE: [(&str, Manner); 3] =
    [("hugo", Manner::Terminal), ("ivo", Manner::Irc), ("lia", Manner::Terminal)];
/// What the password `secret` is checked against, at the lowest cost there is.
const VERIFIER: &str =
    "$argon2id$v=19$m=8,t=1,p=1$c2ltdWxhdGVkIHNhbHQuLg$7RUWGzNn99XiaxE2a61aQPPQlRirqq/3zeYNnlvXEiU";

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

/// Whoever connects.
#[derive(Debug)]
enum Nature {
    Person(Box<Person>),
    Simple(Box<Simple>),
    Pest(Pest),
}

/// Somebody who means no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pest {
    /// Sends whatever comes to mind.
    Talks,
    /// Signs in and says nothing more.
    Silent,
    /// Sends, and never reads an answer.
    Deaf,
}

const PESTS: [Pest; 6] = [Pest::Talks, Pest::Talks, Pest::Talks, Pest::Talks, Pest::Silent, Pest::Deaf];

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
    names: Rc<RefCell<Vec<NameChange>>>,
    connections: Vec<Connection>,
    /// Those before this one belong to servers that are gone.
    connections_over: usize,
    touched: Touched,
    actors: Vec<Actor>,
    readers: u32,
    process: Option<Process>,
    processes: u64,
    disk: Disk,
    disk_refuses_until: Moment,
    clock_skew_ms: i64,
    steps_left: u64,
    ends_at: Option<Moment>,
    patience_ends_at: Moment,
    commands: Rc<Cell<u64>>,
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
            names: Rc::default(),
            connections: Vec::new(),
            connections_over: 0,
            touched: Touched::default(),
            actors: Vec::new(),
            readers: 0,
            process: None,
            processes: 0,
            disk: Disk::default(),
            disk_refuses_until: 0,
            clock_skew_ms: 0,
            steps_left: options.steps,
            ends_at: None,
            patience_ends_at: Moment::MAX,
            commands: Rc::default(),
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
        for name in &ACCOUNTS {
            let (session, nick) = (SessionId(1), Nick::new(name).expect("it is a name"));
            apply(Command::SignIn(Box::new(script::sign_in(session, nick.clone()))));
            apply(Command::Register { session, name: nick, verifier: VERIFIER.into() });
            apply(Command::Close { session, why: Leaving::Quit(None) });
        }
        let last = (Seq(seq), Timestamp(EPOCH_MS - 1_000));
        self.disk.commit(outcome.records.iter(), last).expect("it takes what it is given");
    }

    fn populate(&mut self) {
        self.agenda.add(0, Happening::Start);
        self.agenda.add(5_000_000, Happening::Fault);
        let with_account = PEOPLE.map(|name| (name, true));
        let without = GUESTS.map(|name| (name, false));
        for (name, has_account) in with_account.into_iter().chain(without) {
            let person = Person::new(name, has_account, self.new_reader(), self.rng.fork());
            self.add_actor(Nature::Person(Box::new(person)));
        }
        for (name, manner) in SIMPLE {
            let simple = Simple::new(manner, name, self.new_reader());
            self.add_actor(Nature::Simple(Box::new(simple)));
        }
        for pest in PESTS {
            self.add_actor(Nature::Pest(pest));
        }
    }

    fn new_reader(&mut self) -> Reader {
        self.readers += 1;
        Reader(self.readers)
    }

    fn add_actor(&mut self, nature: Nature) {
        let actor = self.actors.len();
        let reads_slowly = self.rng.chance(1, 6);
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
            self.wake();
            self.look_at_sockets();
        }
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Dialled { actor, attempt } => self.dialled(actor, attempt),
            Happening::Up(connection, up) => {
                match &up {
                    Up::Bytes(bytes) => self.trace.note(self.now, ">>", connection, bytes),
                    Up::Closed => self.trace.note(self.now, ">> closed", connection, b""),
                    Up::Broken => self.trace.note(self.now, ">> broken", connection, b""),
                }
                self.server_receives(connection, &up);
            }
            Happening::Down(connection) => self.comes_down(connection),
            Happening::Broken(connection) => self.client_loses(connection),
            Happening::Timer { actor } => self.timer(actor),
            Happening::Act { actor } => self.act(actor),
            Happening::Shard { process, index } => self.shard(process, index),
            Happening::Hub { process } => self.hub(process),
            Happening::Written { process } => self.written(process),
            Happening::Job { process, session } => self.job(process, session),
            Happening::Tick { process } => self.tick(process),
            Happening::Fault => self.fault(),
            Happening::Start => self.start(),
        }
    }

    /// What the clock of the server's machine shows.
    fn server_clock(&self) -> Timestamp {
        Timestamp((EPOCH_MS + self.now / 1_000).saturating_add_signed(self.clock_skew_ms))
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
        let connection = self.connect(actor);
        let World { actors, history, .. } = self;
        match &mut actors[actor].nature {
            Nature::Person(person) => {
                person.connected(self.now, history);
                self.pump(actor);
            }
            Nature::Simple(simple) => {
                let words = simple.connected(history);
                self.send_up(connection, Up::Bytes(words.into_bytes()));
            }
            Nature::Pest(_) => {
                let nick = script::NICKS[self.rng.index(script::NICKS.len())];
                let words = format!("NICK {nick}\r\nUSER u 0 * :{nick}\r\n");
                self.send_up(connection, Up::Bytes(words.into_bytes()));
            }
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
                Wish::Write(bytes) => {
                    if let Some(connection) = self.actors[actor].connection {
                        self.send_up(connection, Up::Bytes(bytes));
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
        let connection = self.actors[actor].connection;
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
            Nature::Simple(simple) => match connection {
                None => self.dial(actor),
                Some(connection) => {
                    let said = if healing { None } else { simple.say(&mut self.history) };
                    let words = said.unwrap_or_else(|| simple.nudge().to_owned());
                    self.send_up(connection, Up::Bytes(words.into_bytes()));
                }
            },
            Nature::Pest(pest) if !healing => match (*pest, connection) {
                (_, None) => self.dial(actor),
                (Pest::Silent, Some(_)) => {}
                (Pest::Talks | Pest::Deaf, Some(connection)) => self.annoy(connection),
            },
            Nature::Pest(_) => {}
        }
        let pause = if healing { 5_000_000 } else { self.rng.around(400_000) };
        self.agenda.add(self.now + pause, Happening::Act { actor });
    }

    /// A pest sends whatever it may.
    fn annoy(&mut self, connection: ConnectionId) {
        let mut words = Vec::new();
        if self.rng.chance(1, 10) {
            let count = self.rng.below(40);
            words.extend((0..count).map(|_| self.rng.bits() as u8));
            words.extend_from_slice(b"\r\n");
        }
        for _ in 0..self.rng.between(1, 5) {
            let line = Line::from_bytes(std::array::from_fn(|_| self.rng.bits() as u8));
            if let Some(line) = line.wire() {
                words.extend_from_slice(line.as_bytes());
                words.extend_from_slice(b"\r\n");
            }
        }
        self.send_up(connection, Up::Bytes(words));
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

    // The end.

    /// Whether everybody is online and has sent everything.
    fn is_settled(&self) -> bool {
        self.actors.iter().all(|actor| match &actor.nature {
            Nature::Person(person) => person.trouble().is_none(),
            Nature::Simple(simple) => simple.is_inside(),
            Nature::Pest(_) => true,
        })
    }

    fn report(mut self) -> Report {
        let mut stuck = Vec::new();
        for (number, actor) in self.actors.iter().enumerate() {
            match &actor.nature {
                Nature::Person(person) => {
                    person.screens(&mut self.history);
                    stuck.extend(person.trouble());
                }
                Nature::Simple(simple) if simple.is_inside() => simple.has_read_all(&mut self.history),
                Nature::Simple(_) => stuck.push(format!("{number} is not in the room")),
                Nature::Pest(_) => continue,
            }
            if !actor.connection.is_some_and(|connection| self.is_online(connection)) {
                stuck.push(format!("the server does not know that {number} is there"));
            }
        }
        self.note_what_is_kept();
        self.history.names = self.names.take();
        let state_hash = self.process.as_ref().map_or([0; 32], Process::state_hash);
        let (trace_hash, trace) = self.trace.finish();
        Report {
            seed: self.seed,
            commands: self.commands.get(),
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

    fn note_what_is_kept(&mut self) {
        for (place, post) in self.disk.posts() {
            let room = match place {
                Place::Room(name) => ROOMS.iter().position(|room| *room == name).map(|at| Room(at as u32)),
                Place::Direct(a, b) => direct(a, b),
            };
            if let Some(room) = room {
                let mark = mark_of(&post.text);
                self.history.kept.push(Kept { room, msgid: MsgId(post.seq.0), mark });
            }
        }
        for (account, target, at) in self.disk.markers() {
            let number = ACCOUNTS.iter().position(|name| *name == account);
            if let (Some(number), Some(room)) = (number, place_of(account, target)) {
                let account = number as u32;
                self.history.markers.push(Marker { account, reader: None, room, until_ms: at.0 });
            }
        }
    }
}
