//! Many connections that do nothing: what each of them costs.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::args::IdleArgs;
use crate::crowd::{Crowd, Deaf};
use crate::fanout::{SETTLE_LIMIT, ns};
use crate::process::{CpuSample, Memory};
use crate::report::{Report, quantile_ms};

/// How long nothing may come before the last notices count as through: longer than for load, because some servers
/// admit people by a timer and memory is to have settled too.
const QUIET: Duration = Duration::from_secs(1);

/// Runs the scenario.
///
/// # Errors
///
/// When the connections cannot be made. What the server does wrong is in the report.
pub fn run(args: &IdleArgs, server: &str) -> Result<Report> {
    if args.connections == 0 {
        bail!("no connections to hold");
    }
    let pid = args.target.pid;
    let mut report = Report::new(format!("idle-{}", args.connections), server.to_owned());
    let mut crowd = Crowd::new(&args.target, args.connections, 0, |at| at.checked_div(args.rooms_of))?;
    let before = pid.and_then(Memory::of);
    let start = CpuSample::take(pid);
    let gathered =
        crowd.gather(args.target.in_flight, Duration::from_secs(args.target.gather_limit), &mut Deaf)?;
    crowd.settle(QUIET, SETTLE_LIMIT, &mut Deaf)?;
    let connected = CpuSample::take(pid);
    let after = pid.and_then(Memory::of);
    let end_ns = crowd.now_ns() + ns(args.seconds);
    while crowd.now_ns() < end_ns {
        crowd.turn(end_ns, &mut Deaf)?;
    }
    let idle = CpuSample::take(pid).since(&connected);

    let connections = args.connections as f64;
    report.number("connect_s", gathered.took_s);
    report.number("registrations_per_s", connections / gathered.took_s);
    report.number("registration_p50_ms", quantile_ms(crowd.registrations(), 0.5));
    report.number("registration_p99_ms", quantile_ms(crowd.registrations(), 0.99));
    report.count("slow_registrations", crowd.registrations_slow());
    report.count("connect_retries", crowd.connect_retries());
    let connecting = connected.since(&start);
    report
        .number("server_cpu_ms_per_registration", connecting.server_s.map(|cpu_s| 1e3 * cpu_s / connections));
    report.cpu("", &connecting);
    if let Some((before, after)) = before.zip(after) {
        report.number("rss_before_bytes", before.resident as f64);
        report.number("rss_after_bytes", after.resident as f64);
        report.number("rss_peak_bytes", after.resident_max as f64);
        if after.resident_max == before.resident_max {
            report.warn(report.language().memory_was_there().to_owned());
        }
        report.number("bytes_per_connection", (after.resident as f64 - before.resident as f64) / connections);
    }
    report.number("idle_server_cpu_pct", idle.percent(idle.server_s));
    report.count("held_to_the_end", crowd.ready() as u64);
    report.must_be_zero("closed", (args.connections - crowd.ready()) as u64);
    crowd.dismiss();
    Ok(report)
}
