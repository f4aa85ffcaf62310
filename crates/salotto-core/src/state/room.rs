//! Rooms, their members and their rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::members::Members;
use crate::event::Card;
use crate::id::{AccountId, PersonId, RoomId, Timestamp};
use crate::mode::{Roles, RoomFlag, mask_matches};
use crate::name::{RoomName, skeleton_of_mask};
use crate::record::{BanRecord, RoomRecord, TopicRecord};

/// How many bans a room may have.
pub const BANS_MAX: usize = 100;

/// How many invitations of a room may be open; the one of whoever came to the server first makes way.
pub const INVITED_MAX: usize = 1_000;

/// A ban, and the form under which look-alikes of the name in it are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ban {
    /// The ban as it is kept.
    pub record: BanRecord,
    /// The mask with the skeleton of its name; none where it is about no name.
    look: Option<String>,
}

impl Ban {
    /// A ban, made or read back.
    pub fn new(record: BanRecord) -> Ban {
        let (name, rest) = record.mask.split_once('!').unwrap_or((&*record.mask, "*@*"));
        let about_a_name = name.contains(|c| !matches!(c, '*' | '?'));
        let look = about_a_name.then(|| format!("{}!{rest}", skeleton_of_mask(name)));
        Ban { record, look }
    }

    /// Whether somebody is meant: by the name they have, or by one that looks the same.
    pub fn bars(&self, card: &Card) -> bool {
        self.matches(&card.mask(), &card.look())
    }

    fn matches(&self, mask: &str, look: &str) -> bool {
        mask_matches(&self.record.mask, mask)
            || self.look.as_ref().is_some_and(|banned| mask_matches(banned, look))
    }
}

/// Who made a room, as far as the number of rooms that one may make goes: an account, or the guests of one address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Maker {
    /// By account.
    Account(AccountId),
    /// By the hash of the address.
    Guests(Arc<str>),
}

/// A room. It outlives its members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Room {
    /// Which room.
    pub id: RoomId,
    /// Its name.
    pub name: RoomName,
    /// When it was made.
    pub created: Timestamp,
    /// Its topic.
    pub topic: Option<TopicRecord>,
    /// The switches that are on.
    pub flags: BTreeSet<RoomFlag>,
    /// Its key.
    pub key: Option<Arc<str>>,
    /// Its limit.
    pub limit: Option<u32>,
    /// Who may not enter or speak, in the order they were set.
    pub bans: Vec<Ban>,
    /// Who is in it; each has it among their rooms.
    pub members: Members,
    /// Roles that accounts keep while they are out.
    pub roles: BTreeMap<AccountId, Roles>,
    /// Who was asked in and has not come yet.
    pub invited: BTreeSet<PersonId>,
    /// Belongs to the server.
    pub established: bool,
    /// Who made it, where that was since the server started.
    pub maker: Option<Maker>,
}

impl Room {
    /// A fresh room with the modes that most people expect: no outside lines, topic for operators.
    pub fn new(id: RoomId, name: RoomName, created: Timestamp) -> Room {
        Room {
            id,
            name,
            created,
            topic: None,
            flags: Room::default_flags(),
            key: None,
            limit: None,
            bans: Vec::new(),
            members: Members::default(),
            roles: BTreeMap::new(),
            invited: BTreeSet::new(),
            established: false,
            maker: None,
        }
    }

    fn default_flags() -> BTreeSet<RoomFlag> {
        BTreeSet::from([RoomFlag::NoExternal, RoomFlag::TopicLocked])
    }

    /// Whether a switch is on.
    pub fn has(&self, flag: RoomFlag) -> bool {
        self.flags.contains(&flag)
    }

    /// Whether a ban matches somebody.
    pub fn bans(&self, card: &Card) -> bool {
        if self.bans.is_empty() {
            return false;
        }
        let (mask, look) = (card.mask(), card.look());
        self.bans.iter().any(|ban| ban.matches(&mask, &look))
    }

    /// Whether nobody looks after the room while it is empty: who comes next may.
    pub fn ownerless(&self) -> bool {
        !self.established && !self.roles.values().any(|roles| roles.operator)
    }

    /// Whether what was said in it was meant for some only.
    pub fn restricted(&self) -> bool {
        self.has(RoomFlag::InviteOnly) || self.has(RoomFlag::Secret) || self.key.is_some()
    }

    /// Takes back the rules that somebody made who is gone.
    pub fn reset(&mut self) {
        self.flags = Room::default_flags();
        self.key = None;
        self.limit = None;
        self.bans.clear();
        self.roles.clear();
        self.invited.clear();
    }

    /// The room as it is kept.
    pub fn to_record(&self) -> RoomRecord {
        RoomRecord {
            id: self.id,
            name: self.name.clone(),
            created: self.created,
            topic: self.topic.clone(),
            flags: self.flags.iter().copied().collect(),
            key: self.key.clone(),
            limit: self.limit,
            bans: self.bans.iter().map(|ban| ban.record.clone()).collect(),
            roles: self.roles.iter().map(|(&account, &roles)| (account, roles)).collect(),
            established: self.established,
        }
    }

    /// The room as it was kept, without members.
    pub fn from_record(record: RoomRecord) -> Room {
        Room {
            topic: record.topic,
            flags: record.flags.into_iter().collect(),
            key: record.key,
            limit: record.limit,
            bans: record.bans.into_iter().map(Ban::new).collect(),
            roles: record.roles.into_iter().collect(),
            established: record.established,
            ..Room::new(record.id, record.name, record.created)
        }
    }
}
