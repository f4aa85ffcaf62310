//! Connections that break: what the others are told, and that nobody else is harmed.

use std::net::TcpStream;
use std::time::Instant;

use crate::support::{Client, PATIENCE, Server};

#[test]
fn mission_09_leaving_and_breaking_are_told_apart_with_the_reason() {
    let server = Server::english().start();
    let mut witness = server.signed_in("witness");
    let mut testimone = server.signed_in("testimone");
    testimone.send("/lang it");
    testimone.expect("D'ora in poi in italiano.");
    witness.expect_next("* testimone joined #lobby");
    let mut comes = |name: &str| {
        let client = server.signed_in(name);
        witness.expect_next(&format!("* {name} joined #lobby"));
        testimone.expect_next(&format!("* {name} entra in #lobby"));
        client
    };

    let (mut anna, bruno, carla) = (comes("anna"), comes("bruno"), comes("carla"));
    anna.send("/quit see you");
    witness.expect_next("* anna left (see you)");
    testimone.expect_next("* anna esce (see you)");
    bruno.reset();
    witness.expect_next("* bruno left, connection lost: connection reset");
    testimone.expect_next("* bruno esce, connessione persa: interrotta dall'altra parte");
    carla.end_sending();
    witness.expect_next("* carla left, connection lost: closed by the client");
    testimone.expect_next("* carla esce, connessione persa: chiusa dall'altra parte");
}

#[test]
fn mission_20_a_reset_at_any_moment_harms_nobody() {
    let server = Server::english().start();
    let mut anna = server.signed_in("anna");
    let mut bruno = server.signed_in("bruno");
    anna.expect_next("* bruno joined #lobby");
    for round in 0..10 {
        server.terminal("nobody").reset();
        let mut asked = server.terminal("nobody");
        asked.expect("Choose a name:");
        asked.send_bytes(b"half a na");
        asked.reset();
        let mut hasty = server.terminal("hasty");
        hasty.send_bytes(b"hasty\nhello\n/join #tea\n/who\nhalf a li");
        hasty.until("their own word", |line| line == "hasty: hello");
        hasty.reset();
        Client::connect("an IRC client", server.address("irc")).reset();
        Client::connect("a browser", server.address("web")).reset();
        for client in [&mut anna, &mut bruno] {
            client.expect_next("* hasty joined #lobby");
            client.expect_next("hasty: hello");
            client.expect_next("* hasty left, connection lost: connection reset");
        }
        anna.send(&format!("round {round}"));
        anna.expect_next(&format!("anna: round {round}"));
        bruno.expect_next(&format!("anna: round {round}"));
    }
    anna.send("/who");
    anna.expect_next("In #lobby (2): anna, bruno");
}

/// Somebody at a bare terminal with little room in the system's own buffers, so that the server's fill.
fn narrow(server: &Server, name: &'static str) -> Client {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a socket");
    socket.connect(&server.address("text").into()).expect("connects");
    Client::over(name, TcpStream::from(socket)).sign_in(name)
}

#[test]
fn mission_20_a_reader_who_stops_reading_delays_nobody_and_misses_nothing() {
    const SENT: usize = 30_000;
    let server = Server::english().start();
    let mut anna = server.signed_in("anna");
    let mut witness = server.signed_in("witness");
    let mut carla = narrow(&server, "carla");

    // Far more than any system keeps for a reader, and than the server queues.
    let text = "x".repeat(350);
    for first in (0..SENT).step_by(50) {
        for number in first..first + 50 {
            anna.send(&format!("{number} {text}"));
        }
        // Whoever reads sees everything, and sees it soon.
        for number in first..first + 50 {
            for reader in [&mut anna, &mut witness] {
                reader.until("anna's word", |line| line.starts_with(&format!("anna: {number} ")));
            }
        }
    }
    for number in 0..SENT {
        let line = carla.until("anna's word", |line| line.starts_with("anna: "));
        assert!(line.starts_with(&format!("anna: {number} ")), "after {number} posts: {line}");
    }
    carla.send("that was a lot");
    witness.expect("carla: that was a lot");
    anna.send("welcome back");
    carla.expect("anna: welcome back");
}

#[test]
fn mission_20_a_reader_who_never_reads_again_is_cut_off() {
    let server = Server::english().variable("SALOTTO_LIMITS_STALL_SECONDS", "1").start();
    let mut anna = server.signed_in("anna");
    let mut witness = server.signed_in("witness");
    let carla = narrow(&server, "carla");
    witness.expect_next("* carla joined #lobby");

    let text = "x".repeat(350);
    let mut cut_off = false;
    let give_up = Instant::now() + PATIENCE;
    while !cut_off {
        assert!(Instant::now() < give_up, "carla reads nothing and is kept for ever");
        for _ in 0..100 {
            anna.send(&text);
        }
        for _ in 0..100 {
            let mut line = witness.next();
            while !line.starts_with("anna: x") {
                cut_off |= line == "* carla left, connection lost: not reading";
                line = witness.next();
            }
            anna.until("one's own word", |line| line.starts_with("anna: x"));
        }
    }
    drop(carla);
    // The name is free again, and everything works.
    let mut again = server.signed_in("carla");
    again.send("here I am");
    witness.expect("carla: here I am");
}

#[test]
fn mission_20_a_half_closed_connection_is_cleaned_up() {
    let server = Server::english().start();
    let mut witness = server.signed_in("witness");
    for _ in 0..5 {
        let mut anna = server.signed_in("anna");
        witness.expect_next("* anna joined #lobby");
        anna.send("one last word");
        anna.end_sending();
        witness.expect_next("anna: one last word");
        witness.expect_next("* anna left, connection lost: closed by the client");
        anna.rest();
    }
    witness.send("/who");
    witness.expect_next("In #lobby (1): witness");
}
