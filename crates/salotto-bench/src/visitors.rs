//! People who come into rooms where others talk, read what was said, listen for a while, and go: in good order, with
//! a broken connection, or after they have not read for a while. Some have accounts and come back by their tokens.

use anyhow::Result;

use crate::account::{Account, guest_introduction};
use crate::args::Target;
use crate::crowd::{Crowd, Event, Listener};
use crate::fanout::ns;
use crate::follow::{Faults, Follower, Road, id_number};
use crate::histogram::Histogram;
use crate::line::Line;
use crate::payload::Payload;

/// Messages in a page of history: what the server gives at most.
const PAGE_LEN_MAX: u64 = 100;

/// How long one listens, stays away, and does not read at most, in seconds.
const LISTEN_S: (f64, f64) = (2.0, 20.0);
const AWAY_S: (f64, f64) = (0.5, 5.0);
const STALL_S: (f64, f64) = (5.0, 15.0);

/// How long one may take from connecting to having read, in seconds.
const ENTER_LIMIT_S: f64 = 30.0;

/// One in so many visits has a pause in which the visitor does not read.
const STALL_EVERY: u64 = 10;

/// Receive buffer of visitors, so that what waits for those who stall soon waits at the server.
const RECEIVE_BUFFER: usize = 128 * 1024;

/// What the visitors go to.
pub struct Place<'a> {
    /// The number of the run whose messages are understood.
    pub run_number: u64,
    /// Bytes of a text.
    pub text_len: usize,
    /// The rooms.
    pub rooms: &'a [String],
    /// Members of each of them, as the senders are numbered.
    pub members: usize,
}

/// What has happened.
#[derive(Clone, Default)]
pub struct Tally {
    /// Visits that ended as they should.
    pub visits: u64,
    /// Pages of history read.
    pub pages: u64,
    /// Messages heard and read.
    pub messages: u64,
    /// Pauses without reading after which everything was there.
    pub stalls: u64,
    /// Connections that the server closed.
    pub closed: u64,
    /// Visits that did not get to their end in time.
    pub stuck: u64,
    /// Sign-ins by token, and by password.
    pub by_token: u64,
    /// Sign-ins that needed the password.
    pub by_password: u64,
    /// What is wrong.
    pub faults: Faults,
    /// Texts that nobody sent.
    pub damaged: u64,
    /// From connecting until the last page was read.
    pub entered: Histogram,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Away,
    Entering,
    Reading,
    Listening,
    Stalled,
}

#[derive(Clone, Copy, Debug)]
enum Todo {
    Register,
    Join,
    Prove,
    Read,
}

struct Visitor {
    stage: Stage,
    account: Option<Account>,
    is_registered: bool,
    room: usize,
    follower: Follower,
    last_id: Vec<u8>,
    page_len: u64,
    opened_ns: u64,
    due_ns: u64,
}

/// The visitors and their connections.
pub struct Visitors {
    crowd: Crowd,
    state: State,
    chance: u64,
}

struct State {
    visitors: Vec<Visitor>,
    rooms: Vec<String>,
    members: usize,
    todo: Vec<(usize, Todo)>,
    tally: Tally,
}

impl Visitors {
    /// Prepares `len` visitors, of whom the first `with_account` have accounts.
    ///
    /// # Errors
    ///
    /// When the system does not allow as many connections.
    pub fn new(target: &Target, place: &Place<'_>, len: usize, with_account: usize) -> Result<Self> {
        let mut crowd = Crowd::new(target, len, place.text_len, |_| None)?;
        crowd.listen_to(place.run_number, place.text_len, place.rooms);
        let visitors = (0..len)
            .map(|at| Visitor {
                stage: Stage::Away,
                account: (at < with_account).then(|| Account::new(crowd.next_nick().to_string())),
                is_registered: false,
                room: at % place.rooms.len(),
                follower: Follower::new(place.members),
                last_id: Vec::new(),
                page_len: 0,
                opened_ns: 0,
                // Not all at once.
                due_ns: ns(at as f64 * 0.05),
            })
            .collect();
        let state = State {
            visitors,
            rooms: place.rooms.to_vec(),
            members: place.members,
            todo: Vec::new(),
            tally: Tally::default(),
        };
        Ok(Self { crowd, state, chance: place.run_number | 1 })
    }

    /// What has happened so far.
    pub fn tally(&self) -> &Tally {
        &self.state.tally
    }

    /// How many are connected.
    pub fn connected(&self) -> usize {
        (0..self.state.visitors.len()).filter(|at| self.crowd.is_connected(*at)).count()
    }

    /// Lets them come and go for so many seconds.
    ///
    /// # Errors
    ///
    /// When connections cannot be begun.
    pub fn go_on(&mut self, seconds: f64) -> Result<()> {
        let end_ns = self.crowd.now_ns() + ns(seconds);
        while self.crowd.now_ns() < end_ns {
            let now_ns = self.crowd.now_ns();
            for at in 0..self.state.visitors.len() {
                if self.state.visitors[at].due_ns <= now_ns {
                    self.next_step(at, now_ns)?;
                }
            }
            self.crowd.turn((now_ns + 20_000_000).min(end_ns), &mut self.state)?;
            for (at, todo) in std::mem::take(&mut self.state.todo) {
                self.carry_out(at, todo);
            }
        }
        Ok(())
    }

    /// Lets all of them quit.
    pub fn dismiss(&mut self) {
        self.crowd.dismiss();
    }

    /// The next number of a sequence that looks like chance (splitmix64).
    fn draw(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn within(&mut self, (from, to): (f64, f64)) -> u64 {
        ns(from + (to - from) * (self.draw() % 1000) as f64 / 1000.0)
    }

    fn next_step(&mut self, at: usize, now_ns: u64) -> Result<()> {
        let stage = self.state.visitors[at].stage;
        match stage {
            Stage::Away => self.come(at, now_ns),
            Stage::Entering | Stage::Reading => {
                self.state.tally.stuck += 1;
                self.crowd.discard(at);
                self.go_away(at, now_ns);
                Ok(())
            }
            Stage::Listening if self.draw().is_multiple_of(STALL_EVERY) => {
                self.crowd.pause(at);
                self.state.visitors[at].stage = Stage::Stalled;
                self.state.visitors[at].due_ns = now_ns + self.within(STALL_S);
                Ok(())
            }
            Stage::Listening => {
                self.state.tally.visits += 1;
                if self.draw().is_multiple_of(2) {
                    self.crowd.send(at, "QUIT :done");
                    self.crowd.flush(at, &mut self.state);
                }
                self.crowd.discard(at);
                self.go_away(at, now_ns);
                Ok(())
            }
            Stage::Stalled => {
                self.state.visitors[at].stage = Stage::Listening;
                self.state.visitors[at].due_ns = now_ns + self.within(LISTEN_S);
                self.crowd.resume(at, &mut self.state);
                self.state.tally.stalls += u64::from(self.crowd.is_connected(at));
                Ok(())
            }
        }
    }

    fn go_away(&mut self, at: usize, now_ns: u64) {
        let due_ns = now_ns + self.within(AWAY_S);
        self.state.gone(at);
        self.state.visitors[at].due_ns = due_ns;
    }

    fn come(&mut self, at: usize, now_ns: u64) -> Result<()> {
        let lines = match &self.state.visitors[at].account {
            Some(account) => account.introduction(),
            None => guest_introduction(&self.crowd.next_nick().to_string()),
        };
        self.crowd.introduce(at, &lines);
        self.crowd.set_receive_buffer(at, RECEIVE_BUFFER);
        // Rooms are remembered with an account, so it stays with its own.
        let room = self.draw() as usize % self.state.rooms.len();
        let visitor = &mut self.state.visitors[at];
        if visitor.account.is_none() {
            visitor.room = room;
            visitor.follower = Follower::new(self.state.members);
            visitor.last_id.clear();
        }
        visitor.stage = Stage::Entering;
        visitor.opened_ns = now_ns;
        visitor.due_ns = now_ns + ns(ENTER_LIMIT_S);
        self.crowd.open(at)
    }

    fn carry_out(&mut self, at: usize, todo: Todo) {
        let visitor = &self.state.visitors[at];
        let room = &self.state.rooms[visitor.room];
        let line = match (todo, &visitor.account) {
            (Todo::Join, _) => format!("JOIN {room}"),
            (Todo::Read, _) if visitor.last_id.is_empty() => {
                format!("CHATHISTORY LATEST {room} * {PAGE_LEN_MAX}")
            }
            (Todo::Read, _) => {
                let id = String::from_utf8_lossy(&visitor.last_id);
                format!("CHATHISTORY AFTER {room} msgid={id} {PAGE_LEN_MAX}")
            }
            (Todo::Register, Some(account)) => format!("REGISTER * * :{}", account.password),
            (Todo::Prove, Some(account)) => account.proof(),
            (Todo::Register | Todo::Prove, None) => return,
        };
        self.crowd.send(at, &line);
        self.crowd.flush(at, &mut self.state);
    }
}

impl State {
    fn gone(&mut self, at: usize) {
        let visitor = &mut self.visitors[at];
        if matches!(visitor.stage, Stage::Entering | Stage::Reading) {
            visitor.follower.forget_live();
        }
        visitor.follower.interrupted();
        visitor.stage = Stage::Away;
    }

    fn page_over(&mut self, at: usize, now_ns: u64) {
        self.tally.pages += 1;
        let visitor = &mut self.visitors[at];
        // The latest page is the only one of a first visit; who comes back reads on to the end.
        let is_first = std::mem::take(&mut visitor.page_len);
        let reads_on = visitor.account.is_some() && is_first >= PAGE_LEN_MAX;
        if reads_on {
            self.todo.push((at, Todo::Read));
            return;
        }
        visitor.follower.join(&mut self.tally.faults);
        visitor.stage = Stage::Listening;
        let listen = ns(LISTEN_S.0 + (LISTEN_S.1 - LISTEN_S.0) * (now_ns / 1000 % 1000) as f64 / 1000.0);
        visitor.due_ns = now_ns + listen;
        self.tally.entered.record(now_ns.saturating_sub(visitor.opened_ns));
    }
}

impl Listener for State {
    fn heard(&mut self, _member: usize, _payload: Payload, _now_ns: u64) {}

    fn heard_line(&mut self, member: usize, payload: Payload, line: &[u8], _now_ns: u64) {
        let visitor = &mut self.visitors[member];
        let (room, slot) = (payload.sender as usize / self.members, payload.sender as usize % self.members);
        if room != visitor.room {
            self.tally.damaged += 1;
            return;
        }
        let line = Line::parse(line);
        let id = line.tag("msgid").unwrap_or_default();
        let road = if line.tag("batch").is_some() { Road::Page } else { Road::Live };
        visitor.page_len += u64::from(road == Road::Page);
        visitor.follower.hear(road, slot, payload.seq, id_number(id), &mut self.tally.faults);
        if road == Road::Page || !matches!(visitor.stage, Stage::Entering | Stage::Reading) {
            visitor.last_id.clear();
            visitor.last_id.extend_from_slice(id);
        }
        self.tally.messages += 1;
    }

    fn damaged(&mut self, _member: usize) {
        self.tally.damaged += 1;
    }

    fn event(&mut self, member: usize, event: Event) {
        let visitor = &mut self.visitors[member];
        match event {
            Event::Registered(_) => {}
            Event::Joined => {
                let is_new = visitor.account.is_some() && !visitor.is_registered;
                self.todo.push((member, if is_new { Todo::Register } else { Todo::Join }));
            }
            Event::Closed => {
                self.tally.closed += 1;
                // The step that is due next finds it away and brings it back.
                self.gone(member);
            }
        }
    }

    fn line(&mut self, member: usize, line: &Line<'_>, now_ns: u64) {
        let visitor = &mut self.visitors[member];
        match (line.command, visitor.stage) {
            (b"RESUME", _) if line.param(0) == b"TOKEN" => {
                if let Some(account) = &mut visitor.account {
                    account.token = Some(String::from_utf8_lossy(line.param(1)).into_owned());
                }
            }
            (b"REGISTER", _) if line.param(0) == b"SUCCESS" => {
                visitor.is_registered = true;
                self.todo.push((member, Todo::Join));
            }
            (b"FAIL", _) if line.param(0) == b"REGISTER" => self.todo.push((member, Todo::Register)),
            (b"FAIL", Stage::Reading) if line.param(0) == b"CHATHISTORY" => {
                self.todo.push((member, Todo::Read))
            }
            (b"FAIL", _) if line.param(0) == b"RESUME" && visitor.is_registered => {
                self.tally.by_password += 1;
                self.todo.push((member, Todo::Prove));
            }
            // The 900 that came before it was not a token's.
            (b"903", Stage::Entering) => self.tally.by_token = self.tally.by_token.saturating_sub(1),
            (b"900", Stage::Entering) if visitor.is_registered => self.tally.by_token += 1,
            (b"JOIN", Stage::Entering) if line.param(0) == self.rooms[visitor.room].as_bytes() => {
                // The first JOIN that is heard is one's own.
                visitor.stage = Stage::Reading;
                visitor.page_len = 0;
                self.todo.push((member, Todo::Read));
            }
            (b"BATCH", Stage::Reading) if line.param(0).starts_with(b"-") => self.page_over(member, now_ns),
            _ => {}
        }
    }
}
