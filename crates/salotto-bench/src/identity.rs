//! Names of members and rooms, different in every run and acceptable to every server.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Small letters and digits that no rule about look-alikes takes for one another: without 0 o, 1 l i, m r n w v.
const ALPHABET: &[u8] = b"abcdefghjkpqstuxyz23456789";

/// With the leading letter names have eight characters: the oldest servers allow nine.
const NAME_DIGITS: usize = 7;

/// A run may use this many names before it could meet those of another run.
const NAMES_PER_RUN: u64 = (ALPHABET.len() as u64).pow(5);

/// One run's share of all names.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    number: u64,
    names_used: u64,
}

impl Run {
    /// Begins a run under a number drawn from the clock and the process id.
    pub fn begin() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let number = (now.as_nanos() as u64).rotate_left(17) ^ u64::from(std::process::id());
        Self { number: number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20, names_used: 0 }
    }

    /// The number of the run.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Takes a name that this run has not used yet.
    pub fn next_nick(&mut self) -> Nick {
        let runs = (ALPHABET.len() as u64).pow(2);
        let nick = Nick((self.number % runs) * NAMES_PER_RUN + self.names_used % NAMES_PER_RUN);
        self.names_used += 1;
        nick
    }

    /// The name of the room with a number.
    pub fn room(&self, room: usize) -> String {
        format!("#bench-{}-{room}", Nick(self.number))
    }
}

/// A member's name, kept as a number and written as eight letters and digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Nick(u64);

impl fmt::Display for Nick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = ALPHABET.len() as u64;
        let mut text = [b'b'; NAME_DIGITS + 1];
        let mut rest = self.0;
        for place in text[1..].iter_mut().rev() {
            *place = ALPHABET[(rest % base) as usize];
            rest /= base;
        }
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_differ_within_a_run_and_fit_old_servers() {
        let mut run = Run::begin();
        let names: HashSet<String> = (0..20_000).map(|_| run.next_nick().to_string()).collect();
        assert_eq!(names.len(), 20_000);
        assert!(names.iter().all(|name| name.len() <= 9 && name.starts_with('b')));
    }

    #[test]
    fn rooms_differ_between_runs() {
        let alice = Run { number: 1, names_used: 0 };
        let bob = Run { number: 2, names_used: 0 };
        assert_ne!(alice.room(0), bob.room(0));
        assert_ne!(alice.room(0), alice.room(1));
    }
}
