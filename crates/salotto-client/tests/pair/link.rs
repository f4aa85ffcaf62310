//! A client and the server's end of its connection, both in the hands of the test.

use salotto_client::{Client, ConnectFailure, Event, Options, State, Time, Transmit};

/// The capabilities of a Salotto server.
pub const ALL_CAPS: &str = "message-tags server-time batch echo-message labeled-response account-tag \
    standard-replies sasl=PLAIN draft/chathistory draft/read-marker salotto.chat/resume";

/// 2026-11-20T20:00:00Z.
const START_MS: i64 = 1_795_204_800_000;

pub struct Link {
    pub client: Client,
    pub now: Time,
    pub connects: usize,
    pub closes: usize,
    events: Vec<Event>,
    sent: Vec<String>,
}

pub fn options(name: &str) -> Options {
    Options { name: name.to_owned(), seed: 7, history_on_join: true, ..Options::default() }
}

impl Link {
    pub fn new(options: Options) -> Self {
        Self::with_client(Client::new(options))
    }

    pub fn with_client(client: Client) -> Self {
        let now = Time::from_unix_ms(START_MS);
        Self { client, now, connects: 0, closes: 0, events: Vec::new(), sent: Vec::new() }
    }

    /// A client that has signed in to a Salotto server as anna, and entered the lobby.
    pub fn in_lobby() -> Self {
        let mut link = Self::new(options("anna"));
        link.act(Client::connect);
        link.sign_in(ALL_CAPS);
        link.enter_lobby();
        link.take_sent();
        link.take_events();
        link
    }

    /// Plays the server's part of a sign-in with these capabilities.
    pub fn sign_in(&mut self, caps: &str) {
        self.up();
        self.offer(caps);
        self.welcome();
    }

    pub fn offer(&mut self, caps: &str) {
        self.says(&format!(":irc.example CAP * LS :{caps}"));
        for line in self.take_sent() {
            if let Some(list) = line.strip_prefix("CAP REQ :") {
                self.says(&format!(":irc.example CAP * ACK :{list}"));
            }
        }
    }

    pub fn welcome(&mut self) {
        let name = self.client.name().to_owned();
        self.says(&format!(":irc.example 001 {name} :Welcome"));
        self.says(&format!(
            ":irc.example 005 {name} CASEMAPPING=ascii CHANTYPES=# PREFIX=(ov)@+ CHATHISTORY=100 NICKLEN=32 :are supported"
        ));
        self.says("RESUME TOKEN secret");
        self.says(&format!(":irc.example 422 {name} :No greeting"));
    }

    pub fn enter_lobby(&mut self) {
        let name = self.client.name().to_owned();
        self.says(&format!(":{name}!a@host JOIN #lobby"));
        self.says(&format!(":irc.example 353 {name} = #lobby :{name} @bo"));
        self.says(&format!(":irc.example 366 {name} #lobby :End"));
        self.answer_history("#lobby", &[]);
    }

    /// Answers a request for history with these lines.
    pub fn answer_history(&mut self, target: &str, lines: &[&str]) {
        self.says(&format!("BATCH +h chathistory {target}"));
        for line in lines {
            match line.strip_prefix('@') {
                Some(tagged) => self.says(&format!("@batch=h;{tagged}")),
                None => self.says(&format!("@batch=h {line}")),
            }
        }
        self.says("BATCH -h");
    }

    /// The connection is there.
    pub fn up(&mut self) {
        let now = self.now;
        self.act(|c, _| c.handle_connected(now));
    }

    pub fn refused(&mut self) {
        self.act(|c, now| {
            c.handle_connect_failed(now, ConnectFailure::Unreachable("connection refused".to_owned()));
        });
    }

    pub fn broken(&mut self, reason: &str) {
        self.act(|c, now| c.handle_disconnected(now, reason));
    }

    pub fn says(&mut self, line: &str) {
        self.act(|c, now| c.handle_line(now, line));
    }

    /// Does something with the client, then drains it.
    pub fn act<R>(&mut self, action: impl FnOnce(&mut Client, Time) -> R) -> R {
        let result = action(&mut self.client, self.now);
        while let Some(transmit) = self.client.poll_transmit() {
            match transmit {
                Transmit::Connect => self.connects += 1,
                Transmit::Close => self.closes += 1,
                Transmit::Write(bytes) => {
                    let text = String::from_utf8(bytes).expect("lines are UTF-8");
                    assert!(text.ends_with("\r\n"), "whole lines only: {text:?}");
                    self.sent.extend(text.lines().map(str::to_owned));
                }
            }
        }
        while let Some(event) = self.client.poll_event() {
            self.events.push(event);
        }
        result
    }

    /// Lets time pass, with every timeout at its moment.
    pub fn pass_ms(&mut self, ms: u64) {
        let until = self.now + std::time::Duration::from_millis(ms);
        let mut timeouts = 0;
        while let Some(at) = self.client.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.act(Client::handle_timeout);
            timeouts += 1;
            assert!(timeouts < 100_000, "the client spins");
        }
        self.now = until;
    }

    /// Lets time pass while the server says something every second.
    pub fn pass_busy_ms(&mut self, ms: u64) {
        for _ in 0..ms / 1000 {
            self.pass_ms(1000);
            self.says("PONG irc.example :busy");
        }
    }

    /// Answers the PINGs among these lines.
    pub fn answer_pings(&mut self, sent: &[String]) {
        for token in sent.iter().filter_map(|line| line.strip_prefix("PING ")) {
            self.says(&format!("PONG irc.example :{token}"));
        }
    }

    pub fn take_sent(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sent)
    }

    /// What was sent, with random tokens replaced by `…`.
    pub fn take_said(&mut self) -> Vec<String> {
        self.take_sent().iter().map(|l| hide_token(l)).collect()
    }

    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub fn is_online(&self) -> bool {
        *self.client.state() == State::Online
    }

    /// The texts of a conversation's messages.
    pub fn texts(&self, target: &str) -> Vec<String> {
        let Some(conversation) = self.client.conversation(target) else { return Vec::new() };
        conversation
            .timeline()
            .rows()
            .iter()
            .filter_map(|r| match &r.kind {
                salotto_client::RowKind::Message(m) => Some(m.text.clone()),
                salotto_client::RowKind::Gap { .. } => Some("…".to_owned()),
                _ => None,
            })
            .collect()
    }
}

/// The token in a sent line.
pub fn token(line: &str) -> &str {
    let start = line.find("token=").expect("a token") + "token=".len();
    let rest = &line[start..];
    &rest[..rest.find([';', ' ']).expect("an end")]
}

fn hide_token(line: &str) -> String {
    if line.contains("token=") { line.replace(token(line), "…") } else { line.to_owned() }
}
