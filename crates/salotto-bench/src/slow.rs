//! Members stop reading: what the others notice, what it costs the server, and what becomes of those who stopped.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::args::SlowArgs;
use crate::crowd::Crowd;
use crate::fanout::{SETTLE_LIMIT, SETTLE_QUIET};
use crate::open_loop::{OpenLoop, PhaseFigures, Stopped, Until};
use crate::process::Memory;
use crate::report::{Report, quantile_ms};

/// Seconds before each phase is measured.
const WARMUP_S: f64 = 1.0;

/// How long the members may take to catch up, and after what silence they count as having caught up.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(120);
const CATCH_UP_QUIET: Duration = Duration::from_secs(6);

/// Runs the scenario.
///
/// # Errors
///
/// When the load cannot be set up. What the server does wrong is in the report.
pub fn run(args: &SlowArgs, server: &str) -> Result<Report> {
    let in_each = args.stopped.div_ceil(args.rooms.max(1));
    if args.rooms == 0 || args.stopped == 0 || args.senders == 0 || args.senders + in_each + 1 > args.members
    {
        bail!("in each room at least one member must speak, one must only listen and {in_each} must stop");
    }
    let pid = args.target.pid;
    let members = args.members;
    let mut report = Report::new(format!("slow-{}-of-{members}", args.stopped), server.to_owned());
    let mut crowd = Crowd::new(&args.target, args.rooms * members, args.size, |at| Some(at / members))?;
    let mut open_loop = OpenLoop::new(args.rooms, members, args.senders, args.rate);
    // The last member of a room is the reference for the order and goes on reading.
    let stopping: Vec<usize> =
        (0..args.stopped).map(|at| (at % args.rooms + 1) * members - 2 - at / args.rooms).collect();
    if let Some(bytes) = args.receive_buffer {
        stopping.iter().for_each(|member| crowd.set_receive_buffer(*member, bytes));
    }
    crowd.gather(args.target.in_flight, Duration::from_secs(args.target.gather_limit), &mut open_loop)?;
    crowd.settle(SETTLE_QUIET, SETTLE_LIMIT, &mut open_loop)?;
    report.number("rss_before_bytes", resident(pid));

    let (mut reading, mut stopped) = (PhaseFigures::default(), PhaseFigures::default());
    let mut fate = Fate::default();
    for _ in 0..args.rounds {
        reading.add(&open_loop.phase(&mut crowd, WARMUP_S, Until::Seconds(args.seconds), pid)?);
        let (stopped_ns, sent_before) = (crowd.now_ns(), open_loop.sent_len());
        let before: Vec<u64> = (0..args.rooms).map(|room| open_loop.sent_in(room)).collect();
        for member in
            stopping.iter().filter(|member| crowd.is_connected(**member)).copied().collect::<Vec<_>>()
        {
            crowd.pause(member);
            open_loop.stop(member, crowd.nick(member).to_string());
        }
        stopped.add(&open_loop.phase(&mut crowd, WARMUP_S, Until::Seconds(args.seconds), pid)?);
        fate.missed += (open_loop.sent_len() - sent_before) / args.rooms as u64;
        fate.stopped_s = fate.stopped_s.max((crowd.now_ns() - stopped_ns) as f64 / 1e9);
        let resumed_ns = crowd.now_ns();
        let due: Vec<u64> = (0..args.rooms).map(|room| open_loop.sent_in(room) - before[room]).collect();
        for stopped in 0..open_loop.stopped().len() {
            let member = open_loop.stopped()[stopped].member;
            crowd.resume(member, &mut open_loop);
        }
        catch_up(&mut crowd, &mut open_loop, &due, members)?;
        fate.caught_up_s = (crowd.now_ns() - resumed_ns) as f64 / 1e9;
        // What comes again would come now.
        crowd.settle(SETTLE_QUIET, SETTLE_LIMIT, &mut open_loop)?;
        fate.learn(&crowd, &open_loop, stopped_ns);
        open_loop.start_again();
    }
    for (phase, figures) in [("all_reading.", &reading), ("stopped.", &stopped)] {
        open_loop.report_phase(phase, figures, &mut report);
        report.number(format!("{phase}rss_peak_bytes"), figures.resident_max.map(|bytes| bytes as f64));
    }
    let p99 = |figures: &PhaseFigures| quantile_ms(&figures.latency, 0.99);
    report.number("p99_ratio", p99(&stopped).zip(p99(&reading)).map(|(with, without)| with / without));
    let growth = stopped.resident_max.zip(reading.resident_max);
    report.number(
        "rss_per_stopped_bytes",
        growth.map(|(with, without)| (with as f64 - without as f64) / args.stopped as f64),
    );
    report.number("rss_after_bytes", resident(pid));
    fate.report(args, &mut report);
    open_loop.report_counts(&crowd, args.require_total_order, &mut report);
    report.must_be_zero("closed", open_loop.closed());
    crowd.dismiss();
    Ok(report)
}

/// Lets those who stopped read until each that is still connected has what is due in its room, or nothing comes.
fn catch_up(crowd: &mut Crowd, open_loop: &mut OpenLoop, due: &[u64], members: usize) -> Result<()> {
    let end_ns = crowd.now_ns() + CATCH_UP_LIMIT.as_nanos() as u64;
    let (mut reads, mut last_ns) = (crowd.reads(), crowd.now_ns());
    loop {
        let lacks = |stopped: &Stopped| {
            crowd.is_connected(stopped.member) && stopped.heard < due[stopped.member / members]
        };
        let now_ns = crowd.now_ns();
        let is_quiet = now_ns > last_ns + CATCH_UP_QUIET.as_nanos() as u64;
        if is_quiet || now_ns >= end_ns || !open_loop.stopped().iter().any(lacks) {
            return Ok(());
        }
        crowd.turn(now_ns + 10_000_000, open_loop)?;
        if crowd.reads() > reads {
            (reads, last_ns) = (crowd.reads(), crowd.now_ns());
        }
    }
}

/// What became of those who stopped, in all rounds together.
#[derive(Default)]
struct Fate {
    missed: u64,
    heard: u64,
    stopped_s: f64,
    caught_up_s: f64,
    disconnected: u64,
    first_disconnected_s: Option<f64>,
}

impl Fate {
    fn learn(&mut self, crowd: &Crowd, open_loop: &OpenLoop, stopped_ns: u64) {
        self.heard += open_loop.stopped().iter().map(|stopped| stopped.heard).sum::<u64>();
        for stopped in open_loop.stopped() {
            let gone_ns = [stopped.gone_ns, crowd.hung_up_ns(stopped.member)].into_iter().flatten().min();
            if gone_ns.is_none() && crowd.is_connected(stopped.member) {
                continue;
            }
            self.disconnected += 1;
            let after_s = gone_ns.map(|ns| ns.saturating_sub(stopped_ns) as f64 / 1e9);
            self.first_disconnected_s = match (self.first_disconnected_s, after_s) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
    }

    fn report(&self, args: &SlowArgs, report: &mut Report) {
        report.number("stopped_for_s", self.stopped_s);
        if args.require_catch_up {
            report.must_be_zero("stopped_disconnected", self.disconnected);
        } else {
            report.count("stopped_disconnected", self.disconnected);
        }
        report.number("disconnected_after_s", self.first_disconnected_s);
        report.count("messages_while_stopped", self.missed);
        report.number("of_these_received_later", self.heard as f64 / args.stopped as f64);
        report.number("caught_up_s", self.caught_up_s);
    }
}

fn resident(pid: Option<u32>) -> Option<f64> {
    pid.and_then(Memory::of).map(|memory| memory.resident as f64)
}
