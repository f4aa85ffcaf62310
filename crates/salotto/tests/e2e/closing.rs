//! The server closes: everybody is told, nothing said is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Client, Server, data_of};

const CLOSED: &str = "The server has closed: stopped by its operator";

fn closes_in_good_order(signal: Signal) {
    let server = Server::english().start();
    let mut anna = server.signed_in("anna");
    let mut bruno = server.signed_in("bruno");
    let mut undecided = server.terminal("somebody without a name");
    undecided.expect("Choose a name:");
    bruno.send("/lang it");
    bruno.expect("D'ora in poi in italiano.");
    let mut irc = Client::connect("an IRC client", server.address("irc"));
    irc.send("NICK carla");
    irc.send("USER c 0 * :c");
    irc.until("the names", |line| line.contains(" 366 "));
    anna.send("remember me");
    anna.expect("anna: remember me");
    bruno.expect("anna: remember me");

    let ended = server.stop(signal);
    assert_eq!(ended.status.code(), Some(0), "after {signal:?}");
    assert!(ended.took < Duration::from_secs(3), "it took {:?}", ended.took);
    for client in [&mut anna, &mut undecided] {
        client.expect(CLOSED);
        assert_eq!(client.rest(), Vec::<String>::new(), "and then the connection closes");
    }
    bruno.expect("Il server ha chiuso: fermato da chi lo gestisce");
    assert_eq!(bruno.rest(), Vec::<String>::new());
    irc.expect(&format!("ERROR :{CLOSED}"));
    assert_eq!(irc.rest(), Vec::<String>::new());

    assert!(data_of(&ended.home).is_dir());
    let server = Server::english().start_in(ended.home);
    let mut anna = server.terminal("anna");
    anna.send("anna");
    anna.expect("Earlier messages (UTC):");
    let earlier = anna.next();
    assert!(earlier.ends_with("] anna: remember me"), "{earlier}");
    anna.expect_next("Now:");
}

#[test]
fn mission_15_ctrl_c_tells_everybody_first_and_loses_nothing() {
    closes_in_good_order(Signal::INT);
}

#[test]
fn mission_15_sigterm_tells_everybody_first_and_loses_nothing() {
    closes_in_good_order(Signal::TERM);
}

#[test]
fn mission_15_what_anybody_has_seen_is_there_after_closing_in_the_middle_of_talk() {
    let server = Server::english().start();
    let mut anna = server.signed_in("anna");
    let mut bruno = server.signed_in("bruno");
    for number in 0..80 {
        anna.send(&format!("word {number}"));
    }
    bruno.expect("anna: word 20");
    let ended = server.stop(Signal::TERM);
    assert_eq!(ended.status.code(), Some(0));
    let mut seen: BTreeSet<String> = (0..=20).map(|number| format!("word {number}")).collect();
    for client in [&mut anna, &mut bruno] {
        seen.extend(client.rest().iter().filter_map(|line| line.strip_prefix("anna: ")).map(str::to_owned));
    }

    let server = Server::english().start_in(ended.home);
    let mut reader = Client::connect("a reader", server.address("irc"));
    reader.send("CAP REQ :draft/chathistory batch");
    reader.send("NICK reader");
    reader.send("USER r 0 * :r");
    reader.send("CAP END");
    reader.until("the names", |line| line.contains(" 366 "));
    reader.send("CHATHISTORY LATEST #lobby * 100");
    reader.until("the history", |line| line.contains("BATCH +"));
    let mut kept = BTreeSet::new();
    loop {
        let line = reader.next();
        if line.contains("BATCH -") {
            break;
        }
        kept.extend(line.split_once("PRIVMSG #lobby :").map(|(_, text)| text.to_owned()));
    }
    assert!(seen.is_subset(&kept), "lost: {:?}", seen.difference(&kept).collect::<Vec<_>>());
}

#[test]
fn mission_15_a_client_that_does_not_read_does_not_hold_the_closing_up() {
    let server = Server::english().start();
    let _silent = server.signed_in("silent");
    let mut anna = server.signed_in("anna");
    for _ in 0..200 {
        anna.send(&"x".repeat(300));
    }
    anna.send("the end");
    anna.expect("anna: the end");
    let ended = server.stop(Signal::TERM);
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.took < Duration::from_secs(3), "it took {:?}", ended.took);
    anna.expect(CLOSED);
}
