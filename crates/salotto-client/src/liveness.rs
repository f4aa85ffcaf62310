//! Whether the server is still there, and how far away.

use std::time::Duration;

use crate::time::Time;

/// A connection without a byte for this long is probed.
pub(crate) const PING_AFTER: Duration = Duration::from_secs(5);
/// A connection without a byte for this long is lost.
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
pub(crate) struct Liveness {
    received_at: Time,
    outstanding: Option<Time>,
    lag: Option<Duration>,
}

impl Liveness {
    pub(crate) fn start(&mut self, now: Time) {
        *self = Self { received_at: now, ..Self::default() };
    }

    pub(crate) fn received(&mut self, now: Time) {
        self.received_at = now;
    }

    /// When to probe and when to give up, as things stand.
    pub(crate) fn deadlines(&self) -> (Time, Time) {
        let base = self.outstanding.map_or(self.received_at, |sent| sent.max(self.received_at));
        (base + PING_AFTER, self.received_at + LOST_AFTER)
    }

    /// Notes a probe and gives its token.
    pub(crate) fn probe(&mut self, now: Time) -> String {
        self.outstanding = Some(now);
        format!("t{}", now.unix_ms())
    }

    /// Takes the answer to a probe; gives the lag when it is the answer to the last one.
    pub(crate) fn answered(&mut self, token: &str, now: Time) -> Option<Duration> {
        let sent = self.outstanding.filter(|sent| token == format!("t{}", sent.unix_ms()))?;
        self.outstanding = None;
        self.lag = Some(now - sent);
        self.lag
    }

    /// The last measured lag, or the age of an unanswered probe if that is more.
    pub(crate) fn lag(&self, now: Time) -> Option<Duration> {
        self.outstanding.map(|sent| now - sent).into_iter().chain(self.lag).max()
    }
}
