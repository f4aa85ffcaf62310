//! How often one address may do what is dear: register accounts, give wrong passwords.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many addresses are remembered; when there are more, those whose time is over are forgotten, and if that is
/// not enough, all.
const ADDRESSES_MAX: usize = 20_000;

/// Counts what addresses do within a window of time. This machine itself is exempt.
#[derive(Debug)]
pub(crate) struct Throttle {
    allowed: u32,
    window: Duration,
    counts: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

impl Throttle {
    /// `allowed` times within `window`.
    pub fn new(allowed: u32, window: Duration) -> Throttle {
        Throttle { allowed, window, counts: Mutex::new(HashMap::new()) }
    }

    /// Whether an address may do it once more at `now`.
    pub fn allows(&self, address: IpAddr, now: Instant) -> bool {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        exempt(address)
            || counts.get(&network(address)).is_none_or(|(count, since)| {
                *count < self.allowed || now.duration_since(*since) >= self.window
            })
    }

    /// An address has done it at `now`.
    pub fn count(&self, address: IpAddr, now: Instant) {
        if exempt(address) {
            return;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= ADDRESSES_MAX {
            counts.retain(|_, (_, since)| now.duration_since(*since) < self.window);
            if counts.len() >= ADDRESSES_MAX {
                counts.clear();
            }
        }
        let (count, since) = counts.entry(network(address)).or_insert((0, now));
        if now.duration_since(*since) >= self.window {
            (*count, *since) = (0, now);
        }
        *count += 1;
    }
}

fn exempt(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// What one household or machine has: an IPv4 address, or an IPv6 /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_waits_and_others_do_not() {
        let throttle = Throttle::new(2, Duration::from_secs(60));
        let now = Instant::now();
        let [one, same, other] =
            ["2001:db8::1", "2001:db8::2", "192.0.2.1"].map(|text| text.parse::<IpAddr>().unwrap());
        for _ in 0..2 {
            assert!(throttle.allows(one, now));
            throttle.count(one, now);
        }
        assert!(!throttle.allows(same, now));
        assert!(throttle.allows(other, now));
        assert!(throttle.allows(one, now + Duration::from_secs(60)));
    }

    #[test]
    fn this_machine_is_exempt() {
        let throttle = Throttle::new(0, Duration::from_secs(60));
        assert!(throttle.allows("::ffff:127.0.0.1".parse().unwrap(), Instant::now()));
    }
}
