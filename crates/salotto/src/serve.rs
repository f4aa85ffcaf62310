//! `salotto serve`: the server's life from its configuration to its last line.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::Path,
    sync::mpsc,
};

use anyhow::Context;
use salotto_server::{
    Server, StartError,
    config::Config,
    listen::{BoundListener, outside_addresses},
};
use tracing::{info, warn};

use crate::{cli::ServeOptions, exit::Failure, language::Language, logging, places, welcome};

/// What everybody is told when the server closes.
const REASON: &str = "stopped by its operator";

/// Runs the server until it is told to stop by a signal.
pub fn run(options: &ServeOptions, language: Language) -> Result<(), Failure> {
    let config = places::load_config(options.config.as_deref(), options.overrides())?;
    let data = places::data(options.data.as_deref())?;
    make_private(&data).with_context(|| format!("cannot keep data in {}", data.display()))?;
    let log = places::log_folder(&config, &data);
    if let Some(log) = &log {
        make_private(log).with_context(|| format!("cannot keep log files in {}", log.display()))?;
    }
    // Dropped last, so that everything said on the way out is written.
    let _log = logging::start(&config.log, log.as_deref())?;

    info!(version = env!("CARGO_PKG_VERSION"), data = %data.display(), "starting");
    for warning in config.warnings() {
        warn!("{warning}");
    }
    allow_connections(config.limits.connections + config.limits.web_connections);
    // From here on a signal asks the server to close, also while it is still starting.
    let signals = signals()?;
    let external_url = config.web.external_url.clone();
    let mut server = start(config, &data)?;
    for listener in server.listeners() {
        info!(kind = listener.kind.name(), address = %listener.address, "listening");
    }
    announce(server.listeners(), external_url.as_deref(), language);

    let signal = signals.recv().context("nobody listens for signals any more")?;
    info!(signal, "closing");
    server.shutdown(REASON);
    info!("closed");
    Ok(())
}

/// Raises the limit of open files as far as the system lets everybody: by default it is for programs that open few.
#[cfg(unix)]
fn allow_connections(connections: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// Files besides the connections: the store, its readers, listeners, logs.
    const OTHERS: u64 = 256;
    let limit = getrlimit(Resource::Nofile);
    let wanted = connections as u64 + OTHERS;
    // None is no limit at all.
    let possible = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if limit.current.is_some_and(|current| current < possible)
        && let Err(error) =
            setrlimit(Resource::Nofile, Rlimit { current: Some(possible), maximum: limit.maximum })
    {
        warn!(%error, "cannot raise the limit of open files");
    }
    if possible < wanted {
        warn!(
            limit = possible,
            wanted,
            "fewer files may be open than limits.connections needs: raise the hard limit (ulimit -Hn)"
        );
    }
}

#[cfg(not(unix))]
fn allow_connections(_: usize) {}

fn start(config: Config, data: &Path) -> Result<Server, Failure> {
    Server::start(config, data.to_owned()).map_err(|error| match error {
        StartError::Listen(error) if error.is_usage() => Failure::usage(error),
        StartError::Listen(error) => error.into(),
        error => error.into(),
    })
}

/// Says where the server listens, one line each, then where people join. Programs read the first part.
fn announce(listeners: &[BoundListener], external_url: Option<&str>, language: Language) {
    let mut out = io::stdout().lock();
    let mut say = |text: &str| {
        // Nobody may be reading, and the server runs on all the same.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    };
    for listener in listeners {
        say(&format!("{listener}\n"));
    }
    let outside = outside_addresses();
    say(&welcome::text(listeners, &outside, external_url, language));
    if io::stdout().is_terminal()
        && let Some(address) = welcome::address_for_others(listeners, &outside, external_url)
        && let Some(code) = welcome::qr_code(&address)
    {
        say(&format!("\n{code}{address}\n"));
    }
}

/// Waits for signals on a thread of its own. The first is sent on the channel; the second ends the program at once.
fn signals() -> anyhow::Result<mpsc::Receiver<&'static str>> {
    let (send, receive) = mpsc::channel();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no signal runtime")?;
    let mut stop = {
        let _inside = runtime.enter();
        Stop::new().context("cannot listen for signals")?
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            runtime.block_on(async {
                let first = stop.wait().await;
                if send.send(first).is_err() {
                    return;
                }
                stop.wait().await;
                std::process::exit(130);
            });
        })
        .context("cannot listen for signals")?;
    Ok(receive)
}

/// The signals that ask a server to stop.
#[cfg(unix)]
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hang_up.recv() => "SIGHUP",
        }
    }
}

/// The signals that ask a server to stop.
#[cfg(windows)]
struct Stop {
    ctrl_c: tokio::signal::windows::CtrlC,
    close: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl Stop {
    fn new() -> io::Result<Self> {
        Ok(Self { ctrl_c: tokio::signal::windows::ctrl_c()?, close: tokio::signal::windows::ctrl_close()? })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.ctrl_c.recv() => "Ctrl-C",
            _ = self.close.recv() => "close",
        }
    }
}

/// Makes the folder; others on the machine have no business in it.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
