//! Servers that are not there, close, break off or fall silent; coming back by oneself.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use socket2::SockRef;

use super::pipe::Pipe;
use super::relay::Relay;
use super::screen::Screen;
use crate::support::{PATIENCE, Server, lasting_port};

/// An address for a server that stops and starts.
fn place() -> (SocketAddr, String) {
    let port = lasting_port();
    (SocketAddr::from(([127, 0, 0, 1], port)), port.to_string())
}

#[test]
fn mission_16_a_server_that_closes_is_told_apart_and_the_screen_keeps_what_was_said() {
    let server = Server::english().start();
    let address = server.address("irc");
    let mut bruno = server.signed_in("bruno");
    let anna = Screen::signed_in(address, "anna");
    let mut carla = Pipe::signed_in(address, "carla");
    bruno.send("remember me");
    anna.shows("bruno: remember me");
    carla.prints("bruno: remember me");
    let ended = server.stop(Signal::TERM);
    assert_eq!(ended.status.code(), Some(0));
    let closed = "The server has closed the connection: stopped by its operator";
    anna.shows(closed);
    anna.shows("Offline. Retrying in");
    assert_eq!(anna.said(), ["bruno: remember me"]);
    carla.told(closed);
    // Nobody left: the room is closed for all.
    assert!(!anna.text().contains("left"), "{}", anna.text());
    let ended = carla.finish();
    assert_eq!((ended.code, ended.output.len()), (Some(3), 0), "{:?}", ended.output);
}

#[test]
fn mission_17_a_pipe_waits_for_the_server_and_loses_nothing() {
    let (address, port) = place();
    let mut anna = Pipe::start(address, "--lang en --name anna", &[]);
    anna.send("said to nobody");
    anna.told_with(&format!("Could not reach {address}: "));
    anna.told_with("Offline. Retrying in ");
    let server = Server::english().option("--port", &port).start();
    anna.told("Welcome, anna. You are in #lobby. /quit leaves, /help tells more.");
    anna.prints_next("anna: said to nobody");
    anna.send("said to somebody");
    anna.prints_next("anna: said to somebody");
    let ended = anna.finish();
    assert_eq!((ended.code, ended.output.len()), (Some(0), 0), "{:?}", ended.output);
    let mut bruno = server.terminal("bruno");
    bruno.send("bruno");
    bruno.until("what was said", |line| line.ends_with("] anna: said to nobody"));
    bruno.until("what was said", |line| line.ends_with("] anna: said to somebody"));
}

#[test]
fn mission_17_a_screen_waits_for_the_server_and_loses_nothing() {
    let (address, port) = place();
    let anna = Screen::chat(address, "--lang en --name anna");
    anna.shows(&format!("Could not reach {address}: "));
    anna.shows("anna · Offline. Retrying in ");
    anna.enter("said to nobody");
    anna.shows("said to nobody · Will be sent when you are back online");
    let server = Server::english().option("--port", &port).start();
    anna.shows("Welcome, anna. You are in #lobby.");
    anna.hides("Will be sent");
    anna.enter("said to somebody");
    anna.until("both", |_| anna.said() == ["anna: said to nobody", "anna: said to somebody"]);
    let mut bruno = server.terminal("bruno");
    bruno.send("bruno");
    bruno.until("what was said", |line| line.ends_with("] anna: said to nobody"));
    bruno.until("what was said", |line| line.ends_with("] anna: said to somebody"));
}

#[test]
fn mission_17_the_first_further_attempt_comes_after_two_seconds() {
    let (address, _) = place();
    let mut anna = Pipe::start(address, "--lang en --name anna", &[]);
    let told = anna.told_with("Offline. Retrying in ");
    let offline_since = Instant::now();
    // Two seconds, give or take a fifth; the part of a second counts as one.
    assert!(["Offline. Retrying in 2 s", "Offline. Retrying in 3 s"].contains(&told.as_str()), "{told}");
    let listener = TcpListener::bind(address).expect("the port is free");
    // Waiting for a connection has an end, too.
    SockRef::from(&listener).set_read_timeout(Some(PATIENCE)).expect("a socket");
    listener.accept().expect("the client tries again");
    assert!(offline_since.elapsed() > Duration::from_millis(1000), "after {:?}", offline_since.elapsed());
}

#[test]
fn mission_17_what_waits_is_not_left_behind_unasked() {
    let (address, _) = place();
    let anna = Screen::chat(address, "--lang en --name anna");
    anna.shows("anna · Offline. Retrying in ");
    anna.enter("said to nobody");
    anna.shows("Will be sent when you are back online");
    anna.enter("/quit");
    anna.shows("Quit? 1 message is not sent yet. /quit again quits.");
    anna.enter("/quit");
    anna.shows("1 message was not sent");
    anna.ended(0);
}

#[test]
fn mission_17_a_pipe_without_more_to_say_gives_up() {
    let (address, _) = place();
    let anna = Pipe::start(address, "--lang en --name anna", &[]);
    let ended = anna.finish();
    assert_eq!(ended.code, Some(3), "{:?}", ended.notices);
}

#[test]
fn mission_18_after_a_crash_of_the_server_both_come_back_and_nothing_is_missing() {
    let (address, port) = place();
    let server = Server::english().option("--port", &port).start();
    let mut bruno = server.signed_in("bruno");
    let anna = Screen::signed_in(address, "anna");
    let mut carla = Pipe::signed_in(address, "carla");
    anna.enter("before");
    bruno.expect("anna: before");
    anna.shows("anna: before");
    carla.prints("anna: before");
    let home = server.stop(Signal::KILL).home;
    anna.shows("The connection is lost: ");
    anna.shows("anna · Offline. Retrying in ");
    anna.enter("waiting one");
    anna.enter("waiting two");
    anna.shows("… anna: waiting two");
    anna.shows("Will be sent when you are back online");
    carla.told_with("Offline. Retrying in ");

    // The server is there again, but not for anna and carla yet.
    let server = Server::english().start_in(home);
    let mut bruno = server.signed_in("bruno");
    bruno.send("you have missed me");
    bruno.expect_next("bruno: you have missed me");
    let _relay = Relay::listen(address.port(), server.address("irc"));
    anna.shows("Back online. 1 new message");
    carla.prints("bruno: you have missed me");
    bruno.until("anna", |line| line == "* anna joined #lobby");
    anna.enter("after");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|line| line != "anna: after") {
        heard.push(bruno.until("anna's words", |line| line.starts_with("anna: ")));
    }
    assert_eq!(heard, ["anna: waiting one", "anna: waiting two", "anna: after"]);
    let all = [
        "anna: before",
        "bruno: you have missed me",
        "anna: waiting one",
        "anna: waiting two",
        "anna: after",
    ];
    anna.until("everything once", |_| anna.said() == all);
    for said in &all[2..] {
        carla.prints_next_said(said);
    }
    anna.enter("/quit");
    anna.ended(0);
}

#[test]
fn mission_18_who_has_read_nothing_yet_fetches_what_was_missed_too() {
    let server = Server::english().start();
    let port = lasting_port();
    let mut bruno = server.signed_in("bruno");
    let relay = Relay::listen(port, server.address("irc"));
    let mut anna = Pipe::signed_in(relay.address(), "anna");
    let carla = Screen::signed_in(relay.address(), "carla");
    carla.shows("This is the start of #lobby.");
    relay.cut();
    anna.told_with("Offline. Retrying in ");
    carla.shows("carla · Offline. Retrying in ");
    bruno.send("nobody is here");
    bruno.expect("bruno: nobody is here");
    let _relay = Relay::listen(port, server.address("irc"));
    anna.told("Back online. 1 new message");
    anna.prints("bruno: nobody is here");
    carla.shows("Back online. 1 new message");
    assert_eq!(carla.said(), ["bruno: nobody is here"]);
}

#[test]
fn mission_19_a_server_that_falls_silent_is_noticed() {
    let server = Server::english().start();
    let anna = Screen::signed_in(server.address("irc"), "anna");
    server.signal(Signal::STOP);
    // Fifteen seconds, and what a busy machine needs to show it.
    anna.within(Duration::from_secs(20), "the loss", |text| text.contains("The connection is lost: "));
    anna.shows("anna · ");
    anna.enter("are you there?");
    anna.shows("… anna: are you there?");
    server.signal(Signal::CONT);
    anna.shows("Back online.");
    anna.shows("anna · Connected");
    anna.until("one answer", |_| anna.said() == ["anna: are you there?"]);
}
