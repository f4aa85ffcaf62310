//! The whole server in one thread, from the bytes of a line to the bytes that every reader gets; its disk takes
//! everything and keeps nothing.

use std::cell::RefCell;
use std::convert::Infallible;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::rc::Rc;

use salotto_core::{Core, Record, Seq, SessionId, Timestamp};
use salotto_server::config::Config;
use salotto_server::listen::ListenerKind;
use salotto_server::lockstep::{Beginning, Disk, Lockstep, Stream};

use super::Work;

/// A connection in memory, whose client takes everything at once.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<Ends>>);

#[derive(Default)]
struct Ends {
    to_server: Vec<u8>,
    is_over: bool,
    to_client_len: usize,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut ends = self.0.borrow_mut();
        if ends.to_server.is_empty() && !ends.is_over {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = ends.to_server.len().min(buffer.len());
        buffer[..len].copy_from_slice(&ends.to_server[..len]);
        ends.to_server.drain(..len);
        Ok(len)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().to_client_len += black_box(bytes).len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Wire {
    fn shut(&mut self) {
        self.0.borrow_mut().is_over = true;
    }
}

struct NoDisk;

impl Disk for NoDisk {
    type Error = Infallible;

    fn commit<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
        _: (Seq, Timestamp),
    ) -> Result<(), Infallible> {
        records.for_each(|record| {
            black_box(record);
        });
        Ok(())
    }
}

struct World {
    server: Lockstep<Core, Wire>,
    people: Vec<(SessionId, Wire)>,
}

impl World {
    /// A room with so many people.
    fn new(people: usize) -> World {
        let mut config = Config::default();
        config.limits.flood_burst = u32::MAX;
        config.limits.flood_per_second = u32::MAX;
        config.limits.connections_per_address = people + 2;
        let start = (Seq(0), Timestamp(0));
        let beginning =
            Beginning { config, written: start, wall: Timestamp(1_763_692_800_000), seed: 7, shards: 1 };
        let mut world = World { server: Lockstep::start(beginning, Core::default()), people: Vec::new() };
        for person in 0..people {
            let arrived = world.enter(&format!("person{person}"));
            world.people.push(arrived);
        }
        world
    }

    fn enter(&mut self, name: &str) -> (SessionId, Wire) {
        let wire = Wire::default();
        let peer = "192.0.2.1:5000".parse().expect("an address");
        let session = self.server.open(wire.clone(), ListenerKind::Irc, peer).expect("a place");
        let hello = format!(
            "CAP REQ :message-tags server-time batch echo-message\r\nNICK {name}\r\nUSER bench 0 * :bench\r\nCAP END\r\n"
        );
        self.say(session, &wire, hello.as_bytes());
        (session, wire)
    }

    fn say(&mut self, session: SessionId, wire: &Wire, lines: &[u8]) {
        wire.0.borrow_mut().to_server.extend_from_slice(lines);
        self.server.readable(session);
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            let shard_waits = self.server.shard_waits(0);
            if shard_waits {
                self.server.shard(0);
            }
            let applied = self.server.hub();
            let written = self.server.commit_waits() && self.server.commit(&mut NoDisk);
            if !shard_waits && !applied && !written {
                return;
            }
        }
    }
}

fn post(people: usize) -> Work {
    let mut world = World::new(people);
    let (session, wire) = world.people[0].clone();
    let last = world.people[people - 1].1.clone();
    Box::new(move || {
        let before = last.0.borrow().to_client_len;
        world.say(
            session,
            &wire,
            b"PRIVMSG #lobby :every word that is said in the room is heard by each\r\n",
        );
        assert!(last.0.borrow().to_client_len > before, "it was delivered");
    })
}

/// A post in a room of ten.
pub fn post_to_10() -> Work {
    post(10)
}

/// A post in a room of a hundred.
pub fn post_to_100() -> Work {
    post(100)
}

/// Somebody connects, signs in, is put in the lobby with nine others, and quits.
pub fn sign_in_and_quit() -> Work {
    let mut world = World::new(9);
    Box::new(move || {
        let (session, wire) = world.enter("guest");
        assert!(wire.0.borrow().to_client_len > 0, "it was welcomed");
        world.say(session, &wire, b"QUIT :done\r\n");
        wire.0.borrow_mut().is_over = true;
        world.server.readable(session);
        world.settle();
    })
}
