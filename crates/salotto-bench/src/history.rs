//! Readers of history, while others write: how long the latest page takes, and whether it is right.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::account::guest_introduction;
use crate::args::{Target, rate, seconds, text_len};
use crate::crowd::{Crowd, Event, Listener};
use crate::fanout::{SETTLE_LIMIT, SETTLE_QUIET, ns};
use crate::files::make_room_for;
use crate::follow::{Faults, Follower, Road, id_number};
use crate::histogram::Histogram;
use crate::line::Line;
use crate::payload::Payload;
use crate::process::CpuSample;
use crate::report::Report;
use crate::steady::{Steady, Talk};
use crate::storm::report_others;

/// Members of the room in which is written, one of whom only listens.
const MEMBERS: usize = 6;

/// Readers of history, while others write
#[derive(Args, Clone, Debug)]
pub struct HistoryArgs {
    /// Where to
    #[command(flatten)]
    pub target: Target,
    /// Readers, each of whom asks again as soon as the answer is there
    #[arg(long, default_value_t = 10)]
    pub readers: usize,
    /// Messages a second that are written meanwhile
    #[arg(long, default_value_t = 200.0, value_parser = rate)]
    pub rate: f64,
    /// Messages in a page
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub page: u16,
    /// The room that is read [default: the one that is written to]
    #[arg(long, value_name = "ROOM")]
    pub room: Option<String>,
    /// Bytes of a text
    #[arg(long, default_value_t = 100, value_parser = text_len)]
    pub size: usize,
    /// Seconds that are measured
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,
    /// Seconds of writing before that
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    pub warmup: f64,
}

/// Runs the scenario.
///
/// # Errors
///
/// When the load cannot be set up. What the server does wrong is in the report.
pub fn run(args: &HistoryArgs, server: &str) -> Result<Report> {
    if args.readers == 0 {
        bail!("nobody reads");
    }
    let pid = args.target.pid;
    make_room_for(args.readers + MEMBERS)?;
    let mut report = Report::new(format!("history-{}", args.readers), server.to_owned());
    let talk =
        Talk { rooms: 1, members: MEMBERS, silent: 1, rate: args.rate, size: args.size, windows_s: None };
    let mut writers = Steady::begin(&args.target, &talk)?;
    let mut crowd = Crowd::new(&args.target, args.readers, args.size, |_| Some(0))?;
    let (run_number, rooms) = writers.rooms();
    let rooms: Vec<String> = args.room.iter().chain(rooms).take(1).cloned().collect();
    crowd.listen_to(run_number, args.size, &rooms);
    for at in 0..args.readers {
        let nick = crowd.next_nick().to_string();
        crowd.introduce(at, &guest_introduction(&nick));
    }
    let mut readers = Readers {
        readers: vec![Reader::new(); args.readers],
        done: Vec::new(),
        is_own: args.room.is_none(),
        took: Histogram::default(),
        pages: 0,
        messages: 0,
        faults: Faults::default(),
        damaged: 0,
        closed: 0,
    };
    crowd.gather(args.target.in_flight, Duration::from_secs(args.target.gather_limit), &mut readers)?;
    crowd.settle(SETTLE_QUIET, SETTLE_LIMIT, &mut readers)?;
    let before = writers.measure(args.warmup)?;

    writers.start()?;
    let question = format!("CHATHISTORY LATEST {} * {}", rooms[0], args.page);
    let cpu = CpuSample::take(pid);
    let end_ns = crowd.now_ns() + ns(args.seconds);
    readers.done.extend(0..args.readers);
    while crowd.now_ns() < end_ns {
        for at in std::mem::take(&mut readers.done) {
            readers.readers[at].ask(crowd.now_ns());
            crowd.send(at, &question);
            crowd.flush(at, &mut readers);
        }
        crowd.turn(end_ns, &mut readers)?;
    }
    let cpu = CpuSample::take(pid).since(&cpu);
    let during = writers.stop()?;
    report.number("pages_per_s", readers.pages as f64 / cpu.wall_s);
    report.number("messages_per_page", readers.messages as f64 / readers.pages as f64);
    report.latencies("", &readers.took);
    report.cpu("", &cpu);
    report_others(Some(&before), Some(&during), &mut report);
    if readers.pages == 0 {
        report.fail(report.language().stalled(args.seconds as u64));
    }
    report.must_be_zero("closed", readers.closed);
    report.must_be_zero("lost", readers.faults.lost);
    report.must_be_zero("repeated", readers.faults.repeated);
    report.must_be_zero("out_of_order", readers.faults.out_of_order);
    report.must_be_zero("damaged", readers.damaged);
    let mut theirs = Report::new(String::new(), String::new());
    writers.end(true, &mut theirs)?;
    report.append("others.", theirs);
    crowd.dismiss();
    Ok(report)
}

#[derive(Clone)]
struct Reader {
    asked_ns: u64,
    follower: Follower,
    /// The last message that was heard live, now and when the page was asked for.
    heard: Option<u64>,
    heard_before: Option<u64>,
    /// The last message of the page.
    read: Option<u64>,
}

impl Reader {
    fn new() -> Self {
        Self { asked_ns: 0, follower: Follower::new(MEMBERS), heard: None, heard_before: None, read: None }
    }

    fn ask(&mut self, now_ns: u64) {
        self.asked_ns = now_ns;
        self.heard_before = self.heard;
        self.read = None;
        self.follower.forget_pages();
    }
}

struct Readers {
    readers: Vec<Reader>,
    done: Vec<usize>,
    /// The room that is read is the one that is written to.
    is_own: bool,
    took: Histogram,
    pages: u64,
    messages: u64,
    faults: Faults,
    damaged: u64,
    closed: u64,
}

impl Readers {
    fn page_line(&mut self, member: usize, id: Option<u64>) {
        self.messages += 1;
        let reader = &mut self.readers[member];
        self.faults.repeated += u64::from(id.is_some() && id == reader.read);
        self.faults.out_of_order += u64::from(id.is_some() && id < reader.read);
        reader.read = id;
    }
}

impl Listener for Readers {
    fn heard(&mut self, _member: usize, _payload: Payload, _now_ns: u64) {}

    fn heard_line(&mut self, member: usize, payload: Payload, line: &[u8], _now_ns: u64) {
        if payload.sender as usize >= MEMBERS {
            self.damaged += 1;
            return;
        }
        let line = Line::parse(line);
        let id = id_number(line.tag("msgid").unwrap_or_default());
        let road = if line.tag("batch").is_some() { Road::Page } else { Road::Live };
        self.readers[member].follower.hear(
            road,
            payload.sender as usize,
            payload.seq,
            None,
            &mut self.faults,
        );
        match road {
            Road::Live => self.readers[member].heard = id,
            Road::Page => self.page_line(member, id),
        }
    }

    fn damaged(&mut self, _member: usize) {
        self.damaged += 1;
    }

    fn foreign(&mut self, member: usize, line: &[u8], _now_ns: u64) {
        let line = Line::parse(line);
        if line.tag("batch").is_some() {
            self.page_line(member, id_number(line.tag("msgid").unwrap_or_default()));
        }
    }

    fn event(&mut self, _member: usize, event: Event) {
        self.closed += u64::from(event == Event::Closed);
    }

    fn line(&mut self, member: usize, line: &Line<'_>, now_ns: u64) {
        if line.command != b"BATCH" || !line.param(0).starts_with(b"-") {
            return;
        }
        let reader = &mut self.readers[member];
        self.took.record(now_ns.saturating_sub(reader.asked_ns));
        self.pages += 1;
        // What one has heard is in history.
        self.faults.lost += u64::from(self.is_own && reader.read < reader.heard_before);
        self.done.push(member);
    }
}
