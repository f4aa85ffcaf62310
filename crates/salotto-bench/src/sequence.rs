//! Members who join one room one after the other: what a growing room costs each newcomer, and all who are there.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::args::Target;
use crate::crowd::{Crowd, Event, Listener};
use crate::line::Line;
use crate::payload::Payload;
use crate::process::CpuSample;
use crate::report::Report;

/// How long nothing may come before missing notices count as lost.
const STALL_LIMIT: Duration = Duration::from_secs(15);

/// Runs the scenario.
///
/// # Errors
///
/// When a member cannot join in time.
pub fn run(target: &Target, members: usize, server: &str) -> Result<Report> {
    if members == 0 {
        bail!("nobody is to join");
    }
    let mut report = Report::new(format!("sequence-{members}"), server.to_owned());
    let mut crowd = Crowd::new(target, members, 0, |_| Some(0))?;
    let mut joins = Joins { room: crowd.room(0).to_owned(), ..Joins::default() };
    let cpu = CpuSample::take(target.pid);
    let start_ns = crowd.now_ns();
    let limit_ns = start_ns + Duration::from_secs(target.gather_limit).as_nanos() as u64;
    for member in 0..members {
        crowd.open(member)?;
        while crowd.ready() <= member {
            crowd.turn(limit_ns, &mut joins)?;
            if joins.closed > 0 || crowd.now_ns() >= limit_ns {
                bail!("only {} of {members} have joined: {}", crowd.ready(), crowd.complaint());
            }
        }
    }
    let joined_ns = crowd.now_ns();
    // Each member hears its own join and those of all who come later.
    let notices = (members * (members - 1) / 2) as u64;
    let due = notices + members as u64;
    joins.last_ns = joined_ns;
    while joins.heard < due && crowd.now_ns() < joins.stalled_ns() {
        crowd.turn(joins.stalled_ns(), &mut joins)?;
    }
    let cpu = CpuSample::take(target.pid).since(&cpu);
    let end_ns = joins.last_ns.max(joined_ns);
    let sequence_s = (end_ns - start_ns) as f64 / 1e9;
    report.number("sequence_s", sequence_s);
    report.number("joins_per_s", members as f64 / ((joined_ns - start_ns) as f64 / 1e9));
    report.count("notices", notices);
    report.number("notices_per_s", notices as f64 / sequence_s);
    report.number("notices_tail_ms", (end_ns - joined_ns) as f64 / 1e6);
    report.number("server_cpu_ms_per_join", cpu.server_s.map(|cpu_s| 1e3 * cpu_s / members as f64));
    report.cpu("", &cpu);
    report.must_be_zero("notices_missing", due.saturating_sub(joins.heard));
    report.must_be_zero("closed", joins.closed);
    crowd.dismiss();
    Ok(report)
}

#[derive(Default)]
struct Joins {
    room: String,
    heard: u64,
    closed: u64,
    last_ns: u64,
}

impl Joins {
    fn stalled_ns(&self) -> u64 {
        self.last_ns + STALL_LIMIT.as_nanos() as u64
    }
}

impl Listener for Joins {
    fn heard(&mut self, _member: usize, _payload: Payload, _now_ns: u64) {}
    fn damaged(&mut self, _member: usize) {}

    fn event(&mut self, _member: usize, event: Event) {
        self.closed += u64::from(event == Event::Closed);
    }

    fn line(&mut self, _member: usize, line: &Line<'_>, now_ns: u64) {
        if line.command == b"JOIN" && line.param(0).eq_ignore_ascii_case(self.room.as_bytes()) {
            self.heard += 1;
            self.last_ns = now_ns;
        }
    }
}
