//! Mode changes: `+ov-b anna bo *!*@host` (Modern IRC, "MODE message").

use thiserror::Error;

/// Which modes of a channel take an argument, as ISUPPORT `CHANMODES` and `PREFIX` say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeTypes {
    /// Type A: lists; always with an argument, and without one they ask for the list.
    pub list: String,
    /// Type B: always with an argument.
    pub always: String,
    /// Type C: with an argument only when set.
    pub when_set: String,
    /// Type D: never with an argument.
    pub never: String,
    /// Membership modes and their prefixes, highest first; always with an argument.
    pub prefixes: Vec<(char, char)>,
}

impl Default for ModeTypes {
    /// What Modern IRC says to assume when a server announces nothing.
    fn default() -> Self {
        Self::parse("beI,k,l,imnst", "(ov)@+")
    }
}

/// Whether a mode takes an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Argument {
    List,
    Always,
    WhenSet,
    Never,
}

impl ModeTypes {
    /// Reads the values of ISUPPORT `CHANMODES` (`A,B,C,D`) and `PREFIX` (`(modes)prefixes`).
    pub fn parse(chanmodes: &str, prefix: &str) -> Self {
        let mut parts = chanmodes.split(',').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        let (list, always, when_set, never) = (part(), part(), part(), part());
        let prefixes = prefix
            .strip_prefix('(')
            .and_then(|p| p.split_once(')'))
            .map(|(modes, signs)| modes.chars().zip(signs.chars()).collect())
            .unwrap_or_default();
        Self { list, always, when_set, never, prefixes }
    }

    /// The membership mode behind a prefix, such as `o` for `@`.
    pub fn mode_of_prefix(&self, sign: char) -> Option<char> {
        self.prefixes.iter().find(|(_, s)| *s == sign).map(|(mode, _)| *mode)
    }

    /// The prefix of a membership mode, such as `@` for `o`.
    pub fn prefix_of_mode(&self, mode: char) -> Option<char> {
        self.prefixes.iter().find(|(m, _)| *m == mode).map(|(_, sign)| *sign)
    }

    /// Splits the prefixes in front of a nick, as NAMES sends them, from the nick.
    pub fn split_prefixes<'a>(&self, nick: &'a str) -> (&'a str, &'a str) {
        let end = nick.find(|c| self.mode_of_prefix(c).is_none()).unwrap_or(nick.len());
        nick.split_at(end)
    }

    /// Reads a mode string and its arguments into single changes, in order.
    ///
    /// A mode that nothing is known of is taken to have no argument. What is wrong is reported
    /// beside what is right, so that a server can carry out the rest.
    pub fn changes<'a>(&self, modes: &'a str, args: &[&'a str]) -> Vec<Result<ModeChange<'a>, ModeError>> {
        let mut args = args.iter().copied();
        let mut set = true;
        let mut changes = Vec::new();
        for mode in modes.chars() {
            if matches!(mode, '+' | '-') {
                set = mode == '+';
                continue;
            }
            let Some(takes) = self.argument(mode) else {
                changes.push(Err(ModeError::Unknown { mode }));
                continue;
            };
            let arg = match takes {
                Argument::List | Argument::Always => args.next(),
                Argument::WhenSet if set => args.next(),
                Argument::WhenSet | Argument::Never => None,
            };
            let missing = arg.is_none() && (takes == Argument::Always || takes == Argument::WhenSet && set);
            changes.push(if missing {
                Err(ModeError::NoArgument { mode })
            } else {
                Ok(ModeChange { set, mode, arg })
            });
        }
        changes
    }

    fn argument(&self, mode: char) -> Option<Argument> {
        if self.prefix_of_mode(mode).is_some() || self.always.contains(mode) {
            Some(Argument::Always)
        } else if self.list.contains(mode) {
            Some(Argument::List)
        } else if self.when_set.contains(mode) {
            Some(Argument::WhenSet)
        } else if self.never.contains(mode) {
            Some(Argument::Never)
        } else {
            None
        }
    }
}

/// One mode set or unset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModeChange<'a> {
    /// `+` (true) or `-`.
    pub set: bool,
    /// The letter.
    pub mode: char,
    /// The argument; a list mode without one asks for the list.
    pub arg: Option<&'a str>,
}

/// What is wrong with one letter of a mode string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ModeError {
    /// The letter is in neither `CHANMODES` nor `PREFIX`.
    #[error("the mode {mode} is not known")]
    Unknown {
        /// The letter.
        mode: char,
    },
    /// The letter needs an argument and none is left.
    #[error("the mode {mode} needs an argument")]
    NoArgument {
        /// The letter.
        mode: char,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(set: bool, mode: char, arg: Option<&str>) -> Result<ModeChange<'_>, ModeError> {
        Ok(ModeChange { set, mode, arg })
    }

    #[test]
    fn gives_each_mode_its_argument() {
        let types = ModeTypes::parse("b,k,l,imnst", "(ov)@+");
        assert_eq!(
            types.changes("+ov-b+il-l", &["anna", "bo", "*!*@h", "20"]),
            [
                change(true, 'o', Some("anna")),
                change(true, 'v', Some("bo")),
                change(false, 'b', Some("*!*@h")),
                change(true, 'i', None),
                change(true, 'l', Some("20")),
                change(false, 'l', None),
            ]
        );
    }

    #[test]
    fn reports_faults_beside_the_rest() {
        let types = ModeTypes::default();
        assert_eq!(
            types.changes("bX+kn", &[]),
            [
                change(true, 'b', None),
                Err(ModeError::Unknown { mode: 'X' }),
                Err(ModeError::NoArgument { mode: 'k' }),
                change(true, 'n', None),
            ]
        );
    }

    #[test]
    fn splits_prefixes() {
        let types = ModeTypes::parse("b,k,l,i", "(qaohv)~&@%+");
        assert_eq!(types.split_prefixes("@+anna"), ("@+", "anna"));
        assert_eq!(types.split_prefixes("anna"), ("", "anna"));
        assert_eq!(types.mode_of_prefix('%'), Some('h'));
        assert_eq!(types.prefix_of_mode('q'), Some('~'));
        assert!(ModeTypes::parse("", "nonsense").prefixes.is_empty());
    }
}
