//! `salotto-sim`: runs worlds from seeds, and shows what went wrong.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};
use salotto_core::{Core, NodeId, Ordered, Origin, Outcome, Seq, SessionId, Timestamp};
use salotto_sim::reference::{compare, shrink};
use salotto_sim::script::Line;
use salotto_sim::world::{Options, Report, run};
use salotto_sim::{Mutation, Rng};

/// How many lines of the trace are shown before the end of a run that went wrong.
const TRACE_SHOWN: usize = 60;

/// Runs the whole system in one thread on virtual time, from seeds.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs worlds, stops at the first that goes wrong, and says how.
    Run {
        /// The seeds, as `0..100`.
        #[arg(long, value_parser = seeds)]
        seeds: (u64, u64),
        /// How many things people do in each.
        #[arg(long, default_value_t = 1_000)]
        steps: u64,
        /// Says nothing of runs that went well.
        #[arg(long)]
        quiet: bool,
    },
    /// Runs one world and prints everything that happens.
    Replay {
        /// The seed.
        seed: u64,
        /// How many things people do.
        #[arg(long, default_value_t = 1_000)]
        steps: u64,
    },
    /// Plays random scripts to the core and to the reference.
    Model {
        /// The seeds, as `0..100`.
        #[arg(long, value_parser = seeds)]
        seeds: (u64, u64),
        /// How many commands each script has.
        #[arg(long, default_value_t = 300)]
        steps: u64,
        /// A core that is wrong in this way, such as `BanIgnored`, instead of the right one.
        #[arg(long, value_parser = mutation)]
        wrong: Option<Mutation>,
    },
    /// Applies random commands to the core alone, and says how fast.
    Core {
        /// The seed.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// How many commands.
        #[arg(long, default_value_t = 3_000_000)]
        commands: u64,
    },
}

fn seeds(text: &str) -> anyhow::Result<(u64, u64)> {
    let (from, to) = text.split_once("..").context("seeds are written as 0..100")?;
    let (from, to) = (from.parse()?, to.parse()?);
    ensure!(from < to, "there is no seed from {from} up to {to}");
    Ok((from, to))
}

fn mutation(text: &str) -> anyhow::Result<Mutation> {
    let named = Mutation::ALL.into_iter().find(|mutation| mutation.to_string() == text);
    named.with_context(|| format!("there is {:?}", Mutation::ALL))
}

fn main() -> ExitCode {
    let good = match Arguments::parse().command {
        Task::Run { seeds, steps, quiet } => run_all(seeds, steps, quiet),
        Task::Replay { seed, steps } => replay(seed, steps),
        Task::Model { seeds, steps, wrong } => model(seeds, steps, wrong),
        Task::Core { seed, commands } => core(seed, commands),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_all((from, to): (u64, u64), steps: u64, quiet: bool) -> bool {
    let started = Instant::now();
    let options = Options { steps, ..Options::default() };
    let (mut commands, mut virtual_ms) = (0, 0);
    for seed in from..to {
        let report = run(seed, &options);
        if !report.is_good() {
            let traced = run(seed, &Options { trace: true, ..options });
            for line in traced.trace.iter().rev().take(TRACE_SHOWN).rev() {
                println!("{line}");
            }
            println!("{}", summary(&report));
            complain(&report);
            println!("again, with all that happens: salotto-sim replay {seed} --steps {steps}");
            return false;
        }
        if !quiet {
            println!("{}", summary(&report));
        }
        commands += report.commands;
        virtual_ms += report.virtual_ms;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} runs went well: {commands} commands and {} virtual hours in {seconds:.1} s, {:.0} commands a second",
        to - from,
        virtual_ms / 3_600_000,
        commands as f64 / seconds
    );
    true
}

fn replay(seed: u64, steps: u64) -> bool {
    let report = run(seed, &Options { steps, trace: true, ..Options::default() });
    for line in &report.trace {
        println!("{line}");
    }
    println!("{}", summary(&report));
    complain(&report);
    report.is_good()
}

fn summary(report: &Report) -> String {
    let hex = |hash: &[u8; 32]| hash[..6].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!(
        "seed {}: {} commands, {} posts, {} connections, {} crashes, {} other faults, {} virtual s, trace {}, state {}",
        report.seed,
        report.commands,
        report.posts,
        report.connections,
        report.crashes,
        report.faults - report.crashes,
        report.virtual_ms / 1_000,
        hex(&report.trace_hash),
        hex(&report.state_hash)
    )
}

fn complain(report: &Report) {
    for violation in &report.violations {
        println!("violation: {violation}");
    }
    for stuck in &report.stuck {
        println!("violation: {stuck}");
    }
}

fn model((from, to): (u64, u64), steps: u64, wrong: Option<Mutation>) -> bool {
    let started = Instant::now();
    for seed in from..to {
        let mut rng = Rng::new(seed);
        let script: Vec<Line> =
            (0..steps).map(|_| Line::from_bytes(std::array::from_fn(|_| rng.bits() as u8))).collect();
        if compare(&script, wrong).is_ok() {
            continue;
        }
        let script = shrink(script, wrong);
        for (step, line) in script.iter().enumerate() {
            println!("{step:>3} session {} {:?}", line.session, line.step);
        }
        if let Err(difference) = compare(&script, wrong) {
            println!("seed {seed}, shortened: {difference}");
        }
        return false;
    }
    let commands = (to - from) * steps;
    let seconds = started.elapsed().as_secs_f64();
    println!("{} scripts agree: {commands} commands in {seconds:.1} s", to - from);
    true
}

/// Commands are drawn before the clock starts; the state grows as scripts make it grow.
fn core(seed: u64, commands: u64) -> bool {
    let mut rng = Rng::new(seed);
    let mut ordered: Vec<Ordered> = (1..=commands)
        .map(|number| {
            let line = Line::from_bytes(std::array::from_fn(|_| rng.bits() as u8));
            Ordered {
                seq: Seq(number),
                at: Timestamp(number),
                origin: Origin { node: NodeId(1), number },
                command: line.command(SessionId(line.session), &[]),
            }
        })
        .collect();
    let (mut core, mut outcome) = (Core::new(), Outcome::default());
    let started = Instant::now();
    for ordered in ordered.drain(..) {
        outcome.clear();
        core.apply(ordered, &mut outcome);
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{commands} commands in {seconds:.2} s, {:.0} a second", commands as f64 / seconds);
    true
}
