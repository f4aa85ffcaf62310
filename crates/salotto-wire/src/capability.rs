//! Capabilities and sets of them (IRCv3 `capability-negotiation`).

use std::fmt;

macro_rules! capabilities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// A capability that Salotto knows by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Capability {
            $($(#[$doc])* $variant,)+
        }

        impl Capability {
            /// Every capability, in the order of the enumeration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

capabilities! {
    /// A member's account changes are told (`ACCOUNT`).
    AccountNotify = "account-notify",
    /// Messages carry the sender's account.
    AccountTag = "account-tag",
    /// Accounts can be made with `REGISTER`.
    AccountRegistration = "draft/account-registration",
    /// Members' absence is told (`AWAY`).
    AwayNotify = "away-notify",
    /// Lines that belong together come as one.
    Batch = "batch",
    /// Capabilities that appear or vanish are told.
    CapNotify = "cap-notify",
    /// History can be asked for.
    ChatHistory = "draft/chathistory",
    /// A change of user or host is told as `CHGHOST`.
    ChgHost = "chghost",
    /// The sender gets his own messages back.
    EchoMessage = "echo-message",
    /// History contains more than messages.
    EventPlayback = "draft/event-playback",
    /// ISUPPORT comes before registration ends.
    ExtendedIsupport = "draft/extended-isupport",
    /// `JOIN` carries account and real name.
    ExtendedJoin = "extended-join",
    /// Monitored people's absence and account are told.
    ExtendedMonitor = "extended-monitor",
    /// Invitations are shown to those who may invite.
    InviteNotify = "invite-notify",
    /// Answers carry the label of their question.
    LabeledResponse = "labeled-response",
    /// Messages can be taken back.
    MessageRedaction = "draft/message-redaction",
    /// Messages carry tags.
    MessageTags = "message-tags",
    /// All prefixes of a member are shown.
    MultiPrefix = "multi-prefix",
    /// Several lines make one message.
    Multiline = "draft/multiline",
    /// Joining does not bring the list of members.
    NoImplicitNames = "no-implicit-names",
    /// The draft name of [`Capability::NoImplicitNames`].
    NoImplicitNamesDraft = "draft/no-implicit-names",
    /// Absence can be set before registration ends.
    PreAway = "draft/pre-away",
    /// What was read is known to all of a person's sessions.
    ReadMarker = "draft/read-marker",
    /// A lost connection can be taken over by its successor.
    Resume = "salotto.chat/resume",
    /// Signing in to an account before registration ends.
    Sasl = "sasl",
    /// Messages carry their time.
    ServerTime = "server-time",
    /// A change of real name is told (`SETNAME`).
    Setname = "setname",
    /// Errors come as `FAIL`, warnings as `WARN`, notes as `NOTE`.
    StandardReplies = "standard-replies",
    /// NAMES shows `nick!user@host`.
    UserhostInNames = "userhost-in-names",
}

impl Capability {
    /// The capability of a name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.name() == name)
    }

    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// A set keeps one bit for each capability.
const _: () = assert!(Capability::ALL.len() <= 64);

/// A set of capabilities in one word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CapabilitySet(u64);

impl CapabilitySet {
    /// The set without a member.
    pub const EMPTY: Self = Self(0);

    /// The set of all the given.
    pub const fn of(capabilities: &[Capability]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < capabilities.len() {
            bits |= capabilities[at].bit();
            at += 1;
        }
        Self(bits)
    }

    /// Adds one.
    pub const fn insert(&mut self, capability: Capability) {
        self.0 |= capability.bit();
    }

    /// Takes one away.
    pub const fn remove(&mut self, capability: Capability) {
        self.0 &= !capability.bit();
    }

    /// Tells whether one is in the set.
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// Tells whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many are in the set.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// One bit for each capability in the order of [`Capability::ALL`]; not stable across versions.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The members, in the order of the enumeration.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.iter().copied().filter(move |c| self.contains(*c))
    }
}

impl FromIterator<Capability> for CapabilitySet {
    fn from_iter<I: IntoIterator<Item = Capability>>(iter: I) -> Self {
        let mut set = Self::EMPTY;
        for capability in iter {
            set.insert(capability);
        }
        set
    }
}

impl fmt::Debug for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// One word of a `CAP LS`, `REQ`, `ACK`, `NEW` or `DEL` list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapToken<'a> {
    /// The name, without a minus and without its value.
    pub name: &'a str,
    /// What stands after `=`.
    pub value: Option<&'a str>,
    /// A leading minus: the capability is given up.
    pub disable: bool,
}

/// Reads a list of capabilities as `CAP` carries it in its last parameter.
pub fn parse_list(list: &str) -> impl Iterator<Item = CapToken<'_>> {
    list.split_ascii_whitespace().filter_map(|word| {
        let (word, disable) = match word.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (word, false),
        };
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        (!name.is_empty()).then_some(CapToken { name, value, disable })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again_and_none_occurs_twice() {
        for capability in Capability::ALL {
            assert_eq!(Capability::from_name(capability.name()), Some(*capability));
        }
        assert_eq!(Capability::from_name("tls"), None);
    }

    #[test]
    fn a_set_holds_its_members() {
        let mut set = CapabilitySet::of(&[Capability::Batch, Capability::Sasl]);
        set.insert(Capability::Batch);
        assert_eq!(set.len(), 2);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Capability::Batch, Capability::Sasl]);
        set.remove(Capability::Batch);
        assert!(!set.contains(Capability::Batch) && set.contains(Capability::Sasl));
        assert_eq!(Capability::ALL.iter().copied().collect::<CapabilitySet>().len(), Capability::ALL.len());
        assert_eq!(format!("{set:?}"), "{Sasl}");
    }

    #[test]
    fn reads_a_list() {
        let list: Vec<_> = parse_list(" sasl=PLAIN,EXTERNAL -batch  cap-notify=").collect();
        assert_eq!(
            list,
            [
                CapToken { name: "sasl", value: Some("PLAIN,EXTERNAL"), disable: false },
                CapToken { name: "batch", value: None, disable: true },
                CapToken { name: "cap-notify", value: Some(""), disable: false },
            ]
        );
    }
}
