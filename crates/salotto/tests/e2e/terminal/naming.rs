//! Names and accounts: asked for, refused, and kept.

use std::io::Write;
use std::net::TcpListener;

use socket2::SockRef;

use super::pipe::Pipe;
use super::relay::Relay;
use super::screen::Screen;
use crate::irc::Irc;
use crate::support::{PATIENCE, Server};

#[test]
fn mission_10_a_refused_name_is_asked_for_again_on_the_same_connection() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    let relay = Relay::listen(0, server.address("irc"));
    let screen = Screen::chat(relay.address(), "--lang en");
    screen.shows("User name:");
    screen.shows("Enter connects · Ctrl-C leaves");
    for (name, reason) in [
        ("bruno", "\"bruno\" is already in use. Try another, for"),
        ("4nna", "\"4nna\" cannot be used as a user name: A name cannot"),
        ("an na", "\"an na\" cannot be used as a user name"),
    ] {
        screen.enter(name);
        screen.shows(reason);
        // The name stays there, to be put right.
        screen.shows(&format!("User name: {name}"));
        screen.key("C-u");
        screen.hides(&format!("User name: {name}"));
    }
    screen.enter("anna");
    screen.shows("Welcome, anna. You are in #lobby.");
    bruno.expect_next("* anna joined #lobby");
    assert_eq!(relay.taken(), 1);
}

#[test]
fn what_was_being_written_outlives_the_question_for_another_name() {
    let slow = TcpListener::bind("127.0.0.1:0").expect("a port");
    let screen = Screen::chat(slow.local_addr().expect("bound"), "--lang en --name bruno");
    SockRef::from(&slow).set_read_timeout(Some(PATIENCE)).expect("a socket");
    let (mut stream, _) = slow.accept().expect("the client connects");
    screen.write("half a sentence");
    screen.shows("› half a sentence");
    stream.write_all(b":slow CAP * LS :\r\n:slow 433 * bruno :Nickname is already in use\r\n").expect("sent");
    screen.shows("\"bruno\" is already in use.");
    screen.shows("User name: bruno");
    screen.key("C-u");
    screen.enter("anna");
    screen.shows("anna · Signing in…");
    screen.shows("› half a sentence");
}

#[test]
fn mission_10_a_refused_name_is_asked_for_again_line_by_line() {
    let server = Server::english().start();
    let _bruno = server.signed_in("bruno");
    let relay = Relay::listen(0, server.address("irc"));
    let screen = Screen::chat(relay.address(), "--plain --lang en");
    screen.shows("User name:");
    screen.enter("");
    screen.shows("Choose a user name");
    screen.enter("bruno");
    screen.shows("\"bruno\" is already in use. Try another, for example ");
    screen.enter("4nna");
    screen.shows("\"4nna\" cannot be used as a user name: A name cannot start with a digit or a sign");
    screen.enter("anna");
    screen.shows("Welcome, anna. You are in #lobby.");
    assert_eq!(relay.taken(), 1);
}

#[test]
fn mission_10_a_pipe_cannot_be_asked_and_ends_with_the_reason() {
    let server = Server::english().start();
    let _bruno = server.signed_in("bruno");
    for (name, reason) in [
        ("bruno", "\"bruno\" is already in use. Try another, for example "),
        ("4nna", "\"4nna\" cannot be used as a user name: A name cannot start with a digit or a sign"),
    ] {
        let pipe = Pipe::start(server.address("irc"), &format!("--lang en --name {name}"), &[]);
        let ended = pipe.wait();
        assert_eq!(ended.code, Some(4));
        assert!(ended.notices.iter().any(|notice| notice.starts_with(reason)), "{:?}", ended.notices);
        assert_eq!(ended.output, [""; 0]);
    }
    let ended = Pipe::start(server.address("irc"), "--lang en", &[]).wait();
    assert_eq!((ended.code, ended.notices), (Some(2), vec!["give a user name with --name".to_owned()]));
}

#[test]
fn mission_22_an_account_is_made_and_used() {
    let server = Server::english().start();
    let address = server.address("irc");
    let mut bruno = server.signed_in("bruno");
    let anna = Screen::signed_in(address, "anna");
    anna.enter("/register geheim");
    anna.shows("Account anna: ");
    anna.hides("geheim");
    anna.enter("/quit");
    anna.ended(0);
    bruno.expect("* anna left");

    // Nobody else gets the name.
    let thief = Screen::chat(address, "--lang en --name anna");
    thief.shows("\"anna\"");
    thief.shows("User name: anna");
    thief.key("C-c");
    thief.ended(130);
    thief.begin_chat("SALOTTO_PASSWORD=Geheim", address, "--lang en --name anna");
    thief.shows("The sign-in was refused: SASL authentication failed");
    thief.key("C-c");
    thief.ended(130);
    let ended = Pipe::start(address, "--lang en --name anna", &[("SALOTTO_PASSWORD", "Geheim")]).wait();
    assert_eq!(ended.code, Some(1), "{:?}", ended.notices);
    let refused = "The sign-in was refused: SASL authentication failed".to_owned();
    assert!(ended.notices.contains(&refused), "{:?}", ended.notices);

    anna.begin_chat("", address, "--lang en --name anna --ask-password");
    anna.shows("Password:");
    anna.enter("geheim");
    anna.shows("Welcome, anna. You are in #lobby.");
    anna.hides("geheim");
    bruno.expect_next("* anna joined #lobby");
    anna.enter("/quit");
    anna.ended(0);
    anna.begin_chat("SALOTTO_PASSWORD=geheim", address, "--lang en --name anna");
    anna.shows("Welcome, anna. You are in #lobby.");
}

#[test]
fn mission_22_a_terminal_says_its_password_once_until_it_is_signed_out() {
    let server = Server::english().start();
    let address = server.address("irc");
    let anna = Screen::signed_in(address, "anna");
    anna.enter("/register geheim");
    anna.shows("Account anna: ");
    anna.enter("/quit");
    anna.ended(0);

    // Nobody is asked for the password, and the name is an account's.
    anna.begin_chat("", address, "--lang en --name anna");
    anna.shows("Welcome, anna. You are in #lobby.");
    anna.enter("/devices");
    anna.shows("Salotto · terminal · linux (since ");
    let mut elsewhere = Irc::connect(&server, "anna elsewhere");
    elsewhere.ask_for("sasl");
    elsewhere.authenticate("anna", "geheim");
    elsewhere.introduce("anna");
    elsewhere.welcomed();
    elsewhere.send("RESUME REVOKE *");
    anna.shows("This device was signed out");
    anna.key("C-c");
    anna.ended(130);
    anna.begin_chat("", address, "--lang en --name anna");
    anna.shows("\"anna\" is already in use.");
}
