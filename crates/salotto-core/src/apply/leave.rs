//! Leaving rooms and the server.

use std::sync::Arc;

use super::{Done, Turn};
use crate::command::Leaving;
use crate::event::{Ending, Event, Refusal};
use crate::id::{NodeId, PersonId, RoomId, SessionId};
use crate::name::RoomName;
use crate::record::Record;

impl Turn<'_> {
    pub(super) fn part(&mut self, session: SessionId, name: &RoomName, reason: Option<Arc<str>>) -> Done {
        let person = self.asker(session)?;
        let (id, card, account) = (person.id, person.card.clone(), person.account);
        let room = self.room_for(session, name)?;
        if !room.members.contains(id) {
            return Err(Refusal::NotInRoom(room.name.clone()));
        }
        let (room, name) = (room.id, room.name.clone());
        self.tell(crate::event::Audience::Room(room), Event::Parted { room, name, person: id, card, reason });
        self.remove_member(id, room);
        if let Some(account) = account {
            if let Some(account) = self.state.accounts.get_mut(&account) {
                account.rooms.remove(&room);
            }
            self.keep(Record::Membership { account, room, member: false });
        }
        Ok(())
    }

    /// Takes a person out of a room, and the room's rules with its last owner.
    pub(super) fn remove_member(&mut self, person: PersonId, room: RoomId) {
        if let Some(person) = self.state.people.get_mut(&person) {
            person.rooms.remove(&room);
        }
        let Some(place) = self.state.rooms.get_mut(&room) else { return };
        place.members.remove(person);
        if !place.members.is_empty() || !place.ownerless() {
            return;
        }
        if place.restricted() {
            // Whoever comes next is not of those it was said to: they get a new room of the same name.
            self.state.remove_room(room);
            self.keep(Record::RoomRetired(room));
        } else {
            place.reset();
            self.keep_room(room);
        }
    }

    pub(super) fn close(&mut self, session: SessionId, why: Leaving) {
        let Some(person) = self.drop_session(session) else { return };
        let ended = Event::Ended { session, person, why: Ending::Left(why.clone()) };
        self.tell(crate::event::Audience::Session(session), ended);
        if self.state.people[&person].sessions.is_empty() {
            self.remove_person(person, why);
        }
    }

    pub(super) fn node_lost(&mut self, node: NodeId) {
        let lost: Vec<SessionId> = self
            .state
            .sessions
            .iter()
            .filter(|(_, session)| session.node == node)
            .map(|(&id, _)| id)
            .collect();
        for session in lost {
            self.close(session, Leaving::NodeLost);
        }
    }

    pub(super) fn kill(&mut self, session: SessionId, nick: &str, reason: Arc<str>) -> Done {
        let asker = self.asker(session)?;
        if !asker.operator {
            return Err(Refusal::NotOperator);
        }
        let by: Arc<str> = asker.card.nick.text();
        let target = self.state.person_named(nick).ok_or_else(|| Refusal::NoSuchNick(nick.into()))?;
        let sessions: Vec<SessionId> = target.sessions.iter().copied().collect();
        for session in sessions {
            self.close(session, Leaving::Killed { by: by.clone(), reason: reason.clone() });
        }
        Ok(())
    }

    /// Forgets a session; its person may be left without any.
    pub(super) fn drop_session(&mut self, session: SessionId) -> Option<PersonId> {
        let gone = self.state.sessions.remove(&session)?;
        // The token may have gone over to a newer session.
        if let Some(token) = gone.resumable
            && self.state.resumable.get(&*token) == Some(&session)
        {
            self.state.resumable.remove(&*token);
        }
        if let Some(person) = self.state.people.get_mut(&gone.person) {
            person.sessions.remove(&session);
        }
        Some(gone.person)
    }

    pub(super) fn remove_person(&mut self, person: PersonId, why: Leaving) {
        let Some(gone) = self.state.people.get(&person) else { return };
        let (audience, card) = (self.neighbours(gone), gone.card.clone());
        let rooms: Vec<RoomId> = gone.rooms.iter().copied().collect();
        let nick = card.nick.clone();
        self.tell(audience, Event::Quit { person, card, why });
        for room in rooms {
            self.remove_member(person, room);
        }
        self.state.people.remove(&person);
        self.state.people_by_name.remove(nick.key());
        self.state.people_by_look.remove(&nick.skeleton());
    }
}
