//! The rule by which a command gets its number and its time.

use salotto_core::{Seq, Timestamp};

/// The last place given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The number of the last command; zero before the first.
    pub seq: Seq,
    /// The time of the last command.
    pub at: Timestamp,
}

impl Place {
    /// Moves on to the next place, for a command whose node's clock shows `clock`.
    ///
    /// A clock that was put back makes time stand still until it has caught up; one that was put forward takes
    /// time along.
    pub fn advance(&mut self, clock: Timestamp) -> Place {
        self.seq.0 += 1;
        self.at = self.at.max(clock);
        *self
    }
}
