//! The clock that the client is told of: the calendar's time, never going back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::time::Time;

/// When the calendar is this far ahead of us, the machine slept.
const SLEPT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Clock {
    base: Time,
    started: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { base: calendar(), started: Instant::now() }
    }

    pub(super) fn now(&self) -> Time {
        self.base + self.started.elapsed()
    }

    /// The runtime's moment for a time of ours.
    pub(super) fn instant(&self, at: Time) -> Instant {
        self.started + (at - self.base)
    }

    /// Catches up with the calendar after the machine slept, which the runtime's clock did not notice.
    pub(super) fn follow_suspend(&mut self) {
        let calendar = calendar();
        if calendar - self.now() > SLEPT {
            *self = Self { base: calendar, started: Instant::now() };
        }
    }
}

fn calendar() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_unix_ms(0) + since
}
