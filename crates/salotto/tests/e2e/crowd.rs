//! Many people in one room, with every kind of client, and a server that is killed under them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::{Condvar, Mutex};

use rustix::process::Signal;

use crate::irc::{ALL_CAPABILITIES, Irc, short, tag};
use crate::member::{Heard, KINDS, Kind, Member, Said};
use crate::support::{PATIENCE, Server, Setup, lasting_port};

/// How many of each kind make two hundred.
const CROWD: [(Kind, usize); 5] =
    [(Kind::Plain, 60), (Kind::Capable, 60), (Kind::Web, 40), (Kind::Terminal, 30), (Kind::Library, 10)];

/// A server that comes back on the same ports.
struct Ports {
    irc: String,
    web: String,
    text: String,
}

impl Ports {
    fn new() -> Ports {
        let [irc, web, text] = [(); 3].map(|()| lasting_port().to_string());
        Ports { irc, web, text }
    }

    fn setup(&self) -> Setup {
        Server::english()
            .option("--host", "127.0.0.1")
            .option("--port", &self.irc)
            .option("--web-port", &self.web)
            .option("--text-port", &self.text)
    }
}

/// Two hundred people in the lobby.
fn crowd(server: &Server) -> Vec<Member> {
    let mut members = Vec::new();
    for (kind, count) in CROWD {
        for number in 0..count {
            members.push(Member::enter(server, &format!("{kind:?}{number}"), kind));
        }
    }
    assert_eq!(members.len(), 200);
    members
}

/// The first two of each kind all talk at once.
fn talk(members: &mut [Member], each: usize) -> usize {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let speakers: Vec<&mut Member> = members
        .iter_mut()
        .filter(|member| {
            let count = seen.entry(format!("{:?}", member.kind)).or_default();
            *count += 1;
            *count <= 2
        })
        .collect();
    let total = speakers.len() * each;
    std::thread::scope(|scope| {
        for speaker in speakers {
            scope.spawn(move || {
                for number in 0..each {
                    let text = format!("{} says {number}", speaker.name);
                    assert!(speaker.say(&text), "{text}");
                }
            });
        }
    });
    total
}

/// What this member is to hear of all that was said: everything, their own words only where those come back.
fn for_member<'a>(all: &'a [Said], member: &Member) -> Vec<&'a Said> {
    all.iter().filter(|(name, _)| member.hears_oneself() || *name != member.name).collect()
}

/// Each speaker's words are there once and in the order of saying, up to some point.
fn assert_each_once_in_order(said: &[Said]) {
    let mut next: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, text) in said {
        let number = next.entry(name).or_default();
        assert_eq!(*text, format!("{name} says {number}"), "the words of {name}, each once, in order");
        *number += 1;
    }
}

#[test]
fn mission_07_two_hundred_people_see_everything_once_and_in_the_same_order() {
    const EACH: usize = 30;
    let server = Server::english().start();
    let mut members = crowd(&server);
    let total = talk(&mut members, EACH);
    let reference = members.iter().position(Member::hears_oneself).expect("most do");
    let all: Vec<Said> = (0..total).map(|_| members[reference].hear()).collect();
    assert_each_once_in_order(&all);
    for (at, member) in members.iter_mut().enumerate().filter(|(at, _)| *at != reference) {
        for expected in for_member(&all, member) {
            let said = member.hear();
            assert_eq!(said, *expected, "{} of {:?}, the member {at}", member.name, member.kind);
        }
    }
    // And nothing comes after it but what is said now.
    assert!(members[0].say("the end"));
    let name = members[0].name.clone();
    for member in &mut members[1..] {
        assert_eq!(member.hear(), (name.clone(), "the end".to_owned()), "{}", member.name);
    }
}

#[test]
fn mission_18_what_anybody_has_seen_outlives_a_server_that_is_killed_in_the_middle_of_talk() {
    const EACH: usize = 200;
    let ports = Ports::new();
    let server = ports.setup().start();
    let mut members = crowd(&server);
    let (witness, others) = members.split_last_mut().expect("two hundred");
    assert_eq!(witness.kind, Kind::Library);

    // The server is killed when the witness has heard some of it, and the others still talk.
    let mut watched = Vec::new();
    let ended = std::thread::scope(|scope| {
        let first_of_kind = |member: &&mut Member| member.name == format!("{:?}1", member.kind);
        for speaker in others.iter_mut().filter(first_of_kind) {
            scope.spawn(move || {
                let name = speaker.name.clone();
                // Up to the moment when the server is gone.
                let _ = (0..EACH).find(|number| !speaker.say(&format!("{name} says {number}")));
            });
        }
        while watched.len() < EACH / 2 {
            watched.push(witness.hear());
        }
        server.stop(Signal::KILL)
    });
    watched.extend(witness.hear_to_the_end().0);
    let mut seen = vec![(witness.name.clone(), watched)];
    for member in others.iter_mut() {
        seen.push((member.name.clone(), member.hear_to_the_end().0));
    }
    let longest = seen.iter().map(|(_, said)| said.len()).max().expect("many");
    assert!(longest < 5 * EACH, "the server was killed after all had talked: {longest}");

    let server = ports.setup().start_in(ended.home);
    let mut reader = Irc::sign_in(&server, "reader", ALL_CAPABILITIES);
    let kept = said_in_history(&mut reader);
    let kept_at_first: Vec<Said> = kept.into_iter().map(|(_, said)| said).collect();
    assert_each_once_in_order(&kept_at_first);
    for (member, (name, said)) in others.iter().zip(&seen[1..]) {
        assert_eq!(member.name, *name);
        let expected = for_member(&kept_at_first, member);
        assert!(said.len() <= expected.len(), "{name} has seen more than was kept");
        assert!(
            said.iter().zip(&expected).all(|(said, kept)| said == *kept),
            "{name} has seen another order"
        );
    }

    // Those who talk by the library come back by themselves, and say the rest.
    let speaker = others.iter_mut().find(|member| member.name == "Library1").expect("one of them");
    speaker.hear_until(&Heard::Delivered);
    let kept: Vec<Said> = said_in_history(&mut reader).into_iter().map(|(_, said)| said).collect();
    assert_each_once_in_order(&kept);
    assert_eq!(kept.iter().filter(|(name, _)| name == "Library1").count(), EACH);
    assert_eq!(kept[..kept_at_first.len()], kept_at_first, "what was kept stays as it was");
}

/// All that history has of the lobby, with the ids.
fn said_in_history(reader: &mut Irc) -> Vec<(String, Said)> {
    let lines = reader.whole_history("#lobby");
    let said = |line: &String| {
        let id = tag(line, "msgid").expect("an id").to_owned();
        let short = short(line);
        let (name, text) = short.split_once(" PRIVMSG #lobby :").expect("something said");
        (id, (name.to_owned(), text.to_owned()))
    };
    lines.iter().map(said).collect()
}

/// How often the server was started, for those who wait for its return.
struct Starts {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Starts {
    fn new() -> Starts {
        Starts { count: Mutex::new(1), changed: Condvar::new() }
    }

    fn add_one(&self) {
        *self.count.lock().expect("whole") += 1;
        self.changed.notify_all();
    }

    /// Waits for a start after the `known`th; gives how many there were.
    fn after(&self, known: usize) -> usize {
        let count = self.count.lock().expect("whole");
        let (count, timeout) =
            self.changed.wait_timeout_while(count, PATIENCE, |count| *count <= known).expect("whole");
        assert!(!timeout.timed_out(), "the server has not come back");
        *count
    }
}

/// Somebody who says everything until there is a receipt for it.
struct Stubborn {
    name: String,
    /// For each word the id that its receipt gave, once there is one.
    receipts: Vec<Option<String>>,
}

impl Stubborn {
    /// How many words may be without a receipt.
    const UNDER_WAY_MAX: usize = 8;

    /// Talks over one connection until it breaks; gives whether everything has a receipt.
    fn talk(&mut self, port: u16, on_receipt: &impl Fn()) -> bool {
        let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
        let say = |line: String| (&stream).write_all(line.as_bytes()).is_ok();
        let name = &self.name;
        if !say(format!("CAP REQ :message-tags echo-message\r\nNICK {name}\r\nUSER s 0 * :s\r\nCAP END\r\n"))
        {
            return false;
        }
        // Nothing that was said over an earlier connection is under way any more.
        let mut next = 0;
        let mut inside = false;
        loop {
            let under_way = self.receipts[..next].iter().filter(|receipt| receipt.is_none()).count();
            if inside && under_way < Self::UNDER_WAY_MAX {
                let wanted = (next..self.receipts.len()).find(|&number| self.receipts[number].is_none());
                match wanted {
                    Some(number) => {
                        next = number + 1;
                        let token = format!("@+salotto.chat/token={name}-{number}");
                        if !say(format!("{token} PRIVMSG #lobby :{name} says {number}\r\n")) {
                            return false;
                        }
                        continue;
                    }
                    None if under_way == 0 => return true,
                    None => {}
                }
            }
            let mut line = String::new();
            match reader.read_line(&mut line) {
                Ok(len) if len > 0 && line.ends_with('\n') => {}
                _ => return false,
            }
            inside |= line.contains(" 366 ");
            assert!(!line.contains(" 433 "), "the name of somebody who is gone is taken: {line}");
            let number = tag(&line, "+salotto.chat/token")
                .and_then(|token| token.strip_prefix(&format!("{name}-"))?.parse::<usize>().ok());
            if let Some(number) = number {
                let id = tag(&line, "msgid").expect("an id").to_owned();
                match &self.receipts[number] {
                    Some(known) => assert_eq!(*known, id, "one word, one id"),
                    None => {
                        self.receipts[number] = Some(id);
                        on_receipt();
                    }
                }
            }
        }
    }
}

#[test]
fn mission_18_every_receipt_is_kept_once_however_often_the_server_is_killed() {
    const KILLS: usize = 5;
    const EACH: usize = 150;
    let ports = Ports::new();
    let port = ports.irc.parse().expect("a number");
    let mut speakers: Vec<Stubborn> = ["anna", "bruno", "carla", "dario"]
        .map(|name| Stubborn { name: name.to_owned(), receipts: vec![None; EACH] })
        .into();
    let total = speakers.len() * EACH;
    let starts = Starts::new();
    let receipts = (Mutex::new(0), Condvar::new());
    let mut server = Some(ports.setup().start());
    std::thread::scope(|scope| {
        for speaker in &mut speakers {
            let (starts, receipts) = (&starts, &receipts);
            scope.spawn(move || {
                let on_receipt = || {
                    *receipts.0.lock().expect("whole") += 1;
                    receipts.1.notify_all();
                };
                let mut start = 1;
                while !speaker.talk(port, &on_receipt) {
                    start = starts.after(start);
                }
            });
        }
        for kill in 1..=KILLS {
            // Evenly over all that is said, so that there is always something under way.
            let wanted = total * kill / (KILLS + 1);
            let count = receipts.0.lock().expect("whole");
            let waited = receipts.1.wait_timeout_while(count, PATIENCE, |count| *count < wanted);
            let (count, timeout) = waited.expect("whole");
            assert!(!timeout.timed_out(), "{} receipts of {wanted}", *count);
            drop(count);
            let ended = server.take().expect("running").stop(Signal::KILL);
            server = Some(ports.setup().start_in(ended.home));
            starts.add_one();
        }
    });

    let server = server.expect("running");
    let mut reader = Irc::sign_in(&server, "reader", ALL_CAPABILITIES);
    let kept = said_in_history(&mut reader);
    assert_each_once_in_order(&kept.iter().map(|(_, said)| said.clone()).collect::<Vec<_>>());
    assert_eq!(kept.len(), total);
    let ids: BTreeMap<&str, &str> = kept.iter().map(|(id, (_, text))| (&**text, &**id)).collect();
    for speaker in &speakers {
        for (number, receipt) in speaker.receipts.iter().enumerate() {
            let text = format!("{} says {number}", speaker.name);
            assert_eq!(ids.get(&*text).copied(), receipt.as_deref(), "{text}");
        }
    }
}

#[test]
fn mission_16_everybody_is_told_that_the_server_closes() {
    const CLOSED: &str = "The server has closed: stopped by its operator";
    for signal in [Signal::INT, Signal::TERM] {
        let server = Server::english().start();
        let mut members: Vec<Member> =
            KINDS.map(|kind| Member::enter(&server, &format!("{kind:?}"), kind)).into();
        assert!(members[0].say("last words"));
        let ended = server.stop(signal);
        assert_eq!(ended.status.code(), Some(0), "after {signal:?}");
        for member in &mut members {
            let (said, last) = member.hear_to_the_end();
            let expected = match member.kind {
                Kind::Terminal => CLOSED.to_owned(),
                Kind::Library => "stopped by its operator".to_owned(),
                Kind::Plain | Kind::Capable | Kind::Web => format!("ERROR :{CLOSED}"),
            };
            assert_eq!(last, expected, "to {}", member.name);
            assert!(said.len() <= 1, "{said:?}");
        }
    }
}
