//! The chat itself: a deterministic state machine of people, rooms and rules.
//!
//! [`Core::apply`] takes one ordered command and says what came of it. There is no clock, no randomness and no
//! input or output here: time comes with the command, random bits were drawn before it was made. The same
//! commands give the same state on every machine, every time; [`Core::state_hash`] shows it.
//!
//! This crate speaks of people, rooms and posts. It must never know of numerics, sockets or SQL.
#![forbid(unsafe_code)]

mod apply;
mod command;
mod event;
mod id;
mod mode;
mod name;
mod record;
mod state;
mod view;

pub use apply::{Core, ROOMS_MADE_MAX, ROOMS_PER_PERSON_MAX};
pub use command::{Command, Leaving, Ordered, Post, PostKind, SignIn};
pub use event::{
    Audience, Card, DeviceSummary, Effect, Ending, Event, JoinBar, Outcome, OwnMode, PostTarget, Posted,
    Refusal, Roster, SpeakBar,
};
pub use id::{AccountId, DeviceId, NodeId, Origin, PersonId, RequestId, RoomId, Seq, SessionId, Timestamp};
pub use mode::{ModeChange, Role, Roles, RoomFlag, complete_mask, mask_matches};
pub use name::{Key, NICK_LEN_MAX, NameError, Nick, ROOM_NAME_LEN_MAX, RoomName, nick_key, room_key};
pub use record::{
    AccountRecord, BanRecord, Conversation, DeviceRecord, Durable, PostRecord, RecentToken, Record,
    RoomRecord, TOKENS_MAX, TopicRecord,
};
pub use state::{BANS_MAX, DEVICES_MAX, INVITED_MAX, MARKERS_MAX, Member, Members};
pub use view::{Counts, PersonSummary, RoomModes, RoomSummary, View, WhoEntry};
