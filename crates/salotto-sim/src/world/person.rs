//! People with real clients: what they do, and what is written down of what they see.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use salotto_client::{
    ChatMessage, Client, ConnectFailure, Credentials, EntryState, Event, FailReason, LocalId, MessageKind,
    Options, Outbox, Row, RowKind, State, Time, Transmit,
};
use salotto_core::Seq;
use salotto_wire::{Message, server_time};

use super::agenda::Moment;
use super::{ACCOUNTS, EPOCH_MS, ESTABLISHED, ROOMS};
use crate::history::{History, Mark, Marker, MsgId, Reader, Room, Screen, What};
use crate::rng::Rng;

/// A person at a device.
#[derive(Debug)]
pub(super) struct Person {
    client: Client,
    reader: Reader,
    name: String,
    has_account: bool,
    rng: Rng,
    marks: BTreeMap<LocalId, Mark>,
    sent: BTreeSet<Mark>,
    /// What was sent more than once, after a lost connection or because there was no answer for a minute.
    sent_again: BTreeSet<Mark>,
    requests: BTreeMap<Room, VecDeque<Request>>,
    batch: Option<(Room, Option<MsgId>, usize)>,
    /// What they say next carries a mark that nobody else's has.
    next_mark: u64,
    pub timer_at: Option<Moment>,
}

/// A request for history that is open on this connection.
#[derive(Clone, Copy, Debug)]
struct Request {
    /// It asks for what is newest, or for all that is newer than this.
    to_the_end: bool,
    is_latest: bool,
    after: Option<MsgId>,
    limit: usize,
}

/// What a client wants done on its connection.
pub(super) enum Wish {
    Connect,
    Write(Vec<u8>),
    Close,
}

fn time(now: Moment) -> Time {
    Time::from_unix_ms(EPOCH_MS as i64 + (now / 1_000) as i64)
}

/// The number of a room that is checked.
fn room_number(name: &str) -> Option<Room> {
    ROOMS.iter().position(|room| room.eq_ignore_ascii_case(name)).map(|at| Room(at as u32))
}

fn account_number(name: &str) -> Option<usize> {
    ACCOUNTS.iter().position(|account| account.eq_ignore_ascii_case(name))
}

/// The number of what two accounts say to each other, which is checked like a room that nobody leaves.
pub(super) fn direct(a: &str, b: &str) -> Option<Room> {
    let (a, b) = (account_number(a)?, account_number(b)?);
    (a != b).then(|| Room((ROOMS.len() + a.min(b) * ACCOUNTS.len() + a.max(b)) as u32))
}

/// The number of what somebody calls by this name: a room, or the conversation with another account.
pub(super) fn place_of(own: &str, target: &str) -> Option<Room> {
    if target.starts_with('#') { room_number(target) } else { direct(own, target) }
}

/// Rooms that may be retired start again from nothing, so what is newest there may go back.
fn lasts(room: Room) -> bool {
    !(ESTABLISHED.len()..ROOMS.len()).contains(&(room.0 as usize))
}

/// When something happened, by the server's clock, in Unix milliseconds.
fn time_of(message: &Message<'_>) -> u64 {
    let time = message.tag("time").and_then(|time| server_time::parse(&time));
    time.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)
}

/// The mark in a text, as people of the simulator write it.
pub(super) fn mark_of(text: &str) -> Option<Mark> {
    let word = text.strip_prefix('m')?.split(' ').next()?;
    (word.len() == 12).then(|| u64::from_str_radix(word, 16).ok().map(Mark))?
}

/// The mark of a message; one that strangers wrote without any is known by its id.
fn mark_or_id(text: &str, msgid: MsgId) -> Mark {
    mark_of(text).unwrap_or(Mark(msgid.0 | 1 << 63))
}

fn options(name: &str, has_account: bool, rng: &mut Rng) -> Options {
    let rooms = if rng.flip() { vec!["#tea".to_owned()] } else { vec!["#tea".to_owned(), "#den".to_owned()] };
    Options {
        name: name.to_owned(),
        credentials: has_account
            .then(|| Credentials { account: name.to_owned(), password: "secret".to_owned() }),
        rooms,
        seed: rng.bits(),
        history_on_join: true,
        ..Options::default()
    }
}

impl Person {
    pub fn new(name: &str, has_account: bool, reader: Reader, mut rng: Rng) -> Person {
        let client = Client::new(options(name, has_account, &mut rng));
        Person {
            client,
            reader,
            name: name.to_owned(),
            has_account,
            rng,
            marks: BTreeMap::new(),
            sent: BTreeSet::new(),
            sent_again: BTreeSet::new(),
            requests: BTreeMap::new(),
            batch: None,
            next_mark: u64::from(reader.0) << 24,
            timer_at: None,
        }
    }

    /// What this person has still to do before everything is in order; nothing is the best answer.
    pub fn trouble(&self) -> Option<String> {
        if *self.client.state() != State::Online {
            return Some(format!("{} is not online but {:?}", self.name, self.client.state()));
        }
        let unsent = self.client.outbox().entries().first()?;
        Some(format!("{} has not got rid of {:?}", self.name, unsent))
    }

    // What happens.

    pub fn connected(&mut self, now: Moment, history: &mut History) {
        self.requests.clear();
        self.batch = None;
        history.note(self.reader, What::Connects);
        let others = ACCOUNTS.iter().filter_map(|other| direct(&self.name, other));
        for place in others.filter(|_| self.has_account) {
            history.note(self.reader, What::Enters(place));
        }
        self.client.handle_connected(time(now));
    }

    pub fn connect_failed(&mut self, now: Moment) {
        let failure = ConnectFailure::Unreachable("connection refused".to_owned());
        self.client.handle_connect_failed(time(now), failure);
    }

    pub fn disconnected(&mut self, now: Moment) {
        self.client.handle_disconnected(time(now), "connection reset");
    }

    pub fn line(&mut self, now: Moment, line: &str, history: &mut History) {
        self.observe(line, history);
        self.client.handle_line(time(now), line);
    }

    pub fn timeout(&mut self, now: Moment) {
        self.client.handle_timeout(time(now));
    }

    /// When the client wants to be woken.
    pub fn timeout_at(&self) -> Option<Moment> {
        let at = self.client.poll_timeout()?.unix_ms() - EPOCH_MS as i64;
        Some(at.max(0) as u64 * 1_000)
    }

    /// The next thing that the client wants done; what it tells its person is written down meanwhile.
    pub fn wish(&mut self, now: Moment, history: &mut History) -> Option<Wish> {
        self.listen(now, history);
        Some(match self.client.poll_transmit()? {
            Transmit::Connect => Wish::Connect,
            Transmit::Close => Wish::Close,
            Transmit::Write(bytes) => {
                let text = std::str::from_utf8(&bytes).expect("clients write text");
                for line in text.lines() {
                    self.observe_own(line, history);
                }
                Wish::Write(bytes)
            }
        })
    }

    fn listen(&mut self, now: Moment, history: &mut History) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Message(chat) => self.shows(&chat, history),
                Event::History { messages, .. } => {
                    messages.iter().for_each(|chat| self.shows(chat, history));
                }
                Event::Outbox { id, state: None } => {
                    if let Some(mark) = self.marks.remove(&id) {
                        history.note(self.reader, What::Receipt(mark));
                    }
                }
                // A room did not take it: that is an answer too.
                Event::Outbox { id, state: Some(EntryState::Failed(FailReason::Refused(_))) } => {
                    self.marks.remove(&id);
                    self.client.discard(time(now), id);
                }
                Event::Outbox { id, state: Some(EntryState::Failed(_)) } => {
                    self.client.retry(time(now), id);
                }
                _ => {}
            }
        }
    }

    fn shows(&self, chat: &ChatMessage, history: &mut History) {
        let msgid = chat.msgid.as_deref().and_then(Seq::from_msgid).map(|seq| MsgId(seq.0));
        if let (Some(room), Some(msgid)) = (self.place(&chat.target), msgid) {
            history.note(self.reader, What::Shows(room, msgid, mark_or_id(&chat.text, msgid)));
        }
    }

    fn place(&self, target: &str) -> Option<Room> {
        place_of(&self.name, target)
    }

    /// Writes down what a line from the server means for this reader.
    fn observe(&mut self, text: &str, history: &mut History) {
        let Ok(message) = Message::parse(text) else { return };
        let target = message.param(0).unwrap_or_default();
        let own = message.nick() == self.client.name();
        let msgid = || message.tag("msgid").and_then(|id| Seq::from_msgid(&id)).map(|seq| MsgId(seq.0));
        match message.command() {
            "JOIN" if own => {
                if let Some(room) = room_number(target) {
                    history.note(self.reader, What::Enters(room));
                }
            }
            "PART" if own => self.leaves(target, &message, history),
            "KICK" if message.param(1) == Some(self.client.name()) => {
                self.leaves(target, &message, history);
            }
            "PRIVMSG" | "NOTICE" => {
                let sender = message.nick();
                let (Some(room), Some(msgid)) = (place_of(sender, target), msgid()) else { return };
                if let (Some(batch), true) = (&mut self.batch, message.tag("batch").is_some()) {
                    batch.1 = batch.1.max(Some(msgid));
                    batch.2 += 1;
                    return;
                }
                let mark = mark_or_id(message.param(1).unwrap_or_default(), msgid);
                let again = self.sent_again.contains(&mark);
                history.note(
                    self.reader,
                    What::Hears { room, msgid, mark, said_ms: time_of(&message), own, again },
                );
            }
            "BATCH" if message.param(1) == Some("chathistory") => {
                let room = message.param(2).and_then(|target| self.place(target));
                self.batch = room.map(|room| (room, None, 0));
            }
            "BATCH" if target.starts_with('-') => {
                if let Some((room, newest, count)) = self.batch.take() {
                    self.answered(room, Some((newest, count)), history);
                }
            }
            "FAIL" if target == "CHATHISTORY" => {
                if let Some(room) = message.param(3).and_then(|target| self.place(target)) {
                    self.answered(room, None, history);
                }
            }
            "MARKREAD" if self.has_account => {
                let until = message.param(1).and_then(|value| value.strip_prefix("timestamp="));
                if let (Some(place), Some(until)) = (self.place(target), until) {
                    // `*` stands for nothing read.
                    let ms = server_time::parse(until).and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0);
                    history.note(self.reader, What::ReadUpTo(place, ms));
                }
            }
            _ => {}
        }
    }

    fn leaves(&self, room: &str, message: &Message<'_>, history: &mut History) {
        if let Some(room) = room_number(room) {
            history.note(self.reader, What::Leaves(room, time_of(message)));
        }
    }

    fn answered(&mut self, room: Room, page: Option<(Option<MsgId>, usize)>, history: &mut History) {
        let Some(request) = self.requests.get_mut(&room).and_then(VecDeque::pop_front) else { return };
        if !request.to_the_end {
            return;
        }
        let whole = page.filter(|&(_, count)| request.is_latest || count < request.limit);
        let what = match whole {
            Some((newest, _)) => What::Answered(room, newest.max(request.after)),
            None => What::AnsweredInPart(room),
        };
        history.note(self.reader, what);
    }

    /// Writes down what this client asks and sends.
    fn observe_own(&mut self, text: &str, history: &mut History) {
        let Ok(message) = Message::parse(text) else { return };
        let param = |index: usize| message.param(index).unwrap_or_default();
        match message.command() {
            "PRIVMSG" => {
                if let Some(mark) = mark_of(param(1))
                    && !self.sent.insert(mark)
                {
                    self.sent_again.insert(mark);
                }
            }
            "CHATHISTORY" => {
                let Some(room) = self.place(param(1)).filter(|&room| lasts(room)) else { return };
                let after = param(2).strip_prefix("msgid=").and_then(Seq::from_msgid).map(|seq| MsgId(seq.0));
                let request = Request {
                    to_the_end: param(0) != "BEFORE",
                    is_latest: param(0) == "LATEST",
                    after: after.filter(|_| param(0) == "AFTER"),
                    limit: param(3).parse().unwrap_or(0),
                };
                self.requests.entry(room).or_default().push_back(request);
                if request.to_the_end {
                    history.note(self.reader, What::Asks(room));
                }
            }
            _ => {}
        }
    }

    // What people do.

    /// Does something.
    pub fn act(&mut self, now: Moment, history: &mut History) {
        match self.rng.below(100) {
            0..56 => self.say(now, history),
            56..66 => self.say_to_somebody(now, history),
            66..70 => {
                let target = self.somewhere();
                self.client.mark_read(target);
            }
            70..76 => (0..4).for_each(|_| self.say(now, history)),
            76..80 => self.client.join("#wild", None),
            80..83 => self.client.part("#wild", ""),
            83..85 => self.client.join("#den", None),
            85..87 => self.client.part("#den", ""),
            87..91 => {
                self.client.load_before(time(now), "#tea");
            }
            91..93 => self.client.disconnect(time(now)),
            93..95 => self.client.retry_now(time(now)),
            _ => {}
        }
        self.carry_on(now);
    }

    /// Does what a patient person does who only wants everything to be in order.
    pub fn carry_on(&mut self, now: Moment) {
        match self.client.state() {
            State::NameNeeded => {
                let name = self.name.clone();
                self.client.set_name(time(now), &name);
            }
            State::Idle | State::Stopped(_) => self.client.connect(time(now)),
            _ => {}
        }
    }

    fn say(&mut self, now: Moment, history: &mut History) {
        let room = match self.rng.below(10) {
            0..5 => "#tea",
            5..7 => "#lobby",
            7 => "#wild",
            _ => "#den",
        };
        self.say_in(room, now, history);
    }

    /// Says something to one person. What a guest says to one is not kept, so nothing is promised of it.
    fn say_to_somebody(&mut self, now: Moment, history: &mut History) {
        let other = ACCOUNTS[self.rng.index(ACCOUNTS.len())];
        if self.has_account && other != self.name {
            self.say_in(other, now, history);
        } else if !self.has_account {
            self.client.send(time(now), other, MessageKind::Text, "psst");
        }
    }

    fn say_in(&mut self, target: &str, now: Moment, history: &mut History) {
        self.next_mark += 1;
        let mark = Mark(self.next_mark);
        if let Some(place) = self.place(target) {
            history.note(self.reader, What::Sends(place, mark));
        }
        let text = format!("m{:012x} how do you do?", mark.0);
        let ids = self.client.send(time(now), target, MessageKind::Text, &text);
        self.marks.extend(ids.into_iter().map(|id| (id, mark)));
    }

    /// A room or somebody else.
    fn somewhere(&mut self) -> &'static str {
        match self.rng.below(6) {
            0 => ACCOUNTS[self.rng.index(ACCOUNTS.len())],
            1 => "#lobby",
            2 => "#den",
            _ => "#tea",
        }
    }

    /// The program is closed and opened again: only the outbox is left.
    pub fn reopen(&mut self, reader: Reader) {
        let saved = String::from_utf8(self.client.outbox().save()).expect("an outbox is saved as text");
        let options = options(&self.name, self.has_account, &mut self.rng);
        self.client = Client::with_outbox(options, Outbox::load(&saved));
        self.marks = self
            .client
            .outbox()
            .entries()
            .iter()
            .filter_map(|entry| Some((entry.id, mark_of(&entry.text)?)))
            .collect();
        self.reader = reader;
        self.requests.clear();
        self.batch = None;
        self.timer_at = None;
    }

    /// Writes down what is on the screen.
    pub fn screens(&self, history: &mut History) {
        for conversation in self.client.conversations() {
            let Some(room) = self.place(conversation.name()).filter(|&room| lasts(room)) else { continue };
            // How far a room was read is told on entering it.
            let is_told =
                self.has_account && (conversation.is_joined() || !conversation.name().starts_with('#'));
            if let Some(account) = account_number(&self.name).filter(|_| is_told) {
                let until_ms = conversation.read_until_ms().unwrap_or(0).max(0) as u64;
                let (account, reader) = (account as u32, Some(self.reader));
                history.markers.push(Marker { account, reader, room, until_ms });
            }
            let rows = conversation.timeline().rows();
            let is_sent_again = |row: &&Row| match &row.kind {
                RowKind::Message(chat) => {
                    mark_of(&chat.text).is_some_and(|mark| self.sent_again.contains(&mark))
                }
                _ => false,
            };
            // The answer to something sent again may come before its place is known, and while the server's clock
            // stands still no time tells it either: what has the same time is not compared.
            let unsure: BTreeSet<i64> = rows.iter().filter(is_sent_again).map(|row| row.time_ms).collect();
            let rows = rows.iter().filter_map(|row| match &row.kind {
                RowKind::Message(_) if unsure.contains(&row.time_ms) => Some(None),
                RowKind::Message(chat) => {
                    Some(chat.msgid.as_deref().and_then(Seq::from_msgid).map(|seq| MsgId(seq.0)))
                }
                RowKind::Gap { .. } => Some(None),
                _ => None,
            });
            history.screens.push(Screen { reader: self.reader, room, rows: rows.collect() });
        }
    }
}
