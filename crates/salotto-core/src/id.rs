//! Identities and places in the order. Plain numbers with a type of their own.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A command's place in the one order, from 1. Zero is "before everything".
    Seq
);
id!(
    /// One connection of one client, named by the node that holds it. Never reused while the core knows it.
    SessionId
);
id!(
    /// Somebody present under one name, with one or more sessions: the sequence number that brought them in.
    PersonId
);
id!(
    /// A room, whatever its name: the sequence number that made it.
    RoomId
);
id!(
    /// A registered account: the sequence number that made it.
    AccountId
);
id!(
    /// A device of an account: the sequence number that made it.
    DeviceId
);
id!(
    /// A machine that serves connections.
    NodeId
);
id!(
    /// The session's own number for a request, handed back with its outcome. The core never looks at it.
    RequestId
);

/// A moment, in milliseconds since the Unix epoch (UTC). Given by the sequencer; the core has no clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

/// Where a command came from: the node, and that node's own running number from 1.
///
/// The core applies a node's commands in the order of their numbers, each once, so that a resend is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The node that submitted the command.
    pub node: NodeId,
    /// That node's running number, without gaps.
    pub number: u64,
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl Seq {
    /// Writes the number short, as a message id: Crockford's base 32, lower case, no leading zeros.
    pub fn to_msgid(self) -> String {
        let mut digits = [0u8; 13];
        let mut at = digits.len();
        let mut rest = self.0;
        loop {
            at -= 1;
            digits[at] = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
            if rest == 0 {
                break;
            }
        }
        digits[at..].iter().map(|&byte| char::from(byte)).collect()
    }

    /// Reads a message id back; `None` where it is not one that [`Seq::to_msgid`] writes.
    pub fn from_msgid(text: &str) -> Option<Seq> {
        if text.is_empty() || text.len() > 13 || (text.len() > 1 && text.starts_with('0')) {
            return None;
        }
        let mut value: u64 = 0;
        for byte in text.bytes() {
            let digit = ALPHABET.iter().position(|&known| known == byte)? as u64;
            value = value.checked_mul(32)?.checked_add(digit)?;
        }
        Some(Seq(value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_message_id_reads_back(value: u64) {
            prop_assert_eq!(Seq::from_msgid(&Seq(value).to_msgid()), Some(Seq(value)));
        }
    }

    #[test]
    fn what_is_no_message_id_is_refused() {
        for text in ["", "00", "01", "A", "i", "l", "-1", "zzzzzzzzzzzzz", "00000000000000"] {
            assert_eq!(Seq::from_msgid(text), None, "{text}");
        }
    }
}
