//! How long to wait before connecting again.

use std::time::Duration;

use crate::rng::Rng;

/// The pauses between attempts in milliseconds; the last one repeats.
///
/// The first three bring a person back fast after a blip, the growth protects a server that comes
/// back under all its clients at once.
pub const DELAYS_MS: [u64; 7] = [2000, 2000, 2000, 4000, 8000, 15_000, 30_000];

/// Each pause is up to this part longer or shorter, so that clients do not come back in step.
const JITTER: f64 = 0.2;

/// Whether and how a client comes back after a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetryPolicy {
    /// Pauses grow as [`DELAYS_MS`] says, with ±20 % of jitter.
    #[default]
    Growing,
    /// Every pause is two seconds, with ±20 % of jitter.
    EveryTwoSeconds,
    /// A loss is final.
    Never,
}

#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: usize,
}

impl Backoff {
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The pause before the next attempt; `None` when there is to be none.
    pub(crate) fn next_delay(&mut self, policy: RetryPolicy, rng: &mut Rng) -> Option<Duration> {
        let base = match policy {
            RetryPolicy::Never => return None,
            RetryPolicy::EveryTwoSeconds => DELAYS_MS[0],
            RetryPolicy::Growing => DELAYS_MS[self.attempts.min(DELAYS_MS.len() - 1)],
        };
        self.attempts += 1;
        let factor = 1.0 - JITTER + 2.0 * JITTER * rng.unit();
        Some(Duration::from_millis((base as f64 * factor) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_their_jitter_and_start_over() {
        let mut backoff = Backoff::default();
        let mut rng = Rng::new(7);
        for base in DELAYS_MS.iter().chain([&30_000, &30_000]) {
            let pause = backoff.next_delay(RetryPolicy::Growing, &mut rng).unwrap().as_millis() as u64;
            assert!((base * 8 / 10..=base * 12 / 10).contains(&pause), "{pause} for {base}");
        }
        backoff.reset();
        let pause = backoff.next_delay(RetryPolicy::Growing, &mut rng).unwrap().as_millis();
        assert!((1600..=2400).contains(&pause));
    }

    #[test]
    fn the_other_policies() {
        let mut backoff = Backoff::default();
        let mut rng = Rng::new(7);
        for _ in 0..20 {
            let pause = backoff.next_delay(RetryPolicy::EveryTwoSeconds, &mut rng).unwrap().as_millis();
            assert!((1600..=2400).contains(&pause));
        }
        assert_eq!(backoff.next_delay(RetryPolicy::Never, &mut rng), None);
    }
}
