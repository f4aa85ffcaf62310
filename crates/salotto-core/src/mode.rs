//! Modes of rooms, as the chat knows them. Letters belong to the adapters.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// One change of one mode of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModeChange {
    /// A switch of the room.
    Flag(RoomFlag, bool),
    /// The key that whoever enters must know; `None` takes it away.
    Key(Option<Arc<str>>),
    /// How many may be in the room; `None` for no limit.
    Limit(Option<u32>),
    /// A member's role, by name.
    Role {
        /// Which role.
        role: Role,
        /// The member's name.
        nick: Arc<str>,
        /// Given or taken.
        on: bool,
    },
    /// A mask whose owners may not enter or speak.
    Ban {
        /// `nick!user@host` with `*` and `?`.
        mask: Arc<str>,
        /// Set or lifted.
        on: bool,
    },
}

/// The switches of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RoomFlag {
    /// Only who was invited may enter.
    InviteOnly,
    /// Only members with a role may speak.
    Moderated,
    /// Only members may speak.
    NoExternal,
    /// Nobody outside learns that the room exists.
    Secret,
    /// Only operators of the room set the topic.
    TopicLocked,
}

/// Roles of a member, the higher first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Looks after the room.
    Operator,
    /// May speak where others may not.
    Voice,
}

/// The roles a member holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// Holds [`Role::Operator`].
    pub operator: bool,
    /// Holds [`Role::Voice`].
    pub voice: bool,
}

impl Roles {
    /// Whether there is any role.
    pub fn any(self) -> bool {
        self.operator || self.voice
    }

    /// Gives or takes one role.
    pub fn set(&mut self, role: Role, on: bool) {
        match role {
            Role::Operator => self.operator = on,
            Role::Voice => self.voice = on,
        }
    }

    /// Whether this one role is held.
    pub fn has(self, role: Role) -> bool {
        match role {
            Role::Operator => self.operator,
            Role::Voice => self.voice,
        }
    }
}

/// Whether a text matches a mask with `*` (any run) and `?` (any one character), without regard to case.
///
/// Two names that are the same match the same masks, so that nobody gets round a ban by writing their name otherwise.
pub fn mask_matches(mask: &str, text: &str) -> bool {
    let (mask, text) = (folded(mask), folded(text));
    let (mut m, mut t) = (0, 0);
    // Where to go back to: behind the last star, and the text that the star has eaten so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match mask.get(m) {
            Some('*') => {
                star = Some((m + 1, t));
                m += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                m += 1;
                t += 1;
            }
            _ => match star {
                Some((after, eaten)) => {
                    star = Some((after, eaten + 1));
                    m = after;
                    t = eaten + 1;
                }
                None => return false,
            },
        }
    }
    mask[m..].iter().all(|&c| c == '*')
}

/// The characters that are compared: case and width do not count, as in names.
fn folded(text: &str) -> Vec<char> {
    if text.is_ascii() {
        return text.chars().map(|c| c.to_ascii_lowercase()).collect();
    }
    text.nfkc().collect::<String>().to_lowercase().nfkc().collect()
}

/// Fills a mask up to `nick!user@host`, as RFC 2812 section 3.2.3 users write it.
pub fn complete_mask(mask: &str) -> String {
    match (mask.contains('!'), mask.contains('@')) {
        (true, true) => mask.to_owned(),
        (true, false) => format!("{mask}@*"),
        (false, true) => format!("*!{mask}"),
        (false, false) => format!("{mask}!*@*"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_match_as_globs() {
        for (mask, text, expected) in [
            ("*!*@*", "alice!a@host", true),
            ("ali?e!*@*", "ALICE!a@host", true),
            ("bob!*@*", "alice!a@host", false),
            ("*!*@*.example", "a!b@c.example", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("", "", true),
            ("?", "", false),
            ("Émile!*@*", "émile!u@h", true),
            ("é*", "E\u{301}MILE!u@h", true),
            ("alice!*@*", "\u{ff21}lice!u@h", true),
            ("\u{3a3}\u{391}\u{3a3}!*@*", "\u{3c3}\u{3b1}\u{3c2}!u@h", true),
            ("Émile!*@*", "emile!u@h", false),
        ] {
            assert_eq!(mask_matches(mask, text), expected, "{mask} {text}");
        }
    }

    #[test]
    fn masks_are_completed() {
        for (mask, expected) in
            [("bob", "bob!*@*"), ("*@host", "*!*@host"), ("bob!u", "bob!u@*"), ("a!b@c", "a!b@c")]
        {
            assert_eq!(complete_mask(mask), expected);
        }
    }
}
