//! All deadlines of a client in one table.

use crate::time::Time;

/// What a client may be waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The connection attempt or the registration takes too long.
    Establish,
    /// The next connection attempt is due.
    Reconnect,
    /// The connection was idle long enough to be probed.
    Ping,
    /// A probe without an answer is old enough, or older again, to be told of.
    Lag,
    /// Nothing was received for too long.
    Silence,
    /// The server did not close after our QUIT.
    Quit,
    /// A name that our own lost session may still hold is asked for again.
    NickRetry,
    /// A message's visible state changes with time.
    Outbox,
    /// An answer to a history request is overdue.
    History,
}

impl Timer {
    const ALL: [Self; 9] = [
        Self::Establish,
        Self::Reconnect,
        Self::Ping,
        Self::Lag,
        Self::Silence,
        Self::Quit,
        Self::NickRetry,
        Self::Outbox,
        Self::History,
    ];
}

#[derive(Debug, Default)]
pub(crate) struct Timers {
    deadlines: [Option<Time>; Timer::ALL.len()],
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Time) {
        self.deadlines[timer as usize] = Some(at);
    }

    pub(crate) fn set_or_stop(&mut self, timer: Timer, at: Option<Time>) {
        self.deadlines[timer as usize] = at;
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.deadlines[timer as usize] = None;
    }

    pub(crate) fn stop_all(&mut self) {
        self.deadlines = Default::default();
    }

    pub(crate) fn next_timeout(&self) -> Option<Time> {
        self.deadlines.iter().flatten().min().copied()
    }

    /// Takes one timer that is due.
    pub(crate) fn expired(&mut self, now: Time) -> Option<Timer> {
        let timer =
            Timer::ALL.into_iter().find(|t| self.deadlines[*t as usize].is_some_and(|at| at <= now))?;
        self.stop(timer);
        Some(timer)
    }
}
