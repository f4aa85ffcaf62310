//! Wakes the event loop at a moment finer than the millisecond that a poll's own time limit has.
//!
//! On Linux a timer descriptor does it; elsewhere the poll's limit has to do, and the open loop's own lateness is
//! reported as its lag like any other.

use std::time::Duration;

use mio::{Registry, Token};

/// Above this the millisecond of the poll is fine enough.
#[cfg(target_os = "linux")]
const COARSE_FROM: Duration = Duration::from_millis(20);

/// A one-shot timer that belongs to a poll.
pub struct Alarm {
    #[cfg(target_os = "linux")]
    timer: rustix::fd::OwnedFd,
}

impl Alarm {
    /// Creates the timer and registers it under `token`.
    #[cfg(target_os = "linux")]
    pub fn new(registry: &Registry, token: Token) -> std::io::Result<Self> {
        use std::os::fd::AsRawFd;

        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        registry.register(&mut mio::unix::SourceFd(&timer.as_raw_fd()), token, mio::Interest::READABLE)?;
        Ok(Self { timer })
    }

    /// Creates nothing: see [`Alarm::set`].
    #[cfg(not(target_os = "linux"))]
    pub fn new(_registry: &Registry, _token: Token) -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Arranges a wake-up after `after` and returns the time limit to poll with.
    #[cfg(target_os = "linux")]
    pub fn set(&self, after: Duration) -> Duration {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};

        if after >= COARSE_FROM || after.is_zero() {
            return after;
        }
        let value = Timespec { tv_sec: 0, tv_nsec: after.subsec_nanos().into() };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        match timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once) {
            Ok(_) => COARSE_FROM,
            Err(_) => after,
        }
    }

    /// Returns the time limit to poll with.
    #[cfg(not(target_os = "linux"))]
    pub fn set(&self, after: Duration) -> Duration {
        after
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_wait_ends_no_earlier_than_asked() {
        let mut poll = mio::Poll::new().expect("poll");
        let mut events = mio::Events::with_capacity(4);
        let alarm = Alarm::new(poll.registry(), Token(0)).expect("timer");
        for micros in [300, 2_500, 700] {
            let after = Duration::from_micros(micros);
            let start = Instant::now();
            let limit = alarm.set(after);
            poll.poll(&mut events, Some(limit)).expect("poll");
            assert!(start.elapsed() >= after, "{micros} µs");
        }
    }
}
