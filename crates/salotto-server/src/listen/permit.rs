//! How many connections there may be: in all, and from one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts connections and refuses those above its bounds.
#[derive(Clone, Debug)]
pub struct Permits {
    shared: Arc<Shared>,
}

/// The right to one connection, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    block: Option<IpAddr>,
}

/// Why a connection is refused. The words are for the one refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The server has as many connections as it may have.
    #[error("the server is full")]
    Full,
    /// The address has as many connections as it may have.
    #[error("too many connections from your address")]
    Address,
}

#[derive(Debug)]
struct Shared {
    all_max: usize,
    per_address_max: usize,
    count: Mutex<Count>,
}

#[derive(Debug, Default)]
struct Count {
    all: usize,
    per_block: HashMap<IpAddr, usize>,
}

impl Permits {
    /// Permits `all_max` connections, of which `per_address_max` may come from one address.
    pub fn new(all_max: usize, per_address_max: usize) -> Self {
        Self { shared: Arc::new(Shared { all_max, per_address_max, count: Mutex::default() }) }
    }

    /// Asks for the right to a connection from this address.
    ///
    /// An IPv6 address counts as its /64, the least that one subscriber has; the machine itself is not bounded.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when a bound is reached.
    pub fn acquire(&self, address: IpAddr) -> Result<Permit, Refusal> {
        let block = block(address);
        let mut count = self.shared.count();
        if count.all >= self.shared.all_max {
            return Err(Refusal::Full);
        }
        if let Some(block) = block {
            let held = count.per_block.entry(block).or_default();
            if *held >= self.shared.per_address_max {
                return Err(Refusal::Address);
            }
            *held += 1;
        }
        count.all += 1;
        drop(count);
        Ok(Permit { shared: self.shared.clone(), block })
    }

    /// Connections at this moment.
    pub fn in_use(&self) -> usize {
        self.shared.count().all
    }
}

impl Shared {
    fn count(&self) -> MutexGuard<'_, Count> {
        // Nothing in here can panic half-way, so a poisoned lock still holds true numbers.
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut count = self.shared.count();
        count.all -= 1;
        if let Some(block) = self.block
            && let Some(held) = count.per_block.get_mut(&block)
        {
            *held -= 1;
            if *held == 0 {
                count.per_block.remove(&block);
            }
        }
    }
}

/// What is counted as one address; none for the machine itself.
fn block(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V4(address) => Some(address.into()),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Some(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(permits: &Permits, address: &str) -> Result<Permit, Refusal> {
        permits.acquire(address.parse().expect("an address"))
    }

    #[test]
    fn one_address_gets_its_share_and_no_more_until_it_gives_some_back() {
        let permits = Permits::new(10, 2);
        let first = from(&permits, "192.0.2.1").expect("first");
        let _second = from(&permits, "::ffff:192.0.2.1").expect("second, the same address written otherwise");
        assert_eq!(from(&permits, "192.0.2.1").expect_err("third"), Refusal::Address);
        let _other = from(&permits, "192.0.2.2").expect("another address");
        drop(first);
        from(&permits, "192.0.2.1").expect("one is free again");
    }

    #[test]
    fn an_ipv6_subscriber_is_one_address() {
        let permits = Permits::new(10, 1);
        let _first = from(&permits, "2001:db8::1").expect("first");
        assert_eq!(from(&permits, "2001:db8::ffff:2").expect_err("same /64"), Refusal::Address);
        from(&permits, "2001:db8:0:1::1").expect("next /64");
    }

    #[test]
    fn the_machine_itself_is_bounded_by_the_whole_only() {
        let permits = Permits::new(3, 1);
        let held: Vec<_> =
            ["127.0.0.1", "127.0.0.1", "::1"].iter().map(|at| from(&permits, at).expect("free")).collect();
        assert_eq!(from(&permits, "127.0.0.1").expect_err("full"), Refusal::Full);
        assert_eq!(from(&permits, "192.0.2.1").expect_err("full"), Refusal::Full);
        assert_eq!(permits.in_use(), 3);
        drop(held);
        assert_eq!(permits.in_use(), 0);
        assert!(permits.shared.count().per_block.is_empty());
    }
}
