//! Many people in one room, with every kind of client, and a server that is killed under them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::irc::{ALL_CAPABILITIES, Irc, short, tag};
use crate::member::{Heard, KINDS, Kind, Member, Said};
use crate::stubborn::{Ear, Stubborn};
use crate::support::{POSTS, Ports, Server, Setup, fill, is_measured, wanted};

/// How many of each kind make two hundred.
const CROWD: [(Kind, usize); 5] =
    [(Kind::Plain, 60), (Kind::Capable, 60), (Kind::Web, 40), (Kind::Terminal, 30), (Kind::Library, 10)];

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
    reader.whole_history("#lobby").iter().map(|line| with_id(line)).collect()
}

/// The id of a line of the lobby's history, and what it says.
fn with_id(line: &str) -> (String, Said) {
    let id = tag(line, "msgid").expect("an id").to_owned();
    let short = short(line);
    let (name, text) = short.split_once(" PRIVMSG #lobby :").expect("something said");
    (id, (name.to_owned(), text.to_owned()))
}

/// How long people may wait for the first answer of a server that was killed and started again.
const SERVING_MAX: Duration = Duration::from_secs(2);

/// How often the server is killed where nobody wants more by `SALOTTO_FAULTS_KILLS`.
const KILLS: usize = 5;

/// Stops a server again and again under people who talk and come back by themselves, and compares in the end what they
/// have receipts for with what is kept. Gives how long each return took, up to the first answer.
fn stop_again_and_again(
    threads: fn(Setup) -> Setup,
    signal: Signal,
    times: usize,
    posts: usize,
) -> Vec<Duration> {
    /// Words of everybody for each life of the server.
    const EACH: usize = 25;
    let home = tempfile::tempdir().expect("a temporary directory");
    fill(&home, posts);
    let ports = Ports::new();
    let words = EACH * (times + 1);
    let mut people = ["anna", "bruno", "carla", "dario"].map(|name| Stubborn::new(name, words));
    let total = people.len() * words;
    let ear = Ear::default();
    let mut returns = Vec::new();
    let mut server = Some(threads(ports.setup()).start_in(home));
    std::thread::scope(|scope| {
        for person in &mut people {
            let (ear, port) = (&ear, ports.irc());
            scope.spawn(move || person.talk_to_the_end(port, &|told| ear.hear(told)));
        }
        for time in 1..=times {
            // Evenly over all that is said, so that there is always something under way.
            ear.wait_for_receipts(total * time / (times + 1));
            let ended = server.take().expect("running").stop(signal);
            assert!(signal == Signal::KILL || ended.status.code() == Some(0), "{}", ended.log);
            let begin = Instant::now();
            server = Some(threads(ports.setup()).start_in(ended.home));
            returns.push(ear.wait_for_welcome(begin) - begin);
        }
    });

    let server = server.expect("running");
    let mut reader = Irc::sign_in(&server, "reader", ALL_CAPABILITIES);
    let kept = said_since_the_fill(&mut reader);
    assert_each_once_in_order(&kept.iter().map(|(_, said)| said.clone()).collect::<Vec<_>>());
    assert_eq!(kept.len(), total);
    let ids: BTreeMap<&str, &str> = kept.iter().map(|(id, (_, text))| (&**text, &**id)).collect();
    for person in &people {
        for (number, receipt) in person.receipts.iter().enumerate() {
            let text = person.word(number);
            assert_eq!(ids.get(&*text).copied(), receipt.as_deref(), "{text}");
        }
    }
    returns.sort_unstable();
    println!(
        "stopped {times} times by {signal:?} with {posts} posts, {total} receipts kept once; the first answer came after \
         {:?}, at most {:?}",
        returns[times / 2],
        returns[times - 1]
    );
    returns
}

#[test]
fn mission_18_every_receipt_is_kept_once_however_often_the_server_is_killed() {
    let (kills, posts) = (wanted("SALOTTO_FAULTS_KILLS", KILLS), wanted("SALOTTO_FAULTS_POSTS", POSTS));
    let returns = stop_again_and_again(|setup| setup, Signal::KILL, kills, posts);
    let longest = returns.last().expect("killed at least once");
    assert!(*longest < SERVING_MAX || !is_measured(), "it took {longest:?} to serve again");
}

#[test]
fn mission_15_a_server_that_is_asked_to_close_under_load_loses_nothing() {
    stop_again_and_again(|setup| setup, Signal::TERM, 3, 0);
}

#[test]
fn mission_18_one_thread_alone_loses_nothing_when_it_is_killed_or_closed() {
    stop_again_and_again(Setup::in_one_thread, Signal::KILL, 3, 0);
    stop_again_and_again(Setup::in_one_thread, Signal::TERM, 3, 0);
}

/// All that history has of the lobby after what it was filled with, with the ids.
fn said_since_the_fill(reader: &mut Irc) -> Vec<(String, Said)> {
    let mut request = "LATEST #lobby * 100".to_owned();
    let mut said = Vec::new();
    loop {
        let page: Vec<_> = reader.history(&request).iter().map(|line| with_id(line)).collect();
        let since: Vec<_> =
            page.iter().filter(|(_, (name, _))| !name.starts_with("author")).cloned().collect();
        let whole = since.len() < page.len() || page.is_empty();
        if let Some((oldest, _)) = since.first() {
            request = format!("BEFORE #lobby msgid={oldest} 100");
        }
        said.splice(0..0, since);
        if whole {
            return said;
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
