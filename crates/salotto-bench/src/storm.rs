//! Everybody is cut off at once and comes back: how long until the last one is back and has caught up, and what those
//! who were not cut off notice.

use std::collections::VecDeque;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::account::{self, Account};
use crate::args::{Target, rate, seconds, text_len};
use crate::crowd::{Crowd, Event, Listener};
use crate::fanout::ns;
use crate::files::make_room_for;
use crate::follow::{Faults, Follower, Road, id_number};
use crate::histogram::Histogram;
use crate::line::Line;
use crate::open_loop::PhaseFigures;
use crate::payload::Payload;
use crate::process::{CpuSample, Memory};
use crate::report::{Report, quantile_ms};
use crate::steady::{Steady, Talk};
use crate::text::Language;

/// Messages in a page of history: what the server gives at most.
const PAGE_LEN_MAX: u64 = 100;

/// Messages that everybody hears before the storm, so that everybody knows where to go on from.
const ANCHOR_LEN: u64 = 3;

/// How long one who was refused waits before it tries again, and by how much that differs among them.
const RETRY_NS: u64 = 2_000_000_000;
const RETRY_SPREAD_NS: u64 = 800_000_000;

/// How long one whose page was put off waits.
const READ_AGAIN_NS: u64 = 1_000_000_000;

/// Attempts of one member after which the server counts as refusing it.
const ATTEMPTS_MAX: u32 = 100;

/// Everybody is cut off at once and comes back
#[derive(Args, Clone, Debug)]
pub struct StormArgs {
    /// Where to
    #[command(flatten)]
    pub target: Target,
    /// People with accounts who are cut off
    #[arg(long, default_value_t = 1000)]
    pub people: usize,
    /// People in one room
    #[arg(long, default_value_t = 50)]
    pub rooms_of: usize,
    /// Messages that are said in each room while they are away
    #[arg(long, default_value_t = 20)]
    pub missed: u64,
    /// Bytes of a text
    #[arg(long, default_value_t = 100, value_parser = text_len)]
    pub size: usize,
    /// How many connect at the same time [default: all]
    #[arg(long, value_name = "N")]
    pub at_once: Option<usize>,
    /// Others, in rooms of 20, who are not cut off and go on talking
    #[arg(long, default_value_t = 200)]
    pub others: usize,
    /// Messages a second of these others
    #[arg(long, default_value_t = 200.0, value_parser = rate)]
    pub others_rate: f64,
    /// Seconds for which the others are measured before the storm
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    pub before: f64,
    /// Seconds that the storm may take
    #[arg(long, default_value_t = 120.0, value_parser = seconds)]
    pub limit: f64,
    /// Keep the accounts and their tokens in this file, and take them from there when it exists
    #[arg(long, value_name = "FILE")]
    pub accounts: Option<PathBuf>,
    /// Instead of cutting the connections, wait until the server has ended them: kill it and start it again
    #[arg(long)]
    pub restart: bool,
}

/// Runs the scenario.
///
/// # Errors
///
/// When the load cannot be set up. What the server does wrong is in the report.
pub fn run(args: &StormArgs, server: &str) -> Result<Report> {
    if args.people == 0 || args.rooms_of == 0 {
        bail!("nobody to cut off");
    }
    let pid = args.target.pid;
    let rooms = args.people.div_ceil(args.rooms_of);
    let talk = Talk {
        rooms: if args.restart { 0 } else { args.others / 20 },
        members: 20,
        silent: 1,
        rate: args.others_rate,
        size: args.size,
        windows_s: None,
    };
    make_room_for(args.people + rooms + talk.rooms * talk.members)?;
    let mut report = Report::new(format!("storm-{}", args.people), server.to_owned());
    let mut storm = Storm::new(args, rooms)?;
    let prepared_s = storm.prepare(args)?;
    report.number("prepared_s", prepared_s);
    report.number("rss_before_bytes", resident(pid));
    let mut others = (talk.rooms > 0).then(|| Steady::begin(&args.target, &talk)).transpose()?;
    let before = others.as_mut().map(|others| others.measure(args.before)).transpose()?;

    if let Some(others) = &mut others {
        others.start()?;
    }
    let cpu = CpuSample::take(pid);
    if args.restart {
        storm.wait_for_the_end(args)?;
    } else {
        storm.cut(args)?;
    }
    let all_back = storm.come_back(args)?;
    let cpu = CpuSample::take(pid).since(&cpu);
    let during = others.as_mut().map(Steady::stop).transpose()?;

    let reconnects: u64 = storm.attempts.iter().map(|attempts| u64::from(attempts.saturating_sub(1))).sum();
    let Storm { mut crowd, state, .. } = storm;
    let all_back_s = state.last_back_ns.map(|ns| (ns - state.begun_ns) as f64 / 1e9);
    report.number("all_back_s", all_back_s.filter(|_| all_back));
    report.count("people_back", state.back as u64);
    if !all_back {
        report.fail(report.language().not_all_back(state.back, args.people, crowd.complaint()));
    }
    for (name, quantile) in [("back_p50_s", 0.5), ("back_p99_s", 0.99)] {
        report.number(name, state.took.quantile(quantile).map(|ns| ns as f64 / 1e9));
    }
    report.count("by_token", state.by_token);
    report.count("by_password", state.by_password);
    report.count("reconnects", reconnects);
    report.count("pages_put_off", state.put_off);
    report.count("connect_retries", crowd.connect_retries());
    report.cpu("", &cpu);
    report.number("rss_after_bytes", resident(pid));
    report_others(before.as_ref(), during.as_ref(), &mut report);
    report.must_be_zero("lost", state.missing() + state.faults.lost);
    report.must_be_zero("repeated", state.faults.repeated);
    report.must_be_zero("out_of_order", state.faults.out_of_order);
    report.must_be_zero("damaged", state.damaged);
    if let Some(path) = &args.accounts {
        account::write(path, &state.accounts)?;
    }
    if let Some(others) = others {
        let mut theirs = Report::new(String::new(), String::new());
        others.end(true, &mut theirs)?;
        report.append("others.", theirs);
    }
    crowd.dismiss();
    Ok(report)
}

/// Adds what those noticed who were not part of it.
pub(crate) fn report_others(
    before: Option<&PhaseFigures>,
    during: Option<&PhaseFigures>,
    report: &mut Report,
) {
    for (phase, figures) in [("others_before.", before), ("others_during.", during)] {
        let Some(figures) = figures else { continue };
        report.latencies(phase, &figures.latency);
        report.number(format!("{phase}client_lag_p99_ms"), quantile_ms(&figures.lag, 0.99));
    }
}

fn resident(pid: Option<u32>) -> Option<f64> {
    pid.and_then(Memory::of).map(|memory| memory.resident as f64)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Away,
    Connecting,
    Reading,
    /// Has read the history and waits for what is said live.
    Waiting,
    Back,
}

/// What is to be done with a member after a turn of the loop.
#[derive(Clone, Debug)]
enum Todo {
    Register,
    Join,
    Prove,
    Read,
    ReadLater,
    Retry,
    Part(String),
    Speak,
}

/// The people, the witnesses who speak, and their connections.
struct Storm {
    crowd: Crowd,
    state: State,
    /// Who tries to connect again, and when.
    retries: VecDeque<(u64, usize)>,
    /// Who asks for history again, and when.
    reread: VecDeque<(u64, usize)>,
    attempts: Vec<u32>,
}

/// What is known of everybody.
struct State {
    people: usize,
    rooms_of: usize,
    rooms: Vec<String>,
    accounts: Vec<Account>,
    stages: Vec<Stage>,
    followers: Vec<Follower>,
    /// The id of the last message that each has read or heard.
    last_ids: Vec<Vec<u8>>,
    page_lens: Vec<u64>,
    todo: Vec<(usize, Todo)>,
    /// Messages said in each room.
    said: Vec<u64>,
    is_preparing: bool,
    prepared: usize,
    back: usize,
    /// Messages that everybody has in the end.
    goal: u64,
    begun_ns: u64,
    last_back_ns: Option<u64>,
    took: Histogram,
    by_token: u64,
    by_password: u64,
    /// Pages of history that were refused for the moment.
    put_off: u64,
    faults: Faults,
    damaged: u64,
}

impl Storm {
    fn new(args: &StormArgs, rooms: usize) -> Result<Self> {
        let people = args.people;
        // A witness stands in each room; it is the one who speaks.
        let mut crowd = Crowd::new(&args.target, people + rooms, args.size, |at| at.checked_sub(people))?;
        let mut accounts = match &args.accounts {
            Some(path) => account::read(path)?,
            None => Vec::new(),
        };
        accounts.truncate(people);
        while accounts.len() < people {
            accounts.push(Account::new(crowd.next_nick().to_string()));
        }
        for (at, account) in accounts.iter().enumerate() {
            crowd.introduce(at, &account.introduction());
        }
        let state = State {
            people,
            rooms_of: args.rooms_of,
            rooms: crowd.rooms().to_vec(),
            accounts,
            stages: vec![Stage::Away; people],
            followers: vec![Follower::new(1); people],
            last_ids: vec![Vec::new(); people],
            page_lens: vec![0; people],
            todo: Vec::new(),
            said: vec![0; rooms],
            is_preparing: true,
            prepared: 0,
            back: 0,
            goal: ANCHOR_LEN,
            begun_ns: 0,
            last_back_ns: None,
            took: Histogram::default(),
            by_token: 0,
            by_password: 0,
            put_off: 0,
            faults: Faults::default(),
            damaged: 0,
        };
        Ok(Self {
            crowd,
            state,
            retries: VecDeque::new(),
            reread: VecDeque::new(),
            attempts: vec![0; people + rooms],
        })
    }

    fn everybody(&self) -> usize {
        self.state.people + self.state.rooms.len()
    }

    /// Everybody registers or signs in, goes to the room, and hears the first messages. Returns how long it took.
    fn prepare(&mut self, args: &StormArgs) -> Result<f64> {
        let start_ns = self.crowd.now_ns();
        let end_ns = start_ns + ns(args.target.gather_limit as f64);
        let mut next = 0;
        while self.state.prepared < self.everybody() {
            while next < self.everybody() && next - self.state.prepared < args.target.in_flight {
                // The witnesses first, so that none of them comes too late to its own room.
                let at = (self.state.people + next) % self.everybody();
                self.connect(at)?;
                next += 1;
            }
            self.turn(end_ns)?;
            self.give_up_after(end_ns, self.state.prepared)?;
        }
        for room in 0..self.state.rooms.len() {
            self.speak(room)?;
        }
        while self.state.back < self.state.people {
            self.turn(end_ns)?;
            self.give_up_after(end_ns, self.state.back)?;
        }
        self.state.is_preparing = false;
        Ok((self.crowd.now_ns() - start_ns) as f64 / 1e9)
    }

    fn give_up_after(&self, end_ns: u64, done: usize) -> Result<()> {
        if self.crowd.now_ns() >= end_ns {
            bail!(
                "the time is over and only {done} of {} are ready: {}",
                self.everybody(),
                self.crowd.complaint()
            );
        }
        Ok(())
    }

    /// Ends the connections of all people, and lets the witnesses speak.
    fn cut(&mut self, args: &StormArgs) -> Result<()> {
        self.state.begun_ns = self.crowd.now_ns();
        for at in 0..self.state.people {
            self.crowd.discard(at);
            self.state.cut_off(at);
        }
        self.state.goal += args.missed;
        (0..self.state.rooms.len()).try_for_each(|room| self.speak(room))
    }

    /// Waits until the server has ended all connections.
    fn wait_for_the_end(&mut self, args: &StormArgs) -> Result<()> {
        eprintln!("{}", Language::from_environment().restart_now());
        let end_ns = self.crowd.now_ns() + ns(args.limit);
        let mut closing = Closing(0);
        while closing.0 < self.everybody() {
            self.crowd.turn(end_ns, &mut closing)?;
            self.give_up_after(end_ns, closing.0)?;
        }
        self.state.begun_ns = self.crowd.now_ns();
        (0..self.state.people).for_each(|at| self.state.cut_off(at));
        self.state.goal += args.missed;
        Ok(())
    }

    /// Lets everybody come back and read; returns whether all did within the limit.
    fn come_back(&mut self, args: &StormArgs) -> Result<bool> {
        let end_ns = self.state.begun_ns + ns(args.limit);
        let at_once = args.at_once.unwrap_or(usize::MAX);
        let mut waiting: VecDeque<usize> = (0..self.state.people).collect();
        if args.restart {
            (self.state.people..self.everybody()).for_each(|at| waiting.push_front(at));
        }
        (self.state.back, self.state.by_token, self.state.by_password) = (0, 0, 0);
        self.state.took.clear();
        self.attempts.fill(0);
        for at in 0..self.state.people {
            self.crowd.introduce(at, &self.state.accounts[at].introduction());
        }
        while self.state.back < self.state.people && self.crowd.now_ns() < end_ns {
            while let Some((_, at)) =
                self.retries.front().filter(|(due, _)| *due <= self.crowd.now_ns()).copied()
            {
                self.retries.pop_front();
                waiting.push_back(at);
            }
            // A few at a time, so that those who are there are read meanwhile.
            let mut begun = 0;
            while begun < 64 && self.crowd.under_way() < at_once {
                let Some(at) = waiting.pop_front() else { break };
                self.connect(at)?;
                begun += 1;
            }
            let is_idle = waiting.is_empty() || self.crowd.under_way() >= at_once;
            let retry_ns = self.retries.front().map_or(end_ns, |(due, _)| *due);
            self.turn(if is_idle { retry_ns.min(end_ns) } else { 0 })?;
        }
        Ok(self.state.back == self.state.people)
    }

    fn connect(&mut self, at: usize) -> Result<()> {
        self.attempts[at] += 1;
        if self.attempts[at] > ATTEMPTS_MAX {
            bail!("the server refuses a member: {}", self.crowd.complaint());
        }
        if at < self.state.people {
            self.state.stages[at] = Stage::Connecting;
        }
        self.crowd.open(at).context("cannot connect")
    }

    /// A witness says what is still to be said.
    fn speak(&mut self, room: usize) -> Result<()> {
        let sender = self.state.people + room;
        let intended_ns = self.crowd.now_ns();
        while self.state.said[room] < self.state.goal {
            let seq = self.state.said[room];
            self.state.said[room] += 1;
            self.crowd.say(sender, Payload { sender: sender as u32, seq, intended_ns })?;
        }
        self.crowd.flush(sender, &mut self.state);
        Ok(())
    }

    fn turn(&mut self, until_ns: u64) -> Result<()> {
        let reread_ns = self.reread.front().map_or(u64::MAX, |(due, _)| *due);
        self.crowd.turn(until_ns.min(reread_ns), &mut self.state)?;
        while let Some((_, at)) = self.reread.front().filter(|(due, _)| *due <= self.crowd.now_ns()).copied()
        {
            self.reread.pop_front();
            if self.state.stages[at] == Stage::Reading {
                self.carry_out(at, Todo::Read)?;
            }
        }
        for (at, todo) in std::mem::take(&mut self.state.todo) {
            self.carry_out(at, todo)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, at: usize, todo: Todo) -> Result<()> {
        let room = self.crowd.room(self.state.room_of(at));
        let line = match todo {
            Todo::Register => format!("REGISTER * * :{}", self.state.accounts[at].password),
            Todo::Join => format!("JOIN {room}"),
            Todo::Part(room) => format!("PART {room}"),
            Todo::Prove => self.state.accounts[at].proof(),
            Todo::Read => {
                let id = String::from_utf8_lossy(&self.state.last_ids[at]);
                format!("CHATHISTORY AFTER {room} msgid={id} {PAGE_LEN_MAX}")
            }
            Todo::ReadLater => {
                self.reread.push_back((self.crowd.now_ns() + READ_AGAIN_NS, at));
                return Ok(());
            }
            Todo::Speak => return self.speak(at - self.state.people),
            Todo::Retry => {
                self.crowd.discard(at);
                let spread = (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) % RETRY_SPREAD_NS;
                let due_ns = self.crowd.now_ns() + RETRY_NS - RETRY_SPREAD_NS / 2 + spread;
                let place = self.retries.partition_point(|(due, _)| *due <= due_ns);
                self.retries.insert(place, (due_ns, at));
                return Ok(());
            }
        };
        self.crowd.send(at, &line);
        self.crowd.flush(at, &mut self.state);
        Ok(())
    }
}

impl State {
    fn room_of(&self, at: usize) -> usize {
        at.checked_sub(self.people).unwrap_or(at / self.rooms_of)
    }

    /// What people do not have.
    fn missing(&self) -> u64 {
        let has = |follower: &Follower| follower.has_up_to(0).map_or(0, |last| last + 1);
        self.followers.iter().map(|follower| self.goal.saturating_sub(has(follower))).sum()
    }

    fn cut_off(&mut self, at: usize) {
        if self.stages[at] == Stage::Reading {
            self.followers[at].forget_live();
        }
        if self.stages[at] == Stage::Back {
            self.back -= 1;
        }
        self.followers[at].interrupted();
        self.stages[at] = Stage::Away;
    }

    fn look(&mut self, at: usize, now_ns: u64) {
        if self.stages[at] == Stage::Waiting && self.followers[at].has_up_to(0) == Some(self.goal - 1) {
            self.stages[at] = Stage::Back;
            self.back += 1;
            self.last_back_ns = Some(now_ns);
            self.took.record(now_ns.saturating_sub(self.begun_ns));
            self.followers[at].join(&mut self.faults);
        }
    }

    fn person_said(&mut self, at: usize, line: &Line<'_>, now_ns: u64) {
        let is_own = line.nick() == self.accounts[at].name.as_bytes();
        match (line.command, self.stages[at]) {
            (b"RESUME", _) if line.param(0) == b"TOKEN" => {
                self.accounts[at].token = Some(String::from_utf8_lossy(line.param(1)).into_owned());
            }
            (b"900", _) => self.by_token += 1,
            (b"903", _) => {
                // The 900 that came before it was not a token's.
                self.by_token = self.by_token.saturating_sub(1);
                self.by_password += 1;
            }
            (b"FAIL", Stage::Reading) if line.param(0) == b"CHATHISTORY" => {
                // Too many read at the same time, as clients are told.
                self.put_off += 1;
                self.page_lens[at] = 0;
                self.todo.push((at, Todo::ReadLater));
            }
            (b"904", _) => self.todo.push((at, Todo::Retry)),
            (b"FAIL", _) if line.param(0) == b"RESUME" => self.todo.push((at, Todo::Prove)),
            (b"FAIL", _) if line.param(0) == b"REGISTER" => self.todo.push((at, Todo::Register)),
            (b"REGISTER", _) if line.param(0) == b"SUCCESS" => self.todo.push((at, Todo::Join)),
            (b"JOIN", _) if is_own && line.param(0) == self.rooms[self.room_of(at)].as_bytes() => {
                self.entered(at);
            }
            // A room of an earlier run, which the account is still a member of.
            (b"JOIN", _) if is_own && self.is_preparing => {
                let room = String::from_utf8_lossy(line.param(0)).into_owned();
                self.todo.push((at, Todo::Part(room)));
            }
            (b"BATCH", Stage::Reading) if line.param(0).starts_with(b"-") => {
                if std::mem::take(&mut self.page_lens[at]) >= PAGE_LEN_MAX {
                    self.todo.push((at, Todo::Read));
                } else {
                    self.stages[at] = Stage::Waiting;
                    self.look(at, now_ns);
                }
            }
            _ => {}
        }
    }

    fn entered(&mut self, at: usize) {
        if self.is_preparing {
            self.prepared += 1;
            self.stages[at] = Stage::Waiting;
        } else if self.stages[at] == Stage::Connecting {
            self.stages[at] = Stage::Reading;
            self.page_lens[at] = 0;
            self.todo.push((at, Todo::Read));
        }
    }
}

impl Listener for State {
    fn heard(&mut self, _member: usize, _payload: Payload, _now_ns: u64) {}

    fn heard_line(&mut self, member: usize, payload: Payload, line: &[u8], now_ns: u64) {
        let room = (payload.sender as usize).wrapping_sub(self.people);
        if member >= self.people || room != self.room_of(member) || payload.seq >= self.said[room] {
            self.damaged += 1;
            return;
        }
        let line = Line::parse(line);
        let id = line.tag("msgid").unwrap_or_default();
        let road = if line.tag("batch").is_some() { Road::Page } else { Road::Live };
        self.page_lens[member] += u64::from(road == Road::Page);
        self.followers[member].hear(road, 0, payload.seq, id_number(id), &mut self.faults);
        // What is heard live while history is read does not move the place from which the next page goes on.
        if road == Road::Page || self.stages[member] != Stage::Reading {
            self.last_ids[member].clear();
            self.last_ids[member].extend_from_slice(id);
        }
        self.look(member, now_ns);
    }

    fn damaged(&mut self, _member: usize) {
        self.damaged += 1;
    }

    fn event(&mut self, member: usize, event: Event) {
        match event {
            Event::Registered(_) => {}
            Event::Joined if member >= self.people => {
                if self.is_preparing {
                    self.prepared += 1;
                } else {
                    self.todo.push((member, Todo::Speak));
                }
            }
            Event::Joined if self.is_preparing => {
                // Who has no token has come as a guest, and registers now.
                let is_new = self.accounts[member].token.as_ref().is_none_or(|token| token.is_empty());
                self.todo.push((member, if is_new { Todo::Register } else { Todo::Join }));
            }
            Event::Joined => {}
            Event::Closed => {
                if member < self.people {
                    self.cut_off(member);
                }
                self.todo.push((member, Todo::Retry));
            }
        }
    }

    fn line(&mut self, member: usize, line: &Line<'_>, now_ns: u64) {
        if member < self.people {
            self.person_said(member, line, now_ns);
        }
    }
}

/// Counts connections that end.
struct Closing(usize);

impl Listener for Closing {
    fn heard(&mut self, _member: usize, _payload: Payload, _now_ns: u64) {}
    fn damaged(&mut self, _member: usize) {}

    fn event(&mut self, _member: usize, event: Event) {
        self.0 += usize::from(event == Event::Closed);
    }
}
