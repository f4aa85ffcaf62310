//! The whole server in one thread: two people meet, and one of them reads nothing for a while.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::Duration;

use salotto_core::{
    AccountId, Conversation, Core, Key, PostRecord, Record, RoomId, Seq, SessionId, Timestamp,
};
use salotto_server::config::Config;
use salotto_server::listen::ListenerKind;
use salotto_server::lockstep::{Archive, Beginning, Disk, Lockstep, Stream};
use salotto_store::{AccountVerifier, HistoryQuery, Ref, StoreError};

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

/// A disk that keeps posts.
#[derive(Default)]
struct Posts(Vec<PostRecord>);

impl Disk for Posts {
    type Error = Infallible;

    fn commit<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
        _: (Seq, Timestamp),
    ) -> Result<(), Infallible> {
        self.0.extend(records.filter_map(|record| match record {
            Record::Post(post) => Some(post.clone()),
            _ => None,
        }));
        Ok(())
    }
}

impl Archive for Posts {
    fn history(
        &mut self,
        conversation: Conversation,
        query: HistoryQuery,
        limit: usize,
    ) -> Result<Vec<PostRecord>, StoreError> {
        let HistoryQuery::After(Ref::Seq(behind)) = query else { return Ok(Vec::new()) };
        let behind = self.0.iter().filter(|post| post.conversation == conversation && post.seq > behind);
        Ok(behind.take(limit).cloned().collect())
    }

    fn targets(
        &mut self,
        _: Option<AccountId>,
        _: &[RoomId],
        _: Timestamp,
        _: Timestamp,
        _: usize,
    ) -> Result<Vec<(Conversation, Timestamp)>, StoreError> {
        Ok(Vec::new())
    }

    fn verifier(&mut self, _: &Key) -> Result<Option<AccountVerifier>, StoreError> {
        Ok(None)
    }

    fn account_name(&mut self, _: AccountId) -> Result<Option<String>, StoreError> {
        Ok(None)
    }
}

struct World {
    server: Lockstep<Core, Wire>,
    disk: Posts,
}

impl World {
    fn new() -> World {
        let mut config = Config::default();
        config.rooms.lobby = "#tea".into();
        config.limits.flood_burst = 100_000;
        let beginning =
            Beginning { config, written: (Seq(0), Timestamp(0)), wall: Timestamp(1_000), seed: 7, shards: 2 };
        World { server: Lockstep::start(beginning, Core::default()), disk: Posts::default() }
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
            let written = self.server.commit_waits() && self.server.commit(&mut self.disk);
            let jobs: Vec<SessionId> = self.server.waiting_jobs().collect();
            for &session in &jobs {
                self.server.carry_out(session, &mut self.disk);
            }
            if waiting.is_empty() && jobs.is_empty() && !applied && !written {
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
    assert!(!world.disk.0.is_empty(), "the post was written");

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

/// The texts of the posts that a client was shown.
fn posts(heard: &str) -> Vec<&str> {
    heard.lines().filter_map(|line| line.split_once(" PRIVMSG #tea :").map(|(_, text)| text)).collect()
}

#[test]
fn nothing_is_acknowledged_to_whoever_quits_before_it_was_refused() {
    let mut world = World::new();
    let (ada, wire) = world.join("ada");
    world.say(ada, &wire, "CAP REQ :batch echo-message labeled-response message-tags");
    heard(&wire);
    world.say(ada, &wire, "@label=1 PRIVMSG nobody :hello");
    assert!(heard(&wire).starts_with("@label=1 :salotto.local 401 "));
    world.say(ada, &wire, "@label=2 PRIVMSG nobody :hello\r\nQUIT");
    let last = heard(&wire);
    assert!(last.contains("ERROR :") && !last.contains("ACK"), "{last}");
}

#[test]
fn a_reader_that_stops_is_sent_everything_once_and_in_order_when_it_reads_again() {
    const POSTS: usize = 3_000;
    let mut world = World::new();
    let (ada, ada_wire) = world.join("ada");
    let (bob, bob_wire) = world.join("bob");
    heard(&bob_wire);

    bob_wire.0.borrow_mut().room = 0;
    let said: Vec<String> = (0..POSTS).map(|number| format!("{number} {}", "x".repeat(200))).collect();
    for text in &said {
        world.say(ada, &ada_wire, &format!("PRIVMSG #tea :{text}"));
    }
    let waiting = world.server.waiting(bob);
    assert!((256 * 1024..257 * 1024).contains(&waiting), "{waiting} bytes wait");

    // It reads a little at a time while ada goes on, so that it is behind for long.
    let mut shown = String::new();
    let mut number = POSTS;
    let mut all = said.clone();
    while posts(&shown).len() < all.len() {
        bob_wire.0.borrow_mut().room = 50_000;
        world.server.writable(bob);
        world.settle();
        shown += &heard(&bob_wire);
        assert!(world.server.waiting(bob) < 320 * 1024);
        if number < POSTS + 40 {
            all.push(format!("{number}"));
            world.say(ada, &ada_wire, &format!("PRIVMSG #tea :{number}"));
            number += 1;
        }
    }
    assert_eq!(posts(&shown), all);

    // It is like everybody else again: what it says is taken, and what is said is shown at once.
    bob_wire.0.borrow_mut().room = usize::MAX;
    world.say(bob, &bob_wire, "PRIVMSG #tea :back");
    assert_eq!(posts(&heard(&ada_wire)), ["back"]);
    world.say(ada, &ada_wire, "PRIVMSG #tea :welcome");
    assert_eq!(posts(&heard(&bob_wire)), ["welcome"]);
}

#[test]
fn a_reader_without_progress_is_closed_after_half_a_minute() {
    let mut world = World::new();
    let (ada, ada_wire) = world.join("ada");
    let (_, bob_wire) = world.join("bob");
    bob_wire.0.borrow_mut().room = 0;
    world.say(ada, &ada_wire, "PRIVMSG #tea :are you there?");
    heard(&ada_wire);
    for (seconds, gone) in [(0, false), (29, false), (31, true)] {
        world.server.set_time(Duration::from_secs(seconds), Timestamp(1_000));
        world.say(ada, &ada_wire, "PING still-here");
        world.server.tick();
        world.settle();
        let heard = heard(&ada_wire);
        assert_eq!(heard.contains("QUIT :Connection lost: not reading"), gone, "after {seconds} s: {heard}");
    }
}
