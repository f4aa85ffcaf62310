//! The command line of `bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::compare::CompareArgs;
use crate::guess::GuessArgs;
use crate::history::HistoryArgs;
use crate::overload::OverloadArgs;
use crate::payload::{TEXT_LEN_MAX, TEXT_LEN_MIN};
use crate::soak::SoakArgs;
use crate::storm::StormArgs;

/// Enough to keep a server busy, and less than the usual listen queue of 128.
const IN_FLIGHT: usize = 64;

/// Seconds.
const GATHER_LIMIT: u64 = 180;

/// Puts load on an IRC server and tells how it bears it.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// What the load consists of.
    #[command(subcommand)]
    pub scenario: Scenario,
}

/// What can be run.
#[derive(Subcommand, Clone, Debug)]
pub enum Scenario {
    /// Load on one server
    #[command(flatten)]
    Load(Load),
    /// The fan-out against a bare server that only writes the bytes: what the machine allows
    Floor(FloorArgs),
    /// Several servers in turn, with medians and ratios
    Compare(CompareArgs),
    /// The bare server itself, until its standard input ends
    #[command(hide = true)]
    FloorServer(FloorServerArgs),
}

/// The kinds of load on a server.
#[derive(Subcommand, Clone, Debug)]
pub enum Load {
    /// One room, some members speak as fast as the others hear
    Fanout(FanoutArgs),
    /// Many rooms at a steady rate
    Rooms(RoomsArgs),
    /// Many connections that do nothing
    Idle(IdleArgs),
    /// People who come and go
    Churn(ChurnArgs),
    /// Members stop reading
    Slow(SlowArgs),
    /// Everybody is cut off at once and comes back
    Storm(StormArgs),
    /// Wrong passwords from many addresses, and people who sign in meanwhile
    Guess(GuessArgs),
    /// Readers of history, while others write
    History(HistoryArgs),
    /// More than the server can bear
    Overload(OverloadArgs),
    /// For a long time everything at once
    Soak(SoakArgs),
}

impl Load {
    /// Whom the load is for.
    pub fn target(&self) -> &Target {
        match self {
            Self::Fanout(args) => &args.target,
            Self::Rooms(args) => &args.target,
            Self::Idle(args) => &args.target,
            Self::Churn(args) => &args.target,
            Self::Slow(args) => &args.target,
            Self::Storm(args) => &args.target,
            Self::Guess(args) => &args.target,
            Self::History(args) => &args.target,
            Self::Overload(args) => &args.target,
            Self::Soak(args) => &args.target,
        }
    }

    /// What [`Load::set_size`] sets.
    pub fn size_name(&self) -> &'static str {
        match self {
            Self::Idle(_) => "connections",
            Self::Storm(_) => "people",
            Self::History(_) => "readers",
            Self::Churn(args) if args.sequence.is_none() => "workers",
            Self::Rooms(_) => "rooms",
            _ => "members",
        }
    }

    /// Changes how many take part.
    ///
    /// # Errors
    ///
    /// When the load has no such number.
    pub fn set_size(&mut self, size: usize) -> anyhow::Result<()> {
        match self {
            Self::Fanout(args) => args.load.members = size,
            Self::Rooms(args) => args.rooms = size,
            Self::Idle(args) => args.connections = size,
            Self::Churn(args) if args.sequence.is_some() => args.sequence = Some(size),
            Self::Churn(args) => args.workers = size,
            Self::Slow(args) => args.members = size,
            Self::Storm(args) => args.people = size,
            Self::History(args) => args.readers = size,
            Self::Overload(args) => args.members = size,
            Self::Guess(_) | Self::Soak(_) => anyhow::bail!("this load has no size to grow"),
        }
        Ok(())
    }

    /// Whom the load is for, to be changed.
    pub fn target_mut(&mut self) -> &mut Target {
        match self {
            Self::Fanout(args) => &mut args.target,
            Self::Rooms(args) => &mut args.target,
            Self::Idle(args) => &mut args.target,
            Self::Churn(args) => &mut args.target,
            Self::Slow(args) => &mut args.target,
            Self::Storm(args) => &mut args.target,
            Self::Guess(args) => &mut args.target,
            Self::History(args) => &mut args.target,
            Self::Overload(args) => &mut args.target,
            Self::Soak(args) => &mut args.target,
        }
    }
}

/// Whom the load is for and how the run is set up.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// The server's name or address
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// The server's port for plain IRC
    #[arg(long, default_value_t = 6667)]
    pub port: u16,
    /// The server's process, for its CPU time and memory
    #[arg(long)]
    pub pid: Option<u32>,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Members that connect at the same time
    #[arg(long, value_name = "N", default_value_t = IN_FLIGHT)]
    pub in_flight: usize,
    /// Seconds that all members together may take to connect
    #[arg(long, value_name = "SECONDS", default_value_t = GATHER_LIMIT)]
    pub gather_limit: u64,
    /// Loopback source addresses to connect from [default: one for 25000 connections]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=250))]
    pub sources: Option<u8>,
}

impl Target {
    /// A server on this machine, everything else as by default.
    pub fn local(port: u16) -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port,
            pid: None,
            json: None,
            in_flight: IN_FLIGHT,
            gather_limit: GATHER_LIMIT,
            sources: None,
        }
    }
}

/// One room in a closed loop.
#[derive(Args, Clone, Debug)]
pub struct FanoutArgs {
    /// Where to
    #[command(flatten)]
    pub target: Target,
    /// What to do
    #[command(flatten)]
    pub load: FanoutLoad,
}

/// The load of the closed loop.
#[derive(Args, Clone, Debug)]
pub struct FanoutLoad {
    /// Members of the room; the last one never speaks
    #[arg(long, default_value_t = 1000)]
    pub members: usize,
    /// Members who speak
    #[arg(long, default_value_t = 10)]
    pub senders: usize,
    /// Messages of one sender that may be under way
    #[arg(long, default_value_t = 64)]
    pub window: usize,
    /// Bytes of a text
    #[arg(long, default_value_t = 100, value_parser = text_len)]
    pub size: usize,
    /// Seconds that are measured
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,
    /// Seconds before that
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    pub warmup: f64,
    /// Seconds without any delivery after which the run is ended
    #[arg(long, value_name = "SECONDS", default_value_t = 15.0, value_parser = seconds)]
    pub stall_limit: f64,
    /// Fail also when members saw the messages of several senders in different orders
    #[arg(long)]
    pub require_total_order: bool,
}

/// The closed loop against the bare server.
#[derive(Args, Clone, Debug)]
pub struct FloorArgs {
    /// What to do
    #[command(flatten)]
    pub load: FanoutLoad,
    /// Write each message alone instead of all that a socket is due in one write
    #[arg(long)]
    pub single: bool,
    /// Let the server commit a fault now and then, to see that it is noticed
    #[arg(long, value_enum, conflicts_with = "single")]
    pub inject: Option<Fault>,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// The bare server's own options.
#[derive(Args, Clone, Debug)]
pub struct FloorServerArgs {
    /// Write each message alone
    #[arg(long)]
    pub single: bool,
    /// The fault to commit
    #[arg(long, value_enum, conflicts_with = "single")]
    pub inject: Option<Fault>,
}

/// Faults of which the bare server is capable, each against one member of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// A message is left out
    Loss,
    /// A message is written twice
    Repeat,
    /// Two messages of one sender change places
    Swap,
    /// Two messages of different senders change places
    Reorder,
    /// A byte of a message is changed
    Damage,
}

/// Many rooms in an open loop.
#[derive(Args, Clone, Debug)]
pub struct RoomsArgs {
    /// Where to
    #[command(flatten)]
    pub target: Target,
    /// Rooms
    #[arg(long, default_value_t = 200)]
    pub rooms: usize,
    /// Members of each room; all but the last one speak in turn
    #[arg(long, default_value_t = 20)]
    pub members: usize,
    /// Messages a second in all rooms together
    #[arg(long, default_value_t = 1000.0, value_parser = rate)]
    pub rate: f64,
    /// Bytes of a text
    #[arg(long, default_value_t = 100, value_parser = text_len)]
    pub size: usize,
    /// Seconds that are measured
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,
    /// Seconds before that
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    pub warmup: f64,
    /// Fail also when members saw the messages of several senders in different orders
    #[arg(long)]
    pub require_total_order: bool,
}

/// Connections that do nothing.
#[derive(Args, Clone, Debug)]
pub struct IdleArgs {
    /// Where to
    #[command(flatten)]
    pub target: Target,
    /// Connections
    #[arg(long, default_value_t = 10_000)]
    pub connections: usize,
    /// Members of a room; 0 for no rooms
    #[arg(long, default_value_t = 50)]
    pub rooms_of: usize,
    /// Seconds to hold them
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    pub seconds: f64,
}

/// People who come and go.
#[derive(Args, Clone, Debug)]
pub struct ChurnArgs {
    /// Where to
    #[command(flatten)]
    pub target: Target,
    /// Workers that connect, register, join and quit, again and again
    #[arg(long, default_value_t = 100, conflicts_with = "sequence")]
    pub workers: usize,
    /// Workers that share a room
    #[arg(long, default_value_t = 10, conflicts_with = "sequence")]
    pub rooms_of: usize,
    /// Seconds that are measured
    #[arg(long, default_value_t = 10.0, value_parser = seconds, conflicts_with = "sequence")]
    pub seconds: f64,
    /// Instead: so many connections join one room, one after the other
    #[arg(long, value_name = "N")]
    pub sequence: Option<usize>,
}

/// Members stop reading.
#[derive(Args, Clone, Debug)]
pub struct SlowArgs {
    /// Where to
    #[command(flatten)]
    pub target: Target,
    /// Rooms
    #[arg(long, default_value_t = 1)]
    pub rooms: usize,
    /// Members of each room
    #[arg(long, default_value_t = 200)]
    pub members: usize,
    /// Members of each room who speak
    #[arg(long, default_value_t = 10)]
    pub senders: usize,
    /// Members who stop, in all rooms together
    #[arg(long, default_value_t = 1)]
    pub stopped: usize,
    /// Messages a second in all rooms together
    #[arg(long, default_value_t = 1000.0, value_parser = rate)]
    pub rate: f64,
    /// Bytes of a text
    #[arg(long, default_value_t = 100, value_parser = text_len)]
    pub size: usize,
    /// Seconds of each phase: all read, some have stopped
    #[arg(long, default_value_t = 15.0, value_parser = seconds)]
    pub seconds: f64,
    /// How many times the two phases alternate
    #[arg(long, default_value_t = 1)]
    pub rounds: usize,
    /// Bytes that the system may hold for each who stops, over loopback at least 131072 [default: its choice, often
    /// megabytes]
    #[arg(long, value_name = "BYTES")]
    pub receive_buffer: Option<usize>,
    /// Fail also when one who stopped is disconnected
    #[arg(long)]
    pub require_catch_up: bool,
    /// Fail also when members saw the messages of several senders in different orders
    #[arg(long)]
    pub require_total_order: bool,
}

pub(crate) fn text_len(text: &str) -> Result<usize, String> {
    let len: usize = text.parse().map_err(|_| "not a number".to_owned())?;
    if (TEXT_LEN_MIN..=TEXT_LEN_MAX).contains(&len) {
        Ok(len)
    } else {
        Err(format!("must be from {TEXT_LEN_MIN} to {TEXT_LEN_MAX}"))
    }
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    bounded(text, 0.0, 86_400.0)
}

pub(crate) fn rate(text: &str) -> Result<f64, String> {
    bounded(text, 0.001, 1e7)
}

fn bounded(text: &str, lowest: f64, highest: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (lowest..=highest).contains(&number) {
        Ok(number)
    } else {
        Err(format!("must be from {lowest} to {highest}"))
    }
}
