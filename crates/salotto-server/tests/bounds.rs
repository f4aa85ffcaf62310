//! What one connection may cost, and that what it is sent is lines whatever it says.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::Duration;

use salotto_core::{Core, Record, Seq, SessionId, Timestamp};
use salotto_server::config::Config;
use salotto_server::listen::ListenerKind;
use salotto_server::lockstep::{Beginning, Disk, Lockstep, Stream};
use salotto_wire::BODY_LEN_MAX;

const WALL: u64 = 1_000_000;

#[derive(Clone, Default)]
struct Wire(Rc<RefCell<Ends>>);

#[derive(Default)]
struct Ends {
    to_server: VecDeque<u8>,
    to_client: Vec<u8>,
    /// How often something was written.
    writes: usize,
    reads_nothing: bool,
    shut: bool,
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
        if ends.reads_nothing {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        ends.to_client.extend_from_slice(bytes);
        ends.writes += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Wire {
    fn shut(&mut self) {
        self.0.borrow_mut().shut = true;
    }
}

struct Nothing;

impl Disk for Nothing {
    type Error = Infallible;

    fn commit<'a>(
        &mut self,
        _: impl Iterator<Item = &'a Record>,
        _: (Seq, Timestamp),
    ) -> Result<(), Infallible> {
        Ok(())
    }
}

struct Talk {
    server: Lockstep<Core, Wire>,
    session: SessionId,
    wire: Wire,
}

impl Talk {
    fn new(kind: ListenerKind) -> Talk {
        let mut config = Config::default();
        // Nobody waits here for what was said at once.
        config.limits.flood_burst = 100_000;
        let beginning =
            Beginning { config, written: (Seq(0), Timestamp(0)), wall: Timestamp(WALL), seed: 7, shards: 1 };
        let mut server = Lockstep::start(beginning, Core::default());
        let wire = Wire::default();
        let peer = "192.0.2.1:5000".parse().expect("an address");
        let session = server.open(wire.clone(), kind, peer).expect("a place");
        let mut talk = Talk { server, session, wire };
        talk.settle();
        talk
    }

    fn say(&mut self, line: &str) {
        self.wire.0.borrow_mut().to_server.extend(format!("{line}\r\n").into_bytes());
        self.server.readable(self.session);
        self.settle();
    }

    /// People who sign in, each from another address.
    fn crowd(&mut self, count: u16) -> Vec<(SessionId, Wire)> {
        let come = |number: u16| {
            let wire = Wire::default();
            let peer = format!("198.51.{}.{}:5000", number / 256, number % 256).parse().expect("an address");
            let session = self.server.open(wire.clone(), ListenerKind::Irc, peer).expect("a place");
            wire.0.borrow_mut().to_server.extend(format!("NICK p{number}\r\nUSER u 0 * :u\r\n").into_bytes());
            self.server.readable(session);
            self.settle();
            (session, wire)
        };
        (0..count).map(come).collect()
    }

    /// The shard takes what has come; the engine stands still.
    fn listen_only(&mut self) {
        while self.server.shard_waits(0) {
            self.server.shard(0);
        }
    }

    fn wait_until(&mut self, running: Duration) {
        let passed = u64::try_from(running.as_millis()).expect("a short time");
        self.server.set_time(running, Timestamp(WALL + passed));
        self.server.tick();
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            let has_news = self.server.shard_waits(0);
            if has_news {
                self.server.shard(0);
            }
            let applied = self.server.hub();
            let written = self.server.commit_waits() && self.server.commit(&mut Nothing);
            if !has_news && !applied && !written {
                return;
            }
        }
    }

    fn heard(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.wire.0.borrow_mut().to_client)).expect("UTF-8")
    }

    fn is_closed(&self) -> bool {
        self.wire.0.borrow().shut
    }
}

#[test]
fn every_line_is_a_line_whatever_was_said() {
    let mut talk = Talk::new(ListenerKind::Irc);
    for line in [
        "PING …",
        "CAP …",
        "CAP REQ :…",
        "CAP REQ :-…",
        "NICK …",
        "AUTHENTICATE …",
        "RESUME …",
        "… a",
        "…",
        "CAP REQ :echo-message draft/chathistory batch\r\nNICK ada\r\nUSER ada 0 * :Ada\r\nCAP END",
        "PING …",
        "JOIN …",
        "JOIN #…",
        "PART …",
        "PRIVMSG … :hello",
        "PRIVMSG #lobby :…",
        "NOTICE ada :…",
        "TOPIC #lobby :…",
        "MODE #lobby +b …",
        "MODE #lobby …",
        "MODE …",
        "MODE ada …",
        "WHOIS …",
        "WHO …",
        "WHO * %…",
        "NAMES …",
        "LIST …",
        "ISON …",
        "USERHOST …",
        "KICK #lobby … :x",
        "KICK #lobby ada :…",
        "INVITE … #lobby",
        "INVITE ada …",
        "AWAY :…",
        "SETNAME :…",
        "CHATHISTORY …",
        "CHATHISTORY LATEST … * 5",
        "MARKREAD …",
        "MARKREAD … timestamp=2026-01-01T00:00:00.000Z",
        "KILL … x",
        "CAP REQ :…",
        "CAP …",
        "AUTHENTICATE …",
        "USER …",
        "PASS …",
        "… a",
        "…",
    ] {
        let room = BODY_LEN_MAX - 2 - (line.len() - "…".len());
        for filler in ["x".repeat(room), "à".repeat(room / 2), "x ".repeat(room / 2)] {
            talk.say(&line.replace('…', &filler));
            for heard in talk.heard().split_inclusive('\n') {
                assert!(heard.ends_with("\r\n"), "{heard:?} for {line}");
                assert!(heard.len() <= BODY_LEN_MAX, "{} bytes for {line}: {heard}", heard.len());
            }
        }
    }
    talk.say("PING still-here");
    assert!(talk.heard().contains("still-here"));
}

#[test]
fn answers_do_not_heap_up_for_whoever_has_not_signed_in() {
    let mut talk = Talk::new(ListenerKind::Irc);
    talk.wire.0.borrow_mut().reads_nothing = true;
    for _ in 0..90 {
        talk.say("CAP LS 302");
        assert!(talk.server.waiting(talk.session) < 64 * 1024);
    }
    talk.wait_until(Duration::from_secs(6));
    assert!(talk.is_closed(), "who reads nothing of so much is closed before the time to sign in is over");
}

#[test]
fn an_irc_client_has_fifteen_seconds_to_sign_in() {
    let mut talk = Talk::new(ListenerKind::Irc);
    talk.say("NICK ada");
    talk.wait_until(Duration::from_secs(15));
    assert!(!talk.is_closed());
    talk.wait_until(Duration::from_secs(16));
    assert!(talk.is_closed() && talk.heard().contains("registration timeout"));
}

#[test]
fn a_person_at_a_bare_terminal_may_think_for_five_minutes() {
    let mut talk = Talk::new(ListenerKind::Text);
    talk.wait_until(Duration::from_secs(300));
    assert!(!talk.is_closed());
    talk.wait_until(Duration::from_secs(301));
    assert!(talk.is_closed());
}

#[test]
fn what_all_connections_ask_together_is_bounded_and_answered() {
    const PEOPLE: u16 = 400;
    const QUESTIONS: usize = 200;
    let mut talk = Talk::new(ListenerKind::Irc);
    let people = talk.crowd(PEOPLE);
    for (session, wire) in &people {
        wire.0.borrow_mut().to_server.extend("TOPIC #nowhere\r\n".repeat(QUESTIONS).into_bytes());
        talk.server.readable(*session);
    }
    talk.listen_only();
    let untouched = people.iter().filter(|(_, wire)| !wire.0.borrow().to_server.is_empty()).count();
    assert!(untouched >= usize::from(PEOPLE) - 32 * 1024 / 128 - 1, "{untouched} were not read from");
    talk.settle();
    for (_, wire) in &people {
        let heard = String::from_utf8(wire.0.borrow().to_client.clone()).expect("UTF-8");
        assert_eq!(heard.matches(" 403 ").count(), QUESTIONS);
    }
}

/// How many lists, by the numeric of their last line, have reached these people.
fn lists(people: &[(SessionId, Wire)], end: &str) -> usize {
    let count = |bytes: &[u8]| String::from_utf8_lossy(bytes).matches(end).count();
    people.iter().map(|(_, wire)| count(&wire.0.borrow().to_client)).sum()
}

#[test]
fn long_lists_are_made_and_written_some_at_a_time() {
    const PEOPLE: u16 = 400;
    const QUESTIONS: usize = 4;
    for (question, end) in [("NAMES #lobby", " 366 "), ("WHO #lobby", " 315 "), ("LIST", " 323 ")] {
        let mut talk = Talk::new(ListenerKind::Irc);
        let people = talk.crowd(PEOPLE);
        for (number, (session, wire)) in people.iter().enumerate() {
            wire.0.borrow_mut().to_server.extend(format!("JOIN #room{number}\r\n").into_bytes());
            talk.server.readable(*session);
            talk.settle();
        }
        let had = lists(&people, end);
        for _ in 0..QUESTIONS {
            for (session, wire) in &people {
                wire.0.borrow_mut().to_server.extend(format!("{question}\r\n").into_bytes());
                talk.server.readable(*session);
            }
            talk.listen_only();
        }
        assert!(talk.server.hub() && talk.server.commit(&mut Nothing));
        talk.listen_only();
        let in_a_batch = (16 * 1024_usize).div_ceil(PEOPLE.into());
        assert_eq!(lists(&people, end) - had, in_a_batch, "{question}");
        // The engine runs ahead of the shard, which has them all at once.
        while talk.server.hub() {
            talk.server.commit(&mut Nothing);
        }
        let writes = |(_, wire): &(SessionId, Wire)| wire.0.borrow().writes;
        let before: Vec<usize> = people.iter().map(writes).collect();
        talk.server.shard(0);
        assert_eq!(lists(&people, end) - had, QUESTIONS * people.len(), "{question}");
        let fewest = people.iter().map(writes).zip(before).map(|(after, before)| after - before).min();
        assert!(fewest >= Some(QUESTIONS - 1), "{question}: {fewest:?} writes");
    }
}
