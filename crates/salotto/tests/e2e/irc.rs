//! An IRC client for tests: it answers pings, signs in, and reads lines in a short form.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::ops::{Deref, DerefMut};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::support::{Client, PATIENCE, Server};

/// Every capability that changes what a client reads.
pub const ALL_CAPABILITIES: &str = "message-tags server-time batch echo-message labeled-response account-tag \
                                    account-notify away-notify extended-join multi-prefix userhost-in-names \
                                    invite-notify setname chghost standard-replies draft/chathistory \
                                    draft/read-marker salotto.chat/resume";

/// An IRC client.
pub struct Irc {
    client: Client,
    settled: u32,
}

impl Irc {
    /// Connects and says nothing yet; `who` is named in failures.
    pub fn connect(server: &Server, who: &str) -> Irc {
        Irc { client: Client::connect(who, server.address("irc")), settled: 0 }
    }

    /// Connects and signs in with these capabilities, and has read everything that comes at sign-in.
    pub fn sign_in(server: &Server, name: &str, capabilities: &str) -> Irc {
        let mut irc = Irc::connect(server, name);
        irc.ask_for(capabilities);
        irc.introduce(name);
        irc.welcomed();
        irc
    }

    /// Asks for capabilities, none of which may be refused.
    pub fn ask_for(&mut self, capabilities: &str) {
        self.send("CAP LS 302");
        if !capabilities.is_empty() {
            self.send(&format!("CAP REQ :{capabilities}"));
            self.until("the capabilities", |line| line.starts_with("CAP * ACK"));
        }
    }

    /// Says who this is, and that nothing more comes before signing in.
    pub fn introduce(&mut self, name: &str) {
        self.send(&format!("NICK {name}"));
        self.send(&format!("USER {name} 0 * :{name} of the tests"));
        self.send("CAP END");
    }

    /// Waits for the welcome and reads what comes with it.
    pub fn welcomed(&mut self) {
        self.until("the welcome", |line| line.starts_with("001 "));
        self.settle();
    }

    /// Proves to be an account: `AUTHENTICATE PLAIN` and what follows.
    pub fn authenticate(&mut self, account: &str, password: &str) {
        self.send("AUTHENTICATE PLAIN");
        self.until("the server's turn", |line| line == "AUTHENTICATE +");
        let plain = BASE64_STANDARD.encode(format!("\0{account}\0{password}"));
        self.send(&format!("AUTHENTICATE {plain}"));
    }

    /// The next line as it is, pings aside, which are answered.
    pub fn next_raw(&mut self) -> String {
        loop {
            let line = self.client.next();
            match line.strip_prefix("PING ") {
                Some(token) => self.client.send(&format!("PONG {token}")),
                None => return line,
            }
        }
    }

    /// The next line in its short form.
    pub fn next(&mut self) -> String {
        short(&self.next_raw())
    }

    /// Reads up to the first line whose short form is wanted, and gives it back as it is.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let line = self.next_raw();
            if wanted(&short(&line)) {
                return line;
            }
            if Instant::now() > give_up {
                self.client.fail(&format!("waits too long for {what}"));
            }
        }
    }

    /// Reads up to the line with this short form, and gives it back as it is.
    pub fn expect(&mut self, wanted: &str) -> String {
        self.until(&format!("{wanted:?}"), |line| line == wanted)
    }

    /// The next line must have this short form; gives it back as it is.
    pub fn expect_next(&mut self, wanted: &str) -> String {
        let line = self.next_raw();
        if short(&line) != wanted {
            self.client.fail(&format!("waits for {wanted:?}"));
        }
        line
    }

    /// Waits until everything that was asked before is answered; gives the short forms of what came meanwhile.
    pub fn settle(&mut self) -> Vec<String> {
        self.settled += 1;
        let token = format!("settled-{}", self.settled);
        self.send(&format!("PING {token}"));
        let mut lines = Vec::new();
        loop {
            let line = self.next();
            if line.starts_with("PONG ") && line.ends_with(&token) {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Nothing may have come that was not read yet.
    pub fn notices_nothing(&mut self) {
        let lines = self.settle();
        if !lines.is_empty() {
            self.client.fail(&format!("was to notice nothing, and reads {lines:#?}"));
        }
    }

    /// Enters a room and reads its members, which are given back.
    pub fn join(&mut self, room: &str) -> Vec<String> {
        self.send(&format!("JOIN {room}"));
        let room = room.split(' ').next().expect("a word").to_owned();
        let mut members = Vec::new();
        loop {
            let line = self.next();
            let mut words = line.split(' ');
            match (words.next(), words.nth(1)) {
                (Some("353"), _) => members.extend(names(&line)),
                (Some("366"), Some(of)) if of == room => return members,
                _ => {}
            }
        }
    }

    /// Asks for history and gives its lines as they are.
    pub fn history(&mut self, request: &str) -> Vec<String> {
        self.send(&format!("CHATHISTORY {request}"));
        self.until("the history", |line| line.starts_with("BATCH +"));
        let mut lines = Vec::new();
        loop {
            let line = self.next_raw();
            match short(&line) {
                end if end.starts_with("BATCH -") => return lines,
                // What others say meanwhile is no part of it.
                _ if tag(&line, "batch").is_some() => lines.push(line),
                _ => {}
            }
        }
    }

    /// All of a conversation's history, oldest first, page by page.
    pub fn whole_history(&mut self, target: &str) -> Vec<String> {
        let mut all = self.history(&format!("LATEST {target} * 100"));
        while let Some(oldest) = all.first() {
            let before = tag(oldest, "msgid").expect("a message has an id").to_owned();
            let mut page = self.history(&format!("BEFORE {target} msgid={before} 100"));
            let Some(newest) = page.last() else { break };
            assert_ne!(tag(newest, "msgid"), Some(&*before), "pages do not overlap");
            page.append(&mut all);
            all = page;
        }
        all
    }

    /// The connection without what is special to IRC.
    pub fn into_client(self) -> Client {
        self.client
    }
}

impl Deref for Irc {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Irc {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

/// A client that is read from all the time, so that it answers pings while nobody looks.
pub struct Attended {
    who: String,
    stream: TcpStream,
    lines: Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

impl Attended {
    /// Begins to read.
    pub fn new(who: &str, irc: Irc) -> Attended {
        let mut client = irc.client;
        let stream = client.sender();
        let (sender, lines) = channel();
        let reader = std::thread::spawn(move || {
            while let Some(line) = client.try_next() {
                match line.strip_prefix("PING ") {
                    Some(token) => client.send(&format!("PONG {token}")),
                    // Nobody may be waiting for the last lines.
                    None => drop(sender.send(short(&line))),
                }
            }
        });
        Attended { who: who.to_owned(), stream, lines, reader: Some(reader) }
    }

    /// Sends one line.
    pub fn send(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).expect("the server reads");
    }

    /// The next line must have this short form.
    pub fn expect_next(&self, wanted: &str) {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => assert_eq!(line, wanted, "{} reads", self.who),
            Err(error) => panic!("{} waits for {wanted:?}: {error}", self.who),
        }
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        // The server may have closed it already.
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// A line without tags, and with the bare name of a person as its source: `anna PRIVMSG #tea :hello`. Lines of the
/// server have no source: `366 anna #tea :End of /NAMES list`.
pub fn short(line: &str) -> String {
    let line = match line.strip_prefix('@') {
        Some(tagged) => tagged.split_once(' ').map_or("", |(_, rest)| rest),
        None => line,
    };
    let Some((source, rest)) = line.strip_prefix(':').and_then(|line| line.split_once(' ')) else {
        return line.to_owned();
    };
    match source.split_once('!') {
        Some((name, _)) => format!("{name} {rest}"),
        None => rest.to_owned(),
    }
}

/// The value of a tag as it stands in the line.
pub fn tag<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (tags, _) = line.strip_prefix('@')?.split_once(' ')?;
    tags.split(';').find_map(|tag| match tag.split_once('=') {
        Some((known, value)) => (known == key).then_some(value),
        None => (tag == key).then_some(""),
    })
}

/// What is said in a line.
pub fn text(line: &str) -> &str {
    line.split_once(" :").map_or("", |(_, text)| text.split_once(" :").map_or(text, |(_, text)| text))
}

/// The names of a line of NAMES.
fn names(line: &str) -> Vec<String> {
    line.rsplit_once(" :").map_or("", |(_, names)| names).split(' ').map(str::to_owned).collect()
}
