//! In which order, and when, connections are written to.
//!
//! Who is answered is written to at once. Those who only hear what others do are written to in rounds, some at a time
//! ([`TURN_MAX`]), and in between what has come in is dealt with: an answer never waits behind a write to each of
//! thousands, and what is said while a round lasts is written together in the next.
//!
//! A write costs the system the same for one line as for fifty. When thousands come into a room one after the other, the
//! server would do nothing but tell each of them of each; so after a large round it waits a moment ([`PAUSE`]) before the
//! next. What somebody says ends the wait.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::roster::Slot;

/// How many are written to before what has come in is dealt with.
pub(super) const TURN_MAX: usize = 32;
/// A round with fewer is nothing to wait for.
const LARGE: usize = 128;
/// How long to wait.
const PAUSE: Duration = Duration::from_millis(250);

/// Whether a connection waits to be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// No.
    No,
    /// In its turn.
    InTurn,
    /// At once.
    Now,
}

/// Who is written to.
#[derive(Debug)]
pub(super) struct Rounds {
    at_once: Vec<Slot>,
    present: VecDeque<Slot>,
    next: VecDeque<Slot>,
    /// Not before then the next round begins.
    begin_at: Instant,
    /// Whether what somebody says waits for the next round.
    spoken: bool,
    /// To how many was written in the present round.
    written: usize,
}

impl Rounds {
    /// Nobody yet.
    pub fn new(now: Instant) -> Rounds {
        Rounds {
            at_once: Vec::new(),
            present: VecDeque::new(),
            next: VecDeque::new(),
            begin_at: now,
            spoken: false,
            written: 0,
        }
    }

    /// A connection has become due.
    pub fn add(&mut self, slot: Slot, due: Due) {
        match due {
            Due::No => {}
            Due::InTurn => self.next.push_back(slot),
            Due::Now => self.at_once.push(slot),
        }
    }

    /// Somebody has something to hear that was said: the next round waits for nothing.
    pub fn hurry(&mut self) {
        self.spoken = true;
    }

    /// From when on there is something to write, if there is.
    pub fn due_at(&self, now: Instant) -> Option<Instant> {
        if !self.at_once.is_empty() || !self.present.is_empty() {
            Some(now)
        } else {
            let begin_at = if self.spoken { now } else { self.begin_at };
            (!self.next.is_empty()).then_some(begin_at)
        }
    }

    /// Those who are to be written to at once.
    pub fn take_at_once(&mut self) -> Vec<Slot> {
        std::mem::take(&mut self.at_once)
    }

    /// The next round begins, if the present one has ended and it is time.
    pub fn begin(&mut self, now: Instant) {
        if self.present.is_empty() && (self.spoken || now >= self.begin_at) {
            std::mem::swap(&mut self.present, &mut self.next);
            self.spoken = false;
        }
    }

    /// Whose turn it is. Some were answered since they have become due, and no longer wait for it.
    pub fn pop(&mut self) -> Option<Slot> {
        let slot = self.present.pop_front()?;
        self.written += 1;
        Some(slot)
    }

    /// A turn has ended.
    pub fn end(&mut self, now: Instant) {
        if self.present.is_empty() && self.written > 0 {
            self.begin_at = if self.written >= LARGE { now + PAUSE } else { now };
            self.written = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One turn.
    fn turn(rounds: &mut Rounds, now: Instant) -> Vec<Slot> {
        rounds.begin(now);
        let turn = std::iter::from_fn(|| rounds.pop()).take(TURN_MAX).collect();
        rounds.end(now);
        turn
    }

    /// A moment after a round in which so many were written to.
    fn after(readers: usize, now: Instant) -> Rounds {
        let mut rounds = Rounds::new(now);
        for slot in 0..readers {
            rounds.add(slot, Due::InTurn);
        }
        let mut written = 0;
        while rounds.due_at(now).is_some() {
            let slots = turn(&mut rounds, now);
            assert!((1..=TURN_MAX).contains(&slots.len()));
            assert_eq!(slots[0], written, "the first to come is the first to go");
            written += slots.len();
        }
        assert_eq!(written, readers);
        rounds
    }

    #[test]
    fn a_large_round_is_followed_by_a_pause() {
        let now = Instant::now();
        for (readers, pause) in [(LARGE, PAUSE), (LARGE - 1, Duration::ZERO)] {
            let mut rounds = after(readers, now);
            rounds.add(7, Due::InTurn);
            assert_eq!(rounds.due_at(now), Some(now + pause), "{readers} readers");
            assert_eq!(turn(&mut rounds, now + pause), [7]);
        }
    }

    #[test]
    fn what_somebody_says_ends_the_pause() {
        let now = Instant::now();
        let mut rounds = after(LARGE, now);
        rounds.add(1, Due::InTurn);
        assert_eq!(turn(&mut rounds, now), [0; 0]);
        rounds.add(2, Due::InTurn);
        rounds.hurry();
        assert_eq!(rounds.due_at(now), Some(now));
        assert_eq!(turn(&mut rounds, now), [1, 2]);
        assert_eq!(rounds.due_at(now), None);
    }

    #[test]
    fn who_is_answered_does_not_wait() {
        let now = Instant::now();
        let mut rounds = after(LARGE, now);
        rounds.add(1, Due::InTurn);
        rounds.add(2, Due::InTurn);
        rounds.add(1, Due::Now);
        assert_eq!(rounds.due_at(now), Some(now));
        assert_eq!(rounds.take_at_once(), [1]);
        assert_eq!(turn(&mut rounds, now), [0; 0]);
        assert_eq!(turn(&mut rounds, now + PAUSE), [1, 2]);
        assert_eq!(rounds.due_at(now + PAUSE), None);
    }
}
