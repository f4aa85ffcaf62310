//! Looking after rooms: topic, modes, kicks, invitations.

use std::sync::Arc;

use super::{Done, Turn};
use crate::event::{Audience, Event, Refusal};
use crate::id::{PersonId, RoomId, SessionId};
use crate::mode::{ModeChange, RoomFlag, complete_mask};
use crate::name::RoomName;
use crate::record::{BanRecord, TopicRecord};
use crate::state::{BANS_MAX, Ban, INVITED_MAX, Room, State};

impl Turn<'_> {
    pub(super) fn set_topic(&mut self, session: SessionId, name: &RoomName, topic: Arc<str>) -> Done {
        let person = self.asker(session)?;
        let (id, card) = (person.id, person.card.clone());
        let room = self.room_for(session, name)?;
        if !room.members.contains(id) {
            return Err(Refusal::NotInRoom(room.name.clone()));
        }
        if room.has(RoomFlag::TopicLocked) && !self.may_moderate(id, room) {
            return Err(Refusal::NotRoomOperator(room.name.clone()));
        }
        let (room, name) = (room.id, room.name.clone());
        let record = (!topic.is_empty()).then(|| TopicRecord {
            text: topic.clone(),
            by: card.mask().into(),
            at: self.at,
        });
        self.room_mut(room).topic = record;
        self.keep_room(room);
        self.tell(Audience::Room(room), Event::TopicChanged { name, by: Some(card), topic });
        Ok(())
    }

    pub(super) fn establish(&mut self, name: RoomName, topic: Arc<str>) {
        let id = match self.state.rooms_by_name.get(name.key()) {
            Some(&id) => id,
            None => {
                let id = self.new_room_id();
                self.state.add_room(Room::new(id, name, self.at));
                id
            }
        };
        let at = self.at;
        let room = self.room_mut(id);
        if room.established {
            return;
        }
        room.established = true;
        if room.topic.is_none() && !topic.is_empty() {
            room.topic = Some(TopicRecord { text: topic, by: "salotto".into(), at });
        }
        self.keep_room(id);
    }

    pub(super) fn set_modes(
        &mut self,
        session: SessionId,
        name: &RoomName,
        changes: Vec<ModeChange>,
    ) -> Done {
        let person = self.asker(session)?;
        let (id, card) = (person.id, person.card.clone());
        let room = self.room_for(session, name)?;
        if !self.may_moderate(id, room) {
            return Err(Refusal::NotRoomOperator(room.name.clone()));
        }
        let (room, name) = (room.id, room.name.clone());
        let mut done = Vec::new();
        for change in changes {
            match self.set_mode(room, &card.mask(), change) {
                Ok(Some(change)) => done.push(change),
                Ok(None) => {}
                Err(refusal) => self.tell(Audience::Session(session), Event::Refused(refusal)),
            }
        }
        if !done.is_empty() {
            self.keep_room(room);
            self.tell(Audience::Room(room), Event::ModesChanged { name, by: Some(card), changes: done });
        }
        Ok(())
    }

    /// Makes one change; gives back what took effect, nothing where it was so already.
    fn set_mode(
        &mut self,
        room: RoomId,
        by: &str,
        change: ModeChange,
    ) -> Result<Option<ModeChange>, Refusal> {
        if let ModeChange::Role { role, nick, on } = &change {
            return self.set_role(room, *role, nick, *on);
        }
        let at = self.at;
        let State { rooms, people, .. } = &mut *self.state;
        let room = rooms.get_mut(&room).expect("the room was just found");
        let changed = match &change {
            ModeChange::Flag(flag, true) => room.flags.insert(*flag),
            ModeChange::Flag(flag, false) => room.flags.remove(flag),
            ModeChange::Key(key) => std::mem::replace(&mut room.key, key.clone()) != *key,
            ModeChange::Limit(limit) => std::mem::replace(&mut room.limit, *limit) != *limit,
            ModeChange::Ban { mask, on: true } => {
                let mask: Arc<str> = complete_mask(mask).into();
                if room.bans.iter().any(|ban| ban.record.mask == mask) {
                    return Ok(None);
                }
                if room.bans.len() >= BANS_MAX {
                    return Err(Refusal::BanListFull(room.name.clone(), mask));
                }
                let ban = Ban::new(BanRecord { mask: mask.clone(), by: by.into(), at });
                room.invited.retain(|id| people.get(id).is_some_and(|person| !ban.bars(&person.card)));
                room.bans.push(ban);
                return Ok(Some(ModeChange::Ban { mask, on: true }));
            }
            ModeChange::Ban { mask, on: false } => {
                let mask: Arc<str> = complete_mask(mask).into();
                let before = room.bans.len();
                room.bans.retain(|ban| ban.record.mask != mask);
                return Ok((room.bans.len() != before).then_some(ModeChange::Ban { mask, on: false }));
            }
            ModeChange::Role { .. } => false,
        };
        Ok(changed.then_some(change))
    }

    fn set_role(
        &mut self,
        room: RoomId,
        role: crate::mode::Role,
        nick: &Arc<str>,
        on: bool,
    ) -> Result<Option<ModeChange>, Refusal> {
        let person = self.state.person_named(nick).ok_or_else(|| Refusal::NoSuchNick(nick.clone()))?;
        let (id, account, written) = (person.id, person.account, person.card.nick.text());
        let place = self.room_mut(room);
        let name = place.name.clone();
        let Some(member) = place.members.get_mut(id) else {
            return Err(Refusal::TargetNotInRoom(nick.clone(), name));
        };
        if member.roles.has(role) == on {
            return Ok(None);
        }
        member.roles.set(role, on);
        let roles = member.roles;
        if let Some(account) = account {
            if roles.any() {
                place.roles.insert(account, roles);
            } else {
                place.roles.remove(&account);
            }
        }
        Ok(Some(ModeChange::Role { role, nick: written, on }))
    }

    pub(super) fn kick(
        &mut self,
        session: SessionId,
        name: &RoomName,
        nick: &Arc<str>,
        reason: Option<Arc<str>>,
    ) -> Done {
        let person = self.asker(session)?;
        let (asker, by) = (person.id, person.card.clone());
        let room = self.room_for(session, name)?;
        if !room.members.contains(asker) && !person.operator {
            return Err(Refusal::NotInRoom(room.name.clone()));
        }
        if !self.may_moderate(asker, room) {
            return Err(Refusal::NotRoomOperator(room.name.clone()));
        }
        let target = self.state.person_named(nick).ok_or_else(|| Refusal::NoSuchNick(nick.clone()))?;
        if !room.members.contains(target.id) {
            return Err(Refusal::TargetNotInRoom(nick.clone(), room.name.clone()));
        }
        let (room, name, person, account) = (room.id, room.name.clone(), target.id, target.account);
        let card = target.card.clone();
        self.tell(Audience::Room(room), Event::Kicked { room, name, person, card, by, reason });
        // Whoever is put out does not come back with the powers they had, and not past a ban by means of them.
        let lost_roles = account.is_some_and(|account| self.room_mut(room).roles.remove(&account).is_some());
        self.remove_member(person, room);
        if lost_roles {
            self.keep_room(room);
        }
        if let Some(account) = account {
            if let Some(account) = self.state.accounts.get_mut(&account) {
                account.rooms.remove(&room);
            }
            self.keep(crate::record::Record::Membership { account, room, member: false });
        }
        Ok(())
    }

    pub(super) fn invite(&mut self, session: SessionId, name: &RoomName, nick: &Arc<str>) -> Done {
        let person = self.asker(session)?;
        let (asker, by) = (person.id, person.card.clone());
        let room = self.room_for(session, name)?;
        if !room.members.contains(asker) {
            return Err(Refusal::NotInRoom(room.name.clone()));
        }
        let may_moderate = self.may_moderate(asker, room);
        if room.has(RoomFlag::InviteOnly) && !may_moderate {
            return Err(Refusal::NotRoomOperator(room.name.clone()));
        }
        let target = self.state.person_named(nick).ok_or_else(|| Refusal::NoSuchNick(nick.clone()))?;
        if room.members.contains(target.id) {
            return Err(Refusal::TargetInRoom(target.card.nick.clone(), room.name.clone()));
        }
        // An invitation opens the door in spite of a ban, so it takes somebody who could lift the ban.
        if room.bans(&target.card) && !may_moderate {
            return Err(Refusal::NotRoomOperator(room.name.clone()));
        }
        let (room, name, id, card) = (room.id, room.name.clone(), target.id, target.card.clone());
        let invited = &mut self.room_mut(room).invited;
        invited.insert(id);
        if invited.len() > INVITED_MAX {
            invited.pop_first();
        }
        let sent = Event::InviteSent { name: name.clone(), nick: card.nick.clone() };
        self.tell(Audience::Session(session), sent);
        self.tell(
            Audience::Person(id),
            Event::Invited { name: name.clone(), card: card.clone(), by: by.clone() },
        );
        let operators: Vec<PersonId> = self.state.rooms[&room]
            .members
            .iter()
            .filter(|member| member.roles.operator && member.person != asker)
            .map(|member| member.person)
            .collect();
        for operator in operators {
            let event = Event::Invited { name: name.clone(), card: card.clone(), by: by.clone() };
            self.tell(Audience::Person(operator), event);
        }
        Ok(())
    }

    fn room_mut(&mut self, room: RoomId) -> &mut Room {
        self.state.rooms.get_mut(&room).expect("the room was just found")
    }
}
