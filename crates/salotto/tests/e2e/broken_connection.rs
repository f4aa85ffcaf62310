//! Connections that break: what the others are told, and that nobody else is harmed.

use std::net::TcpStream;

use crate::support::{Client, Server};

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

#[test]
fn mission_20_a_reader_who_stops_reading_is_cut_off_and_nobody_waits() {
    let server = Server::english().variable("SALOTTO_LIMITS_SENDQ", "131072").start();
    let mut anna = server.signed_in("anna");
    let mut witness = server.signed_in("witness");
    // Little room in the system's own buffers, so that the server's fill.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a socket");
    socket.connect(&server.address("text").into()).expect("connects");
    let carla = Client::over("carla", TcpStream::from(socket)).sign_in("carla");

    let text = "x".repeat(350);
    let lost = "* carla left, connection lost: send queue exceeded";
    let mut cut_off = false;
    // Far more than any system keeps for a reader.
    for _ in 0..1_000 {
        for _ in 0..50 {
            anna.send(&text);
        }
        for _ in 0..50 {
            anna.until("one's own word", |line| line.starts_with("anna: x"));
            // Whoever reads sees everything, and sees it soon.
            let mut line = witness.next();
            while !line.starts_with("anna: x") {
                cut_off |= line == lost;
                line = witness.next();
            }
        }
        if cut_off {
            break;
        }
    }
    assert!(cut_off, "carla reads nothing and is kept for ever");
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
