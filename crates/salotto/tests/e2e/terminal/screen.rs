//! A terminal with a shell in it: typing there, and reading what stands there.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::PATIENCE;

/// What the shell says when it waits for a command.
const PROMPT: &str = "ready$";
/// How often the terminal is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A terminal of 100 columns and 30 rows. It is gone, with all that runs in it, when dropped.
pub struct Screen {
    home: tempfile::TempDir,
    /// The settings of the terminal as the shell likes them.
    sane: String,
}

impl Screen {
    /// A shell that waits for a command.
    pub fn shell() -> Screen {
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut screen = Screen { home, sane: String::new() };
        screen.tmux(&["new-session", "-d", "-x", "100", "-y", "30", "sh", "-i"]);
        screen.until("the shell", |text| text.trim_end() == PROMPT);
        screen.sane = screen.settings();
        screen
    }

    /// A terminal in which somebody chats, with these further options.
    pub fn chat(address: SocketAddr, options: &str) -> Screen {
        let screen = Screen::shell();
        screen.begin_chat("", address, options);
        screen
    }

    /// Types the command to chat; `variables` stand before it.
    pub fn begin_chat(&self, variables: &str, address: SocketAddr, options: &str) {
        self.enter(&format!("clear; {variables} salotto chat {address} {options}; echo ended=$?"));
        self.until("the command to be gone from the screen", |text| !text.contains("salotto chat"));
    }

    /// Somebody who chats full screen in English and has come into the lobby.
    pub fn signed_in(address: SocketAddr, name: &str) -> Screen {
        let screen = Screen::chat(address, &format!("--lang en --name {name}"));
        screen.shows(&format!("Welcome, {name}. You are in #lobby."));
        screen
    }

    /// Types a text.
    pub fn write(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
    }

    /// Presses a key, by the name that tmux has for it.
    pub fn key(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Types a line.
    pub fn enter(&self, line: &str) {
        self.write(line);
        self.key("Enter");
    }

    /// All that stands on the screen.
    pub fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// The timeline of the room, a row each, without the time of day.
    pub fn timeline(&self) -> Vec<String> {
        let text = self.text();
        let rows = text.lines().filter_map(|line| line.split_once(" │ ")).map(|(_, row)| row.trim());
        rows.map(|row| row.split_once(' ').filter(|(time, _)| is_time(time)).map_or(row, |(_, row)| row))
            .filter(|row| !row.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// What people have said in the timeline: `name: text`.
    pub fn said(&self) -> Vec<String> {
        let by_somebody = |row: &String| row.split_once(' ').is_some_and(|(name, _)| name.ends_with(':'));
        self.timeline().into_iter().filter(by_somebody).collect()
    }

    /// Waits until the screen is as wanted.
    pub fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        self.within(PATIENCE, what, wanted);
    }

    /// Waits so long until the screen is as wanted.
    pub fn within(&self, patience: Duration, what: &str, wanted: impl Fn(&str) -> bool) {
        let give_up = Instant::now() + patience;
        loop {
            let text = self.text();
            if wanted(&text) {
                return;
            }
            if Instant::now() >= give_up {
                panic!("the terminal waits for {what} in vain; it shows:\n{}", text.trim_end());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until these words are on the screen, in one row.
    pub fn shows(&self, words: &str) {
        self.until(&format!("{words:?}"), |text| text.contains(words));
    }

    /// Waits until these words are on the screen no more.
    pub fn hides(&self, words: &str) {
        self.until(&format!("{words:?} to go"), |text| !text.contains(words));
    }

    /// Waits until the program has the whole screen.
    pub fn is_full(&self) {
        self.until("the full screen", |_| self.ask("alternate_on") == "1");
    }

    /// Whether the terminal is as the shell left it.
    pub fn is_sane(&self) -> bool {
        self.settings() == self.sane
    }

    /// Sends a signal to what runs in the terminal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.foreground(), signal).expect("the program is running");
    }

    /// Waits for the end of the program with this exit code, and for the terminal as it was before.
    pub fn ended(&self, code: i32) {
        let end = format!("ended={code}");
        self.until(&format!("the shell after {end}"), |text| {
            let mut rows = text.trim_end().lines().rev();
            rows.next() == Some(PROMPT) && rows.next().is_some_and(|row| row.ends_with(&end))
        });
        assert_eq!(self.ask("alternate_on"), "0", "the whole screen is still taken");
        assert_eq!(self.ask("cursor_flag"), "1", "the cursor is still hidden");
        assert!(self.is_sane(), "the terminal is not as before: {}", self.settings());
        // A terminal that still marks what is pasted would put the marks before the command.
        self.tmux(&["set-buffer", "echo unmarked | tr a-z A-Z"]);
        self.tmux(&["paste-buffer", "-p"]);
        self.key("Enter");
        self.shows("UNMARKED");
    }

    fn ask(&self, variable: &str) -> String {
        self.tmux(&["display-message", "-p", &format!("#{{{variable}}}")]).trim().to_owned()
    }

    /// The settings of the terminal device.
    fn settings(&self) -> String {
        output("stty", Command::new("stty").args(["-g", "-F", &self.ask("pane_tty")]))
    }

    /// The leader of the processes that the terminal's keys reach.
    fn foreground(&self) -> Pid {
        let shell = self.ask("pane_pid");
        let stat = std::fs::read_to_string(format!("/proc/{shell}/stat")).expect("the shell is running");
        let after_name = stat.rsplit_once(") ").expect("a name in brackets").1;
        let leader = after_name.split(' ').nth(5).expect("the terminal's process group");
        leader.parse().ok().and_then(Pid::from_raw).expect("a process id")
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command
            .env_clear()
            .envs([
                ("PATH", search_path().as_str()),
                ("LANG", "C.UTF-8"),
                ("SHELL", "/bin/sh"),
                ("PS1", "ready$ "),
            ])
            .env("HOME", self.home.path())
            .env("TMUX_TMPDIR", self.home.path())
            .current_dir(self.home.path())
            .args(["-u", "-L", "salotto", "-f", "/dev/null"])
            .args(arguments);
        output("tmux", &mut command)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what stood on the terminal:\n{}", self.text().trim_end());
        }
        self.tmux(&["kill-server"]);
    }
}

fn is_time(word: &str) -> bool {
    word.len() == 5
        && word
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 2 { byte == b':' } else { byte.is_ascii_digit() })
}

/// The program itself, and what every system has.
fn search_path() -> String {
    let program: PathBuf = env!("CARGO_BIN_EXE_salotto").into();
    format!("{}:/usr/bin:/bin", program.parent().map(Path::display).expect("the program is in a folder"))
}

fn output(name: &str, command: &mut Command) -> String {
    let result = command.stdin(Stdio::null()).output();
    let Output { status, stdout, stderr } =
        result.unwrap_or_else(|error| panic!("{name} cannot be started, is it installed? {error}"));
    assert!(status.success(), "{command:?} fails: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("UTF-8")
}
