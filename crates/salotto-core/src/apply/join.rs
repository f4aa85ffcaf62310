//! Entering rooms.

use super::{Done, Turn};
use crate::event::{Audience, Event, JoinBar, Refusal};
use crate::id::{PersonId, RoomId, SessionId};
use crate::mode::{Roles, RoomFlag};
use crate::name::RoomName;
use crate::record::Record;
use crate::state::{Maker, Member, Person, Room};
use crate::view::View;

/// In how many rooms one person may be.
pub const ROOMS_PER_PERSON_MAX: usize = 200;
/// How many rooms that nobody else is in one account, or the guests of one address, may have made since the server
/// started: with all rooms that a server may have it takes hundreds of them to fill it.
pub const ROOMS_MADE_MAX: usize = 1_000;
/// One command makes at most two to the power of this many rooms.
const ROOMS_PER_COMMAND_BITS: u32 = 8;
/// How many rooms a server may have.
const ROOMS_MAX: usize = 200_000;

impl Turn<'_> {
    pub(super) fn join(&mut self, session: SessionId, name: RoomName, key: Option<&str>) -> Done {
        let person = self.asker(session)?;
        let id = person.id;
        if person.rooms.len() >= ROOMS_PER_PERSON_MAX {
            return Err(Refusal::CannotJoin(name, JoinBar::TooManyRooms));
        }
        let room = match self.state.rooms_by_name.get(name.key()).copied() {
            Some(room) => room,
            None if self.state.rooms.len() >= ROOMS_MAX => {
                return Err(Refusal::CannotJoin(name, JoinBar::ServerFull));
            }
            None => self.make_room(id, name)?,
        };
        if self.state.rooms[&room].members.contains(id) {
            return Ok(());
        }
        if let Some(bar) = bar_for(&self.state.people[&id], &self.state.rooms[&room], key) {
            return Err(Refusal::CannotJoin(self.state.rooms[&room].name.clone(), bar));
        }
        self.enter(id, room);
        Ok(())
    }

    fn make_room(&mut self, person: PersonId, name: RoomName) -> Result<RoomId, Refusal> {
        let maker = self.maker(person);
        if let Some(made) = self.state.made.get(&maker) {
            let lonely =
                |room: &&RoomId| self.state.rooms[room].members.iter().all(|member| member.person == person);
            if made.iter().filter(lonely).nth(ROOMS_MADE_MAX - 1).is_some() {
                return Err(Refusal::CannotJoin(name, JoinBar::TooManyMade));
            }
        }
        let id = self.new_room_id();
        self.state.add_room(Room { maker: Some(maker), ..Room::new(id, name, self.at) });
        self.keep_room(id);
        Ok(id)
    }

    fn maker(&self, person: PersonId) -> Maker {
        let person = &self.state.people[&person];
        match person.account {
            Some(account) => Maker::Account(account),
            None => Maker::Guests(person.card.host.clone()),
        }
    }

    /// An id that no room ever had: signing in may make several rooms with one command.
    pub(super) fn new_room_id(&self) -> RoomId {
        let first = self.seq.0 << ROOMS_PER_COMMAND_BITS;
        let taken = self.state.rooms.range(RoomId(first)..).next_back();
        RoomId(taken.map_or(first, |(last, _)| last.0 + 1))
    }

    /// Puts a person into a room that they may enter, and tells everybody in it.
    pub(super) fn enter(&mut self, person: PersonId, room: RoomId) {
        let (Some(who), Some(place)) = (self.state.people.get_mut(&person), self.state.rooms.get_mut(&room))
        else {
            return;
        };
        let mut roles =
            who.account.and_then(|account| place.roles.get(&account).copied()).unwrap_or_default();
        let kept = roles;
        let first = place.members.is_empty() && place.ownerless();
        roles.operator |= first;
        place.members.insert(Member { person, roles, card: who.card.clone() });
        place.invited.remove(&person);
        who.rooms.insert(room);
        let joined = Event::Joined {
            room,
            name: place.name.clone(),
            person,
            card: who.card.clone(),
            roles: kept,
            away: who.away.clone(),
        };
        if let Some(account) = who.account {
            if first {
                place.roles.insert(account, Roles { operator: true, voice: false });
            }
            // An account that is brought back is in the room already: nothing has to be written for that.
            let known = self.state.accounts.get_mut(&account);
            if known.is_some_and(|account| account.rooms.insert(room)) {
                self.keep(Record::Membership { account, room, member: true });
            }
            if first {
                self.keep_room(room);
            }
        }
        self.tell(Audience::Room(room), joined);
        if let Some(&session) = self.state.people[&person].sessions.first() {
            self.show_room(Audience::Person(person), session, room);
        }
    }

    /// Topic and members, for somebody who has just come in.
    pub(super) fn show_room(&mut self, to: Audience, session: SessionId, room: RoomId) {
        let view = View::new(self.state, session);
        let (name, topic, marker) = match self.state.rooms.get(&room) {
            Some(room) => (room.name.clone(), room.topic.clone(), view.read_marker(room.name.as_str())),
            None => return,
        };
        let Some(roster) = view.roster(name.as_str()) else { return };
        self.tell(to.clone(), Event::Topic { name: name.clone(), topic, asked: false });
        self.tell(to.clone(), Event::ReadMarker { target: name.as_str().into(), at: marker });
        self.tell(to, Event::Names(roster));
    }
}

/// What keeps a person out of a room.
fn bar_for(person: &Person, room: &Room, key: Option<&str>) -> Option<JoinBar> {
    let keeps_a_role =
        person.account.and_then(|account| room.roles.get(&account)).is_some_and(|roles| roles.operator);
    if person.operator || keeps_a_role || room.invited.contains(&person.id) {
        return None;
    }
    if room.bans(&person.card) {
        return Some(JoinBar::Banned);
    }
    if room.has(RoomFlag::InviteOnly) {
        return Some(JoinBar::InviteOnly);
    }
    if room.key.as_deref().is_some_and(|wanted| Some(wanted) != key) {
        return Some(JoinBar::BadKey);
    }
    if room.limit.is_some_and(|limit| room.members.len() >= limit as usize) {
        return Some(JoinBar::Full);
    }
    None
}
