//! Many rooms at a steady rate.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::args::RoomsArgs;
use crate::crowd::Crowd;
use crate::fanout::{SETTLE_LIMIT, SETTLE_QUIET};
use crate::open_loop::{OpenLoop, Until};
use crate::report::Report;

/// Runs the scenario.
///
/// # Errors
///
/// When the load cannot be set up. What the server does wrong is in the report.
pub fn run(args: &RoomsArgs, server: &str) -> Result<Report> {
    if args.rooms == 0 || args.members < 2 {
        bail!("at least one room of two members is needed");
    }
    let mut report = Report::new(format!("rooms-{}", args.rate), server.to_owned());
    let members = args.members;
    let mut crowd = Crowd::new(&args.target, args.rooms * members, args.size, |at| Some(at / members))?;
    let mut open_loop = OpenLoop::new(args.rooms, members, members - 1, args.rate);
    let gathered =
        crowd.gather(args.target.in_flight, Duration::from_secs(args.target.gather_limit), &mut open_loop)?;
    crowd.settle(SETTLE_QUIET, SETTLE_LIMIT, &mut open_loop)?;
    let figures = open_loop.phase(&mut crowd, args.warmup, Until::Seconds(args.seconds), args.target.pid)?;
    open_loop.report_phase("", &figures, &mut report);
    open_loop.report_counts(&crowd, args.require_total_order, &mut report);
    report.must_be_zero("closed", open_loop.closed());
    report.number("gather_s", gathered.took_s);
    crowd.dismiss();
    Ok(report)
}
