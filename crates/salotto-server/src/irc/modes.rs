//! Letters of modes, and what they mean in the chat.

use std::sync::Arc;

use salotto_core::{ModeChange, Role, Roles, RoomFlag, RoomModes};
use salotto_wire::mode::{ModeError, ModeTypes};

/// `CHANMODES` of ISUPPORT: lists, with an argument, with one when set, without.
pub(crate) const CHANMODES: &str = "b,k,l,imnst";
/// `PREFIX` of ISUPPORT.
pub(crate) const PREFIX: &str = "(ov)@+";
/// Modes that people have, for `004`.
pub(crate) const USER_MODES: &str = "Bio";
/// Modes that rooms have, for `004`.
pub(crate) const CHANNEL_MODES: &str = "biklmnostv";
/// Channel modes with an argument, for `004`.
pub(crate) const CHANNEL_MODES_WITH_ARGUMENT: &str = "bklov";

const FLAGS: [(char, RoomFlag); 5] = [
    ('i', RoomFlag::InviteOnly),
    ('m', RoomFlag::Moderated),
    ('n', RoomFlag::NoExternal),
    ('s', RoomFlag::Secret),
    ('t', RoomFlag::TopicLocked),
];

/// One letter of a `MODE` for a room.
#[derive(Debug, PartialEq)]
pub(crate) enum Asked {
    /// A change.
    Change(ModeChange),
    /// The list of bans.
    Bans,
    /// A letter that means nothing.
    Unknown(char),
    /// A letter whose argument is missing or makes no sense.
    Invalid(char, Arc<str>, &'static str),
}

/// Reads the letters and arguments of a `MODE` for a room.
pub(crate) fn read(letters: &str, arguments: &[&str]) -> Vec<Asked> {
    let types = ModeTypes::parse(CHANMODES, PREFIX);
    types
        .changes(letters, arguments)
        .into_iter()
        .filter_map(|change| {
            let change = match change {
                Ok(change) => change,
                Err(ModeError::Unknown { mode }) => return Some(Asked::Unknown(mode)),
                // Taking a key away needs no argument to be understood.
                Err(ModeError::NoArgument { mode: 'k' }) => {
                    return Some(Asked::Change(ModeChange::Key(None)));
                }
                // An argument that is missing is passed over, as most servers do.
                Err(ModeError::NoArgument { .. }) => return None,
            };
            Some(one(change.set, change.mode, change.arg))
        })
        .collect()
}

fn one(on: bool, letter: char, argument: Option<&str>) -> Asked {
    if let Some((_, flag)) = FLAGS.iter().find(|(known, _)| *known == letter) {
        return Asked::Change(ModeChange::Flag(*flag, on));
    }
    let text = argument.unwrap_or_default();
    match (letter, on) {
        ('b', _) if argument.is_none() => Asked::Bans,
        ('b', _) => Asked::Change(ModeChange::Ban { mask: text.into(), on }),
        ('o', _) => Asked::Change(ModeChange::Role { role: Role::Operator, nick: text.into(), on }),
        ('v', _) => Asked::Change(ModeChange::Role { role: Role::Voice, nick: text.into(), on }),
        ('k', false) => Asked::Change(ModeChange::Key(None)),
        ('k', true)
            if text.is_empty() || text.len() > 64 || text.contains([' ', ',']) || text.starts_with(':') =>
        {
            Asked::Invalid('k', text.into(), "A key is 1 to 64 characters without spaces and commas")
        }
        ('k', true) => Asked::Change(ModeChange::Key(Some(text.into()))),
        ('l', false) => Asked::Change(ModeChange::Limit(None)),
        ('l', true) => match text.parse::<u32>() {
            Ok(limit) if limit > 0 => Asked::Change(ModeChange::Limit(Some(limit))),
            _ => Asked::Invalid('l', text.into(), "A limit is a number from 1"),
        },
        _ => Asked::Unknown(letter),
    }
}

/// Writes changes as letters and arguments.
pub(crate) fn write(changes: &[ModeChange]) -> (String, Vec<Arc<str>>) {
    let mut letters = String::new();
    let mut arguments = Vec::new();
    let mut sign = None;
    for change in changes {
        let (on, letter, argument): (bool, char, Option<Arc<str>>) = match change {
            ModeChange::Flag(flag, on) => (*on, flag_letter(*flag), None),
            ModeChange::Key(Some(key)) => (true, 'k', Some(key.clone())),
            ModeChange::Key(None) => (false, 'k', Some("*".into())),
            ModeChange::Limit(Some(limit)) => (true, 'l', Some(limit.to_string().into())),
            ModeChange::Limit(None) => (false, 'l', None),
            ModeChange::Role { role: Role::Operator, nick, on } => (*on, 'o', Some(nick.clone())),
            ModeChange::Role { role: Role::Voice, nick, on } => (*on, 'v', Some(nick.clone())),
            ModeChange::Ban { mask, on } => (*on, 'b', Some(mask.clone())),
        };
        if sign != Some(on) {
            letters.push(if on { '+' } else { '-' });
            sign = Some(on);
        }
        letters.push(letter);
        arguments.extend(argument);
    }
    (letters, arguments)
}

/// A room's present modes as letters and arguments, for `324`.
pub(crate) fn present(modes: &RoomModes) -> (String, Vec<String>) {
    let mut letters = String::from("+");
    let mut arguments = Vec::new();
    letters.extend(modes.flags.iter().map(|flag| flag_letter(*flag)));
    if let Some(key) = &modes.key {
        letters.push('k');
        arguments.push(key.as_deref().unwrap_or("*").to_owned());
    }
    if let Some(limit) = modes.limit {
        letters.push('l');
        arguments.push(limit.to_string());
    }
    (letters, arguments)
}

/// The signs of a member's roles: all of them, or the highest.
pub(crate) fn prefixes(roles: Roles, all: bool) -> &'static str {
    match (roles.operator, roles.voice) {
        (true, true) if all => "@+",
        (true, _) => "@",
        (false, true) => "+",
        (false, false) => "",
    }
}

fn flag_letter(flag: RoomFlag) -> char {
    FLAGS.iter().find(|(_, known)| *known == flag).map_or('?', |(letter, _)| *letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        let check = |letters: &str, arguments: &[&str], expected: &str| {
            let changes: Vec<ModeChange> = read(letters, arguments)
                .into_iter()
                .filter_map(|asked| match asked {
                    Asked::Change(change) => Some(change),
                    _ => None,
                })
                .collect();
            let (letters, arguments) = write(&changes);
            let arguments: Vec<&str> = arguments.iter().map(|argument| &**argument).collect();
            assert_eq!(format!("{letters} {}", arguments.join(" ")).trim_end(), expected);
        };
        check("+im-n", &[], "+im-n");
        check("+ov-o", &["anna", "bo", "carl"], "+ov-o anna bo carl");
        check("+kl", &["secret", "5"], "+kl secret 5");
        check("-k", &["secret"], "-k *");
        check("-l+b", &["*!*@x"], "-l+b *!*@x");
        check("+l", &["none"], "");
    }

    #[test]
    fn what_means_nothing_is_told() {
        assert_eq!(read("+Q", &[]), [Asked::Unknown('Q')]);
        assert_eq!(read("+b", &[]), [Asked::Bans]);
        assert!(matches!(read("+l", &["0"])[..], [Asked::Invalid('l', ..)]));
    }
}
