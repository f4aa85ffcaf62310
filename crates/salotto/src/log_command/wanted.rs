//! What somebody searches the log for.

use std::net::IpAddr;

use anyhow::{Context, bail};
use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::{entry::Entry, moment};
use crate::cli::{EventKind, LogOptions};

/// The conditions an entry must meet, all of them.
pub struct Wanted {
    name: Option<String>,
    network: Option<Network>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    event: Option<EventKind>,
    zone: TimeZone,
}

impl Wanted {
    /// Reads the options; times are in the time zone of `now`.
    pub fn new(options: &LogOptions, now: &Zoned) -> anyhow::Result<Self> {
        let time = |text: &Option<String>, end| {
            text.as_deref().map(|text| moment::parse(text, now, end)).transpose()
        };
        Ok(Self {
            name: options.name.as_deref().map(str::to_lowercase),
            network: options.address.as_deref().map(Network::parse).transpose()?,
            since: time(&options.since, false).context("--since")?,
            until: time(&options.until, true).context("--until")?,
            event: options.event,
            zone: now.time_zone().clone(),
        })
    }

    /// The time zone of whoever reads.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Whether the entry is wanted.
    pub fn matches(&self, entry: &Entry) -> bool {
        let is_named = |name: &String| {
            [&entry.name, &entry.account].into_iter().flatten().any(|known| known.to_lowercase() == *name)
        };
        let is_from = |network: &Network| {
            entry.address.as_ref().and_then(|text| text.parse().ok()).is_some_and(|at| network.contains(at))
        };
        self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
            && self.event.is_none_or(|event| entry.event_kind() == Some(event))
            && self.name.as_ref().is_none_or(is_named)
            && self.network.as_ref().is_none_or(is_from)
    }
}

/// Addresses that begin alike.
#[derive(Debug)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads an address, or a network as `192.0.2.0/24`.
    fn parse(text: &str) -> anyhow::Result<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse::<IpAddr>()
            .ok()
            .with_context(|| {
                format!("--address: {text:?} is neither an IP address nor a network such as 192.0.2.0/24")
            })?
            .to_canonical();
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits.map(str::parse) {
            None => all,
            Some(Ok(bits)) if bits <= all => bits,
            Some(_) => {
                bail!("--address: {text:?} is not a network: after the / stands a number from 0 to {all}")
            }
        };
        Ok(Self { address, bits })
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()).checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()).checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_what_begins_like_it() {
        for (network, address, expected) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("::/0", "2001:db8::1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
        ] {
            let contains =
                Network::parse(network).expect("a network").contains(address.parse().expect("address"));
            assert_eq!(contains, expected, "{network} {address}");
        }
        for wrong in ["", "localhost", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "1.2.3"] {
            Network::parse(wrong).expect_err(wrong);
        }
    }
}
