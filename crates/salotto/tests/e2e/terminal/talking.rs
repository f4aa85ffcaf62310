//! Coming in, saying something and reading what others say.

use std::process::{Command, Stdio};

use super::pipe::Pipe;
use super::screen::Screen;
use crate::irc::Irc;
use crate::support::Server;

#[test]
fn mission_05_printf_into_the_client_sends_and_ends_well() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    let home = tempfile::tempdir().expect("a temporary directory");
    let salotto = env!("CARGO_BIN_EXE_salotto");
    let address = server.address("irc");
    for (plain, name) in [("--plain", "anna"), ("", "carla")] {
        let line = format!(
            "printf 'hello\\nand goodbye\\n' | {salotto} chat {plain} --lang en --name {name} {address}"
        );
        let mut command = Command::new("sh");
        command.args(["-c", &line]).env_clear().env("HOME", home.path()).stdin(Stdio::null());
        let output = command.output().expect("a shell");
        let told = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(0), "{told}");
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(printed, format!("{name}: hello\n{name}: and goodbye\n"));
        bruno.expect_next(&format!("* {name} joined #lobby"));
        bruno.expect_next(&format!("{name}: hello"));
        bruno.expect_next(&format!("{name}: and goodbye"));
        bruno.expect_next(&format!("* {name} left"));
    }
}

#[test]
fn mission_05_lines_typed_are_sent_and_lines_received_are_printed() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    let mut anna = Pipe::signed_in(server.address("irc"), "anna");
    bruno.expect_next("* anna joined #lobby");
    anna.send("hello from the pipe");
    bruno.expect_next("anna: hello from the pipe");
    bruno.send("hello, pipe");
    anna.prints_next("anna: hello from the pipe");
    anna.prints_next("bruno: hello, pipe");
    let mut carla = Irc::sign_in(&server, "carla", "");
    carla.send("PRIVMSG #lobby :\u{1b}[31mred\u{7}");
    anna.prints_next("* carla joined the room");
    // Nothing that others say colours the reader's terminal or rings its bell.
    anna.prints_next("carla: [31mred");
    anna.send("//quit is a command");
    bruno.expect("anna: /quit is a command");
    let ended = anna.finish();
    assert_eq!(ended.code, Some(0), "{:?}", ended.notices);
    assert_eq!(ended.output, ["anna: /quit is a command"]);
    bruno.expect_next("* anna left");
}

#[test]
fn mission_05_the_full_screen_does_the_same() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    let anna = Screen::signed_in(server.address("irc"), "anna");
    anna.is_full();
    bruno.expect_next("* anna joined #lobby");
    anna.enter("hello from the screen");
    bruno.expect_next("anna: hello from the screen");
    bruno.send("hello, screen: perché no? 日本語");
    anna.shows("bruno: hello, screen: perché no? 日本語");
    assert_eq!(anna.said(), ["anna: hello from the screen", "bruno: hello, screen: perché no? 日本語"]);
}
