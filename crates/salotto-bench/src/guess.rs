//! Wrong passwords from many addresses, and people who sign in meanwhile.
//!
//! The guesses are at the accounts of two of these people: one signs in with the password, from where this was done
//! before, one with a device's token. A third one, at whose account nobody guesses, comes from another address each time.
//!
//! The guesses have a timetable that does not wait for the server. Each is a connection of its own from an address of
//! its own on the loopback network, which is how a crowd of machines looks to the server.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::account::Account;
use crate::args::{Target, rate, seconds};
use crate::crowd::{Crowd, Event, Listener};
use crate::fanout::ns;
use crate::files::make_room_for;
use crate::histogram::Histogram;
use crate::line::Line;
use crate::payload::Payload;
use crate::process::{CpuSample, Memory};
use crate::report::Report;
use crate::steady::{Steady, Talk};
use crate::storm::report_others;

/// Seconds between two honest sign-ins, and after which one counts as failed.
const HONEST_EVERY_S: f64 = 1.0;
const HONEST_LIMIT_S: f64 = 10.0;

/// The honest people, by what the report calls them.
const HONEST: [&str; 3] = ["password.", "token.", "newcomer."];
const BY_PASSWORD: usize = 0;
const BY_TOKEN: usize = 1;
const NEWCOMER: usize = 2;

/// How long one who was told to come back later waits, as the server asks.
const BUSY_WAIT_NS: u64 = 500_000_000;

/// A guess that has no answer after so long is given up, and its connection closed.
const GUESS_LIMIT_NS: u64 = 5_000_000_000;

/// Wrong passwords from many addresses, and people who sign in meanwhile
#[derive(Args, Clone, Debug)]
pub struct GuessArgs {
    /// Where to
    #[command(flatten)]
    pub target: Target,
    /// Wrong passwords a second
    #[arg(long, default_value_t = 1000.0, value_parser = rate)]
    pub rate: f64,
    /// Addresses they come from
    #[arg(long, default_value_t = 20_000)]
    pub addresses: u32,
    /// The network these addresses are in; others than 127.0.0.0 must be routed to this machine
    #[arg(long, default_value = "127.0.0.0")]
    pub network: Ipv4Addr,
    /// Connections of guesses at the same time
    #[arg(long, default_value_t = 6000)]
    pub open: usize,
    /// Seconds that are measured
    #[arg(long, default_value_t = 20.0, value_parser = seconds)]
    pub seconds: f64,
    /// Nobody has signed in by password from here before
    #[arg(long)]
    pub unknown: bool,
    /// Others, in rooms of 20, who talk meanwhile
    #[arg(long, default_value_t = 200)]
    pub others: usize,
    /// Messages a second of these others
    #[arg(long, default_value_t = 200.0, value_parser = rate)]
    pub others_rate: f64,
}

/// Runs the scenario.
///
/// # Errors
///
/// When the load cannot be set up. What the server does wrong is in the report.
pub fn run(args: &GuessArgs, server: &str) -> Result<Report> {
    if args.addresses == 0 || args.open == 0 {
        bail!("no addresses to guess from");
    }
    let pid = args.target.pid;
    let talk = Talk {
        rooms: args.others / 20,
        members: 20,
        silent: 1,
        rate: args.others_rate,
        size: 100,
        windows_s: None,
    };
    make_room_for(args.open + HONEST.len() + args.others)?;
    let mut report = Report::new(format!("guess-{}", args.rate), server.to_owned());
    let mut attack = Attack::new(args)?;
    attack.register(args)?;
    let mut others = (talk.rooms > 0).then(|| Steady::begin(&args.target, &talk)).transpose()?;
    let before = others.as_mut().map(|others| others.measure(args.seconds.min(5.0))).transpose()?;
    report.number("rss_before_bytes", resident(pid));
    if let Some(others) = &mut others {
        others.start()?;
    }
    let cpu = CpuSample::take(pid);
    attack.run(args)?;
    let cpu = CpuSample::take(pid).since(&cpu);
    let during = others.as_mut().map(Steady::stop).transpose()?;
    attack.end()?;
    attack.report(cpu.wall_s, &mut report);
    report.cpu("", &cpu);
    report.number("rss_after_bytes", resident(pid));
    report_others(before.as_ref(), during.as_ref(), &mut report);
    if let Some(others) = others {
        let mut theirs = Report::new(String::new(), String::new());
        others.end(true, &mut theirs)?;
        report.append("others.", theirs);
    }
    attack.crowd.dismiss();
    Ok(report)
}

fn resident(pid: Option<u32>) -> Option<f64> {
    pid.and_then(Memory::of).map(|memory| memory.resident as f64)
}

/// The guesses and the honest people.
struct Attack {
    crowd: Crowd,
    state: State,
    addresses: u32,
    network: Ipv4Addr,
    guesses: u64,
}

struct State {
    slots: usize,
    /// Slots without a connection.
    free: Vec<usize>,
    /// When a guess was made.
    begun_ns: Vec<Option<u64>>,
    done: Vec<usize>,
    answered: u64,
    refused_unchecked: u64,
    closed_unanswered: u64,
    guess_took: Histogram,
    honest: [Honest; HONEST.len()],
}

/// One honest person.
struct Honest {
    account: Account,
    /// When the sign-in was meant to begin that is under way.
    begun_ns: Option<u64>,
    retry_ns: Option<u64>,
    is_in: bool,
    is_registered: bool,
    took: Histogram,
    signed_in: u64,
    failed: u64,
    put_off: u64,
}

impl Attack {
    fn new(args: &GuessArgs) -> Result<Self> {
        let slots = args.open;
        let mut crowd = Crowd::new(&args.target, slots + HONEST.len(), 0, |_| None)?;
        let honest = HONEST.map(|_| Honest {
            account: Account::new(crowd.next_nick().to_string()),
            begun_ns: None,
            retry_ns: None,
            is_in: false,
            is_registered: false,
            took: Histogram::default(),
            signed_in: 0,
            failed: 0,
            put_off: 0,
        });
        let state = State {
            slots,
            free: (0..slots).rev().collect(),
            begun_ns: vec![None; slots],
            done: Vec::new(),
            answered: 0,
            refused_unchecked: 0,
            closed_unanswered: 0,
            guess_took: Histogram::default(),
            honest,
        };
        Ok(Self { crowd, state, addresses: args.addresses, network: args.network, guesses: 0 })
    }

    /// The honest people get their accounts.
    fn register(&mut self, args: &GuessArgs) -> Result<()> {
        let end_ns = self.crowd.now_ns() + ns(args.target.gather_limit as f64);
        for who in 0..HONEST.len() {
            let at = self.state.slots + who;
            self.crowd.introduce(at, &self.state.honest[who].account.introduction());
            self.crowd.open(at)?;
            while !self.state.honest[who].is_in {
                self.turn_before(end_ns)?;
            }
            let line = format!("REGISTER * * :{}", self.state.honest[who].account.password);
            self.crowd.send(at, &line);
            self.crowd.flush(at, &mut self.state);
            while !self.state.honest[who].is_registered {
                self.turn_before(end_ns)?;
            }
            // The device's token comes when it is on the disk.
            self.crowd.settle(Duration::from_millis(500), Duration::from_secs(5), &mut self.state)?;
            self.leave(at)?;
        }
        if args.unknown {
            return Ok(());
        }
        // One of them has signed in from here with the password before.
        self.state.honest[BY_PASSWORD].begun_ns = Some(self.crowd.now_ns());
        self.open_honest(BY_PASSWORD)?;
        while self.state.honest[BY_PASSWORD].begun_ns.is_some() {
            self.turn_before(end_ns)?;
        }
        self.clear_done();
        let known = &mut self.state.honest[BY_PASSWORD];
        (known.signed_in, known.took) = (0, Histogram::default());
        Ok(())
    }

    fn turn_before(&mut self, end_ns: u64) -> Result<()> {
        self.crowd.turn(end_ns, &mut self.state)?;
        if self.crowd.now_ns() >= end_ns {
            bail!("an account cannot be registered: {}", self.crowd.complaint());
        }
        Ok(())
    }

    fn leave(&mut self, at: usize) -> Result<()> {
        self.crowd.send(at, "QUIT :done");
        self.crowd.flush(at, &mut self.state);
        let end_ns = self.crowd.now_ns() + ns(5.0);
        while self.crowd.is_connected(at) && self.crowd.now_ns() < end_ns {
            self.crowd.turn(end_ns, &mut self.state)?;
        }
        self.state.honest[at - self.state.slots].is_in = false;
        Ok(())
    }

    fn run(&mut self, args: &GuessArgs) -> Result<()> {
        let start_ns = self.crowd.now_ns();
        let end_ns = start_ns + ns(args.seconds);
        let interval_ns = 1e9 / args.rate;
        let mut honest_due_ns = start_ns + ns(HONEST_EVERY_S);
        let mut sweep_ns = start_ns;
        while self.crowd.now_ns() < end_ns {
            let now_ns = self.crowd.now_ns();
            let mut next_ns = start_ns + (self.guesses as f64 * interval_ns) as u64;
            while next_ns <= now_ns {
                if !self.guess(now_ns)? {
                    break;
                }
                next_ns = start_ns + (self.guesses as f64 * interval_ns) as u64;
            }
            if now_ns >= honest_due_ns {
                for who in 0..HONEST.len() {
                    self.begin_honest(who, honest_due_ns)?;
                }
                honest_due_ns += ns(HONEST_EVERY_S);
            }
            self.retry_honest(now_ns)?;
            if now_ns >= sweep_ns {
                self.give_up_old(now_ns);
                sweep_ns = now_ns + 100_000_000;
            }
            let soon_ns = next_ns.max(now_ns + 1_000_000).min(honest_due_ns).min(sweep_ns).min(end_ns);
            self.crowd.turn(soon_ns, &mut self.state)?;
            self.clear_done();
        }
        Ok(())
    }

    /// Those who are still signing in may end, with nobody guessing any more.
    fn end(&mut self) -> Result<()> {
        let end_ns = self.crowd.now_ns() + ns(HONEST_LIMIT_S);
        while self.state.honest.iter().any(|honest| honest.begun_ns.is_some()) && self.crowd.now_ns() < end_ns
        {
            self.crowd.turn(self.crowd.now_ns() + 50_000_000, &mut self.state)?;
            self.retry_honest(self.crowd.now_ns())?;
            self.clear_done();
        }
        for honest in &mut self.state.honest {
            honest.failed += u64::from(honest.begun_ns.take().is_some());
        }
        Ok(())
    }

    /// Makes a guess; not when all connections are in use.
    fn guess(&mut self, now_ns: u64) -> Result<bool> {
        let Some(at) = self.state.free.pop() else { return Ok(false) };
        // Neighbours in time are not neighbours in the network.
        let address = (self.guesses.wrapping_mul(2_654_435_761) % u64::from(self.addresses)) as u32;
        let host = u32::from(self.network) + 256 * (address / 254 + 1) + address % 254 + 1;
        self.crowd.set_source(at, IpAddr::V4(Ipv4Addr::from(host)));
        let victim = &self.state.honest[self.guesses as usize % 2].account;
        let wrong = Account { password: format!("guess {}", self.guesses), ..victim.clone() };
        // Without the end of the negotiation it is a question about the password and nothing else.
        let lines = wrong.introduction_by_password();
        self.crowd.introduce(at, lines.trim_end_matches("CAP END\r\n"));
        self.state.begun_ns[at] = Some(now_ns);
        self.guesses += 1;
        self.crowd.open(at)?;
        Ok(true)
    }

    fn begin_honest(&mut self, who: usize, due_ns: u64) -> Result<()> {
        if self.state.honest[who].begun_ns.is_some() {
            // The one before is not in yet; it goes on, and its time counts.
            return Ok(());
        }
        self.state.honest[who].begun_ns = Some(due_ns);
        if who == NEWCOMER {
            let place = u8::try_from(self.state.honest[who].signed_in % 250).unwrap_or(0);
            self.crowd.set_source(self.state.slots + who, Ipv4Addr::new(127, 0, 0, place + 2).into());
        }
        self.open_honest(who)
    }

    fn open_honest(&mut self, who: usize) -> Result<()> {
        let at = self.state.slots + who;
        let account = &self.state.honest[who].account;
        let lines = if who == BY_TOKEN { account.introduction() } else { account.introduction_by_password() };
        self.crowd.introduce(at, &lines);
        self.crowd.open(at)
    }

    fn retry_honest(&mut self, now_ns: u64) -> Result<()> {
        for who in 0..HONEST.len() {
            let honest = &mut self.state.honest[who];
            if honest.begun_ns.is_some() && honest.retry_ns.is_some_and(|due| due <= now_ns) {
                honest.retry_ns = None;
                self.crowd.discard(self.state.slots + who);
                self.open_honest(who)?;
            }
        }
        Ok(())
    }

    fn give_up_old(&mut self, now_ns: u64) {
        for at in 0..self.state.slots {
            if self.state.begun_ns[at].is_some_and(|begun| now_ns > begun + GUESS_LIMIT_NS) {
                self.state.closed_unanswered += 1;
                self.state.begun_ns[at] = None;
                self.state.done.push(at);
            }
        }
    }

    fn clear_done(&mut self) {
        for at in std::mem::take(&mut self.state.done) {
            if at < self.state.slots {
                self.crowd.discard(at);
                self.state.free.push(at);
            } else {
                self.crowd.send(at, "QUIT :done");
                self.crowd.flush(at, &mut self.state);
                self.crowd.discard(at);
            }
        }
    }

    fn report(&self, wall_s: f64, report: &mut Report) {
        let state = &self.state;
        report.number("guesses_per_s", self.guesses as f64 / wall_s);
        report.number("guesses_answered_per_s", state.answered as f64 / wall_s);
        report.count("guesses_put_off", state.refused_unchecked);
        report.count("guesses_unanswered", state.closed_unanswered);
        report.latencies("guess.", &state.guess_took);
        for (phase, honest) in HONEST.into_iter().zip(&state.honest) {
            report.count(format!("{phase}signed_in"), honest.signed_in);
            report.latencies(phase, &honest.took);
            report.count(format!("{phase}put_off"), honest.put_off);
            report.must_be_zero(&format!("{phase}not_signed_in"), honest.failed);
        }
    }
}

impl State {
    fn guess_over(&mut self, at: usize) -> Option<u64> {
        let begun_ns = self.begun_ns[at].take()?;
        self.done.push(at);
        Some(begun_ns)
    }
}

impl Listener for State {
    fn heard(&mut self, _member: usize, _payload: Payload, _now_ns: u64) {}
    fn damaged(&mut self, _member: usize) {}
    fn foreign(&mut self, _member: usize, _line: &[u8], _now_ns: u64) {}

    fn event(&mut self, member: usize, event: Event) {
        let Some(honest) = member.checked_sub(self.slots).map(|who| &mut self.honest[who]) else {
            if event == Event::Closed && self.guess_over(member).is_some() {
                self.closed_unanswered += 1;
            }
            return;
        };
        match event {
            Event::Registered(_) => {}
            Event::Joined => honest.is_in = true,
            Event::Closed if honest.begun_ns.is_some() && honest.retry_ns.is_none() => {
                honest.retry_ns = Some(0)
            }
            Event::Closed => {}
        }
    }

    fn line(&mut self, member: usize, line: &Line<'_>, now_ns: u64) {
        let is_busy = line.command == b"FAIL" && line.param(1) == b"TEMPORARILY_UNAVAILABLE";
        let Some(who) = member.checked_sub(self.slots) else {
            self.refused_unchecked += u64::from(is_busy);
            if line.command == b"904"
                && let Some(begun_ns) = self.guess_over(member)
            {
                self.answered += 1;
                self.guess_took.record(now_ns.saturating_sub(begun_ns));
            }
            return;
        };
        let honest = &mut self.honest[who];
        match line.command {
            b"001" => {
                if let Some(begun_ns) = honest.begun_ns.take() {
                    honest.signed_in += 1;
                    honest.took.record(now_ns.saturating_sub(begun_ns));
                    self.done.push(member);
                }
            }
            b"REGISTER" => honest.is_registered = true,
            b"RESUME" if line.param(0) == b"TOKEN" => {
                honest.account.token = Some(String::from_utf8_lossy(line.param(1)).into_owned());
            }
            b"904" | b"433" | b"FAIL" if honest.begun_ns.is_some() && honest.retry_ns.is_none() => {
                honest.put_off += 1;
                honest.retry_ns = Some(now_ns + BUSY_WAIT_NS);
            }
            _ => {}
        }
    }
}
