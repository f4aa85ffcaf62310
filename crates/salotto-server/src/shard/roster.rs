//! Who of a shard's own connections is in which room. Follows the events; knows nothing else of the chat.

use rustc_hash::FxHashMap;
use salotto_core::{Event, PersonId, RoomId, SessionId};

/// A connection's place in the shard.
pub(crate) type Slot = usize;

/// A person with connections on this shard.
#[derive(Debug, Default)]
struct Local {
    slots: Vec<Slot>,
    rooms: Vec<RoomId>,
}

/// Who of a shard's own connections is in which room. The keys are numbers that the server gave itself, so a fast
/// hash is safe.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    sessions: FxHashMap<SessionId, Slot>,
    people: FxHashMap<PersonId, Local>,
    rooms: FxHashMap<RoomId, Vec<Slot>>,
}

impl Roster {
    /// A connection has opened.
    pub fn open(&mut self, session: SessionId, slot: Slot) {
        self.sessions.insert(session, slot);
    }

    /// A connection is forgotten. Its person was taken out by [`Roster::after`] before.
    pub fn forget(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// The connection of a session, if it is on this shard.
    pub fn slot(&self, session: SessionId) -> Option<Slot> {
        self.sessions.get(&session).copied()
    }

    /// The connections of a person on this shard.
    pub fn of_person(&self, person: PersonId) -> &[Slot] {
        self.people.get(&person).map_or(&[], |local| &local.slots)
    }

    /// The connections of a room's members on this shard.
    pub fn of_room(&self, room: RoomId) -> &[Slot] {
        self.rooms.get(&room).map_or(&[], Vec::as_slice)
    }

    /// What must be so before an event is delivered: whoever comes in hears of it.
    pub fn before(&mut self, event: &Event) {
        match event {
            Event::SignedIn { session, person, .. } => {
                if let Some(&slot) = self.sessions.get(session) {
                    self.people.entry(*person).or_default().slots.push(slot);
                }
            }
            Event::Joined { room, person, .. } => {
                if let Some(local) = self.people.get_mut(person) {
                    local.rooms.push(*room);
                    self.rooms.entry(*room).or_default().extend_from_slice(&local.slots);
                }
            }
            Event::Attached { room, session, person, .. } => {
                let Some(&slot) = self.sessions.get(session) else { return };
                self.rooms.entry(*room).or_default().push(slot);
                let local = self.people.entry(*person).or_default();
                if !local.rooms.contains(room) {
                    local.rooms.push(*room);
                }
            }
            _ => {}
        }
    }

    /// What is so after an event was delivered: whoever leaves has heard of it.
    pub fn after(&mut self, event: &Event) {
        match event {
            Event::Parted { room, person, .. } | Event::Kicked { room, person, .. } => {
                if let Some(local) = self.people.get_mut(person) {
                    local.rooms.retain(|known| known != room);
                    let slots = local.slots.clone();
                    self.leave(*room, &slots);
                }
            }
            Event::Ended { session, person, .. } => {
                let Some(&slot) = self.sessions.get(session) else { return };
                let Some(local) = self.people.get_mut(person) else { return };
                local.slots.retain(|&known| known != slot);
                let rooms = local.rooms.clone();
                if local.slots.is_empty() {
                    self.people.remove(person);
                }
                for room in rooms {
                    self.leave(room, &[slot]);
                }
            }
            _ => {}
        }
    }

    fn leave(&mut self, room: RoomId, slots: &[Slot]) {
        let Some(members) = self.rooms.get_mut(&room) else { return };
        for slot in slots {
            if let Some(at) = members.iter().position(|known| known == slot) {
                members.swap_remove(at);
            }
        }
        if members.is_empty() {
            self.rooms.remove(&room);
        }
    }
}
