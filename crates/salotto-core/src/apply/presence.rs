//! What people change about themselves.

use std::sync::Arc;

use super::{Done, Turn};
use crate::event::{Audience, Event, OwnMode};
use crate::id::{PersonId, SessionId};
use crate::name::Nick;
use crate::state::Person;

impl Turn<'_> {
    pub(super) fn rename(&mut self, session: SessionId, nick: Nick) -> Done {
        let person = self.asker(session)?;
        let (id, before) = (person.id, person.card.clone());
        if before.nick.as_str() == nick.as_str() {
            return Ok(());
        }
        self.nick_is_free(&nick, Some(id), person.account)?;
        self.state.people_by_name.remove(before.nick.key());
        self.state.people_by_look.remove(&before.nick.skeleton());
        self.state.people_by_name.insert(nick.key().clone(), id);
        self.state.people_by_look.insert(nick.skeleton(), id);
        let card = self.state.recard(id, |card| card.nick = nick);
        let audience = self.neighbours(&self.state.people[&id]);
        self.tell(audience, Event::Renamed { person: id, before, card });
        Ok(())
    }

    pub(super) fn set_realname(&mut self, session: SessionId, realname: Arc<str>) -> Done {
        let id = self.asker(session)?.id;
        let card = self.state.recard(id, |card| card.realname = realname);
        let audience = self.neighbours(&self.state.people[&id]);
        self.tell(audience, Event::RealnameChanged { person: id, card });
        Ok(())
    }

    pub(super) fn set_away(&mut self, session: SessionId, message: Option<Arc<str>>) -> Done {
        let id = self.asker(session)?.id;
        let person = self.person_mut(id);
        person.away = message.clone();
        let card = person.card.clone();
        let audience = self.neighbours(&self.state.people[&id]);
        self.tell(audience, Event::AwayChanged { person: id, card, message });
        Ok(())
    }

    pub(super) fn set_bot(&mut self, session: SessionId, on: bool) -> Done {
        let id = self.asker(session)?.id;
        if self.state.people[&id].card.bot != on {
            self.state.recard(id, |card| card.bot = on);
            self.tell(Audience::Person(id), Event::OwnModeChanged { mode: OwnMode::Bot, on });
        }
        Ok(())
    }

    pub(super) fn set_invisible(&mut self, session: SessionId, on: bool) -> Done {
        let id = self.asker(session)?.id;
        if self.state.people[&id].invisible != on {
            self.person_mut(id).invisible = on;
            self.tell(Audience::Person(id), Event::OwnModeChanged { mode: OwnMode::Invisible, on });
        }
        Ok(())
    }

    pub(super) fn become_operator(&mut self, session: SessionId, on: bool) -> Done {
        let id = self.asker(session)?.id;
        self.person_mut(id).operator = on;
        self.tell(Audience::Person(id), Event::OwnModeChanged { mode: OwnMode::Operator, on });
        Ok(())
    }

    pub(super) fn person_mut(&mut self, id: PersonId) -> &mut Person {
        self.state.people.get_mut(&id).expect("sessions point to people who are present")
    }
}
