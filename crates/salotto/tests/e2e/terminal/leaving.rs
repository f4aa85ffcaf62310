//! Leaving, at whatever moment, and the terminal as it was before.

use std::net::{SocketAddr, TcpListener};

use rustix::process::Signal;

use super::screen::Screen;
use crate::support::{Server, lasting_port};

/// An address where nobody listens.
fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], lasting_port()))
}

#[test]
fn mission_14_ctrl_c_while_a_name_is_asked_for() {
    let server = Server::english().start();
    let screen = Screen::chat(server.address("irc"), "--lang en");
    screen.shows("User name:");
    screen.key("C-c");
    screen.ended(130);
}

#[test]
fn mission_14_ctrl_c_while_nothing_answers() {
    // The system takes the connection, and then nobody says a word.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let screen = Screen::chat(silent.local_addr().expect("bound"), "--lang en --name anna");
    screen.shows("anna · Signing in…");
    screen.key("C-c");
    screen.ended(130);
}

#[test]
fn mission_14_ctrl_c_while_offline() {
    let screen = Screen::chat(nowhere(), "--lang en --name anna");
    screen.shows("Offline. Retrying in");
    screen.key("C-c");
    screen.ended(130);
}

#[test]
fn mission_14_sigterm_while_online() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    let anna = Screen::signed_in(server.address("irc"), "anna");
    anna.signal(Signal::TERM);
    anna.ended(143);
    bruno.expect("* anna left");
}

#[test]
fn mission_14_ctrl_c_while_online_first_clears_what_is_written() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    let anna = Screen::signed_in(server.address("irc"), "anna");
    bruno.expect_next("* anna joined #lobby");
    anna.write("half a sentence");
    anna.shows("› half a sentence");
    anna.key("C-c");
    anna.shows("› Write a message");
    anna.is_full();
    anna.key("C-c");
    anna.ended(130);
    bruno.expect_next("* anna left");
}
