//! What people saw, as plain data, and whether it may have been so.
//!
//! A fault test of any kind, simulated or with a real server, writes down what each reader sent, heard and was
//! shown, what the store has in the end, and who had which name. [`History::check`] says which promises of the
//! chat were broken. It knows nothing of the core, of sockets or of the simulator.

mod check;
#[cfg(test)]
mod tests;

use std::fmt;

/// A client that reads and writes: one device of one person, through all its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reader(pub u32);

/// A room, by a number that the test gives it; rooms of one name are one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Room(pub u32);

/// What makes one act of sending unlike every other: the token, or a text that is used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(pub u64);

/// A message id as a number; a later message has the greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MsgId(pub u64);

/// Everything that was written down. Each list is in the order in which it happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// What readers did and what happened to them.
    pub observations: Vec<Observation>,
    /// Who had which name, as the server decided it.
    pub names: Vec<NameChange>,
    /// What the store has after the last fault. Posts that are in no checked room are left out.
    pub kept: Vec<Kept>,
    /// What was on each reader's screen in the end.
    pub screens: Vec<Screen>,
    /// How far accounts have read in the end, in the store and at each of their devices.
    pub markers: Vec<Marker>,
}

/// One thing that a reader did or that happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Who.
    pub by: Reader,
    /// What.
    pub what: What,
}

/// What a reader did or what happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A new connection: a member of nothing yet, with nothing asked.
    Connects,
    /// Is told that it is in a room.
    Enters(Room),
    /// Is told that it is in a room no longer, since this moment (in Unix milliseconds).
    Leaves(Room, u64),
    /// Wants to say something in a room.
    Sends(Room, Mark),
    /// Is told that what it said is kept.
    Receipt(Mark),
    /// A line of a room comes on the connection just now.
    Hears {
        /// Where.
        room: Room,
        /// Which message.
        msgid: MsgId,
        /// What its sender marked it with.
        mark: Mark,
        /// When it was said, in Unix milliseconds.
        said_ms: u64,
        /// It is the reader's own.
        own: bool,
        /// It answers a message that was sent again after a lost connection, so it may be older than what was
        /// heard before.
        again: bool,
    },
    /// The application shows a message that it did not show before.
    Shows(Room, MsgId, Mark),
    /// A line without an id comes on the connection, of somebody who is shown everything that is said in the room.
    Reads(Room, Mark),
    /// All is quiet, and everything that was said in the room before must have been read on this connection.
    HasReadAll(Room),
    /// Is told up to where, in Unix milliseconds, its account has read.
    ReadUpTo(Room, u64),
    /// Asks for history up to the newest message.
    Asks(Room),
    /// The answer to the oldest open [`What::Asks`] about this room: the newest message that it has, if any.
    Answered(Room, Option<MsgId>),
    /// The answer to the oldest open [`What::Asks`] does not go up to the newest, and says so.
    AnsweredInPart(Room),
}

/// A change of who has which name. Names are given by the number of the form under which they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameChange {
    /// Somebody has a name from now on.
    Takes {
        /// Who.
        person: u64,
        /// The name.
        name: u64,
    },
    /// Somebody has the name no longer.
    Frees {
        /// Who.
        person: u64,
        /// The name.
        name: u64,
    },
    /// A name was refused because somebody has it.
    Refused {
        /// The name.
        name: u64,
    },
    /// The server started: nobody is present.
    Restart,
}

/// A post in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where.
    pub room: Room,
    /// Which.
    pub msgid: MsgId,
    /// What its sender marked it with.
    pub mark: Option<Mark>,
}

/// What a reader has of a room: messages from the oldest to the newest, `None` where it shows that some are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Whose.
    pub reader: Reader,
    /// Of which room.
    pub room: Room,
    /// The messages.
    pub rows: Vec<Option<MsgId>>,
}

/// How far an account has read in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The account, by a number that the test gives it.
    pub account: u32,
    /// The device that shows this; `None` for the store.
    pub reader: Option<Reader>,
    /// Of which room.
    pub room: Room,
    /// In Unix milliseconds.
    pub until_ms: u64,
}

/// A broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A reader heard a message after a later one: two readers cannot have the same order.
    OutOfOrder {
        /// Who.
        reader: Reader,
        /// Where.
        room: Room,
        /// What was heard before.
        before: MsgId,
        /// What was heard after it.
        after: MsgId,
    },
    /// A receipt was given for something that is not kept.
    ReceiptLost(Reader, Mark),
    /// The same message, or a second copy of something sent once, was heard or shown twice.
    SeenTwice(Reader, Room, MsgId),
    /// Something sent once is kept twice.
    KeptTwice(Room, Mark),
    /// Something was seen that is not kept.
    SeenButNotKept(Reader, Room, MsgId),
    /// Something is kept or seen under one mark in a place where it was not sent.
    InWrongRoom(Room, Mark),
    /// A room's line reached somebody who is not in it.
    SeenFromOutside(Reader, Room, MsgId),
    /// History asked for after something was seen did not have it.
    StaleRead(Reader, Room, MsgId),
    /// A message is missing on a screen between two that are shown, and the screen does not say so.
    MissedSilently(Reader, Room, MsgId),
    /// A message was not shown on a connection to somebody who was shown one before and one after it.
    Skipped(Reader, Room, MsgId),
    /// Something was read that is not kept.
    ReadButNotKept(Reader, Room, Mark),
    /// An account that had read up to here is told of an earlier place.
    MarkerWentBack(Reader, Room, u64),
    /// A device does not show what the store has of how far its account has read.
    MarkersDiffer(Reader, Room),
    /// A screen shows an older message after a newer one.
    ScreenOutOfOrder(Reader, Room, MsgId),
    /// Two people had one name.
    NameTwice {
        /// The name.
        name: u64,
        /// Who had it.
        first: u64,
        /// Who got it too.
        second: u64,
    },
    /// A name was refused that nobody had.
    NameNotFree(u64),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::OutOfOrder { reader, room, before, after } => write!(
                f,
                "reader {} heard message {} of room {} after message {}",
                reader.0, after.0, room.0, before.0
            ),
            Violation::ReceiptLost(reader, mark) => {
                write!(f, "reader {} has a receipt for mark {:x}, which is not kept", reader.0, mark.0)
            }
            Violation::SeenTwice(reader, room, msgid) => {
                write!(f, "reader {} saw message {} of room {} twice", reader.0, msgid.0, room.0)
            }
            Violation::KeptTwice(room, mark) => {
                write!(f, "what was sent once with mark {:x} is kept twice, in room {}", mark.0, room.0)
            }
            Violation::SeenButNotKept(reader, room, msgid) => {
                write!(f, "reader {} saw message {} of room {}, which is not kept", reader.0, msgid.0, room.0)
            }
            Violation::InWrongRoom(room, mark) => {
                write!(f, "mark {:x} turns up in room {}, where it was not sent", mark.0, room.0)
            }
            Violation::SeenFromOutside(reader, room, msgid) => write!(
                f,
                "reader {} heard message {} of room {} without being in it",
                reader.0, msgid.0, room.0
            ),
            Violation::StaleRead(reader, room, msgid) => write!(
                f,
                "reader {} saw message {} of room {}, asked for the newest, and did not get it",
                reader.0, msgid.0, room.0
            ),
            Violation::MissedSilently(reader, room, msgid) => write!(
                f,
                "reader {} has a hole where message {} of room {} belongs, and shows none",
                reader.0, msgid.0, room.0
            ),
            Violation::ScreenOutOfOrder(reader, room, msgid) => {
                write!(f, "reader {} shows message {} of room {} too late", reader.0, msgid.0, room.0)
            }
            Violation::Skipped(reader, room, msgid) => {
                write!(f, "reader {} was not shown message {} of room {}", reader.0, msgid.0, room.0)
            }
            Violation::ReadButNotKept(reader, room, mark) => {
                write!(f, "reader {} read mark {:x} in room {}, which is not kept", reader.0, mark.0, room.0)
            }
            Violation::MarkerWentBack(reader, room, ms) => {
                write!(f, "reader {} is told that it has read room {} only up to {ms}", reader.0, room.0)
            }
            Violation::MarkersDiffer(reader, room) => {
                write!(f, "reader {} does not know how far its account has read room {}", reader.0, room.0)
            }
            Violation::NameTwice { name, first, second } => {
                write!(f, "name {name:x} belongs to person {first} and to person {second}")
            }
            Violation::NameNotFree(name) => write!(f, "name {name:x} was refused, and nobody has it"),
        }
    }
}

impl History {
    /// Writes down what a reader did or what happened to it.
    pub fn note(&mut self, by: Reader, what: What) {
        self.observations.push(Observation { by, what });
    }
}
