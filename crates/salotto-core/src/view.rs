//! What one session may see. Live lines, lists and history all ask here, so that they agree.

use std::sync::Arc;

use crate::event::{Card, Roster};
use crate::id::{AccountId, PersonId, RoomId, SessionId, Timestamp};
use crate::mode::{Roles, RoomFlag, mask_matches};
use crate::name::RoomName;
use crate::record::{BanRecord, Conversation, TopicRecord};
use crate::state::{Person, Room, State};

/// The chat as one session may see it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    state: &'a State,
    viewer: Option<&'a Person>,
}

/// A room in a list of rooms.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomSummary {
    /// Its name.
    pub name: RoomName,
    /// How many are in it.
    pub members: usize,
    /// Its topic.
    pub topic: Option<Arc<str>>,
}

/// One line of a WHO answer.
#[derive(Clone, Debug, PartialEq)]
pub struct WhoEntry {
    /// The room that was asked about, or one shared with the viewer.
    pub room: Option<RoomName>,
    /// Who.
    pub card: Arc<Card>,
    /// Roles in that room.
    pub roles: Roles,
    /// Away.
    pub away: bool,
    /// Looks after the server.
    pub operator: bool,
}

/// What WHOIS tells of a person.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonSummary {
    /// Who.
    pub card: Arc<Card>,
    /// Rooms that the viewer may know of.
    pub rooms: Vec<(Roles, RoomName)>,
    /// The message, while away.
    pub away: Option<Arc<str>>,
    /// Looks after the server.
    pub operator: bool,
    /// When they came.
    pub since: Timestamp,
    /// Since when they say nothing, in milliseconds.
    pub idle_ms: u64,
    /// How many sessions they have.
    pub sessions: usize,
}

/// A room's modes.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomModes {
    /// The room's name.
    pub name: RoomName,
    /// When it was made.
    pub created: Timestamp,
    /// The switches that are on.
    pub flags: Vec<RoomFlag>,
    /// There is a key; its text for members only.
    pub key: Option<Option<Arc<str>>>,
    /// Its limit.
    pub limit: Option<u32>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// People present and not hidden.
    pub people: usize,
    /// People present and hidden.
    pub invisible: usize,
    /// Operators of the server.
    pub operators: usize,
    /// Rooms with somebody in them.
    pub rooms: usize,
    /// Sessions.
    pub sessions: usize,
}

impl<'a> View<'a> {
    pub(crate) fn new(state: &'a State, session: SessionId) -> View<'a> {
        View { state, viewer: state.person_of(session) }
    }

    /// The viewer's own card.
    pub fn own_card(&self) -> Option<&'a Arc<Card>> {
        self.viewer.map(|person| &person.card)
    }

    /// The viewer's own marks: invisible, operator, away.
    pub fn own_marks(&self) -> Option<(bool, bool, bool)> {
        self.viewer.map(|person| (person.invisible, person.operator, person.away.is_some()))
    }

    fn is_viewer(&self, person: &Person) -> bool {
        self.viewer.is_some_and(|viewer| viewer.id == person.id)
    }

    fn is_operator(&self) -> bool {
        self.viewer.is_some_and(|viewer| viewer.operator)
    }

    fn is_member(&self, room: &Room) -> bool {
        self.viewer.is_some_and(|viewer| room.members.contains(viewer.id))
    }

    /// Whether the viewer may know that a room exists.
    fn sees_room(&self, room: &Room) -> bool {
        !room.has(RoomFlag::Secret) || self.is_member(room) || self.is_operator()
    }

    /// Whether the viewer may find a person without knowing the name.
    fn sees_person(&self, person: &Person) -> bool {
        !person.invisible
            || self.is_operator()
            || self
                .viewer
                .is_some_and(|viewer| viewer.id == person.id || !viewer.rooms.is_disjoint(&person.rooms))
    }

    /// A room that the viewer may know of.
    pub(crate) fn room_seen(&self, name: &str) -> Option<&'a Room> {
        self.state.room_named(name).filter(|room| self.sees_room(room))
    }

    /// The members of a room that the viewer may see.
    pub fn roster(&self, name: &str) -> Option<Roster> {
        let room = self.room_seen(name)?;
        let inside = self.is_member(room) || self.is_operator();
        let members = if inside {
            room.members.clone()
        } else {
            let people = self.state.people_of(&room.members);
            people.filter(|(person, _)| self.sees_person(person)).map(|(_, member)| member.clone()).collect()
        };
        Some(Roster { room: room.name.clone(), secret: room.has(RoomFlag::Secret), members })
    }

    /// A room's topic; the outer `None` where there is no such room for the viewer.
    pub fn topic(&self, name: &str) -> Option<(RoomName, Option<TopicRecord>)> {
        self.room_seen(name).map(|room| (room.name.clone(), room.topic.clone()))
    }

    /// A room's modes.
    pub fn room_modes(&self, name: &str) -> Option<RoomModes> {
        let room = self.room_seen(name)?;
        Some(RoomModes {
            name: room.name.clone(),
            created: room.created,
            flags: room.flags.iter().copied().collect(),
            key: room.key.clone().map(|key| self.is_member(room).then_some(key)),
            limit: room.limit,
        })
    }

    /// A room's bans.
    pub fn bans(&self, name: &str) -> Option<(RoomName, Vec<BanRecord>)> {
        self.room_seen(name)
            .map(|room| (room.name.clone(), room.bans.iter().map(|ban| ban.record.clone()).collect()))
    }

    /// Rooms that the viewer may know of, those with more members first, at most `max`.
    pub fn rooms(&self, max: usize) -> Vec<RoomSummary> {
        let mut rooms: Vec<RoomSummary> = self
            .state
            .rooms
            .values()
            .filter(|room| {
                self.sees_room(room) && (room.established || !room.members.is_empty() || !room.ownerless())
            })
            .map(|room| RoomSummary {
                name: room.name.clone(),
                members: room.members.len(),
                topic: room.topic.as_ref().map(|topic| topic.text.clone()),
            })
            .collect();
        rooms.sort_by(|a, b| b.members.cmp(&a.members).then_with(|| a.name.key().cmp(b.name.key())));
        rooms.truncate(max);
        rooms
    }

    /// Who matches: the members of a room, one person by name, or everybody whose name matches a mask, at most `max`.
    pub fn who(&self, mask: &str, max: usize) -> Vec<WhoEntry> {
        if mask.starts_with('#') {
            let Some(room) = self.room_seen(mask) else { return Vec::new() };
            let inside = self.is_member(room) || self.is_operator();
            return self
                .state
                .people_of(&room.members)
                .filter(|(person, _)| inside || self.sees_person(person))
                .map(|(person, member)| who_entry(person, Some(room.name.clone()), member.roles))
                .collect();
        }
        if let Some(entry) = self.present(mask) {
            return vec![entry];
        }
        self.state
            .people
            .values()
            .filter(|person| self.sees_person(person))
            .filter(|person| {
                mask_matches(mask, person.card.nick.as_str())
                    || mask_matches(mask, &person.card.user)
                    || mask_matches(mask, &person.card.host)
                    || mask_matches(mask, &person.card.realname)
            })
            .take(max)
            .map(|person| self.who_outside(person))
            .collect()
    }

    /// A present person, without their rooms.
    pub fn present(&self, nick: &str) -> Option<WhoEntry> {
        self.state.person_named(nick).map(|person| self.who_outside(person))
    }

    fn who_outside(&self, person: &Person) -> WhoEntry {
        let shared = person.rooms.iter().filter_map(|id| self.state.rooms.get(id)).find(|room| {
            self.is_member(room)
                || (self.is_viewer(person))
                || (!person.invisible && !room.has(RoomFlag::Secret))
        });
        let roles = shared.and_then(|room| room.members.roles(person.id)).unwrap_or_default();
        who_entry(person, shared.map(|room| room.name.clone()), roles)
    }

    /// What WHOIS tells.
    pub fn person(&self, nick: &str) -> Option<PersonSummary> {
        let person = self.state.person_named(nick)?;
        let rooms = person
            .rooms
            .iter()
            .filter_map(|id| self.state.rooms.get(id))
            .filter(|room| {
                self.is_member(room)
                    || self.is_viewer(person)
                    || self.is_operator()
                    || (!room.has(RoomFlag::Secret) && !person.invisible)
            })
            .map(|room| (room.members.roles(person.id).unwrap_or_default(), room.name.clone()))
            .collect();
        Some(PersonSummary {
            card: person.card.clone(),
            rooms,
            away: person.away.clone(),
            operator: person.operator,
            since: person.since,
            idle_ms: self.state.at.0.saturating_sub(person.active.0),
            sessions: person.sessions.len(),
        })
    }

    /// How many people and sessions there are, and rooms that the viewer may know of.
    pub fn counts(&self) -> Counts {
        let invisible = self.state.people.values().filter(|person| person.invisible).count();
        Counts {
            people: self.state.people.len() - invisible,
            invisible,
            operators: self.state.people.values().filter(|person| person.operator).count(),
            rooms: self
                .state
                .rooms
                .values()
                .filter(|room| !room.members.is_empty() && self.sees_room(room))
                .count(),
            sessions: self.state.sessions.len(),
        }
    }

    /// The conversation that a session may read the history of under this name, now.
    ///
    /// A room's history is for its members; a direct conversation's for the two accounts.
    pub fn readable(&self, target: &str) -> Option<Conversation> {
        let viewer = self.viewer?;
        if target.starts_with('#') {
            let room = self.state.room_named(target)?;
            return room.members.contains(viewer.id).then_some(Conversation::Room(room.id));
        }
        let own = viewer.account?;
        let other = match self.state.person_named(target) {
            Some(person) => person.account?,
            None => *self.state.accounts_by_name.get(&crate::name::nick_key(target)?)?,
        };
        Some(Conversation::direct(own, other))
    }

    /// The rooms whose history the viewer may read, and the viewer's account.
    pub fn readable_all(&self) -> (Vec<(RoomId, RoomName)>, Option<AccountId>) {
        let Some(viewer) = self.viewer else { return (Vec::new(), None) };
        let rooms = viewer.rooms.iter().filter_map(|id| self.state.rooms.get(id));
        (rooms.map(|room| (room.id, room.name.clone())).collect(), viewer.account)
    }

    /// How far the viewer's account has read under this name.
    pub fn read_marker(&self, target: &str) -> Option<Timestamp> {
        let viewer = self.viewer?;
        let account = viewer.account.and_then(|account| self.state.accounts.get(&account));
        let markers = account.map_or(&viewer.markers, |account| &account.markers);
        markers.get(&View::marker_key(target)).copied()
    }

    /// The key that read markers are kept under.
    pub(crate) fn marker_key(target: &str) -> Arc<str> {
        if target.starts_with('#') {
            return crate::name::room_key(target).as_str().into();
        }
        crate::name::nick_key(target).map_or_else(|| target.into(), |key| key.as_str().into())
    }

    /// The person the viewer is.
    pub fn person_id(&self) -> Option<PersonId> {
        self.viewer.map(|person| person.id)
    }
}

fn who_entry(person: &Person, room: Option<RoomName>, roles: Roles) -> WhoEntry {
    WhoEntry {
        room,
        card: person.card.clone(),
        roles,
        away: person.away.is_some(),
        operator: person.operator,
    }
}
