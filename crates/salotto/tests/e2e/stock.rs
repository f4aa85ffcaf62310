//! Clients that others wrote, as distributions ship them, on a real terminal.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{PATIENCE, Server};

/// A program on a terminal of its own, which `tmux` draws; its home is empty at first. All of it ends with this.
struct Terminal {
    home: tempfile::TempDir,
}

impl Terminal {
    /// Starts a program in a terminal of 160 columns.
    fn start(program: &[&str]) -> Terminal {
        for needed in ["tmux", program[0]] {
            let found = Command::new(needed).arg("-V").output();
            assert!(found.is_ok(), "{needed} is not installed; scripts/setup installs what the tests need");
        }
        let terminal = Terminal { home: tempfile::tempdir().expect("a temporary directory") };
        let mut arguments = vec!["-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "40", "--"];
        arguments.extend(program);
        terminal.tmux(&arguments);
        terminal
    }

    /// The socket of a tmux server that is of no concern to anybody else.
    fn socket(&self) -> PathBuf {
        self.home.path().join("tmux")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.socket()).args(arguments).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home.path());
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").current_dir(self.home.path());
        command.output().expect("tmux runs")
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Types a line.
    fn type_line(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.tmux(&["send-keys", "Enter"]);
    }

    /// Waits until some line on the screen has all these parts, in this order.
    fn shows(&self, parts: &[&str]) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let screen = self.tmux(&["capture-pane", "-p"]);
            if screen.lines().any(|line| has_in_order(line, parts)) {
                return;
            }
            assert!(Instant::now() < give_up, "the screen does not show {parts:?}:\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The program may have ended, and with it the terminal.
        self.run(&["kill-server"]);
    }
}

fn has_in_order(line: &str, parts: &[&str]) -> bool {
    let mut rest = Some(line);
    for part in parts {
        rest = rest.and_then(|rest| rest.split_once(part)).map(|(_, rest)| rest);
    }
    rest.is_some()
}

/// irssi, connected, with the lobby on the screen.
fn irssi(server: &Server) -> Terminal {
    let address = server.address("irc");
    let irssi = Terminal::start(&["irssi", "--home", "irssi", "--noconnect", "--nick", "irma"]);
    irssi.shows(&["Irssi v"]);
    // It spreads what it sends over seconds, for servers that throw out whoever is faster.
    irssi.type_line("/set cmd_queue_speed 10msec");
    irssi.type_line(&format!("/connect {} {}", address.ip(), address.port()));
    irssi.shows(&["Welcome to Salotto, irma", "Type /quit to leave."]);
    irssi.type_line("/window goto #lobby");
    irssi.shows(&["[Users #lobby]"]);
    irssi
}

#[test]
fn mission_07_stock_irssi_talks_both_ways_with_a_bare_terminal() {
    let server = Server::english().start();
    let mut anna = server.signed_in("anna");
    let irssi = irssi(&server);
    anna.expect_next("* irma joined #lobby");
    irssi.type_line("ciao da irssi");
    anna.expect_next("irma: ciao da irssi");
    irssi.shows(&["irma>", "ciao da irssi"]);
    anna.send("ciao, perché no?");
    irssi.shows(&["anna>", "ciao, perché no?"]);
    irssi.type_line("/me waves");
    anna.expect("* irma waves");
    anna.send("/msg irma psst");
    irssi.type_line("/window goto anna");
    irssi.shows(&["anna>", "psst"]);
    irssi.type_line("psst yourself");
    anna.until("a private word", |line| line.contains("psst yourself"));
    irssi.type_line("/window goto #lobby");

    // Who comes and who goes, and why.
    let mut bruno = server.signed_in("bruno");
    irssi.shows(&["bruno", "has joined #lobby"]);
    bruno.send("/quit good night");
    irssi.shows(&["bruno", "has quit", "Quit: good night"]);
    server.signed_in("carla").reset();
    irssi.shows(&["carla", "has quit", "Connection lost: connection reset"]);

    irssi.type_line("/join #tea");
    irssi.shows(&["irma", "has joined #tea"]);
    anna.send("/join #tea");
    irssi.shows(&["anna", "has joined #tea"]);
    anna.send("tea for me");
    irssi.shows(&["anna>", "tea for me"]);
    irssi.type_line("/topic Green and black");
    anna.until("a topic", |line| line.contains("irma") && line.contains("Green and black"));
    irssi.type_line("/nick irene");
    irssi.shows(&["You're now known as irene"]);
    anna.until("a new name", |line| line.contains("irma") && line.contains("irene"));
    irssi.type_line("/quit see you");
    anna.expect("* irene left (see you)");
}

#[test]
fn mission_10_stock_irssi_gets_another_name_when_its_own_is_taken() {
    let server = Server::english().start();
    let mut anna = server.signed_in("irma");
    let irssi = irssi(&server);
    let joined = anna.next();
    assert!(joined.starts_with("* irma") && joined.ends_with(" joined #lobby"), "{joined}");
    assert_ne!(joined, "* irma joined #lobby");
    irssi.type_line("/nick isabella");
    anna.until("a new name", |line| line.contains("isabella"));
}

#[test]
fn mission_16_stock_irssi_says_that_the_server_has_closed_and_keeps_its_screen() {
    let server = Server::english().start();
    let mut anna = server.signed_in("anna");
    let irssi = irssi(&server);
    anna.send("one last word");
    irssi.shows(&["anna>", "one last word"]);
    server.stop(Signal::INT);
    irssi.shows(&["anna>", "one last word"]);
    irssi.type_line("/window goto 1");
    irssi.shows(&["The server has closed: stopped by its operator"]);
}
