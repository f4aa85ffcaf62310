//! The whole server, sessions and all, in one thread: several people send what a script says.
//!
//! A script is text, a line a step, so that a kept input can be read:
//!
//! ```text
//! 0=anna            client 0 signs in under this name
//! 0:JOIN #tea       client 0 sends a line
//! 0.PRIV            client 0 sends these bytes and no line ending
//! 0!                client 0 reads nothing more
//! 0?40              client 0 reads this many bytes more; without a number, all there are
//! 0-                client 0 hangs up
//! @30               half a minute passes
//! ~                 the disk refuses, or takes again
//! ^                 the server's parts rest, or go on
//! $                 the server closes
//! ```
//!
//! Clients 0 to 3 speak IRC, 4 and 5 do so over WebSocket, 6 and 7 are bare terminals. A client that is not connected
//! connects when it has something to do. The byte before the script says how long the pieces are in which the server
//! reads what is sent, 0 meaning one piece.
//!
//! After every step every byte that a client was sent is part of a well-formed line, and what waits for it is within
//! its bound. In the end everybody who is still there has an answer to their ping, and when all have hung up, nobody
//! is left in the chat.

mod client;
mod disk;

use std::time::Duration;

use salotto_core::{Core, Seq, SessionId, Timestamp};
use salotto_server::config::Config;
use salotto_server::lockstep::{Beginning, Lockstep};

use self::client::{Client, Wire};
use self::disk::Memory;

const SHARDS: usize = 2;
/// Bytes that may wait for one client before it is cut off; less than usual, so that it is reached.
const SENDQ: usize = 16 * 1024;
/// What one turn may add before the bound is looked at: a page of history, or a list.
const TURN_LEN_MAX: usize = 1024 * 1024;
const STEPS_MAX: usize = 200;
const BEGIN: u64 = 1_700_000_000_000;

struct World {
    server: Lockstep<Core, Wire>,
    memory: Memory,
    clients: [Client; 8],
    piece_len: usize,
    running: Duration,
    rests: bool,
}

/// Plays a script.
pub fn run(data: &[u8]) {
    let (&piece_len, script) = data.split_first().unwrap_or((&0, &[]));
    let mut world = World::new(if piece_len == 0 { usize::MAX } else { usize::from(piece_len) });
    for step in script.split(|byte| *byte == b'\n').take(STEPS_MAX) {
        if step.starts_with(b"$") {
            return world.close();
        }
        world.step(step);
        if !world.rests {
            world.settle();
        }
    }
    world.end();
}

impl World {
    fn new(piece_len: usize) -> World {
        let mut config = Config::default();
        (config.limits.sendq_soft, config.limits.sendq) = (SENDQ / 4, SENDQ);
        config.limits.connections_per_address = 4;
        // What a hash costs is not what is looked at here.
        (config.accounts.hash_m_kib, config.accounts.hash_t) = (8, 1);
        let beginning = Beginning {
            config,
            written: (Seq(0), Timestamp(0)),
            wall: Timestamp(BEGIN),
            seed: 7,
            shards: SHARDS,
        };
        let mut world = World {
            server: Lockstep::start(beginning, Core::default()),
            memory: Memory::default(),
            clients: std::array::from_fn(Client::new),
            piece_len,
            running: Duration::ZERO,
            rests: false,
        };
        world.settle();
        world
    }

    fn step(&mut self, step: &[u8]) {
        let number = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| text.parse::<u16>().ok());
        match step {
            [digit @ b'0'..=b'7', act, rest @ ..] => {
                let at = usize::from(digit - b'0');
                match act {
                    b'=' | b':' | b'.' => self.send(at, *act, rest),
                    b'!' => self.clients[at].reads(0),
                    b'?' => {
                        self.clients[at].reads(number(rest).map_or(usize::MAX, usize::from));
                        self.writable(at);
                    }
                    b'-' => {
                        self.clients[at].hang_up();
                        self.readable(at);
                    }
                    _ => {}
                }
            }
            [b'@', rest @ ..] => self.wait(Duration::from_secs(number(rest).unwrap_or(1).min(600).into())),
            [b'~', ..] => self.memory.refuses = !self.memory.refuses,
            [b'^', ..] => self.rests = !self.rests,
            _ => {}
        }
    }

    fn send(&mut self, at: usize, act: u8, bytes: &[u8]) {
        if !self.connect(at) {
            return;
        }
        let wire = self.clients[at].wire_form(act, bytes);
        for piece in wire.chunks(self.piece_len) {
            self.clients[at].send(piece);
            self.readable(at);
            if !self.rests {
                self.settle();
            }
        }
    }

    fn connect(&mut self, at: usize) -> bool {
        let client = &mut self.clients[at];
        if client.session.is_none() {
            let (wire, kind, peer) = client.connect();
            client.session = self.server.open(wire, kind, peer);
        }
        client.session.is_some()
    }

    fn readable(&mut self, at: usize) {
        if let Some(session) = self.clients[at].session {
            self.server.readable(session);
        }
    }

    fn writable(&mut self, at: usize) {
        if let Some(session) = self.clients[at].session {
            self.server.writable(session);
        }
    }

    fn wait(&mut self, time: Duration) {
        self.running += time;
        let wall = BEGIN + u64::try_from(self.running.as_millis()).expect("a fuzzer does not run for an age");
        self.server.set_time(self.running, Timestamp(wall));
        self.server.tick();
    }

    /// Everything goes on until nothing more happens.
    fn settle(&mut self) {
        for turn in 0.. {
            assert!(turn < 10_000, "the server is never done");
            let mut idle = true;
            for index in 0..SHARDS {
                if self.server.shard_waits(index) {
                    self.server.shard(index);
                    idle = false;
                }
            }
            idle &= !self.server.hub();
            if self.server.commit_waits() {
                idle &= !self.server.commit(&mut self.memory);
            }
            let jobs: Vec<SessionId> = self.server.waiting_jobs().collect();
            for session in jobs {
                self.server.carry_out(session, &mut self.memory);
                idle = false;
            }
            self.check();
            if idle {
                return;
            }
        }
    }

    fn check(&mut self) {
        for client in &mut self.clients {
            client.check();
            let Some(session) = client.session else { continue };
            let waiting = self.server.waiting(session);
            assert!(waiting <= SENDQ + TURN_LEN_MAX, "{waiting} bytes wait for {session:?}");
            if self.server.stream(session).is_none() {
                client.forgotten();
            }
        }
    }

    /// The server closes in order: everybody who reads is told, and what was taken is committed.
    fn close(mut self) {
        self.server.shut_down("fuzzing");
        self.memory.refuses = false;
        while self.server.hub() || self.server.commit_waits() {
            self.server.commit(&mut self.memory);
        }
        for client in self.clients.iter_mut().filter(|client| client.session.is_some()) {
            client.check();
            assert!(client.is_shut(), "a connection is left open");
        }
    }

    fn end(&mut self) {
        (self.memory.refuses, self.rests) = (false, false);
        for at in 0..self.clients.len() {
            self.clients[at].reads(usize::MAX);
            self.writable(at);
        }
        self.settle();
        // Whoever said a lot at once is listened to later.
        for _ in 0..8 {
            self.wait(Duration::from_secs(1));
            self.settle();
        }
        for at in 0..self.clients.len() {
            let client = &mut self.clients[at];
            if client.session.is_none() || !client.can_be_asked() {
                continue;
            }
            let ping = client.wire_form(b':', b"\r\nPING are-you-there");
            client.heard.clear();
            client.send(&ping);
            self.readable(at);
            self.settle();
            self.wait(Duration::from_secs(1));
            self.settle();
            let client = &self.clients[at];
            let answered =
                client.heard.iter().any(|line| line.contains("PONG") && line.contains("are-you-there"));
            assert!(
                answered || client.session.is_none() || client.is_shut(),
                "client {at} is not listened to"
            );
        }
        for at in 0..self.clients.len() {
            self.clients[at].hang_up();
            self.readable(at);
        }
        self.settle();
        self.wait(Duration::from_secs(10));
        self.settle();
        let counts = self.server.chat().view(SessionId(u64::MAX)).counts();
        let left = (counts.people, counts.invisible, counts.sessions, counts.rooms);
        assert_eq!(left, (0, 0, 0, 0), "somebody is left who has hung up");
        assert!(self.clients.iter().all(|client| client.session.is_none()), "a connection is left");
    }
}
