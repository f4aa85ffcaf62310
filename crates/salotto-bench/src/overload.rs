//! More than the server can bear: the best rate is looked for, and then three times as much is asked.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::args::{Target, rate, seconds, text_len};
use crate::crowd::Crowd;
use crate::fanout::{SETTLE_LIMIT, SETTLE_QUIET};
use crate::open_loop::{OpenLoop, PhaseFigures, Until};
use crate::process::Memory;
use crate::report::{Report, quantile_ms};

/// What each step of the search multiplies the rate with, and how many there are at most.
const STEP: f64 = 1.4;
const STEPS_MAX: usize = 24;

/// A rate is borne when this share of it arrives, and 99 of 100 messages within this time.
const BORNE_SHARE: f64 = 0.95;
const BORNE_P99_MS: f64 = 1000.0;

/// More than the server can bear
#[derive(Args, Clone, Debug)]
pub struct OverloadArgs {
    /// Where to
    #[command(flatten)]
    pub target: Target,
    /// Rooms
    #[arg(long, default_value_t = 50)]
    pub rooms: usize,
    /// Members of each room; all but the last one speak in turn
    #[arg(long, default_value_t = 20)]
    pub members: usize,
    /// Messages a second with which the search begins
    #[arg(long, default_value_t = 2000.0, value_parser = rate)]
    pub rate: f64,
    /// Instead of searching: the best rate
    #[arg(long, value_parser = rate)]
    pub best: Option<f64>,
    /// How many times the best rate is asked then
    #[arg(long, default_value_t = 3.0, value_parser = rate)]
    pub times: f64,
    /// Bytes of a text
    #[arg(long, default_value_t = 100, value_parser = text_len)]
    pub size: usize,
    /// Seconds of each step of the search
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    pub step_seconds: f64,
    /// Seconds that are measured, at the best rate and above it
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,
    /// Bytes of one member that may wait here; while there are more it says nothing new
    #[arg(long, default_value_t = 4096)]
    pub hold_back_above: usize,
}

/// Runs the scenario.
///
/// # Errors
///
/// When the load cannot be set up. What the server does wrong is in the report.
pub fn run(args: &OverloadArgs, server: &str) -> Result<Report> {
    if args.rooms == 0 || args.members < 2 {
        bail!("at least one room of two members is needed");
    }
    let (pid, members) = (args.target.pid, args.members);
    let mut report = Report::new(format!("overload-{}", args.times), server.to_owned());
    let mut crowd = Crowd::new(&args.target, args.rooms * members, args.size, |at| Some(at / members))?;
    let mut open_loop = OpenLoop::new(args.rooms, members, members - 1, args.rate);
    open_loop.hold_back_above(args.hold_back_above);
    for at in 0..args.rooms * members {
        crowd.set_send_buffer(at, args.hold_back_above);
    }
    crowd.gather(args.target.in_flight, Duration::from_secs(args.target.gather_limit), &mut open_loop)?;
    crowd.settle(SETTLE_QUIET, SETTLE_LIMIT, &mut open_loop)?;
    report.number("rss_before_bytes", resident(pid));

    let best = match args.best {
        Some(best) => best,
        None => search(args, &mut crowd, &mut open_loop)?,
    };
    report.number("best_rate", best);
    let mut goodputs = Vec::new();
    for (phase, asked) in [("best.", best), ("overload.", best * args.times)] {
        open_loop.set_rate(asked);
        let figures = open_loop.phase(&mut crowd, 1.0, Until::Seconds(args.seconds), pid)?;
        report.number(format!("{phase}asked_rate"), asked);
        let sent_rate = figures.sent as f64 / figures.cpu.wall_s;
        report.number(format!("{phase}sent_rate"), sent_rate);
        open_loop.report_phase(phase, &figures, &mut report);
        report.count(format!("{phase}held_back"), figures.held_back);
        report.number(format!("{phase}rss_peak_bytes"), figures.resident_max.map(|bytes| bytes as f64));
        goodputs.push(goodput(&figures));
    }
    report.number("goodput_ratio", goodputs[1] / goodputs[0]);
    report.number("rss_after_bytes", resident(pid));
    open_loop.report_counts(&crowd, true, &mut report);
    report.must_be_zero("closed", open_loop.closed());
    crowd.dismiss();
    Ok(report)
}

/// Messages a second that all have.
fn goodput(figures: &PhaseFigures) -> f64 {
    figures.deliveries as f64 / figures.cpu.wall_s / figures.readers()
}

fn search(args: &OverloadArgs, crowd: &mut Crowd, open_loop: &mut OpenLoop) -> Result<f64> {
    let mut asked = args.rate;
    let mut best: f64 = 0.0;
    for _ in 0..STEPS_MAX {
        open_loop.set_rate(asked);
        let figures = open_loop.phase(crowd, 0.5, Until::Seconds(args.step_seconds), None)?;
        let arrived = goodput(&figures);
        best = best.max(arrived.min(asked));
        let p99_ms = quantile_ms(&figures.latency, 0.99).unwrap_or(f64::INFINITY);
        if arrived < BORNE_SHARE * asked || p99_ms > BORNE_P99_MS {
            break;
        }
        asked *= STEP;
    }
    Ok(best)
}

fn resident(pid: Option<u32>) -> Option<f64> {
    pid.and_then(Memory::of).map(|memory| memory.resident as f64)
}
