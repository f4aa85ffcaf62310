//! What must last: what the store writes, and what it gives back when the server starts.
//!
//! A record says what a thing is now, not what changed about it, so writing one twice is harmless.

use std::sync::Arc;

use crate::command::PostKind;
use crate::id::{AccountId, DeviceId, RoomId, Seq, Timestamp};
use crate::mode::{Roles, RoomFlag};
use crate::name::{Nick, RoomName};

/// One thing to keep. Records of one batch are written in their order, in one transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Something was said.
    Post(PostRecord),
    /// A room was made, or something about it changed.
    Room(Box<RoomRecord>),
    /// A room is gone for good; its posts stay for operators but nobody can read them in the chat.
    RoomRetired(RoomId),
    /// An account was made, or has another password.
    Account(AccountRecord),
    /// A device of an account was made, or used on another day.
    Device(DeviceRecord),
    /// A device is revoked.
    DeviceRevoked(DeviceId),
    /// Whether an account is in a room.
    Membership {
        /// The account.
        account: AccountId,
        /// The room.
        room: RoomId,
        /// In or out.
        member: bool,
    },
    /// How far an account has read.
    ReadMarker {
        /// The account.
        account: AccountId,
        /// The key of the room's or person's name.
        target: Arc<str>,
        /// Read up to here.
        at: Timestamp,
    },
}

/// Where a post was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Conversation {
    /// In a room.
    Room(RoomId),
    /// Between two accounts, the smaller number first; an account may talk to itself.
    Direct(AccountId, AccountId),
}

impl Conversation {
    /// The conversation of two accounts, whichever way round they come.
    pub fn direct(a: AccountId, b: AccountId) -> Conversation {
        Conversation::Direct(a.min(b), a.max(b))
    }
}

/// Something that was said, as it is kept and read back.
#[derive(Clone, Debug, PartialEq)]
pub struct PostRecord {
    /// Its place in the order; its message id is this number written short.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub conversation: Conversation,
    /// What kind of line.
    pub kind: PostKind,
    /// The author's name at that moment.
    pub nick: Arc<str>,
    /// `user@host` of the author at that moment.
    pub address: Arc<str>,
    /// The name of the author's account, if any.
    pub account: Option<Arc<str>>,
    /// The name of the person it was said to; the empty text in a room.
    pub to: Arc<str>,
    /// The text.
    pub text: Arc<str>,
    /// Client-only tags as on the wire, without `@`.
    pub tags: Arc<str>,
    /// The client's own mark.
    pub token: Option<Arc<str>>,
}

/// A room, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomRecord {
    /// Which room.
    pub id: RoomId,
    /// Its name.
    pub name: RoomName,
    /// When it was made.
    pub created: Timestamp,
    /// Its topic.
    pub topic: Option<TopicRecord>,
    /// The switches that are on, in their order.
    pub flags: Vec<RoomFlag>,
    /// Its key.
    pub key: Option<Arc<str>>,
    /// Its limit.
    pub limit: Option<u32>,
    /// Masks that may not enter or speak.
    pub bans: Vec<BanRecord>,
    /// Roles that accounts keep while they are out.
    pub roles: Vec<(AccountId, Roles)>,
    /// Belongs to the server: nobody becomes its operator by coming first.
    pub established: bool,
}

/// A topic, with who set it and when.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TopicRecord {
    /// The text; never empty.
    pub text: Arc<str>,
    /// `nick!user@host` of who set it, or the server's name.
    pub by: Arc<str>,
    /// When it was set.
    pub at: Timestamp,
}

/// A ban, with who set it and when.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct BanRecord {
    /// `nick!user@host` with `*` and `?`.
    pub mask: Arc<str>,
    /// Who set it.
    pub by: Arc<str>,
    /// When it was set.
    pub at: Timestamp,
}

/// An account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountRecord {
    /// Which account.
    pub id: AccountId,
    /// Its name.
    pub name: Nick,
    /// When it was made.
    pub created: Timestamp,
    /// The password's hash in PHC form.
    pub verifier: Arc<str>,
}

/// A device of an account: it signs in by a token instead of the password.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DeviceRecord {
    /// Which device.
    pub id: DeviceId,
    /// Whose.
    pub account: AccountId,
    /// BLAKE3 of its token. The token has 256 random bits, so nobody finds it from this.
    pub token: [u8; 32],
    /// When it first signed in.
    pub made: Timestamp,
    /// The beginning of the day, UTC, on which it last signed in: more would be a write for every reconnect.
    pub used: Timestamp,
    /// What its client calls it.
    pub about: Arc<str>,
}

/// Everything durable that the core starts from: what the records written so far add up to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durable {
    /// The last command applied before the server stopped.
    pub seq: Seq,
    /// The time of that command.
    pub at: Timestamp,
    /// All rooms that are not retired, by id.
    pub rooms: Vec<RoomRecord>,
    /// All accounts, by id, without their verifiers.
    pub accounts: Vec<(AccountId, Nick, Timestamp)>,
    /// All devices, by id.
    pub devices: Vec<DeviceRecord>,
    /// Which account is in which room, in order.
    pub memberships: Vec<(AccountId, RoomId)>,
    /// Read markers, in order.
    pub markers: Vec<(AccountId, Arc<str>, Timestamp)>,
    /// The tokens of the latest posts, oldest first: `(author, token, post)`, see [`crate::Core::restore`].
    pub tokens: Vec<RecentToken>,
}

/// A token that a client may still repeat.
#[derive(Clone, Debug, PartialEq)]
pub struct RecentToken {
    /// The author's account, if any.
    pub account: Option<Arc<str>>,
    /// The author's name.
    pub nick: Arc<str>,
    /// The token.
    pub token: Arc<str>,
    /// The post that has it.
    pub seq: Seq,
    /// When it was posted.
    pub at: Timestamp,
}

/// How many tokens are remembered, over all authors.
pub const TOKENS_MAX: usize = 65_536;
