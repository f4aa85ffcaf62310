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

#[test]
fn mission_06_the_newcomer_is_welcomed_by_name_and_told_how_to_leave() {
    let server = Server::english().start();
    let address = server.address("irc");
    let screen = Screen::chat(address, "--lang en --name anna");
    screen.shows("Welcome, anna. You are in #lobby. /quit leaves, /help tells more.");
    screen.shows("anna · Connected");
    let mut pipe = Pipe::start(address, "--lang en --name bruno", &[]);
    pipe.told("Connecting to 127.0.0.1…");
    pipe.told("Welcome, bruno. You are in #lobby. /quit leaves, /help tells more.");
    screen.enter("/help");
    screen.shows("/quit [text]               leaves the chat");
    screen.shows("Ctrl-C clears what you wrote, then leaves");
}

#[test]
fn mission_06_the_newcomer_is_welcomed_in_italian() {
    let server = Server::english().start();
    let address = server.address("irc");
    let mut bruno = server.signed_in("bruno");
    let screen = Screen::chat(address, "--lang it");
    screen.shows("Nome utente:");
    screen.shows("Invio connette · Ctrl-C esce");
    screen.enter("bruno");
    screen.shows("«bruno» è già in uso. Provane un altro,");
    screen.key("C-u");
    screen.enter("anna");
    screen.shows("Ti diamo il benvenuto, anna. Sei in #lobby. /quit per uscire, /help per");
    screen.shows("anna · Connessione attiva");
    screen.shows("› Scrivi un messaggio · /help");
    let mut pipe = Pipe::start(address, "--name carla", &[("LANG", "it_IT.UTF-8")]);
    pipe.told("Connessione a 127.0.0.1 in corso…");
    pipe.told("Ti diamo il benvenuto, carla. Sei in #lobby. /quit per uscire, /help per saperne di più.");
    screen.shows("carla entra nella stanza");
    bruno.send("/quit a presto");
    screen.shows("bruno lascia la stanza (a presto)");
    pipe.prints_next("* bruno lascia la stanza (a presto)");
    screen.enter("/quit");
    screen.ended(0);
    pipe.prints_next("* anna lascia la stanza");
}

#[test]
fn mission_07_everybody_sees_each_message_once_in_the_same_order() {
    const EACH: usize = 5;
    let server = Server::english().start();
    let address = server.address("irc");
    let mut bare = server.signed_in("bare");
    let anna = Screen::signed_in(address, "anna");
    let bruno = Screen::signed_in(address, "bruno");
    let mut carla = Pipe::signed_in(address, "carla");
    for number in 0..EACH {
        anna.enter(&format!("one {number}"));
        bare.send(&format!("two {number}"));
        bruno.enter(&format!("three {number}"));
        carla.send(&format!("four {number}"));
    }
    let is_said = |line: &str| !line.starts_with('*');
    let order: Vec<String> = (0..4 * EACH).map(|_| bare.until("a message", is_said)).collect();
    for (name, words) in [("anna", "one"), ("bare", "two"), ("bruno", "three"), ("carla", "four")] {
        let begin = format!("{name}: ");
        let own: Vec<&str> = order.iter().filter_map(|line| line.strip_prefix(&begin)).collect();
        assert_eq!(own, (0..EACH).map(|number| format!("{words} {number}")).collect::<Vec<_>>());
    }
    anna.until("everything in its order", |_| anna.said() == order);
    bruno.until("everything in its order", |_| bruno.said() == order);
    for line in &order {
        carla.prints_next(line);
    }
}

#[test]
fn mission_08_everybody_is_told_who_comes_and_who_goes() {
    let server = Server::english().start();
    let address = server.address("irc");
    let anna = Screen::signed_in(address, "anna");
    let mut bruno = Pipe::signed_in(address, "bruno");
    anna.shows("bruno joined the room");
    let mut carla = server.signed_in("carla");
    anna.shows("carla joined the room");
    bruno.prints_next("* carla joined the room");
    carla.send("/quit");
    anna.shows("carla left the room");
    bruno.prints_next("* carla left the room");
}

#[test]
fn mission_09_who_left_and_whose_connection_broke_are_told_apart() {
    let server = Server::english().start();
    let address = server.address("irc");
    let anna = Screen::signed_in(address, "anna");
    let mut bruno = Pipe::signed_in(address, "bruno");
    let mut left = server.signed_in("left");
    let broken = server.signed_in("broken");
    left.send("/quit tea is ready");
    anna.shows("left left the room (tea is ready)");
    broken.reset();
    anna.shows("broken left the room (connection lost: connection reset)");
    bruno.prints("* left left the room (tea is ready)");
    bruno.prints_next("* broken left the room (connection lost: connection reset)");
}

#[test]
fn mission_21_several_rooms_on_one_screen() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    let anna = Screen::signed_in(server.address("irc"), "anna");
    anna.enter("said in the lobby");
    anna.shows("anna: said in the lobby");
    anna.enter("/join tea");
    anna.until("the other room", |_| anna.said().is_empty() && anna.text().contains("│ #tea"));
    anna.enter("said over tea");
    anna.shows("anna: said over tea");
    bruno.expect("anna: said in the lobby");
    bruno.send("still in the lobby");
    bruno.expect_next("bruno: still in the lobby");
    // The list says that there is news in the other room.
    anna.until("the news", |text| text.lines().any(|row| row.starts_with(" #lobby        1 │")));
    anna.key("M-Up");
    anna.until("the lobby", |_| anna.said() == ["anna: said in the lobby", "bruno: still in the lobby"]);
    anna.key("M-Down");
    anna.until("the tea room", |_| anna.said() == ["anna: said over tea"]);
    anna.key("C-k");
    anna.shows("Go to");
    anna.enter("lob");
    anna.until("the lobby again", |_| anna.said().len() == 2);
    anna.enter("/part");
    anna.until("the tea room is left", |text| {
        !text.contains("#lobby") && anna.said() == ["anna: said over tea"]
    });
    bruno.expect_next("* anna left #lobby");
}

#[test]
fn mission_21_several_rooms_line_by_line() {
    let server = Server::english().start();
    let mut bruno = server.signed_in("bruno");
    let mut anna = Pipe::signed_in(server.address("irc"), "anna");
    bruno.expect_next("* anna joined #lobby");
    let mut carla = Pipe::start(server.address("irc"), "--lang en --name carla --room tea", &[]);
    carla.told("Welcome, carla. You are in #tea. /quit leaves, /help tells more.");
    anna.send("to the lobby");
    anna.send("/join #tea");
    anna.send("to the tea room");
    carla.prints("anna: to the tea room");
    bruno.expect("anna: to the lobby");
    bruno.send("from the lobby");
    anna.prints("anna: to the lobby");
    anna.prints("anna: to the tea room");
    anna.prints("[#lobby] bruno: from the lobby");
    carla.prints("[#lobby] bruno: from the lobby");
    bruno.expect_next("bruno: from the lobby");
}
