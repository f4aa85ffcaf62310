//! The whole server in one thread: two people meet, and one of them reads nothing for a while.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::rc::Rc;

use salotto_core::{Core, Record, Seq, SessionId, Timestamp};
use salotto_server::config::Config;
use salotto_server::listen::ListenerKind;
use salotto_server::lockstep::{Beginning, Disk, Lockstep, Stream};

/// A connection in memory.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<Ends>>);

#[derive(Default)]
struct Ends {
    to_server: VecDeque<u8>,
    to_client: Vec<u8>,
    /// How many bytes the client's side still takes.
    room: usize,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.borrow_mut().to_server.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut ends = self.0.borrow_mut();
        let count = bytes.len().min(ends.room);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        ends.room -= count;
        ends.to_client.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Wire {
    fn shut(&mut self) {}
}

/// A disk that keeps nothing but the count.
#[derive(Default)]
struct Counting(usize);

impl Disk for Counting {
    type Error = Infallible;

    fn commit<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
        _: (Seq, Timestamp),
    ) -> Result<(), Infallible> {
        self.0 += records.count();
        Ok(())
    }
}

struct World {
    server: Lockstep<Core, Wire>,
    disk: Counting,
}

impl World {
    fn new() -> World {
        let mut config = Config::default();
        config.rooms.lobby = "#tea".into();
        let beginning =
            Beginning { config, written: (Seq(0), Timestamp(0)), wall: Timestamp(1_000), seed: 7, shards: 2 };
        World { server: Lockstep::start(beginning, Core::default()), disk: Counting::default() }
    }

    fn join(&mut self, name: &str) -> (SessionId, Wire) {
        let wire = Wire::default();
        wire.0.borrow_mut().room = usize::MAX;
        let peer = "192.0.2.1:5000".parse().expect("an address");
        let session = self.server.open(wire.clone(), ListenerKind::Irc, peer).expect("a place");
        self.say(session, &wire, &format!("NICK {name}\r\nUSER {name} 0 * :{name}"));
        (session, wire)
    }

    fn say(&mut self, session: SessionId, wire: &Wire, line: &str) {
        wire.0.borrow_mut().to_server.extend(format!("{line}\r\n").into_bytes());
        self.server.readable(session);
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            let waiting: Vec<usize> = (0..2).filter(|&index| self.server.shard_waits(index)).collect();
            for &index in &waiting {
                self.server.shard(index);
            }
            let applied = self.server.hub();
            let written = self.server.begin_commit() && self.server.end_commit(&mut self.disk);
            if waiting.is_empty() && !applied && !written {
                return;
            }
        }
    }
}

fn heard(wire: &Wire) -> String {
    String::from_utf8(std::mem::take(&mut wire.0.borrow_mut().to_client)).expect("UTF-8")
}

#[test]
fn two_people_meet_and_a_slow_one_gets_the_rest_later() {
    let mut world = World::new();
    let (ada, ada_wire) = world.join("ada");
    let (bob, bob_wire) = world.join("bob");
    assert!(heard(&ada_wire).contains(":bob!"), "ada sees bob come in");
    heard(&bob_wire);

    bob_wire.0.borrow_mut().room = 5;
    world.say(ada, &ada_wire, "PRIVMSG #tea :the kettle is on");
    assert_eq!(heard(&bob_wire), ":ada!");
    assert!(world.disk.0 > 0, "the post was written");

    bob_wire.0.borrow_mut().room = usize::MAX;
    world.server.writable(bob);
    world.settle();
    assert!(heard(&bob_wire).ends_with(" PRIVMSG #tea :the kettle is on\r\n"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let run = || {
        let mut world = World::new();
        let (ada, wire) = world.join("ada");
        world.say(ada, &wire, "PRIVMSG #tea :hello\r\nWHOIS ada\r\nLIST");
        heard(&wire)
    };
    assert_eq!(run(), run());
}
