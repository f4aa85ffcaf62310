//! What others see instead of an address.

use std::net::{IpAddr, Ipv6Addr};

/// How many characters of the hash are shown.
const CLOAK_LEN: usize = 12;

/// A keyed hash of an address, as a host name: the same for one person's next visit, telling nothing of the address.
///
/// IPv6 addresses are hashed by their /64, which is what one household or machine has.
pub(crate) fn cloak(key: &[u8; 32], address: IpAddr) -> String {
    let hash = match address.to_canonical() {
        IpAddr::V4(v4) => blake3::keyed_hash(key, &v4.octets()),
        IpAddr::V6(v6) => {
            let network = Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX));
            blake3::keyed_hash(key, &network.octets())
        }
    };
    format!("{}.cloak", &hash.to_hex()[..CLOAK_LEN])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloak_is_steady_and_tells_nothing() {
        let key = [7; 32];
        let of = |text: &str| cloak(&key, text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
        assert_ne!(cloak(&[8; 32], "192.0.2.1".parse().unwrap()), of("192.0.2.1"));
        assert!(!of("192.0.2.1").contains("192"));
    }
}
