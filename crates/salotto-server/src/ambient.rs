//! What the server takes from the machine besides sockets and files: the time, and chance.
//!
//! Everything asks here and not the system, so that the server can be run on a clock and a source of chance that
//! somebody else holds, and does the same again for the same input.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use salotto_core::Timestamp;

/// The time and chance.
#[derive(Clone, Debug)]
pub(crate) enum Ambient {
    /// The machine's own.
    System,
    /// Somebody else's.
    Given(Arc<Mutex<Given>>),
}

/// A clock that stands still until it is set, and chance that follows from a seed.
#[derive(Debug)]
pub(crate) struct Given {
    /// For waiting.
    pub instant: Instant,
    /// By the calendar.
    pub wall: Timestamp,
    /// What chance follows from.
    pub seed: u64,
    /// How often it was asked.
    pub drawn: u64,
}

impl Ambient {
    /// A moment, for waiting; never goes back.
    pub fn instant(&self) -> Instant {
        match self {
            Ambient::System => Instant::now(),
            Ambient::Given(given) => lock(given).instant,
        }
    }

    /// Waits.
    pub fn pause(&self, time: Duration) {
        match self {
            Ambient::System => std::thread::sleep(time),
            Ambient::Given(given) => lock(given).instant += time,
        }
    }

    /// The present time by the clock on the wall, which may be set.
    pub fn wall(&self) -> Timestamp {
        match self {
            Ambient::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
            }
            Ambient::Given(given) => lock(given).wall,
        }
    }

    /// 256 bits that nobody can guess, or `None` where the system has none to give.
    pub fn secret(&self) -> Option<[u8; 32]> {
        let mut bits = [0; 32];
        match self {
            Ambient::System => getrandom::fill(&mut bits).ok()?,
            Ambient::Given(given) => {
                let mut given = lock(given);
                given.drawn += 1;
                let Given { seed, drawn, .. } = *given;
                bits = blake3::hash([seed.to_le_bytes(), drawn.to_le_bytes()].as_flattened()).into();
            }
        }
        Some(bits)
    }
}

fn lock(given: &Mutex<Given>) -> std::sync::MutexGuard<'_, Given> {
    // A number is whole at every moment.
    given.lock().unwrap_or_else(PoisonError::into_inner)
}
