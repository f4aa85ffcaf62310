//! The client without a terminal: what is written into it, and what comes out of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{PATIENCE, salotto};

/// A running client. It is killed when dropped.
pub struct Pipe {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines,
    notices: Lines,
    _home: tempfile::TempDir,
}

/// The client has ended.
pub struct Ended {
    /// Its exit code; none after a signal that it did not take.
    pub code: Option<i32>,
    /// What it printed that was not read before.
    pub output: Vec<String>,
    /// What it told that was not read before.
    pub notices: Vec<String>,
}

impl Pipe {
    /// Chats in a language under a name, with further options and variables.
    pub fn start(address: SocketAddr, options: &str, variables: &[(&str, &str)]) -> Pipe {
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut child = salotto(home.path())
            .args(["chat", "--plain", &address.to_string()])
            .args(options.split_whitespace())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = Lines::of("standard output", child.stdout.take().expect("piped"));
        let notices = Lines::of("standard error", child.stderr.take().expect("piped"));
        Pipe { input: child.stdin.take(), child, output, notices, _home: home }
    }

    /// Chats in English under a name, and is in the lobby.
    pub fn signed_in(address: SocketAddr, name: &str) -> Pipe {
        let mut pipe = Pipe::start(address, &format!("--lang en --name {name}"), &[]);
        pipe.told(&format!("Welcome, {name}. You are in #lobby. /quit leaves, /help tells more."));
        pipe
    }

    /// Writes a line into it.
    pub fn send(&mut self, line: &str) {
        let input = self.input.as_mut().expect("not closed before");
        input.write_all(format!("{line}\n").as_bytes()).expect("the client reads");
    }

    /// Reads what it prints up to this very line.
    pub fn prints(&mut self, line: &str) {
        self.output.expect(line);
    }

    /// The next line that it prints must be this one.
    pub fn prints_next(&mut self, line: &str) {
        assert_eq!(self.output.next(), line);
    }

    /// The next line that it prints and that somebody has said must be this one.
    pub fn prints_next_said(&mut self, wanted: &str) {
        let said = self.output.until(&format!("{wanted:?}"), |line| !line.starts_with("* "));
        assert_eq!(said, wanted);
    }

    /// Reads what it tells beside the chat, up to this very line.
    pub fn told(&mut self, line: &str) {
        self.notices.expect(line);
    }

    /// Reads what it tells beside the chat, up to a line that begins so.
    pub fn told_with(&mut self, begin: &str) -> String {
        self.notices.until(&format!("{begin:?}…"), |line| line.starts_with(begin))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("the client is running");
    }

    /// Ends its input, and waits for its end.
    pub fn finish(mut self) -> Ended {
        drop(self.input.take());
        self.wait()
    }

    /// Waits for its end while its input stays open.
    pub fn wait(mut self) -> Ended {
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of this process") {
                let (output, notices) = (self.output.rest(), self.notices.rest());
                return Ended { code: status.code(), output, notices };
            }
            assert!(Instant::now() < give_up, "the client does not end; it tells {:?}", self.notices.seen);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines as they come.
struct Lines {
    name: &'static str,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    fn of(name: &'static str, stream: impl Read + Send + 'static) -> Lines {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            // Nobody may want the later lines.
            let _ =
                BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|line| sender.send(line));
        });
        Lines { name, lines, seen: Vec::new() }
    }

    fn next(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen.push(line.clone());
                line
            }
            Err(error) => panic!("{} has no further line ({error}) after {:#?}", self.name, self.seen),
        }
    }

    fn expect(&mut self, wanted: &str) {
        self.until(&format!("{wanted:?}"), |line| line == wanted);
    }

    fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let begin = self.seen.len();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.seen.push(line),
                Err(error) => panic!("{} has no {what} ({error}), but {:#?}", self.name, &self.seen[begin..]),
            }
            if let Some(line) = self.seen.last().filter(|line| wanted(line)) {
                return line.clone();
            }
        }
    }

    fn rest(&mut self) -> Vec<String> {
        self.lines.iter().collect()
    }
}
