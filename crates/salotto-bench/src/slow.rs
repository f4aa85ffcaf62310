//! One member of a room stops reading: what the others notice, what it costs the server, and what becomes of it.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::args::SlowArgs;
use crate::crowd::Crowd;
use crate::fanout::{SETTLE_LIMIT, SETTLE_QUIET};
use crate::open_loop::OpenLoop;
use crate::process::Memory;
use crate::report::Report;

/// Seconds before each phase is measured.
const WARMUP_S: f64 = 1.0;

/// How long the member may take to catch up, and after what silence it counts as having caught up.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);
const CATCH_UP_QUIET: Duration = Duration::from_secs(2);

/// Runs the scenario.
///
/// # Errors
///
/// When the load cannot be set up. What the server does wrong is in the report.
pub fn run(args: &SlowArgs, server: &str) -> Result<Report> {
    if args.senders == 0 || args.senders + 2 > args.members {
        bail!("at least one member must speak, one must only listen and one must stop");
    }
    let pid = args.target.pid;
    let mut report = Report::new(format!("slow-{}", args.members), server.to_owned());
    let mut crowd = Crowd::new(&args.target, args.members, args.size, |_| Some(0))?;
    let mut open_loop = OpenLoop::new(1, args.members, args.senders, args.rate);
    crowd.gather(args.target.in_flight, Duration::from_secs(args.target.gather_limit), &mut open_loop)?;
    crowd.settle(SETTLE_QUIET, SETTLE_LIMIT, &mut open_loop)?;
    report.number("rss_before_bytes", resident(pid));

    let phase = "all_reading.";
    let figures = open_loop.phase(&mut crowd, WARMUP_S, args.seconds, pid)?;
    open_loop.report_phase(phase, &figures, &mut report);
    report.number(format!("{phase}rss_peak_bytes"), figures.resident_max.map(|bytes| bytes as f64));

    let phase = "one_stopped.";
    // The last member is the reference for the order and goes on reading.
    let member = args.members - 2;
    crowd.pause(member);
    open_loop.stop(member, crowd.nick(member).to_string());
    let (stopped_ns, sent_before) = (crowd.now_ns(), open_loop.sent_len());
    let figures = open_loop.phase(&mut crowd, WARMUP_S, args.seconds, pid)?;
    open_loop.report_phase(phase, &figures, &mut report);
    report.number(format!("{phase}rss_peak_bytes"), figures.resident_max.map(|bytes| bytes as f64));

    let missed = open_loop.sent_len() - sent_before;
    crowd.resume(member, &mut open_loop);
    crowd.settle(CATCH_UP_QUIET, CATCH_UP_LIMIT, &mut open_loop)?;
    report.number("rss_after_bytes", resident(pid));
    report_stopped(&crowd, &open_loop, stopped_ns, missed, &mut report);
    open_loop.report_counts(&crowd, false, &mut report);
    report.must_be_zero("closed", open_loop.closed());
    crowd.dismiss();
    Ok(report)
}

fn report_stopped(crowd: &Crowd, open_loop: &OpenLoop, stopped_ns: u64, missed: u64, report: &mut Report) {
    let Some(stopped) = open_loop.stopped() else { return };
    let gone_ns = [stopped.gone_ns, crowd.hung_up_ns(stopped.member)].into_iter().flatten().min();
    let is_gone = gone_ns.is_some() || !crowd.is_connected(stopped.member);
    report.text("stopped_disconnected", report.language().yes_no(is_gone));
    report.number("disconnected_after_s", gone_ns.map(|ns| ns.saturating_sub(stopped_ns) as f64 / 1e9));
    report.count("messages_while_stopped", missed);
    report.count("of_these_received_later", stopped.heard);
}

fn resident(pid: Option<u32>) -> Option<f64> {
    pid.and_then(Memory::of).map(|memory| memory.resident as f64)
}
