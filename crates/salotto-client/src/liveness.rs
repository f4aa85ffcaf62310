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
    probed_at: Option<Time>,
    // The oldest probe without an answer.
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
        let quiet_since = self.probed_at.map_or(self.received_at, |probed| probed.max(self.received_at));
        (quiet_since + PING_AFTER, self.received_at + LOST_AFTER)
    }

    /// Notes a probe and gives its token.
    pub(crate) fn probe(&mut self, now: Time) -> String {
        self.probed_at = Some(now);
        self.outstanding.get_or_insert(now);
        format!("t{}", now.unix_ms())
    }

    /// Takes the answer to a probe; gives the lag, unless it is the answer to none.
    pub(crate) fn answered(&mut self, token: &str, now: Time) -> Option<Duration> {
        let sent = Time::from_unix_ms(token.strip_prefix('t')?.parse().ok()?);
        let outstanding = self.outstanding?;
        if sent < outstanding || sent > now {
            return None;
        }
        // An answer to a later probe answers the earlier ones, too: order is kept.
        self.outstanding = None;
        self.lag = Some(now - sent);
        self.lag
    }

    /// The age of the oldest probe that is not answered.
    pub(crate) fn outstanding(&self, now: Time) -> Option<Duration> {
        self.outstanding.map(|sent| now - sent)
    }

    /// The last measured lag, or the age of an unanswered probe if that is more.
    pub(crate) fn lag(&self, now: Time) -> Option<Duration> {
        self.outstanding(now).into_iter().chain(self.lag).max()
    }
}
