//! Signals that end the program.

use crate::options::ExitStatus;

/// Waits for the first signal that asks to end, and says how.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    unix: Option<[(tokio::signal::unix::Signal, ExitStatus); 3]>,
}

impl Signals {
    /// Takes over the signals from here on.
    pub(crate) fn new() -> Self {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let take = || {
                Some([
                    (signal(SignalKind::interrupt()).ok()?, ExitStatus::Interrupted),
                    (signal(SignalKind::terminate()).ok()?, ExitStatus::Terminated),
                    (signal(SignalKind::hangup()).ok()?, ExitStatus::Terminated),
                ])
            };
            Self { unix: take() }
        }
        #[cfg(not(unix))]
        Self {}
    }

    /// The next signal. It may be dropped and called again.
    pub(crate) async fn next(&mut self) -> ExitStatus {
        #[cfg(unix)]
        if let Some([interrupt, terminate, hangup]) = &mut self.unix {
            return tokio::select! {
                _ = interrupt.0.recv() => interrupt.1,
                _ = terminate.0.recv() => terminate.1,
                _ = hangup.0.recv() => hangup.1,
            };
        }
        match tokio::signal::ctrl_c().await {
            Ok(()) => ExitStatus::Interrupted,
            Err(_) => std::future::pending().await,
        }
    }
}
