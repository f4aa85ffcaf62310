//! Names of people, rooms and accounts: what is allowed, and when two are the same.
//!
//! Two names are the same when their keys are equal: PRECIS `UsernameCaseMapped` (RFC 8265) for people and
//! accounts, lower case under NFC for rooms. Two names look alike when their skeletons are equal (UTS 39).

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::{Arc, LazyLock};

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

/// The longest name of a person or an account, in bytes of UTF-8.
pub const NICK_LEN_MAX: usize = 32;
/// The longest name of a room with its `#`, in bytes of UTF-8.
pub const ROOM_NAME_LEN_MAX: usize = 64;

/// Names that nobody may take: services of other IRC servers, which people trust by habit.
const RESERVED: &[&str] =
    &["nickserv", "chanserv", "memoserv", "operserv", "hostserv", "botserv", "saslserv", "server", "salotto"];

/// What the reserved names look like.
static RESERVED_LOOKS: LazyLock<Vec<Skeleton>> =
    LazyLock::new(|| RESERVED.iter().map(|name| skeleton_of(name)).collect());

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum NameError {
    /// There is nothing in it.
    #[error("the name is empty")]
    Empty,
    /// It is longer than [`NICK_LEN_MAX`] or [`ROOM_NAME_LEN_MAX`] bytes.
    #[error("the name is too long")]
    TooLong,
    /// It begins with a digit, or with a sign that means something in the protocol.
    #[error("the name cannot start with a digit or a sign")]
    BadStart,
    /// It holds a character that names cannot have.
    #[error("the name has a character that is not allowed")]
    BadCharacter,
    /// It is set aside for the server.
    #[error("the name is reserved")]
    Reserved,
    /// A room's name begins with `#`.
    #[error("the name of a room starts with #")]
    NotARoom,
}

/// The form under which names are compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(Arc<str>);

impl Key {
    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The form under which look-alikes are found: the UTS 39 skeleton of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Skeleton(Arc<str>);

impl Skeleton {
    /// The text of the skeleton: what all names with this look are written as.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a person, or of an account. Equal when the keys are equal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Nick {
    text: Arc<str>,
    key: Key,
    look: Skeleton,
}

impl Nick {
    /// Takes a name as a person wrote it.
    ///
    /// # Errors
    /// [`NameError`] says what is wrong with it.
    pub fn new(text: &str) -> Result<Nick, NameError> {
        let first = text.chars().next().ok_or(NameError::Empty)?;
        if text.len() > NICK_LEN_MAX {
            return Err(NameError::TooLong);
        }
        if first.is_ascii_digit() || matches!(first, '-' | '#' | '&' | '+' | '~' | '%' | '$' | ':') {
            return Err(NameError::BadStart);
        }
        if text.chars().any(forbidden_in_nick) {
            return Err(NameError::BadCharacter);
        }
        let key = fold_nick(text).ok_or(NameError::BadCharacter)?;
        // A few letters (Cherokee capitals) fold to ones that are not allowed themselves; such a key finds nobody.
        let steady = text.is_ascii() || fold_nick(&key).as_deref() == Some(&key);
        if !steady || key.chars().any(forbidden_in_nick) || key.len() > NICK_LEN_MAX {
            return Err(NameError::BadCharacter);
        }
        let look = skeleton_of(&key);
        if RESERVED_LOOKS.contains(&look) {
            return Err(NameError::Reserved);
        }
        // Most names are their own key and look; they are kept once.
        let key: Arc<str> = if *key == *look.0 { look.0.clone() } else { key.into() };
        let text: Arc<str> = if text.is_ascii() {
            if text == &*key { key.clone() } else { text.into() }
        } else {
            text.nfc().collect::<String>().into()
        };
        Ok(Nick { text, key: Key(key), look })
    }

    /// The name as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same, to be kept.
    pub fn text(&self) -> Arc<str> {
        self.text.clone()
    }

    /// The form under which it is compared.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The form under which look-alikes are found.
    pub fn skeleton(&self) -> Skeleton {
        self.look.clone()
    }
}

/// The skeleton of a mask of names: `*` and `?` stay, what is between them is taken as part of a name.
pub(crate) fn skeleton_of_mask(mask: &str) -> String {
    let mut look = String::new();
    for piece in mask.split_inclusive(['*', '?']) {
        let (text, wildcard) = match piece.char_indices().next_back() {
            Some((at, '*' | '?')) => piece.split_at(at),
            _ => (piece, ""),
        };
        let folded = fold_nick(text).unwrap_or_else(|| text.to_lowercase());
        look.push_str(skeleton_of(&folded).as_str());
        look.push_str(wildcard);
    }
    look
}

fn skeleton_of(key: &str) -> Skeleton {
    let shape: String = skeleton(key).collect();
    // The skeleton of `0` is a capital letter, so what comes out is folded once more.
    let folded = shape.to_lowercase();
    Skeleton(skeleton(&folded).collect::<String>().into())
}

impl PartialEq for Nick {
    fn eq(&self, other: &Nick) -> bool {
        self.key == other.key
    }
}

impl Eq for Nick {}

impl fmt::Display for Nick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// The key of something that may be a person's name; for looking up, never for keeping.
pub fn nick_key(text: &str) -> Option<Key> {
    if text.is_empty() || text.len() > NICK_LEN_MAX {
        return None;
    }
    fold_nick(text).map(|key| Key(key.into()))
}

fn forbidden_in_nick(c: char) -> bool {
    match c {
        // Each of these means something in a mask, a prefix, a list or a message of the protocol.
        ' ' | ',' | '*' | '?' | '!' | '@' | '.' | ':' | '#' | '"' | '\'' | '/' | '<' | '>' | '=' | ';'
        | '&' => true,
        c if c.is_ascii() => c.is_ascii_control(),
        c => c.is_control() || c.is_whitespace() || unseen(c),
    }
}

/// Characters that change what is read without being seen: directions, joiners, fillers, tags.
fn unseen(c: char) -> bool {
    matches!(c as u32,
        0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
        | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFF
        | 0xE0000..=0xE0FFF)
}

fn fold_nick(text: &str) -> Option<String> {
    if text.is_ascii() {
        return Some(text.to_ascii_lowercase());
    }
    UsernameCaseMapped::enforce(text).ok().map(Cow::into_owned)
}

/// The name of a room, with its `#`. Equal when the keys are equal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoomName {
    text: Arc<str>,
    key: Key,
}

impl RoomName {
    /// Takes a room's name as a person wrote it.
    ///
    /// # Errors
    /// [`NameError`] says what is wrong with it.
    pub fn new(text: &str) -> Result<RoomName, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if !text.starts_with('#') {
            return Err(NameError::NotARoom);
        }
        if text.len() > ROOM_NAME_LEN_MAX {
            return Err(NameError::TooLong);
        }
        if text.len() == 1 {
            return Err(NameError::Empty);
        }
        let forbidden = |c: char| {
            matches!(c, ' ' | ',' | '*' | '?' | ':') || c.is_control() || c.is_whitespace() || unseen(c)
        };
        if text.chars().any(forbidden) {
            return Err(NameError::BadCharacter);
        }
        Ok(RoomName { key: room_key(text), text: text.into() })
    }

    /// The name as it was first written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form under which it is compared.
    pub fn key(&self) -> &Key {
        &self.key
    }
}

impl PartialEq for RoomName {
    fn eq(&self, other: &RoomName) -> bool {
        self.key == other.key
    }
}

impl Eq for RoomName {}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// The key of something that may be a room's name; for looking up, never for keeping.
pub fn room_key(text: &str) -> Key {
    Key(fold_room(text).into())
}

/// The text of a room's key; most names that arrive are their own.
pub(crate) fn fold_room(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => text.to_ascii_lowercase().into(),
            false => text.into(),
        };
    }
    let lower: String = text.nfkc().flat_map(char::to_lowercase).collect();
    lower.nfkc().collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Result<&str, NameError>) {
        let found = Nick::new(text).map(|nick| nick.key().as_str().to_owned());
        assert_eq!(found.as_deref().map_err(|error| *error), expected, "{text:?}");
    }

    #[test]
    fn names_are_folded_as_usernames() {
        check("Alice", Ok("alice"));
        check("ÉMILE", Ok("émile"));
        check("E\u{301}mile", Ok("émile"));
        check("СЕРГЕЙ", Ok("сергей"));
        check("愛", Ok("愛"));
        check("[away]", Ok("[away]"));
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        check("", Err(NameError::Empty));
        check("Ꭰ", Err(NameError::BadCharacter));
        check("1st", Err(NameError::BadStart));
        check("#room", Err(NameError::BadStart));
        check("a b", Err(NameError::BadCharacter));
        check("a\u{202e}b", Err(NameError::BadCharacter));
        check("a\u{200b}b", Err(NameError::BadCharacter));
        check("a\r\nb", Err(NameError::BadCharacter));
        check("nick!user@host", Err(NameError::BadCharacter));
        check("NickServ", Err(NameError::Reserved));
        check("N\u{456}ckServ", Err(NameError::Reserved));
        check("sa1otto", Err(NameError::Reserved));
        check(&"a".repeat(33), Err(NameError::TooLong));
    }

    #[test]
    fn look_alikes_share_a_skeleton() {
        let same = |a: &str, b: &str| Nick::new(a).unwrap().skeleton() == Nick::new(b).unwrap().skeleton();
        assert!(same("alice", "аlice"), "cyrillic a");
        assert!(same("paypal", "paypa1"));
        assert!(same("bob0", "bobO"));
        assert!(!same("alice", "alicia"));
    }

    #[test]
    fn rooms_are_compared_without_case() {
        assert_eq!(RoomName::new("#Città").unwrap(), RoomName::new("#CITTÀ").unwrap());
        assert_eq!(RoomName::new("lobby"), Err(NameError::NotARoom));
        assert_eq!(RoomName::new("#a b"), Err(NameError::BadCharacter));
        assert_eq!(RoomName::new("#"), Err(NameError::Empty));
    }

    proptest! {
        #[test]
        fn folding_a_key_changes_nothing(text in "\\PC{1,12}") {
            if let Ok(nick) = Nick::new(&text) {
                let again = nick_key(nick.key().as_str());
                prop_assert_eq!(again.as_ref(), Some(nick.key()));
            }
            let key = room_key(&text);
            prop_assert_eq!(room_key(key.as_str()), key);
        }
    }
}
