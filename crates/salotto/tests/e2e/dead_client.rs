//! Clients that are dead and have not said so.

use std::time::{Duration, Instant};

use crate::irc::{Attended, Irc};
use crate::support::{Client, PATIENCE, Server};

/// A server that asks after a second of silence and gives up after two.
fn impatient() -> Server {
    Server::english()
        .variable("SALOTTO_LIMITS_PING_SECONDS", "1")
        .variable("SALOTTO_LIMITS_DROP_SECONDS", "2")
        .start()
}

#[test]
fn mission_19_the_server_notices_a_dead_client_and_tells_the_others_why() {
    let server = impatient();
    let witness = Attended::new("witness", Irc::sign_in(&server, "witness", ""));
    let mut bruno = Attended::new("bruno", Irc::sign_in(&server, "bruno", ""));
    witness.expect_next("bruno JOIN #lobby");
    let mut dead = Client::connect("a dead client", server.address("irc"));
    dead.send("NICK anna");
    dead.send("USER a 0 * :a");
    dead.until("the names", |line| line.contains(" 366 "));
    let silent_since = Instant::now();

    // The others answer when they are asked, and stay.
    witness.expect_next("anna JOIN #lobby");
    witness.expect_next("anna QUIT :Connection lost: ping timeout");
    assert!(silent_since.elapsed() >= Duration::from_secs(2), "after {:?}", silent_since.elapsed());
    bruno.expect_next("anna JOIN #lobby");
    bruno.expect_next("anna QUIT :Connection lost: ping timeout");
    dead.expect("PING :salotto.local");
    assert_eq!(dead.rest(), ["ERROR :Closing connection: ping timeout"]);

    bruno.send("PRIVMSG #lobby :and we go on");
    witness.expect_next("bruno PRIVMSG #lobby :and we go on");
    // Its name is free.
    Irc::sign_in(&server, "anna", "");
}

#[test]
fn mission_19_whoever_answers_or_only_talks_is_never_given_up() {
    let server = impatient();
    let answers = Attended::new("answers", Irc::sign_in(&server, "answers", ""));
    let mut pings = Client::connect("a client that only pings", server.address("irc"));
    pings.send("NICK pings");
    pings.send("USER p 0 * :p");
    pings.until("the names", |line| line.contains(" 366 "));
    answers.expect_next("pings JOIN #lobby");
    // Somebody dies three times over meanwhile, which is the clock of this test.
    for _ in 0..3 {
        let mut dead = Client::connect("a dead client", server.address("irc"));
        dead.send("NICK anna");
        dead.send("USER a 0 * :a");
        answers.expect_next("anna JOIN #lobby");
        let mut quit = false;
        let give_up = Instant::now() + PATIENCE;
        while !quit {
            assert!(Instant::now() < give_up, "anna is dead and stays");
            pings.send("PING alive");
            pings.until("an answer", |line| {
                quit |= line.ends_with("QUIT :Connection lost: ping timeout");
                line.contains(" PONG ")
            });
        }
        answers.expect_next("anna QUIT :Connection lost: ping timeout");
    }
    pings.send("PRIVMSG answers :still here?");
    answers.expect_next("pings PRIVMSG answers :still here?");
}

#[test]
fn mission_20_a_half_open_connection_harms_nobody_else() {
    let server = impatient();
    let mut witness = server.signed_in("witness");
    let mut half_open = Vec::new();
    for number in 0..20 {
        let mut client = Client::connect("a half-open client", server.address("irc"));
        client.send(&format!("NICK ghost{number}"));
        client.send("USER g 0 * :g");
        client.until("the names", |line| line.contains(" 366 "));
        client.send_bytes(b"PRIVMSG #lobby :half a li");
        half_open.push(client);
    }
    for _ in 0..20 {
        witness.until("a ghost's end", |line| line.ends_with(" left, connection lost: ping timeout"));
    }
    witness.send("/who");
    witness.expect("In #lobby (1): witness");
    drop(half_open);
}

#[test]
fn a_connection_that_never_says_who_it_is_is_closed() {
    let server = Server::english().variable("SALOTTO_LIMITS_REGISTRATION_SECONDS", "1").start();
    let mut silent = Client::connect("somebody silent", server.address("irc"));
    assert_eq!(silent.rest(), ["ERROR :Closing connection: registration timeout"]);
}
