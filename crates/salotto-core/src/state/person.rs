//! People who are present, and their sessions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::set::Set;
use crate::event::Card;
use crate::id::{AccountId, DeviceId, NodeId, PersonId, RoomId, SessionId, Timestamp};

/// Somebody present under one name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub id: PersonId,
    /// What others see; replaced whole, here and in rooms, when something on it changes.
    pub card: Arc<Card>,
    /// The account, when signed in to one.
    pub account: Option<AccountId>,
    /// Never empty.
    pub sessions: Set<SessionId>,
    /// The rooms they are in; each has them as a member.
    pub rooms: Set<RoomId>,
    /// The message, while away.
    pub away: Option<Arc<str>>,
    /// Hidden from those who share no room.
    pub invisible: bool,
    /// Looks after the server.
    pub operator: bool,
    /// When they came.
    pub since: Timestamp,
    /// When they last said something.
    pub active: Timestamp,
    /// How far conversations were read, while there is no account to keep it.
    pub markers: BTreeMap<Arc<str>, Timestamp>,
    /// BLAKE3 of what makes a guest the same guest under another name, see [`crate::SignIn::stem`].
    pub stem: Option<Box<[u8; 32]>>,
}

/// A connection that is signed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Whom it speaks for.
    pub person: PersonId,
    /// The node that holds it.
    pub node: NodeId,
    /// BLAKE3 of the token that takes it over.
    pub resumable: Option<Box<[u8; 32]>>,
    /// The account's device that it is.
    pub device: Option<DeviceId>,
}
