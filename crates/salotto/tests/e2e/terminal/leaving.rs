//! Leaving, at whatever moment, and the terminal as it was before.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::process::Signal;

use super::pipe::Pipe;
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
fn mission_14_ctrl_c_while_connecting() {
    // Nobody takes the connections, and the system holds no more of them: further ones hang.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    full.listen(0).expect("a port");
    let address = full.local_addr().ok().and_then(|address| address.as_socket()).expect("bound");
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        held.push(stream);
    }
    let screen = Screen::chat(address, "--lang en --name anna");
    screen.shows("anna · Connecting to 127.0.0.1…");
    screen.key("C-c");
    screen.ended(130);
    screen.begin_chat("", address, "--plain --lang en --name anna");
    screen.shows("Connecting to 127.0.0.1…");
    screen.key("C-c");
    screen.ended(130);
}

#[test]
fn mission_14_ctrl_c_while_a_password_is_asked_for() {
    let screen = Screen::chat(nowhere(), "--lang en --name anna --ask-password");
    screen.shows("Password:");
    screen.write("gehei");
    screen.key("C-c");
    screen.ended(130);
    screen.begin_chat("", nowhere(), "--lang en --name anna --ask-password");
    screen.shows("Password:");
    // The prompt comes first; what is typed is hidden from here on.
    screen.until("the hidden input", |_| !screen.is_sane());
    screen.signal(Signal::TERM);
    screen.ended(143);
}

#[test]
fn mission_14_ctrl_c_line_by_line() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    let screen = Screen::chat(server.address("irc"), "--plain --lang en");
    screen.shows("User name:");
    screen.key("C-c");
    screen.ended(130);
    screen.begin_chat("", server.address("irc"), "--plain --lang en --name anna");
    screen.shows("Welcome, anna. You are in #lobby.");
    screen.key("C-c");
    screen.ended(130);
    bruno.expect_next("* anna joined #lobby");
    bruno.expect_next("* anna left");
    screen.begin_chat("", nowhere(), "--plain --lang en --name anna");
    screen.shows("Offline. Retrying in");
    screen.key("C-c");
    screen.ended(130);
}

#[test]
fn mission_14_signals_in_a_pipe() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 143)] {
        let mut anna = Pipe::signed_in(server.address("irc"), "anna");
        bruno.expect_next("* anna joined #lobby");
        anna.send("a last word");
        anna.prints_next("anna: a last word");
        bruno.expect_next("anna: a last word");
        anna.signal(signal);
        // Its input is still open.
        assert_eq!(anna.wait().code, Some(code), "after {signal:?}");
        bruno.expect_next("* anna left");
    }
}

#[test]
fn mission_13_closing_the_terminal_leaves_the_room_in_good_order() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    for options in ["--lang en --name anna", "--plain --lang en --name anna"] {
        let anna = Screen::chat(server.address("irc"), options);
        anna.shows("Welcome, anna. You are in #lobby.");
        bruno.expect_next("* anna joined #lobby");
        drop(anna);
        bruno.expect_next("* anna left");
    }
}

#[test]
fn mission_12_quit_leaves_from_the_screen() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    for (command, left) in [
        ("/quit", "* anna left"),
        ("/QUIT", "* anna left"),
        ("/quit tea is ready", "* anna left (tea is ready)"),
    ] {
        let anna = Screen::signed_in(server.address("irc"), "anna");
        bruno.expect_next("* anna joined #lobby");
        anna.enter(command);
        anna.ended(0);
        bruno.expect_next(left);
    }
}

#[test]
fn mission_12_quit_leaves_line_by_line() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    let mut anna = Pipe::signed_in(server.address("irc"), "anna");
    bruno.expect_next("* anna joined #lobby");
    anna.send("a last word");
    anna.send("/quit tea is ready");
    anna.send("this is said no more");
    let ended = anna.wait();
    assert_eq!((ended.code, ended.output), (Some(0), vec!["anna: a last word".to_owned()]));
    bruno.expect_next("anna: a last word");
    bruno.expect_next("* anna left (tea is ready)");

    let carla = Screen::chat(server.address("irc"), "--plain --lang en --name carla");
    carla.shows("Welcome, carla. You are in #lobby.");
    bruno.expect_next("* carla joined #lobby");
    carla.enter("/quit");
    carla.ended(0);
    bruno.expect_next("* carla left");
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
