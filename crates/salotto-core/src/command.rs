//! What can be asked of the chat, and the place each asking gets in the order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, DeviceId, NodeId, Origin, Seq, SessionId, Timestamp};
use crate::mode::ModeChange;
use crate::name::{Nick, RoomName};

/// A command with its place: what the core applies. The same ordered commands give the same state everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ordered {
    /// Its place in the order, without gaps.
    pub seq: Seq,
    /// When it got its place; never earlier than the command before it.
    pub at: Timestamp,
    /// Where it came from.
    pub origin: Origin,
    /// What is asked.
    pub command: Command,
}

/// Something that may change the chat.
///
/// Passwords are checked, random bits drawn and names parsed before a command is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A connection signs in under a name. Refused when the name is somebody else's; the connection may try again.
    SignIn(Box<SignIn>),
    /// A connection is gone. Nothing is refused.
    Close {
        /// The session that ends.
        session: SessionId,
        /// Why it ended.
        why: Leaving,
    },
    /// All of a node's connections are gone.
    NodeLost {
        /// The node that nobody hears any more.
        node: NodeId,
    },
    /// Somebody takes another name.
    Rename {
        /// Who asks.
        session: SessionId,
        /// The name wished for.
        nick: Nick,
    },
    /// Somebody changes what their real-name field says.
    SetRealname {
        /// Who asks.
        session: SessionId,
        /// The new text.
        realname: Arc<str>,
    },
    /// Somebody goes away (`Some`) or is back (`None`).
    SetAway {
        /// Who asks.
        session: SessionId,
        /// What those who write to them are told.
        message: Option<Arc<str>>,
    },
    /// Somebody marks themselves as a bot, or no longer.
    SetBot {
        /// Who asks.
        session: SessionId,
        /// On or off.
        on: bool,
    },
    /// Somebody hides from those who share no room with them, or no longer.
    SetInvisible {
        /// Who asks.
        session: SessionId,
        /// On or off.
        on: bool,
    },
    /// A server operator's credentials were right.
    BecomeOperator {
        /// Who asks.
        session: SessionId,
        /// On or off.
        on: bool,
    },
    /// Enter a room, which is made when it does not exist.
    Join {
        /// Who asks.
        session: SessionId,
        /// The room.
        room: RoomName,
        /// The room's key, where it has one.
        key: Option<Arc<str>>,
    },
    /// Leave a room.
    Part {
        /// Who asks.
        session: SessionId,
        /// The room.
        room: RoomName,
        /// What the others are told.
        reason: Option<Arc<str>>,
    },
    /// Say something.
    Post(Box<Post>),
    /// Set a room's topic; the empty text takes it away.
    SetTopic {
        /// Who asks.
        session: SessionId,
        /// The room.
        room: RoomName,
        /// The new topic.
        topic: Arc<str>,
    },
    /// Change modes of a room.
    SetModes {
        /// Who asks.
        session: SessionId,
        /// The room.
        room: RoomName,
        /// The changes, applied one after the other.
        changes: Vec<ModeChange>,
    },
    /// Put somebody out of a room.
    Kick {
        /// Who asks.
        session: SessionId,
        /// The room.
        room: RoomName,
        /// Whom to put out.
        nick: Arc<str>,
        /// What they and the others are told.
        reason: Option<Arc<str>>,
    },
    /// Ask somebody into a room.
    Invite {
        /// Who asks.
        session: SessionId,
        /// The room.
        room: RoomName,
        /// Whom to ask.
        nick: Arc<str>,
    },
    /// Put somebody off the server; operators only.
    Kill {
        /// Who asks.
        session: SessionId,
        /// Whom to put off.
        nick: Arc<str>,
        /// What they and the others are told.
        reason: Arc<str>,
    },
    /// Make an account. The asking session is signed in to it.
    Register {
        /// Who asks: a session that is signed in, or still registering.
        session: SessionId,
        /// The name of the account.
        name: Nick,
        /// The password's hash in PHC form; kept by the store, never by the core.
        verifier: Arc<str>,
    },
    /// A signed-in session proved that it owns an account.
    LogIn {
        /// Who asks.
        session: SessionId,
        /// The account.
        account: AccountId,
    },
    /// Say whether a token that a connection shows before it signs in is known. Changes nothing: signing in looks
    /// again.
    Recognise {
        /// Who asks; not signed in yet.
        session: SessionId,
        /// BLAKE3 of the session's part of the token, where it has one; see [`SignIn::resume`].
        resume: Option<[u8; 32]>,
        /// BLAKE3 of the device's part; see [`SignIn::stem`].
        stem: [u8; 32],
    },
    /// Remember the session's device, so that it signs in to the account by a token from now on.
    AddDevice {
        /// Who asks; signed in to an account.
        session: SessionId,
        /// BLAKE3 of the device's token.
        token: [u8; 32],
        /// What the device is called in the list of devices.
        about: Arc<str>,
    },
    /// List the devices of the asker's account. Changes nothing.
    ListDevices {
        /// Who asks.
        session: SessionId,
    },
    /// Forget a device and close its sessions; or all devices and sessions of the account but the asker's.
    RevokeDevices {
        /// Who asks.
        session: SessionId,
        /// Which device; `None` for all others.
        which: Option<DeviceId>,
    },
    /// Give an account another password, which the asker has proved the old one for. All other devices and sessions
    /// of the account go.
    ChangePassword {
        /// Who asks.
        session: SessionId,
        /// The account whose old password was proved; the asker has to be signed in to it.
        account: AccountId,
        /// The new password's hash in PHC form; kept by the store, never by the core.
        verifier: Arc<str>,
    },
    /// Move the mark up to which a conversation was read; it never goes back.
    MarkRead {
        /// Who asks.
        session: SessionId,
        /// A room's or a person's name.
        target: Arc<str>,
        /// Everything up to this moment was read.
        at: Timestamp,
    },
    /// Make sure that a room exists and belongs to the server, as the configuration says.
    Establish {
        /// The room.
        room: RoomName,
        /// Its topic, set where it has none.
        topic: Arc<str>,
    },
    /// Nothing but a place in the order: the answer comes after every effect of what was asked before.
    Ping {
        /// Who asks.
        session: SessionId,
        /// Handed back.
        token: Arc<str>,
    },
}

/// A connection's wish to sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignIn {
    /// The new session.
    pub session: SessionId,
    /// The node that holds the connection.
    pub node: NodeId,
    /// The name wished for.
    pub nick: Nick,
    /// The user name (`ident`).
    pub user: Arc<str>,
    /// What others see instead of the address: a keyed hash of it.
    pub host: Arc<str>,
    /// The real-name field.
    pub realname: Arc<str>,
    /// The account whose password the connection has proved, if any.
    pub account: Option<AccountId>,
    /// BLAKE3 of the token under which this session may be taken over later.
    pub resumable: Option<[u8; 32]>,
    /// BLAKE3 of a token that the connection has shown, to take over the session that was given it.
    pub resume: Option<[u8; 32]>,
    /// BLAKE3 of the part of the token that stays the same when a connection comes back: an account's device's, which
    /// signs in to the account; or what makes a guest the same guest under another name.
    pub stem: Option<[u8; 32]>,
    /// Rooms that everybody enters on signing in.
    pub rooms: Vec<RoomName>,
    /// Whether an account is brought back into the rooms it was in.
    pub rejoin: bool,
}

/// Something said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// Who says it.
    pub session: SessionId,
    /// A room's name or a person's.
    pub target: Arc<str>,
    /// What kind of line it is.
    pub kind: PostKind,
    /// The text; empty for [`PostKind::Tags`].
    pub text: Arc<str>,
    /// Client-only tags in the form they have on the wire, without the leading `@`; may be empty.
    pub tags: Arc<str>,
    /// The client's own mark: a repeated one is answered with the first post instead of a second.
    pub token: Option<Arc<str>>,
}

/// The kinds of line. The numbers are kept in the store and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum PostKind {
    /// `PRIVMSG`.
    Message = 1,
    /// `NOTICE`: nobody answers it automatically.
    Notice = 2,
    /// `TAGMSG`: tags alone; not kept.
    Tags = 3,
}

impl PostKind {
    /// Reads the store's number back.
    pub fn from_number(number: u8) -> Option<PostKind> {
        match number {
            1 => Some(PostKind::Message),
            2 => Some(PostKind::Notice),
            3 => Some(PostKind::Tags),
            _ => None,
        }
    }
}

/// Why a session ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leaving {
    /// The person said so, perhaps with a word.
    Quit(Option<Arc<str>>),
    /// The connection broke: reset, timeout, flood, a full queue.
    Lost(Arc<str>),
    /// An operator put the person off the server.
    Killed {
        /// The operator.
        by: Arc<str>,
        /// The operator's word.
        reason: Arc<str>,
    },
    /// The node that held the connection is gone.
    NodeLost,
    /// The server is closing; nobody is told one by one.
    Closing,
}
