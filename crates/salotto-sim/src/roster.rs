//! Which sessions an event is told, worked out from the events alone, as a server's shard does it.

use std::collections::{BTreeMap, BTreeSet};

use salotto_core::{Audience, Effect, Event, PersonId, RoomId, SessionId};

/// Who speaks for whom, and who is in which room.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    sessions: BTreeMap<SessionId, PersonId>,
    people: BTreeMap<PersonId, BTreeSet<SessionId>>,
    members: BTreeMap<RoomId, BTreeSet<PersonId>>,
    rooms: BTreeMap<PersonId, BTreeSet<RoomId>>,
}

impl Roster {
    /// The sessions that an effect is told, each once, into `told`; and what it changes about who is where.
    pub fn deliver(&mut self, effect: &Effect, told: &mut Vec<SessionId>) {
        self.before(&effect.event);
        told.clear();
        match &effect.audience {
            Audience::Session(session) => told.push(*session),
            Audience::Person(person) => told.extend(self.of_person(*person)),
            Audience::Room(room) => self.of_room(*room, told),
            Audience::Neighbours { rooms, person } => {
                told.extend(self.of_person(*person));
                for room in rooms.iter() {
                    self.of_room(*room, told);
                }
                told.sort_unstable();
                told.dedup();
            }
        }
        self.after(&effect.event);
    }

    /// Whom a session speaks for.
    pub fn person(&self, session: SessionId) -> Option<PersonId> {
        self.sessions.get(&session).copied()
    }

    /// Everybody who is signed in.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.sessions.keys().copied()
    }

    fn of_person(&self, person: PersonId) -> impl Iterator<Item = SessionId> {
        self.people.get(&person).into_iter().flatten().copied()
    }

    fn of_room(&self, room: RoomId, told: &mut Vec<SessionId>) {
        for &member in self.members.get(&room).into_iter().flatten() {
            told.extend(self.of_person(member));
        }
    }

    /// Whoever comes in hears of it.
    fn before(&mut self, event: &Event) {
        match event {
            Event::SignedIn { session, person, .. } => {
                self.sessions.insert(*session, *person);
                self.people.entry(*person).or_default().insert(*session);
            }
            Event::Joined { room, person, .. } | Event::Attached { room, person, .. } => {
                self.members.entry(*room).or_default().insert(*person);
                self.rooms.entry(*person).or_default().insert(*room);
            }
            _ => {}
        }
    }

    /// Whoever leaves has heard of it.
    fn after(&mut self, event: &Event) {
        match event {
            Event::Parted { room, person, .. } | Event::Kicked { room, person, .. } => {
                self.leave(*person, *room);
                if let Some(rooms) = self.rooms.get_mut(person) {
                    rooms.remove(room);
                }
            }
            Event::Ended { session, person, .. } => {
                self.sessions.remove(session);
                if let Some(sessions) = self.people.get_mut(person) {
                    sessions.remove(session);
                }
            }
            Event::Quit { person, .. } => {
                self.people.remove(person);
                for room in self.rooms.remove(person).unwrap_or_default() {
                    self.leave(*person, room);
                }
            }
            _ => {}
        }
    }

    fn leave(&mut self, person: PersonId, room: RoomId) {
        if let Some(members) = self.members.get_mut(&room) {
            members.remove(&person);
            if members.is_empty() {
                self.members.remove(&room);
            }
        }
    }
}
