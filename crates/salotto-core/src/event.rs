//! What comes of a command: what happened and who is told, what is refused, what must last.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::{Leaving, PostKind};
use crate::id::{AccountId, DeviceId, PersonId, RoomId, Seq, SessionId, Timestamp};
use crate::mode::{ModeChange, Roles};
use crate::name::{Nick, RoomName};
use crate::record::{Record, TopicRecord};
use crate::state::Members;

/// All that one command brings about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What happened, in order.
    pub effects: Vec<Effect>,
    /// What the store writes before anybody sees an effect.
    pub records: Vec<Record>,
}

impl Outcome {
    /// Makes room for the next command's outcome.
    pub fn clear(&mut self) {
        self.effects.clear();
        self.records.clear();
    }
}

/// Something that happened, and who is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Who is told.
    pub audience: Audience,
    /// What happened.
    pub event: Event,
}

/// Who is told of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// One session.
    Session(SessionId),
    /// All sessions of one person.
    Person(PersonId),
    /// All sessions of all members of a room.
    Room(RoomId),
    /// Everybody who shares one of these rooms with the person, once, and the person too.
    Neighbours {
        /// The person's rooms.
        rooms: Arc<[RoomId]>,
        /// The person.
        person: PersonId,
    },
}

/// What others see of a person. Shared by all events about the person until something on it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The name.
    pub nick: Nick,
    /// The user name (`ident`).
    pub user: Arc<str>,
    /// A keyed hash of the address.
    pub host: Arc<str>,
    /// The real-name field.
    pub realname: Arc<str>,
    /// The name of the account, when signed in to one.
    pub account: Option<Nick>,
    /// Marked as a bot.
    pub bot: bool,
}

impl Card {
    /// `nick!user@host`.
    pub fn mask(&self) -> String {
        format!("{}!{}@{}", self.nick, self.user, self.host)
    }

    /// The mask with the skeleton of the name instead of the name, for finding look-alikes.
    pub(crate) fn look(&self) -> String {
        format!("{}!{}@{}", self.nick.skeleton().as_str(), self.user, self.host)
    }
}

/// Something that was said, on its way to readers.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    /// Its place in the order; written short, its message id.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// Who said it.
    pub from: PersonId,
    /// The author as others saw them.
    pub card: Arc<Card>,
    /// What kind of line.
    pub kind: PostKind,
    /// To whom.
    pub target: PostTarget,
    /// The text.
    pub text: Arc<str>,
    /// Client-only tags as on the wire, without `@`.
    pub tags: Arc<str>,
}

/// To whom something was said.
#[derive(Clone, Debug, PartialEq)]
pub enum PostTarget {
    /// To a room.
    Room(RoomId, RoomName),
    /// To a person, by the name they had.
    Person(PersonId, Nick),
}

/// Members of a room as one viewer may see them.
#[derive(Clone, Debug, PartialEq)]
pub struct Roster {
    /// The room's name.
    pub room: RoomName,
    /// Nobody outside learns that the room exists.
    pub secret: bool,
    /// The members with their roles.
    pub members: Members,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A session is signed in.
    SignedIn {
        /// The session.
        session: SessionId,
        /// Whom it speaks for.
        person: PersonId,
        /// How others see them.
        card: Arc<Card>,
        /// Took over an earlier session by its token.
        resumed: bool,
    },
    /// A session is over; its connection closes after this line.
    Ended {
        /// The session.
        session: SessionId,
        /// Whom it spoke for.
        person: PersonId,
        /// Why.
        why: Ending,
    },
    /// Somebody entered a room.
    Joined {
        /// The room.
        room: RoomId,
        /// Its name.
        name: RoomName,
        /// Who.
        person: PersonId,
        /// How others see them.
        card: Arc<Card>,
        /// Roles that their account had kept; the first in an empty room has more, and finds it in the list of names.
        roles: Roles,
        /// What those who track it learn besides: away, with this message.
        away: Option<Arc<str>>,
    },
    /// A further session of somebody who is in the room already.
    Attached {
        /// The room.
        room: RoomId,
        /// Its name.
        name: RoomName,
        /// The session that is shown the room.
        session: SessionId,
        /// Whom it speaks for.
        person: PersonId,
        /// How others see the person.
        card: Arc<Card>,
    },
    /// The topic of a room that a session was just shown.
    Topic {
        /// The room's name.
        name: RoomName,
        /// Its topic, if any.
        topic: Option<TopicRecord>,
        /// Said even where there is none.
        asked: bool,
    },
    /// The members of a room.
    Names(Roster),
    /// Somebody left a room, staying on the server.
    Parted {
        /// The room.
        room: RoomId,
        /// Its name.
        name: RoomName,
        /// Who.
        person: PersonId,
        /// How others saw them.
        card: Arc<Card>,
        /// Their word.
        reason: Option<Arc<str>>,
    },
    /// Somebody was put out of a room.
    Kicked {
        /// The room.
        room: RoomId,
        /// Its name.
        name: RoomName,
        /// Who.
        person: PersonId,
        /// How others saw them.
        card: Arc<Card>,
        /// By whom.
        by: Arc<Card>,
        /// Their word.
        reason: Option<Arc<str>>,
    },
    /// Somebody left the server with their last session.
    Quit {
        /// Who.
        person: PersonId,
        /// How others saw them.
        card: Arc<Card>,
        /// Why.
        why: Leaving,
    },
    /// Somebody has another name.
    Renamed {
        /// Who.
        person: PersonId,
        /// How others saw them before.
        before: Arc<Card>,
        /// How others see them now.
        card: Arc<Card>,
    },
    /// Somebody's real-name field says something else.
    RealnameChanged {
        /// Who.
        person: PersonId,
        /// How others see them now.
        card: Arc<Card>,
    },
    /// Somebody is away, or back.
    AwayChanged {
        /// Who.
        person: PersonId,
        /// How others see them.
        card: Arc<Card>,
        /// The message, while away.
        message: Option<Arc<str>>,
    },
    /// Somebody is signed in to an account now.
    AccountChanged {
        /// Who.
        person: PersonId,
        /// How others see them now.
        card: Arc<Card>,
    },
    /// A mark of one's own was set: bot, invisible, operator.
    OwnModeChanged {
        /// Which.
        mode: OwnMode,
        /// On or off.
        on: bool,
    },
    /// Something was said.
    Posted(Arc<Posted>),
    /// Something was said twice with one token: here is the first.
    Repeated(Arc<Posted>),
    /// A room's topic changed.
    TopicChanged {
        /// The room's name.
        name: RoomName,
        /// By whom; the server where nobody.
        by: Option<Arc<Card>>,
        /// The new topic; empty when taken away.
        topic: Arc<str>,
    },
    /// A room's modes changed.
    ModesChanged {
        /// The room's name.
        name: RoomName,
        /// By whom; the server where nobody.
        by: Option<Arc<Card>>,
        /// The changes that took effect.
        changes: Vec<ModeChange>,
    },
    /// Somebody asks you into a room, or (for those who track it) asked somebody else.
    Invited {
        /// The room's name.
        name: RoomName,
        /// Who is asked.
        card: Arc<Card>,
        /// Who asks.
        by: Arc<Card>,
    },
    /// The invitation went out.
    InviteSent {
        /// The room's name.
        name: RoomName,
        /// Who is asked.
        nick: Nick,
    },
    /// Whom you wrote to is away.
    RecipientAway {
        /// Who.
        nick: Nick,
        /// Their message.
        message: Arc<str>,
    },
    /// An account was made; the session is signed in to it.
    Registered {
        /// Which account.
        id: AccountId,
        /// The account's name.
        account: Nick,
    },
    /// The session is signed in to an account.
    LoggedIn {
        /// The account's name.
        account: Nick,
        /// How others see the person now; none while still registering.
        card: Option<Arc<Card>>,
    },
    /// The token that the connection has shown is known.
    Recognised {
        /// The account whose device's or session's it is; none for a guest's session.
        account: Option<Nick>,
        /// It is a device's.
        device: bool,
    },
    /// The session's device signs in by its token from now on.
    DeviceAdded {
        /// Which device.
        id: DeviceId,
    },
    /// The devices of the session's account, by id.
    Devices(Vec<DeviceSummary>),
    /// Devices are revoked.
    DevicesRevoked {
        /// Which.
        ids: Vec<DeviceId>,
        /// All but the one that asks were meant.
        others: bool,
    },
    /// The account has another password.
    PasswordChanged {
        /// The account's name.
        account: Nick,
    },
    /// The mark up to which a conversation was read.
    ReadMarker {
        /// The room or person.
        target: Arc<str>,
        /// Read up to here, if known.
        at: Option<Timestamp>,
    },
    /// Everything asked before has had its effect.
    Pong {
        /// What the session sent.
        token: Arc<str>,
    },
    /// It cannot be done.
    Refused(Refusal),
}

/// A device in a list of devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSummary {
    /// Which device.
    pub id: DeviceId,
    /// When it first signed in.
    pub made: Timestamp,
    /// The beginning of the day, UTC, on which it last did.
    pub used: Timestamp,
    /// What its client calls it.
    pub about: Arc<str>,
    /// The session that asks is this device's.
    pub own: bool,
}

/// Marks of a person on themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnMode {
    /// Marked as a bot.
    Bot,
    /// Hidden from those who share no room.
    Invisible,
    /// Server operator.
    Operator,
}

/// Why a session ended, as it is told itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The connection closed or broke; there may be nobody to tell.
    Left(Leaving),
    /// A newer connection took it over.
    Replaced,
    /// It was signed out of its account from another device.
    Revoked,
}

/// Why something cannot be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The session is not signed in.
    NotSignedIn,
    /// The session is signed in already.
    AlreadySignedIn,
    /// Somebody has the name.
    NickInUse(Nick),
    /// The name belongs to an account that the session is not signed in to.
    NickReserved(Nick),
    /// Somebody has a name that looks the same.
    NickLooksLike(Nick, Nick),
    /// Nobody has that name.
    NoSuchNick(Arc<str>),
    /// No such room, or none that the session may know of.
    NoSuchRoom(Arc<str>),
    /// The session's person is not in the room.
    NotInRoom(RoomName),
    /// That person is not in the room.
    TargetNotInRoom(Arc<str>, RoomName),
    /// That person is in the room already.
    TargetInRoom(Nick, RoomName),
    /// May not speak there.
    CannotSpeak(RoomName, SpeakBar),
    /// May not enter.
    CannotJoin(RoomName, JoinBar),
    /// Only an operator of the room may.
    NotRoomOperator(RoomName),
    /// Only an operator of the server may.
    NotOperator,
    /// The list of bans is full.
    BanListFull(RoomName, Arc<str>),
    /// There is an account of that name, or one that looks the same.
    AccountExists(Nick),
    /// Somebody else is using that name.
    AccountNameInUse(Nick),
    /// The session is signed in to an account already.
    AlreadyLoggedIn(Nick),
    /// The session must be signed in to an account.
    NoAccount,
    /// No session was given that token, or it is gone; nor is it a device's.
    UnknownResumeToken,
    /// The session's account has no such device.
    NoSuchDevice(DeviceId),
}

/// Why somebody may not speak in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeakBar {
    /// Only members may.
    NotMember,
    /// Only members with a role may.
    Moderated,
    /// A ban says so.
    Banned,
}

/// Why somebody may not enter a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinBar {
    /// Only who was invited may.
    InviteOnly,
    /// The key is missing or wrong.
    BadKey,
    /// As many as may are in it.
    Full,
    /// A ban says so.
    Banned,
    /// The person is in as many rooms as one may be.
    TooManyRooms,
    /// The person has made as many rooms that nobody else is in as one may.
    TooManyMade,
    /// The server has as many rooms as it may have.
    ServerFull,
}
