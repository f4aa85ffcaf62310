//! Load for any IRC server, and the figures it gives.
//!
//! The client is a single thread that costs far less than the servers it loads, so that both fit on one machine:
//! [`crowd`] connects, reads and hands on; the scenarios on top of it decide who speaks when; [`order`] checks that
//! nothing is lost, repeated or reordered. `docs/performance.md` explains how to run it and what the figures mean.
#![forbid(unsafe_code)]

pub mod args;
pub mod compare;
pub mod crowd;
pub mod figure;
pub mod floor;
pub mod histogram;
pub mod line;
pub mod order;
pub mod payload;
pub mod picture;
pub mod process;
pub mod report;
pub mod text;

mod account;
mod alarm;
mod churn;
mod fanout;
mod files;
mod follow;
mod guess;
mod history;
mod identity;
mod idle;
mod open_loop;
mod overload;
mod rooms;
mod sequence;
mod slow;
mod soak;
mod steady;
mod storm;
#[cfg(test)]
mod tests;
mod visitors;

use std::path::Path;

use anyhow::{Context, Result, bail};

pub use args::BenchArgs;
use args::{Load, Scenario};
use report::Report;

/// Runs what the command line asks for and prints the figures.
///
/// # Errors
///
/// When the load cannot be set up, and after the figures when the server lost, repeated or reordered anything.
pub fn run(args: BenchArgs) -> Result<()> {
    match args.scenario {
        Scenario::Load(load) => {
            let target = load.target();
            let report = run_load(&load, &format!("{}:{}", target.host, target.port))?;
            finish(&report, target.json.as_deref())
        }
        Scenario::Floor(args) => finish(&floor::run(&args)?, args.json.as_deref()),
        Scenario::Compare(args) => compare::run(&args, run_load),
        Scenario::FloorServer(args) => floor::serve(&args),
    }
}

fn run_load(load: &Load, server: &str) -> Result<Report> {
    let is_calm = process::wait_for_calm(load.target().pid);
    let mut report = match load {
        Load::Fanout(args) => fanout::run(args, server),
        Load::Rooms(args) => rooms::run(args, server),
        Load::Idle(args) => idle::run(args, server),
        Load::Churn(args) => churn::run(args, server),
        Load::Slow(args) => slow::run(args, server),
        Load::Storm(args) => storm::run(args, server),
        Load::Guess(args) => guess::run(args, server),
        Load::History(args) => history::run(args, server),
        Load::Overload(args) => overload::run(args, server),
        Load::Soak(args) => soak::run(args, server),
    }?;
    if !is_calm {
        report.warn(report.language().was_not_calm().to_owned());
    }
    Ok(report)
}

fn finish(report: &Report, json: Option<&Path>) -> Result<()> {
    print!("{}", report.table());
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(&report.json()).context("cannot write JSON")?;
        std::fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    match report.faults() {
        [] => Ok(()),
        faults => bail!("{}", faults.join("; ")),
    }
}
