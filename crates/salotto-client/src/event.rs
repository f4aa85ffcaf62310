//! What a client tells its application.

use crate::client::DeviceToken;
use crate::outbox::{EntryState, LocalId};
use crate::state::{Loss, State};

/// Something that happened. Texts and names in it come from the network: a user interface has to take
/// control characters out before it shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The connection's state changed.
    StateChanged(State),
    /// Signed in under a name; for the first time, or again after a loss.
    SignedIn {
        /// The name the server gave us.
        name: String,
        /// Whether this follows a loss.
        again: bool,
    },
    /// The server refused a name. During sign-in the connection stays open and waits for another.
    NickRefused(NickRefusal),
    /// The connection is down.
    Offline {
        /// Why.
        loss: Loss,
        /// Milliseconds until the next attempt; `None` when there is none.
        retry_in_ms: Option<u64>,
    },
    /// The server said that it closes. Followed by [`Event::Offline`].
    ServerClosed {
        /// Why.
        reason: String,
    },
    /// All that was missed while offline has been fetched.
    Reconnected {
        /// How many messages are new, over all rooms.
        new_messages: usize,
    },
    /// Somebody, maybe we, joined a room.
    Joined {
        /// The room.
        room: String,
        /// Who.
        name: String,
        /// Whether it is us.
        own: bool,
    },
    /// Somebody, maybe we, left.
    Left {
        /// The rooms that we share or shared with them.
        rooms: Vec<String>,
        /// Who.
        name: String,
        /// In what way.
        kind: LeaveKind,
        /// What was said about it; may be empty.
        reason: String,
        /// Whether it is us.
        own: bool,
    },
    /// Somebody, maybe we, changed name.
    Renamed {
        /// The name before.
        from: String,
        /// The name now.
        to: String,
        /// The rooms that we share with them.
        rooms: Vec<String>,
        /// Whether it is us.
        own: bool,
    },
    /// A message was posted just now, ours included when the server has it.
    Message(ChatMessage),
    /// Older or missed messages came; they are in the conversation's timeline.
    History {
        /// The room or the person.
        target: String,
        /// The messages that were not known before, oldest first.
        messages: Vec<ChatMessage>,
        /// Whether they were missed while offline, rather than asked for.
        missed: bool,
    },
    /// A room's topic is known or has changed.
    Topic {
        /// The room.
        room: String,
        /// The text; may be empty.
        topic: String,
        /// Who changed it just now; `None` when it is told at joining.
        by: Option<String>,
    },
    /// A room's list of members is complete.
    Members {
        /// The room.
        room: String,
    },
    /// Modes of a room changed.
    Modes {
        /// The room.
        room: String,
        /// Who changed them.
        by: String,
        /// The change as IRC writes it, such as `+o anna`.
        change: String,
    },
    /// We are invited to a room.
    Invited {
        /// The room.
        room: String,
        /// By whom.
        by: String,
    },
    /// A message of ours changed its state.
    Outbox {
        /// Which.
        id: LocalId,
        /// The new state; `None` when it was delivered or discarded.
        state: Option<EntryState>,
    },
    /// What has been read of a conversation, here or on another device.
    ReadMarker {
        /// The room or the person.
        target: String,
        /// Unix milliseconds.
        read_until_ms: i64,
    },
    /// One room of the list that was asked for.
    RoomListed {
        /// The room.
        room: String,
        /// How many people are in it.
        members: usize,
        /// Its topic; may be empty.
        topic: String,
    },
    /// The list of rooms is complete.
    RoomListEnd,
    /// An account was made or signed in to, or this failed without ending the connection.
    Account {
        /// The account that we are signed in to; `None` when we are not.
        account: Option<String>,
        /// What the server says.
        text: String,
    },
    /// The token that signs this device in to an account without its password has come, or is worth nothing any more.
    /// To be kept like a password, and given to the next client as [`crate::Options::device`].
    DeviceToken(Option<DeviceToken>),
    /// The devices of our account, as asked for by [`crate::Client::list_devices`].
    Devices(Vec<Device>),
    /// A device of our account was signed out.
    DeviceRevoked {
        /// Its id in the list of devices.
        id: String,
    },
    /// The server refused something.
    Failed {
        /// The command it refused, or the numeric's three digits.
        command: String,
        /// The machine-readable code of a standard reply; may be empty.
        code: String,
        /// What it is about, such as a room; may be empty.
        context: String,
        /// The reason in the server's words.
        text: String,
    },
    /// The server says something to us: a notice, a line of its greeting.
    ServerText {
        /// The text.
        text: String,
    },
    /// The time from a probe to its answer was measured, or has grown by a second without an answer.
    Lag {
        /// Milliseconds.
        ms: u64,
    },
}

/// A device that signs in to our account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// By which it is signed out.
    pub id: String,
    /// When it first signed in, in Unix milliseconds.
    pub made_ms: i64,
    /// The day when it last did, in Unix milliseconds.
    pub used_ms: i64,
    /// It is this one.
    pub own: bool,
    /// What it calls itself.
    pub name: String,
}

/// A name that the server did not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NickRefusal {
    /// The name.
    pub name: String,
    /// What is wrong with it.
    pub reason: RefusalReason,
    /// The reason in the server's words.
    pub text: String,
    /// A name that may be free, for [`RefusalReason::Taken`].
    pub suggestion: String,
    /// Whether sign-in waits for another name; otherwise we keep the name we have.
    pub signing_in: bool,
}

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// Somebody has it.
    Taken,
    /// The server's rules for names do not allow it.
    NotValid,
}

/// In what way somebody left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaveKind {
    /// On purpose, the whole server.
    Quit,
    /// The connection broke.
    Lost,
    /// On purpose, one room.
    Part,
    /// Thrown out of a room.
    Kicked {
        /// By whom.
        by: String,
    },
}

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// Something said.
    Text,
    /// Something done, by `/me`.
    Action,
    /// A notice, as bots and servers send.
    Notice,
}

/// A message in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// The conversation: a room, or the other person.
    pub target: String,
    /// Who sent it.
    pub sender: String,
    /// What kind it is.
    pub kind: MessageKind,
    /// The text, without the wrapping of an action; may contain formatting codes.
    pub text: String,
    /// When the server had it, in Unix milliseconds.
    pub time_ms: i64,
    /// The server's id for it, if it gives any.
    pub msgid: Option<String>,
    /// The sender's account, if told.
    pub account: Option<String>,
    /// Whether it is ours.
    pub own: bool,
    /// The entry of the outbox that it was.
    pub local_id: Option<LocalId>,
    /// Whether it names us, by whole word.
    pub mentions_me: bool,
}
