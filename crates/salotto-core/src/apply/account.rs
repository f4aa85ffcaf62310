//! Accounts and what they keep.

use std::sync::Arc;

use super::{Done, Turn};
use crate::event::{Audience, Event, Refusal};
use crate::id::{AccountId, SessionId, Timestamp};
use crate::name::Nick;
use crate::record::{AccountRecord, Record};
use crate::state::MARKERS_MAX;
use crate::view::View;

impl Turn<'_> {
    pub(super) fn register(&mut self, session: SessionId, name: Nick, verifier: Arc<str>) -> Done {
        let asker = self.state.person_of(session);
        if let Some(account) = asker.and_then(|person| person.card.account.clone()) {
            return Err(Refusal::AlreadyLoggedIn(account));
        }
        let look = name.skeleton();
        if self.state.accounts_by_look.contains_key(&look) {
            return Err(Refusal::AccountExists(name));
        }
        let asker = asker.map(|person| person.id);
        if self.state.people_by_look.get(&look).is_some_and(|&holder| Some(holder) != asker) {
            return Err(Refusal::AccountNameInUse(name));
        }
        let id = AccountId(self.seq.0);
        self.state.add_account(id, name.clone(), self.at);
        self.keep(Record::Account(AccountRecord { id, name: name.clone(), created: self.at, verifier }));
        self.tell(Audience::Session(session), Event::Registered { id, account: name });
        self.own(session, id);
        Ok(())
    }

    pub(super) fn log_in(&mut self, session: SessionId, account: AccountId) -> Done {
        if !self.state.accounts.contains_key(&account) {
            return Err(Refusal::NoAccount);
        }
        self.own(session, account);
        Ok(())
    }

    /// Ties the session's person, where there is one already, to an account.
    fn own(&mut self, session: SessionId, account: AccountId) {
        let name = self.state.accounts[&account].name.clone();
        let Some(id) = self.state.person_of(session).map(|person| person.id) else {
            self.tell(Audience::Session(session), Event::LoggedIn { account: name, card: None });
            return;
        };
        if self.state.people[&id].account != Some(account) {
            self.forget_devices_of_sessions(id);
        }
        self.person_mut(id).account = Some(account);
        let card = self.state.recard(id, |card| card.account = Some(name.clone()));
        let rooms: Vec<_> = self.state.people[&id].rooms.iter().copied().collect();
        for room in rooms {
            let known = self.state.accounts.get_mut(&account);
            if known.is_some_and(|account| account.rooms.insert(room)) {
                self.keep(Record::Membership { account, room, member: true });
            }
            let Some(place) = self.state.rooms.get_mut(&room) else { continue };
            let roles = place.members.roles(id).unwrap_or_default();
            if roles.any() {
                place.roles.insert(account, roles);
                self.keep_room(room);
            }
        }
        self.tell(Audience::Session(session), Event::LoggedIn { account: name, card: Some(card.clone()) });
        let audience = self.neighbours(&self.state.people[&id]);
        self.tell(audience, Event::AccountChanged { person: id, card });
    }

    pub(super) fn mark_read(&mut self, session: SessionId, target: &str, at: Timestamp) -> Done {
        let person = self.asker(session)?;
        let (id, account) = (person.id, person.account);
        let key = View::marker_key(target);
        let markers = match account.and_then(|account| self.state.accounts.get_mut(&account)) {
            Some(account) => &mut account.markers,
            None => &mut self.person_mut(id).markers,
        };
        if markers.len() >= MARKERS_MAX && !markers.contains_key(&key) {
            self.tell(Audience::Person(id), Event::ReadMarker { target: target.into(), at: None });
            return Ok(());
        }
        let known = markers.get(&key).copied().unwrap_or_default();
        let now = known.max(at);
        if now != known {
            markers.insert(key.clone(), now);
            if let Some(account) = account {
                self.keep(Record::ReadMarker { account, target: key, at: now });
            }
        }
        self.tell(Audience::Person(id), Event::ReadMarker { target: target.into(), at: Some(now) });
        Ok(())
    }
}
