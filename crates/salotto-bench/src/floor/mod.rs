//! The floor: the same load against a bare server that only writes the same bytes to the same sockets. What it
//! reaches is what the machine allows, whatever a chat server does.

mod server;

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::args::{FanoutArgs, Fault, FloorArgs, FloorServerArgs, Target};
use crate::fanout;
use crate::files::make_room_for;
use crate::report::Report;

pub use server::{FloorServer, Writing};

/// The hidden scenario under which the program starts itself again as the bare server.
const SERVER_SCENARIO: &str = "floor-server";

/// More than any client here opens.
const CLIENTS_MAX: usize = 1 << 20;

/// Runs the scenario: starts the server as a process of its own, so that its CPU time is its own, and loads it.
///
/// # Errors
///
/// When the server cannot be started or the load not be set up.
pub fn run(args: &FloorArgs) -> Result<Report> {
    let server = FloorProcess::start("floor", args.single, args.inject)?;
    let args = FanoutArgs { target: server.target(), load: args.load.clone() };
    let mut report = fanout::run(&args, server.name())?;
    report.scenario = format!("floor-{}", args.load.members);
    Ok(report)
}

/// The bare server in this process, until its standard input ends. Says its port in one line.
///
/// # Errors
///
/// When it cannot listen.
pub fn serve(args: &FloorServerArgs) -> Result<()> {
    // Whoever starts it decides about the number of clients; here the limit only goes as far up as it may.
    let _ = make_room_for(CLIENTS_MAX);
    let writing = if args.single { Writing::Single } else { Writing::Coalesced(args.inject) };
    let mut server = FloorServer::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), writing)?;
    println!("{}", server.port());
    std::io::stdout().flush().context("cannot say the port")?;
    let stop = server.stopper();
    std::thread::spawn(move || {
        // Ends with the process that holds the other end, however that one ends.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stop.stop();
    });
    server.run()
}

/// A bare server as a child process; it ends with this value.
pub struct FloorProcess {
    child: Child,
    port: u16,
    name: &'static str,
}

impl FloorProcess {
    /// Starts it. `scenario` is the scenario's name on this program's own command line: what stands before it leads
    /// to `bench` and is used again.
    ///
    /// # Errors
    ///
    /// When the program cannot start itself or does not say a port.
    pub fn start(scenario: &str, single: bool, inject: Option<Fault>) -> Result<Self> {
        let program = env::current_exe().context("cannot find this program")?;
        let leading: Vec<OsString> = env::args_os().skip(1).take_while(|arg| arg != scenario).collect();
        let mut command = Command::new(program);
        command.args(leading).arg(SERVER_SCENARIO).stdin(Stdio::piped()).stdout(Stdio::piped());
        if single {
            command.arg("--single");
        }
        if let Some(fault) = inject.as_ref().and_then(clap::ValueEnum::to_possible_value) {
            command.args(["--inject", fault.get_name()]);
        }
        let mut child = command.spawn().context("cannot start the bare server")?;
        let Some(stdout) = child.stdout.take() else { bail!("the bare server has no output") };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("cannot read the bare server's port")?;
        let name = if single { "floor-single" } else { "floor-coalesced" };
        let port = line.trim().parse().context("the bare server did not say its port");
        // Built first, so that the child ends also when the port is wrong.
        let mut process = Self { child, port: 0, name };
        process.port = port?;
        Ok(process)
    }

    /// How the server is reached.
    pub fn target(&self) -> Target {
        Target { pid: Some(self.child.id()), ..Target::local(self.port) }
    }

    /// What it is called in tables.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Drop for FloorProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
